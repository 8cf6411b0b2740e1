//! What becomes of the cards of other nodes.

use std::sync::Arc;

use super::{Presence, ROUND_TRIP_MAX, RoundTrip};
use crate::clock;
use crate::key_expr::NodeClaim;
use crate::node::NodeCore;
use crate::security::peers::{AuthenticCard, CardRoad};
use crate::security::refusal::Refusal;

/// A node has answered with its card, or with something else.
pub(super) fn take_answer(
    node: &Arc<NodeCore>,
    presence: &mut Presence,
    claim: &NodeClaim,
    opened: Result<AuthenticCard, Refusal>,
    round_trip: RoundTrip,
) {
    let time_ns = opened.as_ref().map_or(0, |authentic| authentic.time_ns);
    match opened.and_then(|authentic| presence.admit(node, authentic, CardRoad::Answered)) {
        Ok(_) => {
            compare_clocks(node, claim, time_ns, round_trip);
            learned(node, presence, claim);
        }
        Err(refusal) => node.refuse_document(refusal),
    }
}

/// A card has told something new.
pub(super) fn learned(node: &Arc<NodeCore>, presence: &mut Presence, claim: &NodeClaim) {
    node.graph.changed();
    let peer = node.peers.node(claim.key, &claim.node);
    if peer.is_some_and(|peer| peer.note_card(clock::now_ns())) {
        tracing::info!("{} is there, with the key {}", claim.node, claim.key);
    }
    // Whatever is told of a publisher's messages is told after it was said that there is one.
    node.match_node(claim.key, &claim.node);
    node.receptions()
        .iter()
        .for_each(|reception| reception.retry(claim.key));
    node.meet_publishers_of(claim.key);
    presence.facts_topic.look_at(node, claim);
}

/// Notes how far the clock of whoever answered is ahead of ours, unless the answer took too long to tell.
fn compare_clocks(node: &NodeCore, claim: &NodeClaim, time_ns: i64, round_trip: RoundTrip) {
    if round_trip.took > ROUND_TRIP_MAX {
        return;
    }
    if let Some(peer) = node.peers.node(claim.key, &claim.node)
        && peer.epoch() == claim.epoch
    {
        let half = i64::try_from(round_trip.took.as_nanos() / 2).unwrap_or_default();
        peer.set_clock_offset_ns(time_ns.saturating_sub(round_trip.answered_ns.saturating_sub(half)));
    }
}
