//! The Foxglove face: verified topics in Foxglove and Lichtblick, over Foxglove's WebSocket protocol.
//!
//! ```text
//! door      HTTP request -> subprotocol, token, room -> session
//! session   what the viewer sends -> subscribe, publish, call, parameters, graph
//! out       tap (bounded, drops counted) -> subscriptions -> outbox -> viewer
//! in        viewer -> publications -> entry (role, route, limits) -> signed with the bridge's key
//! telling   graph, refusals -> channels, services, statuses -> outbox
//! ```
//!
//! # What a viewer sees
//!
//! - Each topic that its role may subscribe to is a channel with the schema of its publishers: `ros2msg` and CDR, which all panels
//!   know, or `jsonschema` and JSON on request. The topic is subscribed to while somebody looks.
//! - `/nuncio/signers` says who signed what it was shown, as diagnostics, and what was refused. A refusal is also a status, which
//!   viewers list as a problem.
//! - Both subprotocols are spoken, `foxglove.sdk.v1` and `foxglove.websocket.v1`: their messages are the same. The newer one has
//!   some that older viewers do not know; of these, ids of statuses and failures of service calls are sent to both, and viewers
//!   that do not know them report an unknown message and go on.
//!
//! # What it does not do
//!
//! No assets, no playback, no schema tables (`foxglove.sdk.v1.1`).

mod channels;
mod complaints;
mod connection_graph;
mod door;
mod face_time;
mod known;
mod outbox;
mod parameter_calls;
mod parameters;
mod publications;
mod services;
mod session;
mod signers;
mod subscriptions;
mod telling;
mod wire;

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nuncio::msgs::rcl_interfaces::msg::ParameterEvent;
use nuncio::{ClockError, SubscriberError};
use tokio::sync::{broadcast, watch};

use self::channels::Encoding;
use self::face_time::FaceTime;
use self::parameter_calls::ParameterChanges;
use crate::Ready;
use crate::border::Border;
use crate::front::{Front, FrontError, FrontOptions, Peer};

/// The port that viewers look for.
const PORT: u16 = 8765;

/// How the face is set up.
#[derive(Clone, Debug)]
pub struct FoxgloveOptions {
    /// Where it listens, with TLS or without.
    pub front: FrontOptions,
    /// Topics as JSON with JSON schemas, for viewers that read no CDR.
    pub json: bool,
    /// How many messages of a topic wait for a viewer.
    pub queue: usize,
    /// How long a viewer's call of a service waits for its response.
    pub call_timeout: Duration,
    /// The distribution of ROS 2 that viewers take this for.
    pub ros_distro: String,
}

impl Default for FoxgloveOptions {
    fn default() -> Self {
        Self {
            front: FrontOptions::at((Ipv4Addr::LOCALHOST, PORT).into()),
            json: false,
            queue: 32,
            call_timeout: Duration::from_secs(10),
            ros_distro: "jazzy".to_owned(),
        }
    }
}

/// What all viewers share.
struct ViewerFace {
    border: Border,
    encoding: Encoding,
    queue: usize,
    call_timeout: Duration,
    ros_distro: String,
    time: FaceTime,
    parameter_changes: Mutex<Option<ParameterChanges>>,
    /// Ends with the face, and ends the visits of all viewers.
    open: watch::Receiver<()>,
}

impl ViewerFace {
    /// Changes of parameters, heard from the first time on that a viewer wants them.
    fn parameter_changes(&self) -> Result<broadcast::Receiver<Arc<ParameterEvent>>, SubscriberError> {
        let mut heard = self.parameter_changes.lock().unwrap_or_else(PoisonError::into_inner);
        match &*heard {
            Some(changes) => Ok(changes.listen()),
            None => {
                let changes = heard.insert(ParameterChanges::begin(self.border.node())?);
                Ok(changes.listen())
            }
        }
    }
}

/// Why the face cannot serve.
#[derive(Debug)]
#[non_exhaustive]
pub enum FoxgloveError {
    /// It cannot listen.
    Front(FrontError),
    /// The bridge's node has no clock.
    Clock(ClockError),
    /// The door has gone.
    Serve(std::io::Error),
}

impl fmt::Display for FoxgloveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Front(error) => error.fmt(f),
            Self::Clock(error) => write!(f, "the bridge's node has no clock: {error}"),
            Self::Serve(error) => write!(f, "viewers cannot be served any more: {error}"),
        }
    }
}

impl std::error::Error for FoxgloveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Front(error) => Some(error),
            Self::Clock(error) => Some(error),
            Self::Serve(error) => Some(error),
        }
    }
}

/// Serves viewers until it is dropped.
///
/// # Errors
///
/// [`FoxgloveError`] when it cannot begin.
pub async fn serve(border: Border, options: FoxgloveOptions, ready: impl FnOnce(Ready)) -> Result<(), FoxgloveError> {
    let time = FaceTime::new(border.node().clock().map_err(FoxgloveError::Clock)?);
    let front = Front::bind(&options.front, &["http/1.1"])
        .await
        .map_err(FoxgloveError::Front)?;
    let (_open, open) = watch::channel(());
    let scheme = if front.is_tls() { "wss" } else { "ws" };
    let address = format!("{scheme}://{}", front.address());
    let face = Arc::new(ViewerFace {
        border,
        encoding: if options.json { Encoding::Json } else { Encoding::Cdr },
        queue: options.queue,
        call_timeout: options.call_timeout,
        ros_distro: options.ros_distro,
        time,
        parameter_changes: Mutex::default(),
        open,
    });
    ready(Ready {
        face: "foxglove",
        address,
    });
    let service = door::router(face).into_make_service_with_connect_info::<Peer>();
    axum::serve(front, service).await.map_err(FoxgloveError::Serve)
}
