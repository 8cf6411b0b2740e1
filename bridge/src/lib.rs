//! The border: verified Nuncio topics on one side, other people's protocols on the other.
//!
//! ```text
//! out   Received -> OutMessage (transcoded once) -> Tap (a bounded queue) -> face -> foreign frame
//! in    foreign frame -> face -> Entry (role, route, rate, limits of the type) -> signed with the bridge's key, origin noted
//! bag   Verified -> bag -> MCAP with the proof in it
//! ```
//!
//! A [`Border`] is one node and what may cross: [`Rules`] say which topics and services, in which direction, under which name,
//! and for whom. Each foreign protocol is a *face*; whoever uses one is a [`Client`], and everything that a face does goes through
//! it. So a face translates frames and nothing else: it cannot reach a topic that its client's role does not have.
//!
//! # Invariants
//!
//! - Nothing crosses that no route names, and nothing that was not verified leaves: an [`OutMessage`] is made of a verified
//!   message only.
//! - What enters is signed with the bridge's own key, within its role, and its origin says on whose behalf: `<face>:<who>`.
//!   Pages with a key of their own sign for themselves, and the bridge passes that on: see [`browser`].
//! - A client that does not read harms nobody: its queues are bounded, the oldest messages are dropped and counted.

pub mod action_ends;
pub mod bag;
pub mod border;
pub mod border_error;
pub mod bridge_type;
pub mod browser;
mod byte_room;
pub mod client;
pub mod config;
pub mod entry;
pub mod filter;
pub mod foxglove;
pub mod front;
pub mod grpc;
pub mod origin;
pub mod out_message;
pub mod report;
pub mod role;
pub mod ros2;
pub mod rosbridge;
pub mod rules;
pub mod service_ends;
mod socket_writer;
pub mod status_page;
pub mod tap;
mod topic_source;
mod turns;
pub mod type_library;
mod visit;

pub use action_ends::{ActionLine, ActionOffer, BridgeActionType, OfferedAction};
pub use border::{Border, RefusalNotice, TurnedAway};
pub use border_error::BorderError;
pub use bridge_type::{Body, BridgeServiceType, BridgeType};
pub use client::{Client, ServiceOffer, TopicOffer};
pub use config::{BridgeConfig, ConfigError, Ros2Config};
pub use entry::Entry;
pub use front::{Front, FrontError, FrontOptions, FrontStream, Peer, TlsPair};
pub use origin::{Origin, OriginError};
pub use out_message::OutMessage;
pub use report::{BorderReport, ClientReport, TopicReport};
pub use role::{ClientRole, RoleLimits, Token, TokenError};
pub use rules::{Direction, Face, Route, Rules};
pub use service_ends::{Called, OfferedRequest, OfferedService};
pub use tap::{Tap, TapOptions};
pub use type_library::TypeLibrary;

/// A face serves now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ready {
    /// Which one.
    pub face: &'static str,
    /// Where.
    pub address: String,
}
