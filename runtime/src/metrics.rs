//! Counters as Prometheus reads them: text exposition format 0.0.4.
//!
//! # Invariants
//!
//! - No sample stands there twice: counters of endpoints with the same labels are added up.
//! - Labels are names of this program's own nodes, topics and services, and reasons: nobody else can make there be more.
//!
//! This module does no I/O.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::health::{Health, Level, QueueKind};
use crate::node_stats::NodeStats;

/// What `Content-Type` says of it.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The labels of a sample, beside that of its node.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// All samples of one name.
#[derive(Debug)]
struct Family<'a> {
    kind: &'static str,
    help: &'static str,
    samples: BTreeMap<Labels<'a>, f64>,
}

/// The families by name.
#[derive(Debug, Default)]
struct Exposition<'a>(BTreeMap<&'static str, Family<'a>>);

impl<'a> Exposition<'a> {
    fn counter(&mut self, name: &'static str, help: &'static str, labels: &Labels<'a>, value: u64) {
        self.add(name, "counter", help, labels, value as f64);
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, labels: &Labels<'a>, value: f64) {
        self.add(name, "gauge", help, labels, value);
    }

    fn add(&mut self, name: &'static str, kind: &'static str, help: &'static str, labels: &Labels<'a>, value: f64) {
        let family = self.0.entry(name).or_insert_with(|| Family {
            kind,
            help,
            samples: BTreeMap::new(),
        });
        *family.samples.entry(labels.clone()).or_default() += value;
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &self.0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {}", escaped(family.help, false));
            let _ = writeln!(text, "# TYPE {name} {}", family.kind);
            for (labels, value) in &family.samples {
                let labels: Vec<_> = labels
                    .iter()
                    .map(|(label, value)| format!("{label}=\"{}\"", escaped(value, true)))
                    .collect();
                let _ = writeln!(text, "{name}{{{}}} {value}", labels.join(","));
            }
        }
        text
    }
}

/// A text with what ends a line, or a label, made harmless.
fn escaped(text: &str, in_quotes: bool) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n");
    match in_quotes {
        true => escaped.replace('"', "\\\""),
        false => escaped,
    }
}

/// The counters and the health of these nodes.
pub(crate) fn exposition(nodes: &[(String, NodeStats, Health)]) -> String {
    let mut all = Exposition::default();
    for (name, stats, health) in nodes {
        node(&mut all, name, stats);
        publishers(&mut all, name, stats);
        subscriptions(&mut all, name, stats);
        servers(&mut all, name, stats);
        clients(&mut all, name, stats);
        self::health(&mut all, name, health);
    }
    all.text()
}

fn node<'a>(all: &mut Exposition<'a>, name: &'a str, stats: &'a NodeStats) {
    let labels = vec![("node", name)];
    let info = vec![("node", name), ("version", env!("CARGO_PKG_VERSION"))];
    all.gauge("nuncio_node_info", "The version of Nuncio of each node.", &info, 1.0);
    let uptime = stats.uptime.as_secs_f64();
    all.gauge(
        "nuncio_uptime_seconds",
        "How long the node has been open.",
        &labels,
        uptime,
    );
    all.gauge(
        "nuncio_peers",
        "Other nodes that the node knows.",
        &labels,
        stats.peers as f64,
    );
    all.gauge(
        "nuncio_links",
        "Links of the node that are up.",
        &labels,
        stats.links.len() as f64,
    );
    let signing = &stats.signing;
    all.counter(
        "nuncio_signatures_total",
        "Signatures made.",
        &labels,
        signing.signatures,
    );
    all.counter(
        "nuncio_signed_frames_total",
        "Frames that were signed.",
        &labels,
        signing.frames,
    );
    let (help, seconds) = ("Time that signatures took.", signing.time.as_secs_f64());
    all.add("nuncio_signing_seconds_total", "counter", help, &labels, seconds);
    let help = "Signatures of others that were checked.";
    all.counter("nuncio_verifications_total", help, &labels, stats.verifications);
    for (reason, count) in &stats.refused {
        let labels = vec![("node", name), ("reason", reason.as_str())];
        all.counter(
            "nuncio_refused_total",
            "What was refused, wherever in the node.",
            &labels,
            *count,
        );
    }
}

