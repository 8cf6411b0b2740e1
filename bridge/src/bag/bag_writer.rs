//! Writes a bag: frames, the messages made of them, seals, one file after the other. Called by one thread; reads no clock.
//!
//! What is recorded is in memory until the next [`commit`](BagWriter::commit) or seal, which writes it in one go.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio::security::frame::{Layout, Writer};
use nuncio::{PublicKey, TopicName};

pub use super::bag_settings::{BagSettings, BagSummary, Compression};
use super::mcap_file::{McapFile, Stamp};
use super::metadata::{FileFacts, TopicFacts, metadata_text};
use super::number_tally::{NumberTally, count};
use super::proven_reader::StreamKey;
use super::record_hash::hex;
pub use super::recorded_frame::{RecordedFrame, Signer};
use super::seal::{FORMAT, KnownStream, Seal, SealEvent, SealedStream, StreamName};
use super::signer_text::SignerText;
pub use super::write_error::WriteError;
use crate::bridge_type::BridgeType;

/// How many bytes are gathered before they are compressed and written, at most, seals aside.
const CHUNK_LEN: usize = 1 << 20;

/// How much of the disk is set aside for the end of the bag, should the disk be full.
const RESERVE_LEN: usize = 1 << 20;

/// A bag that is being written.
#[derive(Debug)]
pub struct BagWriter {
    settings: BagSettings,
    id: [u8; 16],
    file: McapFile,
    /// What was written of earlier files that are still there, and of this one.
    files: Vec<FileFacts>,
    file_number: u64,
    first_file: u64,
    file_began_ns: i64,
    topics: BTreeMap<String, TopicFacts>,
    streams: HashMap<StreamKey, NumberTally>,
    previous: String,
    seal_number: u64,
    sealed_ns: i64,
    messages_since: u64,
    bytes_of_ended: u64,
    summary: BagSummary,
    cdr: Vec<u8>,
}

