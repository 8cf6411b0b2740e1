//! What `why` accepts.

use nuncio::{NodeName, TopicName};

use super::{node, topic};

/// How `why` ends, and what to write.
pub(crate) const WHY_HELP: &str = "\
Examples:
  nuncio why /scan                              why does nobody, or not everybody, hear /scan?
  nuncio why /cmd_vel --from /teleop            why does nothing of this node arrive?
  nuncio why /cmd_vel --to /base                why does this node get nothing?
  nuncio why /cmd_vel --to /base --json | head -1

Exit codes:
  0  messages flow
  1  nobody is there: no such publisher or node (as far as can be seen from here)
  2  failed, or bad arguments
  3  somebody is there, and a cause was found";

/// Say why nothing arrives on a topic, and which command mends it
///
/// Looks at links, domains, names, types, QoS, trust, clocks, queues and counters, asks the nodes at both ends, which sign
/// what they answer, and listens for a moment with this user's own key. The cause that counts stands first; each is one
/// sentence and what to do. What only can be so is said to be possible.
///
/// With --json each cause is an object: `cause` and `remedy`, then `kind`, `confidence` (certain, likely, possible) and what
/// is known of `command`, `publisher`, `subscriber`, `policy`, `field`, `reason`, `domain`.
///
/// --timeout: how long to look for nodes, to listen, and to wait for each answer; 2 each by default.
#[derive(Debug, clap::Args)]
#[command(after_help = WHY_HELP)]
pub(crate) struct Why {
    /// The topic, such as /scan
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// The node that should publish; all that do without it
    #[arg(long, value_name = "NODE", value_parser = node)]
    pub(crate) from: Option<NodeName>,
    /// The node that should receive; this program, and all that subscribe, without it
    #[arg(long, value_name = "NODE", value_parser = node)]
    pub(crate) to: Option<NodeName>,
}
