//! Reception: from the bytes of a put to verified messages in a subscription's queue.
//!
//! Runs in the thread that received the bytes and never blocks. Frames of a key that nobody has vouched for yet wait in
//! a bounded list until first contact was made or has failed; frames of known publishers are not held up by them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError, Weak};

use crate::acceptance::Acceptance;
use crate::approval::{ApprovalPart, ApprovalState, Passing};
use crate::approval_desk::ApprovalDesk;
use crate::clock;
use crate::contact::{AskOutcome, ContactDesk, Note, Question};
use crate::cursor::CursorShelf;
use crate::delivery::{DeliveredFrame, DeliveryCallback};
use crate::event::{Events, SubscriberEvent};
use crate::link::{Bytes, Pieces};
use crate::name::TopicName;
use crate::qos::QosProfile;
use crate::qos::compatibility::Request;
use crate::queue::{ParcelQueue, Queue};
use crate::refusal_ledger::{REFUSALS_KEPT, RefusalEvent, RefusalLedger};
use crate::run_time_type::Translation;
use crate::security::frame::Layout;
use crate::security::key::PublicKey;
use crate::security::peers::WriterFacts;
use crate::security::refusal::{Reason, Refusal};
use crate::security::verifier::{Opened, Provenance, Verified, Verifier};
use crate::sequencer::Sequencer;
use crate::stats::{SubscriptionCounters, SubscriptionStats, add};
use crate::translation_desk::TranslationDesk;

mod missing;
mod waiting;

use self::waiting::{Stream, WAITING_BYTES_MAX, WAITING_FRAMES_MAX, Waiting};

/// Where one subscription's frames end up.
#[derive(Debug)]
pub(crate) struct Reception {
    pub(crate) topic: TopicName,
    verifier: Verifier,
    sequencer: Sequencer,
    /// Held while what the sequencer lets go on is handed over.
    going_on: Mutex<()>,
    me: Weak<Self>,
    waiting: Mutex<Waiting>,
    /// Held while waiting frames are opened again: one thread at a time.
    reopening: Mutex<()>,
    /// Where other versions of the type are attended to, if they are taken.
    translation_desk: Option<TranslationDesk>,
    /// What is done about messages that a second signer has to approve.
    approval: ApprovalPart,
    pub(crate) queue: ParcelQueue<DeliveredFrame>,
    pub(crate) acceptance: Acceptance,
    /// How far the application has come, where that is kept.
    pub(crate) cursor: Option<Arc<CursorShelf>>,
    /// How many messages of a subscription with a cursor wait for the application: it lets none go.
    depth: usize,
    /// What is called with each message where it arrives, if anything is.
    callback: OnceLock<Mutex<DeliveryCallback>>,
    pub(crate) refusals: Queue<Refusal>,
    pub(crate) events: Arc<Events<SubscriberEvent>>,
    ledger: Arc<RefusalLedger>,
    pub(crate) contact: Arc<ContactDesk>,
    /// The last question that was put before the node knew of this subscription.
    began: OnceLock<Question>,
    pub(crate) counters: SubscriptionCounters,
}

impl Reception {
    pub(crate) fn new(
        (topic, me): (TopicName, Weak<Self>),
        verifier: Verifier,
        qos: &QosProfile,
        (ledger, contact): (Arc<RefusalLedger>, Arc<ContactDesk>),
        (approval, translation_desk): (ApprovalPart, Option<TranslationDesk>),
    ) -> Self {
        let events = Arc::new(Events::on(topic.as_str()));
        Self {
            topic,
            verifier,
            sequencer: Sequencer::new(Request::of(qos), qos.kept().get()),
            going_on: Mutex::default(),
            me,
            waiting: Mutex::default(),
            reopening: Mutex::default(),
            translation_desk,
            approval,
            queue: ParcelQueue::new(qos.kept().get()),
            callback: OnceLock::new(),
            acceptance: Acceptance::default(),
            cursor: None,
            depth: qos.kept().get(),
            refusals: Queue::new(REFUSALS_KEPT),
            events,
            ledger,
            contact,
            began: OnceLock::new(),
            counters: SubscriptionCounters::default(),
        }
    }

    /// The same, beginning behind a cursor. Nothing is dropped for want of room then.
    pub(crate) fn behind(self, cursor: Option<Arc<CursorShelf>>) -> Self {
        if cursor.is_none() {
            return self;
        }
        Self {
            sequencer: self.sequencer.behind(cursor.clone()),
            queue: ParcelQueue::new(usize::MAX),
            cursor,
            ..self
        }
    }

