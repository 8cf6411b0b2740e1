//! Why a guest is not let in, or what it hands over is not taken.

use std::fmt;
use std::time::Duration;

use crate::link::LinkError;
use crate::name::NodeName;
use crate::security::key::PublicKey;
use crate::security::refusal::Refusal;

/// Why a guest is not let in, or what it hands over is not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum GuestError {
    /// The name is another node's.
    NameTaken {
        /// The name.
        name: NodeName,
        /// Whose it is.
        by: Option<PublicKey>,
    },
    /// The key is that of the node that the guest came to.
    OurOwnKey,
    /// The key, its signature or its document does not hold.
    Refused(Refusal),
    /// Its card says what guests may not say.
    Says(String),
    /// Nobody has asked that, or too long ago.
    NotAsked(u32),
    /// It did not answer in time.
    NoAnswer(Duration),
    /// Too many questions are open.
    TooManyQuestions(usize),
    /// Its card holds, but this node has not taken it in.
    NotBelieved,
    /// The link is closed.
    Link(LinkError),
    /// The system gives no random numbers.
    NoRandomness(String),
}

impl fmt::Display for GuestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name, by: Some(key) } => {
                write!(f, "the name {name} belongs to {key}; take another name, or that key")
            }
            Self::NameTaken { name, by: None } => {
                write!(
                    f,
                    "the name {name} belongs to another key; take another name, or that key"
                )
            }
            Self::OurOwnKey => f.write_str("the key is that of the node that it came to; make one of its own"),
            Self::Refused(refusal) => write!(f, "{refusal}; {}", refusal.reason.remedy()),
            Self::Says(problem) => f.write_str(problem),
            Self::NotAsked(id) => write!(f, "question {id} is not open, or not any more"),
            Self::NoAnswer(patience) => {
                write!(f, "no answer to the question for its card within {patience:?}")
            }
            Self::TooManyQuestions(most) => write!(f, "{most} questions wait for it already"),
            Self::NotBelieved => f.write_str("the node has not taken in the card; its log says why"),
            Self::Link(error) => error.fmt(f),
            Self::NoRandomness(problem) => write!(f, "the system gives no random numbers: {problem}"),
        }
    }
}

impl std::error::Error for GuestError {}
