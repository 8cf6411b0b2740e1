//! Latency at a rate: a Twist every 100 µs on one topic, from the time at which it was due to its callback at the other end.
//!
//! The schedule does not wait for anything: a message that is published late was due all the same, and the ones behind it
//! are, too, so that a sender that is held up is seen in the numbers of all that it held up.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nuncio::link::Bytes;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::raw_link::RawPublisher;
use nuncio::{Node, Publisher, QosProfile, clock};
use serde_json::{Value, json};

use super::quantile::{median, percentile, rounded};
use super::{BenchError, DEADLINE, NearEnd, RATE, Settings, failed, in_a_thread, late, parsed};
use crate::answers::bench::RateMeasured;

/// The bytes of a Twist.
const SIZE: usize = 48;

/// Messages a second, and the time from one to the next.
const RATE_HZ: u32 = 10_000;
const PERIOD: Duration = Duration::from_micros(100);

/// What of each turn is not counted: what the signing budget has saved up is used up then.
const LEAD: Duration = Duration::from_millis(100);

/// How a message is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sending {
    Raw,
    /// Gathered with others, once the signing budget is used up.
    Default,
    /// Signed at once.
    Commands,
}

impl Sending {
    const ALL: [Self; 3] = [Self::Raw, Self::Default, Self::Commands];
}

/// What was measured with one profile, beside raw puts.
#[derive(Clone, Debug)]
pub(crate) struct AtRate {
    pub(crate) link: String,
    /// The profile of the signed ones.
    pub(crate) qos: &'static str,
    pub(crate) raw: Stream,
    pub(crate) signed: Stream,
}

/// What came of one way of sending. What is told of it are medians of the turns: a turn in which something else kept the
/// machine busy does not decide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    turns: Vec<Turn>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// What came in one turn.
#[derive(Clone, Copy, Debug)]
struct Turn {
    p50_us: f64,
    p99_us: f64,
    signing_percent: f64,
}

impl Stream {
    /// Half of the messages come at most so many µs after they were due.
    pub(crate) fn p50_us(&self) -> f64 {
        self.of(|turn| turn.p50_us)
    }

    /// All but one in a hundred.
    pub(crate) fn p99_us(&self) -> f64 {
        self.of(|turn| turn.p99_us)
    }

    /// How much of a core signatures took.
    pub(crate) fn signing_percent(&self) -> f64 {
        self.of(|turn| turn.signing_percent)
    }

    fn of(&self, what: impl Fn(&Turn) -> f64) -> f64 {
        median(&self.turns.iter().map(what).collect::<Vec<_>>())
    }
}

impl AtRate {
    /// What signing adds to the 99th percentile.
    pub(crate) fn added_p99_us(&self) -> f64 {
        self.signed.p99_us() - self.raw.p99_us()
    }

    /// The line for scripts.
    pub(crate) fn answer(&self) -> RateMeasured<'_> {
        let (raw, signed) = (&self.raw, &self.signed);
        RateMeasured {
            case: "latency_at_rate",
            qos: self.qos,
            size: SIZE,
            rate_hz: RATE_HZ,
            link: &self.link,
            raw_p50_us: rounded(raw.p50_us()),
            raw_p99_us: rounded(raw.p99_us()),
            signed_p50_us: rounded(signed.p50_us()),
            signed_p99_us: rounded(signed.p99_us()),
            added_p50_us: rounded(signed.p50_us() - raw.p50_us()),
            added_p99_us: rounded(self.added_p99_us()),
            signing_percent: rounded(signed.signing_percent()),
            raw_sent: raw.sent,
            raw_received: raw.received,
            signed_sent: signed.sent,
            signed_received: signed.received,
        }
    }
}

/// Measures it, with the default profile and with that of commands.
pub(crate) async fn measure(near: &mut NearEnd, settings: Settings) -> Result<[AtRate; 2], BenchError> {
    let metronome = Arc::new(Metronome::new(near)?);
    let waiting = Arc::clone(&metronome);
    in_a_thread(move || waiting.wait_for_listeners()).await?;
    let mut streams = Sending::ALL.map(|_| Stream::default());
    for _ in 0..settings.rounds {
        for (sending, stream) in Sending::ALL.into_iter().zip(&mut streams) {
            turn(near, &metronome, sending, LEAD + settings.sending, stream).await?;
        }
    }
    let [raw, default, commands] = streams;
    let measured = |qos, signed| AtRate {
        link: near.link().to_owned(),
        qos,
        raw: raw.clone(),
        signed,
    };
    Ok([measured("default", default), measured("commands", commands)])
}

