//! What is refused, by this program and by the subscribers that have said so, and what that means for whom.

use std::time::Duration;

use nuncio::{Nickname, NodeName, PublicKey, Reason, Verdict};

use super::cause::{Cause, Confidence, Kind};
use super::facts::{Counted, Facts, PublisherSeen, SubscriberSeen};
use crate::render::short_key;

/// Who refuses.
#[derive(Clone, Copy, Debug)]
enum Judge<'a> {
    /// This program, by the keystore of whoever asks.
    Here,
    /// A subscriber, by its own keystore.
    There(&'a NodeName),
}

/// One refusal.
#[derive(Clone, Debug)]
struct Refused<'a> {
    by: Judge<'a>,
    /// Whose messages, if that is known.
    of: Option<&'a PublisherSeen>,
    /// The key that is refused, as far as it is known.
    key: Option<PublicKey>,
    reason: Reason,
    detail: &'a str,
}

/// What is refused. When a receiver was named that has answered, it alone counts.
pub(super) fn look(facts: &Facts, told: &[Cause]) -> Vec<Cause> {
    let mut causes = Vec::new();
    let has_answered = |subscriber: &SubscriberSeen| subscriber.answer.latest().is_some();
    if facts.asked.to.is_none() || !facts.subscribers.iter().any(has_answered) {
        by_this_program(facts, &mut causes);
    }
    for subscriber in &facts.subscribers {
        by_subscriber(facts, subscriber, told, &mut causes);
    }
    causes
}

fn by_this_program(facts: &Facts, causes: &mut Vec<Cause>) {
    for publisher in &facts.publishers {
        let (reason, detail) = match (&publisher.refusal, publisher.verdict) {
            (Some(refusal), _) => (refusal.reason, refusal.detail.as_ref()),
            (None, Some(Verdict::PinMismatch)) if publisher.heard == 0 => {
                (Reason::PinMismatch, "known.toml has another key for its name")
            }
            (None, _) => continue,
        };
        let refused = Refused {
            by: Judge::Here,
            of: Some(publisher),
            key: Some(publisher.key),
            reason,
            detail,
        };
        causes.push(refused.cause(facts, Confidence::Certain));
    }
    for seen in &facts.refusals {
        let of = seen.key.and_then(|key| facts.publisher_with(key));
        if facts.asked.from.is_some() && of.is_none() && seen.key.is_some() {
            continue;
        }
        let refused = Refused {
            by: Judge::Here,
            of,
            key: seen.key,
            reason: seen.reason,
            detail: &seen.detail,
        };
        let kind = refused.kind();
        let known = causes
            .iter()
            .any(|cause| cause.kind == kind && cause.publisher.as_ref() == of.map(|of| &of.node));
        // Some of what a publisher sends may be refused, and all else of it arrive.
        let confidence = match (of, kind) {
            (Some(_), Kind::RateExceeded | Kind::TooLarge | Kind::ApprovalMissing) => Confidence::Certain,
            (Some(of), _) if of.heard == 0 => Confidence::Certain,
            (None, _) if facts.publishers.iter().all(|publisher| publisher.heard == 0) => Confidence::Likely,
            _ => Confidence::Possible,
        };
        if !known {
            causes.push(refused.cause(facts, confidence));
        }
    }
}

fn by_subscriber(facts: &Facts, subscriber: &SubscriberSeen, told: &[Cause], causes: &mut Vec<Cause>) {
    let topic = &facts.asked.topic;
    let Some((total, lately)) = subscriber.answer.counted(topic) else {
        return;
    };
    let mut is_said = false;
    for reason in total.refused.keys() {
        let Some(reason) = Reason::ALL.into_iter().find(|known| known.as_str() == reason) else {
            continue;
        };
        let recent = subscriber.answer.refusal(reason.as_str(), topic);
        let key = recent
            .filter(|recent| recent.has_key)
            .map(|recent| PublicKey::from_bytes(recent.key));
        let of = key.and_then(|key| facts.publisher_with(key));
        let is_other = facts.asked.from.is_some() && of.is_none() && key.is_some();
        let is_type = reason == Reason::TypeMismatch
            && told
                .iter()
                .any(|cause| cause.kind == Kind::TypeDiffers && cause.subscriber.as_ref() == Some(&subscriber.node));
        if is_other || is_type {
            continue;
        }
        let Some(confidence) = certainty(reason, &total, &lately) else {
            continue;
        };
        let refused = Refused {
            by: Judge::There(&subscriber.node),
            of,
            key,
            reason,
            detail: recent.map_or("", |recent| recent.detail.as_str()),
        };
        is_said = true;
        causes.push(refused.cause(facts, confidence).to(&subscriber.node));
    }
    if !is_said && total.received == 0 {
        by_opinion(facts, subscriber, causes);
    }
}

