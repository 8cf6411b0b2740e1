//! What the commands below `service` and `action` print as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::message::MessageText;
use super::topic::TypeAndHash;

/// A type of a service.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ServiceType<'a> {
    /// The service's name.
    pub(crate) service: &'a str,
    /// The type's name, such as `std_srvs/srv/SetBool`; null where nobody names one.
    #[serde(rename = "type")]
    pub(crate) type_name: Option<&'a str>,
    /// The type's hash (RIHS01).
    pub(crate) type_hash: Option<String>,
}

/// A service that nodes serve or call.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ServiceListed<'a> {
    #[serde(flatten)]
    pub(crate) of: ServiceType<'a>,
    /// Whether nodes mean different types by it.
    pub(crate) types_differ: bool,
    /// How many servers it has.
    pub(crate) servers: usize,
    /// How many clients it has.
    pub(crate) clients: usize,
}

/// A type of an action.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ActionType<'a> {
    /// The action's name.
    pub(crate) action: &'a str,
    /// The type's name, such as `example_interfaces/action/Fibonacci`; null where nobody names one.
    #[serde(rename = "type")]
    pub(crate) type_name: Option<&'a str>,
    /// The hash (RIHS01) of the service that sends goals, by which cards name the type.
    pub(crate) send_goal_hash: Option<String>,
}

/// An action that nodes serve or send goals to.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ActionListed<'a> {
    #[serde(flatten)]
    pub(crate) of: ActionType<'a>,
    /// Whether nodes mean different types by it.
    pub(crate) types_differ: bool,
    /// How many servers it has.
    pub(crate) servers: usize,
    /// How many clients it has.
    pub(crate) clients: usize,
}

/// Who serves a service and who calls it.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ServiceDetails<'a> {
    /// The service's name.
    pub(crate) service: &'a str,
    /// The types that nodes name for it.
    pub(crate) types: Vec<TypeAndHash<'a>>,
    /// Whether there is more than one type.
    pub(crate) types_differ: bool,
    /// Who serves it.
    pub(crate) servers: Vec<ServiceEnd<'a>>,
    /// Who calls it.
    pub(crate) clients: Vec<ServiceEnd<'a>>,
}

/// One end of a service.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ServiceEnd<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The node's key, `did:key:…`.
    pub(crate) key: String,
    /// Whether the node shows a card that this key has signed.
    pub(crate) verified: bool,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The type's hash (RIHS01).
    pub(crate) type_hash: String,
}

/// Who has signed something, and when.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct SignedBy {
    /// The key that has signed it, `did:key:…`.
    pub(crate) signer: String,
    /// Always true: what is not verified is not shown.
    pub(crate) verified: bool,
    /// The signer's node.
    pub(crate) node: String,
    /// What the trust policy says of the signer, such as `pinned`.
    pub(crate) verdict: &'static str,
    /// When it was signed, by the signer's clock, in nanoseconds since 1970.
    pub(crate) stamp_ns: i64,
    /// Its id: 32 hexadecimal digits.
    pub(crate) id: String,
}

/// A verified response.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ServiceResponse<'a> {
    /// The service.
    pub(crate) service: &'a str,
    /// The service's type.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    #[serde(flatten)]
    pub(crate) signed: SignedBy,
    /// The id of the request that it answers.
    pub(crate) request_id: Option<String>,
    pub(crate) response: MessageText,
}

/// Who serves an action and who sends goals to it.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ActionDetails<'a> {
    /// The action's name.
    pub(crate) action: &'a str,
    /// The types that nodes name for it.
    pub(crate) types: Vec<ActionTypeAndHash<'a>>,
    /// Whether there is more than one type.
    pub(crate) types_differ: bool,
    /// Who serves it.
    pub(crate) servers: Vec<ActionEnd<'a>>,
    /// Who sends goals to it.
    pub(crate) clients: Vec<ActionEnd<'a>>,
}

/// A type of an action with the hash by which cards name it.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ActionTypeAndHash<'a> {
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The hash (RIHS01) of the service that sends goals.
    pub(crate) send_goal_hash: String,
}

/// One end of an action.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ActionEnd<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The node's key, `did:key:…`.
    pub(crate) key: String,
    /// Whether the node shows a card that this key has signed.
    pub(crate) verified: bool,
    /// The type of the service that sends goals.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The hash (RIHS01) of that service.
    pub(crate) send_goal_hash: String,
    /// The goals of a server; null of a client, and of a server that has not told in time.
    pub(crate) goals: Option<Vec<GoalDetails>>,
}

/// A goal.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct GoalDetails {
    /// Its id.
    pub(crate) goal_id: String,
    /// Such as `executing` or `succeeded`.
    pub(crate) state: &'static str,
}

/// Which goal something is about, and what has happened.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct GoalFacts<'a> {
    /// The action.
    pub(crate) action: &'a str,
    /// The action's type.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The goal's id.
    pub(crate) goal_id: String,
    /// `accepted`, `feedback` or `result`.
    pub(crate) event: &'static str,
}

/// The goal was accepted.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct GoalAccepted<'a> {
    #[serde(flatten)]
    pub(crate) goal: GoalFacts<'a>,
    /// The server's node.
    pub(crate) node: &'a str,
}

/// Feedback of the server.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct GoalFeedback<'a> {
    #[serde(flatten)]
    pub(crate) goal: GoalFacts<'a>,
    #[serde(flatten)]
    pub(crate) signed: SignedBy,
    pub(crate) feedback: MessageText,
}

/// The result.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct GoalResult<'a> {
    #[serde(flatten)]
    pub(crate) goal: GoalFacts<'a>,
    /// How it ended: `succeeded`, `canceled` or `aborted`.
    pub(crate) state: &'static str,
    #[serde(flatten)]
    pub(crate) signed: SignedBy,
    pub(crate) result: MessageText,
}

/// A goal that is being canceled.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct GoalCanceling<'a> {
    /// The action.
    pub(crate) action: &'a str,
    /// The server's node.
    pub(crate) node: &'a str,
    /// The server's key.
    pub(crate) key: String,
    /// The goal's id.
    pub(crate) goal_id: String,
    /// Always `canceling`.
    pub(crate) state: &'static str,
}
