//! First contact: asking who is behind a key, before anything of it is believed.
//!
//! One thread per node, the *contact thread*, does what would hold up the threads that receive: it asks for cards when
//! a liveliness token appears or a frame of an unknown key waits, opens what comes back, keeps the table of peers, and
//! publishes this node's own card when it has changed. It sleeps while nothing happens.
//!
//! # Invariants
//!
//! - Every question carries a nonce of its own, so that an answer cannot have been recorded.
//! - What strangers can make it remember or do is bounded: [`ASKING_MAX`] keys at a time, [`NOTES_MAX`] notes,
//!   [`TOKENS_MAX`] tokens; a key that did not answer is not asked again for [`FAILED_FOR`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::card::{self, NONCE_LEN};
use crate::key_expr::{self, NodeClaim};
use crate::link::Bytes;
use crate::node::NodeCore;
use crate::security::key::PublicKey;
use crate::security::peers::{CardOutcome, CardRoad};

/// The most keys that are asked about at one time.
pub(crate) const ASKING_MAX: usize = 256;
/// The most notes that wait for the contact thread.
pub(crate) const NOTES_MAX: usize = 8192;
/// The most liveliness tokens that a node remembers.
pub(crate) const TOKENS_MAX: usize = 8192;
/// How long an answer may take.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a key that gave no answer is refused without being asked again.
pub(crate) const FAILED_FOR: Duration = Duration::from_secs(1);

/// How long the last messages of a node may arrive after its liveliness token has vanished: data and presence do not
/// travel in step. Afterwards the node has to be met again before it is believed again.
const VANISHED_FOR: Duration = Duration::from_secs(2);

/// What the contact thread is told.
#[derive(Debug)]
pub(crate) enum Note {
    /// A liveliness token is there.
    TokenAppeared(NodeClaim),
    /// A liveliness token is gone.
    TokenVanished(NodeClaim),
    /// A frame of this key waits.
    Stranger(PublicKey),
    /// A card was pushed.
    Announced(NodeClaim, Bytes),
    /// A card came as the answer to the question with this nonce.
    Answered(NodeClaim, Bytes, [u8; NONCE_LEN]),
    /// No more answers can come to a question about this key.
    AnswersEnded(PublicKey),
    /// This node publishes, subscribes or serves something else than before.
    OwnCardChanged,
    /// The node is closing.
    Close,
}

/// What became of the wish to ask about a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AskOutcome {
    /// It is being asked.
    Asked,
    /// It was asked a moment ago and nobody answered.
    FailedLately,
    /// Too many others are being asked.
    TooMany,
}

/// Where the receiving threads leave their notes.
#[derive(Debug, Default)]
pub(crate) struct ContactDesk {
    notes: Mutex<VecDeque<Note>>,
    note_left: Condvar,
    asking: Mutex<Asking>,
}

#[derive(Debug, Default)]
struct Asking {
    /// Keys being asked about, with the number of questions under way.
    now: HashMap<PublicKey, usize>,
    failed: HashMap<PublicKey, Instant>,
}

impl ContactDesk {
    /// Leaves a note. When too many wait it is dropped, which `false` says: tokens, strangers and pushed cards come
    /// again. The end of a question and the end of the node are never dropped; each has at most one note.
    pub(crate) fn leave(&self, note: Note) -> bool {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= NOTES_MAX && !matches!(note, Note::AnswersEnded(_) | Note::Close) {
            return false;
        }
        notes.push_back(note);
        drop(notes);
        self.note_left.notify_one();
        true
    }