fn publishers<'a>(all: &mut Exposition<'a>, name: &'a str, stats: &'a NodeStats) {
    for publisher in &stats.publishers {
        let labels = vec![("node", name), ("topic", publisher.topic.as_str())];
        let counts = &publisher.stats;
        let mut counter = |name, help, count| all.counter(name, help, &labels, count);
        counter(
            "nuncio_published_messages_total",
            "Messages handed to the link.",
            counts.sent,
        );
        counter(
            "nuncio_published_bytes_total",
            "Bytes of their frames.",
            counts.sent_bytes,
        );
        let help = "Messages of best-effort publishers that had no room.";
        counter("nuncio_publish_dropped_total", help, counts.dropped);
        counter(
            "nuncio_publish_failed_total",
            "Messages that the link did not take.",
            counts.failed,
        );
        counter(
            "nuncio_publish_blocked_total",
            "How often publish waited for room.",
            counts.blocked,
        );
        let help = "Messages given up because there was no room in time.";
        counter("nuncio_publish_timed_out_total", help, counts.timed_out);
        let help = "Messages given back because there was no room at once.";
        counter("nuncio_publish_would_block_total", help, counts.would_block);
        let help = "How often nothing was published within the deadline.";
        counter(
            "nuncio_offered_deadlines_missed_total",
            help,
            publisher.deadlines_missed,
        );
        let help = "How often nobody showed within the lease that the publisher is alive.";
        counter("nuncio_liveliness_lost_total", help, publisher.liveliness_lost);
        let matched = publisher.matched as f64;
        all.gauge(
            "nuncio_matched_subscribers",
            "Subscribers that match now.",
            &labels,
            matched,
        );
    }
}

fn subscriptions<'a>(all: &mut Exposition<'a>, name: &'a str, stats: &'a NodeStats) {
    for subscription in &stats.subscriptions {
        let topic = subscription.topic.as_str();
        let labels = vec![("node", name), ("topic", topic)];
        let counts = &subscription.stats;
        let mut counter = |name, help, count| all.counter(name, help, &labels, count);
        counter(
            "nuncio_received_messages_total",
            "Messages that were verified.",
            counts.received,
        );
        counter(
            "nuncio_received_bytes_total",
            "Bytes of their frames.",
            counts.received_bytes,
        );
        let help = "Messages that came because they were asked for.";
        counter("nuncio_recovered_messages_total", help, counts.recovered);
        let help = "Messages that were numbered and never came.";
        counter("nuncio_missing_messages_total", help, counts.missing);
        let help = "Messages that a full queue dropped.";
        counter("nuncio_dropped_messages_total", help, counts.dropped);
        let help = "Messages that were too old before anybody took them.";
        counter("nuncio_expired_messages_total", help, counts.expired);
        counter(
            "nuncio_duplicate_frames_total",
            "Frames that came a second time.",
            counts.duplicates,
        );
        let help = "Messages of publishers that offer less than is requested.";
        counter("nuncio_incompatible_messages_total", help, counts.incompatible);
        let help = "How often nothing came within the deadline.";
        counter(
            "nuncio_requested_deadlines_missed_total",
            help,
            subscription.deadlines_missed,
        );
        let mut gauge = |name, help, value| all.gauge(name, help, &labels, value);
        gauge(
            "nuncio_matched_publishers",
            "Publishers that match now.",
            subscription.matched as f64,
        );
        gauge(
            "nuncio_queued_messages",
            "Messages that wait to be taken.",
            counts.queue_len as f64,
        );
        gauge(
            "nuncio_queue_depth",
            "How many messages may wait.",
            counts.queue_depth as f64,
        );
        for (reason, count) in &counts.refused {
            let labels = vec![("node", name), ("topic", topic), ("reason", reason.as_str())];
            let help = "Frames and messages that a subscription refused.";
            all.counter("nuncio_topic_refused_total", help, &labels, *count);
        }
    }
}

fn servers<'a>(all: &mut Exposition<'a>, name: &'a str, stats: &'a NodeStats) {
    for server in &stats.servers {
        let labels = vec![("node", name), ("service", server.name.as_str())];
        let counts = &server.stats;
        let mut counter = |name, help, count| all.counter(name, help, &labels, count);
        counter(
            "nuncio_requests_total",
            "Requests that were verified.",
            counts.requests.received,
        );
        counter(
            "nuncio_requests_refused_total",
            "Requests refused.",
            counts.requests.refused_total(),
        );
        counter("nuncio_responses_total", "Responses sent.", counts.answered);
        counter(
            "nuncio_faults_total",
            "Faults sent in the place of responses.",
            counts.faults,
        );
        counter(
            "nuncio_requests_overloaded_total",
            "Requests that found no room.",
            counts.overloaded,
        );
        let waiting = counts.waiting as f64;
        all.gauge(
            "nuncio_requests_waiting",
            "Requests that wait for the handler.",
            &labels,
            waiting,
        );
    }
}

