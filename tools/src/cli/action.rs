//! What `action` accepts.

use clap::{ArgGroup, Subcommand};
use nuncio::{GoalId, RoleName, TopicName};

use super::topic;

#[derive(Debug, Subcommand)]
pub(crate) enum ActionCommand {
    /// List the actions that nodes serve or send goals to
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    List(ActionList),
    /// Print the type of an action
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Type(ActionType),
    /// List the actions of a type
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Find(ActionFind),
    /// Say who serves an action and who sends goals, whether their types agree, and which goals there are
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Info(ActionInfo),
    /// Send a goal, signed with this user's key, and print what comes of it and who signed that
    ///
    /// VALUES are YAML or JSON; fields that are left out have the schema's defaults. No schema files are needed: a type that
    /// this program does not know is asked of the server. The goal goes to one server, which the trust policy permits to serve.
    ///
    /// Ctrl-C cancels the goal and waits for its end; a second Ctrl-C ends at once.
    ///
    /// Exit code 0: the goal succeeded. 1: no such action, or no result in time. 2: rejected, aborted or canceled. 3: servers
    /// are there, and none may be called.
    ///
    /// --timeout: the longest wait for the result; without limit by default. The goal goes on when it is over.
    #[command(
        name = "send_goal",
        visible_alias = "send-goal",
        after_help = "Examples:\n  \
        nuncio action send_goal /fibonacci example_interfaces/action/Fibonacci '{order: 5}' --feedback\n  \
        nuncio action send_goal /arm/move '{height: 0.4}' --expect arm_controller"
    )]
    SendGoal(ActionSendGoal),
    /// Have a goal canceled, or all goals of an action
    ///
    /// The key that sent a goal may have it canceled, and whoever holds a role that permits to call `cancel_goal`. Which goals
    /// there are, `nuncio action info` tells. That a goal is being canceled does not say how it ends.
    ///
    /// Exit code 1: there is no such action or goal, or the goal has ended. Exit code 3: the server refuses.
    ///
    /// --timeout: the longest wait for each server; 5 by default.
    #[command(after_help = "Examples:\n  \
        nuncio action cancel /fibonacci 5c0e1d2a-7b3f-4c55-9a01-2f6e8b7d4c10\n  \
        nuncio action cancel /fibonacci --all")]
    Cancel(ActionCancel),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ActionList {
    /// Show the types, too
    #[arg(short = 't', long = "types", visible_alias = "show-types")]
    pub(crate) types: bool,
    /// Show hidden actions, too: those with a part that begins with `_`
    #[arg(short, long)]
    pub(crate) all: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ActionType {
    /// The action, such as /fibonacci
    #[arg(value_parser = topic)]
    pub(crate) action: TopicName,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ActionFind {
    /// The type, such as example_interfaces/action/Fibonacci
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ActionInfo {
    /// The action, such as /fibonacci
    #[arg(value_parser = topic)]
    pub(crate) action: TopicName,
    /// Show whole keys and type hashes, and goals that are over
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ActionSendGoal {
    /// The action, such as /fibonacci
    #[arg(value_parser = topic)]
    pub(crate) action: TopicName,
    /// The type, such as example_interfaces/action/Fibonacci, if it is to be checked, and the goal as YAML or JSON
    #[arg(value_names = ["TYPE", "VALUES"], num_args = 0..=2)]
    pub(crate) goal: Vec<String>,
    /// Show the feedback as it comes
    #[arg(short, long)]
    pub(crate) feedback: bool,
    /// Send the goal only to a server whose key holds this role by trust.toml
    #[arg(long, value_name = "ROLE", value_parser = RoleName::parse)]
    pub(crate) expect: Option<RoleName>,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("which").args(["goal_id", "all"]).required(true)))]
pub(crate) struct ActionCancel {
    /// The action, such as /fibonacci
    #[arg(value_parser = topic)]
    pub(crate) action: TopicName,
    /// The goal, as `send_goal` and `info` print it
    #[arg(value_name = "GOAL_ID")]
    pub(crate) goal_id: Option<GoalId>,
    /// All goals that this user's key may have canceled
    #[arg(long)]
    pub(crate) all: bool,
}
