//! What a node plays back from a recording.

use std::sync::Arc;

use super::Node;
use crate::generic_publisher::{GenericPublisher, PublisherError};
use crate::qos::QosProfile;
use crate::remapping::Kind;
use crate::type_support::TypeSupport;

impl Node {
    /// A publisher of what was recorded: its messages are signed as replay, and only subscribers that asked for that take them
    /// ([`SubscriptionOptions::accept_replay`](crate::SubscriptionOptions)).
    ///
    /// They are signed with this node's key: whoever plays a recording answers for it. The frames as they were signed at first
    /// cannot serve, because they would be live messages, sent a second time, which is what every receiver refuses. Say whose
    /// message it was with [`Accompaniment`](crate::Accompaniment): its signer as the origin, its id as the cause.
    ///
    /// # Errors
    ///
    /// As [`generic_publisher`](Self::generic_publisher).
    pub fn replay_publisher(
        &self,
        topic: &str,
        of: &TypeSupport,
        qos: QosProfile,
    ) -> Result<GenericPublisher, PublisherError> {
        let topic = self.core.resolve(topic, Kind::Topic).map_err(PublisherError::Name)?;
        GenericPublisher::declare_replay(Arc::clone(&self.core), topic, of.definition().clone(), qos)
    }
}
