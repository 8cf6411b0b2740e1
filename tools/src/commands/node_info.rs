//! `node info`: what a node says of itself, and how this program finds it.

use nuncio::graph::GraphNode;
use nuncio::msgs::builtin_interfaces::msg::Time;
use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardService, CardSubscriber, NodeCard};
use nuncio::{TypeHash, clock};
use serde_json::{Map, Value, json};

use super::{CommandError, Outcome};
use crate::cli::NodeInfo;
use crate::render::{OutputError, Render, Table, Tone, count, span, utc};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: NodeInfo) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let nodes: Vec<&GraphNode> = graph.nodes_named(&args.node).collect();
    let render = session.render;
    if nodes.is_empty() {
        render.note(format!("no node is called {}", args.node));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    let neighbours = session.node.neighbours().await;
    for node in &nodes {
        if render.is_json() {
            let mut object = object(node);
            let seen_by = json!({
                "node": session.node.name().as_str(),
                "discovery": session.node.discovery(),
                "router": session.node.router().map(|router| router.to_string()),
                "shared_memory": session.node.shared_memory().to_string(),
                "locators": session.node.locators(),
                "neighbours": neighbours,
            });
            object.insert("seen_by".to_owned(), seen_by);
            render.json(&Value::Object(object))?;
        } else {
            show(render, node)?;
        }
    }
    if nodes.len() > 1 {
        render.warning(format!("{} share the name {}", count(nodes.len(), "key"), args.node));
    }
    if !render.is_json() {
        render.line(Some(Tone::Quiet), &format!("seen by {}", session.node.name()))?;
        let mut facts = Table::default();
        facts.row(["discovery".into(), session.node.discovery().to_owned()]);
        if let Some(router) = session.node.router() {
            facts.row(["router".into(), router.to_string()]);
        }
        facts.row(["shared memory".into(), session.node.shared_memory().to_string()]);
        facts.row(["listens on".into(), listed(session.node.locators())]);
        facts.row(["links to".into(), listed(&neighbours)]);
        facts
            .lines(2)
            .iter()
            .try_for_each(|line| render.line(Some(Tone::Quiet), line))?;
    }
    Ok(Outcome::Found)
}

fn object(node: &GraphNode) -> Map<String, Value> {
    let mut object = Map::new();
    let mut fact = |name: &str, value: Value| object.insert(name.to_owned(), value);
    fact("node", node.name.as_str().into());
    fact("key", node.key.to_string().into());
    fact("verified", node.is_verified().into());
    fact("epoch", node.epoch.into());
    let Some(card) = &node.card else { return object };
    fact("started_ns", ns(&card.started).into());
    fact("version", card.version.as_str().into());
    fact("discovery", card.discovery.as_str().into());
    fact("locators", json!(card.locators));
    let publisher = |facts: &CardPublisher| {
        json!({
            "topic": facts.topic,
            "type": facts.type_name,
            "type_hash": TypeHash::from_bytes(facts.type_hash).to_string(),
            "next_number": facts.next_number,
        })
    };
    let subscriber = |facts: &CardSubscriber| {
        let typed = !facts.type_name.is_empty();
        json!({
            "topic": facts.topic,
            "type": typed.then_some(&facts.type_name),
            "type_hash": typed.then(|| TypeHash::from_bytes(facts.type_hash).to_string()),
        })
    };
    let service = |facts: &CardService| {
        json!({
            "name": facts.name,
            "type": facts.type_name,
            "is_server": facts.is_server,
        })
    };
    fact("publishers", card.publishers.iter().map(publisher).collect());
    fact("subscribers", card.subscribers.iter().map(subscriber).collect());
    fact("services", card.services.iter().map(service).collect());
    object
}

fn show(render: &Render, node: &GraphNode) -> Result<(), OutputError> {
    render.line(Some(Tone::Strong), node.name.as_str())?;
    let mut facts = Table::default();
    let mut fact = |name: &str, value: String| facts.row([name.to_owned(), value]);
    fact("key", node.key.to_string());
    let Some(card) = &node.card else {
        let verified = "NO: somebody claims this name and key, but shows no card that the key has signed";
        fact("verified", verified.to_owned());
        return facts
            .lines(2)
            .iter()
            .try_for_each(|line| render.line(Some(Tone::Warning), line));
    };
    let started = ns(&card.started);
    fact("verified", "yes, its card is signed by this key".to_owned());
    fact("epoch", node.epoch.to_string());
    let running = span(clock::now_ns().saturating_sub(started));
    fact("started", format!("{}, {running} ago by its clock", utc(started)));
    fact("version", card.version.clone());
    fact("discovery", card.discovery.clone());
    fact("listens on", listed(&card.locators));
    facts.lines(2).iter().try_for_each(|line| render.line(None, line))?;
    endpoints(render, card)
}

fn endpoints(render: &Render, card: &NodeCard) -> Result<(), OutputError> {
    let mut publishers = Table::default();
    for facts in &card.publishers {
        let sent = facts.next_number.saturating_sub(1);
        publishers.row([
            facts.topic.clone(),
            facts.type_name.clone(),
            format!("{sent} sent when last asked"),
        ]);
    }
    let mut subscribers = Table::default();
    for facts in &card.subscribers {
        let type_name = if facts.type_name.is_empty() {
            "any type"
        } else {
            &facts.type_name
        };
        subscribers.row([facts.topic.clone(), type_name.to_owned()]);
    }
    let mut services = Table::default();
    for facts in &card.services {
        let role = if facts.is_server { "serves" } else { "calls" };
        services.row([facts.name.clone(), facts.type_name.clone(), role.to_owned()]);
    }
    for (what, table) in [
        ("publishers", publishers),
        ("subscribers", subscribers),
        ("services", services),
    ] {
        let lines = table.lines(4);
        if !lines.is_empty() {
            render.line(None, &format!("  {what}"))?;
            lines.iter().try_for_each(|line| render.line(None, line))?;
        }
    }
    Ok(())
}

fn listed(texts: &[String]) -> String {
    match texts.is_empty() {
        true => "nothing".to_owned(),
        false => texts.join("  "),
    }
}

/// A stamp as ns since 1970.
fn ns(time: &Time) -> i64 {
    i64::from(time.sec) * 1_000_000_000 + i64::from(time.nanosec)
}
