//! What the program accepts: clap definitions and nothing else.

mod action;
mod bag;
mod bag_reading;
mod bench;
mod bridge;
mod completion;
mod context;
mod doctor;
mod graph;
mod interface;
mod json_schema;
mod key;
mod lifecycle;
mod link;
mod log;
mod node;
mod param;
mod prove;
mod qos;
mod router;
mod service;
mod shown;
mod state;
mod top;
mod topic;
mod topic_approve;
mod topic_plot;
mod trace;
mod trust;
mod trust_export;
mod why;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use nuncio::name::NameError;
use nuncio::security::keystore::NoHome;
use nuncio::{Discovery, Domain, Keystore, NodeName, TopicName, TrustMode};

pub(crate) use self::action::{ActionCancel, ActionCommand, ActionInfo, ActionSendGoal};
pub(crate) use self::bag::{BagCommand, BagExtract, BagFilter, BagMerge, BagRecord, BagSlice, BagVerify};
pub(crate) use self::bag_reading::{BagCat, BagConvert, BagInfo, BagPlay, BagReading, ConvertTo};
pub(crate) use self::bench::{Bench, BenchCase, BenchMember, BenchPart};
pub(crate) use self::bridge::{BridgeAllow, BridgeCheck, BridgeCommand, BridgeNode, BridgeRos2, BridgeServed};
pub(crate) use self::completion::{Completion, Manual};
pub(crate) use self::context::ContextCommand;
pub(crate) use self::doctor::Doctor;
pub(crate) use self::graph::Graph;
pub(crate) use self::interface::{
    InterfaceCheck, InterfaceCommand, InterfaceDiff, InterfaceGenerate, InterfaceHash, InterfaceList, InterfacePackage,
    InterfaceProto, InterfaceShow, InterfaceTranscode, MessageForm, OwnFolders,
};
pub(crate) use self::json_schema::JsonSchema;
pub(crate) use self::key::{KeyCommand, KeyExport, KeyImport, KeyNew, KeyRevoke, KeyRotate, PassphraseFrom};
pub(crate) use self::lifecycle::{LifecycleCommand, LifecycleGet, LifecycleList, LifecycleNodes, LifecycleSet};
pub(crate) use self::link::{LinkAccept, LinkCommand, LinkInvite};
pub(crate) use self::log::{Log, LogLevel};
pub(crate) use self::node::{NodeCommand, NodeFacts, NodeHealth, NodeInfo, NodeList};
pub(crate) use self::param::{
    ParamCommand, ParamDelete, ParamDescribe, ParamDump, ParamGet, ParamList, ParamLoad, ParamSet,
};
pub(crate) use self::prove::{Attack, Part, Prove, ProvePart, Selection};
pub(crate) use self::qos::QosArgs;
pub(crate) use self::router::Router;
pub(crate) use self::service::{ServiceCall, ServiceCommand, ServiceEcho, ServiceInfo};
pub(crate) use self::shown::{FilterArg, ShownArgs};
pub(crate) use self::state::{StateCommand, StateGet, StateList, StateSelection, StateWatch};
pub(crate) use self::top::Top;
pub(crate) use self::topic::{
    EchoOfRos, TopicBw, TopicCommand, TopicDelay, TopicEcho, TopicFind, TopicHz, TopicInfo, TopicList, TopicPub,
    TopicType,
};
pub(crate) use self::topic_approve::TopicApprove;
pub(crate) use self::topic_plot::TopicPlot;
pub(crate) use self::trace::{TRACE_EXIT_CODES, Trace};
pub(crate) use self::trust::{
    TrustAdd, TrustCheck, TrustCommand, TrustExport, TrustInit, TrustRemove, TrustShow, TrustSign, TrustTest,
};
pub(crate) use self::trust_export::ZenohExport;
pub(crate) use self::why::Why;
use crate::contexts::{ContextError, ContextName, Contexts};
use crate::instant::When;

const EXIT_CODES: &str = "\
Exit codes:
  0  answered
  1  nothing there: no such topic, node or interface, or no message in time
  2  failed, or bad arguments
  3  finished, but messages were refused
`interface diff` has its own, which its help says.

Answers go to stdout, everything else to stderr. With --json each answer is one
JSON object on one line, whose schema `nuncio json-schema` prints. The key, and
what is known of other keys, is kept in $NUNCIO_HOME, else in
$XDG_CONFIG_HOME/nuncio, else in ~/.config/nuncio. What the command line and the
environment do not say is taken from the context in use, see
`nuncio context --help`.";

