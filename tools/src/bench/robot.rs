//! The robot: 200 topics with 50 messages a second each, from one process to another that hears them all. What the
//! signatures cost at either end, once with the messages spread evenly over the time, once with all topics at the same
//! moment.

use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nuncio::Publisher;
use nuncio::msgs::geometry_msgs::msg::Twist;
use serde_json::{Value, json};

use super::fleet::cpu_seconds;
use super::quantile::{median, rounded};
use super::{BenchError, Costs, DEADLINE, LOOK, NearEnd, Settings, failed, in_a_thread, late};
use crate::answers::bench::RobotMeasured;

const TOPICS: u64 = 200;
const RATE_HZ: u64 = 50;

/// From one message to the next, when they are spread evenly.
const PERIOD: Duration = Duration::from_micros(1_000_000 / (TOPICS * RATE_HZ));

/// Sent before a turn counts: what the signing budget has saved up is used up then.
const LEAD: Duration = Duration::from_millis(300);

/// How long what is still on its way is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The name of one of the topics.
pub(super) fn topic(nth: u64) -> String {
    format!("/bench/robot/topic_{nth}")
}

/// When the topics have their turns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spread {
    Even,
    Burst,
}

/// What was measured with one spread. All but the counts are medians of the turns.
#[derive(Clone, Debug)]
pub(crate) struct Robot {
    spread: Spread,
    sent: u64,
    received: u64,
    turns: Vec<Turn>,
    costs: Costs,
}

/// What one turn took, per second.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    messages: f64,
    signatures: f64,
    verifications: f64,
    /// Seconds of a core that signatures, the talker and the listener took.
    signing: f64,
    talker: f64,
    listener: f64,
}

impl Robot {
    /// The line for scripts.
    pub(crate) fn answer(&self) -> RobotMeasured {
        RobotMeasured {
            case: "robot",
            spread: self.spread(),
            topics: TOPICS,
            rate_hz: RATE_HZ,
            messages: self.of(|turn| turn.messages).round(),
            signatures: self.of(|turn| turn.signatures).round(),
            verifications: self.of(|turn| turn.verifications).round(),
            signing_percent: rounded(self.signing_percent()),
            verifying_percent: rounded(self.verifying_percent()),
            checks_percent: rounded(self.checks_percent()),
            talker_percent: rounded(self.talker_percent()),
            listener_percent: rounded(self.listener_percent()),
            sent: self.sent,
            received: self.received,
        }
    }

    /// The word for how the messages are spread.
    pub(crate) fn spread(&self) -> &'static str {
        match self.spread {
            Spread::Even => "even",
            Spread::Burst => "burst",
        }
    }

    /// Signatures at the talker, hashes included, in percent of a core.
    pub(crate) fn signing_percent(&self) -> f64 {
        self.of(|turn| turn.signing) * 100.0
    }

    /// Signatures at the listener: as many as it checked, at what one costs in a loop. A profile of the listener shows about a
    /// fifth more, for caches are colder there.
    pub(crate) fn verifying_percent(&self) -> f64 {
        self.of(|turn| turn.verifications) * self.costs.verify / 1e4
    }

    /// Everything else that a listener checks, likewise.
    pub(crate) fn checks_percent(&self) -> f64 {
        self.of(|turn| turn.messages) * self.costs.checks / 1e4
    }

    /// The whole talker.
    pub(crate) fn talker_percent(&self) -> f64 {
        self.of(|turn| turn.talker) * 100.0
    }

    /// The whole listener.
    pub(crate) fn listener_percent(&self) -> f64 {
        self.of(|turn| turn.listener) * 100.0
    }

    fn of(&self, what: impl Fn(&Turn) -> f64) -> f64 {
        median(&self.turns.iter().map(what).collect::<Vec<_>>())
    }
}

