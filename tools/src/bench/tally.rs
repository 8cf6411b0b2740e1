//! The tally of one round: how many messages came, between which moments.
//!
//! One thread notes and another waits. The clock is read for the first message and for some of the later ones, so that
//! reading it does not become what is measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// What has come.
#[derive(Debug)]
pub(super) struct Tally {
    since: Instant,
    count: AtomicU64,
    /// How many are to come; not known before all are sent.
    expected: AtomicU64,
    /// The clock is read for every so many messages.
    stride: u64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
    /// Which message the clock was last read for.
    last: AtomicU64,
    complete: Notify,
}

/// Whether the messages of one publisher come in their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    newest: AtomicU64,
    disordered: AtomicU64,
}

impl Order {
    /// Begins anew, perhaps with another publisher.
    pub(super) fn restart(&self) {
        self.newest.store(0, Ordering::SeqCst);
        self.disordered.store(0, Ordering::SeqCst);
    }

    /// The message with this number came.
    pub(super) fn note(&self, number: u64) {
        if self.newest.fetch_max(number, Ordering::Relaxed) >= number {
            self.disordered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many came after one with their own number or a greater one.
    pub(super) fn disordered(&self) -> u64 {
        self.disordered.load(Ordering::Relaxed)
    }
}

/// What became of a round.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Tallied {
    /// Messages that came.
    pub(super) received: u64,
    /// Messages after the first, up to the last for which the clock was read.
    pub(super) timed: u64,
    /// The time from the first message to that one.
    pub(super) elapsed_ns: u64,
}

impl Tally {
    /// An empty one that reads the clock for every `stride`-th message.
    pub(super) fn new(stride: u64) -> Self {
        Self {
            since: Instant::now(),
            count: AtomicU64::new(0),
            expected: AtomicU64::new(u64::MAX),
            stride: stride.max(1),
            first_ns: AtomicU64::new(0),
            last_ns: AtomicU64::new(0),
            last: AtomicU64::new(0),
            complete: Notify::new(),
        }
    }

    /// Begins a new round. No message may be on its way.
    pub(super) fn restart(&self) {
        self.expected.store(u64::MAX, Ordering::SeqCst);
        for counter in [&self.count, &self.first_ns, &self.last_ns, &self.last] {
            counter.store(0, Ordering::SeqCst);
        }
    }

    /// A message came.
    pub(super) fn note(&self) {
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let complete = count >= self.expected.load(Ordering::SeqCst);
        if count == 1 || complete || count.is_multiple_of(self.stride) {
            let now_ns = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
            if count == 1 {
                self.first_ns.store(now_ns, Ordering::SeqCst);
            }
            self.last_ns.store(now_ns, Ordering::SeqCst);
            self.last.store(count, Ordering::SeqCst);
        }
        if complete {
            self.complete.notify_one();
        }
    }

    /// Waits until `expected` messages have come, or until none has come for `patience`.
    pub(super) async fn wait_for(&self, expected: u64, patience: Duration) -> Tallied {
        self.expected.store(expected, Ordering::SeqCst);
        let mut seen = self.count.load(Ordering::SeqCst);
        while seen < expected {
            let waited = tokio::time::timeout(patience, self.complete.notified()).await;
            let now = self.count.load(Ordering::SeqCst);
            if waited.is_err() && now == seen {
                break;
            }
            seen = now;
        }
        Tallied {
            received: self.count.load(Ordering::SeqCst),
            timed: self.last.load(Ordering::SeqCst).saturating_sub(1),
            elapsed_ns: self
                .last_ns
                .load(Ordering::SeqCst)
                .saturating_sub(self.first_ns.load(Ordering::SeqCst)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_round_that_is_complete_is_not_waited_for() {
        let tally = Tally::new(4);
        (0..10).for_each(|_| tally.note());
        let tallied = tally.wait_for(10, Duration::from_secs(60)).await;
        assert_eq!((tallied.received, tallied.timed), (10, 7));
        tally.restart();
        let tallied = tally.wait_for(0, Duration::from_secs(60)).await;
        assert_eq!((tallied.received, tallied.elapsed_ns), (0, 0));
    }

    #[tokio::test]
    async fn the_last_message_ends_the_wait_and_is_timed() {
        let tally = std::sync::Arc::new(Tally::new(1000));
        let noting = std::sync::Arc::clone(&tally);
        let thread = std::thread::spawn(move || (0..7).for_each(|_| noting.note()));
        let tallied = tally.wait_for(7, Duration::from_secs(60)).await;
        thread.join().unwrap();
        assert_eq!(tallied.received, 7);
    }

    #[test]
    fn a_number_that_does_not_rise_is_counted() {
        let order = Order::default();
        [1, 2, 5, 4, 6, 6, 7].into_iter().for_each(|number| order.note(number));
        assert_eq!(order.disordered(), 2);
        order.restart();
        order.note(1);
        assert_eq!(order.disordered(), 0);
    }

    #[tokio::test]
    async fn what_never_comes_is_not_waited_for_for_ever() {
        let tally = Tally::new(1);
        tally.note();
        let tallied = tally.wait_for(2, Duration::from_millis(5)).await;
        assert_eq!(tallied.received, 1);
    }
}
