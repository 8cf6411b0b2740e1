//! One answer of a node, as counters by topic and what it says of itself, without what is not looked at.
//!
//! This module does no I/O.

use std::collections::BTreeMap;

use nuncio::TopicName;
use nuncio::msgs::nuncio_msgs::msg::NodeFacts;

use super::counts::{Counts, Refused};
use super::rows::{FindingText, NodeAnswer};
use crate::sanitize;

/// How many of a node's findings are kept.
const FINDINGS_MAX: usize = 32;

/// The counters of one answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) uptime_ns: u64,
    pub(crate) ends: BTreeMap<(TopicName, bool), Counts>,
    pub(crate) refused: Refused,
}

impl Snapshot {
    /// Counts at most `room` ends of topics.
    pub(crate) fn of(facts: &NodeFacts, room: usize) -> Self {
        let mut snapshot = Self {
            uptime_ns: facts.uptime_ns,
            ends: BTreeMap::new(),
            refused: Refused::read(&facts.refused),
        };
        for of in &facts.publishers {
            if let Some(counts) = snapshot.end(&of.topic, true, room) {
                counts.add_publisher(of);
            }
        }
        for of in &facts.subscriptions {
            if let Some(counts) = snapshot.end(&of.topic, false, room) {
                counts.add_subscription(of);
            }
        }
        snapshot
    }

    fn end(&mut self, topic: &str, is_publisher: bool, room: usize) -> Option<&mut Counts> {
        let place = (TopicName::parse(topic).ok()?, is_publisher);
        if self.ends.len() >= room && !self.ends.contains_key(&place) {
            return None;
        }
        Some(self.ends.entry(place).or_default())
    }

    /// What was refused and is not counted with any subscription.
    pub(crate) fn refused_elsewhere(&self) -> Refused {
        let mut at_topics = Refused::default();
        self.ends.values().for_each(|counts| at_topics.add(&counts.refused));
        self.refused.since(&at_topics)
    }
}

/// What a node says of itself as a whole, made safe for a terminal.
pub(crate) fn answer(facts: &NodeFacts) -> NodeAnswer {
    let safe = |text: &str| sanitize::line(text).into_owned();
    let findings = facts.findings.iter().take(FINDINGS_MAX).map(|finding| FindingText {
        level: finding.level,
        subject: safe(&finding.subject),
        found: safe(&finding.found),
        remedy: safe(&finding.remedy),
    });
    NodeAnswer {
        level: facts.level,
        findings: findings.collect(),
        version: safe(&facts.version),
        uptime_ns: facts.uptime_ns,
        links: facts.links_total,
        peers: facts.peers_total,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_cannot_take_the_room_of_counters_without_end() {
        let mut snapshot = Snapshot::default();
        for index in 0..10 {
            snapshot.end(&format!("/t{index}"), true, 3);
        }
        assert_eq!(snapshot.ends.len(), 3);
        assert!(snapshot.end("/t1", true, 3).is_some(), "what is there goes on");
    }
}
