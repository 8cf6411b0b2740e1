//! Successions: one key says that another follows it, in signed text that people can read, so that a key can be changed
//! without anybody having to be told.
//!
//! ```text
//! nuncio succession v1
//! domain: 0
//! old: did:key:z6Mk…
//! new: did:key:z6Mk…
//! from: 2026-11-21T14:00:00Z
//! until: 2026-11-22T14:00:00Z
//! old-signature: <base64>
//! new-signature: <base64>
//! ```
//!
//! Where keys are pinned on first use, the pin moves to the new key. Both keys are accepted until `until`, so that the old
//! instance of a node can go on while the new one starts; from then on the old key is refused. A node that was away for a
//! while follows several steps at once: up to three are shown.
//!
//! # What it does not do
//!
//! It grants no role: in mode `enforce` both keys must be permitted. It does not help against a stolen key, because the
//! thief can sign a succession too: revoke the key then. A succession from a revoked key counts for nothing.
//!
//! # Invariants
//!
//! - There is one text for each succession; a text that would be written in another way is refused.
//! - Holding a [`Succession`] proves that both keys signed it.

use std::fmt;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::{EnrolledKey, Identity, PublicKey};
use super::keystore::{IdentityError, Keystore, lock};
use super::time_text::{SECOND_NS, parse_utc, utc_text};
use crate::name::Domain;
use crate::private_file::{self, FileError, Others};

/// The most successions that a node shows.
pub const SUCCESSIONS_MAX: usize = 3;

/// The name of the file in a keystore.
const SUCCESSION_FILE: &str = "identity.succession";

const FIRST_LINE: &str = "nuncio succession v1";
const LINES: usize = 8;
const FILE_LEN_MAX: u64 = 8192;

/// What a succession says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SuccessionTerms {
    /// The domain that it holds in.
    pub domain: Domain,
    /// The key until now.
    pub old: PublicKey,
    /// The key from now on.
    pub new: PublicKey,
    /// The first instant at which the new key is accepted, in nanoseconds since 1970. Written in whole seconds.
    pub from_ns: i64,
    /// The first instant at which the old key is refused, in nanoseconds since 1970. Written in whole seconds.
    pub until_ns: i64,
}

/// A succession that both keys have signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Succession {
    terms: SuccessionTerms,
    old_signature: [u8; 64],
    new_signature: [u8; 64],
}

impl Succession {
    /// Signs a succession with both keys. Times are rounded down to whole seconds.
    ///
    /// # Errors
    ///
    /// [`SuccessionError::Terms`] when the keys are the same one, or it ends before it begins.
    pub fn issue(
        old: &Identity,
        new: &Identity,
        domain: Domain,
        from_ns: i64,
        until_ns: i64,
    ) -> Result<Self, SuccessionError> {
        let whole = |time_ns: i64| time_ns.div_euclid(SECOND_NS).saturating_mul(SECOND_NS);
        let terms = SuccessionTerms {
            domain,
            old: old.public_key(),
            new: new.public_key(),
            from_ns: whole(from_ns),
            until_ns: whole(until_ns),
        };
        check_terms(&terms)?;
        let text = signed_text(&terms);
        Ok(Self {
            old_signature: old.sign(text.as_bytes()),
            new_signature: new.sign(text.as_bytes()),
            terms,
        })
    }

