//! What `lifecycle` accepts.

use clap::Subcommand;
use nuncio::NodeName;

use super::node;

#[derive(Debug, Subcommand)]
pub(crate) enum LifecycleCommand {
    /// List the nodes that are managed
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Nodes(LifecycleNodes),
    /// Print the state of a managed node, or of all
    ///
    /// Exit code 1: no such node, or no answer in time.
    ///
    /// --timeout: how long to look for nodes, and then how long to wait for their answers; 2 and 5 by default.
    Get(LifecycleGet),
    /// List the transitions that a node can make now
    ///
    /// Exit code 1: no such node, or no answer in time.
    ///
    /// --timeout: how long to look for nodes, and then how long to wait for the answer; 2 and 5 by default.
    List(LifecycleList),
    /// Ask a node for a transition: configure, activate, deactivate, cleanup or shutdown
    ///
    /// The request is signed with this user's key; where trust is enforced, a role must permit to call `/<node>/change_state`.
    ///
    /// Exit code 1: no such node, or no answer in time. Exit code 2: the transition was not made.
    ///
    /// --timeout: how long to look for nodes, and then how long the transition may take; 2 and 30 by default.
    #[command(after_help = "Examples:\n  \
        nuncio lifecycle set /camera configure\n  \
        nuncio lifecycle get --json")]
    Set(LifecycleSet),
}

#[derive(Debug, clap::Args)]
pub(crate) struct LifecycleNodes {
    /// Show hidden nodes, too: those whose name begins with `_`
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Print how many there are
    #[arg(short, long, visible_alias = "count-nodes")]
    pub(crate) count: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LifecycleGet {
    /// The node, such as /camera; all without it
    #[arg(value_parser = node)]
    pub(crate) node: Option<NodeName>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LifecycleList {
    /// The node, such as /camera
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
    /// Show the whole graph, not only what can be made now
    #[arg(short, long)]
    pub(crate) all: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LifecycleSet {
    /// The node, such as /camera
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
    /// The transition, by its name or number
    pub(crate) transition: String,
}
