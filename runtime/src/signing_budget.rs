//! The signing budget: the share of a core that signatures may take when every message has one of its own.
//!
//! Every message moves an instant forward by what a signature costs here, divided by the share: it is when the budget will
//! have earned a signature for each message so far. While that instant is not further ahead than a short window, messages are
//! signed in place; so a pause saves up for a burst and no more, and a node that publishes more than the budget is good for
//! gathers all of it, instead of spending the budget on a few of many. Pure: the time is handed in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How much time's worth of budget may be spent at once.
const WINDOW_NS: u64 = 50_000_000;
/// The longest time that a signature is taken to have cost: when it took longer, the thread was interrupted.
const COST_NS_MAX: u64 = 200_000;
/// What a signature is taken to cost before the first was made.
const COST_NS_FIRST: u64 = 20_000;

/// The budget of one node.
#[derive(Debug)]
pub(crate) struct SigningBudget {
    share: f64,
    /// When everything so far will have been earned, ns on the clock that is handed in.
    earned_at_ns: AtomicU64,
    /// What a signature cost lately.
    cost_ns: AtomicU64,
}

impl SigningBudget {
    /// A budget of this share of a core: 0 is nothing, 1 is no limit.
    pub(crate) fn new(share: f64) -> Self {
        Self {
            share: share.clamp(0.0, 1.0),
            earned_at_ns: AtomicU64::new(0),
            cost_ns: AtomicU64::new(COST_NS_FIRST),
        }
    }

    /// Counts a message that is published now. `true` when it may have a signature of its own.
    pub(crate) fn admits(&self, now_ns: u64) -> bool {
        if self.share <= 0.0 || self.share >= 1.0 {
            return self.share > 0.0;
        }
        let price = (self.cost_ns.load(Ordering::Relaxed) as f64 / self.share) as u64;
        // After a time of much more than the budget, little of it is held against the time that follows.
        let latest = now_ns.saturating_add(2 * WINDOW_NS);
        let earned_at = self.earned_at_ns.load(Ordering::Relaxed);
        let earned_at = earned_at.max(now_ns).saturating_add(price).min(latest);
        // Two threads at once may count as one: it is a matter of microseconds in a second.
        self.earned_at_ns.store(earned_at, Ordering::Relaxed);
        earned_at - now_ns <= WINDOW_NS
    }

    /// Learns what a signature cost.
    pub(crate) fn learn(&self, cost: Duration) {
        let found = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX).min(COST_NS_MAX);
        let known = self.cost_ns.load(Ordering::Relaxed);
        self.cost_ns.store((7 * known + found) / 8, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Publishes `per_second` times for ten seconds; gives how many messages a second were signed in place.
    fn in_place(budget: &SigningBudget, per_second: u64) -> u64 {
        let times = (0..10 * per_second).map(|nth| 1_000_000_000 * nth / per_second);
        times.filter(|now| budget.admits(*now)).count() as u64 / 10
    }

    #[test]
    fn what_is_within_the_budget_is_all_signed_in_place() {
        // A twentieth of a second has room for 2500 signatures of 20 µs.
        assert_eq!(in_place(&SigningBudget::new(0.05), 2000), 2000);
        assert_eq!(in_place(&SigningBudget::new(1.0), 100_000), 100_000);
        assert_eq!(in_place(&SigningBudget::new(0.0), 100), 0);
    }

    #[test]
    fn more_than_the_budget_is_all_gathered_but_for_what_was_saved_up() {
        let signed = in_place(&SigningBudget::new(0.05), 10_000);
        assert!((10..30).contains(&signed), "{signed}");
    }

    #[test]
    fn a_burst_is_limited_and_a_flood_is_forgotten_soon() {
        let (budget, start) = (SigningBudget::new(0.05), 1_000_000_000);
        assert_eq!((0..1000).take_while(|_| budget.admits(start)).count(), 125);
        (0..100_000).for_each(|_| assert!(!budget.admits(start)));
        assert!(!budget.admits(start + WINDOW_NS - 1));
        assert!(budget.admits(start + 2 * WINDOW_NS));
    }

    #[test]
    fn a_slow_processor_affords_fewer_signatures() {
        let budget = SigningBudget::new(0.05);
        (0..100).for_each(|_| budget.learn(Duration::from_micros(100)));
        assert_eq!(in_place(&budget, 400), 400);
        assert!(in_place(&budget, 1000) < 100);
        // One that was interrupted is none that is slow.
        let budget = SigningBudget::new(0.05);
        budget.learn(Duration::from_secs(5));
        assert_eq!(in_place(&budget, 1000), 1000);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_end_signing_in_place() {
        let budget = SigningBudget::new(0.05);
        assert!(budget.admits(1_000_000_000_000));
        budget.admits(1_000_000_000);
        assert!(budget.admits(1_000_000_000 + 2 * WINDOW_NS));
    }
}
