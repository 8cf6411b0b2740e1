//! What is said of a verified message beside its content: who signed it, and how old it was.

use nuncio::{ApprovalState, MessageInfo, Provenance, PublicKey};

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

/// The line above a message, a comment: who signed it, its number, how old it was, and what is odd about it.
pub(crate) fn head(info: &MessageInfo) -> String {
    let age = span(info.received_time_ns.saturating_sub(info.source_time_ns));
    let missing = match info.missing_before {
        0 => String::new(),
        missing => format!(", {missing} missing before it"),
    };
    let approval = match &info.approval {
        ApprovalState::By(keys) => format!(", approved by {}", joined(keys, short_key)),
        ApprovalState::Pending => ", not approved yet".to_owned(),
        _ => String::new(),
    };
    let provenance = match info.provenance {
        Provenance::Live => String::new(),
        other => format!(", {}", other.as_str()),
    };
    format!(
        "# {}, signed by {} ({}){approval}, #{}{provenance}, {} old{missing}",
        info.node,
        short_key(&info.signer),
        info.verdict.as_str(),
        info.number,
        age,
    )
}

/// Keys one after the other, as `text` writes them.
pub(crate) fn joined(keys: &[PublicKey], text: impl Fn(&PublicKey) -> String) -> String {
    keys.iter().map(text).collect::<Vec<_>>().join(", ")
}
