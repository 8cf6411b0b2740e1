//! Actions that a client serves: Nuncio's nodes send goals, and the client tells what comes of them. A goal of a client that is
//! gone is aborted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use nuncio::{GenericGoalHandle, GenericIncomingGoal};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::goals::web_json;
use super::op::Level;
use super::outbox::Outbox;
use super::{inbound, server_op};
use crate::action_ends::{BridgeActionType, OfferedAction};
use crate::bridge_type::{Body, BridgeType};
use crate::client::Client;

/// How many goals of one action the client has at a time; more are rejected.
const GOALS_MAX: usize = 64;

/// How many steps of one goal wait to be published.
const STEPS_MAX: usize = 256;

/// The numbers in `action_msgs/msg/GoalStatus` that a goal ends with.
const SUCCEEDED: i64 = 4;
const CANCELED: i64 = 5;

/// What a client says of a goal.
enum Step {
    Feedback(Value),
    End { values: Value, status: i64 },
}

/// The goals that the client pursues, by the ids that it got them with.
type UnderWay = Arc<Mutex<HashMap<String, mpsc::Sender<Step>>>>;

pub(super) struct OfferedActions {
    client: Client,
    outbox: Outbox,
    actions: HashMap<String, Serving>,
    under_way: UnderWay,
}

/// Ends the action when it is dropped.
struct Serving(AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl OfferedActions {
    pub(super) fn new(client: Client, outbox: Outbox) -> Self {
        Self {
            client,
            outbox,
            actions: HashMap::new(),
            under_way: Arc::default(),
        }
    }

    pub(super) fn advertise(&mut self, action: &str, type_name: &str) -> Result<(), String> {
        let library = self.client.border().library();
        let ty = library.action(type_name).map_err(|error| error.to_string())?;
        // One that is advertised anew replaces what was there.
        self.actions.remove(action);
        let offered = self
            .client
            .offer_action(action, &ty)
            .map_err(|error| error.to_string())?;
        let desk = Desk {
            action: action.to_owned(),
            ty,
            outbox: self.outbox.clone(),
            under_way: Arc::clone(&self.under_way),
        };
        let task = tokio::spawn(serve(offered, desk));
        self.actions.insert(action.to_owned(), Serving(task.abort_handle()));
        Ok(())
    }

    pub(super) fn unadvertise(&mut self, action: &str) -> Result<(), String> {
        match self.actions.remove(action) {
            Some(_) => Ok(()),
            None => Err(format!("this client does not serve {action}")),
        }
    }

    /// The client tells how far a goal has come.
    pub(super) fn feedback(&self, id: Option<&Value>, values: Value) -> Result<(), String> {
        self.step(id, Step::Feedback(values))
    }

    /// The client tells what came of a goal.
    pub(super) fn end(
        &self,
        id: Option<&Value>,
        values: Value,
        (status, is_success): (Option<i64>, bool),
    ) -> Result<(), String> {
        let status = match is_success {
            true => status.unwrap_or(SUCCEEDED),
            // Of one that has failed nothing is to be believed but that.
            false => 0,
        };
        self.step(id, Step::End { values, status })
    }

    fn step(&self, id: Option<&Value>, step: Step) -> Result<(), String> {
        let id = id.and_then(Value::as_str).unwrap_or_default();
        let under_way = lock(&self.under_way);
        let steps = under_way
            .get(id)
            .ok_or("there is no goal with this id; it may have ended")?;
        steps
            .try_send(step)
            .map_err(|_| format!("{STEPS_MAX} steps of this goal wait to be published already; tell less"))
    }
}

fn lock(under_way: &UnderWay) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::Sender<Step>>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the goals of one action need.
#[derive(Clone)]
struct Desk {
    action: String,
    ty: Arc<BridgeActionType>,
    outbox: Outbox,
    under_way: UnderWay,
}

async fn serve(offered: OfferedAction, desk: Desk) {
    let mut goals = JoinSet::new();
    while let Some(goal) = offered.recv().await {
        while goals.try_join_next().is_some() {}
        match goals.len() < GOALS_MAX {
            true => drop(goals.spawn(desk.clone().pursue(goal))),
            // Its client has gone where it cannot be told.
            false => drop(goal.reject()),
        }
    }
}

impl Desk {
    async fn pursue(self, goal: GenericIncomingGoal) {
        let Ok(args) = web_json(self.ty.goal(), goal.payload()) else {
            // It is no goal of this type; its client has gone where it cannot be told.
            return drop(goal.reject());
        };
        let id = goal.goal_id.to_string();
        let Ok(goal) = goal.accept() else { return };
        let (steps, taken) = mpsc::channel(STEPS_MAX);
        lock(&self.under_way).insert(id.clone(), steps);
        let asked = server_op::send_action_goal(&self.action, self.ty.name(), &id, &args);
        if self.outbox.send_text(asked.into(), None).await.is_ok() {
            self.follow(goal, &id, taken).await;
        }
        lock(&self.under_way).remove(&id);
    }

    /// Passes on what the client says, until the goal has ended.
    async fn follow(&self, goal: GenericGoalHandle, id: &str, mut steps: mpsc::Receiver<Step>) {
        let mut is_asked_to_cancel = false;
        loop {
            let step = tokio::select! {
                step = steps.recv() => step,
                () = goal.canceling(), if !is_asked_to_cancel => {
                    is_asked_to_cancel = true;
                    let asked = server_op::cancel_action_goal(&self.action, id);
                    if self.outbox.send_text(asked.into(), None).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            let told = match step {
                None => return,
                Some(Step::Feedback(values)) => payload(self.ty.feedback(), values)
                    .and_then(|payload| goal.feedback(&payload).map_err(|error| error.to_string())),
                Some(Step::End { values, status }) => return self.end(goal, id, values, status).await,
            };
            self.complain(told, id).await;
        }
    }

    async fn end(&self, goal: GenericGoalHandle, id: &str, values: Value, status: i64) {
        let result = payload(self.ty.result(), values);
        let ended = result.and_then(|result| {
            let ended = match status {
                SUCCEEDED => goal.succeed(result),
                CANCELED => goal.canceled(result),
                _ => goal.abort(result),
            };
            ended.map_err(|error| error.to_string())
        });
        self.complain(ended, id).await;
    }

    /// Tells the client what was wrong with what it said.
    async fn complain(&self, told: Result<(), String>, id: &str) {
        if let Err(problem) = told {
            let problem = format!("a goal of {}: {problem}", self.action);
            // Whoever is gone is not told.
            let _ = self.outbox.tell(Level::Error, &problem, Some(&Value::from(id))).await;
        }
    }
}

fn payload(ty: &BridgeType, values: Value) -> Result<Vec<u8>, String> {
    let mut values = if values.is_null() {
        Value::Object(Map::new())
    } else {
        values
    };
    inbound::prepare(ty.codec().description(), &mut values);
    ty.payload_of(Body::Json(&values)).map_err(|error| error.to_string())
}
