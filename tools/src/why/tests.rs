//! The table: what was seen, and which cause is named first for it.

use std::collections::BTreeSet;
use std::time::Duration;

use nuncio::msgs::nuncio_msgs::msg::{
    CardPublisher, CardSubscriber, HealthFinding, NodeFacts, PublisherCounters, RecentRefusal, RefusalCounter,
    SubscriptionCounters,
};
use nuncio::{Domain, Identity, NodeName, PublicKey, Reason, Refusal, TopicName, Verdict};

use super::facts::{
    Answer, BridgeSeen, Elsewhere, Endpoint, NodeSeen, PublisherSeen, Reached, RefusalSeen, Road, SubscriberSeen,
};
use super::{Asked, Cause, Confidence, Facts, Kind, diagnose};

const TOPIC: &str = "/robot1/scan";

fn name(text: &str) -> NodeName {
    NodeName::parse(text).unwrap()
}

fn key(seed: u8) -> PublicKey {
    Identity::from_seed(&[seed; 32]).public_key()
}

/// A talker that publishes, a listener that subscribes, and a link to both.
fn well() -> Facts {
    let node = |text: &str, seed, publishes: &[&str], subscribes: &[&str]| NodeSeen {
        name: name(text),
        key: key(seed),
        is_verified: true,
        publishes: publishes.iter().map(|topic| (*topic).to_owned()).collect(),
        subscribes: subscribes.iter().map(|topic| (*topic).to_owned()).collect(),
    };
    Facts {
        asked: Asked {
            topic: TopicName::parse(TOPIC).unwrap(),
            from: None,
            to: None,
        },
        domain: Domain::default(),
        road: Road {
            neighbours: vec!["tcp/127.0.0.1:1".to_owned()],
            discovery: "the registry of this machine".to_owned(),
            ..Road::default()
        },
        nodes: vec![node("/talker", 1, &[TOPIC], &[]), node("/listener", 2, &[], &[TOPIC])],
        publishers: vec![PublisherSeen {
            node: name("/talker"),
            key: key(1),
            card: CardPublisher {
                topic: TOPIC.to_owned(),
                type_name: "zoo_msgs/msg/Gait".to_owned(),
                next_number: 11,
                reliability: CardPublisher::RELIABILITY_RELIABLE,
                ..CardPublisher::default()
            },
            nickname: None,
            verdict: Some(Verdict::Pinned),
            refusal: None,
            clock_offset_ns: Some(0),
            heard: 5,
            answer: answer(sent(5), sent(10)),
        }],
        subscribers: vec![SubscriberSeen {
            node: name("/listener"),
            card: CardSubscriber {
                topic: TOPIC.to_owned(),
                type_name: "zoo_msgs/msg/Gait".to_owned(),
                reliability: CardSubscriber::RELIABILITY_RELIABLE,
                ..CardSubscriber::default()
            },
            answer: answer(received(5), received(10)),
        }],
        differences: Vec::new(),
        refusals: Vec::new(),
        listened: Duration::from_secs(1),
        roles: BTreeSet::from(["sensor".to_owned()]),
        elsewhere: Vec::new(),
        bridges: Vec::new(),
    }
}

fn answer(before: NodeFacts, after: NodeFacts) -> Answer {
    Answer {
        before: Some(before),
        after: Some(after),
        problem: None,
    }
}

fn sent(sent: u64) -> NodeFacts {
    NodeFacts {
        publishers: vec![PublisherCounters {
            topic: TOPIC.to_owned(),
            sent,
            ..PublisherCounters::default()
        }],
        ..NodeFacts::default()
    }
}

fn received(received: u64) -> NodeFacts {
    NodeFacts {
        subscriptions: vec![SubscriptionCounters {
            topic: TOPIC.to_owned(),
            received,
            ..SubscriptionCounters::default()
        }],
        ..NodeFacts::default()
    }
}

/// A listener that has refused so many messages of the talker.
fn refusing(reason: Reason, count: u64, detail: &str) -> NodeFacts {
    let mut facts = received(0);
    facts.subscriptions[0].refused = vec![RefusalCounter {
        reason: reason.to_string(),
        count,
    }];
    facts.recent_refusals = vec![RecentRefusal {
        topic: TOPIC.to_owned(),
        reason: reason.to_string(),
        has_key: true,
        key: *key(1).as_bytes(),
        count,
        detail: detail.to_owned(),
        ..RecentRefusal::default()
    }];
    facts
}

