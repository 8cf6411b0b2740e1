//! What happens around a publisher beside its messages.

use std::io;
use std::time::{Duration, Instant};

use event_listener::{Listener, listener};

use super::{Closed, GenericPublisher, PublishError, PublisherFacts};
use crate::contact::Note;
use crate::event::{EventCallback, EventStream, PublisherEvent};
use crate::link::LinkError;
use crate::matching;
use crate::qos::Liveliness;
use crate::sign_of_life::nanoseconds;
use crate::watch::Revived;

impl PublisherFacts {
    /// Within what time whoever publishes has to show that it is alive, if so.
    pub(crate) fn asserted_within(&self) -> Option<u64> {
        let lease = self.qos.lease.map(nanoseconds);
        lease.filter(|_| self.qos.liveliness == Liveliness::ManualByTopic)
    }
}

impl GenericPublisher {
    /// Whether any subscriber is known now.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn has_subscribers(&self) -> Result<bool, LinkError> {
        self.port.outbox.link().has_subscribers()
    }

    /// Waits until a subscriber is known; `false` when none came in time.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn wait_for_subscribers(&self, timeout: Duration) -> Result<bool, LinkError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            listener!(self.matched => changed);
            if self.has_subscribers()? {
                return Ok(true);
            }
            let woken = match deadline {
                Some(deadline) => changed.wait_deadline(deadline).is_some(),
                None => {
                    changed.wait();
                    true
                }
            };
            if !woken {
                return self.has_subscribers();
            }
        }
    }

    /// What happens around this publisher: subscribers that come and go or request more than is offered, deadlines missed.
    ///
    /// ```no_run
    /// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
    /// use nuncio::PublisherEvent;
    /// use nuncio::msgs::geometry_msgs::msg::Twist;
    ///
    /// let commands = node.publisher::<Twist>("/cmd_vel")?;
    /// let events = commands.events();
    /// while let Ok(event) = events.next().await {
    ///     match event {
    ///         PublisherEvent::Matched { subscriber, count, .. } => println!("{subscriber}; {count} in all"),
    ///         PublisherEvent::IncompatibleQos { subscriber, policy } => eprintln!("{subscriber} requests more {policy}"),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self) -> EventStream<PublisherEvent> {
        self.port.facts.events.stream()
    }

    /// Calls `callback` with each event from now on, in a thread of its own, until what is returned or the publisher is
    /// dropped.
    ///
    /// # Errors
    ///
    /// The operating system's own, when no thread can be started.
    pub fn on_event(&self, callback: impl FnMut(PublisherEvent) + Send + 'static) -> io::Result<EventCallback> {
        self.port.facts.events.call(self.topic().as_str(), callback)
    }

    /// How many subscribers match now, by the cards of their nodes, those of this node included: topic and type are the
    /// same, and what is offered is enough.
    pub fn matched_subscribers(&self) -> usize {
        matching::lock(&self.port.facts.matches).count()
    }

    /// Says that whoever publishes is alive, where the profile's liveliness is
    /// [`ManualByTopic`](crate::Liveliness::ManualByTopic) and has a lease. Each message says so, too. Elsewhere it does
    /// nothing.
    ///
    /// It may be called as often as one likes: signed statements are made at most three times within a lease.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`] when the node is closed.
    pub fn assert_liveliness(&self) -> Result<(), PublishError> {
        self.node.check_open().map_err(|Closed| PublishError::Closed)?;
        if self.port.facts.asserted_within().is_some() {
            let revived = self.port.facts.signs.assertion();
            self.tell_watch(revived);
            if self.port.facts.assertion.wish() {
                self.node.contact.leave(Note::AssertionWished);
            }
        }
        Ok(())
    }

    pub(super) fn tell_watch(&self, revived: bool) {
        if revived {
            let revived = Revived::Publisher(self.port.facts.writer);
            self.node.contact.leave(Note::Revived(revived));
        }
    }
}