async fn turn(
    near: &mut NearEnd,
    metronome: &Arc<Metronome>,
    sending: Sending,
    time: Duration,
    stream: &mut Stream,
) -> Result<(), BenchError> {
    near.ask(&json!({ "wish": "arrivals" })).await?;
    let signed_before = near.node.signing_stats().time;
    let playing = Arc::clone(metronome);
    let (start_ns, sent) = in_a_thread(move || playing.play(sending, time)).await?;
    let signing = near.node.signing_stats().time.saturating_sub(signed_before);
    let order = json!({ "wish": "arrivals", "sent": sent, "start_ns": start_ns, "period_ns": nanos(PERIOD) });
    let answer = near.ask(&order).await?;
    let late_ns = answer.get("late_ns").and_then(Value::as_array);
    let late_us = late_ns
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .map(|ns| ns / 1e3);
    let late_us: Vec<f64> = late_us.collect();
    let lead = (LEAD.as_micros() / PERIOD.as_micros()) as usize;
    let counted = late_us.get(lead..).unwrap_or_default();
    stream.sent += sent;
    stream.received += late_us.len() as u64;
    stream.turns.push(Turn {
        p50_us: percentile(counted, 50),
        p99_us: percentile(counted, 99),
        signing_percent: signing.as_secs_f64() / time.as_secs_f64() * 100.0,
    });
    Ok(())
}

/// Publishes on an even schedule.
struct Metronome {
    raw: RawPublisher,
    default: Publisher<Twist>,
    commands: Publisher<Twist>,
}

impl Metronome {
    fn new(near: &NearEnd) -> Result<Self, BenchError> {
        let publisher = |node: &Node, qos| node.publisher_with(RATE, qos).map_err(failed("opening a publisher"));
        let raw = near.raw.publisher(&parsed(RATE)?);
        Ok(Self {
            raw: raw.map_err(failed("opening a publisher"))?,
            default: publisher(&near.node, QosProfile::default())?,
            commands: publisher(&near.node, QosProfile::commands())?,
        })
    }

    fn wait_for_listeners(&self) -> Result<(), BenchError> {
        let doing = "waiting for the far end";
        let heard = self.raw.wait_for_subscribers(DEADLINE).map_err(failed(doing))?
            && self.default.wait_for_subscribers(DEADLINE).map_err(failed(doing))?
            && self.commands.wait_for_subscribers(DEADLINE).map_err(failed(doing))?;
        match heard {
            true => Ok(()),
            false => Err(late("a subscription of the far end", DEADLINE)),
        }
    }

    /// Publishes for so long. Gives when the first message was due, and how many there were.
    fn play(&self, sending: Sending, time: Duration) -> Result<(i64, u64), BenchError> {
        let (start_ns, start) = (clock::now_ns(), Instant::now());
        let mut due = Duration::ZERO;
        let mut number = 0;
        while due < time {
            thread::sleep(due.saturating_sub(start.elapsed()));
            self.publish(sending, number)?;
            number += 1;
            due += PERIOD;
        }
        Ok((start_ns, number))
    }

    fn publish(&self, sending: Sending, number: u64) -> Result<(), BenchError> {
        let publisher = match sending {
            Sending::Raw => {
                let mut bytes = number.to_le_bytes().to_vec();
                bytes.resize(SIZE, 0);
                return self.raw.put(&Bytes::from(bytes)).map_err(failed("putting"));
            }
            Sending::Default => &self.default,
            Sending::Commands => &self.commands,
        };
        let mut twist = Twist::default();
        twist.linear.x = number as f64;
        publisher.publish(&twist).map(|_| ()).map_err(failed("publishing"))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(p99s_us: [f64; 3]) -> Stream {
        let turns = p99s_us.map(|p99_us| Turn {
            p50_us: 100.0,
            p99_us,
            signing_percent: 5.0,
        });
        Stream {
            turns: turns.into(),
            ..Stream::default()
        }
    }

    #[test]
    fn one_turn_that_was_disturbed_does_not_decide() {
        let at_rate = AtRate {
            link: "tcp".to_owned(),
            qos: "commands",
            raw: stream([200.0, 210.0, 9000.0]),
            signed: stream([5000.0, 260.0, 280.0]),
        };
        assert_eq!(at_rate.added_p99_us(), 70.0);
        assert_eq!(at_rate.answer().added_p99_us, 70.0);
    }
}