fn finding(mut facts: NodeFacts, code: &str) -> NodeFacts {
    facts.findings = vec![HealthFinding {
        code: code.to_owned(),
        subject: TOPIC.to_owned(),
        found: "7 in all".to_owned(),
        ..HealthFinding::default()
    }];
    facts
}

/// The causes of what is other than in [`well`].
fn causes(change: impl FnOnce(&mut Facts)) -> Vec<Cause> {
    let mut facts = well();
    change(&mut facts);
    let causes = diagnose(&facts);
    for cause in &causes {
        assert!(!cause.sentence.is_empty() && !cause.remedy.is_empty(), "{cause:?}");
        assert!(
            cause.kind == Kind::Flows || cause.command.is_some(),
            "no command: {cause:?}"
        );
    }
    causes
}

fn first(change: impl FnOnce(&mut Facts)) -> Cause {
    causes(change).into_iter().next().unwrap()
}

fn nobody_publishes(facts: &mut Facts) {
    facts.publishers.clear();
    facts.nodes.remove(0);
}

#[test]
fn messages_that_flow_are_the_only_answer_when_nothing_is_wrong() {
    let [flows] = causes(|_| {}).try_into().unwrap();
    assert_eq!(flows.kind, Kind::Flows);
    assert_eq!(
        flows.sentence,
        "messages flow: 5 messages of /talker came on /robot1/scan in 1.0 s, verified"
    );
    let [to] = causes(|facts| facts.asked.to = Some(name("/listener")))
        .try_into()
        .unwrap();
    assert!(
        to.sentence
            .starts_with("messages flow: /listener has taken in 5 messages"),
        "{to:?}"
    );
}

type Change = Box<dyn FnOnce(&mut Facts)>;

fn own_refusal(reason: Reason) -> Change {
    Box::new(move |facts: &mut Facts| {
        facts.publishers[0].heard = 0;
        facts.publishers[0].refusal = Some(refusal(reason));
    })
}

fn seen(reason: Reason, detail: &'static str) -> Change {
    Box::new(move |facts: &mut Facts| {
        facts.publishers[0].heard = 0;
        facts.refusals = vec![RefusalSeen {
            reason,
            key: Some(key(1)),
            detail: detail.to_owned(),
        }];
    })
}

fn there(reason: Reason, detail: &'static str) -> Change {
    Box::new(move |facts: &mut Facts| {
        facts.asked.to = Some(name("/listener"));
        facts.subscribers[0].answer = answer(refusing(reason, 1, detail), refusing(reason, 4, detail));
    })
}

fn of_listener(code: &'static str) -> Change {
    Box::new(move |facts: &mut Facts| facts.subscribers[0].answer.after = Some(finding(received(10), code)))
}

fn of_talker(code: &'static str) -> Change {
    Box::new(move |facts: &mut Facts| facts.publishers[0].answer.after = Some(finding(sent(10), code)))
}

/// Each change makes its kind of cause, which has to be named before all others.
fn each_is_named_first(table: Vec<(Kind, Change)>) {
    for (kind, change) in table {
        let found = causes(change);
        assert_eq!(found.first().map(|cause| cause.kind), Some(kind), "{found:#?}");
    }
}

#[test]
fn what_is_refused_is_named_first() {
    each_is_named_first(vec![
        (Kind::KeyRevoked, own_refusal(Reason::Revoked)),
        (Kind::CertificateExpired, own_refusal(Reason::CertExpired)),
        (Kind::CertificateNotYetValid, own_refusal(Reason::CertNotYetValid)),
        (Kind::CertificateInvalid, own_refusal(Reason::CertInvalid)),
        (Kind::RoleMissing, own_refusal(Reason::NotPermitted)),
        (Kind::PinMismatch, seen(Reason::PinMismatch, "the key has changed")),
        (Kind::ClockOff, seen(Reason::StampTooOld, "published 5000 ms ago")),
        (
            Kind::ClockOff,
            seen(Reason::StampInFuture, "published 5000 ms in the future"),
        ),
        (Kind::Replay, seen(Reason::ReplayNotAllowed, "a recording")),
        (Kind::TooLarge, seen(Reason::TooLarge, "70000 bytes")),
        (
            Kind::RateExceeded,
            seen(Reason::NotPermitted, "more than 5 messages a second of one signer"),
        ),
        (
            Kind::ApprovalMissing,
            seen(Reason::NotPermitted, "no approval of 00 by a holder of the role x"),
        ),
        (Kind::ValueRefused, seen(Reason::LimitViolated, "speed is 9")),
        (Kind::Refused, seen(Reason::BadSignature, "altered")),
        (Kind::RoleMissing, there(Reason::NotPermitted, "the key holds no role")),
        (
            Kind::CertificateExpired,
            there(Reason::CertExpired, "it ended yesterday"),
        ),
    ]);
}

