//! What `topic plot` accepts.

use std::path::PathBuf;
use std::time::Duration;

use nuncio::TopicName;

use super::{QosArgs, seconds, topic};

/// Draw numbers of a topic's messages over time, live in the terminal or as an SVG file
///
/// Several fields stand one below the other, each with its own scale.
///
/// --timeout: with --svg, how long to wait for the messages; 10 by default.
#[derive(Debug, clap::Args)]
pub(crate) struct TopicPlot {
    /// The topic, such as /imu
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// A field that holds a number, such as linear_acceleration.x or `ranges[3]` (repeatable); the first one without it
    #[arg(short, long, value_name = "PATH")]
    pub(crate) field: Vec<String>,
    /// Write the curves to this file instead
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// How many messages are drawn at most; with --svg the file is written when so many have come
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) samples: u32,
    /// How many seconds back the terminal shows
    #[arg(short, long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) window: Duration,
    #[command(flatten)]
    pub(crate) qos: QosArgs,
}
