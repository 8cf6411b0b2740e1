//! What `doctor`, `why`, `top` and `trace` print as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::message::MessageText;
use super::named::Named;

/// One thing that was looked at.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct FindingTold<'a> {
    /// `ok`, `notice` or `problem`.
    pub(crate) state: &'static str,
    /// What was looked at.
    pub(crate) about: &'a str,
    /// How it is.
    pub(crate) text: &'a str,
    /// The reason for which messages are refused because of it; null if none are.
    pub(crate) reason: Option<String>,
    /// What to do about it.
    pub(crate) remedy: Option<&'a str>,
}

/// A reason for which messages are refused, with `--reasons`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ReasonTold {
    /// Its number.
    pub(crate) number: u8,
    /// Its name, such as `BadSignature`.
    pub(crate) reason: String,
    /// What was found.
    pub(crate) meaning: &'static str,
    /// What to do about it.
    pub(crate) remedy: &'static str,
}

/// A cause for which nothing arrives, the first one first; or that messages flow.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CauseTold<'a> {
    /// The cause, in a sentence.
    pub(crate) cause: &'a str,
    /// What to do about it.
    pub(crate) remedy: &'a str,
    /// A word for the cause.
    pub(crate) kind: &'static str,
    /// `certain`, `likely` or `possible`.
    pub(crate) confidence: &'static str,
    /// The command that mends it, or shows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<&'a str>,
    /// The publisher's node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) publisher: Option<String>,
    /// The subscriber's node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscriber: Option<String>,
    /// The QoS policy that does not fit, such as `RELIABILITY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<&'static str>,
    /// The first field that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'a str>,
    /// The reason of a refusal, such as `UnknownKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The other domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<String>,
}

/// A topic in an interval. Counters without `_total` are those of the interval; null: nobody counts it.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopTopic<'a> {
    /// Always `topic`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) topic: &'a str,
    /// The first of its types.
    #[serde(rename = "type")]
    pub(crate) type_name: Option<&'a str>,
    /// Whether nodes mean different types by it.
    pub(crate) types_differ: bool,
    /// Its publishers.
    pub(crate) publishers: Vec<TopPublisher<'a>>,
    /// Its subscribers.
    pub(crate) subscribers: Vec<TopSubscriber<'a>>,
    /// Messages sent a second.
    pub(crate) rate_hz: Option<f64>,
    /// Bytes of payload sent a second.
    pub(crate) bytes_per_second: Option<f64>,
    /// Messages received a second by the trusted subscriber that received fewest.
    pub(crate) received_hz_min: Option<f64>,
    /// The mean age of messages when they arrived, in seconds.
    pub(crate) latency_s: Option<f64>,
    /// The mean difference between the ages of two messages, in seconds.
    pub(crate) jitter_s: Option<f64>,
    /// What the trust policy says of its publishers.
    pub(crate) trust: Option<&'static str>,
    #[serde(flatten)]
    pub(crate) sent: Sent,
    #[serde(flatten)]
    pub(crate) lost: Lost,
    /// Frames refused, by reason.
    pub(crate) refused: Named<u64>,
    /// Frames refused since the subscriptions are there, by reason.
    pub(crate) refused_total: Named<u64>,
    /// When this was told, in nanoseconds since 1970.
    pub(crate) time_ns: i64,
}

/// Messages sent.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Sent {
    /// Messages sent in the interval.
    pub(crate) sent: u64,
    /// Messages sent since the publishers are there.
    pub(crate) sent_total: u64,
}

/// Messages that did not arrive.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Lost {
    /// Messages that never came, by their numbers, in the interval.
    pub(crate) missing: u64,
    /// Messages that never came since the subscriptions are there.
    pub(crate) missing_total: u64,
    /// Messages that nobody took in time, in the interval.
    pub(crate) dropped: u64,
    /// Messages that nobody took in time since the subscriptions are there.
    pub(crate) dropped_total: u64,
}

/// One publisher of a topic.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopPublisher<'a> {
    #[serde(flatten)]
    pub(crate) end: TopEnd<'a>,
    /// Messages that it has sent since it is there; null if its node does not tell.
    pub(crate) sent_total: Option<u64>,
}

/// One subscriber of a topic.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopSubscriber<'a> {
    #[serde(flatten)]
    pub(crate) end: TopEnd<'a>,
    /// Messages that it has received since it is there; null if its node does not tell.
    pub(crate) received_total: Option<u64>,
}

/// The node at one end of a topic.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopEnd<'a> {
    /// Its name.
    pub(crate) node: &'a str,
    /// Its key, `did:key:…`.
    pub(crate) key: String,
    /// What people call the key.
    pub(crate) nickname: Option<&'a str>,
    /// What the trust policy says of it.
    pub(crate) trust: &'static str,
    /// Messages a second at this end; null if its node does not tell.
    pub(crate) rate_hz: Option<f64>,
}

