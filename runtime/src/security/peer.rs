//! Peer: one instance of a node, as its cards have shown it. No I/O, no clock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use nuncio_msgs::nuncio_msgs::msg::NodeCard;

use super::credentials::Credentials;
use super::floor::Floor;
use super::key::PublicKey;
use super::peer_key::PeerKey;
use super::peers::AuthenticCard;
use crate::name::NodeName;

/// One instance of a node whose card was verified and fresh.
#[derive(Debug)]
pub struct Peer {
    pub(crate) key: Arc<PeerKey>,
    pub(crate) name: NodeName,
    pub(crate) epoch: u64,
    card: RwLock<CardState>,
    /// What its last answer says of writers that it does not name: they are gone, and what is on its way is their last.
    answered: Mutex<Floor>,
    credentials: ArcSwap<Credentials>,
    credentials_generation: AtomicU64,
    clock_offset_ns: AtomicI64,
    first_seen_ns: AtomicI64,
    last_seen_ns: AtomicI64,
}

/// No clock offset was measured.
const NOT_MEASURED: i64 = i64::MIN;

#[derive(Debug, Default)]
struct CardState {
    card: Arc<NodeCard>,
    number: u64,
}

impl Peer {
    /// An instance that has just answered and shows this. Its card follows.
    pub(super) fn new(key: Arc<PeerKey>, shown: &AuthenticCard, answered: Floor, credentials: Credentials) -> Self {
        Self {
            key,
            name: shown.name.clone(),
            epoch: shown.epoch,
            card: RwLock::default(),
            answered: Mutex::new(answered),
            credentials: ArcSwap::from_pointee(credentials),
            credentials_generation: AtomicU64::new(0),
            clock_offset_ns: AtomicI64::new(NOT_MEASURED),
            first_seen_ns: AtomicI64::new(0),
            last_seen_ns: AtomicI64::new(0),
        }
    }

    /// Something came that it has signed just now.
    pub(crate) fn note_seen(&self, now_ns: i64) {
        self.last_seen_ns.store(now_ns, Ordering::Relaxed);
    }

    /// A card of it came; `true` when it is the first.
    pub(crate) fn note_card(&self, now_ns: i64) -> bool {
        self.note_seen(now_ns);
        let first = self
            .first_seen_ns
            .compare_exchange(0, now_ns, Ordering::Relaxed, Ordering::Relaxed);
        first.is_ok()
    }

    /// When its first card came, and when something that it has signed last did; 0 is never.
    pub(crate) fn seen_ns(&self) -> (i64, i64) {
        let read = |time: &AtomicI64| time.load(Ordering::Relaxed);
        (read(&self.first_seen_ns), read(&self.last_seen_ns))
    }

    /// The newest card.
    pub fn card(&self) -> Arc<NodeCard> {
        Arc::clone(&self.card.read().unwrap_or_else(PoisonError::into_inner).card)
    }

    pub(crate) fn card_number(&self) -> u64 {
        self.card.read().unwrap_or_else(PoisonError::into_inner).number
    }

    pub(super) fn replace_card(&self, card: NodeCard, number: u64) {
        let card = Arc::new(card);
        *self.card.write().unwrap_or_else(PoisonError::into_inner) = CardState { card, number };
    }

    /// The floor of writers that its last answer does not name.
    pub(super) fn answered(&self) -> Floor {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_answered(&self, floor: Floor) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = floor;
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
    pub(super) fn show(&self, credentials: Credentials) {
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
