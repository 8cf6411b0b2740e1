//! One node of the fleet, in a process of its own: it tells when it knows all others, and then rests.

use std::time::{Duration, Instant};

use nuncio::graph::Graph;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Identity, Keystore, LinkConfig, Node, Publisher, Subscriber};
use serde_json::json;
use tokio::io::{AsyncReadExt, stdin};

use super::{BenchError, failed};
use crate::cli::{BenchMember, GlobalArgs};
use crate::commands::{CommandError, Outcome};
use crate::render::Render;

/// How many topics each node hears.
const SUBSCRIPTIONS: usize = 10;

/// Opens the node, answers with one line when it has met all others or it is too late, and stays until its standard input
/// ends.
pub(crate) async fn run(global: &GlobalArgs, render: &Render, args: BenchMember) -> Result<Outcome, CommandError> {
    let start = Instant::now();
    let (node, _ports) = open(global, &args).await?;
    let opened = start.elapsed();
    let (own, others) = (node.public_key(), usize::from(args.nodes).saturating_sub(1));
    let known = |graph: &Graph| {
        let known = graph.nodes.iter().filter(|node| node.is_verified() && node.key != own);
        known.count()
    };
    let met = node
        .wait_for_graph(Duration::from_secs(args.patience), |graph| known(graph) >= others)
        .await;
    render.hand_over(&json!({
        "opened_ms": opened.as_millis(),
        "met_ms": met.is_some().then(|| start.elapsed().as_millis()),
        "known": known(&node.graph()),
        "links": node.neighbours().await.len(),
    }))?;
    render.flush()?;
    let mut rest = Vec::new();
    stdin().read_to_end(&mut rest).await?;
    Ok(Outcome::Found)
}

/// What the node publishes, and what it hears.
type Ports = (Vec<Publisher<Twist>>, Vec<Subscriber<Twist>>);

/// It publishes its share of the topics and hears those after its first one.
async fn open(global: &GlobalArgs, args: &BenchMember) -> Result<(Node, Ports), BenchError> {
    let (index, nodes, topics) = (args.index.into(), args.nodes.into(), args.topics.into());
    let identity = Identity::generate().map_err(failed("making a key"))?;
    let node = Node::builder(&format!("node_{index}"))
        .domain(global.domain.clone())
        .keystore(Keystore::ephemeral(identity))
        .link(LinkConfig {
            discovery: global.discovery,
            ..LinkConfig::default()
        })
        .open()
        .await
        .map_err(failed("opening a node"))?;
    let name = |topic: usize| format!("/fleet/topic_{topic}");
    let publishers = (index..topics)
        .step_by(nodes)
        .map(|topic| node.publisher(&name(topic)).map_err(failed("opening a publisher")));
    let publishers = publishers.collect::<Result<_, _>>()?;
    let heard = (1..=SUBSCRIPTIONS.min(topics)).map(|after| (index + after) % topics);
    let subscribers = heard.map(|topic| node.subscriber(&name(topic)).map_err(failed("subscribing")));
    let subscribers = subscribers.collect::<Result<_, _>>()?;
    Ok((node, (publishers, subscribers)))
}
