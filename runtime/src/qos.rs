//! Quality of service: how a topic's messages are sent, kept and watched over. The names and defaults are those of ROS 2.
//!
//! What a publisher offers and a subscriber requests stands in the signed cards of their nodes. Where they do not fit
//! ([`compatibility`]) nothing is delivered, and both sides are told which policy it is.
//!
//! No I/O here, no clock.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use crate::evidence;

pub mod compatibility;

/// How long a line of the log is of use, as in ROS 2.
const ROSOUT_LIFESPAN: Duration = Duration::from_secs(10);

/// How long messages are gathered for one signature unless a profile says otherwise.
pub const SIGNING_DELAY_DEFAULT: Duration = Duration::from_micros(500);
/// How long a reliable publisher waits for room unless a profile says otherwise.
pub const BLOCKING_TIME_DEFAULT: Duration = Duration::from_secs(10);
/// How old a command of [`QosProfile::commands`] may become before nobody gets it any more.
pub const COMMAND_LIFESPAN: Duration = Duration::from_secs(1);
/// How many messages a subscriber or publisher keeps with [`History::KeepAll`]: there is no queue without an end here.
pub const KEEP_ALL_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");

/// Declares an enum whose variants have the words that ROS 2 tools print.
macro_rules! policy_words {
    ($(#[$about:meta])* $name:ident, $what:literal, { $($(#[$of:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name {
            $($(#[$of])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it on the command line and in JSON, as ROS 2 tools have it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = PolicyWordError;

            fn from_str(text: &str) -> Result<Self, PolicyWordError> {
                Self::ALL.iter().find(|policy| policy.as_str() == text).copied().ok_or_else(|| PolicyWordError {
                    what: $what,
                    words: concat!($("`", $word, "` "),+).trim_end(),
                    text: text.to_owned(),
                })
            }
        }
    };
}

policy_words!(
    /// Whether messages may be lost on the way.
    Reliability, "reliability", {
    /// The link sends again, what is missing all the same is asked for again, and when the link is congested the publisher
    /// waits, for [`QosProfile::blocking_time`] at most. A subscriber whose process takes nothing at all for half a second is
    /// not waited for any more until it does, unless the publisher keeps all (`History::KeepAll`).
    #[default]
    Reliable = "reliable",
    /// Messages that the link cannot take are dropped; those that wait to be signed are dropped oldest first, and counted.
    BestEffort = "best_effort",
    /// For subscribers: as reliable as each publisher offers. A publisher with it is reliable.
    BestAvailable = "best_available",
});

policy_words!(
    /// Whether a subscriber that comes late gets the messages before it.
    Durability, "durability", {
    /// It gets what is published from now on.
    #[default]
    Volatile = "volatile",
    /// The publisher keeps its last messages, as many as its history says, and late subscribers that request it get them.
    TransientLocal = "transient_local",
    /// For subscribers: the last messages of each publisher that keeps them. A publisher with it keeps them.
    BestAvailable = "best_available",
});

policy_words!(
    /// How many messages are kept.
    History, "history", {
    /// The last [`QosProfile::depth`].
    #[default]
    KeepLast = "keep_last",
    /// As many as there are, up to [`KEEP_ALL_MAX`].
    KeepAll = "keep_all",
});

policy_words!(
    /// What shows that a publisher is alive.
    Liveliness, "liveliness", {
    /// Its node says so, by itself.
    #[default]
    Automatic = "automatic",
    /// Whoever publishes says so: each message does, and so does
    /// [`assert_liveliness`](crate::GenericPublisher::assert_liveliness).
    ManualByTopic = "manual_by_topic",
});

policy_words!(
    /// What the link sends first when it cannot send all at once. The steps are Zenoh's.
    Priority, "priority", {
    /// Before everything else.
    RealTime = "real_time",
    /// For commands.
    InteractiveHigh = "interactive_high",
    /// For what somebody waits for.
    InteractiveLow = "interactive_low",
    /// For important topics.
    DataHigh = "data_high",
    /// For most topics.
    #[default]
    Data = "data",
    /// For what can wait.
    DataLow = "data_low",
    /// When nothing else is to be sent.
    Background = "background",
});

/// A word that names no policy of its kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyWordError {
    what: &'static str,
    words: &'static str,
    text: String,
}

impl fmt::Display for PolicyWordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is one of {}, found {:?}", self.what, self.words, self.text)
    }
}

impl std::error::Error for PolicyWordError {}

