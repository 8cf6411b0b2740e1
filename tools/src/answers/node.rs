//! What the commands below `node` print as JSON.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::named::Named;

/// A node that is there.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct NodeListed<'a> {
    /// Its name.
    pub(crate) node: &'a str,
    /// Its key, `did:key:…`.
    pub(crate) key: String,
    /// Whether it shows a card that this key has signed.
    pub(crate) verified: bool,
    /// When this instance of it started, in milliseconds since 1970 by its clock.
    pub(crate) epoch: u64,
    /// How many publishers its card names; null without a card.
    pub(crate) publishers: Option<usize>,
    /// How many subscribers its card names; null without a card.
    pub(crate) subscribers: Option<usize>,
}

/// What a node says of itself. Without a card, which its key has signed, there is nothing behind `epoch` but `lifecycle`,
/// `parameters` and `seen_by`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct NodeDetails<'a> {
    /// Its name.
    pub(crate) node: &'a str,
    /// Its key, `did:key:…`.
    pub(crate) key: String,
    /// Whether it shows a card that this key has signed.
    pub(crate) verified: bool,
    /// When this instance of it started, in milliseconds since 1970 by its clock.
    pub(crate) epoch: u64,
    #[serde(flatten)]
    pub(crate) card: Option<CardDetails<'a>>,
    /// The state of a managed node, such as `active`; null if it is none, or has not told.
    pub(crate) lifecycle: Option<String>,
    /// Its parameters that have a value, by name; null if it has none, or has not told them.
    pub(crate) parameters: Option<Map<String, Value>>,
    /// How this program finds it.
    pub(crate) seen_by: SeenBy<'a>,
}

/// What a node's card says.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CardDetails<'a> {
    /// When it started, in nanoseconds since 1970 by its clock.
    pub(crate) started_ns: i64,
    /// The version of Nuncio that it was built with.
    pub(crate) version: &'a str,
    /// How it looks for others.
    pub(crate) discovery: &'a str,
    /// Where it listens.
    pub(crate) locators: &'a [String],
    /// What it publishes.
    pub(crate) publishers: Vec<CardPublisherDetails<'a>>,
    /// What it subscribes to.
    pub(crate) subscribers: Vec<CardSubscriberDetails<'a>>,
    /// The services that it serves or calls.
    pub(crate) services: Vec<CardServiceDetails<'a>>,
    /// The actions that it serves or sends goals to.
    pub(crate) actions: Vec<CardServiceDetails<'a>>,
}

/// A publisher of a card.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CardPublisherDetails<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The type's hash (RIHS01).
    pub(crate) type_hash: String,
    /// The number of its next message; the first has 1.
    pub(crate) next_number: u64,
}

/// A subscriber of a card.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CardSubscriberDetails<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// The type's name; null where it takes any type.
    #[serde(rename = "type")]
    pub(crate) type_name: Option<&'a str>,
    /// The type's hash (RIHS01); null where it takes any type.
    pub(crate) type_hash: Option<String>,
}

/// One end of a service or of an action.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CardServiceDetails<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// Whether the node serves it, rather than calls it.
    pub(crate) is_server: bool,
}

/// The node of this program, which sees the other one.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct SeenBy<'a> {
    /// Its name.
    pub(crate) node: &'a str,
    /// How it looks for others.
    pub(crate) discovery: &'a str,
    /// How it stands with the router of its machine; null if it is no client of one.
    pub(crate) router: Option<String>,
    /// Whether large messages go through shared memory, and if not, why.
    pub(crate) shared_memory: String,
    /// Where it listens.
    pub(crate) locators: &'a [String],
    /// The far ends of its links.
    pub(crate) neighbours: &'a [String],
}

