//! The journal: the messages of one durable publisher on the disk, until all of its readers have acknowledged them.
//!
//! ```text
//! <keystore>/state/journals/<domain>-<writer>/
//!   lock                    held by the process that has the publisher
//!   0000000000000001.log    segments, the oldest first; see `segment` for their layout
//! ```
//!
//! Records are the very frames that were signed, so that they can be sent again after a restart, when their epoch is over.
//! Their numbers go on from start to start, without a gap: a number stands for one message, whatever the epoch.
//!
//! # The order of writes, for when the power fails
//!
//! 1. A new segment is written beside its place, synced, renamed, and the folder is synced: it is there with its header or
//!    not at all. The one before it is closed by then.
//! 2. Frames are appended to the last segment and it is synced, before the link gets them and before anybody is told that
//!    they are published. So what was not synced was never sent, and its numbers can be given again.
//! 3. Segments are removed when every message in them is acknowledged, the oldest first, and never the last one, which says
//!    where the numbers go on.
//!
//! # Invariants
//!
//! - What was synced is read again or is an error with a file and an offset; it is never skipped. See `segment` for what is cut.
//! - After a write or a sync has failed, nothing more is written: what is on the disk then is known by reading it again only.
//! - One process at a time has a journal.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::file_lock::FileLock;
use crate::link::Bytes;
use crate::private_file::{self, Others};

mod error;
mod files;
mod segment;

pub use error::JournalError;
use error::failed;
use files::{create, read_segments, remove, take_lock};
pub(crate) use segment::Place;
use segment::{RecordPlace, SegmentHeader};

/// The size at which a segment is closed, unless the journal is smaller.
const SEGMENT_LEN: u64 = 4 << 20;
/// The most bytes of frames that are read at once for whoever asks for them.
const READ_BYTES_MAX: usize = 8 << 20;

/// A journal that is open.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    place: Place,
    segment_len: u64,
    segments: VecDeque<Segment>,
    /// The last one, to be appended to.
    file: File,
    next_number: u64,
    since_epoch: u64,
    /// Everything up to this number is acknowledged.
    acknowledged: u64,
    /// The bytes of the frames of all others.
    waiting_bytes: u64,
    /// A write has failed.
    is_broken: bool,
    _lock: FileLock,
}

#[derive(Debug)]
struct Segment {
    header: SegmentHeader,
    path: PathBuf,
    records: VecDeque<RecordPlace>,
    len: usize,
}

impl Journal {
    /// Opens the journal in a folder, or makes one.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when another process has it, it is damaged, it holds messages of another publisher, or the disk
    /// refuses.
    pub(crate) fn open(dir: &Path, place: Place, bytes_max: u64, epoch: u64) -> Result<Self, JournalError> {
        private_file::create_dir(dir, Others::Read).map_err(JournalError::File)?;
        let lock = take_lock(dir)?;
        let mut segments = read_segments(dir)?;
        let matches = segments.front().is_none_or(|first| first.header.place == place);
        if !matches {
            let held = segments.iter().find(|segment| !segment.records.is_empty());
            if let Some(held) = held {
                return Err(JournalError::OtherPublisher {
                    dir: dir.to_owned(),
                    found: held.header.place.to_string(),
                    due: place.to_string(),
                });
            }
            // Nobody waits for anything in it: it begins anew.
            segments.drain(..).try_for_each(|segment| remove(dir, &segment.path))?;
        }
        let segment_len = SEGMENT_LEN.min(bytes_max / 4).max(1);
        let file = match segments.back() {
            Some(last) => File::options()
                .read(true)
                .write(true)
                .open(&last.path)
                .map_err(failed("opening", &last.path))?,
            None => {
                let (segment, file) = create(dir, &place, (1, 1, epoch))?;
                segments.push_back(segment);
                file
            }
        };
        let records = || segments.iter().flat_map(|segment| &segment.records);
        let header = segments.back().map(|segment| &segment.header);
        let (next_number, since_epoch) = header.map_or((1, epoch), |header| (header.next_number, header.since_epoch));
        let first = records().next().map(|record| record.first);
        let next_number = records()
            .last()
            .map_or(next_number, |record| record.last.saturating_add(1));
        let mut journal = Self {
            waiting_bytes: 0,
            acknowledged: first.unwrap_or(next_number) - 1,
            next_number,
            since_epoch,
            dir: dir.to_owned(),
            place,
            segment_len,
            file,
            segments,
            is_broken: false,
            _lock: lock,
        };
        journal.cut()?;
        journal.count_waiting();
        Ok(journal)
    }

    /// Cuts off what a power failure has left of the last batch.
    fn cut(&mut self) -> Result<(), JournalError> {
        let Some(last) = self.segments.back_mut() else {
            return Ok(());
        };
        let mut zeros = Vec::new();
        segment::end_batch(&mut zeros, last.len);
        let end = last.len + zeros.len();
        let lens = [last.len as u64, end as u64];
        let cut = lens.into_iter().try_for_each(|len| self.file.set_len(len));
        cut.map_err(failed("cutting", &last.path))?;
        last.len = end;
        // What is read may not have been synced before the process was killed; from now on it counts.
        self.file.sync_all().map_err(failed("syncing", &last.path))
    }

