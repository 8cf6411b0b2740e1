//! Epochs: a number for each start of a node that is higher than at every start before, whatever the clock says.
//!
//! Receivers fence the older of two epochs of a writer, so an epoch that is used twice, or one that goes back, would
//! make a node unheard. The last epoch of each key is therefore on disk before the first signature is made.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::key::PublicKey;
use crate::private_file::{self, FileError, Others};

/// Takes the next epoch of `key` and stores it in `state`, whose lock the caller holds.
pub(super) fn take_next(state: &Path, key: &PublicKey, now_ms: u64) -> Result<u64, EpochError> {
    let path = state.join(format!("epoch-{}", key.to_multibase()));
    let stored = match private_file::read(&path, Others::Read, MAX_FILE_BYTES).map_err(EpochError::File)? {
        Some(content) => match parse(&content) {
            Some(epoch) => Some(epoch),
            None => {
                let found = String::from_utf8_lossy(&content).into_owned();
                return Err(EpochError::Corrupt { path, found });
            }
        },
        None => None,
    };
    let Some(epoch) = after(stored, now_ms) else {
        return Err(EpochError::Exhausted { path });
    };
    match private_file::replace(&path, format!("{epoch}\n").as_bytes()) {
        Ok(()) => Ok(epoch),
        Err(error) => Err(EpochError::NotStored { path, error }),
    }
}

/// The epoch that follows `stored` at the time `now_ms`.
pub(super) fn after(stored: Option<u64>, now_ms: u64) -> Option<u64> {
    match stored {
        Some(stored) => Some(stored.checked_add(1)?.max(now_ms)),
        None => Some(now_ms),
    }
}

/// 20 digits and a line end are the most there can be; some more are read to show what is wrong.
const MAX_FILE_BYTES: u64 = 64;

fn parse(content: &[u8]) -> Option<u64> {
    let digits = content.strip_suffix(b"\n").unwrap_or(content);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Why a node got no epoch. Without one it must not sign.
#[derive(Debug)]
#[non_exhaustive]
pub enum EpochError {
    /// The file of the last epoch, or its directory, cannot be used.
    File(FileError),
    /// The file does not hold a number. It is never reset silently, because a lower epoch makes a node unheard.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// The last epoch is the highest number there is.
    Exhausted {
        /// The file.
        path: PathBuf,
    },
    /// The new epoch could not be put on the disk.
    NotStored {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for EpochError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Corrupt { path, found } => write!(
                f,
                "{path} must hold the last epoch, one decimal number of milliseconds, found {found:?}; \
                 check that the clock is right, then write it anew with `date +%s%3N > {path}`",
                path = path.display()
            ),
            Self::Exhausted { path } => write!(
                f,
                "{path} holds the highest epoch there is, so this key cannot start again; make a new key",
                path = path.display()
            ),
            Self::NotStored { path, error } => write!(
                f,
                "cannot store the new epoch in {path}: {error}; a node must not sign before it is stored",
                path = path.display()
            ),
        }
    }
}

impl std::error::Error for EpochError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::NotStored { error, .. } => Some(error),
            Self::Corrupt { .. } | Self::Exhausted { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_the_time_unless_that_would_go_back() {
        assert_eq!(after(None, 1_000), Some(1_000));
        assert_eq!(after(Some(999), 1_000), Some(1_000));
        assert_eq!(after(Some(1_000), 1_000), Some(1_001));
        assert_eq!(after(Some(5_000), 1_000), Some(5_001));
        assert_eq!(after(Some(u64::MAX), 1_000), None);
    }

    #[test]
    fn only_one_decimal_number_is_an_epoch() {
        assert_eq!(parse(b"1700000000000\n"), Some(1_700_000_000_000));
        assert_eq!(parse(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            &b""[..],
            b"\n",
            b"-1\n",
            b"+1\n",
            b" 1\n",
            b"1\n\n",
            b"1 2\n",
            b"0x1\n",
            b"18446744073709551616\n",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
