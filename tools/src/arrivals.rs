//! What the last arrivals on a topic say about its rate, its regularity and its size.
//!
//! This module does no I/O and reads no clock. Memory is bounded by the window and by [`SIGNERS_MAX`].

use std::collections::{BTreeMap, VecDeque};

use nuncio::{NodeName, PublicKey};

/// How many signers are counted apart.
const SIGNERS_MAX: usize = 64;

/// One message that arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Arrival {
    /// When it was received, ns since 1970.
    pub(crate) time_ns: i64,
    /// The bytes of its payload.
    pub(crate) payload_len: usize,
    /// Its share of the bytes that travelled: payload, header and signature.
    pub(crate) wire_len: usize,
    /// How long it was under way, by two clocks.
    pub(crate) delay_ns: i64,
    /// Whether that is since its header's stamp, or else since it was published.
    pub(crate) is_since_header: bool,
}

/// The last arrivals on one topic.
#[derive(Debug)]
pub(crate) struct Arrivals {
    window: usize,
    last: VecDeque<Arrival>,
    total: u64,
    missing: u64,
    signers: BTreeMap<(PublicKey, NodeName), OfSigner>,
}

/// What is counted for one signer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct OfSigner {
    /// Messages that arrived.
    pub(crate) total: u64,
    /// Messages that it numbered and that had not arrived when a later one did.
    pub(crate) missing: u64,
}

/// Rate and regularity over the window, in seconds and 1/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rhythm {
    pub(crate) rate: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) std_dev: f64,
}

/// How long messages were under way, over the window, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Delay {
    pub(crate) mean: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) std_dev: f64,
    /// Whether it is since the stamps of headers; `None` when that is so for some of them only.
    pub(crate) is_since_header: Option<bool>,
}

/// Size and throughput over the window, in bytes and bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Volume {
    pub(crate) payload_rate: f64,
    pub(crate) wire_rate: f64,
    pub(crate) mean: f64,
    pub(crate) min: usize,
    pub(crate) max: usize,
}

impl Arrivals {
    /// Looks at the last `window` messages, at least two.
    pub(crate) fn new(window: usize) -> Self {
        Self {
            window: window.max(2),
            last: VecDeque::new(),
            total: 0,
            missing: 0,
            signers: BTreeMap::new(),
        }
    }

    /// Counts one message of `signer`, before which `missing` others had not arrived.
    pub(crate) fn add(&mut self, arrival: Arrival, signer: (PublicKey, NodeName), missing: u64) {
        if self.last.len() >= self.window {
            self.last.pop_front();
        }
        self.last.push_back(arrival);
        self.total += 1;
        self.missing += missing;
        if self.signers.len() < SIGNERS_MAX || self.signers.contains_key(&signer) {
            let counted = self.signers.entry(signer).or_default();
            counted.total += 1;
            counted.missing += missing;
        }
    }

    /// Messages since the beginning.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Messages that were numbered and have not arrived in order, since the beginning.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }

    /// Messages that are looked at now.
    pub(crate) fn window(&self) -> usize {
        self.last.len()
    }

    /// What was counted for each signer.
    pub(crate) fn signers(&self) -> impl Iterator<Item = (&PublicKey, &NodeName, OfSigner)> {
        self.signers.iter().map(|((key, node), counted)| (key, node, *counted))
    }

    /// Rate and regularity; `None` before the second message.
    pub(crate) fn rhythm(&self) -> Option<Rhythm> {
        let gaps = || {
            let pairs = self.last.iter().zip(self.last.iter().skip(1));
            pairs.map(|(earlier, later)| later.time_ns.saturating_sub(earlier.time_ns) as f64 / 1e9)
        };
        let count = self.last.len().checked_sub(1).filter(|count| *count > 0)? as f64;
        let mean = gaps().sum::<f64>() / count;
        let variance = gaps().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        Some(Rhythm {
            rate: if mean > 0.0 { 1.0 / mean } else { 0.0 },
            min: gaps().fold(f64::INFINITY, f64::min),
            max: gaps().fold(f64::NEG_INFINITY, f64::max),
            std_dev: variance.sqrt(),
        })
    }

    /// How long the messages were under way; `None` before the first message.
    pub(crate) fn delay(&self) -> Option<Delay> {
        let first = self.last.front()?;
        let delays = || self.last.iter().map(|arrival| arrival.delay_ns as f64 / 1e9);
        let count = self.last.len() as f64;
        let mean = delays().sum::<f64>() / count;
        let variance = delays().map(|delay| (delay - mean).powi(2)).sum::<f64>() / count;
        let is_same = |arrival: &Arrival| arrival.is_since_header == first.is_since_header;
        Some(Delay {
            mean,
            min: delays().fold(f64::INFINITY, f64::min),
            max: delays().fold(f64::NEG_INFINITY, f64::max),
            std_dev: variance.sqrt(),
            is_since_header: self.last.iter().all(is_same).then_some(first.is_since_header),
        })
    }

