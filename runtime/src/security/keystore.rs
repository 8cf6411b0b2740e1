//! The keystore: what a user's nodes keep on this machine between two starts.
//!
//! ```text
//! $NUNCIO_HOME, else $XDG_CONFIG_HOME/nuncio, else ~/.config/nuncio
//!   identity.key   the signing key, PKCS#8 PEM, mode 0600
//!   known.toml     the keys first seen under a name
//!   state/         the last epoch of each key, and the lock that every writer of the keystore takes
//! ```
//!
//! # Invariants
//!
//! - Any number of processes may use one keystore at once: they agree on one identity and one pin per name, and never
//!   get the same epoch.
//! - A file that is damaged or open to others is an error that names it, never a reason to start afresh.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::epoch;
pub use super::epoch::EpochError;
use super::key::{Identity, KeyTextError, PublicKey};
pub use super::pins::{MAX_PINS, PinError, PinProblem, Pins};
use crate::file_lock::FileLock;
use crate::private_file::{self, FileError, Others};

/// A user's keystore: a directory, or memory that is gone with the process.
#[derive(Debug)]
pub struct Keystore {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Directory(PathBuf),
    Memory {
        identity: Identity,
        epochs: Mutex<BTreeMap<PublicKey, u64>>,
    },
}

impl Keystore {
    /// Opens the keystore in `dir`, which is made with mode 0700 if need be.
    ///
    /// # Errors
    ///
    /// [`FileError`] when it is not a directory of this user, when others may write in it, or when it cannot be made.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, FileError> {
        let dir = dir.into();
        private_file::create_dir(&dir, Others::Read)?;
        Ok(Self {
            place: Place::Directory(dir),
        })
    }

    /// A keystore that touches no disk and is gone with the process: its epochs start from the clock alone, its pins
    /// start empty.
    pub fn ephemeral(identity: Identity) -> Self {
        Self {
            place: Place::Memory {
                identity,
                epochs: Mutex::default(),
            },
        }
    }

    /// Where the keystore of this user is: `$NUNCIO_HOME`, else `$XDG_CONFIG_HOME/nuncio`, else `~/.config/nuncio`.
    ///
    /// # Errors
    ///
    /// [`NoHome`] when the environment names none of them.
    pub fn default_dir() -> Result<PathBuf, NoHome> {
        let home = env::home_dir().map(PathBuf::into_os_string);
        dir_from(env::var_os("NUNCIO_HOME"), env::var_os("XDG_CONFIG_HOME"), home).ok_or(NoHome(()))
    }

    /// The directory, or `None` for an ephemeral keystore.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Directory(dir) => Some(dir),
            Place::Memory { .. } => None,
        }
    }

    /// The node's own key, which is made at the first call ever.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] when the stored key cannot be used, or when a new one cannot be stored. A stored key is
    /// never replaced.
    pub fn identity(&self) -> Result<Identity, IdentityError> {
        if let Some(identity) = self.stored_identity()? {
            return Ok(identity);
        }
        let new = Identity::generate().map_err(IdentityError::NoRandomness)?;
        match self.store_identity(&new) {
            Ok(()) => Ok(new),
            // Another process was faster: its key is the key of both.
            Err(IdentityError::AlreadyThere { path }) => {
                self.stored_identity()?.ok_or_else(|| IdentityError::NotStored {
                    path,
                    error: io::Error::other("another process makes and removes it"),
                })
            }
            Err(error) => Err(error),
        }
    }

    /// The node's own key if there is one; none is made.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] when there is a key file that cannot be used.
    pub fn stored_identity(&self) -> Result<Option<Identity>, IdentityError> {
        let dir = match &self.place {
            Place::Directory(dir) => dir,
            Place::Memory { identity, .. } => return Ok(Some(identity.clone())),
        };
        let path = dir.join(IDENTITY_FILE);
        let Some(content) =
            private_file::read(&path, Others::Nothing, MAX_KEY_FILE_BYTES).map_err(IdentityError::File)?
        else {
            return Ok(None);
        };
        if content.is_empty() {
            return Err(IdentityError::Empty { path });
        }
        let parsed = str::from_utf8(&content)
            .map_err(|_| KeyTextError::NotPem)
            .and_then(Identity::from_pkcs8_pem);
        match parsed {
            Ok(identity) => Ok(Some(identity)),
            Err(error) => Err(IdentityError::KeyText { path, error }),
        }
    }

    /// Stores `identity` as the node's own key, where there is none yet.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] when there is a key already (also in every ephemeral keystore) or it cannot be written.
    pub fn store_identity(&self, identity: &Identity) -> Result<(), IdentityError> {
        let Place::Directory(dir) = &self.place else {
            return Err(IdentityError::AlreadyThere {
                path: PathBuf::from("the ephemeral keystore"),
            });
        };
        let path = dir.join(IDENTITY_FILE);
        let _lock = lock(dir).map_err(IdentityError::File)?;
        match private_file::create_once(&path, identity.to_pkcs8_pem().as_bytes()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(IdentityError::AlreadyThere { path }),
            Err(error) => Err(IdentityError::NotStored { path, error }),
        }
    }

    /// Takes the next epoch of `key`: `now_ms` (milliseconds since 1970), or one more than the last where the clock
    /// went back. It is on the disk when this returns, and no other call, in no process, gets the same.
    ///
    /// # Errors
    ///
    /// [`EpochError`]; the node must not sign then.
    pub fn next_epoch(&self, key: &PublicKey, now_ms: u64) -> Result<u64, EpochError> {
        match &self.place {
            Place::Directory(dir) => {
                let _lock = lock(dir).map_err(EpochError::File)?;
                epoch::take_next(&dir.join(STATE_DIR), key, now_ms)
            }
            Place::Memory { epochs, .. } => {
                let mut epochs = epochs.lock().unwrap_or_else(PoisonError::into_inner);
                let next = epoch::after(epochs.get(key).copied(), now_ms).ok_or_else(|| EpochError::Exhausted {
                    path: PathBuf::from("the ephemeral keystore"),
                })?;
                epochs.insert(*key, next);
                Ok(next)
            }
        }
    }

    /// The pins as they are now. Those of an ephemeral keystore start empty at each call and are never stored.
    ///
    /// # Errors
    ///
    /// [`PinError`] when `known.toml` cannot be used.
    pub fn pins(&self) -> Result<Pins, PinError> {
        match &self.place {
            Place::Directory(dir) => Pins::open(dir),
            Place::Memory { .. } => Ok(Pins::default()),
        }
    }
}

