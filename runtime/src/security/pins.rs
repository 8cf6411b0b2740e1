//! Pins: which key was first seen under a node name or on an exclusive topic (trust on first use), in `known.toml`.
//!
//! ```toml
//! [nodes."0"]                 # the domain
//! talker = "did:key:z6Mk…"
//!
//! [topics."0"]
//! "/cmd_vel" = "did:key:z6Mk…"
//! ```
//!
//! # Invariants
//!
//! - The first pin wins: a name that has a key keeps it until a person removes the line, or until that key has said that
//!   another follows it (see [`succession`](super::succession)).
//! - Every change is made on what the file holds at that moment, under the keystore's lock, and replaces the file at
//!   once; what people wrote into it stays.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::key::PublicKey;
use super::keystore;
pub use super::known_toml::PinProblem;
use super::known_toml::{Held, Kind, KnownToml};
use crate::private_file::FileError;

/// The most node pins, and the most topic pins, that one keystore holds.
pub const MAX_PINS: usize = 4096;

/// The pins of a keystore, as they were when last read or changed.
#[derive(Debug, Default)]
pub struct Pins {
    /// The keystore's directory, or `None` for pins that are not stored.
    keystore: Option<PathBuf>,
    held: Held,
}

impl Pins {
    /// Reads the pins of the keystore in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, PinError> {
        Ok(Self {
            keystore: Some(dir.to_owned()),
            held: KnownToml::read(&dir.join(PIN_FILE))?.into_held(),
        })
    }

    /// The key that is pinned to the node `name` in `domain`.
    pub fn node(&self, domain: &str, name: &str) -> Option<PublicKey> {
        self.held.get(Kind::Node, domain, name)
    }

    /// The key that is pinned to `topic` in `domain`.
    pub fn topic(&self, domain: &str, topic: &str) -> Option<PublicKey> {
        self.held.get(Kind::Topic, domain, topic)
    }

    /// All node pins, as domain, node name and key, in order.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &str, PublicKey)> {
        self.held.listed(Kind::Node)
    }

    /// All topic pins, as domain, topic and key, in order.
    pub fn topics(&self) -> impl Iterator<Item = (&str, &str, PublicKey)> {
        self.held.listed(Kind::Topic)
    }

    /// Pins `key` to the node `name` in `domain`, unless another key was pinned first, here or by another process.
    /// Returns the key that is pinned now: the caller compares.
    ///
    /// # Errors
    ///
    /// [`PinError`] when the pin cannot be stored. The name has no pin then.
    pub fn pin_node(&mut self, domain: &str, name: &str, key: PublicKey) -> Result<PublicKey, PinError> {
        self.pin(Kind::Node, domain, name, key)
    }

    /// Pins `key` to `topic` in `domain`, unless another key was pinned first, here or by another process.
    /// Returns the key that is pinned now: the caller compares.
    ///
    /// # Errors
    ///
    /// [`PinError`] when the pin cannot be stored. The topic has no pin then.
    pub fn pin_topic(&mut self, domain: &str, topic: &str, key: PublicKey) -> Result<PublicKey, PinError> {
        self.pin(Kind::Topic, domain, topic, key)
    }

    /// Removes the pin of the node `name` in `domain` and returns it: the next key seen under the name is pinned.
    ///
    /// # Errors
    ///
    /// [`PinError`] when the change cannot be stored.
    pub fn forget_node(&mut self, domain: &str, name: &str) -> Result<Option<PublicKey>, PinError> {
        self.forget(Kind::Node, domain, name)
    }

    /// Removes the pin of `topic` in `domain` and returns it: the next key seen on the topic is pinned.
    ///
    /// # Errors
    ///
    /// [`PinError`] when the change cannot be stored.
    pub fn forget_topic(&mut self, domain: &str, topic: &str) -> Result<Option<PublicKey>, PinError> {
        self.forget(Kind::Topic, domain, topic)
    }

    /// Moves the pin of the node `name` in `domain` from one key to another, unless another key is pinned by now. Returns the
    /// key that is pinned then.
    ///
    /// # Errors
    ///
    /// [`PinError`] when the change cannot be stored.
    pub(super) fn move_node(
        &mut self,
        domain: &str,
        name: &str,
        keys: (PublicKey, PublicKey),
    ) -> Result<PublicKey, PinError> {
        self.move_pin(Kind::Node, domain, name, keys)
    }

    /// As [`move_node`](Self::move_node), for the pin of a topic.
    pub(super) fn move_topic(
        &mut self,
        domain: &str,
        topic: &str,
        keys: (PublicKey, PublicKey),
    ) -> Result<PublicKey, PinError> {
        self.move_pin(Kind::Topic, domain, topic, keys)
    }

    /// Reads again what other processes and people have changed meanwhile.
    ///
    /// # Errors
    ///
    /// [`PinError`] when `known.toml` cannot be used; the pins stay as they were.
    pub fn reload(&mut self) -> Result<(), PinError> {
        if let Some(dir) = &self.keystore {
            self.held = KnownToml::read(&dir.join(PIN_FILE))?.into_held();
        }
        Ok(())
    }

    fn pin(&mut self, kind: Kind, domain: &str, name: &str, key: PublicKey) -> Result<PublicKey, PinError> {
        for text in [domain, name] {
            if text.len() > MAX_NAME_BYTES {
                return Err(PinError::NameTooLong {
                    found_bytes: text.len(),
                });
            }
        }
        let Some(dir) = &self.keystore else {
            return self.held.insert(kind, domain, name, key);
        };
        let _lock = keystore::lock(dir).map_err(PinError::File)?;
        let mut known = KnownToml::read(&dir.join(PIN_FILE))?;
        let pinned = known.insert(kind, domain, name, key)?;
        self.held = known.into_held();
        Ok(pinned)
    }

    fn move_pin(
        &mut self,
        kind: Kind,
        domain: &str,
        name: &str,
        (from, to): (PublicKey, PublicKey),
    ) -> Result<PublicKey, PinError> {
        let Some(dir) = &self.keystore else {
            if self.held.get(kind, domain, name) == Some(from) {
                self.held.remove(kind, domain, name);
            }
            return self.held.insert(kind, domain, name, to);
        };
        let _lock = keystore::lock(dir).map_err(PinError::File)?;
        let mut known = KnownToml::read(&dir.join(PIN_FILE))?;
        let pinned = if known.get(kind, domain, name) == Some(from) {
            known.change(kind, domain, name, to)?;
            to
        } else {
            known.insert(kind, domain, name, to)?
        };
        self.held = known.into_held();
        Ok(pinned)
    }

    fn forget(&mut self, kind: Kind, domain: &str, name: &str) -> Result<Option<PublicKey>, PinError> {
        let Some(dir) = &self.keystore else {
            return Ok(self.held.remove(kind, domain, name));
        };
        let _lock = keystore::lock(dir).map_err(PinError::File)?;
        let mut known = KnownToml::read(&dir.join(PIN_FILE))?;
        let forgotten = known.remove(kind, domain, name)?;
        self.held = known.into_held();
        Ok(forgotten)
    }
}

