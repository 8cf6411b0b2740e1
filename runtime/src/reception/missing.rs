//! What a subscription misses: whom it asks for it, what becomes of the answers, and in which order it all goes on.

use std::sync::{Arc, TryLockError, Weak};

use super::{Reception, unknown};
use crate::clock;
use crate::contact::Note;
use crate::event::{Counterpart, SubscriberEvent};
use crate::link::Bytes;
use crate::security::frame::Writer;
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
        while self.sequencer.has_next() {
            let _one_at_a_time = match self.going_on.try_lock() {
                Ok(guard) => guard,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while let Some(next) = self.sequencer.next() {
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
