//! The untyped action server: goals that are verified requests, and what their server makes of them.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use nuncio_msgs::TypeHash;
use nuncio_msgs::builtin_interfaces::msg::Time;
use nuncio_msgs::std_msgs::msg::Bool;
use nuncio_msgs::unique_identifier_msgs::msg::UUID;
use tokio::sync::watch;

use crate::action_port::ActionPort;
use crate::action_server::{AcceptError, EndError};
use crate::card::time_from_ns;
use crate::clock;
use crate::generic_publisher::PublishError;
use crate::generic_request::{GenericRequest, RespondError};
use crate::generic_service_server::GenericServiceServer;
use crate::generic_subscriber::{MessageInfo, ReceiveError};
use crate::goal_id::GoalId;
use crate::goal_ledger::NotTaken;
use crate::goal_state::{GoalState, GoalStep};
use crate::name::TopicName;
use crate::payload::{self, DecodeError, EncodeError, Remainder};
use crate::request_desk::RequestDesk;

/// Serves one action, whatever its type. What holds of [`ActionServer`](crate::ActionServer) holds of it.
#[derive(Debug)]
pub struct GenericActionServer {
    pub(crate) name: TopicName,
    /// The name and hash of the action's type.
    pub(crate) of_type: (String, TypeHash),
    pub(crate) goals: GenericServiceServer,
    pub(crate) port: Arc<ActionPort>,
    /// Where requests to cancel and for results wait.
    pub(crate) desks: [Arc<RequestDesk>; 2],
}

/// A goal that was sent, not decoded, to be accepted or rejected. Dropped without either, its client is told that it was let
/// go of.
pub struct GenericIncomingGoal {
    /// Which goal it is.
    pub goal_id: GoalId,
    /// Who sent it, and when. The topic is the name of the service `send_goal`.
    pub info: MessageInfo,
    part: Remainder,
    request: GenericRequest,
    port: Arc<ActionPort>,
}

/// A goal that was accepted, not decoded. Dropped before it has ended, it is aborted.
pub struct GenericGoalHandle {
    info: MessageInfo,
    id: GoalId,
    part: Remainder,
    state: watch::Receiver<GoalState>,
    port: Arc<ActionPort>,
}

impl GenericActionServer {
    /// Waits for the next goal. Whether it is one of the action's type shows when it is decoded.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn recv(&self) -> Result<GenericIncomingGoal, ReceiveError> {
        loop {
            let request = self.goals.recv().await?;
            match payload::decode_first::<UUID>(request.message().clone()) {
                Ok((UUID { uuid }, part)) => {
                    return Ok(GenericIncomingGoal {
                        goal_id: GoalId(uuid),
                        info: request.info(),
                        part,
                        request,
                        port: Arc::clone(&self.port),
                    });
                }
                Err(error) => request.refuse(&error),
            }
        }
    }

    /// The action's name.
    pub fn name(&self) -> &TopicName {
        &self.name
    }

    /// The full name of the action's type.
    pub fn type_name(&self) -> &str {
        &self.of_type.0
    }

    /// The hash of the action's type.
    pub fn type_hash(&self) -> TypeHash {
        self.of_type.1
    }
}

impl Drop for GenericActionServer {
    fn drop(&mut self) {
        // Their threads end with it.
        self.desks.iter().for_each(|desk| drop(desk.close()));
    }
}

impl GenericIncomingGoal {
    /// The bytes of the action's goal, for a [`RunTimeType`](crate::run_time_type::RunTimeType).
    pub fn payload(&self) -> &[u8] {
        self.part.payload()
    }

    pub(crate) fn part(&self) -> &Remainder {
        &self.part
    }

    /// Answers that it is no goal of the action's type, and counts that as a refusal.
    pub(crate) fn refuse(self, error: &DecodeError) {
        self.request.refuse(error);
    }

    /// Accepts it, and says that it is being worked on from now on.
    ///
    /// # Errors
    ///
    /// As [`accept_for_later`](Self::accept_for_later).
    pub fn accept(self) -> Result<GenericGoalHandle, AcceptError> {
        let handle = self.accept_for_later()?;
        handle.execute();
        Ok(handle)
    }

