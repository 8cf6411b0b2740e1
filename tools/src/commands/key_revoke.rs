//! `key revoke`: a key is refused from an instant on, everywhere, in the name of the anchor.
//!
//! The list is signed and kept before it is put on the fabric: what was revoked once stays so, also when nobody hears of
//! it now. Nodes that use this keystore take it in when they start, others when they meet a node that holds it.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use nuncio::graph::{Graph, GraphNode};
use nuncio::security::revocation::{Revoked, SignedRevocations};
use nuncio::security::time_text::utc_text;
use nuncio::security::trust_storage::ANCHOR_FILE;
use nuncio::{PublicKey, clock};

use super::{CommandError, Outcome, on_the_network};
use crate::acquaintances::ME;
use crate::answers::key::KeyRevoked;
use crate::cli::{GlobalArgs, KeyRevoke};
use crate::render::{Render, count, short_key};
use crate::session::Session;
use crate::trust_home::TrustHome;

/// How long to wait for nodes to take the list in, unless `--timeout` says otherwise.
const WAIT_FOR_NODES: Duration = Duration::from_secs(2);

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &KeyRevoke) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let key = home.find(&args.whom)?;
    let asked = args.anchor.anchor.as_ref();
    let Some((_, anchor)) = home.anchor_key(asked, &args.anchor.passphrase)? else {
        let path = asked.cloned().unwrap_or_else(|| home.path(ANCHOR_FILE));
        return Err(NoAnchor { path }.into());
    };
    if anchor.public_key() == key {
        render.warning("this is the anchor itself: all that it has certified is refused, too");
    }
    let now_ns = clock::now_ns();
    let since_ns = args.since.map_or(now_ns, |since| since.at_ns(now_ns));
    let revoked = Revoked {
        key,
        since_ns,
        reason: args.reason.clone(),
    };
    let list = home.keystore.revoke(&anchor, &global.domain, &[revoked], now_ns)?;
    render.note(format!(
        "{} is revoked since {}; {} has revoked {}",
        short_key(&key),
        utc_text(since_ns),
        short_key(&list.anchor()),
        count(list.revoked().len(), "key"),
    ));
    if !home.policy.is_anchor(list.anchor()) {
        render.warning(format!(
            "{} is no anchor in this user's trust.toml, so the revocation has no effect here; nodes that have it take it in",
            list.anchor()
        ));
    }
    if home.acquaintances.own() == Some(key) {
        render.warning(format!(
            "this was the own key (`{ME}`); make a new one with `nuncio key new --force`"
        ));
    }
    on_the_network(global, render, async |session| {
        spread(session, &list, key, since_ns).await
    })
}

/// Puts the list on the fabric and counts the nodes whose cards say that they hold it.
async fn spread(
    session: &mut Session<'_>,
    list: &SignedRevocations,
    key: PublicKey,
    since_ns: i64,
) -> Result<Outcome, CommandError> {
    let known = session.graph().await;
    session.node.spread_revocations(list)?;
    let others = known.nodes.iter().filter(|node| is_other(session, node)).count();
    let timeout = session.timeout.unwrap_or(WAIT_FOR_NODES);
    let holding = |graph: &Graph| {
        let others = graph.nodes.iter().filter(|node| is_other(session, node));
        others.filter(|node| holds(node, list)).count()
    };
    let all_hold = session.node.wait_for_graph(timeout, |graph| holding(graph) >= others);
    let graph = session
        .render
        .progress("waiting for nodes to take it in", all_hold)
        .await;
    let graph = graph.unwrap_or_else(|| session.node.graph());
    let holding = holding(&graph);
    let render = session.render;
    if render.is_json() {
        render.answer(&KeyRevoked {
            key: key.to_string(),
            since: utc_text(since_ns),
            anchor: list.anchor().to_string(),
            serial: list.serial(),
            nodes: others,
            nodes_that_hold_it: holding,
        })?;
    } else if others == 0 {
        let line = "no other node is there now; this user's nodes hold the list from now on, and give it to others";
        render.line(None, line)?;
    } else {
        render.line(
            None,
            &format!("{holding} of {} hold the list", count(others, "other node")),
        )?;
    }
    if holding < others {
        render.note(
            "the others have another trust.toml or no answer yet; nodes that come later take it from those that hold it",
        );
    }
    Ok(Outcome::Found)
}

/// Whether a node is there for sure, and not this command.
fn is_other(session: &Session<'_>, node: &GraphNode) -> bool {
    node.is_verified() && !session.is_own(node)
}

fn holds(node: &GraphNode, list: &SignedRevocations) -> bool {
    node.card.as_deref().is_some_and(|card| {
        let mut marks = card.trust_marks.iter();
        marks.any(|mark| mark.anchor == *list.anchor().as_bytes() && mark.serial >= list.serial())
    })
}

/// The anchor's key is not there.
#[derive(Debug)]
struct NoAnchor {
    path: PathBuf,
}

impl fmt::Display for NoAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected the anchor's private key in {}, found no file; name it with --anchor FILE, or refuse the key here \
             alone by a line in [revoked] of trust.toml",
            self.path.display()
        )
    }
}

impl Error for NoAnchor {}
