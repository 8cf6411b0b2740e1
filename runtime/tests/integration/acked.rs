//! Publishing with receipts: what subscribers have accepted, who says so, and what is believed of it.

use std::time::{Duration, Instant};

use nuncio::adversary::{Adversary, Relay};
use nuncio::msgs::std_msgs::msg::UInt64;
use nuncio::{
    Acknowledgement, Discovery, Domain, LinkConfig, Node, Publisher, QosProfile, ReaderOutcome, Reason, Receipt,
    Subscriber, TopicName, TrustMode,
};

use crate::peers::{DEADLINE, Peers, listen, next, node};

/// A publisher that some subscribers have matched.
fn matched(talker: &Node, topic: &str, subscribers: usize) -> Publisher<UInt64> {
    let publisher = talker.publisher::<UInt64>(topic).unwrap();
    let events = publisher.events();
    while publisher.matched_subscribers() < subscribers {
        events.next_timeout(DEADLINE).expect("subscribers match");
    }
    publisher
}

fn outcome(acknowledgement: &Acknowledgement) -> &ReaderOutcome {
    match acknowledgement.readers.as_slice() {
        [reader] => &reader.outcome,
        _ => panic!("one reader was there: {acknowledgement}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_accepted_a_message_says_so_with_a_receipt_that_anybody_can_check() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<UInt64>("/count").unwrap();
    let own = peers.talker.subscriber::<UInt64>("/count").unwrap();
    let publisher = matched(&peers.talker, "/count", 2);
    let acknowledgement = publisher.publish_acked(&UInt64 { data: 7 }, DEADLINE).await.unwrap();
    assert!(acknowledgement.is_accepted_by_all(), "{acknowledgement}");
    let names: Vec<_> = acknowledgement
        .readers
        .iter()
        .map(|reader| reader.node.as_str())
        .collect();
    assert_eq!(names, ["/listener", "/talker"]);
    let receipt = acknowledgement.receipts().next().unwrap();
    assert_eq!(
        (receipt.key(), receipt.node()),
        (peers.listener.public_key(), peers.listener.name())
    );
    assert!(receipt.accepts(&acknowledgement.published) && receipt.refused().is_none());

    let later = Receipt::from_json(&receipt.to_json()).unwrap();
    assert!(later.accepts(&acknowledgement.published));
    let other = publisher.publish(&UInt64 { data: 8 }).unwrap();
    assert!(!later.accepts(&other), "it is about one message");
    for (word, another) in [("\"domain\":\"0\"", "\"domain\":\"1\""), ("/count", "/counts")] {
        let moved = receipt.to_json().replace(word, another);
        assert_eq!(
            Receipt::from_json(&moved).unwrap_err().reason,
            Reason::BadSignature,
            "{moved}"
        );
    }
    assert_eq!(next(&subscriber).message.data, 7);
    assert_eq!(next(&own).message.data, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_refuses_the_publisher_says_why_and_at_once() {
    let (listener, endpoint) = listen(node("listener", 2).trust_mode(TrustMode::Enforce).trust(nobody())).await;
    let talker = node("talker", 1).connect(&endpoint).open().await.unwrap();
    let _subscriber = listener.subscriber::<UInt64>("/count").unwrap();
    let publisher = matched(&talker, "/count", 1);
    let start = Instant::now();
    let acknowledgement = publisher
        .publish_acked(&UInt64 { data: 7 }, 10 * DEADLINE)
        .await
        .unwrap();
    assert!(start.elapsed() < DEADLINE);
    let ReaderOutcome::Refused(receipt) = outcome(&acknowledgement) else {
        panic!("{acknowledgement}");
    };
    assert_eq!(receipt.refused().unwrap().0, Reason::NotPermitted);
    assert!(!acknowledgement.is_accepted_by_all() && acknowledgement.receipts().next().is_none());
}

/// A policy that permits nobody anything.
fn nobody() -> nuncio::TrustPolicy {
    nuncio::TrustPolicy::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_that_are_waited_for_share_questions() {
    let peers = Peers::new().await;
    let adversary = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
    let questions = adversary.overhear("nuncio/0/@receipt/**").unwrap();
    let deep = QosProfile::keep_last(1000);
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", deep).unwrap();
    let publisher = std::sync::Arc::new(matched(&peers.talker, "/count", 1));
    let publishing: Vec<_> = (0..500)
        .map(|data| {
            let publisher = std::sync::Arc::clone(&publisher);
            tokio::spawn(async move { publisher.publish_acked(&UInt64 { data }, DEADLINE).await.unwrap() })
        })
        .collect();
    for one in publishing {
        let acknowledgement = one.await.unwrap();
        assert!(acknowledgement.is_accepted_by_all(), "{acknowledgement}");
    }
    assert_eq!(subscriber.stats().received, 500);
    let asked = std::iter::from_fn(|| questions.try_next()).count();
    assert!((1..=250).contains(&asked), "{asked} questions for 500 messages");
}

/// A talker and a listener on two networks. Presence goes from one to the other, messages and receipts do not.
struct Apart {
    talker: Node,
    listener: Node,
    near: Adversary,
    far: Adversary,
    publisher: Publisher<UInt64>,
    subscriber: Subscriber<UInt64>,
    _relays: [Relay; 2],
}

impl Apart {
    async fn new() -> Self {
        let (talker, here) = listen(node("talker", 1)).await;
        let (listener, there) = listen(node("listener", 2)).await;
        let at = |endpoint: &str| LinkConfig {
            connect: vec![endpoint.to_owned()],
            discovery: Some(Discovery::Off),
            ..LinkConfig::default()
        };
        let near = Adversary::join(&at(&here), Domain::default()).await.unwrap();
        let far = Adversary::join(&at(&there), Domain::default()).await.unwrap();
        let relays = [
            near.relay_presence_of(&talker.public_key(), &far).unwrap(),
            far.relay_presence_of(&listener.public_key(), &near).unwrap(),
        ];
        let subscriber = listener.subscriber::<UInt64>("/count").unwrap();
        let publisher = matched(&talker, "/count", 1);
        let met = |graph: &nuncio::graph::Graph| {
            let topic = TopicName::parse("/count").unwrap();
            graph
                .topics()
                .get(&topic)
                .is_some_and(|topic| !topic.publishers.is_empty())
        };
        assert!(listener.wait_for_graph(DEADLINE, met).await.is_some());
        Self {
            talker,
            listener,
            near,
            far,
            publisher,
            subscriber,
            _relays: relays,
        }
    }

    /// Publishes messages for which nobody carries anything over, until the attacker has overheard a request for a receipt.
    async fn request(&self) -> Vec<u8> {
        let requests = self.near.overhear("nuncio/0/@receipt/**").unwrap();
        let end = Instant::now() + DEADLINE;
        loop {
            let acknowledgement = self.publish(Duration::from_millis(100)).await;
            assert!(!acknowledgement.is_accepted_by_all());
            if let Some(request) = requests.try_next() {
                return request;
            }
            assert!(Instant::now() < end, "nobody was asked for a receipt");
        }
    }

    async fn publish(&self, timeout: Duration) -> Acknowledgement {
        self.publisher
            .publish_acked(&UInt64 { data: 1 }, timeout)
            .await
            .unwrap()
    }

    /// Shows these bytes for the listener's receipt. Gives why nobody believed it.
    async fn lie(&self, bytes: &[u8]) -> Reason {
        let _liar = self.near.answer("nuncio/0/@receipt/**", &self.place(), bytes).unwrap();
        let end = Instant::now() + DEADLINE;
        loop {
            let acknowledgement = self.publish(DEADLINE).await;
            match outcome(&acknowledgement) {
                ReaderOutcome::Distrusted(refusal) => return refusal.reason,
                // The network does not know of the liar yet.
                ReaderOutcome::Silent => assert!(Instant::now() < end, "nobody has lied"),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Where the listener gives its receipts.
    fn place(&self) -> String {
        let key: String = self
            .listener
            .public_key()
            .as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("nuncio/0/@receipt/{key}/{:016x}/listener", self.listener.epoch())
    }

    /// The receipt that the listener gives for a request.
    async fn receipt_for(&self, request: &[u8]) -> Vec<u8> {
        let answers = self.far.ask(&self.place(), request, DEADLINE).unwrap();
        let answer = tokio::time::timeout(DEADLINE, answers.next_async()).await.unwrap();
        answer.expect("the listener answers")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_asked_is_silent_and_the_time_is_kept() {
    let apart = Apart::new().await;
    let acknowledgement = apart.publish(DEADLINE).await;
    assert!(
        matches!(outcome(&acknowledgement), ReaderOutcome::Silent),
        "{acknowledgement}"
    );
    let _overheard = apart.request().await;
    let start = Instant::now();
    assert!(matches!(
        outcome(&apart.publish(Duration::from_millis(300)).await),
        ReaderOutcome::Silent
    ));
    assert!(start.elapsed() < DEADLINE);
    assert_eq!(apart.subscriber.stats().received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_for_another_request_and_one_of_another_key_are_not_believed() {
    let apart = Apart::new().await;
    let topic = TopicName::parse("/count").unwrap();
    let passing = apart.near.capture(&topic).unwrap();
    let request = apart.request().await;
    // What the request is about arrives, and the attacker has the receipt for it.
    while let Some(frame) = passing.try_next() {
        apart.far.put(&topic, &frame).unwrap();
        next(&apart.subscriber);
    }
    let recorded = apart.receipt_for(&request).await;
    assert_eq!(apart.lie(&recorded).await, Reason::BadSignature);

    // Another node's receipt, shown for this one's.
    let own = apart.talker.subscriber::<UInt64>("/other").unwrap();
    let publisher = matched(&apart.talker, "/other", 1);
    let acknowledgement = publisher.publish_acked(&UInt64 { data: 3 }, DEADLINE).await.unwrap();
    assert_eq!(next(&own).message.data, 3);
    let text = acknowledgement.receipts().next().unwrap().to_json();
    assert_eq!(apart.lie(&frame_in(&text)).await, Reason::BadSignature);
    assert_eq!(apart.lie(b"nothing like it").await, Reason::NotAFrame);
}

/// The frame in the text of a receipt.
fn frame_in(text: &str) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let digits: Vec<u32> = value
        .get("frame")
        .unwrap()
        .as_str()
        .unwrap()
        .bytes()
        .filter_map(digit)
        .collect();
    let bits = digits
        .iter()
        .flat_map(|digit| (0..6).rev().map(move |bit| digit >> bit & 1))
        .collect::<Vec<_>>();
    let bytes = bits.as_chunks::<8>().0;
    bytes
        .iter()
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8))
        .collect()
}

fn digit(character: u8) -> Option<u32> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    digits.iter().position(|digit| *digit == character).map(|at| at as u32)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_its_publisher_has_not_signed_gets_no_answer() {
    let apart = Apart::new().await;
    let request = apart.request().await;
    // Nobody vouches for the publisher there yet: the request waits until its card is there.
    assert!(apart.receipt_for(&request).await.len() > 100);
    for at in [request.len() - 70, request.len() - 1] {
        let mut forged = request.clone();
        forged[at] ^= 1;
        let answers = apart.far.ask(&apart.place(), &forged, DEADLINE).unwrap();
        let answer = tokio::time::timeout(DEADLINE, answers.next_async()).await.unwrap();
        assert_eq!(answer, None, "byte {at}");
        let refused = tokio::time::timeout(DEADLINE, apart.listener.next_refusal())
            .await
            .unwrap();
        assert_eq!(refused.unwrap().refusal.reason, Reason::BadSignature);
    }
}
