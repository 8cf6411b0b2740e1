//! The rows as JSON, and as tables for `--once`.

use nuncio::clock;
use nuncio::msgs::nuncio_msgs::msg::NodeFacts;

use super::counts::Refused;
use super::model::Model;
use super::rows::{Count, End, NodeRow, TopicRow};
use super::text;
use crate::answers::diagnosis::{Lost, Sent, TopEnd, TopFinding, TopNode, TopPublisher, TopSubscriber, TopTopic};
use crate::answers::named::Named;
use crate::render::{OutputError, Render, Table, Tone, short_key};
use crate::standing::Trust;

/// Prints one object for each topic and each node, or two tables.
///
/// # Errors
///
/// When nothing can be written.
pub(crate) fn print(render: &Render, model: &Model) -> Result<(), OutputError> {
    if render.is_json() {
        let now_ns = clock::now_ns();
        let topics = model.topics.iter().map(|row| topic(row, now_ns));
        topics.into_iter().try_for_each(|row| render.answer(&row))?;
        let nodes = model.nodes.iter().map(|row| node(row, now_ns));
        nodes.into_iter().try_for_each(|row| render.answer(&row))?;
        return render.flush();
    }
    let mut topics = Table::new([
        "TOPIC", "RATE", "BYTES/S", "LATENCY", "JITTER", "GAPS", "DROPS", "REFUSED", "SIGNER", "TRUST",
    ]);
    for row in &model.topics {
        topics.row([
            row.topic.to_string(),
            text::rate(row.sent.rate),
            text::rate(row.sent.byte_rate),
            text::time(row.received.latest.latency_ns()),
            text::time(row.received.latest.jitter_ns()),
            row.missing().latest.to_string(),
            row.dropped().latest.to_string(),
            row.refused().latest.to_string(),
            text::signer(row),
            row.trust().map_or("", Trust::as_str).to_owned(),
        ]);
    }
    let mut nodes = Table::new([
        "NODE", "HEALTH", "SENDS", "RECEIVES", "GAPS", "DROPS", "REFUSED", "KEY", "TRUST",
    ]);
    for row in &model.nodes {
        nodes.row([
            row.node.name.to_string(),
            text::health(row).to_owned(),
            text::rate(row.sent.rate),
            text::rate(row.received.rate),
            row.missing().latest.to_string(),
            row.dropped().latest.to_string(),
            row.refused.latest.to_string(),
            row.nickname.clone().unwrap_or_else(|| short_key(&row.node.key)),
            row.trust.as_str().to_owned(),
        ]);
    }
    for table in [topics, nodes] {
        let lines = table.lines(0);
        for (index, line) in lines.iter().enumerate().filter(|_| lines.len() > 1) {
            render.line((index == 0).then_some(Tone::Strong), line)?;
        }
    }
    render.flush()
}

fn topic(row: &TopicRow, time_ns: i64) -> TopTopic<'_> {
    let trusted = row
        .subscribers()
        .filter(|end| end.trust.is_good())
        .filter_map(|end| end.spans);
    let fewest = trusted.filter_map(|spans| spans.rate).reduce(f64::min);
    let sent = row.sent.count(|counts| counts.messages);
    TopTopic {
        kind: "topic",
        topic: row.topic.as_str(),
        type_name: row.types.first().map(String::as_str),
        types_differ: row.types.len() > 1,
        publishers: row.publishers().map(publisher).collect(),
        subscribers: row.subscribers().map(subscriber).collect(),
        rate_hz: row.sent.rate,
        bytes_per_second: row.sent.byte_rate,
        received_hz_min: fewest,
        latency_s: seconds(row.received.latest.latency_ns()),
        jitter_s: seconds(row.received.latest.jitter_ns()),
        trust: row.trust().map(Trust::as_str),
        sent: Sent {
            sent: sent.latest,
            sent_total: sent.total,
        },
        lost: lost(row.missing(), row.dropped()),
        refused: by_reason(&row.received.latest.refused),
        refused_total: by_reason(&row.received.total.refused),
        time_ns,
    }
}

fn node(row: &NodeRow, time_ns: i64) -> TopNode<'_> {
    let answer = row.answer.as_ref();
    let findings = answer.into_iter().flat_map(|answer| &answer.findings);
    let findings = findings.map(|finding| TopFinding {
        level: text::level(finding.level),
        subject: &finding.subject,
        found: &finding.found,
        remedy: &finding.remedy,
    });
    let healthy = answer
        .filter(|_| row.problem.is_none())
        .map(|answer| answer.level < NodeFacts::LEVEL_ERROR);
    TopNode {
        kind: "node",
        node: row.node.name.as_str(),
        key: row.node.key.to_string(),
        nickname: row.nickname.as_deref(),
        trust: row.trust.as_str(),
        level: text::health(row),
        healthy,
        problem: row.problem.as_deref(),
        findings: findings.collect(),
        publishers: row.ends.iter().filter(|(_, end)| end.is_publisher).count(),
        subscriptions: row.ends.iter().filter(|(_, end)| !end.is_publisher).count(),
        sent_hz: row.sent.rate,
        sent_bytes_per_second: row.sent.byte_rate,
        received_hz: row.received.rate,
        received_bytes_per_second: row.received.byte_rate,
        uptime_s: answer.map(|answer| answer.uptime_ns as f64 / 1e9),
        version: answer.map(|answer| answer.version.as_str()),
        lost: lost(row.missing(), row.dropped()),
        refused: row.refused.latest,
        refused_total: row.refused.total,
        time_ns,
    }
}

fn publisher(end: &End) -> TopPublisher<'_> {
    TopPublisher {
        end: node_of(end),
        sent_total: total(end),
    }
}

fn subscriber(end: &End) -> TopSubscriber<'_> {
    TopSubscriber {
        end: node_of(end),
        received_total: total(end),
    }
}

fn total(end: &End) -> Option<u64> {
    end.spans.map(|spans| spans.total.messages)
}

fn node_of(end: &End) -> TopEnd<'_> {
    TopEnd {
        node: end.node.name.as_str(),
        key: end.node.key.to_string(),
        nickname: end.nickname.as_deref(),
        trust: end.trust.as_str(),
        rate_hz: end.spans.and_then(|spans| spans.rate),
    }
}

fn lost(missing: Count, dropped: Count) -> Lost {
    Lost {
        missing: missing.latest,
        missing_total: missing.total,
        dropped: dropped.latest,
        dropped_total: dropped.total,
    }
}

fn by_reason(refused: &Refused) -> Named<u64> {
    let reasons = refused.reasons();
    reasons.map(|(reason, count)| (reason.to_string(), count)).collect()
}

fn seconds(ns: Option<f64>) -> Option<f64> {
    ns.map(|ns| ns / 1e9)
}