    /// As [`receive`](Self::receive); too many bytes are refused before they are copied into one piece.
    pub(crate) fn receive_pieces(&self, pieces: Pieces<'_>, contact: &ContactDesk) {
        match self.verifier.check_len(pieces.total_len()) {
            Ok(()) => self.receive(&pieces.contiguous(), contact),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Takes the bytes of one put or question.
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
        self.reopen_waiting(key, |_| None);
    }

    /// A question about a key has got all its answers: frames that came before it was put and are still a stranger's are
    /// refused, and for later ones it is asked again.
    pub(crate) fn settle(&self, key: PublicKey, question: Question, contact: &ContactDesk) {
        self.reopen_waiting(key, |after| (after < question).then(|| unknown(key)));
        if self.lock_waiting().has(key) {
            self.ask_about(key, contact);
        }
    }

    /// Counts a refusal and tells those who listen.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.counters.refuse(refusal.reason);
        if let (Some(evidence), Some(key)) = (&refusal.evidence, refusal.claimed_key) {
            self.contact.leave(Note::Equivocated(key, Arc::clone(evidence)));
        }
        if let (Reason::StampTooOld | Reason::StampInFuture, Some(key)) = (refusal.reason, refusal.claimed_key) {
            self.contact.doubt_clock(key);
        }
        self.ledger.enter(RefusalEvent {
            topic: self.topic.clone(),
            refusal: refusal.clone(),
        });
        self.events.push(SubscriberEvent::Refused(refusal.clone()));
        self.refusals.push(refusal);
    }

    /// Puts the messages of a frame into the queue, or one of them.
    pub(crate) fn pass_on(&self, passing: &Passing, translation: Option<&Arc<Translation>>) {
        let Passing { frame, only, .. } = passing;
        add(&self.counters.received, only.map_or(u64::from(frame.count()), |_| 1));
        // What belongs to the frame is counted once, with its first message.
        if only.is_none_or(|number| number == frame.first_number()) {
            add(&self.counters.received_bytes, frame.frame_bytes().len() as u64);
            self.counters.missing.add(frame.missing_before());
        }
        if frame.provenance() == Provenance::History {
            add(&self.counters.recovered, only.map_or(u64::from(frame.count()), |_| 1));
        }
        let delivered = DeliveredFrame::new(passing, translation);
        match self.callback.get().map(Mutex::try_lock) {
            None => self.queue.put(delivered),
            // A queue that is shorter than the frame would drop what nobody is late for.
            Some(Ok(mut callback)) if self.queue.len() == 0 => callback.take(delivered, self),
            Some(_) => self.queue.put(delivered),
        }
        self.call_back();
        self.note_accepted(
            frame,
            only.map_or((frame.first_number(), frame.last_number()), |number| (number, number)),
        );
    }

    /// These numbers of a frame are accepted; a publisher may wait to hear that.
    fn note_accepted(&self, frame: &Verified, (first, last): (u64, u64)) {
        if self.cursor.is_none() && self.acceptance.add(frame.stream(), first, last) {
            self.contact.leave(Note::ReceiptsDue);
        }
    }

    /// Whether messages of this publisher are for this subscription.
    pub(crate) fn takes_from(&self, publisher: &WriterFacts) -> bool {
        self.verifier.may_take(publisher) && publisher.offer.misses(self.sequencer.request()).is_none()
    }

    /// Has `callback` called with each message from now on, in the thread that it arrives in.
    pub(crate) fn call_in_place(&self, callback: DeliveryCallback) {
        let _ = self.callback.set(Mutex::new(callback));
        self.call_back();
    }

