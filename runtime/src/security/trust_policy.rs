//! The trust policy: how strictly a node believes, whom, and within which bounds of time.
//!
//! A policy is a value: what trust.toml says, or a mode alone. What it says of one key is decided in
//! [`decision`](super::decision). Clones share their content.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::key::PublicKey;
use super::role::{Nickname, Role, RoleName};
use super::topic_limits::TopicLimits;
use super::topic_pattern::TopicPattern;
use crate::name::{Domain, TopicName};

/// How a node treats keys that it has not been told about. No mode delivers anything whose signature does not hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum TrustMode {
    /// Verify, count, and deliver with the verdict; a changed key is delivered and marked.
    Observe,
    /// Trust on first use: the first key seen under a node name, and on a topic of an `@exclusive` type, is pinned;
    /// a change is refused and explained.
    #[default]
    Tofu,
    /// Deny by default: a key needs a role that permits what it does. Pins are not asked.
    Enforce,
}

impl TrustMode {
    /// All modes, the weakest first.
    pub const ALL: [Self; 3] = [Self::Observe, Self::Tofu, Self::Enforce];

    /// The word for it in configuration and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Tofu => "tofu",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for TrustMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TrustMode {
    type Err = TrustModeError;

    fn from_str(text: &str) -> Result<Self, TrustModeError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| TrustModeError { text: text.to_owned() })
    }
}

/// A word that names no trust mode.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustModeError {
    text: String,
}

impl fmt::Display for TrustModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a trust mode is `observe`, `tofu` or `enforce`, found {:?}",
            self.text
        )
    }
}

impl std::error::Error for TrustModeError {}

/// Whom a node believes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustPolicy {
    /// How keys are accepted.
    pub mode: TrustMode,
    /// How far back a source time may lie by the receiver's clock. `None`: not checked, which is right where clocks
    /// are not synchronised; freshness then follows from the first-contact query alone.
    pub stamp_age_max: Option<Duration>,
    /// How far ahead a source time may lie by the receiver's clock. `None`: not checked.
    pub stamp_ahead_max: Option<Duration>,
    pub(super) rules: Arc<Rules>,
    /// The keys that are refused, and from which instant on, in nanoseconds since 1970.
    pub(super) revoked: Arc<BTreeMap<PublicKey, i64>>,
    /// An instant that has passed for certain: what was revoked until then stays so, whatever a clock says later.
    pub(super) passed_ns: i64,
}

/// What trust.toml says of keys and topics, revocations apart.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Rules {
    pub(super) domain: Option<Domain>,
    pub(super) anchors: BTreeMap<Nickname, PublicKey>,
    pub(super) roles: BTreeMap<RoleName, Role>,
    pub(super) grants: BTreeMap<PublicKey, Vec<Grant>>,
    pub(super) topics: Vec<(TopicPattern, TopicLimits)>,
}

/// Roles for a key that is known directly.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// What people call the key.
    pub nickname: Nickname,
    /// The key.
    pub key: PublicKey,
    /// The roles that it holds.
    pub roles: BTreeSet<RoleName>,
    /// The topics and services that the roles hold for.
    pub scope: BTreeSet<TopicPattern>,
    /// The first instant at which it holds, in nanoseconds since 1970.
    pub not_before_ns: Option<i64>,
    /// The first instant at which it holds no more, in nanoseconds since 1970.
    pub expires_ns: Option<i64>,
}

impl TrustPolicy {
    /// The default policy in another mode.
    pub fn in_mode(mode: TrustMode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// The same for one domain only, or for all.
    pub(super) fn for_domain(self, domain: Option<Domain>) -> Self {
        let rules = Arc::new(Rules {
            domain,
            ..Rules::default()
        });
        Self { rules, ..self }
    }

    /// The domain that the policy is for, if it says so. A node of another domain must not use it.
    pub fn domain(&self) -> Option<&Domain> {
        self.rules.domain.as_ref()
    }

    /// Whether anything is said of keys: anchors or direct grants. Without, nobody holds a role.
    pub fn has_rules(&self) -> bool {
        !(self.rules.anchors.is_empty() && self.rules.grants.is_empty())
    }

    /// The keys that may sign certificates and revocations.
    pub fn anchors(&self) -> impl Iterator<Item = (&Nickname, PublicKey)> {
        self.rules.anchors.iter().map(|(nickname, key)| (nickname, *key))
    }

    /// Whether the key may sign certificates and revocations. An anchor that is revoked may not: see
    /// [`revoked_at`](Self::revoked_at).
    pub fn is_anchor(&self, key: PublicKey) -> bool {
        self.rules.anchors.values().any(|anchor| *anchor == key)
    }

    /// The roles by name.
    pub fn roles(&self) -> impl Iterator<Item = (&RoleName, &Role)> {
        self.rules.roles.iter()
    }

    /// The keys that are known directly.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.rules.grants.values().flatten()
    }

    /// The limits by pattern, as trust.toml has them.
    pub fn topics(&self) -> impl Iterator<Item = (&TopicPattern, &TopicLimits)> {
        self.rules.topics.iter().map(|(pattern, limits)| (pattern, limits))
    }

    /// The roles of which a holder each has to approve what is published on a topic, before it is delivered. Approvals
    /// themselves need no approval.
    pub fn second_signers(&self, topic: &TopicName) -> BTreeSet<RoleName> {
        let entries = self.rules.topics.iter().filter(|(pattern, _)| pattern.matches(topic));
        let roles = entries.flat_map(|(_, limits)| limits.second_signers.iter().cloned());
        roles.filter(|_| topic.approved().is_none()).collect()
    }

    /// The revoked keys, and from which instant on they are refused.
    pub fn revocations(&self) -> impl Iterator<Item = (PublicKey, i64)> {
        self.revoked.iter().map(|(key, at_ns)| (*key, *at_ns))
    }

    /// The instant from which on the key is refused, if it was revoked.
    pub fn revoked_at(&self, key: PublicKey) -> Option<i64> {
        self.revoked.get(&key).copied()
    }

    /// The policy with more revocations, such as those that an anchor has signed. Of two instants for one key the
    /// earlier one counts, so nothing is taken back by this.
    #[must_use]
    pub fn with_revocations(&self, more: &[(PublicKey, i64)]) -> Self {
        let mut revoked = (*self.revoked).clone();
        for (key, at_ns) in more {
            revoked
                .entry(*key)
                .and_modify(|earlier| *earlier = (*earlier).min(*at_ns))
                .or_insert(*at_ns);
        }
        Self {
            revoked: Arc::new(revoked),
            ..self.clone()
        }
    }
}
