//! Messages that are signed together: few signatures, nothing lost, nothing late for ever.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use nuncio::msgs::geometry_msgs::msg::{Twist, Vector3};
use nuncio::msgs::std_msgs::msg::UInt8MultiArray;
use nuncio::{Accompaniment, Node, Publisher, QosProfile};

use crate::peers::{DEADLINE, Peers, next, node};

/// Longer than any test: whatever arrives was not waited for.
const FOR_EVER: Duration = Duration::from_secs(3600);

fn twist(x: u64) -> Twist {
    let linear = Vector3 {
        x: x as f64,
        ..Vector3::default()
    };
    Twist {
        linear,
        ..Twist::default()
    }
}

/// A profile whose messages wait for others.
fn patient() -> QosProfile {
    QosProfile {
        signing_delay: FOR_EVER,
        ..QosProfile::default()
    }
}

/// A node that has no budget for signatures in place, and knows the listener.
async fn thrifty(peers: &Peers) -> Node {
    let opened = node("thrifty", 3).connect(&peers.endpoint).signing_budget(0.0).open();
    let node = opened.await.expect("the node opens");
    peers.meet(&node).await;
    node
}

fn is_heard<M: nuncio::Message>(publisher: &Publisher<M>) {
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_busy_publisher_needs_few_signatures_and_all_arrives_in_order() {
    let peers = Peers::new().await;
    let talker = thrifty(&peers).await;
    let roomy = QosProfile::keep_last(20_000);
    let subscriber = peers.listener.subscriber_with::<Twist>("/cmd_vel", roomy).unwrap();
    let late = peers
        .listener
        .subscriber_with::<Twist>("/cmd_vel", QosProfile::keep_last(5))
        .unwrap();
    let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
    is_heard(&publisher);
    for number in 1..=20_000 {
        assert_eq!(publisher.publish(&twist(number)).unwrap().number, number);
    }
    for number in 1..=20_000 {
        let received = next(&subscriber);
        assert_eq!((received.info.number, received.message), (number, twist(number)));
    }
    let stats = subscriber.stats();
    assert_eq!((stats.received, stats.missing, stats.refused_total()), (20_000, 0, 0));
    assert_eq!(publisher.stats().sent, 20_000);
    let signing = talker.signing_stats();
    assert!(signing.signatures <= 2000, "{signing:?}");
    // A reader that never comes loses its own messages and nobody else's.
    while late.stats().received < 20_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!((late.stats().dropped, late.stats().queue_len), (19_995, 5));
    assert_eq!(late.try_recv().unwrap().info.number, 19_996);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn many_publishers_share_one_signature() {
    let peers = Peers::new().await;
    let talker = thrifty(&peers).await;
    let topics: Vec<_> = (0..40).map(|nth| format!("/topic_{nth}")).collect();
    let subscribers: Vec<_> = topics
        .iter()
        .map(|topic| peers.listener.subscriber::<Twist>(topic).unwrap())
        .collect();
    let publishers: Vec<_> = topics
        .iter()
        .map(|topic| talker.publisher_with::<Twist>(topic, patient()).unwrap())
        .collect();
    publishers.iter().for_each(is_heard);
    for publisher in &publishers {
        publisher.publish(&twist(1)).unwrap();
        assert_eq!((publisher.stats().sent, publisher.stats().queue_len), (0, 1));
    }
    let verified_before = peers.listener.verifications();
    assert!(publishers[0].flush(DEADLINE));
    subscribers
        .iter()
        .for_each(|subscriber| assert_eq!(next(subscriber).info.number, 1));
    let signing = talker.signing_stats();
    assert_eq!((signing.signatures, signing.frames), (1, 40));
    // One for all frames; the talker's card may have been asked for again meanwhile.
    let verified = peers.listener.verifications() - verified_before;
    assert!((1..20).contains(&verified), "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_profile_without_delay_has_every_message_signed_at_once() {
    let peers = Peers::new().await;
    let talker = thrifty(&peers).await;
    let publisher = talker
        .publisher_with::<Twist>("/cmd_vel", QosProfile::commands())
        .unwrap();
    for number in 1..=50 {
        publisher.publish(&twist(number)).unwrap();
        // Where the link was slow a moment ago, another thread hands it over.
        assert!(publisher.flush(DEADLINE));
        assert_eq!(publisher.stats().sent, number);
    }
    assert_eq!(talker.signing_stats().signatures, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_message_waits_no_longer_than_its_delay() {
    let peers = Peers::new().await;
    let talker = thrifty(&peers).await;
    let subscriber = peers.listener.subscriber::<Twist>("/odom").unwrap();
    let publisher = talker.publisher::<Twist>("/odom").unwrap();
    is_heard(&publisher);
    for number in 1..=20 {
        publisher.publish(&twist(number)).unwrap();
        assert_eq!(next(&subscriber).info.number, number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_dropped_publisher_and_a_closed_node_hold_still_arrives() {
    let peers = Peers::new().await;
    let talker = thrifty(&peers).await;
    let roomy = QosProfile::keep_last(1000);
    let subscriber = peers.listener.subscriber_with::<Twist>("/odom", roomy).unwrap();
    let publisher = talker.publisher_with::<Twist>("/odom", patient()).unwrap();
    is_heard(&publisher);
    (1..=100).for_each(|number| {
        publisher.publish(&twist(number)).unwrap();
    });
    drop(publisher);
    (1..=100).for_each(|number| assert_eq!(next(&subscriber).info.number, number));
    let publisher = talker.publisher_with::<Twist>("/odom", patient()).unwrap();
    (1..=100).for_each(|number| {
        publisher.publish(&twist(number)).unwrap();
    });
    talker.close().await.unwrap();
    (1..=100).for_each(|number| assert_eq!(next(&subscriber).info.number, number));
    assert!(publisher.publish(&twist(1)).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_gathered_message_names_its_cause_and_a_large_one_keeps_its_turn() {
    let peers = Peers::new().await;
    let talker = thrifty(&peers).await;
    let roomy = QosProfile::keep_last(1000);
    let subscriber = peers
        .listener
        .subscriber_with::<UInt8MultiArray>("/bytes", roomy)
        .unwrap();
    let publisher = talker.publisher::<UInt8MultiArray>("/bytes").unwrap();
    is_heard(&publisher);
    let bytes = |len: usize| UInt8MultiArray {
        data: vec![7; len],
        ..UInt8MultiArray::default()
    };
    let mut cause = None;
    for len in [10, 20, 300_000, 30, 70_000, 70_000, 40, 0, 1000] {
        let with = Accompaniment {
            cause,
            ..Accompaniment::default()
        };
        let published = publisher.publish_with(&bytes(len), with).unwrap();
        cause = (published.number % 3 != 0).then_some(published.id());
    }
    let mut last = None;
    for (number, len) in (1..).zip([10, 20, 300_000, 30, 70_000, 70_000, 40, 0, 1000]) {
        let received = next(&subscriber);
        assert_eq!((received.info.number, received.message), (number, bytes(len)));
        assert_eq!(received.info.cause, last);
        last = (number % 3 != 0).then_some(received.info.id());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_reliable_link_at_full_load_loses_nothing() {
    let peers = Peers::new().await;
    let talker = thrifty(&peers).await;
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let (heard, numbers) = mpsc::channel();
    let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
    is_heard(&publisher);
    // What comes before first contact has been made waits in a bounded list.
    publisher.publish(&twist(0)).unwrap();
    next(&subscriber);
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        for _ in 0..1000 {
            publisher.publish(&twist(0)).unwrap();
        }
    }
    assert!(publisher.flush(DEADLINE));
    let sent = publisher.stats().sent;
    assert_eq!(publisher.publish(&twist(1)).unwrap().number, sent + 1);
    let subscriber = subscriber
        .on_message(move |received| {
            let _ = heard.send(received.info.number);
        })
        .unwrap();
    while numbers.recv_timeout(DEADLINE).unwrap() != sent + 1 {}
    let stats = subscriber.stats();
    assert_eq!((stats.received, stats.missing, stats.refused_total()), (sent + 1, 0, 0));
    assert_eq!((publisher.stats().dropped, publisher.stats().failed), (0, 0));
}