impl BagWriter {
    /// Makes the folder and the first file.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: the folder is there already, or cannot be made.
    pub fn create(settings: BagSettings, id: [u8; 16], now_ns: i64) -> Result<Self, WriteError> {
        let dir = &settings.dir;
        std::fs::create_dir(dir).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Exists { dir: dir.clone() },
            _ => WriteError::file(dir, error),
        })?;
        let reserve = reserve_path(dir);
        std::fs::write(&reserve, vec![0; RESERVE_LEN]).map_err(|error| WriteError::file(&reserve, error))?;
        let file = McapFile::new(&settings, 0)?;
        let mut writer = Self {
            files: vec![FileFacts {
                name: file.name(),
                ..FileFacts::default()
            }],
            settings,
            id,
            file,
            file_number: 0,
            first_file: 0,
            file_began_ns: now_ns,
            topics: BTreeMap::new(),
            streams: HashMap::new(),
            previous: String::new(),
            seal_number: 0,
            sealed_ns: i64::MIN,
            messages_since: 0,
            bytes_of_ended: 0,
            summary: BagSummary::default(),
            cdr: Vec::new(),
        };
        writer.seal(SealEvent::Open, now_ns)?;
        Ok(writer)
    }

    /// Records a frame, and in CDR what of it was not recorded before. Gives how many messages were.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when there are too many channels, or the file cannot be written.
    pub fn record(&mut self, frame: &RecordedFrame, ty: Option<&Arc<BridgeType>>) -> Result<u64, WriteError> {
        let Ok(layout) = Layout::parse(&frame.bytes) else {
            return Err(WriteError::NotAFrame);
        };
        let header = &layout.header;
        let key = (frame.topic.clone(), header.key, header.writer, header.epoch);
        let new = || NumberTally::new(header.first_number.saturating_sub(1));
        let tally = self.streams.entry(key.clone()).or_insert_with(new);
        let is_new: Vec<bool> = (header.first_number..=layout.last_number())
            .map(|number| !tally.has(number))
            .collect();
        if !is_new.contains(&true) {
            return Ok(0);
        }
        let channels = self.file.channels_of(&self.settings.signer.domain, frame, ty)?;
        if self.file.is_first_of(&key) {
            let text = SignerText::of(&frame.signer, &key).json();
            let log_time = stamp(frame.received_ns);
            self.file.write_signer(Stamp::new(log_time, log_time, 0), &text)?;
        }
        let log_time = stamp(frame.received_ns);
        let sequence = |number: u64| (number & u64::from(u32::MAX)) as u32;
        let at = Stamp::new(log_time, stamp(header.first_time_ns), sequence(header.first_number));
        self.file.write(channels.frame, at, &frame.bytes)?;
        let mut recorded = 0;
        for (span, _) in layout.messages(&frame.bytes).zip(is_new).filter(|(_, is_new)| *is_new) {
            tally.record(span.number);
            recorded += 1;
            let (Some(cdr), Some(ty)) = (channels.cdr, ty) else {
                continue;
            };
            self.cdr.clear();
            let payload = frame.bytes.get(span.payload).unwrap_or_default();
            if ty.codec().payload_to_cdr(payload, &mut self.cdr).is_err() {
                self.summary.undecodable += 1;
                continue;
            }
            let at = Stamp::new(log_time, stamp(span.time_ns), sequence(span.number));
            self.file.write(cdr, at, &self.cdr)?;
            self.messages_since += 1;
            self.files.last_mut().into_iter().for_each(|file| file.note(log_time));
            let topic = self.topics.entry(frame.topic.as_str().to_owned());
            topic.or_insert_with(|| frame.topic_facts()).messages += 1;
        }
        self.summary.messages += recorded;
        self.summary.frames += 1;
        match self.file.gathered() >= CHUNK_LEN {
            true => self.commit().map(|()| recorded),
            false => Ok(recorded),
        }
    }

    /// Leaves a frame out on purpose: its numbers are told as skipped, not as lost.
    pub fn skip(&mut self, frame: &RecordedFrame) {
        if let Ok(layout) = Layout::parse(&frame.bytes) {
            let header = &layout.header;
            let key = (frame.topic.clone(), header.key, header.writer, header.epoch);
            let new = || NumberTally::new(header.first_number.saturating_sub(1));
            let tally = self.streams.entry(key).or_insert_with(new);
            tally.skip((header.first_number, layout.last_number()));
        }
    }

    /// Says that these numbers of a stream were left out on purpose, if anything of it was recorded.
    pub fn skip_numbers(&mut self, topic: &TopicName, stream: (PublicKey, Writer, u64), range: (u64, u64)) {
        let key = (topic.clone(), stream.0, stream.1, stream.2);
        if let Some(tally) = self.streams.get_mut(&key) {
            tally.skip(range);
        }
    }

    /// Says that the numbers of a stream up to this one will never come.
    pub fn lose_until(&mut self, topic: &TopicName, stream: (PublicKey, Writer, u64), last: u64) {
        let key = (topic.clone(), stream.0, stream.1, stream.2);
        if let Some(tally) = self.streams.get_mut(&key) {
            tally.lose_until(last);
        }
    }

    /// Writes what is in memory.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; [`WriteError::Full`] when the disk is full: the bag can still be closed.
    pub fn commit(&mut self) -> Result<(), WriteError> {
        self.file.commit()
    }

    /// Seals what was recorded since the seal before, and writes it.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn seal(&mut self, event: SealEvent, now_ns: i64) -> Result<(), WriteError> {
        let time_ns = now_ns.max(self.sealed_ns.saturating_add(1));
        let (records, count) = self.file.take_hash();
        let seal = Seal {
            format: FORMAT,
            bag: hex(&self.id),
            number: self.seal_number,
            file: self.file_number,
            first_file: self.first_file,
            event,
            time_ns,
            previous: std::mem::take(&mut self.previous),
            records: hex(&records),
            count,
            messages: std::mem::take(&mut self.messages_since),
            streams: self.seal_streams(),
            known: if event == SealEvent::Open {
                self.known_streams()
            } else {
                Vec::new()
            },
            refused: self.summary.refused,
            recorder: self.settings.signer.node.as_str().to_owned(),
            extract_of: if event == SealEvent::Open {
                self.settings.extract_of.clone()
            } else {
                Vec::new()
            },
        };
        let frame = self.settings.signer.sign(&self.id, &seal);
        self.file
            .write_seal(Stamp::new(stamp(time_ns), stamp(time_ns), seal.number as u32), &frame)?;
        self.previous = blake3::hash(&frame).to_hex().to_string();
        (self.seal_number, self.sealed_ns) = (seal.number + 1, time_ns);
        self.commit()?;
        self.write_metadata();
        Ok(())
    }

    /// Whether something was recorded since the last seal.
    pub fn has_news(&self) -> bool {
        self.file.unsealed() > 0
    }

    /// When the last seal was signed.
    pub fn sealed_ns(&self) -> i64 {
        self.sealed_ns
    }

    /// Ends this file and begins the next when it has become as long as it may, or lasts as long as it may.
    ///
    /// # Errors
    ///
    /// As [`split`](Self::split).
    pub fn split_when_due(&mut self, now_ns: i64) -> Result<bool, WriteError> {
        let is_long = self.settings.max_bytes.is_some_and(|max| self.file.len() >= max);
        let lasted = u128::try_from(now_ns.saturating_sub(self.file_began_ns)).unwrap_or_default();
        let is_old = self.settings.max_duration.is_some_and(|max| lasted >= max.as_nanos());
        let has_any = self.files.last().is_some_and(|file| file.messages > 0);
        match (is_long || is_old) && has_any {
            true => self.split(now_ns).map(|()| true),
            false => Ok(false),
        }
    }

    /// Ends this file and begins the next. Files beyond the most that are kept are deleted, oldest first.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the disk is full or does not obey.
    pub fn split(&mut self, now_ns: i64) -> Result<(), WriteError> {
        self.seal(SealEvent::Split, now_ns)?;
        self.bytes_of_ended += self.file.finish()?;
        self.file_number += 1;
        self.file = McapFile::new(&self.settings, self.file_number)?;
        self.file_began_ns = now_ns;
        self.files.push(FileFacts {
            name: self.file.name(),
            ..FileFacts::default()
        });
        let kept = self.settings.max_files.map_or(u64::MAX, |max| max.get());
        let gone = (self.files.len() as u64).saturating_sub(kept);
        let gone: Vec<FileFacts> = self.files.drain(..usize::try_from(gone).unwrap_or(0)).collect();
        self.first_file += gone.len() as u64;
        // It is said first, and signed, so that nobody else can have done it.
        self.seal(SealEvent::Open, now_ns)?;
        for file in gone {
            let path = self.settings.dir.join(&file.name);
            let len = std::fs::metadata(&path).map_or(0, |facts| facts.len());
            std::fs::remove_file(&path).map_err(|error| WriteError::file(&path, error))?;
            self.bytes_of_ended = self.bytes_of_ended.saturating_sub(len);
        }
        Ok(())
    }

    /// How many bytes the bag has on the disk.
    pub fn bytes(&self) -> u64 {
        self.bytes_of_ended + self.file.len()
    }

    /// Counts frames that were refused and so are not recorded.
    pub fn set_refused(&mut self, refused: u64) {
        self.summary.refused = refused;
    }

    /// What there is so far.
    pub fn summary(&self) -> BagSummary {
        BagSummary {
            bytes: self.bytes(),
            files: self.files.len() as u64,
            seals: self.seal_number,
            ..self.summary.clone()
        }
    }

    /// Seals the end and writes the summary, by which readers find what they look for. What is set aside on the disk is used
    /// for that when there is no other room.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; the file then holds what was committed before.
    pub fn close(mut self, now_ns: i64) -> Result<BagSummary, WriteError> {
        // It is there for this moment.
        let _ = std::fs::remove_file(reserve_path(&self.settings.dir));
        self.seal(SealEvent::Close, now_ns)?;
        let end = self.file.finish();
        self.write_metadata();
        let summary = self.summary();
        end.map(|_| summary)
    }

    fn seal_streams(&mut self) -> Vec<SealedStream> {
        let mut streams: Vec<SealedStream> = Vec::new();
        for (key, tally) in self.streams.iter_mut().filter(|(_, tally)| tally.has_news()) {
            let numbers = tally.seal();
            self.summary.lost += count(&numbers.lost);
            self.summary.lost = self
                .summary
                .lost
                .saturating_sub(late_of_before(&numbers.late, numbers.after));
            streams.push(SealedStream {
                stream: StreamName::of(key),
                after: numbers.after,
                last: numbers.last,
                messages: numbers.messages,
                lost: numbers.lost,
                skipped: numbers.skipped,
                late: numbers.late,
            });
        }
        streams.sort_by(|one, other| one.stream.cmp(&other.stream));
        streams
    }

    fn known_streams(&self) -> Vec<KnownStream> {
        let known = self.streams.iter().map(|(key, tally)| KnownStream {
            stream: StreamName::of(key),
            last: tally.top(),
        });
        let mut known: Vec<KnownStream> = known.collect();
        known.sort_by(|one, other| one.stream.cmp(&other.stream));
        known
    }

    /// Readers of MCAP files can do without it, so a failure is no reason to end.
    fn write_metadata(&self) {
        let path = self.settings.dir.join("metadata.yaml");
        let new = self.settings.dir.join(".metadata.new");
        let text = metadata_text(&self.files, &self.topics);
        if let Err(error) = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path)) {
            tracing::debug!("metadata.yaml is not up to date: {error}");
        }
    }
}

/// How many of the numbers were told to be lost by an earlier seal.
fn late_of_before(late: &[(u64, u64)], after: u64) -> u64 {
    let before = late.iter().filter(|(first, _)| *first <= after);
    before.map(|(first, last)| (*last).min(after) - first + 1).sum()
}

/// Times before 1970 are cut: MCAP has none.
fn stamp(ns: i64) -> u64 {
    u64::try_from(ns).unwrap_or(0)
}

fn reserve_path(dir: &Path) -> PathBuf {
    dir.join(".reserve")
}
