//! The model: answers of nodes in, rows out. Pure: no I/O, no clock, no terminal.
//!
//! Which topics there are, and who is at their ends, is what the signed cards say. The numbers are what the nodes at the
//! ends count, in signed answers; a rate is the difference of two answers over the node's own steady clock, so that it does
//! not matter how long an answer was under way. What a node says that is not believed stands in the rows, but in no sum.
//!
//! # Invariants
//!
//! - Memory is bounded by [`NODES_MAX`], [`TOPICS_MAX`], [`ENDS_MAX`] and [`REFUSALS_MAX`], whatever nodes claim.
//! - Every text in a row is safe for a terminal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nuncio::msgs::nuncio_msgs::msg::NodeFacts;
use nuncio::{TopicName, TopicPattern};

use super::counts::{Counts, Refused};
use super::rows::{Count, End, NodeAnswer, NodeRow, RefusalId, RefusalRow, Spans, TopicRow};
use super::snapshot::{Snapshot, answer};
use crate::sanitize;
use crate::standing::{NodeId, Trust};

/// How many nodes are looked at.
pub(crate) const NODES_MAX: usize = 2048;
/// How many topics are shown.
pub(crate) const TOPICS_MAX: usize = 4096;
/// How many ends of topics are counted, of all nodes together.
const ENDS_MAX: usize = 32_768;
/// How many kinds of refusals are shown.
const REFUSALS_MAX: usize = 4096;
/// How many rates of a topic are remembered.
pub(crate) const HISTORY_LEN: usize = 120;
/// After how many rounds without an answer the numbers of a node are taken to be old.
const ROUNDS_WITHOUT_ANSWER: u32 = 3;

/// Which topics and nodes are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Only topics in one of these, if there are any.
    pub(crate) topics: Vec<TopicPattern>,
    /// Hidden ones too.
    pub(crate) all: bool,
}

impl Scope {
    fn has(&self, topic: &TopicName) -> bool {
        match self.topics.is_empty() {
            true => self.all || !topic.is_hidden(),
            false => self.topics.iter().any(|pattern| pattern.matches(topic)),
        }
    }
}

/// A node as the graph has it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: NodeId,
    pub(crate) epoch: u64,
    pub(crate) nickname: Option<String>,
    pub(crate) trust: Trust,
    /// Topic, type, and whether it publishes rather than subscribes.
    pub(crate) ends: Vec<(TopicName, String, bool)>,
}

/// What is known, and the rows made of it.
#[derive(Debug, Default)]
pub(crate) struct Model {
    scope: Scope,
    watched: BTreeMap<NodeId, Watched>,
    history: BTreeMap<TopicName, VecDeque<f64>>,
    pub(crate) topics: Vec<TopicRow>,
    pub(crate) nodes: Vec<NodeRow>,
    pub(crate) refusals: Vec<RefusalRow>,
    /// Topics and nodes that there was no room for.
    pub(crate) left_out: usize,
}

#[derive(Debug)]
struct Watched {
    seen: Seen,
    /// The first answer, or the last one when it was wished to count anew.
    base: Option<Snapshot>,
    before: Option<Snapshot>,
    now: Option<Snapshot>,
    answer: Option<NodeAnswer>,
    problem: Option<String>,
    rounds_without_answer: u32,
}

impl Model {
    /// Knows nothing yet.
    pub(crate) fn new(scope: Scope) -> Self {
        Self {
            scope,
            ..Self::default()
        }
    }

    /// These nodes are there now, and no others.
    pub(crate) fn see(&mut self, nodes: Vec<Seen>) {
        self.left_out = nodes.len().saturating_sub(NODES_MAX);
        let mut before = std::mem::take(&mut self.watched);
        for seen in nodes.into_iter().take(NODES_MAX) {
            let known = before.remove(&seen.id).filter(|known| known.seen.epoch == seen.epoch);
            let watched = match known {
                Some(known) => Watched { seen, ..known },
                None => Watched::new(seen),
            };
            self.watched.insert(watched.seen.id.clone(), watched);
        }
    }

