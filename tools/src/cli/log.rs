//! The arguments of `log`.

use clap::ValueEnum;
use nuncio::NodeName;

use super::node;

/// Show what nodes log on /rosout, each line with the node that has signed it
///
/// A line that bears the name of another node than its signer's is shown as what it is.
///
/// --timeout: give up when no line came for so long; without limit by default.
#[derive(Debug, clap::Args)]
pub(crate) struct Log {
    /// Only lines of this level and above
    #[arg(short, long, value_enum, default_value = "info")]
    pub(crate) level: LogLevel,
    /// Only lines that this node has signed
    #[arg(short, long, value_name = "NODE", value_parser = node)]
    pub(crate) node: Option<NodeName>,
    /// End after N lines
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}
