//! How often something may happen: so many times a second, with a second's worth at once. Pure.

use std::time::{Duration, Instant};

/// A bucket that fills steadily.
#[derive(Debug)]
pub(crate) struct Turns {
    per_second: u32,
    left: f64,
    since: Instant,
}

impl Turns {
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second,
            left: f64::from(per_second),
            since: now,
        }
    }

    /// Takes a turn, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).min(Duration::from_secs(1));
        self.since = now;
        let most = f64::from(self.per_second);
        self.left = (self.left + passed.as_secs_f64() * most).min(most);
        let is_there = self.left >= 1.0;
        if is_there {
            self.left -= 1.0;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_turns_and_no_more() {
        let start = Instant::now();
        let mut turns = Turns::new(10, start);
        let taken = |turns: &mut Turns, at| (0..100).filter(|_| turns.take(at)).count();
        assert_eq!(taken(&mut turns, start), 10);
        assert_eq!(taken(&mut turns, start + Duration::from_millis(500)), 5);
        assert_eq!(taken(&mut turns, start + Duration::from_secs(1000)), 10);
    }
}