/// How sure it is that what a subscriber refuses is why it gets nothing; `None` when that was long ago.
fn certainty(reason: Reason, total: &Counted, lately: &Counted) -> Option<Confidence> {
    match (
        total.received,
        lately.received,
        lately.refused.contains_key(reason.as_str()),
    ) {
        (0, ..) | (_, 0, true) => Some(Confidence::Certain),
        (_, _, true) => Some(Confidence::Likely),
        (_, 0, false) => Some(Confidence::Possible),
        (_, _, false) => None,
    }
}

/// What a subscriber thinks of the publishers, where none of their messages has come that it could refuse.
fn by_opinion(facts: &Facts, subscriber: &SubscriberSeen, causes: &mut Vec<Cause>) {
    let Some(said) = subscriber.answer.latest() else { return };
    for publisher in &facts.publishers {
        let opinion = said.peers.iter().find(|peer| peer.key == *publisher.key.as_bytes());
        let reason = match opinion.map(|peer| peer.verdict.as_str()) {
            Some("pin_mismatch") => Reason::PinMismatch,
            Some("not_permitted") => Reason::NotPermitted,
            _ => continue,
        };
        let refused = Refused {
            by: Judge::There(&subscriber.node),
            of: Some(publisher),
            key: Some(publisher.key),
            reason,
            detail: "",
        };
        causes.push(refused.cause(facts, Confidence::Likely).to(&subscriber.node));
    }
}

