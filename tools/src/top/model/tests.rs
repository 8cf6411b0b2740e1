//! What is made of answers: rates, sums, whose word counts, and bounds.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

use super::*;
use crate::standing::{Trust, Word};
use crate::top::tests::{id, model_of_a_robot, received, refused, seen, sent};

fn topic<'a>(model: &'a Model, name: &str) -> &'a TopicRow {
    model.topics.iter().find(|row| row.topic.as_str() == name).unwrap()
}

fn facts(uptime_ms: u64) -> NodeFacts {
    NodeFacts {
        uptime_ns: uptime_ms * 1_000_000,
        ..NodeFacts::default()
    }
}

fn publisher(uptime_ms: u64, count: u64) -> NodeFacts {
    NodeFacts {
        publishers: vec![sent("/imu", count, 10 * count)],
        ..facts(uptime_ms)
    }
}

const PINNED: Trust = Trust::Believed(Word::Pinned);

/// A model of one node that publishes on `/imu`.
fn one_publisher(trust: Trust) -> Model {
    let mut model = Model::new(Scope::default());
    model.see(vec![seen("/a", 1, trust, &[("/imu", "a/msg/Imu", true)])]);
    model
}

#[test]
fn a_rate_is_what_was_counted_over_the_publishers_own_clock() {
    let mut model = one_publisher(PINNED);
    model.take_answer(&id("/a", 1), 1, &publisher(1000, 0));
    model.close_round();
    assert_eq!(topic(&model, "/imu").sent.rate, None, "one answer is no rate");
    // The answer was late: it does not matter.
    model.take_answer(&id("/a", 1), 1, &publisher(3500, 125_000));
    model.close_round();
    let row = topic(&model, "/imu");
    assert_eq!((row.sent.rate, row.sent.byte_rate), (Some(50_000.0), Some(500_000.0)));
    assert_eq!(row.history, [50_000.0]);
}

#[test]
fn rates_of_several_publishers_are_added_and_latency_is_the_mean_of_all_frames() {
    let mut model = Model::new(Scope::default());
    let ends = |publishes| [("/imu", "a/msg/Imu", publishes)];
    model.see(vec![
        seen("/a", 1, PINNED, &ends(true)),
        seen("/b", 2, PINNED, &ends(true)),
        seen("/c", 3, PINNED, &ends(false)),
        seen("/d", 4, PINNED, &ends(false)),
    ]);
    let subscriber = |uptime_ms, count, delay_ns| NodeFacts {
        subscriptions: vec![received("/imu", count, delay_ns)],
        ..facts(uptime_ms)
    };
    for (uptime_ms, n) in [(1000, 0), (2000, 1)] {
        model.take_answer(&id("/a", 1), 1, &publisher(uptime_ms, 100 * n));
        model.take_answer(&id("/b", 2), 1, &publisher(2 * uptime_ms, 100 * n));
        model.take_answer(&id("/c", 3), 1, &subscriber(uptime_ms, 100 * n, 1000));
        model.take_answer(&id("/d", 4), 1, &subscriber(uptime_ms, 300 * n, 2000));
    }
    model.close_round();
    let row = topic(&model, "/imu");
    assert_eq!(row.sent.rate, Some(150.0));
    assert_eq!(row.received.latest.latency_ns(), Some(1750.0));
    assert_eq!(row.received.latest.jitter_ns(), Some(175.0));
}

#[test]
fn who_is_not_believed_stands_in_the_row_and_in_no_sum() {
    let model = model_of_a_robot();
    let row = topic(&model, "/cmd_vel");
    assert_eq!(row.publishers().count(), 2);
    assert_eq!(row.sent.rate, Some(10.0));
    assert_eq!(row.trust(), Some(Trust::Disbelieved(Word::PinMismatch)));
    assert_eq!(topic(&model, "/imu").trust(), Some(PINNED));
}

