//! `action cancel`: has one goal of an action canceled, or all.

use std::time::Duration;

use nuncio::{ActionClientOptions, CancelGoalError, GenericActionClient, GoalId, ServiceServerInfo};

use super::action_send_goal::{server_of, support_of};
use super::{CommandError, Outcome};
use crate::answers::called::GoalCanceling;
use crate::cli::ActionCancel;
use crate::session::Session;

/// How long a server may take unless `--timeout` says otherwise.
const DEADLINE: Duration = Duration::from_secs(5);

pub(super) async fn run(session: &mut Session<'_>, args: &ActionCancel) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let action = graph.actions().remove(&args.action).unwrap_or_default();
    let render = session.render;
    let Some((server, type_name)) = server_of(&action, |_| true) else {
        render.note(format!("nobody serves {}", args.action));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    };
    let support = support_of(session, server, &type_name).await?;
    let options = ActionClientOptions {
        deadline: session.timeout.unwrap_or(DEADLINE),
        ..ActionClientOptions::default()
    };
    let client = session
        .node
        .generic_action_client(args.action.as_str(), &support, options)?;
    let asking = render.progress("waiting for the servers", ask_all(&client, args.goal_id));
    let answers = asking.await;
    let (mut outcome, mut unknown) = (Outcome::Nothing, 0);
    let asked = answers.len();
    for (server, answer) in answers {
        match answer {
            Ok(goals) if goals.is_empty() => render.note(format!("{} has no goals to cancel", server.node)),
            Ok(goals) => {
                goals.iter().try_for_each(|id| tell(session, &client, &server, *id))?;
                if outcome == Outcome::Nothing {
                    outcome = Outcome::Found;
                }
            }
            Err(CancelGoalError::Unknown { .. }) => unknown += 1,
            Err(error) => {
                render.warning(&error);
                match error {
                    CancelGoalError::Over { .. } => {}
                    CancelGoalError::Call(nuncio::CallError::DeadlineExceeded { .. }) => {}
                    _ => outcome = Outcome::Refused,
                }
            }
        }
    }
    if unknown == asked
        && let Some(id) = args.goal_id
    {
        let action = &args.action;
        let text = format!("no server of {action} knows the goal {id}; `nuncio action info -v {action}` lists goals");
        render.warning(text);
    }
    Ok(outcome)
}

/// Asks each server: which one has a goal, nobody else knows.
async fn ask_all(
    client: &GenericActionClient,
    goal_id: Option<GoalId>,
) -> Vec<(ServiceServerInfo, Result<Vec<GoalId>, CancelGoalError>)> {
    let mut answers = Vec::new();
    for server in client.servers() {
        let answer = match goal_id {
            Some(id) => client.cancel_goal(server.key, id).await.map(|()| vec![id]),
            None => client.cancel_all_goals(server.key).await,
        };
        answers.push((server, answer));
    }
    answers
}

fn tell(
    session: &Session<'_>,
    client: &GenericActionClient,
    server: &ServiceServerInfo,
    id: GoalId,
) -> Result<(), CommandError> {
    let render = session.render;
    match render.is_json() {
        true => render.answer(&GoalCanceling {
            action: client.name().as_str(),
            node: server.node.as_str(),
            key: server.key.to_string(),
            goal_id: id.to_string(),
            state: "canceling",
        })?,
        false => render.line(None, &format!("{id}  canceling, says {}", server.node))?,
    }
    Ok(())
}
