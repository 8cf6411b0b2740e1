//! Counters: what a publisher sent and what became of what a subscription received.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::security::refusal::Reason;

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
    /// Messages that wait to be signed now.
    pub queue_len: u64,
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
    pub(crate) missing: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) incompatible: AtomicU64,
    refused: RefusalCounters,
}

/// One counter per reason.
#[derive(Debug, Default)]
pub(crate) struct RefusalCounters([AtomicU64; Reason::ALL.len()]);

impl RefusalCounters {
    pub(crate) fn count(&self, reason: Reason) {
        if let Some(counter) = self.0.get(usize::from(reason.number()) - 1) {
            add(counter, 1);
        }
    }

    pub(crate) fn read(&self) -> BTreeMap<Reason, u64> {
        let counts = Reason::ALL
            .into_iter()
            .zip(&self.0)
            .map(|(reason, count)| (reason, count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

impl SubscriptionCounters {
    pub(crate) fn refuse(&self, reason: Reason) {
        self.refused.count(reason);
    }

    pub(crate) fn read(&self, dropped: u64, queue_len: usize) -> SubscriptionStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SubscriptionStats {
            received: load(&self.received),
            received_bytes: load(&self.received_bytes),
            missing: load(&self.missing),
            dropped,
            expired: load(&self.expired),
            duplicates: load(&self.duplicates),
            incompatible: load(&self.incompatible),
            queue_len,
            refused: self.refused.read(),
        }
    }
}

/// Adds to a counter that nothing else is ordered by.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
