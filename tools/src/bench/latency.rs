//! Latency: round trips of a Twist, one every millisecond, raw and signed in turns, and where the time of the signed ones
//! goes.
//!
//! Both far ends answer from within the thread that received, and both near ends wake up the thread that waits.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nuncio::link::Bytes;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::raw_link::{RawPublisher, RawSubscriber};
use nuncio::{Callback, Publisher, QosProfile, Received, clock};

use super::cost::Costs;
use super::quantile::{median, percentile, ratio, rounded};
use super::{BenchError, DEADLINE, NearEnd, PING, PONG, Settings, Way, failed, in_a_thread, late, parsed};
use crate::answers::bench::{LatencyMeasured, StepMeasured};

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
    /// Of each signed trip: from the arrival of the bytes to the callback, both ways together, in µs.
    verified: Vec<f64>,
    /// Of each signed trip: how long the waiting thread took to wake up when the pong was there, in µs.
    wake_ups: Vec<f64>,
}

/// The round trips of one way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trips {
    us: Vec<f64>,
    /// How long publishing alone took, until it returned.
    calls: Vec<f64>,
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
    /// What the same takes in a loop that does nothing else.
    pub(crate) warm_us: Option<f64>,
}

impl Step {
    /// The line for scripts.
    pub(crate) fn answer(&self) -> StepMeasured {
        StepMeasured {
            case: "round_trip",
            step: self.step,
            us: rounded(self.us),
            warm_us: self.warm_us.map(rounded),
        }
    }
}

impl Latency {
    fn new(link: &str) -> Self {
        Self {
            link: link.to_owned(),
            raw: Trips::default(),
            signed: Trips::default(),
            verified: Vec::new(),
            wake_ups: Vec::new(),
        }
    }

    /// Signed for raw, by their medians.
    pub(crate) fn ratio(&self) -> f64 {
        ratio(self.signed.percentile(50), self.raw.percentile(50))
    }

    /// The line for scripts.
    pub(crate) fn answer(&self) -> LatencyMeasured<'_> {
        LatencyMeasured {
            case: "latency",
            size: SIZE,
            link: &self.link,
            raw_p50_us: rounded(self.raw.percentile(50)),
            signed_p50_us: rounded(self.signed.percentile(50)),
            ratio: rounded(self.ratio()),
            raw_p99_us: rounded(self.raw.percentile(99)),
            signed_p99_us: rounded(self.signed.percentile(99)),
            raw_received: self.raw.us.len(),
            signed_received: self.signed.us.len(),
            raw_lost: self.raw.lost,
            signed_lost: self.signed.lost,
        }
    }

    /// The steps of the median round trip, as they were on the way: after a pause of a millisecond caches are cold, and what
    /// takes so long in a warm loop takes longer.
    pub(crate) fn steps(&self, costs: &Costs) -> [Step; 4] {
        let sign = 2.0 * (median(&self.signed.calls) - median(&self.raw.calls)).max(0.0);
        let (verify, wake_up) = (median(&self.verified), median(&self.wake_ups));
        let link = (self.signed.percentile(50) - sign - verify - wake_up).max(0.0);
        let warm_sign = 2.0 * (costs.encode + costs.frame + costs.sign);
        let warm_verify = 2.0 * (costs.checks + costs.verify + costs.decode);
        let step = |step, us, warm_us, meaning| Step {
            step,
            meaning,
            us,
            warm_us,
        };
        [
            step("sign", sign, Some(warm_sign), "encode, frame and sign, twice"),
            step("link", link, None, "Zenoh and the system, there and back: what is left"),
            step(
                "verify",
                verify,
                Some(warm_verify),
                "trust, replay, verify and decode, twice",
            ),
            step("wake_up", wake_up, None, "the thread that waits for the pong wakes up"),
        ]
    }
}

