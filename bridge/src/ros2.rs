//! The ROS 2 face: signed topics and services for unmodified nodes that speak rmw_zenoh, and theirs for Nuncio.
//!
//! ```text
//! tokens of ROS -> ros_graph ┐
//! cards of Nuncio -> native_ends ┴-> plan -> outbound, inbound, outbound_service, inbound_service
//! out   Tap -> OutMessage (CDR) -> attachment, id of the mirrored node -> session
//! in    session -> backlog -> id -> node of ROS -> Entry (checked, signed) -> Nuncio
//! ```
//!
//! Actions need nothing of their own: on both sides they are three services and two topics of the same names and types.
//!
//! # What nodes of ROS see, and what they do not
//!
//! - Each node of Nuncio whose messages or services go out is a node of its own name there (see `mirror`); what comes in is
//!   subscribed to and called by the bridge's node, `/nuncio_bridge_` and the first digits of its key.
//! - Two bridges between the same networks let everything cross once: one leads, the other stands by (see `plan`). When one
//!   takes over, subscribers of a latched topic get its last message again. What two that begin at the same moment would both
//!   send is kept from crossing by the time that each gives the other to be seen.
//! - ROS has no error replies: where a call fails, its caller waits until its own timeout, and the bridge says why.
//! - Messages without the 33 bytes of rmw_zenoh beside them are not passed on. What a node of ROS is called is its own word:
//!   nobody signs there, so whoever may reach the ROS network may speak as any of its nodes.
//! - A topic that only clients of the bridge's other faces publish on, and that nodes of ROS publish on as well, does not go
//!   out: it looks as if the bridge gave ROS its own messages back.
//! - What goes out is CDR, which nobody has signed. On request it carries the proof of its original signer for those who look
//!   (see [`proof`]); nodes of ROS do not see that.
//!
//! # Reading order
//!
//! [`data_key`] → [`qos_chunk`] → [`token`] → [`gid`] → [`attachment`] → `ros_graph` → `native_ends` → `plan` → this file →
//! `outbound` → `inbound` → `mirror`. Proofs: [`proof`] → `proof_publisher` → `card_desk` → [`signed_reader`] → `signed_reading` →
//! `shown_pairs`.
//!
//! # What others' crates would have given
//!
//! `hiroz-protocol` has the same texts, but takes ids from SHA-256, has no enclaves and refuses a QoS chunk without a depth;
//! what rmw_zenoh writes is read here whole. CDR is the run-time codec's.

pub mod attachment;
mod backlog;
mod card_desk;
mod complaints;
pub mod data_key;
mod describing;
pub mod gid;
mod inbound;
mod inbound_service;
mod mirror;
mod native_ends;
mod outbound;
mod outbound_service;
mod plan;
pub mod proof;
mod proof_publisher;
pub mod qos_chunk;
mod ros_graph;
mod session;
mod session_settings;
mod shown_pairs;
mod side;
pub mod signed_reader;
mod signed_reading;
pub mod status;
pub mod token;
mod traffic;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, oneshot};
use tokio::task::JoinSet;

pub use self::proof::Proof;
pub use self::session::SessionError;
pub use self::signed_reader::{SignedMessage, SignedReader, SignedReaderOptions};
pub use self::status::Ros2Status;

use self::session::RosSession;
use self::side::RosSide;
use self::traffic::Traffic;
use crate::Ready;
use crate::border::Border;
use crate::border_error::BorderError;
use crate::role::{ClientRole, RoleLimits};
use crate::rules::Face;

/// How many statuses wait for whoever shows them.
const STATUSES_KEPT: usize = 1024;

/// How long a start waits for a router to answer, and for what it tells of who is there.
const ROUTER_PATIENCE: Duration = Duration::from_secs(2);

/// Tokens of those who are there come within this time.
const TOKENS_PATIENCE: Duration = Duration::from_millis(300);

/// How many tokens that are none are told of.
const BAD_TOKENS_TOLD: u32 = 16;

/// What the whole network of ROS may do, all its nodes together.
const LIMITS: RoleLimits = RoleLimits {
    in_per_second: 1_000_000,
    message_len_max: 64 << 20,
    taps_max: 16_384,
    queue_max: 1024,
    queue_bytes_max: 256 << 20,
};

