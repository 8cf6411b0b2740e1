//! What the commands of `interface` accept.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum InterfaceCommand {
    /// List the interfaces that this program knows
    List(InterfaceList),
    /// List the packages that the known interfaces belong to
    Packages(InterfacePackages),
    /// List the interfaces of one package
    Package(InterfacePackage),
    /// Print an interface's definition, what it refers to below it, and its hash
    Show(InterfaceShow),
    /// Print type hashes (RIHS01, equal to those of ROS 2)
    Hash(InterfaceHash),
    /// Print a message with the schema's defaults as YAML (with --json as JSON), for `topic pub` to be filled in
    ///
    /// Of a service it is the request, of an action the goal; the other parts have names, such as SetBool_Response. Where
    /// 0 is not within a field's limits, the nearest value that is stands there.
    #[command(after_help = "Example:\n  \
        nuncio interface proto geometry_msgs/Twist > twist.yaml\n  \
        nuncio topic pub /cmd_vel geometry_msgs/Twist --file twist.yaml")]
    Proto(InterfaceProto),
    /// Say everything that is wrong with schemas, each with file, line and column
    ///
    /// Exit code 0 when nothing is, else 2. With --json each problem is an object with file, line, column, message and
    /// help; line and column count from 1, and are 0 when the file as a whole is meant. Without --path, all interfaces
    /// that this program knows are checked.
    #[command(after_help = "Example:\n  nuncio interface check --path interfaces")]
    Check(InterfaceCheck),
    /// Compare two versions of interfaces, and grade each change as additive or breaking
    ///
    /// OLD and NEW are two folders as --path has them, two schema files, a type and a file, or two types. Additive
    /// means that a subscriber which opts in to translation by field name understands both versions. With --json each
    /// change is an object with type, grade, change, place and text.
    #[command(
        after_help = "Exit codes, other than those of other commands, so that a script can tell the grades apart:\n  \
        0  identical, but perhaps for comments\n  \
        1  additive\n  \
        2  failed, or bad arguments\n  \
        3  breaking\n\n\
        Examples:\n  \
        nuncio interface diff released/interfaces interfaces\n  \
        nuncio interface diff std_msgs/String changed/std_msgs/msg/String.msg"
    )]
    Diff(InterfaceDiff),
    /// Write a crate with the Rust types of ROS packages, ready to be built
    ///
    /// The crate has copies of the schemas and three lines that compile them. Packages that nuncio-msgs has are used from
    /// there. Without DIR, the folders of AMENT_PREFIX_PATH are read, which ROS 2's setup.bash sets.
    #[command(after_help = "Examples:\n  \
        nuncio interface generate src/my_robot_msgs -o my-robot-msgs\n  \
        nuncio interface generate --package my_robot_msgs -o my-robot-msgs")]
    Generate(InterfaceGenerate),
    /// Turn one message from one form into another: standard input to standard output
    ///
    /// postcard is what Nuncio signs and sends, cdr what ROS 2 sends (little endian; either byte order is read).
    #[command(after_help = "Examples:\n  \
        echo '{data: hello}' | nuncio interface transcode std_msgs/String --from yaml --to cdr\n  \
        nuncio interface transcode std_msgs/String --from cdr --to json --raw < message.cdr")]
    Transcode(InterfaceTranscode),
}

/// The folders that a command is about: the one meaning of `--path`.
#[derive(Debug, clap::Args)]
pub(crate) struct OwnFolders {
    /// A folder with message packages: `<package>/msg/<Name>.msg`, one package, or where ROS packages are installed
    ///
    /// Types in it are known beside the shipped ones and stand for those of the same name. Where no type is named, the
    /// command is about what is in the folder, and nothing else. Repeatable; the first folder that has a package counts.
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Vec<PathBuf>,
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
    #[command(flatten)]
    pub(crate) own: OwnFolders,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfacePackages {
    #[command(flatten)]
    pub(crate) own: OwnFolders,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfacePackage {
    /// The package, such as std_msgs
    pub(crate) package: String,
    #[command(flatten)]
    pub(crate) own: OwnFolders,
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
    #[command(flatten)]
    pub(crate) own: OwnFolders,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceHash {
    /// The types; without any, all, and of folders also the parts of services and actions
    #[arg(value_name = "TYPE")]
    pub(crate) type_names: Vec<String>,
    #[command(flatten)]
    pub(crate) own: OwnFolders,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceProto {
    /// The type, such as std_msgs/msg/String or std_srvs/srv/SetBool_Response
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    #[command(flatten)]
    pub(crate) own: OwnFolders,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceCheck {
    #[command(flatten)]
    pub(crate) own: OwnFolders,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceDiff {
    /// What there was: a folder, a schema file, or a type
    pub(crate) old: String,
    /// What there is now
    pub(crate) new: String,
    /// Of two folders, compare these types only
    #[arg(value_name = "TYPE")]
    pub(crate) type_names: Vec<String>,
    /// A folder with packages that both versions refer to, or that have the types (repeatable)
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InterfaceGenerate {
    /// Folders as --path of other commands has them; the first one that has a package counts
    #[arg(value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// The folder of the crate: a new one, or an empty one
    #[arg(short, long, value_name = "CRATE")]
    pub(crate) output: PathBuf,
    /// The name of the crate; that of its folder by default
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only this package, with those that it refers to (repeatable)
    #[arg(short, long = "package", value_name = "PACKAGE")]
    pub(crate) packages: Vec<String>,
    /// Where Nuncio's own sources are, for the crate to depend on
    ///
    /// By default those that this program was built from, and where they are gone, this version in the registry.
    #[arg(long, value_name = "DIR")]
    pub(crate) nuncio: Option<PathBuf>,
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
    #[command(flatten)]
    pub(crate) own: OwnFolders,
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