/// Measures it.
pub(crate) async fn measure(near: &mut NearEnd, settings: Settings) -> Result<Latency, BenchError> {
    let pinger = Arc::new(Pinger::new(near)?);
    let waiting = Arc::clone(&pinger);
    in_a_thread(move || waiting.wait_for_listeners()).await?;
    let link = near.link().to_owned();
    in_a_thread(move || {
        let mut latency = Latency::new(&link);
        for way in Way::BOTH {
            pinger.turn(way, WARM_UP, &mut latency)?;
        }
        latency = Latency::new(&link);
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
    pongs: Mutex<Receiver<(Instant, Received<Twist>, f64)>>,
    _subscriber: Callback,
}

impl Pinger {
    fn new(near: &NearEnd) -> Result<Self, BenchError> {
        let (publishing, subscribing) = ("opening a publisher", "subscribing");
        let (sender, raw_pongs) = channel();
        let raw_subscriber = near.raw.subscribe(&parsed(PONG)?, move |bytes| {
            // Nobody waits for it after the last turn.
            let _ = sender.send(bytes.contiguous());
        });
        let pongs_heard = near.node.subscriber::<Twist>(PONG).map_err(failed(subscribing))?;
        let (sender, pongs) = channel();
        let subscriber = pongs_heard.on_message_in_place(move |pong| {
            let verified_us = micros_between(pong.info.received_time_ns, clock::now_ns());
            let _ = sender.send((Instant::now(), pong, verified_us));
        });
        Ok(Self {
            raw: near.raw.publisher(&parsed(PING)?).map_err(failed(publishing))?,
            raw_pongs: Mutex::new(raw_pongs),
            _raw_subscriber: raw_subscriber.map_err(failed(subscribing))?,
            signed: near
                .node
                .publisher_with(PING, QosProfile::commands())
                .map_err(failed(publishing))?,
            pongs: Mutex::new(pongs),
            _subscriber: subscriber,
        })
    }

    fn wait_for_listeners(&self) -> Result<(), BenchError> {
        let doing = "waiting for the far end";
        let heard = self.raw.wait_for_subscribers(DEADLINE).map_err(failed(doing))?
            && self.signed.wait_for_subscribers(DEADLINE).map_err(failed(doing))?;
        if heard {
            Ok(())
        } else {
            Err(late("a subscription of the far end", DEADLINE))
        }
    }

    /// Round trips one after the other, each at its time; one that took longer than the period delays the next.
    fn turn(&self, way: Way, trips: u32, latency: &mut Latency) -> Result<(), BenchError> {
        let mut due = Instant::now();
        for number in 0..trips {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due = Instant::now().max(due) + PERIOD;
            match way {
                Way::Raw => self.raw_trip(number, latency)?,
                Way::Signed => self.signed_trip(number, latency)?,
            }
        }
        Ok(())
    }

    fn raw_trip(&self, number: u32, latency: &mut Latency) -> Result<(), BenchError> {
        let mut ping = vec![0; SIZE];
        ping.iter_mut()
            .zip(number.to_le_bytes())
            .for_each(|(place, byte)| *place = byte);
        let pongs = self.raw_pongs.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        self.raw.put(&Bytes::from(ping)).map_err(failed("putting"))?;
        let call = start.elapsed();
        while let Ok(pong) = pongs.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
            let woken = Instant::now();
            if pong.as_slice().starts_with(&number.to_le_bytes()) {
                latency.raw.us.push(micros(woken - start));
                latency.raw.calls.push(micros(call));
                return Ok(());
            }
        }
        latency.raw.lost += 1;
        Ok(())
    }

    fn signed_trip(&self, number: u32, latency: &mut Latency) -> Result<(), BenchError> {
        let mut ping = Twist::default();
        ping.linear.x = f64::from(number);
        let pongs = self.pongs.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        self.signed.publish(&ping).map_err(failed("publishing"))?;
        let call = start.elapsed();
        while let Ok((called, pong, back_us)) = pongs.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
            let woken = Instant::now();
            if pong.message.linear.x == ping.linear.x {
                latency.signed.us.push(micros(woken - start));
                latency.signed.calls.push(micros(call));
                latency.verified.push(pong.message.linear.y + back_us);
                latency.wake_ups.push(micros(woken - called));
                return Ok(());
            }
        }
        latency.signed.lost += 1;
        Ok(())
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// From one reading of the clock that all processes have to another, in µs.
pub(super) fn micros_between(from_ns: i64, to_ns: i64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs() -> Costs {
        Costs {
            encode: 1.0,
            frame: 2.0,
            sign: 18.0,
            verify: 36.0,
            checks: 3.0,
            decode: 1.0,
            hash_kib: 0.3,
            sign_after_pause: 25.0,
            verify_after_pause: 50.0,
        }
    }

    fn latency(verified: f64) -> Latency {
        let trips = |us, call| Trips {
            us: vec![us],
            calls: vec![call],
            lost: 0,
        };
        Latency {
            raw: trips(100.0, 10.0),
            signed: trips(300.0, 40.0),
            verified: vec![verified],
            wake_ups: vec![15.0],
            ..Latency::new("tcp")
        }
    }

    #[test]
    fn the_steps_add_up_to_the_median_round_trip() {
        let steps = latency(100.0).steps(&costs());
        let us = |name| steps.iter().find(|step| step.step == name).map(|step| step.us);
        assert_eq!(
            ["sign", "link", "verify", "wake_up"].map(us),
            [60.0, 125.0, 100.0, 15.0].map(Some)
        );
        assert_eq!(steps.iter().map(|step| step.us).sum::<f64>(), 300.0);
    }

    #[test]
    fn no_step_takes_less_than_nothing() {
        let steps = latency(5.0).steps(&costs());
        assert!(steps.iter().all(|step| step.us >= 0.0), "{steps:?}");
    }
}
