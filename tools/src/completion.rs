//! Answers a shell that asks how a line may go on: commands and options from the parser, names from the running system.
//!
//! Which names an argument takes is read off the type that the parser makes of it, so that a new command completes them
//! without being told to. Topics, nodes, services, actions and types are those of signed cards: a name that anybody could have
//! made up never gets onto a command line by a key press. Where the line names a bag, topics are those of its signed messages,
//! and fields those of the topic that it names. The look at the network is short and leaves nothing behind: a user
//! without a key gets none by it.

mod line;

use std::any::TypeId;
use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use nuncio::graph::Graph;
use nuncio::{Identity, Keystore, LinkConfig, Node, NodeName, TlsFiles, TopicName};

use self::line::{Line, topics_in};
use crate::answers;
use crate::catalog::Catalog;
use crate::cli::{Args, GlobalArgs};
use crate::contexts::{ContextName, Contexts};
use crate::sanitize;
use crate::trust_home::TrustHome;

/// What a shell says it is by.
pub(crate) const VARIABLE: &str = "NUNCIO_COMPLETE";

/// How long to look for nodes: a person waits with a finger on the key.
const LOOK: Duration = Duration::from_millis(1500);
/// How long nothing new must have appeared.
const QUIET: Duration = Duration::from_millis(150);

/// What an argument names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Names {
    Topics,
    Services,
    Actions,
    Nodes,
    Types(&'static str),
    Keys,
    Contexts,
    Commands,
    Fields,
}

/// Answers and ends the process if it is a shell that asks; otherwise this costs one look at the environment.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(|| with_names(Args::command(), ""))
        .var(VARIABLE)
        .complete();
}

/// The command with what completes each of its arguments; `noun` is the command that it is below.
fn with_names(command: Command, noun: &str) -> Command {
    let own = command.get_name().to_owned();
    let below = if noun.is_empty() { own.clone() } else { noun.to_owned() };
    let command = command.mut_args(|arg| match names_of(&arg, noun) {
        Some(names) => arg.add(ArgValueCompleter::new(move |typed: &OsStr| candidates(names, typed))),
        None => arg,
    });
    let is_root = own == "nuncio";
    let names: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        let noun = if is_root { String::new() } else { below.clone() };
        command.mut_subcommand(name, |child| with_names(child, &noun))
    })
}

/// What an argument of a command below `noun` names, if it is something that can be looked up.
fn names_of(arg: &Arg, noun: &str) -> Option<Names> {
    let made = arg.get_value_parser().type_id();
    let value_name = arg
        .get_value_names()
        .and_then(|names| names.first())
        .map(ToString::to_string);
    match value_name.as_deref() {
        _ if made == TypeId::of::<NodeName>() => Some(Names::Nodes),
        _ if made == TypeId::of::<ContextName>() => Some(Names::Contexts),
        _ if made == TypeId::of::<TopicName>() => Some(match noun {
            "service" => Names::Services,
            "action" => Names::Actions,
            _ => Names::Topics,
        }),
        Some("TOPIC") => Some(Names::Topics),
        Some("PATH") if arg.get_id() == "field" => Some(Names::Fields),
        Some("TYPE") => Some(Names::Types(match noun {
            "service" => "srv",
            "action" => "action",
            "topic" => "msg",
            _ => "",
        })),
        Some("KEY") => Some(Names::Keys),
        Some("COMMAND") => Some(Names::Commands),
        _ => None,
    }
}

fn candidates(names: Names, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let Some(global) = GlobalArgs::on_line(env::args_os().skip_while(|word| word != "--").skip(1)) else {
        return Vec::new();
    };
    let line = Line::read();
    let bag = line.as_ref().and_then(Line::bag);
    let found = match names {
        Names::Topics if bag.is_some() => bag.as_deref().map(topics_in).unwrap_or_default(),
        Names::Fields => line
            .map(|line| fields(&global, &line, bag.as_deref()))
            .unwrap_or_default(),
        Names::Types(kind) => types(&global, kind),
        Names::Keys => keys(&global),
        Names::Contexts => contexts(),
        Names::Commands => commands(),
        names => graph_of(&global)
            .map(|graph| in_graph(names, &graph))
            .unwrap_or_default(),
    };
    // As on the command line, `chatter` stands for `/chatter`.
    let is_fit = |name: &&String| {
        name.starts_with(&*typed) || name.strip_prefix('/').is_some_and(|name| name.starts_with(&*typed))
    };
    found
        .iter()
        .filter(is_fit)
        .map(|name| {
            let bare = !typed.is_empty() && !typed.starts_with('/');
            let name = name.strip_prefix('/').filter(|_| bare).unwrap_or(name);
            CompletionCandidate::new(sanitize::line(name).into_owned())
        })
        .collect()
}

fn in_graph(names: Names, graph: &Graph) -> BTreeSet<String> {
    let seen = |hidden: bool, name: &str| (!hidden).then(|| name.to_owned());
    match names {
        Names::Topics => graph
            .topics()
            .keys()
            .filter_map(|name| seen(name.is_hidden(), name.as_str()))
            .collect(),
        Names::Services => graph
            .services()
            .keys()
            .filter_map(|name| seen(name.is_hidden(), name.as_str()))
            .collect(),
        Names::Actions => graph
            .actions()
            .keys()
            .filter_map(|name| seen(name.is_hidden(), name.as_str()))
            .collect(),
        _ => {
            let verified = graph.nodes.iter().filter(|node| node.is_verified());
            verified
                .filter_map(|node| seen(node.name.is_hidden(), node.name.as_str()))
                .collect()
        }
    }
}

