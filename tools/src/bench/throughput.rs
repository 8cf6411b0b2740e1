//! Throughput: how many messages of a size arrive in a second, raw and signed in turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio::link::Bytes;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::raw_link::RawPublisher;
use nuncio::{Accompaniment, GenericPublisher, Publisher, QosProfile};
use serde_json::{Value, json};

use super::quantile::{median, percentile, ratio, rounded};
use super::{BenchError, DEADLINE, Load, NearEnd, Settings, Way, bytes_support, failed, in_a_thread, late, parsed};
use crate::answers::bench::ThroughputMeasured;

/// The clock is looked at after so many bytes.
const LOOK_BYTES: usize = 4 << 10;

/// How long each way sends before the first round, until the two ends know each other and all buffers have grown.
const WARM_UP: Duration = Duration::from_millis(100);

/// What was measured of one size.
#[derive(Clone, Debug)]
pub(crate) struct Throughput {
    pub(crate) load: Load,
    pub(crate) link: String,
    pub(crate) raw: Side,
    pub(crate) signed: Side,
}

/// One of the two ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    /// Messages per second of each round, as they arrived.
    rates: Vec<f64>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// What the subscriber's queue had no room for.
    dropped: u64,
    /// What never arrived, by the numbers of what came later.
    missing: u64,
    /// What came after a later one.
    disordered: u64,
}

impl Side {
    /// The median of the rounds.
    pub(crate) fn rate(&self) -> f64 {
        median(&self.rates)
    }

    /// What was sent, neither came nor was dropped at the other end.
    fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.received + self.dropped)
    }
}

impl Throughput {
    /// How many times as fast as its slowest round the fastest raw one was: about 1 when nothing else runs.
    pub(crate) fn unrest(&self) -> f64 {
        let rates = &self.raw.rates;
        ratio(percentile(rates, 100), percentile(rates, 1))
    }

    /// Signed messages for each raw one.
    pub(crate) fn ratio(&self) -> f64 {
        ratio(self.signed.rate(), self.raw.rate())
    }

    /// Everything that was sent arrived, and what was signed in its order.
    ///
    /// # Errors
    ///
    /// [`BenchError::Lost`] when that is not so.
    pub(crate) fn check_nothing_lost(&self) -> Result<(), BenchError> {
        let (raw, signed) = (&self.raw, &self.signed);
        if raw.lost() + signed.lost() + signed.missing + signed.disordered == 0 {
            return Ok(());
        }
        let words = format!(
            "of payloads of {} bytes over {}, {} of {} raw and {} of {} signed ones did not arrive, {} are missing by their \
             numbers and {} came too late",
            self.load.size(),
            self.link,
            raw.lost(),
            raw.sent,
            signed.lost(),
            signed.sent,
            signed.missing,
            signed.disordered,
        );
        Err(BenchError::Lost { words })
    }

    /// The line for scripts.
    pub(crate) fn answer(&self) -> ThroughputMeasured<'_> {
        let rounds = |side: &Side| side.rates.iter().map(|rate| rate.round()).collect::<Vec<_>>();
        ThroughputMeasured {
            case: match self.load {
                Load::Twist => "throughput_typed",
                Load::Bytes(_) => "throughput",
            },
            size: self.load.size(),
            link: &self.link,
            raw: self.raw.rate().round(),
            signed: self.signed.rate().round(),
            ratio: rounded(self.ratio()),
            raw_sent: self.raw.sent,
            raw_received: self.raw.received,
            signed_sent: self.signed.sent,
            signed_received: self.signed.received,
            signed_dropped: self.signed.dropped,
            signed_missing: self.signed.missing,
            signed_disordered: self.signed.disordered,
            raw_rounds: rounds(&self.raw),
            signed_rounds: rounds(&self.signed),
        }
    }
}

/// Measures one load.
pub(crate) async fn measure(near: &mut NearEnd, settings: Settings, load: Load) -> Result<Throughput, BenchError> {
    let speaker = Arc::new(Speaker::new(near, load)?);
    let waiting = Arc::clone(&speaker);
    in_a_thread(move || waiting.wait_for_listeners()).await?;
    for way in Way::BOTH {
        round(near, &speaker, way, WARM_UP).await?;
    }
    let (mut raw, mut signed) = (Side::default(), Side::default());
    for _ in 0..settings.rounds {
        for (way, side) in [(Way::Raw, &mut raw), (Way::Signed, &mut signed)] {
            let round = round(near, &speaker, way, settings.sending).await?;
            side.rates.push(round.rate);
            side.sent += round.sent;
            side.received += round.received;
            side.dropped += round.dropped;
            side.missing = round.missing;
            side.disordered += round.disordered;
        }
    }
    Ok(Throughput {
        load,
        link: near.link().to_owned(),
        raw,
        signed,
    })
}

/// What became of one turn of one way.
struct Round {
    rate: f64,
    sent: u64,
    received: u64,
    dropped: u64,
    missing: u64,
    disordered: u64,
}

