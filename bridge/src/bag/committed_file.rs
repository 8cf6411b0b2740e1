//! A file that is a whole MCAP file after each write, whatever happens in between.
//!
//! At the end of the data stands a *tail* of 50 bytes: the records `DataEnd` and `Footer` without a summary, and the magic. What
//! comes next takes the place of the tail and brings its own. It is written in two steps:
//!
//! 1. everything but its first 50 bytes, behind the old tail, which still ends the file for whoever reads from the start;
//! 2. its first 50 bytes, in the old tail's place: from now on it is part of the file.
//!
//! A process that is killed in step 1 leaves bytes behind the old tail, which readers do not look at; step 2 is one small write
//! that the system does not break off. So the file is as it was, or as it shall be. When the disk is waited for (`Sync::Wait`)
//! it is so between the steps and after them, which gives the same for a power cut; otherwise the system may bring the steps to the disk in
//! any order, and after a power cut the last second may be torn.
//!
//! A write that fails, for instance because the disk is full, leaves the file as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// `DataEnd` without a checksum, `Footer` without a summary, magic.
pub const TAIL: [u8; 50] = *b"\x0f\x04\0\0\0\0\0\0\0\0\0\0\0\
    \x02\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \x89MCAP0\r\n";

/// Whether a write waits until the disk has it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sync {
    /// No: a power cut may tear the last seconds.
    #[default]
    Leave,
    /// Yes, twice for each write.
    Wait,
}

/// A file of which only whole writes count.
#[derive(Debug)]
pub struct CommittedFile {
    file: File,
    path: PathBuf,
    /// How many bytes of data there are, the tail not counted.
    len: u64,
    sync: Sync,
}

impl CommittedFile {
    /// Makes a file that holds `bytes`, which begin an MCAP file. It has its name only when it is whole.
    ///
    /// # Errors
    ///
    /// [`io::Error`], also when there is such a file.
    pub fn create(path: &Path, bytes: &[u8], sync: Sync) -> io::Result<Self> {
        let new = path.with_extension("mcap.new");
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
        let written = file
            .write_all_at(&[bytes, &TAIL].concat(), 0)
            .and_then(|()| match sync {
                Sync::Leave => Ok(()),
                Sync::Wait => file.sync_all(),
            });
        // A link, because it does not take the place of another file as a rename would.
        let named = written.and_then(|()| std::fs::hard_link(&new, path));
        // It is of no more use, under this name.
        let _ = std::fs::remove_file(&new);
        named?;
        Ok(Self {
            file,
            path: path.to_owned(),
            len: bytes.len() as u64,
            sync,
        })
    }

    /// How many bytes of data there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends whole records.
    ///
    /// # Errors
    ///
    /// [`io::Error`]; the file is then as it was.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.put(&[bytes, &TAIL].concat())?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Appends the last records, which end as the tail would: with a footer and the magic. Nothing can follow.
    ///
    /// # Errors
    ///
    /// [`io::Error`]; the file is then as it was.
    pub fn finish(mut self, bytes: &[u8]) -> io::Result<u64> {
        self.put(bytes)?;
        self.file.sync_data()?;
        Ok(self.len + bytes.len() as u64)
    }

    /// `bytes` are at least as long as the tail, because they end with one.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let at = bytes.len().min(TAIL.len());
        let (head, rest) = bytes.split_at(at);
        let put = || {
            self.file.write_all_at(rest, self.len + at as u64)?;
            self.settle()?;
            self.file.write_all_at(head, self.len)?;
            self.settle()
        };
        let Err(error) = put() else { return Ok(()) };
        // The bytes that were there are there again. Where that fails, too, readers still stop at the old tail.
        let _ = self.file.write_all_at(&TAIL, self.len);
        let _ = self.file.set_len(self.len + TAIL.len() as u64);
        Err(io::Error::new(
            error.kind(),
            format!("{}: {error}", self.path.display()),
        ))
    }

    fn settle(&self) -> io::Result<()> {
        match self.sync {
            Sync::Leave => Ok(()),
            Sync::Wait => self.file.sync_data(),
        }
    }
}

