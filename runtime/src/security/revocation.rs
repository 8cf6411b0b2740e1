//! Lists of revocations: all keys that one anchor has revoked, signed by it, in a frame of kind `TrustStatement`.
//!
//! A list is a document like a card, except that it answers no question: it is passed on from node to node unchanged, kept
//! on disk and read again. Its epoch is its serial, so a list never takes the place of a later one.
//!
//! # Invariants
//!
//! - Holding a [`SignedRevocations`] proves that its anchor signed it for its domain. Whether that key is an anchor is for a
//!   policy to say.
//! - A list that is issued has everything that the one before it had, and a higher serial.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nuncio_msgs::Message;
use nuncio_msgs::nuncio_msgs::msg::{Revocation, RevocationList};

use super::context::Context;
use super::document::{self, DocumentPlace};
use super::frame::{Kind, Layout, Writer};
use super::key::{Identity, PublicKey};
use super::keystore::{Keystore, lock};
use super::peer_key::PeerKey;
use super::refusal::Refusal;
use super::signature_check::layout_refusal;
use crate::card::time_from_ns;
use crate::name::Domain;
use crate::private_file::{self, FileError, Others};

/// The place in the context of such a list.
const PLACE: &str = "@trust";

/// A full list has about 1.2 MB.
pub(crate) const REVOCATIONS_LEN_MAX: usize = 2 << 20;

/// The most keys on a list, as its schema says.
pub const REVOCATIONS_MAX: usize = 4096;

/// One key that is refused from an instant on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revoked {
    /// The key.
    pub key: PublicKey,
    /// The first instant at which it is refused, in nanoseconds since 1970.
    pub since_ns: i64,
    /// Why, for people: at most 256 bytes.
    pub reason: String,
}

/// All keys that one anchor has revoked, with its signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedRevocations {
    anchor: PublicKey,
    serial: u64,
    issued_ns: i64,
    revoked: Vec<Revoked>,
    bytes: Vec<u8>,
}

impl SignedRevocations {
    /// Signs a list of what stands on the list before it and more. A key that is on both keeps the earlier instant.
    ///
    /// # Errors
    ///
    /// [`RevocationError`] when the list before is another anchor's, or when there is too much on the new one.
    pub fn issue(
        anchor: &Identity,
        domain: &Domain,
        before: Option<&Self>,
        more: &[Revoked],
        now_ns: i64,
    ) -> Result<Self, RevocationError> {
        let key = anchor.public_key();
        if let Some(before) = before.filter(|before| before.anchor != key) {
            let found = before.anchor;
            return Err(RevocationError::OtherAnchor { anchor: key, found });
        }
        let mut all: BTreeMap<PublicKey, Revoked> = BTreeMap::new();
        for entry in before.map(Self::revoked).unwrap_or_default().iter().chain(more) {
            match all.get(&entry.key) {
                Some(earlier) if earlier.since_ns <= entry.since_ns => {}
                _ => drop(all.insert(entry.key, entry.clone())),
            }
        }
        if all.len() > REVOCATIONS_MAX {
            return Err(RevocationError::TooMany { found: all.len() });
        }
        // As with epochs: two machines that issue from the same list are told apart by the time.
        let now_ms = u64::try_from(now_ns / 1_000_000).unwrap_or_default();
        let serial = before.map_or(1, |before| before.serial.saturating_add(1)).max(now_ms);
        let entries = all.values().map(|entry| Revocation {
            key: *entry.key.as_bytes(),
            since_ns: entry.since_ns,
            reason: entry.reason.clone(),
        });
        let list = RevocationList {
            serial,
            issued: time_from_ns(now_ns),
            revoked: entries.collect(),
        };
        let place = DocumentPlace {
            kind: Kind::TrustStatement,
            context: context(domain),
            writer: Writer::derive("", PLACE, 0),
            epoch: serial,
            number: 1,
            time_ns: now_ns,
        };
        Ok(Self {
            anchor: key,
            serial,
            issued_ns: now_ns,
            revoked: all.into_values().collect(),
            bytes: document::seal(anchor, &list, &place).map_err(RevocationError::Refused)?,
        })
    }

