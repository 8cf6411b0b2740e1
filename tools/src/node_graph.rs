//! The graph as it is shown: nodes, and what they meet at, by signed cards. The same, in the same order, for every form.
//!
//! A *meeting* is a topic, a service or an action. What flows, flows from its sources to its sinks: from publishers to
//! subscribers, from clients to servers. Of what cards say only the types may hold any text; each form quotes for itself. This
//! module does no I/O.

mod dot;
mod listing;
mod svg;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use nuncio::graph::{Endpoint, Graph, GraphNode};
use nuncio::{PeerFacts, PublicKey, TopicName, TopicPattern};

use crate::render::short_key;
use crate::sanitize;
use crate::standing::{NodeId, Standing, standings};

pub(crate) use self::dot::dot;
pub(crate) use self::listing::Listing;
pub(crate) use self::svg::svg;
pub(crate) use self::tree::tree;

/// Topics that every node publishes on, and of which a picture would show nothing else.
const EVERYWHERE: [&str; 2] = ["/rosout", "/parameter_events"];
/// The package of the services that every node with parameters serves.
const PARAMETER_SERVICES: &str = "rcl_interfaces/srv/";
/// The longest text of types for people: a card may hold any.
const TYPE_LEN_MAX: usize = 120;

/// What is to be shown of a graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<'a> {
    /// Empty: all.
    pub(crate) topics: &'a [TopicPattern],
    /// Empty: all.
    pub(crate) nodes: &'a [TopicPattern],
    /// Also what is hidden, and what every node has.
    pub(crate) all: bool,
}

/// Nodes, and where they meet.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeGraph {
    /// By name.
    pub(crate) nodes: BTreeMap<NodeId, Shown>,
    /// Topics, then services, then actions, each by name.
    pub(crate) meetings: Vec<Meeting>,
}

/// A node of the picture.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) standing: Standing,
    /// Whether the node was asked for, and is not only at the other end of something.
    pub(crate) is_asked_for: bool,
}

/// What kind of thing nodes meet at.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Topic,
    Service,
    Action,
}

/// A topic, a service or an action, and who has to do with it.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    pub(crate) kind: Kind,
    pub(crate) name: TopicName,
    /// The types that its ends name, each once. More than one is a mismatch, also where the names are the same.
    pub(crate) types: Vec<String>,
    /// Publishers, or clients.
    pub(crate) sources: BTreeSet<NodeId>,
    /// Subscribers, or servers.
    pub(crate) sinks: BTreeSet<NodeId>,
}

impl NodeGraph {
    /// What the selection takes of a graph; this program's own node is in none.
    pub(crate) fn new(graph: &Graph, peers: &[PeerFacts], own: &NodeId, selection: Selection<'_>) -> Self {
        let is_shown = |node: &GraphNode| NodeId::of(node) != *own && (selection.all || !node.name.is_hidden());
        let nodes = graph.nodes.iter().filter(|node| is_shown(node)).cloned().collect();
        let graph = Graph { nodes };
        let is_asked_for = |id: &NodeId| selection.nodes.is_empty() || is_in(selection.nodes, id.name.as_str());
        let mut meetings = all_meetings(&graph);
        meetings.retain(|meeting| {
            (selection.all || !meeting.is_everywhere() && !meeting.name.is_hidden())
                && (selection.topics.is_empty() || is_in(selection.topics, meeting.name.as_str()))
                && meeting.ends().any(is_asked_for)
        });
        let met: BTreeSet<&NodeId> = meetings.iter().flat_map(Meeting::ends).collect();
        let nodes = standings(&graph, peers).into_iter().filter_map(|(id, standing)| {
            let asked_for = is_asked_for(&id);
            let has_a_place = met.contains(&id) || asked_for && selection.topics.is_empty();
            let shown = Shown {
                standing,
                is_asked_for: asked_for,
            };
            has_a_place.then_some((id, shown))
        });
        Self {
            nodes: nodes.collect(),
            meetings,
        }
    }

    /// What a node is called: by its name, and by its key where others have the same name.
    fn name_of(&self, id: &NodeId) -> String {
        let mut namesakes = self.nodes.keys().filter(|other| other.name == id.name);
        match namesakes.nth(1) {
            None => id.name.to_string(),
            Some(_) => format!("{} ({})", id.name, short_key(&id.key)),
        }
    }
}

impl Shown {
    /// Who signs for the node, and whether that is believed: `alice, permitted`.
    fn signer(&self, key: &PublicKey) -> String {
        let trust = self.standing.trust.as_str().replace('_', " ");
        match &self.standing.nickname {
            Some(nickname) => format!("{nickname} {}, {trust}", short_key(key)),
            None => format!("{}, {trust}", short_key(key)),
        }
    }
}

impl Kind {
    /// The word for it, in JSON as well.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Service => "service",
            Self::Action => "action",
        }
    }
}

impl Meeting {
    fn new<'a>(
        kind: Kind,
        name: TopicName,
        types: Vec<(String, nuncio::TypeHash)>,
        sources: impl Iterator<Item = &'a GraphNode>,
        sinks: impl Iterator<Item = &'a GraphNode>,
    ) -> Self {
        Self {
            kind,
            name,
            types: types.into_iter().map(|(name, _)| name).collect(),
            sources: sources.map(NodeId::of).collect(),
            sinks: sinks.map(NodeId::of).collect(),
        }
    }

    fn ends(&self) -> impl Iterator<Item = &NodeId> {
        self.sources.iter().chain(&self.sinks)
    }

    /// Whether every node has it.
    fn is_everywhere(&self) -> bool {
        match self.kind {
            Kind::Topic => EVERYWHERE.contains(&self.name.as_str()),
            Kind::Service => self.types.iter().any(|name| name.starts_with(PARAMETER_SERVICES)),
            Kind::Action => false,
        }
    }

    /// Its type in words, safe for a terminal and not too long.
    fn type_text(&self) -> String {
        let text = match self.types.as_slice() {
            [] => "any type".to_owned(),
            [one] => sanitize::line(one).into_owned(),
            many => sanitize::line(&format!("{} TYPES: {}", many.len(), many.join(", "))).into_owned(),
        };
        match text.char_indices().nth(TYPE_LEN_MAX) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }
}

fn is_in(patterns: &[TopicPattern], name: &str) -> bool {
    TopicName::parse(name).is_ok_and(|name| patterns.iter().any(|pattern| pattern.matches(&name)))
}

/// Where nodes meet. The topics and services that an action is made of are hidden ones.
fn all_meetings(graph: &Graph) -> Vec<Meeting> {
    fn nodes<T>(ends: &[Endpoint<T>]) -> impl Iterator<Item = &GraphNode> {
        ends.iter().map(|end| &end.node)
    }
    let topics = graph.topics().into_iter().map(|(name, topic)| {
        let (sources, sinks) = (nodes(&topic.publishers), nodes(&topic.subscribers));
        Meeting::new(Kind::Topic, name, topic.types(), sources, sinks)
    });
    let services = graph.services().into_iter().map(|(name, service)| {
        let (sources, sinks) = (nodes(&service.clients), nodes(&service.servers));
        Meeting::new(Kind::Service, name, service.types(), sources, sinks)
    });
    let actions = graph.actions().into_iter().map(|(name, action)| {
        let (sources, sinks) = (nodes(&action.clients), nodes(&action.servers));
        Meeting::new(Kind::Action, name, action.types(), sources, sinks)
    });
    topics.chain(services).chain(actions).collect()
}

#[cfg(test)]
mod tests;
