//! Signs of life: when a publisher last showed that it is there. They are noted where messages pass, and read by the
//! [watch](crate::watch).
//!
//! # Invariants
//!
//! - Where nobody watches, noting is one load, and no clock is read; otherwise it is one exchange more.
//! - Whoever notes the first sign after the watch has given a publisher up is told so, whatever happens at the same moment.
//!
//! Times here count from the start of the program and never go back; the wall clock may.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The watch has given up: whoever notes the next sign has to tell it.
const GIVEN_UP: u64 = 1 << 63;
/// Nobody watches.
const UNWATCHED: u64 = 0;

/// Nanoseconds since the first time that somebody asked; never [`UNWATCHED`].
pub(crate) fn ticks() -> u64 {
    (nanoseconds(START.elapsed()) + 1) & !GIVEN_UP
}

/// When it is so late.
pub(crate) fn instant_of(ticks: u64) -> Instant {
    *START + Duration::from_nanos(ticks & !GIVEN_UP)
}

/// A duration in ticks. Centuries are cut to what fits.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos())
        .unwrap_or(u64::MAX)
        .min(GIVEN_UP >> 1)
}

/// The signs of one publisher: its messages, and what else was said of it.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    message: Sign,
    assertion: Sign,
}

#[derive(Debug, Default)]
struct Sign(AtomicU64);

impl Signs {
    /// Watches from now on, unless that is done already. A publisher that does not count as alive is one that was given up.
    pub(crate) fn begin(&self, alive: bool) {
        let begin = ticks() | if alive { 0 } else { GIVEN_UP };
        for sign in [&self.message, &self.assertion] {
            let _ = sign
                .0
                .compare_exchange(UNWATCHED, begin, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Watches no longer.
    pub(crate) fn end(&self) {
        for sign in [&self.message, &self.assertion] {
            sign.0.store(UNWATCHED, Ordering::Release);
        }
    }

    /// A message passes. `true` when the watch has to be told.
    pub(crate) fn message(&self) -> bool {
        self.message.note()
    }

    /// It was said that the publisher is alive. `true` when the watch has to be told.
    pub(crate) fn assertion(&self) -> bool {
        self.assertion.note()
    }

    /// When the last message passed, or when the watch began.
    pub(crate) fn last_message(&self) -> u64 {
        self.message.last()
    }

    /// When the last sign of any kind was noted, or when the watch began.
    pub(crate) fn last(&self) -> u64 {
        self.message.last().max(self.assertion.last())
    }

    /// Gives the publisher up if there was no sign for `lease`. Otherwise says when to look again.
    pub(crate) fn give_up(&self, lease: u64, now: u64) -> Result<(), u64> {
        let signs = [&self.message, &self.assertion];
        let seen = signs.map(|sign| sign.0.load(Ordering::Acquire));
        let ends = seen.map(|seen| seen & !GIVEN_UP).into_iter().max().unwrap_or_default() + lease;
        if ends > now {
            return Err(ends);
        }
        let given_up = signs.iter().zip(seen).all(|(sign, seen)| {
            let exchanged = sign
                .0
                .compare_exchange(seen, seen | GIVEN_UP, Ordering::AcqRel, Ordering::Relaxed);
            exchanged.is_ok()
        });
        // A sign has come this very moment.
        if given_up { Ok(()) } else { Err(now + lease) }
    }
}

impl Sign {
    fn note(&self) -> bool {
        if self.0.load(Ordering::Relaxed) == UNWATCHED {
            return false;
        }
        self.0.swap(ticks(), Ordering::AcqRel) & GIVEN_UP != 0
    }

    fn last(&self) -> u64 {
        self.0.load(Ordering::Acquire) & !GIVEN_UP
    }
}

/// The wish of whoever publishes that the next statement of the node names its publisher.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    wished: AtomicBool,
    stated: AtomicU64,
}

impl Wish {
    /// `true` when that was not wished before.
    pub(crate) fn wish(&self) -> bool {
        !self.wished.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_wished(&self) -> bool {
        self.wished.load(Ordering::Acquire)
    }

    /// A statement is made now: whether it has to name this publisher.
    pub(crate) fn take(&self, now: u64) -> bool {
        let wished = self.wished.swap(false, Ordering::AcqRel);
        if wished {
            self.stated.store(now, Ordering::Release);
        }
        wished
    }

    /// When a statement last named this publisher.
    pub(crate) fn last_stated(&self) -> u64 {
        self.stated.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_notes_the_first_sign_after_giving_up_is_told_once() {
        let signs = Signs::default();
        assert!(!signs.message() && signs.last() == 0, "nobody watches yet");
        signs.begin(true);
        assert!(!signs.message());
        let last = signs.last();
        assert_eq!(signs.give_up(1_000, last + 999), Err(last + 1_000));
        assert_eq!(signs.give_up(1_000, last + 1_000), Ok(()));
        assert_eq!(signs.last(), last, "when it was is known all the same");
        assert!(signs.message());
        assert!(!signs.message());
    }

    #[test]
    fn an_assertion_is_no_message() {
        let signs = Signs::default();
        signs.begin(false);
        let begun = signs.last_message();
        assert!(signs.assertion(), "it did not count as alive");
        assert_eq!(signs.last_message(), begun);
        assert!(signs.last() >= begun);
    }

    #[test]
    fn a_duration_of_centuries_does_not_overflow() {
        let longest = nanoseconds(Duration::MAX);
        assert!(ticks() + longest > ticks());
        let _ = instant_of(ticks() + longest);
    }
}
