//! The terms of a subscription, and what comes of several subscriptions of one client to one topic. Pure.

use std::time::{Duration, Instant};

/// How messages are written for a client; the later ones win where subscriptions differ.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Compression {
    /// JSON.
    #[default]
    None,
    /// JSON as the pixels of a PNG.
    Png,
    /// CBOR, lists of numbers as typed arrays.
    Cbor,
    /// CDR inside of CBOR.
    CborRaw,
}

impl Compression {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "none" | "" => Some(Self::None),
            "png" => Some(Self::Png),
            "cbor" => Some(Self::Cbor),
            "cbor-raw" => Some(Self::CborRaw),
            _ => None,
        }
    }
}

/// What a client wants of a topic.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Terms {
    /// The shortest time between two messages.
    pub(super) throttle_rate: Duration,
    /// How many messages wait because of that; with 0, those that come too early are left out.
    pub(super) queue_length: usize,
    /// The length of JSON, in bytes, beyond which it is cut into fragments.
    pub(super) fragment_size: Option<usize>,
    pub(super) compression: Compression,
    /// Whether `signed_by` stands beside `msg`.
    pub(super) signed_by: bool,
}

impl Terms {
    /// The terms that do for all of them: the shortest time, the smallest fragments, the longest queue.
    pub(super) fn merged(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|one, other| Self {
            throttle_rate: one.throttle_rate.min(other.throttle_rate),
            queue_length: one.queue_length.max(other.queue_length),
            fragment_size: match (one.fragment_size, other.fragment_size) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            compression: one.compression.max(other.compression),
            signed_by: one.signed_by || other.signed_by,
        })
    }

    /// Whether messages that come early wait for their turn.
    pub(super) fn waits(&self) -> bool {
        self.queue_length > 0 && self.throttle_rate > Duration::ZERO
    }
}

/// Lets one message pass in so much time.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    last: Option<Instant>,
}

impl Throttle {
    /// When the next message may pass; `None`: now.
    pub(super) fn due(&self, rate: Duration, now: Instant) -> Option<Instant> {
        self.last?.checked_add(rate).filter(|next| *next > now)
    }

    /// One has passed.
    pub(super) fn passed(&mut self, now: Instant) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn several_subscriptions_get_the_best_of_each() {
        let slow = Terms {
            throttle_rate: Duration::from_millis(500),
            queue_length: 1,
            fragment_size: Some(1000),
            ..Terms::default()
        };
        let quick = Terms {
            throttle_rate: Duration::from_millis(10),
            queue_length: 7,
            compression: Compression::Cbor,
            ..Terms::default()
        };
        let merged = Terms::merged([slow, quick]).unwrap();
        assert_eq!(
            Terms::merged([quick, slow]),
            Some(merged),
            "in whichever order they come"
        );
        let expected = Terms {
            throttle_rate: Duration::from_millis(10),
            queue_length: 7,
            fragment_size: Some(1000),
            compression: Compression::Cbor,
            signed_by: false,
        };
        assert_eq!(merged, expected);
        assert_eq!(Terms::merged([]), None);
        let small = Terms {
            fragment_size: Some(10),
            ..slow
        };
        assert_eq!(Terms::merged([slow, small]).unwrap().fragment_size, Some(10));
    }

    #[test]
    fn one_message_passes_in_so_much_time() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let rate = Duration::from_millis(100);
        assert_eq!(throttle.due(rate, start), None);
        throttle.passed(start);
        let early = start + Duration::from_millis(40);
        assert_eq!(throttle.due(rate, early), Some(start + rate));
        assert_eq!(throttle.due(Duration::from_millis(40), early), None);
        assert_eq!(throttle.due(rate, start + rate), None);
    }
}