    /// Reads a list that was signed for this domain, and verifies it.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the bytes are no such list or the signature does not hold.
    pub fn read(bytes: &[u8], domain: &Domain) -> Result<Self, Refusal> {
        let anchor = Self::claimed_anchor(bytes)?;
        let enrolled = PeerKey::enrol(anchor)?;
        let (list, header): (RevocationList, _) =
            document::open_with(bytes, Kind::TrustStatement, &context(domain), &enrolled)?;
        if header.epoch != list.serial {
            let detail = format!("list {} in a frame of epoch {}", list.serial, header.epoch);
            return Err(Refusal::new(super::refusal::Reason::Malformed, Some(anchor), detail));
        }
        let entries = list.revoked.into_iter().map(|entry| Revoked {
            key: PublicKey::from_bytes(entry.key),
            since_ns: entry.since_ns,
            reason: entry.reason,
        });
        Ok(Self {
            anchor,
            serial: list.serial,
            issued_ns: header.first_time_ns,
            revoked: entries.collect(),
            bytes: bytes.to_vec(),
        })
    }

    /// Who revoked the keys.
    pub fn anchor(&self) -> PublicKey {
        self.anchor
    }

    /// Grows with every list of the anchor.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// When it was signed, by the anchor's clock, in nanoseconds since 1970.
    pub fn issued_ns(&self) -> i64 {
        self.issued_ns
    }

    /// Whose list these bytes claim to be, at no cost: nothing is verified.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the bytes are no frame.
    pub(crate) fn claimed_anchor(bytes: &[u8]) -> Result<PublicKey, Refusal> {
        Ok(Layout::parse(bytes).map_err(layout_refusal)?.header.key)
    }

    /// The revoked keys.
    pub fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }

    /// The frame, as it was signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn context(domain: &Domain) -> Context {
    let (name, hash) = (RevocationList::TYPE_NAME, &RevocationList::TYPE_HASH);
    Context::new(domain, PLACE, name, hash, Kind::TrustStatement, &[])
}

impl Keystore {
    /// The newest list of revocations that is kept of an anchor.
    ///
    /// # Errors
    ///
    /// [`RevocationError`] when it is damaged or open to others. It is never passed over: keys would be believed again.
    pub fn revocations(
        &self,
        domain: &Domain,
        anchor: PublicKey,
    ) -> Result<Option<SignedRevocations>, RevocationError> {
        self.path().map_or(Ok(None), |dir| read_kept(dir, domain, anchor))
    }

    /// Revokes keys with the anchor's identity: adds them to the list that is kept, signs it and keeps it. Nodes with this
    /// keystore take it in when they start; [`Node::spread_revocations`](crate::Node::spread_revocations) tells others.
    ///
    /// # Errors
    ///
    /// [`RevocationError`] when the list cannot be read, signed or stored.
    pub fn revoke(
        &self,
        anchor: &Identity,
        domain: &Domain,
        more: &[Revoked],
        now_ns: i64,
    ) -> Result<SignedRevocations, RevocationError> {
        let Some(dir) = self.path() else {
            return SignedRevocations::issue(anchor, domain, None, more, now_ns);
        };
        let _lock = lock(dir).map_err(RevocationError::File)?;
        let before = read_kept(dir, domain, anchor.public_key())?;
        let list = SignedRevocations::issue(anchor, domain, before.as_ref(), more, now_ns)?;
        store(dir, domain, &list)?;
        Ok(list)
    }

    /// Keeps a list, unless a later one is kept already.
    pub(crate) fn keep_revocations(&self, domain: &Domain, list: &SignedRevocations) -> Result<(), RevocationError> {
        let Some(dir) = self.path() else { return Ok(()) };
        let _lock = lock(dir).map_err(RevocationError::File)?;
        match read_kept(dir, domain, list.anchor) {
            Ok(Some(kept)) if kept.serial >= list.serial => Ok(()),
            _ => store(dir, domain, list),
        }
    }
}

fn path_of(dir: &Path, domain: &Domain, anchor: PublicKey) -> PathBuf {
    dir.join("state")
        .join(format!("revoked-{domain}-{}", anchor.to_multibase()))
}

fn read_kept(dir: &Path, domain: &Domain, anchor: PublicKey) -> Result<Option<SignedRevocations>, RevocationError> {
    let path = path_of(dir, domain, anchor);
    let max = u64::try_from(REVOCATIONS_LEN_MAX).unwrap_or(u64::MAX);
    let Some(content) = private_file::read(&path, Others::Read, max).map_err(RevocationError::File)? else {
        return Ok(None);
    };
    match SignedRevocations::read(&content, domain) {
        Ok(list) if list.anchor == anchor => Ok(Some(list)),
        Ok(list) => {
            let found = list.anchor;
            Err(RevocationError::OtherAnchor { anchor, found })
        }
        Err(refusal) => Err(RevocationError::Damaged { path, refusal }),
    }
}

