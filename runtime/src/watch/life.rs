//! The life of one publisher, as the subscriptions that match it are told of it.

use std::sync::Arc;

use super::count;
use crate::endpoints::SubscriberFacts;
use crate::event::{Counterpart, SubscriberEvent};
use crate::security::peers::WriterFacts;

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
        let total = count(&self.subscriber.deadlines_missed);
        let publisher = self.publisher.clone();
        self.subscriber
            .events
            .push(SubscriberEvent::DeadlineMissed { publisher, total });
    }
}
