//! History: a publisher's last messages, asked for and answered with the very frames that were signed when they were sent.
//!
//! Late subscribers of transient-local topics ask for what was published before them, reliable ones for what was lost on the
//! way; see `sequencer` for when. An answer signs nothing and costs no hash. It is given by a thread of its own, so that
//! neither the threads that receive nor first contact wait for a link that is full of answers.
//!
//! # Invariants
//!
//! - A node answers with frames of its own publishers and of its guests only, and with nothing that was not sent to everybody before,
//!   or is about to be: what is in a journal is sent, or was before the last start.
//! - At most [`QUESTIONS_MAX`] questions wait; those beyond get no answers, and their askers report what they miss.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::contact::Question;
use crate::key_expr;
use crate::link::{Bytes, LinkError, Query, Slices};
use crate::node::NodeCore;
use crate::reception::Reception;
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::missing::Missing;
use crate::security::peers::WriterFacts;
use crate::sequencer::Ask;

/// The most questions that wait for their answers in one node.
pub(crate) const QUESTIONS_MAX: usize = 4096;
/// How long answers may take: a large history comes in many frames, over a link that others use as well.
const ANSWERS_TIMEOUT: Duration = Duration::from_secs(10);

/// Puts a question to the publisher; the subscription hears of each answer, and of the end.
pub(crate) fn ask(node: &Arc<NodeCore>, reception: Weak<Reception>, ask: Ask) {
    let key_expr = key_expr::history(&node.domain, &ask.missing.stream);
    let asker = Asker { reception, ask };
    let asked = node
        .link
        .query(&key_expr, ask.missing.question(), ANSWERS_TIMEOUT, move |_, bytes| {
            asker.take(&bytes);
        });
    // When the question could not even be put, the closure was dropped, which is the end of the answers.
    drop(asked);
}

/// Who has asked. It is dropped when no more answers can come.
struct Asker {
    reception: Weak<Reception>,
    ask: Ask,
}

impl Asker {
    fn take(&self, bytes: &Bytes) {
        if let Some(reception) = self.reception.upgrade() {
            reception.take_answer(bytes, &self.ask);
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if let Some(reception) = self.reception.upgrade() {
            reception.end_answers(&self.ask);
        }
    }
}

/// Where questions wait for the thread that answers. It is started by the first one.
#[derive(Debug, Default)]
pub(crate) struct HistoryDesk {
    questions: Mutex<Option<SyncSender<Query>>>,
}

impl HistoryDesk {
    /// Has a question answered.
    pub(crate) fn take(&self, node: &Arc<NodeCore>, query: Query) {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        if questions.is_none() {
            let (sender, receiver) = sync_channel(QUESTIONS_MAX);
            let weak = Arc::downgrade(node);
            let thread = thread::Builder::new().name(format!("history{}", node.name));
            match thread.spawn(move || answer_all(&weak, &receiver)) {
                Ok(_) => *questions = Some(sender),
                // Whoever asked gets no answer; the next question tries again.
                Err(_) => return,
            }
        }
        if let Some(sender) = questions.as_ref() {
            // A question that is dropped here ends for whoever asked.
            let _ = sender.try_send(query);
        }
    }

    /// Ends the thread.
    pub(crate) fn close(&self) {
        *self.questions.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn answer_all(node: &Weak<NodeCore>, questions: &Receiver<Query>) {
    while let Ok(query) = questions.recv() {
        let Some(node) = node.upgrade() else { return };
        // Whoever has gone meanwhile needs no answer.
        let _ = node.answer_history(&query);
    }
}

impl NodeCore {
    /// Something was learned of the nodes with this key: subscriptions may have to ask their publishers for messages.
    pub(crate) fn meet_publishers_of(&self, key: PublicKey) {
        self.have_met(key, self.receptions(), |_, _, _| true);
    }

    /// A question about a key has ended. Subscriptions that began while it was under way may have come after its answers: they
    /// meet the publishers that they have not met.
    pub(crate) fn meet_latecomers(&self, key: PublicKey, question: Question) {
        let mut receptions = self.receptions();
        receptions.retain(|reception| reception.began_after(question));
        self.have_met(key, receptions, |reception, writer, facts| {
            !reception.has_met(writer, facts)
        });
    }

    fn have_met(
        &self,
        key: PublicKey,
        receptions: Vec<Arc<Reception>>,
        wanted: impl Fn(&Reception, Writer, &WriterFacts) -> bool,
    ) {
        if receptions.is_empty() {
            return;
        }
        let writers = self.peers.writers_of(key);
        for reception in receptions {
            let here = writers.iter().filter(|(_, facts)| facts.topic == reception.topic);
            here.filter(|(writer, facts)| wanted(&reception, *writer, facts))
                .for_each(|(writer, facts)| reception.meet(*writer, facts));
        }
    }

    fn answer_history(&self, query: &Query) -> Result<(), LinkError> {
        let stream = key_expr::parse_history(&self.domain, query.key_expr());
        let wanted = Missing::read_question(&query.payload());
        let (Some(stream), Some((first, last))) = (stream, wanted) else {
            return Ok(());
        };
        let answer_on = key_expr::history(&self.domain, &stream);
        if stream.key != self.public_key() {
            let frames = self.history_of_guests(&stream, (first, last));
            return frames.into_iter().try_for_each(|bytes| query.reply(&answer_on, bytes));
        }
        if stream.epoch != self.epoch {
            return Ok(());
        }
        let publishers = self.endpoints.publishers().into_iter().chain(self.evidence.retired());
        let Some(facts) = publishers.into_iter().find(|facts| facts.writer == stream.writer) else {
            return Ok(());
        };
        let frames = match &facts.keeper {
            // What cannot be read is asked for again, and whoever publishes is told.
            Some(keeper) => keeper
                .read(first, last)
                .unwrap_or_default()
                .into_iter()
                .map(Slices::from)
                .collect(),
            None => facts.sent_frames.with_numbers(first, last),
        };
        frames.into_iter().try_for_each(|bytes| query.reply(&answer_on, bytes))
    }
}
