//! Late joiners: many subscribers that come after the messages were published, in another process, and get the last ones from
//! the publisher's own signed frames. How long that takes, and that each gets exactly the depth, in order.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Callback, LinkConfig, Node, Publisher, QosProfile};
use serde_json::{Value, json};

use super::quantile::{percentile, rounded};
use super::{BenchError, DEADLINE, NearEnd, failed};
use crate::answers::bench::LateJoinersMeasured;

/// Where they listen.
const TOPIC: &str = "/bench/late";

/// How many there are.
const JOINERS: u64 = 1000;

/// How many messages each gets, of twice as many that were published.
const DEPTH: u64 = 10;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LateJoiners {
    /// How many joined, and how many of them got exactly the last messages in order.
    pub(crate) joined: u64,
    pub(crate) complete: u64,
    /// From the first subscription until the last message.
    pub(crate) took_ms: f64,
    /// From a subscription to its last message.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl LateJoiners {
    /// The line for scripts.
    pub(crate) fn answer(&self) -> LateJoinersMeasured {
        LateJoinersMeasured {
            case: "late_joiners",
            joined: self.joined,
            complete: self.complete,
            depth: DEPTH,
            took_ms: rounded(self.took_ms),
            p50_ms: rounded(self.p50_ms),
            p99_ms: rounded(self.p99_ms),
            messages_per_second: (self.joined as f64 * DEPTH as f64 * 1e3 / self.took_ms).round(),
        }
    }

    /// What people read.
    pub(crate) fn words(&self) -> String {
        format!(
            "{} of {} subscribers that came late, all at once, each got exactly the last {DEPTH} messages in order; the last \
             message was there after {:.0} ms, that is {:.1} ms for each.",
            self.complete,
            self.joined,
            self.took_ms,
            self.took_ms / self.joined.max(1) as f64,
        )
    }
}

fn profile() -> QosProfile {
    QosProfile::keep_last(DEPTH as usize).transient_local()
}

/// Measures it.
pub(crate) async fn measure(near: &mut NearEnd) -> Result<LateJoiners, BenchError> {
    let publisher: Publisher<Twist> = near
        .node
        .publisher_with(TOPIC, profile())
        .map_err(failed("opening a publisher"))?;
    for number in 0..2 * DEPTH {
        publisher.publish(&numbered(number)).map_err(failed("publishing"))?;
    }
    let told = near.ask(&json!({ "wish": "late_joiners" })).await?;
    let number = |name: &str| told.get(name).and_then(Value::as_f64).unwrap_or_default();
    Ok(LateJoiners {
        joined: number("joined") as u64,
        complete: number("complete") as u64,
        took_ms: number("took_ms"),
        p50_ms: number("p50_ms"),
        p99_ms: number("p99_ms"),
    })
}

fn numbered(number: u64) -> Twist {
    let mut message = Twist::default();
    message.linear.x = number as f64;
    message
}

/// Joins late, at the far end, in a node that does not know the publisher yet, and tells what came.
pub(super) async fn join(link: LinkConfig, builder: nuncio::NodeBuilder) -> Result<Value, BenchError> {
    let node = builder.link(link).open().await.map_err(failed("opening a node"))?;
    let joining = node.clone();
    let told = super::in_a_thread(move || join_all(&joining)).await;
    // What does not close in order ends with the process.
    let _ = node.close().await;
    told
}

fn join_all(node: &Node) -> Result<Value, BenchError> {
    let (sender, arrivals) = channel();
    let start = Instant::now();
    let mut joiners = Vec::new();
    for index in 0..JOINERS {
        joiners.push((Instant::now(), subscribe(node, index as usize, sender.clone())?));
    }
    let times = arrivals_of(&arrivals, start);
    let complete: Vec<_> = times
        .iter()
        .filter(|joiner| joiner.seen == (DEPTH..2 * DEPTH).collect::<Vec<_>>())
        .collect();
    let waited = |joined: &Instant, last: &Instant| last.saturating_duration_since(*joined).as_secs_f64() * 1e3;
    let each: Vec<_> = joiners
        .iter()
        .zip(&times)
        .filter_map(|((joined, _), joiner)| Some(waited(joined, joiner.last.as_ref()?)))
        .collect();
    let last = times.iter().filter_map(|joiner| joiner.last).max().unwrap_or(start);
    Ok(json!({
        "joined": JOINERS,
        "complete": complete.len(),
        "took_ms": waited(&start, &last),
        "p50_ms": percentile(&each, 50),
        "p99_ms": percentile(&each, 99),
    }))
}

/// What one joiner got.
#[derive(Clone, Debug, Default)]
struct Joiner {
    seen: Vec<u64>,
    last: Option<Instant>,
}

type Arrival = (usize, u64, Instant);

fn subscribe(node: &Node, index: usize, sender: Sender<Arrival>) -> Result<Callback, BenchError> {
    let subscriber = node
        .subscriber_with::<Twist>(TOPIC, profile())
        .map_err(failed("subscribing"))?;
    Ok(subscriber.on_message_in_place(move |received| {
        // Nobody counts any more when all is told.
        let _ = sender.send((index, received.message.linear.x as u64, Instant::now()));
    }))
}

/// Everything that arrives until all have enough, or nothing comes any more.
fn arrivals_of(arrivals: &Receiver<Arrival>, start: Instant) -> Vec<Joiner> {
    let mut joiners = vec![Joiner::default(); JOINERS as usize];
    let mut left = JOINERS * DEPTH;
    while left > 0 {
        let (index, number, at) = match arrivals.recv_timeout(DEADLINE.saturating_sub(start.elapsed())) {
            Ok(arrival) => arrival,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        };
        left -= 1;
        if let Some(joiner) = joiners.get_mut(index) {
            joiner.seen.push(number);
            joiner.last = Some(at);
        }
    }
    // Whatever comes twice comes soon after.
    while let Ok((index, number, _)) = arrivals.recv_timeout(Duration::from_millis(100)) {
        if let Some(joiner) = joiners.get_mut(index) {
            joiner.seen.push(number);
        }
    }
    joiners
}
