//! Questions for the cards of nodes, from readers of ROS 2 that check proofs: passed on to the nodes (see [`proof`](super::proof)).
//!
//! Nothing is kept and nothing is checked: what a node has signed for a reader's nonce is worth nothing to anybody else.
//!
//! # Invariants
//!
//! - Only nodes that are seen in ROS are asked, and all together not more often than [`ASKED_AT_ONCE`] in [`PAUSE`]: whoever
//!   reaches the network of ROS may ask.

use std::sync::Arc;
use std::time::Duration;

use nuncio::{NodeName, PublicKey};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::proof::{Proof, every_card_key, parse_card_key};
use super::session::{Declared, RosQuery, SessionError};
use super::side::{RosSide, Side};

/// How many questions are under way at one time.
const ASKED_AT_ONCE: usize = 8;

/// How long each of them holds its place at least.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a node has to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers as long as what it gives is kept; `None` when no proofs are shown.
///
/// # Errors
///
/// [`SessionError`] when the session is closed.
pub(crate) fn serve(side: &Side) -> Result<Option<Declared>, SessionError> {
    if side.proof == Proof::None {
        return Ok(None);
    }
    let (weak, places) = (Arc::downgrade(side), Arc::new(Semaphore::new(ASKED_AT_ONCE)));
    let tasks = Handle::current();
    let answer = move |query: RosQuery| {
        let Some(side) = weak.upgrade() else { return };
        // Who has gone needs no answer.
        let refuse = |why: &str| drop(query.fail(why));
        let Some((key, node)) = parse_card_key(side.domain, query.key_expr()) else {
            return refuse("the key names no card");
        };
        let Ok(nonce) = <[u8; nuncio::CARD_NONCE_LEN]>::try_from(&*query.payload()) else {
            return refuse("a card is asked for with a nonce of 16 bytes");
        };
        if !side.mirrors.shows(&side, &node) {
            return refuse("nothing of this node goes out here");
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            return refuse("too many cards are asked for; ask again in a moment");
        };
        tasks.spawn(async move {
            pass_on(&side, &query, (key, &node, nonce)).await;
            // The reader has its answer; only the place is held.
            drop((query, side));
            tokio::time::sleep(PAUSE).await;
            drop(place);
        });
    };
    side.session.serve(&every_card_key(side.domain), answer).map(Some)
}

async fn pass_on(
    side: &RosSide,
    query: &RosQuery,
    (key, node, nonce): (PublicKey, &NodeName, [u8; nuncio::CARD_NONCE_LEN]),
) {
    let native = side.client.border().node();
    let _ = match native.card_for(key, node, nonce, ANSWER_TIMEOUT).await {
        Some(card) => query.tell(card.into()),
        None => query.fail("the node does not answer"),
    };
}
