//! The rosbridge face: roslibjs, roslibpy, Lichtblick and whoever speaks the rosbridge protocol, version 2, over WebSocket.
//!
//! ```text
//! in    WebSocket -> frame_reading (bounded) -> op -> session -> inbound (rosbridge's JSON) -> Client
//! out   Tap -> subscriptions (throttle, queue) -> written_ops (once for all clients) -> outbox -> WebSocket
//! ```
//!
//! Clients stay as they are: what is Nuncio's own shows only to those who ask. A subscription with `"signed_by": true` gets the
//! signer beside `msg`; after `{"op":"set_level","level":"warning"}` a client is told of messages that were refused; where the
//! bridge demands a token, it may come as `Authorization: Bearer …`, as `?token=…`, or as `{"op":"auth","token":"…"}`.
//!
//! Web pages with a key of their own come to the same port, at `/nuncio`: see [`browser`].
//!
//! # Invariants
//!
//! - Whatever a client sends, it is answered to that client, and costs no more than its limits: the length of a message, of lists
//!   in it, and of all fragments that wait; the number of topics, services, goals and calls at a time.
//! - A client that does not read is disconnected after [`RosbridgeOptions::write_patience`]; until then its oldest messages are
//!   dropped.

mod calls;
mod connection;
mod fragments;
mod frame_reading;
mod goals;
mod inbound;
mod offered_actions;
mod offered_services;
mod op;
mod outbox;
mod png_text;
mod publications;
mod rosapi;
mod rosapi_graph;
mod rosapi_parameters;
mod rosapi_types;
mod server_op;
mod session;
mod subscriptions;
mod terms;
pub(crate) mod written_ops;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use nuncio::{Clock, ClockError};
use tokio::sync::Semaphore;

use crate::border::Border;
use crate::browser::{self, BrowserOptions};
use crate::front::{Front, FrontError, FrontOptions, Peer};
use crate::rules::Face;
use crate::socket_writer::SocketPatience;
use crate::visit::{Visit, turned_away};

/// How many messages that are long are read at a time, all clients together: each takes many times its length.
const LONG_READINGS: usize = 2;

/// Where and how the face serves.
#[derive(Clone, Debug)]
pub struct RosbridgeOptions {
    /// Where it listens, with or without TLS. 127.0.0.1:9090 by default.
    pub front: FrontOptions,
    /// The longest message of a client, in bytes, fragments put together. 10 000 000 by default, as rosbridge has it.
    pub max_message_len: usize,
    /// How long a fragment waits for those that are missing. 60 s by default.
    pub fragment_timeout: Duration,
    /// How long a call of a service takes at most, where the client does not say. 60 s by default.
    pub call_timeout: Duration,
    /// How long a client may take to read what it is sent. 20 s by default.
    pub write_patience: Duration,
    /// After how long a connection is closed on which nothing comes, not even answers to pings. 60 s by default.
    pub idle_patience: Duration,
}

impl Default for RosbridgeOptions {
    fn default() -> Self {
        Self {
            front: FrontOptions::at(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090)),
            max_message_len: 10_000_000,
            fragment_timeout: Duration::from_secs(60),
            call_timeout: Duration::from_secs(60),
            write_patience: Duration::from_secs(20),
            idle_patience: Duration::from_secs(60),
        }
    }
}

impl RosbridgeOptions {
    /// The same for pages that hold a key, which come to the same port.
    fn for_pages(&self) -> BrowserOptions {
        BrowserOptions {
            max_message_len: self.max_message_len,
            entry_patience: self.front.patience,
            patience: self.patience(),
        }
    }

    fn patience(&self) -> SocketPatience {
        SocketPatience {
            write: self.write_patience,
            idle: self.idle_patience,
        }
    }
}

/// What all connections share.
pub(crate) struct Shared {
    border: Border,
    options: RosbridgeOptions,
    /// Kept for `/rosapi/get_time`, so that the bridge's node has a clock, and `use_sim_time`, for as long as the face serves.
    _clock: Clock,
    /// To be held while a long message is read.
    long_readings: Arc<Semaphore>,
}

/// Serves clients until it is dropped; `ready` is called with where it listens.
///
/// # Errors
///
/// [`RosbridgeError`] when it cannot listen.
pub async fn serve(
    border: Border,
    options: RosbridgeOptions,
    ready: impl FnOnce(crate::Ready),
) -> Result<(), RosbridgeError> {
    let clock = border.node().clock().map_err(RosbridgeError::Clock)?;
    let front = Front::bind(&options.front, &["http/1.1"])
        .await
        .map_err(RosbridgeError::Front)?;
    let scheme = if front.is_tls() { "wss" } else { "ws" };
    let address = format!("{scheme}://{}", front.address());
    let shared = Arc::new(Shared {
        border,
        options,
        _clock: clock,
        long_readings: Arc::new(Semaphore::new(LONG_READINGS)),
    });
    let pages = browser::routes(shared.border.clone(), shared.options.for_pages());
    let app = Router::new().route("/", any(connect)).with_state(shared).merge(pages);
    ready(crate::Ready {
        face: Face::Rosbridge.as_str(),
        address,
    });
    let served = axum::serve(front, app.into_make_service_with_connect_info::<Peer>()).await;
    served.map_err(RosbridgeError::Serve)
}

/// A client's handshake. One that brings a wrong token is turned away; one that brings none may still bring it.
async fn connect(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    visit: Visit,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(no_websocket) => return no_websocket.into_response(),
    };
    let role = match visit.enter(&shared.border, Face::Rosbridge) {
        Ok(role) => role,
        Err(error) => return turned_away(&error),
    };
    let len = shared.options.max_message_len;
    upgrade
        .max_message_size(len)
        .max_frame_size(len)
        .on_upgrade(move |socket| connection::run(socket, shared, peer, role))
}

/// Why the face does not serve.
#[derive(Debug)]
#[non_exhaustive]
pub enum RosbridgeError {
    /// It cannot listen.
    Front(FrontError),
    /// The bridge's node has no clock.
    Clock(ClockError),
    /// It no longer gets connections.
    Serve(std::io::Error),
}

impl fmt::Display for RosbridgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Front(error) => fmt::Display::fmt(error, f),
            Self::Clock(error) => write!(f, "the bridge's node has no clock: {error}"),
            Self::Serve(error) => write!(f, "rosbridge clients are no longer served: {error}"),
        }
    }
}

impl std::error::Error for RosbridgeError {}
