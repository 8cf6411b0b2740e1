//! The typed action client: goals of one type, their feedback and results, decoded.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use nuncio_msgs::action::Action;

use crate::call_error::CallError;
use crate::generic_action_client::GenericActionClient;
use crate::generic_goal_run::{GenericGoalOutcome, GenericGoalRun};
use crate::generic_subscriber::{MessageInfo, ReceiveError};
use crate::goal_error::{GoalResultError, SendGoalError};
use crate::goal_state::GoalState;
use crate::goal_watch::GenericFeedback;
use crate::payload;
use crate::subscriber::Received;

/// Sends goals of one action of type `A`.
///
/// Everything that does not depend on the type is on [`GenericActionClient`], which this dereferences to.
///
/// ```no_run
/// use nuncio::msgs::action_tutorials_interfaces::action::{Fibonacci, FibonacciGoal};
///
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// let client = node.action_client::<Fibonacci>("/fibonacci")?;
/// client.wait_for_server(std::time::Duration::from_secs(5)).await;
/// let goal = client.send_goal(&FibonacciGoal { order: 10 }).await?;
/// while let Ok(feedback) = goal.feedback().await {
///     println!("{:?}", feedback.message.partial_sequence);
/// }
/// let outcome = goal.result().await?;
/// println!("{}: {:?}", outcome.state, outcome.result.sequence);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ActionClient<A: Action> {
    generic: GenericActionClient,
    of: PhantomData<fn() -> A>,
}

/// A goal that a server has accepted. Dropping it changes nothing at the server: a goal ends by itself, or is canceled.
///
/// Everything that does not depend on the type is on [`GenericGoalRun`], which this dereferences to.
pub struct GoalRun<A: Action> {
    generic: GenericGoalRun,
    of: PhantomData<fn() -> A>,
}

/// What came of a goal.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalOutcome<R> {
    /// How it ended: succeeded, canceled or aborted.
    pub state: GoalState,
    /// The result. One that was aborted or canceled has one, too, which may say nothing.
    pub result: R,
    /// Who says so, and when.
    pub info: MessageInfo,
}

impl<A: Action> ActionClient<A> {
    pub(crate) fn new(generic: GenericActionClient) -> Self {
        Self {
            generic,
            of: PhantomData,
        }
    }

    /// Sends a goal and waits until it is accepted.
    ///
    /// # Errors
    ///
    /// [`SendGoalError`] when it is rejected, and at the deadline at the latest.
    pub async fn send_goal(&self, goal: &A::Goal) -> Result<GoalRun<A>, SendGoalError> {
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(goal, now_ns, bytes);
        Ok(GoalRun {
            generic: self.generic.send_encoded(encode).await?,
            of: PhantomData,
        })
    }
}

impl<A: Action> GoalRun<A> {
    /// Waits for the next feedback, which the goal's server has signed. What is none of the action's type is refused, and
    /// does not appear here.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when all feedback was taken and the server is gone or the goal has ended half a second ago:
    /// the last feedback may be on its way when the result is here.
    pub async fn feedback(&self) -> Result<Received<A::Feedback>, ReceiveError> {
        loop {
            if let Some(received) = self.decode(self.generic.feedback().await?) {
                return Ok(received);
            }
        }
    }

    /// Takes the next feedback if there is some.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there is none now, [`ReceiveError::Closed`] when there will be none.
    pub fn try_feedback(&self) -> Result<Received<A::Feedback>, ReceiveError> {
        loop {
            if let Some(received) = self.decode(self.generic.try_feedback()?) {
                return Ok(received);
            }
        }
    }

    fn decode(&self, feedback: GenericFeedback) -> Option<Received<A::Feedback>> {
        match feedback.part.decode() {
            Ok(message) => Some(Received {
                message,
                info: feedback.info,
            }),
            Err(error) => {
                self.generic.refuse(&feedback, &error);
                None
            }
        }
    }

    /// Waits until the goal has ended, for at most the deadline of the options. It may be asked again.
    ///
    /// # Errors
    ///
    /// [`GoalResultError`], at the deadline at the latest, and as soon as the server is gone.
    pub async fn result(&self) -> Result<GoalOutcome<A::Result>, GoalResultError> {
        decoded(self.generic.result().await?)
    }

    /// As [`result`](Self::result), with a deadline of its own.
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result).
    pub async fn result_within(&self, deadline: Duration) -> Result<GoalOutcome<A::Result>, GoalResultError> {
        decoded(self.generic.result_within(deadline).await?)
    }
}

fn decoded<R: nuncio_msgs::Message>(outcome: GenericGoalOutcome) -> Result<GoalOutcome<R>, GoalResultError> {
    let result = outcome.part.decode();
    Ok(GoalOutcome {
        result: result.map_err(|error| GoalResultError::Call(CallError::Decode(error)))?,
        state: outcome.state,
        info: outcome.info,
    })
}

impl<A: Action> Deref for ActionClient<A> {
    type Target = GenericActionClient;

    fn deref(&self) -> &GenericActionClient {
        &self.generic
    }
}

impl<A: Action> Deref for GoalRun<A> {
    type Target = GenericGoalRun;

    fn deref(&self) -> &GenericGoalRun {
        &self.generic
    }
}

impl<A: Action> fmt::Debug for GoalRun<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.generic, f)
    }
}
