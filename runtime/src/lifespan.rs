//! Lifespan: messages that are older than their publisher lets them become are given to nobody.
//!
//! Whoever takes messages out of a subscription's queue gets those only that are still of use. Their age is counted by the
//! publisher's clock, as far as it is known how that differs from ours. Where no lifespan is set, no clock is read.

use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::delivery::Delivery;
use crate::event::{Counterpart, SubscriberEvent};
use crate::reception::Reception;
use crate::security::peers::WriterFacts;

/// Whether a message of this time is too old, both times by the publisher's clock.
pub(crate) fn is_expired(lifespan: Duration, source_time_ns: i64, now_ns: i64) -> bool {
    let age = i128::from(now_ns) - i128::from(source_time_ns);
    u128::try_from(age).is_ok_and(|age| age > lifespan.as_nanos())
}

impl Delivery {
    /// Whether it is too old to be taken now.
    pub(crate) fn is_expired(&self) -> bool {
        let writer = self.message.frame().facts();
        writer.offer.lifespan.is_some_and(|lifespan| {
            let ahead = writer.peer.clock_offset_ns().unwrap_or_default();
            is_expired(
                lifespan,
                self.message.source_time_ns(),
                clock::now_ns().saturating_add(ahead),
            )
        })
    }
}

impl Reception {
    /// Gives what was taken from the queue, or, when that is too old, the first message behind it that is not. `None`: all
    /// that was there is too old.
    pub(crate) fn sift(&self, taken: Delivery) -> Option<Delivery> {
        self.resume();
        let mut next = Some(taken);
        let mut expired: Option<(Arc<WriterFacts>, u64)> = None;
        while let Some(delivery) = next.take_if(|delivery| delivery.is_expired()) {
            let writer = delivery.message.frame().facts();
            match &mut expired {
                Some((of, count)) if Arc::ptr_eq(of, writer) => *count += 1,
                other => {
                    let before = other.replace((Arc::clone(writer), 1));
                    before.iter().for_each(|(of, count)| self.count_expired(of, *count));
                }
            }
            next = self.queue.try_take().ok();
        }
        expired.iter().for_each(|(of, count)| self.count_expired(of, *count));
        next
    }

    /// Counts messages of a writer that were too old, and tells those who listen.
    pub(crate) fn count_expired(&self, writer: &WriterFacts, count: u64) {
        self.counters.expired.add(count);
        let publisher = Counterpart::of(&writer.peer);
        self.events.push(SubscriberEvent::Expired { publisher, count });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_lives_as_long_as_its_lifespan_and_no_longer() {
        let lifespan = Duration::from_nanos(100);
        assert!(!is_expired(lifespan, 1_000, 1_100));
        assert!(is_expired(lifespan, 1_000, 1_101));
        assert!(!is_expired(lifespan, 1_000, 0), "one from the future is not old");
        assert!(!is_expired(Duration::MAX, i64::MIN, i64::MAX));
        assert!(is_expired(lifespan, i64::MIN, i64::MAX));
    }
}
