//! The numbers of one stream in a bag: which are there, which are not, and which came in another order.
//!
//! The recorder and whoever verifies count in the same way; what they say must be equal. Pure.

use std::collections::BTreeMap;

/// The numbers `.0 ..= .1`.
pub type NumberRange = (u64, u64);

/// Of how many separate gaps of one stream it is remembered that they may still be filled.
const MISSING_MAX: usize = 65_536;

/// The numbers of one stream since the seal before, and what is missing of it altogether.
#[derive(Clone, Debug)]
pub struct NumberTally {
    /// The highest number at the seal before.
    after: u64,
    /// The highest number that was recorded or skipped.
    top: u64,
    messages: u64,
    late: Vec<NumberRange>,
    skipped: Vec<NumberRange>,
    /// First and last of each gap.
    missing: BTreeMap<u64, u64>,
}

/// What became of the numbers of one stream between two seals.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NumberSummary {
    /// The highest number before.
    pub after: u64,
    /// The highest number now.
    pub last: u64,
    /// How many were recorded.
    pub messages: u64,
    /// Those between that never came.
    pub lost: Vec<NumberRange>,
    /// Those between that were left out on purpose.
    pub skipped: Vec<NumberRange>,
    /// Those that came after a higher one.
    pub late: Vec<NumberRange>,
}

impl NumberTally {
    /// The tally of a stream whose numbers up to `after` are of no concern.
    pub fn new(after: u64) -> Self {
        Self {
            after,
            top: after,
            messages: 0,
            late: Vec::new(),
            skipped: Vec::new(),
            missing: BTreeMap::new(),
        }
    }

    /// The stream began earlier than its first number that was seen: what is between is missing, until it is said what became
    /// of it. Nothing below may be missing already.
    pub fn begin_after(&mut self, after: u64) {
        if after < self.after && self.missing.range(..=self.after).next().is_none() {
            self.missing.insert(after.saturating_add(1), self.after);
            self.after = after;
        }
    }

    /// The highest number that was recorded or skipped.
    pub fn top(&self) -> u64 {
        self.top
    }

    /// Whether a number was had before.
    pub fn has(&self, number: u64) -> bool {
        number <= self.top && !self.is_missing(number)
    }

    fn is_missing(&self, number: u64) -> bool {
        let gap = self.missing.range(..=number).next_back();
        gap.is_some_and(|(_, last)| *last >= number)
    }

    /// Takes a number that is in the bag. `false`: it was had before.
    pub fn record(&mut self, number: u64) -> bool {
        if number > self.top {
            self.open_gap(number);
            self.top = number;
        } else if !self.fill(number) {
            return false;
        } else {
            push(&mut self.late, (number, number));
        }
        self.messages += 1;
        true
    }

    /// These are left out on purpose. What of them was recorded stays so.
    pub fn skip(&mut self, (first, last): NumberRange) {
        let above = first.max(self.top.saturating_add(1));
        if last >= above {
            self.open_gap(above);
            self.top = last;
            push(&mut self.skipped, (above, last));
        }
        let before = self.missing.range(..first).next_back().map(|(a, _)| *a);
        let from = before.unwrap_or(first);
        let gaps: Vec<NumberRange> = match from <= last {
            true => self.missing.range(from..=last).map(|(a, b)| (*a, *b)).collect(),
            false => Vec::new(),
        };
        for (a, b) in gaps.into_iter().filter(|(_, b)| *b >= first && first <= last) {
            self.missing.remove(&a);
            if a < first {
                self.missing.insert(a, first - 1);
            }
            if b > last {
                self.missing.insert(last.saturating_add(1), b);
            }
            push(&mut self.skipped, (a.max(first), b.min(last)));
        }
    }

    /// Whatever comes up to this number will never come.
    pub fn lose_until(&mut self, last: u64) {
        if last > self.top {
            self.open_gap(last.saturating_add(1));
            self.top = last;
        }
    }

    /// What became of the numbers since the seal before; counts anew from here.
    pub fn seal(&mut self) -> NumberSummary {
        let summary = NumberSummary {
            after: self.after,
            last: self.top,
            messages: self.messages,
            lost: self.lost_since(self.after),
            skipped: std::mem::take(&mut self.skipped),
            late: std::mem::take(&mut self.late),
        };
        self.after = self.top;
        self.messages = 0;
        summary
    }

    /// Whether something is to be sealed.
    pub fn has_news(&self) -> bool {
        self.top > self.after || self.messages > 0
    }

    fn lost_since(&self, after: u64) -> Vec<NumberRange> {
        // A gap may have begun at or before the last seal, when its end was found out later.
        let gaps = self.missing.iter().filter(|(_, last)| **last > after);
        gaps.map(|(first, last)| ((*first).max(after.saturating_add(1)), *last))
            .collect()
    }

    fn open_gap(&mut self, next: u64) {
        let due = self.top.saturating_add(1);
        if next > due {
            self.missing.insert(due, next - 1);
            if self.missing.len() > MISSING_MAX {
                self.missing.pop_first();
            }
        }
    }

