//! `graph`: who publishes, subscribes, serves and calls what.

use std::fs;
use std::io;

use super::{CommandError, Outcome};
use crate::cli::Graph;
use crate::node_graph::{Listing, NodeGraph, Selection, dot, svg, tree};
use crate::session::Session;
use crate::standing::NodeId;

pub(super) async fn run(session: &mut Session<'_>, args: Graph) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let own = NodeId::new(session.node.name(), session.node.public_key());
    let selection = Selection {
        topics: &args.topic,
        nodes: &args.node,
        all: args.all,
    };
    let shown = NodeGraph::new(&graph, &session.node.peers(), &own, selection);
    let render = session.render;
    for meeting in shown.meetings.iter().filter(|meeting| meeting.types.len() > 1) {
        let (kind, name) = (meeting.kind.as_str(), &meeting.name);
        render.warning(format!("{name} has several types; see `nuncio {kind} info {name}`"));
    }
    match &args.svg {
        _ if render.is_json() => render.answer(&Listing::of(&shown))?,
        Some(Some(file)) => {
            let told =
                |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", file.display()));
            fs::write(file, svg(&shown)).map_err(told)?;
        }
        Some(None) => render.lines(&svg(&shown))?,
        None if args.dot => render.lines(&dot(&shown))?,
        None => tree(&shown)
            .into_iter()
            .try_for_each(|(tone, line)| render.line(tone, &line))?,
    }
    if shown.nodes.is_empty() {
        render.note(match args.all || graph.nodes.len() < 2 {
            true => "no node that would be shown",
            false => "no node that would be shown; `-a` shows those with hidden names, too, such as other commands",
        });
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    Ok(Outcome::Found)
}