/// A node in an interval. Counters without `_total` are those of the interval.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopNode<'a> {
    /// Always `node`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) node: &'a str,
    /// Its key, `did:key:…`.
    pub(crate) key: String,
    /// What people call the key.
    pub(crate) nickname: Option<&'a str>,
    /// What the trust policy says of it.
    pub(crate) trust: &'static str,
    /// The worst of its findings, `ok`, `warning` or `error`; else `no answer` or `unknown`.
    pub(crate) level: &'static str,
    /// Whether it does its work; null if it has not told.
    pub(crate) healthy: Option<bool>,
    /// Why it has not told; null if it has.
    pub(crate) problem: Option<&'a str>,
    /// What is wrong with it, worst first.
    pub(crate) findings: Vec<TopFinding<'a>>,
    /// How many publishers it has.
    pub(crate) publishers: usize,
    /// How many subscriptions it has.
    pub(crate) subscriptions: usize,
    /// Messages sent a second.
    pub(crate) sent_hz: Option<f64>,
    /// Bytes of payload sent a second.
    pub(crate) sent_bytes_per_second: Option<f64>,
    /// Messages received a second.
    pub(crate) received_hz: Option<f64>,
    /// Bytes of payload received a second.
    pub(crate) received_bytes_per_second: Option<f64>,
    /// How long it is open, in seconds.
    pub(crate) uptime_s: Option<f64>,
    /// The version of Nuncio that it was built with.
    pub(crate) version: Option<&'a str>,
    #[serde(flatten)]
    pub(crate) lost: Lost,
    /// Frames that it refused in the interval.
    pub(crate) refused: u64,
    /// Frames that it has refused since it is there.
    pub(crate) refused_total: u64,
    /// When this was told, in nanoseconds since 1970.
    pub(crate) time_ns: i64,
}

/// Something that a node finds wrong with itself.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopFinding<'a> {
    /// `ok`, `warning` or `error`.
    pub(crate) level: &'static str,
    /// What it is about, such as a topic; empty if it is the node.
    pub(crate) subject: &'a str,
    /// What was found.
    pub(crate) found: &'a str,
    /// What to do about it.
    pub(crate) remedy: &'a str,
}

/// A message of a chain of causes. Of one that is missing or refused, only its id and why is known.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TraceLine<'a> {
    /// Its id: 32 hexadecimal digits.
    pub(crate) id: String,
    /// The id of the message that led to it.
    pub(crate) cause: Option<String>,
    /// `asked` for the one that was asked about, `cause` or `effect`.
    pub(crate) link: &'static str,
    /// The topic.
    pub(crate) topic: Option<&'a str>,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: Option<&'a str>,
    /// The node that has published it.
    pub(crate) node: Option<&'a str>,
    /// The key that has signed it, `did:key:…`.
    pub(crate) signer: Option<String>,
    /// Its number in its publisher's stream; the first has 1.
    pub(crate) number: Option<u64>,
    /// When it was published, by the publisher's clock, in nanoseconds since 1970.
    pub(crate) source_time_ns: Option<i64>,
    /// What the trust policy says of the signer, such as `pinned`.
    pub(crate) verdict: Option<&'static str>,
    /// The roles that permit it.
    pub(crate) roles: Option<Vec<&'a str>>,
    /// What second signers have said of it.
    pub(crate) approvals: Vec<TraceApproved<'a>>,
    /// The roles of which nobody has approved it yet.
    pub(crate) lacking: Vec<&'a str>,
    /// `verified`, `missing` or `refused`.
    pub(crate) status: &'static str,
    /// The reason of a refusal, such as `BadSignature`.
    pub(crate) reason: Option<String>,
    /// The same in words.
    pub(crate) detail: Option<&'a str>,
    /// The message; null if it is not to be had.
    pub(crate) msg: Option<MessageText>,
}

/// What a second signer has said of a message.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TraceApproved<'a> {
    /// The id of what was said.
    pub(crate) id: String,
    /// The second signer's key, `did:key:…`.
    pub(crate) signer: String,
    /// The second signer's node.
    pub(crate) node: &'a str,
    /// `approved` or `rejected`.
    pub(crate) decision: &'static str,
    /// Why, in the second signer's words.
    pub(crate) text: &'a str,
    /// The roles in which it counts.
    pub(crate) roles: Vec<&'a str>,
    /// Whether it counts.
    pub(crate) counts: bool,
    /// Why not.
    pub(crate) detail: Option<&'a str>,
}
