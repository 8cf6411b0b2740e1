//! The keys that have a name on this machine: nicknames of trust.toml, pins of known.toml, and `me`.
//!
//! A name that stands for two keys is never guessed.

use std::error::Error;
use std::fmt;

use nuncio::security::key::{EnrolledKey, PublicKeyError, WeakKey};
use nuncio::security::keystore::Pins;
use nuncio::security::role::Nickname;
use nuncio::{Domain, PublicKey, TrustPolicy};
use nuncio_codegen::near_names;

/// The word for the own key.
pub(crate) const ME: &str = "me";

/// Every name of every key.
#[derive(Debug, Default)]
pub(crate) struct Acquaintances {
    own: Option<PublicKey>,
    names: Vec<Name>,
}

/// One name of one key.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) source: Source,
    pub(crate) key: PublicKey,
}

/// Where a name stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// A grant of trust.toml.
    Grant,
    /// An anchor of trust.toml.
    Anchor,
    /// A node that known.toml has pinned the key to.
    Node,
    /// A topic that known.toml has pinned the key to.
    Topic,
}

impl Source {
    /// The word for it in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Anchor => "anchor",
            Self::Node => "node",
            Self::Topic => "topic",
        }
    }
}

impl Acquaintances {
    /// Gathers the names. Pins of other domains are not looked at.
    pub(crate) fn gather(own: Option<PublicKey>, policy: &TrustPolicy, pins: &Pins, domain: &Domain) -> Self {
        let name = |text: &str, source, key| Name {
            text: text.to_owned(),
            source,
            key,
        };
        let grants = policy
            .grants()
            .map(|grant| name(grant.nickname.as_str(), Source::Grant, grant.key));
        let anchors = policy
            .anchors()
            .map(|(nickname, key)| name(nickname.as_str(), Source::Anchor, key));
        let nodes = pins.nodes().map(|pin| (pin, Source::Node));
        let topics = pins.topics().map(|pin| (pin, Source::Topic));
        let pinned = nodes
            .chain(topics)
            .filter(|((of, ..), _)| *of == domain.as_str())
            .map(|((_, text, key), source)| name(text, source, key));
        Self {
            own,
            names: grants.chain(anchors).chain(pinned).collect(),
        }
    }

    /// All names, those of trust.toml first.
    pub(crate) fn names(&self) -> &[Name] {
        &self.names
    }

    /// The own key, if there is one.
    pub(crate) fn own(&self) -> Option<PublicKey> {
        self.own
    }

    /// The key that a person means: its text, `me`, a nickname, or the name of a node.
    ///
    /// # Errors
    ///
    /// [`WhoError`] when it is no good key, when nobody has the name, or when several keys have it.
    pub(crate) fn find(&self, text: &str) -> Result<PublicKey, WhoError> {
        if text == ME {
            return self.own.ok_or(WhoError::NoOwnKey);
        }
        if text.starts_with("did:") || text.starts_with("z6Mk") {
            let whole = match text.starts_with('z') {
                true => format!("did:key:{text}"),
                false => text.to_owned(),
            };
            let key = PublicKey::parse(&whole).map_err(WhoError::Key)?;
            EnrolledKey::enrol(key).map_err(WhoError::Weak)?;
            return Ok(key);
        }
        let meant: Vec<&Name> = self.names.iter().filter(|name| name.is_meant_by(text)).collect();
        let Some((first, others)) = meant.split_first() else {
            let names = self.names.iter().filter(|name| name.source != Source::Topic);
            let near = near_names(text, names.map(|name| name.text.as_str()));
            return Err(WhoError::Unknown {
                text: text.to_owned(),
                near: near.into_iter().map(ToOwned::to_owned).collect(),
            });
        };
        if others.iter().any(|other| other.key != first.key) {
            return Err(WhoError::Ambiguous {
                text: text.to_owned(),
                meant: meant.into_iter().cloned().collect(),
            });
        }
        Ok(first.key)
    }

    /// What people call the key: its nickname, else the last part of its node's name.
    pub(crate) fn nickname(&self, key: PublicKey) -> Option<Nickname> {
        let of_source = |wanted: Source| {
            let mut names = self.names.iter();
            names.find(move |name| name.source == wanted && name.key == key)
        };
        let name = of_source(Source::Grant)
            .or_else(|| of_source(Source::Anchor))
            .or_else(|| of_source(Source::Node))?;
        name.text.rsplit('/').next().and_then(|text| Nickname::parse(text).ok())
    }
}

