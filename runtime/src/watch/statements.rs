//! Statements that publishers are alive: when this node makes one, and what it takes from those of others.

use std::sync::Arc;
use std::time::Duration;

use super::{Watch, WatchState};
use crate::assertion;
use crate::contact::Note;
use crate::event::Counterpart;
use crate::generic_publisher::PublisherFacts;
use crate::key_expr::{self, NodeClaim};
use crate::link::{Bytes, Declared};
use crate::node::NodeCore;
use crate::qos::Liveliness;
use crate::security::frame::Writer;
use crate::sign_of_life::{nanoseconds, ticks};

/// How many statements a node makes within the shortest lease of its publishers.
const ASSERTIONS_PER_LEASE: u64 = 3;
/// How much time lies between two statements at least: signatures cost, and no lease that short can be kept.
const ASSERTION_PAUSE_MIN: Duration = Duration::from_millis(5);

/// A node whose statements are heard.
#[derive(Debug)]
pub(super) struct Heard {
    _declared: Option<Declared>,
    lives: usize,
}

impl Watch {
    /// The liveliness of a publisher was asserted: a statement follows, at once unless there was one a moment ago.
    pub(crate) fn plan_statement(&self, node: &NodeCore) {
        self.lock().plan_statement(&node.endpoints.publishers(), ticks());
    }

    /// Takes in a statement of another node, if anybody here wants to know.
    pub(crate) fn take_statement(&self, node: &NodeCore, claim: &NodeClaim, bytes: &Bytes) {
        let of = Counterpart {
            node: claim.node.clone(),
            key: claim.key,
        };
        let Some(peer) = node.peers.node(claim.key, &claim.node) else {
            return;
        };
        if peer.epoch() != claim.epoch || !self.lock().heard.contains_key(&of) {
            return;
        }
        let opened = assertion::open(bytes.as_slice(), &node.domain, claim, &node.peers);
        let (writers, number) = match opened {
            Ok(opened) => opened,
            Err(refusal) => return node.refuse_document(refusal),
        };
        let mut state = self.lock();
        let last = state.numbers.get(&of).copied().unwrap_or_default();
        // A card shows with a nonce that it is new, and its number is of the same row.
        if (claim.epoch, number) <= last || number <= peer.card_number() {
            return;
        }
        state.numbers.insert(of.clone(), (claim.epoch, number));
        state.hear(&of, &writers);
    }
}

impl WatchState {
    /// A node says that these publishers of it are alive.
    fn hear(&mut self, of: &Counterpart, writers: &[Writer]) {
        for writer in writers {
            let life = self.lives.get(&(of.key, *writer)).filter(|life| life.publisher == *of);
            if life.is_some_and(|life| life.writer.signs.assertion()) {
                self.revive(of.key, *writer);
            }
        }
    }

    /// Plans the next statement about these publishers of this node.
    pub(super) fn plan_statement(&mut self, publishers: &[Arc<PublisherFacts>], now: u64) {
        if self.last_statement == 0 {
            self.last_statement = now;
        }
        let due = publishers.iter().filter_map(|publisher| {
            let pause = nanoseconds(publisher.qos.lease?) / ASSERTIONS_PER_LEASE;
            let last = match publisher.qos.liveliness {
                Liveliness::Automatic => self.last_statement,
                Liveliness::ManualByTopic if publisher.assertion.is_wished() => publisher.assertion.last_stated(),
                Liveliness::ManualByTopic => return None,
            };
            Some((last + pause).max(self.last_statement + nanoseconds(ASSERTION_PAUSE_MIN)))
        });
        self.statement_due = due.min();
    }

    /// The writers of the statement that is due, and when the next one is. What this node says it hears itself at once.
    pub(super) fn make_statement(&mut self, node: &NodeCore, now: u64) -> Vec<Writer> {
        let publishers = node.endpoints.publishers();
        let is_alive = |publisher: &&Arc<PublisherFacts>| {
            let is_manual = publisher.qos.liveliness == Liveliness::ManualByTopic;
            publisher.qos.lease.is_some() && (!is_manual || publisher.assertion.take(now))
        };
        let writers: Vec<_> = publishers
            .iter()
            .filter(is_alive)
            .map(|publisher| publisher.writer)
            .collect();
        self.last_statement = now;
        self.plan_statement(&publishers, now);
        let own = Counterpart {
            node: node.name.clone(),
            key: node.public_key(),
        };
        self.hear(&own, &writers);
        writers
    }

    /// Hears the statements of a node, which hears its own anyway.
    pub(super) fn listen(&mut self, node: &NodeCore, of: &Counterpart) {
        let heard = self.heard.entry(of.clone()).or_insert_with(|| {
            let is_own = of.key == node.public_key() && of.node == node.name;
            // Without it the publisher is taken for dead, which is told.
            let declared = (!is_own).then(|| node.hear_assertions(of)).flatten();
            Heard {
                _declared: declared,
                lives: 0,
            }
        });
        heard.lives += 1;
    }

    pub(super) fn listen_no_more(&mut self, of: &Counterpart) {
        if let Some(heard) = self.heard.get_mut(of) {
            heard.lives -= 1;
            if heard.lives == 0 {
                self.heard.remove(of);
            }
        }
    }
}

impl NodeCore {
    fn hear_assertions(&self, of: &Counterpart) -> Option<Declared> {
        let (contact, domain) = (Arc::clone(&self.contact), self.domain.clone());
        let heard = self.link.subscribe(
            &key_expr::assertions_of(&domain, &of.key, &of.node),
            move |key_expr, bytes| {
                if let Some(claim) = key_expr::parse_node_claim(&domain, key_expr) {
                    contact.leave(Note::Asserted(claim, bytes));
                }
            },
        );
        heard.ok()
    }
}
