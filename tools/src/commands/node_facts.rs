//! `node facts`: what a node says of its own work, in numbers.

use std::time::Duration;

use nuncio::graph::GraphNode;
use nuncio::msgs::builtin_interfaces::msg::Time;
use nuncio::msgs::nuncio_msgs::msg::{
    NodeFacts, PeerFacts, PublisherCounters, RecentRefusal, RefusalCounter, ServiceCounters, SubscriptionCounters,
};
use nuncio::{FactsError, PublicKey, clock};
use tokio::task::JoinSet;

use super::{CommandError, Outcome};
use crate::answers::named::Named;
use crate::answers::node as answers;
use crate::cli::NodeFacts as NodeFactsArgs;
use crate::render::{OutputError, Render, Table, Tone, bytes, count, short_key, span};
use crate::session::Session;

/// How long a node may take to answer unless `--timeout` says otherwise.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// How many nodes are asked at one time: the answers of a fleet are large.
const ASKED_AT_ONCE: usize = 32;

pub(super) async fn run(session: &mut Session<'_>, args: NodeFactsArgs) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let nodes: Vec<_> = graph.nodes_named(&args.node).cloned().collect();
    let render = session.render;
    if nodes.is_empty() {
        render.note(format!("no node is called {}", args.node));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    let answers = fetch_all(session, nodes).await;
    if answers.len() > 1 {
        render.warning(format!("{} share the name {}", count(answers.len(), "key"), args.node));
    }
    let mut outcome = Outcome::Nothing;
    for (node, facts) in &answers {
        match facts {
            Err(error) => render.warning(error),
            Ok(facts) => {
                outcome = Outcome::Found;
                match render.is_json() {
                    true => render.answer(&answer(node, facts))?,
                    false => show(render, node, facts)?,
                }
            }
        }
    }
    Ok(outcome)
}

/// Asks nodes for their facts, and gives what each answers, in the same order.
pub(super) async fn fetch_all(
    session: &Session<'_>,
    nodes: Vec<GraphNode>,
) -> Vec<(GraphNode, Result<NodeFacts, FactsError>)> {
    let timeout = session.timeout.unwrap_or(ANSWER_TIME);
    let (mut asked, mut answers) = (JoinSet::new(), Vec::with_capacity(nodes.len()));
    for (place, node) in nodes.into_iter().enumerate() {
        if asked.len() >= ASKED_AT_ONCE {
            answers.extend(asked.join_next().await.and_then(Result::ok));
        }
        let asking = session.node.clone();
        asked.spawn(async move {
            let facts = asking.fetch_facts(&node, timeout).await;
            (place, node, facts)
        });
    }
    while let Some(answer) = session.render.progress("asking nodes", asked.join_next()).await {
        answers.extend(answer.ok());
    }
    answers.sort_by_key(|(place, ..)| *place);
    answers.into_iter().map(|(_, node, facts)| (node, facts)).collect()
}

/// The word for a level.
pub(super) const fn level_word(level: u8) -> &'static str {
    match level {
        NodeFacts::LEVEL_OK => "ok",
        NodeFacts::LEVEL_WARNING => "warning",
        _ => "error",
    }
}

fn answer<'a>(node: &'a GraphNode, facts: &'a NodeFacts) -> answers::NodeFacts<'a> {
    answers::NodeFacts {
        node: node.name.as_str(),
        key: node.key.to_string(),
        epoch: facts.epoch,
        stamp_ns: ns(&facts.stamp),
        started_ns: ns(&facts.started),
        uptime_ns: facts.uptime_ns,
        version: &facts.version,
        level: level_word(facts.level),
        publishers: facts.publishers.iter().map(publisher_facts).collect(),
        subscriptions: facts.subscriptions.iter().map(subscription_facts).collect(),
        services: facts.services.iter().map(service_facts).collect(),
        peers: facts.peers.iter().map(peer_facts).collect(),
        peers_total: facts.peers_total,
        refused: counts(&facts.refused),
        recent_refusals: facts.recent_refusals.iter().map(recent_refusal).collect(),
        signatures: facts.signatures,
        signed_frames: facts.signed_frames,
        signing_ns: facts.signing_ns,
        verifications: facts.verifications,
        discovery: &facts.discovery,
        links: &facts.links,
        links_total: facts.links_total,
        router: &facts.router,
        metrics: &facts.metrics,
    }
}

