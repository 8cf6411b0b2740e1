//! Cursors: how far an application has come with the messages of each publisher, so that it gets each of them once, also
//! when it is killed and started again.
//!
//! A cursor is kept in a file, replaced at once and synced by each acknowledgement, or by the application itself, which can
//! store a position together with what the message has led to.
//!
//! # Invariants
//!
//! - A position never goes back while it is kept here.
//! - With a file, a position counts when it is on the disk: a crash shows the old or the new one, never a part.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::file_lock::FileLock;
use crate::generic_subscriber::MessageInfo;
use crate::key_expr::unhex;
use crate::number_set::NumberSet;
use crate::private_file::{self, FileError, Others};
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::missing::StreamId;

/// The first line of a cursor file.
const TITLE: &str = "nuncio cursor 1";
/// The most publishers of which a position is kept.
const POSITIONS_MAX: usize = 4096;
/// The largest file: a line has some 110 bytes.
const FILE_LEN_MAX: u64 = 1 << 20;

/// The last message of one publisher that an application has done with: it and all before it are never given again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The publisher's key.
    pub key: PublicKey,
    /// Which of its writers.
    pub writer: Writer,
    /// The epoch of the message.
    pub epoch: u64,
    /// The number of the message.
    pub number: u64,
}

impl Position {
    /// That of a message that was received.
    pub fn of(info: &MessageInfo) -> Self {
        Self {
            key: info.signer,
            writer: info.writer,
            epoch: info.epoch,
            number: info.number,
        }
    }
}

/// Where a durable subscriber begins, and where it keeps how far it has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cursor {
    /// A file, which is made if need be. One subscriber of one process at a time has it.
    File(PathBuf),
    /// The application keeps the positions and gives them back here, the newest of each publisher. None: it begins with the
    /// oldest message that each publisher still holds.
    Given(Vec<Position>),
}

/// The positions of one subscription.
#[derive(Debug)]
pub(crate) struct CursorShelf {
    state: Mutex<Positions>,
    file: Option<(PathBuf, FileLock)>,
    /// A publisher waits to hear that there is more.
    is_watched: AtomicBool,
}

/// By key and writer: epoch and number.
type Positions = BTreeMap<(PublicKey, Writer), (u64, u64)>;

impl CursorShelf {
    /// Opens a cursor.
    ///
    /// # Errors
    ///
    /// [`CursorError`] when the file is in use, is none, or cannot be read.
    pub(crate) fn open(cursor: &Cursor) -> Result<Self, CursorError> {
        let (positions, file) = match cursor {
            Cursor::Given(given) => {
                let mut positions = Positions::new();
                given.iter().for_each(|position| advance(&mut positions, position));
                (positions, None)
            }
            Cursor::File(path) => {
                let lock = take_lock(path)?;
                (read(path)?, Some((path.clone(), lock)))
            }
        };
        Ok(Self {
            state: Mutex::new(positions),
            file,
            is_watched: AtomicBool::new(false),
        })
    }

    /// Moves on to a position, and keeps it. `true` when a publisher waits to hear that.
    ///
    /// # Errors
    ///
    /// [`CursorError`] when it cannot be kept: then it has not moved.
    pub(crate) fn acknowledge(&self, position: &Position) -> Result<bool, CursorError> {
        let mut positions = self.lock();
        let at = (position.key, position.writer);
        if positions.len() >= POSITIONS_MAX && !positions.contains_key(&at) {
            return Err(CursorError::TooMany);
        }
        let mut moved = positions.clone();
        advance(&mut moved, position);
        if moved == *positions {
            return Ok(false);
        }
        if let Some((path, _)) = &self.file {
            let written = private_file::replace(path, to_text(&moved).as_bytes());
            written.map_err(|error| CursorError::NotKept {
                path: path.clone(),
                error,
            })?;
        }
        *positions = moved;
        Ok(self.is_watched.swap(false, Ordering::AcqRel))
    }

