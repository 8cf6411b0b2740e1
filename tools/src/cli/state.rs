//! What `state` accepts.

use clap::Subcommand;
use nuncio::{NodeName, StateName};
use nuncio_bridge::filter::Filter;

use super::node;

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// List the state documents that nodes publish
    ///
    /// --timeout: how long to look for nodes, and then how long to wait for their documents; 2 and 5 by default.
    List(StateList),
    /// Print the documents of a name, of every node that has one
    ///
    /// Each is the newest version in the node's own signed message. Documents that do not come in time are named.
    ///
    /// Exit code 1: nobody has such a document, or none satisfies the filter. Exit code 3: documents were refused.
    ///
    /// --timeout: how long to look for nodes, and then how long to wait for their documents; 2 and 5 by default.
    #[command(after_help = FILTER_HELP)]
    Get(StateGet),
    /// Print documents, and then each change
    ///
    /// When a node goes, that is told with what it said last.
    ///
    /// --timeout: end when nothing changed for so long; without limit by default.
    #[command(after_help = FILTER_HELP)]
    Watch(StateWatch),
}

const FILTER_HELP: &str = "\
Examples:
  nuncio state get battery --filter 'percentage < 0.2'
  nuncio state get battery --node /robot_1/driver --json
  nuncio state watch capabilities --signer alice

A filter has fields (pose.position.x, cell_voltage[0]), == != < <= > >=, && || !,
( ), contains (of texts), numbers, \"texts\", true and false, len(cells), constants
of the schema, and what was verified: signer, node, name, number, and in seconds
stamp and age. A field of the document that is called so has a dot: .name";

#[derive(Debug, clap::Args)]
pub(crate) struct StateSelection {
    /// Only documents of this node
    #[arg(long, value_name = "NODE", value_parser = node)]
    pub(crate) node: Option<NodeName>,
    /// Only documents that this key has signed: a key, or its nickname
    #[arg(long, value_name = "KEY")]
    pub(crate) signer: Option<String>,
    /// Only documents of which this is true
    #[arg(long, value_name = "CONDITION", value_parser = Filter::parse)]
    pub(crate) filter: Option<Filter>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StateList {
    /// The name of the documents, such as battery; all without it
    pub(crate) name: Option<StateName>,
    #[command(flatten)]
    pub(crate) selection: StateSelection,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StateGet {
    /// The name of the documents, such as battery
    pub(crate) name: StateName,
    #[command(flatten)]
    pub(crate) selection: StateSelection,
    /// Show long arrays and texts whole
    #[arg(short, long)]
    pub(crate) full_length: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StateWatch {
    /// The name of the documents, such as battery; all without it
    pub(crate) name: Option<StateName>,
    #[command(flatten)]
    pub(crate) selection: StateSelection,
    /// End after N documents and changes
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
    /// Show long arrays and texts whole
    #[arg(short, long)]
    pub(crate) full_length: bool,
}
