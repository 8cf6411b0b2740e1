//! What the commands below `bridge` print as JSON.

use nuncio_bridge::BorderReport;
use nuncio_bridge::ros2::Ros2Status;
use schemars::JsonSchema;
use serde::Serialize;

use super::named::Named;

/// Everything is there: the first line.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeReady<'a> {
    /// Always `ready`.
    pub(crate) event: &'static str,
    /// The faces that are served, and where.
    pub(crate) faces: Vec<BridgeFace<'a>>,
    /// The bridge's node.
    pub(crate) node: &'a str,
    /// The key that signs what comes in, `did:key:…`.
    pub(crate) key: String,
    /// What may cross, such as `/cmd_vel in`.
    pub(crate) routes: Vec<String>,
}

/// A face and its address.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeFace<'a> {
    /// Such as `foxglove`.
    pub(crate) face: &'a str,
    /// Where it is served.
    pub(crate) address: String,
}

/// A message was refused.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeRefused<'a> {
    /// Always `refused`.
    pub(crate) event: &'static str,
    /// The topic.
    pub(crate) topic: &'a str,
    /// The reason, such as `BadSignature`.
    pub(crate) reason: &'static str,
    /// What was expected and what was found.
    pub(crate) detail: &'a str,
    /// What to do about it.
    pub(crate) remedy: &'static str,
}

/// A client was turned away.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeTurnedAway<'a> {
    /// Always `turned_away`.
    pub(crate) event: &'static str,
    /// The face.
    pub(crate) face: &'a str,
    /// Why.
    pub(crate) detail: String,
}

/// What the ROS 2 face tells.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeRos2<'a> {
    #[serde(flatten)]
    pub(crate) status: &'a Ros2Status,
    /// Always `ros2`.
    pub(crate) face: &'static str,
}

/// What goes on, when something has changed.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeStatus<'a> {
    /// Always `status`.
    pub(crate) event: &'static str,
    /// Clients, topics and counters.
    pub(crate) report: &'a BorderReport,
}

/// A configuration that is right.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeConfigGood<'a> {
    /// Always true.
    pub(crate) ok: bool,
    /// The file.
    pub(crate) file: String,
    /// The faces that it serves, and where.
    pub(crate) faces: Vec<BridgeFace<'a>>,
    /// The routes, in words, the first one first.
    pub(crate) routes: Vec<String>,
    /// The roles for which there are tokens.
    pub(crate) roles: Vec<String>,
    /// The pages that are let in.
    pub(crate) origins: Vec<&'a str>,
    /// What should be known of it.
    pub(crate) warnings: &'a [String],
    /// How the topics cross that were asked about.
    pub(crate) topics: Vec<BridgeCrossing<'a>>,
}

/// How a topic crosses.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeCrossing<'a> {
    /// The topic on Nuncio's side.
    pub(crate) topic: &'a str,
    /// Face by face.
    pub(crate) faces: Named<BridgeForeignNames>,
}

/// The topic's names on the foreign side.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeForeignNames {
    /// The name by which clients subscribe; null if they may not.
    pub(crate) out: Option<String>,
    /// The name by which clients publish; null if they may not.
    #[serde(rename = "in")]
    pub(crate) inward: Option<String>,
}

/// A configuration that is wrong.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct BridgeConfigBad<'a> {
    /// Always false.
    pub(crate) ok: bool,
    /// The file.
    pub(crate) file: String,
    /// Everything that is wrong with it.
    pub(crate) problems: &'a [String],
}