fn publisher_facts(of: &PublisherCounters) -> answers::PublisherFacts<'_> {
    answers::PublisherFacts {
        topic: &of.topic,
        type_name: &of.type_name,
        matched: of.matched,
        sent: of.sent,
        sent_bytes: of.sent_bytes,
        dropped: of.dropped,
        failed: of.failed,
        blocked: of.blocked,
        timed_out: of.timed_out,
        would_block: of.would_block,
        deadlines_missed: of.deadlines_missed,
        liveliness_lost: of.liveliness_lost,
        queued: of.queued,
        queued_bytes: of.queued_bytes,
        queue_bytes_max: of.queue_bytes_max,
    }
}

fn subscription_facts(of: &SubscriptionCounters) -> answers::SubscriptionFacts<'_> {
    answers::SubscriptionFacts {
        topic: &of.topic,
        type_name: &of.type_name,
        matched: of.matched,
        received: of.received,
        received_bytes: of.received_bytes,
        recovered: of.recovered,
        missing: of.missing,
        duplicates: of.duplicates,
        dropped: of.dropped,
        expired: of.expired,
        incompatible: of.incompatible,
        deadlines_missed: of.deadlines_missed,
        queued: of.queued,
        depth: of.depth,
        timed_frames: of.timed_frames,
        delay_sum_ns: of.delay_sum_ns,
        jitter_sum_ns: of.jitter_sum_ns,
        refused: counts(&of.refused),
    }
}

fn service_facts(of: &ServiceCounters) -> answers::ServiceFacts<'_> {
    answers::ServiceFacts {
        name: &of.name,
        type_name: &of.type_name,
        is_server: of.is_server,
        requests: of.requests,
        answered: of.answered,
        faults: of.faults,
        overloaded: of.overloaded,
        refused: of.refused,
        waiting: of.waiting,
        depth: of.depth,
    }
}

fn peer_facts(of: &PeerFacts) -> answers::PeerFacts<'_> {
    answers::PeerFacts {
        node: &of.node,
        key: PublicKey::from_bytes(of.key).to_string(),
        nickname: &of.nickname,
        epoch: of.epoch,
        verified: of.is_verified,
        verdict: &of.verdict,
        first_seen_ns: ns(&of.first_seen),
        last_seen_ns: ns(&of.last_seen),
        refused: of.refused,
        clock_offset_ns: of.has_clock_offset.then_some(of.clock_offset_ns),
    }
}

fn recent_refusal(of: &RecentRefusal) -> answers::RecentRefusal<'_> {
    answers::RecentRefusal {
        stamp_ns: ns(&of.stamp),
        topic: &of.topic,
        reason: &of.reason,
        count: of.count,
        detail: &of.detail,
        key: of.has_key.then(|| PublicKey::from_bytes(of.key).to_string()),
    }
}

fn counts(counters: &[RefusalCounter]) -> Named<u64> {
    let counters = counters.iter();
    counters
        .map(|counter| (counter.reason.clone(), counter.count))
        .collect()
}

fn show(render: &Render, node: &GraphNode, facts: &NodeFacts) -> Result<(), OutputError> {
    render.line(Some(Tone::Strong), &format!("{}  {}", node.name, short_key(&node.key)))?;
    let mut whole = Table::default();
    let up = span(ns(&facts.stamp).saturating_sub(ns(&facts.started)));
    whole.row(["health".into(), level_word(facts.level).into()]);
    whole.row(["up".into(), format!("{up}, Nuncio {}", facts.version)]);
    let signing = span(i64::try_from(facts.signing_ns).unwrap_or(i64::MAX));
    let signed = format!("{} in {signing}, for {} frames", facts.signatures, facts.signed_frames);
    whole.row(["signatures".into(), signed]);
    whole.row(["verifications".into(), facts.verifications.to_string()]);
    whole.row([
        "links".into(),
        format!("{}  {}", facts.links_total, facts.links.join("  ")),
    ]);
    if !facts.router.is_empty() {
        whole.row(["router".into(), facts.router.clone()]);
    }
    if !facts.metrics.is_empty() {
        whole.row(["metrics".into(), format!("http://{}/metrics", facts.metrics)]);
    }
    whole.row(["refused".into(), listed(&facts.refused)]);
    whole.lines(2).iter().try_for_each(|line| render.line(None, line))?;
    section(render, publishers(facts))?;
    section(render, subscriptions(facts))?;
    section(render, services(facts))?;
    section(render, peers(facts))
}

