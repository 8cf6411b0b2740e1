//! Peers: who stands behind a key, as far as signed cards tell.
//!
//! A frame names a key and a writer. Which node that is, which topic and type it publishes, and from which number on
//! its messages are fresh is learned from the node's card, a signed document.
//!
//! # Freshness without clocks
//!
//! A card counts as *fresh* when it answers a query with a nonce that this node has just made up; nobody can have
//! recorded the answer. Its `next_number` is a floor: what is numbered from there on was signed after the question.
//! What lies below was signed before. It may still be on its way, so it counts as live when its source time is at most
//! [`FIRST_CONTACT_GRACE_NS`] before the card's: both times are read from the same clock, the publisher's, hence no
//! clocks need agree. A writer that appears in a later card of the same epoch began after first contact, so all of its
//! messages are fresh.
//!
//! # Invariants
//!
//! - Every entry comes from a card whose signature held, and an epoch enters the table by a fresh card only.
//! - The tables are bounded; a card that does not fit is refused, none is forgotten for it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::NodeCard;

use super::credentials::Credentials;
use super::floor::Floor;
use super::frame::Writer;
use super::key::PublicKey;
use super::peer_key::PeerKey;
use super::refusal::{Reason, Refusal};
use super::trust_store::Standing;
use crate::name::{NodeName, TopicName};
use crate::type_support::is_exclusive;

pub use super::floor::FIRST_CONTACT_GRACE_NS;

/// The most nodes that a node remembers.
pub const PEERS_MAX: usize = 4096;
/// The most writers that a node remembers, over all nodes.
pub const WRITERS_MAX: usize = 65_536;
/// One instance of a node whose card was verified and fresh.
#[derive(Debug)]
pub struct Peer {
    pub(crate) key: Arc<PeerKey>,
    pub(crate) name: NodeName,
    pub(crate) epoch: u64,
    card: RwLock<CardState>,
    /// When it last answered a question, counted in turns.
    answered: AtomicU64,
    credentials: ArcSwap<Credentials>,
    credentials_generation: AtomicU64,
    clock_offset_ns: AtomicI64,
}

/// No clock offset was measured.
const NOT_MEASURED: i64 = i64::MIN;

#[derive(Debug)]
struct CardState {
    card: Arc<NodeCard>,
    number: u64,
}

impl Peer {
    /// The newest card.
    pub fn card(&self) -> Arc<NodeCard> {
        Arc::clone(&self.card.read().unwrap_or_else(PoisonError::into_inner).card)
    }

    /// The node's key.
    pub fn public_key(&self) -> PublicKey {
        self.key.enrolled.public_key()
    }

    /// The node's full name.
    pub fn name(&self) -> &NodeName {
        &self.name
    }

    /// The start of this instance.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What it shows now.
    pub(crate) fn credentials(&self) -> Arc<Credentials> {
        self.credentials.load_full()
    }

    /// The generation of what it shows.
    pub(crate) fn credentials_generation(&self) -> u64 {
        self.credentials_generation.load(Ordering::Acquire)
    }

    /// Cards of one instance come one at a time, so nobody else counts meanwhile.
    fn show(&self, credentials: Credentials) {
        let generation = self.credentials_generation() + 1;
        self.credentials.store(Arc::new(credentials.in_generation(generation)));
        self.credentials_generation.store(generation, Ordering::Release);
    }

    /// How far its clock is ahead of ours, if that was measured.
    pub(crate) fn clock_offset_ns(&self) -> Option<i64> {
        Some(self.clock_offset_ns.load(Ordering::Relaxed)).filter(|offset| *offset != NOT_MEASURED)
    }

    pub(crate) fn set_clock_offset_ns(&self, offset_ns: i64) {
        self.clock_offset_ns
            .store(offset_ns.max(NOT_MEASURED + 1), Ordering::Relaxed);
    }
}

/// What a card says of one writer.
#[derive(Debug)]
pub(crate) struct WriterFacts {
    pub(crate) peer: Arc<Peer>,
    pub(crate) topic: TopicName,
    pub(crate) type_name: String,
    pub(crate) type_hash: TypeHash,
    /// Whether the type is known to be `@exclusive`.
    pub(crate) exclusive: bool,
    /// What the card said that this writer was first known by.
    pub(crate) floor: Floor,
    /// What the last fresh card said.
    pub(crate) latest: Mutex<Floor>,
    /// When the pins last agreed, and whether for an exclusive type; the [`Believer`](super::believer)'s own note.
    pub(crate) judged: AtomicU64,
    /// What the trust policy last decided of it; the [`TrustStore`](super::trust_store)'s own note.
    pub(crate) standing: ArcSwapOption<Standing>,
}

