//! What `param` accepts.

use std::path::PathBuf;

use clap::Subcommand;
use nuncio::NodeName;

use super::node;

#[derive(Debug, Subcommand)]
pub(crate) enum ParamCommand {
    /// List the parameters of a node, or of all nodes
    ///
    /// --timeout: how long to look for nodes that are not seen at once, 2 by default, and the longest wait for each answer, 5.
    List(ParamList),
    /// Print the value of a parameter, or of several
    ///
    /// Exit code 1: there is no such node or parameter.
    ///
    /// --timeout: the longest wait for each answer; 5 by default.
    #[command(after_help = "Examples:\n  \
        nuncio param get /robot speed\n  \
        nuncio param get /robot speed --hide-type\n  \
        nuncio param get /robot speed wheels.count --json")]
    Get(ParamGet),
    /// Set parameters, all or nothing, in the name of this user's key
    ///
    /// VALUE is YAML: `true`, `5`, `5.0`, `left arm`, `[1, 2]`; a text that looks like something else is written '"5"'. Where
    /// trust.toml is enforced, a role must permit to call `<node>/set_parameters_atomically`.
    ///
    /// Exit code 1: there is no such node. 2: the node did not set them, and says why. 3: it may not be called.
    ///
    /// --timeout: the longest wait for each answer; 5 by default.
    #[command(after_help = "Examples:\n  \
        nuncio param set /robot speed 0.8\n  \
        nuncio param set /robot wheels.radii '[0.1, 0.1]' name 'left arm'")]
    Set(ParamSet),
    /// Say what parameters are for, of which type they are, and which values they may have
    ///
    /// Exit code 1: there is no such node or parameter.
    ///
    /// --timeout: the longest wait for each answer; 5 by default.
    Describe(ParamDescribe),
    /// Print all parameters of a node as YAML, as ROS 2 writes it and `param load` reads it
    ///
    /// --timeout: the longest wait for each answer; 5 by default.
    #[command(after_help = "Example:\n  nuncio param dump /robot > robot.yaml")]
    Dump(ParamDump),
    /// Set what a YAML file has for a node, all or nothing
    ///
    /// The file is what `param dump` prints and ROS 2 writes: nodes by name or wildcard, `ros__parameters` below each.
    ///
    /// Exit code 1: there is no such node, or the file has nothing for it. 2: the node did not set them, and says why.
    ///
    /// --timeout: the longest wait for each answer; 5 by default.
    Load(ParamLoad),
    /// Take the value of a parameter away, which only parameters with dynamic typing can be without
    ///
    /// --timeout: the longest wait for each answer; 5 by default.
    Delete(ParamDelete),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParamList {
    /// The node, such as /robot; all nodes without it
    #[arg(value_parser = node)]
    pub(crate) node: Option<NodeName>,
    /// Show the types, too
    #[arg(short = 't', long = "types", visible_alias = "param-type")]
    pub(crate) types: bool,
    /// Only parameters below this prefix, such as wheels (repeatable)
    #[arg(long = "prefix", value_name = "PREFIX", visible_alias = "param-prefixes")]
    pub(crate) prefixes: Vec<String>,
    /// Show the nodes of tools, too
    #[arg(short, long, visible_alias = "include-hidden-nodes")]
    pub(crate) all: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParamGet {
    /// The node, such as /robot
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
    /// The parameter, such as wheels.count (repeatable)
    #[arg(value_name = "PARAMETER", required = true)]
    pub(crate) names: Vec<String>,
    /// Print the value alone
    #[arg(long)]
    pub(crate) hide_type: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParamSet {
    /// The node, such as /robot
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
    /// The parameter and its new value as YAML (repeatable)
    #[arg(value_names = ["PARAMETER", "VALUE"], num_args = 2.., required = true, allow_negative_numbers = true)]
    pub(crate) changes: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParamDescribe {
    /// The node, such as /robot
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
    /// The parameter, such as wheels.count (repeatable)
    #[arg(value_name = "PARAMETER", required = true)]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParamDump {
    /// The node, such as /robot
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParamLoad {
    /// The node, such as /robot
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
    /// The file; `-` reads stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParamDelete {
    /// The node, such as /robot
    #[arg(value_parser = node)]
    pub(crate) node: NodeName,
    /// The parameter
    #[arg(value_name = "PARAMETER")]
    pub(crate) name: String,
}
