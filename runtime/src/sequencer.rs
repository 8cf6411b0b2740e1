//! The sequencer: what a subscription has of each publisher, what is missing, and in which order it goes on.
//!
//! Between the verifier and the queue. On reliable topics a frame that comes too early waits until what is missing before it
//! was asked for; what nobody has any more is reported with its exact numbers, and the rest goes on. Late subscribers begin
//! with what the publisher keeps for them. Everything here follows from signed numbers: those of frames whose signatures
//! held, and those of cards that answered with our nonce. Nothing that the transport says is asked.
//!
//! # Invariants
//!
//! - Of each publisher each number goes on at most once, and on reliable topics in order.
//! - One question is open at a time for each publisher. While there is none, nothing waits.
//! - At most [`HELD_FRAMES_MAX`] frames and [`HELD_BYTES_MAX`] bytes wait in a subscription; beyond that what is missing is
//!   given up.
//!
//! No I/O here, no clock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cursor::CursorShelf;
use crate::qos::compatibility::Request;
use crate::qos::{Durability, Reliability};
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::missing::{Missing, StreamId};
use crate::security::peers::WriterFacts;
use crate::security::verifier::{Provenance, STREAMS_MAX, Verified};

mod kept;

/// The most frames that wait in one subscription for what is missing before them.
pub(crate) const HELD_FRAMES_MAX: usize = 4096;
/// The most bytes that they have together.
pub(crate) const HELD_BYTES_MAX: usize = 64 << 20;

/// What goes on, in order.
#[derive(Debug)]
pub(crate) enum Next {
    /// A frame, or the rest of one.
    Frame(Verified),
    /// The numbers `first ..= last` never will.
    Lost { facts: Arc<WriterFacts>, missing: Missing },
}

/// A question to put to a publisher. Whoever puts it tells [`Sequencer::end`] when no more answers can come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ask {
    pub(crate) missing: Missing,
    /// Tells it from earlier ones about the same stream.
    serial: u64,
}

#[derive(Debug)]
pub(crate) struct Sequencer {
    request: Request,
    /// How many messages of each publisher a late subscriber wants, at most.
    depth: u64,
    /// Where the application keeps how far it has come.
    cursor: Option<Arc<CursorShelf>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    streams: HashMap<(PublicKey, Writer), Stream>,
    ready: VecDeque<Next>,
    held_frames: usize,
    held_bytes: usize,
    questions: u64,
    /// Something of a publisher with a journal has found no room.
    is_parked: bool,
}

#[derive(Debug)]
struct Stream {
    facts: Arc<WriterFacts>,
    id: StreamId,
    /// Whether gaps are asked for.
    is_reliable: bool,
    /// Whether nothing is given up, as its publisher keeps a journal.
    is_kept: bool,
    /// Whether it has not answered what it was asked last.
    is_stalled: bool,
    /// The highest number that is known of.
    newest: u64,
    /// The number that is due.
    due: u64,
    /// What was published before this subscription began, which is nobody's loss.
    begun: u64,
    /// How many were lost since the last frame that went on.
    lost: u64,
    /// Frames that came too early, by their first number.
    held: BTreeMap<u64, Verified>,
    asked: Option<Ask>,
}

impl Sequencer {
    pub(crate) fn new(request: Request, depth: usize) -> Self {
        Self {
            request,
            depth: depth.try_into().unwrap_or(u64::MAX),
            cursor: None,
            state: Mutex::default(),
        }
    }

    /// The same, beginning behind a cursor.
    pub(crate) fn behind(self, cursor: Option<Arc<CursorShelf>>) -> Self {
        Self { cursor, ..self }
    }

    /// What the subscription requests.
    pub(crate) const fn request(&self) -> &Request {
        &self.request
    }

    /// A publisher is there whose next number was fresh a moment ago. A late subscriber asks for what it keeps; one that
    /// has heard of it before, for what it may have missed meanwhile.
    pub(crate) fn meet(&self, writer: Writer, facts: &Arc<WriterFacts>) -> Option<Ask> {
        let id = StreamId {
            key: facts.peer.public_key(),
            writer,
            epoch: facts.peer.epoch(),
        };
        let next = facts.latest_floor().number;
        let mut state = self.lock();
        if self.keeps(facts) {
            return self.meet_kept(&mut state, id, facts, next);
        }
        if let Some(stream) = state.streams.get(&(id.key, writer)).filter(|stream| stream.id == id) {
            let may_have_missed = stream.is_reliable && stream.held.is_empty() && next != u64::MAX;
            let (due, is_behind) = (stream.due, stream.due < next);
            return match may_have_missed && is_behind {
                true => state.ask(id, due, next - 1),
                false => None,
            };
        }
        if !self.wants_history(facts) {
            return None;
        }
        self.begin(&mut state, id, facts, next)
    }

