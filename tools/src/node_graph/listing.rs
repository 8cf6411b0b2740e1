//! The graph as JSON.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Kind, Meeting, NodeGraph};
use crate::standing::NodeId;

/// The graph of `nuncio graph --json`: nodes, and what they have to do with each other.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Listing {
    /// The nodes, by name.
    nodes: Vec<ListedNode>,
    /// The topics, by name.
    topics: Vec<ListedTopic>,
    /// The services, by name.
    services: Vec<ListedService>,
    /// The actions, by name.
    actions: Vec<ListedAction>,
}

/// A node.
#[derive(Debug, JsonSchema, Serialize)]
struct ListedNode {
    /// Its name.
    node: String,
    /// The key that signs for it, as `did:key:…`.
    key: String,
    /// What people call the key, by trust.toml or a certificate.
    nickname: Option<String>,
    /// Whether a card, signed by the key, confirms that it runs this node.
    verified: bool,
    /// What this user's keystore says of it: permitted, pinned, unpinned, pin_mismatch, not_permitted, revoked or unverified.
    trust: &'static str,
}

/// One end of a topic, a service or an action. Name and key together are those of one node.
#[derive(Debug, JsonSchema, Serialize)]
struct ListedEnd {
    /// The node's name.
    node: String,
    /// The node's key.
    key: String,
}

/// A topic.
#[derive(Debug, JsonSchema, Serialize)]
struct ListedTopic {
    /// Its name.
    topic: String,
    /// The types that its ends name; more than one is a mismatch, also where the names are the same.
    types: Vec<String>,
    /// Who publishes on it.
    publishers: Vec<ListedEnd>,
    /// Who subscribes to it.
    subscribers: Vec<ListedEnd>,
}

/// A service.
#[derive(Debug, JsonSchema, Serialize)]
struct ListedService {
    /// Its name.
    service: String,
    /// The types that its ends name; more than one is a mismatch, also where the names are the same.
    types: Vec<String>,
    /// Who calls it.
    clients: Vec<ListedEnd>,
    /// Who serves it.
    servers: Vec<ListedEnd>,
}

/// An action.
#[derive(Debug, JsonSchema, Serialize)]
struct ListedAction {
    /// Its name.
    action: String,
    /// The types that its ends name; more than one is a mismatch, also where the names are the same.
    types: Vec<String>,
    /// Who sends goals.
    clients: Vec<ListedEnd>,
    /// Who carries them out.
    servers: Vec<ListedEnd>,
}

impl Listing {
    pub(crate) fn of(graph: &NodeGraph) -> Self {
        let nodes = graph.nodes.iter().map(|(id, shown)| ListedNode {
            node: id.name.to_string(),
            key: id.key.to_string(),
            nickname: shown.standing.nickname.clone(),
            verified: shown.standing.is_verified,
            trust: shown.standing.trust.as_str(),
        });
        let of_kind = |kind: Kind| graph.meetings.iter().filter(move |meeting| meeting.kind == kind);
        let name = |meeting: &Meeting| meeting.name.to_string();
        Self {
            nodes: nodes.collect(),
            topics: of_kind(Kind::Topic)
                .map(|topic| ListedTopic {
                    topic: name(topic),
                    types: topic.types.clone(),
                    publishers: ends(&topic.sources),
                    subscribers: ends(&topic.sinks),
                })
                .collect(),
            services: of_kind(Kind::Service)
                .map(|service| ListedService {
                    service: name(service),
                    types: service.types.clone(),
                    clients: ends(&service.sources),
                    servers: ends(&service.sinks),
                })
                .collect(),
            actions: of_kind(Kind::Action)
                .map(|action| ListedAction {
                    action: name(action),
                    types: action.types.clone(),
                    clients: ends(&action.sources),
                    servers: ends(&action.sinks),
                })
                .collect(),
        }
    }
}

fn ends(ids: &BTreeSet<NodeId>) -> Vec<ListedEnd> {
    let end = |id: &NodeId| ListedEnd {
        node: id.name.to_string(),
        key: id.key.to_string(),
    };
    ids.iter().map(end).collect()
}