impl WriterFacts {
    /// What the last fresh card said.
    pub(crate) fn latest_floor(&self) -> Floor {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a card came here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CardRoad {
    /// As the answer to a query with our nonce: it is fresh.
    Answered,
    /// Pushed by the node: it may be a repetition.
    Announced,
}

/// A card whose signature held.
#[derive(Debug)]
pub(crate) struct AuthenticCard {
    pub(crate) card: NodeCard,
    pub(crate) name: NodeName,
    pub(crate) key: PublicKey,
    pub(crate) epoch: u64,
    /// The number in the frame's header: of two cards of one epoch the higher one is newer.
    pub(crate) number: u64,
    /// The source time in the frame's header.
    pub(crate) time_ns: i64,
}

/// What became of a card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CardOutcome {
    /// It told something new.
    Updated,
    /// It told nothing new.
    Known,
    /// A pushed card of an instance that was never asked: ask it.
    NotFresh,
    /// A card of an instance that a later one has replaced.
    Stale,
}

/// The table of peers of one node.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    state: RwLock<State>,
    turns: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    keys: HashMap<PublicKey, Arc<PeerKey>>,
    nodes: HashMap<(PublicKey, NodeName), Arc<Peer>>,
    writers: HashMap<(PublicKey, Writer), Arc<WriterFacts>>,
}

impl Peers {
    /// What is known of a writer.
    pub(crate) fn writer(&self, key: PublicKey, writer: Writer) -> Option<Arc<WriterFacts>> {
        self.read(|state| state.writers.get(&(key, writer)).cloned())
    }

    /// One node's newest instance.
    pub(crate) fn node(&self, key: PublicKey, name: &NodeName) -> Option<Arc<Peer>> {
        self.read(|state| state.nodes.get(&(key, name.clone())).cloned())
    }

