//! What the commands below `bag` print as JSON; what `info` and `verify` print is [`nuncio_bridge::bag`]'s own.

use schemars::JsonSchema;
use serde::Serialize;

use super::message::ValueText;

/// What was recorded, when it has ended.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BagRecorded<'a> {
    /// Messages recorded.
    pub(crate) messages: u64,
    /// Signed frames recorded.
    pub(crate) frames: u64,
    /// Bytes written.
    pub(crate) bytes: u64,
    /// Files written.
    pub(crate) files: u64,
    /// Seals of the recorder.
    pub(crate) seals: u64,
    /// Messages that never came, by their numbers.
    pub(crate) lost: u64,
    /// Frames that were refused.
    pub(crate) refused: u64,
    /// Messages that are none of their type; they are recorded as signed frames alone.
    pub(crate) undecodable: u64,
    /// Keys that have signed.
    pub(crate) signers: u64,
    /// Topics recorded.
    pub(crate) topics: u64,
    /// Whether the recorder has ended the bag in order.
    pub(crate) closed: bool,
    /// Why the recording has ended by itself, such as a full disk; null if it was told to end.
    pub(crate) because: Option<&'a str>,
}

/// An extract of recordings.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BagExtracted {
    /// Messages in it.
    pub(crate) messages: u64,
    /// Signed frames in it.
    pub(crate) frames: u64,
    /// Bytes written.
    pub(crate) bytes: u64,
    /// Seals by this user.
    pub(crate) seals: u64,
    /// Messages that never came, by their numbers.
    pub(crate) lost: u64,
    /// The recordings that it is an extract of.
    pub(crate) extract_of: Vec<String>,
}

/// A signed message of a recording.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BagMessage<'a> {
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
    /// When it was recorded, in nanoseconds since 1970.
    pub(crate) received_ns: u64,
    /// Always `recording`.
    pub(crate) provenance: &'static str,
    /// True where it was a replay already when it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<bool>,
    /// The node that has published it, where the recording proves that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<&'a str>,
    /// Its id: 32 hexadecimal digits.
    pub(crate) id: String,
    /// The id of the message that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// On whose behalf the signer says that it has published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<&'a str>,
    pub(crate) message: ValueText,
}

/// What was played.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BagPlayed {
    /// Messages published.
    pub(crate) played: u64,
    /// How often the recording was played.
    pub(crate) rounds: u64,
    /// Frames that prove nothing and were not played.
    pub(crate) refused: u64,
    /// Messages of no known type, which were not played.
    pub(crate) untyped: u64,
    /// How late messages were on the average, in nanoseconds.
    pub(crate) late_mean_ns: i64,
    /// How late the latest one was, in nanoseconds.
    pub(crate) late_max_ns: i64,
}

/// A file that was exported.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BagExported {
    /// The file.
    pub(crate) file: String,
    /// Messages in it.
    pub(crate) messages: u64,
}

/// A recording of ROS 2 that was taken over.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BagImported<'a> {
    /// The new bag.
    pub(crate) bag: String,
    /// Messages in it, signed by this user as their importer.
    pub(crate) messages: u64,
    /// Messages that are none of their type and were left out.
    pub(crate) undecodable: u64,
    /// Topics that were left out.
    pub(crate) left_out: Vec<&'a str>,
}
