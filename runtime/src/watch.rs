//! The watch: whether publishers keep their deadlines and show that they are alive, those of others and this node's own.
//!
//! One place for each node knows what is due when, and the contact thread, which sleeps otherwise, looks after it. Between
//! two looks the threads that publish and receive only note [signs of life](crate::sign_of_life). A node without deadlines
//! and leases has nothing due, and hears no assertions: it asks for those of nodes only whose publishers it watches.
//!
//! # Invariants
//!
//! - Each publisher that matches subscriptions here is alive or not, for all of them alike; every change is told once.
//! - What is due is looked at again only when it may be overdue, so a topic that is busy costs no more than one at rest.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crate::contact::Note;
use crate::endpoints::SubscriberFacts;
use crate::event::{Counterpart, PublisherEvent};
use crate::generic_publisher::PublisherFacts;
use crate::key_expr::NodeClaim;
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::reception::Reception;
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::peers::WriterFacts;
use crate::security::verifier::{Provenance, Verified};
use crate::sign_of_life::{instant_of, nanoseconds, ticks};
use life::{Life, Pairing};
use schedule::Schedule;
use statements::Heard;

mod life;
mod schedule;
mod statements;

/// A publisher that had been given up has shown that it is alive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Revived {
    /// One that subscriptions of this node match.
    Writer(PublicKey, Writer),
    /// One of this node's own, whose liveliness is manual.
    Publisher(Writer),
}

/// What a node watches over.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    state: Mutex<WatchState>,
}

#[derive(Debug, Default)]
pub(crate) struct WatchState {
    schedule: Schedule<Due>,
    lives: HashMap<(PublicKey, Writer), Life>,
    lives_begun: u64,
    /// Publishers of this node whose liveliness is manual and was asserted within the lease.
    asserted: HashSet<Writer>,
    /// When the next statement of this node is due, and when the last was made.
    statement_due: Option<u64>,
    last_statement: u64,
    /// The nodes whose statements are heard here.
    heard: HashMap<Counterpart, Heard>,
    /// The numbers of the last statements of nodes.
    numbers: HashMap<Counterpart, (u64, u64)>,
    /// Nodes whose tokens have vanished and that are not forgotten yet.
    gone: HashSet<NodeClaim>,
}

/// What is to be looked at.
#[derive(Debug)]
enum Due {
    /// Whether a publisher of this node has published within its deadline.
    Offered(Weak<PublisherFacts>),
    /// Whether the liveliness of a publisher of this node was asserted within its lease.
    Asserted(Weak<PublisherFacts>),
    /// Whether a message came to a subscription within its deadline.
    Requested(Weak<Pairing>),
    /// Whether a publisher has shown within its lease that it is alive.
    Alive(PublicKey, Writer, u64),
}

impl Watch {
    pub(crate) fn lock(&self) -> MutexGuard<'_, WatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after what is due. Gives when the next of it is. Called by the contact thread.
    pub(crate) fn attend(&self, node: &NodeCore) -> Option<Instant> {
        let (due, writers) = {
            let mut state = self.lock();
            let now = ticks();
            while let Some(due) = state.schedule.pop(now) {
                state.look_at(due, now);
            }
            let writers = match state.statement_due {
                Some(due) if due <= now => state.make_statement(node, now),
                _ => Vec::new(),
            };
            let due = state.schedule.next().into_iter().chain(state.statement_due).min();
            (due, writers)
        };
        if !writers.is_empty() {
            node.assert_alive(&writers);
        }
        due.map(instant_of)
    }

    /// The publishers that match subscriptions here and have not shown within their lease that they are alive.
    pub(crate) fn silent(&self) -> Vec<(Counterpart, TopicName)> {
        let (state, now) = (self.lock(), ticks());
        let silent = state.lives.values().filter(|life| life.is_silent(now));
        silent
            .map(|life| (life.publisher.clone(), life.writer.topic.clone()))
            .collect()
    }

