//! What is due when. Times are rounded up to milliseconds, so that what is due at almost the same time costs one wake-up.

use std::collections::BTreeMap;

/// The coarseness of times, in ticks.
const GRAIN: u64 = 1_000_000;

/// Things to be looked after, by when they are due.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    due: BTreeMap<(u64, u64), T>,
    added: u64,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self {
            due: BTreeMap::new(),
            added: 0,
        }
    }
}

impl<T> Schedule<T> {
    /// Something is due at this time; never earlier than that, and about a millisecond later at most.
    pub(super) fn add(&mut self, at: u64, what: T) {
        self.added += 1;
        self.due.insert((at.div_ceil(GRAIN), self.added), what);
    }

    /// Takes what is due first, if it is due now.
    pub(super) fn pop(&mut self, now: u64) -> Option<T> {
        let first = self.due.first_entry()?;
        (first.key().0 * GRAIN <= now).then(|| first.remove())
    }

    /// When the next of it is due.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.first_key_value().map(|((at, _), _)| at * GRAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_its_order_and_never_early() {
        let mut schedule = Schedule::default();
        schedule.add(2 * GRAIN + 1, "late");
        schedule.add(GRAIN - 1, "early");
        schedule.add(GRAIN, "early, too");
        assert_eq!(schedule.next(), Some(GRAIN));
        assert_eq!(schedule.pop(GRAIN - 1), None);
        assert_eq!(schedule.pop(GRAIN), Some("early"));
        assert_eq!(schedule.pop(GRAIN), Some("early, too"));
        assert_eq!(schedule.pop(3 * GRAIN - 1), None);
        assert_eq!(schedule.pop(3 * GRAIN), Some("late"));
        assert_eq!(schedule.next(), None);
    }
}