    fn fill(&mut self, number: u64) -> bool {
        let gap = self.missing.range(..=number).next_back().map(|(a, b)| (*a, *b));
        let Some((first, last)) = gap.filter(|(_, last)| *last >= number) else {
            return false;
        };
        self.missing.remove(&first);
        if first < number {
            self.missing.insert(first, number - 1);
        }
        if number < last {
            self.missing.insert(number + 1, last);
        }
        true
    }
}

/// How many numbers there are.
pub fn count(ranges: &[NumberRange]) -> u64 {
    let lengths = ranges
        .iter()
        .map(|(first, last)| last.saturating_sub(*first).saturating_add(1));
    lengths.fold(0, u64::saturating_add)
}

/// The numbers of `all` that are not in `without`. Both are sorted; where they are not, what is given means nothing.
pub fn difference(all: &[NumberRange], without: &[NumberRange]) -> Vec<NumberRange> {
    let mut left = Vec::new();
    let mut rest = without.iter().copied().peekable();
    for &(first, last) in all {
        let mut from = first;
        while let Some((a, b)) = rest.peek().copied().filter(|(a, _)| *a <= last) {
            if a > from {
                left.push((from, a - 1));
            }
            from = from.max(b.saturating_add(1));
            if b > last {
                break;
            }
            rest.next();
        }
        if from <= last {
            left.push((from, last));
        }
    }
    left
}

fn push(ranges: &mut Vec<NumberRange>, (first, last): NumberRange) {
    match ranges.last_mut() {
        Some(end) if end.1.checked_add(1) == Some(first) => end.1 = last,
        _ => ranges.push((first, last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(after: u64, numbers: &[u64]) -> NumberTally {
        let mut tally = NumberTally::new(after);
        for number in numbers {
            assert!(tally.record(*number), "{number}");
        }
        tally
    }

    #[test]
    fn what_is_missing_between_is_lost_and_what_comes_later_is_late() {
        let mut tally = tally(4, &[5, 6, 9, 12, 8, 13]);
        let summary = tally.seal();
        assert_eq!((summary.after, summary.last, summary.messages), (4, 13, 6));
        assert_eq!(summary.lost, [(7, 7), (10, 11)]);
        assert_eq!(summary.late, [(8, 8)]);
        assert!(!tally.has_news());
    }

    #[test]
    fn a_number_is_taken_once_and_a_lost_one_may_still_come_after_the_seal() {
        let mut tally = tally(0, &[1, 2, 5]);
        assert!(!tally.record(2));
        assert_eq!(tally.seal().lost, [(3, 4)]);
        assert!(tally.record(3));
        assert!(!tally.record(3));
        let summary = tally.seal();
        assert_eq!((summary.after, summary.last, summary.messages), (5, 5, 1));
        assert_eq!((summary.late, summary.lost), (vec![(3, 3)], vec![]));
    }

    #[test]
    fn what_is_skipped_is_not_lost_whichever_is_told_first() {
        let mut first = tally(0, &[1, 2]);
        first.skip((3, 6));
        assert!(first.record(8));
        let mut later = tally(0, &[1, 2, 8]);
        later.skip((3, 6));
        let (first, later) = (first.seal(), later.seal());
        assert_eq!(first, later);
        assert_eq!((first.skipped, first.lost), (vec![(3, 6)], vec![(7, 7)]));
    }

    #[test]
    fn what_was_dropped_at_the_end_is_lost() {
        let mut tally = tally(0, &[1, 2]);
        tally.lose_until(5);
        let summary = tally.seal();
        assert_eq!((summary.last, summary.lost), (5, vec![(3, 5)]));
    }

    #[test]
    fn ranges_are_counted_and_subtracted() {
        assert_eq!(count(&[(1, 3), (7, 7)]), 4);
        assert_eq!(difference(&[(1, 10)], &[(2, 3), (9, 12)]), [(1, 1), (4, 8)]);
        assert_eq!(difference(&[(1, 2), (5, 6)], &[(1, 2)]), [(5, 6)]);
        assert_eq!(difference(&[(1, 4), (6, 9)], &[(3, 7), (9, 9)]), [(1, 2), (8, 8)]);
        assert_eq!(difference(&[(5, 9)], &[(1, 2), (4, 5)]), [(6, 9)]);
    }

    #[test]
    fn numbers_at_the_end_of_all_numbers_do_no_harm() {
        let mut tally = NumberTally::new(u64::MAX - 1);
        assert!(tally.record(u64::MAX));
        assert!(!tally.record(u64::MAX));
        tally.skip((u64::MAX, u64::MAX));
        tally.skip((9, 3));
        tally.lose_until(u64::MAX);
        assert_eq!(tally.seal().lost, []);
        let mut tally = NumberTally::new(0);
        tally.lose_until(u64::MAX);
        tally.skip((0, u64::MAX));
        let summary = tally.seal();
        assert_eq!((summary.lost.as_slice(), count(&summary.skipped)), (&[][..], u64::MAX));
    }
}
