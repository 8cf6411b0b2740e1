//! `node list`: the nodes that are there.

use nuncio::graph::GraphNode;

use super::{CommandError, Outcome};
use crate::answers::node::NodeListed;
use crate::cli::NodeList;
use crate::render::{Table, Tone, short_key};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: NodeList) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let nodes: Vec<&GraphNode> = graph
        .nodes
        .iter()
        .filter(|node| args.all || !node.name.is_hidden())
        .collect();
    let render = session.render;
    if nodes.is_empty() {
        render.note("no nodes");
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    let mut table = Table::new(["NODE", "KEY", "", "PUBLISHERS", "SUBSCRIBERS"]);
    for node in nodes {
        let counted = |count: fn(&nuncio::msgs::nuncio_msgs::msg::NodeCard) -> usize| node.card.as_deref().map(count);
        let publishers = counted(|card| card.publishers.len());
        let subscribers = counted(|card| card.subscribers.len());
        if render.is_json() {
            render.answer(&NodeListed {
                node: node.name.as_str(),
                key: node.key.to_string(),
                verified: node.is_verified(),
                epoch: node.epoch,
                publishers,
                subscribers,
            })?;
        } else if args.verbose {
            let verified = if node.is_verified() { "verified" } else { "NOT VERIFIED" };
            let [publishers, subscribers] =
                [publishers, subscribers].map(|count| count.map_or_else(|| "?".to_owned(), |count| count.to_string()));
            table.row([
                node.name.to_string(),
                short_key(&node.key),
                verified.to_owned(),
                publishers,
                subscribers,
            ]);
        } else if node.is_verified() {
            render.line(None, node.name.as_str())?;
        } else {
            render.line(
                Some(Tone::Warning),
                &format!("{} (not verified: it shows no card)", node.name),
            )?;
        }
    }
    if args.verbose && !render.is_json() {
        for (index, line) in table.lines(0).iter().enumerate() {
            render.line((index == 0).then_some(Tone::Strong), line)?;
        }
    }
    Ok(Outcome::Found)
}
