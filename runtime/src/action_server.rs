//! The action server: goals that are verified requests, and what their server makes of them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use nuncio_msgs::action::Action;
use nuncio_msgs::std_msgs::msg::Bool;
use nuncio_msgs::unique_identifier_msgs::msg::UUID;
use nuncio_msgs::{Message, TypeHash};
use tokio::sync::watch;

use crate::action_port::ActionPort;
use crate::card::time_from_ns;
use crate::clock;
use crate::generic_publisher::PublishError;
use crate::generic_request::{GenericRequest, RespondError};
use crate::generic_service_server::GenericServiceServer;
use crate::generic_subscriber::{MessageInfo, ReceiveError};
use crate::goal_id::GoalId;
use crate::goal_ledger::{GOALS_MAX, NotTaken};
use crate::goal_state::{GoalState, GoalStep};
use crate::name::TopicName;
use crate::payload::{self, EncodeError};
use crate::request_desk::RequestDesk;

/// Serves one action of type `A`.
///
/// At most 1024 goals are under way at a time. Results are kept for 15 minutes, the last 1024 of them. The key that sent a
/// goal may have it canceled and ask for its result; so may whoever holds a role that permits to call
/// `<action>/_action/cancel_goal` or `get_result`. Who may send goals at all, the trust policy for `send_goal` says.
///
/// Dropping it ends the action: goals in hand go on, and nobody hears of their results.
///
/// ```no_run
/// use nuncio::msgs::action_tutorials_interfaces::action::{Fibonacci, FibonacciFeedback, FibonacciResult};
///
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// let server = node.action_server::<Fibonacci>("/fibonacci")?;
/// loop {
///     let goal = server.recv().await?.accept()?;
///     let mut sequence = vec![0, 1];
///     for _ in 1..goal.goal().order {
///         if goal.is_canceling() {
///             break;
///         }
///         sequence.push(sequence.iter().rev().take(2).sum());
///         goal.feedback(&FibonacciFeedback { partial_sequence: sequence.clone() })?;
///     }
///     let result = FibonacciResult { sequence };
///     if goal.is_canceling() { goal.canceled(&result)? } else { goal.succeed(&result)? }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct ActionServer<A> {
    name: TopicName,
    goals: GenericServiceServer,
    port: Arc<ActionPort>,
    /// Where requests to cancel and for results wait.
    desks: [Arc<RequestDesk>; 2],
    of: PhantomData<fn() -> A>,
}

/// A goal that was sent, to be accepted or rejected. Dropped without either, its client is told that it was let go of.
pub struct IncomingGoal<A: Action> {
    /// What is wanted.
    pub goal: A::Goal,
    /// Which goal it is.
    pub goal_id: GoalId,
    /// Who sent it, and when. The topic is the name of the service `send_goal`.
    pub info: MessageInfo,
    request: GenericRequest,
    port: Arc<ActionPort>,
}

/// A goal that was accepted. Dropped before it has ended, it is aborted.
pub struct GoalHandle<A: Action> {
    goal: A::Goal,
    info: MessageInfo,
    id: GoalId,
    state: watch::Receiver<GoalState>,
    port: Arc<ActionPort>,
}

impl<A: Action> ActionServer<A> {
    pub(crate) fn new(
        name: TopicName,
        goals: GenericServiceServer,
        port: Arc<ActionPort>,
        desks: [Arc<RequestDesk>; 2],
    ) -> Self {
        Self {
            name,
            goals,
            port,
            desks,
            of: PhantomData,
        }
    }

