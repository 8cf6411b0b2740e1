//! Counters: what a publisher sent and what became of what a subscription received.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::delays::Delays;
use crate::security::refusal::Reason;
use crate::sign_of_life::ticks;

/// What one publisher has sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PublisherStats {
    /// Messages handed to the link.
    pub sent: u64,
    /// Bytes of their frames.
    pub sent_bytes: u64,
    /// Messages of a best-effort publisher that were dropped, oldest first, because those behind them had no room.
    pub dropped: u64,
    /// Messages that were gathered and that the link did not take then.
    pub failed: u64,
    /// How often `publish` had to wait for room.
    pub blocked: u64,
    /// Messages that were given up because there was no room in time.
    pub timed_out: u64,
    /// Messages that `try_publish` gave back.
    pub would_block: u64,
    /// Messages that wait to be signed now.
    pub queue_len: u64,
    /// Bytes of their frames; at most [`QUEUE_BYTES_MAX`](Self::QUEUE_BYTES_MAX), or one larger message.
    pub queue_bytes: u64,
}

impl PublisherStats {
    /// How many bytes may wait to be signed.
    pub const QUEUE_BYTES_MAX: u64 = 1 << 20;
}

/// What the signatures of a node's messages have cost.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SigningStats {
    /// Signatures made.
    pub signatures: u64,
    /// Frames that they cover.
    pub frames: u64,
    /// How long making them took, hashes included.
    pub time: Duration,
}

/// What became of what one subscription received.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SubscriptionStats {
    /// Messages that were verified, whether taken yet or not.
    pub received: u64,
    /// Bytes of their frames.
    pub received_bytes: u64,
    /// Messages that came because they were asked for: lost on the way, or kept for late subscribers.
    pub recovered: u64,
    /// Messages that the publishers numbered and that never came: on reliable topics after they were asked for.
    pub missing: u64,
    /// Messages dropped because the queue was full.
    pub dropped: u64,
    /// Messages that were older than their publisher's lifespan before anybody took them.
    pub expired: u64,
    /// Frames that were delivered before and came again.
    pub duplicates: u64,
    /// Messages of publishers that offer less than the subscription requests.
    pub incompatible: u64,
    /// Messages in the queue now.
    pub queue_len: usize,
    /// How many the queue holds at most.
    pub queue_depth: usize,
    /// Live frames whose way was timed, from the source time of their first message to their arrival.
    pub timed_frames: u64,
    /// How long they were under way together, in nanoseconds, by the publishers' clocks and this one. May wrap around.
    pub delay_sum_ns: i64,
    /// By how much the ways of successive frames of one publisher differ, together, in nanoseconds: divided by the frames
    /// this is the jitter.
    pub jitter_sum_ns: u64,
    /// Frames or messages refused, by reason.
    pub refused: BTreeMap<Reason, u64>,
}

impl SubscriptionStats {
    /// All refusals together.
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// The counters behind [`SubscriptionStats`].
#[derive(Debug, Default)]
pub(crate) struct SubscriptionCounters {
    pub(crate) received: AtomicU64,
    pub(crate) received_bytes: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) missing: Tally,
    pub(crate) duplicates: AtomicU64,
    pub(crate) expired: Tally,
    pub(crate) incompatible: AtomicU64,
    pub(crate) delays: Delays,
    refused: RefusalCounters,
}

/// Counts what should not happen, and remembers when it last did. Counting reads a clock, so it is for what is rare.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    count: AtomicU64,
    /// In [`ticks`]; 0 is never.
    last: AtomicU64,
}

impl Tally {
    /// Counts so many more; nothing when there are none. Gives how many there were then.
    pub(crate) fn add(&self, amount: u64) -> u64 {
        if amount > 0 {
            self.last.store(ticks(), Ordering::Relaxed);
        }
        self.count.fetch_add(amount, Ordering::Relaxed) + amount
    }

    pub(crate) fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// When it last happened, in ticks; 0 is never.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }
}

/// One counter per reason.
#[derive(Debug, Default)]
pub(crate) struct RefusalCounters([Tally; Reason::ALL.len()]);

impl RefusalCounters {
    pub(crate) fn count(&self, reason: Reason) {
        if let Some(tally) = self.0.get(usize::from(reason.number()) - 1) {
            tally.add(1);
        }
    }

    pub(crate) fn read(&self) -> BTreeMap<Reason, u64> {
        let counts = self.tallies().map(|(reason, tally)| (reason, tally.get()));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// One tally for each reason.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = (Reason, &Tally)> {
        Reason::ALL.into_iter().zip(&self.0)
    }
}

impl SubscriptionCounters {
    pub(crate) fn refuse(&self, reason: Reason) {
        self.refused.count(reason);
    }

    pub(crate) fn read(&self, dropped: u64, (queue_len, queue_depth): (usize, usize)) -> SubscriptionStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SubscriptionStats {
            received: load(&self.received),
            received_bytes: load(&self.received_bytes),
            recovered: load(&self.recovered),
            missing: self.missing.get(),
            dropped,
            expired: self.expired.get(),
            duplicates: load(&self.duplicates),
            incompatible: load(&self.incompatible),
            queue_len,
            queue_depth,
            timed_frames: load(&self.delays.frames),
            delay_sum_ns: self.delays.sum_ns.load(Ordering::Relaxed),
            jitter_sum_ns: load(&self.delays.jitter_ns),
            refused: self.refused.read(),
        }
    }
}

/// Adds to a counter that nothing else is ordered by.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
