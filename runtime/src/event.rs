//! Events: what happens around a publisher or a subscription beside its messages, as ROS 2 has them.
//!
//! Each endpoint keeps its last [`EVENTS_KEPT`] events for whoever reads them; older ones are dropped, and the counters of
//! its statistics stay exact all the same. Events that nobody reads cost nothing but their place there.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::event_talk::{EventTalk, Spoken};
use crate::generic_subscriber::ReceiveError;
use crate::name::NodeName;
use crate::qos::compatibility::Policy;
use crate::queue::Queue;
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::peer::Peer;
use crate::security::refusal::Refusal;
use crate::shield::shielded;

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

/// The events of one endpoint: a queue for its streams, and one for each callback.
#[derive(Debug)]
pub(crate) struct Events<E> {
    queue: Arc<Queue<E>>,
    callbacks: Mutex<Vec<Weak<Queue<E>>>>,
    closed: AtomicBool,
    talk: EventTalk,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self {
            queue: Arc::new(Queue::new(EVENTS_KEPT)),
            callbacks: Mutex::default(),
            closed: AtomicBool::new(false),
            talk: EventTalk::default(),
        }
    }
}

impl<E: Clone + Spoken> Events<E> {
    /// The events of an endpoint on this topic.
    pub(crate) fn on(topic: &str) -> Self {
        Self {
            talk: EventTalk::about(topic),
            ..Self::default()
        }
    }

    pub(crate) fn push(&self, event: E) {
        event.say(&self.talk);
        for callback in self.callbacks() {
            callback.push(event.clone());
        }
        self.queue.push(event);
    }

    /// There will be no more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.queue.close();
        self.callbacks().iter().for_each(|callback| callback.close());
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn stream(&self) -> EventStream<E> {
        EventStream {
            queue: Arc::clone(&self.queue),
        }
    }

    /// Calls `callback` with each event from now on, in a thread of its own.
    pub(crate) fn call(&self, name: &str, mut callback: impl FnMut(E) + Send + 'static) -> io::Result<EventCallback>
    where
        E: Send + 'static,
    {
        let queue = Arc::new(Queue::new(EVENTS_KEPT));
        self.lock().push(Arc::downgrade(&queue));
        // Whoever closes meanwhile has seen the queue, or is seen here.
        if self.is_closed() {
            queue.close();
        }
        let (taken, of) = (Arc::clone(&queue), name.to_owned());
        let run = move || {
            while let Ok(event) = taken.take_timeout(Duration::MAX) {
                shielded(&of, || callback(event));
            }
        };
        thread::Builder::new().name(format!("nuncio{name}")).spawn(run)?;
        Ok(EventCallback {
            end: Box::new(move || queue.close()),
        })
    }

    fn callbacks(&self) -> Vec<Arc<Queue<E>>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Queue<E>>>> {
        let mut callbacks = self.callbacks.lock().unwrap_or_else(PoisonError::into_inner);
        callbacks.retain(|callback| callback.strong_count() > 0);
        callbacks
    }
}

/// A callback for events. It is called no more when this is dropped, or when the endpoint is.
#[must_use = "the callback is called only while this is kept"]
pub struct EventCallback {
    end: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for EventCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventCallback")
    }
}

impl Drop for EventCallback {
    fn drop(&mut self) {
        (self.end)();
    }
}

/// The events of one endpoint, one by one. All streams of an endpoint share them: each event goes to one of them. A
/// callback gets each event, too.
#[derive(Debug)]
pub struct EventStream<E> {
    queue: Arc<Queue<E>>,
}

impl<E> EventStream<E> {
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_callback_gets_each_event_until_it_is_dropped() {
        let events = Events::default();
        let (heard, said) = mpsc::channel();
        let callback = events
            .call("/test", move |event: u32| heard.send(event).unwrap())
            .unwrap();
        events.push(1);
        events.push(2);
        let deadline = Duration::from_secs(20);
        assert_eq!(
            [said.recv_timeout(deadline), said.recv_timeout(deadline)],
            [Ok(1), Ok(2)]
        );
        drop(callback);
        assert_eq!(said.recv_timeout(deadline), Err(mpsc::RecvTimeoutError::Disconnected));
        events.push(3);
        let stream = events.stream();
        let all: Vec<_> = std::iter::from_fn(|| stream.try_next().ok()).collect();
        assert_eq!(all, [1, 2, 3], "a stream gets them as well");
    }

    #[test]
    fn a_callback_of_an_endpoint_that_is_gone_ends() {
        let events: Events<u32> = Events::default();
        events.close();
        let (heard, said) = mpsc::channel::<u32>();
        let _callback = events.call("/test", move |event| heard.send(event).unwrap()).unwrap();
        let ended = said.recv_timeout(Duration::from_secs(20));
        assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