    /// A publisher that had been given up has shown that it is alive.
    pub(crate) fn revive(&self, node: &NodeCore, revived: Revived) {
        let mut state = self.lock();
        match revived {
            Revived::Writer(key, writer) => state.revive(key, writer),
            Revived::Publisher(writer) => {
                let publishers = node.endpoints.publishers();
                if let Some(publisher) = publishers.iter().find(|publisher| publisher.writer == writer)
                    && let Some(lease) = publisher.asserted_within()
                    && state.asserted.insert(writer)
                {
                    let due = publisher.signs.last() + lease;
                    state.schedule.add(due, Due::Asserted(Arc::downgrade(publisher)));
                }
            }
        }
    }
}

impl WatchState {
    /// A node is there, or there again.
    pub(crate) fn has_come(&mut self, claim: &NodeClaim) {
        self.gone.remove(claim);
    }

    /// A node is gone; it may still be known.
    pub(crate) fn has_gone(&mut self, claim: &NodeClaim, is_known: bool) {
        if is_known {
            self.gone.insert(claim.clone());
        } else {
            self.gone.remove(claim);
            // Whoever comes again shows a card with a greater number first.
            self.numbers.remove(&Counterpart {
                node: claim.node.clone(),
                key: claim.key,
            });
        }
    }

    pub(crate) fn is_gone(&self, claim: &NodeClaim) -> bool {
        self.gone.contains(claim)
    }

    /// There is another publisher in this node, among these.
    pub(crate) fn begin_publisher(&mut self, publisher: &Arc<PublisherFacts>, all: &[Arc<PublisherFacts>]) {
        let asserted = publisher.asserted_within().is_some();
        if asserted || publisher.qos.deadline.is_some() {
            publisher.signs.begin(!asserted);
        }
        if let Some(deadline) = publisher.qos.deadline {
            let due = publisher.signs.last_message() + nanoseconds(deadline);
            self.schedule.add(due, Due::Offered(Arc::downgrade(publisher)));
        }
        if publisher.qos.lease.is_some() {
            self.plan_statement(all, ticks());
        }
    }

    /// A publisher and a subscription match from now on.
    pub(crate) fn begin_pairing(
        &mut self,
        node: &NodeCore,
        subscriber: &Arc<SubscriberFacts>,
        publisher: &Counterpart,
        (id, writer): (Writer, Arc<WriterFacts>),
    ) {
        let (id, now, lease) = ((publisher.key, id), ticks(), writer.offer.lease);
        // With a lease it is alive once it has shown it: that its node is there is said by nobody who signs.
        let alive = lease.is_none();
        if lease.is_some() || subscriber.qos.deadline.is_some() {
            writer.signs.begin(alive);
        }
        if !self.lives.contains_key(&id) {
            self.lives_begun += 1;
            if lease.is_some() {
                self.listen(node, publisher);
            }
        }
        let life = self.lives.entry(id).or_insert_with(|| Life {
            number: self.lives_begun,
            publisher: publisher.clone(),
            writer: Arc::clone(&writer),
            alive,
            pairings: Vec::new(),
        });
        let pairing = Arc::new(Pairing {
            subscriber: Arc::clone(subscriber),
            publisher: publisher.clone(),
            writer,
            since: now,
        });
        if life.alive {
            pairing.tell_alive(true);
        }
        if let Some(deadline) = subscriber.qos.deadline {
            let due = Due::Requested(Arc::downgrade(&pairing));
            self.schedule.add(now + nanoseconds(deadline), due);
        }
        life.pairings.push(pairing);
    }

