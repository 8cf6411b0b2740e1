//! `topic list`, `topic type` and `topic find`: the topics that nodes publish on or subscribe to.

use nuncio::TopicName;
use nuncio::graph::GraphTopic;

use super::{CommandError, Outcome};
use crate::answers::topic::{TopicFound, TopicListed, TopicType};
use crate::catalog::is_named;
use crate::cli::{self, TopicFind, TopicList};
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
            render.answer(&TopicListed {
                topic: name.as_str(),
                type_name: types.first().map(|(name, _)| name.as_str()),
                type_hash: types.first().map(|(_, hash)| hash.to_string()),
                types_differ: types.len() > 1,
                publishers: topic.publishers.len(),
                subscribers: topic.subscribers.len(),
            })?;
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

pub(super) async fn type_of(session: &mut Session<'_>, args: &cli::TopicType) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let types = graph.topics().remove(&args.topic).unwrap_or_default().types();
    let (render, topic) = (session.render, &args.topic);
    if types.is_empty() {
        render.note(format!("no node names a type for {topic}"));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    for (name, hash) in &types {
        match render.is_json() {
            true => render.answer(&TopicType {
                topic: topic.as_str(),
                type_name: name,
                type_hash: hash.to_string(),
            })?,
            false => render.line(None, name)?,
        }
    }
    if types.len() > 1 {
        render.warning(format!("{topic} has several types; see `nuncio topic info {topic}`"));
    }
    Ok(Outcome::Found)
}

pub(super) async fn find(session: &mut Session<'_>, args: &TopicFind) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let render = session.render;
    let mut outcome = Outcome::Nothing;
    for (name, topic) in graph.topics() {
        let types = topic.types();
        let wanted = types.iter().find(|(found, _)| is_named(found, &args.type_name));
        let Some((found, hash)) = wanted.filter(|_| args.all || !name.is_hidden()) else {
            continue;
        };
        outcome = Outcome::Found;
        match render.is_json() {
            true => render.answer(&TopicFound {
                topic: name.as_str(),
                type_name: found,
                type_hash: hash.to_string(),
                types_differ: types.len() > 1,
            })?,
            false => render.line(None, name.as_str())?,
        }
    }
    if outcome == Outcome::Nothing {
        render.note(format!("no topic of type {}", args.type_name));
        session.explain_nothing(&graph).await;
    }
    Ok(outcome)
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
