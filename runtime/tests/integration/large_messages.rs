//! Large messages: payloads that are shared and not copied on their way out, and limits of size.

use std::time::Instant;

use nuncio::{
    Accompaniment, Bytes, Found, GenericPublisher, GenericSubscriber, Node, NodeBuilder, PublishError, QosProfile,
    Reason, SharedMemory, SubscriptionOptions, TypeSupport,
};

use crate::peers::{DEADLINE, identity, listen, next, node};
use crate::same_machine::shares_memory;

/// Two nodes that have met on a topic of bytes.
struct Pair {
    talker: Node,
    _listener: Node,
    endpoint: String,
    publisher: GenericPublisher,
    subscriber: GenericSubscriber,
}

impl Pair {
    async fn new(talker: NodeBuilder, listener: NodeBuilder, options: SubscriptionOptions) -> Self {
        let (listener, endpoint) = listen(listener).await;
        let talker = talker.connect(&endpoint).open().await.unwrap();
        let of = TypeSupport::compile("test_msgs/msg/Bytes", &[("test_msgs/msg/Bytes", "uint8[] data\n")]).unwrap();
        let publisher = talker.generic_publisher("/image", &of, QosProfile::default()).unwrap();
        let subscriber = listener.generic_subscriber("/image", options).unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        Self {
            talker,
            _listener: listener,
            endpoint,
            publisher,
            subscriber,
        }
    }

    async fn of_nodes_without_shared_memory(listener: NodeBuilder, options: SubscriptionOptions) -> Self {
        let talker = node("talker", 1).shared_memory(false);
        Self::new(talker, listener.shared_memory(false), options).await
    }

    fn publish(&self, payload: &Bytes) -> Result<nuncio::Published, PublishError> {
        self.publisher.publish_bytes(payload, Accompaniment::default())
    }

    /// Publishes a payload, and sees that it arrives as it was.
    fn passes(&self, payload: &Bytes) {
        let published = self.publish(payload).unwrap();
        let received = next(&self.subscriber);
        assert_eq!(received.message().number(), published.number);
        assert!(received.payload() == payload.as_slice(), "number {}", published.number);
    }
}