    /// Accepts it, and leaves it waiting until [`GenericGoalHandle::execute`].
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when there are too many goals, the same goal was sent twice, or its client cannot be told.
    pub fn accept_for_later(self) -> Result<GenericGoalHandle, AcceptError> {
        let Self {
            goal_id,
            info,
            part,
            request,
            port,
        } = self;
        let accepted = time_from_ns(clock::now_ns());
        let taken = port
            .goals()
            .take(goal_id, info.signer, accepted.clone(), Instant::now());
        let state = match taken {
            Ok(state) => state,
            Err(why) => {
                respond(request, false, &accepted).map_err(AcceptError::Respond)?;
                return Err(match why {
                    NotTaken::Full => AcceptError::TooMany,
                    NotTaken::Known => AcceptError::Known { goal_id },
                });
            }
        };
        if let Err(error) = respond(request, true, &accepted) {
            port.goals().strike_out(goal_id);
            return Err(AcceptError::Respond(error));
        }
        port.tell_status();
        Ok(GenericGoalHandle {
            info,
            id: goal_id,
            part,
            state,
            port,
        })
    }

    /// Rejects it.
    ///
    /// # Errors
    ///
    /// [`RespondError`] when its client does not wait any more, or the link is closed.
    pub fn reject(self) -> Result<(), RespondError> {
        respond(self.request, false, &time_from_ns(clock::now_ns()))
    }
}

fn respond(request: GenericRequest, accepted: bool, stamp: &Time) -> Result<(), RespondError> {
    let accepted = Bool { data: accepted };
    request.respond_encoded(|now_ns, bytes| payload::encode_pair((&accepted, stamp), now_ns, bytes))
}

impl GenericGoalHandle {
    /// The bytes of the action's goal.
    pub fn payload(&self) -> &[u8] {
        self.part.payload()
    }

    /// Which goal it is.
    pub fn goal_id(&self) -> GoalId {
        self.id
    }

    /// Who sent it, and when.
    pub fn info(&self) -> &MessageInfo {
        &self.info
    }

    /// How far it has come.
    pub fn state(&self) -> GoalState {
        *self.state.borrow()
    }

    /// Says that it is being worked on from now on. Nothing, if that was said before or it is being canceled.
    pub fn execute(&self) {
        self.port.step(self.id, GoalStep::Execute);
    }

    /// Tells how far it has come, by the payload of the action's feedback.
    ///
    /// # Errors
    ///
    /// [`PublishError`] as for every message.
    pub fn feedback(&self, payload: &[u8]) -> Result<(), PublishError> {
        self.tell_feedback(|_, bytes| {
            bytes.extend_from_slice(payload);
            Ok(())
        })
    }

    pub(crate) fn tell_feedback(
        &self,
        encode: impl Fn(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), PublishError> {
        self.port.tell_feedback(self.id, encode)
    }

    /// Whether somebody wants it to be given up.
    pub fn is_canceling(&self) -> bool {
        self.state() == GoalState::Canceling
    }

    /// Waits until somebody wants it to be given up.
    pub async fn canceling(&self) {
        let mut state = self.state.clone();
        if state.wait_for(|state| *state == GoalState::Canceling).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends it as wanted, with the payload of the action's result.
    ///
    /// # Errors
    ///
    /// [`EndError`]; the goal is aborted then.
    pub fn succeed(self, payload: Vec<u8>) -> Result<(), EndError> {
        // One that was accepted for later and ends at once was worked on in between.
        self.execute();
        self.end(GoalStep::Succeed, payload)
    }

    /// Gives it up.
    ///
    /// # Errors
    ///
    /// As [`succeed`](Self::succeed).
    pub fn abort(self, payload: Vec<u8>) -> Result<(), EndError> {
        self.end(GoalStep::Abort, payload)
    }

    /// Gives it up, as asked.
    ///
    /// # Errors
    ///
    /// As [`succeed`](Self::succeed), and when nobody has asked for that.
    pub fn canceled(self, payload: Vec<u8>) -> Result<(), EndError> {
        self.end(GoalStep::Canceled, payload)
    }

    fn end(self, step: GoalStep, payload: Vec<u8>) -> Result<(), EndError> {
        match self.port.end(self.id, step, payload.into()) {
            true => Ok(()),
            false => Err(EndError::NotSo { state: self.state() }),
        }
    }
}

impl Drop for GenericGoalHandle {
    fn drop(&mut self) {
        if !self.state().is_over() {
            self.port.end(self.id, GoalStep::Abort, self.port.no_result());
        }
    }
}

impl fmt::Debug for GenericIncomingGoal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericIncomingGoal")
            .field("goal_id", &self.goal_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for GenericGoalHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericGoalHandle")
            .field("goal_id", &self.id)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
