//! Goals that a client sends to actions of Nuncio's nodes.
//!
//! A goal goes on when its client is gone: a robot does not stop half way because a browser was closed. Whoever wants that
//! cancels it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nuncio::{GenericGoalOutcome, GenericGoalRun, GoalResultError, GoalState};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::op::{Level, Reply};
use super::outbox::{Gone, Outbox};
use super::{inbound, server_op};
use crate::action_ends::{ActionLine, BridgeActionType};
use crate::bridge_type::{Body, BridgeType};
use crate::client::Client;

/// How many goals of a client may be under way at a time.
const GOALS_MAX: usize = 64;

/// How long a server may take to be found.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);

/// Goals that may be canceled, by the ids that the client gave them.
type UnderWay = Arc<Mutex<HashMap<String, Arc<Notify>>>>;

pub(super) struct Goals {
    client: Client,
    outbox: Outbox,
    under_way: UnderWay,
    tasks: JoinSet<()>,
}

impl Goals {
    pub(super) fn new(client: Client, outbox: Outbox) -> Self {
        Self {
            client,
            outbox,
            under_way: Arc::default(),
            tasks: JoinSet::new(),
        }
    }

    /// Sends a goal; what comes of it is sent to the client.
    pub(super) async fn send(
        &mut self,
        (action, type_name): (String, Option<String>),
        args: Value,
        wants_feedback: bool,
        reply: Reply,
    ) -> Result<(), Gone> {
        while self.tasks.try_join_next().is_some() {}
        let key = key_of(reply.id.as_ref());
        let pursuit = Pursuit {
            client: self.client.clone(),
            outbox: self.outbox.clone(),
            action,
            reply,
            wants_feedback,
            canceling: Arc::default(),
        };
        let is_taken = {
            let mut under_way = lock(&self.under_way);
            let is_taken = under_way.len() < GOALS_MAX && !under_way.contains_key(&key);
            if is_taken {
                under_way.insert(key.clone(), Arc::clone(&pursuit.canceling));
            }
            is_taken
        };
        if !is_taken {
            let problem =
                format!("at most {GOALS_MAX} goals may be under way, each with an id of its own; wait for one to end");
            return pursuit.end_in_vain(problem).await;
        }
        let under_way = Arc::clone(&self.under_way);
        self.tasks.spawn(async move {
            let ended = pursuit.pursue(type_name, args).await;
            lock(&under_way).remove(&key);
            if let Err(problem) = ended {
                // Whoever is gone is not told.
                let _ = pursuit.end_in_vain(problem).await;
            }
        });
        Ok(())
    }

    /// Has a goal given up.
    pub(super) fn cancel(&self, id: Option<&Value>) -> Result<(), String> {
        match lock(&self.under_way).get(&key_of(id)) {
            Some(canceling) => {
                canceling.notify_one();
                Ok(())
            }
            None => Err("there is no goal with this id that could be canceled".to_owned()),
        }
    }
}

fn key_of(id: Option<&Value>) -> String {
    id.map(Value::to_string).unwrap_or_default()
}

fn lock(under_way: &UnderWay) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One goal, from the client to its end.
struct Pursuit {
    client: Client,
    outbox: Outbox,
    action: String,
    reply: Reply,
    wants_feedback: bool,
    canceling: Arc<Notify>,
}

impl Pursuit {
    /// Sends the goal, passes on its feedback, and tells the result; an error says why there is none.
    async fn pursue(&self, type_name: Option<String>, args: Value) -> Result<(), String> {
        let line = self.client.action_client(&self.action, type_name.as_deref()).await;
        let ActionLine { client, ty } = line.map_err(|error| error.to_string())?;
        let args = inbound::arguments(ty.goal().codec().description(), args)?;
        let goal = ty
            .goal()
            .payload_of(Body::Json(&args))
            .map_err(|error| error.to_string())?;
        if !client.wait_for_server(SERVER_PATIENCE).await {
            return Err(format!(
                "no server of {} may be sent goals: see `nuncio why`",
                self.action
            ));
        }
        let run = client.send_goal(&goal).await.map_err(|error| error.to_string())?;
        let outcome = self.follow(&run, &ty).await.map_err(|error| error.to_string())?;
        while let Ok(feedback) = run.try_feedback() {
            self.tell_feedback(&ty, feedback.payload()).await;
        }
        let values = web_json(ty.result(), outcome.payload())?;
        let status = status_of(outcome.state);
        let result = server_op::action_result(&self.action, self.reply.id.as_ref(), &values, status, true);
        // Whoever is gone needs no result.
        let _ = self.outbox.send_reply(result, &self.reply).await;
        Ok(())
    }

    async fn follow(&self, run: &GenericGoalRun, ty: &BridgeActionType) -> Result<GenericGoalOutcome, GoalResultError> {
        let canceling = async {
            loop {
                self.canceling.notified().await;
                if let Err(error) = run.cancel().await {
                    let problem = format!("the goal of {} is not canceled: {error}", self.action);
                    let _ = self.outbox.tell(Level::Error, &problem, self.reply.id.as_ref()).await;
                }
            }
        };
        let feeding = async {
            while let Ok(feedback) = run.feedback().await {
                self.tell_feedback(ty, feedback.payload()).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            outcome = run.result() => outcome,
            () = canceling => std::future::pending().await,
            () = feeding => std::future::pending().await,
        }
    }

    async fn tell_feedback(&self, ty: &BridgeActionType, payload: &[u8]) {
        if self.wants_feedback
            && let Ok(values) = web_json(ty.feedback(), payload)
        {
            let feedback = server_op::action_feedback(&self.action, self.reply.id.as_ref(), &values);
            let _ = self.outbox.send_text(feedback.into(), self.reply.fragment_size).await;
        }
    }

    async fn end_in_vain(&self, problem: String) -> Result<(), Gone> {
        let (id, problem) = (self.reply.id.as_ref(), Value::from(problem).to_string());
        let status = status_of(GoalState::Unknown);
        let result = server_op::action_result(&self.action, id, &problem, status, false);
        self.outbox.send_reply(result, &self.reply).await
    }
}

/// A message of a goal as the client gets it.
pub(super) fn web_json(ty: &BridgeType, payload: &[u8]) -> Result<String, String> {
    let mut values = String::new();
    let written = ty.codec().write_web_json(payload, &mut values);
    written.map_err(|error| error.to_string())?;
    Ok(values)
}

/// The number for it in `action_msgs/msg/GoalStatus`.
fn status_of(state: GoalState) -> i8 {
    match state {
        GoalState::Unknown => 0,
        GoalState::Accepted => 1,
        GoalState::Executing => 2,
        GoalState::Canceling => 3,
        GoalState::Succeeded => 4,
        GoalState::Canceled => 5,
        GoalState::Aborted => 6,
    }
}
