//! Events: what happens around a publisher or a subscription beside its messages, as ROS 2 has them.
//!
//! Each endpoint keeps its last [`EVENTS_KEPT`] events for whoever reads them; older ones are dropped, and the counters of
//! its statistics stay exact all the same. Events that nobody reads cost nothing but their place there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::generic_subscriber::ReceiveError;
use crate::name::NodeName;
use crate::qos::compatibility::Policy;
use crate::queue::Queue;
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::peer::Peer;
use crate::security::refusal::Refusal;

/// How many events of an endpoint are kept for a reader that is late.
pub const EVENTS_KEPT: usize = 256;

/// The publisher or subscriber at the other end, as the signed card of its node names it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Counterpart {
    /// Its node.
    pub node: NodeName,
    /// The node's key.
    pub key: PublicKey,
}

impl Counterpart {
    pub(crate) fn of(peer: &Peer) -> Self {
        Self {
            node: peer.name().clone(),
            key: peer.public_key(),
        }
    }
}

impl fmt::Display for Counterpart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.node, self.key)
    }
}

/// What happens around a subscription.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SubscriberEvent {
    /// A publisher whose offer is enough has come or gone; so many are there now.
    Matched {
        /// The publisher.
        publisher: Counterpart,
        /// Whether it has come.
        appeared: bool,
        /// How many there are now.
        count: usize,
    },
    /// A publisher offers less than was requested: nothing of it is delivered.
    IncompatibleQos {
        /// The publisher.
        publisher: Counterpart,
        /// The first policy that does not fit.
        policy: Policy,
    },
    /// Nothing came from a publisher for longer than the deadline.
    DeadlineMissed {
        /// The publisher.
        publisher: Counterpart,
        /// How often that has happened at this subscription.
        total: u64,
    },
    /// A publisher has not shown within its lease that it is alive, or its node is gone.
    LivelinessLost {
        /// The publisher.
        publisher: Counterpart,
    },
    /// A publisher is alive, for the first time or again.
    LivelinessGained {
        /// The publisher.
        publisher: Counterpart,
    },
    /// Messages were older than the publisher's lifespan before anybody took them.
    Expired {
        /// The publisher.
        publisher: Counterpart,
        /// How many there were together.
        count: u64,
    },
    /// Messages of a publisher never came and could not be had any more.
    MessagesLost {
        /// The publisher.
        publisher: Counterpart,
        /// Its writer in the frames.
        writer: Writer,
        /// The number of the first.
        first: u64,
        /// The number of the last.
        last: u64,
    },
    /// A frame or message was refused.
    Refused(Refusal),
}

/// What happens around a publisher.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PublisherEvent {
    /// A subscriber whose request fits has come or gone; so many are there now.
    Matched {
        /// The subscriber.
        subscriber: Counterpart,
        /// Whether it has come.
        appeared: bool,
        /// How many there are now.
        count: usize,
    },
    /// A subscriber requests more than is offered: it gets nothing.
    IncompatibleQos {
        /// The subscriber.
        subscriber: Counterpart,
        /// The first policy that does not fit.
        policy: Policy,
    },
    /// Nothing was published for longer than the deadline that was offered.
    DeadlineMissed {
        /// How often that has happened.
        total: u64,
    },
    /// It was not shown within the lease that the publisher is alive.
    LivelinessLost {
        /// How often that has happened.
        total: u64,
    },
}

/// The events of one endpoint, one by one. All streams of an endpoint share them: each event goes to one of them.
#[derive(Debug)]
pub struct EventStream<E> {
    queue: Arc<Queue<E>>,
}

impl<E> EventStream<E> {
    pub(crate) fn new(queue: &Arc<Queue<E>>) -> Self {
        Self {
            queue: Arc::clone(queue),
        }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the endpoint is gone.
    pub async fn next(&self) -> Result<E, ReceiveError> {
        self.queue.take().await.map_err(ReceiveError::from)
    }

    /// Waits for the next event in this thread, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there was none in time, [`ReceiveError::Closed`] when there will be none.
    pub fn next_timeout(&self, timeout: Duration) -> Result<E, ReceiveError> {
        self.queue.take_timeout(timeout).map_err(ReceiveError::from)
    }

    /// Takes the oldest event if there is one.
    ///
    /// # Errors
    ///
    /// As [`next_timeout`](Self::next_timeout).
    pub fn try_next(&self) -> Result<E, ReceiveError> {
        self.queue.try_take().map_err(ReceiveError::from)
    }
}