fn store(dir: &Path, domain: &Domain, list: &SignedRevocations) -> Result<(), RevocationError> {
    let path = path_of(dir, domain, list.anchor);
    private_file::replace(&path, &list.bytes).map_err(|error| RevocationError::NotStored { path, error })
}

/// Why a list of revocations could not be issued, read or kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum RevocationError {
    /// The list is another anchor's.
    OtherAnchor {
        /// Whose it should be.
        anchor: PublicKey,
        /// Whose it is.
        found: PublicKey,
    },
    /// There are too many keys on it.
    TooMany {
        /// How many.
        found: usize,
    },
    /// It cannot be signed.
    Refused(Refusal),
    /// The file cannot be used as it is.
    File(FileError),
    /// The file holds something else.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        refusal: Refusal,
    },
    /// It could not be put on the disk.
    NotStored {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for RevocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherAnchor { anchor, found } => write!(
                f,
                "expected a list of revocations by {anchor}, found one by {found}; each anchor has a list of its own"
            ),
            Self::TooMany { found } => write!(
                f,
                "a list has room for {REVOCATIONS_MAX} revoked keys, found {found}; \
                 make a new anchor, and take the old one out of trust.toml"
            ),
            Self::Refused(refusal) => write!(f, "the list cannot be signed: {refusal}"),
            Self::File(error) => error.fmt(f),
            Self::Damaged { path, refusal } => write!(
                f,
                "{path} must hold a signed list of revocations, found something else ({refusal}); \
                 put it back from another node, or remove it so that it is fetched anew",
                path = path.display()
            ),
            Self::NotStored { path, error } => {
                write!(f, "cannot store the list of revocations in {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for RevocationError {}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_NS: i64 = 1_700_000_000_000_000_000;

    fn revoked(seed: u8, since_ns: i64) -> Revoked {
        Revoked {
            key: Identity::from_seed(&[seed; 32]).public_key(),
            since_ns,
            reason: "lost".to_owned(),
        }
    }

    fn anchor() -> Identity {
        Identity::from_seed(&[9; 32])
    }

    #[test]
    fn a_list_has_everything_that_the_one_before_had_and_a_higher_serial() {
        let domain = Domain::default();
        let first =
            SignedRevocations::issue(&anchor(), &domain, None, &[revoked(1, 5), revoked(2, 5)], NOW_NS).unwrap();
        let more = [revoked(1, 7), revoked(2, 3), revoked(3, 9)];
        let second = SignedRevocations::issue(&anchor(), &domain, Some(&first), &more, NOW_NS - 1).unwrap();
        assert_eq!(second.serial(), first.serial() + 1, "although the clock went back");
        let mut since: Vec<_> = second.revoked().iter().map(|entry| entry.since_ns).collect();
        since.sort_unstable();
        assert_eq!(since, [3, 5, 9]);
        assert_eq!(SignedRevocations::read(second.bytes(), &domain).unwrap(), second);
        let other = Identity::from_seed(&[8; 32]);
        assert!(SignedRevocations::issue(&other, &domain, Some(&first), &more, NOW_NS).is_err());
    }

    #[test]
    fn a_list_holds_for_its_domain_and_unaltered_only() {
        let domain = Domain::default();
        let list = SignedRevocations::issue(&anchor(), &domain, None, &[revoked(1, 5)], NOW_NS).unwrap();
        assert!(SignedRevocations::read(list.bytes(), &Domain::parse("7").unwrap()).is_err());
        for at in 0..list.bytes().len() {
            let mut altered = list.bytes().to_vec();
            altered[at] ^= 1;
            assert!(SignedRevocations::read(&altered, &domain).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_list_outlives_the_process_and_a_damaged_one_is_never_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let domain = Domain::default();
        let keystore = Keystore::open(home.path().join("keys")).unwrap();
        let first = keystore.revoke(&anchor(), &domain, &[revoked(1, 5)], NOW_NS).unwrap();
        let second = keystore.revoke(&anchor(), &domain, &[revoked(2, 5)], NOW_NS).unwrap();
        assert_eq!(second.revoked().len(), 2);
        keystore.keep_revocations(&domain, &first).unwrap();
        let key = anchor().public_key();
        assert_eq!(keystore.revocations(&domain, key).unwrap(), Some(second));
        let path = path_of(keystore.path().unwrap(), &domain, key);
        std::fs::write(&path, "x").unwrap();
        let said = keystore.revocations(&domain, key).unwrap_err().to_string();
        assert!(said.contains(&path.display().to_string()), "{said}");
        assert!(keystore.revoke(&anchor(), &domain, &[revoked(3, 5)], NOW_NS).is_err());
    }
}
