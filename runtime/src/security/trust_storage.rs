//! Changes of `trust.toml` in a keystore, and the key files of anchors beside the own key.
//!
//! Each change is made on what the file holds at that moment, under the keystore's lock, and replaces the file at once.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::keystore::{self, Keystore};
use super::trust_file::TrustFile;
use super::trust_source::TrustSourceError;
use crate::private_file::{self, FileError, Others};

/// The name of the file of the anchor's key in a keystore.
pub const ANCHOR_FILE: &str = "anchor.key";

/// A key file has some 120 bytes, an encrypted one some 400.
const KEY_FILE_LEN_MAX: u64 = 16 * 1024;

impl Keystore {
    /// Changes `trust.toml`, or makes it: `change` is given what there is and returns what shall be.
    ///
    /// # Errors
    ///
    /// What `change` returns, and [`TrustStorageError`] when the file is not right, cannot be written, or has no place
    /// because the keystore is ephemeral. The file is as it was then.
    pub fn change_trust_file<E: From<TrustStorageError>>(
        &self,
        change: impl FnOnce(Option<TrustFile>) -> Result<TrustFile, E>,
    ) -> Result<TrustFile, E> {
        let (Some(dir), Some(path)) = (self.path(), self.trust_path()) else {
            return Err(TrustStorageError::Ephemeral.into());
        };
        let _lock = keystore::lock(dir).map_err(TrustStorageError::File)?;
        let before = self.trust_file().map_err(TrustStorageError::Source)?;
        let text_before = before.as_ref().map(ToString::to_string);
        let changed = change(before)?;
        let text = changed.to_string();
        if text_before.as_deref() != Some(text.as_str()) {
            private_file::replace(&path, text.as_bytes())
                .map_err(|error| TrustStorageError::NotStored { path, error })?;
        }
        Ok(changed)
    }

    /// Puts the text of a key into `name`, a file of the keystore, unless there is one. Says whether it did.
    ///
    /// # Errors
    ///
    /// [`TrustStorageError`] when it cannot be written.
    pub fn store_key_text(&self, name: &str, text: &str) -> Result<bool, TrustStorageError> {
        let dir = self.path().ok_or(TrustStorageError::Ephemeral)?;
        let path = dir.join(name);
        let _lock = keystore::lock(dir).map_err(TrustStorageError::File)?;
        private_file::create_once(&path, text.as_bytes()).map_err(|error| TrustStorageError::NotStored { path, error })
    }
}

/// The text of a key file that this user alone can read, if there is one.
///
/// # Errors
///
/// [`TrustStorageError`] when others can read it, or when it is no text.
pub fn read_key_text(path: &Path) -> Result<Option<Zeroizing<String>>, TrustStorageError> {
    let content = private_file::read(path, Others::Nothing, KEY_FILE_LEN_MAX).map_err(TrustStorageError::File)?;
    let text = content.map(|content| str::from_utf8(&content).map(|text| Zeroizing::new(text.to_owned())));
    text.transpose()
        .map_err(|_| TrustStorageError::NotText { path: path.to_owned() })
}

/// Why what the keystore keeps of trust cannot be read or changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrustStorageError {
    /// The keystore has no place on disk.
    Ephemeral,
    /// A file cannot be used as it is.
    File(FileError),
    /// `trust.toml` is not right as it is.
    Source(TrustSourceError),
    /// A key file is no UTF-8 text.
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    NotStored {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for TrustStorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ephemeral => f.write_str("expected a keystore on disk, found one in memory, which keeps no files"),
            Self::File(error) => error.fmt(f),
            Self::Source(error) => error.fmt(f),
            Self::NotText { path } => write!(f, "{} must be UTF-8 text, found other bytes", path.display()),
            Self::NotStored { path, error } => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for TrustStorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Source(error) => Some(error),
            Self::NotStored { error, .. } => Some(error),
            Self::Ephemeral | Self::NotText { .. } => None,
        }
    }
}
