//! Entries: the way in. What a client publishes is checked against its type, signed with the bridge's key, and says on whose
//! behalf.

use std::sync::Arc;
use std::time::Duration;

use nuncio::{Accompaniment, Acknowledgement, GenericPublisher, PublishError, Published};

use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeType};
use crate::client::Client;

/// The longest origin that a message carries, in bytes.
const ORIGIN_LEN_MAX: usize = 255;

/// A client's way to publish on one topic. All clients that publish one type on a topic share one publisher.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) client: Client,
    pub(crate) ty: Arc<BridgeType>,
    pub(crate) publisher: Arc<GenericPublisher>,
}

impl Entry {
    /// Publishes a message on behalf of the client. It never waits: where there is no room, it is an error.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when it is not of its type, too large, one too many for this second, or the node has no room for it.
    pub fn publish(&self, body: Body<'_>) -> Result<Published, BorderError> {
        self.publish_for(self.client.who(), body)
    }

    /// As [`publish`](Self::publish), on behalf of somebody for whom the client stands, such as a node behind a face.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_for(&self, who: &str, body: Body<'_>) -> Result<Published, BorderError> {
        let published = self.try_publish(who, body);
        self.client.count_in(body_len(&body), published.is_ok());
        published
    }

    fn try_publish(&self, who: &str, body: Body<'_>) -> Result<Published, BorderError> {
        self.client.take_turn()?;
        self.client.check_len(body_len(&body))?;
        let payload = self.ty.payload_of(body)?;
        self.client.check_len(payload.len())?;
        let origin = origin(self.client.face().as_str(), who);
        let with = Accompaniment {
            origin: Some(&origin),
            ..Accompaniment::default()
        };
        self.publisher.try_publish(&payload, with).map_err(|error| match error {
            PublishError::WouldBlock => {
                BorderError::TooMuch("the link is congested, and this message was not sent; try again".to_owned())
            }
            other => BorderError::Node(other.to_string()),
        })
    }

    /// As [`publish`](Self::publish), and waits, for at most `timeout`, until every node that subscribes has said what became
    /// of the message.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish): nothing was published then. What subscribers refuse is no error but an answer.
    pub async fn publish_acked(&self, body: Body<'_>, timeout: Duration) -> Result<Acknowledgement, BorderError> {
        let published = self.publish(body)?;
        Ok(self.publisher.acknowledgement(published, timeout).await)
    }

    /// The type.
    pub fn ty(&self) -> &Arc<BridgeType> {
        &self.ty
    }

    /// The publisher, shared with other clients.
    pub fn publisher(&self) -> &GenericPublisher {
        &self.publisher
    }
}

/// How long a body is, as far as that is known before it is read.
fn body_len(body: &Body<'_>) -> usize {
    match body {
        Body::Json(_) => 0,
        Body::Cdr(bytes) | Body::Payload(bytes) | Body::Protobuf(bytes) => bytes.len(),
    }
}

/// On whose behalf a message is published: `<face>:<who>`, cut where it would be too long.
pub(crate) fn origin(face: &str, who: &str) -> String {
    let mut origin = format!("{face}:{who}");
    if origin.len() > ORIGIN_LEN_MAX {
        let end = (0..=ORIGIN_LEN_MAX).rev().find(|at| origin.is_char_boundary(*at));
        origin.truncate(end.unwrap_or(0));
    }
    origin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_cut_between_characters() {
        assert_eq!(origin("ros2", "/talker"), "ros2:/talker");
        let long = origin("grpc", &"ä".repeat(200));
        assert_eq!(long.len(), 255);
        let long = origin("grp", &"ä".repeat(200));
        assert_eq!(long.len(), 254);
    }
}