/// So many bytes that differ from each other and from those of another round.
fn payload(len: usize, round: u8) -> Bytes {
    let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8 ^ round).collect();
    Bytes::from(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn shared_payloads_of_every_size_arrive_as_they_were_signed_at_once_or_gathered() {
    for budget in [1.0, 0.0] {
        let talker = node("talker", 1).signing_budget(budget).shared_memory(false);
        let listener = node("listener", 2).shared_memory(false);
        let pair = Pair::new(talker, listener, SubscriptionOptions::default()).await;
        for (round, len) in [0, 1, 48_000, 48_128, 66_000, 1 << 20, 300_000, 16 << 20, 10]
            .into_iter()
            .enumerate()
        {
            pair.passes(&payload(len, round as u8));
        }
        assert_eq!(pair.subscriber.stats().refused_total(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn shared_payloads_arrive_as_they_were_through_shared_memory() {
    let may_share = node("chooser", 9).open().await.unwrap().shared_memory() == SharedMemory::Used;
    let [talker, listener] = [("talker", 1), ("listener", 2)].map(|(name, seed)| node(name, seed).shared_memory(true));
    let pair = Pair::new(talker, listener, SubscriptionOptions::default()).await;
    let (mut round, end) = (0_u8, Instant::now() + DEADLINE);
    // The memory is made ready beside the first large messages, which do not wait for it.
    while round < 10 || (may_share && !shares_memory()) {
        assert!(Instant::now() < end, "no shared memory was used");
        round = round.wrapping_add(1);
        pair.passes(&payload(1_000_000, round));
    }
    assert_eq!(pair.subscriber.stats().refused_total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_frame_of_a_shared_payload_is_kept_as_it_was_signed() {
    let pair = Pair::of_nodes_without_shared_memory(node("listener", 2), SubscriptionOptions::default()).await;
    let large = payload(200_000, 0);
    let cause = pair.publish(&large).unwrap().id();
    let with = Accompaniment {
        cause: Some(cause),
        origin: Some("camera 7"),
    };
    let effect = pair.publisher.publish_bytes(&payload(50_000, 1), with).unwrap().id();
    let received = [next(&pair.subscriber), next(&pair.subscriber)];
    let auditor = node("_auditor", 3).connect(&pair.endpoint).open().await.unwrap();
    let met = |graph: &nuncio::graph::Graph| {
        let mut nodes = graph.nodes.iter();
        nodes.any(|node| node.key == identity(1).public_key() && node.is_verified())
    };
    assert!(auditor.wait_for_graph(DEADLINE, met).await.is_some(), "they never met");
    let trace = auditor.trace_with_effects(cause, DEADLINE).await;
    assert!(trace.is_whole(), "{:?}", trace.refusals);
    let ids: Vec<_> = trace.steps.iter().map(|step| step.id).collect();
    assert_eq!(ids, [cause, effect]);
    for (step, received) in trace.steps.iter().zip(received) {
        let Found::Verified(found) = &step.found else {
            panic!("{:?}", step.found);
        };
        assert!(found.frame().frame_bytes() == received.message().frame().frame_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_subscription_refuses_what_is_larger_than_it_takes_and_goes_on() {
    let options = SubscriptionOptions {
        frame_len_max: Some(100_000),
        ..SubscriptionOptions::default()
    };
    let pair = Pair::of_nodes_without_shared_memory(node("listener", 2), options).await;
    pair.passes(&payload(90_000, 0));
    pair.publish(&payload(100_000, 1)).unwrap();
    pair.passes(&payload(90_000, 2));
    let refusal = pair.subscriber.try_next_refusal().unwrap();
    assert_eq!(refusal.reason, Reason::TooLarge);
    assert!(refusal.detail.contains("at most 100000"), "{refusal}");
    // It is asked for like everything that did not come, and refused again, or has been forgotten by then.
    let stats = pair.subscriber.stats();
    assert_eq!(stats.refused_total(), stats.refused[&Reason::TooLarge]);
    assert_eq!(stats.missing, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_larger_than_the_receivers_link_takes_is_lost_alone_and_told_as_missing() {
    let listener = node("listener", 2).frame_len_max(1 << 20);
    let pair = Pair::of_nodes_without_shared_memory(listener, SubscriptionOptions::default()).await;
    pair.passes(&payload(1_000_000, 0));
    let before = pair.talker.neighbours().await;
    pair.publish(&payload(5 << 20, 1)).unwrap();
    pair.publish(&payload(6 << 20, 2)).unwrap();
    let last = payload(1_000_000, 3);
    pair.publish(&last).unwrap();
    let received = next(&pair.subscriber);
    assert!(received.payload() == last.as_slice());
    assert_eq!(received.message().missing_before(), 2);
    assert_eq!(pair.talker.neighbours().await, before, "the link is the same");
    assert_eq!(pair.subscriber.stats().refused_total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_refuses_what_its_own_link_does_not_take_and_names_both_sizes() {
    let talker = node("talker", 1).frame_len_max(100_000);
    let pair = Pair::new(talker, node("listener", 2), SubscriptionOptions::default()).await;
    for published in [
        pair.publish(&payload(100_000, 0)),
        pair.publisher.publish(&[0; 100_000], Accompaniment::default()),
    ] {
        let error = published.unwrap_err();
        let said = error.to_string();
        let PublishError::TooLarge { len, max } = error else {
            panic!("{said}");
        };
        assert!(len > 100_000 && max == 100_000, "{said}");
        assert!(
            said.contains(&len.to_string()) && said.contains("at most 100000"),
            "{said}"
        );
    }
    pair.passes(&payload(99_000, 1));
    assert_eq!(pair.subscriber.stats().missing, 0, "no number was used");
}
