//! Acceptance: what a subscription has accepted of each publisher, for the receipts that publishers ask for.
//!
//! Accepted is what was verified, permitted and put into the subscription's queue; where the subscription keeps a cursor, only
//! what its application has acknowledged. Noting it costs a look into a table for each frame, whatever it holds.
//!
//! # Invariants
//!
//! - At most [`STREAMS_MAX`] publishers are remembered, and [`REFUSALS_NOTED`] refusals. What is forgotten was not accepted.
//! - A refused frame proves nothing, as anybody can have made it: it explains what is missing and settles nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::number_set::NumberSet;
use crate::security::frame::{Layout, Writer};
use crate::security::key::PublicKey;
use crate::security::missing::{Missing, StreamId};
use crate::security::refusal::Refusal;
use crate::security::verifier::STREAMS_MAX;

/// How many refusals are remembered, to be told to publishers that ask.
const REFUSALS_NOTED: usize = 32;

/// What one subscription has accepted.
#[derive(Debug, Default)]
pub(crate) struct Acceptance {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    streams: HashMap<(PublicKey, Writer), Accepted>,
    refused: VecDeque<(Missing, Refusal)>,
}

#[derive(Debug)]
struct Accepted {
    epoch: u64,
    numbers: NumberSet,
    /// Somebody waits for more.
    is_watched: bool,
}

impl Acceptance {
    /// The numbers `first ..= last` of a stream are accepted. `true` when somebody waits for that.
    pub(crate) fn add(&self, of: StreamId, first: u64, last: u64) -> bool {
        let mut state = self.lock();
        let Some(accepted) = state.stream(of) else { return false };
        accepted.numbers.insert(first, last);
        std::mem::take(&mut accepted.is_watched)
    }

    /// What was accepted of a stream. Whoever asks waits for more, and is told once when there is some.
    pub(crate) fn watch(&self, of: StreamId) -> NumberSet {
        let mut state = self.lock();
        let Some(accepted) = state.stream(of) else {
            return NumberSet::default();
        };
        accepted.is_watched = true;
        accepted.numbers.clone()
    }

    /// A frame was refused that says of itself that it holds these numbers.
    pub(crate) fn note_refusal(&self, raw: &[u8], refusal: &Refusal) {
        let Ok(layout) = Layout::parse(raw) else { return };
        let numbers = Missing {
            stream: StreamId::of(&layout),
            first: layout.header.first_number,
            last: layout.last_number(),
        };
        let mut state = self.lock();
        if state.refused.len() >= REFUSALS_NOTED {
            state.refused.pop_front();
        }
        state.refused.push_back((numbers, refusal.clone()));
    }

    /// Why something with one of these numbers was refused last.
    pub(crate) fn refusal_of(&self, asked: &Missing) -> Option<Refusal> {
        let state = self.lock();
        let mut newest_first = state.refused.iter().rev();
        let found = newest_first.find(|(numbers, _)| {
            numbers.stream == asked.stream && numbers.first <= asked.last && numbers.last >= asked.first
        });
        found.map(|(_, refusal)| refusal.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is known of a stream; `None` when it is of an older epoch than what is known.
    fn stream(&mut self, of: StreamId) -> Option<&mut Accepted> {
        let at = (of.key, of.writer);
        if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&at) {
            let first = self.streams.keys().next().copied();
            first.map(|forgotten| self.streams.remove(&forgotten));
        }
        let accepted = self.streams.entry(at).or_insert_with(|| Accepted {
            epoch: of.epoch,
            numbers: NumberSet::default(),
            is_watched: false,
        });
        if accepted.epoch < of.epoch {
            (accepted.epoch, accepted.numbers) = (of.epoch, NumberSet::default());
        }
        Some(accepted).filter(|accepted| accepted.epoch == of.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(writer: u64, epoch: u64) -> StreamId {
        StreamId {
            key: PublicKey::from_bytes([7; 32]),
            writer: Writer(writer),
            epoch,
        }
    }

    #[test]
    fn whoever_waits_is_told_once_and_what_another_start_accepted_counts_for_nothing() {
        let acceptance = Acceptance::default();
        assert!(!acceptance.add(stream(1, 5), 1, 3));
        assert_eq!(acceptance.watch(stream(1, 5)), NumberSet::of(1, 3));
        assert!(acceptance.add(stream(1, 5), 4, 4));
        assert!(!acceptance.add(stream(1, 5), 5, 5));
        assert_eq!(acceptance.watch(stream(1, 5)), NumberSet::of(1, 5));
        assert_eq!(acceptance.watch(stream(2, 5)), NumberSet::default());
        assert_eq!(acceptance.watch(stream(1, 4)), NumberSet::default());
        assert_eq!(
            acceptance.watch(stream(1, 5)),
            NumberSet::of(1, 5),
            "and changes nothing"
        );
        assert_eq!(acceptance.watch(stream(1, 6)), NumberSet::default());
    }

    #[test]
    fn it_is_bounded() {
        let acceptance = Acceptance::default();
        (0..2 * STREAMS_MAX as u64).for_each(|writer| {
            acceptance.add(stream(writer, 1), 1, 1);
        });
        assert_eq!(acceptance.lock().streams.len(), STREAMS_MAX);
    }
}
