//! The end of a node: what still leaves, and what does not.

use std::fmt;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Node;
use crate::contact::Note;
use crate::link::LinkError;
use crate::name::TopicName;
use crate::security::frame::Writer;

/// How long [`Node::close`] lets messages leave.
const DRAIN_DEFAULT: Duration = Duration::from_secs(5);

/// What becomes of messages that were published and have not left when a node closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Close {
    /// They are signed and handed to the link, for at most so long.
    Drain(Duration),
    /// They are dropped, except for those that the link is taking this moment.
    Now,
}

/// Messages of one publisher that did not leave before its node closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unsent {
    /// The topic.
    pub topic: TopicName,
    /// Which of the node's publishers.
    pub writer: Writer,
    /// The number of the first of them.
    pub first: u64,
    /// The number of the last of them. A best-effort publisher may have dropped and counted some in between.
    pub last: u64,
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, first, last, .. } = self;
        write!(f, "numbers {first} to {last} on {topic} did not leave")
    }
}

impl Node {
    /// Closes the node: it vanishes from the graph, what was published is signed and flushed within five seconds, and
    /// further sends are errors. What was received can still be taken. Gives what did not leave in time.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link cannot be closed in order. The node is closed all the same.
    pub async fn close(&self) -> Result<Vec<Unsent>, LinkError> {
        self.close_with(Close::Drain(DRAIN_DEFAULT)).await
    }

    /// As [`close`](Self::close), with another word on what was published and has not left. A node that is closed already
    /// has nothing more to tell.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub async fn close_with(&self, how: Close) -> Result<Vec<Unsent>, LinkError> {
        if self.core.closed.swap(true, Ordering::AcqRel) {
            return Ok(Vec::new());
        }
        tracing::info!("{} is closing", self.core.name);
        self.core.take_back_presence();
        self.core.end_metrics();
        self.core.endpoints.close_desks();
        let unsent = self.core.signing_desk.close(how).await;
        self.core.contact.leave(Note::Close);
        self.core.history.close();
        let closed = self.core.link.close().await;
        self.core.receptions().iter().for_each(|reception| reception.close());
        let publishers = self.core.endpoints.publishers();
        publishers.iter().for_each(|publisher| publisher.events.close());
        self.core.refusals.unread.close();
        self.core.trust_events.close();
        self.core.trust_watch.end();
        let clock = self.core.clock.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        clock.iter().for_each(|clock| clock.close());
        // Whoever waits for the graph sees that the node is closed.
        self.core.graph.changed();
        closed.map(|()| unsent)
    }
}
