//! The state documents of a node, its own and those of others.

use std::sync::Arc;
use std::time::Duration;

use nuncio_msgs::Message;

use super::Node;
use crate::generic_publisher::GenericPublisher;
use crate::generic_subscriber::SubscriberError;
use crate::publisher::Publisher;
use crate::state_document::{StateDocument, StateError, StateName};
use crate::state_reading::{StateFilter, StateReading, StateSource, StateWatchStats};
use crate::state_watch::StateWatch;
use crate::type_support::definition_of;

/// The documents of one name, from all nodes that have one.
#[derive(Clone, Debug)]
pub struct StateGathering {
    /// What came, by name and node; where several keys sign for one, the newest source time first.
    pub documents: Vec<StateReading>,
    /// The documents that a card names and that did not come in time, or that this node does not believe.
    pub unanswered: Vec<StateSource>,
    /// What became of everything received.
    pub stats: StateWatchStats,
}

impl Node {
    /// Publishes a state document of this node, `/<node>/state/<name>`, until what is returned is dropped. Whoever comes later
    /// gets the newest version.
    ///
    /// # Errors
    ///
    /// [`StateError`] when the name is wrong or in use, the first version violates its schema, or the node is closed.
    pub fn state_document<M: Message>(&self, name: &str, initial: &M) -> Result<StateDocument<M>, StateError> {
        let name = StateName::parse(name).map_err(StateError::Name)?;
        let topic = name.topic_of(&self.core.name)?;
        // Never remapped: it is found by the name of its node.
        let (core, definition) = (Arc::clone(&self.core), definition_of::<M>());
        let publisher = GenericPublisher::declare(core, topic.clone(), definition, StateDocument::<M>::qos());
        let publisher = Publisher::new(publisher.map_err(StateError::Publisher)?);
        let publishers = self.core.endpoints.publishers();
        if publishers.iter().filter(|facts| facts.topic == topic).count() > 1 {
            return Err(StateError::Exists(name));
        }
        StateDocument::begin(name, publisher, self.core.epoch, initial).map_err(StateError::Publish)
    }

    /// Watches the state documents of all nodes that are there and that come, this one included.
    ///
    /// # Errors
    ///
    /// [`SubscriberError`] when the node is closed, or no thread can be started.
    pub fn state_watch(&self, filter: StateFilter) -> Result<StateWatch, SubscriberError> {
        StateWatch::begin(&self.core, filter)
    }

    /// Gathers documents once, from all nodes whose cards are known now. Waits until all are here, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`state_watch`](Self::state_watch).
    pub async fn gather_state(
        &self,
        filter: StateFilter,
        timeout: Duration,
    ) -> Result<StateGathering, SubscriberError> {
        let watch = StateWatch::begin(&self.core, filter)?;
        let unanswered = watch.settled(timeout).await;
        Ok(StateGathering {
            documents: watch.documents(),
            unanswered,
            stats: watch.stats(),
        })
    }
}