    /// The number up to which everything of a publisher is done with, 0 if nothing is. Of a publisher that keeps a journal
    /// since some epoch, positions of that journal count; of another one, those of the very epoch.
    pub(crate) fn through(&self, of: StreamId, journal_since: Option<u64>) -> u64 {
        let known = self.lock().get(&(of.key, of.writer)).copied();
        let counts = |epoch: u64| journal_since.map_or(epoch == of.epoch, |since| epoch >= since);
        known
            .filter(|(epoch, _)| counts(*epoch))
            .map_or(0, |(_, number)| number)
    }

    /// What is done with of a publisher. Whoever asks waits for more.
    pub(crate) fn watch(&self, of: StreamId, journal_since: Option<u64>) -> NumberSet {
        self.is_watched.store(true, Ordering::Release);
        NumberSet::of(1, self.through(of, journal_since))
    }

    /// All positions.
    pub(crate) fn positions(&self) -> Vec<Position> {
        let position = |((key, writer), (epoch, number)): (&(PublicKey, Writer), &(u64, u64))| Position {
            key: *key,
            writer: *writer,
            epoch: *epoch,
            number: *number,
        };
        self.lock().iter().map(position).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Positions> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves on; a position of an older start, or of the same one with a lower number, changes nothing.
fn advance(positions: &mut Positions, to: &Position) {
    let known = positions.entry((to.key, to.writer)).or_insert((to.epoch, to.number));
    *known = (*known).max((to.epoch, to.number));
}

fn to_text(positions: &Positions) -> String {
    use fmt::Write;
    let mut text = format!("{TITLE}\n");
    for ((key, writer), (epoch, number)) in positions {
        let key = crate::key_expr::hex(key.as_bytes());
        let _ = writeln!(text, "{key} {:016x} {epoch} {number}", writer.0);
    }
    let checksum = blake3::hash(text.as_bytes());
    let _ = writeln!(text, "checksum {checksum}");
    text
}

fn from_text(text: &str) -> Option<Positions> {
    let (body, checksum) = text.trim_end_matches('\n').rsplit_once('\n')?;
    let body = text.get(..body.len() + 1)?;
    if checksum.strip_prefix("checksum ")? != blake3::hash(body.as_bytes()).to_hex().as_str() {
        return None;
    }
    let mut lines = body.lines();
    if lines.next()? != TITLE {
        return None;
    }
    let position = |line: &str| {
        let mut words = line.split(' ');
        let key = PublicKey::from_bytes(unhex(words.next()?)?);
        let writer = Writer(u64::from_be_bytes(unhex(words.next()?)?));
        let (epoch, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        words.next().is_none().then_some(((key, writer), (epoch, number)))
    };
    lines.map(position).collect()
}

fn read(path: &Path) -> Result<Positions, CursorError> {
    let Some(content) = private_file::read(path, Others::Read, FILE_LEN_MAX).map_err(CursorError::File)? else {
        return Ok(Positions::new());
    };
    let text = str::from_utf8(&content).ok();
    text.and_then(from_text)
        .ok_or_else(|| CursorError::Damaged { path: path.to_owned() })
}

fn take_lock(path: &Path) -> Result<FileLock, CursorError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    match FileLock::take(&beside) {
        Ok(taken) => taken.ok_or_else(|| CursorError::InUse { path: path.to_owned() }),
        Err(error) => Err(CursorError::NotKept { path: beside, error }),
    }
}

/// Why a cursor cannot be used, or has not moved.
#[derive(Debug)]
#[non_exhaustive]
pub enum CursorError {
    /// The file cannot be used as it is.
    File(FileError),
    /// Another subscriber has it.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is no cursor, or not whole.
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The new position could not be put on the disk. The old one stands.
    NotKept {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// A cursor has positions of so many publishers already.
    TooMany,
}

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => fmt::Display::fmt(error, f),
            Self::InUse { path } => write!(
                f,
                "the cursor {} is in use; each subscriber needs a file of its own",
                path.display()
            ),
            Self::Damaged { path } => write!(
                f,
                "{} must hold a cursor, found something else; put it back from a backup, or remove it, which gives every \
                 message again that publishers still hold",
                path.display()
            ),
            Self::NotKept { path, error } => write!(f, "cannot keep the cursor in {}: {error}", path.display()),
            Self::TooMany => write!(f, "a cursor has positions of at most {POSITIONS_MAX} publishers"),
        }
    }
}