/// Measures it, spread evenly and in bursts.
pub(crate) async fn measure(near: &mut NearEnd, settings: Settings, costs: Costs) -> Result<[Robot; 2], BenchError> {
    near.ask(&json!({ "wish": "audience", "topics": TOPICS })).await?;
    let topics = (0..TOPICS).map(|nth| {
        let publisher = near.node.publisher::<Twist>(&topic(nth));
        publisher.map_err(failed("opening a publisher"))
    });
    let topics: Arc<Vec<_>> = Arc::new(topics.collect::<Result<_, _>>()?);
    let waiting = Arc::clone(&topics);
    in_a_thread(move || wait_for_listeners(&waiting)).await?;
    let mut robots = [Spread::Even, Spread::Burst].map(|spread| Robot {
        spread,
        sent: 0,
        received: 0,
        turns: Vec::new(),
        costs,
    });
    for _ in 0..settings.rounds {
        for robot in &mut robots {
            turn(near, &topics, 2 * settings.sending, robot).await?;
        }
    }
    Ok(robots)
}

fn wait_for_listeners(topics: &[Publisher<Twist>]) -> Result<(), BenchError> {
    for topic in topics {
        let heard = topic.wait_for_subscribers(DEADLINE);
        if !heard.map_err(failed("waiting for the far end"))? {
            return Err(late("a subscription of the far end", DEADLINE));
        }
    }
    Ok(())
}

async fn turn(
    near: &mut NearEnd,
    topics: &Arc<Vec<Publisher<Twist>>>,
    time: Duration,
    robot: &mut Robot,
) -> Result<(), BenchError> {
    let spread = robot.spread;
    let play = |time| {
        let topics = Arc::clone(topics);
        in_a_thread(move || play(&topics, spread, time))
    };
    let received_before = heard(near, 0).await?.received;
    let lead = play(LEAD).await?;
    let before = (heard(near, received_before + lead).await?, Spent::read(near));
    let start = Instant::now();
    let sent = play(time).await?;
    let took = start.elapsed().as_secs_f64();
    let after = (heard(near, before.0.received + sent).await?, Spent::read(near));
    let each_second = |before: f64, after: f64| (after - before).max(0.0) / took;
    robot.sent += sent;
    robot.received += after.0.received - before.0.received;
    robot.turns.push(Turn {
        messages: sent as f64 / took,
        signatures: each_second(before.1.signatures as f64, after.1.signatures as f64),
        verifications: each_second(before.0.verifications as f64, after.0.verifications as f64),
        signing: each_second(before.1.signing, after.1.signing),
        talker: each_second(before.1.talker, after.1.talker),
        listener: each_second(before.1.listener, after.1.listener),
    });
    Ok(())
}

/// Publishes on all topics, one after the other, for so long. Gives how many messages that were.
fn play(topics: &[Publisher<Twist>], spread: Spread, time: Duration) -> Result<u64, BenchError> {
    let at_once: u32 = match spread {
        Spread::Even => 1,
        Spread::Burst => TOPICS as u32,
    };
    let message = Twist::default();
    let start = Instant::now();
    let mut due = Duration::ZERO;
    let mut sent = 0;
    let mut next = topics.iter().cycle();
    while due < time {
        thread::sleep(due.saturating_sub(start.elapsed()));
        for topic in next.by_ref().take(at_once as usize) {
            topic.publish(&message).map_err(failed("publishing"))?;
            sent += 1;
        }
        due += PERIOD * at_once;
    }
    Ok(sent)
}

/// What the listener has counted.
struct Heard {
    received: u64,
    verifications: u64,
}

/// Asks the listener until it has received so many, or none come any more.
async fn heard(near: &mut NearEnd, expected: u64) -> Result<Heard, BenchError> {
    let start = Instant::now();
    loop {
        let told = near.ask(&json!({ "wish": "audience" })).await?;
        let number = |name: &str| told.get(name).and_then(Value::as_u64).unwrap_or_default();
        let heard = Heard {
            received: number("received"),
            verifications: number("verifications"),
        };
        if heard.received >= expected || start.elapsed() > PATIENCE {
            return Ok(heard);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the talker has counted, and seconds of a core.
struct Spent {
    signatures: u64,
    signing: f64,
    talker: f64,
    listener: f64,
}

impl Spent {
    fn read(near: &NearEnd) -> Self {
        let signing = near.node.signing_stats();
        Self {
            signatures: signing.signatures,
            signing: signing.time.as_secs_f64(),
            talker: cpu_seconds(process::id()),
            listener: cpu_seconds(near.far_id()),
        }
    }
}