#[test]
fn what_happens_on_the_way_is_named_first() {
    each_is_named_first(vec![
        (Kind::QueueFull, of_listener("queue_overflow")),
        (Kind::MessagesLost, of_listener("messages_lost")),
        (Kind::Congestion, of_talker("publish_dropped")),
        (Kind::Congestion, of_talker("publish_blocked")),
        (
            Kind::QosIncompatible,
            Box::new(|facts| facts.publishers[0].card.reliability = CardPublisher::RELIABILITY_BEST_EFFORT),
        ),
        (
            Kind::QosIncompatible,
            Box::new(|facts| {
                facts.subscribers[0].card.durability = CardSubscriber::DURABILITY_TRANSIENT_LOCAL;
            }),
        ),
        (
            Kind::TypeDiffers,
            Box::new(|facts| {
                facts.subscribers[0].card.type_hash = [9; 32];
                facts.subscribers[0].answer = answer(received(0), received(0));
            }),
        ),
        (
            Kind::NeverPublished,
            Box::new(|facts| {
                facts.publishers[0].heard = 0;
                facts.publishers[0].answer = answer(sent(0), sent(0));
            }),
        ),
        (
            Kind::Quiet,
            Box::new(|facts| {
                facts.publishers[0].heard = 0;
                facts.publishers[0].answer = answer(sent(7), sent(7));
            }),
        ),
        (Kind::MessagesLost, Box::new(|facts| facts.publishers[0].heard = 0)),
        (
            Kind::PublisherHangs,
            Box::new(|facts| {
                facts.publishers[0].heard = 0;
                facts.publishers[0].answer = Answer {
                    problem: Some("it did not say in time how it is".to_owned()),
                    ..Answer::default()
                };
            }),
        ),
    ]);
}

#[test]
fn a_road_that_leads_nowhere_is_named_first() {
    each_is_named_first(vec![
        (Kind::NoPublisher, Box::new(nobody_publishes)),
        (
            Kind::NobodyThere,
            Box::new(|facts| {
                nobody_publishes(facts);
                facts.nodes.clear();
            }),
        ),
        (
            Kind::LinkDown,
            Box::new(|facts| {
                nobody_publishes(facts);
                facts.road.neighbours.clear();
                facts.road.endpoints = vec![Endpoint {
                    name: "tcp/10.0.0.1:7447".to_owned(),
                    reached: Reached::Refused,
                }];
            }),
        ),
        (
            Kind::RouterLost,
            Box::new(|facts| {
                nobody_publishes(facts);
                facts.road.lost_router = Some(("tcp/127.0.0.1:7447".to_owned(), Duration::from_secs(3)));
            }),
        ),
        (
            Kind::MulticastUnavailable,
            Box::new(|facts| {
                nobody_publishes(facts);
                facts.nodes.clear();
                facts.road.neighbours.clear();
                facts.road.lacks_multicast = true;
            }),
        ),
    ]);
}

#[test]
fn what_goes_by_another_name_is_named_first() {
    each_is_named_first(vec![
        (
            Kind::OtherDomain,
            Box::new(|facts| {
                nobody_publishes(facts);
                facts.elsewhere = vec![Elsewhere {
                    domain: Domain::parse("arena").unwrap(),
                    publishers: vec![name("/talker")],
                    subscribers: Vec::new(),
                    nodes: 1,
                }];
            }),
        ),
        (
            Kind::OtherNamespace,
            Box::new(|facts| {
                facts.publishers.clear();
                facts.nodes[0].publishes = vec!["/robot2/scan".to_owned()];
            }),
        ),
        (
            Kind::OtherName,
            Box::new(|facts| {
                facts.publishers.clear();
                facts.nodes[0].publishes = vec!["/robot1/scam".to_owned()];
            }),
        ),
        (
            Kind::BridgeRoute,
            Box::new(|facts| {
                nobody_publishes(facts);
                facts.bridges = vec![BridgeSeen {
                    node: name("/bridge_ros2_0"),
                    brings_in: vec!["/camera".to_owned()],
                }];
            }),
        ),
        (
            Kind::CardMissing,
            Box::new(|facts| {
                facts.asked.from = Some(name("/talker"));
                facts.publishers.clear();
                facts.nodes[0].is_verified = false;
            }),
        ),
        (
            Kind::NoSubscriber,
            Box::new(|facts| {
                facts.asked.to = Some(name("/somebody_else"));
                facts.subscribers.clear();
            }),
        ),
    ]);
}

