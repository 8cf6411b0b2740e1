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
//! messages are fresh. A writer that an answer does not name any more is gone: what it signed last is live within the same
//! grace, and nothing else of it.
//!
//! # Invariants
//!
//! - Every entry comes from a card whose signature held, and an epoch enters the table by a fresh card only.
//! - The tables are bounded; a card that does not fit is refused, none is forgotten for it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwapOption;
use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::NodeCard;

use super::card_entry::{entries_of, entries_with_writers, lasting};
use super::credentials::Credentials;
use super::floor::Floor;
use super::frame::{Kind, Writer};
use super::key::PublicKey;
use super::peer_key::PeerKey;
use super::refusal::{Reason, Refusal};
use super::role::Action;
use super::trust_store::Standing;
use crate::name::{NodeName, TopicName};
use crate::qos::compatibility::Offer;
use crate::sign_of_life::Signs;
use crate::type_support::is_exclusive;

pub use super::floor::FIRST_CONTACT_GRACE_NS;
pub use super::peer::Peer;

/// The most nodes that a node remembers.
pub const PEERS_MAX: usize = 4096;
/// The most writers that a node remembers, over all nodes.
pub const WRITERS_MAX: usize = 65_536;
/// The most subscribers and services that a node remembers from cards, over all nodes.
pub const ENTRIES_MAX: usize = 131_072;

/// What a card says of one writer: a publisher, a service client or a service server.
#[derive(Debug)]
pub(crate) struct WriterFacts {
    pub(crate) peer: Arc<Peer>,
    /// What its frames are: messages, requests or responses.
    pub(crate) kind: Kind,
    /// The topic or service.
    pub(crate) topic: TopicName,
    /// The type of the topic or service.
    pub(crate) type_name: String,
    pub(crate) type_hash: TypeHash,
    /// Whether the type is known to be `@exclusive`.
    pub(crate) exclusive: bool,
    /// What it offers.
    pub(crate) offer: Offer,
    /// When it last showed that it is alive; the [watch](crate::watch)'s own note.
    pub(crate) signs: Signs,
    /// What the card said that this writer was first known by.
    pub(crate) floor: Floor,
    /// What the last fresh card said that names it.
    pub(crate) latest: Mutex<Floor>,
    /// When the pins last agreed, and whether for an exclusive type; the [`Believer`](super::believer)'s own note.
    pub(crate) judged: AtomicU64,
    /// What the trust policy last decided of it; the [`TrustStore`](super::trust_store)'s own note.
    pub(crate) standing: ArcSwapOption<Standing>,
}

impl WriterFacts {
    /// What its node has to be permitted.
    pub(crate) fn action(&self) -> Action {
        match self.kind {
            Kind::Request => Action::Call,
            Kind::Response => Action::Serve,
            Kind::Message | Kind::Card | Kind::TrustStatement | Kind::Attestation => Action::Publish,
        }
    }

