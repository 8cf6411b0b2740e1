//! The account of one outbox: what its publisher has sent, and what waits.

use std::sync::atomic::Ordering;

use super::Outbox;
use crate::stats::PublisherStats;

impl Outbox {
    /// What the publisher has sent so far, and what waits to be signed.
    pub(crate) fn stats(&self) -> PublisherStats {
        let (queue_len, queue_bytes) = {
            let state = self.lane.lock();
            let frames = state.ready.iter().chain(&state.open);
            frames.fold((0, 0), |(messages, bytes), frame| {
                (messages + u64::from(frame.count()), bytes + frame.byte_len() as u64)
            })
        };
        let facts = &self.facts;
        PublisherStats {
            sent: facts.sent.load(Ordering::Relaxed),
            sent_bytes: facts.sent_bytes.load(Ordering::Relaxed),
            dropped: facts.dropped.get(),
            failed: facts.failed.get(),
            blocked: facts.blocked.get(),
            timed_out: facts.timed_out.get(),
            would_block: facts.would_block.get(),
            queue_len,
            queue_bytes,
        }
    }
}
