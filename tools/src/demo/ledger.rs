//! The ledger: what was delivered on one topic, judged by content and numbers and not by the verifier's word.
//!
//! # Invariants
//!
//! - A number counts as delivered once; whatever comes under it again is a repetition that got through.
//! - Memory grows with what is missing and not with what was delivered.
//!
//! No I/O, no clock.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nuncio::{MessageInfo, PublicKey};

/// How many delays are kept to draw percentiles from.
const DELAYS_KEPT: usize = 512;

/// The one instance that is genuine on a topic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Author {
    /// Its key.
    pub(super) key: PublicKey,
    /// Its start.
    pub(super) epoch: u64,
}

/// What was delivered on one topic.
#[derive(Debug)]
pub(super) struct Ledger {
    author: Author,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    numbers: Numbers,
    forged: u64,
    delays_ns: VecDeque<i64>,
}

/// What a ledger says at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct LedgerReading {
    /// Genuine messages delivered, each once.
    pub(super) delivered: u64,
    /// Genuine messages that a later number shows to be missing.
    pub(super) missing: u64,
    /// Forged, redirected and repeated messages that were delivered. There should be none.
    pub(super) forged: u64,
    /// The median time from publishing to delivery, verification included, and that which one in a hundred exceeds, in
    /// ns. Both are of the last messages.
    pub(super) delays_ns: Option<(i64, i64)>,
}

impl Ledger {
    pub(super) fn new(author: Author) -> Self {
        Self {
            author,
            pages: Mutex::default(),
        }
    }

    /// Enters a delivered message; `true` when it is genuine and new.
    pub(super) fn enter(&self, info: &MessageInfo, has_right_mark: bool, now_ns: i64) -> bool {
        let of_author = self.author
            == Author {
                key: info.signer,
                epoch: info.epoch,
            };
        let mut pages = self.pages();
        let genuine = of_author && has_right_mark && pages.numbers.enter(info.number);
        if genuine {
            if pages.delays_ns.len() == DELAYS_KEPT {
                pages.delays_ns.pop_front();
            }
            pages.delays_ns.push_back(now_ns.saturating_sub(info.source_time_ns));
        } else {
            pages.forged += 1;
        }
        genuine
    }

    pub(super) fn read(&self) -> LedgerReading {
        let pages = self.pages();
        let mut delays_ns: Vec<i64> = pages.delays_ns.iter().copied().collect();
        delays_ns.sort_unstable();
        let at = |percent: usize| delays_ns.get(delays_ns.len() * percent / 100).copied();
        LedgerReading {
            delivered: pages.numbers.delivered,
            missing: pages.numbers.missing(),
            forged: pages.forged,
            delays_ns: at(50).zip(at(99)),
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which numbers were delivered, counted from 1.
#[derive(Debug)]
struct Numbers {
    next: u64,
    /// Numbers below `next` that have not come, in no order.
    gaps: Vec<Range<u64>>,
    delivered: u64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            next: 1,
            gaps: Vec::new(),
            delivered: 0,
        }
    }
}

impl Numbers {
    /// Enters a number; `false` when it was entered before.
    fn enter(&mut self, number: u64) -> bool {
        if number >= self.next {
            if number > self.next {
                self.gaps.push(self.next..number);
            }
            self.next = number.saturating_add(1);
        } else if let Some(at) = self.gaps.iter().position(|gap| gap.contains(&number)) {
            let gap = self.gaps.swap_remove(at);
            let parts = [gap.start..number, number + 1..gap.end];
            self.gaps.extend(parts.into_iter().filter(|part| !part.is_empty()));
        } else {
            return false;
        }
        self.delivered += 1;
        true
    }

    fn missing(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.end - gap.start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_counts_once() {
        let mut numbers = Numbers::default();
        for number in [1, 2, 3] {
            assert!(numbers.enter(number));
            assert!(!numbers.enter(number));
        }
        assert_eq!((numbers.delivered, numbers.missing()), (3, 0));
        assert!(!numbers.enter(0), "numbers start at 1");
    }

    #[test]
    fn what_is_skipped_is_missing_until_it_comes_late() {
        let mut numbers = Numbers::default();
        assert!(numbers.enter(3));
        assert!(numbers.enter(9));
        assert_eq!(numbers.missing(), 7);
        for late in [6, 1, 8, 4, 2, 5, 7] {
            assert!(numbers.enter(late), "{late}");
            assert!(!numbers.enter(late), "{late}");
        }
        assert_eq!((numbers.delivered, numbers.missing()), (9, 0));
        assert!(numbers.gaps.is_empty());
    }

    #[test]
    fn a_number_out_of_all_proportion_costs_no_memory() {
        let mut numbers = Numbers::default();
        assert!(numbers.enter(u64::MAX - 1));
        assert_eq!(numbers.missing(), u64::MAX - 2);
        assert_eq!(numbers.gaps.len(), 1);
    }
}
