//! Latency: round trips of a Twist, one every millisecond, raw and signed in turns, and where the time of the signed ones
//! goes.
//!
//! Raw Zenoh is at its best here: the far end answers from within the thread that received. A signed message goes to a
//! callback in a thread of its own, as an application would have it.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nuncio::link::Bytes;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::raw_link::{RawPublisher, RawSubscriber};
use nuncio::{Publisher, Subscriber, clock};
use serde_json::{Value, json};

use super::cost::Costs;
use super::quantile::{median, percentile, ratio, rounded};
use super::{BenchError, DEADLINE, NearEnd, PING, PONG, Settings, Way, failed, in_a_thread, late, parsed};

/// The bytes of a Twist.
const SIZE: usize = 48;

/// From one ping to the next.
const PERIOD: Duration = Duration::from_millis(1);

/// How long a pong may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Round trips before the first turn.
const WARM_UP: u32 = 100;

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    pub(crate) link: String,
    pub(crate) raw: Trips,
    pub(crate) signed: Trips,
    /// Of each signed one: from the thread that received to the application, both ways together, in µs.
    handed_over: Vec<f64>,
}

/// The round trips of one way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trips {
    us: Vec<f64>,
    pub(crate) lost: u32,
}

impl Trips {
    /// A percentile in µs.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.us, percent)
    }
}

/// A step of the median signed round trip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// The name for scripts.
    pub(crate) step: &'static str,
    /// What it is, for people.
    pub(crate) meaning: &'static str,
    pub(crate) us: f64,
}

impl Step {
    /// The line for scripts.
    pub(crate) fn json(&self) -> Value {
        json!({ "case": "round_trip", "step": self.step, "us": rounded(self.us) })
    }
}

impl Latency {
    /// Signed for raw, by their medians.
    pub(crate) fn ratio(&self) -> f64 {
        ratio(self.signed.percentile(50), self.raw.percentile(50))
    }

    /// The line for scripts.
    pub(crate) fn json(&self) -> Value {
        json!({
            "case": "latency",
            "size": SIZE,
            "link": self.link,
            "raw_p50_us": rounded(self.raw.percentile(50)),
            "signed_p50_us": rounded(self.signed.percentile(50)),
            "ratio": rounded(self.ratio()),
            "raw_p99_us": rounded(self.raw.percentile(99)),
            "signed_p99_us": rounded(self.signed.percentile(99)),
            "raw_received": self.raw.us.len(),
            "signed_received": self.signed.us.len(),
            "raw_lost": self.raw.lost,
            "signed_lost": self.signed.lost,
        })
    }

    /// The steps of the median round trip. What the leaves cost is taken from warm loops; what they take beyond that
    /// after a pause, with cold caches, is part of the link and the wake-ups here.
    pub(crate) fn steps(&self, costs: &Costs) -> [Step; 6] {
        let (sign, verify) = (2.0 * costs.sign, 2.0 * costs.verify);
        let encode = 2.0 * (costs.encode + costs.frame);
        let decode = 2.0 * (costs.checks + costs.decode);
        let wake_up = (median(&self.handed_over) - verify - decode).max(0.0);
        let link = (self.signed.percentile(50) - encode - sign - verify - decode - wake_up).max(0.0);
        let step = |step, us, meaning| Step { step, meaning, us };
        [
            step("encode", encode, "encode and frame, twice"),
            step("sign", sign, "sign, twice"),
            step("link", link, "Zenoh and the system, there and back: what is left"),
            step("verify", verify, "verify, twice"),
            step("decode", decode, "trust, replay and decode, twice"),
            step(
                "wake_up",
                wake_up,
                "from the receiving thread to the application, twice",
            ),
        ]
    }
}

