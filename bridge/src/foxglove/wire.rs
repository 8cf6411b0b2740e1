//! The messages of Foxglove's WebSocket protocol, from Foxglove's own crate.
//!
//! The crate's server is not used, its messages are: that server knows no tokens, so that its loopback port would let in every
//! user of the machine; it drops messages for slow clients without counting them, and it queues them by number and not by size.

pub(super) use foxglove::websocket::{Parameter, ParameterType, ParameterValue};
pub(super) use foxglove::ws_protocol::client::{self, ClientMessage};
pub(super) use foxglove::ws_protocol::schema::Schema;
pub(super) use foxglove::ws_protocol::server::advertise_services::{MessageSchema, Service};
pub(super) use foxglove::ws_protocol::server::connection_graph_update::{
    AdvertisedService, PublishedTopic, SubscribedTopic,
};
pub(super) use foxglove::ws_protocol::server::server_info::Capability;
pub(super) use foxglove::ws_protocol::server::status::Level;
pub(super) use foxglove::ws_protocol::server::{
    Advertise, AdvertiseServices, Channel, ConnectionGraphUpdate, FetchAssetResponse, MessageData, ParameterValues,
    ServerInfo, ServiceCallFailure, ServiceCallResponse, Status, Time, Unadvertise, UnadvertiseServices,
};
pub(super) use foxglove::ws_protocol::{BinaryMessage, JsonMessage};

/// The subprotocol of today's viewers.
pub(super) const SDK_V1: &str = "foxglove.sdk.v1";
/// The subprotocol of older ones. Its messages are the same.
pub(super) const WEBSOCKET_V1: &str = "foxglove.websocket.v1";
