//! The topic on which a node tells its facts, once a second while somebody subscribes to it.
//!
//! The publisher is declared when the card of a node names a subscription to the topic, and taken back when none does any
//! more: nobody pays for what nobody hears. It is the contact thread that publishes, without waiting for a congested link.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_msgs::nuncio_msgs::msg::NodeFacts;

use crate::key_expr::NodeClaim;
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::outbox::NoRoom;
use crate::payload;
use crate::publisher_port::PublisherPort;
use crate::qos::QosProfile;
use crate::security::frame::Accompaniment;
use crate::type_support;

/// How often facts are told.
const PERIOD: Duration = Duration::from_secs(1);

/// The last part of the topic's name.
const NAME: &str = "~/facts";

/// Who wishes to hear the facts, and what they are told on.
#[derive(Debug, Default)]
pub(super) struct FactsTopic {
    wished_by: HashSet<NodeClaim>,
    /// Subscriptions of the node itself.
    wished_here: bool,
    port: Option<PublisherPort>,
    due: Option<Instant>,
}

impl FactsTopic {
    /// A node has shown what it subscribes to.
    pub(super) fn look_at(&mut self, node: &NodeCore, claim: &NodeClaim) {
        let Some((peer, topic)) = node.peers.node(claim.key, &claim.node).zip(topic(node)) else {
            return;
        };
        let is_wished = peer
            .card()
            .subscribers
            .iter()
            .any(|entry| entry.topic == topic.as_str());
        match is_wished {
            true => drop(self.wished_by.insert(claim.clone())),
            false => self.forget(claim),
        }
        self.plan();
    }

    /// This node may subscribe to something else than before.
    pub(super) fn look_at_own(&mut self, node: &NodeCore) {
        let subscribers = node.endpoints.subscribers();
        self.wished_here = topic(node).is_some_and(|topic| subscribers.iter().any(|facts| facts.topic == topic));
        self.plan();
    }

    /// A node is gone.
    pub(super) fn forget(&mut self, claim: &NodeClaim) {
        self.wished_by.remove(claim);
        self.plan();
    }

    /// When there is something to do.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Publishes what is due, or takes the publisher back.
    pub(super) fn attend(&mut self, node: &Arc<NodeCore>) {
        let now = Instant::now();
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        if !self.is_wished() {
            self.due = None;
            if let Some(port) = self.port.take() {
                port.retire(node);
            }
            return;
        }
        self.due = Some(now + PERIOD);
        if self.port.is_none() {
            // A node that has no room for another publisher tries again with the next period.
            self.port = topic(node).and_then(|topic| {
                let definition = type_support::definition_of::<NodeFacts>();
                PublisherPort::declare(node, topic, definition, QosProfile::keep_last(1), None, false).ok()
            });
        }
        if let Some(port) = &self.port {
            let facts = node.facts();
            // A congested link gets the next ones.
            let _ = port.publish(node, Accompaniment::default(), NoRoom::GiveBack, |frame, time_ns| {
                frame.push(time_ns, Accompaniment::default(), |bytes| {
                    payload::encode(&facts, time_ns, bytes)
                })
            });
        }
    }

    fn is_wished(&self) -> bool {
        self.wished_here || !self.wished_by.is_empty()
    }

    /// Something has to be done at once when it is wished and not done, or done and not wished.
    fn plan(&mut self) {
        if self.is_wished() != self.port.is_some() && !(self.is_wished() && self.due.is_some()) {
            self.due = Some(Instant::now());
        }
    }
}

fn topic(node: &NodeCore) -> Option<TopicName> {
    TopicName::resolve(NAME, &node.name).ok()
}