    /// Reads a succession and checks its form, its keys and both signatures.
    ///
    /// # Errors
    ///
    /// [`SuccessionError::Terms`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, SuccessionError> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return wrong(format!("expected the line {FIRST_LINE:?} first"));
        }
        let mut value = |name: &'static str| {
            let line = lines.next().unwrap_or_default();
            let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
            value.ok_or_else(|| SuccessionError::Terms(format!("expected a line {name:?} where it is due")))
        };
        let domain = Domain::parse(value("domain")?).map_err(|error| SuccessionError::Terms(error.to_string()))?;
        let key = |text: &str| {
            let key = text.parse::<PublicKey>();
            key.map_err(|error| SuccessionError::Terms(error.to_string()))
        };
        let time = |text: &str| {
            parse_utc(text).ok_or_else(|| SuccessionError::Terms(format!("expected an instant in UTC, found {text:?}")))
        };
        let terms = SuccessionTerms {
            domain,
            old: key(value("old")?)?,
            new: key(value("new")?)?,
            from_ns: time(value("from")?)?,
            until_ns: time(value("until")?)?,
        };
        let signature = |text: &str| {
            let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| SuccessionError::Terms("expected a signature of 64 bytes in base64".to_owned()))
        };
        let succession = Self {
            terms,
            old_signature: signature(value("old-signature")?)?,
            new_signature: signature(value("new-signature")?)?,
        };
        if succession.to_text() != text {
            return wrong("a succession is written in one way only; copy the whole text as it was issued".to_owned());
        }
        check_terms(&succession.terms)?;
        let signed = signed_text(&succession.terms);
        for (key, signature) in [
            (succession.terms.old, &succession.old_signature),
            (succession.terms.new, &succession.new_signature),
        ] {
            let enrolled = EnrolledKey::enrol(key).map_err(|weak| SuccessionError::Terms(weak.to_string()))?;
            if !enrolled.verify(signed.as_bytes(), signature) {
                return wrong(format!("the signature is not one of {key} for this text"));
            }
        }
        Ok(succession)
    }

    /// What it says.
    pub const fn terms(&self) -> &SuccessionTerms {
        &self.terms
    }

    /// The text, as [`parse`](Self::parse) reads it.
    pub fn to_text(&self) -> String {
        let mut text = signed_text(&self.terms);
        for (name, signature) in [("old", &self.old_signature), ("new", &self.new_signature)] {
            let _ = writeln!(text, "{name}-signature: {}", STANDARD.encode(signature));
        }
        text
    }
}

fn wrong<T>(message: String) -> Result<T, SuccessionError> {
    Err(SuccessionError::Terms(message))
}

fn check_terms(terms: &SuccessionTerms) -> Result<(), SuccessionError> {
    if terms.old == terms.new {
        return wrong(format!("a key cannot follow itself, found {} twice", terms.new));
    }
    if terms.from_ns < 0 || terms.until_ns < terms.from_ns {
        let (from, until) = (utc_text(terms.from_ns), utc_text(terms.until_ns));
        return wrong(format!("a succession ends after it begins, found {from} to {until}"));
    }
    Ok(())
}

fn signed_text(terms: &SuccessionTerms) -> String {
    format!(
        "{FIRST_LINE}\ndomain: {}\nold: {}\nnew: {}\nfrom: {}\nuntil: {}\n",
        terms.domain,
        terms.old,
        terms.new,
        utc_text(terms.from_ns),
        utc_text(terms.until_ns)
    )
}

/// One to three successions, newest first, each leading to the key that the next newer one begins with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SuccessionChain {
    steps: Vec<Succession>,
}

impl SuccessionChain {
    /// Reads the text of `identity.succession`.
    ///
    /// # Errors
    ///
    /// [`SuccessionError::Terms`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, SuccessionError> {
        let lines: Vec<&str> = text.split_inclusive('\n').take(LINES * SUCCESSIONS_MAX + 1).collect();
        let found = lines.len().div_ceil(LINES);
        if !(1..=SUCCESSIONS_MAX).contains(&found) {
            return wrong(format!("expected one to {SUCCESSIONS_MAX} successions, found {found}"));
        }
        let steps = lines.chunks(LINES).map(|lines| Succession::parse(&lines.concat()));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        let linked = steps.iter().zip(steps.iter().skip(1));
        if let Some((newer, older)) = linked
            .into_iter()
            .find(|(newer, older)| newer.terms.old != older.terms.new)
        {
            let (found, expected) = (older.terms.new, newer.terms.old);
            return wrong(format!(
                "expected the succession that led to {expected}, found that to {found}"
            ));
        }
        Ok(Self { steps })
    }

    /// The text, as [`parse`](Self::parse) reads it.
    pub fn to_text(&self) -> String {
        self.steps.iter().map(Succession::to_text).collect()
    }

    /// The successions, newest first.
    pub fn steps(&self) -> &[Succession] {
        &self.steps
    }

    /// The chain with one more step in front; the oldest leaves where there is no room.
    fn followed_by(chain: Option<Self>, newest: Succession) -> Self {
        let older = chain.into_iter().flat_map(|chain| chain.steps);
        let mut steps = vec![newest];
        steps.extend(older.take(SUCCESSIONS_MAX - 1));
        Self { steps }
    }

    /// The part that leads to `key`: a rotation that was not finished leaves a step to a key that is not in use.
    fn leading_to(mut self, key: PublicKey) -> Option<Self> {
        let first = self.steps.iter().position(|step| step.terms.new == key)?;
        self.steps.drain(..first);
        Some(self)
    }

    /// The steps that lead from `old` to `new` at this instant, newest first; `None` when they do not.
    pub(crate) fn road(
        &self,
        domain: &Domain,
        (old, new): (PublicKey, PublicKey),
        now_ns: i64,
    ) -> Option<&[Succession]> {
        let first = self.steps.first().filter(|step| step.terms.new == new)?;
        let last = self.steps.iter().position(|step| step.terms.old == old)?;
        let road = self.steps.get(..=last)?;
        let holds = |step: &Succession| step.terms.domain == *domain && step.terms.from_ns <= now_ns;
        (holds(first) && road.iter().all(holds)).then_some(road)
    }
}

