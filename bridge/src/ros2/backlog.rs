//! What has come from ROS and waits for its turn: bounded, the oldest is dropped and counted.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// How many bytes wait at most.
const BYTES_MAX: usize = 64 << 20;

/// A message and what came beside it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) cdr: Vec<u8>,
    pub(crate) attachment: Vec<u8>,
}

/// The messages of one topic that wait.
#[derive(Debug)]
pub(crate) struct Backlog {
    len_max: usize,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Waiting>,
    bytes: usize,
    dropped: u64,
}

impl Backlog {
    /// Room for so many messages.
    pub(crate) fn new(len_max: usize) -> Self {
        Self {
            len_max: len_max.max(1),
            state: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Takes another one.
    pub(crate) fn push(&self, message: Waiting) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes += message.cdr.len();
        state.messages.push_back(message);
        while (state.messages.len() > self.len_max || state.bytes > BYTES_MAX)
            && let Some(oldest) = state.messages.pop_front()
        {
            state.bytes -= oldest.cdr.len();
            state.dropped += 1;
        }
        self.arrived.notify_one();
    }

    /// The next one, and how many were dropped since the last.
    pub(crate) async fn pop(&self) -> (Waiting, u64) {
        loop {
            if let Some(next) = self.try_pop() {
                return next;
            }
            self.arrived.notified().await;
        }
    }

    fn try_pop(&self) -> Option<(Waiting, u64)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let next = state.messages.pop_front()?;
        state.bytes -= next.cdr.len();
        Some((next, std::mem::take(&mut state.dropped)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    fn message(len: usize) -> Waiting {
        Waiting {
            cdr: vec![0; len],
            attachment: Vec::new(),
        }
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let backlog = Backlog::new(2);
        (1..=5).for_each(|len| backlog.push(message(len)));
        let (first, dropped) = backlog.try_pop().unwrap();
        assert_eq!((first.cdr.len(), dropped), (4, 3));
        let (second, dropped) = backlog.try_pop().unwrap();
        assert_eq!((second.cdr.len(), dropped), (5, 0));
        assert!(backlog.try_pop().is_none());
    }

    #[test]
    fn no_more_bytes_wait_than_there_is_room_for() {
        let backlog = Backlog::new(1000);
        (0..3).for_each(|_| backlog.push(message(BYTES_MAX / 2)));
        let (_, dropped) = backlog.try_pop().unwrap();
        assert_eq!(dropped, 1);
    }
}
