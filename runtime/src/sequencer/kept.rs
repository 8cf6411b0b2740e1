//! Streams of publishers that keep a journal, in subscriptions that keep a cursor: nothing of them is given up.
//!
//! Their numbers go on from start to start of the publisher, so what is missing is asked for by number, whatever the epoch it
//! was signed in. What finds no room is dropped here, as the journal has it, and asked for when there is room again.
//!
//! # Invariants
//!
//! - Each number goes on once and in order, beginning behind the cursor. None is skipped that the publisher's journal holds.
//! - At most [`READY_MAX`] frames are ready to go on; others wait with what came too early, or are asked for again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Ask, HELD_BYTES_MAX, HELD_FRAMES_MAX, Sequencer, State, Stream};
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::missing::StreamId;
use crate::security::peers::WriterFacts;
use crate::security::verifier::Verified;

/// The most frames that are ready to go on; a little more when several come at once.
const READY_MAX: usize = 64;
/// The most numbers that are asked for at once.
const ASKED_MAX: u64 = 4096;

impl Sequencer {
    /// Whether nothing of this publisher may be given up here.
    pub(super) fn keeps(&self, facts: &WriterFacts) -> bool {
        self.cursor.is_some() && facts.offer.journal_since.is_some()
    }

    /// A publisher with a journal is there, whose next number was fresh a moment ago.
    pub(super) fn meet_kept(
        &self,
        state: &mut State,
        id: StreamId,
        facts: &Arc<WriterFacts>,
        next: u64,
    ) -> Option<Ask> {
        let is_new = self.begin_kept(state, id, facts);
        let first = journal_first(facts, id.writer);
        let stream = state.streams.get_mut(&(id.key, id.writer))?;
        if next != u64::MAX {
            stream.newest = stream.newest.max(next.saturating_sub(1));
        }
        if let Some(first) = first.filter(|first| *first > stream.due && stream.asked.is_none()) {
            match is_new && stream.due == 1 {
                // What was forgotten before this subscription was ever there is nobody's loss.
                true => stream.due = first,
                false => state.lose_until(id, first - 1),
            }
            state.drain_kept(id);
        }
        state.ask_kept(id)
    }

    /// Takes a frame of a publisher with a journal.
    pub(super) fn take_kept(&self, state: &mut State, id: StreamId, frame: Verified) -> Option<Ask> {
        let facts = Arc::clone(frame.facts());
        if self.begin_kept(state, id, &facts)
            && let Some(stream) = state.streams.get_mut(&(id.key, id.writer))
            && stream.due == 1
        {
            let first = journal_first(&facts, id.writer);
            stream.due = first.unwrap_or_else(|| frame.first_number()).min(frame.first_number());
        }
        let stream = state.streams.get_mut(&(id.key, id.writer))?;
        let (first, last) = (frame.first_number(), frame.last_number());
        stream.newest = stream.newest.max(last);
        if last < stream.due {
            return None;
        }
        if first <= stream.due && state.ready.len() < READY_MAX {
            state.pass(id, frame);
            state.drain_kept(id);
        } else {
            state.hold_kept(id, frame);
        }
        state.ask_kept(id)
    }

    /// A publisher with a journal has asked about a message with this number, so there is one. It may have been published before
    /// the link knew of this subscription, and nothing after it.
    pub(crate) fn hear_of(&self, of: StreamId, facts: &Arc<WriterFacts>, number: u64) -> Option<Ask> {
        if !self.keeps(facts) {
            return None;
        }
        let id = StreamId {
            epoch: facts.peer.epoch(),
            ..of
        };
        let mut state = self.lock();
        self.meet_kept(&mut state, id, facts, number.saturating_add(1))
    }

    /// No more answers can come to a question: what is still missing is asked for again, at once where something came.
    pub(super) fn end_kept(state: &mut State, ask: &Ask) -> Option<Ask> {
        let id = ask.missing.stream;
        let stream = state.streams.get_mut(&(id.key, id.writer))?;
        stream.asked = None;
        let has_got_on = stream.due > ask.missing.first;
        stream.is_stalled = !has_got_on;
        if has_got_on { state.ask_kept(id) } else { None }
    }

