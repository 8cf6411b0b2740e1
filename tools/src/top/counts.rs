//! What one node counts at its end of one topic, and what has changed between two of its answers.
//!
//! A node may have several publishers or subscriptions of one topic: they are added up. This module does no I/O.

use nuncio::Reason;
use nuncio::msgs::nuncio_msgs::msg::{PublisherCounters, RefusalCounter, SubscriptionCounters};

const REASONS: usize = Reason::ALL.len();

/// Counters at one moment. Each only grows as long as what it belongs to is there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Sent, or verified.
    pub(crate) messages: u64,
    /// Bytes of their frames.
    pub(crate) bytes: u64,
    /// Of what was numbered, what never came.
    pub(crate) missing: u64,
    /// What was let go of for want of room or time, at this end.
    pub(crate) dropped: u64,
    pub(crate) timed_frames: u64,
    /// May wrap around.
    pub(crate) delay_sum_ns: i64,
    pub(crate) jitter_sum_ns: u64,
    pub(crate) refused: Refused,
}

/// Refusals by reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refused([u64; REASONS]);

impl Counts {
    /// Adds those of a publisher.
    pub(crate) fn add_publisher(&mut self, of: &PublisherCounters) {
        self.messages = self.messages.saturating_add(of.sent);
        self.bytes = self.bytes.saturating_add(of.sent_bytes);
        let dropped = of.dropped.saturating_add(of.failed).saturating_add(of.timed_out);
        self.dropped = self.dropped.saturating_add(dropped);
    }

    /// Adds those of a subscription.
    pub(crate) fn add_subscription(&mut self, of: &SubscriptionCounters) {
        self.messages = self.messages.saturating_add(of.received);
        self.bytes = self.bytes.saturating_add(of.received_bytes);
        self.missing = self.missing.saturating_add(of.missing);
        self.dropped = self.dropped.saturating_add(of.dropped.saturating_add(of.expired));
        self.timed_frames = self.timed_frames.saturating_add(of.timed_frames);
        self.delay_sum_ns = self.delay_sum_ns.wrapping_add(of.delay_sum_ns);
        self.jitter_sum_ns = self.jitter_sum_ns.saturating_add(of.jitter_sum_ns);
        self.refused.add(&Refused::read(&of.refused));
    }

    /// Adds others, such as those of another node.
    pub(crate) fn add(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.missing = self.missing.saturating_add(other.missing);
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.timed_frames = self.timed_frames.saturating_add(other.timed_frames);
        self.delay_sum_ns = self.delay_sum_ns.wrapping_add(other.delay_sum_ns);
        self.jitter_sum_ns = self.jitter_sum_ns.saturating_add(other.jitter_sum_ns);
        self.refused.add(&other.refused);
    }

    /// What was counted since `before`. Where a counter has shrunk, as of a publisher that was made anew, nothing.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(before.messages),
            bytes: self.bytes.saturating_sub(before.bytes),
            missing: self.missing.saturating_sub(before.missing),
            dropped: self.dropped.saturating_sub(before.dropped),
            timed_frames: self.timed_frames.saturating_sub(before.timed_frames),
            delay_sum_ns: match self.timed_frames >= before.timed_frames {
                true => self.delay_sum_ns.wrapping_sub(before.delay_sum_ns),
                false => 0,
            },
            jitter_sum_ns: self.jitter_sum_ns.saturating_sub(before.jitter_sum_ns),
            refused: self.refused.since(&before.refused),
        }
    }

    /// The mean time under way, in ns; `None` where nothing was timed.
    pub(crate) fn latency_ns(&self) -> Option<f64> {
        (self.timed_frames > 0).then(|| self.delay_sum_ns as f64 / self.timed_frames as f64)
    }

    /// By how much the time under way varies from frame to frame, in ns; `None` where nothing was timed.
    pub(crate) fn jitter_ns(&self) -> Option<f64> {
        (self.timed_frames > 0).then(|| self.jitter_sum_ns as f64 / self.timed_frames as f64)
    }
}

impl Refused {
    /// What a node says. A reason that this program does not know is not counted: it has no name and no remedy here.
    pub(crate) fn read(counters: &[RefusalCounter]) -> Self {
        let mut refused = Self::default();
        for counter in counters {
            let known = Reason::ALL.iter().position(|reason| reason.as_str() == counter.reason);
            if let Some(count) = known.and_then(|place| refused.0.get_mut(place)) {
                *count = count.saturating_add(counter.count);
            }
        }
        refused
    }

    /// Adds others.
    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count = count.saturating_add(*more);
        }
    }

    /// What was refused since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let mut since = *self;
        for (count, before) in since.0.iter_mut().zip(&before.0) {
            *count = count.saturating_sub(*before);
        }
        since
    }

    /// All together.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The reasons that occurred.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// How often it was for this reason.
    pub(crate) fn of(&self, reason: Reason) -> u64 {
        let place = usize::from(reason.number()).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl Default for Refused {
    fn default() -> Self {
        Self([0; REASONS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: &str, count: u64) -> RefusalCounter {
        RefusalCounter {
            reason: reason.to_owned(),
            count,
        }
    }

    #[test]
    fn latency_and_jitter_are_those_of_the_span_between_two_answers() {
        let at = |timed_frames, delay_sum_ns, jitter_sum_ns| Counts {
            timed_frames,
            delay_sum_ns,
            jitter_sum_ns,
            ..Counts::default()
        };
        let change = at(110, 700, 130).since(&at(100, 500, 100));
        assert_eq!((change.latency_ns(), change.jitter_ns()), (Some(20.0), Some(3.0)));
        assert_eq!(at(100, 500, 100).since(&at(100, 500, 100)).latency_ns(), None);
        let wrapped = at(2, i64::MIN + 9, 0).since(&at(1, i64::MAX, 0));
        assert_eq!(wrapped.latency_ns(), Some(10.0));
    }

    #[test]
    fn counters_that_began_anew_count_nothing_instead_of_everything() {
        let before = Counts {
            messages: 1000,
            timed_frames: 1000,
            delay_sum_ns: 5_000_000,
            ..Counts::default()
        };
        let anew = Counts {
            messages: 3,
            timed_frames: 3,
            delay_sum_ns: 10,
            ..Counts::default()
        };
        assert_eq!(anew.since(&before), Counts::default());
    }

    #[test]
    fn numbers_at_their_end_do_not_overflow() {
        let mut counts = Counts::default();
        let most = SubscriptionCounters {
            received: u64::MAX,
            received_bytes: u64::MAX,
            missing: u64::MAX,
            dropped: u64::MAX,
            expired: u64::MAX,
            timed_frames: u64::MAX,
            delay_sum_ns: i64::MIN,
            jitter_sum_ns: u64::MAX,
            refused: vec![refusal("BadSignature", u64::MAX), refusal("BadSignature", u64::MAX)],
            ..SubscriptionCounters::default()
        };
        counts.add_subscription(&most);
        counts.add_subscription(&most);
        counts.add(&counts.clone());
        assert_eq!(counts.refused.total(), u64::MAX);
        assert_eq!(counts.missing, u64::MAX);
    }

    #[test]
    fn reasons_that_nobody_knows_are_left_out() {
        let refused = Refused::read(&[refusal("UnknownKey", 3), refusal("\u{1b}[2J", 9)]);
        assert_eq!(refused.reasons().collect::<Vec<_>>(), [(Reason::UnknownKey, 3)]);
        assert_eq!(refused.of(Reason::UnknownKey), 3);
    }
}