fn clients<'a>(all: &mut Exposition<'a>, name: &'a str, stats: &'a NodeStats) {
    for client in &stats.clients {
        let labels = vec![("node", name), ("service", client.name.as_str())];
        let counts = &client.stats;
        let mut counter = |name, help, count| all.counter(name, help, &labels, count);
        counter("nuncio_calls_total", "Requests sent.", counts.sent);
        counter("nuncio_calls_answered_total", "Responses received.", counts.answered);
        counter(
            "nuncio_calls_faulted_total",
            "Faults received in the place of responses.",
            counts.faults,
        );
        counter(
            "nuncio_calls_refused_total",
            "Answers that were refused.",
            counts.refused,
        );
        all.gauge(
            "nuncio_calls_open",
            "Calls that are under way.",
            &labels,
            counts.open as f64,
        );
    }
}

fn health<'a>(all: &mut Exposition<'a>, name: &'a str, health: &'a Health) {
    let level = match health.level() {
        Level::Ok => 0.0,
        Level::Warning => 1.0,
        Level::Error => 2.0,
    };
    let help = "The worst finding of the node: 0 none, 1 a warning, 2 an error.";
    all.gauge("nuncio_health_level", help, &vec![("node", name)], level);
    for finding in &health.findings {
        let labels = vec![("node", name), ("kind", finding.kind.as_str())];
        all.gauge("nuncio_health_findings", "What is wrong now, by kind.", &labels, 1.0);
    }
    // Of a fleet's queues the fullest is what matters; each has its own in the facts.
    for kind in [QueueKind::Publisher, QueueKind::Subscription, QueueKind::Server] {
        let of_kind = health.queues.iter().filter(|queue| queue.kind == kind);
        let fullest = of_kind.map(|queue| queue.fraction).fold(0.0, f64::max);
        let labels = vec![("node", name), ("kind", kind.as_str())];
        all.gauge(
            "nuncio_fullest_queue_ratio",
            "How full the fullest queue is.",
            &labels,
            fullest,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::TopicName;
    use crate::node_stats::PublisherReport;
    use crate::stats::PublisherStats;

    fn publisher(topic: &str, sent: u64) -> PublisherReport {
        PublisherReport {
            topic: TopicName::parse(topic).unwrap(),
            type_name: String::new(),
            matched: 1,
            deadlines_missed: 0,
            liveliness_lost: 0,
            stats: PublisherStats {
                sent,
                ..PublisherStats::default()
            },
        }
    }

    #[test]
    fn publishers_of_one_topic_are_added_up_so_that_no_sample_stands_twice() {
        let stats = NodeStats {
            publishers: vec![publisher("/scan", 3), publisher("/scan", 4), publisher("/tf", 1)],
            ..NodeStats::default()
        };
        let text = exposition(&[("/robot".to_owned(), stats, Health::default())]);
        assert!(
            text.contains("\nnuncio_published_messages_total{node=\"/robot\",topic=\"/scan\"} 7\n"),
            "{text}"
        );
        let mut samples: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').unwrap().0)
            .collect();
        let all = samples.len();
        samples.sort_unstable();
        samples.dedup();
        assert_eq!(samples.len(), all, "{text}");
        assert_eq!(
            text.matches("# TYPE nuncio_published_messages_total counter\n").count(),
            1
        );
    }

    #[test]
    fn names_cannot_end_their_label() {
        let mut all = Exposition::default();
        let labels = vec![("node", "a\"} 1\nforged_total{x=\"\\")];
        all.counter("nuncio_test_total", "One\nline, a \\ and a \".", &labels, 2);
        let expected = "# HELP nuncio_test_total One\\nline, a \\\\ and a \".\n# TYPE nuncio_test_total counter\n\
                        nuncio_test_total{node=\"a\\\"} 1\\nforged_total{x=\\\"\\\\\"} 2\n";
        assert_eq!(all.text(), expected);
    }
}