/// Measures it.
pub(crate) async fn measure(near: &mut NearEnd, settings: Settings) -> Result<Latency, BenchError> {
    let pinger = Arc::new(Pinger::new(near)?);
    let waiting = Arc::clone(&pinger);
    in_a_thread(move || waiting.wait_for_listeners()).await?;
    let mut latency = Latency {
        link: near.link().to_owned(),
        raw: Trips::default(),
        signed: Trips::default(),
        handed_over: Vec::new(),
    };
    let link = latency.link.clone();
    in_a_thread(move || {
        for way in Way::BOTH {
            pinger.turn(way, WARM_UP, &mut latency)?;
        }
        latency = Latency {
            link,
            raw: Trips::default(),
            signed: Trips::default(),
            handed_over: Vec::new(),
        };
        for _ in 0..settings.rounds {
            for way in Way::BOTH {
                pinger.turn(way, settings.round_trips, &mut latency)?;
            }
        }
        Ok(latency)
    })
    .await
}

/// Both ways to the far end and back.
struct Pinger {
    raw: RawPublisher,
    raw_pongs: Mutex<Receiver<Bytes>>,
    _raw_subscriber: RawSubscriber,
    signed: Publisher<Twist>,
    pongs: Subscriber<Twist>,
}

impl Pinger {
    fn new(near: &NearEnd) -> Result<Self, BenchError> {
        let (publishing, subscribing) = ("opening a publisher", "subscribing");
        let (sender, raw_pongs) = channel();
        let raw_subscriber = near.raw.subscribe(&parsed(PONG)?, move |bytes| {
            // Nobody waits for it after the last turn.
            let _ = sender.send(bytes);
        });
        Ok(Self {
            raw: near.raw.publisher(&parsed(PING)?).map_err(failed(publishing))?,
            raw_pongs: Mutex::new(raw_pongs),
            _raw_subscriber: raw_subscriber.map_err(failed(subscribing))?,
            signed: near.node.publisher(PING).map_err(failed(publishing))?,
            pongs: near.node.subscriber(PONG).map_err(failed(subscribing))?,
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

    /// Round trips one after the other, each at its time; one that took longer than the period delays the next.
    fn turn(&self, way: Way, trips: u32, latency: &mut Latency) -> Result<(), BenchError> {
        let mut due = Instant::now();
        for number in 0..trips {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due = Instant::now().max(due) + PERIOD;
            match way {
                Way::Raw => match self.raw_trip(number)? {
                    Some(us) => latency.raw.us.push(us),
                    None => latency.raw.lost += 1,
                },
                Way::Signed => match self.signed_trip(number)? {
                    Some((us, handed_over)) => {
                        latency.signed.us.push(us);
                        latency.handed_over.push(handed_over);
                    }
                    None => latency.signed.lost += 1,
                },
            }
        }
        Ok(())
    }

    fn raw_trip(&self, number: u32) -> Result<Option<f64>, BenchError> {
        let mut ping = vec![0; SIZE];
        ping.iter_mut()
            .zip(number.to_le_bytes())
            .for_each(|(place, byte)| *place = byte);
        let pongs = self.raw_pongs.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        self.raw.put(&Bytes::from(ping)).map_err(failed("putting"))?;
        while let Ok(pong) = pongs.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
            let us = micros(start.elapsed());
            if pong.as_slice().starts_with(&number.to_le_bytes()) {
                return Ok(Some(us));
            }
        }
        Ok(None)
    }

    fn signed_trip(&self, number: u32) -> Result<Option<(f64, f64)>, BenchError> {
        let mut ping = Twist::default();
        ping.linear.x = f64::from(number);
        let start = Instant::now();
        self.signed.publish(&ping).map_err(failed("publishing"))?;
        while let Ok(pong) = self.pongs.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
            let (us, now_ns) = (micros(start.elapsed()), clock::now_ns());
            let there_us = pong.message.linear.y;
            if pong.message.linear.x == ping.linear.x {
                return Ok(Some((
                    us,
                    there_us + micros_between(pong.info.received_time_ns, now_ns),
                )));
            }
        }
        Ok(None)
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// From one reading of the clock that all processes have to another, in µs.
pub(super) fn micros_between(from_ns: i64, to_ns: i64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / 1e3
}
