//! What there is: the topics, services and nodes that a client may see.

use std::collections::BTreeSet;

use nuncio::graph::Endpoint;
use nuncio::{TopicName, TypeHash};

use super::wire;
use crate::client::Client;
use crate::role::Act;
use crate::rules::{Direction, Face};

/// What the client may see now.
pub(super) fn topology(client: &Client) -> wire::Topology {
    let (topics, services) = (client.topics(), client.services());
    let (rules, role) = (client.border().rules(), client.role());
    let crosses = |name: &TopicName, direction| rules.foreign_name(Face::Grpc, name, direction).is_some();
    let topics: Vec<wire::Topic> = topics
        .into_iter()
        .map(|offer| wire::Topic {
            may_subscribe: crosses(&offer.native, Direction::Out) && role.may(Act::Subscribe, &offer.native),
            may_publish: crosses(&offer.native, Direction::In) && role.may(Act::Publish, &offer.native),
            name: offer.name,
            types: type_ids(&offer.types),
            publishers: endpoints(&offer.graph.publishers),
            subscribers: endpoints(&offer.graph.subscribers),
        })
        .collect();
    let services: Vec<wire::Service> = services
        .into_iter()
        .map(|offer| wire::Service {
            may_call: role.may(Act::Call, &offer.native),
            name: offer.name,
            types: type_ids(&offer.types),
            servers: endpoints(&offer.graph.servers),
            clients: endpoints(&offer.graph.clients),
        })
        .collect();
    let ends = topics
        .iter()
        .flat_map(|topic| topic.publishers.iter().chain(&topic.subscribers));
    let ends = ends.chain(
        services
            .iter()
            .flat_map(|service| service.servers.iter().chain(&service.clients)),
    );
    let nodes: BTreeSet<(&str, &str)> = ends.map(|end| (end.node.as_str(), end.key.as_str())).collect();
    let nodes = nodes.into_iter().map(|(name, key)| wire::Node {
        name: name.to_owned(),
        key: key.to_owned(),
    });
    let node = client.border().node();
    wire::Topology {
        bridge_node: node.name().as_str().to_owned(),
        bridge_key: node.public_key().to_string(),
        domain: node.domain().to_string(),
        nodes: nodes.collect(),
        topics,
        services,
        types: client.border().library().names().map(ToOwned::to_owned).collect(),
    }
}

fn type_ids(types: &[(String, TypeHash)]) -> Vec<wire::TypeId> {
    let ids = types.iter().map(|(name, hash)| wire::TypeId {
        name: name.clone(),
        hash: hash.to_string(),
    });
    ids.collect()
}

fn endpoints<T>(ends: &[Endpoint<T>]) -> Vec<wire::Endpoint> {
    let ends = ends.iter().map(|end| wire::Endpoint {
        node: end.node.name.as_str().to_owned(),
        key: end.node.key.to_string(),
    });
    ends.collect()
}
