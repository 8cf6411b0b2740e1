//! Why there is no action server or client.

use std::fmt;

use crate::generic_publisher::PublisherError;
use crate::generic_subscriber::SubscriberError;
use crate::name::NameError;
use crate::run_time_type::RunTimeTypeError;
use crate::service_error::ServiceError;

/// Why there is no action server or client.
#[derive(Debug)]
#[non_exhaustive]
pub enum ActionError {
    /// The name is not the name of an action.
    Name(NameError),
    /// One of its services is not there.
    Service(ServiceError),
    /// Feedback or status cannot be published.
    Publisher(PublisherError),
    /// Feedback or status cannot be subscribed to.
    Subscriber(SubscriberError),
    /// No payloads can be made of the action's type.
    Type(RunTimeTypeError),
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::Service(error) => fmt::Display::fmt(error, f),
            Self::Publisher(error) => fmt::Display::fmt(error, f),
            Self::Subscriber(error) => fmt::Display::fmt(error, f),
            Self::Type(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ActionError {}
