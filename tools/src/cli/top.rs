//! What `top` accepts.

use std::time::Duration;

use nuncio::TopicPattern;

use super::seconds;

/// Watch all topics and nodes: rates, latency, losses, signers, trust, refusals
///
/// Each node is asked once an interval what it counts, and signs its answer: rate and bandwidth are the publishers' word,
/// latency, jitter, gaps and refusals the subscribers'. Only a topic that is opened is subscribed to. `?` shows the keys.
///
/// With --json, one object for each topic and each node is printed after every interval, `kind` is `topic` or `node`; counts
/// are those of the interval, and since they began where the name ends with `_total`. What nobody has told is null.
///
/// --timeout: how long to look for nodes with --once, and how long a node may take to answer; 2 by default.
#[derive(Debug, clap::Args)]
pub(crate) struct Top {
    /// Print what one interval shows, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// How often nodes are asked
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub(crate) interval: Duration,
    /// Only topics in this set, such as /camera/** (repeatable)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) topics: Vec<TopicPattern>,
    /// Show hidden topics and nodes, too: those with a part that begins with `_`
    #[arg(short, long, visible_alias = "include-hidden")]
    pub(crate) all: bool,
}

/// The shortest interval: shorter ones cost more than they tell.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

fn interval(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        interval if interval < INTERVAL_MIN => Err("expected 0.1 seconds or more".to_owned()),
        interval => Ok(interval),
    }
}