/// How a node is, by its own word.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct NodeHealth<'a> {
    /// Its name.
    pub(crate) node: &'a str,
    /// Its key, `did:key:…`.
    pub(crate) key: String,
    /// The worst of its findings: `ok`, `warning` or `error`; `error` also if it has not answered.
    pub(crate) level: &'static str,
    /// Whether it does its work.
    pub(crate) healthy: bool,
    /// Why there is no answer; null if there is one.
    pub(crate) problem: Option<String>,
    /// What is wrong, worst first.
    pub(crate) findings: Vec<HealthFinding<'a>>,
}

/// Something that a node finds wrong with itself.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct HealthFinding<'a> {
    /// A word for what it is.
    pub(crate) kind: &'a str,
    /// `ok`, `warning` or `error`.
    pub(crate) level: &'static str,
    /// What it is about, such as a topic; empty if it is the node.
    pub(crate) subject: &'a str,
    /// What was found.
    pub(crate) found: &'a str,
    /// What to do about it.
    pub(crate) remedy: &'a str,
}

/// What a node counts, by its own word. Counters begin with the instance of the node.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct NodeFacts<'a> {
    /// Its name.
    pub(crate) node: &'a str,
    /// Its key, `did:key:…`.
    pub(crate) key: String,
    /// When this instance of it started, in milliseconds since 1970 by its clock.
    pub(crate) epoch: u64,
    /// When it said so, in nanoseconds since 1970 by its clock.
    pub(crate) stamp_ns: i64,
    /// When it started, in nanoseconds since 1970 by its clock.
    pub(crate) started_ns: i64,
    /// How long it had been open when the counters were read, in nanoseconds.
    pub(crate) uptime_ns: u64,
    /// The version of Nuncio that it was built with.
    pub(crate) version: &'a str,
    /// The worst of its findings: `ok`, `warning` or `error`.
    pub(crate) level: &'static str,
    /// Its publishers.
    pub(crate) publishers: Vec<PublisherFacts<'a>>,
    /// Its subscriptions.
    pub(crate) subscriptions: Vec<SubscriptionFacts<'a>>,
    /// The services that it serves or calls.
    pub(crate) services: Vec<ServiceFacts<'a>>,
    /// The nodes that it knows.
    pub(crate) peers: Vec<PeerFacts<'a>>,
    /// How many nodes it knows.
    pub(crate) peers_total: u32,
    /// How many frames it has refused, by reason.
    pub(crate) refused: Named<u64>,
    /// What it has refused lately, the newest first.
    pub(crate) recent_refusals: Vec<RecentRefusal<'a>>,
    /// Signatures that it has made for messages.
    pub(crate) signatures: u64,
    /// Frames that these signatures cover.
    pub(crate) signed_frames: u64,
    /// How long making them took, in nanoseconds.
    pub(crate) signing_ns: u64,
    /// Signatures of others that it has checked.
    pub(crate) verifications: u64,
    /// How it looks for others.
    pub(crate) discovery: &'a str,
    /// The far ends of its links.
    pub(crate) links: &'a [String],
    /// How many links it has.
    pub(crate) links_total: u32,
    /// How it stands with the router of its machine; empty if it is no client of one.
    pub(crate) router: &'a str,
    /// Where its counters are served over HTTP; empty: nowhere.
    pub(crate) metrics: &'a str,
}

/// What is counted of a publisher.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PublisherFacts<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// Subscribers that it has.
    pub(crate) matched: u32,
    /// Messages sent.
    pub(crate) sent: u64,
    /// Bytes of their payloads.
    pub(crate) sent_bytes: u64,
    /// Messages that were dropped before they were sent.
    pub(crate) dropped: u64,
    /// Messages that could not be sent.
    pub(crate) failed: u64,
    /// Calls that had to wait for room.
    pub(crate) blocked: u64,
    /// Calls that waited for room in vain.
    pub(crate) timed_out: u64,
    /// Calls that would have had to wait for room.
    pub(crate) would_block: u64,
    /// Deadlines missed.
    pub(crate) deadlines_missed: u64,
    /// How often it did not show in time that it is alive.
    pub(crate) liveliness_lost: u64,
    /// Messages that wait to be sent.
    pub(crate) queued: u64,
    /// Their bytes.
    pub(crate) queued_bytes: u64,
    /// How many bytes may wait.
    pub(crate) queue_bytes_max: u64,
}

