//! What is said of a verified message beside its content: who signed it, and how old it was.

use nuncio::MessageInfo;
use serde_json::{Map, Value};

use crate::render::{short_key, span};

/// For people: `/arm, signed by z6Mk…abc (pinned), 2 ms old`.
pub(crate) fn line(info: &MessageInfo) -> String {
    let age = span(info.received_time_ns.saturating_sub(info.source_time_ns));
    let (signer, verdict) = (short_key(&info.signer), info.verdict.as_str());
    format!("{}, signed by {signer} ({verdict}), {age} old", info.node)
}

/// For programs, behind what is in `facts`.
pub(crate) fn enter(facts: &mut Map<String, Value>, info: &MessageInfo) {
    let mut fact = |name: &str, value: Value| facts.insert(name.to_owned(), value);
    fact("signer", info.signer.to_string().into());
    fact("verified", true.into());
    fact("node", info.node.as_str().into());
    fact("verdict", info.verdict.as_str().into());
    fact("stamp_ns", info.source_time_ns.into());
    fact("id", info.id().to_string().into());
}