/// How the face finds the network of ROS.
#[derive(Clone, Debug)]
pub struct Ros2Options {
    /// Endpoints to connect to, such as `tcp/127.0.0.1:7447`. None: the router of this machine.
    pub connect: Vec<String>,
    /// Endpoints to listen on.
    pub listen: Vec<String>,
    /// `ROS_DOMAIN_ID`.
    pub domain: u32,
    /// Whether the bridge is the router that nodes of ROS look for, on port 7447 unless `listen` says otherwise.
    pub offer_router: bool,
    /// Whether what goes out carries the proof of its signer; see [`proof`].
    pub proof: Proof,
    /// Where the face says what happens; see [`Ros2Status`].
    pub statuses: broadcast::Sender<Ros2Status>,
}

impl Default for Ros2Options {
    fn default() -> Self {
        Self {
            connect: Vec::new(),
            listen: Vec::new(),
            domain: 0,
            offer_router: false,
            proof: Proof::None,
            statuses: broadcast::Sender::new(STATUSES_KEPT),
        }
    }
}

/// Serves until it is dropped.
///
/// # Errors
///
/// [`Ros2Error`] when an endpoint is none or taken, or there is no room for the face at the border.
pub async fn serve(border: Border, options: Ros2Options, ready: impl FnOnce(Ready)) -> Result<(), Ros2Error> {
    let (tell, told) = oneshot::channel();
    // Zenoh may be waited for in threads of the runtime only, which a caller's own set of tasks need not be.
    let mut serving = JoinSet::new();
    serving.spawn(run(border, options, tell));
    if let Ok(there) = told.await {
        ready(there);
    }
    match serving.join_next().await {
        Some(Ok(ended)) => ended,
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Some(Err(_)) | None => Ok(()),
    }
}

async fn run(border: Border, options: Ros2Options, ready: oneshot::Sender<Ready>) -> Result<(), Ros2Error> {
    let session = RosSession::open(&options.connect, &options.listen, options.offer_router).await?;
    let role = ClientRole {
        limits: LIMITS,
        ..ClientRole::everything("ros2")
    };
    let client = border.admit(Face::Ros2, "ros2", Arc::new(role))?;
    let of_ros = (options.domain, options.proof);
    let side = Arc::new(RosSide::new(client, session, of_ros, options.statuses.clone()));
    let changed = Arc::new(Notify::new());
    let _watching = watch_tokens(&side, &changed)?;
    let _passing_on = card_desk::serve(&side)?;
    let own = mirror::mirror_of(&side, border.node().name())?;
    wait_for_router(&side, &options).await;
    let there = Ready {
        face: Face::Ros2.as_str(),
        address: format!(
            "{} as {}",
            side.session.locators().await.join(" "),
            own.node.name.as_str()
        ),
    };
    // Whoever asked may have gone.
    let _ = ready.send(there);
    Traffic::new(Arc::clone(&side), changed).run().await;
    side.session.close().await;
    Ok(())
}

fn watch_tokens(side: &Arc<RosSide>, changed: &Arc<Notify>) -> Result<session::Declared, SessionError> {
    let (weak, changed) = (Arc::downgrade(side), Arc::clone(changed));
    let bad = std::sync::atomic::AtomicU32::new(0);
    side.session
        .watch_tokens(token::EVERY_TOKEN, move |key_expr, is_there| {
            let Some(side) = weak.upgrade() else { return };
            let applied = side.graph_mut().apply(key_expr, is_there);
            match applied {
                Ok(()) => changed.notify_one(),
                Err(error) if bad.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < BAD_TOKENS_TOLD => {
                    side.tell(Ros2Status::BadToken {
                        token: key_expr.chars().take(200).collect(),
                        problem: error.to_string(),
                    });
                }
                Err(_) => {}
            }
        })
}

/// Gives who is there time to be seen, and says when nobody is.
async fn wait_for_router(side: &RosSide, options: &Ros2Options) {
    let expects_one = !options.offer_router && (options.listen.is_empty() || !options.connect.is_empty());
    if expects_one {
        let connected = async {
            while side.session.neighbours().await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(ROUTER_PATIENCE, connected).await.is_err() {
            let endpoints = match options.connect.as_slice() {
                [] => vec![session_settings::ROUTER_DEFAULT.to_owned()],
                given => given.to_vec(),
            };
            side.tell(Ros2Status::NoRouter { endpoints });
        }
    }
    tokio::time::sleep(TOKENS_PATIENCE).await;
}

/// Why the face does not serve.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ros2Error {
    /// The session with ROS could not be opened.
    Session(SessionError),
    /// The border does not let the face in.
    Border(BorderError),
}

impl From<SessionError> for Ros2Error {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<BorderError> for Ros2Error {
    fn from(error: BorderError) -> Self {
        Self::Border(error)
    }
}

impl fmt::Display for Ros2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::Border(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Ros2Error {}
