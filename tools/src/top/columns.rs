//! What stands in the columns of the three lists, in which order they sort, and how each looks.

use std::cmp::Ordering;

use nuncio::TopicName;

use super::cells::{by_count, counted, counted_now, found, health, key, place, severity, trust, types, unknown, up};
use super::list::{Align, Cell, Column, Row, TREND_WIDTH_MAX, by_number};
use super::rows::{NodeRow, RefusalId, RefusalRow, TopicRow};
use super::text;
use crate::palette::Meaning;
use crate::standing::NodeId;

/// The rates of the last intervals.
const TREND: Column<TopicRow> = Column {
    heading: "TREND",
    width: 8,
    rank: 8,
    align: Align::Trend,
    cell: |row| Cell::new(Meaning::Quiet, text::bars(&row.history, TREND_WIDTH_MAX.into())),
    order: |a, b| by_number(a.sent.rate, b.sent.rate),
};

const TOPICS: &[Column<TopicRow>] = &[
    left(
        "TOPIC",
        16,
        0,
        |row| Cell::plain(row.topic.as_str()),
        |a, b| a.topic.cmp(&b.topic),
    ),
    right(
        "RATE",
        7,
        1,
        |row| Cell::plain(text::rate(row.sent.rate)),
        |a, b| by_number(a.sent.rate, b.sent.rate),
    ),
    right(
        "BYTES/S",
        7,
        3,
        |row| Cell::plain(text::rate(row.sent.byte_rate)),
        |a, b| by_number(a.sent.byte_rate, b.sent.byte_rate),
    ),
    right(
        "LATENCY",
        8,
        4,
        |row| Cell::plain(text::time(row.received.latest.latency_ns())),
        |a, b| by_number(a.received.latest.latency_ns(), b.received.latest.latency_ns()),
    ),
    right(
        "JITTER",
        8,
        9,
        |row| Cell::plain(text::time(row.received.latest.jitter_ns())),
        |a, b| by_number(a.received.latest.jitter_ns(), b.received.latest.jitter_ns()),
    ),
    right(
        "GAPS",
        5,
        5,
        |row| counted(row.missing()),
        |a, b| by_count(a.missing(), b.missing()),
    ),
    right(
        "DROPS",
        5,
        7,
        |row| counted(row.dropped()),
        |a, b| by_count(a.dropped(), b.dropped()),
    ),
    right(
        "REFUSED",
        7,
        6,
        |row| counted(row.refused()),
        |a, b| by_count(a.refused(), b.refused()),
    ),
    left(
        "SIGNER",
        15,
        10,
        |row| Cell::plain(text::signer(row)),
        |a, b| text::signer(a).cmp(&text::signer(b)),
    ),
    left(
        "TRUST",
        8,
        2,
        |row| row.trust().map_or(unknown(), trust),
        |a, b| a.trust().cmp(&b.trust()),
    ),
    TREND,
    right(
        "PUBS",
        4,
        11,
        |row| Cell::plain(row.publishers().count().to_string()),
        |a, b| a.publishers().count().cmp(&b.publishers().count()),
    ),
    right(
        "SUBS",
        4,
        12,
        |row| Cell::plain(row.subscribers().count().to_string()),
        |a, b| a.subscribers().count().cmp(&b.subscribers().count()),
    ),
    left("TYPE", 32, 13, types, |a, b| a.types.cmp(&b.types)),
];

impl Row for TopicRow {
    type Id = TopicName;

    fn id(&self) -> TopicName {
        self.topic.clone()
    }

    fn columns() -> &'static [Column<Self>] {
        TOPICS
    }

    fn searched(&self) -> Vec<String> {
        let mut texts = vec![self.topic.to_string()];
        texts.extend(self.types.iter().cloned());
        for end in self.publishers() {
            texts.push(end.node.name.to_string());
            texts.extend(end.nickname.clone());
            texts.push(end.trust.as_str().to_owned());
        }
        texts
    }
}

