//! What a node says of its own work: counters, health, peers, as a topic and as an answer.

use std::time::{Duration, Instant};

use nuncio::adversary::Adversary;
use nuncio::graph::{Graph, GraphNode};
use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use nuncio::msgs::nuncio_msgs::msg::NodeFacts;
use nuncio::msgs::std_msgs::msg::UInt32;
use nuncio::{
    Discovery, Domain, FactsError, Finding, FindingKind, Health, Level, Liveliness, Node, QosProfile, QueueKind,
    Reason, Verdict,
};

use crate::peers::{DEADLINE, Peers, identity, next, node};

/// Waits until something is so, looking again and again.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn of_kind(health: &Health, kind: FindingKind) -> Vec<Finding> {
    let findings = health.findings.iter().filter(|finding| finding.kind == kind);
    findings.cloned().collect()
}

async fn seen_by(node: &Node, other: &Node) -> GraphNode {
    let is_other = |node: &&GraphNode| node.name == *other.name() && node.is_verified();
    let graph = node.wait_for_graph(DEADLINE, |graph| graph.nodes.iter().any(|node| is_other(&node)));
    let graph: Graph = graph.await.expect("they never met");
    graph.nodes.iter().find(is_other).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_counts_what_it_sends_receives_and_serves() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<UInt32>("/numbers").unwrap();
    let publisher = peers.talker.publisher::<UInt32>("/numbers").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let server = peers.listener.service_server::<AddTwoInts>("/add").unwrap();
    let _serving = server
        .on_request(|request, _| {
            Ok(AddTwoIntsResponse {
                sum: request.a + request.b,
            })
        })
        .unwrap();
    let client = peers.talker.service_client::<AddTwoInts>("/add").unwrap();
    assert!(client.wait_for_server(DEADLINE).await);
    for data in 0..3 {
        publisher.publish(&UInt32 { data }).unwrap();
        next(&subscriber);
    }
    client.call(&AddTwoIntsRequest { a: 1, b: 2 }).await.unwrap();

    let talker = peers.talker.stats();
    let [sent] = &*talker.publishers else {
        panic!("{talker:?}")
    };
    assert_eq!(
        (sent.topic.as_str(), sent.type_name.as_str()),
        ("/numbers", "std_msgs/msg/UInt32")
    );
    assert_eq!((sent.stats.sent, sent.matched), (3, 1));
    let [calls] = &*talker.clients else {
        panic!("{talker:?}")
    };
    assert_eq!(
        (calls.name.as_str(), calls.stats.sent, calls.stats.answered),
        ("/add", 1, 1)
    );
    assert!(
        talker.signing.signatures == 3 && talker.links.len() == 1 && talker.peers == 1,
        "{talker:?}"
    );

    let listener = peers.listener.stats();
    let [received] = &*listener.subscriptions else {
        panic!("{listener:?}")
    };
    assert_eq!(
        (received.stats.received, received.stats.queue_depth, received.matched),
        (3, 10, 1)
    );
    let [served] = &*listener.servers else {
        panic!("{listener:?}")
    };
    assert_eq!(
        (
            served.stats.answered,
            served.stats.requests.received,
            served.stats.depth
        ),
        (1, 1, 1024)
    );
    assert!(listener.verifications > 0);
    assert_eq!(peers.listener.health().findings, []);
    drop(subscriber);
    assert_eq!(peers.listener.stats().subscriptions, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_is_known_by_key_with_what_trust_says_of_it() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<UInt32>("/numbers").unwrap();
    let publisher = peers.talker.publisher::<UInt32>("/numbers").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    // Its card is noted a moment after the node is known by it.
    let is_noted = || peers.listener.peers().iter().any(|peer| peer.first_seen_ns.is_some());
    eventually("the talker's card is noted", is_noted).await;
    let [talker] = &*peers.listener.peers() else {
        panic!("one other node")
    };
    assert_eq!(
        (talker.name.as_str(), talker.key),
        ("/talker", peers.talker.public_key())
    );
    assert_eq!(
        (talker.verdict, talker.revoked),
        (Some(Verdict::Unpinned), false),
        "nothing of it was believed yet"
    );
    assert!(talker.first_seen_ns.is_some() && talker.epoch == peers.talker.epoch());

    publisher.publish(&UInt32 { data: 1 }).unwrap();
    let received = next(&subscriber);
    let [talker] = &*peers.listener.peers() else {
        panic!("one other node")
    };
    assert_eq!(talker.verdict, Some(Verdict::Pinned));
    assert!(
        talker.last_seen_ns >= Some(received.info.received_time_ns),
        "{talker:?}"
    );

    // Somebody claims to be there and shows no card; frames that name the talker's key are not the talker's.
    let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
    let name = nuncio::NodeName::parse("/ghost").unwrap();
    let _claimed = attacker.claim_presence(&identity(66).public_key(), 7, &name).unwrap();
    eventually("the ghost is seen", || peers.listener.peers().len() == 2).await;
    let ghost = peers
        .listener
        .peers()
        .into_iter()
        .find(|peer| peer.name == name)
        .unwrap();
    assert_eq!(
        (ghost.verdict, ghost.first_seen_ns, ghost.last_seen_ns),
        (None, None, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_found_and_one_that_keeps_the_newest_message_only_is_not() {
    let peers = Peers::new().await;
    let _slow = peers
        .listener
        .subscriber_with::<UInt32>("/numbers", QosProfile::keep_last(2))
        .unwrap();
    let newest = peers
        .listener
        .subscriber_with::<UInt32>("/numbers", QosProfile::keep_last(1))
        .unwrap();
    let publisher = peers.talker.publisher::<UInt32>("/numbers").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for data in 0..10 {
        publisher.publish(&UInt32 { data }).unwrap();
    }
    eventually("all have come", || newest.stats().received == 10).await;
    eventually("the overflow is found", || {
        !of_kind(&peers.listener.health(), FindingKind::QueueOverflow).is_empty()
    })
    .await;
    let health = peers.listener.health();
    let [overflow] = &*of_kind(&health, FindingKind::QueueOverflow) else {
        panic!("{health:?}")
    };
    assert_eq!(
        (overflow.level, overflow.subject.as_str()),
        (Level::Warning, "/numbers")
    );
    assert!(health.is_healthy() && health.level() == Level::Warning);
    let full = health
        .queues
        .iter()
        .filter(|queue| queue.kind == QueueKind::Subscription && queue.fraction == 1.0);
    assert_eq!(full.count(), 2, "{health:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_deadline_and_a_policy_that_does_not_fit_are_found_where_they_are() {
    let peers = Peers::new().await;
    let deadline = Some(Duration::from_millis(50));
    let hasty = QosProfile {
        deadline,
        ..QosProfile::default()
    };
    let _late = peers.listener.subscriber_with::<UInt32>("/late", hasty).unwrap();
    let _never = peers.talker.publisher_with::<UInt32>("/late", hasty).unwrap();
    let _picky = peers
        .listener
        .subscriber_with::<UInt32>("/picky", QosProfile::default())
        .unwrap();
    let _poor = peers
        .talker
        .publisher_with::<UInt32>("/picky", QosProfile::sensor_data())
        .unwrap();
    let found = |kind| of_kind(&peers.listener.health(), kind);
    eventually("the deadline is missed", || {
        !found(FindingKind::RequestedDeadlineMissed).is_empty()
    })
    .await;
    eventually("the policy does not fit", || {
        !found(FindingKind::IncompatibleQos).is_empty()
    })
    .await;
    let health = peers.listener.health();
    assert!(!health.is_healthy(), "{health:?}");
    assert_eq!(
        health.findings.first().map(|finding| finding.level),
        Some(Level::Error),
        "the worst stands first"
    );
    let [qos] = &*found(FindingKind::IncompatibleQos) else {
        panic!("{health:?}")
    };
    assert!(
        qos.subject == "/picky" && qos.found.contains("less RELIABILITY"),
        "{qos}"
    );
    let offered = of_kind(&peers.talker.health(), FindingKind::OfferedDeadlineMissed);
    assert_eq!(offered.first().map(|finding| finding.subject.as_str()), Some("/late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_nobody_shows_to_be_alive_is_found_after_its_lease_and_until_it_is_shown() {
    let peers = Peers::new().await;
    let manual = QosProfile {
        liveliness: Liveliness::ManualByTopic,
        lease: Some(Duration::from_millis(300)),
        ..QosProfile::default()
    };
    let subscriber = peers.listener.subscriber_with::<UInt32>("/manual", manual).unwrap();
    let publisher = peers.talker.publisher_with::<UInt32>("/manual", manual).unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&UInt32 { data: 1 }).unwrap();
    next(&subscriber);
    let lost = || of_kind(&peers.listener.health(), FindingKind::LivelinessLost);
    eventually("it is silent", || !lost().is_empty()).await;
    let [silent] = &*lost() else { panic!("one publisher") };
    assert!(
        silent.subject == "/manual" && silent.found.contains("/talker"),
        "{silent}"
    );
    eventually("its own node says so, too", || {
        !of_kind(&peers.talker.health(), FindingKind::LivelinessLost).is_empty()
    })
    .await;
    eventually("it is heard again", || {
        publisher.publish(&UInt32 { data: 2 }).unwrap();
        lost().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_for_the_node_and_its_peers_and_are_no_error() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<UInt32>("/numbers").unwrap();
    let publisher = peers.talker.publisher::<UInt32>("/numbers").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
    let capture = attacker.capture(subscriber.topic()).unwrap();
    let mut forged = loop {
        publisher.publish(&UInt32 { data: 1 }).unwrap();
        next(&subscriber);
        if let Some(frame) = capture.next(Duration::from_millis(100)) {
            break frame;
        }
    };
    // Another number, the same signature.
    forged[56] ^= 0x40;
    attacker.put(subscriber.topic(), &forged).unwrap();
    eventually("it is refused", || {
        peers.listener.stats().refused.contains_key(&Reason::BadSignature)
    })
    .await;
    let health = peers.listener.health();
    let [refused] = &*of_kind(&health, FindingKind::Refused) else {
        panic!("{health:?}")
    };
    assert!(
        refused.found.contains("BadSignature") && refused.remedy == Reason::BadSignature.remedy(),
        "{refused}"
    );
    assert!(
        health.is_healthy(),
        "strangers cannot make a node unhealthy: {health:?}"
    );
    let [talker] = &*peers.listener.peers() else {
        panic!("one other node")
    };
    assert_eq!(talker.refused, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_link_that_it_was_told_to_have_is_not_healthy_and_neither_is_a_closed_one() {
    let reserved = nuncio::local_registry::reserve_loopback_port().unwrap();
    let lonely = node("lonely", 1)
        .connect(reserved.locator())
        .discovery(Discovery::Off)
        .open()
        .await
        .unwrap();
    let health = lonely.health();
    let [no_link] = &*of_kind(&health, FindingKind::NoLink) else {
        panic!("{health:?}")
    };
    assert!(
        no_link.found.contains(&reserved.locator()) && !health.is_healthy(),
        "{health:?}"
    );
    lonely.close().await.unwrap();
    assert_eq!(of_kind(&lonely.health(), FindingKind::Closed).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_told_once_a_second_while_somebody_subscribes_and_not_otherwise() {
    let peers = Peers::new().await;
    let names_facts = |graph: &Graph| graph.topics().keys().any(|topic| topic.as_str() == "/talker/facts");
    assert!(!names_facts(&peers.listener.graph()));
    let facts = peers.listener.subscriber::<NodeFacts>("/talker/facts").unwrap();
    let start = Instant::now();
    for count in 1..=3 {
        let received = next(&facts);
        assert_eq!(received.info.signer, peers.talker.public_key());
        assert_eq!(
            (received.message.node.as_str(), received.message.epoch),
            ("/talker", peers.talker.epoch())
        );
        let own = received
            .message
            .publishers
            .iter()
            .find(|own| own.topic == "/talker/facts")
            .unwrap();
        assert_eq!(own.sent, count - 1);
    }
    assert!(
        start.elapsed() > Duration::from_millis(1900),
        "three within {:?}",
        start.elapsed()
    );
    drop(facts);
    let gone = peers
        .listener
        .wait_for_graph(DEADLINE, |graph| !names_facts(graph))
        .await;
    assert!(gone.is_some(), "the publisher stays although nobody subscribes");
    assert_eq!(peers.talker.stats().publishers, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_are_asked_for_are_the_nodes_own_and_a_recorded_answer_is_refused() {
    let peers = Peers::new().await;
    let listener = seen_by(&peers.talker, &peers.listener).await;
    let facts = peers.talker.fetch_facts(&listener, DEADLINE).await.unwrap();
    assert_eq!(
        (facts.node.as_str(), facts.epoch, facts.level),
        ("/listener", listener.epoch, NodeFacts::LEVEL_OK)
    );
    assert_eq!(facts.peers.len(), 1);

    // The attacker records an answer, and answers with it when the node is gone.
    let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
    let hex: String = listener
        .key
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let question = format!("nuncio/0/@facts/{hex}/{:016x}/listener", listener.epoch);
    // It may learn a moment late who answers.
    let end = Instant::now() + DEADLINE;
    let recorded = loop {
        assert!(Instant::now() < end, "the node does not answer");
        let answers = attacker.ask(&question, &[7; 16], DEADLINE).unwrap();
        if let Some(answer) = answers.next_async().await {
            break answer;
        }
    };
    // A question without a nonce is not answered: its answer could be used later.
    assert!(
        attacker
            .ask(&question, b"", Duration::from_secs(1))
            .unwrap()
            .next_async()
            .await
            .is_none()
    );
    let _ghost = attacker
        .claim_presence(&identity(66).public_key(), 7, &listener.name)
        .unwrap();
    let _witness = attacker.answer(&question, &question, &recorded).unwrap();
    let answered = peers.talker.fetch_facts(&listener, Duration::from_secs(2)).await;
    assert!(
        answered.is_ok(),
        "the node's own answer is found among others: {answered:?}"
    );
    let unverified = GraphNode { card: None, ..listener };
    let error = peers.talker.fetch_facts(&unverified, DEADLINE).await.unwrap_err();
    assert!(matches!(error, FactsError::NotVerified { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_a_node_with_hundreds_of_publishers_come_whole() {
    let peers = Peers::new().await;
    let declare = |index| {
        peers
            .listener
            .publisher::<UInt32>(&format!("/many/topic_with_quite_a_long_name_{index}"))
    };
    let publishers: Vec<_> = (0..200).map(|index| declare(index).unwrap()).collect();
    let listener = seen_by(&peers.talker, &peers.listener).await;
    let facts = peers.talker.fetch_facts(&listener, DEADLINE).await.unwrap();
    assert_eq!(facts.publishers.len(), publishers.len());
}
