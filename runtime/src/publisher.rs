//! The typed publisher: a message to a payload, and on to the untyped one.

use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use nuncio_msgs::Message;

use crate::acknowledgement::Acknowledgement;
use crate::generic_publisher::{GenericPublisher, PublishError, Published};
use crate::outbox::NoRoom;
use crate::payload;
use crate::security::frame::Accompaniment;

/// Publishes messages of type `M` on one topic, each signed by its node.
///
/// Everything that does not depend on the type is on [`GenericPublisher`], which this dereferences to.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use nuncio::msgs::geometry_msgs::msg::Twist;
///
/// let node = nuncio::Node::builder("teleop").open().await?;
/// let publisher = node.publisher::<Twist>("cmd_vel")?;
/// publisher.publish(&Twist::default())?;
/// node.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Publisher<M> {
    generic: GenericPublisher,
    of: PhantomData<fn(&M)>,
}

impl<M: Message> Publisher<M> {
    pub(crate) fn new(generic: GenericPublisher) -> Self {
        Self {
            generic,
            of: PhantomData,
        }
    }

    /// Checks a message against its schema, signs it and sends it; a busy node signs it together with others, within the
    /// profile's signing delay. Waits while a reliable link is congested.
    ///
    /// # Errors
    ///
    /// [`PublishError`] names the field that violates the schema, or says that the link was congested for too long or that
    /// the node is closed.
    pub fn publish(&self, message: &M) -> Result<Published, PublishError> {
        self.publish_with(message, Accompaniment::default())
    }

    /// Publishes a message that names its cause, or on whose behalf it is sent.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and when the origin is longer than 255 bytes.
    pub fn publish_with(&self, message: &M, with: Accompaniment<'_>) -> Result<Published, PublishError> {
        self.publish_or(NoRoom::AsProfiled, message, with)
    }

    /// As [`publish`](Self::publish), but never waits and never drops.
    ///
    /// # Errors
    ///
    /// [`PublishError::WouldBlock`] when there is no room: nothing was published then. Otherwise as `publish`.
    pub fn try_publish(&self, message: &M) -> Result<Published, PublishError> {
        self.try_publish_with(message, Accompaniment::default())
    }

    /// As [`try_publish`](Self::try_publish), for a message that names its cause, or on whose behalf it is sent.
    ///
    /// # Errors
    ///
    /// As [`try_publish`](Self::try_publish), and when the origin is longer than 255 bytes.
    pub fn try_publish_with(&self, message: &M, with: Accompaniment<'_>) -> Result<Published, PublishError> {
        self.publish_or(NoRoom::GiveBack, message, with)
    }

    /// Publishes a message and waits, for at most `timeout`, until every node that subscribed when it was published has said
    /// what became of it. Each answer is a [`Receipt`](crate::Receipt) that the node has signed, which can be kept and shown.
    ///
    /// Subscribers are asked after the message was published, so that messages that nobody waits for cost nothing more, and
    /// many that are waited for at the same time share a question. A node answers as soon as it has accepted the message, or
    /// shortly before the time is over.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use nuncio::msgs::geometry_msgs::msg::Twist;
    /// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
    /// let publisher = node.publisher::<Twist>("cmd_vel")?;
    /// let acknowledgement = publisher.publish_acked(&Twist::default(), Duration::from_secs(1)).await?;
    /// if !acknowledgement.is_accepted_by_all() {
    ///     println!("{acknowledgement}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish): nothing was published then. What subscribers refuse is no error but an answer.
    pub async fn publish_acked(&self, message: &M, timeout: Duration) -> Result<Acknowledgement, PublishError> {
        let readers = self.generic.readers();
        let published = self.publish(message)?;
        Ok(self.generic.ask_readers(readers, published, timeout).await)
    }

    fn publish_or(&self, no_room: NoRoom, message: &M, with: Accompaniment<'_>) -> Result<Published, PublishError> {
        self.generic
            .publish_encoded(with, no_room, |now_ns, bytes| payload::encode(message, now_ns, bytes))
    }
}

impl<M> Deref for Publisher<M> {
    type Target = GenericPublisher;

    fn deref(&self) -> &GenericPublisher {
        &self.generic
    }
}
