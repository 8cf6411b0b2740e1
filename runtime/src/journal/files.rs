//! The files of a journal: found, made, locked and removed.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::error::failed;
use super::segment::{self, Place, SegmentHeader};
use super::{JournalError, Segment};
use crate::file_lock::FileLock;
use crate::private_file::{self, Others};

/// The largest segment that is read: one with a single frame of the largest size.
const SEGMENT_LEN_MAX: u64 = 1 << 32;

/// Keeps other processes out, and other publishers of this one.
pub(super) fn take_lock(dir: &Path) -> Result<FileLock, JournalError> {
    let path = dir.join("lock");
    let taken = FileLock::take(&path).map_err(failed("locking", &path))?;
    taken.ok_or_else(|| JournalError::InUse { dir: dir.to_owned() })
}

/// Reads all segments. Their numbers have to follow each other.
pub(super) fn read_segments(dir: &Path) -> Result<VecDeque<Segment>, JournalError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed("reading", dir))? {
        let path = entry.map_err(failed("reading", dir))?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut segments: VecDeque<Segment> = VecDeque::new();
    let count = paths.len();
    for (index, path) in paths.into_iter().enumerate() {
        let bytes = private_file::read(&path, Others::Read, SEGMENT_LEN_MAX).map_err(JournalError::File)?;
        let bytes = bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
        let damaged = |offset, what| JournalError::Damaged {
            path: path.clone(),
            offset,
            what,
        };
        let read = segment::read(&bytes, index + 1 == count).map_err(|damage| damaged(damage.offset, damage.what))?;
        if let Some(before) = segments.back() {
            let next = before
                .records
                .back()
                .map_or(before.header.next_number, |record| record.last.saturating_add(1));
            let follows = (before.header.serial + 1, next) == (read.header.serial, read.header.next_number);
            if !follows || before.header.place != read.header.place {
                return Err(damaged(0, "it does not follow the one before it"));
            }
        }
        segments.push_back(Segment {
            header: read.header,
            records: read.records.into(),
            len: read.end,
            path,
        });
    }
    Ok(segments)
}

/// Makes a segment: it is there with its header, or not at all.
pub(super) fn create(
    dir: &Path,
    place: &Place,
    (serial, next_number, since_epoch): (u64, u64, u64),
) -> Result<(Segment, File), JournalError> {
    let path = dir.join(format!("{serial:016x}.log"));
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|error| failed("making", &path)(io::Error::other(error.to_string())))?;
    let header = SegmentHeader {
        serial,
        next_number,
        since_epoch,
        salt,
        place: place.clone(),
    };
    let bytes = header.to_bytes();
    private_file::replace(&path, &bytes).map_err(failed("making", &path))?;
    let file = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(failed("opening", &path))?;
    let segment = Segment {
        header,
        path,
        records: VecDeque::new(),
        len: bytes.len(),
    };
    Ok((segment, file))
}

pub(super) fn remove(dir: &Path, path: &Path) -> Result<(), JournalError> {
    fs::remove_file(path).map_err(failed("removing", path))?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("syncing", dir))
}
