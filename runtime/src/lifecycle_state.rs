//! The states of a managed node and the transitions between them, with the ids and labels of ROS 2 (design article "Managed
//! nodes"; the graph is that of `rcl_lifecycle`).
//!
//! A transition that is asked for leads to a state in which its callback runs; what the callback returns is a transition, too,
//! and leads on. No I/O here, no clock.

use std::fmt;
use std::str::FromStr;

use nuncio_msgs::lifecycle_msgs::msg::{State as StateMessage, Transition as TransitionMessage, TransitionDescription};

/// Declares an enum with the ids and labels that ROS 2 gives.
macro_rules! labelled {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $id:literal $label:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$of])* $variant = $id,)+
        }

        impl $name {
            /// All of them, in the order of ROS 2.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that ROS 2 has for it.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }

            /// The number that ROS 2 has for it.
            pub const fn id(self) -> u8 {
                self as u8
            }

            /// By its number.
            pub fn of_id(id: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|other| other.id() == id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.label())
            }
        }
    };
}

labelled!(
    /// A state of a managed node.
    LifecycleState {
        /// Not known.
        Unknown = 0 "unknown",
        /// Created, without settings or resources.
        Unconfigured = 1 "unconfigured",
        /// Configured, and at rest.
        Inactive = 2 "inactive",
        /// At work.
        Active = 3 "active",
        /// Over.
        Finalized = 4 "finalized",
        /// `on_configure` runs.
        Configuring = 10 "configuring",
        /// `on_cleanup` runs.
        CleaningUp = 11 "cleaningup",
        /// `on_shutdown` runs.
        ShuttingDown = 12 "shuttingdown",
        /// `on_activate` runs.
        Activating = 13 "activating",
        /// `on_deactivate` runs.
        Deactivating = 14 "deactivating",
        /// `on_error` runs.
        ErrorProcessing = 15 "errorprocessing",
    }
);

labelled!(
    /// A transition that may be asked for.
    Transition {
        /// From unconfigured to inactive.
        Configure = 1 "configure",
        /// From inactive to unconfigured.
        Cleanup = 2 "cleanup",
        /// From inactive to active.
        Activate = 3 "activate",
        /// From active to inactive.
        Deactivate = 4 "deactivate",
        /// From unconfigured to finalized.
        UnconfiguredShutdown = 5 "shutdown",
        /// From inactive to finalized.
        InactiveShutdown = 6 "shutdown",
        /// From active to finalized.
        ActiveShutdown = 7 "shutdown",
    }
);

/// What a callback of a managed node returns.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CallbackReturn {
    /// It is done.
    Success,
    /// It could not be done; the node is as it was before.
    Failure,
    /// It broke: the node has to deal with an error. A panic is one, too.
    Error,
}

impl Transition {
    /// The state that it leaves.
    pub const fn start(self) -> LifecycleState {
        match self {
            Self::Configure | Self::UnconfiguredShutdown => LifecycleState::Unconfigured,
            Self::Cleanup | Self::Activate | Self::InactiveShutdown => LifecycleState::Inactive,
            Self::Deactivate | Self::ActiveShutdown => LifecycleState::Active,
        }
    }

    /// The state in which its callback runs.
    pub const fn goal(self) -> LifecycleState {
        match self {
            Self::Configure => LifecycleState::Configuring,
            Self::Cleanup => LifecycleState::CleaningUp,
            Self::Activate => LifecycleState::Activating,
            Self::Deactivate => LifecycleState::Deactivating,
            Self::UnconfiguredShutdown | Self::InactiveShutdown | Self::ActiveShutdown => LifecycleState::ShuttingDown,
        }
    }

    /// The transitions that may be asked for in a state.
    pub fn available_in(state: LifecycleState) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |transition| transition.start() == state)
    }

    /// What is meant by a label in a state: `shutdown` is one of three.
    pub fn labelled(label: &str, state: LifecycleState) -> Option<Self> {
        Self::available_in(state).find(|transition| transition.label() == label)
    }

    pub(crate) fn to_description(self) -> TransitionDescription {
        describe(self.id(), self.label(), (self.start(), self.goal()))
    }
}

