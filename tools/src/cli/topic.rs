//! What `topic` accepts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Subcommand};
use nuncio::{MessageId, TopicName};

use super::{FilterArg, QosArgs, ShownArgs, TopicApprove, TopicPlot, rate, seconds, seconds_or_zero, topic};

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// List the topics that nodes publish on or subscribe to
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    List(TopicList),
    /// Print the type of a topic
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Type(TopicType),
    /// List the topics of a type
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Find(TopicFind),
    /// Say who publishes on a topic and who subscribes to it, and whether their types agree
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Info(TopicInfo),
    /// Print the messages of a topic, each with who signed it
    ///
    /// No schema files are needed: a type that this program does not know is asked of the publisher. With --ros2 the messages
    /// are those that a bridge gives to nodes of ROS 2, read there.
    ///
    /// --timeout: give up when no message came for so long; 10 by default with --once or --times, else until Ctrl-C.
    Echo(TopicEcho),
    /// Publish messages, signed with this user's key
    ///
    /// VALUES are YAML or JSON; fields that are left out have the schema's defaults. Without --once, --times or `-` the
    /// message is published again and again until Ctrl-C.
    ///
    /// --timeout: the longest time to go on publishing; without limit by default.
    #[command(after_help = "Examples:\n  \
        nuncio topic pub /chatter std_msgs/msg/String 'data: hello'\n  \
        nuncio topic pub --once /cmd_vel geometry_msgs/msg/Twist '{linear: {x: 0.5}}'\n  \
        some-program | nuncio topic pub /chatter std_msgs/msg/String -")]
    Pub(TopicPub),
    /// Approve messages as second signer, where trust.toml demands one
    ///
    /// `y`, or `n` and why, is read from stdin for each message shown. Receivers wait for ten seconds at most.
    ///
    /// --timeout: end when no message came for so long; without limit by default.
    Approve(TopicApprove),
    /// Measure how often messages arrive, how regularly, and how many are missing
    ///
    /// --timeout: give up when no message came for so long; without limit by default.
    Hz(TopicHz),
    /// Measure how many bytes arrive
    ///
    /// --timeout: give up when no message came for so long; without limit by default.
    Bw(TopicBw),
    /// Measure how old messages are when they arrive
    ///
    /// The age is that of the stamp of the message's header. Types without one are measured since the time at which they were
    /// published, which is signed. Either is the publisher's clock, held against the one of this machine: between machines the
    /// difference of the clocks is in it.
    ///
    /// --timeout: give up when no message came for so long; without limit by default.
    Delay(TopicDelay),
    Plot(TopicPlot),
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopicType {
    /// The topic, such as /chatter
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopicFind {
    /// The type, such as std_msgs/msg/String
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    /// Show hidden topics, too: those with a part that begins with `_`
    #[arg(short, long, visible_alias = "include-hidden-topics")]
    pub(crate) all: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopicDelay {
    /// The topic, such as /imu
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// How many of the last messages are looked at
    #[arg(short, long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) window: u32,
    /// End after this time
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) filter: FilterArg,
    #[command(flatten)]
    pub(crate) qos: QosArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopicList {
    /// Show the types, too
    #[arg(short = 't', long = "types", visible_alias = "show-types")]
    pub(crate) types: bool,
    /// Show how many publishers and subscribers there are, too
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Show hidden topics, too: those with a part that begins with `_`
    #[arg(short, long, visible_alias = "include-hidden-topics")]
    pub(crate) all: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopicInfo {
    /// The topic, such as /chatter
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// Show whole keys, type hashes and profiles
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopicEcho {
    /// The topic, such as /chatter
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// End after the first message
    #[arg(short = '1', long, conflicts_with = "times")]
    pub(crate) once: bool,
    /// End after N messages
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
    /// Show the payload's bytes, not decoded
    #[arg(long, conflicts_with_all = ["field", "csv", "filter"])]
    pub(crate) raw: bool,
    /// Show all that is known of each message
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Show also what is played back from a recording, marked as such
    #[arg(long)]
    pub(crate) replay: bool,
    #[command(flatten)]
    pub(crate) shown: ShownArgs,
    #[command(flatten)]
    pub(crate) qos: QosArgs,
    #[command(flatten)]
    pub(crate) ros: EchoOfRos,
}

/// A topic of ROS 2 instead of one of Nuncio.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Signed topics on a network of ROS 2")]
pub(crate) struct EchoOfRos {
    /// Read the topic from this router or bridge of ROS 2, and show only messages whose original signer is proved
    ///
    /// The bridge has to run with --proof. The signers are judged by this user's keystore and trust.toml as ever; --connect,
    /// --listen and discovery are not used.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) ros2: Option<String>,
    /// ROS_DOMAIN_ID there
    #[arg(
        long,
        value_name = "ID",
        env = "ROS_DOMAIN_ID",
        hide_env_values = true,
        default_value_t = 0
    )]
    pub(crate) ros_domain: u32,
    /// The topic's name in Nuncio, where the bridge gives it another
    #[arg(long, value_name = "NAME", value_parser = topic, requires = "ros2")]
    pub(crate) signed_topic: Option<TopicName>,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("count").args(["once", "times"])))]
pub(crate) struct TopicPub {
    /// The topic, such as /chatter
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// The type, such as std_msgs/msg/String
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    /// The message as YAML or JSON; `-` reads one message from each line of stdin
    #[arg(conflicts_with = "file")]
    pub(crate) values: Option<String>,
    /// Read the message from a file, YAML or JSON; several stand apart by lines `---`
    #[arg(short, long, value_name = "FILE", visible_alias = "yaml-file")]
    pub(crate) file: Option<PathBuf>,
    /// Messages per second; 1 by default, with `-` as fast as the lines come
    #[arg(short, long, value_name = "HZ", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Publish one message (with --file: each once)
    #[arg(short = '1', long)]
    pub(crate) once: bool,
    /// Publish N messages
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
    /// How long to wait for a subscriber first; 1 by default when the number of messages is limited, else 0
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds_or_zero)]
    pub(crate) wait: Option<Duration>,
    /// The id of the message that leads to this one, for `nuncio trace`
    #[arg(long, value_name = "ID")]
    pub(crate) cause: Option<MessageId>,
    /// How long to stay after the last message; 0.3 by default. As long it can be traced
    #[arg(long, value_name = "SECONDS", value_parser = seconds_or_zero)]
    pub(crate) keep_alive: Option<Duration>,
    #[command(flatten)]
    pub(crate) qos: QosArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopicHz {
    /// The topic, such as /chatter
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// How many of the last messages are looked at
    #[arg(short, long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) window: u32,
    /// End after this time
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// Measure by this machine's clock, as `topic hz` of ROS 2 does with it; here it is always so
    #[arg(long)]
    pub(crate) wall_time: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArg,
    #[command(flatten)]
    pub(crate) qos: QosArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopicBw {
    /// The topic, such as /chatter
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// How many of the last messages are looked at
    #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) window: u32,
    /// End after this time
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) filter: FilterArg,
    #[command(flatten)]
    pub(crate) qos: QosArgs,
}
