//! Rate limits: how many messages a second one signer may publish on a topic.
//!
//! Each signer has a token bucket that holds the messages of one second: after a pause that many may come at once, and in
//! the long run no more than the rate. Only messages whose signature held are counted, so nobody can use up the rate of
//! another. Pure: the time is handed in.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::key::PublicKey;
use super::refusal::{Reason, Refusal};
use super::verifier::STREAMS_MAX;

const SECOND_NS: i64 = 1_000_000_000;

/// The buckets of one subscription.
#[derive(Debug, Default)]
pub(super) struct RateLimits {
    buckets: HashMap<PublicKey, Bucket>,
}

/// A bucket as the instant at which it will be full again: less room than a count and a time, and exact.
#[derive(Debug)]
struct Bucket {
    full_at_ns: i64,
    asked_at_ns: i64,
}

impl RateLimits {
    /// Takes `count` messages of a signer from its bucket.
    ///
    /// # Errors
    ///
    /// `NotPermitted` when it has not that many, `Overloaded` when too many signers are followed already.
    pub(super) fn take(&mut self, key: PublicKey, rate: NonZeroU32, count: u16, now_ns: i64) -> Result<(), Refusal> {
        if self.buckets.len() >= STREAMS_MAX && !self.buckets.contains_key(&key) {
            self.buckets.retain(|_, bucket| bucket.full_at_ns > now_ns);
            if self.buckets.len() >= STREAMS_MAX {
                let detail = format!("the rates of {STREAMS_MAX} signers are followed on this topic already");
                return Err(Refusal::new(Reason::Overloaded, Some(key), detail));
            }
        }
        let bucket = self.buckets.entry(key).or_insert(Bucket {
            full_at_ns: now_ns,
            asked_at_ns: now_ns,
        });
        // A clock that is set back must not lock a signer out until it has caught up.
        let back = bucket.asked_at_ns.saturating_sub(now_ns).max(0);
        bucket.asked_at_ns = now_ns;
        bucket.full_at_ns = bucket.full_at_ns.saturating_sub(back);
        bucket.full_at_ns = bucket.full_at_ns.clamp(now_ns, now_ns.saturating_add(SECOND_NS));
        let price = SECOND_NS * i64::from(count) / i64::from(rate.get());
        let full_at_ns = bucket.full_at_ns.saturating_add(price);
        if full_at_ns.saturating_sub(now_ns) > SECOND_NS {
            let detail = format!("more than {rate} messages a second of one signer, which topics in trust.toml allows");
            return Err(Refusal::new(Reason::NotPermitted, Some(key), detail));
        }
        bucket.full_at_ns = full_at_ns;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000 * SECOND_NS;

    fn key(seed: u32) -> PublicKey {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_le_bytes());
        PublicKey::from_bytes(bytes)
    }

    fn rate(messages: u32) -> NonZeroU32 {
        NonZeroU32::new(messages).unwrap()
    }

    #[test]
    fn a_second_of_messages_may_come_at_once_and_then_one_by_one() {
        let mut limits = RateLimits::default();
        for _ in 0..50 {
            limits.take(key(1), rate(50), 1, NOW).unwrap();
        }
        let refused = limits.take(key(1), rate(50), 1, NOW).unwrap_err();
        assert_eq!(refused.reason, Reason::NotPermitted);
        assert!(refused.detail.contains("more than 50 messages a second"), "{refused}");
        assert!(limits.take(key(1), rate(50), 1, NOW + SECOND_NS / 50 - 1).is_err());
        limits.take(key(1), rate(50), 1, NOW + SECOND_NS / 50).unwrap();
        limits.take(key(2), rate(50), 50, NOW).unwrap();
        assert!(limits.take(key(3), rate(50), 51, NOW).is_err(), "a frame of too many");
    }

    #[test]
    fn a_clock_that_jumps_locks_nobody_out_and_overflows_nothing() {
        let mut limits = RateLimits::default();
        let years = 10 * 365 * 86_400 * SECOND_NS;
        for now in [NOW, NOW + years, NOW, NOW - years, NOW, i64::MAX] {
            limits.take(key(1), rate(10), 1, now).unwrap();
        }
        // Beyond what can be computed a second is waited, and no longer.
        let _ = limits.take(key(1), rate(10), 1, i64::MIN);
        limits.take(key(1), rate(10), 1, i64::MIN + SECOND_NS).unwrap();
    }

    #[test]
    fn signers_beyond_the_bound_wait_until_others_have_rested() {
        let mut limits = RateLimits::default();
        for seed in 0..1024 {
            limits.take(key(seed), rate(1), 1, NOW).unwrap();
        }
        assert_eq!(
            limits.take(key(9999), rate(1), 1, NOW).unwrap_err().reason,
            Reason::Overloaded
        );
        limits.take(key(9999), rate(1), 1, NOW + SECOND_NS).unwrap();
        assert_eq!(limits.buckets.len(), 1);
    }
}
