//! What `bench` prints as JSON: a line for each thing that it has measured, which its `case` names.

use schemars::JsonSchema;
use serde::Serialize;

/// Messages a second, raw and signed in turns; the ratio is what matters.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ThroughputMeasured<'a> {
    /// `throughput`, or `throughput_typed` where messages are encoded and decoded, too.
    pub(crate) case: &'static str,
    /// Bytes of a payload.
    pub(crate) size: usize,
    /// `tcp` or `tcp+shm`.
    pub(crate) link: &'a str,
    /// Raw messages a second.
    pub(crate) raw: f64,
    /// Signed messages a second.
    pub(crate) signed: f64,
    /// Signed for raw.
    pub(crate) ratio: f64,
    /// Raw messages sent.
    pub(crate) raw_sent: u64,
    /// Raw messages received.
    pub(crate) raw_received: u64,
    /// Signed messages sent.
    pub(crate) signed_sent: u64,
    /// Signed messages received.
    pub(crate) signed_received: u64,
    /// Signed messages that were not taken in time.
    pub(crate) signed_dropped: u64,
    /// Signed messages that never came.
    pub(crate) signed_missing: u64,
    /// Signed messages that came after a later one.
    pub(crate) signed_disordered: u64,
    /// Raw messages a second, round by round.
    pub(crate) raw_rounds: Vec<f64>,
    /// Signed messages a second, round by round.
    pub(crate) signed_rounds: Vec<f64>,
}

/// Round trips of a Twist, in microseconds.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct LatencyMeasured<'a> {
    /// Always `latency`.
    pub(crate) case: &'static str,
    /// Bytes of a payload.
    pub(crate) size: usize,
    /// `tcp` or `tcp+shm`.
    pub(crate) link: &'a str,
    /// The median, raw.
    pub(crate) raw_p50_us: f64,
    /// The median, signed.
    pub(crate) signed_p50_us: f64,
    /// Signed for raw, by the medians.
    pub(crate) ratio: f64,
    /// What one in a hundred takes longer than, raw.
    pub(crate) raw_p99_us: f64,
    /// What one in a hundred takes longer than, signed.
    pub(crate) signed_p99_us: f64,
    /// Raw round trips.
    pub(crate) raw_received: usize,
    /// Signed round trips.
    pub(crate) signed_received: usize,
    /// Raw round trips that did not end.
    pub(crate) raw_lost: u32,
    /// Signed round trips that did not end.
    pub(crate) signed_lost: u32,
}

/// A step of the median round trip, in microseconds.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct StepMeasured {
    /// Always `round_trip`.
    pub(crate) case: &'static str,
    /// `sign`, `link`, `verify` or `wake_up`.
    pub(crate) step: &'static str,
    /// How long it takes on the way.
    pub(crate) us: f64,
    /// How long it takes in a warm loop; null where that cannot be measured.
    pub(crate) warm_us: Option<f64>,
}

/// What a step of one signed Twist takes, in microseconds.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CostMeasured {
    /// Always `cost`.
    pub(crate) case: &'static str,
    /// The step, such as `sign` or `verify`.
    pub(crate) what: &'static str,
    /// How long it takes.
    pub(crate) us: f64,
}

/// What a durable publisher keeps a second.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct OutboxMeasured {
    /// Always `outbox`.
    pub(crate) case: &'static str,
    /// How many publish at a time.
    pub(crate) publishers: usize,
    /// Messages a second with a sync for each.
    pub(crate) each_per_second: f64,
    /// Messages a second with shared syncs.
    pub(crate) group_per_second: f64,
    /// Shared for each.
    pub(crate) ratio: f64,
}

/// How long messages take at a steady rate, in microseconds.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RateMeasured<'a> {
    /// Always `latency_at_rate`.
    pub(crate) case: &'static str,
    /// The QoS profile.
    pub(crate) qos: &'static str,
    /// Bytes of a payload.
    pub(crate) size: usize,
    /// Messages a second.
    pub(crate) rate_hz: u32,
    /// `tcp` or `tcp+shm`.
    pub(crate) link: &'a str,
    /// The median, raw.
    pub(crate) raw_p50_us: f64,
    /// What one in a hundred takes longer than, raw.
    pub(crate) raw_p99_us: f64,
    /// The median, signed.
    pub(crate) signed_p50_us: f64,
    /// What one in a hundred takes longer than, signed.
    pub(crate) signed_p99_us: f64,
    /// Signed less raw, by the medians.
    pub(crate) added_p50_us: f64,
    /// Signed less raw, of one in a hundred.
    pub(crate) added_p99_us: f64,
    /// What signing takes, in percent of a core.
    pub(crate) signing_percent: f64,
    /// Raw messages sent.
    pub(crate) raw_sent: u64,
    /// Raw messages received.
    pub(crate) raw_received: u64,
    /// Signed messages sent.
    pub(crate) signed_sent: u64,
    /// Signed messages received.
    pub(crate) signed_received: u64,
}

