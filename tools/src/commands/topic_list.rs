//! `topic list`: the topics that nodes publish on or subscribe to.

use nuncio::TopicName;
use nuncio::graph::GraphTopic;
use serde_json::json;

use super::{CommandError, Outcome};
use crate::cli::TopicList;
use crate::render::{Table, Tone};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: TopicList) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let topics: Vec<(TopicName, GraphTopic)> = graph
        .topics()
        .into_iter()
        .filter(|(name, _)| args.all || !name.is_hidden())
        .collect();
    let render = session.render;
    if topics.is_empty() {
        render.note("no topics");
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    let mut table = Table::new(["TOPIC", "TYPE", "PUBLISHERS", "SUBSCRIBERS"]);
    for (name, topic) in &topics {
        let types = topic.types();
        let type_names = type_names(topic);
        if render.is_json() {
            render.json(&json!({
                "topic": name.as_str(),
                "type": types.first().map(|(name, _)| name),
                "type_hash": types.first().map(|(_, hash)| hash.to_string()),
                "types_differ": types.len() > 1,
                "publishers": topic.publishers.len(),
                "subscribers": topic.subscribers.len(),
            }))?;
        } else if args.verbose {
            let counts = [topic.publishers.len(), topic.subscribers.len()].map(|count| count.to_string());
            let [publishers, subscribers] = counts;
            table.row([name.to_string(), type_names, publishers, subscribers]);
        } else if args.types {
            render.line(None, &format!("{name} [{type_names}]"))?;
        } else {
            render.line(None, name.as_str())?;
        }
        if types.len() > 1 {
            render.warning(format!("{name} has several types; see `nuncio topic info {name}`"));
        }
    }
    if args.verbose && !render.is_json() {
        for (index, line) in table.lines(0).iter().enumerate() {
            render.line((index == 0).then_some(Tone::Strong), line)?;
        }
    }
    Ok(Outcome::Found)
}

/// The names of its types, each once; a subscriber to any type names none.
fn type_names(topic: &GraphTopic) -> String {
    let mut names: Vec<String> = topic.types().into_iter().map(|(name, _)| name).collect();
    names.dedup();
    match names.is_empty() {
        true => "any type".to_owned(),
        false => names.join(", "),
    }
}