const NODES: &[Column<NodeRow>] = &[
    left(
        "NODE",
        16,
        0,
        |row| Cell::plain(row.node.name.as_str()),
        |a, b| a.node.cmp(&b.node),
    ),
    left("HEALTH", 9, 1, health, |a, b| severity(a).cmp(&severity(b))),
    right(
        "SENDS",
        7,
        3,
        |row| Cell::plain(text::rate(row.sent.rate)),
        |a, b| by_number(a.sent.rate, b.sent.rate),
    ),
    right(
        "RECEIVES",
        8,
        4,
        |row| Cell::plain(text::rate(row.received.rate)),
        |a, b| by_number(a.received.rate, b.received.rate),
    ),
    right(
        "OUT B/S",
        7,
        8,
        |row| Cell::plain(text::rate(row.sent.byte_rate)),
        |a, b| by_number(a.sent.byte_rate, b.sent.byte_rate),
    ),
    right(
        "IN B/S",
        7,
        9,
        |row| Cell::plain(text::rate(row.received.byte_rate)),
        |a, b| by_number(a.received.byte_rate, b.received.byte_rate),
    ),
    right(
        "GAPS",
        6,
        5,
        |row| counted(row.missing()),
        |a, b| by_count(a.missing(), b.missing()),
    ),
    right(
        "DROPS",
        6,
        7,
        |row| counted(row.dropped()),
        |a, b| by_count(a.dropped(), b.dropped()),
    ),
    right(
        "REFUSED",
        7,
        6,
        |row| counted(row.refused),
        |a, b| by_count(a.refused, b.refused),
    ),
    left("TRUST", 8, 2, |row| trust(row.trust), |a, b| a.trust.cmp(&b.trust)),
    left("KEY", 15, 10, |row| Cell::plain(key(row)), |a, b| key(a).cmp(&key(b))),
    right(
        "UP",
        7,
        11,
        |row| Cell::plain(up(row).map_or(text::UNKNOWN.to_owned(), text::age)),
        |a, b| up(a).cmp(&up(b)),
    ),
    left("FOUND", 48, 12, found, |a, b| severity(a).cmp(&severity(b))),
];

impl Row for NodeRow {
    type Id = NodeId;

    fn id(&self) -> NodeId {
        self.node.clone()
    }

    fn columns() -> &'static [Column<Self>] {
        NODES
    }

    fn searched(&self) -> Vec<String> {
        let mut texts = vec![self.node.name.to_string(), text::health(self).to_owned(), key(self)];
        texts.push(self.trust.as_str().to_owned());
        texts
    }
}

const REFUSALS: &[Column<RefusalRow>] = &[
    left(
        "TOPIC",
        16,
        0,
        |row| Cell::plain(place(row)),
        |a, b| place(a).cmp(place(b)),
    ),
    left(
        "REASON",
        17,
        1,
        |row| Cell::new(Meaning::Strong, row.id.reason.as_str()),
        |a, b| a.id.reason.cmp(&b.id.reason),
    ),
    right(
        "NOW",
        7,
        2,
        |row| counted_now(row.count),
        |a, b| a.count.latest.cmp(&b.count.latest),
    ),
    right(
        "COUNT",
        7,
        3,
        |row| counted(row.count),
        |a, b| by_count(a.count, b.count),
    ),
    right(
        "TOTAL",
        7,
        5,
        |row| Cell::plain(text::count(row.count.total)),
        |a, b| a.count.total.cmp(&b.count.total),
    ),
    left(
        "REFUSED BY",
        18,
        4,
        |row| Cell::plain(row.id.by.name.as_str()),
        |a, b| a.id.by.cmp(&b.id.by),
    ),
    left(
        "WHAT TO DO",
        60,
        6,
        |row| Cell::new(Meaning::Quiet, row.id.reason.remedy()),
        |a, b| a.id.reason.cmp(&b.id.reason),
    ),
];

impl Row for RefusalRow {
    type Id = RefusalId;

    fn id(&self) -> RefusalId {
        self.id.clone()
    }

    fn columns() -> &'static [Column<Self>] {
        REFUSALS
    }

    fn searched(&self) -> Vec<String> {
        vec![
            place(self).to_owned(),
            self.id.reason.to_string(),
            self.id.by.name.to_string(),
        ]
    }
}

const fn left<R>(
    heading: &'static str,
    width: u16,
    rank: u8,
    cell: fn(&R) -> Cell,
    order: fn(&R, &R) -> Ordering,
) -> Column<R> {
    Column {
        heading,
        width,
        rank,
        align: Align::Left,
        cell,
        order,
    }
}

const fn right<R>(
    heading: &'static str,
    width: u16,
    rank: u8,
    cell: fn(&R) -> Cell,
    order: fn(&R, &R) -> Ordering,
) -> Column<R> {
    Column {
        heading,
        width,
        rank,
        align: Align::Right,
        cell,
        order,
    }
}