impl Keystore {
    /// The successions that led to `key`, if its file has any.
    ///
    /// # Errors
    ///
    /// [`SuccessionError`] when the file cannot be used as it is.
    pub fn successions(&self, key: PublicKey) -> Result<Option<SuccessionChain>, SuccessionError> {
        let Some(path) = self.path().map(|dir| dir.join(SUCCESSION_FILE)) else {
            return Ok(None);
        };
        let Some(content) = private_file::read(&path, Others::Read, FILE_LEN_MAX).map_err(SuccessionError::File)?
        else {
            return Ok(None);
        };
        let parsed = str::from_utf8(&content)
            .map_err(|_| SuccessionError::Terms("expected UTF-8 text, found other bytes".to_owned()))
            .and_then(SuccessionChain::parse);
        match parsed {
            Ok(chain) => Ok(chain.leading_to(key)),
            Err(error) => Err(SuccessionError::Content {
                path,
                problem: error.to_string(),
            }),
        }
    }

    /// Gives the keystore a new key that follows the present one, which is kept aside in `identity-<key>.key`. Nodes that run
    /// go on with the present key until they are started again; both are accepted for the time of `overlap_ns`.
    ///
    /// Certificates are not changed: have `identity.cert` issued for the new key before a node is started again.
    ///
    /// # Errors
    ///
    /// [`SuccessionError`] when there is no key, or a file cannot be read or written. The present key stays then.
    pub fn rotate(&self, domain: &Domain, now_ns: i64, overlap_ns: i64) -> Result<Succession, SuccessionError> {
        let old = self.stored_identity().map_err(SuccessionError::Identity)?;
        let (Some(dir), Some(old)) = (self.path(), old) else {
            return Err(SuccessionError::NoKey);
        };
        let before = self.successions(old.public_key())?;
        let new =
            Identity::generate().map_err(|error| SuccessionError::Identity(IdentityError::NoRandomness(error)))?;
        let succession = Succession::issue(
            &old,
            &new,
            domain.clone(),
            now_ns,
            now_ns.saturating_add(overlap_ns.max(0)),
        )?;
        let chain = SuccessionChain::followed_by(before, succession.clone());
        let _lock = lock(dir).map_err(SuccessionError::File)?;
        let aside = dir.join(format!("identity-{}.key", old.public_key().to_multibase()));
        let not_stored = |path: &PathBuf, error| SuccessionError::NotStored {
            path: path.clone(),
            error,
        };
        private_file::create_once(&aside, old.to_pkcs8_pem().as_bytes()).map_err(|error| not_stored(&aside, error))?;
        // The key comes last: until it is there, the old one is in use and the new step is passed over.
        let statement = dir.join(SUCCESSION_FILE);
        private_file::replace(&statement, chain.to_text().as_bytes()).map_err(|error| not_stored(&statement, error))?;
        let key = dir.join("identity.key");
        private_file::replace(&key, new.to_pkcs8_pem().as_bytes()).map_err(|error| not_stored(&key, error))?;
        Ok(succession)
    }
}

