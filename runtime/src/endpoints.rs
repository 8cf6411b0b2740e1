//! What a node publishes, subscribes to, serves and calls: the source of its card.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, CardService, CardSubscriber, TypeDefinition};

use crate::durable_publisher::DURABLE_INDEX;
use crate::event::{Events, SubscriberEvent};
use crate::generic_publisher::PublisherFacts;
use crate::generic_request::ServerPort;
use crate::journal_keeper::JournalKeeper;
use crate::matching::Matches;
use crate::name::{NodeName, TopicName};
use crate::qos::QosProfile;
use crate::qos::compatibility::Request;
use crate::reception::Reception;
use crate::security::frame::Writer;
use crate::security::verifier::ExpectedType;
use crate::service_calls::Calls;
use crate::service_facts::{ServiceEnd, ServiceFacts, ServiceTypes};
use crate::stats::Tally;

/// The most publishers, and the most subscribers, that one node may have: what its card has room for.
pub(crate) const ENDPOINTS_MAX: usize = 1024;

/// The most service clients and servers that one node may have, for the same reason.
pub(crate) const SERVICES_MAX: usize = 256;

/// What a subscriber and the card of its node share.
#[derive(Debug)]
pub(crate) struct SubscriberFacts {
    pub(crate) topic: TopicName,
    /// Empty: any type.
    pub(crate) type_name: String,
    pub(crate) type_hash: TypeHash,
    /// Whether other versions of the type are taken, too.
    pub(crate) any_version: bool,
    pub(crate) qos: QosProfile,
    pub(crate) events: Arc<Events<SubscriberEvent>>,
    pub(crate) matches: Mutex<Matches>,
    pub(crate) deadlines_missed: Tally,
    pub(crate) reception: Weak<Reception>,
}

impl SubscriberFacts {
    pub(crate) fn new(topic: TopicName, expected: &ExpectedType, qos: QosProfile, reception: &Arc<Reception>) -> Self {
        let (type_name, type_hash) = match expected {
            ExpectedType::Exactly { name, hash, .. } | ExpectedType::Versions { name, hash, .. } => {
                (name.clone(), *hash)
            }
            ExpectedType::AsInCard => (String::new(), TypeHash::from_bytes([0; 32])),
        };
        Self {
            topic,
            type_name,
            type_hash,
            any_version: matches!(expected, ExpectedType::Versions { .. }),
            qos,
            events: Arc::clone(&reception.events),
            matches: Mutex::default(),
            deadlines_missed: Tally::default(),
            reception: Arc::downgrade(reception),
        }
    }

    /// Whether messages of this type are taken, as far as its name and hash tell.
    pub(crate) fn takes(&self, type_name: &str, type_hash: &TypeHash) -> bool {
        self.type_name.is_empty() || (self.type_name == type_name && (self.any_version || self.type_hash == *type_hash))
    }

    fn card_entry(&self) -> CardSubscriber {
        let mut card = CardSubscriber {
            topic: self.topic.as_str().to_owned(),
            type_name: self.type_name.clone(),
            type_hash: *self.type_hash.as_bytes(),
            depth: u32::try_from(self.qos.kept().get()).unwrap_or(u32::MAX),
            ..CardSubscriber::default()
        };
        Request::of(&self.qos).enter(&mut card);
        card
    }
}

/// The publishers, subscribers and services of one node, and the definitions of their types.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    publishers: Vec<Arc<PublisherFacts>>,
    subscribers: Vec<Arc<SubscriberFacts>>,
    services: Vec<Arc<ServiceFacts>>,
    /// The servers, and the calls of the clients.
    servers: Vec<Weak<ServerPort>>,
    clients: Vec<(Weak<ServiceFacts>, Weak<Calls>)>,
    definitions: HashMap<[u8; 32], Arc<TypeDefinition>>,
    /// What makes those of the types that are only subscribed to: few ever ask for them.
    subscribed: HashMap<[u8; 32], fn() -> TypeDefinition>,
    /// How many publishers each topic has had. An index is never used twice: its numbers would start again at 1.
    indexes: HashMap<TopicName, u32>,
    /// The same for the clients and servers of each service.
    service_indexes: HashMap<(ServiceEnd, TopicName), u32>,
}

impl Endpoints {
    /// Enters a publisher; `None` when there are [`ENDPOINTS_MAX`].
    pub(crate) fn add_publisher(
        &self,
        node: &NodeName,
        topic: TopicName,
        definition: TypeDefinition,
        qos: QosProfile,
        keeper: Option<&Arc<JournalKeeper>>,
    ) -> Option<Arc<PublisherFacts>> {
        let mut state = self.lock();
        if state.publishers.len() >= ENDPOINTS_MAX {
            return None;
        }
        let index = match keeper {
            // One after the other may have it: their numbers go on.
            Some(_) => DURABLE_INDEX,
            None => {
                let next = state.indexes.entry(topic.clone()).or_default();
                let index = *next;
                *next = if index + 1 == DURABLE_INDEX {
                    index + 2
                } else {
                    index + 1
                };
                index
            }
        };
        let writer = Writer::derive(node.as_str(), topic.as_str(), index);
        let facts = Arc::new(PublisherFacts::new(topic, &definition, writer, qos).kept_by(keeper));
        state.publishers.push(Arc::clone(&facts));
        state
            .definitions
            .entry(definition.type_hash)
            .or_insert_with(|| Arc::new(definition));
        Some(facts)
    }

    pub(crate) fn remove_publisher(&self, facts: &Arc<PublisherFacts>) {
        self.lock().publishers.retain(|other| !Arc::ptr_eq(other, facts));
    }

