//! Quality of service: how a topic's messages are sent and kept.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::evidence;

/// How long messages are gathered for one signature unless a profile says otherwise.
pub const SIGNING_DELAY_DEFAULT: Duration = Duration::from_micros(500);
/// How long a reliable publisher waits for room unless a profile says otherwise.
pub const BLOCKING_TIME_DEFAULT: Duration = Duration::from_secs(10);

/// Whether messages may be lost on the way.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Reliability {
    /// The link sends again and, when it is congested, the publisher waits, for [`QosProfile::blocking_time`] at most.
    #[default]
    Reliable,
    /// Messages that the link cannot take are dropped; those that wait to be signed are dropped oldest first, and counted.
    BestEffort,
}

impl Reliability {
    /// The word that ROS 2 tools print.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reliable => "reliable",
            Self::BestEffort => "best_effort",
        }
    }
}

/// The policies of one publisher or subscriber. The defaults are those of ROS 2: reliable, keep the last 10.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct QosProfile {
    /// Whether messages may be lost on the way.
    pub reliability: Reliability,
    /// How many messages a subscriber keeps for a reader that is late; the oldest is dropped, and counted.
    pub depth: NonZeroUsize,
    /// How many of its last frames a publisher keeps, to show them to whoever traces a message
    /// ([`Node::trace`](crate::Node::trace)); none with 0. They have at most 256 KiB together.
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
    /// Reliable, and keeps the last `depth` messages (at least one).
    pub fn keep_last(depth: usize) -> Self {
        Self {
            reliability: Reliability::Reliable,
            depth: NonZeroUsize::new(depth).unwrap_or(NonZeroUsize::MIN),
            evidence: evidence::FRAMES_DEFAULT,
            signing_delay: SIGNING_DELAY_DEFAULT,
            blocking_time: BLOCKING_TIME_DEFAULT,
        }
    }

    /// For commands: reliable, signed at once, and a late reader finds the newest one only.
    pub fn commands() -> Self {
        Self {
            signing_delay: Duration::ZERO,
            ..Self::keep_last(1)
        }
    }

    /// For alerts: reliable, signed at once, and a late reader finds the last 100.
    pub fn alerts() -> Self {
        Self {
            signing_delay: Duration::ZERO,
            ..Self::keep_last(100)
        }
    }

    /// For sensors: best effort, keep the last 5.
    pub fn sensor_data() -> Self {
        Self {
            reliability: Reliability::BestEffort,
            ..Self::keep_last(5)
        }
    }
}

impl Default for QosProfile {
    fn default() -> Self {
        Self::keep_last(10)
    }
}
