//! Why there is no service server or client.

use std::fmt;

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
            Self::Closed => f.write_str("the node is closed"),
            Self::Thread(error) => write!(f, "no thread could be started for the handler: {error}"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ServiceError {}
