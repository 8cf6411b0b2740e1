//! Why a recording cannot be converted.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::bag_reader::ReadError;
use super::write_error::WriteError;

/// Why a recording cannot be converted.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConvertError {
    /// The recording cannot be read.
    Read(ReadError),
    /// The bag cannot be written.
    Write(WriteError),
    /// There is something of this name.
    Exists(PathBuf),
    /// A file cannot be written.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Some channel of the recording cannot be taken over.
    Channel {
        /// Its topic.
        topic: String,
        /// Why.
        problem: String,
    },
}

impl ConvertError {
    pub(crate) fn file(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        Self::File { path, error }
    }

    pub(crate) fn make_dir(dir: &Path) -> Result<(), Self> {
        std::fs::create_dir(dir).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(dir.to_owned()),
            _ => Self::file(dir, error),
        })
    }
}

impl From<ReadError> for ConvertError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<WriteError> for ConvertError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
            Self::Exists(path) => write!(
                f,
                "{} is there already, and nothing is written over; choose another name with -o",
                path.display()
            ),
            Self::File { path, error } => write!(f, "{} cannot be written: {error}", path.display()),
            Self::Channel { topic, problem } => write!(
                f,
                "{topic} cannot be taken over: {problem}; leave it out with --exclude"
            ),
        }
    }
}

impl std::error::Error for ConvertError {}
