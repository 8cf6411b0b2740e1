//! Reception: from the bytes of a put to verified messages in a subscription's queue.
//!
//! Runs in the thread that received the bytes and never blocks. Frames of a key that nobody has vouched for yet wait in
//! a bounded list until first contact was made or has failed; frames of known publishers are not held up by them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock;
use crate::contact::{AskOutcome, ContactDesk, Note, Question};
use crate::link::Bytes;
use crate::name::TopicName;
use crate::queue::Queue;
use crate::run_time_type::Translation;
use crate::security::frame::{Header, Layout, Writer};
use crate::security::key::PublicKey;
use crate::security::refusal::{Reason, Refusal};
use crate::security::verifier::{Opened, Verified, VerifiedMessage, Verifier};
use crate::stats::{SubscriptionCounters, SubscriptionStats, add};
use crate::translation_desk::TranslationDesk;

/// The most frames of strangers that wait at one subscription.
pub(crate) const WAITING_FRAMES_MAX: usize = 4096;
/// The most bytes that they may have together.
pub(crate) const WAITING_BYTES_MAX: usize = 8 << 20;
/// How many refusals are kept for whoever wants to read them; older ones are only counted.
pub(crate) const REFUSALS_KEPT: usize = 256;

/// A refusal and where it happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefusalEvent {
    /// The topic that the frame arrived on.
    pub topic: TopicName,
    /// The reason and what was found.
    pub refusal: Refusal,
}

/// Where one subscription's frames end up.
#[derive(Debug)]
pub(crate) struct Reception {
    pub(crate) topic: TopicName,
    verifier: Verifier,
    waiting: Mutex<Waiting>,
    /// Held while waiting frames are opened again: one thread at a time.
    reopening: Mutex<()>,
    /// Where other versions of the type are attended to, if they are taken.
    translation_desk: Option<TranslationDesk>,
    pub(crate) queue: Queue<Delivery>,
    pub(crate) refusals: Queue<Refusal>,
    node_refusals: Arc<Queue<RefusalEvent>>,
    contact: Arc<ContactDesk>,
    counters: SubscriptionCounters,
}

/// A verified message in a subscription's queue.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) message: VerifiedMessage,
    /// How it becomes one of the type subscribed to, when it is of another version.
    pub(crate) translation: Option<Arc<Translation>>,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<WaitingFrame>,
    bytes: usize,
    /// How many frames of each stream wait: asked for each frame that arrives, so it must not cost a search.
    streams: HashMap<Stream, usize>,
}

/// Which publisher of a key and which start of it, by a frame's own word.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Stream {
    key: PublicKey,
    writer: Writer,
    epoch: u64,
}

impl Stream {
    fn of(header: &Header) -> Self {
        Self {
            key: header.key,
            writer: header.writer,
            epoch: header.epoch,
        }
    }
}

#[derive(Debug)]
struct WaitingFrame {
    stream: Stream,
    bytes: Bytes,
    /// The last question put before it came.
    after: Question,
}

impl Waiting {
    fn has(&self, key: PublicKey) -> bool {
        self.frames.iter().any(|frame| frame.stream.key == key)
    }

    fn has_stream(&self, header: &Header) -> bool {
        self.streams.contains_key(&Stream::of(header))
    }

    fn first_of(&self, key: PublicKey) -> Option<(Bytes, Question)> {
        self.frames
            .iter()
            .find(|frame| frame.stream.key == key)
            .map(|frame| (frame.bytes.clone(), frame.after))
    }

