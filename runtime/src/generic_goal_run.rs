//! A goal that was sent, as its client follows it: feedback, status, result, and how it is given up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nuncio_msgs::std_msgs::msg::Int8;

use crate::approval::ApprovalState;
use crate::call_error::CallError;
use crate::generic_action_client::ActionClientPort;
use crate::generic_subscriber::{MessageInfo, ReceiveError};
use crate::goal_error::{CancelGoalError, GoalResultError};
use crate::goal_id::GoalId;
use crate::goal_state::GoalState;
use crate::goal_watch::{GenericFeedback, WatchedGoal};
use crate::name::NodeName;
use crate::payload::{self, DecodeError, Remainder};
use crate::service_directory::KnownServer;

/// How often it is asked whether feedback may still come, once its goal is over.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A goal that a server has accepted. Dropping it changes nothing at the server: a goal ends by itself, or is canceled.
pub struct GenericGoalRun {
    client: Arc<ActionClientPort>,
    watched: Arc<WatchedGoal>,
    server: KnownServer,
    /// Whether the server's presence was seen when the goal was sent.
    was_there: bool,
}

/// What came of a goal, its result not decoded.
#[derive(Clone, Debug)]
pub struct GenericGoalOutcome {
    /// How it ended: succeeded, canceled or aborted.
    pub state: GoalState,
    /// Who says so, and when.
    pub info: MessageInfo,
    pub(crate) part: Remainder,
}

impl GenericGoalOutcome {
    /// The bytes of the action's result, for a [`RunTimeType`](crate::run_time_type::RunTimeType). A goal that was aborted or
    /// canceled has one, too, which may say nothing.
    pub fn payload(&self) -> &[u8] {
        self.part.payload()
    }
}

impl GenericGoalRun {
    /// Watches a goal that is about to be sent to this server.
    pub(crate) fn begin(client: &Arc<ActionClientPort>, id: GoalId, server: KnownServer) -> Self {
        let kept = client.options.feedback_depth.get();
        Self {
            watched: client.watch.begin(id, server.facts.peer.public_key(), kept),
            client: Arc::clone(client),
            was_there: server.is_there(&client.node),
            server,
        }
    }

    pub(crate) fn known_server(&self) -> &KnownServer {
        &self.server
    }

    pub(crate) fn reach(&self, state: GoalState) {
        self.watched.reach(state);
    }

    /// Which goal it is.
    pub fn goal_id(&self) -> GoalId {
        self.watched.id
    }

    /// The node that works on it.
    pub fn server(&self) -> &NodeName {
        &self.server.facts.peer.name
    }

    /// How far it has come, as far as this client has heard.
    pub fn status(&self) -> GoalState {
        self.watched.state()
    }

    /// Waits for the next feedback, which the goal's server has signed.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when all feedback was taken and the server is gone or the goal has ended half a second ago:
    /// the last feedback may be on its way when the result is here.
    pub async fn feedback(&self) -> Result<GenericFeedback, ReceiveError> {
        let gone = self.server.vanished(&self.client.node);
        tokio::pin!(gone);
        loop {
            match self.try_feedback() {
                Err(ReceiveError::Empty) => {}
                settled => return settled,
            }
            let changed = async {
                self.watched.over().await;
                tokio::time::sleep(LOOK_AGAIN).await;
            };
            tokio::select! {
                biased;
                taken = self.watched.feedback.take() => return taken.map_err(ReceiveError::from),
                () = &mut gone => return Err(ReceiveError::Closed),
                () = changed => {}
            }
        }
    }

    fn is_server_gone(&self) -> bool {
        self.was_there && !self.server.is_there(&self.client.node)
    }

    /// Takes the next feedback if there is some.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there is none now, [`ReceiveError::Closed`] when there will be none.
    pub fn try_feedback(&self) -> Result<GenericFeedback, ReceiveError> {
        // Asked first: what comes in between is found.
        let is_on_its_way =
            || self.watched.may_bring_feedback() || self.client.feedback.awaits_contact(self.watched.server);
        let may_come = !self.is_server_gone() && is_on_its_way();
        match self.watched.feedback.try_take().map_err(ReceiveError::from) {
            Err(ReceiveError::Empty) if !may_come => Err(ReceiveError::Closed),
            settled => settled,
        }
    }

    /// Counts and reports feedback that is none of the action's type.
    pub(crate) fn refuse(&self, feedback: &GenericFeedback, error: &DecodeError) {
        self.client.feedback.refuse(error.refusal(feedback.info.signer));
    }

    /// Waits until the goal has ended, for at most the deadline of the options. It may be asked again.
    ///
    /// # Errors
    ///
    /// [`GoalResultError`], at the deadline at the latest, and as soon as the server is gone.
    pub async fn result(&self) -> Result<GenericGoalOutcome, GoalResultError> {
        self.result_within(self.client.options.result_deadline).await
    }

    /// As [`result`](Self::result), with a deadline of its own.
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result).
    pub async fn result_within(&self, deadline: Duration) -> Result<GenericGoalOutcome, GoalResultError> {
        let (client, id) = (&self.client.get_result, self.watched.id);
        let server = client.server_of(self.watched.server).map_err(GoalResultError::Call)?;
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(&id.message(), now_ns, bytes);
        let answer = self.client.call(client, &server, deadline, encode).await;
        let answer = answer.map_err(GoalResultError::Call)?;
        let info = MessageInfo::new(client.name().clone(), &answer, false, ApprovalState::NotAsked);
        let (Int8 { data: number }, part) =
            payload::decode_first(answer).map_err(|error| GoalResultError::Call(CallError::Decode(error)))?;
        let state = GoalState::from(number);
        if !state.is_over() {
            return Err(GoalResultError::Unknown {
                server: self.server().clone(),
                goal_id: id,
            });
        }
        self.watched.reach(state);
        Ok(GenericGoalOutcome { state, info, part })
    }

    /// Asks for the goal to be given up. That it is being given up does not say how it ends: the result does.
    ///
    /// # Errors
    ///
    /// [`CancelGoalError`] when the server refuses, the goal is over, and at the deadline at the latest.
    pub async fn cancel(&self) -> Result<(), CancelGoalError> {
        self.client.cancel(self.watched.server, self.watched.id).await?;
        self.watched.reach(GoalState::Canceling);
        Ok(())
    }
}

impl Drop for GenericGoalRun {
    fn drop(&mut self) {
        self.client.watch.end(self.watched.id);
    }
}

impl fmt::Debug for GenericGoalRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericGoalRun")
            .field("goal_id", &self.watched.id)
            .field("server", self.server())
            .field("state", &self.status())
            .finish_non_exhaustive()
    }
}
