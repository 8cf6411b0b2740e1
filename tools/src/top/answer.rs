//! The rows as JSON, and as tables for `--once`.

use nuncio::clock;
use nuncio::msgs::nuncio_msgs::msg::NodeFacts;
use serde_json::{Map, Value, json};

use super::model::Model;
use super::rows::{Count, End, NodeRow, Spans, TopicRow};
use super::text;
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
        for object in model.topics.iter().map(topic).chain(model.nodes.iter().map(node)) {
            render.json(&with_time(object, now_ns))?;
        }
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

fn with_time(mut object: Map<String, Value>, now_ns: i64) -> Value {
    object.insert("time_ns".to_owned(), now_ns.into());
    Value::Object(object)
}

fn topic(row: &TopicRow) -> Map<String, Value> {
    let trusted = row
        .subscribers()
        .filter(|end| end.trust.is_good())
        .filter_map(|end| end.spans);
    let fewest = trusted.filter_map(|spans| spans.rate).reduce(f64::min);
    let mut object = object([
        ("kind", "topic".into()),
        ("topic", row.topic.as_str().into()),
        ("type", row.types.first().cloned().into()),
        ("types_differ", (row.types.len() > 1).into()),
        ("publishers", row.publishers().map(|end| of_end(end, "sent")).collect()),
        (
            "subscribers",
            row.subscribers().map(|end| of_end(end, "received")).collect(),
        ),
        ("rate_hz", row.sent.rate.into()),
        ("bytes_per_second", row.sent.byte_rate.into()),
        ("received_hz_min", fewest.into()),
        ("latency_s", seconds(row.received.latest.latency_ns())),
        ("jitter_s", seconds(row.received.latest.jitter_ns())),
        ("trust", row.trust().map(Trust::as_str).into()),
    ]);
    counted(&mut object, "sent", row.sent.count(|counts| counts.messages));
    counted(&mut object, "missing", row.missing());
    counted(&mut object, "dropped", row.dropped());
    refused(&mut object, &row.received);
    object
}

fn node(row: &NodeRow) -> Map<String, Value> {
    let answer = row.answer.as_ref();
    let findings = answer.into_iter().flat_map(|answer| &answer.findings).map(|finding| {
        json!({
            "level": text::level(finding.level), "subject": finding.subject, "found": finding.found,
            "remedy": finding.remedy,
        })
    });
    let healthy = answer
        .filter(|_| row.problem.is_none())
        .map(|answer| answer.level < NodeFacts::LEVEL_ERROR);
    let mut object = object([
        ("kind", "node".into()),
        ("node", row.node.name.as_str().into()),
        ("key", row.node.key.to_string().into()),
        ("nickname", row.nickname.clone().into()),
        ("trust", row.trust.as_str().into()),
        ("level", text::health(row).into()),
        ("healthy", healthy.into()),
        ("problem", row.problem.clone().into()),
        ("findings", findings.collect()),
        (
            "publishers",
            row.ends.iter().filter(|(_, end)| end.is_publisher).count().into(),
        ),
        (
            "subscriptions",
            row.ends.iter().filter(|(_, end)| !end.is_publisher).count().into(),
        ),
        ("sent_hz", row.sent.rate.into()),
        ("sent_bytes_per_second", row.sent.byte_rate.into()),
        ("received_hz", row.received.rate.into()),
        ("received_bytes_per_second", row.received.byte_rate.into()),
        ("uptime_s", answer.map(|answer| answer.uptime_ns as f64 / 1e9).into()),
        ("version", answer.map(|answer| answer.version.clone()).into()),
    ]);
    counted(&mut object, "missing", row.missing());
    counted(&mut object, "dropped", row.dropped());
    counted(&mut object, "refused", row.refused);
    object
}

/// One end of a topic. `counts` is what its messages are called.
fn of_end(end: &End, counts: &str) -> Value {
    let total = end.spans.map(|spans| spans.total.messages);
    let mut of = object([
        ("node", end.node.name.as_str().into()),
        ("key", end.node.key.to_string().into()),
        ("nickname", end.nickname.clone().into()),
        ("trust", end.trust.as_str().into()),
        ("rate_hz", end.spans.and_then(|spans| spans.rate).into()),
    ]);
    of.insert(format!("{counts}_total"), total.into());
    Value::Object(of)
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A counter in the interval, and since what counts it is there.
fn counted(object: &mut Map<String, Value>, name: &str, count: Count) {
    object.insert(name.to_owned(), count.latest.into());
    object.insert(format!("{name}_total"), count.total.into());
}

fn refused(object: &mut Map<String, Value>, received: &Spans) {
    let by_reason = |refused: &super::counts::Refused| -> Value {
        let reasons = refused.reasons();
        let named = reasons.map(|(reason, count)| (reason.to_string(), count.into()));
        Value::Object(named.collect())
    };
    object.insert("refused".to_owned(), by_reason(&received.latest.refused));
    object.insert("refused_total".to_owned(), by_reason(&received.total.refused));
}

fn seconds(ns: Option<f64>) -> Value {
    ns.map(|ns| ns / 1e9).into()
}