    fn remove_first_of(&mut self, key: PublicKey) {
        if let Some(at) = self.frames.iter().position(|frame| frame.stream.key == key)
            && let Some(frame) = self.frames.remove(at)
        {
            self.bytes -= frame.bytes.as_slice().len();
            if let Entry::Occupied(mut count) = self.streams.entry(frame.stream) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    /// `false` when there is no room.
    fn add(&mut self, header: &Header, bytes: &Bytes, after: Question) -> bool {
        let len = bytes.as_slice().len();
        if self.frames.len() >= WAITING_FRAMES_MAX || self.bytes + len > WAITING_BYTES_MAX {
            return false;
        }
        self.frames.push_back(WaitingFrame {
            stream: Stream::of(header),
            bytes: bytes.clone(),
            after,
        });
        self.bytes += len;
        *self.streams.entry(Stream::of(header)).or_default() += 1;
        true
    }
}

impl Reception {
    pub(crate) fn new(
        topic: TopicName,
        verifier: Verifier,
        depth: usize,
        (node_refusals, contact): (Arc<Queue<RefusalEvent>>, Arc<ContactDesk>),
        translation_desk: Option<TranslationDesk>,
    ) -> Self {
        Self {
            topic,
            verifier,
            waiting: Mutex::default(),
            reopening: Mutex::default(),
            translation_desk,
            queue: Queue::new(depth),
            refusals: Queue::new(REFUSALS_KEPT),
            node_refusals,
            contact,
            counters: SubscriptionCounters::default(),
        }
    }

    /// Takes the bytes of one put.
    pub(crate) fn receive(&self, bytes: &Bytes, contact: &ContactDesk) {
        if self.joins_the_waiting(bytes, contact) {
            return;
        }
        if let Some(stranger) = self.open(bytes) {
            self.await_contact(stranger, bytes, contact);
        }
    }

    /// Opens the waiting frames of a key again, in their order, now that something was learned about it. Those that are
    /// still a stranger's wait on.
    pub(crate) fn retry(&self, key: PublicKey) {
        self.reopen_waiting(key, |_| false);
    }

    /// A question about a key has got all its answers: frames that came before it was put and are still a stranger's are
    /// refused, and for later ones it is asked again.
    pub(crate) fn settle(&self, key: PublicKey, question: Question, contact: &ContactDesk) {
        self.reopen_waiting(key, |after| after < question);
        if self.lock_waiting().has(key) {
            self.ask_about(key, contact);
        }
    }

    /// Counts a refusal and tells those who listen.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.counters.refuse(refusal.reason);
        if let Some(evidence) = &refusal.evidence {
            self.contact.leave(Note::Equivocated(Arc::clone(evidence)));
        }
        if let (Reason::StampTooOld | Reason::StampInFuture, Some(key)) = (refusal.reason, refusal.claimed_key) {
            self.contact.doubt_clock(key);
        }
        self.node_refusals.push(RefusalEvent {
            topic: self.topic.clone(),
            refusal: refusal.clone(),
        });
        self.refusals.push(refusal);
    }

    /// Puts the messages of a frame into the queue.
    pub(crate) fn pass_on(&self, frame: &Arc<Verified>, translation: Option<&Arc<Translation>>) {
        add(&self.counters.received, u64::from(frame.count()));
        add(&self.counters.received_bytes, frame.frame_bytes().len() as u64);
        add(&self.counters.missing, frame.missing_before());
        let deliveries = frame.messages().map(|message| Delivery {
            message,
            translation: translation.cloned(),
        });
        self.queue.push_all(deliveries, frame.count().into());
    }

    pub(crate) fn translation_desk(&self) -> Option<&TranslationDesk> {
        self.translation_desk.as_ref()
    }

    pub(crate) fn stats(&self) -> SubscriptionStats {
        self.counters.read(self.queue.dropped(), self.queue.len())
    }

    pub(crate) fn close(&self) {
        self.queue.close();
        self.refusals.close();
    }

    /// A frame of a publisher whose earlier frames still wait goes behind them, so that order is kept. Those of other
    /// publishers of the same key do not: anybody can make frames that name a key and a publisher that it does not have.
    fn joins_the_waiting(&self, bytes: &Bytes, contact: &ContactDesk) -> bool {
        let header = {
            let mut waiting = self.lock_waiting();
            if waiting.frames.is_empty() {
                return false;
            }
            let Ok(layout) = Layout::parse(bytes.as_slice()) else {
                return false;
            };
            if !waiting.has_stream(&layout.header) {
                return false;
            }
            if waiting.add(&layout.header, bytes, contact.last_question()) {
                return true;
            }
            layout.header
        };
        // Too many: help the contact thread if the publisher is known by now. This holds up the link until there is room.
        self.retry(header.key);
        if self.lock_waiting().has_stream(&header) {
            self.refuse_overload(header.key);
            return true;
        }
        false
    }

    /// Opens one frame; gives the key when first contact has to be made.
    fn open(&self, bytes: &Bytes) -> Option<PublicKey> {
        match self.verifier.open(bytes, clock::now_ns()) {
            Opened::Verified(verified) => self.deliver(verified),
            Opened::Duplicate => add(&self.counters.duplicates, 1),
            Opened::Refused(refusal) => self.refuse(refusal),
            Opened::Stranger(key) => return Some(key),
        }
        None
    }

    fn deliver(&self, verified: Verified) {
        let frame = Arc::new(verified);
        match &self.translation_desk {
            None => self.pass_on(&frame, None),
            Some(desk) => desk.attend(self, frame),
        }
    }

    fn await_contact(&self, key: PublicKey, bytes: &Bytes, contact: &ContactDesk) {
        // Whatever is a stranger's had a layout.
        let Ok(layout) = Layout::parse(bytes.as_slice()) else {
            return;
        };
        let fits = self.lock_waiting().add(&layout.header, bytes, contact.last_question());
        if fits {
            self.ask_about(key, contact)
        } else {
            self.refuse_overload(key)
        }
    }

    /// Has first contact made with a key whose frames wait.
    fn ask_about(&self, key: PublicKey, contact: &ContactDesk) {
        match contact.ask_about(key) {
            AskOutcome::Asked => {}
            AskOutcome::FailedLately => self.reopen_waiting(key, |_| true),
            AskOutcome::TooMany => {
                self.lock_waiting().remove_first_of(key);
                self.refuse_overload(key);
            }
        }
    }

    /// Opens the waiting frames of a key in their order. One that is still a stranger's is refused when `give_up` says so
    /// of the question that it came after; otherwise it stays, and all behind it.
    fn reopen_waiting(&self, key: PublicKey, give_up: impl Fn(Question) -> bool) {
        let _one_at_a_time = self.reopening.lock().unwrap_or_else(PoisonError::into_inner);
        // The frame stays in the list while it is opened: one that arrives meanwhile then joins behind it.
        while let Some((bytes, after)) = { self.lock_waiting().first_of(key) } {
            if self.open(&bytes).is_some() {
                if !give_up(after) {
                    return;
                }
                let detail = "no card of this key names the writer of this frame";
                self.refuse(Refusal::new(Reason::UnknownKey, Some(key), detail));
            }
            self.lock_waiting().remove_first_of(key);
        }
    }

    fn refuse_overload(&self, key: PublicKey) {
        let detail = format!(
            "at most {WAITING_FRAMES_MAX} frames or {WAITING_BYTES_MAX} bytes of unknown keys wait for first contact on a topic"
        );
        self.refuse(Refusal::new(Reason::Overloaded, Some(key), detail));
    }

    fn lock_waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
