//! What `bridge` accepts.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use nuncio::{NodeName, TopicName, TopicPattern};
use nuncio_bridge::Origin;

/// Let ROS 2 nodes, Foxglove, rosbridge and gRPC clients use signed topics
///
/// Nothing crosses but what --allow or a configuration names. What goes out was verified; what comes in is signed with this
/// user's key, and says on whose behalf.
#[derive(Debug, Subcommand)]
pub(crate) enum BridgeCommand {
    /// Serve what a configuration says, all faces in one process
    Run(BridgeRun),
    /// Read a configuration and say what it lets through, and what is wrong with it
    Check(BridgeCheck),
    Ros2(BridgeRos2),
    Foxglove(BridgeFoxglove),
    Rosbridge(BridgeRosbridge),
    Grpc(BridgeGrpc),
}

#[derive(Debug, Args)]
pub(crate) struct BridgeRun {
    /// The configuration
    #[arg(value_name = "FILE", default_value = "bridge.toml")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) node: BridgeNode,
}

#[derive(Debug, Args)]
pub(crate) struct BridgeCheck {
    /// The configuration
    #[arg(value_name = "FILE", default_value = "bridge.toml")]
    pub(crate) file: PathBuf,
    /// Say of these topics or services, by their names on Nuncio's side, how they cross (repeatable)
    #[arg(long = "topic", value_name = "NAME", value_parser = TopicName::parse)]
    pub(crate) topics: Vec<TopicName>,
}

/// The node that the bridge is.
#[derive(Clone, Debug, Args)]
pub(crate) struct BridgeNode {
    /// The bridge's name among nodes; two bridges with one key need two names
    #[arg(long, value_name = "NAME", value_parser = node_name)]
    pub(crate) name: Option<NodeName>,
}

/// What may cross.
#[derive(Clone, Debug, Args)]
pub(crate) struct BridgeAllow {
    /// Let these topics and services cross both ways, such as /camera/** (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = TopicPattern::parse)]
    pub(crate) allow: Vec<TopicPattern>,
    /// Let these topics be read only: nobody outside may publish, call or serve there (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = TopicPattern::parse)]
    pub(crate) allow_out: Vec<TopicPattern>,
}

/// Where clients connect, and which.
#[derive(Clone, Debug, Args)]
pub(crate) struct BridgeDoor {
    /// Listen on this address; others than 127.0.0.1 are open to the network
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// Demand the token that stands in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Let pages of this site in, named by scheme, host and port (repeatable). Where a token is demanded, pages need that
    /// instead; where none is, those of other sites are refused, but for this machine's and, at its face, Foxglove's own app
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub(crate) allow_origins: Vec<Origin>,
    /// TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key for it (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// The page that shows what goes on.
#[derive(Clone, Debug, Args)]
pub(crate) struct BridgeStatus {
    /// Show on this port of 127.0.0.1 what goes on, as a page: clients, routes, rates, refusals
    #[arg(long, value_name = "PORT")]
    pub(crate) status_port: Option<u16>,
}

/// Join nodes of ROS 2 that use rmw_zenoh
///
/// --connect: the Zenoh router of the ROS nodes, tcp/127.0.0.1:7447 by default; Nuncio's nodes are looked for there, too,
/// and on this machine and network as ever.
#[derive(Debug, Args)]
pub(crate) struct BridgeRos2 {
    #[command(flatten)]
    pub(crate) allow: BridgeAllow,
    /// ROS_DOMAIN_ID of the ROS nodes
    #[arg(
        long,
        value_name = "ID",
        env = "ROS_DOMAIN_ID",
        hide_env_values = true,
        default_value_t = 0
    )]
    pub(crate) ros_domain: u32,
    /// The Zenoh router of the ROS nodes, where it is another than --connect (repeatable)
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) ros_connect: Vec<String>,
    /// Be that router: ROS nodes connect to this process, at port 7447 unless --ros-listen says otherwise
    #[arg(long, conflicts_with = "ros_connect")]
    pub(crate) offer_router: bool,
    /// Listen here for ROS nodes (repeatable)
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) ros_listen: Vec<String>,
    #[command(flatten)]
    pub(crate) node: BridgeNode,
    #[command(flatten)]
    pub(crate) status: BridgeStatus,
}

/// What a face that clients connect to has in common with others.
#[derive(Debug, Args)]
pub(crate) struct BridgeServed {
    #[command(flatten)]
    pub(crate) allow: BridgeAllow,
    #[command(flatten)]
    pub(crate) door: BridgeDoor,
    #[command(flatten)]
    pub(crate) node: BridgeNode,
    #[command(flatten)]
    pub(crate) status: BridgeStatus,
}

/// Serve Foxglove and Lichtblick, on ws://127.0.0.1:8765
#[derive(Debug, Args)]
pub(crate) struct BridgeFoxglove {
    /// The port; 0 for any
    #[arg(long, default_value_t = 8765)]
    pub(crate) port: u16,
    /// Give topics as JSON with JSON schemas, for viewers that read no CDR
    #[arg(long)]
    pub(crate) as_json: bool,
    #[command(flatten)]
    pub(crate) served: BridgeServed,
}

/// Serve roslibjs, roslibpy and other clients of rosbridge, on ws://127.0.0.1:9090
#[derive(Debug, Args)]
pub(crate) struct BridgeRosbridge {
    /// The port; 0 for any
    #[arg(long, default_value_t = 9090)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) served: BridgeServed,
}

/// Serve programs of any language over gRPC, on 127.0.0.1:50051; reflection tells them how
#[derive(Debug, Args)]
pub(crate) struct BridgeGrpc {
    /// The port; 0 for any
    #[arg(long, default_value_t = 50051)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) served: BridgeServed,
}

fn node_name(text: &str) -> Result<NodeName, nuncio::name::NameError> {
    match text.starts_with('/') {
        true => NodeName::parse(text),
        false => NodeName::parse(&format!("/{text}")),
    }
}
