//! What a subscription misses: whom it asks for it, what becomes of the answers, and in which order it all goes on.

use std::sync::{Arc, TryLockError, Weak};

use super::{Reception, unknown};
use crate::clock;
use crate::contact::Note;
use crate::event::{Counterpart, SubscriberEvent};
use crate::link::Bytes;
use crate::node::NodeCore;
use crate::number_set::NumberSet;
use crate::security::frame::Writer;
use crate::security::missing::StreamId;
use crate::security::peers::WriterFacts;
use crate::security::verifier::Opened;
use crate::sequencer::{Ask, Next};

impl Reception {
    /// A publisher is there, or may be there again. What it keeps is asked for where that is wanted.
    pub(crate) fn meet(&self, writer: Writer, facts: &Arc<WriterFacts>) {
        // What does not fit is told where the two are matched.
        if !self.takes_from(facts) {
            return;
        }
        if self.verifier.is_fresh(facts) {
            let ask = self.sequencer.meet(writer, facts);
            self.go_on_and_ask(ask);
        } else if self.sequencer.wants_history(facts) {
            // What it has published so far was said before this subscription was made: it is asked again.
            self.contact.ask_about(facts.peer.public_key());
        }
    }

    /// Whether anything of this instance of a publisher has been heard or asked for.
    pub(crate) fn has_met(&self, writer: Writer, facts: &WriterFacts) -> bool {
        self.sequencer.has_met(writer, facts)
    }

    /// Takes an answer to a question for messages.
    pub(crate) fn take_answer(&self, bytes: &Bytes, ask: &Ask) {
        match self.verifier.open_answer(bytes, &ask.missing, clock::now_ns()) {
            Opened::Verified(verified) => self.deliver(verified),
            Opened::Duplicate => {}
            Opened::Refused(refusal) => self.refuse(refusal),
            Opened::Stranger(key) => self.refuse(unknown(key)),
        }
    }

    /// No more answers can come to a question for messages: what is still missing is lost.
    pub(crate) fn end_answers(&self, ask: &Ask) {
        let next = self.sequencer.end(ask);
        self.go_on_and_ask(next);
        if !self.sequencer.stalled().is_empty() {
            self.contact.leave(Note::MessagesStalled);
        }
    }

    /// Asks publishers again that have not given what their journals hold, by way of their cards. Whether there are any.
    pub(crate) fn ask_stalled(&self, node: &NodeCore) -> bool {
        let stalled = self.sequencer.stalled();
        let mut known = stalled
            .into_iter()
            .filter(|(key, writer)| node.peers.writer(*key, *writer).is_some())
            .peekable();
        let has_any = known.peek().is_some();
        for (key, _) in known {
            self.contact.ask_about(key);
        }
        has_any
    }

    /// Something was taken from the queue.
    pub(crate) fn resume(&self) {
        if self.cursor.is_none() {
            return;
        }
        self.go_on_and_ask(None);
        for ask in self.sequencer.resume() {
            self.go_on_and_ask(Some(ask));
        }
        self.go_on_and_ask(None);
    }

    /// Whether more may be put into the queue. Where nothing may be dropped, what is ready waits.
    fn has_room(&self) -> bool {
        self.cursor.is_none() || self.queue.len() < self.depth
    }

    /// A publisher has asked about a message with this number.
    pub(crate) fn hear_of(&self, of: StreamId, publisher: &Arc<WriterFacts>, number: u64) {
        if let Some(ask) = self.sequencer.hear_of(of, publisher, number) {
            self.go_on_and_ask(Some(ask));
        }
    }

    /// What was accepted of a publisher here. Whoever asks waits for more.
    pub(crate) fn accepted(&self, of: StreamId, journal_since: Option<u64>) -> NumberSet {
        match &self.cursor {
            Some(cursor) => cursor.watch(of, journal_since),
            None => self.acceptance.watch(of),
        }
    }

    pub(super) fn go_on_and_ask(&self, mut ask: Option<Ask>) {
        while let Some(question) = ask
            && !self
                .contact
                .leave(Note::MessagesMissing(Weak::clone(&self.me), question))
        {
            // It cannot be asked now, which is as if nobody had answered.
            ask = self.sequencer.end(&question);
        }
        // One thread at a time, so that order is kept: what gets ready meanwhile is left to that one.
        while self.has_room() && self.sequencer.has_next() {
            let _one_at_a_time = match self.going_on.try_lock() {
                Ok(guard) => guard,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while self.has_room()
                && let Some(next) = self.sequencer.next()
            {
                match next {
                    Next::Frame(frame) => self.hand_over(frame),
                    Next::Lost { facts, missing } => self.events.push(SubscriberEvent::MessagesLost {
                        publisher: Counterpart::of(&facts.peer),
                        writer: missing.stream.writer,
                        first: missing.first,
                        last: missing.last,
                    }),
                }
            }
        }
    }
}
