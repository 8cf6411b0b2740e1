//! The graph: which nodes there are, and what their cards say that they publish, subscribe to and serve.
//!
//! A liveliness token cannot be signed, so a node of which only a token was seen is listed as *unverified*: somebody
//! claims it. Everything else here comes from signed cards.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event_listener::{Event, EventListener};
use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber, NodeCard};

use crate::key_expr::NodeClaim;
use crate::name::{NodeName, TopicName};
use crate::security::key::PublicKey;
use crate::security::peers::Peers;

/// One node, as it is known now.
#[derive(Clone, Debug)]
pub struct GraphNode {
    /// Its full name. A claim only, while there is no card.
    pub name: NodeName,
    /// Its key. A claim only, while there is no card.
    pub key: PublicKey,
    /// The start of this instance, in ms since 1970.
    pub epoch: u64,
    /// Its card, which its key signed. `None`: only a token was seen.
    pub card: Option<Arc<NodeCard>>,
}

impl GraphNode {
    /// Whether a card confirms that the holder of the key runs this node.
    pub fn is_verified(&self) -> bool {
        self.card.is_some()
    }
}

/// The nodes at one moment, sorted by name.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The nodes.
    pub nodes: Vec<GraphNode>,
}

/// One publisher or subscriber on a topic, and the node that it belongs to.
#[derive(Clone, Debug)]
pub struct Endpoint<T> {
    /// The node.
    pub node: GraphNode,
    /// What its card says of the endpoint.
    pub facts: T,
}

/// What the graph knows of one topic.
#[derive(Clone, Debug, Default)]
pub struct GraphTopic {
    /// Who publishes on it.
    pub publishers: Vec<Endpoint<CardPublisher>>,
    /// Who subscribes to it.
    pub subscribers: Vec<Endpoint<CardSubscriber>>,
}

impl GraphTopic {
    /// The types that its publishers and subscribers name, each once, sorted by name. More than one is a mismatch.
    pub fn types(&self) -> Vec<(String, TypeHash)> {
        let published = self
            .publishers
            .iter()
            .map(|p| (p.facts.type_name.clone(), TypeHash::from_bytes(p.facts.type_hash)));
        let subscribed = self
            .subscribers
            .iter()
            .map(|s| (s.facts.type_name.clone(), TypeHash::from_bytes(s.facts.type_hash)));
        let mut types: Vec<_> = published
            .chain(subscribed)
            .filter(|(name, _)| !name.is_empty())
            .collect();
        types.sort();
        types.dedup();
        types
    }
}

impl Graph {
    /// All topics that a card names, by name.
    pub fn topics(&self) -> BTreeMap<TopicName, GraphTopic> {
        let mut topics: BTreeMap<TopicName, GraphTopic> = BTreeMap::new();
        for node in &self.nodes {
            let Some(card) = &node.card else { continue };
            for facts in &card.publishers {
                if let Ok(topic) = TopicName::parse(&facts.topic) {
                    topics.entry(topic).or_default().publishers.push(Endpoint {
                        node: node.clone(),
                        facts: facts.clone(),
                    });
                }
            }
            for facts in &card.subscribers {
                if let Ok(topic) = TopicName::parse(&facts.topic) {
                    topics.entry(topic).or_default().subscribers.push(Endpoint {
                        node: node.clone(),
                        facts: facts.clone(),
                    });
                }
            }
        }
        topics
    }

    /// The nodes of this name; more than one when several keys or instances use it.
    pub fn nodes_named<'a>(&'a self, name: &'a NodeName) -> impl Iterator<Item = &'a GraphNode> {
        self.nodes.iter().filter(move |node| node.name == *name)
    }
}

/// Keeps the tokens that were seen and tells who waits when something changes.
#[derive(Debug, Default)]
pub(crate) struct GraphState {
    tokens: Mutex<HashMap<(PublicKey, NodeName), u64>>,
    version: AtomicU64,
    event: Event,
}

impl GraphState {
    pub(crate) fn token_appeared(&self, claim: NodeClaim) {
        let mut tokens = self.lock();
        let epoch = tokens.entry((claim.key, claim.node)).or_default();
        *epoch = claim.epoch.max(*epoch);
        drop(tokens);
        self.changed();
    }

    pub(crate) fn token_vanished(&self, claim: &NodeClaim) {
        let mut tokens = self.lock();
        let id = (claim.key, claim.node.clone());
        if tokens.get(&id) == Some(&claim.epoch) {
            tokens.remove(&id);
        }
        drop(tokens);
        self.changed();
    }

    /// Something is other than it was.
    pub(crate) fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
        self.event.notify(usize::MAX);
    }

    /// Counts the changes.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Is notified at the next change.
    pub(crate) fn listen(&self) -> EventListener {
        self.event.listen()
    }

    pub(crate) fn snapshot(&self, peers: &Peers) -> Graph {
        let mut nodes: BTreeMap<(NodeName, PublicKey), GraphNode> = BTreeMap::new();
        for ((key, name), epoch) in self.lock().iter() {
            nodes.insert(
                (name.clone(), *key),
                GraphNode {
                    name: name.clone(),
                    key: *key,
                    epoch: *epoch,
                    card: None,
                },
            );
        }
        for peer in peers.all() {
            let node = GraphNode {
                name: peer.name().clone(),
                key: peer.public_key(),
                epoch: peer.epoch(),
                card: Some(peer.card()),
            };
            nodes.insert((node.name.clone(), node.key), node);
        }
        Graph {
            nodes: nodes.into_values().collect(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(PublicKey, NodeName), u64>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
