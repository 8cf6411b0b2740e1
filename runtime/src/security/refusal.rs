//! Refusals: the numbered reasons for which a frame or a message never reaches anybody.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::equivocation::Equivocation;
use super::key::PublicKey;

/// Why something was refused, in the order in which a receiver checks. The numbers are stable.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[repr(u8)]
pub enum Reason {
    /// The bytes are no frame at all.
    NotAFrame = 1,
    /// A frame of another version of the format.
    UnsupportedVersion = 2,
    /// A signature suite that this program does not have.
    UnsupportedSuite = 3,
    /// A frame whose parts contradict the format.
    Malformed = 4,
    /// More bytes than the subscription accepts.
    TooLarge = 5,
    /// A message of another type than the one subscribed to.
    TypeMismatch = 6,
    /// No card vouches for this key or for this writer of it.
    UnknownKey = 7,
    /// A key under which anybody could sign, or one that has several forms.
    WeakKey = 8,
    /// A key that was revoked.
    Revoked = 9,
    /// A certificate that does not verify.
    CertInvalid = 10,
    /// A certificate or a grant that is not valid yet.
    CertNotYetValid = 11,
    /// A certificate or a grant whose time is over.
    CertExpired = 12,
    /// The key has no role for this topic.
    NotPermitted = 13,
    /// An instance of the publisher that a later one has replaced.
    StaleEpoch = 14,
    /// A number below everything that can still be told from a repetition.
    TooOld = 15,
    /// A source time further back than the policy allows.
    StampTooOld = 16,
    /// A source time further ahead than the policy allows.
    StampInFuture = 17,
    /// A recording played back to a subscriber that has not asked for it.
    ReplayNotAllowed = 18,
    /// A signature that does not hold for these bytes in this place.
    BadSignature = 19,
    /// Two different contents under one number: the key was copied.
    Equivocation = 20,
    /// Another key than the one first seen under this node name or on this topic.
    PinMismatch = 21,
    /// Too much is waiting already.
    Overloaded = 22,
    /// A payload that is not one of its type.
    DecodeFailed = 23,
    /// A value outside of what the schema allows.
    LimitViolated = 24,
}

impl Reason {
    /// All reasons, by number.
    pub const ALL: [Self; 24] = [
        Self::NotAFrame,
        Self::UnsupportedVersion,
        Self::UnsupportedSuite,
        Self::Malformed,
        Self::TooLarge,
        Self::TypeMismatch,
        Self::UnknownKey,
        Self::WeakKey,
        Self::Revoked,
        Self::CertInvalid,
        Self::CertNotYetValid,
        Self::CertExpired,
        Self::NotPermitted,
        Self::StaleEpoch,
        Self::TooOld,
        Self::StampTooOld,
        Self::StampInFuture,
        Self::ReplayNotAllowed,
        Self::BadSignature,
        Self::Equivocation,
        Self::PinMismatch,
        Self::Overloaded,
        Self::DecodeFailed,
        Self::LimitViolated,
    ];

