//! The approver: sees messages that need a second signer before anybody acts on them, and approves or rejects each.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use nuncio_msgs::nuncio_msgs::msg::Approval;

use crate::approval::payload_digest;
use crate::generic_publisher::{GenericPublisher, PublishError, Published, PublisherError};
use crate::generic_subscriber::{GenericReceived, GenericSubscriber, SubscriberError};
use crate::name::NameError;
use crate::node::Node;
use crate::publisher::Publisher;
use crate::qos::QosProfile;
use crate::remapping::Kind;
use crate::security::frame::Accompaniment;
use crate::subscription_options::{SubscriptionOptions, Unapproved};
use crate::type_support;

/// Sees the messages of a topic at once, and says whether they may be delivered to those who wait for that.
///
/// Its approvals count where the trust policy demands a second signer for the topic and this node's key holds that role.
/// Messages are received as with [`GenericSubscriber`], which this dereferences to.
///
/// ```no_run
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// use nuncio::msgs::nuncio_msgs::msg::MotionCommand;
///
/// let supervisor = node.approver("/robot1/cmd_vel")?;
/// loop {
///     let waiting = supervisor.recv().await?;
///     let command = waiting.decode::<MotionCommand>()?;
///     match command.linear_x <= 0.5 {
///         true => supervisor.approve(&waiting)?,
///         false => supervisor.reject(&waiting, "too fast")?,
///     };
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Approver {
    subscriber: GenericSubscriber,
    publisher: Publisher<Approval>,
}

impl Node {
    /// Approves or rejects the messages of a topic.
    ///
    /// # Errors
    ///
    /// [`ApproverError`] when the name is wrong or too long, or the node is closed.
    pub fn approver(&self, topic: &str) -> Result<Approver, ApproverError> {
        let of = self.core.resolve(topic, Kind::Topic).map_err(ApproverError::Name)?;
        let approvals = of.approvals().map_err(ApproverError::Name)?;
        // First: who sees a message can approve it.
        let (core, definition) = (Arc::clone(&self.core), type_support::definition_of::<Approval>());
        let publisher = GenericPublisher::declare(core, approvals, definition, QosProfile::default())
            .map(Publisher::new)
            .map_err(ApproverError::Publisher)?;
        let options = SubscriptionOptions {
            unapproved: Unapproved::Show,
            ..SubscriptionOptions::default()
        };
        let subscriber = self
            .generic_subscriber(topic, options)
            .map_err(ApproverError::Subscriber)?;
        Ok(Approver { subscriber, publisher })
    }
}

impl Approver {
    /// Says that this message, with this content, may be delivered.
    ///
    /// # Errors
    ///
    /// [`PublishError`] when the node is closed.
    pub fn approve(&self, message: &GenericReceived) -> Result<Published, PublishError> {
        self.decide(message, Approval::DECISION_APPROVED, "")
    }

    /// Says that this message must not be delivered, and why in at most 256 bytes.
    ///
    /// # Errors
    ///
    /// [`PublishError`] when the text is too long or the node is closed.
    pub fn reject(&self, message: &GenericReceived, text: &str) -> Result<Published, PublishError> {
        self.decide(message, Approval::DECISION_REJECTED, text)
    }

    /// Where what this approver says is published.
    pub fn approvals(&self) -> &Publisher<Approval> {
        &self.publisher
    }

    fn decide(&self, message: &GenericReceived, decision: u8, text: &str) -> Result<Published, PublishError> {
        let id = message.message().id();
        let approval = Approval {
            message_id: id.0,
            payload_digest: payload_digest(message.payload()),
            decision,
            text: text.to_owned(),
        };
        let with = Accompaniment {
            cause: Some(id),
            ..Accompaniment::default()
        };
        self.publisher.publish_with(&approval, with)
    }
}

impl Deref for Approver {
    type Target = GenericSubscriber;

    fn deref(&self) -> &GenericSubscriber {
        &self.subscriber
    }
}

/// Why there is no approver.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApproverError {
    /// The name is not a topic name, or the name of the topic of its approvals would be too long.
    Name(NameError),
    /// Approvals cannot be published.
    Publisher(PublisherError),
    /// Messages cannot be received.
    Subscriber(SubscriberError),
}

impl fmt::Display for ApproverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::Publisher(error) => fmt::Display::fmt(error, f),
            Self::Subscriber(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ApproverError {}
