//! The topics of the demonstration, and the mark by which a message's content tells where it comes from.
//!
//! Every genuine message carries its robot's name in a text field, every forged one [`FORGED`] in its place. So the
//! operator can tell a forgery that was delivered by its content alone, without asking the verifier whose work this is
//! to judge.

use std::fmt;

use nuncio::Message;
use nuncio::msgs::nuncio_msgs::msg::{Heartbeat, LlmResponse, MotionCommand};

/// What genuine messages of the first robot carry.
pub(super) const ROBOT_1: &str = "robot_1";
/// What genuine messages of the second robot carry.
pub(super) const ROBOT_2: &str = "robot_2";
/// What messages carry that the robot published before it was started again.
pub(super) const EARLIER: &str = "earlier";
/// What forged messages carry. As long as the others, so that it can be written over them.
pub(super) const FORGED: &str = "forged!";

/// A topic that the operator listens to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Topic {
    /// What the first robot's base shall do.
    Commands,
    /// The first robot's sign of life.
    Heartbeat,
    /// What the first robot's language model answers.
    Answers,
    /// What the second robot's base shall do.
    OtherCommands,
}

impl Topic {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Commands, Self::Heartbeat, Self::Answers, Self::OtherCommands];

    /// The full name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Commands => "/robot_1/cmd_vel",
            Self::Heartbeat => "/robot_1/heartbeat",
            Self::Answers => "/robot_1/answers",
            Self::OtherCommands => "/robot_2/cmd_vel",
        }
    }

    /// The full name of its type.
    pub(super) const fn type_name(self) -> &'static str {
        match self {
            Self::Commands | Self::OtherCommands => MotionCommand::TYPE_NAME,
            Self::Heartbeat => Heartbeat::TYPE_NAME,
            Self::Answers => LlmResponse::TYPE_NAME,
        }
    }

    /// The mark that belongs on it.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Commands | Self::Heartbeat | Self::Answers => ROBOT_1,
            Self::OtherCommands => ROBOT_2,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A message with a field for the mark.
pub(super) trait Marked: Message {
    /// What that field says.
    fn mark(&self) -> &str;
}

impl Marked for Heartbeat {
    fn mark(&self) -> &str {
        &self.text
    }
}

impl Marked for MotionCommand {
    fn mark(&self) -> &str {
        &self.frame_id
    }
}

impl Marked for LlmResponse {
    fn mark(&self) -> &str {
        &self.model
    }
}
