//! What is said of a verified message beside its content: who signed it, and how old it was.

use nuncio::MessageInfo;

use crate::answers::called::SignedBy;
use crate::render::{short_key, span};

/// For people: `/arm, signed by z6Mk…abc (pinned), 2 ms old`.
pub(crate) fn line(info: &MessageInfo) -> String {
    let age = span(info.received_time_ns.saturating_sub(info.source_time_ns));
    let (signer, verdict) = (short_key(&info.signer), info.verdict.as_str());
    format!("{}, signed by {signer} ({verdict}), {age} old", info.node)
}

/// For programs.
pub(crate) fn answer(info: &MessageInfo) -> SignedBy {
    SignedBy {
        signer: info.signer.to_string(),
        verified: true,
        node: info.node.to_string(),
        verdict: info.verdict.as_str(),
        stamp_ns: info.source_time_ns,
        id: info.id().to_string(),
    }
}
