//! The contact desk: where the threads that receive leave notes for the contact thread.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::card::NONCE_LEN;
use crate::key_expr::NodeClaim;
use crate::link::Bytes;
use crate::reception::Reception;
use crate::security::equivocation::Equivocation;
use crate::security::key::PublicKey;
use crate::sequencer::Ask;
use crate::watch::Revived;

/// The most keys that are asked about at one time.
pub(crate) const ASKING_MAX: usize = 256;
/// The most notes that wait for the contact thread.
pub(crate) const NOTES_MAX: usize = 8192;
/// The largest card, in bytes of its frame; one that is full has about 1.3 MB.
const CARD_LEN_MAX: usize = 2 << 20;
/// The most bytes of cards that wait for the contact thread.
const CARD_BYTES_MAX: usize = 32 << 20;
/// How long a key that gave no answer is refused without being asked again.
pub(crate) const FAILED_FOR: Duration = Duration::from_secs(1);

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
    Answered(NodeClaim, Bytes, [u8; NONCE_LEN], RoundTrip),
    /// Two frames of one number of this key came.
    Equivocated(PublicKey, Arc<Equivocation>),
    /// A frame of this key has a time that was refused: its clock, or ours, may have been set.
    ClockDoubted(PublicKey),
    /// A subscription misses messages and asks their publisher for them.
    MessagesMissing(Weak<Reception>, Ask),
    /// No more answers can come to this question about a key.
    AnswersEnded(PublicKey, Question),
    /// No more answers can come to the question for a node's card.
    MeetingEnded(NodeClaim),
    /// A list of revocations came.
    Revocations(Bytes),
    /// The node believes others than before: what others hold may concern it now.
    PolicyChanged,
    /// A message awaits a second signer's approval, and none did before.
    AwaitsApproval,
    /// A publisher that had been given up has shown that it is alive.
    Revived(Revived),
    /// A statement that publishers of a node are alive.
    Asserted(NodeClaim, Bytes),
    /// The liveliness of a publisher of this node was asserted, and no statement has said so yet.
    AssertionWished,
    /// This node publishes, subscribes or serves something else than before.
    OwnCardChanged,
    /// Requests for receipts wait: what they ask about may have come, or their time is to be watched.
    ReceiptsDue,
    /// The node is closing.
    Close,
}

impl Note {
    fn card_len(&self) -> usize {
        match self {
            Self::Announced(_, bytes)
            | Self::Answered(_, bytes, ..)
            | Self::Asserted(_, bytes)
            | Self::Revocations(bytes) => bytes.as_slice().len(),
            _ => 0,
        }
    }
}

/// How long a question took, and when its answer came by the clock of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrip {
    pub(crate) took: Duration,
    pub(crate) answered_ns: i64,
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
    /// A note that a clock is doubted waits: one is enough.
    clock_doubted: AtomicBool,
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
    /// cards come again. The end of a question, the first sign of a life and the end of the node are never dropped; each has at
    /// most one note.
    pub(crate) fn leave(&self, note: Note) -> bool {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let len = note.card_len();
        let crowded = notes.queue.len() >= NOTES_MAX || len > CARD_LEN_MAX || notes.card_bytes + len > CARD_BYTES_MAX;
        let may_be_dropped = !matches!(
            note,
            Note::AnswersEnded(..) | Note::MeetingEnded(_) | Note::Revived(_) | Note::AssertionWished | Note::Close
        );
        if crowded && may_be_dropped {
            return false;
        }
        notes.card_bytes += len;
        notes.queue.push_back(note);
        drop(notes);
        self.note_left.notify_one();
        true
    }

    /// Waits for the next note, but not beyond `until`.
    pub(super) fn take(&self, until: Option<Instant>) -> Option<Note> {
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

    /// Has the difference of two clocks measured again, before long.
    pub(crate) fn doubt_clock(&self, key: PublicKey) {
        if !self.clock_doubted.swap(true, Ordering::AcqRel) && !self.leave(Note::ClockDoubted(key)) {
            self.clock_doubted.store(false, Ordering::Release);
        }
    }

    pub(super) fn end_doubt(&self) {
        self.clock_doubted.store(false, Ordering::Release);
    }

    /// The last question put so far.
    pub(crate) fn last_question(&self) -> Question {
        Question(self.questions.load(Ordering::Acquire))
    }

    pub(crate) fn next_question(&self) -> Question {
        Question(self.questions.fetch_add(1, Ordering::AcqRel) + 1)
    }

    pub(super) fn end(&self, key: PublicKey) {
        self.lock().now.remove(&key);
    }

    pub(super) fn remember_failure(&self, key: PublicKey) {
        self.lock().failed.insert(key, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
