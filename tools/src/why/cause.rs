//! One cause: a sentence that says what keeps messages from arriving, and the one command that mends it.

use nuncio::qos::compatibility::Policy;
use nuncio::{Domain, NodeName, Reason};

use crate::answers::diagnosis::CauseTold;

/// Why nothing arrives, or that messages flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cause {
    pub(crate) kind: Kind,
    pub(crate) confidence: Confidence,
    /// One sentence, for people.
    pub(crate) sentence: String,
    /// What to do, for people; the command stands in it.
    pub(crate) remedy: String,
    /// The command alone, to be run where the remedy says. A word in capitals stands for what only a person can know.
    pub(crate) command: Option<String>,
    pub(crate) publisher: Option<NodeName>,
    pub(crate) subscriber: Option<NodeName>,
    pub(crate) policy: Option<Policy>,
    pub(crate) field: Option<String>,
    pub(crate) reason: Option<Reason>,
    pub(crate) domain: Option<Domain>,
}

/// How certain it is that this is the cause.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Confidence {
    /// It was seen, and alone keeps messages from arriving, or loses some.
    Certain,
    /// It was seen, and would explain it.
    Likely,
    /// It may be, as far as can be seen from here.
    Possible,
}

impl Confidence {
    /// The word for it in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal;)*) => {
        /// What kind of cause it is. Of those that are equally certain, the first counts as the cause: what stands earlier keeps
        /// what stands later from being seen.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub(crate) enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// The word for it in JSON.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }
        }
    };
}

kinds!(
    /// An endpoint that this program was told to connect to gives no link.
    LinkDown = "link_down";
    /// The router of this machine is gone.
    RouterLost = "router_lost";
    /// A node claims to be there and shows no card that its key has signed.
    CardMissing = "card_missing";
    /// The publisher's key was revoked.
    KeyRevoked = "key_revoked";
    /// Its certificate, or the grant of its key, has ended.
    CertificateExpired = "certificate_expired";
    /// Its certificate, or the grant of its key, has not begun.
    CertificateNotYetValid = "certificate_not_yet_valid";
    /// Its certificate does not hold.
    CertificateInvalid = "certificate_invalid";
    /// Its messages wait for a second signer.
    ApprovalMissing = "approval_missing";
    /// It sends more often than the topic allows.
    RateExceeded = "rate_exceeded";
    /// Its key has no role that permits it.
    RoleMissing = "role_missing";
    /// Another key was pinned before.
    PinMismatch = "pin_mismatch";
    /// Publisher and subscriber mean different types.
    TypeDiffers = "type_differs";
    /// The publisher offers less than the subscriber requests.
    QosIncompatible = "qos_incompatible";
    /// The clocks of two machines stand apart.
    ClockOff = "clock_off";
    /// A recording is played, and the subscriber takes live messages only.
    Replay = "replay";
    /// Its messages are larger than what is accepted.
    TooLarge = "too_large";
    /// Its values are not what their schema allows.
    ValueRefused = "value_refused";
    /// Something else is refused.
    Refused = "refused";
    /// The publisher's node does not answer.
    PublisherHangs = "publisher_hangs";
    /// The subscriber's node does not answer.
    SubscriberHangs = "subscriber_hangs";
    /// The subscriber's queue is full.
    QueueFull = "queue_full";
    /// The link, or the signatures, do not keep up with the publisher.
    Congestion = "congestion";
    /// Messages are lost on the way.
    MessagesLost = "messages_lost";
    /// The publisher has never published anything.
    NeverPublished = "never_published";
    /// The publisher has published, but nothing lately.
    Quiet = "quiet";
    /// The topic exists in another domain.
    OtherDomain = "other_domain";
    /// The topic exists in another namespace.
    OtherNamespace = "other_namespace";
    /// A topic or node has almost this name.
    OtherName = "other_name";
    /// A bridge does not let the topic in.
    BridgeRoute = "bridge_route";
    /// There is no network interface to look for other machines.
    MulticastUnavailable = "multicast_unavailable";
    /// There is no other node.
    NobodyThere = "nobody_there";
    /// Nobody publishes the topic.
    NoPublisher = "no_publisher";
    /// Nobody subscribes to it, or not the node that was named.
    NoSubscriber = "no_subscriber";
    /// Nothing that was looked at explains it.
    Unexplained = "unexplained";
    /// Messages arrive.
    Flows = "messages_flow";
);