/// Where an `mcap::Writer` writes to: what is there in memory until somebody takes it. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending(Arc<Mutex<PendingBytes>>);

#[derive(Debug, Default)]
struct PendingBytes {
    /// How many bytes were taken before.
    taken: u64,
    bytes: Vec<u8>,
    /// Where the next byte goes, in `bytes`.
    at: usize,
}

impl Pending {
    /// Gives what is pending to `store`, and forgets it when that went well.
    pub(crate) fn hand_over<T>(&self, store: impl FnOnce(&[u8]) -> io::Result<T>) -> io::Result<T> {
        let mut pending = self.lock();
        let stored = store(&pending.bytes)?;
        pending.taken += pending.bytes.len() as u64;
        pending.bytes.clear();
        pending.at = 0;
        Ok(stored)
    }

    fn lock(&self) -> MutexGuard<'_, PendingBytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Pending {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut pending = self.lock();
        let at = pending.at;
        let over = pending.bytes.len().saturating_sub(at).min(buf.len());
        let (inside, beyond) = buf.split_at(over);
        if let Some(place) = pending.bytes.get_mut(at..at + over) {
            place.copy_from_slice(inside);
        }
        pending.bytes.extend_from_slice(beyond);
        pending.at = at + buf.len();
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Pending {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut pending = self.lock();
        let (taken, len) = (pending.taken, pending.bytes.len() as u64);
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => (taken + len).checked_add_signed(by),
            SeekFrom::Current(by) => (taken + pending.at as u64).checked_add_signed(by),
        };
        // What was taken is written; nobody goes back there.
        let at = target
            .and_then(|target| target.checked_sub(taken))
            .filter(|at| *at <= len);
        let at = at.and_then(|at| usize::try_from(at).ok());
        pending.at = at.ok_or_else(|| io::Error::other("a place outside of what is pending"))?;
        Ok(taken + pending.at as u64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn the_file_ends_with_the_tail_after_each_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.mcap");
        let mut file = CommittedFile::create(&path, b"begin", Sync::Wait).unwrap();
        let read = || std::fs::read(&path).unwrap();
        assert_eq!(read(), [b"begin".as_slice(), &TAIL].concat());
        file.append(b"x").unwrap();
        file.append(&[7; 200]).unwrap();
        assert_eq!(read(), [b"beginx".as_slice(), &[7; 200], &TAIL].concat());
        file.finish(&[TAIL.as_slice(), b"end"].concat()).unwrap();
        assert_eq!(read(), [b"beginx".as_slice(), &[7; 200], &TAIL, b"end"].concat());
        assert!(
            CommittedFile::create(&path, b"", Sync::Leave).is_err(),
            "it is not overwritten"
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_tail_is_what_mcap_takes_for_the_end() {
        let mut begin = mcap::MAGIC.to_vec();
        begin.extend_from_slice(b"\x01\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        begin.extend_from_slice(&TAIL);
        let records: Result<Vec<_>, _> = mcap::read::LinearReader::new(&begin).unwrap().collect();
        assert_eq!(records.unwrap().len(), 3);
    }

    #[test]
    fn what_was_handed_over_is_not_pending_any_more() {
        let mut pending = Pending::default();
        pending.write_all(b"abcdef").unwrap();
        pending.seek(SeekFrom::Start(2)).unwrap();
        pending.write_all(b"XY").unwrap();
        assert_eq!(pending.seek(SeekFrom::End(0)).unwrap(), 6);
        assert_eq!(pending.hand_over(|bytes| Ok(bytes.to_vec())).unwrap(), b"abXYef");
        assert!(pending.seek(SeekFrom::Start(3)).is_err());
        pending.write_all(b"g").unwrap();
        assert!(pending.hand_over(|_| Err::<(), _>(io::Error::other("full"))).is_err());
        assert_eq!(pending.hand_over(|bytes| Ok(bytes.to_vec())).unwrap(), b"g");
        assert_eq!(pending.stream_position().unwrap(), 7);
    }
}
