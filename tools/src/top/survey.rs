//! The survey: once a round every node that is there is asked what it counts, and signs its answer.
//!
//! Nothing is subscribed to: two hundred topics cost one question and one signature a round for each node, however much is
//! published. A node is asked again only when it has answered or its time is up, and [`ASKED_AT_ONCE`] nodes at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use nuncio::graph::{Graph, GraphNode};
use nuncio::msgs::nuncio_msgs::msg::NodeFacts;
use nuncio::{FactsError, Node, PeerFacts, TopicName};
use tokio::task::JoinSet;

use super::model::Seen;
use crate::sanitize;
use crate::standing::{NodeId, standings};

/// How many nodes are asked at one time: the answers of a fleet are large.
const ASKED_AT_ONCE: usize = 32;

/// How much longer than its time an answer is waited for.
const GRACE: Duration = Duration::from_secs(1);

/// Asks nodes.
#[derive(Debug)]
pub(crate) struct Survey {
    node: Node,
    timeout: Duration,
    waiting: VecDeque<GraphNode>,
    /// Those that are waiting or asked.
    open: BTreeSet<NodeId>,
    asked: JoinSet<Answer>,
}

/// What a node has answered, or why not.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) id: NodeId,
    pub(crate) epoch: u64,
    pub(crate) facts: Result<Box<NodeFacts>, FactsError>,
}

impl Survey {
    /// Nodes may take as long as `timeout`.
    pub(crate) fn new(node: Node, timeout: Duration) -> Self {
        Self {
            node,
            timeout,
            waiting: VecDeque::new(),
            open: BTreeSet::new(),
            asked: JoinSet::new(),
        }
    }

    /// Begins a round; gives the nodes that are there, this program's own left out.
    pub(crate) fn begin(&mut self) -> Vec<Seen> {
        let (graph, peers) = (self.node.graph(), self.node.peers());
        let own = (self.node.public_key(), self.node.name().clone());
        for node in &graph.nodes {
            let id = NodeId::of(node);
            if (id.key, id.name.clone()) != own && is_worth_asking(node) && self.open.insert(id) {
                self.waiting.push_back(node.clone());
            }
        }
        self.ask_more();
        seen(&graph, &peers, &NodeId::new(&own.1, own.0))
    }

    /// Whether every node has answered, or its time is up.
    pub(crate) fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    /// The next answer; waits for ever when nobody is asked. Dropping the future loses none.
    pub(crate) async fn next_answer(&mut self) -> Answer {
        loop {
            match self.asked.join_next().await {
                Some(Ok(answer)) => {
                    self.open.remove(&answer.id);
                    self.ask_more();
                    return answer;
                }
                Some(Err(_)) => self.ask_more(),
                None => std::future::pending().await,
            }
        }
    }

    fn ask_more(&mut self) {
        while self.asked.len() < ASKED_AT_ONCE {
            let Some(of) = self.waiting.pop_front() else { return };
            let (node, timeout) = (self.node.clone(), self.timeout);
            self.asked.spawn(async move {
                let facts = match tokio::time::timeout(timeout + GRACE, node.fetch_facts(&of, timeout)).await {
                    Ok(facts) => facts.map(Box::new),
                    Err(_) => Err(FactsError::NoAnswer {
                        node: of.name.clone(),
                        refused: None,
                    }),
                };
                Answer {
                    id: NodeId::of(&of),
                    epoch: of.epoch,
                    facts,
                }
            });
        }
    }
}

/// Other tools have nothing to tell, unless they publish or subscribe.
fn is_worth_asking(node: &GraphNode) -> bool {
    let has_ends =
        |card: &nuncio::msgs::nuncio_msgs::msg::NodeCard| !card.publishers.is_empty() || !card.subscribers.is_empty();
    node.card
        .as_ref()
        .is_some_and(|card| !node.name.is_hidden() || has_ends(card))
}

/// The nodes of a graph, with what this program's keystore says of them.
fn seen(graph: &Graph, peers: &[PeerFacts], own: &NodeId) -> Vec<Seen> {
    let mut standings = standings(graph, peers);
    let others = graph.nodes.iter().filter_map(|node| {
        let id = NodeId::of(node);
        let standing = standings.remove(&id).filter(|_| id != *own)?;
        Some(Seen {
            epoch: node.epoch,
            nickname: standing.nickname,
            trust: standing.trust,
            ends: ends(node),
            id,
        })
    });
    others.collect()
}

/// What a card says of the topics of a node, each end once.
fn ends(node: &GraphNode) -> Vec<(TopicName, String, bool)> {
    let Some(card) = &node.card else { return Vec::new() };
    let published = card.publishers.iter().map(|of| (&of.topic, &of.type_name, true));
    let subscribed = card.subscribers.iter().map(|of| (&of.topic, &of.type_name, false));
    let mut ends = BTreeMap::new();
    for (topic, type_name, is_publisher) in published.chain(subscribed) {
        if let Ok(topic) = TopicName::parse(topic) {
            ends.entry((topic, is_publisher))
                .or_insert_with(|| sanitize::line(type_name).into_owned());
        }
    }
    ends.into_iter()
        .map(|((topic, is_publisher), type_name)| (topic, type_name, is_publisher))
        .collect()
}