/// Look at signed ROS 2-style topics, and publish on them.
#[derive(Debug, Parser)]
#[command(name = "nuncio", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Reads the command line and the environment, and the context for what they leave open. Ends the process where they
    /// ask for help or are wrong.
    ///
    /// # Errors
    ///
    /// [`ContextError`] when there is no such context, or its file is not right.
    pub(crate) fn read() -> Result<Self, ContextError> {
        let matches = Self::command().get_matches_from(bag_reading::join_clock(std::env::args_os()));
        let mut args = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        args.global.domain_is_given = is_given(&matches, "domain");
        // `context` reads and writes the file itself, also where what is in use is not there any more.
        if !matches!(args.command, Command::Context(_)) {
            args.global.take_context()?;
        }
        Ok(args)
    }
}

/// What every command understands.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalArgs {
    /// Take what is not given from this context instead of the one in use
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "NUNCIO_CONTEXT",
        hide_env_values = true
    )]
    pub(crate) context: Option<ContextName>,
    /// Domain: nodes of other domains are not seen
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "NUNCIO_DOMAIN",
        hide_env_values = true,
        default_value = "0"
    )]
    pub(crate) domain: Domain,
    /// Whether the command line or the environment says it.
    #[arg(skip)]
    pub(crate) domain_is_given: bool,
    /// Connect to this endpoint, such as tcp/192.168.1.5:7447 or tls/router.local:7447 (repeatable)
    #[arg(long, global = true, value_name = "ENDPOINT")]
    pub(crate) connect: Vec<String>,
    /// Listen on this endpoint, such as tcp/0.0.0.0:7447 (repeatable)
    #[arg(long, global = true, value_name = "ENDPOINT")]
    pub(crate) listen: Vec<String>,
    /// The folder with ca.pem and node.pem for tls/ endpoints; by default `tls` in the keystore
    #[arg(long, global = true, value_name = "DIR", env = "NUNCIO_TLS", hide_env_values = true)]
    pub(crate) tls: Option<PathBuf>,
    /// The folder with this user's key and trust
    #[arg(long, global = true, value_name = "DIR", env = "NUNCIO_HOME", hide_env_values = true)]
    pub(crate) keystore: Option<PathBuf>,
    /// How to find others: auto, local (this machine only) or off; without it auto, or off when an endpoint is given
    #[arg(
        long,
        global = true,
        value_name = "HOW",
        env = "NUNCIO_DISCOVERY",
        hide_env_values = true
    )]
    pub(crate) discovery: Option<Discovery>,
    /// Whom to believe: enforce (keys with a role), tofu (a changed key is refused) or observe (it is shown, with the
    /// verdict); without it what trust.toml says, or tofu
    #[arg(long, global = true, value_name = "MODE")]
    pub(crate) trust_mode: Option<TrustMode>,
    /// A folder with message packages of your own, `<package>/msg/<Name>.msg` (repeatable, in the variable with `:`)
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "NUNCIO_INTERFACES",
        hide_env_values = true,
        value_delimiter = ':'
    )]
    pub(crate) interfaces: Vec<PathBuf>,
    /// One JSON object per line instead of text for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The longest wait; what for, and the default, stands in the help of each command
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// No colours, also when NO_COLOR is set
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// Whether the command line or the environment says it.
fn is_given(matches: &ArgMatches, option: &str) -> bool {
    matches
        .value_source(option)
        .is_some_and(|source| source != ValueSource::DefaultValue)
}

impl GlobalArgs {
    /// What stands on a line that is not whole yet, as far as it can be read.
    pub(crate) fn on_line(words: impl Iterator<Item = OsString>) -> Option<Self> {
        let command = Args::command().ignore_errors(true);
        let matches = command.try_get_matches_from(words).ok()?;
        let mut global = Self::from_arg_matches(&matches).ok()?;
        global.domain_is_given = is_given(&matches, "domain");
        // The name of a context may still be in the making.
        let _ = global.take_context();
        Some(global)
    }

    fn take_context(&mut self) -> Result<(), ContextError> {
        // Who has no home has no contexts either, which is no problem until one is asked for.
        let contexts = match Contexts::open() {
            Err(ContextError::NoHome(_)) if self.context.is_none() => return Ok(()),
            contexts => contexts?,
        };
        if let Some(name) = self.context.clone().or_else(|| contexts.current().cloned()) {
            let context = contexts.get(&name)?.clone();
            context.fill_in(self, self.domain_is_given);
            self.context = Some(name);
        }
        Ok(())
    }

