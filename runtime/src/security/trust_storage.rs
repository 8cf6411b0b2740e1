//! What a keystore keeps of trust beside the key: `trust.toml`, `identity.cert` and, on the machine of whoever may certify,
//! `anchor.key`.
//!
//! Each change of `trust.toml` is made on what the file holds at that moment, under the keystore's lock, and replaces the
//! file at once.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::certificate::CertificateError;
use super::certificate_chain::CertificateChain;
use super::keystore::{self, Keystore};
use super::trust_file::{TRUST_FILE_LEN_MAX, TrustFile, TrustFileError};
use crate::private_file::{self, FileError, Others};

/// The name of the trust file in a keystore.
pub const TRUST_FILE: &str = "trust.toml";

/// The name of the certificate file in a keystore.
pub const CERTIFICATE_FILE: &str = "identity.cert";

/// The name of the file of the anchor's key in a keystore.
pub const ANCHOR_FILE: &str = "anchor.key";

/// Three certificates, and enough more to say what other file it is.
const CERTIFICATE_FILE_LEN_MAX: u64 = 64 * 1024;

/// A key file has some 120 bytes, an encrypted one some 400.
const KEY_FILE_LEN_MAX: u64 = 16 * 1024;

impl Keystore {
    /// What `trust.toml` says, if there is one.
    ///
    /// # Errors
    ///
    /// [`TrustStorageError`] when the file is open to others or is not right.
    pub fn trust_file(&self) -> Result<Option<TrustFile>, TrustStorageError> {
        self.path().map_or(Ok(None), |dir| read_trust_file(&dir.join(TRUST_FILE)))
    }

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
        let dir = self.path().ok_or(TrustStorageError::Ephemeral)?;
        let path = dir.join(TRUST_FILE);
        let _lock = keystore::lock(dir).map_err(TrustStorageError::File)?;
        let before = read_trust_file(&path)?;
        let text_before = before.as_ref().map(ToString::to_string);
        let changed = change(before)?;
        let text = changed.to_string();
        if text_before.as_deref() != Some(text.as_str()) {
            private_file::replace(&path, text.as_bytes())
                .map_err(|error| TrustStorageError::NotStored { path, error })?;
        }
        Ok(changed)
    }

    /// The certificates of the node's own key, as `identity.cert` has them, if there is such a file.
    ///
    /// # Errors
    ///
    /// [`TrustStorageError`] when the file is open to others or holds no chain of certificates.
    pub fn certificate_chain(&self) -> Result<Option<CertificateChain>, TrustStorageError> {
        let Some(path) = self.path().map(|dir| dir.join(CERTIFICATE_FILE)) else {
            return Ok(None);
        };
        let Some(text) = read_text(&path, Others::Read, CERTIFICATE_FILE_LEN_MAX)? else {
            return Ok(None);
        };
        match CertificateChain::parse(&text) {
            Ok(chain) => Ok(Some(chain)),
            Err(error) => Err(TrustStorageError::Certificate { path, error }),
        }
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
    read_text(path, Others::Nothing, KEY_FILE_LEN_MAX)
}

fn read_trust_file(path: &Path) -> Result<Option<TrustFile>, TrustStorageError> {
    // One byte more than is right, so that the length is told as any other problem of the file.
    let len_max = u64::try_from(TRUST_FILE_LEN_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let Some(text) = read_text(path, Others::Read, len_max)? else {
        return Ok(None);
    };
    match TrustFile::parse(&text) {
        Ok(file) => Ok(Some(file)),
        Err(error) => Err(TrustStorageError::TrustFile {
            path: path.to_owned(),
            error,
        }),
    }
}

fn read_text(path: &Path, others: Others, len_max: u64) -> Result<Option<Zeroizing<String>>, TrustStorageError> {
    let Some(content) = private_file::read(path, others, len_max).map_err(TrustStorageError::File)? else {
        return Ok(None);
    };
    match str::from_utf8(&content) {
        Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Err(_) => Err(TrustStorageError::NotText { path: path.to_owned() }),
    }
}

/// Why what the keystore keeps of trust cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrustStorageError {
    /// The keystore has no place on disk.
    Ephemeral,
    /// A file cannot be used as it is.
    File(FileError),
    /// A file is no UTF-8 text.
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// `trust.toml` is not right.
    TrustFile {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it.
        error: TrustFileError,
    },
    /// `identity.cert` is not right.
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: CertificateError,
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
            Self::NotText { path } => write!(f, "{}: expected UTF-8 text, found other bytes", path.display()),
            Self::TrustFile { path, error } => {
                for (index, problem) in error.problems.iter().enumerate() {
                    let end = if index == 0 { "" } else { "\n" };
                    write!(f, "{end}{}:{problem}", path.display())?;
                }
                Ok(())
            }
            Self::Certificate { path, error } => write!(f, "{}: {error}", path.display()),
            Self::NotStored { path, error } => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for TrustStorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::TrustFile { error, .. } => Some(error),
            Self::Certificate { error, .. } => Some(error),
            Self::NotStored { error, .. } => Some(error),
            Self::Ephemeral | Self::NotText { .. } => None,
        }
    }
}
