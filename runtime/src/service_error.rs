//! Why there is no service server or client.

use std::fmt;

use nuncio_codegen::Diagnostics;

use crate::generic_publisher::PublisherError;
use crate::link::LinkError;
use crate::name::NameError;

/// Why there is no service server or client.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// The name is not a service name.
    Name(NameError),
    /// A node has at most 256 service servers and clients together.
    TooMany,
    /// The node is closed.
    Closed,
    /// The thread that calls the handler could not be started.
    Thread(std::io::Error),
    /// The type of the events that it is to tell of its calls does not compile.
    EventType(Diagnostics),
    /// There is no publisher for the events that it is to tell of its calls.
    Events(PublisherError),
    /// The link refused.
    Link(LinkError),
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::TooMany => {
                f.write_str("a node has at most 256 service servers and clients together; open another node for more")
            }
            Self::EventType(problems) => write!(f, "the type of its events does not compile:\n{problems}"),
            Self::Events(error) => write!(f, "its events cannot be published: {error}"),
            Self::Closed => f.write_str("the node is closed"),
            Self::Thread(error) => write!(f, "no thread could be started for the handler: {error}"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ServiceError {}
