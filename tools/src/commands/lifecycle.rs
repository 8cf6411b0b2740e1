//! `lifecycle nodes`, `get`, `list` and `set`: managed nodes, asked through the services of ROS 2.

use std::time::Duration;

use nuncio::graph::{Graph, GraphNode};
use nuncio::msgs::lifecycle_msgs::msg::{State, Transition};
use nuncio::msgs::lifecycle_msgs::srv::{
    ChangeState, ChangeStateRequest, GetAvailableTransitions, GetAvailableTransitionsRequest, GetState, GetStateRequest,
};
use nuncio::{CallError, NodeName, Received, Service};

use super::{CommandError, Outcome};
use crate::answers::parameter::{ManagedNode, ManagedNodes, ManagedState, ManagedTransition, TransitionMade};
use crate::cli::{LifecycleGet, LifecycleList, LifecycleNodes, LifecycleSet};
use crate::render::short_key;
use crate::session::Session;

/// How long an answer is waited for unless `--timeout` says otherwise.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a transition may take unless `--timeout` says otherwise: a node may open devices meanwhile.
const TRANSITION_DEADLINE: Duration = Duration::from_secs(30);

pub(super) async fn nodes(session: &mut Session<'_>, args: &LifecycleNodes) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let mut nodes = managed(&graph);
    nodes.retain(|node| args.all || !node.is_hidden());
    let render = session.render;
    if args.count {
        match render.is_json() {
            true => render.answer(&ManagedNodes { nodes: nodes.len() })?,
            false => render.line(None, &nodes.len().to_string())?,
        }
    } else {
        for node in &nodes {
            match render.is_json() {
                true => render.answer(&ManagedNode { node: node.as_str() })?,
                false => render.line(None, node.as_str())?,
            }
        }
    }
    if nodes.is_empty() {
        render.note("no managed nodes");
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    Ok(Outcome::Found)
}

pub(super) async fn get(session: &mut Session<'_>, args: &LifecycleGet) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let mut nodes = managed(&graph);
    nodes.retain(|node| match &args.node {
        Some(wanted) => node == wanted,
        None => !node.is_hidden(),
    });
    if nodes.is_empty() {
        return nobody(session, &graph, args.node.as_ref()).await;
    }
    let (render, mut ended) = (session.render, Vec::new());
    for node in &nodes {
        let answer = match call::<GetState>(session, node, "get_state", DEADLINE, &GetStateRequest::default()).await? {
            Ok(answer) => answer,
            Err(outcome) => {
                ended.push(outcome);
                continue;
            }
        };
        let state = &answer.message.current_state;
        let text = format!("{} [{}]", state.label, state.id);
        match (render.is_json(), &args.node) {
            (true, _) => render.answer(&ManagedState {
                node: node.as_str(),
                state: &state.label,
                id: state.id,
                signer: answer.info.signer.to_string(),
                verified: true,
            })?,
            (false, Some(_)) => render.line(None, &text)?,
            (false, None) => render.line(None, &format!("{node}: {text}"))?,
        }
    }
    Ok(worst(&ended))
}

pub(super) async fn list(session: &mut Session<'_>, args: &LifecycleList) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    if !managed(&graph).contains(&args.node) {
        return nobody(session, &graph, Some(&args.node)).await;
    }
    let service = match args.all {
        true => "get_transition_graph",
        false => "get_available_transitions",
    };
    let request = GetAvailableTransitionsRequest::default();
    let answer = match call::<GetAvailableTransitions>(session, &args.node, service, DEADLINE, &request).await? {
        Ok(answer) => answer,
        Err(outcome) => return Ok(outcome),
    };
    let (render, transitions) = (session.render, &answer.message.available_transitions);
    for edge in transitions {
        let (transition, from, to) = (&edge.transition, &edge.start_state, &edge.goal_state);
        if render.is_json() {
            render.answer(&ManagedTransition {
                node: args.node.as_str(),
                transition: &transition.label,
                id: transition.id,
                start: &from.label,
                goal: &to.label,
                signer: answer.info.signer.to_string(),
                verified: true,
            })?;
        } else {
            let (label, id) = (&transition.label, transition.id);
            render.lines(&format!(
                "- {label} [{id}]\n\tStart: {}\n\tGoal: {}\n",
                from.label, to.label
            ))?;
        }
    }
    if transitions.is_empty() {
        render.note(format!(
            "{} can make no transition from the state that it is in",
            args.node
        ));
        return Ok(Outcome::Nothing);
    }
    Ok(Outcome::Found)
}