    /// Empties the queue into the callback, one thread at a time: what comes meanwhile is left to that one.
    fn call_back(&self) {
        let Some(callback) = self.callback.get() else { return };
        while self.queue.len() > 0 {
            let mut callback = match callback.try_lock() {
                Ok(callback) => callback,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while let Some(frame) = self.queue.take_parcel() {
                callback.take(frame, self);
            }
        }
    }

    /// Has a frame translated if it needs that, and puts it into the queue. Nobody's approval is missing.
    pub(crate) fn go_on(&self, passing: Passing) {
        match &self.translation_desk {
            None => self.pass_on(&passing, None),
            Some(desk) => desk.attend(self, passing),
        }
    }

    /// Where messages wait for approval, if they do here.
    pub(crate) fn approval_desk(&self) -> Option<&ApprovalDesk> {
        match &self.approval {
            ApprovalPart::Awaits(desk) => Some(desk),
            ApprovalPart::Shows | ApprovalPart::Brings(_) => None,
        }
    }

    pub(crate) fn translation_desk(&self) -> Option<&TranslationDesk> {
        self.translation_desk.as_ref()
    }

    pub(crate) fn stats(&self) -> SubscriptionStats {
        let queue = (self.queue.len(), self.queue.depth());
        self.counters.read(self.queue.dropped(), queue)
    }

    pub(crate) fn close(&self) {
        self.queue.close();
        self.refusals.close();
        self.events.close();
        if let Some(desk) = self.approval_desk() {
            desk.end();
        }
    }

    /// A frame of a publisher whose earlier frames still wait goes behind them, so that order is kept. Those of other
    /// publishers of the same key do not: anybody can make frames that name a key and a publisher that it does not have.
    fn joins_the_waiting(&self, bytes: &Bytes, contact: &ContactDesk) -> bool {
        let header = {
            let mut waiting = self.lock_waiting();
            if waiting.frames == 0 {
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
        self.reopen(Stream::of(&header), |_| None);
        if self.lock_waiting().has_stream(&header) {
            self.refuse(overload(header.key));
            return true;
        }
        false
    }

    /// Opens one frame; gives the key when first contact has to be made.
    fn open(&self, bytes: &Bytes) -> Option<PublicKey> {
        match self.verifier.open(bytes, clock::now_ns()) {
            Opened::Verified(verified) => self.deliver(verified),
            Opened::Duplicate => add(&self.counters.duplicates, 1),
            Opened::Refused(refusal) => {
                self.acceptance.note_refusal(bytes.as_slice(), &refusal);
                self.refuse(refusal);
            }
            Opened::Stranger(key) => return Some(key),
        }
        None
    }

    /// Takes a frame that was verified: it goes on when those before it have.
    fn deliver(&self, verified: Verified) {
        let facts = verified.facts();
        if facts.offer.misses(self.sequencer.request()).is_some() {
            add(&self.counters.incompatible, u64::from(verified.count()));
            return;
        }
        self.note_sign_of_life(&verified);
        self.counters.delays.count(&verified);
        let ask = self.sequencer.take(verified);
        self.go_on_and_ask(ask);
    }

    fn hand_over(&self, verified: Verified) {
        let frame = Arc::new(verified);
        match &self.approval {
            ApprovalPart::Brings(approved) => {
                add(&self.counters.received, u64::from(frame.count()));
                let Some(approved) = approved.upgrade() else { return };
                let Some(desk) = approved.approval_desk() else { return };
                for approval in frame.messages() {
                    desk.take(&approved, &approval)
                        .unwrap_or_else(|refusal| self.refuse(refusal));
                }
                self.note_accepted(&frame, (frame.first_number(), frame.last_number()));
            }
            ApprovalPart::Awaits(desk) if frame.asks_approval() => desk.attend(self, &frame),
            ApprovalPart::Awaits(_) => self.go_on(Passing::whole(frame, ApprovalState::NotAsked)),
            ApprovalPart::Shows => self.go_on(Passing::whole(frame, ApprovalState::Pending)),
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
            self.refuse(overload(key))
        }
    }

    /// Has first contact made with a key whose frames wait.
    fn ask_about(&self, key: PublicKey, contact: &ContactDesk) {
        match contact.ask_about(key) {
            AskOutcome::Asked => {}
            AskOutcome::FailedLately => self.reopen_waiting(key, |_| Some(unknown(key))),
            // All of them: without a question nothing would ever end their wait, nor that of what joins behind them.
            AskOutcome::TooMany => self.reopen_waiting(key, |_| Some(overload(key))),
        }
    }

    /// Opens the waiting frames of a key. Streams do not wait for each other: anybody can make frames that name a key and a
    /// publisher that it does not have.
    fn reopen_waiting(&self, key: PublicKey, give_up: impl Fn(Question) -> Option<Refusal>) {
        let streams = self.lock_waiting().streams_of(key);
        streams.into_iter().for_each(|stream| self.reopen(stream, &give_up));
    }

    /// Opens the waiting frames of a stream in their order. One that is still a stranger's is refused with what `give_up`
    /// says of the question that it came after; otherwise it stays, and all behind it.
    fn reopen(&self, stream: Stream, give_up: impl Fn(Question) -> Option<Refusal>) {
        let _one_at_a_time = self.reopening.lock().unwrap_or_else(PoisonError::into_inner);
        // The frame stays in the list while it is opened: one that arrives meanwhile then joins behind it.
        while let Some((bytes, after)) = { self.lock_waiting().first_of(stream) } {
            if self.open(&bytes).is_some() {
                let Some(refusal) = give_up(after) else { return };
                self.refuse(refusal);
            }
            self.lock_waiting().remove_first_of(stream);
        }
    }

    fn lock_waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(key: PublicKey) -> Refusal {
    let detail = "no card of this key names the writer of this frame";
    Refusal::new(Reason::UnknownKey, Some(key), detail)
}

fn overload(key: PublicKey) -> Refusal {
    let detail = format!(
        "at most {WAITING_FRAMES_MAX} frames or {WAITING_BYTES_MAX} bytes of unknown keys wait for first contact on a topic, \
         and few keys are asked about at a time"
    );
    Refusal::new(Reason::Overloaded, Some(key), detail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;
    use crate::contact::desk::ASKING_MAX;
    use crate::security::frame::Writer;
    use crate::security::key::Identity;
    use crate::security::signer;
    use crate::security::tests::stage::{EPOCH, NODE, Stage, TOPIC, context, header, topic, unsigned};

    fn subscription() -> (Stage, Reception, Arc<ContactDesk>) {
        let (stage, desk) = (Stage::new(), Arc::new(ContactDesk::default()));
        let verifier = stage.another_subscription().verifier;
        let aside = (Arc::new(RefusalLedger::new(Arc::default())), Arc::clone(&desk));
        let (place, qos) = ((topic(TOPIC), Weak::new()), QosProfile::keep_last(10_000));
        let reception = Reception::new(place, verifier, &qos, aside, (ApprovalPart::Shows, None));
        (stage, reception, desk)
    }

    /// A frame that names a publisher of the node, or another one.
    fn frame(identity: &Identity, other_writer: Option<u64>, number: u64) -> Bytes {
        let mut header = header(identity, number);
        header.writer = other_writer.map_or(header.writer, Writer);
        signer::seal(identity, unsigned(&header, &[b"x"]), &context()).into()
    }

    #[test]
    fn frames_that_name_a_key_falsely_do_not_hold_up_those_of_its_publishers() {
        let (stage, reception, desk) = subscription();
        let newcomer = Identity::from_seed(&[8; 32]);
        reception.receive(&frame(&newcomer, Some(66), 1), &desk);
        for number in 1..=3 {
            reception.receive(&frame(&newcomer, None, number), &desk);
            reception.receive(&frame(&newcomer, Some(67), number), &desk);
        }
        assert_eq!(reception.stats().received, 0);
        stage.admit(&newcomer, NODE, EPOCH, 1);
        reception.retry(newcomer.public_key());
        let passed: Vec<_> = std::iter::from_fn(|| reception.queue.try_take().ok()).collect();
        let numbers: Vec<_> = passed.iter().map(|delivery| delivery.message.number()).collect();
        assert_eq!(numbers, [1, 2, 3]);

        let question = desk.next_question();
        reception.settle(newcomer.public_key(), question, &desk);
        assert_eq!(reception.stats().refused[&Reason::UnknownKey], 4);
        let waiting = reception.lock_waiting();
        assert_eq!((waiting.frames, waiting.bytes), (0, 0));
        assert!(waiting.keys.is_empty() && waiting.streams.is_empty());
    }

    #[test]
    fn a_callback_gets_every_message_of_a_frame_however_short_the_queue_is() {
        let (stage, desk) = (Stage::new(), Arc::new(ContactDesk::default()));
        let aside = (Arc::new(RefusalLedger::new(Arc::default())), Arc::clone(&desk));
        let (place, qos) = ((topic(TOPIC), Weak::new()), QosProfile::keep_last(1));
        let verifier = stage.another_subscription().verifier;
        stage.admit_card(&stage.identity, NODE, EPOCH, 1, 2);
        let reception = Reception::new(place, verifier, &qos, aside, (ApprovalPart::Shows, None));
        let (sender, called) = std::sync::mpsc::channel();
        let callback = move |delivery: crate::delivery::Delivery| sender.send(delivery.message.number()).unwrap();
        reception.call_in_place(DeliveryCallback(Box::new(callback)));
        let three = signer::seal(
            &stage.identity,
            unsigned(&header(&stage.identity, 1), &[b"x".as_slice(); 3]),
            &context(),
        );
        reception.receive(&three.into(), &desk);
        assert_eq!(called.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(reception.stats().dropped, 0);
    }

    #[test]
    fn nothing_waits_for_a_question_that_was_never_put() {
        let (_, reception, desk) = subscription();
        for seed in 0..=u8::try_from(ASKING_MAX - 1).unwrap() {
            assert_eq!(desk.ask_about(PublicKey::from_bytes([seed; 32])), AskOutcome::Asked);
        }
        let newcomer = Identity::from_seed(&[8; 32]);
        reception.receive(&frame(&newcomer, None, 1), &desk);
        assert_eq!(reception.stats().refused[&Reason::Overloaded], 1);
        assert!(!reception.lock_waiting().has(newcomer.public_key()));
    }
}
