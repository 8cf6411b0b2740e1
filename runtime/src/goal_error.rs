//! Why a goal was not sent, gave no result, or was not canceled.

use std::fmt;

use crate::call_error::CallError;
use crate::goal_id::GoalId;
use crate::name::NodeName;

/// Why a goal is not pursued.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendGoalError {
    /// The server has rejected it.
    Rejected {
        /// The server's node.
        server: NodeName,
    },
    /// The server has not answered. It may pursue the goal all the same.
    Call(CallError),
    /// The system gave no randomness for the goal's id.
    Random(String),
}

impl fmt::Display for SendGoalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { server } => write!(f, "{server} has rejected the goal"),
            Self::Call(error) => fmt::Display::fmt(error, f),
            Self::Random(error) => write!(f, "the system gave no randomness for the goal's id: {error}"),
        }
    }
}

impl std::error::Error for SendGoalError {}

/// Why there is no result of a goal.
#[derive(Debug)]
#[non_exhaustive]
pub enum GoalResultError {
    /// The server does not know the goal, or not as one of this client.
    Unknown {
        /// The server's node.
        server: NodeName,
        /// Which goal.
        goal_id: GoalId,
    },
    /// The server has not answered.
    Call(CallError),
}

impl fmt::Display for GoalResultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { server, goal_id } => write!(f, "{}", unknown(server, *goal_id)),
            Self::Call(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for GoalResultError {}

/// Why a goal is not being given up.
#[derive(Debug)]
#[non_exhaustive]
pub enum CancelGoalError {
    /// The goal was sent by another key, and no role permits to cancel it.
    Rejected {
        /// The server's node.
        server: NodeName,
        /// Which goal.
        goal_id: GoalId,
    },
    /// The server does not know the goal.
    Unknown {
        /// The server's node.
        server: NodeName,
        /// Which goal.
        goal_id: GoalId,
    },
    /// All goals that there are were sent by other keys, and no role permits to cancel them.
    AllRejected {
        /// The server's node.
        server: NodeName,
    },
    /// The goal has ended already.
    Over {
        /// The server's node.
        server: NodeName,
        /// Which goal.
        goal_id: GoalId,
    },
    /// The server has not answered.
    Call(CallError),
}

impl fmt::Display for CancelGoalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { server, goal_id } => write!(
                f,
                "{server} does not cancel the goal {goal_id}: the key that sent it may have it canceled, and whoever holds a \
                 role that permits to call `cancel_goal`"
            ),
            Self::AllRejected { server } => write!(
                f,
                "{server} cancels none of its goals: the key that sent a goal may have it canceled, and whoever holds a role \
                 that permits to call `cancel_goal`"
            ),
            Self::Unknown { server, goal_id } => write!(f, "{}", unknown(server, *goal_id)),
            Self::Over { server, goal_id } => write!(f, "the goal {goal_id} has ended already, says {server}"),
            Self::Call(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for CancelGoalError {}

fn unknown(server: &NodeName, goal_id: GoalId) -> String {
    format!("{server} knows no goal {goal_id} of this client; results are kept for 15 minutes")
}
