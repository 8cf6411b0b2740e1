//! `list`, `type` and `find` of services and of actions: the names that signed cards have for what can be called; and how a
//! command ends when nobody responds.

use nuncio::graph::Graph;
use nuncio::{CallError, TopicName, TypeHash};

use super::{CommandError, Outcome};
use crate::answers::called::{ActionListed, ActionType, ServiceListed, ServiceType};
use crate::catalog::is_named;
use crate::render::{OutputError, Render};
use crate::session::Session;

type AnswerType = fn(&Render, &TopicName, &(String, TypeHash)) -> Result<(), OutputError>;

/// Which of the two, and the words for it.
#[derive(Debug)]
pub(super) struct Kind {
    noun: &'static str,
    /// What nobody does with a name that is not there, around the name.
    nobody: (&'static str, &'static str),
    of: fn(&Graph) -> Vec<Called>,
    /// Prints one of its types for programs.
    answer_type: AnswerType,
    /// Prints one for programs.
    answer: fn(&Render, &Called) -> Result<(), OutputError>,
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
    answer_type: |render, name, of| render.answer(&service_type(name, Some(of))),
    answer: |render, called| {
        render.answer(&ServiceListed {
            of: service_type(&called.name, called.types.first()),
            types_differ: called.types.len() > 1,
            servers: called.servers,
            clients: called.clients,
        })
    },
};

pub(super) const ACTIONS: Kind = Kind {
    noun: "action",
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
    answer_type: |render, name, of| render.answer(&action_type(name, Some(of))),
    answer: |render, called| {
        render.answer(&ActionListed {
            of: action_type(&called.name, called.types.first()),
            types_differ: called.types.len() > 1,
            servers: called.servers,
            clients: called.clients,
        })
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
            true => (kind.answer_type)(render, name, of)?,
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
            (kind.answer)(render, called)?;
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

fn service_type<'a>(name: &'a TopicName, of: Option<&'a (String, TypeHash)>) -> ServiceType<'a> {
    ServiceType {
        service: name.as_str(),
        type_name: of.map(|(name, _)| name.as_str()),
        type_hash: of.map(|(_, hash)| hash.to_string()),
    }
}

fn action_type<'a>(name: &'a TopicName, of: Option<&'a (String, TypeHash)>) -> ActionType<'a> {
    ActionType {
        action: name.as_str(),
        type_name: of.map(|(name, _)| name.as_str()),
        send_goal_hash: of.map(|(_, hash)| hash.to_string()),
    }
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
