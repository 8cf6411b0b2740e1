//! The states of a goal and the steps between them, as ROS 2's design has them. Pure: no I/O, no clock.
//!
//! ```text
//! accepted ──▶ executing ──▶ succeeded, aborted
//!     └────────────┴─▶ canceling ──▶ canceled, succeeded, aborted
//! ```

use std::fmt;

use nuncio_msgs::action_msgs::msg::GoalStatus;

/// How far a goal has come.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum GoalState {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// Accepted, and waits for its turn.
    Accepted,
    /// Is being worked on.
    Executing,
    /// Is being given up, as asked.
    Canceling,
    /// Ended as wanted.
    Succeeded,
    /// Was given up, as asked.
    Canceled,
    /// The server gave it up by itself.
    Aborted,
}

/// What happens to a goal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum GoalStep {
    Execute,
    Cancel,
    Succeed,
    Abort,
    /// It was given up, as asked.
    Canceled,
}

impl GoalState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::Accepted,
        Self::Executing,
        Self::Canceling,
        Self::Succeeded,
        Self::Canceled,
        Self::Aborted,
    ];

    /// The word for it on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Executing => "executing",
            Self::Canceling => "canceling",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
            Self::Aborted => "aborted",
        }
    }

    /// Whether nothing can happen to it any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Canceled | Self::Aborted)
    }

    /// The state after a step; `None` when the step cannot be taken.
    pub(crate) const fn after(self, step: GoalStep) -> Option<Self> {
        match (self, step) {
            (Self::Accepted, GoalStep::Execute) => Some(Self::Executing),
            (Self::Accepted | Self::Executing, GoalStep::Cancel) => Some(Self::Canceling),
            (Self::Executing | Self::Canceling, GoalStep::Succeed) => Some(Self::Succeeded),
            (Self::Accepted | Self::Executing | Self::Canceling, GoalStep::Abort) => Some(Self::Aborted),
            (Self::Canceling, GoalStep::Canceled) => Some(Self::Canceled),
            _ => None,
        }
    }

    /// The number for it on the wire.
    pub(crate) const fn number(self) -> i8 {
        match self {
            Self::Unknown => GoalStatus::STATUS_UNKNOWN,
            Self::Accepted => GoalStatus::STATUS_ACCEPTED,
            Self::Executing => GoalStatus::STATUS_EXECUTING,
            Self::Canceling => GoalStatus::STATUS_CANCELING,
            Self::Succeeded => GoalStatus::STATUS_SUCCEEDED,
            Self::Canceled => GoalStatus::STATUS_CANCELED,
            Self::Aborted => GoalStatus::STATUS_ABORTED,
        }
    }
}

impl From<i8> for GoalState {
    /// What the status of a goal in `action_msgs` says; an unknown number says nothing.
    fn from(status: i8) -> Self {
        let found = Self::ALL.into_iter().find(|state| state.number() == status);
        found.unwrap_or_default()
    }
}

impl fmt::Display for GoalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [GoalStep; 5] = [
        GoalStep::Execute,
        GoalStep::Cancel,
        GoalStep::Succeed,
        GoalStep::Abort,
        GoalStep::Canceled,
    ];

    #[test]
    fn nothing_happens_to_a_goal_that_is_over_or_unknown() {
        for state in GoalState::ALL.into_iter().filter(|state| state.is_over()) {
            assert!(STEPS.into_iter().all(|step| state.after(step).is_none()), "{state}");
        }
        assert!(STEPS.into_iter().all(|step| GoalState::Unknown.after(step).is_none()));
    }

    #[test]
    fn every_step_leads_to_a_later_state() {
        for state in GoalState::ALL {
            for next in STEPS.into_iter().filter_map(|step| state.after(step)) {
                assert!(next.number() > state.number(), "{state} to {next}");
            }
        }
    }

    #[test]
    fn a_goal_is_canceled_only_when_that_was_asked_for() {
        assert_eq!(GoalState::Executing.after(GoalStep::Canceled), None);
        let canceling = GoalState::Executing.after(GoalStep::Cancel);
        assert_eq!(canceling, Some(GoalState::Canceling));
        assert_eq!(
            GoalState::Canceling.after(GoalStep::Canceled),
            Some(GoalState::Canceled)
        );
        assert_eq!(
            GoalState::Canceling.after(GoalStep::Succeed),
            Some(GoalState::Succeeded)
        );
    }

    #[test]
    fn numbers_on_the_wire_are_those_of_the_states() {
        for state in GoalState::ALL {
            assert_eq!(GoalState::from(state.number()), state);
        }
        assert_eq!(GoalState::from(77), GoalState::Unknown);
    }
}
