//! Matching: which publishers and subscribers of the network belong to an endpoint of this node, by the cards of their nodes.
//!
//! An endpoint matches when the topic is the same, the type agrees, and what is offered is enough for what is requested
//! ([`Offer::misses`]); a publisher also has to have the right to publish there. Where only the policies do not fit, both
//! sides are told which. The endpoints of the node itself count, too.
//!
//! What changes is told once: cards come again and again, and what is the same in them changes nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber};

use crate::clock;
use crate::endpoints::SubscriberFacts;
use crate::event::{Counterpart, PublisherEvent, SubscriberEvent};
use crate::generic_publisher::PublisherFacts;
use crate::key_expr::NodeClaim;
use crate::name::NodeName;
use crate::node::NodeCore;
use crate::qos::compatibility::{Offer, Policy, Request};
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::peer::Peer;
use crate::watch::WatchState;

/// How far an endpoint of the topic and type belongs to another one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fit {
    /// It matches.
    Full,
    /// This policy does not fit.
    Misses(Policy),
}

/// What a node has for one endpoint of ours: publishers by their writers, subscribers, which have no names, by how many of
/// the same fit stand before them.
type Found = BTreeSet<(Fit, u64)>;

/// What belongs to one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    nodes: HashMap<Counterpart, OfNode>,
    full: usize,
}

#[derive(Debug, Default)]
struct OfNode {
    epoch: u64,
    found: Found,
}

/// Something came or went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Change {
    fit: Fit,
    id: u64,
    appeared: bool,
    /// It went because its instance of the node is gone.
    ended: bool,
    /// How many match now.
    count: usize,
}

impl Matches {
    /// How many match now.
    pub(crate) fn count(&self) -> usize {
        self.full
    }

    /// What would match but for a policy.
    pub(crate) fn misfits(&self) -> impl Iterator<Item = (&Counterpart, Policy)> {
        self.nodes.iter().flat_map(|(of, node)| {
            node.found.iter().filter_map(move |(fit, _)| match fit {
                Fit::Misses(policy) => Some((of, *policy)),
                Fit::Full => None,
            })
        })
    }

    /// This instance of a node has these now, which may be none. What goes stands before what comes.
    fn update(&mut self, of: &Counterpart, epoch: u64, found: Found) -> Vec<Change> {
        let before = self.nodes.remove(of).unwrap_or_default();
        let ended = before.epoch != epoch;
        let kept = |entry: &&(Fit, u64)| !ended && before.found.contains(*entry) && found.contains(*entry);
        let gone = before.found.iter().filter(|entry| !kept(entry));
        let mut changes: Vec<_> = gone.map(|entry| self.count_change(*entry, false, ended)).collect();
        let come = found.iter().filter(|entry| !kept(entry));
        changes.extend(come.map(|entry| self.count_change(*entry, true, false)));
        if !found.is_empty() {
            self.nodes.insert(of.clone(), OfNode { epoch, found });
        }
        changes
    }

    /// An instance of a node is gone.
    fn forget(&mut self, of: &Counterpart, epoch: u64) -> Vec<Change> {
        if self.nodes.get(of).is_none_or(|node| node.epoch != epoch) {
            return Vec::new();
        }
        let gone = self.nodes.remove(of).unwrap_or_default();
        gone.found
            .iter()
            .map(|entry| self.count_change(*entry, false, true))
            .collect()
    }

    /// The writers that match, of all nodes.
    fn writers(&self) -> impl Iterator<Item = (PublicKey, Writer)> {
        self.nodes.iter().flat_map(|(of, node)| {
            let full = node.found.iter().filter(|(fit, _)| *fit == Fit::Full);
            full.map(|(_, id)| (of.key, Writer(*id)))
        })
    }

    /// The nodes with at least one that matches, and in which start of them.
    pub(crate) fn readers(&self) -> Vec<(Counterpart, u64)> {
        let has_match = |node: &OfNode| node.found.iter().any(|(fit, _)| *fit == Fit::Full);
        let matching = self.nodes.iter().filter(|(_, node)| has_match(node));
        matching.map(|(of, node)| (of.clone(), node.epoch)).collect()
    }

    fn count_change(&mut self, (fit, id): (Fit, u64), appeared: bool, ended: bool) -> Change {
        if fit == Fit::Full {
            self.full = if appeared { self.full + 1 } else { self.full - 1 };
        }
        Change {
            fit,
            id,
            appeared,
            ended,
            count: self.full,
        }
    }
}

