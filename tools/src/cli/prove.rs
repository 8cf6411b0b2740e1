//! The attacks that `prove` knows, and its hidden other processes.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

#[derive(Debug, clap::Args)]
pub(crate) struct Prove {
    /// Which attack
    #[arg(value_name = "ATTACK", value_parser = selection())]
    pub(crate) selection: Selection,
    /// How many attempts; without it as many as `nuncio prove list` says
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) n: Option<u64>,
    /// Makes the random choices of an earlier run again; without it they are new, and the summary has the number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

/// What the first argument may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Selection {
    All,
    List,
    One(Attack),
}

/// An attack on this very build.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Attack {
    /// Every bit of genuine frames turned over, one at a time, before and after the frame was delivered
    Bitflip,
    /// Genuine frames with their headers, lengths, messages, trees and signatures altered and mixed
    Forge,
    /// Genuine frames again: to the same subscription, a new one, a new node, after a restart, out of the window
    Replay,
    /// Genuine frames moved to another topic, type, domain or kind
    Splice,
    /// Fresh keys with signatures that hold: none is believed, and memory stays flat
    Stranger,
    /// 50,000 bad frames a second from another process, beside an emergency stop that has to arrive in time
    Flood,
    /// A router between two nodes that alters, reorders, duplicates, drops and redirects
    Router,
    /// Publisher and subscriber killed at random and started again, while an attacker repeats and forges
    Restart,
    /// A durable publisher and its readers killed at random: what was acknowledged is neither lost nor given twice
    Durable,
}

fn selection() -> impl TypedValueParser<Value = Selection> {
    let more = [
        PossibleValue::new("all").help("All of them, one after the other"),
        PossibleValue::new("list").help("Say what each does and how often, and try nothing"),
    ];
    let attacks = Attack::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    PossibleValuesParser::new(attacks.chain(more)).map(|name| match name.as_str() {
        "all" => Selection::All,
        name => Attack::from_str(name, false).map_or(Selection::List, Selection::One),
    })
}

/// A process that `prove` starts: it ends when its standard input does.
#[derive(Debug, clap::Args)]
pub(crate) struct ProvePart {
    /// What it does
    #[arg(value_enum)]
    pub(crate) part: Part,
    /// Messages or frames in a second
    #[arg(long, default_value_t = 100)]
    pub(crate) rate: u64,
    /// How many frames a flooder sends
    #[arg(long, default_value_t = 1)]
    pub(crate) n: u64,
    /// The flooder's random choices
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

/// What such a process does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// Publishes emergency stops
    Talker,
    /// Prints the numbers of the emergency stops that it receives
    Listener,
    /// Publishes emergency stops that it keeps on the disk
    DurableWriter,
    /// Writes what it receives into a ledger, with its position
    LedgerReader,
    /// Keeps a cursor file, and prints what it receives and acknowledges
    CursorReader,
    /// Floods with bytes that are no frames
    Garbage,
    /// Floods with frames of a known key and a wrong signature
    BadSignature,
    /// Floods with frames of a known key and a publisher that it does not have
    UnknownWriter,
    /// Floods with frames of keys that nobody knows
    FreshKeys,
    /// Floods with questions for cards
    Questions,
}
