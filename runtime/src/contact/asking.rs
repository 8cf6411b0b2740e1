//! Questions for cards, each with a nonce of its own.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Note, RoundTrip};
use crate::card::NONCE_LEN;
use crate::clock;
use crate::key_expr;
use crate::node::NodeCore;

/// Asks for cards, and leaves `at_the_end` when no more can come or the time is over.
pub(super) fn ask(node: &Arc<NodeCore>, key_expr: &str, timeout: Duration, at_the_end: Note) {
    let mut nonce = [0; NONCE_LEN];
    let end = EndNote {
        node: Arc::downgrade(node),
        note: Some(at_the_end),
    };
    if getrandom::fill(&mut nonce).is_err() {
        // Without randomness there is no freshness; whoever waits is refused as unknown.
        return;
    }
    let since = Instant::now();
    let asked = node
        .link
        .query(key_expr, nonce.to_vec(), timeout, move |answered_on, bytes| {
            let Some(node) = end.node.upgrade() else { return };
            if let Some(claim) = key_expr::parse_node_claim(&node.domain, answered_on) {
                let round_trip = RoundTrip {
                    took: since.elapsed(),
                    answered_ns: clock::now_ns(),
                };
                node.contact.leave(Note::Answered(claim, bytes, nonce, round_trip));
            }
        });
    // When the question could not even be put, the closure was dropped and has left its note.
    drop(asked);
}

/// Leaves a note when the link drops the closure that receives answers.
struct EndNote {
    node: Weak<NodeCore>,
    note: Option<Note>,
}

impl Drop for EndNote {
    fn drop(&mut self) {
        if let (Some(node), Some(note)) = (self.node.upgrade(), self.note.take()) {
            node.contact.leave(note);
        }
    }
}
