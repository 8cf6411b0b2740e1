//! What `bench` accepts, and its hidden other processes.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Measure raw Zenoh and signed topics side by side on this machine
///
/// Two processes of its own, with keys and links of their own, send to each other over the loopback interface. Raw and
/// signed rounds take turns, and both wait while the link is congested. Raw puts go over TCP, as they do by default. Signed
/// messages do so first (`tcp`), and then as nodes on one machine send them by themselves, through shared memory where that
/// can be had (`tcp+shm`). --timeout, and the options that say where to
/// connect, have no meaning here. With --json each answer has a `case`: throughput (messages per second), latency and
/// round_trip (µs), latency_at_rate (µs), robot (% of a core), cost (µs), fleet.
///
/// Nothing may get lost, and each publisher's messages keep their order. Exit code 2: something did, or they did not.
///
/// A fleet is as many processes as it has nodes, in a registry of its own; each hears ten topics. Exit code 2: not all of
/// them met within three minutes.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum, value_name = "WHAT", default_value_t = BenchCase::All)]
    pub(crate) case: BenchCase,
    /// Fewer sizes and shorter rounds: below 20 seconds in all
    #[arg(long)]
    pub(crate) quick: bool,
    /// Each way has one turn of so many seconds instead of several short ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) seconds: Option<u64>,
    /// Throughput: payloads of this many bytes only; 48 is a Twist (repeatable)
    #[arg(long = "size", value_name = "BYTES", value_parser = size())]
    pub(crate) sizes: Vec<usize>,
    /// How many nodes a fleet has
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) nodes: u16,
    /// How many topics a fleet has
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) topics: u16,
    /// A fleet has a router in one more process, of which its nodes are clients
    #[arg(long)]
    pub(crate) router: bool,
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
    /// Everything above
    All,
    /// From publishing a Twist to its callback, at 10,000 a second on one topic, with and without a signing delay
    Rate,
    /// What signatures cost a robot that publishes on 200 topics, 50 times a second each, and whoever hears all of them
    Robot,
    /// Calls of a service, one after the other and many at once, beside raw queries
    Service,
    /// A thousand subscribers that come late and get the last messages
    LateJoiners,
    /// What a subscription and a publisher take of memory
    Memory,
    /// Durable messages that get onto the disk of the temporary directory, with a sync for each and with shared syncs
    Outbox,
    /// Many nodes that meet each other: how long it takes, and what they cost at rest
    Fleet,
}

/// One of the sizes that are measured.
fn size() -> impl TypedValueParser<Value = usize> {
    PossibleValuesParser::new(["48", "64", "1024", "65536", "1048576"]).try_map(|text| text.parse::<usize>())
}

/// The far end of a measurement: it ends when its standard input does.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchPart {
    /// Where the near end's link without signatures listens
    #[arg(long)]
    pub(crate) raw: String,
    /// Signed frames may go through shared memory
    #[arg(long)]
    pub(crate) shared_memory: bool,
}

/// One node of a fleet: it ends when its standard input does.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchMember {
    /// Which of the nodes it is, from 0
    #[arg(long)]
    pub(crate) index: u16,
    /// How many nodes there are
    #[arg(long)]
    pub(crate) nodes: u16,
    /// How many topics there are
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) topics: u16,
    /// How many seconds it waits for the others
    #[arg(long)]
    pub(crate) patience: u64,
}