    /// Size and throughput up to `now_ns`; `None` before the first message.
    pub(crate) fn volume(&self, now_ns: i64) -> Option<Volume> {
        let first = self.last.front()?;
        let seconds = now_ns.saturating_sub(first.time_ns).max(1) as f64 / 1e9;
        let sum = |len: fn(&Arrival) -> usize| self.last.iter().map(len).sum::<usize>() as f64;
        let payload = sum(|arrival| arrival.payload_len);
        let lens = || self.last.iter().map(|arrival| arrival.payload_len);
        Some(Volume {
            payload_rate: payload / seconds,
            wire_rate: sum(|arrival| arrival.wire_len) / seconds,
            mean: payload / self.last.len() as f64,
            min: lens().min()?,
            max: lens().max()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(seed: u8) -> (PublicKey, NodeName) {
        (PublicKey::from_bytes([seed; 32]), NodeName::parse("/talker").unwrap())
    }

    fn at(ms: i64, len: usize) -> Arrival {
        Arrival {
            time_ns: ms * 1_000_000,
            payload_len: len,
            wire_len: len + 100,
            delay_ns: ms * 1000,
            is_since_header: false,
        }
    }

    fn arrivals(window: usize, times_ms: &[i64]) -> Arrivals {
        let mut arrivals = Arrivals::new(window);
        for ms in times_ms {
            arrivals.add(at(*ms, 50), signer(1), 0);
        }
        arrivals
    }

    #[test]
    fn one_message_has_no_rate() {
        assert_eq!(arrivals(10, &[]).rhythm(), None);
        assert_eq!(arrivals(10, &[5]).rhythm(), None);
    }

    #[test]
    fn the_rhythm_is_that_of_the_gaps() {
        let rhythm = arrivals(10, &[0, 100, 200, 400]).rhythm().unwrap();
        assert!((rhythm.rate - 7.5).abs() < 1e-9, "{rhythm:?}");
        assert!(
            (rhythm.min - 0.1).abs() < 1e-9 && (rhythm.max - 0.2).abs() < 1e-9,
            "{rhythm:?}"
        );
        assert!(
            (rhythm.std_dev - (2.0_f64 / 900.0).sqrt() / 1.0).abs() < 1e-3,
            "{rhythm:?}"
        );
    }

    #[test]
    fn the_delay_is_that_of_the_window_and_says_since_when() {
        let mut arrivals = arrivals(2, &[900, 1, 3]);
        let delay = arrivals.delay().unwrap();
        assert!(
            (delay.mean - 2e-6).abs() < 1e-12 && (delay.std_dev - 1e-6).abs() < 1e-12,
            "{delay:?}"
        );
        assert!(
            (delay.min - 1e-6).abs() < 1e-12 && (delay.max - 3e-6).abs() < 1e-12,
            "{delay:?}"
        );
        assert_eq!(delay.is_since_header, Some(false));
        let since_header = Arrival {
            is_since_header: true,
            ..at(1, 1)
        };
        arrivals.add(since_header, signer(1), 0);
        assert_eq!(arrivals.delay().unwrap().is_since_header, None);
        assert_eq!(Arrivals::new(2).delay(), None);
    }

    #[test]
    fn messages_of_one_frame_have_no_endless_rate() {
        let rhythm = arrivals(10, &[7, 7, 7]).rhythm().unwrap();
        assert_eq!((rhythm.rate, rhythm.min, rhythm.max), (0.0, 0.0, 0.0));
    }

    #[test]
    fn only_the_window_is_looked_at() {
        let arrivals = arrivals(2, &[0, 1000, 1100]);
        assert_eq!((arrivals.window(), arrivals.total()), (2, 3));
        assert!((arrivals.rhythm().unwrap().rate - 10.0).abs() < 1e-9);
    }

    #[test]
    fn volume_counts_payloads_and_what_travelled() {
        let mut arrivals = Arrivals::new(10);
        arrivals.add(at(0, 100), signer(1), 0);
        arrivals.add(at(500, 300), signer(1), 0);
        let volume = arrivals.volume(2_000_000_000).unwrap();
        assert_eq!((volume.payload_rate, volume.wire_rate), (200.0, 300.0));
        assert_eq!((volume.mean, volume.min, volume.max), (200.0, 100, 300));
    }

    #[test]
    fn loss_is_counted_per_signer_and_memory_is_bounded() {
        let mut arrivals = Arrivals::new(10);
        for seed in 0..=255 {
            arrivals.add(at(0, 1), signer(seed), u64::from(seed));
        }
        assert_eq!(arrivals.signers().count(), SIGNERS_MAX);
        assert_eq!(arrivals.missing(), (0..=255).sum::<u64>());
        let (_, _, third) = arrivals.signers().nth(2).unwrap();
        assert_eq!(third, OfSigner { total: 1, missing: 2 });
    }
}