    /// Waits for the next goal.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn recv(&self) -> Result<IncomingGoal<A>, ReceiveError> {
        loop {
            let request = self.goals.recv().await?;
            match payload::decode_pair::<UUID, A::Goal>(request.message().clone()) {
                Ok((UUID { uuid }, goal)) => {
                    return Ok(IncomingGoal {
                        goal,
                        goal_id: GoalId(uuid),
                        info: request.info(),
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
        A::TYPE_NAME
    }

    /// The hash of the action's type.
    pub fn type_hash(&self) -> TypeHash {
        A::TYPE_HASH
    }
}

impl<A> Drop for ActionServer<A> {
    fn drop(&mut self) {
        // Their threads end with it.
        self.desks.iter().for_each(|desk| drop(desk.close()));
        self.port.abandon_waiting();
    }
}

impl<A: Action> IncomingGoal<A> {
    /// Accepts it, and says that it is being worked on from now on.
    ///
    /// # Errors
    ///
    /// As [`accept_for_later`](Self::accept_for_later).
    pub fn accept(self) -> Result<GoalHandle<A>, AcceptError> {
        let handle = self.accept_for_later()?;
        handle.execute();
        Ok(handle)
    }

    /// Accepts it, and leaves it waiting until [`GoalHandle::execute`].
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when there are too many goals, the same goal was sent twice, or its client cannot be told.
    pub fn accept_for_later(self) -> Result<GoalHandle<A>, AcceptError> {
        let Self {
            goal,
            goal_id,
            info,
            request,
            port,
        } = self;
        let accepted_ns = clock::now_ns();
        let taken = port
            .goals()
            .take(goal_id, info.signer, time_from_ns(accepted_ns), Instant::now());
        let state = match taken {
            Ok(state) => state,
            Err(why) => {
                respond(request, false, accepted_ns).map_err(AcceptError::Respond)?;
                return Err(match why {
                    NotTaken::Full => AcceptError::TooMany,
                    NotTaken::Known => AcceptError::Known { goal_id },
                });
            }
        };
        if let Err(error) = respond(request, true, accepted_ns) {
            port.goals().strike_out(goal_id);
            return Err(AcceptError::Respond(error));
        }
        port.tell_status();
        Ok(GoalHandle {
            goal,
            info,
            id: goal_id,
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
        respond(self.request, false, clock::now_ns())
    }
}

fn respond(request: GenericRequest, accepted: bool, stamp_ns: i64) -> Result<(), RespondError> {
    let (accepted, stamp) = (Bool { data: accepted }, time_from_ns(stamp_ns));
    request.respond_encoded(|now_ns, bytes| payload::encode_pair((&accepted, &stamp), now_ns, bytes))
}

impl<A: Action> GoalHandle<A> {
    /// What is wanted.
    pub fn goal(&self) -> &A::Goal {
        &self.goal
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

    /// Tells how far it has come.
    ///
    /// # Errors
    ///
    /// [`PublishError`] as for every message.
    pub fn feedback(&self, feedback: &A::Feedback) -> Result<(), PublishError> {
        self.port.tell_feedback(self.id, feedback)
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

    /// Ends it as wanted.
    ///
    /// # Errors
    ///
    /// [`EndError`]; the goal is aborted then.
    pub fn succeed(self, result: &A::Result) -> Result<(), EndError> {
        // One that was accepted for later and ends at once was worked on in between.
        self.execute();
        self.end(GoalStep::Succeed, result)
    }

    /// Gives it up.
    ///
    /// # Errors
    ///
    /// As [`succeed`](Self::succeed).
    pub fn abort(self, result: &A::Result) -> Result<(), EndError> {
        self.end(GoalStep::Abort, result)
    }

    /// Gives it up, as asked.
    ///
    /// # Errors
    ///
    /// As [`succeed`](Self::succeed), and when nobody has asked for that.
    pub fn canceled(self, result: &A::Result) -> Result<(), EndError> {
        self.end(GoalStep::Canceled, result)
    }

    fn end(self, step: GoalStep, result: &impl Message) -> Result<(), EndError> {
        let mut bytes = Vec::new();
        payload::encode(result, clock::now_ns(), &mut bytes).map_err(EndError::Encode)?;
        match self.port.end(self.id, step, bytes.into()) {
            true => Ok(()),
            false => Err(EndError::NotSo { state: self.state() }),
        }
    }
}

impl<A: Action> Drop for GoalHandle<A> {
    fn drop(&mut self) {
        if !self.state().is_over() {
            self.port.end(self.id, GoalStep::Abort, self.port.no_result());
        }
    }
}

impl<A: Action> fmt::Debug for IncomingGoal<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingGoal")
            .field("goal_id", &self.goal_id)
            .field("goal", &self.goal)
            .finish_non_exhaustive()
    }
}

impl<A: Action> fmt::Debug for GoalHandle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoalHandle")
            .field("goal_id", &self.id)
            .field("goal", &self.goal)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Why a goal was not accepted. Its client has been told that it is rejected, where that could be told.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// So many goals are under way already.
    TooMany,
    /// There is such a goal already.
    Known {
        /// Which goal.
        goal_id: GoalId,
    },
    /// Its client could not be told that it is accepted.
    Respond(RespondError),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(
                f,
                "{GOALS_MAX} goals of this action are under way already; end some first"
            ),
            Self::Known { goal_id } => write!(
                f,
                "the goal {goal_id} was sent before; each goal needs an id of its own"
            ),
            Self::Respond(error) => write!(f, "the client could not be told: {error}"),
        }
    }
}

impl std::error::Error for AcceptError {}

/// Why a goal did not end as its server said. It is aborted then.
#[derive(Debug)]
#[non_exhaustive]
pub enum EndError {
    /// The result violates its schema or cannot be encoded.
    Encode(EncodeError),
    /// A goal cannot end so from where it is: only one that somebody wants to be given up is canceled.
    NotSo {
        /// How far it had come.
        state: GoalState,
    },
}

impl fmt::Display for EndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => write!(f, "the result cannot be sent, the goal is aborted: {error}"),
            Self::NotSo { state } => write!(
                f,
                "a goal that is {state} cannot end so, it is aborted; only one that is canceling is canceled"
            ),
        }
    }
}

impl std::error::Error for EndError {}
