//! What was seen when somebody asked why nothing arrives. Data only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber, HealthFinding, NodeFacts, RecentRefusal};
use nuncio::{Domain, Nickname, NodeName, PublicKey, Reason, Refusal, TopicName, Verdict};

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) topic: TopicName,
    /// The node that should publish, if one was named.
    pub(crate) from: Option<NodeName>,
    /// The node that should receive, if one was named.
    pub(crate) to: Option<NodeName>,
}

/// Everything that was seen.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) asked: Asked,
    pub(crate) domain: Domain,
    pub(crate) road: Road,
    /// The other nodes that were seen, those of tools and bridges included.
    pub(crate) nodes: Vec<NodeSeen>,
    /// Who publishes on the topic, or the node asked for among them.
    pub(crate) publishers: Vec<PublisherSeen>,
    /// Who subscribes to it, or the node asked for among them. This program is not.
    pub(crate) subscribers: Vec<SubscriberSeen>,
    /// What the types of publishers and subscribers differ in, as far as both descriptions could be had.
    pub(crate) differences: Vec<Difference>,
    /// What this program has refused while it listened.
    pub(crate) refusals: Vec<RefusalSeen>,
    /// How long it has listened.
    pub(crate) listened: Duration,
    /// The roles of the own trust.toml that permit to publish on the topic.
    pub(crate) roles: BTreeSet<String>,
    /// What was found in other domains.
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// The bridges on this network.
    pub(crate) bridges: Vec<BridgeSeen>,
}

/// How this program is connected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Road {
    /// The far ends of its links.
    pub(crate) neighbours: Vec<String>,
    /// The endpoints that it was told to connect to.
    pub(crate) endpoints: Vec<Endpoint>,
    /// How it looks for others, in words.
    pub(crate) discovery: String,
    /// Whether it was to scout by multicast, and there is no network interface for that.
    pub(crate) lacks_multicast: bool,
    /// The router of this machine, and for how long it has been gone.
    pub(crate) lost_router: Option<(String, Duration)>,
    /// Why there is no link at all.
    pub(crate) failed: Option<String>,
}

/// An endpoint, and what came of an attempt to open a TCP connection to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) reached: Reached,
}

/// What came of an attempt to open a TCP connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reached {
    /// Somebody listens there.
    Yes,
    /// The host is there and nobody listens.
    Refused,
    /// Nothing came back in time.
    TimedOut,
    /// It failed in another way, in the system's words.
    Failed(String),
    /// It is no TCP endpoint, so that it cannot be tried in this way.
    NotTried,
}

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct NodeSeen {
    pub(crate) name: NodeName,
    pub(crate) key: PublicKey,
    /// Whether its key has signed a card that confirms it.
    pub(crate) is_verified: bool,
    pub(crate) publishes: Vec<String>,
    pub(crate) subscribes: Vec<String>,
}

/// A publisher on the topic.
#[derive(Clone, Debug)]
pub(crate) struct PublisherSeen {
    pub(crate) node: NodeName,
    pub(crate) key: PublicKey,
    pub(crate) card: CardPublisher,
    /// What people call its key here.
    pub(crate) nickname: Option<Nickname>,
    /// What the own pins say of the node.
    pub(crate) verdict: Option<Verdict>,
    /// Why the own trust.toml refuses it, if it does.
    pub(crate) refusal: Option<Refusal>,
    /// How far its clock is ahead of ours.
    pub(crate) clock_offset_ns: Option<i64>,
    /// Messages of it that came while this program listened, those from its history included.
    pub(crate) heard: u64,
    pub(crate) answer: Answer,
}

/// A subscriber of the topic.
#[derive(Clone, Debug)]
pub(crate) struct SubscriberSeen {
    pub(crate) node: NodeName,
    pub(crate) card: CardSubscriber,
    pub(crate) answer: Answer,
}

/// What a node has answered, before this program listened and after.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) before: Option<NodeFacts>,
    pub(crate) after: Option<NodeFacts>,
    /// Why there is no answer, where the node was asked.
    pub(crate) problem: Option<String>,
}

