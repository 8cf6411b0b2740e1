//! The decision: may this key do this, here and now? A function of the policy and of what the key shows.
//!
//! The reasons come in a fixed order: `Revoked`, `CertInvalid`, `CertNotYetValid`, `CertExpired`, `NotPermitted`.
//!
//! - A revoked key is refused in every mode.
//! - A role is held by a direct grant or by a certificate, within its scope and time. Anchors hold none by themselves.
//! - The roles that a topic asks for are needed in every mode. That a role permits the action is asked in `enforce` only.
//! - A certificate that does not hold grants nothing. It refuses by itself only where a role is asked for, unless it rests
//!   on a revoked key: then it refuses in every mode, except what a direct grant permits.
//!
//! What is explained is what is decided: both come from one run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::certificate::CertificateError;
use super::certificate_chain::CertificateChain;
use super::key::PublicKey;
use super::refusal::Refusal;
use super::role::{Action, RoleName};
use super::survey::Survey;
use super::topic_limits::TopicLimits;
use super::trust_policy::TrustPolicy;
use crate::name::{Domain, TopicName};

/// What is asked of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The key that wants to do something. That it signed must be known already.
    pub key: PublicKey,
    /// The certificates that it shows, if any, or why they are none.
    pub certificate: Option<Result<&'a CertificateChain, &'a CertificateError>>,
    /// What it wants to do.
    pub action: Action,
    /// The topic or service.
    pub topic: &'a TopicName,
    /// The domain in which it happens.
    pub domain: &'a Domain,
    /// The receiver's clock, in nanoseconds since 1970.
    pub now_ns: i64,
}

/// The answer, and how long it holds for the same policy and the same certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// The permit, or why there is none.
    pub answer: Result<Permit, Refusal>,
    /// The first instant at which the answer holds.
    pub holds_from_ns: i64,
    /// The first instant at which time alone may change the answer.
    pub holds_until_ns: i64,
}

impl Decision {
    /// Whether the answer still holds: no bound of time lies between it and `now_ns`, which may have jumped both ways.
    pub const fn holds_at(&self, now_ns: i64) -> bool {
        self.holds_from_ns <= now_ns && (now_ns < self.holds_until_ns || self.holds_until_ns == i64::MAX)
    }
}

/// What a key may do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permit {
    /// The roles that permit it.
    pub roles: BTreeSet<RoleName>,
    /// What each message must keep to. Empty for services.
    pub limits: Arc<TopicLimits>,
    /// Why `enforce` would refuse it, when the mode does not ask for roles and none permits it.
    pub unasked: Option<Refusal>,
}

/// One rule that was looked at on the way to a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// Where the rule stands, such as `grants.alice` or `certificate`.
    pub rule: String,
    /// What it did.
    pub outcome: StepOutcome,
    /// In words.
    pub detail: String,
}

/// What one rule did for a decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StepOutcome {
    /// It permits what is asked.
    Permits,
    /// It refuses what is asked.
    Refuses,
    /// It does neither.
    Passed,
}

impl StepOutcome {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permits => "permits",
            Self::Refuses => "refuses",
            Self::Passed => "passed",
        }
    }
}

impl TrustPolicy {
    /// Whether the key may do what it wants.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        Survey::new(self, question, None).decide()
    }

    /// As [`decide`](Self::decide), with the rules that were looked at, in order.
    pub fn explain(&self, question: &Question<'_>) -> (Decision, Vec<Step>) {
        let mut steps = Vec::new();
        let decision = Survey::new(self, question, Some(&mut steps)).decide();
        (decision, steps)
    }

    /// Whether the key holds the role in a scope that has the topic, as a second signer must. The action is not asked
    /// about, and neither is the mode.
    pub fn holds_role(&self, role: &RoleName, question: &Question<'_>) -> Decision {
        Survey::new(self, question, None).holds_role(role)
    }
}

#[cfg(test)]
mod tests;
