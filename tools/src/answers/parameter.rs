//! What the commands below `param`, `lifecycle` and `state`, and `log`, print as JSON.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::message::Message;

/// A parameter of a node.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ParameterListed<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The parameter's name.
    pub(crate) name: &'a str,
    /// Its type, where `--param-type` asks for it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) value_type: Option<String>,
}

/// The value of a parameter.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ParameterGot<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The parameter's name.
    pub(crate) name: &'a str,
    /// Its type, such as `double`.
    #[serde(rename = "type")]
    pub(crate) value_type: String,
    /// Its value; null if it has none. Numbers that JSON has no words for are `NaN`, `Infinity` and `-Infinity`.
    pub(crate) value: Value,
}

/// A parameter that was set, or deleted.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ParameterWasSet<'a> {
    #[serde(flatten)]
    pub(crate) parameter: ParameterGot<'a>,
    /// Always true: if one cannot be set, none is, and the command fails.
    pub(crate) successful: bool,
}

/// What a parameter is for.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ParameterDescribed<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The parameter's name.
    pub(crate) name: &'a str,
    /// Its type, such as `double`.
    #[serde(rename = "type")]
    pub(crate) value_type: String,
    /// What it is for.
    pub(crate) description: &'a str,
    /// Further rules for its values, in words.
    pub(crate) additional_constraints: &'a str,
    /// Whether it can be set at the start of the node only.
    pub(crate) read_only: bool,
    /// Whether its type may change.
    pub(crate) dynamic_typing: bool,
    /// Which numbers it may have; null for any.
    pub(crate) range: Option<ParameterRangeDescribed>,
}

/// Which numbers a parameter may have.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub(crate) enum ParameterRangeDescribed {
    /// Of integers.
    Integer {
        /// The least one.
        from: i64,
        /// The greatest one.
        to: i64,
        /// From one to the next; 0: any.
        step: u64,
    },
    /// Of numbers.
    Double {
        /// The least one.
        from: f64,
        /// The greatest one.
        to: f64,
        /// From one to the next; 0: any.
        step: f64,
    },
}

/// All parameters of a node that have a value.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ParametersDumped<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The values, by name.
    pub(crate) parameters: Map<String, Value>,
}

/// A managed node.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ManagedNode<'a> {
    /// Its name.
    pub(crate) node: &'a str,
}

/// How many managed nodes there are, with `--count-nodes`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ManagedNodes {
    /// How many.
    pub(crate) nodes: usize,
}

/// The state of a managed node.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ManagedState<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The state, such as `active`.
    pub(crate) state: &'a str,
    /// The state's number.
    pub(crate) id: u8,
    /// The key that has signed the answer, `did:key:…`.
    pub(crate) signer: String,
    /// Always true: what is not verified is not shown.
    pub(crate) verified: bool,
}

/// A transition that a managed node can make.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ManagedTransition<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The transition, such as `configure`.
    pub(crate) transition: &'a str,
    /// The transition's number.
    pub(crate) id: u8,
    /// The state before it.
    pub(crate) start: &'a str,
    /// The state after it.
    pub(crate) goal: &'a str,
    /// The key that has signed the answer, `did:key:…`.
    pub(crate) signer: String,
    /// Always true: what is not verified is not shown.
    pub(crate) verified: bool,
}

/// What came of a transition.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TransitionMade<'a> {
    /// The node's name.
    pub(crate) node: &'a str,
    /// The transition, as it was asked for.
    pub(crate) transition: &'a str,
    /// Whether the node has made it.
    pub(crate) success: bool,
    /// The key that has signed the answer, `did:key:…`.
    pub(crate) signer: String,
    /// Always true: what is not verified is not shown.
    pub(crate) verified: bool,
}

/// A state document of a node.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct StateListed<'a> {
    /// The document's name, such as `battery`.
    pub(crate) name: &'a str,
    /// The node that has set it.
    pub(crate) node: String,
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: &'a str,
    /// The type's hash (RIHS01).
    pub(crate) type_hash: String,
    /// The key that has signed it, `did:key:…`.
    pub(crate) signer: String,
    /// Always true: what is not verified is not shown.
    pub(crate) verified: bool,
    /// What the trust policy says of the signer, such as `pinned`.
    pub(crate) verdict: &'static str,
    /// `current`, `outdated`, `withdrawn` or `gone`.
    pub(crate) standing: &'static str,
    /// When the instance of the node started, in milliseconds since 1970 by its clock.
    pub(crate) epoch: u64,
    /// The number of this version of the document in that instance.
    pub(crate) number: u64,
    /// When it was set, by the node's clock, in nanoseconds since 1970.
    pub(crate) stamp_ns: i64,
    /// Its id: 32 hexadecimal digits.
    pub(crate) id: String,
}

/// A state document of a node, and what stands in it.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct StateDocument<'a> {
    #[serde(flatten)]
    pub(crate) of: StateListed<'a>,
    pub(crate) document: Message,
}

/// A line that a node has logged.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct LogLine<'a> {
    /// When, by the node's clock, in nanoseconds since 1970.
    pub(crate) stamp_ns: i64,
    /// `debug`, `info`, `warn`, `error` or `fatal`.
    pub(crate) level: &'static str,
    /// The node that has signed it.
    pub(crate) node: &'a str,
    /// That node's key, `did:key:…`.
    pub(crate) signer: String,
    /// What the trust policy says of the signer, such as `pinned`.
    pub(crate) verdict: &'static str,
    /// `live`, `history` or `replay`.
    pub(crate) provenance: &'static str,
    /// The logger's name, which is a claim.
    pub(crate) name: &'a str,
    /// Whether that is the name of the node that has signed, or of a child of it.
    pub(crate) name_is_own: bool,
    /// The text.
    pub(crate) msg: &'a str,
    /// The source file; empty if it is not said.
    pub(crate) file: &'a str,
    /// The function; empty if it is not said.
    pub(crate) function: &'a str,
    /// The line in the source file.
    pub(crate) line: u32,
}
