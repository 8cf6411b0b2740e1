//! `param list`: the names of parameters, of one node or of all that have some.

use nuncio::{NodeName, ParameterCallError, ParameterClient, ParameterInfo};
use tokio::task::JoinSet;

use super::{CommandError, Outcome};
use crate::answers::parameter::ParameterListed;
use crate::cli::ParamList;
use crate::parameters_of::{client, client_of, failed, has_parameters};
use crate::render::Tone;
use crate::session::Session;

/// What a node has: names in order, with what is said of them where that was asked.
type Listed = Vec<(String, Option<ParameterInfo>)>;

pub(super) async fn run(session: &mut Session<'_>, args: &ParamList) -> Result<Outcome, CommandError> {
    match &args.node {
        Some(node) => of_one(session, args, node).await,
        None => of_all(session, args).await,
    }
}

async fn of_one(session: &mut Session<'_>, args: &ParamList, node: &NodeName) -> Result<Outcome, CommandError> {
    let Some(client) = client_of(session, node).await? else {
        return Ok(Outcome::Nothing);
    };
    let listing = list(&client, &args.prefixes, args.types);
    match session.render.progress("waiting for the node", listing).await {
        Ok(listed) => print(session, node, &listed, 0),
        Err(error) => failed(session, error),
    }
}

async fn of_all(session: &mut Session<'_>, args: &ParamList) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let mut nodes: Vec<_> = graph.nodes.iter().filter(|node| has_parameters(node)).collect();
    nodes.retain(|node| args.all || !node.name.is_hidden());
    nodes.dedup_by(|a, b| a.name == b.name);
    if nodes.is_empty() {
        session.render.note("no node has parameters");
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    let mut asking = JoinSet::new();
    for (place, node) in nodes.iter().enumerate() {
        let (client, prefixes, types) = (client(session, &node.name)?, args.prefixes.clone(), args.types);
        asking.spawn(async move { (place, list(&client, &prefixes, types).await) });
    }
    let answers = session.render.progress("waiting for the nodes", asking.join_all());
    let mut answers = answers.await;
    answers.sort_by_key(|(place, _)| *place);
    let mut outcome = Outcome::Nothing;
    for (node, (_, answer)) in nodes.iter().zip(answers) {
        match answer {
            Ok(listed) => {
                if !session.render.is_json() {
                    session.render.line(Some(Tone::Strong), &format!("{}:", node.name))?;
                }
                if print(session, &node.name, &listed, 2)? == Outcome::Found && outcome == Outcome::Nothing {
                    outcome = Outcome::Found;
                }
            }
            // One that is silent or refused does not hide the others.
            Err(error) => match failed(session, error) {
                Ok(Outcome::Refused) => outcome = Outcome::Refused,
                Ok(_) => {}
                Err(error) => session.render.warning(format!("{}: {error}", node.name)),
            },
        }
    }
    Ok(outcome)
}

async fn list(client: &ParameterClient, prefixes: &[String], types: bool) -> Result<Listed, ParameterCallError> {
    let prefixes: Vec<_> = prefixes.iter().map(String::as_str).collect();
    let mut names = client.list(&prefixes, 0).await?.names;
    names.sort();
    names.dedup();
    if !types {
        return Ok(names.into_iter().map(|name| (name, None)).collect());
    }
    let asked: Vec<_> = names.iter().map(String::as_str).collect();
    let infos = client.describe(&asked).await?;
    Ok(names.into_iter().zip(infos.into_iter().map(Some)).collect())
}

fn print(session: &Session<'_>, node: &NodeName, listed: &Listed, indent: usize) -> Result<Outcome, CommandError> {
    for (name, info) in listed {
        if session.render.is_json() {
            session.render.answer(&ParameterListed {
                node: node.as_str(),
                name,
                value_type: info.as_ref().map(|info| info.value_type.to_string()),
            })?;
        } else {
            let value_type = info.as_ref().map(|info| format!(" (type: {})", info.value_type));
            let value_type = value_type.unwrap_or_default();
            session
                .render
                .line(None, &format!("{:indent$}{name}{value_type}", ""))?;
        }
    }
    Ok(match listed.is_empty() {
        true => Outcome::Nothing,
        false => Outcome::Found,
    })
}
