//! One match: which command runs, and how a command can end.

mod action_cancel;
mod action_info;
mod action_send_goal;
mod bag_cat;
mod bag_convert;
mod bag_extract;
mod bag_info;
mod bag_play;
mod bag_record;
mod bag_verify;
mod bench;
mod bench_cases;
mod bridge;
mod bridge_check;
mod bridge_flags;
mod called_names;
mod completion;
mod context;
mod demo;
mod doctor;
mod doctor_environment;
mod doctor_keystore;
mod doctor_nodes;
mod doctor_routers;
mod graph;
mod interface_check;
mod interface_diff;
mod interface_generate;
mod interface_hash;
mod interface_list;
mod interface_packages;
mod interface_proto;
mod interface_show;
mod interface_transcode;
mod json_schema;
mod key_export;
mod key_import;
mod key_list;
mod key_new;
mod key_revoke;
mod key_rotate;
mod key_show;
mod lifecycle;
mod link;
mod link_accept;
mod link_invite;
mod log;
mod manual;
mod node_facts;
mod node_health;
mod node_info;
mod node_list;
mod param_get;
mod param_list;
mod param_set;
mod prove;
mod router;
mod service_call;
mod service_echo;
mod service_info;
mod state;
mod state_watch;
mod top;
mod topic_approve;
mod topic_bw;
mod topic_delay;
mod topic_echo;
mod topic_echo_ros2;
mod topic_hz;
mod topic_info;
mod topic_list;
mod topic_plot;
mod topic_pub;
mod trace;
mod trust_add;
mod trust_check;
mod trust_export_zenoh;
mod trust_init;
mod trust_list;
mod trust_show;
mod trust_sign;
mod trust_test;
mod why;

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

pub(crate) use self::called_names::unanswered;
use self::called_names::{ACTIONS, SERVICES};
use crate::bench::{run_member, run_part as run_bench_part};
use crate::catalog::Catalog;
use crate::cli::{
    ActionCommand, Args, BagCommand, BagReading, Command, GlobalArgs, InterfaceCommand, KeyCommand, LifecycleCommand,
    NodeCommand, OwnFolders, ParamCommand, ServiceCommand, StateCommand, TopicCommand, TrustCommand,
};
use crate::prove::run_part;
use crate::render::{OutputError, Render};
use crate::session::Session;

/// Threads beside the main one; the link has its own.
const WORKER_THREADS: usize = 1;

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// The question was answered: exit 0.
    Found,
    /// Nothing matched, for example no publisher on that topic: exit 1.
    Nothing,
    /// It ended in order, but messages were refused, or what was asked about is refused or not right: exit 3.
    Refused,
    /// The schemas or the table that were checked are wrong: exit 2.
    Wrong,
    /// What was asked for was not done, and who was asked has said so: exit 2.
    Unsuccessful,
    /// What was compared differs in an additive way: exit 1.
    Additive,
    /// What was compared differs in a breaking way: exit 3.
    Breaking,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Found => Self::SUCCESS,
            Outcome::Nothing | Outcome::Additive => Self::from(1),
            Outcome::Wrong | Outcome::Unsuccessful => Self::from(2),
            Outcome::Refused | Outcome::Breaking => Self::from(3),
        }
    }
}

/// Why a command failed; each cause says itself what was expected, found and what to do.
pub(crate) enum CommandError {
    /// The answer could not be written.
    Output(OutputError),
    /// Everything else.
    Failed(Box<dyn Error + Send + Sync>),
}