    /// Where this user's key and trust are.
    ///
    /// # Errors
    ///
    /// [`NoHome`] when neither an option, nor a context, nor the environment names a place.
    pub(crate) fn keystore_dir(&self) -> Result<PathBuf, NoHome> {
        match &self.keystore {
            Some(dir) if !dir.as_os_str().is_empty() => Ok(dir.clone()),
            _ => Keystore::default_dir(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Topics: list, look into, measure, publish
    #[command(subcommand)]
    Topic(TopicCommand),
    /// Nodes: list, look into, ask how they are
    #[command(subcommand)]
    Node(NodeCommand),
    /// Services: list, look into, call
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Actions: list, look into, send goals, cancel them
    #[command(subcommand)]
    Action(ActionCommand),
    /// Parameters of nodes: list, look into, set, dump, load
    #[command(subcommand)]
    Param(ParamCommand),
    /// Managed nodes: find them, see and change their state
    #[command(subcommand)]
    Lifecycle(LifecycleCommand),
    /// State documents, such as battery or capabilities: list, print, watch
    #[command(subcommand)]
    State(StateCommand),
    Log(Log),
    Top(Top),
    Graph(Graph),
    /// Message, service and action types that this program knows
    #[command(subcommand)]
    Interface(InterfaceCommand),
    /// Keys: this user's own, and those of others by their names
    #[command(subcommand)]
    Key(KeyCommand),
    /// Whom to believe: roles, grants, certificates, and what follows from them
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Contexts: domain, endpoints and keystore under one name, such as that of a robot
    #[command(subcommand)]
    Context(ContextCommand),
    Completion(Completion),
    Manual(Manual),
    JsonSchema(JsonSchema),
    /// Look for what is wrong: keystore, trust, clock, and what nodes on the network show
    ///
    /// Each problem is told with what to do about it. Exit code 0: healthy. Exit code 3: problems were found.
    ///
    /// --timeout: how long to look for nodes; 2 by default.
    Doctor(Doctor),
    Why(Why),
    #[command(subcommand)]
    Bag(BagCommand),
    #[command(subcommand)]
    Bridge(BridgeCommand),
    Router(Router),
    /// Join two hosts over TLS, each proven to the other: one command on each side
    #[command(subcommand)]
    Link(LinkCommand),
    /// Follow a message to what led to it: who said what, checked link by link
    ///
    /// The nodes that published are asked for the frames as they were signed; each publisher keeps its last ones. The
    /// first cause stands first. Forged answers are refused and told about; what nobody has any more is said to be missing.
    ///
    /// --timeout: how long to look for nodes and frames; 2 and 5 by default.
    #[command(after_help = TRACE_EXIT_CODES)]
    Trace(Trace),
    /// Watch robots, an operator and an attacker on this machine: what is genuine arrives, what is forged does not
    ///
    /// It uses keys and links of its own; --timeout, and the options that say where to connect, have no meaning here.
    Demo(Demo),
    /// Attack this very build, and see that nothing hostile is delivered and everything genuine is
    ///
    /// Keys, links, nodes and processes are of its own, on this machine; --timeout, and the options that say where to
    /// connect, have no meaning here. Exit 0: all as promised; 2: an attack succeeded, or could not be made.
    Prove(Prove),
    Bench(Bench),
    /// The other process of `bench`
    #[command(hide = true)]
    BenchPart(BenchPart),
    /// A node of the fleet of `bench`
    #[command(hide = true)]
    BenchMember(BenchMember),
    /// Another process of `prove`
    #[command(hide = true)]
    ProvePart(ProvePart),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// How long the attack lasts
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) seconds: Duration,
}

/// The longest time that a flag may name: what the timers of every platform can count.
const SECONDS_MAX: f64 = 1e9;

fn seconds(text: &str) -> Result<Duration, String> {
    match seconds_or_zero(text)? {
        Duration::ZERO => Err("expected more than 0 seconds".to_owned()),
        seconds => Ok(seconds),
    }
}

fn seconds_or_zero(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number of seconds, such as 2 or 0.5".to_owned()),
    }
}

fn instant(text: &str) -> Result<When, String> {
    When::parse(text)
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(hz) if (0.001..=1e6).contains(&hz) => Ok(hz),
        _ => Err("expected messages per second, from 0.001 to 1000000".to_owned()),
    }
}

fn topic(text: &str) -> Result<TopicName, NameError> {
    TopicName::parse(&absolute(text))
}

fn node(text: &str) -> Result<NodeName, NameError> {
    NodeName::parse(&absolute(text))
}

/// As in ROS 2, `chatter` on the command line is `/chatter`.
fn absolute(text: &str) -> String {
    match text.starts_with('/') {
        true => text.to_owned(),
        false => format!("/{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        let args = Args::try_parse_from(["nuncio", "topic", "echo", "chatter", "--domain", "7", "--json"]).unwrap();
        assert_eq!((args.global.domain.as_str(), args.global.json), ("7", true));
        let Command::Topic(TopicCommand::Echo(echo)) = args.command else {
            panic!("echo was parsed as something else");
        };
        assert_eq!(echo.topic.as_str(), "/chatter");
    }

    #[test]
    fn times_that_no_timer_can_wait_for_are_refused() {
        for text in ["", "-1", "nan", "inf", "1e10", "5s"] {
            assert!(seconds_or_zero(text).is_err(), "{text:?} was accepted");
        }
        assert!(seconds("0").is_err());
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
    }
}
