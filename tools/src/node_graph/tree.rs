//! The graph as a tree of text: each node with what it has, and who is at the other end.

use std::collections::BTreeSet;

use super::{Kind, NodeGraph};
use crate::render::{Table, Tone};
use crate::standing::NodeId;

/// The lines of the tree, each with how it is to look.
pub(crate) fn tree(graph: &NodeGraph) -> Vec<(Option<Tone>, String)> {
    let mut lines = Vec::new();
    for (id, shown) in graph.nodes.iter().filter(|(_, shown)| shown.is_asked_for) {
        let tone = if shown.standing.trust.is_good() {
            Tone::Strong
        } else {
            Tone::Warning
        };
        lines.push((Some(tone), format!("{}  {}", id.name, shown.signer(&id.key))));
        let branches = branches(graph, id);
        let last = branches.len().saturating_sub(1);
        for (index, branch) in branches.into_iter().enumerate() {
            let stem = if index == last { "└─" } else { "├─" };
            lines.push((None, format!("{stem} {branch}")));
        }
    }
    lines
}

fn branches(graph: &NodeGraph, id: &NodeId) -> Vec<String> {
    let mut table = Table::default();
    for is_source in [true, false] {
        for meeting in &graph.meetings {
            let (own, others, arrow) = match is_source {
                true => (&meeting.sources, &meeting.sinks, '→'),
                false => (&meeting.sinks, &meeting.sources, '←'),
            };
            if own.contains(id) {
                table.row([
                    verb(meeting.kind, is_source).to_owned(),
                    meeting.name.to_string(),
                    meeting.type_text(),
                    format!("{arrow} {}", named(graph, others)),
                ]);
            }
        }
    }
    table.lines(0)
}

const fn verb(kind: Kind, is_source: bool) -> &'static str {
    match (kind, is_source) {
        (Kind::Topic, true) => "publishes",
        (Kind::Topic, false) => "subscribes",
        (Kind::Service, true) => "calls",
        (Kind::Service, false) => "serves",
        (Kind::Action, true) => "sends goals",
        (Kind::Action, false) => "carries out",
    }
}

fn named(graph: &NodeGraph, ids: &BTreeSet<NodeId>) -> String {
    match ids.is_empty() {
        true => "nobody".to_owned(),
        false => ids.iter().map(|id| graph.name_of(id)).collect::<Vec<_>>().join(", "),
    }
}
