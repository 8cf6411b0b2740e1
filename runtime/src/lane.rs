//! One publisher's frames on their way out: one that messages are appended to, and some that are ready.
//!
//! Publishing threads append, and whoever signs takes; the lock is held for neither signing nor sending. At most one
//! thread has frames of a lane in flight, so that they leave in order.
//!
//! # Invariants
//!
//! - A lane that holds a frame is listed or in flight: somebody will come and take it.
//! - A lane is on the agenda exactly once while it is listed.
//!
//! This file and `agenda.rs` know nothing of frames, so that a test can try all their interleavings.

use std::collections::VecDeque;

use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The frames of one publisher that were not taken yet.
#[derive(Debug)]
pub(crate) struct Lane<F> {
    state: Mutex<LaneState<F>>,
}

/// What is behind the lock of a lane.
#[derive(Debug)]
pub(crate) struct LaneState<F> {
    phase: Phase,
    /// The frame that messages are appended to.
    pub(crate) open: Option<F>,
    /// Frames that wait in front of it.
    pub(crate) ready: VecDeque<F>,
    /// Nothing may be appended any more.
    pub(crate) closed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nothing is in the lane and nothing of it is under way.
    Idle,
    /// It is on the agenda.
    Listed,
    /// A thread signs or sends frames of it.
    InFlight,
}

impl<F> Lane<F> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(LaneState {
                phase: Phase::Idle,
                open: None,
                ready: VecDeque::new(),
                closed: false,
            }),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, LaneState<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes at most `max` frames of a lane that was on the agenda, the oldest first. They are in flight then, and
    /// [`finish`](Self::finish) is owed.
    pub(crate) fn take(&self, max: usize, into: &mut Vec<F>) -> bool {
        let mut state = self.lock();
        let taken_before = into.len();
        while into.len() - taken_before < max
            && let Some(frame) = state.ready.pop_front().or_else(|| state.open.take())
        {
            into.push(frame);
        }
        let took = into.len() > taken_before;
        state.phase = if took { Phase::InFlight } else { Phase::Idle };
        took
    }

    /// What was in flight has been sent. `true` when more has come meanwhile: the lane is listed then, and has to be put on
    /// the agenda.
    #[must_use]
    pub(crate) fn finish(&self) -> bool {
        let mut state = self.lock();
        state.phase = match state.is_empty() {
            true => Phase::Idle,
            false => Phase::Listed,
        };
        state.phase == Phase::Listed
    }
}

impl<F> LaneState<F> {
    fn is_empty(&self) -> bool {
        self.open.is_none() && self.ready.is_empty()
    }

    /// Whether nothing is in the lane or in flight, or would be but for the open frame.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    pub(crate) fn is_listed(&self) -> bool {
        self.phase == Phase::Listed
    }

    /// Ends the open frame; the next message begins another one.
    pub(crate) fn end_open(&mut self) {
        self.ready.extend(self.open.take());
    }

    /// Takes the open frame of an idle lane out of turn, to be signed in the thread that filled it. It is in flight then,
    /// and [`finish`](Lane::finish) is owed.
    pub(crate) fn take_alone(&mut self) -> Option<F> {
        let frame = self.open.take()?;
        self.phase = Phase::InFlight;
        Some(frame)
    }

    /// Lists an idle lane. `true` when it was idle: it has to be put on the agenda then.
    #[must_use]
    pub(crate) fn list(&mut self) -> bool {
        let was_idle = self.is_idle();
        if was_idle {
            self.phase = Phase::Listed;
        }
        was_idle
    }
}