    /// Whether there is a stream of this instance of a publisher.
    pub(crate) fn has_met(&self, writer: Writer, facts: &WriterFacts) -> bool {
        let state = self.lock();
        let stream = state.streams.get(&(facts.peer.public_key(), writer));
        stream.is_some_and(|stream| stream.id.epoch >= facts.peer.epoch())
    }

    /// Takes a frame that was verified.
    pub(crate) fn take(&self, frame: Verified) -> Option<Ask> {
        let facts = Arc::clone(frame.facts());
        let id = StreamId {
            key: frame.signer(),
            writer: frame.header().writer,
            epoch: frame.header().epoch,
        };
        let mut state = self.lock();
        if self.keeps(&facts) {
            // What an older start has signed is of the same row of numbers.
            let epoch = facts.peer.epoch();
            return self.take_kept(&mut state, StreamId { epoch, ..id }, frame);
        }
        let mut ask = None;
        if state
            .streams
            .get(&(id.key, id.writer))
            .is_none_or(|stream| stream.id.epoch < id.epoch)
        {
            let first = match self.wants_history(&facts) {
                true => facts.latest_floor().number,
                false => frame.first_number(),
            };
            ask = self.begin(&mut state, id, &facts, first);
        }
        state.take(id, frame).or(ask)
    }

    /// No more answers can come to a question.
    pub(crate) fn end(&self, ask: &Ask) -> Option<Ask> {
        let mut state = self.lock();
        let id = ask.missing.stream;
        let stream = state.streams.get_mut(&(id.key, id.writer))?;
        if stream.asked.as_ref() != Some(ask) {
            return None;
        }
        if stream.is_kept {
            return Self::end_kept(&mut state, ask);
        }
        stream.asked = None;
        if stream.held.is_empty() && stream.due < stream.begun {
            // What it kept for late subscribers was less than it might have been.
            stream.due = stream.begun;
        }
        state.settle(id, ask.missing.last)
    }

    /// Whether anything is ready to go on.
    pub(crate) fn has_next(&self) -> bool {
        !self.lock().ready.is_empty()
    }

    /// What goes on next.
    pub(crate) fn next(&self) -> Option<Next> {
        self.lock().ready.pop_front()
    }

    /// Whether what the publisher keeps for late subscribers is wanted.
    pub(crate) fn wants_history(&self, facts: &WriterFacts) -> bool {
        self.request.durability != Durability::Volatile && facts.offer.durability != Durability::Volatile
    }

