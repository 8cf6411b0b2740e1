//! What a node publishes so that it is not lost, and receives so that it is done once.

use nuncio_msgs::Message;

use super::Node;
use crate::cursor::Cursor;
use crate::durable_options::DurableOptions;
use crate::durable_publisher::{DurableError, DurablePublisher, GenericDurablePublisher};
use crate::durable_subscriber::{DurableSubscriber, DurableSubscriberError, GenericDurableSubscriber};
use crate::generic_publisher::PublisherError;
use crate::generic_subscriber::SubscriberError;
use crate::remapping::Kind;
use crate::subscription_options::SubscriptionOptions;
use crate::type_support::{self, TypeSupport};

impl Node {
    /// A publisher whose messages are on the disk, in the node's keystore, until all named readers have acknowledged them.
    ///
    /// # Errors
    ///
    /// [`DurableError`] when nobody is named, the journal cannot be used, the name is wrong or the node is closed.
    pub fn durable_publisher<M: Message>(
        &self,
        topic: &str,
        options: DurableOptions,
    ) -> Result<DurablePublisher<M>, DurableError> {
        let definition = type_support::definition_of::<M>();
        let topic = self
            .core
            .resolve(topic, Kind::Topic)
            .map_err(|error| DurableError::Publisher(PublisherError::Name(error)))?;
        GenericDurablePublisher::declare(&self.core, topic, definition, options).map(DurablePublisher::new)
    }

    /// The same of a type that this program was not built with.
    ///
    /// # Errors
    ///
    /// As [`durable_publisher`](Self::durable_publisher).
    pub fn generic_durable_publisher(
        &self,
        topic: &str,
        of: &TypeSupport,
        options: DurableOptions,
    ) -> Result<GenericDurablePublisher, DurableError> {
        let topic = self
            .core
            .resolve(topic, Kind::Topic)
            .map_err(|error| DurableError::Publisher(PublisherError::Name(error)))?;
        GenericDurablePublisher::declare(&self.core, topic, of.definition().clone(), options)
    }

    /// A subscriber that begins where its cursor stands, and gets every message of durable publishers once.
    ///
    /// # Errors
    ///
    /// [`DurableSubscriberError`] when the cursor cannot be used, the name is wrong or the node is closed.
    pub fn durable_subscriber<M: Message>(
        &self,
        topic: &str,
        options: SubscriptionOptions,
        cursor: &Cursor,
    ) -> Result<DurableSubscriber<M>, DurableSubscriberError> {
        let topic = self.core.resolve(topic, Kind::Topic);
        let topic = topic.map_err(|error| DurableSubscriberError::Subscriber(SubscriberError::Name(error)))?;
        DurableSubscriber::declare(&self.core, topic, options, cursor)
    }

    /// The same of whatever type is published.
    ///
    /// # Errors
    ///
    /// As [`durable_subscriber`](Self::durable_subscriber).
    pub fn generic_durable_subscriber(
        &self,
        topic: &str,
        options: SubscriptionOptions,
        cursor: &Cursor,
    ) -> Result<GenericDurableSubscriber, DurableSubscriberError> {
        let topic = self.core.resolve(topic, Kind::Topic);
        let topic = topic.map_err(|error| DurableSubscriberError::Subscriber(SubscriberError::Name(error)))?;
        GenericDurableSubscriber::declare(&self.core, topic, options, cursor)
    }
}