impl CommandError {
    /// Whether nobody reads the answers any more, as in `nuncio topic echo /x | head -1`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(OutputError(error)) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => error.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl From<OutputError> for CommandError {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Runs the command and sees that its answers have left.
pub(crate) fn run(args: Args, render: &Render) -> Result<Outcome, CommandError> {
    let global = args.global;
    let outcome = match args.command {
        Command::Topic(command) => topic(&global, render, command),
        Command::Node(command) => node(&global, render, command),
        Command::Service(command) => service(&global, render, command),
        Command::Action(command) => action(&global, render, command),
        Command::Param(command) => param(&global, render, command),
        Command::Lifecycle(command) => lifecycle(&global, render, command),
        Command::State(command) => state(&global, render, command),
        Command::Interface(command) => interface(&global, render, command),
        Command::Key(command) => key(&global, render, command),
        Command::Trust(command) => trust(&global, render, command),
        Command::Context(command) => context::run(&global, render, command),
        Command::Completion(args) => completion::run(render, &args),
        Command::Manual(args) => manual::run(render, &args),
        Command::JsonSchema(args) => json_schema::run(render, &args),
        Command::Doctor(args) => doctor::run(render, &global, &args),
        Command::Why(args) => why::run(render, &global, args),
        Command::Bag(command) => bag(&global, render, command),
        Command::Bridge(command) => bridge::command(&global, render, command),
        Command::Router(_) => in_a_runtime(async || router::run(&global, render).await),
        Command::Link(command) => in_a_runtime(async || link::run(&global, render, command).await),
        Command::Log(args) => on_the_network(&global, render, async |session| log::run(session, args).await),
        Command::Graph(args) => on_the_network(&global, render, async |session| graph::run(session, args).await),
        Command::Top(args) => on_the_network(&global, render, async |session| top::run(session, args).await),
        Command::Trace(args) => on_the_network(&global, render, async |session| trace::run(session, args).await),
        Command::Demo(args) => in_a_runtime(async || demo::run(&global, args).await),
        Command::Prove(args) => in_a_runtime(async || prove::run(render, args).await),
        Command::Bench(args) => in_a_runtime(async || bench::run(render, args).await),
        Command::BenchPart(args) => in_a_runtime(async || run_bench_part(&global, render, args).await),
        Command::BenchMember(args) => in_a_runtime(async || run_member(&global, render, args).await),
        Command::ProvePart(args) => in_a_runtime(async || run_part(&global, render, args).await),
    }?;
    render.flush()?;
    Ok(outcome)
}

fn topic(global: &GlobalArgs, render: &Render, command: TopicCommand) -> Result<Outcome, CommandError> {
    use TopicCommand as Topic;
    match command {
        Topic::List(args) => on_the_network(global, render, async |session| topic_list::run(session, args).await),
        Topic::Info(args) => on_the_network(global, render, async |session| topic_info::run(session, args).await),
        Topic::Echo(args) if args.ros.ros2.is_some() => topic_echo_ros2::command(global, render, &args),
        Topic::Echo(args) => on_the_network(global, render, async |session| topic_echo::run(session, args).await),
        Topic::Pub(args) => {
            let prepared = topic_pub::Prepared::new(global, args)?;
            on_the_network(global, render, async |session| topic_pub::run(session, prepared).await)
        }
        Topic::Approve(args) => on_the_network(global, render, async |session| topic_approve::run(session, args).await),
        Topic::Hz(args) => on_the_network(global, render, async |session| topic_hz::run(session, args).await),
        Topic::Plot(args) => on_the_network(global, render, async |session| topic_plot::run(session, args).await),
        Topic::Delay(args) => on_the_network(global, render, async |session| topic_delay::run(session, args).await),
        Topic::Type(args) => on_the_network(global, render, async |session| {
            topic_list::type_of(session, &args).await
        }),
        Topic::Find(args) => on_the_network(global, render, async |session| topic_list::find(session, &args).await),
        Topic::Bw(args) => on_the_network(global, render, async |session| topic_bw::run(session, args).await),
    }
}

fn node(global: &GlobalArgs, render: &Render, command: NodeCommand) -> Result<Outcome, CommandError> {
    use NodeCommand as Node;
    match command {
        Node::List(args) => on_the_network(global, render, async |session| node_list::run(session, args).await),
        Node::Info(args) => on_the_network(global, render, async |session| node_info::run(session, args).await),
        Node::Facts(args) => on_the_network(global, render, async |session| node_facts::run(session, args).await),
        Node::Health(args) => on_the_network(global, render, async |session| node_health::run(session, args).await),
    }
}

fn service(global: &GlobalArgs, render: &Render, command: ServiceCommand) -> Result<Outcome, CommandError> {
    use ServiceCommand as Service;
    on_the_network(global, render, async |session| match command {
        Service::List(args) => called_names::list(session, &SERVICES, (args.all, args.types)).await,
        Service::Type(args) => called_names::type_of(session, &SERVICES, &args.service).await,
        Service::Find(args) => called_names::find(session, &SERVICES, &args.type_name).await,
        Service::Info(args) => service_info::run(session, &args).await,
        Service::Call(args) => service_call::run(session, args).await,
        Service::Echo(args) => service_echo::run(session, *args).await,
    })
}

fn action(global: &GlobalArgs, render: &Render, command: ActionCommand) -> Result<Outcome, CommandError> {
    use ActionCommand as Action;
    on_the_network(global, render, async |session| match command {
        Action::List(args) => called_names::list(session, &ACTIONS, (args.all, args.types)).await,
        Action::Type(args) => called_names::type_of(session, &ACTIONS, &args.action).await,
        Action::Find(args) => called_names::find(session, &ACTIONS, &args.type_name).await,
        Action::Info(args) => action_info::run(session, &args).await,
        Action::SendGoal(args) => action_send_goal::run(session, args).await,
        Action::Cancel(args) => action_cancel::run(session, &args).await,
    })
}

fn param(global: &GlobalArgs, render: &Render, command: ParamCommand) -> Result<Outcome, CommandError> {
    use ParamCommand as Param;
    on_the_network(global, render, async |session| match command {
        Param::List(args) => param_list::run(session, &args).await,
        Param::Get(args) => param_get::get(session, &args).await,
        Param::Set(args) => param_set::set(session, &args).await,
        Param::Describe(args) => param_get::describe(session, &args).await,
        Param::Dump(args) => param_get::dump(session, &args).await,
        Param::Load(args) => param_set::load(session, &args).await,
        Param::Delete(args) => param_set::delete(session, &args).await,
    })
}

fn lifecycle(global: &GlobalArgs, render: &Render, command: LifecycleCommand) -> Result<Outcome, CommandError> {
    on_the_network(global, render, async |session| match command {
        LifecycleCommand::Nodes(args) => lifecycle::nodes(session, &args).await,
        LifecycleCommand::Get(args) => lifecycle::get(session, &args).await,
        LifecycleCommand::List(args) => lifecycle::list(session, &args).await,
        LifecycleCommand::Set(args) => lifecycle::set(session, &args).await,
    })
}

fn state(global: &GlobalArgs, render: &Render, command: StateCommand) -> Result<Outcome, CommandError> {
    on_the_network(global, render, async |session| match command {
        StateCommand::List(args) => state::list(session, args).await,
        StateCommand::Get(args) => state::get(session, args).await,
        StateCommand::Watch(args) => state_watch::run(session, args).await,
    })
}

fn interface(global: &GlobalArgs, render: &Render, command: InterfaceCommand) -> Result<Outcome, CommandError> {
    use InterfaceCommand as Interface;
    let catalog = |own: &OwnFolders| Catalog::about(&own.path, &global.interfaces);
    match command {
        Interface::List(args) => interface_list::run(render, &catalog(&args.own)?, args),
        Interface::Packages(args) => interface_packages::names(render, &catalog(&args.own)?),
        Interface::Package(args) => interface_packages::interfaces(render, &catalog(&args.own)?, args),
        Interface::Show(args) => interface_show::run(render, &catalog(&args.own)?, args),
        Interface::Hash(args) => interface_hash::run(render, &catalog(&args.own)?, args),
        Interface::Proto(args) => interface_proto::run(render, &catalog(&args.own)?, args),
        Interface::Transcode(args) => interface_transcode::run(render, &catalog(&args.own)?, args),
        Interface::Check(args) => interface_check::run(render, global, args),
        Interface::Diff(args) => interface_diff::run(render, global, args),
        Interface::Generate(args) => interface_generate::run(render, args),
    }
}

fn bag(global: &GlobalArgs, render: &Render, command: BagCommand) -> Result<Outcome, CommandError> {
    match command {
        BagCommand::Record(args) => bag_record::run(global, render, args),
        BagCommand::Verify(args) => bag_verify::run(render, global, &args),
        BagCommand::Slice(args) => bag_extract::slice(render, global, &args),
        BagCommand::Filter(args) => bag_extract::filter(render, global, &args),
        BagCommand::Merge(args) => bag_extract::merge(render, global, &args),
        BagCommand::Reading(BagReading::Info(args)) => bag_info::run(render, global, &args),
        BagCommand::Reading(BagReading::Cat(args)) => bag_cat::run(render, global, &args),
        BagCommand::Reading(BagReading::Convert(args)) => bag_convert::run(render, global, &args),
        BagCommand::Reading(BagReading::Play(args)) => {
            on_the_network(global, render, async |session| bag_play::run(session, args).await)
        }
    }
}

fn key(global: &GlobalArgs, render: &Render, command: KeyCommand) -> Result<Outcome, CommandError> {
    match command {
        KeyCommand::Show => key_show::run(render, global),
        KeyCommand::New(args) => key_new::run(render, global, args),
        KeyCommand::List => key_list::run(render, global),
        KeyCommand::Import(args) => key_import::run(render, global, args),
        KeyCommand::Export(args) => key_export::run(render, global, args),
        KeyCommand::Rotate(args) => key_rotate::run(render, global, &args),
        KeyCommand::Revoke(args) => key_revoke::run(render, global, &args),
    }
}

fn trust(global: &GlobalArgs, render: &Render, command: TrustCommand) -> Result<Outcome, CommandError> {
    use TrustCommand as Trust;
    match command {
        Trust::Init(args) => trust_init::run(render, global, &args),
        Trust::Add(args) => trust_add::add(render, global, &args),
        Trust::Remove(args) => trust_add::remove(render, global, &args),
        Trust::List => trust_list::list(render, global),
        Trust::Sign(args) => trust_sign::run(render, global, &args),
        Trust::Show(args) => trust_show::run(render, global, &args),
        Trust::Check(args) => trust_check::run(render, global, &args),
        Trust::Test(args) => trust_test::run(render, global, &args),
        Trust::Export(args) => match &args.router.zenoh {
            Some(folder) => trust_export_zenoh::run(render, global, &args.router, folder),
            None => trust_list::export(render, global, &args),
        },
    }
}

/// Opens a node for the command and closes it again, however the command ends.
fn on_the_network(
    global: &GlobalArgs,
    render: &Render,
    command: impl AsyncFnOnce(&mut Session<'_>) -> Result<Outcome, CommandError>,
) -> Result<Outcome, CommandError> {
    in_a_runtime(async || {
        let mut session = Session::open(global, render).await?;
        let outcome = command(&mut session).await;
        session.close().await;
        outcome
    })
}

fn in_a_runtime<T>(work: impl AsyncFnOnce() -> Result<T, CommandError>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(work());
    // A read of stdin or a wait for subscribers may still block a thread that nobody waits for.
    runtime.shutdown_background();
    outcome
}
