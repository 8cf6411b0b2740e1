//! Why a journal cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::private_file::FileError;

/// Why the journal of a durable publisher cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalError {
    /// The folder or a file cannot be used as it is.
    File(FileError),
    /// Another process has it, or another publisher of this one.
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// Something that was synced does not hold.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: usize,
        /// What does not hold.
        what: &'static str,
    },
    /// It holds messages of another key, type or topic that were not acknowledged.
    OtherPublisher {
        /// The folder.
        dir: PathBuf,
        /// Whose messages it holds.
        found: String,
        /// Whose it should hold.
        due: String,
    },
    /// A write has failed before: what is on the disk is known by opening it again only.
    Broken {
        /// The folder.
        dir: PathBuf,
    },
    /// The operating system refused.
    Io {
        /// What was to be done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => fmt::Display::fmt(error, f),
            Self::InUse { dir } => write!(
                f,
                "the journal {} is in use; a node has one durable publisher for each topic, in one process at a time",
                dir.display()
            ),
            Self::Damaged { path, offset, what } => write!(
                f,
                "{} is damaged at byte {offset}: {what}; nothing is skipped by itself: put the file back from a backup, or \
                 move the whole folder away, which gives up the messages in it",
                path.display()
            ),
            Self::OtherPublisher { dir, found, due } => write!(
                f,
                "{} holds messages of {found}, expected {due}; start once more as before until they are acknowledged and \
                 close the node in order, or move the folder away, which gives them up",
                dir.display()
            ),
            Self::Broken { dir } => write!(
                f,
                "the journal {} could not be written before; mend the disk and declare the publisher anew",
                dir.display()
            ),
            Self::Io { doing, path, error } => write!(
                f,
                "{doing} {} failed: {error}; nothing more is published before the disk is mended and the publisher \
                 declared anew",
                path.display()
            ),
        }
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

pub(super) fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> JournalError + 'a {
    move |error| JournalError::Io {
        doing,
        path: path.to_owned(),
        error,
    }
}
