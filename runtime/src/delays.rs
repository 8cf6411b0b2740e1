//! How long the frames of a subscription were under way, and how much that varies.
//!
//! Sums that only grow, so that whoever reads them twice knows the mean of any span between. A frame counts from the source
//! time of its first message, which has waited longest, to its arrival: two clocks, whose difference is in it where they are
//! those of two machines. What was asked for again is not timed.
//!
//! # Invariants
//!
//! - How much it varies is counted between frames of one publisher, for those of two may go by two clocks.
//! - At most [`PUBLISHERS_MAX`] publishers are remembered; what others vary by is not counted.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::verifier::{Provenance, Verified};
use crate::sync::{Mutex, PoisonError};

/// How many publishers' last frames are remembered.
const PUBLISHERS_MAX: usize = 32;

/// The sums.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    pub(crate) frames: AtomicU64,
    pub(crate) sum_ns: AtomicI64,
    pub(crate) jitter_ns: AtomicU64,
    /// How long the last frame of each publisher was under way.
    last: Mutex<Vec<((PublicKey, Writer), i64)>>,
}

impl Delays {
    /// Counts a frame, if it is live.
    pub(crate) fn count(&self, frame: &Verified) {
        if frame.provenance() != Provenance::Live {
            return;
        }
        let header = frame.header();
        let delay_ns = frame.received_time_ns().saturating_sub(header.first_time_ns);
        self.add((header.key, header.writer), delay_ns);
    }

    fn add(&self, publisher: (PublicKey, Writer), delay_ns: i64) {
        let differs_by = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let has_room = last.len() < PUBLISHERS_MAX;
            match last.iter_mut().find(|(known, _)| *known == publisher) {
                Some((_, before)) => std::mem::replace(before, delay_ns).abs_diff(delay_ns),
                None => {
                    last.extend(has_room.then_some((publisher, delay_ns)));
                    0
                }
            }
        };
        self.frames.fetch_add(1, Ordering::Relaxed);
        // Sums that wrap around still have the right difference.
        self.sum_ns.fetch_add(delay_ns, Ordering::Relaxed);
        self.jitter_ns.fetch_add(differs_by, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publisher(seed: u8) -> (PublicKey, Writer) {
        (PublicKey::from_bytes([seed; 32]), Writer(u64::from(seed)))
    }

    fn sums(delays: &Delays) -> (u64, i64, u64) {
        (
            delays.frames.load(Ordering::Relaxed),
            delays.sum_ns.load(Ordering::Relaxed),
            delays.jitter_ns.load(Ordering::Relaxed),
        )
    }

    #[test]
    fn two_publishers_with_clocks_apart_do_not_make_each_other_irregular() {
        let delays = Delays::default();
        for delay_ns in [100, 130, 90] {
            delays.add(publisher(1), delay_ns);
            delays.add(publisher(2), delay_ns - 1_000_000);
        }
        assert_eq!(sums(&delays), (6, 640 - 3_000_000, 2 * (30 + 40)));
    }

    #[test]
    fn strangers_without_end_take_no_memory_without_end() {
        let delays = Delays::default();
        for seed in 0..=u8::MAX {
            delays.add(publisher(seed), i64::MAX);
            delays.add(publisher(seed), i64::MIN);
        }
        assert_eq!(sums(&delays).0, 512);
        let last = delays.last.lock().unwrap();
        assert_eq!(last.len(), PUBLISHERS_MAX);
    }
}