/// Why there is no succession, or a key was not rotated.
#[derive(Debug)]
#[non_exhaustive]
pub enum SuccessionError {
    /// The text or the terms make no succession.
    Terms(String),
    /// The file holds something else than successions.
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The file cannot be used as it is.
    File(FileError),
    /// The key cannot be read or made.
    Identity(IdentityError),
    /// There is no key that another could follow.
    NoKey,
    /// A file could not be written.
    NotStored {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for SuccessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terms(message) => f.write_str(message),
            Self::Content { path, problem } => write!(
                f,
                "{}: {problem}; put the file back, or remove it so that others must trust the key anew",
                path.display()
            ),
            Self::File(error) => error.fmt(f),
            Self::Identity(error) => error.fmt(f),
            Self::NoKey => f.write_str(
                "expected a key in the keystore that a new one could follow, found none; make one with `nuncio key new`",
            ),
            Self::NotStored { path, error } => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for SuccessionError {}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000 * SECOND_NS;

    fn identity(seed: u8) -> Identity {
        Identity::from_seed(&[seed; 32])
    }

    fn step(old: u8, new: u8) -> Succession {
        Succession::issue(
            &identity(old),
            &identity(new),
            Domain::default(),
            NOW,
            NOW + 60 * SECOND_NS,
        )
        .unwrap()
    }

    #[test]
    fn a_succession_is_read_as_it_was_issued_and_not_one_byte_otherwise() {
        let text = step(1, 2).to_text();
        assert_eq!(Succession::parse(&text).unwrap(), step(1, 2));
        for at in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[at] ^= 1;
            let Ok(altered) = String::from_utf8(altered) else {
                continue;
            };
            assert!(Succession::parse(&altered).is_err(), "byte {at}");
        }
        assert!(Succession::issue(&identity(1), &identity(1), Domain::default(), NOW, NOW).is_err());
        assert!(Succession::issue(&identity(1), &identity(2), Domain::default(), NOW, NOW - SECOND_NS).is_err());
    }

    #[test]
    fn a_succession_that_the_old_key_did_not_sign_is_none() {
        let forged = Succession {
            old_signature: identity(3).sign(signed_text(step(1, 2).terms()).as_bytes()),
            ..step(1, 2)
        };
        let said = Succession::parse(&forged.to_text()).unwrap_err().to_string();
        assert!(said.contains(&identity(1).public_key().to_string()), "{said}");
    }

    #[test]
    fn a_road_leads_over_several_steps_in_its_domain_and_time_only() {
        let text = step(2, 3).to_text() + &step(1, 2).to_text();
        let chain = SuccessionChain::parse(&text).unwrap();
        let key = |seed| identity(seed).public_key();
        let domain = Domain::default();
        assert_eq!(chain.road(&domain, (key(1), key(3)), NOW).unwrap().len(), 2);
        assert_eq!(chain.road(&domain, (key(2), key(3)), NOW).unwrap().len(), 1);
        assert!(chain.road(&domain, (key(1), key(3)), NOW - 1).is_none());
        assert!(chain.road(&domain, (key(4), key(3)), NOW).is_none());
        assert!(chain.road(&domain, (key(1), key(2)), NOW).is_none());
        assert!(
            chain
                .road(&Domain::parse("7").unwrap(), (key(1), key(3)), NOW)
                .is_none()
        );
        assert!(SuccessionChain::parse(&(step(3, 4).to_text() + &step(1, 2).to_text())).is_err());
    }

    #[test]
    fn a_rotated_keystore_has_a_new_key_and_shows_at_most_three_steps() {
        let home = tempfile::tempdir().unwrap();
        let keystore = Keystore::open(home.path().join("keys")).unwrap();
        assert!(matches!(
            keystore.rotate(&Domain::default(), NOW, 0),
            Err(SuccessionError::NoKey)
        ));
        let mut key = keystore.identity().unwrap().public_key();
        for steps in [1, 2, 3, 3] {
            let succession = keystore.rotate(&Domain::default(), NOW, 60 * SECOND_NS).unwrap();
            assert_eq!(succession.terms().old, key);
            let aside = format!("identity-{}.key", key.to_multibase());
            assert!(keystore.path().unwrap().join(aside).exists());
            key = keystore.identity().unwrap().public_key();
            assert_eq!(succession.terms().new, key);
            assert_eq!(keystore.successions(key).unwrap().unwrap().steps().len(), steps);
        }
        // As after a crash before the last step: the key is still the old one.
        let old = keystore.successions(key).unwrap().unwrap().steps()[0].terms().old;
        assert_eq!(keystore.successions(old).unwrap().unwrap().steps().len(), 2);
    }
}
