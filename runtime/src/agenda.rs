//! What the signer of a node has to do: lanes with something to sign by a certain time, and signed frames to be sent.
//!
//! Several threads may work on one agenda. Whoever adds something holds the lock for as long as that takes and wakes at
//! most one thread; nothing is polled.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lanes `L` to be signed and errands `E` to be run.
#[derive(Debug)]
pub(crate) struct Agenda<L, E> {
    state: Mutex<State<L, E>>,
    woken: Condvar,
}

#[derive(Debug)]
struct State<L, E> {
    lanes: VecDeque<L>,
    errands: VecDeque<E>,
    /// When the first of the lanes has to be signed, if there is one.
    due: Option<Instant>,
    /// Threads that wait.
    asleep: usize,
    ended: bool,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Task<E> {
    /// Run this errand.
    Run(E),
    /// Sign what is in the lanes that were handed over.
    Sign,
    /// There is nothing left, and the time to wait for more is over.
    End,
}

impl<L, E> Agenda<L, E> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                lanes: VecDeque::new(),
                errands: VecDeque::new(),
                due: None,
                asleep: 0,
                ended: false,
            }),
            woken: Condvar::new(),
        }
    }

    /// Enters a lane that has to be signed at `due` at the latest. Tells whether a thread is free for it.
    pub(crate) fn add(&self, lane: L, due: Instant) -> bool {
        let mut state = self.lock();
        state.lanes.push_back(lane);
        self.bring_forward(state, due)
    }

    /// What is entered has to be signed at `due` at the latest. Tells whether a thread is free for it.
    pub(crate) fn hurry(&self, due: Instant) -> bool {
        let state = self.lock();
        state.lanes.is_empty() || self.bring_forward(state, due)
    }

    fn bring_forward(&self, mut state: MutexGuard<'_, State<L, E>>, due: Instant) -> bool {
        let is_sooner = state.due.is_none_or(|known| due < known);
        if is_sooner {
            state.due = Some(due);
        }
        let is_free = state.asleep > 0;
        drop(state);
        // Whoever sleeps until a later time has to be told; a thread that works looks by itself when it has finished.
        if is_sooner && is_free {
            self.woken.notify_one();
        }
        is_free
    }

    /// Enters errands; those for which `first` holds are run before all others.
    pub(crate) fn add_errands(&self, errands: impl Iterator<Item = E>, first: impl Fn(&E) -> bool) {
        let mut state = self.lock();
        for errand in errands {
            if first(&errand) {
                state.errands.push_front(errand);
            } else {
                state.errands.push_back(errand);
            }
        }
    }

    /// Waits for something to do. With `patience`, for no longer than that after the last of it was done.
    ///
    /// At most `max` lanes are moved to `lanes`, the longest entered first.
    pub(crate) fn next(&self, lanes: &mut Vec<L>, max: usize, patience: Option<Duration>) -> Task<E> {
        let mut state = self.lock();
        let mut patience_ends = None;
        loop {
            if let Some(errand) = state.errands.pop_front() {
                return Task::Run(errand);
            }
            let left = match state.due {
                Some(due) if !state.ended => due.saturating_duration_since(Instant::now()),
                _ => Duration::ZERO,
            };
            if left.is_zero() && !state.lanes.is_empty() {
                let count = state.lanes.len().min(max);
                lanes.extend(state.lanes.drain(..count));
                // What is left is due just as well; when nothing is left, the next lane brings its own time.
                if state.lanes.is_empty() {
                    state.due = None;
                }
                return Task::Sign;
            }
            if state.ended {
                return Task::End;
            }
            let wait = match (state.due, patience) {
                (Some(_), _) => Some(left),
                (None, Some(patience)) => {
                    let ends = *patience_ends.get_or_insert_with(|| Instant::now() + patience);
                    Some(ends.saturating_duration_since(Instant::now()))
                }
                (None, None) => None,
            };
            if wait.is_some_and(|wait| wait.is_zero()) {
                return Task::End;
            }
            state.asleep += 1;
            state = self.sleep(state, wait);
            state.asleep -= 1;
        }
    }

    /// Strikes all lanes off, for tests that take one themselves: a lane is on the agenda or in flight, never both.
    #[cfg(test)]
    pub(crate) fn strike_lanes(&self) {
        let mut state = self.lock();
        state.lanes.clear();
        state.due = None;
    }

    /// Has everything that is entered signed at once; whoever finds nothing left to do ends.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.woken.notify_all();
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State<L, E>>, wait: Option<Duration>) -> MutexGuard<'a, State<L, E>> {
        match wait {
            Some(wait) => match self.woken.wait_timeout(state, wait) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            },
            None => self.woken.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<L, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