/// What is counted of a subscription.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct SubscriptionFacts<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// The type's name; empty where it takes any type.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// Publishers that it has.
    pub(crate) matched: u32,
    /// Messages received.
    pub(crate) received: u64,
    /// Bytes of their payloads.
    pub(crate) received_bytes: u64,
    /// Messages that were lost and recovered.
    pub(crate) recovered: u64,
    /// Messages that never came, by their numbers.
    pub(crate) missing: u64,
    /// Messages that came twice.
    pub(crate) duplicates: u64,
    /// Messages that were dropped because nobody took them in time.
    pub(crate) dropped: u64,
    /// Messages that were too old when they were taken.
    pub(crate) expired: u64,
    /// Publishers whose QoS does not fit.
    pub(crate) incompatible: u64,
    /// Deadlines missed.
    pub(crate) deadlines_missed: u64,
    /// Messages that wait to be taken.
    pub(crate) queued: u64,
    /// How many may wait.
    pub(crate) depth: u64,
    /// Frames whose delay was measured.
    pub(crate) timed_frames: u64,
    /// The sum of their delays, in nanoseconds.
    pub(crate) delay_sum_ns: i64,
    /// The sum of the differences between one delay and the next, in nanoseconds.
    pub(crate) jitter_sum_ns: u64,
    /// Frames refused, by reason.
    pub(crate) refused: Named<u64>,
}

/// What is counted of one end of a service.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ServiceFacts<'a> {
    /// The service.
    pub(crate) name: &'a str,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// Whether the node serves it, rather than calls it.
    pub(crate) is_server: bool,
    /// Requests.
    pub(crate) requests: u64,
    /// Requests that were answered.
    pub(crate) answered: u64,
    /// Requests that failed.
    pub(crate) faults: u64,
    /// Requests for which there was no room.
    pub(crate) overloaded: u64,
    /// Requests or responses that were refused.
    pub(crate) refused: u64,
    /// Requests that wait.
    pub(crate) waiting: u64,
    /// How many may wait.
    pub(crate) depth: u64,
}

/// What a node knows of another one.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PeerFacts<'a> {
    /// The other node's name.
    pub(crate) node: &'a str,
    /// Its key.
    pub(crate) key: String,
    /// What people call the key; empty if nobody has named it.
    pub(crate) nickname: &'a str,
    /// When this instance of it started, in milliseconds since 1970 by its clock.
    pub(crate) epoch: u64,
    /// Whether it has shown a card that the key has signed.
    pub(crate) verified: bool,
    /// What the trust policy says of it; empty while it is not verified.
    pub(crate) verdict: &'a str,
    /// When it was first met, in nanoseconds since 1970; 0: never.
    pub(crate) first_seen_ns: i64,
    /// When something that it has signed last came, in nanoseconds since 1970; 0: never.
    pub(crate) last_seen_ns: i64,
    /// Frames that named its key and were refused.
    pub(crate) refused: u64,
    /// How far its clock is ahead, in nanoseconds; null if nobody knows.
    pub(crate) clock_offset_ns: Option<i64>,
}

/// Something that a node has refused lately.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RecentRefusal<'a> {
    /// When, in nanoseconds since 1970.
    pub(crate) stamp_ns: i64,
    /// The topic or service.
    pub(crate) topic: &'a str,
    /// The reason, such as `NotPermitted`.
    pub(crate) reason: &'a str,
    /// How often.
    pub(crate) count: u64,
    /// What was expected and what was found, the last time.
    pub(crate) detail: &'a str,
    /// The key that it named, if it did; a claim only.
    pub(crate) key: Option<String>,
}
