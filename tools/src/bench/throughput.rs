//! Throughput: how many messages of a size arrive in a second, raw and signed in turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio::link::Bytes;
use nuncio::raw_link::RawPublisher;
use nuncio::{Accompaniment, GenericPublisher, TypeSupport};
use serde_json::{Value, json};

use super::quantile::{median, ratio, rounded};
use super::{BenchError, DEADLINE, NearEnd, Settings, Way, failed, in_a_thread, late, parsed, roomy, topic};

/// The type of the bytes. They are published as they are, and not decoded: neither does raw Zenoh.
const TYPE_NAME: &str = "bench_msgs/msg/Bytes";
const TYPE_TEXT: &str = "uint8[] data\n";

/// The clock is looked at after so many bytes.
const LOOK_BYTES: usize = 4 << 10;

/// How many messages go before the first round, so that the two ends know each other.
const WARM_UP: u64 = 50;

/// What was measured of one size.
#[derive(Clone, Debug)]
pub(crate) struct Throughput {
    pub(crate) size: usize,
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
}

impl Side {
    /// The median of the rounds.
    pub(crate) fn rate(&self) -> f64 {
        median(&self.rates)
    }
}

impl Throughput {
    /// Signed messages for each raw one.
    pub(crate) fn ratio(&self) -> f64 {
        ratio(self.signed.rate(), self.raw.rate())
    }

    /// The line for scripts.
    pub(crate) fn json(&self) -> Value {
        let rounds = |side: &Side| side.rates.iter().map(|rate| rate.round()).collect::<Vec<_>>();
        json!({
            "case": "throughput",
            "size": self.size,
            "link": self.link,
            "raw": self.raw.rate().round(),
            "signed": self.signed.rate().round(),
            "ratio": rounded(self.ratio()),
            "raw_sent": self.raw.sent,
            "raw_received": self.raw.received,
            "signed_sent": self.signed.sent,
            "signed_received": self.signed.received,
            "signed_dropped": self.signed.dropped,
            "raw_rounds": rounds(&self.raw),
            "signed_rounds": rounds(&self.signed),
        })
    }
}

/// Measures one size.
pub(crate) async fn measure(near: &mut NearEnd, settings: Settings, size: usize) -> Result<Throughput, BenchError> {
    let speaker = Arc::new(Speaker::new(near, size)?);
    let waiting = Arc::clone(&speaker);
    in_a_thread(move || waiting.wait_for_listeners()).await?;
    for way in Way::BOTH {
        round(near, &speaker, way, Length::Messages(WARM_UP)).await?;
    }
    let (mut raw, mut signed) = (Side::default(), Side::default());
    for _ in 0..settings.rounds {
        for (way, side) in [(Way::Raw, &mut raw), (Way::Signed, &mut signed)] {
            let round = round(near, &speaker, way, Length::Time(settings.sending)).await?;
            side.rates.push(round.rate);
            side.sent += round.sent;
            side.received += round.received;
            side.dropped += round.dropped;
        }
    }
    Ok(Throughput {
        size,
        link: near.link().to_owned(),
        raw,
        signed,
    })
}

/// When a round ends.
#[derive(Clone, Copy, Debug)]
enum Length {
    Messages(u64),
    Time(Duration),
}

struct Round {
    rate: f64,
    sent: u64,
    received: u64,
    dropped: u64,
}

async fn round(near: &mut NearEnd, speaker: &Arc<Speaker>, way: Way, length: Length) -> Result<Round, BenchError> {
    let size = speaker.payload.len();
    near.ask(&json!({ "way": way.as_str(), "size": size })).await?;
    let speaking = Arc::clone(speaker);
    let sent = in_a_thread(move || speaking.send(way, length)).await?;
    let tallied = near
        .ask(&json!({ "way": way.as_str(), "size": size, "sent": sent }))
        .await?;
    let number = |name: &str| tallied.get(name).and_then(Value::as_u64).unwrap_or_default();
    Ok(Round {
        rate: ratio(number("timed") as f64 * 1e9, number("elapsed_ns") as f64),
        sent,
        received: number("received"),
        dropped: number("dropped"),
    })
}

/// Publishers of one size, both ways.
struct Speaker {
    raw: RawPublisher,
    signed: GenericPublisher,
    shared: Bytes,
    payload: Vec<u8>,
}

impl Speaker {
    fn new(near: &NearEnd, size: usize) -> Result<Self, BenchError> {
        let doing = "opening a publisher";
        let of = TypeSupport::compile(TYPE_NAME, &[(TYPE_NAME, TYPE_TEXT)]).map_err(failed(doing))?;
        let payload = vec![0x5a; size];
        Ok(Self {
            raw: near.raw.publisher(&parsed(&topic(size))?).map_err(failed(doing))?,
            signed: near
                .node
                .generic_publisher(&topic(size), &of, roomy(size))
                .map_err(failed(doing))?,
            shared: Bytes::from(payload.clone()),
            payload,
        })
    }

    fn wait_for_listeners(&self) -> Result<(), BenchError> {
        let doing = "waiting for the far end";
        let heard = self.raw.wait_for_subscribers(DEADLINE).map_err(failed(doing))?
            && self.signed.wait_for_subscribers(DEADLINE).map_err(failed(doing))?;
        if heard {
            Ok(())
        } else {
            Err(late("a subscription of the far end"))
        }
    }

    /// Sends until it is enough, and says how many.
    fn send(&self, way: Way, length: Length) -> Result<u64, BenchError> {
        let burst = (LOOK_BYTES / self.payload.len().max(1)).max(1);
        let start = Instant::now();
        let mut sent = 0;
        loop {
            for _ in 0..burst {
                self.publish(way)?;
                sent += 1;
            }
            let enough = match length {
                Length::Messages(n) => sent >= n,
                Length::Time(time) => start.elapsed() >= time,
            };
            if enough {
                return Ok(sent);
            }
        }
    }

    fn publish(&self, way: Way) -> Result<(), BenchError> {
        match way {
            Way::Raw => self.raw.put(&self.shared).map_err(failed("putting")),
            Way::Signed => self
                .signed
                .publish(&self.payload, Accompaniment::default())
                .map(|_| ())
                .map_err(failed("publishing")),
        }
    }
}
