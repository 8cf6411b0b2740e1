//! The action server: goals that are verified requests, and what their server makes of them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use nuncio_msgs::Message;
use nuncio_msgs::action::Action;

use crate::clock;
use crate::generic_action_server::{GenericActionServer, GenericGoalHandle, GenericIncomingGoal};
use crate::generic_publisher::PublishError;
use crate::generic_request::RespondError;
use crate::generic_subscriber::{MessageInfo, ReceiveError};
use crate::goal_id::GoalId;
use crate::goal_ledger::GOALS_MAX;
use crate::goal_state::GoalState;
use crate::payload::{self, EncodeError};

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
///
/// Everything that does not depend on the type is on [`GenericActionServer`], which this dereferences to.
#[derive(Debug)]
pub struct ActionServer<A> {
    generic: GenericActionServer,
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
    generic: GenericIncomingGoal,
}

/// A goal that was accepted. Dropped before it has ended, it is aborted.
///
/// Everything that does not depend on the type is on [`GenericGoalHandle`], which this dereferences to.
pub struct GoalHandle<A: Action> {
    goal: A::Goal,
    generic: GenericGoalHandle,
}

impl<A: Action> ActionServer<A> {
    pub(crate) fn new(generic: GenericActionServer) -> Self {
        Self {
            generic,
            of: PhantomData,
        }
    }

    /// Waits for the next goal. What is none of the action's type is refused, and does not appear here.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn recv(&self) -> Result<IncomingGoal<A>, ReceiveError> {
        loop {
            let generic = self.generic.recv().await?;
            match generic.part().decode() {
                Ok(goal) => {
                    return Ok(IncomingGoal {
                        goal,
                        goal_id: generic.goal_id,
                        info: generic.info.clone(),
                        generic,
                    });
                }
                Err(error) => generic.refuse(&error),
            }
        }
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

    /// Accepts it, and leaves it waiting until [`GenericGoalHandle::execute`].
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when there are too many goals, the same goal was sent twice, or its client cannot be told.
    pub fn accept_for_later(self) -> Result<GoalHandle<A>, AcceptError> {
        Ok(GoalHandle {
            generic: self.generic.accept_for_later()?,
            goal: self.goal,
        })
    }

    /// Rejects it.
    ///
    /// # Errors
    ///
    /// [`RespondError`] when its client does not wait any more, or the link is closed.
    pub fn reject(self) -> Result<(), RespondError> {
        self.generic.reject()
    }
}

impl<A: Action> GoalHandle<A> {
    /// What is wanted.
    pub fn goal(&self) -> &A::Goal {
        &self.goal
    }

    /// Tells how far it has come.
    ///
    /// # Errors
    ///
    /// [`PublishError`] as for every message.
    pub fn feedback(&self, feedback: &A::Feedback) -> Result<(), PublishError> {
        self.generic
            .tell_feedback(|now_ns, bytes| payload::encode(feedback, now_ns, bytes))
    }

    /// Ends it as wanted.
    ///
    /// # Errors
    ///
    /// [`EndError`]; the goal is aborted then.
    pub fn succeed(self, result: &A::Result) -> Result<(), EndError> {
        self.generic.succeed(encoded(result)?)
    }

    /// Gives it up.
    ///
    /// # Errors
    ///
    /// As [`succeed`](Self::succeed).
    pub fn abort(self, result: &A::Result) -> Result<(), EndError> {
        self.generic.abort(encoded(result)?)
    }

    /// Gives it up, as asked.
    ///
    /// # Errors
    ///
    /// As [`succeed`](Self::succeed), and when nobody has asked for that.
    pub fn canceled(self, result: &A::Result) -> Result<(), EndError> {
        self.generic.canceled(encoded(result)?)
    }
}

fn encoded(result: &impl Message) -> Result<Vec<u8>, EndError> {
    let mut bytes = Vec::new();
    payload::encode(result, clock::now_ns(), &mut bytes).map_err(EndError::Encode)?;
    Ok(bytes)
}

impl<A> Deref for ActionServer<A> {
    type Target = GenericActionServer;

    fn deref(&self) -> &GenericActionServer {
        &self.generic
    }
}

impl<A: Action> Deref for GoalHandle<A> {
    type Target = GenericGoalHandle;

    fn deref(&self) -> &GenericGoalHandle {
        &self.generic
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
            .field("goal_id", &self.goal_id())
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