impl LifecycleState {
    /// Where a callback's return leads from the state in which it ran, and the id and label of that transition.
    pub(crate) const fn after(self, returned: CallbackReturn) -> (Self, u8) {
        use CallbackReturn::{Error, Failure, Success};
        let (tens, success, failure, error) = match self {
            Self::Configuring => (10, Self::Inactive, Self::Unconfigured, Self::ErrorProcessing),
            Self::CleaningUp => (20, Self::Unconfigured, Self::Inactive, Self::ErrorProcessing),
            Self::Activating => (30, Self::Active, Self::Inactive, Self::ErrorProcessing),
            Self::Deactivating => (40, Self::Inactive, Self::Active, Self::ErrorProcessing),
            Self::ShuttingDown => (50, Self::Finalized, Self::Finalized, Self::ErrorProcessing),
            Self::ErrorProcessing => (60, Self::Unconfigured, Self::Finalized, Self::Finalized),
            // No callback runs in the others.
            Self::Unknown | Self::Unconfigured | Self::Inactive | Self::Active | Self::Finalized => {
                (0, self, self, self)
            }
        };
        match returned {
            Success => (success, tens),
            Failure => (failure, tens + 1),
            Error => (error, tens + 2),
        }
    }

    /// Whether a callback runs in it.
    pub const fn is_transitional(self) -> bool {
        self.id() >= Self::Configuring.id()
    }

    pub(crate) fn to_message(self) -> StateMessage {
        StateMessage {
            id: self.id(),
            label: self.label().to_owned(),
        }
    }
}

impl CallbackReturn {
    pub(crate) const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Error];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Success => "transition_success",
            Self::Failure => "transition_failure",
            Self::Error => "transition_error",
        }
    }
}

/// All transitions, those of callbacks' returns included, in the order of ROS 2.
pub(crate) fn whole_graph() -> Vec<TransitionDescription> {
    let returns = |state: LifecycleState| {
        CallbackReturn::ALL.map(|returned| {
            let (goal, id) = state.after(returned);
            describe(id, returned.label(), (state, goal))
        })
    };
    let of = |transitions: &[Transition]| {
        transitions
            .iter()
            .map(|transition| transition.to_description())
            .collect::<Vec<_>>()
    };
    let shutdowns = [
        Transition::UnconfiguredShutdown,
        Transition::InactiveShutdown,
        Transition::ActiveShutdown,
    ];
    let mut graph = Vec::new();
    for asked in [
        Transition::Configure,
        Transition::Cleanup,
        Transition::Activate,
        Transition::Deactivate,
    ] {
        graph.extend(of(&[asked]));
        graph.extend(returns(asked.goal()));
    }
    graph.extend(of(&shutdowns));
    graph.extend(returns(LifecycleState::ShuttingDown));
    graph.extend(returns(LifecycleState::ErrorProcessing));
    graph
}

pub(crate) fn describe(id: u8, label: &str, (start, goal): (LifecycleState, LifecycleState)) -> TransitionDescription {
    TransitionDescription {
        transition: TransitionMessage {
            id,
            label: label.to_owned(),
        },
        start_state: start.to_message(),
        goal_state: goal.to_message(),
    }
}

/// A text that is no label of a state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownLifecycleState(String);

impl FromStr for LifecycleState {
    type Err = UnknownLifecycleState;

    fn from_str(text: &str) -> Result<Self, UnknownLifecycleState> {
        let found = Self::ALL.iter().find(|state| state.label() == text);
        found.copied().ok_or_else(|| UnknownLifecycleState(text.to_owned()))
    }
}

impl fmt::Display for UnknownLifecycleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<_> = LifecycleState::ALL.iter().map(|state| state.label()).collect();
        write!(f, "the states of a node are {}; found {:?}", labels.join(", "), self.0)
    }
}

impl std::error::Error for UnknownLifecycleState {}