/// What signatures cost a robot with many topics, in percent of a core.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RobotMeasured {
    /// Always `robot`.
    pub(crate) case: &'static str,
    /// How messages are spread over time: `even` or `burst`.
    pub(crate) spread: &'static str,
    /// How many topics.
    pub(crate) topics: u64,
    /// Messages a second on each.
    pub(crate) rate_hz: u64,
    /// Messages a second on all.
    pub(crate) messages: f64,
    /// Signatures a second.
    pub(crate) signatures: f64,
    /// Verifications a second.
    pub(crate) verifications: f64,
    /// Signing, at the talker.
    pub(crate) signing_percent: f64,
    /// Verifying, at the listener.
    pub(crate) verifying_percent: f64,
    /// All other checks, at the listener.
    pub(crate) checks_percent: f64,
    /// The talker as a whole.
    pub(crate) talker_percent: f64,
    /// The listener as a whole.
    pub(crate) listener_percent: f64,
    /// Messages sent.
    pub(crate) sent: u64,
    /// Messages received.
    pub(crate) received: u64,
}

/// Calls of a service beside raw queries, in microseconds.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ServiceMeasured<'a> {
    /// Always `service`.
    pub(crate) case: &'static str,
    /// `tcp` or `tcp+shm`.
    pub(crate) link: &'a str,
    /// The median, raw.
    pub(crate) raw_p50_us: f64,
    /// The median, signed.
    pub(crate) signed_p50_us: f64,
    /// Signed for raw, by the medians.
    pub(crate) ratio: f64,
    /// What one in a hundred takes longer than, raw.
    pub(crate) raw_p99_us: f64,
    /// What one in a hundred takes longer than, signed.
    pub(crate) signed_p99_us: f64,
    /// How many call at once for the next two numbers.
    pub(crate) callers: usize,
    /// Raw queries a second.
    pub(crate) raw_per_second: f64,
    /// Calls a second.
    pub(crate) signed_per_second: f64,
    /// Raw queries that were answered.
    pub(crate) raw_answered: usize,
    /// Calls that were answered.
    pub(crate) signed_answered: usize,
    /// Raw queries that were not answered.
    pub(crate) raw_unanswered: u64,
    /// Calls that were not answered.
    pub(crate) signed_unanswered: u64,
}

/// Subscribers that come late, all at once, and get the last messages.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct LateJoinersMeasured {
    /// Always `late_joiners`.
    pub(crate) case: &'static str,
    /// How many came.
    pub(crate) joined: u64,
    /// How many got exactly the last messages, in order.
    pub(crate) complete: u64,
    /// How many messages that is for each.
    pub(crate) depth: u64,
    /// When the last message was there, in milliseconds.
    pub(crate) took_ms: f64,
    /// The median of a subscriber, in milliseconds.
    pub(crate) p50_ms: f64,
    /// What one in a hundred took longer than, in milliseconds.
    pub(crate) p99_ms: f64,
    /// Messages a second, of all.
    pub(crate) messages_per_second: f64,
}

/// What a subscription and a publisher take, in KiB.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct MemoryMeasured {
    /// Always `memory`.
    pub(crate) case: &'static str,
    /// How many of each were made.
    pub(crate) ports: u64,
    /// A subscription.
    pub(crate) subscription_kib: f64,
    /// A subscription that has received a message.
    pub(crate) heard_subscription_kib: f64,
    /// A publisher.
    pub(crate) publisher_kib: f64,
}

/// Many nodes that meet, and what they cost at rest.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct FleetMeasured {
    /// Always `fleet`.
    pub(crate) case: &'static str,
    /// How many nodes.
    pub(crate) nodes: usize,
    /// How many topics.
    pub(crate) topics: usize,
    /// How many nodes knew all others.
    pub(crate) met: usize,
    /// How many others the one knew that knew fewest.
    pub(crate) known_least: usize,
    /// How long it took, in milliseconds.
    pub(crate) took_ms: u64,
    /// Processor time of all nodes, in seconds.
    pub(crate) cpu_seconds: f64,
    /// The fewest links of a node.
    pub(crate) links_least: usize,
    /// The most links of a node.
    pub(crate) links_most: usize,
    /// What a node takes at rest, in percent of a core.
    pub(crate) idle_node_percent: f64,
    /// The memory of a node, in KiB.
    pub(crate) node_kib: f64,
    /// Processor time of the router, in seconds; null without one.
    pub(crate) router_cpu_seconds: Option<f64>,
    /// What the router takes at rest, in percent of a core; null without one.
    pub(crate) router_idle_percent: Option<f64>,
    /// The memory of the router, in KiB; null without one.
    pub(crate) router_kib: Option<f64>,
}
