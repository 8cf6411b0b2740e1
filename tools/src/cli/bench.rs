//! What `bench` accepts, and its hidden other process.

use std::path::PathBuf;

use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum, value_name = "WHAT", default_value_t = BenchCase::All)]
    pub(crate) case: BenchCase,
    /// Fewer sizes and shorter rounds: below 20 seconds in all
    #[arg(long)]
    pub(crate) quick: bool,
    /// Draw what was measured into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum BenchCase {
    /// Messages per second, from one process to another
    Throughput,
    /// Round trips of a Twist, sent every millisecond, and where their time goes
    Latency,
    /// What signing, checking and encoding cost on this machine
    Cost,
    /// All of it
    All,
}

/// The far end of a measurement: it ends when its standard input does.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchPart {
    /// Where the near end's link without signatures listens
    #[arg(long)]
    pub(crate) raw: String,
}
