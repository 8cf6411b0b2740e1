//! `action info`: who serves an action, who sends goals, whether they mean the same type, and the goals that there are.

use std::collections::BTreeMap;
use std::time::Duration;

use nuncio::graph::{Endpoint, GraphAction};
use nuncio::msgs::action_msgs::msg::GoalStatusArray;
use nuncio::msgs::nuncio_msgs::msg::CardService;
use nuncio::{GoalId, GoalState, PublicKey, QosProfile, TopicName, TypeHash};

use super::{CommandError, Outcome};
use crate::answers::called::{ActionDetails, ActionEnd, ActionTypeAndHash, GoalDetails};
use crate::cli::ActionInfo;
use crate::render::{OutputError, Render, Table, Tone, short_key};
use crate::session::Session;

/// How long servers may take to tell of their goals.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

/// What each server has told of its goals; no entry: it has told nothing in time.
type Told = BTreeMap<PublicKey, Vec<(GoalId, GoalState)>>;

pub(super) async fn run(session: &mut Session<'_>, args: &ActionInfo) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let render = session.render;
    let Some(action) = graph.actions().remove(&args.action) else {
        render.note(format!("nobody serves {} or sends goals to it", args.action));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    };
    let told = goals(session, &args.action, &action).await?;
    match render.is_json() {
        true => render.answer(&details(args.action.as_str(), &action, &told, &action.types()))?,
        false => show(render, args, &action, &told)?,
    }
    Ok(Outcome::Found)
}

/// Asks the servers for the goals that they have, as every late subscriber to their status hears of them.
async fn goals(session: &mut Session<'_>, name: &TopicName, action: &GraphAction) -> Result<Told, CommandError> {
    let topic = format!("{name}/_action/status");
    let qos = QosProfile::keep_last(100).transient_local();
    let status = session.node.subscriber_with::<GoalStatusArray>(&topic, qos)?;
    let mut told = Told::new();
    let hear = async {
        while action.servers.iter().any(|server| !told.contains_key(&server.node.key)) {
            let received = status.recv().await?;
            let goals = received.message.status_list.into_iter();
            let goals = goals.map(|goal| (goal.goal_info.goal_id.into(), GoalState::from(goal.status)));
            told.insert(received.info.signer, goals.collect());
        }
        Ok::<_, CommandError>(())
    };
    tokio::select! {
        heard = tokio::time::timeout(STATUS_TIMEOUT, hear) => heard.unwrap_or(Ok(()))?,
        () = session.interrupt.wished() => {}
    }
    Ok(told)
}

fn details<'a>(
    name: &'a str,
    action: &'a GraphAction,
    told: &Told,
    types: &'a [(String, TypeHash)],
) -> ActionDetails<'a> {
    let typed = types.iter().map(|(type_name, hash)| ActionTypeAndHash {
        type_name,
        send_goal_hash: hash.to_string(),
    });
    ActionDetails {
        action: name,
        types: typed.collect(),
        types_differ: types.len() > 1,
        servers: action.servers.iter().map(|server| end(server, told)).collect(),
        clients: action.clients.iter().map(|client| end(client, told)).collect(),
    }
}

fn end<'a>(Endpoint { node, facts }: &'a Endpoint<CardService>, told: &Told) -> ActionEnd<'a> {
    let goal = |(id, state): &(GoalId, GoalState)| GoalDetails {
        goal_id: id.to_string(),
        state: state.as_str(),
    };
    let goals = told.get(&node.key).filter(|_| facts.is_server);
    ActionEnd {
        node: node.name.as_str(),
        key: node.key.to_string(),
        verified: node.is_verified(),
        type_name: &facts.type_name,
        send_goal_hash: TypeHash::from_bytes(facts.type_hash).to_string(),
        goals: goals.map(|goals| goals.iter().map(goal).collect()),
    }
}

fn show(render: &Render, args: &ActionInfo, action: &GraphAction, told: &Told) -> Result<(), OutputError> {
    render.line(Some(Tone::Strong), args.action.as_str())?;
    let types = action.types();
    for (name, hash) in &types {
        let hash = match args.verbose || types.len() > 1 {
            true => format!("  send_goal {hash}"),
            false => String::new(),
        };
        render.line(None, &format!("type: {name}{hash}"))?;
    }
    if types.len() > 1 {
        let text = "the nodes mean different types: goals go to servers of the client's own type only";
        render.line(Some(Tone::Warning), text)?;
    }
    let key = |key: &PublicKey| match args.verbose {
        true => key.to_string(),
        false => short_key(key),
    };
    render.line(None, &format!("servers: {}", action.servers.len()))?;
    for Endpoint { node, .. } in &action.servers {
        let goals = match told.get(&node.key) {
            None => "has not told of its goals in time".to_owned(),
            Some(goals) => summary(goals),
        };
        render.line(None, &format!("  {}  {}  {goals}", node.name, key(&node.key)))?;
        for (id, state) in told.get(&node.key).into_iter().flatten() {
            if args.verbose || !state.is_over() {
                render.line(None, &format!("    {id}  {state}"))?;
            }
        }
    }
    let mut clients = Table::default();
    for Endpoint { node, .. } in &action.clients {
        clients.row([node.name.to_string(), key(&node.key)]);
    }
    render.line(None, &format!("clients: {}", action.clients.len()))?;
    clients.lines(2).iter().try_for_each(|line| render.line(None, line))
}

/// How many goals there are in each state, such as `1 executing, 2 succeeded`.
fn summary(goals: &[(GoalId, GoalState)]) -> String {
    let counts = GoalState::ALL.into_iter().filter_map(|state| {
        let count = goals.iter().filter(|(_, other)| *other == state).count();
        (count > 0).then(|| format!("{count} {state}"))
    });
    let counts: Vec<_> = counts.collect();
    match counts.is_empty() {
        true => "no goals".to_owned(),
        false => counts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_counted_by_state() {
        let goal = |number, state| (GoalId([number; 16]), state);
        let goals = [
            goal(1, GoalState::Succeeded),
            goal(2, GoalState::Executing),
            goal(3, GoalState::Succeeded),
        ];
        assert_eq!(summary(&goals), "1 executing, 2 succeeded");
        assert_eq!(summary(&[]), "no goals");
    }
}
