//! The rows that a person sees: a topic, a node, a kind of refusal. Made by the model, shown by the view and as JSON.

use nuncio::{Reason, TopicName};

use super::counts::Counts;
use crate::standing::{NodeId, Trust};

/// Something that is counted, over three spans.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Count {
    /// In the last interval.
    pub(crate) latest: u64,
    /// Since this program looks, or since it was told to count anew.
    pub(crate) since: u64,
    /// Since what counts it is there.
    pub(crate) total: u64,
}

impl Count {
    /// Adds others.
    pub(crate) fn add(&mut self, other: Self) {
        self.latest = self.latest.saturating_add(other.latest);
        self.since = self.since.saturating_add(other.since);
        self.total = self.total.saturating_add(other.total);
    }
}

/// Counters over the same three spans, and what they are a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spans {
    pub(crate) latest: Counts,
    pub(crate) since: Counts,
    pub(crate) total: Counts,
    /// Messages per second in the last interval; `None` before the second answer, and when none came for long.
    pub(crate) rate: Option<f64>,
    /// Bytes per second.
    pub(crate) byte_rate: Option<f64>,
}

impl Spans {
    /// Adds those of another node.
    pub(crate) fn add(&mut self, other: &Self) {
        self.latest.add(&other.latest);
        self.since.add(&other.since);
        self.total.add(&other.total);
        self.rate = sum(self.rate, other.rate);
        self.byte_rate = sum(self.byte_rate, other.byte_rate);
    }

    /// One of the counters.
    pub(crate) fn count(&self, of: impl Fn(&Counts) -> u64) -> Count {
        Count {
            latest: of(&self.latest),
            since: of(&self.since),
            total: of(&self.total),
        }
    }
}

fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or_default() + b.unwrap_or_default()),
    }
}

/// One end of a topic, at one node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) node: NodeId,
    pub(crate) nickname: Option<String>,
    pub(crate) trust: Trust,
    pub(crate) is_publisher: bool,
    pub(crate) type_name: String,
    /// What the node counts; `None` while it has not answered.
    pub(crate) spans: Option<Spans>,
}

/// One topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TopicRow {
    pub(crate) topic: TopicName,
    /// The types that are named, each once. More than one is a mismatch.
    pub(crate) types: Vec<String>,
    /// Publishers first.
    pub(crate) ends: Vec<End>,
    /// What the believed publishers say together.
    pub(crate) sent: Spans,
    /// What the believed subscribers say together.
    pub(crate) received: Spans,
    /// Messages per second in the last intervals, oldest first.
    pub(crate) history: Vec<f64>,
}

impl TopicRow {
    pub(crate) fn publishers(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().filter(|end| end.is_publisher)
    }

    pub(crate) fn subscribers(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().filter(|end| !end.is_publisher)
    }

    /// What was lost on the way, by the subscribers' word.
    pub(crate) fn missing(&self) -> Count {
        self.received.count(|counts| counts.missing)
    }

    /// What was let go of at either end.
    pub(crate) fn dropped(&self) -> Count {
        let mut dropped = self.sent.count(|counts| counts.dropped);
        dropped.add(self.received.count(|counts| counts.dropped));
        dropped
    }

    /// What subscribers have refused.
    pub(crate) fn refused(&self) -> Count {
        self.received.count(|counts| counts.refused.total())
    }

    /// The worst of what is said of its publishers; `None` without any.
    pub(crate) fn trust(&self) -> Option<Trust> {
        self.publishers().map(|end| end.trust).max()
    }
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodeRow {
    pub(crate) node: NodeId,
    pub(crate) nickname: Option<String>,
    pub(crate) trust: Trust,
    /// What its last answer says of the whole node.
    pub(crate) answer: Option<NodeAnswer>,
    /// Why there is no answer now.
    pub(crate) problem: Option<String>,
    /// Its ends of topics.
    pub(crate) ends: Vec<(TopicName, End)>,
    pub(crate) sent: Spans,
    pub(crate) received: Spans,
    /// Refusals anywhere in the node, also where they concern no topic.
    pub(crate) refused: Count,
}

impl NodeRow {
    /// What was lost on the way to it.
    pub(crate) fn missing(&self) -> Count {
        self.received.count(|counts| counts.missing)
    }

    /// What was let go of in the node, on both sides.
    pub(crate) fn dropped(&self) -> Count {
        let mut dropped = self.sent.count(|counts| counts.dropped);
        dropped.add(self.received.count(|counts| counts.dropped));
        dropped
    }
}

/// What a node says of itself as a whole, made safe for a terminal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeAnswer {
    pub(crate) level: u8,
    pub(crate) findings: Vec<FindingText>,
    pub(crate) version: String,
    pub(crate) uptime_ns: u64,
    pub(crate) links: u32,
    pub(crate) peers: u32,
}

/// Something that a node finds wrong with itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FindingText {
    pub(crate) level: u8,
    pub(crate) subject: String,
    pub(crate) found: String,
    pub(crate) remedy: String,
}

/// Which refusals.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct RefusalId {
    pub(crate) reason: Reason,
    /// `None`: elsewhere in the node, such as a card or a service.
    pub(crate) topic: Option<TopicName>,
    /// Who has refused.
    pub(crate) by: NodeId,
}

/// Refusals of one reason on one topic by one node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RefusalRow {
    pub(crate) id: RefusalId,
    pub(crate) count: Count,
}
