//! Measurements of what signing costs: raw Zenoh and signed topics beside each other, in one run, on one machine.
//!
//! There are two processes, this one and another that it starts. Each has a node, and a link of its own on which nothing
//! is signed, with the same settings. Raw and signed rounds take turns, so that whatever else the machine does meets both
//! alike; what counts is their ratio. Both sides wait while the link is congested, and both sides count: what was sent
//! and what arrived are in every answer.

mod arrivals;
mod audience;
pub(crate) mod cost;
mod far_end;
pub(crate) mod fleet;
pub(crate) mod late_joiners;
pub(crate) mod latency;
mod member;
pub(crate) mod memory;
mod near_end;
pub(crate) mod outbox;
mod plot;
mod quantile;
pub(crate) mod rate;
pub(crate) mod robot;
pub(crate) mod service;
mod tally;
pub(crate) mod throughput;
mod words;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use nuncio::{QosProfile, TopicName, TypeSupport};

pub(crate) use self::cost::Costs;
pub(crate) use self::far_end::run as run_part;
pub(crate) use self::latency::Latency;
pub(crate) use self::member::run as run_member;
pub(crate) use self::near_end::NearEnd;
pub(crate) use self::plot::svg;
pub(crate) use self::throughput::{Side, Throughput};
pub(crate) use self::words::closing_words;

/// How long anything that has to happen may take. Far longer than it does take: a machine may be busy.
const DEADLINE: Duration = crate::fabric::DEADLINE;

/// From one look at what has no event to the next.
const LOOK: Duration = Duration::from_millis(10);

/// Payloads, in bytes.
const SIZES: [usize; 4] = [64, 1 << 10, 64 << 10, 1 << 20];

/// How many of the loads a quick run measures.
const QUICK_LOADS: usize = 3;

/// What is sent: typed messages first, then bytes.
const LOADS: [Load; 5] = [
    Load::Twist,
    Load::Bytes(SIZES[0]),
    Load::Bytes(SIZES[1]),
    Load::Bytes(SIZES[2]),
    Load::Bytes(SIZES[3]),
];

/// What is sent as fast as it goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Load {
    /// Messages of a type, which are encoded, and decoded at the other end. The raw ones are as many bytes.
    Twist,
    /// So many bytes that are ready, both ways, and looked at by nobody.
    Bytes(usize),
}

impl Load {
    /// How many bytes a payload has.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::Twist => 48,
            Self::Bytes(size) => size,
        }
    }

    fn topic(self) -> String {
        match self {
            Self::Twist => "/bench/twist".to_owned(),
            Self::Bytes(size) => format!("/bench/bytes_{size}"),
        }
    }
}

/// The type of messages that are bytes.
fn bytes_support() -> Result<TypeSupport, BenchError> {
    let sources = [("bench_msgs/msg/Bytes", "uint8[] data\n")];
    TypeSupport::compile("bench_msgs/msg/Bytes", &sources)
        .map_err(|problems| failed("making a type")(problems.to_string()))
}

/// The most memory that messages may take in a subscriber's queue.
const QUEUE_BYTES: usize = 256 << 20;

/// The longest queue.
const QUEUE_LEN_MAX: usize = 1 << 16;

const PING: &str = "/bench/ping";
const PONG: &str = "/bench/pong";
const RATE: &str = "/bench/rate";

/// Which of the two a round measures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Raw,
    Signed,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Raw, Self::Signed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Signed => "signed",
        }
    }
}

/// How signed messages travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Road {
    /// As raw puts do.
    Tcp,
    /// As nodes on one machine choose it by themselves.
    Chosen,
}

/// How long a measurement lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// What is sent.
    loads: &'static [Load],
    /// How often each way gets its turn.
    rounds: usize,
    /// How long one way sends in its turn.
    sending: Duration,
    /// Round trips in a turn.
    round_trips: u32,
    /// How long a fleet is watched when nothing happens, after a pause of the same length.
    idle: Duration,
}

impl Settings {
    /// For a person who waits, or for one who wants to know.
    pub(crate) fn new(quick: bool) -> Self {
        match quick {
            true => Self {
                loads: LOADS.get(..QUICK_LOADS).unwrap_or(&LOADS),
                rounds: 3,
                sending: Duration::from_millis(250),
                round_trips: 400,
                idle: Duration::from_secs(2),
            },
            false => Self {
                loads: &LOADS,
                rounds: 7,
                sending: Duration::from_millis(700),
                round_trips: 1500,
                idle: Duration::from_secs(10),
            },
        }
    }

    /// One long turn for each way instead of several short ones.
    pub(crate) fn in_one_turn_of(self, sending: Duration) -> Self {
        Self {
            rounds: 1,
            sending,
            ..self
        }
    }

    /// What is sent: loads of these sizes, or those that the run has time for when none is named.
    pub(crate) fn loads(&self, sizes: &[usize]) -> Vec<Load> {
        match sizes {
            [] => self.loads.to_vec(),
            _ => LOADS.into_iter().filter(|load| sizes.contains(&load.size())).collect(),
        }
    }
}

fn parsed(topic: &str) -> Result<TopicName, BenchError> {
    TopicName::parse(topic).map_err(failed("naming a topic"))
}

/// A queue from which nothing is dropped as long as the subscriber is awake, in bounded memory.
fn roomy(size: usize) -> QosProfile {
    QosProfile::keep_last((QUEUE_BYTES / size.max(1)).clamp(1, QUEUE_LEN_MAX))
}

/// Does what blocks in a thread that may.
async fn in_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BenchError> + Send + 'static,
) -> Result<T, BenchError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(failed("running a measurement"))?
}

/// Why nothing could be measured.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// Something that the measurement needs did not work.
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        error: Box<dyn Error + Send + Sync>,
    },
    /// Something that had to happen did not happen in time.
    Late {
        /// What.
        what: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Something got lost on a reliable link, or overtook what was sent before it.
    Lost {
        /// What was sent, and what became of it.
        words: String,
    },
}

fn failed<E: Into<Box<dyn Error + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> BenchError {
    move |error| BenchError::Failed {
        doing,
        error: error.into(),
    }
}

fn late(what: &'static str, waited: Duration) -> BenchError {
    BenchError::Late { what, waited }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { doing, error } => write!(f, "{doing} failed: {error}"),
            Self::Late { what, waited } => write!(
                f,
                "{what} did not come within {} s; is the machine overloaded?",
                waited.as_secs()
            ),
            Self::Lost { words } => write!(
                f,
                "all messages should arrive, in their order: {words}; this is a fault, please report it"
            ),
        }
    }
}

impl Error for BenchError {}
