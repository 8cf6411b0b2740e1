//! What `graph` accepts.

use std::path::PathBuf;

use nuncio::TopicPattern;

/// Show who publishes, subscribes, serves and calls what, with the signer of each node and whether it is believed
///
/// What is shown stands in the signed cards of the nodes. Hidden names are left out, and so is what every node has: /rosout,
/// /parameter_events and the services of parameters.
///
/// With --json the whole graph is one object: `nodes`, and `topics`, `services` and `actions`, each with its ends.
///
/// --timeout: how long to look for nodes; 2 by default.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    nuncio graph                                  as a tree, node by node\n  \
    nuncio graph --topic '/robot1/**'             only these topics, services and actions, and who has to do with them\n  \
    nuncio graph --svg graph.svg                  as a drawing\n  \
    nuncio graph --dot | dot -Tpdf > graph.pdf    for Graphviz")]
pub(crate) struct Graph {
    /// Only topics, services and actions in this set, such as /camera/** (repeatable)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) topic: Vec<TopicPattern>,
    /// Only nodes in this set, what they have, and who is at the other end of it (repeatable)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) node: Vec<TopicPattern>,
    /// Show hidden names, too: those with a part that begins with `_`, and what every node has
    #[arg(short, long, visible_alias = "include-hidden")]
    pub(crate) all: bool,
    /// As text for Graphviz
    #[arg(long, conflicts_with_all = ["svg", "json"])]
    pub(crate) dot: bool,
    /// As a drawing, into a file or to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "json")]
    pub(crate) svg: Option<Option<PathBuf>>,
}
