//! Why there is no publisher, and why a message was not published.

use std::fmt;
use std::time::Duration;

use crate::link::LinkError;
use crate::name::NameError;
use crate::payload::EncodeError;
use crate::security::frame::PushError;

/// Why there is no publisher.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublisherError {
    /// The name is not a topic name.
    Name(NameError),
    /// A node has at most 1024 publishers.
    TooMany,
    /// The node is closed.
    Closed,
    /// The link refused.
    Link(LinkError),
}

impl fmt::Display for PublisherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::TooMany => f.write_str("a node has at most 1024 publishers; open another node for more"),
            Self::Closed => f.write_str("the node is closed"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for PublisherError {}

/// Why a message was not published.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The message violates its schema or cannot be encoded.
    Encode(EncodeError),
    /// An origin has at most 255 bytes.
    OriginTooLong,
    /// The frame has more bytes than the node's link takes ([`LinkConfig::frame_len_max`](crate::LinkConfig)).
    TooLarge {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The link is congested and the publisher's room for messages is full.
    WouldBlock,
    /// The link was congested for as long as the profile lets a publisher wait.
    TimedOut {
        /// How long that is.
        waited: Duration,
    },
    /// The node is closed.
    Closed,
    /// The link did not take it.
    Link(LinkError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => fmt::Display::fmt(error, f),
            Self::OriginTooLong => f.write_str("an origin has at most 255 bytes"),
            Self::TooLarge { len, max } => write!(
                f,
                "the frame has {len} bytes, at most {max} may be sent; make the message smaller, or raise frame_len_max of \
                 this node's link and of all that are to receive it"
            ),
            Self::WouldBlock => {
                f.write_str("there is no room for the message now; try again, or use `publish` to wait")
            }
            Self::TimedOut { waited } => write!(
                f,
                "there was no room for the message within {} ms: the link is congested; send less, or let the profile's \
                 blocking_time be longer",
                waited.as_millis()
            ),
            Self::Closed => f.write_str("the node is closed"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for PublishError {}

impl From<PushError<EncodeError>> for PublishError {
    fn from(error: PushError<EncodeError>) -> Self {
        match error {
            PushError::Encode(error) => Self::Encode(error),
            PushError::DoesNotFit => Self::OriginTooLong,
        }
    }
}