    /// Waits for the next note, but not beyond `until`.
    fn take(&self, until: Option<Instant>) -> Option<Note> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(note) = notes.pop_front() {
                return Some(note);
            }
            notes = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return None,
                Some(left) => {
                    self.note_left
                        .wait_timeout(notes, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.note_left.wait(notes).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Wishes to know who is behind a key.
    pub(crate) fn ask_about(&self, key: PublicKey) -> AskOutcome {
        let mut asking = self.lock();
        if asking.now.contains_key(&key) {
            return AskOutcome::Asked;
        }
        let now = Instant::now();
        asking.failed.retain(|_, since| now.duration_since(*since) < FAILED_FOR);
        if asking.failed.contains_key(&key) {
            return AskOutcome::FailedLately;
        }
        if asking.now.len() >= ASKING_MAX || asking.failed.len() >= ASKING_MAX || !self.leave(Note::Stranger(key)) {
            return AskOutcome::TooMany;
        }
        asking.now.insert(key, 1);
        AskOutcome::Asked
    }

    fn begin(&self, key: PublicKey) {
        *self.lock().now.entry(key).or_default() += 1;
    }

    /// One question about `key` has ended; `true` when it was the last one.
    fn end(&self, key: PublicKey) -> bool {
        let mut asking = self.lock();
        match asking.now.get_mut(&key) {
            Some(questions) if *questions > 1 => {
                *questions -= 1;
                false
            }
            _ => {
                asking.now.remove(&key);
                true
            }
        }
    }

    fn remember_failure(&self, key: PublicKey) {
        self.lock().failed.insert(key, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is there by their tokens, and who was there until a moment ago.
#[derive(Debug, Default)]
struct Presence {
    tokens: HashSet<NodeClaim>,
    /// Oldest first.
    vanished: VecDeque<(Instant, NodeClaim)>,
}

/// Runs the contact thread until the node closes.
pub(crate) fn run(node: &Weak<NodeCore>, desk: &ContactDesk) {
    let mut presence = Presence::default();
    loop {
        let until = presence.vanished.front().map(|(since, _)| *since + VANISHED_FOR);
        let note = desk.take(until);
        if matches!(note, Some(Note::Close)) {
            return;
        }
        let Some(node) = node.upgrade() else { return };
        match note {
            Some(note) => attend(&node, &mut presence, note),
            None => {
                if let Some((_, claim)) = presence.vanished.pop_front() {
                    node.peers.forget(claim.key, &claim.node, claim.epoch);
                }
            }
        }
    }
}

fn attend(node: &Arc<NodeCore>, presence: &mut Presence, note: Note) {
    match note {
        Note::TokenAppeared(claim) => {
            if presence.tokens.len() < TOKENS_MAX && presence.tokens.insert(claim.clone()) {
                presence.vanished.retain(|(_, vanished)| *vanished != claim);
                node.graph.token_appeared(claim.clone());
                meet(node, &claim);
            }
        }
        Note::TokenVanished(claim) => {
            node.graph.token_vanished(&claim);
            if presence.tokens.remove(&claim) {
                presence.vanished.push_back((Instant::now(), claim));
            }
        }
        Note::Stranger(key) => ask(node, key, &key_expr::cards_of_key(&node.domain, &key)),
        Note::Announced(claim, bytes) => match card::open(bytes.as_slice(), &node.domain, &claim, &[], &node.peers) {
            Ok(authentic) => match node.peers.admit(authentic, CardRoad::Announced) {
                Ok(CardOutcome::Updated) => learned(node, claim.key),
                Ok(CardOutcome::NotFresh) => meet(node, &claim),
                Ok(CardOutcome::Known | CardOutcome::Stale) => {}
                Err(refusal) => node.refuse_document(refusal),
            },
            Err(refusal) => node.refuse_document(refusal),
        },
        Note::Answered(claim, bytes, nonce) => {
            let admitted = card::open(bytes.as_slice(), &node.domain, &claim, &nonce, &node.peers)
                .and_then(|authentic| node.peers.admit(authentic, CardRoad::Answered));
            match admitted {
                Ok(_) => learned(node, claim.key),
                Err(refusal) => node.refuse_document(refusal),
            }
        }
        Note::AnswersEnded(key) => {
            if node.contact.end(key) {
                let strangers = node.receptions();
                if !node.peers.all().iter().any(|peer| peer.public_key() == key) {
                    node.contact.remember_failure(key);
                }
                strangers.iter().for_each(|reception| reception.settle(key));
            }
        }
        Note::OwnCardChanged => node.announce_newest_card(),
        Note::Close => {}
    }
}

/// Asks a node whose token or pushed card was seen, unless this instance is known already.
fn meet(node: &Arc<NodeCore>, claim: &NodeClaim) {
    let known = node
        .peers
        .node(claim.key, &claim.node)
        .is_some_and(|peer| peer.epoch() >= claim.epoch);
    let own = claim.key == node.public_key() && claim.node == node.name && claim.epoch == node.epoch;
    if !known && !own {
        node.contact.begin(claim.key);
        ask(
            node,
            claim.key,
            &key_expr::card(&node.domain, &claim.key, claim.epoch, &claim.node),
        );
    }
}

fn ask(node: &Arc<NodeCore>, key: PublicKey, key_expr: &str) {
    let mut nonce = [0; NONCE_LEN];
    if getrandom::fill(&mut nonce).is_err() {
        // Without randomness there is no freshness; whoever waits is refused as unknown.
        node.contact.leave(Note::AnswersEnded(key));
        return;
    }
    let ended = EndNote {
        node: Arc::downgrade(node),
        key,
    };
    let asked = node
        .link
        .query(key_expr, nonce.to_vec(), ANSWER_TIMEOUT, move |answered_on, bytes| {
            let Some(node) = ended.node.upgrade() else { return };
            if let Some(claim) =
                key_expr::parse_node_claim(&node.domain, answered_on).filter(|claim| claim.key == ended.key)
            {
                node.contact.leave(Note::Answered(claim, bytes, nonce));
            }
        });
    // When the question could not even be put, the closure was dropped and has left its note.
    drop(asked);
}

/// Leaves the note that no more answers can come, when the link drops the closure that receives them.
struct EndNote {
    node: Weak<NodeCore>,
    key: PublicKey,
}

impl Drop for EndNote {
    fn drop(&mut self) {
        if let Some(node) = self.node.upgrade() {
            node.contact.leave(Note::AnswersEnded(self.key));
        }
    }
}

fn learned(node: &Arc<NodeCore>, key: PublicKey) {
    node.graph.changed();
    node.receptions().iter().for_each(|reception| reception.retry(key));
}