    /// All nodes, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Peer>> {
        self.read(|state| state.nodes.values().cloned().collect())
    }

    /// The key as enrolled before, or enrolled now. Nothing is remembered yet.
    pub(crate) fn key(&self, key: PublicKey) -> Result<Arc<PeerKey>, Refusal> {
        match self.read(|state| state.keys.get(&key).cloned()) {
            Some(known) => Ok(known),
            None => PeerKey::enrol(key).map(Arc::new),
        }
    }

    /// The next turn: later than all answers so far, and earlier than all that follow.
    pub(crate) fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The keys of nodes that publish on a topic.
    pub(crate) fn publishers_on(&self, topic: &TopicName) -> HashSet<PublicKey> {
        self.read(|state| {
            let here = state.writers.iter().filter(|(_, facts)| facts.topic == *topic);
            here.map(|((key, _), _)| *key).collect()
        })
    }

    /// Takes in what a card says.
    ///
    /// # Errors
    ///
    /// `Overloaded` when the tables are full, `WeakKey` when the key cannot be enrolled.
    pub(crate) fn admit(&self, authentic: AuthenticCard, road: CardRoad) -> Result<CardOutcome, Refusal> {
        let key = self.key(authentic.key)?;
        let id = (authentic.key, authentic.name.clone());
        // Reading certificates verifies signatures: not while everybody waits for the table.
        let same_instance = |peer: &&Arc<Peer>| peer.epoch == authentic.epoch;
        let shown = self.read(|state| {
            state
                .nodes
                .get(&id)
                .filter(same_instance)
                .map(|peer| peer.credentials())
        });
        let other = shown
            .is_none_or(|shown| !shown.are_in(&authentic.card))
            .then(|| Credentials::read(&authentic.card));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let known = state.nodes.get(&id).cloned();
        match known {
            Some(peer) if peer.epoch > authentic.epoch => Ok(CardOutcome::Stale),
            Some(peer) if peer.epoch == authentic.epoch => {
                if road == CardRoad::Answered {
                    peer.answered.store(self.next_turn(), Ordering::Release);
                    state.raise_floors(&peer, &authentic);
                }
                state.refresh(&peer, authentic, other)
            }
            _ if road == CardRoad::Announced => Ok(CardOutcome::NotFresh),
            known => {
                if known.is_none() && state.nodes.len() >= PEERS_MAX {
                    return Err(overloaded(
                        authentic.key,
                        format!("{PEERS_MAX} nodes are known already"),
                    ));
                }
                state
                    .writers
                    .retain(|_, facts| !(facts.peer.name == id.1 && facts.peer.public_key() == id.0));
                let peer = Arc::new(Peer {
                    key: Arc::clone(&key),
                    name: authentic.name.clone(),
                    epoch: authentic.epoch,
                    card: RwLock::new(CardState {
                        card: Arc::new(NodeCard::default()),
                        number: 0,
                    }),
                    answered: AtomicU64::new(self.next_turn()),
                    credentials: ArcSwap::from_pointee(other.unwrap_or_else(|| Credentials::read(&authentic.card))),
                    credentials_generation: AtomicU64::new(0),
                    clock_offset_ns: AtomicI64::new(NOT_MEASURED),
                });
                state.add_writers(&peer, &authentic, true)?;
                *peer.card.write().unwrap_or_else(PoisonError::into_inner) = CardState {
                    card: Arc::new(authentic.card),
                    number: authentic.number,
                };
                state.keys.insert(authentic.key, key);
                state.nodes.insert(id, peer);
                Ok(CardOutcome::Updated)
            }
        }
    }

    /// Forgets an instance whose liveliness token is gone. It has to be asked again before it is believed again.
    pub(crate) fn forget(&self, key: PublicKey, name: &NodeName, epoch: u64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let id = (key, name.clone());
        if state.nodes.get(&id).is_none_or(|peer| peer.epoch != epoch) {
            return;
        }
        state.nodes.remove(&id);
        state
            .writers
            .retain(|_, facts| !(facts.peer.name == *name && facts.peer.public_key() == key));
        if !state.nodes.keys().any(|(other, _)| *other == key) {
            state.keys.remove(&key);
        }
    }

    fn read<T>(&self, question: impl FnOnce(&State) -> T) -> T {
        question(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// A further card of an instance that is known.
    fn refresh(
        &mut self,
        peer: &Arc<Peer>,
        authentic: AuthenticCard,
        credentials: Option<Credentials>,
    ) -> Result<CardOutcome, Refusal> {
        let newest = peer.card.read().unwrap_or_else(PoisonError::into_inner).number;
        if authentic.number <= newest {
            return Ok(CardOutcome::Known);
        }
        self.add_writers(peer, &authentic, false)?;
        let shows_other = credentials.is_some();
        if let Some(credentials) = credentials {
            peer.show(credentials);
        }
        let mut place = peer.card.write().unwrap_or_else(PoisonError::into_inner);
        let same = !shows_other
            && place.card.publishers.len() == authentic.card.publishers.len()
            && place.card.subscribers == authentic.card.subscribers
            && place.card.services == authentic.card.services;
        *place = CardState {
            card: Arc::new(authentic.card),
            number: authentic.number,
        };
        Ok(if same { CardOutcome::Known } else { CardOutcome::Updated })
    }

    /// A known instance has answered again: streams that begin from now on begin there.
    fn raise_floors(&mut self, peer: &Arc<Peer>, authentic: &AuthenticCard) {
        for publisher in &authentic.card.publishers {
            if let Some(facts) = self.writers.get(&(authentic.key, Writer(publisher.writer))) {
                *facts.latest.lock().unwrap_or_else(PoisonError::into_inner) = Floor {
                    number: publisher.next_number,
                    time_ns: authentic.time_ns,
                    turn: peer.answered.load(Ordering::Acquire),
                };
            }
        }
    }

    /// Enters the writers that are not known yet. Known ones keep the floor that they were first given.
    fn add_writers(&mut self, peer: &Arc<Peer>, authentic: &AuthenticCard, first: bool) -> Result<(), Refusal> {
        if self.writers.len() + authentic.card.publishers.len() > WRITERS_MAX {
            return Err(overloaded(
                authentic.key,
                format!("{WRITERS_MAX} publishers are known already"),
            ));
        }
        for publisher in &authentic.card.publishers {
            let Ok(topic) = TopicName::parse(&publisher.topic) else {
                continue;
            };
            let facts = || {
                let floor = Floor {
                    number: if first { publisher.next_number } else { 1 },
                    time_ns: authentic.time_ns,
                    turn: peer.answered.load(Ordering::Acquire),
                };
                Arc::new(WriterFacts {
                    peer: Arc::clone(peer),
                    topic,
                    type_name: publisher.type_name.clone(),
                    type_hash: TypeHash::from_bytes(publisher.type_hash),
                    exclusive: is_exclusive(&publisher.type_name, &TypeHash::from_bytes(publisher.type_hash)),
                    floor,
                    latest: Mutex::new(floor),
                    judged: AtomicU64::new(0),
                    standing: ArcSwapOption::empty(),
                })
            };
            self.writers
                .entry((authentic.key, Writer(publisher.writer)))
                .or_insert_with(facts);
        }
        Ok(())
    }
}

fn overloaded(key: PublicKey, found: String) -> Refusal {
    Refusal::new(Reason::Overloaded, Some(key), found)
}
