//! What the commands below `topic` print as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::message::ValueText;

/// A topic that nodes publish on or subscribe to.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopicListed<'a> {
    /// Its name.
    pub(crate) topic: &'a str,
    /// The first of its types; null where all subscribers take any type.
    #[serde(rename = "type")]
    pub(crate) type_name: Option<&'a str>,
    /// The type's hash (RIHS01).
    pub(crate) type_hash: Option<String>,
    /// Whether nodes mean different types by this topic.
    pub(crate) types_differ: bool,
    /// How many publishers it has.
    pub(crate) publishers: usize,
    /// How many subscribers it has.
    pub(crate) subscribers: usize,
}

/// A type of a topic.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopicType<'a> {
    /// The topic's name.
    pub(crate) topic: &'a str,
    /// The type's name, such as `std_msgs/msg/String`.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The type's hash (RIHS01).
    pub(crate) type_hash: String,
}

/// A topic of the type that was asked for.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopicFound<'a> {
    /// The topic's name.
    pub(crate) topic: &'a str,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The type's hash (RIHS01).
    pub(crate) type_hash: String,
    /// Whether nodes mean different types by this topic.
    pub(crate) types_differ: bool,
}

/// A type with its hash.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TypeAndHash<'a> {
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The type's hash (RIHS01).
    pub(crate) hash: String,
}

/// Who publishes on a topic and who subscribes to it.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopicDetails<'a> {
    /// The topic's name.
    pub(crate) topic: &'a str,
    /// The types that nodes name for it.
    pub(crate) types: Vec<TypeAndHash<'a>>,
    /// Whether there is more than one type.
    pub(crate) types_differ: bool,
    /// Its publishers.
    pub(crate) publishers: Vec<PublisherDetails<'a>>,
    /// Its subscribers.
    pub(crate) subscribers: Vec<SubscriberDetails<'a>>,
    /// Publishers and subscribers of one type between which nothing is delivered, because their QoS does not fit.
    pub(crate) incompatible: Vec<Incompatible<'a>>,
}

/// A publisher of a topic, and the QoS that it offers.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PublisherDetails<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The node's key, `did:key:…`.
    pub(crate) key: String,
    /// Whether the node shows a card that this key has signed.
    pub(crate) verified: bool,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The type's hash (RIHS01).
    pub(crate) type_hash: String,
    /// The number of its next message; the first has 1.
    pub(crate) next_number: u64,
    #[serde(flatten)]
    pub(crate) qos: Qos,
}

/// A subscriber of a topic, and the QoS that it requests.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct SubscriberDetails<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The node's key, `did:key:…`.
    pub(crate) key: String,
    /// Whether the node shows a card that this key has signed.
    pub(crate) verified: bool,
    /// The type's name; null where it takes any type.
    #[serde(rename = "type")]
    pub(crate) type_name: Option<&'a str>,
    /// The type's hash (RIHS01); null where it takes any type.
    pub(crate) type_hash: Option<String>,
    #[serde(flatten)]
    pub(crate) qos: Qos,
}

/// The QoS that a publisher offers, or that a subscriber requests.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Qos {
    /// `reliable` or `best_effort`.
    pub(crate) reliability: &'static str,
    /// `volatile` or `transient_local`.
    pub(crate) durability: &'static str,
    /// `keep_last` or `keep_all`, of a publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<&'static str>,
    /// How many messages are kept for late subscribers, or may wait to be taken.
    pub(crate) depth: u32,
    /// The longest time between two messages, in seconds; null without limit.
    pub(crate) deadline: Option<f64>,
    /// How long a message is delivered, in seconds, of a publisher; null without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lifespan: Option<Option<f64>>,
    /// `automatic` or `manual_by_topic`.
    pub(crate) liveliness: &'static str,
    /// How long a publisher may be silent and still counts as alive, in seconds; null without limit.
    pub(crate) lease: Option<f64>,
}

/// A publisher that offers less than a subscriber of its type requests.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Incompatible<'a> {
    /// The publisher's node.
    pub(crate) publisher: &'a str,
    /// That node's key.
    pub(crate) publisher_key: String,
    /// The subscriber's node.
    pub(crate) subscriber: &'a str,
    /// That node's key.
    pub(crate) subscriber_key: String,
    /// The first policy that does not fit, `RELIABILITY`, `DURABILITY`, `DEADLINE` or `LIVELINESS`.
    pub(crate) policy: &'static str,
}