impl Name {
    fn is_meant_by(&self, text: &str) -> bool {
        match self.source {
            Source::Grant | Source::Anchor => self.text == text,
            Source::Node => self.text == text || self.text.strip_prefix('/') == Some(text),
            Source::Topic => false,
        }
    }
}

/// Why nobody is meant.
#[derive(Debug)]
pub(crate) enum WhoError {
    /// The text begins as a key, but is none.
    Key(PublicKeyError),
    /// A key that nobody can be.
    Weak(WeakKey),
    /// `me`, but there is no own key.
    NoOwnKey,
    /// Nobody has the name.
    Unknown { text: String, near: Vec<String> },
    /// Several keys have the name.
    Ambiguous { text: String, meant: Vec<Name> },
}

impl fmt::Display for WhoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(error) => error.fmt(f),
            Self::Weak(error) => error.fmt(f),
            Self::NoOwnKey => f.write_str("there is no key of this user's own yet; make it with `nuncio key new`"),
            Self::Unknown { text, near } => {
                write!(
                    f,
                    "expected a key (did:key:z6Mk…), `{ME}`, or a name in trust.toml or known.toml, found {text:?}"
                )?;
                match near.as_slice() {
                    [] => f.write_str("; `nuncio key list` shows the names"),
                    near => write!(f, "; did you mean {}?", near.join(" or ")),
                }
            }
            Self::Ambiguous { text, meant } => {
                write!(f, "{text:?} stands for several keys; name one of them:")?;
                meant
                    .iter()
                    .try_for_each(|name| write!(f, "\n  {}  the {} {}", name.key, name.source.as_str(), name.text))
            }
        }
    }
}

impl Error for WhoError {}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio::Identity;

    fn key(seed: u8) -> PublicKey {
        Identity::from_seed(&[seed; 32]).public_key()
    }

    fn acquaintances() -> Acquaintances {
        let name = |text: &str, source, seed| Name {
            text: text.to_owned(),
            source,
            key: key(seed),
        };
        Acquaintances {
            own: Some(key(9)),
            names: vec![
                name("alice", Source::Grant, 1),
                name("talker", Source::Grant, 2),
                name("fleet", Source::Anchor, 3),
                name("/talker", Source::Node, 4),
                name("/robot1/arm", Source::Node, 5),
                name("/cmd_vel", Source::Topic, 6),
            ],
        }
    }

    #[test]
    fn a_key_is_found_by_each_of_its_names() {
        let (known, found) = (acquaintances(), |seed| Some(key(seed)));
        let find = |text: &str| known.find(text).ok();
        assert_eq!(find("me"), found(9));
        assert_eq!(find("alice"), found(1));
        assert_eq!(find("fleet"), found(3));
        assert_eq!(find("/talker"), found(4));
        assert_eq!((find("/robot1/arm"), find("robot1/arm")), (found(5), found(5)));
        let text = key(7).to_string();
        assert_eq!(
            (find(&text), find(text.strip_prefix("did:key:").unwrap())),
            (found(7), found(7))
        );
        assert_eq!(find("/cmd_vel"), None, "a topic is nobody");
    }

    #[test]
    fn a_name_of_two_keys_is_not_guessed() {
        let error = acquaintances().find("talker").unwrap_err().to_string();
        let expected = format!(
            "\"talker\" stands for several keys; name one of them:\n  {}  the grant talker\n  {}  the node /talker",
            key(2),
            key(4)
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn a_name_of_nobody_is_told_with_what_is_near() {
        let error = |text: &str| acquaintances().find(text).unwrap_err().to_string();
        assert_eq!(
            error("alcie"),
            "expected a key (did:key:z6Mk…), `me`, or a name in trust.toml or known.toml, found \"alcie\"; \
             did you mean alice?"
        );
        assert!(error("bob").ends_with("; `nuncio key list` shows the names"));
        assert!(error("did:web:example.org").contains("did:key"));
        let weak = PublicKey::from_bytes([0; 32]).to_string();
        assert!(error(&weak).contains("its order is small"), "{}", error(&weak));
    }

    #[test]
    fn the_nickname_is_the_persons_own_word_first() {
        let known = acquaintances();
        let nickname = |seed| known.nickname(key(seed)).map(|name| name.to_string());
        assert_eq!(nickname(1).as_deref(), Some("alice"));
        assert_eq!(nickname(5).as_deref(), Some("arm"));
        assert_eq!(nickname(6), None);
    }
}
