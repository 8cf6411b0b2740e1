//! Why a call of a service gave no response.

use std::fmt;
use std::time::Duration;

use nuncio_msgs::nuncio_msgs::msg::ServiceFault;

use crate::link::LinkError;
use crate::name::{NodeName, TopicName};
use crate::payload::DecodeError;
use crate::security::refusal::Refusal;
use crate::service_directory::ServerProblem;
use crate::service_frame::SealError;

/// No server of a service can be called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoServer {
    /// The service.
    pub service: TopicName,
    /// The servers that are there, and why they are not called.
    pub others: Vec<(NodeName, ServerProblem)>,
}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, others } = self;
        if others.is_empty() {
            return write!(
                f,
                "no server of {service} is known; start one, or wait for it with `wait_for_server`"
            );
        }
        write!(f, "no server of {service} can be called")?;
        others
            .iter()
            .try_for_each(|(node, problem)| write!(f, "; {node}: {problem}"))
    }
}

impl std::error::Error for NoServer {}

/// Why a call gave no response.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// No server can be called.
    NoServer(NoServer),
    /// The request could not be signed.
    Seal(SealError),
    /// So many calls of this client are under way already.
    TooManyCalls {
        /// How many may be.
        max: usize,
    },
    /// The server has not answered in time. It may still have carried the request out.
    DeadlineExceeded {
        /// The server's node.
        server: NodeName,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The server has vanished or started again while it was waited for.
    ServerGone {
        /// The server's node.
        server: NodeName,
    },
    /// The call has ended without an answer that holds: the server has refused the request, or has gone.
    Unanswered {
        /// The server's node.
        server: NodeName,
        /// Why the last answer that came was refused, if any came.
        refusal: Option<Box<Refusal>>,
    },
    /// The server has answered that there is no response.
    Fault {
        /// The server's node.
        server: NodeName,
        /// Why.
        fault: ServiceFault,
    },
    /// The response is verified and is not of its type.
    Decode(DecodeError),
    /// The node is closed.
    Closed,
    /// The link did not take the request.
    Link(LinkError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer(error) => fmt::Display::fmt(error, f),
            Self::Seal(error) => write!(f, "the request cannot be sent: {error}"),
            Self::TooManyCalls { max } => write!(
                f,
                "{max} calls of this client are under way already; wait for some, or let `calls_max` be greater"
            ),
            Self::DeadlineExceeded { server, waited } => write!(
                f,
                "{server} did not answer within {} ms; it may have carried the request out all the same",
                waited.as_millis()
            ),
            Self::ServerGone { server } => write!(f, "{server} has gone or started again before it answered"),
            Self::Unanswered { server, refusal: None } => write!(
                f,
                "{server} has ended the call without an answer: it has refused the request, and its refusals say why, or \
                 it has gone"
            ),
            Self::Unanswered {
                server,
                refusal: Some(refusal),
            } => write!(
                f,
                "no answer that holds came from {server}; the last was refused: {refusal}"
            ),
            Self::Fault { server, fault } => {
                let what = match fault.code {
                    ServiceFault::CODE_OVERLOADED => "is overloaded",
                    ServiceFault::CODE_INVALID_REQUEST => "does not take the request",
                    ServiceFault::CODE_ABANDONED => "gave no response",
                    ServiceFault::CODE_NOTHING_FOUND => "has nothing to answer with",
                    _ => "failed",
                };
                write!(f, "{server} {what}: {}", fault.text)
            }
            Self::Decode(error) => write!(f, "the response cannot be read: {error}"),
            Self::Closed => f.write_str("the node is closed"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for CallError {}