    /// Appends frames and syncs them, at once.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when the disk refuses. Nothing more is written then, until the journal is opened again.
    pub(crate) fn append(&mut self, frames: &[Bytes]) -> Result<(), JournalError> {
        if self.is_broken {
            return Err(JournalError::Broken { dir: self.dir.clone() });
        }
        self.is_broken = true;
        let is_full = self
            .segments
            .back()
            .is_some_and(|last| last.len as u64 >= self.segment_len && !last.records.is_empty());
        if is_full {
            self.begin_segment()?;
        }
        let Some(last) = self.segments.back_mut() else {
            return Err(JournalError::Broken { dir: self.dir.clone() });
        };
        let (mut bytes, mut records) = (Vec::new(), Vec::new());
        for frame in frames {
            let raw = frame.as_slice();
            let offset = last.len + bytes.len();
            let at = last.header.push_record(&mut bytes, offset, last.len, raw);
            let place = segment::place_of(raw, last.len, offset, at);
            records.push(place.ok_or_else(|| JournalError::Broken { dir: self.dir.clone() })?);
        }
        segment::end_batch(&mut bytes, last.len);
        self.file
            .write_all_at(&bytes, last.len as u64)
            .map_err(failed("writing", &last.path))?;
        self.file.sync_data().map_err(failed("syncing", &last.path))?;
        last.len += bytes.len();
        self.next_number = records
            .last()
            .map_or(self.next_number, |record| record.last.saturating_add(1));
        self.waiting_bytes += frames.iter().map(|frame| frame.as_slice().len() as u64).sum::<u64>();
        last.records.extend(records);
        self.is_broken = false;
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<(), JournalError> {
        let serial = self.segments.back().map_or(0, |last| last.header.serial) + 1;
        let (segment, file) = create(&self.dir, &self.place, (serial, self.next_number, self.since_epoch))?;
        self.segments.push_back(segment);
        self.file = file;
        self.forget_acknowledged()
    }

    /// All readers have acknowledged everything up to this number.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when a file cannot be removed; it is tried again the next time.
    pub(crate) fn acknowledge(&mut self, through: u64) -> Result<(), JournalError> {
        self.acknowledged = self.acknowledged.max(through.min(self.next_number - 1));
        self.count_waiting();
        self.forget_acknowledged()
    }

    /// Leaves nothing behind that everybody has acknowledged, before the journal is closed.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when the disk refuses. What is left is removed the next time.
    pub(crate) fn tidy(&mut self) -> Result<(), JournalError> {
        let holds_something = self.segments.back().is_some_and(|last| !last.records.is_empty());
        match !self.is_broken && holds_something && self.acknowledged + 1 == self.next_number {
            true => self.begin_segment(),
            false => Ok(()),
        }
    }

    fn forget_acknowledged(&mut self) -> Result<(), JournalError> {
        let is_done = |segment: &Segment| segment.records.back().is_none_or(|last| last.last <= self.acknowledged);
        while self.segments.len() > 1
            && let Some(first) = self.segments.front()
            && is_done(first)
        {
            remove(&self.dir, &first.path)?;
            self.segments.pop_front();
        }
        Ok(())
    }

    /// The frames with at least one of the numbers `first ..= last`, oldest first, as many as fit into an answer.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when one cannot be read as it was written.
    pub(crate) fn read(&self, first: u64, last: u64) -> Result<Vec<Bytes>, JournalError> {
        let (mut frames, mut len) = (Vec::new(), 0);
        for segment in &self.segments {
            let skipped = segment.records.partition_point(|record| record.last < first);
            let mut wanted = segment
                .records
                .range(skipped..)
                .take_while(|record| record.first <= last)
                .peekable();
            if wanted.peek().is_none() {
                continue;
            }
            let file = File::open(&segment.path).map_err(failed("opening", &segment.path))?;
            for record in wanted {
                let mut bytes = vec![0; record.frame.len()];
                file.read_exact_at(&mut bytes, record.frame.start as u64)
                    .map_err(failed("reading", &segment.path))?;
                len += bytes.len();
                frames.push(bytes.into());
                if len >= READ_BYTES_MAX {
                    return Ok(frames);
                }
            }
        }
        Ok(frames)
    }

    /// The number of the next message.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Everything up to this number is acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The lowest number that it holds, or the next one.
    pub(crate) fn first_number(&self) -> u64 {
        let first = self.segments.iter().find_map(|segment| segment.records.front());
        first.map_or(self.next_number, |record| record.first)
    }

    /// The epoch in which the journal began: no frame in it is older.
    pub(crate) fn since_epoch(&self) -> u64 {
        self.since_epoch
    }

    /// How many bytes of frames wait for acknowledgement.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    fn count_waiting(&mut self) {
        let records = self
            .segments
            .iter()
            .rev()
            .flat_map(|segment| segment.records.iter().rev());
        let waiting = records.take_while(|record| record.last > self.acknowledged);
        self.waiting_bytes = waiting.map(|record| record.frame.len() as u64).sum();
    }
}

#[cfg(test)]
mod tests;
