//! `action list`, `action type` and `action find`: the actions that signed cards name.

use nuncio::TopicName;
use nuncio::graph::GraphAction;
use serde_json::json;

use super::{CommandError, Outcome};
use crate::catalog::is_named;
use crate::cli::{ActionFind, ActionList, ActionType};
use crate::session::Session;

pub(super) async fn list(session: &mut Session<'_>, args: &ActionList) -> Result<Outcome, CommandError> {
    let shown = |name: &TopicName, _: &GraphAction| args.all || !name.is_hidden();
    print(session, args.types, "no actions", shown).await
}

pub(super) async fn find(session: &mut Session<'_>, args: &ActionFind) -> Result<Outcome, CommandError> {
    let wanted = |name: &str| is_named(name, &args.type_name);
    let shown = |_: &TopicName, action: &GraphAction| action.types().iter().any(|(name, _)| wanted(name));
    print(session, false, &format!("no action of type {}", args.type_name), shown).await
}

pub(super) async fn type_of(session: &mut Session<'_>, args: &ActionType) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let types = graph.actions().remove(&args.action).unwrap_or_default().types();
    let render = session.render;
    if types.is_empty() {
        render.note(format!("nobody serves {} or sends goals to it", args.action));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    for (name, hash) in &types {
        match render.is_json() {
            true => render.json(&json!({
                "action": args.action.as_str(),
                "type": name,
                "send_goal_hash": hash.to_string(),
            }))?,
            false => render.line(None, name)?,
        }
    }
    warn_of_several(session, &args.action, types.len());
    Ok(Outcome::Found)
}

async fn print(
    session: &mut Session<'_>,
    with_types: bool,
    nothing: &str,
    shown: impl Fn(&TopicName, &GraphAction) -> bool,
) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let mut actions = graph.actions();
    actions.retain(|name, action| shown(name, action));
    let render = session.render;
    if actions.is_empty() {
        render.note(nothing);
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    for (name, action) in &actions {
        let types = action.types();
        if render.is_json() {
            render.json(&json!({
                "action": name.as_str(),
                "type": types.first().map(|(name, _)| name),
                "send_goal_hash": types.first().map(|(_, hash)| hash.to_string()),
                "types_differ": types.len() > 1,
                "servers": action.servers.len(),
                "clients": action.clients.len(),
            }))?;
        } else if with_types {
            let mut names: Vec<_> = types.iter().map(|(name, _)| name.as_str()).collect();
            names.dedup();
            render.line(None, &format!("{name} [{}]", names.join(", ")))?;
        } else {
            render.line(None, name.as_str())?;
        }
        warn_of_several(session, name, types.len());
    }
    Ok(Outcome::Found)
}

fn warn_of_several(session: &Session<'_>, name: &TopicName, types: usize) {
    if types > 1 {
        let text = format!("{name} has several types; see `nuncio action info {name}`");
        session.render.warning(text);
    }
}
