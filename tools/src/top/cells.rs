//! Single cells of the three lists: what a count, a verdict, a state of health looks like. This module does no I/O.

use std::cmp::Ordering;

use nuncio::TopicName;
use nuncio::msgs::nuncio_msgs::msg::NodeFacts;

use super::list::Cell;
use super::rows::{Count, NodeRow, RefusalRow, TopicRow};
use super::text;
use crate::palette::Meaning;
use crate::render::short_key;
use crate::standing::{Trust, Word};

pub(crate) fn unknown() -> Cell {
    Cell::new(Meaning::Quiet, text::UNKNOWN)
}

/// What should be nothing. It stands out while it still happens.
pub(crate) fn counted(count: Count) -> Cell {
    let meaning = match (count.latest, count.since) {
        (0, 0) => Meaning::Quiet,
        (0, _) => Meaning::Attention,
        _ => Meaning::Bad,
    };
    Cell::new(meaning, text::count(count.since))
}

pub(crate) fn counted_now(count: Count) -> Cell {
    let meaning = if count.latest > 0 { Meaning::Bad } else { Meaning::Quiet };
    Cell::new(meaning, text::count(count.latest))
}

pub(crate) fn by_count(a: Count, b: Count) -> Ordering {
    (a.since, a.latest, a.total).cmp(&(b.since, b.latest, b.total))
}

/// The verdict in a word that also those see who see no colours.
pub(crate) fn trust(trust: Trust) -> Cell {
    match trust {
        Trust::Believed(Word::Permitted) => Cell::plain("role"),
        Trust::Believed(Word::Pinned) => Cell::plain("pinned"),
        Trust::Believed(_) => Cell::new(Meaning::Quiet, "unpinned"),
        Trust::Disbelieved(Word::Revoked) => Cell::new(Meaning::Bad, "REVOKED"),
        Trust::Disbelieved(Word::NotPermitted) => Cell::new(Meaning::Bad, "NO ROLE"),
        Trust::Disbelieved(_) => Cell::new(Meaning::Bad, "NEW KEY!"),
        Trust::Unverified => Cell::new(Meaning::Attention, "NO CARD"),
    }
}

pub(crate) fn types(row: &TopicRow) -> Cell {
    match row.types.as_slice() {
        [] => unknown(),
        [one] => Cell::new(Meaning::Quiet, one),
        many => Cell::new(Meaning::Bad, format!("{} TYPES: {}", many.len(), many.join(", "))),
    }
}

/// How a node is, as a cell.
pub(crate) fn health(row: &NodeRow) -> Cell {
    let meaning = match severity(row) {
        0 => Meaning::Plain,
        1 | 2 => Meaning::Attention,
        _ => Meaning::Bad,
    };
    Cell::new(meaning, text::health(row))
}

/// How bad it is: 0 is well.
pub(crate) fn severity(row: &NodeRow) -> u8 {
    match &row.answer {
        _ if row.problem.is_some() => 3,
        None => 1,
        Some(answer) => match answer.level {
            NodeFacts::LEVEL_OK => 0,
            NodeFacts::LEVEL_WARNING => 2,
            _ => 4,
        },
    }
}

/// The first of what a node finds wrong with itself.
pub(crate) fn found(row: &NodeRow) -> Cell {
    let findings = row.answer.iter().flat_map(|answer| &answer.findings);
    let first = findings
        .map(|finding| format!("{} {}", finding.subject, finding.found))
        .next();
    match first {
        Some(text) => Cell::new(Meaning::Attention, text.trim_start()),
        None => unknown(),
    }
}

pub(crate) fn key(row: &NodeRow) -> String {
    row.nickname.clone().unwrap_or_else(|| short_key(&row.node.key))
}

pub(crate) fn up(row: &NodeRow) -> Option<u64> {
    row.answer.as_ref().map(|answer| answer.uptime_ns)
}

/// The topic, or what stands in its place.
pub(crate) fn place(row: &RefusalRow) -> &str {
    row.id.topic.as_ref().map_or("(no topic)", TopicName::as_str)
}
