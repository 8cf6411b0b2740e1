//! What the commands of `interface` accept.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum InterfaceCommand {
    /// List the interfaces that this program knows
    List(InterfaceList),
    /// List the packages that the known interfaces belong to
    Packages,
    /// List the interfaces of one package
    Package(InterfacePackage),
    /// Print an interface's definition, what it refers to below it, and its hash
    Show(InterfaceShow),
    /// Print type hashes (RIHS01, equal to those of ROS 2)
    Hash(InterfaceHash),
    /// Turn one message from one form into another: standard input to standard output
    ///
    /// postcard is what Nuncio signs and sends, cdr what ROS 2 sends (little endian; either byte order is read).
    #[command(after_help = "Examples:\n  \
        echo '{data: hello}' | nuncio interface transcode std_msgs/String --from yaml --to cdr\n  \
        nuncio interface transcode std_msgs/String --from cdr --to json --raw < message.cdr")]
    Transcode(InterfaceTranscode),
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceList {
    /// Messages only
    #[arg(short = 'm', long, conflicts_with_all = ["only_srvs", "only_actions"])]
    pub(crate) only_msgs: bool,
    /// Services only
    #[arg(short = 's', long, conflicts_with = "only_actions")]
    pub(crate) only_srvs: bool,
    /// Actions only
    #[arg(short = 'a', long)]
    pub(crate) only_actions: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfacePackage {
    /// The package, such as std_msgs
    pub(crate) package: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceShow {
    /// The type, such as std_msgs/msg/String
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    /// Show the comments of what the type refers to, too
    #[arg(long)]
    pub(crate) all_comments: bool,
    /// Show no comments
    #[arg(long, conflicts_with = "all_comments")]
    pub(crate) no_comments: bool,
    /// Print its JSON Schema (draft 2020-12) instead, with units, ranges and defaults; parts of services have one, too
    #[arg(long, conflicts_with_all = ["all_comments", "no_comments"])]
    pub(crate) json_schema: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceHash {
    /// The types; without any, all
    #[arg(value_name = "TYPE")]
    pub(crate) type_names: Vec<String>,
    /// A folder with message packages: without TYPE, every type in it, also the parts of services and actions (repeatable)
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceTranscode {
    /// The type, such as std_msgs/msg/String or std_srvs/srv/SetBool_Request
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    /// What stands on standard input
    #[arg(long, value_name = "FORM")]
    pub(crate) from: MessageForm,
    /// What to write
    #[arg(long, value_name = "FORM")]
    pub(crate) to: MessageForm,
    /// The same as --interfaces: a folder with message packages of your own (repeatable)
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Vec<PathBuf>,
    /// postcard and cdr are hexadecimal digits, which is the default
    #[arg(long, conflicts_with = "raw")]
    pub(crate) hex: bool,
    /// postcard and cdr are bytes as they are
    #[arg(long)]
    pub(crate) raw: bool,
}

/// A form that a message may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum MessageForm {
    Json,
    Postcard,
    Cdr,
    Yaml,
}