/// A table with its headings, unless it has nothing else.
fn section(render: &Render, table: Table) -> Result<(), OutputError> {
    let lines = table.lines(2);
    for (index, line) in lines.iter().enumerate().filter(|_| lines.len() > 1) {
        render.line((index == 0).then_some(Tone::Strong), line)?;
    }
    Ok(())
}

fn publishers(facts: &NodeFacts) -> Table {
    let mut table = Table::new(["PUBLISHER", "SENT", "BYTES", "TO", "WAITING", "LOST"]);
    for of in &facts.publishers {
        let lost = of.dropped + of.failed + of.timed_out;
        table.row([
            of.topic.clone(),
            of.sent.to_string(),
            bytes(of.sent_bytes as f64),
            of.matched.to_string(),
            of.queued.to_string(),
            lost.to_string(),
        ]);
    }
    table
}

fn subscriptions(facts: &NodeFacts) -> Table {
    let mut table = Table::new([
        "SUBSCRIPTION",
        "RECEIVED",
        "BYTES",
        "FROM",
        "QUEUE",
        "MISSING",
        "DROPPED",
        "REFUSED",
    ]);
    for of in &facts.subscriptions {
        table.row([
            of.topic.clone(),
            of.received.to_string(),
            bytes(of.received_bytes as f64),
            of.matched.to_string(),
            format!("{}/{}", of.queued, of.depth),
            of.missing.to_string(),
            of.dropped.to_string(),
            listed(&of.refused),
        ]);
    }
    table
}

fn services(facts: &NodeFacts) -> Table {
    let mut table = Table::new(["SERVICE", "", "REQUESTS", "ANSWERED", "FAULTS", "WAITING"]);
    for of in &facts.services {
        let role = if of.is_server { "serves" } else { "calls" };
        table.row([
            of.name.clone(),
            role.to_owned(),
            of.requests.to_string(),
            of.answered.to_string(),
            of.faults.to_string(),
            of.waiting.to_string(),
        ]);
    }
    table
}

fn peers(facts: &NodeFacts) -> Table {
    let mut table = Table::new(["KNOWS", "KEY", "", "LAST SEEN", "REFUSED", "CLOCK"]);
    for of in &facts.peers {
        let key = match of.nickname.as_str() {
            "" => short_key(&PublicKey::from_bytes(of.key)),
            nickname => nickname.to_owned(),
        };
        table.row([
            of.node.clone(),
            key,
            if of.is_verified {
                of.verdict.clone()
            } else {
                "NOT VERIFIED".to_owned()
            },
            last_seen(of),
            of.refused.to_string(),
            match of.has_clock_offset {
                true => span(of.clock_offset_ns),
                false => "?".to_owned(),
            },
        ]);
    }
    table
}

fn last_seen(of: &PeerFacts) -> String {
    match ns(&of.last_seen) {
        0 => "never".to_owned(),
        seen => format!("{} ago", span(clock::now_ns().saturating_sub(seen))),
    }
}

/// The counters of refusals in a few words.
fn listed(refused: &[RefusalCounter]) -> String {
    let counted: Vec<_> = refused.iter().map(|of| format!("{} {}", of.reason, of.count)).collect();
    match counted.is_empty() {
        true => "0".to_owned(),
        false => counted.join(", "),
    }
}

/// A stamp as ns since 1970.
fn ns(time: &Time) -> i64 {
    i64::from(time.sec) * 1_000_000_000 + i64::from(time.nanosec)
}
