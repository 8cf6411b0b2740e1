//! `list`, `type` and `find` of services and of actions: the names that signed cards have for what can be called; and how a
//! command ends when nobody responds.

use nuncio::graph::Graph;
use nuncio::{CallError, TopicName, TypeHash};
use serde_json::{Map, Value};

use super::{CommandError, Outcome};
use crate::catalog::is_named;
use crate::render::Render;
use crate::session::Session;

/// Which of the two, and the words for it.
#[derive(Debug)]
pub(super) struct Kind {
    noun: &'static str,
    /// The name of the hash in JSON.
    hash: &'static str,
    /// What nobody does with a name that is not there, around the name.
    nobody: (&'static str, &'static str),
    of: fn(&Graph) -> Vec<Called>,
}

/// What can be called under one name.
#[derive(Debug)]
struct Called {
    name: TopicName,
    types: Vec<(String, TypeHash)>,
    servers: usize,
    clients: usize,
}

pub(super) const SERVICES: Kind = Kind {
    noun: "service",
    hash: "type_hash",
    nobody: ("nobody serves or calls ", ""),
    of: |graph| {
        let called = graph.services().into_iter().map(|(name, service)| Called {
            name,
            types: service.types(),
            servers: service.servers.len(),
            clients: service.clients.len(),
        });
        called.collect()
    },
};

pub(super) const ACTIONS: Kind = Kind {
    noun: "action",
    hash: "send_goal_hash",
    nobody: ("nobody serves ", " or sends goals to it"),
    of: |graph| {
        let called = graph.actions().into_iter().map(|(name, action)| Called {
            name,
            types: action.types(),
            servers: action.servers.len(),
            clients: action.clients.len(),
        });
        called.collect()
    },
};

/// Those that are not hidden, or all.
pub(super) async fn list(
    session: &mut Session<'_>,
    kind: &Kind,
    (all, with_types): (bool, bool),
) -> Result<Outcome, CommandError> {
    let shown = |called: &Called| all || !called.name.is_hidden();
    print(session, kind, with_types, &format!("no {}s", kind.noun), shown).await
}

/// Those of a type.
pub(super) async fn find(session: &mut Session<'_>, kind: &Kind, type_name: &str) -> Result<Outcome, CommandError> {
    let shown = |called: &Called| called.types.iter().any(|(name, _)| is_named(name, type_name));
    let nothing = format!("no {} of type {type_name}", kind.noun);
    print(session, kind, false, &nothing, shown).await
}

/// The types of one.
pub(super) async fn type_of(session: &mut Session<'_>, kind: &Kind, name: &TopicName) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let called = (kind.of)(&graph).into_iter().find(|called| called.name == *name);
    let types = called.map(|called| called.types).unwrap_or_default();
    let render = session.render;
    if types.is_empty() {
        let (before, behind) = kind.nobody;
        render.note(format!("{before}{name}{behind}"));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    for of in &types {
        match render.is_json() {
            true => render.json(&Value::Object(facts(kind, name, Some(of))))?,
            false => render.line(None, &of.0)?,
        }
    }
    warn_of_several(session, kind, name, types.len());
    Ok(Outcome::Found)
}

async fn print(
    session: &mut Session<'_>,
    kind: &Kind,
    with_types: bool,
    nothing: &str,
    shown: impl Fn(&Called) -> bool,
) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let mut all = (kind.of)(&graph);
    all.retain(shown);
    let render = session.render;
    if all.is_empty() {
        render.note(nothing);
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    for called in &all {
        let (name, types) = (&called.name, &called.types);
        if render.is_json() {
            let mut facts = facts(kind, name, types.first());
            facts.insert("types_differ".to_owned(), (types.len() > 1).into());
            facts.insert("servers".to_owned(), called.servers.into());
            facts.insert("clients".to_owned(), called.clients.into());
            render.json(&Value::Object(facts))?;
        } else if with_types {
            let mut names: Vec<_> = types.iter().map(|(name, _)| name.as_str()).collect();
            names.dedup();
            render.line(None, &format!("{name} [{}]", names.join(", ")))?;
        } else {
            render.line(None, name.as_str())?;
        }
        warn_of_several(session, kind, name, types.len());
    }
    Ok(Outcome::Found)
}

fn facts(kind: &Kind, name: &TopicName, of: Option<&(String, TypeHash)>) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert(kind.noun.to_owned(), name.as_str().into());
    facts.insert("type".to_owned(), of.map(|(name, _)| name.as_str()).into());
    facts.insert(kind.hash.to_owned(), of.map(|(_, hash)| hash.to_string()).into());
    facts
}

fn warn_of_several(session: &Session<'_>, Kind { noun, .. }: &Kind, name: &TopicName, types: usize) {
    if types > 1 {
        let text = format!("{name} has several types; see `nuncio {noun} info {name}`");
        session.render.warning(text);
    }
}

/// How a command ends that a service did not respond to.
///
/// # Errors
///
/// The error itself, where it is neither silence nor a refusal.
pub(crate) fn unanswered(render: &Render, error: CallError) -> Result<Outcome, CommandError> {
    let outcome = match error {
        CallError::DeadlineExceeded { .. } => Outcome::Nothing,
        CallError::NoServer(_) | CallError::Unanswered { .. } => Outcome::Refused,
        error => return Err(error.into()),
    };
    render.warning(error);
    Ok(outcome)
}
