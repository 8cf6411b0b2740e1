//! Who is there, for rosapi: topics, services, actions and nodes, as far as the client may see them.
//!
//! Names with a part that begins with `_` are hidden, as in ROS 2.

use std::collections::BTreeSet;

use nuncio::TopicName;
use nuncio::graph::Endpoint;
use serde_json::{Value, json};

use super::publications::{same_name, same_type};
use crate::client::{Client, ServiceOffer, TopicOffer};

/// Where logs go, and the type by which Lichtblick tells ROS 2 from ROS 1.
const ROSOUT: (&str, &str) = ("/rosout", "rcl_interfaces/msg/Log");

/// The topics that the client may see, hidden ones aside.
pub(super) fn shown_topics(client: &Client) -> Vec<TopicOffer> {
    let topics = client.topics().into_iter();
    topics
        .filter(|offer| !is_hidden(&offer.name) && !offer.types.is_empty())
        .collect()
}

/// The names and types of all topics. `/rosout` is among them as soon as the client may see it, whoever logs.
pub(super) fn names_and_types(client: &Client) -> Vec<(String, String)> {
    let mut topics: Vec<(String, String)> = shown_topics(client).into_iter().filter_map(named).collect();
    if !topics.iter().any(|(_, type_name)| type_name == ROSOUT.1)
        && let Ok(rosout) = TopicName::parse(ROSOUT.0)
        && let Some(name) = client.visible_topic(&rosout)
    {
        topics.push((name, ROSOUT.1.to_owned()));
    }
    topics
}

fn named(offer: TopicOffer) -> Option<(String, String)> {
    let type_name = offer.types.into_iter().next()?.0;
    Some((offer.name, type_name))
}

pub(super) fn topics(client: &Client) -> Value {
    let (topics, types): (Vec<_>, Vec<_>) = names_and_types(client).into_iter().unzip();
    json!({"topics": topics, "types": types})
}

pub(super) fn topic_type(client: &Client, topic: &str) -> String {
    let topics = names_and_types(client).into_iter();
    let found = topics.into_iter().find(|(name, _)| same_name(name, topic));
    found.map(|(_, type_name)| type_name).unwrap_or_default()
}

pub(super) fn topics_for_type(client: &Client, asked: &str) -> Vec<String> {
    let topics = names_and_types(client).into_iter();
    let found = topics.filter(|(_, type_name)| same_type(type_name, asked));
    found.map(|(name, _)| name).collect()
}

pub(super) fn publishers(client: &Client, topic: &str) -> Vec<String> {
    let offers = client.topics();
    let offer = offers.iter().find(|offer| same_name(&offer.name, topic));
    offer.map(|offer| nodes_of(&offer.graph.publishers)).unwrap_or_default()
}

pub(super) fn subscribers(client: &Client, topic: &str) -> Vec<String> {
    let offers = client.topics();
    let offer = offers.iter().find(|offer| same_name(&offer.name, topic));
    offer
        .map(|offer| nodes_of(&offer.graph.subscribers))
        .unwrap_or_default()
}

/// The services that somebody serves and the client may call, hidden ones aside.
fn shown_services(client: &Client) -> Vec<ServiceOffer> {
    let services = client.services().into_iter();
    services
        .filter(|offer| !is_hidden(&offer.name) && !offer.graph.servers.is_empty())
        .collect()
}

pub(super) fn services(client: &Client) -> Vec<String> {
    shown_services(client).into_iter().map(|offer| offer.name).collect()
}

pub(super) fn service_type(client: &Client, service: &str) -> String {
    let found = offer_of(client, service).and_then(|offer| offer.types.into_iter().next());
    found.map(|(type_name, _)| type_name).unwrap_or_default()
}

pub(super) fn services_for_type(client: &Client, asked: &str) -> Vec<String> {
    let services = shown_services(client).into_iter();
    let found = services.filter(|offer| offer.types.iter().any(|(name, _)| same_type(name, asked)));
    found.map(|offer| offer.name).collect()
}

pub(super) fn service_node(client: &Client, service: &str) -> String {
    service_providers(client, service)
        .into_iter()
        .next()
        .unwrap_or_default()
}

pub(super) fn service_providers(client: &Client, service: &str) -> Vec<String> {
    let offer = offer_of(client, service);
    offer.map(|offer| nodes_of(&offer.graph.servers)).unwrap_or_default()
}

fn offer_of(client: &Client, service: &str) -> Option<ServiceOffer> {
    let mut services = client.services().into_iter();
    services.find(|offer| same_name(&offer.name, service))
}

/// The nodes of which the client may see anything.
pub(super) fn nodes(client: &Client) -> Vec<String> {
    let mut nodes = BTreeSet::new();
    for offer in client.topics() {
        nodes.extend(nodes_of(&offer.graph.publishers));
        nodes.extend(nodes_of(&offer.graph.subscribers));
    }
    for offer in client.services() {
        nodes.extend(nodes_of(&offer.graph.servers));
    }
    nodes.into_iter().collect()
}

pub(super) fn node_details(client: &Client, node: &str) -> Value {
    let has = |nodes: Vec<String>| nodes.iter().any(|name| same_name(name, node));
    let (mut publishing, mut subscribing, mut services) = (Vec::new(), Vec::new(), Vec::new());
    for offer in shown_topics(client) {
        if has(nodes_of(&offer.graph.publishers)) {
            publishing.push(offer.name.clone());
        }
        if has(nodes_of(&offer.graph.subscribers)) {
            subscribing.push(offer.name);
        }
    }
    for offer in shown_services(client) {
        if has(nodes_of(&offer.graph.servers)) {
            services.push(offer.name);
        }
    }
    json!({"publishing": publishing, "subscribing": subscribing, "services": services})
}

pub(super) fn action_servers(client: &Client) -> Vec<String> {
    let actions = client.actions().into_iter();
    let served = actions.filter(|offer| !offer.graph.servers.is_empty());
    served.map(|offer| offer.name).collect()
}

pub(super) fn action_type(client: &Client, action: &str) -> String {
    let mut actions = client.actions().into_iter();
    let found = actions.find(|offer| same_name(&offer.name, action));
    let found = found.and_then(|offer| offer.types.into_iter().next());
    found.map(|(type_name, _)| type_name).unwrap_or_default()
}

/// The names of the nodes, each once.
fn nodes_of<T>(ends: &[Endpoint<T>]) -> Vec<String> {
    let names: BTreeSet<String> = ends.iter().map(|end| end.node.name.to_string()).collect();
    names.into_iter().collect()
}

fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('_'))
}
