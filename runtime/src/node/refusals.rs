//! What a node has refused, wherever that was, and how it is told.

use super::{Node, NodeCore};
use crate::generic_subscriber::ReceiveError;
use crate::name::TopicName;
use crate::refusal_ledger::RefusalEvent;
use crate::security::refusal::Refusal;

impl Node {
    /// Waits for the next refusal on any subscription, service server or client of this node.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn next_refusal(&self) -> Result<RefusalEvent, ReceiveError> {
        self.core.refusals.unread.take().await.map_err(ReceiveError::from)
    }

    /// Takes the oldest refusal that was not taken yet.
    pub fn try_next_refusal(&self) -> Option<RefusalEvent> {
        self.core.refusals.unread.try_take().ok()
    }
}

impl NodeCore {
    /// Counts a refused card or definition with the node's refusals.
    pub(crate) fn refuse_document(&self, refusal: Refusal) {
        self.refuse_on("/_nuncio/card", refusal);
    }

    /// Counts a refused list of revocations with the node's refusals.
    pub(crate) fn refuse_statement(&self, refusal: Refusal) {
        self.refuse_on("/_nuncio/trust", refusal);
    }

    fn refuse_on(&self, topic: &str, refusal: Refusal) {
        if let Ok(topic) = TopicName::parse(topic) {
            self.refuse(&topic, refusal);
        }
    }

    /// Counts a refusal that no subscription has made with the node's.
    pub(crate) fn refuse(&self, topic: &TopicName, refusal: Refusal) {
        let topic = topic.clone();
        self.refusals.enter(RefusalEvent { topic, refusal });
    }
}
