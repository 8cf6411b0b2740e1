//! The arguments of `node`.

use clap::Subcommand;
use nuncio::NodeName;

use super::node;

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List the nodes that are there
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    List(NodeList),
    /// Show what a node says of itself, its state and parameters, and how this program finds it
    ///
    /// --timeout: how long to look for the node, 2 by default, and the longest wait for each of its answers, 5.
    Info(NodeInfo),
    /// Show what a node counts: messages, losses, refusals, queues, signatures, and whom it knows
    ///
    /// The node is asked, and signs its answer. It is its own word.
    ///
    /// --timeout: how long to look for the node, and to wait for its answer; 2 by default.
    Facts(NodeFacts),
    /// Ask nodes whether they do their work, and if not, what is wrong, where, and what to do
    ///
    /// Exit code 0: all do, though there may be warnings. Exit code 3: some do not, or do not answer.
    ///
    /// --timeout: how long to look for nodes, and to wait for their answers; 2 by default.
    Health(NodeHealth),
}

#[derive(Debug, clap::Args)]
pub(crate) struct NodeFacts {
    /// The node, such as /talker
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NodeHealth {
    /// The node, such as /talker; all that are there without it
    #[arg(value_parser = node)]
    pub(crate) node: Option<NodeName>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NodeList {
    /// Show keys and how much each node publishes
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Show the nodes of tools, too
    #[arg(short, long)]
    pub(crate) all: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NodeInfo {
    /// The node, such as /talker
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
    /// Show hidden names, too: those with a part that begins with `_`, such as what actions are made of
    #[arg(short, long, visible_alias = "include-hidden")]
    pub(crate) all: bool,
}
