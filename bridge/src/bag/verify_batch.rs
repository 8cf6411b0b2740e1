//! Batches: the records of a bag in pieces that can be checked each for itself, in any order, on all cores.
//!
//! A batch ends before a frame, so that a frame and the messages made of it are in one. What seals cover is hashed here, in the
//! order of the file.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::bag_reader::{BagReader, BagRecord, Channel, ReadError, Role};
use super::record_hash::{Hash, RecordHasher};

/// How many bytes a batch has, about.
const BATCH_LEN: usize = 256 << 10;
/// How many bytes it has at most, plus one record: a bag without frames has no place to cut at.
const BATCH_LEN_MAX: usize = 16 << 20;

/// Some records, in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) channels: Vec<Arc<Channel>>,
    /// For each channel of frames, the one of their messages.
    pub(super) of_messages: Vec<Option<Arc<Channel>>>,
    pub(super) items: Vec<Item>,
}

/// One record of a batch.
#[derive(Debug)]
pub(super) enum Item {
    /// A message.
    Record(Record),
    /// A seal, and the hash and the number of what is between it and the one before in its file.
    Seal { record: Record, records: Hash, count: u64 },
    /// The file ends here, with so many messages behind its last seal.
    FileEnd { file: usize, unsealed: u64 },
    /// The rest of the file cannot be read.
    Damage { file: usize, error: ReadError },
}

/// A message of a batch.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) file: usize,
    /// Which of the batch's channels.
    pub(super) channel: usize,
    pub(super) log_time: u64,
    pub(super) publish_time: u64,
    pub(super) sequence: u32,
    pub(super) data: Range<usize>,
}

impl Batch {
    /// The bytes of a record.
    pub(super) fn data(&self, record: &Record) -> &[u8] {
        self.bytes.get(record.data.clone()).unwrap_or_default()
    }

    fn push(&mut self, record: &BagRecord<'_>, known: &mut HashMap<usize, usize>) -> Record {
        let channel = *known.entry(Arc::as_ptr(record.channel).addr()).or_insert_with(|| {
            self.channels.push(Arc::clone(record.channel));
            let of_messages = record
                .channel_of_messages()
                .filter(|_| record.channel.role == Role::Frame);
            self.of_messages.push(of_messages.cloned());
            self.channels.len() - 1
        });
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record.data);
        Record {
            file: record.file,
            channel,
            log_time: record.log_time,
            publish_time: record.publish_time,
            sequence: record.sequence,
            data: start..self.bytes.len(),
        }
    }
}

/// Cuts a bag into batches.
#[derive(Debug)]
pub(super) struct Batcher {
    reader: BagReader,
    hasher: RecordHasher,
    file: usize,
    batch: Batch,
    channels: HashMap<usize, usize>,
    is_done: bool,
}

impl Batcher {
    pub(super) fn new(reader: BagReader) -> Self {
        Self {
            reader,
            hasher: RecordHasher::default(),
            file: 0,
            batch: Batch::default(),
            channels: HashMap::new(),
            is_done: false,
        }
    }

    /// How many bytes were read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.reader.bytes_read()
    }

    /// The next batch; `None` when all is read.
    pub(super) fn next(&mut self) -> Option<Batch> {
        while !self.is_done {
            let file = self.file;
            let next = match self.reader.next_record() {
                Ok(next) => next,
                Err(error) => {
                    // A file that does not even begin is the one after those that were read.
                    self.batch.items.push(Item::Damage { file, error });
                    self.reader.skip_file();
                    continue;
                }
            };
            let Some(record) = next else {
                self.is_done = true;
                self.end_file();
                break;
            };
            if record.file != self.file {
                let (file, unsealed) = (self.file, self.hasher.take().1);
                self.batch.items.push(Item::FileEnd { file, unsealed });
                self.file = record.file;
            }
            let role = record.channel.role;
            let len = self.batch.bytes.len();
            let is_full = (role == Role::Frame && len >= BATCH_LEN) || len >= BATCH_LEN_MAX;
            let full = is_full.then(|| {
                self.channels.clear();
                std::mem::take(&mut self.batch)
            });
            let taken = self.batch.push(&record, &mut self.channels);
            if role == Role::Seal {
                let (records, count) = self.hasher.take();
                self.batch.items.push(Item::Seal {
                    record: taken,
                    records,
                    count,
                });
            } else {
                self.hasher.add(&record.channel.hash, &record.header(), record.data);
                self.batch.items.push(Item::Record(taken));
            }
            if full.is_some() {
                return full;
            }
        }
        let last = std::mem::take(&mut self.batch);
        (!last.items.is_empty()).then_some(last)
    }

    fn end_file(&mut self) {
        let (file, unsealed) = (self.file, self.hasher.take().1);
        self.batch.items.push(Item::FileEnd { file, unsealed });
    }
}