/// The first difference between the types of a publisher and a subscriber.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) publisher: NodeName,
    pub(crate) subscriber: NodeName,
    /// The field, where one was found.
    pub(crate) field: Option<String>,
    /// In words.
    pub(crate) text: String,
}

/// Refusals of one key for one reason.
#[derive(Clone, Debug)]
pub(crate) struct RefusalSeen {
    pub(crate) reason: Reason,
    /// The key that was claimed.
    pub(crate) key: Option<PublicKey>,
    /// What was found the last time.
    pub(crate) detail: String,
}

/// Nodes of another domain.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    pub(crate) domain: Domain,
    /// Those that publish the topic, by their cards.
    pub(crate) publishers: Vec<NodeName>,
    /// Those that subscribe to it.
    pub(crate) subscribers: Vec<NodeName>,
    /// How many nodes were seen there.
    pub(crate) nodes: usize,
}

/// A bridge.
#[derive(Clone, Debug)]
pub(crate) struct BridgeSeen {
    pub(crate) node: NodeName,
    /// The topics that it brings in from its other side now, by its card.
    pub(crate) brings_in: Vec<String>,
}

impl Facts {
    /// Who is the holder of a key, as far as that was seen.
    pub(crate) fn publisher_with(&self, key: PublicKey) -> Option<&PublisherSeen> {
        self.publishers.iter().find(|publisher| publisher.key == key)
    }
}

/// The counters of a node's subscriptions to one topic, added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) received: u64,
    pub(crate) refused: BTreeMap<String, u64>,
}

impl Answer {
    /// The node's last word.
    pub(crate) fn latest(&self) -> Option<&NodeFacts> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// What the node has counted on a topic, and how much of that while this program listened.
    pub(crate) fn counted(&self, topic: &TopicName) -> Option<(Counted, Counted)> {
        let total = Counted::of(self.latest()?, topic);
        let before = self.before.as_ref().map(|facts| Counted::of(facts, topic));
        let lately = before.map_or_else(Counted::default, |before| total.since(&before));
        Some((total, lately))
    }

    /// What the node has published on a topic, and how much of that while this program listened.
    pub(crate) fn sent(&self, topic: &TopicName) -> Option<(u64, u64)> {
        let sent = |facts: &NodeFacts| -> u64 {
            let of_topic = facts.publishers.iter().filter(|entry| entry.topic == topic.as_str());
            of_topic.map(|entry| entry.sent).sum()
        };
        let total = sent(self.latest()?);
        Some((total, total.saturating_sub(self.before.as_ref().map_or(total, sent))))
    }

    /// A finding of the node's health about a topic.
    pub(crate) fn finding(&self, code: &str, topic: &TopicName) -> Option<&HealthFinding> {
        let mut findings = self.latest()?.findings.iter();
        findings.find(|finding| finding.code == code && finding.subject == topic.as_str())
    }

    /// What the node has lately refused on a topic for a reason.
    pub(crate) fn refusal(&self, reason: &str, topic: &TopicName) -> Option<&RecentRefusal> {
        let mut recent = self.latest()?.recent_refusals.iter();
        recent.find(|refusal| refusal.reason == reason && refusal.topic == topic.as_str())
    }
}

impl Counted {
    fn of(facts: &NodeFacts, topic: &TopicName) -> Self {
        let mut counted = Self::default();
        for entry in facts.subscriptions.iter().filter(|entry| entry.topic == topic.as_str()) {
            counted.received += entry.received;
            for refused in &entry.refused {
                *counted.refused.entry(refused.reason.clone()).or_default() += refused.count;
            }
        }
        counted
    }

    fn since(&self, before: &Self) -> Self {
        let refused = self.refused.iter().map(|(reason, count)| {
            let earlier = before.refused.get(reason).copied().unwrap_or_default();
            (reason.clone(), count.saturating_sub(earlier))
        });
        Self {
            received: self.received.saturating_sub(before.received),
            refused: refused.filter(|(_, count)| *count > 0).collect(),
        }
    }
}