pub(super) async fn set(session: &mut Session<'_>, args: &LifecycleSet) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    if !managed(&graph).contains(&args.node) {
        return nobody(session, &graph, Some(&args.node)).await;
    }
    let by_number = args.transition.parse::<u8>().ok();
    let transition = Transition {
        id: by_number.unwrap_or_default(),
        label: if by_number.is_none() {
            args.transition.clone()
        } else {
            String::new()
        },
    };
    let request = ChangeStateRequest { transition };
    let changed = call::<ChangeState>(session, &args.node, "change_state", TRANSITION_DEADLINE, &request).await?;
    let answer = match changed {
        Ok(answer) => answer,
        Err(outcome) => return Ok(outcome),
    };
    let (render, success) = (session.render, answer.message.success);
    if render.is_json() {
        render.answer(&TransitionMade {
            node: args.node.as_str(),
            transition: &args.transition,
            success,
            signer: answer.info.signer.to_string(),
            verified: true,
        })?;
    } else if success {
        render.line(None, "Transitioning successful")?;
    }
    if success {
        return Ok(Outcome::Found);
    }
    // What can be made says more than that this cannot.
    render.warning(format!("{} did not make the transition {}", args.node, args.transition));
    if let Ok(state) = call::<GetState>(session, &args.node, "get_state", DEADLINE, &GetStateRequest::default()).await?
    {
        render.note(format!(
            "it is {} now, by {}; `nuncio lifecycle list {}` shows what it can do",
            state.message.current_state.label,
            short_key(&state.info.signer),
            args.node
        ));
    }
    Ok(Outcome::Wrong)
}

/// The nodes that serve their own state.
fn managed(graph: &Graph) -> Vec<NodeName> {
    let nodes = graph.nodes.iter().filter(|node| is_managed(node));
    let mut names: Vec<_> = nodes.map(|node| node.name.clone()).collect();
    names.dedup();
    names
}

fn is_managed(node: &GraphNode) -> bool {
    let mut services = node.card.iter().flat_map(|card| &card.services);
    services.any(|service| {
        let is_own = service.name.strip_prefix(node.name.as_str()) == Some("/get_state");
        service.is_server && is_own && service.type_name == GetState::TYPE_NAME
    })
}

/// The state of a node, if it is managed and says so; that it does not is said on stderr.
pub(super) async fn state_of(session: &mut Session<'_>, node: &GraphNode) -> Result<Option<State>, CommandError> {
    if !is_managed(node) {
        return Ok(None);
    }
    let request = GetStateRequest::default();
    let answered = call::<GetState>(session, &node.name, "get_state", DEADLINE, &request).await?;
    Ok(answered.ok().map(|answer| answer.message.current_state))
}

async fn nobody(session: &Session<'_>, graph: &Graph, node: Option<&NodeName>) -> Result<Outcome, CommandError> {
    session.render.note(match node {
        Some(node) => format!("there is no managed node {node}"),
        None => "no managed nodes".to_owned(),
    });
    session.explain_nothing(graph).await;
    Ok(Outcome::Nothing)
}

/// Calls a service of a node; an outcome, said on stderr, where there is no answer.
async fn call<S: Service>(
    session: &mut Session<'_>,
    node: &NodeName,
    service: &str,
    deadline: Duration,
    request: &S::Request,
) -> Result<Result<Received<S::Response>, Outcome>, CommandError> {
    let client = session.node.service_client::<S>(&format!("{node}/{service}"))?;
    let calling = client.call_within(request, session.timeout.unwrap_or(deadline));
    let called = tokio::select! {
        called = session.render.progress("waiting for the node", calling) => called,
        () = session.interrupt.wished() => return Ok(Err(Outcome::Nothing)),
    };
    match called {
        Ok(answer) => Ok(Ok(answer)),
        Err(error @ (CallError::NoServer(_) | CallError::Unanswered { .. })) => {
            session.render.warning(error);
            Ok(Err(Outcome::Refused))
        }
        Err(error @ (CallError::DeadlineExceeded { .. } | CallError::ServerGone { .. })) => {
            session.render.warning(error);
            Ok(Err(Outcome::Nothing))
        }
        Err(error) => Err(error.into()),
    }
}

/// How it ends when some nodes have not answered.
fn worst(ended: &[Outcome]) -> Outcome {
    match ended.contains(&Outcome::Refused) {
        true => Outcome::Refused,
        false if ended.is_empty() => Outcome::Found,
        false => Outcome::Nothing,
    }
}
