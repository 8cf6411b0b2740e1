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
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::card::{self, NONCE_LEN};
use crate::key_expr::{self, NodeClaim};
use crate::link::Bytes;
use crate::node::NodeCore;
use crate::revocations::WantedLists;
use crate::security::key::PublicKey;
use crate::security::peers::{AuthenticCard, CardOutcome, CardRoad};
use crate::security::refusal::Refusal;

/// The most keys that are asked about at one time.
pub(crate) const ASKING_MAX: usize = 256;
/// The most notes that wait for the contact thread.
pub(crate) const NOTES_MAX: usize = 8192;
/// The most liveliness tokens that a node remembers.
pub(crate) const TOKENS_MAX: usize = 8192;
/// The largest card, in bytes of its frame; one that is full has about 1.3 MB.
const CARD_LEN_MAX: usize = 2 << 20;
/// The most bytes of cards that wait for the contact thread.
const CARD_BYTES_MAX: usize = 32 << 20;
/// How long an answer may take.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a key that gave no answer is refused without being asked again.
pub(crate) const FAILED_FOR: Duration = Duration::from_secs(1);

/// How long the last messages of a node may arrive after its liveliness token has vanished: data and presence do not
/// travel in step. Afterwards the node has to be met again before it is believed again.
const VANISHED_FOR: Duration = Duration::from_secs(2);

/// How long a node that did not answer is left alone at first; twice as long after each further attempt, up to 64 times.
const UNMET_PAUSE: Duration = Duration::from_millis(250);

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
    /// No more answers can come to this question about a key.
    AnswersEnded(PublicKey, Question),
    /// No more answers can come to the question for a node's card.
    MeetingEnded(NodeClaim),
    /// A list of revocations came.
    Revocations(Bytes),
    /// The node believes others than before: what others hold may concern it now.
    PolicyChanged,
    /// This node publishes, subscribes or serves something else than before.
    OwnCardChanged,
    /// The node is closing.
    Close,
}

impl Note {
    fn card_len(&self) -> usize {
        match self {
            Self::Announced(_, bytes) | Self::Answered(_, bytes, _) | Self::Revocations(bytes) => {
                bytes.as_slice().len()
            }
            _ => 0,
        }
    }
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
    notes: Mutex<Notes>,
    note_left: Condvar,
    asking: Mutex<Asking>,
    questions: AtomicU64,
}

/// Notes in the order in which they were left, and the bytes of the cards in them.
#[derive(Debug, Default)]
struct Notes {
    queue: VecDeque<Note>,
    card_bytes: usize,
}

#[derive(Debug, Default)]
struct Asking {
    /// Keys being asked about.
    now: HashSet<PublicKey>,
    failed: HashMap<PublicKey, Instant>,
}

/// Questions are numbered. A frame that waits carries the number of the last question put before it came, so that no
/// answer given before it was published decides about it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Question(u64);

impl ContactDesk {
    /// Leaves a note. When too many wait, or too many bytes, it is dropped, which `false` says: tokens, strangers and
    /// cards come again. The end of a question and the end of the node are never dropped; each has at most one note.
    pub(crate) fn leave(&self, note: Note) -> bool {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let len = note.card_len();
        let crowded = notes.queue.len() >= NOTES_MAX || len > CARD_LEN_MAX || notes.card_bytes + len > CARD_BYTES_MAX;
        if crowded && !matches!(note, Note::AnswersEnded(..) | Note::MeetingEnded(_) | Note::Close) {
            return false;
        }
        notes.card_bytes += len;
        notes.queue.push_back(note);
        drop(notes);
        self.note_left.notify_one();
        true
    }

