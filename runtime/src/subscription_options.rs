//! What a subscription takes, and how: chosen once, when it is made.

use crate::qos::QosProfile;

/// How a subscription takes messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SubscriptionOptions {
    /// Reliability and queue.
    pub qos: QosProfile,
    /// Whether recordings that are played back are accepted. Their provenance says so.
    pub accept_replay: bool,
    /// The largest frame accepted on this topic, in bytes; a translated payload may be as long. A larger one is refused as
    /// `TooLarge` before it is hashed or copied. `None`: what the node's link takes,
    /// [`LinkConfig::frame_len_max`](crate::LinkConfig).
    pub frame_len_max: Option<usize>,
    /// Which versions of the type are accepted. An untyped subscription takes every type as it is.
    pub type_versions: TypeVersions,
    /// What is done with messages that await a second signer's approval.
    pub unapproved: Unapproved,
}

/// Which versions of its type a typed subscription accepts. Versions have one name and different hashes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum TypeVersions {
    /// The very type. Messages of other versions are refused.
    #[default]
    Exact,
    /// Also older and newer versions that differ in additions only, as `nuncio interface diff` grades them. Their messages
    /// are translated by field name, through the type description that their publisher serves: fields that are new here
    /// take the schema's default, fields that are not known here are left out. [`MessageInfo::translated_from`](crate::MessageInfo) tells.
    Additive,
}

/// What a subscription does with messages on a topic where trust.toml demands a second signer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unapproved {
    /// Holds them back until they are approved, and refuses those that are not.
    #[default]
    Hold,
    /// Gives everything at once, as [`ApprovalState::Pending`](crate::ApprovalState::Pending), also where this node's own
    /// trust policy demands nothing. For those who approve, and for those who only look: nothing may be moved by it.
    Show,
}

impl Default for SubscriptionOptions {
    fn default() -> Self {
        Self {
            qos: QosProfile::default(),
            accept_replay: false,
            frame_len_max: None,
            type_versions: TypeVersions::Exact,
            unapproved: Unapproved::Hold,
        }
    }
}

impl From<QosProfile> for SubscriptionOptions {
    fn from(qos: QosProfile) -> Self {
        Self { qos, ..Self::default() }
    }
}
