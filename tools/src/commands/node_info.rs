//! `node info`: what a node says of itself, its parameters, and how this program finds it.

use nuncio::graph::{GraphNode, action_of};
use nuncio::msgs::builtin_interfaces::msg::Time;
use nuncio::msgs::lifecycle_msgs::msg::State;
use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardService, CardSubscriber, NodeCard};
use nuncio::{ParameterCallError, ParameterValue, TopicName, TypeHash, clock};
use serde_json::{Map, Value};

use super::lifecycle::state_of;
use super::{CommandError, Outcome};
use crate::answers::node::{
    CardDetails, CardPublisherDetails, CardServiceDetails, CardSubscriberDetails, NodeDetails, SeenBy,
};
use crate::cli::NodeInfo;
use crate::parameters_of::{client, has_parameters, json as json_of};
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
        // Two of one name cannot be told apart by the names of their services.
        let (lifecycle, parameters) = match nodes.len() {
            1 => (state_of(session, node).await?, parameters(session, node).await?),
            _ => (None, None),
        };
        if render.is_json() {
            let known = parameters.iter().flatten().flatten();
            let known: Map<String, Value> = known.map(|(name, value)| (name.clone(), json_of(value))).collect();
            render.answer(&NodeDetails {
                node: node.name.as_str(),
                key: node.key.to_string(),
                verified: node.is_verified(),
                epoch: node.epoch,
                card: node.card.as_deref().map(card_details),
                lifecycle: lifecycle.map(|state| state.label),
                parameters: matches!(parameters, Some(Ok(_))).then_some(known),
                seen_by: SeenBy {
                    node: session.node.name().as_str(),
                    discovery: session.node.discovery(),
                    router: session.node.router().map(|router| router.to_string()),
                    shared_memory: session.node.shared_memory().to_string(),
                    locators: session.node.locators(),
                    neighbours: &neighbours,
                },
            })?;
        } else {
            show(render, node, (args.all, lifecycle))?;
            show_parameters(render, parameters)?;
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

/// The node's parameters that have a value, or why it has not told them; `None` when it has none.
async fn parameters(session: &mut Session<'_>, node: &GraphNode) -> Result<Option<Told>, CommandError> {
    if !has_parameters(node) {
        return Ok(None);
    }
    let client = client(session, &node.name)?;
    let asking = session.render.progress("asking for parameters", client.values());
    Ok(tokio::select! {
        told = asking => Some(told),
        () = session.interrupt.wished() => None,
    })
}

/// Names and values, by name.
type Told = Result<Vec<(String, ParameterValue)>, ParameterCallError>;

fn show_parameters(render: &Render, told: Option<Told>) -> Result<(), OutputError> {
    let mut table = Table::default();
    match told {
        None => return Ok(()),
        Some(Err(error)) => return render.line(Some(Tone::Warning), &format!("  parameters: not told: {error}")),
        Some(Ok(values)) => {
            for (name, value) in values {
                table.row([name, value.to_string()]);
            }
        }
    }
    section(render, "parameters", &table)
}

fn section(render: &Render, what: &str, table: &Table) -> Result<(), OutputError> {
    let lines = table.lines(4);
    if lines.is_empty() {
        return Ok(());
    }
    render.line(None, &format!("  {what}"))?;
    lines.iter().try_for_each(|line| render.line(None, line))
}

fn card_details(card: &NodeCard) -> CardDetails<'_> {
    CardDetails {
        started_ns: ns(&card.started),
        version: &card.version,
        discovery: &card.discovery,
        locators: &card.locators,
        publishers: card.publishers.iter().map(publisher_details).collect(),
        subscribers: card.subscribers.iter().map(subscriber_details).collect(),
        services: card.services.iter().map(service_details).collect(),
        actions: actions(card)
            .map(|(name, type_name, is_server)| CardServiceDetails {
                name,
                type_name,
                is_server,
            })
            .collect(),
    }
}

fn publisher_details(facts: &CardPublisher) -> CardPublisherDetails<'_> {
    CardPublisherDetails {
        topic: &facts.topic,
        type_name: &facts.type_name,
        type_hash: TypeHash::from_bytes(facts.type_hash).to_string(),
        next_number: facts.next_number,
    }
}

fn subscriber_details(facts: &CardSubscriber) -> CardSubscriberDetails<'_> {
    let typed = !facts.type_name.is_empty();
    CardSubscriberDetails {
        topic: &facts.topic,
        type_name: typed.then_some(facts.type_name.as_str()),
        type_hash: typed.then(|| TypeHash::from_bytes(facts.type_hash).to_string()),
    }
}

fn service_details(facts: &CardService) -> CardServiceDetails<'_> {
    CardServiceDetails {
        name: &facts.name,
        type_name: &facts.type_name,
        is_server: facts.is_server,
    }
}

fn show(render: &Render, node: &GraphNode, (all, lifecycle): (bool, Option<State>)) -> Result<(), OutputError> {
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
    if let Some(State { label, id }) = lifecycle {
        fact("lifecycle", format!("{label} [{id}]"));
    }
    fact("version", card.version.clone());
    fact("discovery", card.discovery.clone());
    fact("listens on", listed(&card.locators));
    facts.lines(2).iter().try_for_each(|line| render.line(None, line))?;
    endpoints(render, card, all)
}

/// What the card says, without the parts of actions and other hidden names, unless `all` is asked for.
fn endpoints(render: &Render, card: &NodeCard, all: bool) -> Result<(), OutputError> {
    let is_shown = |name: &str| all || !TopicName::parse(name).is_ok_and(|name| name.is_hidden());
    let mut publishers = Table::default();
    for facts in card.publishers.iter().filter(|facts| is_shown(&facts.topic)) {
        let sent = facts.next_number.saturating_sub(1);
        publishers.row([
            facts.topic.clone(),
            facts.type_name.clone(),
            format!("{sent} sent when last asked"),
        ]);
    }
    let mut subscribers = Table::default();
    for facts in card.subscribers.iter().filter(|facts| is_shown(&facts.topic)) {
        let type_name = if facts.type_name.is_empty() {
            "any type"
        } else {
            &facts.type_name
        };
        subscribers.row([facts.topic.clone(), type_name.to_owned()]);
    }
    let end = |is_server| if is_server { "serves" } else { "calls" };
    let mut services = Table::default();
    for facts in card.services.iter().filter(|facts| is_shown(&facts.name)) {
        services.row([
            facts.name.clone(),
            facts.type_name.clone(),
            end(facts.is_server).to_owned(),
        ]);
    }
    let mut of_actions = Table::default();
    for (name, type_name, is_server) in actions(card) {
        let end = if is_server { "serves" } else { "sends goals" };
        of_actions.row([name.to_owned(), type_name.to_owned(), end.to_owned()]);
    }
    section(render, "publishers", &publishers)?;
    section(render, "subscribers", &subscribers)?;
    section(render, "services", &services)?;
    section(render, "actions", &of_actions)
}

/// The actions that a card names: name, type, and whether the node serves it.
fn actions(card: &NodeCard) -> impl Iterator<Item = (&str, &str, bool)> {
    card.services.iter().filter_map(|facts| {
        let (name, type_name) = action_of(facts)?;
        Some((name, type_name, facts.is_server))
    })
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