impl NodeCore {
    /// A node has come, or its card has changed.
    pub(crate) fn match_node(&self, key: PublicKey, name: &NodeName) {
        let mut watch = self.watch.lock();
        // Read under the lock: of two threads the later one has the newer card.
        let Some(peer) = self.peers.node(key, name) else { return };
        watch.has_come(&claim_of(&peer));
        let card = peer.card();
        let offered = by_topic(&card.publishers, |publisher| publisher.topic.as_str());
        for subscriber in self.endpoints.subscribers() {
            let offered = offered.get(subscriber.topic.as_str()).into_iter().flatten().copied();
            self.match_publishers(&mut watch, &subscriber, &peer, offered);
        }
        let requested = by_topic(&card.subscribers, |subscriber| subscriber.topic.as_str());
        for publisher in self.endpoints.publishers() {
            let requested = requested.get(publisher.topic.as_str()).into_iter().flatten().copied();
            match_subscribers(&publisher, &peer, requested);
        }
    }

    /// The trust policy has changed: who may publish is asked anew.
    pub(crate) fn match_all(&self) {
        for peer in self.peers.all() {
            if !self.watch.lock().is_gone(&claim_of(&peer)) {
                self.match_node(peer.public_key(), peer.name());
            }
        }
    }

    /// A node is gone.
    pub(crate) fn unmatch_node(&self, claim: &NodeClaim) {
        let mut watch = self.watch.lock();
        let known = self.peers.node(claim.key, &claim.node);
        // Anybody can make a token, so one of an instance that is not known says nothing.
        if known.as_ref().is_some_and(|peer| peer.epoch() != claim.epoch) {
            watch.has_come(claim);
            return;
        }
        watch.has_gone(claim, known.is_some());
        if known.is_some() && self.check_open().is_ok() {
            tracing::info!("{} is gone", claim.node);
        }
        let of = Counterpart {
            node: claim.node.clone(),
            key: claim.key,
        };
        for subscriber in self.endpoints.subscribers() {
            let changes = lock(&subscriber.matches).forget(&of, claim.epoch);
            self.tell_subscriber(&mut watch, &subscriber, &of, changes);
        }
        for publisher in self.endpoints.publishers() {
            let changes = lock(&publisher.matches).forget(&of, claim.epoch);
            tell_publisher(&publisher, &of, changes);
        }
    }

    /// There is another publisher in this node.
    pub(crate) fn match_publisher(&self, publisher: &Arc<PublisherFacts>) {
        let mut watch = self.watch.lock();
        watch.begin_publisher(publisher, &self.endpoints.publishers());
        for peer in self.peers.all().iter().filter(|peer| !watch.is_gone(&claim_of(peer))) {
            let (card, topic) = (peer.card(), publisher.topic.as_str());
            match_subscribers(
                publisher,
                peer,
                card.subscribers.iter().filter(|other| other.topic == topic),
            );
        }
    }

    /// There is another subscriber in this node.
    pub(crate) fn match_subscriber(&self, subscriber: &Arc<SubscriberFacts>) {
        let mut watch = self.watch.lock();
        for peer in self.peers.all() {
            if watch.is_gone(&claim_of(&peer)) {
                continue;
            }
            let (card, topic) = (peer.card(), subscriber.topic.as_str());
            let offered = card.publishers.iter().filter(|other| other.topic == topic);
            self.match_publishers(&mut watch, subscriber, &peer, offered);
        }
    }

    /// A subscriber of this node is dropped.
    pub(crate) fn end_subscriber(&self, subscriber: &Arc<SubscriberFacts>) {
        let mut watch = self.watch.lock();
        let writers: Vec<_> = lock(&subscriber.matches).writers().collect();
        for (key, writer) in writers {
            watch.end_pairing(subscriber, key, writer, false);
        }
    }

    fn match_publishers<'a>(
        &self,
        watch: &mut WatchState,
        subscriber: &Arc<SubscriberFacts>,
        peer: &Peer,
        offered: impl Iterator<Item = &'a CardPublisher>,
    ) {
        let entry = |card: &CardPublisher| {
            let writer = Writer(card.writer);
            let facts = self.peers.writer(peer.public_key(), writer)?;
            let may = subscriber.takes(&card.type_name, &TypeHash::from_bytes(card.type_hash))
                && self.trust.standing(&facts, clock::now_ns()).permit().is_ok();
            may.then(|| (fit(&Offer::in_card(card), &Request::of(&subscriber.qos)), writer.0))
        };
        let (found, of) = (offered.filter_map(entry).collect(), Counterpart::of(peer));
        let changes = lock(&subscriber.matches).update(&of, peer.epoch(), found);
        self.tell_subscriber(watch, subscriber, &of, changes);
    }

    fn tell_subscriber(
        &self,
        watch: &mut WatchState,
        subscriber: &Arc<SubscriberFacts>,
        of: &Counterpart,
        changes: Vec<Change>,
    ) {
        for change in changes {
            let (publisher, writer) = (of.clone(), Writer(change.id));
            match change.fit {
                Fit::Misses(policy) if change.appeared => {
                    subscriber
                        .events
                        .push(SubscriberEvent::IncompatibleQos { publisher, policy });
                }
                Fit::Misses(_) => {}
                Fit::Full => {
                    if !change.appeared {
                        watch.end_pairing(subscriber, of.key, writer, change.ended);
                    }
                    subscriber.events.push(SubscriberEvent::Matched {
                        publisher,
                        appeared: change.appeared,
                        count: change.count,
                    });
                    if change.appeared
                        && let Some(facts) = self.peers.writer(of.key, writer)
                    {
                        watch.begin_pairing(self, subscriber, of, (writer, facts));
                    }
                }
            }
        }
    }
}

