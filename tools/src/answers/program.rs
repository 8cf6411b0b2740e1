//! What `router`, `demo`, `prove`, `manual` and `json-schema` print as JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::named::Named;

/// The router is there: the only line.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RouterReady<'a> {
    /// Always `ready`.
    pub(crate) event: &'static str,
    /// Where it listens.
    pub(crate) locators: &'a [String],
    /// The domain whose nodes find it.
    pub(crate) domain: &'a str,
    /// How it is found.
    pub(crate) discovery: &'a str,
}

/// The manual pages that were written.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ManualWritten {
    /// The folder.
    pub(crate) folder: String,
    /// How many pages.
    pub(crate) pages: usize,
}

/// A command that prints JSON.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CommandWithSchema<'a> {
    /// The command, such as `topic list`.
    pub(crate) command: &'a str,
    /// The file of its schema in `tools/schemas`.
    pub(crate) file: String,
    /// `document` if it prints one object, `lines` if it prints any number, each on a line.
    pub(crate) prints: &'static str,
}

/// How the demonstration has ended.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct DemoEnded<'a> {
    /// Genuine messages delivered.
    pub(crate) delivered: u64,
    /// Genuine messages that were not.
    pub(crate) lost: u64,
    /// Forged frames sent.
    pub(crate) forged_sent: u64,
    /// Forged messages delivered.
    pub(crate) forged_delivered: u64,
    /// Forged frames refused, by reason.
    pub(crate) refused: Named<u64>,
    /// Genuine messages sent.
    pub(crate) sent: u64,
    /// Topic by topic.
    pub(crate) topics: Vec<DemoTopic<'a>>,
    /// Attack by attack.
    pub(crate) attacks: Vec<DemoAttack<'a>>,
    /// Whether it has ended as it should.
    pub(crate) ok: bool,
}

/// A topic of the demonstration.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct DemoTopic<'a> {
    /// Its name.
    pub(crate) topic: &'a str,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The key that signs there, `did:key:…`.
    pub(crate) signer: String,
    /// Messages sent.
    pub(crate) sent: u64,
    /// Messages delivered.
    pub(crate) delivered: u64,
    /// Messages that were not.
    pub(crate) lost: u64,
    /// The median age at delivery, in nanoseconds; null if there was none.
    pub(crate) latency_p50_ns: Option<i64>,
    /// What one in a hundred was older than, in nanoseconds.
    pub(crate) latency_p99_ns: Option<i64>,
}

/// An attack of the demonstration.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct DemoAttack<'a> {
    /// Its name.
    pub(crate) attack: &'a str,
    /// The topic that it was for.
    pub(crate) topic: &'a str,
    /// Frames sent.
    pub(crate) sent: u64,
    /// Frames refused.
    pub(crate) refused: u64,
    /// The reason for which they are.
    pub(crate) reason: String,
}

/// An attack that can be made, with `prove list`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct AttackListed {
    /// Its name.
    pub(crate) attack: String,
    /// How often it is tried.
    pub(crate) attempts: u64,
    /// What it does.
    pub(crate) what: String,
}

/// How an attack has ended. Each has further members of its own, with what it has measured.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct AttackMade<'a> {
    /// Its name.
    pub(crate) attack: String,
    /// How often it was tried.
    pub(crate) tried: u64,
    /// How often it succeeded: something hostile was delivered.
    pub(crate) delivered: u64,
    /// What was refused, by reason.
    pub(crate) refused: &'a BTreeMap<String, u64>,
    /// Genuine messages sent meanwhile.
    pub(crate) genuine: u64,
    /// Genuine messages delivered.
    pub(crate) genuine_delivered: u64,
    /// Whether all is as promised.
    pub(crate) ok: bool,
    /// What is not.
    pub(crate) problems: Vec<String>,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// With which the same choices are made again.
    pub(crate) seed: u64,
    #[serde(flatten)]
    pub(crate) measured: &'a Map<String, Value>,
}
