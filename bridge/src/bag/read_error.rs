//! Why a recording cannot be read.

use std::fmt;
use std::path::PathBuf;

/// Why a recording cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// No MCAP files are there.
    NotABag {
        /// Where they were looked for.
        path: PathBuf,
    },
    /// The system refuses.
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The file is not what it should be.
    Damaged {
        /// The file.
        path: PathBuf,
        /// How many bytes of it had been read, about.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABag { path } => write!(
                f,
                "expected a bag's folder or an MCAP file, found none at {}; see the name",
                path.display()
            ),
            Self::File { path, problem } => write!(f, "{} cannot be read: {problem}", path.display()),
            Self::Damaged { path, offset, problem } => write!(
                f,
                "{} is damaged before byte {offset}: {problem}; what is before that can be read",
                path.display()
            ),
        }
    }
}

impl std::error::Error for ReadError {}