    /// There may be room again for what found none.
    pub(crate) fn resume(&self) -> Vec<Ask> {
        let mut state = self.lock();
        if !std::mem::take(&mut state.is_parked) {
            return Vec::new();
        }
        let kept: Vec<_> = state
            .streams
            .values()
            .filter(|stream| stream.is_kept)
            .map(|stream| stream.id)
            .collect();
        let mut asks = Vec::new();
        for id in kept {
            state.drain_kept(id);
            asks.extend(state.ask_kept(id));
        }
        asks
    }

    /// The publishers that have not answered a question for what they keep.
    pub(crate) fn stalled(&self) -> Vec<(PublicKey, Writer)> {
        let state = self.lock();
        let stalled = state.streams.iter().filter(|(_, stream)| stream.is_stalled);
        stalled.map(|(of, _)| *of).collect()
    }

    /// Begins a stream behind the cursor, or goes on where an older start of its publisher has ended. `false` when it has
    /// begun already.
    fn begin_kept(&self, state: &mut State, id: StreamId, facts: &Arc<WriterFacts>) -> bool {
        let at = (id.key, id.writer);
        let before = state.streams.remove(&at);
        if let Some(before) = before {
            if before.id == id {
                state.streams.insert(at, before);
                return false;
            }
            let due = if before.is_kept { before.due } else { 1 };
            state.held_frames -= before.held.len();
            state.held_bytes -= before
                .held
                .values()
                .map(|frame| frame.frame_bytes().len())
                .sum::<usize>();
            state.streams.insert(at, self.kept_stream(id, facts, due));
            return true;
        }
        state.streams.insert(at, self.kept_stream(id, facts, 1));
        true
    }

    fn kept_stream(&self, id: StreamId, facts: &Arc<WriterFacts>, due: u64) -> Stream {
        let through = self
            .cursor
            .as_ref()
            .map_or(0, |cursor| cursor.through(id, facts.offer.journal_since));
        let due = due.max(through.saturating_add(1));
        Stream {
            facts: Arc::clone(facts),
            id,
            is_reliable: true,
            is_kept: true,
            is_stalled: false,
            newest: due - 1,
            due,
            begun: 1,
            lost: 0,
            held: BTreeMap::new(),
            asked: None,
        }
    }
}

impl State {
    /// Lets those go on that have waited for the number that is due now, as far as there is room.
    fn drain_kept(&mut self, id: StreamId) {
        while self.ready.len() < READY_MAX
            && let Some(frame) = self.pop_due(id)
        {
            if self.due(id).is_some_and(|due| frame.last_number() >= due) {
                self.pass(id, frame);
            }
        }
        let waits = self
            .first_held(id)
            .zip(self.due(id))
            .is_some_and(|(first, due)| first <= due);
        self.is_parked |= waits;
    }

    /// Lets a frame wait. The highest are dropped when too many do.
    fn hold_kept(&mut self, id: StreamId, frame: Verified) {
        let Some(stream) = self.streams.get_mut(&(id.key, id.writer)) else {
            return;
        };
        self.is_parked |= frame.first_number() <= stream.due;
        self.held_frames += 1;
        self.held_bytes += frame.frame_bytes().len();
        let replaced = stream.held.insert(frame.first_number(), frame);
        let is_over = self.held_frames > HELD_FRAMES_MAX || self.held_bytes > HELD_BYTES_MAX;
        let highest = if is_over { stream.held.pop_last() } else { None };
        for dropped in replaced.into_iter().chain(highest.map(|(_, frame)| frame)) {
            self.held_frames -= 1;
            self.held_bytes -= dropped.frame_bytes().len();
        }
    }

    /// Asks for what is missing next, if there is room for it and no question is open.
    fn ask_kept(&mut self, id: StreamId) -> Option<Ask> {
        let stream = self.streams.get_mut(&(id.key, id.writer))?;
        let last = match stream.held.keys().next() {
            Some(first) => first.saturating_sub(1),
            None => stream.newest,
        };
        if last < stream.due {
            return None;
        }
        if self.ready.len() >= READY_MAX {
            self.is_parked = true;
            return None;
        }
        stream.is_stalled = false;
        let due = stream.due;
        self.ask(id, due, last.min(due.saturating_add(ASKED_MAX - 1)))
    }
}

/// The lowest number in the journal of a publisher, by the newest card of its node.
fn journal_first(facts: &WriterFacts, writer: Writer) -> Option<u64> {
    let card = facts.peer.card();
    let entry = card.publishers.iter().find(|publisher| publisher.writer == writer.0);
    entry
        .map(|publisher| publisher.journal_first)
        .filter(|first| *first > 0)
}