#[cfg(test)]
mod tests {
    use nuncio_msgs::lifecycle_msgs::msg::{State, Transition as Ids};

    use super::*;

    #[test]
    fn ids_are_those_of_ros_2() {
        for (state, id) in [
            (LifecycleState::Unconfigured, State::PRIMARY_STATE_UNCONFIGURED),
            (LifecycleState::Inactive, State::PRIMARY_STATE_INACTIVE),
            (LifecycleState::Active, State::PRIMARY_STATE_ACTIVE),
            (LifecycleState::Finalized, State::PRIMARY_STATE_FINALIZED),
            (LifecycleState::CleaningUp, State::TRANSITION_STATE_CLEANINGUP),
            (LifecycleState::ErrorProcessing, State::TRANSITION_STATE_ERRORPROCESSING),
        ] {
            assert_eq!(state.id(), id, "{state}");
        }
        for (transition, id) in [
            (Transition::Configure, Ids::TRANSITION_CONFIGURE),
            (Transition::Cleanup, Ids::TRANSITION_CLEANUP),
            (Transition::Activate, Ids::TRANSITION_ACTIVATE),
            (Transition::Deactivate, Ids::TRANSITION_DEACTIVATE),
            (Transition::UnconfiguredShutdown, Ids::TRANSITION_UNCONFIGURED_SHUTDOWN),
            (Transition::InactiveShutdown, Ids::TRANSITION_INACTIVE_SHUTDOWN),
            (Transition::ActiveShutdown, Ids::TRANSITION_ACTIVE_SHUTDOWN),
        ] {
            assert_eq!(transition.id(), id);
        }
        let after = |state: LifecycleState, returned| state.after(returned).1;
        assert_eq!(
            after(LifecycleState::Configuring, CallbackReturn::Error),
            Ids::TRANSITION_ON_CONFIGURE_ERROR
        );
        assert_eq!(
            after(LifecycleState::ErrorProcessing, CallbackReturn::Failure),
            Ids::TRANSITION_ON_ERROR_FAILURE
        );
    }

    #[test]
    fn the_graph_is_that_of_ros_2() {
        let text: Vec<_> = whole_graph()
            .iter()
            .map(|edge| {
                format!(
                    "{} {} {}->{}",
                    edge.transition.id, edge.transition.label, edge.start_state.label, edge.goal_state.label
                )
            })
            .collect();
        assert_eq!(
            text,
            [
                "1 configure unconfigured->configuring",
                "10 transition_success configuring->inactive",
                "11 transition_failure configuring->unconfigured",
                "12 transition_error configuring->errorprocessing",
                "2 cleanup inactive->cleaningup",
                "20 transition_success cleaningup->unconfigured",
                "21 transition_failure cleaningup->inactive",
                "22 transition_error cleaningup->errorprocessing",
                "3 activate inactive->activating",
                "30 transition_success activating->active",
                "31 transition_failure activating->inactive",
                "32 transition_error activating->errorprocessing",
                "4 deactivate active->deactivating",
                "40 transition_success deactivating->inactive",
                "41 transition_failure deactivating->active",
                "42 transition_error deactivating->errorprocessing",
                "5 shutdown unconfigured->shuttingdown",
                "6 shutdown inactive->shuttingdown",
                "7 shutdown active->shuttingdown",
                "50 transition_success shuttingdown->finalized",
                "51 transition_failure shuttingdown->finalized",
                "52 transition_error shuttingdown->errorprocessing",
                "60 transition_success errorprocessing->unconfigured",
                "61 transition_failure errorprocessing->finalized",
                "62 transition_error errorprocessing->finalized",
            ]
        );
    }

    #[test]
    fn a_label_means_the_transition_of_the_state_at_hand() {
        assert_eq!(
            Transition::labelled("shutdown", LifecycleState::Inactive),
            Some(Transition::InactiveShutdown)
        );
        assert_eq!(Transition::labelled("activate", LifecycleState::Unconfigured), None);
        assert_eq!(Transition::labelled("shutdown", LifecycleState::Finalized), None);
    }
}
