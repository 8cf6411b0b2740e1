//! Why something does not cross the border, in words for the client.

use std::fmt;

use nuncio::TypeHash;

/// Why something does not cross. Its text is meant for the client: it says what was expected, what was found and what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BorderError {
    /// The name is no topic or service name.
    Name(String),
    /// No route of the bridge has it, in this direction.
    NoRoute {
        /// The name.
        name: String,
        /// `in` or `out`.
        direction: &'static str,
    },
    /// The client's role does not permit it.
    NotPermitted {
        /// The role.
        role: String,
        /// What it may not: `publish on`, `subscribe to`, `call`, `serve`.
        act: &'static str,
        /// The name.
        name: String,
    },
    /// A token is needed, and this one is none.
    Login(&'static str),
    /// The page of a browser is one of another site, and no token is demanded that would tell it from the user.
    Page {
        /// Whose page it is.
        origin: String,
    },
    /// There is nobody who publishes or serves it.
    NobodyThere {
        /// `topic` or `service`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The type is not known here, and nobody who could be asked has told.
    UnknownType {
        /// The type.
        name: String,
        /// What was tried.
        problem: String,
    },
    /// The topic or service has another type.
    OtherType {
        /// The topic or service.
        name: String,
        /// What it has.
        expected: String,
        /// What the client says.
        found: String,
    },
    /// The message is not of its type.
    Message(String),
    /// More than is allowed: clients, taps, bytes, messages a second.
    TooMuch(String),
    /// The call has no response.
    Call(String),
    /// The node could not do it.
    Node(String),
}

impl BorderError {
    /// A type whose hash is another than expected.
    pub(crate) fn other_hash(topic: &str, name: &str, expected: &TypeHash, found: &TypeHash) -> Self {
        Self::OtherType {
            name: topic.to_owned(),
            expected: format!("{name} {expected}"),
            found: format!("{name} {found}"),
        }
    }

    /// The word for it in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::NoRoute { .. } => "no_route",
            Self::NotPermitted { .. } => "not_permitted",
            Self::Login(_) => "login",
            Self::Page { .. } => "page",
            Self::NobodyThere { .. } => "nobody_there",
            Self::UnknownType { .. } => "unknown_type",
            Self::OtherType { .. } => "other_type",
            Self::Message(_) => "message",
            Self::TooMuch(_) => "too_much",
            Self::Call(_) => "call",
            Self::Node(_) => "node",
        }
    }
}

impl fmt::Display for BorderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(problem)
            | Self::Message(problem)
            | Self::TooMuch(problem)
            | Self::Call(problem)
            | Self::Node(problem) => f.write_str(problem),
            Self::NoRoute { name, direction } => write!(
                f,
                "no route of the bridge lets {name} {direction}; name it with --allow or in bridge.toml"
            ),
            Self::NotPermitted { role, act, name } => {
                write!(f, "the role {role} may not {act} {name}; bridge.toml says what it may")
            }
            Self::Login(problem) => write!(
                f,
                "{problem}; give one of the bridge's tokens, as `Authorization: Bearer …` or `?token=…`"
            ),
            Self::Page { origin } => write!(
                f,
                "a page of {} may not use this bridge without a token; if it shall, name it with --allow-origin {0} \
                 (allow_origins in bridge.toml), or demand a token with --token-file",
                origin.escape_debug()
            ),
            Self::NobodyThere { what, name } => write!(f, "nobody here has the {what} {name}"),
            Self::UnknownType { name, problem } => write!(f, "the type {name} is not known here: {problem}"),
            Self::OtherType { name, expected, found } => {
                write!(f, "{name} has the type {expected}, not {found}")
            }
        }
    }
}

impl std::error::Error for BorderError {}