async fn round(near: &mut NearEnd, speaker: &Arc<Speaker>, way: Way, time: Duration) -> Result<Round, BenchError> {
    let topic = speaker.load.topic();
    near.ask(&json!({ "way": way.as_str(), "topic": topic })).await?;
    let speaking = Arc::clone(speaker);
    let sent = in_a_thread(move || speaking.send(way, time)).await?;
    let tallied = near
        .ask(&json!({ "way": way.as_str(), "topic": topic, "sent": sent }))
        .await?;
    let number = |name: &str| tallied.get(name).and_then(Value::as_u64).unwrap_or_default();
    Ok(Round {
        rate: ratio(number("timed") as f64 * 1e9, number("elapsed_ns") as f64),
        sent,
        received: number("received"),
        dropped: number("dropped"),
        missing: number("missing"),
        disordered: number("disordered"),
    })
}

/// Publishers of one load, both ways.
struct Speaker {
    load: Load,
    raw: RawPublisher,
    signed: Signed,
    payload: Bytes,
}

enum Signed {
    Twist(Publisher<Twist>),
    Bytes(GenericPublisher),
}

impl Speaker {
    fn new(near: &NearEnd, load: Load) -> Result<Self, BenchError> {
        let doing = "opening a publisher";
        // It waits while the link is congested, whatever that takes.
        let (topic, qos) = (load.topic(), QosProfile::keep_all());
        let signed = match load {
            Load::Twist => near.node.publisher_with(&topic, qos).map(Signed::Twist),
            Load::Bytes(_) => near
                .node
                .generic_publisher(&topic, &bytes_support()?, qos)
                .map(Signed::Bytes),
        };
        Ok(Self {
            load,
            raw: near.raw.publisher(&parsed(&topic)?).map_err(failed(doing))?,
            signed: signed.map_err(failed(doing))?,
            payload: Bytes::from(of_size(load.size())),
        })
    }

    fn wait_for_listeners(&self) -> Result<(), BenchError> {
        let doing = "waiting for the far end";
        let heard = self.raw.wait_for_subscribers(DEADLINE).map_err(failed(doing))?
            && self
                .signed
                .untyped()
                .wait_for_subscribers(DEADLINE)
                .map_err(failed(doing))?;
        if heard {
            Ok(())
        } else {
            Err(late("a subscription of the far end", DEADLINE))
        }
    }

    /// Sends for so long, and says how many.
    fn send(&self, way: Way, time: Duration) -> Result<u64, BenchError> {
        let burst = (LOOK_BYTES / self.load.size()).max(1);
        let start = Instant::now();
        let mut sent = 0;
        loop {
            for _ in 0..burst {
                self.publish(way)?;
                sent += 1;
            }
            if start.elapsed() >= time {
                return Ok(sent);
            }
        }
    }

    fn publish(&self, way: Way) -> Result<(), BenchError> {
        match way {
            Way::Raw => self.raw.put(&self.payload).map_err(failed("putting")),
            Way::Signed => {
                let published = match &self.signed {
                    Signed::Twist(publisher) => publisher.publish(&Twist::default()),
                    Signed::Bytes(publisher) => publisher.publish_bytes(&self.payload, Accompaniment::default()),
                };
                published.map(|_| ()).map_err(failed("publishing"))
            }
        }
    }
}

impl Signed {
    fn untyped(&self) -> &GenericPublisher {
        match self {
            Self::Twist(publisher) => publisher,
            Self::Bytes(publisher) => publisher,
        }
    }
}

/// A payload of so many bytes: a length, and as many bytes as that leaves room for.
fn of_size(size: usize) -> Vec<u8> {
    let mut left = size;
    let mut payload = Vec::with_capacity(size);
    for len_bytes in 1..=5 {
        left = size.saturating_sub(len_bytes);
        if left < 1 << (7 * len_bytes) {
            break;
        }
    }
    let mut len = left;
    while len >= 0x80 {
        payload.push(len as u8 | 0x80);
        len >>= 7;
    }
    payload.push(len as u8);
    payload.resize(payload.len() + left, 0x5a);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{SIZES, bytes_support};

    fn measured(received: u64, disordered: u64) -> Throughput {
        let side = |received| Side {
            rates: vec![10.0],
            sent: 10,
            received,
            ..Side::default()
        };
        Throughput {
            load: Load::Bytes(64),
            link: "tcp".to_owned(),
            raw: side(10),
            signed: Side {
                disordered,
                ..side(received)
            },
        }
    }

    #[test]
    fn whatever_is_lost_or_out_of_order_is_an_error_that_counts_it() {
        assert!(measured(10, 0).check_nothing_lost().is_ok());
        let lost = measured(7, 0).check_nothing_lost().unwrap_err().to_string();
        assert!(lost.contains("3 of 10 signed"), "{lost}");
        let late = measured(10, 2).check_nothing_lost().unwrap_err().to_string();
        assert!(late.contains("2 came too late"), "{late}");
    }

    #[test]
    fn payloads_are_valid_and_have_the_size_that_is_told() {
        let of_type = bytes_support().unwrap().run_time_type().unwrap();
        for size in SIZES.into_iter().chain([1, 2, 128, 130, 16_385]) {
            let payload = of_size(size);
            assert_eq!(payload.len(), size);
            assert!(of_type.to_json(&payload).is_ok(), "{size}");
        }
    }
}