const PIN_FILE: &str = "known.toml";

/// Names come from the network; none that ROS allows is longer.
const MAX_NAME_BYTES: usize = 256;
/// Why pins cannot be read or changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum PinError {
    /// `known.toml` or its lock cannot be used as it is.
    File(FileError),
    /// `known.toml` holds something that is not understood.
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: PinProblem,
    },
    /// There are [`MAX_PINS`] pins of this kind already.
    Full {
        /// The table, `nodes` or `topics`.
        table: &'static str,
    },
    /// A domain, node name or topic that is longer than any good one.
    NameTooLong {
        /// Its length in bytes.
        found_bytes: usize,
    },
    /// The change could not be put on the disk.
    NotStored {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Broken { path, line, problem } => {
                write!(f, "{}:{line}: {problem}; correct or remove the line", path.display())
            }
            Self::Full { table } => write!(
                f,
                "there are {MAX_PINS} pins in `{table}` of {PIN_FILE} already, the most there may be; \
                 remove those of nodes that are gone, or find out who makes up names"
            ),
            Self::NameTooLong { found_bytes } => {
                write!(
                    f,
                    "a name of at most {MAX_NAME_BYTES} bytes can be pinned, found {found_bytes} bytes"
                )
            }
            Self::NotStored { path, error } => write!(f, "cannot store a pin in {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for PinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Broken {
                problem: PinProblem::Key(error),
                ..
            } => Some(error),
            Self::NotStored { error, .. } => Some(error),
            Self::Broken { .. } | Self::Full { .. } | Self::NameTooLong { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
