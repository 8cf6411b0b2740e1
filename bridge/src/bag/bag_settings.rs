//! How a bag is written, chosen once when it is begun, and what can be said of it when it ends.

use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::committed_file::Sync;
use super::seal::{SealSigner, Source};

/// How a bag is written.
#[derive(Clone, Debug)]
pub struct BagSettings {
    /// The folder. It is made, and its name is that of the files in it.
    pub dir: PathBuf,
    /// How chunks are compressed.
    pub compression: Compression,
    /// How long a file may become, about; the next one begins then.
    pub max_bytes: Option<u64>,
    /// How long a file may last; the next one begins then.
    pub max_duration: Option<Duration>,
    /// How many files are kept; the oldest is deleted.
    pub max_files: Option<NonZeroU64>,
    /// Whether each write waits for the disk.
    pub sync: Sync,
    /// Who seals.
    pub signer: SealSigner,
    /// The bags that this one is an extract of, if it is one.
    pub extract_of: Vec<Source>,
}

impl BagSettings {
    /// A bag in this folder, compressed, in one file.
    pub fn new(dir: impl Into<PathBuf>, signer: SealSigner) -> Self {
        Self {
            dir: dir.into(),
            compression: Compression::default(),
            max_bytes: None,
            max_duration: None,
            max_files: None,
            sync: Sync::default(),
            signer,
            extract_of: Vec::new(),
        }
    }
}

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Quickly.
    Lz4,
    /// Well.
    #[default]
    Zstd,
}

impl Compression {
    /// As MCAP has it.
    pub(crate) fn of_mcap(self) -> Option<mcap::Compression> {
        match self {
            Self::None => None,
            Self::Lz4 => Some(mcap::Compression::Lz4),
            Self::Zstd => Some(mcap::Compression::Zstd),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(text: &str) -> Result<Self, UnknownCompression> {
        let found = [Self::None, Self::Lz4, Self::Zstd].into_iter();
        let mut found = found.filter(|known| known.to_string() == text);
        found.next().ok_or(UnknownCompression)
    }
}

/// A word that is no compression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownCompression;

impl fmt::Display for UnknownCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected none, lz4 or zstd")
    }
}

impl std::error::Error for UnknownCompression {}

/// What a bag has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BagSummary {
    /// Messages recorded.
    pub messages: u64,
    /// The frames that they came in.
    pub frames: u64,
    /// Messages that the numbers say there were and that never came.
    pub lost: u64,
    /// Messages whose payload is not one of their type: they are in the bag as they were signed, and not in CDR.
    pub undecodable: u64,
    /// Frames that were refused, and so are not in the bag.
    pub refused: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Files.
    pub files: u64,
    /// Seals.
    pub seals: u64,
}