impl Kind {
    /// Whether it says that there is nobody to hear: exit 1.
    pub(crate) const fn is_absence(self) -> bool {
        matches!(
            self,
            Self::OtherDomain
                | Self::OtherNamespace
                | Self::OtherName
                | Self::BridgeRoute
                | Self::MulticastUnavailable
                | Self::NobodyThere
                | Self::NoPublisher
                | Self::NoSubscriber
        )
    }

    /// Whether it only says what was found, where something else may say why.
    const fn is_ground(self) -> bool {
        matches!(self, Self::NobodyThere | Self::NoPublisher | Self::NoSubscriber)
    }
}

impl Cause {
    pub(crate) fn new(kind: Kind, confidence: Confidence, sentence: String, remedy: String) -> Self {
        Self {
            kind,
            confidence,
            command: first_command(&remedy),
            sentence,
            remedy,
            publisher: None,
            subscriber: None,
            policy: None,
            field: None,
            reason: None,
            domain: None,
        }
    }

    pub(crate) fn from(self, publisher: &NodeName) -> Self {
        Self {
            publisher: Some(publisher.clone()),
            ..self
        }
    }

    pub(crate) fn to(self, subscriber: &NodeName) -> Self {
        Self {
            subscriber: Some(subscriber.clone()),
            ..self
        }
    }

    pub(crate) fn reason(self, reason: Reason) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    /// The order in which causes are told. Where messages flow, what is merely possible does not count.
    pub(crate) fn rank(&self) -> (u8, Kind) {
        let turn = match (self.kind, self.confidence) {
            (kind, _) if kind.is_ground() => 3,
            (Kind::Flows, _) => 2,
            (_, Confidence::Certain) => 0,
            (_, Confidence::Likely) => 1,
            (_, Confidence::Possible) => 4,
        };
        (turn, self.kind)
    }

    /// The cause for programs; `cause` and `remedy` stand first.
    pub(crate) fn answer(&self) -> CauseTold<'_> {
        CauseTold {
            cause: &self.sentence,
            remedy: &self.remedy,
            kind: self.kind.as_str(),
            confidence: self.confidence.as_str(),
            command: self.command.as_deref(),
            publisher: self.publisher.as_ref().map(ToString::to_string),
            subscriber: self.subscriber.as_ref().map(ToString::to_string),
            policy: self.policy.map(|policy| policy.as_str()),
            field: self.field.as_deref(),
            reason: self.reason.map(|reason| reason.to_string()),
            domain: self.domain.as_ref().map(ToString::to_string),
        }
    }
}

/// The first thing between backquotes that is a command.
fn first_command(remedy: &str) -> Option<String> {
    let quoted = remedy.split('`').skip(1).step_by(2);
    let mut commands = quoted.filter(|text| {
        ["nuncio ", "ping ", "chmod "]
            .iter()
            .any(|start| text.starts_with(start))
    });
    commands.next().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_begins_with_cause_and_remedy_and_holds_the_command_alone() {
        let remedy = "lower `deadline`, or run `nuncio topic info -v /scan` on \"robot\"";
        let cause = Cause::new(
            Kind::QosIncompatible,
            Confidence::Certain,
            "it offers less".to_owned(),
            remedy.to_owned(),
        );
        let json = serde_json::to_string(&cause.answer()).expect("it is JSON");
        assert!(
            json.starts_with("{\"cause\":\"it offers less\",\"remedy\":\"lower "),
            "{json}"
        );
        let object: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
        assert_eq!(object["command"], "nuncio topic info -v /scan");
        assert_eq!(object["kind"], "qos_incompatible");
        assert_eq!(object.get("policy"), None);
    }
}