#[test]
fn refusals_are_told_by_reason_topic_and_who_has_refused() {
    let model = model_of_a_robot();
    let rows: Vec<_> = model
        .refusals
        .iter()
        .map(|row| {
            let topic = row.id.topic.as_ref().map(TopicName::as_str);
            (
                row.id.reason.as_str(),
                topic,
                row.count.latest,
                row.count.since,
                row.count.total,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("BadSignature", Some("/cmd_vel"), 3, 18, 18),
            ("PinMismatch", Some("/cmd_vel"), 0, 0, 2),
            ("UnknownKey", None, 0, 0, 1),
        ]
    );
}

#[test]
fn counting_anew_sets_what_is_shown_to_zero_and_the_totals_stay() {
    let mut model = model_of_a_robot();
    let refused = |model: &Model| topic(model, "/cmd_vel").refused();
    assert_eq!((refused(&model).since, refused(&model).total), (18, 20));
    model.count_anew();
    assert_eq!((refused(&model).since, refused(&model).total), (0, 20));
}

#[test]
fn a_node_that_begins_anew_is_another_one() {
    let mut model = one_publisher(PINNED);
    model.take_answer(&id("/a", 1), 1, &publisher(900_000, 1_000_000));
    let again = Seen {
        epoch: 2,
        ..seen("/a", 1, PINNED, &[("/imu", "a/msg/Imu", true)])
    };
    model.see(vec![again]);
    // An answer of the old instance that came late.
    model.take_answer(&id("/a", 1), 1, &publisher(901_000, 1_000_100));
    model.take_answer(&id("/a", 1), 2, &publisher(10, 1));
    model.close_round();
    let row = topic(&model, "/imu");
    assert_eq!((row.sent.rate, row.sent.total.messages), (None, 1));
}

#[test]
fn numbers_of_a_node_that_falls_silent_vanish_and_the_reason_is_told() {
    let mut model = one_publisher(PINNED);
    for (uptime_ms, count) in [(1000, 0), (2000, 50)] {
        model.take_answer(&id("/a", 1), 1, &publisher(uptime_ms, count));
        model.close_round();
    }
    model.close_round();
    assert_eq!(topic(&model, "/imu").sent.rate, Some(50.0), "it may be a little late");
    model.take_silence(&id("/a", 1), "/a hangs\u{1b}[2J");
    model.close_round();
    assert_eq!(topic(&model, "/imu").sent.rate, None);
    assert_eq!(
        model.nodes.first().unwrap().problem.as_deref(),
        Some("/a hangs\\u{1b}[2J")
    );
}

#[test]
fn topics_that_no_card_names_do_not_come_from_facts() {
    let mut model = one_publisher(PINNED);
    let more = NodeFacts {
        publishers: vec![sent("/imu", 1, 1), sent("/other", 1, 1), sent("no name at all", 1, 1)],
        ..facts(1000)
    };
    model.take_answer(&id("/a", 1), 1, &more);
    model.close_round();
    assert_eq!(model.topics.len(), 1);
}

#[test]
fn only_topics_of_the_scope_are_shown() {
    let scope = |topics: &[&str], all| Scope {
        topics: topics.iter().map(|text| TopicPattern::parse(text).unwrap()).collect(),
        all,
    };
    let names = |scope| {
        let mut model = Model::new(scope);
        let ends = [("/cam/left", "", true), ("/cam/_hidden", "", true), ("/imu", "", true)];
        model.see(vec![
            seen("/a", 1, PINNED, &ends),
            seen("/_tool", 2, PINNED, &[("/imu", "", true)]),
        ]);
        model.close_round();
        let topics: Vec<_> = model.topics.iter().map(|row| row.topic.to_string()).collect();
        (topics.join(" "), model.nodes.len())
    };
    assert_eq!(names(scope(&[], false)), ("/cam/left /imu".to_owned(), 1));
    assert_eq!(names(scope(&[], true)), ("/cam/_hidden /cam/left /imu".to_owned(), 2));
    assert_eq!(
        names(scope(&["/cam/**"], false)),
        ("/cam/_hidden /cam/left".to_owned(), 1)
    );
}

#[test]
fn claims_without_end_are_left_out_and_counted() {
    let mut model = Model::new(Scope::default());
    let topics: Vec<String> = (0..1024).map(|index| format!("/t{index}")).collect();
    let nodes = (0..8_u8).map(|seed| {
        let names: Vec<String> = topics.iter().map(|topic| format!("/n{seed}{topic}")).collect();
        let ends: Vec<(&str, &str, bool)> = names.iter().map(|name| (name.as_str(), "", true)).collect();
        seen(&format!("/node{seed}"), seed, PINNED, &ends)
    });
    model.see(nodes.collect());
    model.close_round();
    assert_eq!(
        (model.topics.len(), model.left_out),
        (TOPICS_MAX, 8 * 1024 - TOPICS_MAX)
    );
}

#[test]
fn what_a_node_says_of_itself_cannot_move_the_cursor() {
    let mut model = one_publisher(PINNED);
    let hostile = NodeFacts {
        version: "\u{1b}[31m".to_owned(),
        refused: vec![refused("\u{1b}[2J", 1)],
        findings: vec![nuncio::msgs::nuncio_msgs::msg::HealthFinding {
            found: "a\u{1b}]0;b\u{7}".to_owned(),
            ..Default::default()
        }],
        ..facts(1)
    };
    model.take_answer(&id("/a", 1), 1, &hostile);
    model.close_round();
    let shown = format!("{:?}", model.nodes);
    assert!(
        !shown.contains('\u{1b}') && !shown.contains("\\u{1b}]0;b\\u{7}"),
        "{shown}"
    );
    assert!(shown.contains("u{1b}"), "{shown}");
}