fn fields(global: &GlobalArgs, line: &Line, bag: Option<&Path>) -> BTreeSet<String> {
    match bag {
        Some(bag) => line.fields_in(bag),
        None => graph_of(global)
            .map(|graph| line.fields_on(&graph, global))
            .unwrap_or_default(),
    }
}

fn types(global: &GlobalArgs, kind: &str) -> BTreeSet<String> {
    let Ok(catalog) = Catalog::about(&[], &global.interfaces) else {
        return BTreeSet::new();
    };
    let part = format!("/{kind}/");
    let names = catalog.names().map(ToString::to_string);
    names.filter(|name| kind.is_empty() || name.contains(&part)).collect()
}

fn keys(global: &GlobalArgs) -> BTreeSet<String> {
    let home = TrustHome::open(global).ok();
    let names = home.iter().flat_map(|home| home.acquaintances.names());
    names.map(|name| name.text.clone()).collect()
}

/// The words of the commands that print JSON.
fn commands() -> BTreeSet<String> {
    let words = answers::ALL.iter().flat_map(|answers| answers.command.split(' '));
    words.map(ToOwned::to_owned).collect()
}

fn contexts() -> BTreeSet<String> {
    let contexts = Contexts::open().ok();
    contexts
        .iter()
        .flat_map(Contexts::iter)
        .map(|(name, _)| name.to_string())
        .collect()
}

/// The nodes that are there, by their cards, after a short look.
fn graph_of(global: &GlobalArgs) -> Option<Graph> {
    let keystore = Keystore::open(global.keystore_dir().ok()?).ok()?;
    let link = LinkConfig {
        listen: global.listen.clone(),
        connect: global.connect.clone(),
        discovery: global.discovery,
        tls: keystore.path().map(|dir| TlsFiles::new(dir, global.tls.as_deref())),
        shared_memory: Some(false),
        frame_len_max: None,
    };
    let keystore = match keystore.stored_identity().ok()? {
        Some(_) => keystore,
        None => Keystore::ephemeral(Identity::generate().ok()?),
    };
    let builder = Node::builder(&format!("_nuncio_{}", std::process::id()))
        .domain(global.domain.clone())
        .keystore(keystore)
        .link(link);
    let look = async {
        let node = builder.open().await.ok()?;
        Some(node.settled_graph(QUIET, global.timeout.unwrap_or(LOOK)).await)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.ok()?;
    let graph = runtime.block_on(async { tokio::time::timeout(LOOK * 2, look).await.ok().flatten() });
    runtime.shutdown_background();
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each argument of a command names, by its id.
    fn named(path: &[&str]) -> Vec<(String, Names)> {
        let mut root = Args::command();
        root.build();
        let command = path
            .iter()
            .fold(&root, |command, name| command.find_subcommand(name).expect(name));
        let noun = path.first().copied().unwrap_or_default();
        let named = command
            .get_arguments()
            .filter_map(|arg| Some((arg.get_id().to_string(), names_of(arg, noun)?)));
        named.filter(|(id, _)| id != "context").collect()
    }

    #[test]
    fn what_an_argument_names_is_read_off_its_type() {
        for (path, id, names) in [
            (["topic", "echo"], "topic", Names::Topics),
            (["service", "call"], "service", Names::Services),
            (["action", "send_goal"], "action", Names::Actions),
            (["node", "info"], "node", Names::Nodes),
            (["param", "get"], "node", Names::Nodes),
            (["topic", "find"], "type_name", Names::Types("msg")),
            (["key", "revoke"], "whom", Names::Keys),
            (["context", "use"], "name", Names::Contexts),
            (["topic", "echo"], "field", Names::Fields),
            (["topic", "plot"], "field", Names::Fields),
            (["bag", "cat"], "field", Names::Fields),
            (["bag", "play"], "named", Names::Topics),
        ] {
            let found = named(&path);
            assert!(
                found.contains(&(id.to_owned(), names)) || id == "name",
                "{path:?}: {found:?}"
            );
        }
    }

    #[test]
    fn every_required_argument_that_is_a_name_is_completed() {
        // Free texts and files: a shell completes files by itself.
        fn visit(command: &Command, path: &str, noun: &str, open: &mut Vec<String>) {
            for arg in command.get_arguments().filter(|arg| arg.is_positional()) {
                let name = arg
                    .get_value_names()
                    .and_then(|names| names.first())
                    .map(ToString::to_string);
                if names_of(arg, noun).is_none() && arg.get_possible_values().is_empty() {
                    open.push(format!("{path} {}", name.unwrap_or_default()));
                }
            }
            for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
                let noun = if noun.is_empty() { below.get_name() } else { noun };
                visit(below, &format!("{path} {}", below.get_name()), noun, open);
            }
        }
        let mut root = Args::command().disable_help_subcommand(true);
        root.build();
        let mut open = Vec::new();
        visit(&root, "nuncio", "", &mut open);
        insta::assert_snapshot!(open.join("\n"));
    }

    #[test]
    fn names_that_do_not_go_on_as_typed_are_left_out() {
        let global = GlobalArgs::on_line(
            ["nuncio", "topic", "find", "--domain", "7", "std_m"]
                .map(Into::into)
                .into_iter(),
        );
        assert_eq!(global.expect("it can be read").domain.as_str(), "7");
    }
}
