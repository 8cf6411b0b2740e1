//! A robot whose answers are made up, for the tests of what is made of them.

use nuncio::msgs::nuncio_msgs::msg::{
    HealthFinding, NodeFacts, PublisherCounters, RefusalCounter, SubscriptionCounters,
};
use nuncio::{NodeName, PublicKey, TopicName};

use super::model::{Model, Scope, Seen};
use crate::standing::{NodeId, Trust, Word};

pub(crate) fn id(name: &str, seed: u8) -> NodeId {
    NodeId::new(&NodeName::parse(name).unwrap(), PublicKey::from_bytes([seed; 32]))
}

pub(crate) fn seen(name: &str, seed: u8, trust: Trust, ends: &[(&str, &str, bool)]) -> Seen {
    let ends = ends
        .iter()
        .map(|(topic, kind, publishes)| (TopicName::parse(topic).unwrap(), (*kind).to_owned(), *publishes));
    Seen {
        id: id(name, seed),
        epoch: 1,
        nickname: None,
        trust,
        ends: ends.collect(),
    }
}

pub(crate) fn sent(topic: &str, sent: u64, sent_bytes: u64) -> PublisherCounters {
    PublisherCounters {
        topic: topic.to_owned(),
        sent,
        sent_bytes,
        ..PublisherCounters::default()
    }
}

pub(crate) fn received(topic: &str, received: u64, delay_ns: i64) -> SubscriptionCounters {
    SubscriptionCounters {
        topic: topic.to_owned(),
        received,
        timed_frames: received,
        delay_sum_ns: delay_ns * received.cast_signed(),
        jitter_sum_ns: delay_ns.unsigned_abs() / 10 * received,
        ..SubscriptionCounters::default()
    }
}

pub(crate) fn refused(reason: &str, count: u64) -> RefusalCounter {
    RefusalCounter {
        reason: reason.to_owned(),
        count,
    }
}

const IMU: &str = "sensor_msgs/msg/Imu";
const IMAGE: &str = "sensor_msgs/msg/Image";
const TWIST: &str = "geometry_msgs/msg/Twist";
const PINNED: Trust = Trust::Believed(Word::Pinned);

/// A base with sensors, an arm that listens, a pilot, and somebody with the pilot's name and another key; six seconds of it.
pub(crate) fn model_of_a_robot() -> Model {
    let mut model = Model::new(Scope::default());
    for second in 0..=6_u64 {
        model.see(nodes());
        let arm = facts(second, vec![], vec![received("/imu", 99 * second, 812_000)]);
        let pilot = facts(second, vec![sent("/cmd_vel", 10 * second, 1900 * second)], vec![]);
        let other = facts(second, vec![sent("/cmd_vel", 900 * second, 1 << 40)], vec![]);
        model.take_answer(&id("/base", 1), 1, &base(second));
        model.take_answer(&id("/arm", 2), 1, &arm);
        model.take_answer(&id("/pilot", 3), 1, &pilot);
        model.take_answer(&id("/pilot", 4), 1, &other);
        model.close_round();
    }
    model
}

fn nodes() -> Vec<Seen> {
    let stranger = Trust::Disbelieved(Word::PinMismatch);
    let ends = [
        ("/imu", IMU, true),
        ("/camera/image", IMAGE, true),
        ("/cmd_vel", TWIST, false),
    ];
    vec![
        seen("/base", 1, PINNED, &ends),
        seen("/arm", 2, PINNED, &[("/imu", IMU, false)]),
        Seen {
            nickname: Some("alice".to_owned()),
            ..seen(
                "/pilot",
                3,
                Trust::Believed(Word::Permitted),
                &[("/cmd_vel", TWIST, true)],
            )
        },
        seen("/pilot", 4, stranger, &[("/cmd_vel", TWIST, true)]),
        seen("/ghost", 5, Trust::Unverified, &[]),
    ]
}

fn facts(second: u64, publishers: Vec<PublisherCounters>, subscriptions: Vec<SubscriptionCounters>) -> NodeFacts {
    NodeFacts {
        uptime_ns: 7_000_000_000 + second * 1_000_000_000,
        version: "0.1.0".to_owned(),
        publishers,
        subscriptions,
        ..NodeFacts::default()
    }
}

fn base(second: u64) -> NodeFacts {
    let refusals = vec![refused("BadSignature", 3 * second), refused("PinMismatch", 2)];
    let commands = SubscriptionCounters {
        refused: refusals.clone(),
        missing: second,
        ..received("/cmd_vel", 10 * second, 350_000)
    };
    let published = vec![
        sent("/imu", 500 + 100 * second, 10_000 * second),
        sent("/camera/image", 30 * second, 27_648_000 * second),
    ];
    NodeFacts {
        refused: [refusals, vec![refused("UnknownKey", 1)]].concat(),
        level: NodeFacts::LEVEL_WARNING,
        findings: vec![HealthFinding {
            level: NodeFacts::LEVEL_WARNING,
            subject: "/cmd_vel".to_owned(),
            found: "3 refused in the last 10 s".to_owned(),
            remedy: "`nuncio doctor --reasons` tells what each reason means".to_owned(),
            ..HealthFinding::default()
        }],
        ..facts(second, published, vec![commands])
    }
}