    /// What the last fresh card said, which may be that there is no such writer any more.
    pub(crate) fn latest_floor(&self) -> Floor {
        let named = *self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = self.peer.answered();
        if answered.turn > named.turn { answered } else { named }
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
    /// How many signatures of all these keys were checked.
    verifications: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct State {
    keys: HashMap<PublicKey, Arc<PeerKey>>,
    nodes: HashMap<(PublicKey, NodeName), Arc<Peer>>,
    writers: HashMap<(PublicKey, Writer), Arc<WriterFacts>>,
    /// How many subscribers and services the cards name.
    entries: usize,
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

    /// The key, if a node with it is known.
    pub(crate) fn known_key(&self, key: PublicKey) -> Option<Arc<PeerKey>> {
        self.read(|state| state.keys.get(&key).cloned())
    }

    /// The key as enrolled before, or enrolled now. Nothing is remembered yet.
    pub(crate) fn key(&self, key: PublicKey) -> Result<Arc<PeerKey>, Refusal> {
        match self.known_key(key) {
            Some(known) => Ok(known),
            None => Ok(Arc::new(PeerKey::enrol(key)?.counted(&self.verifications))),
        }
    }

    /// How many signatures were checked so far.
    pub(crate) fn verifications(&self) -> u64 {
        self.verifications.load(Ordering::Relaxed)
    }

    /// The next turn: later than all answers so far, and earlier than all that follow.
    pub(crate) fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The keys of nodes that publish on a topic.
    pub(crate) fn publishers_on(&self, topic: &TopicName) -> HashSet<PublicKey> {
        self.read(|state| {
            let publishes = |facts: &WriterFacts| facts.kind == Kind::Message && facts.topic == *topic;
            let here = state.writers.iter().filter(|(_, facts)| publishes(facts));
            here.map(|((key, _), _)| *key).collect()
        })
    }

    /// The servers of a service that cards have named, also those that are no more.
    pub(crate) fn servers_of(&self, service: &TopicName) -> Vec<(Writer, Arc<WriterFacts>)> {
        let serves = |facts: &WriterFacts| facts.kind == Kind::Response && facts.topic == *service;
        self.read(|state| {
            let servers = state.writers.iter().filter(|(_, facts)| serves(facts));
            servers
                .map(|((_, writer), facts)| (*writer, Arc::clone(facts)))
                .collect()
        })
    }

    /// The publishers of nodes with this key.
    pub(crate) fn writers_of(&self, key: PublicKey) -> Vec<(Writer, Arc<WriterFacts>)> {
        self.read(|state| {
            let of_key = state
                .writers
                .iter()
                .filter(|((other, _), facts)| *other == key && facts.kind == Kind::Message);
            of_key
                .map(|((_, writer), facts)| (*writer, Arc::clone(facts)))
                .collect()
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
        // Reading certificates verifies signatures: not while everybody waits for the table, and not for what tells nothing.
        let known = self.read(|state| state.nodes.get(&id).cloned());
        let other = match &known {
            Some(peer) if peer.epoch > authentic.epoch => return Ok(CardOutcome::Stale),
            Some(peer) if peer.epoch == authentic.epoch => {
                let is_newer = authentic.number > peer.card_number();
                (is_newer && !peer.credentials().are_in(&authentic.card)).then(|| Credentials::read(&authentic.card))
            }
            _ if road == CardRoad::Announced => return Ok(CardOutcome::NotFresh),
            _ => Some(Credentials::read(&authentic.card)),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let known = state.nodes.get(&id).cloned();
        match known {
            Some(peer) if peer.epoch > authentic.epoch => Ok(CardOutcome::Stale),
            Some(peer) if peer.epoch == authentic.epoch => {
                if road == CardRoad::Answered {
                    let answered = Floor::of_the_gone(authentic.time_ns, self.next_turn());
                    state.raise_floors(&authentic, answered.turn);
                    peer.has_answered(answered);
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
                let replaced = known.map_or(0, |peer| entries_of(&peer.card()));
                let entries = state.entries_after(authentic.key, replaced, entries_of(&authentic.card))?;
                state
                    .writers
                    .retain(|_, facts| !(facts.peer.name == id.1 && facts.peer.public_key() == id.0));
                let credentials = other.unwrap_or_else(|| Credentials::read(&authentic.card));
                let answered = Floor::of_the_gone(authentic.time_ns, self.next_turn());
                let peer = Arc::new(Peer::new(Arc::clone(&key), &authentic, answered, credentials));
                state.add_writers(&peer, &authentic, true)?;
                peer.replace_card(authentic.card, authentic.number);
                state.entries = entries;
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
        let forgotten = state.nodes.remove(&id).map_or(0, |peer| entries_of(&peer.card()));
        state.entries = state.entries.saturating_sub(forgotten);
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
        if authentic.number <= peer.card_number() {
            return Ok(CardOutcome::Known);
        }
        let before = peer.card();
        let entries = self.entries_after(authentic.key, entries_of(&before), entries_of(&authentic.card))?;
        self.add_writers(peer, &authentic, false)?;
        self.entries = entries;
        let shows_other = credentials.is_some();
        if let Some(credentials) = credentials {
            peer.show(credentials);
        }
        let same = !shows_other
            && before.publishers.len() == authentic.card.publishers.len()
            && before.subscribers == authentic.card.subscribers
            && before
                .services
                .iter()
                .map(lasting)
                .eq(authentic.card.services.iter().map(lasting));
        peer.replace_card(authentic.card, authentic.number);
        Ok(if same { CardOutcome::Known } else { CardOutcome::Updated })
    }

    /// How many entries there are with those of a card in the place of an older one's.
    fn entries_after(&self, key: PublicKey, before: usize, after: usize) -> Result<usize, Refusal> {
        let entries = self.entries.saturating_sub(before) + after;
        if entries > ENTRIES_MAX && after > before {
            let found = format!("{ENTRIES_MAX} subscribers and services are known already");
            return Err(overloaded(key, found));
        }
        Ok(entries)
    }

    /// A known instance has answered again: streams that begin from now on begin there.
    fn raise_floors(&mut self, authentic: &AuthenticCard, turn: u64) {
        for entry in entries_with_writers(&authentic.card) {
            if let Some(facts) = self.writers.get(&(authentic.key, entry.writer)) {
                *facts.latest.lock().unwrap_or_else(PoisonError::into_inner) = Floor {
                    number: entry.next_number,
                    time_ns: authentic.time_ns,
                    turn,
                };
            }
        }
    }

    /// Enters the writers that are not known yet. Known ones keep the floor that they were first given.
    fn add_writers(&mut self, peer: &Arc<Peer>, authentic: &AuthenticCard, first: bool) -> Result<(), Refusal> {
        if self.writers.len() + authentic.card.publishers.len() + authentic.card.services.len() > WRITERS_MAX {
            return Err(overloaded(
                authentic.key,
                format!("{WRITERS_MAX} publishers and services are known already"),
            ));
        }
        for entry in entries_with_writers(&authentic.card) {
            let Ok(topic) = TopicName::parse(entry.place) else {
                continue;
            };
            let facts = || {
                let floor = Floor {
                    number: if first { entry.next_number } else { 1 },
                    time_ns: authentic.time_ns,
                    turn: peer.answered().turn,
                };
                Arc::new(WriterFacts {
                    peer: Arc::clone(peer),
                    kind: entry.kind,
                    topic,
                    type_name: entry.type_name.to_owned(),
                    type_hash: entry.type_hash,
                    exclusive: is_exclusive(entry.type_name, &entry.type_hash),
                    offer: entry.offer,
                    signs: Signs::default(),
                    floor,
                    latest: Mutex::new(floor),
                    judged: AtomicU64::new(0),
                    standing: ArcSwapOption::empty(),
                })
            };
            self.writers.entry((authentic.key, entry.writer)).or_insert_with(facts);
        }
        Ok(())
    }
}

fn overloaded(key: PublicKey, found: String) -> Refusal {
    Refusal::new(Reason::Overloaded, Some(key), found)
}