fn refusal(reason: Reason) -> Refusal {
    Refusal {
        reason,
        claimed_key: Some(key(1)),
        detail: "as the policy says".into(),
        evidence: None,
    }
}

#[test]
fn a_receiver_that_was_named_is_asked_whom_it_believes_and_not_the_own_keystore() {
    let found = causes(|facts| {
        facts.asked.to = Some(name("/listener"));
        facts.publishers[0].heard = 0;
        facts.publishers[0].refusal = Some(refusal(Reason::NotPermitted));
    });
    assert_eq!(
        found.iter().map(|cause| cause.kind).collect::<Vec<_>>(),
        [Kind::Flows],
        "{found:#?}"
    );
}

#[test]
fn what_is_merely_possible_comes_behind_messages_that_flow() {
    let found = causes(|facts| facts.publishers[0].clock_offset_ns = Some(-3_000_000_000));
    let said: Vec<_> = found.iter().map(|cause| (cause.kind, cause.confidence)).collect();
    assert_eq!(
        said,
        [
            (Kind::Flows, Confidence::Certain),
            (Kind::ClockOff, Confidence::Possible)
        ]
    );
}

#[test]
fn forged_messages_beside_genuine_ones_are_no_cause() {
    let found = causes(|facts| {
        facts.refusals = vec![RefusalSeen {
            reason: Reason::BadSignature,
            key: Some(key(1)),
            detail: "altered".to_owned(),
        }];
    });
    assert_eq!(found.first().map(|cause| cause.kind), Some(Kind::Flows), "{found:#?}");
}

#[test]
fn the_remedy_names_the_key_and_a_role_that_permits_it() {
    let cause = first(|facts| {
        facts.publishers[0].heard = 0;
        facts.publishers[0].refusal = Some(refusal(Reason::NotPermitted));
    });
    let expected = format!("nuncio trust add {} --role sensor --name talker", key(1));
    assert_eq!(cause.command.as_deref(), Some(expected.as_str()));
    assert_eq!(cause.publisher, Some(name("/talker")));
    assert_eq!(cause.reason, Some(Reason::NotPermitted));
}

#[test]
fn the_policy_of_an_incompatible_profile_is_named_with_what_each_side_says() {
    let cause = first(|facts| facts.publishers[0].card.reliability = CardPublisher::RELIABILITY_BEST_EFFORT);
    assert_eq!(cause.policy.map(|policy| policy.as_str()), Some("RELIABILITY"));
    assert_eq!(
        cause.sentence,
        "the QoS is incompatible (RELIABILITY): /talker offers best_effort, and /listener requests reliable, so that nothing is \
         delivered to it"
    );
}

#[test]
fn a_subscriber_that_translates_versions_of_its_type_is_no_cause() {
    let found = causes(|facts| facts.subscribers[0].card.type_hash = [9; 32]);
    assert_eq!(found.first().map(|cause| cause.kind), Some(Kind::Flows), "{found:#?}");
}

#[test]
fn old_refusals_are_no_cause_while_messages_flow() {
    let found = causes(|facts| {
        let after = |received_now| {
            let mut facts = refusing(Reason::NotPermitted, 3, "no role");
            facts.subscriptions[0].received = received_now;
            facts
        };
        facts.asked.to = Some(name("/listener"));
        facts.subscribers[0].answer = answer(after(5), after(9));
    });
    assert_eq!(
        found.iter().map(|cause| cause.kind).collect::<Vec<_>>(),
        [Kind::Flows],
        "{found:#?}"
    );
}

#[test]
fn nothing_that_anybody_can_send_makes_the_list_endless() {
    let found = causes(|facts| {
        facts.publishers.clear();
        facts.nodes = (0..200)
            .map(|number| NodeSeen {
                name: name(&format!("/n{number}")),
                key: key(3),
                is_verified: true,
                publishes: vec![format!("/n{number}/scan")],
                subscribes: Vec::new(),
            })
            .collect();
    });
    assert!(found.len() <= 24, "{}", found.len());
}

#[test]
fn what_nothing_explains_is_said_to_be_unexplained() {
    let found = causes(|facts| {
        facts.asked.to = Some(name("/listener"));
        facts.subscribers[0].answer = answer(received(0), received(0));
    });
    let said: Vec<_> = found.iter().map(|cause| (cause.kind, cause.confidence)).collect();
    assert_eq!(said, [(Kind::Unexplained, Confidence::Possible)], "{found:#?}");
}
