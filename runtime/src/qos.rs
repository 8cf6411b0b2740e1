//! Quality of service: how a topic's messages are sent and kept.

use std::num::NonZeroUsize;

use crate::evidence;

/// Whether messages may be lost on the way.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Reliability {
    /// The link sends again and, when it is congested, the publisher waits.
    #[default]
    Reliable,
    /// Messages that the link cannot take are dropped.
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
}

impl QosProfile {
    /// Reliable, and keeps the last `depth` messages (at least one).
    pub fn keep_last(depth: usize) -> Self {
        Self {
            reliability: Reliability::Reliable,
            depth: NonZeroUsize::new(depth).unwrap_or(NonZeroUsize::MIN),
            evidence: evidence::FRAMES_DEFAULT,
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