    /// The number, from 1.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The name, such as `BadSignature`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAFrame => "NotAFrame",
            Self::UnsupportedVersion => "UnsupportedVersion",
            Self::UnsupportedSuite => "UnsupportedSuite",
            Self::Malformed => "Malformed",
            Self::TooLarge => "TooLarge",
            Self::TypeMismatch => "TypeMismatch",
            Self::UnknownKey => "UnknownKey",
            Self::WeakKey => "WeakKey",
            Self::Revoked => "Revoked",
            Self::CertInvalid => "CertInvalid",
            Self::CertNotYetValid => "CertNotYetValid",
            Self::CertExpired => "CertExpired",
            Self::NotPermitted => "NotPermitted",
            Self::StaleEpoch => "StaleEpoch",
            Self::TooOld => "TooOld",
            Self::StampTooOld => "StampTooOld",
            Self::StampInFuture => "StampInFuture",
            Self::ReplayNotAllowed => "ReplayNotAllowed",
            Self::BadSignature => "BadSignature",
            Self::Equivocation => "Equivocation",
            Self::PinMismatch => "PinMismatch",
            Self::Overloaded => "Overloaded",
            Self::DecodeFailed => "DecodeFailed",
            Self::LimitViolated => "LimitViolated",
        }
    }

    /// What was found, in one line.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NotAFrame => "the bytes are no frame at all",
            Self::UnsupportedVersion => "a frame of another version of the format",
            Self::UnsupportedSuite => "a signature suite that this program does not have",
            Self::Malformed => "a frame whose parts contradict the format",
            Self::TooLarge => "more bytes than the subscription accepts",
            Self::TypeMismatch => "a message of another type than the one subscribed to",
            Self::UnknownKey => "no card vouches for this key or for this writer of it",
            Self::WeakKey => "a key under which anybody could sign, or one that has several forms",
            Self::Revoked => "a key that was revoked",
            Self::CertInvalid => "a certificate that does not verify",
            Self::CertNotYetValid => "a certificate or a grant that is not valid yet",
            Self::CertExpired => "a certificate or a grant whose time is over",
            Self::NotPermitted => "the key has no role for this topic",
            Self::StaleEpoch => "an instance of the publisher that a later one has replaced",
            Self::TooOld => "a number below everything that can still be told from a repetition",
            Self::StampTooOld => "a source time further back than the policy allows",
            Self::StampInFuture => "a source time further ahead than the policy allows",
            Self::ReplayNotAllowed => "a recording played back to a subscriber that has not asked for it",
            Self::BadSignature => "a signature that does not hold for these bytes in this place",
            Self::Equivocation => "two different contents under one number: the key was copied",
            Self::PinMismatch => "another key than the one first seen under this node name or on this topic",
            Self::Overloaded => "too much is waiting already",
            Self::DecodeFailed => "a payload that is not one of its type",
            Self::LimitViolated => "a value outside of what the schema allows",
        }
    }

    /// What a person can do about it, in one line.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotAFrame => "something that is not Nuncio publishes on this key; find it with `nuncio topic info`",
            Self::UnsupportedVersion => "the publisher runs another version of Nuncio; update the older of the two",
            Self::UnsupportedSuite => "the publisher signs with a suite that this program lacks; update this program",
            Self::Malformed => "the bytes were damaged or forged on the way; check routers and links",
            Self::TooLarge => "raise the subscription's size limit, or make the message smaller",
            Self::TypeMismatch => "build both sides from the same schema; compare them with `nuncio interface show`",
            Self::UnknownKey => "the publisher is gone or hides its card; see that its node runs and can be reached",
            Self::WeakKey => "make the publisher a new key with `nuncio key new`",
            Self::Revoked => "give the publisher a new key: `nuncio key new --force` on its side",
            Self::CertInvalid => "have the certificate issued again",
            Self::CertNotYetValid => "check this host's clock, or wait until the certificate or the grant begins",
            Self::CertExpired => "have the certificate renewed, or change `expires` of the grant in trust.toml",
            Self::NotPermitted => "give the key a role for this topic: `nuncio trust add KEY --role ROLE`",
            Self::StaleEpoch => "an older instance of this node still publishes, or is being replayed; stop it",
            Self::TooOld => {
                "the frame is a repetition or came far too late; if it was not an attack, look for a slow link"
            }
            Self::StampTooOld => "check the clocks of both hosts and the delay of the link",
            Self::StampInFuture => "check the clocks of both hosts",
            Self::ReplayNotAllowed => "a recording is being played; opt in on the subscriber if you want it",
            Self::BadSignature => {
                "somebody altered, redirected or forged the frame; the real publisher need do nothing"
            }
            Self::Equivocation => "two programs sign with the same key; revoke it and give each its own",
            Self::PinMismatch => {
                "if the publisher has a new key on purpose, delete its line from known.toml and restart"
            }
            Self::Overloaded => "too many strangers at once; frames of known publishers are not affected",
            Self::DecodeFailed => "the publisher encodes another type under this hash; rebuild it from its schema",
            Self::LimitViolated => "the publisher sends a value that the schema forbids; correct it there",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One refusal: the reason, whom it concerns as far as that is known, and what was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// The key in the header. Only a signature that holds makes it more than a claim.
    pub claimed_key: Option<PublicKey>,
    /// What was expected and what was found.
    pub detail: Cow<'static, str>,
    /// What proves it to others: both frames of an `Equivocation`, where they were still there.
    pub evidence: Option<Arc<Equivocation>>,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, claimed_key: Option<PublicKey>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            claimed_key,
            detail: detail.into(),
            evidence: None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)?;
        if let Some(key) = self.claimed_key {
            write!(f, " (key {key})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_and_count_from_one() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(reason.number()), index + 1);
        }
    }
}