fn match_subscribers<'a>(publisher: &PublisherFacts, peer: &Peer, requested: impl Iterator<Item = &'a CardSubscriber>) {
    let mut found = Found::new();
    for card in requested {
        let any_type = card.type_name.is_empty();
        if any_type || (card.type_name == publisher.type_name && card.type_hash == *publisher.type_hash.as_bytes()) {
            let fit = fit(&Offer::of(&publisher.qos), &Request::in_card(card));
            let before = found.iter().filter(|(other, _)| *other == fit).count();
            found.insert((fit, before as u64));
        }
    }
    let of = Counterpart::of(peer);
    let changes = lock(&publisher.matches).update(&of, peer.epoch(), found);
    tell_publisher(publisher, &of, changes);
}

fn tell_publisher(publisher: &PublisherFacts, of: &Counterpart, changes: Vec<Change>) {
    for change in changes {
        let subscriber = of.clone();
        match change.fit {
            Fit::Misses(policy) if change.appeared => {
                publisher
                    .events
                    .push(PublisherEvent::IncompatibleQos { subscriber, policy });
            }
            Fit::Misses(_) => {}
            Fit::Full => publisher.events.push(PublisherEvent::Matched {
                subscriber,
                appeared: change.appeared,
                count: change.count,
            }),
        }
    }
}

fn fit(offer: &Offer, request: &Request) -> Fit {
    offer.misses(request).map_or(Fit::Full, Fit::Misses)
}

fn claim_of(peer: &Peer) -> NodeClaim {
    NodeClaim {
        key: peer.public_key(),
        epoch: peer.epoch(),
        node: peer.name().clone(),
    }
}

fn by_topic<'a, T>(entries: &'a [T], topic: impl Fn(&'a T) -> &'a str) -> HashMap<&'a str, Vec<&'a T>> {
    let mut topics: HashMap<_, Vec<_>> = HashMap::new();
    for entry in entries {
        topics.entry(topic(entry)).or_default().push(entry);
    }
    topics
}

/// The matches of an endpoint; held for moments only.
pub(crate) fn lock(matches: &std::sync::Mutex<Matches>) -> MutexGuard<'_, Matches> {
    matches.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: (Fit, u64) = (Fit::Full, 7);
    const MISSES: (Fit, u64) = (Fit::Misses(Policy::Deadline), 8);

    fn of(seed: u8) -> Counterpart {
        Counterpart {
            node: NodeName::parse("/talker").unwrap(),
            key: PublicKey::from_bytes([seed; 32]),
        }
    }

    fn seen(changes: &[Change]) -> Vec<(Fit, bool, bool, usize)> {
        let seen = |change: &Change| (change.fit, change.appeared, change.ended, change.count);
        changes.iter().map(seen).collect()
    }

    #[test]
    fn what_is_the_same_is_told_once() {
        let mut matches = Matches::default();
        let both = Found::from([FULL, MISSES]);
        let changes = matches.update(&of(1), 5, both.clone());
        assert_eq!(
            seen(&changes),
            [(Fit::Full, true, false, 1), (MISSES.0, true, false, 1)]
        );
        assert_eq!(matches.update(&of(1), 5, both.clone()), []);
        assert_eq!(
            seen(&matches.update(&of(2), 5, Found::from([FULL]))),
            [(Fit::Full, true, false, 2)]
        );
        let changes = matches.update(&of(1), 5, Found::from([MISSES]));
        assert_eq!(seen(&changes), [(Fit::Full, false, false, 1)]);
        assert_eq!(matches.forget(&of(2), 4), [], "that instance was gone before");
        assert_eq!(seen(&matches.forget(&of(2), 5)), [(Fit::Full, false, true, 0)]);
        assert_eq!(matches.forget(&of(2), 5), []);
        assert_eq!(matches.count(), 0);
    }

    #[test]
    fn another_instance_of_a_node_is_another_counterpart() {
        let mut matches = Matches::default();
        matches.update(&of(1), 5, Found::from([FULL]));
        let changes = matches.update(&of(1), 6, Found::from([FULL]));
        assert_eq!(
            seen(&changes),
            [(Fit::Full, false, true, 0), (Fit::Full, true, false, 1)]
        );
    }
}