    /// Waits for the next note, but not beyond `until`.
    fn take(&self, until: Option<Instant>) -> Option<Note> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(note) = notes.queue.pop_front() {
                notes.card_bytes -= note.card_len();
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
        if asking.now.contains(&key) {
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
        asking.now.insert(key);
        AskOutcome::Asked
    }

    /// The last question put so far.
    pub(crate) fn last_question(&self) -> Question {
        Question(self.questions.load(Ordering::Acquire))
    }

    fn next_question(&self) -> Question {
        Question(self.questions.fetch_add(1, Ordering::AcqRel) + 1)
    }

    fn end(&self, key: PublicKey) {
        self.lock().now.remove(&key);
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
    /// Nodes that are being asked for their cards.
    meeting: HashSet<NodeClaim>,
    /// Nodes that have not answered: when they are asked again, and how often they were asked.
    unmet: HashMap<NodeClaim, (Instant, u32)>,
    wanted: WantedLists,
}

impl Presence {
    /// When something has to happen although nobody left a note.
    fn next_deadline(&self) -> Option<Instant> {
        let vanished = self.vanished.front().map(|(since, _)| *since + VANISHED_FOR);
        let unmet = self.unmet.values().map(|(when, _)| *when).min();
        let wanted = self.wanted.next_deadline();
        vanished.into_iter().chain(unmet).chain(wanted).min()
    }

    /// Forgets who vanished long enough ago, and asks again who has not answered.
    fn attend_deadlines(&mut self, node: &Arc<NodeCore>) {
        self.wanted.ask(node);
        let now = Instant::now();
        while self
            .vanished
            .front()
            .is_some_and(|(since, _)| *since + VANISHED_FOR <= now)
        {
            if let Some((_, claim)) = self.vanished.pop_front() {
                node.peers.forget(claim.key, &claim.node, claim.epoch);
            }
        }
        let due: Vec<NodeClaim> = self
            .unmet
            .iter()
            .filter(|(_, (when, _))| *when <= now)
            .map(|(claim, _)| claim.clone())
            .collect();
        for claim in due {
            if let Some((when, attempts)) = self.unmet.get_mut(&claim) {
                *attempts += 1;
                *when = now + ANSWER_TIMEOUT + UNMET_PAUSE * 2_u32.pow((*attempts).min(6));
            }
            self.meet(node, claim);
        }
    }

    /// Takes in a card whose signature held, and looks at which lists of revocations its node holds.
    fn admit(&mut self, node: &NodeCore, authentic: AuthenticCard, road: CardRoad) -> Result<CardOutcome, Refusal> {
        self.wanted.look_at(node, &authentic.card.trust_marks);
        node.peers.admit(authentic, road)
    }

    /// Asks a node whose token or pushed card was seen, unless this instance is known already. Later, when too many are
    /// being asked.
    fn meet(&mut self, node: &Arc<NodeCore>, claim: NodeClaim) {
        if is_known(node, &claim) || self.meeting.contains(&claim) {
            return;
        }
        if self.meeting.len() >= ASKING_MAX {
            let again = Instant::now() + UNMET_PAUSE;
            if self.tokens.contains(&claim) {
                self.unmet.entry(claim).or_insert((again, 0));
            }
            return;
        }
        let card = key_expr::card(&node.domain, &claim.key, claim.epoch, &claim.node);
        self.meeting.insert(claim.clone());
        ask(node, &card, Note::MeetingEnded(claim));
    }
}

/// Runs the contact thread until the node closes.
pub(crate) fn run(node: &Weak<NodeCore>, desk: &ContactDesk) {
    let mut presence = Presence::default();
    loop {
        let note = desk.take(presence.next_deadline());
        if matches!(note, Some(Note::Close)) {
            return;
        }
        let Some(node) = node.upgrade() else { return };
        if let Some(note) = note {
            attend(&node, &mut presence, note);
        }
        presence.attend_deadlines(&node);
    }
}

fn attend(node: &Arc<NodeCore>, presence: &mut Presence, note: Note) {
    match note {
        Note::TokenAppeared(claim) => {
            if presence.tokens.len() < TOKENS_MAX && presence.tokens.insert(claim.clone()) {
                presence.vanished.retain(|(_, vanished)| *vanished != claim);
                node.graph.token_appeared(claim.clone());
                presence.meet(node, claim);
            }
        }
        Note::TokenVanished(claim) => {
            node.graph.token_vanished(&claim);
            presence.unmet.remove(&claim);
            if presence.tokens.remove(&claim) {
                presence.vanished.push_back((Instant::now(), claim));
            }
        }
        Note::Stranger(key) => {
            let question = node.contact.next_question();
            ask(
                node,
                &key_expr::cards_of_key(&node.domain, &key),
                Note::AnswersEnded(key, question),
            );
        }
        Note::Announced(claim, bytes) => {
            let opened = card::open(bytes.as_slice(), &node.domain, &claim, &[], &node.peers);
            match opened.and_then(|authentic| presence.admit(node, authentic, CardRoad::Announced)) {
                Ok(CardOutcome::Updated) => learned(node, claim.key),
                Ok(CardOutcome::NotFresh) => presence.meet(node, claim),
                Ok(CardOutcome::Known | CardOutcome::Stale) => {}
                Err(refusal) => node.refuse_document(refusal),
            }
        }
        Note::Answered(claim, bytes, nonce) => {
            let opened = card::open(bytes.as_slice(), &node.domain, &claim, &nonce, &node.peers);
            match opened.and_then(|authentic| presence.admit(node, authentic, CardRoad::Answered)) {
                Ok(_) => learned(node, claim.key),
                Err(refusal) => node.refuse_document(refusal),
            }
        }
        Note::Revocations(bytes) => node.take_revocations(&bytes),
        Note::PolicyChanged => {
            for peer in node.peers.all() {
                presence.wanted.look_at(node, &peer.card().trust_marks);
            }
        }
        Note::AnswersEnded(key, question) => {
            if !node.peers.all().iter().any(|peer| peer.public_key() == key) {
                node.contact.remember_failure(key);
            }
            node.contact.end(key);
            for reception in node.receptions() {
                reception.settle(key, question, &node.contact);
            }
        }
        Note::MeetingEnded(claim) => {
            presence.meeting.remove(&claim);
            if is_known(node, &claim) || !presence.tokens.contains(&claim) {
                presence.unmet.remove(&claim);
            } else {
                presence
                    .unmet
                    .entry(claim)
                    .or_insert_with(|| (Instant::now() + UNMET_PAUSE, 0));
            }
        }
        Note::OwnCardChanged => node.announce_newest_card(),
        Note::Close => {}
    }
}

fn is_known(node: &NodeCore, claim: &NodeClaim) -> bool {
    node.peers
        .node(claim.key, &claim.node)
        .is_some_and(|peer| peer.epoch() >= claim.epoch)
}

/// Asks for cards, and leaves `at_the_end` when no more can come.
fn ask(node: &Arc<NodeCore>, key_expr: &str, at_the_end: Note) {
    let mut nonce = [0; NONCE_LEN];
    let end = EndNote {
        node: Arc::downgrade(node),
        note: Some(at_the_end),
    };
    if getrandom::fill(&mut nonce).is_err() {
        // Without randomness there is no freshness; whoever waits is refused as unknown.
        return;
    }
    let asked = node
        .link
        .query(key_expr, nonce.to_vec(), ANSWER_TIMEOUT, move |answered_on, bytes| {
            let Some(node) = end.node.upgrade() else { return };
            if let Some(claim) = key_expr::parse_node_claim(&node.domain, answered_on) {
                node.contact.leave(Note::Answered(claim, bytes, nonce));
            }
        });
    // When the question could not even be put, the closure was dropped and has left its note.
    drop(asked);
}

/// Leaves a note when the link drops the closure that receives answers.
struct EndNote {
    node: Weak<NodeCore>,
    note: Option<Note>,
}

impl Drop for EndNote {
    fn drop(&mut self) {
        if let (Some(node), Some(note)) = (self.node.upgrade(), self.note.take()) {
            node.contact.leave(note);
        }
    }
}

fn learned(node: &Arc<NodeCore>, key: PublicKey) {
    node.graph.changed();
    node.receptions().iter().for_each(|reception| reception.retry(key));
}
