//! The gRPC face: for programs in any language that are no robots.
//!
//! ```text
//! connection -> guest (token -> client) -> service -> subscription, publishing, calling, topology, type_facts, statistics
//! ```
//!
//! The service is `nuncio.bridge.v1.Bridge`, see `bridge/proto/nuncio/bridge/v1/bridge.proto`; its messages and the code of
//! both ends are made when this crate is built. Server reflection tells the same at run time, so that `grpcurl` and any
//! language work without the file.
//!
//! A client is one connection with one token. Messages are JSON, CDR, or protobuf by the .proto files that `GetType` gives;
//! the codec for protobuf is the run-time one, so that no type has to be known when the bridge is built.
//!
//! Nothing waits for a client: what it does not take is dropped by its taps, and it is told so in its own stream.

mod calling;
mod guest;
mod messages;
mod publishing;
mod refusing;
mod selection;
mod service;
mod statistics;
mod subscription;
mod topology;
mod type_facts;

/// The messages of the service and the code of both ends, as they are made from the .proto file.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::indexing_slicing,
    clippy::use_self,
    clippy::wildcard_imports,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    reason = "it is generated"
)]
pub mod wire {
    tonic::include_proto!("nuncio.bridge.v1");

    /// The .proto file and what it imports, compiled: a `google.protobuf.FileDescriptorSet`.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/bridge.binpb"));
}

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::stream;
use tonic::service::InterceptorLayer;
use tonic::transport::Server;

use self::guest::{Connection, GrpcStream, admit};
use self::service::BridgeService;
use self::wire::bridge_server::BridgeServer;
use crate::Ready;
use crate::border::Border;
use crate::front::{Front, FrontError, FrontOptions};

/// How often a quiet connection is asked whether it is still there, and how long it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// The largest list of headers of a request, in bytes.
const HEADERS_LEN_MAX: u32 = 16 << 10;

/// How many requests of one connection, which are reset before they are read, are put up with.
const RESETS_MAX: usize = 64;

/// How the face serves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GrpcOptions {
    /// Where it listens, and with which certificates.
    pub front: FrontOptions,
    /// The largest request that is read, in bytes.
    pub request_len_max: usize,
    /// How many requests and streams of one connection there may be at a time.
    pub streams_max: u32,
}

impl GrpcOptions {
    /// At this address, with requests of at most 16 MiB and 256 of them at a time.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            front: FrontOptions::at(address),
            request_len_max: 16 << 20,
            streams_max: 256,
        }
    }
}

impl Default for GrpcOptions {
    /// On port 50051 of this machine.
    fn default() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 50051).into())
    }
}

/// Serves until it is dropped. `ready` is called once clients can come.
///
/// # Errors
///
/// [`GrpcError`] when the address or the certificates are not to be had.
pub async fn serve(border: Border, options: GrpcOptions, ready: impl FnOnce(Ready)) -> Result<(), GrpcError> {
    let front = Front::bind(&options.front, &["h2"]).await.map_err(GrpcError::Front)?;
    let scheme = if front.is_tls() { "https" } else { "http" };
    let address = format!("{scheme}://{}", front.address());
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(wire::DESCRIPTORS);
    let described = reflection()
        .build_v1()
        .map_err(|error| GrpcError::Serve(error.into()))?;
    // What most clients still ask for.
    let described_before = reflection()
        .build_v1alpha()
        .map_err(|error| GrpcError::Serve(error.into()))?;
    let service = BridgeServer::new(BridgeService).max_decoding_message_size(options.request_len_max);
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .http2_max_header_list_size(HEADERS_LEN_MAX)
        .http2_max_pending_accept_reset_streams(Some(RESETS_MAX))
        .max_concurrent_streams(options.streams_max)
        .layer(InterceptorLayer::new(admit))
        .add_service(service)
        .add_service(described)
        .add_service(described_before);
    let incoming = stream::unfold(front, move |mut front| {
        let border = border.clone();
        async move {
            let (stream, peer) = front.next().await;
            let connection = Connection::new(border, peer);
            Some((Ok::<_, io::Error>(GrpcStream::new(stream, connection)), front))
        }
    });
    ready(Ready { face: "grpc", address });
    let served = server.serve_with_incoming(incoming).await;
    served.map_err(|error| GrpcError::Serve(error.into()))
}

/// Why the face does not serve.
#[derive(Debug)]
#[non_exhaustive]
pub enum GrpcError {
    /// It cannot listen.
    Front(FrontError),
    /// It has stopped serving.
    Serve(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for GrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Front(error) => error.fmt(f),
            Self::Serve(error) => write!(f, "gRPC is not served any more: {error}"),
        }
    }
}

impl std::error::Error for GrpcError {}
