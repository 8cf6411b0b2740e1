//! Sets of message numbers, kept as ranges. Pure.
//!
//! # Invariants
//!
//! - The ranges rise, and between each two at least one number is missing.
//! - There are at most [`RANGES_MAX`]: the lowest are forgotten first, as if their numbers had never been there.

use std::collections::VecDeque;

/// The most ranges that are kept.
pub(crate) const RANGES_MAX: usize = 64;

/// Numbers, as ranges with both ends included.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct NumberSet {
    ranges: VecDeque<(u64, u64)>,
}

impl NumberSet {
    /// All numbers from `first` to `last`; none when there are none in between.
    pub(crate) fn of(first: u64, last: u64) -> Self {
        let mut set = Self::default();
        set.insert(first, last);
        set
    }

    /// Puts the numbers `first ..= last` in. Costs nothing much where they follow the highest.
    pub(crate) fn insert(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        if let Some((_, end)) = self.ranges.back_mut()
            && first == end.saturating_add(1)
        {
            *end = last;
            return;
        }
        let before = |(_, end): &(u64, u64)| end.saturating_add(1) < first;
        let start = self.ranges.partition_point(before);
        let (mut merged, mut count) = ((first, last), 0);
        for (low, high) in self.ranges.range(start..) {
            if *low > last.saturating_add(1) {
                break;
            }
            merged = (merged.0.min(*low), merged.1.max(*high));
            count += 1;
        }
        self.ranges.drain(start..start + count);
        self.ranges.insert(start, merged);
        if self.ranges.len() > RANGES_MAX {
            self.ranges.pop_front();
        }
    }

    /// The numbers that are in both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut both = Self::default();
        for (first, last) in &self.ranges {
            for (other_first, other_last) in &other.ranges {
                both.insert(*first.max(other_first), *last.min(other_last));
            }
        }
        both
    }

    /// Whether all numbers from `first` to `last` are in.
    pub(crate) fn covers(&self, first: u64, last: u64) -> bool {
        let mut ranges = self.ranges.iter();
        first > last || ranges.any(|(low, high)| *low <= first && last <= *high)
    }

    /// The ranges, lowest first.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ranges.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_agrees_with_a_plain_set_whatever_comes_in_whatever_order() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let (mut set, mut plain) = (NumberSet::default(), BTreeSet::new());
            for _ in 0..20 {
                let first = 1 + random(60);
                let last = first + random(6);
                set.insert(first, last);
                plain.extend(first..=last);
                let numbers: Vec<_> = set.ranges().flat_map(|(first, last)| first..=last).collect();
                assert_eq!(numbers, plain.iter().copied().collect::<Vec<_>>());
                let gaps = set.ranges().zip(set.ranges().skip(1));
                assert!(
                    gaps.into_iter().all(|((_, end), (begin, _))| end + 1 < begin),
                    "{set:?}"
                );
            }
            let other = NumberSet::of(10, 30);
            let both: BTreeSet<_> = set
                .and(&other)
                .ranges()
                .flat_map(|(first, last)| first..=last)
                .collect();
            assert_eq!(both, plain.range(10..=30).copied().collect());
            assert_eq!(set.covers(12, 20), (12..=20).all(|number| plain.contains(&number)));
        }
    }

    #[test]
    fn it_is_bounded_and_forgets_the_lowest() {
        let mut set = NumberSet::default();
        (0..1000).for_each(|number| set.insert(3 * number, 3 * number + 1));
        assert_eq!(set.ranges().count(), RANGES_MAX);
        assert!(set.covers(2997, 2998) && !set.covers(0, 1) && !set.covers(2996, 2998));
        set.insert(u64::MAX, u64::MAX);
        assert!(set.covers(u64::MAX, u64::MAX));
        set.insert(9, 8);
        assert!(!set.covers(8, 9) && set.covers(9, 8));
    }
}