impl Refused<'_> {
    fn kind(&self) -> Kind {
        match self.reason {
            Reason::Revoked => Kind::KeyRevoked,
            Reason::CertExpired => Kind::CertificateExpired,
            Reason::CertNotYetValid => Kind::CertificateNotYetValid,
            Reason::CertInvalid => Kind::CertificateInvalid,
            Reason::NotPermitted if self.detail.contains("messages a second of one signer") => Kind::RateExceeded,
            Reason::NotPermitted if self.detail.contains("approval of") || self.detail.contains("was rejected by") => {
                Kind::ApprovalMissing
            }
            Reason::NotPermitted => Kind::RoleMissing,
            Reason::PinMismatch => Kind::PinMismatch,
            Reason::TypeMismatch => Kind::TypeDiffers,
            Reason::StampTooOld | Reason::StampInFuture => Kind::ClockOff,
            Reason::ReplayNotAllowed => Kind::Replay,
            Reason::TooLarge => Kind::TooLarge,
            Reason::LimitViolated | Reason::DecodeFailed => Kind::ValueRefused,
            Reason::UnknownKey => Kind::CardMissing,
            _ => Kind::Refused,
        }
    }

    fn cause(&self, facts: &Facts, confidence: Confidence) -> Cause {
        let cause = Cause::new(self.kind(), confidence, self.sentence(facts), self.remedy(facts)).reason(self.reason);
        match self.of {
            Some(publisher) => cause.from(&publisher.node),
            None => cause,
        }
    }

    /// The publisher, as it is named in a sentence.
    fn whose(&self) -> String {
        match (self.of, self.key) {
            (Some(publisher), _) => publisher.node.to_string(),
            (None, Some(key)) => format!("the holder of {}", short_key(&key)),
            (None, None) => "somebody".to_owned(),
        }
    }

    fn sentence(&self, facts: &Facts) -> String {
        let (whose, topic) = (self.whose(), &facts.asked.topic);
        let what = match self.kind() {
            Kind::KeyRevoked => format!("the key of {whose} is revoked"),
            Kind::CertificateExpired => format!("the certificate or grant of the key of {whose} has expired"),
            Kind::CertificateNotYetValid => format!("the certificate or grant of the key of {whose} is not valid yet"),
            Kind::CertificateInvalid => format!("the certificate of {whose} does not hold"),
            Kind::RateExceeded => format!("{whose} publishes more often than the rate limit of {topic} allows"),
            Kind::ApprovalMissing => {
                format!("{topic} needs a second signer, and nobody has approved the messages of {whose}")
            }
            Kind::RoleMissing => format!("the key of {whose} has no role that permits it to publish {topic}"),
            Kind::PinMismatch => format!("{whose} signs with another key than the one that was pinned first"),
            Kind::TypeDiffers => format!("the types differ: {whose} publishes {topic} with another type"),
            Kind::ClockOff => format!("by the clocks, the messages of {whose} are {}", self.off()),
            Kind::Replay => format!("{whose} plays a recording back (replay), and live messages alone are taken"),
            Kind::TooLarge => format!("{whose} sends a message that is too large"),
            Kind::ValueRefused => format!("{whose} sends values that are not what its type allows"),
            Kind::CardMissing => format!("{whose} publishes {topic}, and no signed card names it as a publisher there"),
            _ => format!("what {whose} sends on {topic} is refused: {}", self.reason.meaning()),
        };
        let detail = match self.detail {
            "" => String::new(),
            detail => format!(" ({})", detail.trim_end_matches('.')),
        };
        match self.by {
            Judge::Here => format!("{what}{detail}, so this program refuses it"),
            Judge::There(node) => format!("{what}{detail}, so {node} refuses it"),
        }
    }

    /// The flag that gives the key a name, where it has none yet.
    fn name(&self) -> String {
        let unnamed = self.of.filter(|publisher| publisher.nickname.is_none());
        let base = unnamed.and_then(|publisher| publisher.node.as_str().rsplit('/').next());
        let name = base.and_then(|base| Nickname::parse(base).ok());
        name.map_or_else(String::new, |name| format!(" --name {name}"))
    }

    const fn off(&self) -> &'static str {
        match self.reason {
            Reason::StampInFuture => "from the future",
            _ => "too old",
        }
    }

    fn remedy(&self, facts: &Facts) -> String {
        let topic = &facts.asked.topic;
        let whose = self.whose();
        let key = self.key.map_or_else(|| "KEY".to_owned(), |key| key.to_string());
        let role = facts.roles.first().map_or("ROLE", String::as_str);
        let place = match self.by {
            Judge::Here => "run here".to_owned(),
            Judge::There(node) => format!("run where {node} runs, with its keystore"),
        };
        match self.kind() {
            Kind::KeyRevoked => format!("run `nuncio key new --force` where {whose} runs, and give its new key a role"),
            Kind::CertificateExpired => format!(
                "{place}: `nuncio trust add {key} --role {role} --replace`; for a certificate, where the anchor's key is: \
                 `nuncio trust sign {key} --role {role} --scope '**' --until +365d`"
            ),
            Kind::CertificateNotYetValid => {
                format!(
                    "see that the clocks are right with `nuncio doctor`, or wait; {place}: `nuncio trust check {key} publish {topic}`"
                )
            }
            Kind::CertificateInvalid => format!(
                "have it issued again, where the anchor's key is: `nuncio trust sign {key} --role {role} --scope '**' --until +365d`"
            ),
            Kind::RateExceeded => format!(
                "publish less often, or raise `max_rate` of this topic in trust.toml; `nuncio topic hz {topic}` measures the rate"
            ),
            Kind::ApprovalMissing => format!("let the second signer run `nuncio topic approve {topic}`"),
            Kind::RoleMissing => format!("{place}: `nuncio trust add {key} --role {role}{}`", self.name()),
            Kind::PinMismatch => format!(
                "if its key was changed on purpose, delete the line of its name from known.toml and start the receiver again \
                 ({place}: `nuncio key list` shows the pins); if not, somebody else uses its name"
            ),
            Kind::TypeDiffers => {
                format!("build both with the same definition; `nuncio topic info -v {topic}` shows both types")
            }
            Kind::ClockOff => {
                "set the clocks of both machines by the same source, such as chrony or NTP; `nuncio doctor` measures \
                               how far they stand apart"
                    .to_owned()
            }
            Kind::Replay => format!(
                "publish live, or let the subscriber take recordings (`SubscriptionOptions::accept_replay`); \
                 `nuncio topic info -v {topic}` shows who publishes"
            ),
            Kind::TooLarge => format!(
                "make the message smaller, or raise `max_size` of this topic in trust.toml or the subscription's `frame_len_max`; \
                 `nuncio topic bw {topic}` measures the sizes"
            ),
            _ => format!(
                "{}; `nuncio topic info -v {topic}` shows who publishes",
                self.reason.remedy()
            ),
        }
    }
}

/// How long, in seconds, for a sentence.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
