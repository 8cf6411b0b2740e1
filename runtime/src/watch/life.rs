//! The life of one publisher, as the subscriptions that match it are told of it.

use std::sync::Arc;

use crate::endpoints::SubscriberFacts;
use crate::event::{Counterpart, SubscriberEvent};
use crate::security::peers::WriterFacts;
use crate::sign_of_life::nanoseconds;

/// A publisher and a subscription of this node that match.
#[derive(Debug)]
pub(super) struct Pairing {
    pub(super) subscriber: Arc<SubscriberFacts>,
    pub(super) publisher: Counterpart,
    pub(super) writer: Arc<WriterFacts>,
    pub(super) since: u64,
}

/// A publisher that subscriptions of this node match.
#[derive(Debug)]
pub(super) struct Life {
    /// Lives are numbered: a publisher may go and come again.
    pub(super) number: u64,
    pub(super) publisher: Counterpart,
    pub(super) writer: Arc<WriterFacts>,
    pub(super) alive: bool,
    pub(super) pairings: Vec<Arc<Pairing>>,
}

impl Life {
    /// Whether it has not shown that it is alive, and there was a lease's time for it.
    pub(super) fn is_silent(&self, now: u64) -> bool {
        let lease = self.writer.offer.lease.map_or(0, nanoseconds);
        let since = self.pairings.iter().map(|pairing| pairing.since).min();
        !self.alive && since.is_some_and(|since| since + lease <= now)
    }

    pub(super) fn turn(&mut self, alive: bool) {
        self.alive = alive;
        self.pairings.iter().for_each(|pairing| pairing.tell_alive(alive));
    }
}

impl Pairing {
    pub(super) fn tell_alive(&self, alive: bool) {
        let publisher = self.publisher.clone();
        self.subscriber.events.push(match alive {
            true => SubscriberEvent::LivelinessGained { publisher },
            false => SubscriberEvent::LivelinessLost { publisher },
        });
    }

    pub(super) fn miss_deadline(&self) {
        let total = self.subscriber.deadlines_missed.add(1);
        let publisher = self.publisher.clone();
        self.subscriber
            .events
            .push(SubscriberEvent::DeadlineMissed { publisher, total });
    }
}