    /// The publishers that are there now.
    pub(crate) fn publishers(&self) -> Vec<Arc<PublisherFacts>> {
        self.lock().publishers.clone()
    }

    /// The subscribers that are there now.
    pub(crate) fn subscribers(&self) -> Vec<Arc<SubscriberFacts>> {
        self.lock().subscribers.clone()
    }

    /// Enters a subscriber; `None` when there are [`ENDPOINTS_MAX`].
    pub(crate) fn add_subscriber(&self, facts: SubscriberFacts) -> Option<Arc<SubscriberFacts>> {
        let mut state = self.lock();
        if state.subscribers.len() >= ENDPOINTS_MAX {
            return None;
        }
        let facts = Arc::new(facts);
        state.subscribers.push(Arc::clone(&facts));
        Some(facts)
    }

    /// Lets the definition of a type that is subscribed to be made when somebody asks for it.
    pub(crate) fn know_subscribed(&self, type_hash: &TypeHash, definition: fn() -> TypeDefinition) {
        self.lock().subscribed.insert(*type_hash.as_bytes(), definition);
    }

    pub(crate) fn remove_subscriber(&self, facts: &Arc<SubscriberFacts>) {
        self.lock().subscribers.retain(|other| !Arc::ptr_eq(other, facts));
    }

    /// Enters a service client or server; `None` when there are [`SERVICES_MAX`].
    pub(crate) fn add_service(
        &self,
        node: &NodeName,
        end: ServiceEnd,
        name: TopicName,
        types: ServiceTypes,
        definition: TypeDefinition,
    ) -> Option<Arc<ServiceFacts>> {
        let mut state = self.lock();
        if state.services.len() >= SERVICES_MAX {
            return None;
        }
        let next = state.service_indexes.entry((end, name.clone())).or_default();
        let writer = end.writer(node, &name, *next);
        *next += 1;
        let facts = Arc::new(ServiceFacts::new(end, name, types, writer));
        state.services.push(Arc::clone(&facts));
        state
            .definitions
            .entry(definition.type_hash)
            .or_insert_with(|| Arc::new(definition));
        Some(facts)
    }

    pub(crate) fn remove_service(&self, facts: &Arc<ServiceFacts>) {
        self.lock().services.retain(|other| !Arc::ptr_eq(other, facts));
    }

    /// Enters a server.
    pub(crate) fn add_server(&self, port: &Arc<ServerPort>) {
        let mut state = self.lock();
        state.servers.retain(|port| port.strong_count() > 0);
        state.servers.push(Arc::downgrade(port));
    }

    /// Enters the calls of a client.
    pub(crate) fn add_calls(&self, of: &Arc<ServiceFacts>, calls: &Arc<Calls>) {
        let mut state = self.lock();
        state.clients.retain(|(_, calls)| calls.strong_count() > 0);
        state.clients.push((Arc::downgrade(of), Arc::downgrade(calls)));
    }

    /// The servers that are there now.
    pub(crate) fn servers(&self) -> Vec<Arc<ServerPort>> {
        self.lock().servers.iter().filter_map(Weak::upgrade).collect()
    }

    /// The clients that are there now, with their calls.
    pub(crate) fn clients(&self) -> Vec<(Arc<ServiceFacts>, Arc<Calls>)> {
        let state = self.lock();
        let clients = state.clients.iter();
        clients
            .filter_map(|(facts, calls)| Some((facts.upgrade()?, calls.upgrade()?)))
            .collect()
    }

    /// Lets no more requests in. Those that wait end unanswered.
    pub(crate) fn close_desks(&self) {
        for port in self.servers() {
            drop(port.desk.close());
        }
    }

    /// The service clients and servers, as the card has them.
    pub(crate) fn card_services(&self) -> Vec<CardService> {
        let state = self.lock();
        let reachable = state.services.iter().filter(|facts| facts.is_reachable());
        reachable.map(|facts| facts.card_entry()).collect()
    }

    /// The definition of a type that this node publishes, subscribes to, serves or calls, or has.
    pub(crate) fn definition(&self, type_hash: &[u8; 32]) -> Option<Arc<TypeDefinition>> {
        let state = self.lock();
        let known = state.definitions.get(type_hash).cloned();
        known.or_else(|| state.subscribed.get(type_hash).map(|make| Arc::new(make())))
    }

    /// The publishers and subscribers, as the card has them.
    pub(crate) fn card_entries(&self) -> (Vec<CardPublisher>, Vec<CardSubscriber>) {
        let state = self.lock();
        let publishers = state.publishers.iter().map(|facts| facts.card_entry()).collect();
        let subscribers = state.subscribers.iter().map(|facts| facts.card_entry());
        (publishers, subscribers.collect())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use nuncio_msgs::example_interfaces::srv::AddTwoInts;

    use super::*;

    #[test]
    fn the_card_names_a_server_when_requests_reach_it_and_not_before() {
        let endpoints = Endpoints::default();
        let (node, name) = (NodeName::parse("/sums").unwrap(), TopicName::parse("/add").unwrap());
        let add = |end| {
            let types = ServiceTypes::of::<AddTwoInts>();
            endpoints.add_service(&node, end, name.clone(), types, TypeDefinition::default())
        };
        let (server, _client) = (add(ServiceEnd::Server).unwrap(), add(ServiceEnd::Client).unwrap());
        let named = || {
            endpoints
                .card_services()
                .iter()
                .map(|entry| entry.is_server)
                .collect::<Vec<_>>()
        };
        assert_eq!(named(), [false]);
        server.becomes_reachable();
        assert_eq!(named(), [true, false]);
    }
}
