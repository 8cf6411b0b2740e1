//! Why a bag cannot be written.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a bag cannot be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// There is something of this name.
    Exists {
        /// The folder.
        dir: PathBuf,
    },
    /// The disk is full.
    Full {
        /// What could not be written.
        path: PathBuf,
    },
    /// The disk or the system refuses.
    File {
        /// What could not be made or written.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What was given is no frame.
    NotAFrame,
    /// The format has no room for more.
    Mcap(String),
}

impl WriteError {
    pub(crate) fn file(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path }
            }
            _ => Self::File { path, error },
        }
    }
}

impl From<mcap::McapError> for WriteError {
    fn from(error: mcap::McapError) -> Self {
        Self::Mcap(error.to_string())
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists { dir } => write!(
                f,
                "{} is there already, and a bag is not written over; choose another name with -o",
                dir.display()
            ),
            Self::Full { path } => write!(
                f,
                "no room is left on the disk of {}; make room, or record to another disk",
                path.display()
            ),
            Self::File { path, error } => write!(f, "{} cannot be written: {error}", path.display()),
            Self::NotAFrame => f.write_str("expected a verified frame to record, found bytes that are none"),
            Self::Mcap(problem) => write!(f, "the recording does not take any more: {problem}; split it"),
        }
    }
}

impl std::error::Error for WriteError {}