    /// A node has answered.
    pub(crate) fn take_answer(&mut self, id: &NodeId, epoch: u64, facts: &NodeFacts) {
        let kept: usize = self
            .watched
            .values()
            .filter(|node| node.seen.id != *id)
            .map(Watched::kept)
            .sum();
        let Some(node) = self.watched.get_mut(id).filter(|node| node.seen.epoch == epoch) else {
            return;
        };
        let snapshot = Snapshot::of(facts, ENDS_MAX.saturating_sub(kept));
        node.base.get_or_insert_with(|| snapshot.clone());
        node.before = node.now.replace(snapshot);
        node.answer = Some(answer(facts));
        (node.problem, node.rounds_without_answer) = (None, 0);
    }

    /// A node has not answered.
    pub(crate) fn take_silence(&mut self, id: &NodeId, problem: &str) {
        if let Some(node) = self.watched.get_mut(id) {
            node.problem = Some(sanitize::line(problem).into_owned());
        }
    }

    /// Counts anew from now on.
    pub(crate) fn count_anew(&mut self) {
        for node in self.watched.values_mut() {
            node.base.clone_from(&node.now);
        }
        self.make_rows();
    }

    /// Makes the rows of what was said until now, and remembers the rates.
    pub(crate) fn close_round(&mut self) {
        for node in self.watched.values_mut() {
            node.rounds_without_answer = node.rounds_without_answer.saturating_add(1);
        }
        self.make_rows();
        let mut history = std::mem::take(&mut self.history);
        for row in &mut self.topics {
            let mut rates = history.remove(&row.topic).unwrap_or_default();
            if rates.len() >= HISTORY_LEN {
                rates.pop_front();
            }
            rates.extend(row.sent.rate.filter(|rate| rate.is_finite()));
            row.history = rates.iter().copied().collect();
            self.history.insert(row.topic.clone(), rates);
        }
    }

    fn make_rows(&mut self) {
        let mut topics: BTreeMap<TopicName, TopicRow> = BTreeMap::new();
        let mut left_out = BTreeSet::new();
        self.nodes.clear();
        for node in self.watched.values() {
            let row = node.row(&self.scope);
            for (topic, end) in &row.ends {
                if topics.len() >= TOPICS_MAX && !topics.contains_key(topic) {
                    left_out.insert(topic.clone());
                    continue;
                }
                topics
                    .entry(topic.clone())
                    .or_insert_with(|| TopicRow::of(topic))
                    .add(end);
            }
            if self.scope.all || !node.seen.id.name.is_hidden() {
                self.nodes.push(row);
            }
        }
        self.left_out = self.left_out.max(left_out.len());
        self.topics = topics.into_values().collect();
        for row in &mut self.topics {
            row.ends
                .sort_by(|a, b| (!a.is_publisher, &a.node).cmp(&(!b.is_publisher, &b.node)));
            let rates = self.history.get(&row.topic).into_iter().flatten();
            row.history = rates.copied().collect();
        }
        let refusals = self.watched.values().flat_map(|node| node.refusals(&self.scope));
        self.refusals = refusals.take(REFUSALS_MAX).collect();
    }
}

impl TopicRow {
    fn of(topic: &TopicName) -> Self {
        Self {
            topic: topic.clone(),
            types: Vec::new(),
            ends: Vec::new(),
            sent: Spans::default(),
            received: Spans::default(),
            history: Vec::new(),
        }
    }

    fn add(&mut self, end: &End) {
        if !end.type_name.is_empty() && !self.types.contains(&end.type_name) {
            self.types.push(end.type_name.clone());
        }
        if let Some(spans) = end.spans.filter(|_| end.trust.is_good()) {
            match end.is_publisher {
                true => self.sent.add(&spans),
                false => self.received.add(&spans),
            }
        }
        self.ends.push(end.clone());
    }
}

impl Watched {
    fn new(seen: Seen) -> Self {
        Self {
            seen,
            base: None,
            before: None,
            now: None,
            answer: None,
            problem: None,
            rounds_without_answer: 0,
        }
    }

    /// How many ends its counters take room for.
    fn kept(&self) -> usize {
        self.now.as_ref().map_or(0, |now| now.ends.len())
    }

    fn is_old(&self) -> bool {
        self.problem.is_some() || self.rounds_without_answer > ROUNDS_WITHOUT_ANSWER
    }

