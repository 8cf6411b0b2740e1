//! The signing budget: the share of a core that signatures made in place may take.
//!
//! Every signature, in place or not, moves an instant forward by its cost divided by the share: it is when the budget will
//! have earned all that was spent. In place is allowed while that instant is not further ahead than a short window, so that
//! a pause saves up for a burst and no more. Pure: the time is handed in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much time's worth of budget may be spent at once.
const WINDOW: Duration = Duration::from_millis(50);
/// The longest time that a signature is taken to have cost: when it took longer, the thread was interrupted.
const COST_MAX: Duration = Duration::from_millis(1);

/// The budget of one node.
#[derive(Debug)]
pub(crate) struct SigningBudget {
    share: f64,
    origin: Instant,
    /// When everything spent will have been earned, ns since `origin`.
    earned_at_ns: AtomicU64,
}

impl SigningBudget {
    /// A budget of this share of a core: 0 is nothing, 1 is no limit.
    pub(crate) fn new(share: f64, now: Instant) -> Self {
        Self {
            share: share.clamp(0.0, 1.0),
            origin: now,
            earned_at_ns: AtomicU64::new(0),
        }
    }

    /// Whether one more signature may be made in place.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        if self.share >= 1.0 {
            return true;
        }
        let ahead = self.earned_at_ns.load(Ordering::Relaxed).saturating_sub(self.ns(now));
        self.share > 0.0 && ahead <= nanos(WINDOW)
    }

    /// Counts a signature that took this long.
    pub(crate) fn spend(&self, now: Instant, cost: Duration) {
        if self.share <= 0.0 || self.share >= 1.0 {
            return;
        }
        let now_ns = self.ns(now);
        let price = (nanos(cost.min(COST_MAX)) as f64 / self.share) as u64;
        // After a time of much more than the budget, little of it is held against the time that follows.
        let latest = now_ns.saturating_add(2 * nanos(WINDOW));
        let spent = |earned_at: u64| Some(earned_at.max(now_ns).saturating_add(price).min(latest));
        let _ = self
            .earned_at_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
    }

    fn ns(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.origin))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: Duration = Duration::from_micros(20);

    /// Signs in place whenever that is allowed, `per_second` times at most; gives how many signatures a second that was.
    fn signatures(share: f64, per_second: u32) -> u32 {
        let start = Instant::now();
        let budget = SigningBudget::new(share, start);
        let seconds = 10;
        let times = (0..seconds * per_second).map(|nth| start + Duration::from_secs(1) * nth / per_second);
        let signed = times.filter(|now| {
            let allowed = budget.allows(*now);
            if allowed {
                budget.spend(*now, SIGNATURE);
            }
            allowed
        });
        u32::try_from(signed.count()).unwrap() / seconds
    }

    #[test]
    fn the_share_of_a_core_is_kept_in_the_long_run() {
        // A twentieth of a second has room for 2500 signatures of 20 µs; the window adds a little.
        let signed = signatures(0.05, 100_000);
        assert!((2500..2600).contains(&signed), "{signed}");
    }

    #[test]
    fn what_is_within_the_budget_is_all_signed_in_place() {
        assert_eq!(signatures(0.05, 2000), 2000);
        assert_eq!(signatures(1.0, 100_000), 100_000);
        assert_eq!(signatures(0.0, 100), 0);
    }

    #[test]
    fn a_burst_is_limited_and_a_flood_is_forgotten_soon() {
        let start = Instant::now();
        let budget = SigningBudget::new(0.05, start);
        let burst = (0..1000).take_while(|_| {
            let allowed = budget.allows(start);
            budget.spend(start, SIGNATURE);
            allowed
        });
        assert_eq!(burst.count(), 126);
        (0..100_000).for_each(|_| budget.spend(start, SIGNATURE));
        assert!(!budget.allows(start + Duration::from_millis(49)));
        assert!(budget.allows(start + Duration::from_millis(50)));
    }

    #[test]
    fn a_signature_that_was_interrupted_costs_no_more_than_a_slow_one() {
        let start = Instant::now();
        let budget = SigningBudget::new(0.05, start);
        budget.spend(start, Duration::from_secs(5));
        assert!(budget.allows(start));
    }
}
