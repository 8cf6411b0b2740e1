//! What an action client hears of its goals: feedback and status, sorted by goal. Only the key that a goal was sent to is
//! believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use nuncio_msgs::action_msgs::msg::GoalStatusArray;
use nuncio_msgs::unique_identifier_msgs::msg::UUID;
use tokio::sync::watch;

use crate::delivery::Delivery;
use crate::generic_subscriber::MessageInfo;
use crate::goal_id::GoalId;
use crate::goal_state::GoalState;
use crate::name::TopicName;
use crate::payload::{self, DecodeError, Remainder};
use crate::queue::Queue;
use crate::security::key::PublicKey;
use crate::subscriber::Received;

/// How long the last feedback may be on its way after its goal is over.
const LAST_FEEDBACK: Duration = Duration::from_millis(500);

/// The goals of one client that somebody holds on to.
#[derive(Debug)]
pub(crate) struct GoalWatch {
    goals: Mutex<HashMap<GoalId, Weak<WatchedGoal>>>,
}

/// Feedback of one goal, not decoded.
#[derive(Clone, Debug)]
pub struct GenericFeedback {
    /// Who sent it, and when.
    pub info: MessageInfo,
    pub(crate) part: Remainder,
}

impl GenericFeedback {
    /// The bytes of the action's feedback, for a [`RunTimeType`](crate::run_time_type::RunTimeType).
    pub fn payload(&self) -> &[u8] {
        self.part.payload()
    }
}

/// What was heard of one goal.
#[derive(Debug)]
pub(crate) struct WatchedGoal {
    pub(crate) id: GoalId,
    pub(crate) server: PublicKey,
    pub(crate) feedback: Queue<GenericFeedback>,
    state: watch::Sender<GoalState>,
    over_since: OnceLock<Instant>,
}

impl WatchedGoal {
    pub(crate) fn state(&self) -> GoalState {
        *self.state.borrow()
    }

    /// Goals only go forward: what comes late changes nothing.
    pub(crate) fn reach(&self, next: GoalState) {
        self.state.send_if_modified(|state| {
            let is_later = next.number() > state.number() && !state.is_over();
            if is_later {
                *state = next;
            }
            is_later
        });
        if self.state().is_over() {
            self.over_since.get_or_init(Instant::now);
        }
    }

    /// Whether feedback may still be on its way: it and the end of the goal do not travel in step.
    pub(crate) fn may_bring_feedback(&self) -> bool {
        let over_since = self.over_since.get();
        over_since.is_none_or(|since| since.elapsed() < LAST_FEEDBACK)
    }

    /// Waits until it is over.
    pub(crate) async fn over(&self) {
        // The sender is this goal's own, so this ends by the state alone.
        let _ = self.state.subscribe().wait_for(|state| state.is_over()).await;
    }
}

impl GoalWatch {
    pub(crate) fn new() -> Self {
        Self {
            goals: Mutex::default(),
        }
    }

    /// Watches a goal for as long as what is returned is held.
    pub(crate) fn begin(&self, id: GoalId, server: PublicKey, feedback_kept: usize) -> Arc<WatchedGoal> {
        let goal = Arc::new(WatchedGoal {
            id,
            server,
            feedback: Queue::new(feedback_kept),
            state: watch::Sender::new(GoalState::Unknown),
            over_since: OnceLock::new(),
        });
        self.goals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Arc::downgrade(&goal));
        goal
    }

    pub(crate) fn end(&self, id: GoalId) {
        self.goals.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn goal(&self, id: GoalId, signer: PublicKey) -> Option<Arc<WatchedGoal>> {
        let goals = self.goals.lock().unwrap_or_else(PoisonError::into_inner);
        goals.get(&id)?.upgrade().filter(|goal| goal.server == signer)
    }

    /// Takes feedback in, which is about any goal of the action.
    pub(crate) fn hear_feedback(&self, topic: &TopicName, delivery: Delivery) -> Result<(), DecodeError> {
        let Delivery { message, approval, .. } = delivery;
        let (signer, info) = (
            message.frame().signer(),
            MessageInfo::new(topic.clone(), &message, false, approval),
        );
        let (id, part) = payload::decode_first::<UUID>(message)?;
        if let Some(goal) = self.goal(id.into(), signer) {
            goal.feedback.push(GenericFeedback { info, part });
        }
        Ok(())
    }

    /// Takes in how far the goals of a server have come.
    pub(crate) fn hear_status(&self, received: &Received<GoalStatusArray>) {
        for status in &received.message.status_list {
            if let Some(goal) = self.goal(status.goal_info.goal_id.clone().into(), received.info.signer) {
                goal.reach(GoalState::from(status.status));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_goes_forward_only() {
        let watch = GoalWatch::new();
        let goal = watch.begin(GoalId([1; 16]), PublicKey::from_bytes([1; 32]), 10);
        goal.reach(GoalState::Executing);
        goal.reach(GoalState::Accepted);
        assert_eq!(goal.state(), GoalState::Executing);
        goal.reach(GoalState::Canceled);
        goal.reach(GoalState::Aborted);
        assert_eq!(goal.state(), GoalState::Canceled);
        assert!(goal.over_since.get().is_some());
    }

    #[test]
    fn another_key_is_not_heard_and_a_goal_that_nobody_holds_is_forgotten() {
        let watch = GoalWatch::new();
        let (id, server) = (GoalId([1; 16]), PublicKey::from_bytes([1; 32]));
        let goal = watch.begin(id, server, 10);
        assert!(watch.goal(id, PublicKey::from_bytes([2; 32])).is_none());
        assert!(watch.goal(id, server).is_some());
        drop(goal);
        assert!(watch.goal(id, server).is_none());
    }
}