    fn row(&self, scope: &Scope) -> NodeRow {
        let seen = &self.seen;
        let in_scope = seen.ends.iter().filter(|(topic, ..)| scope.has(topic));
        let ends: Vec<(TopicName, End)> = in_scope
            .map(|(topic, type_name, is_publisher)| {
                let end = End {
                    node: seen.id.clone(),
                    nickname: seen.nickname.clone(),
                    trust: seen.trust,
                    is_publisher: *is_publisher,
                    type_name: type_name.clone(),
                    spans: self.spans(topic, *is_publisher),
                };
                (topic.clone(), end)
            })
            .collect();
        let (mut sent, mut received) = (Spans::default(), Spans::default());
        for (_, end) in &ends {
            let sum = if end.is_publisher { &mut sent } else { &mut received };
            sum.add(&end.spans.unwrap_or_default());
        }
        NodeRow {
            node: seen.id.clone(),
            nickname: seen.nickname.clone(),
            trust: seen.trust,
            answer: self.answer.clone(),
            problem: self.problem.clone(),
            ends,
            sent,
            received,
            refused: self.refused(Refused::total, |snapshot| snapshot.refused),
        }
    }

    /// What it counts at its end of a topic.
    fn spans(&self, topic: &TopicName, is_publisher: bool) -> Option<Spans> {
        let now = self.now.as_ref()?;
        let place = (topic.clone(), is_publisher);
        let counts = |snapshot: &Snapshot| snapshot.ends.get(&place).copied().unwrap_or_default();
        let total = *now.ends.get(&place)?;
        let since = self.base.as_ref().map(|base| total.since(&counts(base)));
        let before = self.before.as_ref().filter(|_| !self.is_old());
        let passed_ns = before.map_or(0, |before| now.uptime_ns.saturating_sub(before.uptime_ns));
        let latest = before.map(|before| total.since(&counts(before)));
        let per_second = |count: fn(&Counts) -> u64| {
            let seconds = passed_ns as f64 / 1e9;
            latest
                .filter(|_| passed_ns > 0)
                .map(|latest| count(&latest) as f64 / seconds)
        };
        Some(Spans {
            rate: per_second(|counts| counts.messages),
            byte_rate: per_second(|counts| counts.bytes),
            latest: latest.unwrap_or_default(),
            since: since.unwrap_or_default(),
            total,
        })
    }

    fn refused(&self, of: impl Fn(&Refused) -> u64, from: impl Fn(&Snapshot) -> Refused) -> Count {
        let Some(now) = self.now.as_ref().map(&from) else {
            return Count::default();
        };
        let since = |earlier: Option<&Snapshot>| earlier.map_or(0, |earlier| of(&now.since(&from(earlier))));
        Count {
            latest: since(self.before.as_ref().filter(|_| !self.is_old())),
            since: since(self.base.as_ref()),
            total: of(&now),
        }
    }

    /// What it has refused, by topic; what concerns no topic of its own comes last. Nothing, if it is not believed.
    fn refusals(&self, scope: &Scope) -> Vec<RefusalRow> {
        if !self.seen.trust.is_good() {
            return Vec::new();
        }
        let row = |topic: Option<&TopicName>, reason, count| RefusalRow {
            id: RefusalId {
                reason,
                topic: topic.cloned(),
                by: self.seen.id.clone(),
            },
            count,
        };
        let mut rows = Vec::new();
        let subscriptions = self.seen.ends.iter().filter(|(.., is_publisher)| !is_publisher);
        for (topic, ..) in subscriptions.filter(|(topic, ..)| scope.has(topic)) {
            let place = (topic.clone(), false);
            let at_topic = |snapshot: &Snapshot| snapshot.ends.get(&place).map(|c| c.refused).unwrap_or_default();
            let now = self.now.as_ref().map(at_topic).unwrap_or_default();
            for (reason, _) in now.reasons() {
                rows.push(row(
                    Some(topic),
                    reason,
                    self.refused(|refused| refused.of(reason), at_topic),
                ));
            }
        }
        let elsewhere = |snapshot: &Snapshot| snapshot.refused_elsewhere();
        let now = self.now.as_ref().map(elsewhere).unwrap_or_default();
        for (reason, _) in now.reasons().filter(|_| scope.topics.is_empty()) {
            rows.push(row(None, reason, self.refused(|refused| refused.of(reason), elsewhere)));
        }
        rows
    }
}

#[cfg(test)]
mod tests;