/// A verified message, and what is known of it. It has either `message` or, with `--raw`, `payload`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct EchoedMessage<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The key that has signed it, `did:key:…`.
    pub(crate) signer: String,
    /// Always true: what is not verified is not shown.
    pub(crate) verified: bool,
    /// Its number in its publisher's stream; the first has 1.
    pub(crate) number: u64,
    /// When it was published, by the publisher's clock, in nanoseconds since 1970.
    pub(crate) stamp_ns: i64,
    /// `live`, `history` or `replay`.
    pub(crate) provenance: &'static str,
    /// The node that has published it.
    pub(crate) node: &'a str,
    /// What the trust policy says of the signer, such as `pinned`.
    pub(crate) verdict: &'static str,
    /// How many messages of the same publisher were lost just before it.
    pub(crate) missing_before: u64,
    /// Its id: 32 hexadecimal digits.
    pub(crate) id: String,
    /// The id of the message that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// The keys of the second signers who have approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) approved_by: Option<Vec<String>>,
    /// `pending` where a second signer has still to approve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) approval: Option<&'static str>,
    /// On whose behalf the signer says that it has published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<&'a str>,
    /// The payload's bytes, as hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<ValueText>,
}

/// A message that was published.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PublishedMessage<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// Its number; the first has 1.
    pub(crate) number: u64,
    /// Its id: 32 hexadecimal digits.
    pub(crate) id: String,
    /// This user's key, which has signed it.
    pub(crate) signer: &'a str,
}

/// An answer of this user as second signer.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Approved<'a> {
    /// The topic of the message that was answered for.
    pub(crate) topic: &'a str,
    /// The id of that message.
    pub(crate) message_id: String,
    /// `approved` or `rejected`.
    pub(crate) decision: &'static str,
    /// Why it was rejected.
    pub(crate) text: &'a str,
    /// The id of the answer itself.
    pub(crate) id: String,
    /// This user's key, which has signed the answer.
    pub(crate) signer: String,
}

/// How often and how regularly messages arrive.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopicRate<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// Messages a second, on the average of the window; null while one message is not enough to tell.
    pub(crate) rate_hz: Option<f64>,
    /// The shortest time between two messages, in seconds.
    pub(crate) min_s: Option<f64>,
    /// The longest time between two messages, in seconds.
    pub(crate) max_s: Option<f64>,
    /// The standard deviation of these times, in seconds.
    pub(crate) std_dev_s: Option<f64>,
    /// How many messages the window holds.
    pub(crate) window: usize,
    /// How many messages have arrived since the start.
    pub(crate) messages: u64,
    /// How many are missing, by their numbers.
    pub(crate) missing: u64,
    /// Who has sent them.
    pub(crate) signers: Vec<SignerRate<'a>>,
    /// Whether this is the summary at the end.
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
}

/// What arrived of one signer.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct SignerRate<'a> {
    /// The signer's key.
    pub(crate) signer: String,
    /// Its node.
    pub(crate) node: &'a str,
    /// How many messages have arrived.
    pub(crate) messages: u64,
    /// How many are missing, by their numbers.
    pub(crate) missing: u64,
}

/// How many bytes arrive.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopicBandwidth<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// Bytes of payload a second.
    pub(crate) bytes_per_second: f64,
    /// Bytes a second with headers and signatures.
    pub(crate) wire_bytes_per_second: f64,
    /// The mean size of a payload, in bytes.
    pub(crate) mean_bytes: f64,
    /// The smallest payload, in bytes.
    pub(crate) min_bytes: usize,
    /// The largest payload, in bytes.
    pub(crate) max_bytes: usize,
    /// How many messages the window holds.
    pub(crate) window: usize,
    /// How many messages have arrived since the start.
    pub(crate) messages: u64,
    /// How many are missing, by their numbers.
    pub(crate) missing: u64,
    /// Whether this is the summary at the end.
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
}

/// How old messages are when they arrive.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TopicDelay<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// The mean age, in seconds.
    pub(crate) mean_s: f64,
    /// The least age, in seconds.
    pub(crate) min_s: f64,
    /// The greatest age, in seconds.
    pub(crate) max_s: f64,
    /// The standard deviation of the ages, in seconds.
    pub(crate) std_dev_s: f64,
    /// Since when the age counts: `header.stamp`, `source time`, or `header.stamp or source time` where messages differ.
    pub(crate) since: &'static str,
    /// How many messages the window holds.
    pub(crate) window: usize,
    /// How many messages have arrived since the start.
    pub(crate) messages: u64,
    /// How many are missing, by their numbers.
    pub(crate) missing: u64,
    /// Whether this is the summary at the end.
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
}

/// A field that was drawn into a file.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PlottedField<'a> {
    /// The topic.
    pub(crate) topic: &'a str,
    /// The field's path.
    pub(crate) field: &'a str,
    /// The unit that the schema names.
    pub(crate) unit: Option<&'a str>,
    /// How many numbers were drawn.
    pub(crate) samples: usize,
    /// The least of them.
    pub(crate) min: Option<f64>,
    /// Their mean.
    pub(crate) mean: Option<f64>,
    /// The greatest of them.
    pub(crate) max: Option<f64>,
    /// The file.
    pub(crate) file: String,
}
