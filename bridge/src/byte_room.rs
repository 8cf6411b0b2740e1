//! Room for the bytes that wait for one client, all its taps together.
//!
//! # Invariants
//!
//! - However many taps take room at once, no more is held than there is; but one message is held whatever its length, when
//!   nothing else is.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The room of one client.
#[derive(Debug)]
pub(crate) struct ByteRoom {
    held: AtomicUsize,
    max: usize,
}

impl ByteRoom {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            max,
        }
    }

    /// Takes room for a message, if there is any.
    pub(crate) fn take(&self, len: usize) -> bool {
        let taken = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            let more = held.saturating_add(len);
            (held == 0 || more <= self.max).then_some(more)
        });
        taken.is_ok()
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, len: usize) {
        self.held.fetch_sub(len, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn a_message_that_is_longer_than_all_room_is_taken_alone() {
        let room = ByteRoom::new(10);
        assert!(room.take(11));
        assert!(!room.take(1));
        room.give_back(11);
        assert!(room.take(4) && room.take(6) && !room.take(1));
    }

    #[test]
    fn taps_that_take_room_at_once_take_no_more_than_there_is() {
        let room = Arc::new(ByteRoom::new(10));
        let held = Arc::new(AtomicUsize::new(0));
        let too_much = Arc::new(AtomicBool::new(false));
        let taps = (0..4).map(|_| {
            let (room, held, too_much) = (Arc::clone(&room), Arc::clone(&held), Arc::clone(&too_much));
            thread::spawn(move || {
                for _ in 0..20_000 {
                    if room.take(4) {
                        let now = held.fetch_add(4, Ordering::SeqCst) + 4;
                        too_much.fetch_or(now > 10, Ordering::SeqCst);
                        thread::yield_now();
                        held.fetch_sub(4, Ordering::SeqCst);
                        room.give_back(4);
                    }
                }
            })
        });
        let taps: Vec<_> = taps.collect();
        assert!(taps.into_iter().all(|tap| tap.join().is_ok()));
        assert!(!too_much.load(Ordering::SeqCst));
        assert_eq!(room.held.load(Ordering::SeqCst), 0);
    }
}