    /// Begins a stream whose next number is `next`, before which a late subscriber wants what is kept.
    fn begin(&self, state: &mut State, id: StreamId, facts: &Arc<WriterFacts>, next: u64) -> Option<Ask> {
        let kept = match self.wants_history(facts) && next != u64::MAX {
            true => self.depth.min(facts.offer.kept.into()),
            false => 0,
        };
        let done_with = self.cursor.as_ref().map_or(0, |cursor| cursor.through(id, None));
        let due = next.saturating_sub(kept).max(done_with.saturating_add(1));
        let is_reliable =
            self.request.reliability != Reliability::BestEffort && facts.offer.reliability == Reliability::Reliable;
        let stream = Stream {
            facts: Arc::clone(facts),
            id,
            is_reliable,
            is_kept: false,
            is_stalled: false,
            newest: 0,
            due,
            begun: next,
            lost: 0,
            held: BTreeMap::new(),
            asked: None,
        };
        state.forget((id.key, id.writer));
        if state.streams.len() >= STREAMS_MAX {
            // The verifier bounds the streams that are alive. What is held of others was given up by their questions.
            let idle: Vec<_> = state
                .streams
                .iter()
                .filter(|(_, stream)| stream.asked.is_none() && !stream.is_kept)
                .map(|(of, _)| *of)
                .collect();
            idle.into_iter().for_each(|of| state.forget(of));
        }
        state.streams.insert((id.key, id.writer), stream);
        if due < next && next != u64::MAX {
            state.ask(id, due, next - 1)
        } else {
            None
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, id: StreamId, frame: Verified) -> Option<Ask> {
        let stream = self.streams.get_mut(&(id.key, id.writer))?;
        let (first, last) = (frame.first_number(), frame.last_number());
        if stream.id != id || last < stream.due {
            // The window has let it pass, so it is late and not here twice; an answer may be both.
            if frame.provenance() != Provenance::History {
                self.ready.push_back(Next::Frame(frame));
            }
            return None;
        }
        if first <= stream.due {
            self.pass(id, frame);
            self.drain(id);
            return self.ask_for_gap(id);
        }
        if !stream.is_reliable && stream.asked.is_none() {
            self.lose_until(id, first - 1);
            self.pass(id, frame);
            return None;
        }
        self.held_frames += 1;
        self.held_bytes += frame.frame_bytes().len();
        if let Some(other) = stream.held.insert(first, frame) {
            self.held_frames -= 1;
            self.held_bytes -= other.frame_bytes().len();
        }
        if self.held_frames > HELD_FRAMES_MAX || self.held_bytes > HELD_BYTES_MAX {
            stream.asked = None;
            let before = stream.held.keys().next()?.saturating_sub(1);
            return self.settle(id, before);
        }
        self.ask_for_gap(id)
    }

    /// Lets a frame go on whose first number is due, or was.
    fn pass(&mut self, id: StreamId, mut frame: Verified) {
        let Some(stream) = self.streams.get_mut(&(id.key, id.writer)) else {
            return;
        };
        frame.begin_at(stream.due);
        frame.set_missing_before(std::mem::take(&mut stream.lost));
        stream.due = frame.last_number().saturating_add(1);
        self.ready.push_back(Next::Frame(frame));
    }

    /// Lets those go on that have waited for the number that is due now.
    fn drain(&mut self, id: StreamId) {
        while let Some(frame) = self.pop_due(id) {
            if self.due(id).is_some_and(|due| frame.last_number() >= due) {
                self.pass(id, frame);
            }
        }
    }

    /// Gives up what is missing up to `last`, as far as anything waits for it, and asks for the next gap.
    fn settle(&mut self, id: StreamId, last: u64) -> Option<Ask> {
        while let Some(first) = self.first_held(id)
            && self.due(id).is_some_and(|due| due <= last)
        {
            self.lose_until(id, last.min(first - 1));
            self.drain(id);
        }
        self.ask_for_gap(id)
    }

    /// What is missing up to `last` is lost, unless it was published before the subscription began.
    fn lose_until(&mut self, id: StreamId, last: u64) {
        let Some(stream) = self.streams.get_mut(&(id.key, id.writer)) else {
            return;
        };
        let first = stream.due.max(stream.begun);
        stream.due = stream.due.max(last.saturating_add(1));
        if first <= last {
            stream.lost += last - first + 1;
            let missing = Missing {
                stream: id,
                first,
                last,
            };
            let facts = Arc::clone(&stream.facts);
            self.ready.push_back(Next::Lost { facts, missing });
        }
    }

    fn due(&self, id: StreamId) -> Option<u64> {
        Some(self.streams.get(&(id.key, id.writer))?.due)
    }

    fn first_held(&self, id: StreamId) -> Option<u64> {
        self.streams.get(&(id.key, id.writer))?.held.keys().next().copied()
    }

    fn ask_for_gap(&mut self, id: StreamId) -> Option<Ask> {
        let (first, due) = (self.first_held(id)?, self.due(id)?);
        self.ask(id, due, first - 1)
    }

    /// `None` when a question is open.
    fn ask(&mut self, id: StreamId, first: u64, last: u64) -> Option<Ask> {
        let stream = self.streams.get_mut(&(id.key, id.writer))?;
        if stream.asked.is_some() || first > last {
            return None;
        }
        self.questions += 1;
        let ask = Ask {
            missing: Missing {
                stream: id,
                first,
                last,
            },
            serial: self.questions,
        };
        stream.asked = Some(ask);
        Some(ask)
    }

    /// Takes the first frame that waits, if nothing is missing before it.
    fn pop_due(&mut self, id: StreamId) -> Option<Verified> {
        let stream = self.streams.get_mut(&(id.key, id.writer))?;
        let first = stream.held.first_entry().filter(|entry| *entry.key() <= stream.due)?;
        let frame = first.remove();
        self.held_frames -= 1;
        self.held_bytes -= frame.frame_bytes().len();
        Some(frame)
    }

    /// Forgets a stream that has ended. What waited of it goes on as it is.
    fn forget(&mut self, of: (PublicKey, Writer)) {
        if let Some(stream) = self.streams.get(&of) {
            self.settle(stream.id, u64::MAX);
        }
        self.streams.remove(&of);
    }
}

#[cfg(test)]
mod tests;