/// The policies of one publisher or subscriber. The defaults are those of ROS 2: reliable, volatile, keep the last 10.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct QosProfile {
    /// Whether messages may be lost on the way.
    pub reliability: Reliability,
    /// Whether late subscribers get the messages before them.
    pub durability: Durability,
    /// Whether the last `depth` messages are kept, or all.
    pub history: History,
    /// How many messages a subscriber keeps for a reader that is late, and a transient-local publisher for late subscribers;
    /// the oldest is dropped, and counted.
    pub depth: NonZeroUsize,
    /// How long at most lies between two messages: a publisher promises it, a subscriber expects it, and each is told when
    /// it was not so. `None`: any time.
    pub deadline: Option<Duration>,
    /// How old a message may become before nobody gets it any more, by the publisher's clock; a subscriber allows for what
    /// was measured of how far the clocks differ. `None`: any age. A publisher's policy; subscribers keep to it.
    pub lifespan: Option<Duration>,
    /// What shows that a publisher is alive.
    pub liveliness: Liveliness,
    /// Within what time a publisher shows again that it is alive. `None`: it is alive until its node is gone.
    pub lease: Option<Duration>,
    /// What the link sends first. A publisher's policy.
    pub priority: Priority,
    /// Whether messages leave at once even where waiting a moment would let them travel together with others; those with a
    /// signing delay of zero do so anyway. A publisher's policy.
    pub express: bool,
    /// How many of its last frames a publisher keeps, to show them to whoever traces a message
    /// ([`Node::trace`](crate::Node::trace)) or has missed one; none with 0. They have at most 256 KiB together.
    pub evidence: usize,
    /// How long a message may wait to be signed together with others, once the node spends more than its signing budget
    /// ([`NodeBuilder::signing_budget`](crate::NodeBuilder::signing_budget)) on signatures. With zero every message has a
    /// signature of its own and leaves at once, as is right for commands and alerts.
    pub signing_delay: Duration,
    /// How long a reliable publisher waits when the link is so congested that no more messages can be kept for it; publishing
    /// is an error after that.
    pub blocking_time: Duration,
}

impl QosProfile {
    /// Reliable, volatile, and keeps the last `depth` messages (at least one).
    pub fn keep_last(depth: usize) -> Self {
        Self {
            reliability: Reliability::Reliable,
            durability: Durability::Volatile,
            history: History::KeepLast,
            depth: NonZeroUsize::new(depth).unwrap_or(NonZeroUsize::MIN),
            deadline: None,
            lifespan: None,
            liveliness: Liveliness::Automatic,
            lease: None,
            priority: Priority::Data,
            express: false,
            evidence: evidence::FRAMES_DEFAULT,
            signing_delay: SIGNING_DELAY_DEFAULT,
            blocking_time: BLOCKING_TIME_DEFAULT,
        }
    }

    /// Reliable and volatile, and keeps up to [`KEEP_ALL_MAX`] messages.
    pub fn keep_all() -> Self {
        Self {
            history: History::KeepAll,
            ..Self::default()
        }
    }

    /// The same, for late subscribers too.
    pub const fn transient_local(self) -> Self {
        Self {
            durability: Durability::TransientLocal,
            ..self
        }
    }

    /// For commands: reliable, signed at once, before other topics, of no use after a second, and a late reader finds the
    /// newest one only.
    pub fn commands() -> Self {
        Self {
            signing_delay: Duration::ZERO,
            lifespan: Some(COMMAND_LIFESPAN),
            priority: Priority::InteractiveHigh,
            ..Self::keep_last(1)
        }
    }

    /// For alerts: reliable, signed at once, before everything else, and whoever is late finds the last 100.
    pub fn alerts() -> Self {
        Self {
            signing_delay: Duration::ZERO,
            priority: Priority::RealTime,
            ..Self::keep_last(100).transient_local()
        }
    }

    /// For sensors: best effort, keep the last 5.
    pub fn sensor_data() -> Self {
        Self {
            reliability: Reliability::BestEffort,
            ..Self::keep_last(5)
        }
    }

    /// For the requests and responses of services: reliable, keep the last 10, as somebody waits for them.
    pub fn services() -> Self {
        Self {
            priority: Priority::InteractiveLow,
            ..Self::keep_last(10)
        }
    }

    /// For parameters and what is said of them: reliable, keep the last 1000.
    pub fn parameters() -> Self {
        Self::keep_last(1000)
    }

    /// For the log on `/rosout`, as in ROS 2: reliable, and whoever is late finds the last 1000 lines of the last ten seconds.
    pub fn rosout() -> Self {
        Self {
            lifespan: Some(ROSOUT_LIFESPAN),
            ..Self::keep_last(1000).transient_local()
        }
    }

    /// For subscribers that take what there is, such as tools: requests nothing that a publisher could fail to offer, and
    /// gets the most that each offers.
    pub fn best_available() -> Self {
        Self {
            reliability: Reliability::BestAvailable,
            durability: Durability::BestAvailable,
            ..Self::keep_last(10)
        }
    }

    /// How many messages are kept.
    pub const fn kept(&self) -> NonZeroUsize {
        match self.history {
            History::KeepLast => self.depth,
            History::KeepAll => KEEP_ALL_MAX,
        }
    }

    /// Whether a publisher with this profile keeps messages for late subscribers.
    pub(crate) fn keeps_for_late(&self) -> bool {
        self.durability != Durability::Volatile
    }
}

impl Default for QosProfile {
    fn default() -> Self {
        Self::keep_last(10)
    }
}