    /// They match no longer: because the publisher's node is gone, or in good order.
    pub(crate) fn end_pairing(
        &mut self,
        subscriber: &Arc<SubscriberFacts>,
        key: PublicKey,
        writer: Writer,
        gone: bool,
    ) {
        let Some(life) = self.lives.get_mut(&(key, writer)) else {
            return;
        };
        let of_subscriber = |pairing: &Arc<Pairing>| Arc::ptr_eq(&pairing.subscriber, subscriber);
        if gone && life.alive {
            life.pairings
                .iter()
                .filter(|pairing| of_subscriber(pairing))
                .for_each(|pairing| pairing.tell_alive(false));
        }
        life.pairings.retain(|pairing| !of_subscriber(pairing));
        if life.pairings.is_empty()
            && let Some(life) = self.lives.remove(&(key, writer))
        {
            life.writer.signs.end();
            if life.writer.offer.lease.is_some() {
                self.listen_no_more(&life.publisher);
            }
        }
    }

    fn look_at(&mut self, due: Due, now: u64) {
        match due {
            Due::Offered(weak) => {
                if let Some(publisher) = weak.upgrade().filter(|publisher| !publisher.events.is_closed())
                    && let Some(deadline) = publisher.qos.deadline.map(nanoseconds)
                {
                    let next = publisher.signs.last_message() + deadline;
                    if next <= now {
                        let total = publisher.deadlines_missed.add(1);
                        publisher.events.push(PublisherEvent::DeadlineMissed { total });
                    }
                    self.schedule.add(next_look(next, now, deadline), Due::Offered(weak));
                }
            }
            Due::Asserted(weak) => {
                if let Some(publisher) = weak.upgrade().filter(|publisher| !publisher.events.is_closed())
                    && let Some(lease) = publisher.asserted_within()
                {
                    match publisher.signs.give_up(lease, now) {
                        Ok(()) => {
                            self.asserted.remove(&publisher.writer);
                            let total = publisher.liveliness_lost.add(1);
                            publisher.events.push(PublisherEvent::LivelinessLost { total });
                        }
                        Err(next) => self.schedule.add(next, Due::Asserted(weak)),
                    }
                }
            }
            Due::Requested(weak) => {
                if let Some(pairing) = weak.upgrade()
                    && let Some(deadline) = pairing.subscriber.qos.deadline.map(nanoseconds)
                {
                    let next = pairing.writer.signs.last_message().max(pairing.since) + deadline;
                    if next <= now {
                        pairing.miss_deadline();
                    }
                    self.schedule.add(next_look(next, now, deadline), Due::Requested(weak));
                }
            }
            Due::Alive(key, writer, number) => {
                if let Some(life) = self.lives.get_mut(&(key, writer)).filter(|life| life.number == number)
                    && let Some(lease) = life.writer.offer.lease.map(nanoseconds)
                {
                    match life.writer.signs.give_up(lease, now) {
                        Ok(()) => life.turn(false),
                        Err(next) => self.schedule.add(next, Due::Alive(key, writer, number)),
                    }
                }
            }
        }
    }

    fn revive(&mut self, key: PublicKey, writer: Writer) {
        let Some(life) = self.lives.get_mut(&(key, writer)).filter(|life| !life.alive) else {
            return;
        };
        life.turn(true);
        if let Some(lease) = life.writer.offer.lease {
            let due = Due::Alive(key, writer, life.number);
            self.schedule.add(life.writer.signs.last() + nanoseconds(lease), due);
        }
    }
}

/// When to look again: when the time is over, or, if it is, after another period.
fn next_look(next: u64, now: u64, period: u64) -> u64 {
    if next > now { next } else { now + period }
}

impl Reception {
    /// A verified frame passes. What was held by somebody else, or played back, says nothing of its publisher.
    pub(crate) fn note_sign_of_life(&self, frame: &Verified) {
        if frame.provenance() != Provenance::Live {
            return;
        }
        let facts = frame.facts();
        facts.peer.note_seen(frame.received_time_ns());
        if facts.signs.message() {
            let header = frame.header();
            self.contact
                .leave(Note::Revived(Revived::Writer(header.key, header.writer)));
        }
    }
}
