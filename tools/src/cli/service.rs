//! What `service` accepts.

use clap::Subcommand;
use nuncio::{RoleName, ServiceIntrospection, TopicName};

use super::{QosArgs, ShownArgs, topic};

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// List the services that nodes serve or call
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    List(ServiceList),
    /// Print the type of a service
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Type(ServiceType),
    /// List the services of a type
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Find(ServiceFind),
    /// Say who serves a service and who calls it, and whether their types agree
    ///
    /// --timeout: how long to look for nodes that are not seen at once; 2 by default.
    Info(ServiceInfo),
    /// Call a service, signed with this user's key, and print the response and who signed it
    ///
    /// VALUES are YAML or JSON; fields that are left out have the schema's defaults. No schema files are needed: a type that
    /// this program does not know is asked of the server. One server is called, which the trust policy permits to serve; with
    /// --all each such server is, and those that do not answer are named.
    ///
    /// Exit code 1: no such service, or no response in time. Exit code 3: servers are there, and none may be called.
    ///
    /// --timeout: the longest wait for the response; 5 by default.
    #[command(after_help = "Examples:\n  \
        nuncio service call /add example_interfaces/srv/AddTwoInts '{a: 1, b: 2}'\n  \
        nuncio service call /arm/stop --expect arm_controller\n  \
        nuncio service call /find_object '{label: cup}' --all")]
    Call(ServiceCall),
    /// Print what the ends of a service tell of its calls, each with who signed it
    ///
    /// Servers and clients tell where the options that they were made with have `introspection`. Without contents, requests and
    /// responses are empty lists.
    ///
    /// --timeout: give up when nothing came for so long; 10 by default with --once or --times, else until Ctrl-C.
    #[command(after_help = "Examples:\n  \
        nuncio service echo /add\n  \
        nuncio service call /add '{a: 1, b: 2}' --introspection contents    # in another terminal")]
    Echo(Box<ServiceEcho>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceEcho {
    /// The service, such as /add
    #[arg(value_parser = topic)]
    pub(crate) service: TopicName,
    /// End after the first event
    #[arg(short = '1', long, conflicts_with = "times")]
    pub(crate) once: bool,
    /// End after N events
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
    /// Show all that is known of each event
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) shown: ShownArgs,
    #[command(flatten)]
    pub(crate) qos: QosArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceList {
    /// Show the types, too
    #[arg(short = 't', long = "types", visible_alias = "show-types")]
    pub(crate) types: bool,
    /// Show hidden services, too: those with a part that begins with `_`
    #[arg(short, long, visible_alias = "include-hidden-services")]
    pub(crate) all: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceType {
    /// The service, such as /add
    #[arg(value_parser = topic)]
    pub(crate) service: TopicName,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceFind {
    /// The type, such as std_srvs/srv/SetBool
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceInfo {
    /// The service, such as /add
    #[arg(value_parser = topic)]
    pub(crate) service: TopicName,
    /// Show whole keys and type hashes
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceCall {
    /// The service, such as /add
    #[arg(value_parser = topic)]
    pub(crate) service: TopicName,
    /// The type, such as std_srvs/srv/SetBool, if it is to be checked, and the request as YAML or JSON
    #[arg(value_names = ["TYPE", "VALUES"], num_args = 0..=2)]
    pub(crate) request: Vec<String>,
    /// Call every server that may be called, and print each answer
    #[arg(long)]
    pub(crate) all: bool,
    /// Call only a server whose key holds this role by trust.toml
    #[arg(long, value_name = "ROLE", value_parser = RoleName::parse)]
    pub(crate) expect: Option<RoleName>,
    /// Tell of this call on `<service>/_service_event`: off, metadata or contents
    #[arg(long, value_name = "LEVEL", default_value_t)]
    pub(crate) introspection: ServiceIntrospection,
}
