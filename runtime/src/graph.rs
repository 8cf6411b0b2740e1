//! The graph: which nodes there are, and what their cards say that they publish, subscribe to and serve.
//!
//! A liveliness token cannot be signed, so a node of which only a token was seen is listed as *unverified*: somebody
//! claims it. Everything else here comes from signed cards.

mod actions;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event_listener::{Event, EventListener};
use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, CardService, CardSubscriber, NodeCard};

use crate::key_expr::NodeClaim;
use crate::name::{NodeName, TopicName};
use crate::security::key::PublicKey;
use crate::security::peers::Peers;

pub use self::actions::{GraphAction, action_of};

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

/// One publisher or subscriber on a topic, or one end of a service, and the node that it belongs to.
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

/// What the graph knows of one service.
#[derive(Clone, Debug, Default)]
pub struct GraphService {
    /// Who serves it.
    pub servers: Vec<Endpoint<CardService>>,
    /// Who calls it.
    pub clients: Vec<Endpoint<CardService>>,
}

impl GraphService {
    /// The types that its servers and clients name, each once, sorted by name. More than one is a mismatch.
    pub fn types(&self) -> Vec<(String, TypeHash)> {
        let named = self.servers.iter().chain(&self.clients);
        let mut types: Vec<_> = named
            .map(|end| (end.facts.type_name.clone(), TypeHash::from_bytes(end.facts.type_hash)))
            .collect();
        types.sort();
        types.dedup();
        types
    }
}

impl Graph {
    /// All services that a card names, by name.
    pub fn services(&self) -> BTreeMap<TopicName, GraphService> {
        let mut services: BTreeMap<TopicName, GraphService> = BTreeMap::new();
        for node in &self.nodes {
            for facts in node.card.iter().flat_map(|card| &card.services) {
                let Ok(name) = TopicName::parse(&facts.name) else {
                    continue;
                };
                let service = services.entry(name).or_default();
                let ends = match facts.is_server {
                    true => &mut service.servers,
                    false => &mut service.clients,
                };
                ends.push(Endpoint {
                    node: node.clone(),
                    facts: facts.clone(),
                });
            }
        }
        services
    }

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
#[derive(Debug)]
pub(crate) struct GraphState {
    /// This node, which sees no token of itself.
    own: (PublicKey, NodeName),
    /// By key and name, the newest epoch whose token is there.
    tokens: Mutex<HashMap<(PublicKey, NodeName), u64>>,
    version: AtomicU64,
    event: Event,
}

impl GraphState {
    pub(crate) fn new(key: PublicKey, name: NodeName) -> Self {
        Self {
            own: (key, name),
            tokens: Mutex::default(),
            version: AtomicU64::new(0),
            event: Event::new(),
        }
    }

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

    /// Whether the token of this instance is there.
    pub(crate) fn is_there(&self, key: PublicKey, name: &NodeName, epoch: u64) -> bool {
        self.lock().get(&(key, name.clone())) == Some(&epoch)
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

    /// The nodes whose tokens are there, with the cards that confirm them.
    pub(crate) fn snapshot(&self, peers: &Peers) -> Graph {
        let tokens = self.lock().clone();
        let claimed = tokens.into_iter().map(|((key, name), epoch)| {
            let peer = peers.node(key, &name).filter(|peer| peer.epoch() >= epoch);
            GraphNode {
                epoch: peer.as_ref().map_or(epoch, |peer| peer.epoch()),
                card: peer.map(|peer| peer.card()),
                name,
                key,
            }
        });
        let own = peers.node(self.own.0, &self.own.1).map(|peer| GraphNode {
            name: peer.name().clone(),
            key: peer.public_key(),
            epoch: peer.epoch(),
            card: Some(peer.card()),
        });
        let mut nodes: Vec<_> = claimed.chain(own).collect();
        nodes.sort_by(|a, b| (&a.name, a.key, a.epoch).cmp(&(&b.name, b.key, b.epoch)));
        nodes.dedup_by(|a, b| (&a.name, a.key) == (&b.name, b.key));
        Graph { nodes }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(PublicKey, NodeName), u64>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