impl std::error::Error for CursorError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::NotKept { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use std::fs;

    use super::*;

    fn position(writer: u64, epoch: u64, number: u64) -> Position {
        Position {
            key: PublicKey::from_bytes([7; 32]),
            writer: Writer(writer),
            epoch,
            number,
        }
    }

    fn stream(writer: u64, epoch: u64) -> StreamId {
        StreamId {
            key: PublicKey::from_bytes([7; 32]),
            writer: Writer(writer),
            epoch,
        }
    }

    #[test]
    fn a_cursor_is_there_after_a_restart_and_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let cursor = Cursor::File(dir.path().join("cursor"));
        let shelf = CursorShelf::open(&cursor).unwrap();
        let steps = [
            position(1, 5, 3),
            position(1, 5, 2),
            position(2, 9, 8),
            position(1, 6, 4),
            position(1, 5, 99),
        ];
        for step in &steps {
            shelf.acknowledge(step).unwrap();
        }
        assert!(matches!(CursorShelf::open(&cursor), Err(CursorError::InUse { .. })));
        drop(shelf);
        let shelf = CursorShelf::open(&cursor).unwrap();
        assert_eq!(shelf.positions(), [position(1, 6, 4), position(2, 9, 8)]);
        assert_eq!(
            shelf.through(stream(1, 8), Some(5)),
            4,
            "numbers of a journal go on from start to start"
        );
        assert_eq!(
            shelf.through(stream(1, 8), Some(7)),
            0,
            "a position of another journal says nothing of this one"
        );
        assert_eq!(
            (shelf.through(stream(1, 6), None), shelf.through(stream(1, 7), None)),
            (4, 0)
        );
        let given = CursorShelf::open(&Cursor::Given(shelf.positions())).unwrap();
        assert_eq!(given.positions(), shelf.positions());
    }

    #[test]
    fn whoever_waits_is_told_once() {
        let shelf = CursorShelf::open(&Cursor::Given(Vec::new())).unwrap();
        assert_eq!(shelf.watch(stream(1, 5), Some(5)), NumberSet::default());
        assert!(shelf.acknowledge(&position(1, 5, 3)).unwrap());
        assert!(!shelf.acknowledge(&position(1, 5, 4)).unwrap());
        assert_eq!(shelf.watch(stream(1, 5), Some(5)), NumberSet::of(1, 4));
    }

    #[test]
    fn any_damage_to_a_cursor_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cursor");
        let cursor = Cursor::File(path.clone());
        let shelf = CursorShelf::open(&cursor).unwrap();
        shelf.acknowledge(&position(1, 5, 3)).unwrap();
        drop(shelf);
        let good = fs::read(&path).unwrap();
        let fails = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            CursorShelf::open(&cursor).is_err()
        };
        for at in 0..good.len() {
            // The line end at the very end says nothing.
            assert!(fails(&good[..at]) || at == good.len() - 1, "{at} bytes");
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(fails(&bad), "byte {at}");
        }
        assert!(!fails(&good));
    }

    #[test]
    fn a_position_that_cannot_be_kept_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("folder");
        fs::create_dir(&place).unwrap();
        let shelf = CursorShelf::open(&Cursor::File(place.join("cursor"))).unwrap();
        fs::remove_dir_all(&place).unwrap();
        assert!(matches!(
            shelf.acknowledge(&position(1, 5, 3)),
            Err(CursorError::NotKept { .. })
        ));
        assert_eq!(shelf.positions(), []);
    }
}