const IDENTITY_FILE: &str = "identity.key";
const STATE_DIR: &str = "state";

/// A key file has some 120 bytes; enough is read to say what other file it is.
const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;

/// Waits until no other process writes in the keystore `dir`, and keeps others out until the `File` is dropped.
pub(super) fn lock(dir: &Path) -> Result<FileLock, FileError> {
    let state = dir.join(STATE_DIR);
    private_file::create_dir(&state, Others::Read)?;
    private_file::lock(&state.join("lock"))
}

/// The first of the three places that is named. As the XDG rules ask, a relative `$XDG_CONFIG_HOME` counts for nothing.
fn dir_from(nuncio: Option<OsString>, xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let named = |variable: Option<OsString>| variable.filter(|value| !value.is_empty()).map(PathBuf::from);
    named(nuncio)
        .or_else(|| named(xdg).filter(|dir| dir.is_absolute()).map(|dir| dir.join("nuncio")))
        .or_else(|| named(home).map(|dir| dir.join(".config").join("nuncio")))
}

/// The environment does not say where this user's keystore is.
#[derive(Debug)]
pub struct NoHome(());

impl fmt::Display for NoHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected a home directory for the keystore, found none; set NUNCIO_HOME to a directory of your own",
        )
    }
}

impl std::error::Error for NoHome {}

/// Why there is no signing key.
#[derive(Debug)]
#[non_exhaustive]
pub enum IdentityError {
    /// The key file cannot be used as it is.
    File(FileError),
    /// The key file holds nothing.
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The key file holds something else.
    KeyText {
        /// The file.
        path: PathBuf,
        /// What it holds.
        error: KeyTextError,
    },
    /// There is a key already, which is never replaced.
    AlreadyThere {
        /// The file.
        path: PathBuf,
    },
    /// A new key could not be put on the disk.
    NotStored {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The operating system has no randomness to make a key from.
    NoRandomness(io::Error),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Empty { path } => write!(
                f,
                "{path} must hold the signing key, found an empty file; put the key back from a backup, \
                 or remove the file so that a new key is made, which others must then trust anew",
                path = path.display()
            ),
            Self::KeyText { path, error } => write!(f, "{}: {error}", path.display()),
            Self::AlreadyThere { path } => {
                write!(
                    f,
                    "{} holds a key already; move it away first if you want another one",
                    path.display()
                )
            }
            Self::NotStored { path, error } => {
                write!(f, "cannot store a new signing key in {}: {error}", path.display())
            }
            Self::NoRandomness(error) => write!(f, "cannot make a new signing key without randomness: {error}"),
        }
    }
}

impl std::error::Error for IdentityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::KeyText { error, .. } => Some(error),
            Self::NotStored { error, .. } | Self::NoRandomness(error) => Some(error),
            Self::Empty { .. } | Self::AlreadyThere { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
