//! The end of a node: nothing sent is lost, and nothing is sent afterwards.

use std::time::Duration;

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Close, PublishError, PublisherError, QosProfile, ReceiveError, SubscriberError};

use crate::peers::{DEADLINE, Peers, listen, next, node};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn closing_flushes_what_was_published() {
    let peers = Peers::new().await;
    let subscriber = peers
        .listener
        .subscriber_with::<Twist>("/cmd_vel", QosProfile::keep_last(10_000))
        .unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    // The listener has met the publisher once something has arrived; only then can the talker go without a word.
    publisher.publish(&Twist::default()).unwrap();
    assert_eq!(next(&subscriber).info.number, 1);
    for _ in 0..1000 {
        publisher.publish(&Twist::default()).unwrap();
    }
    peers.talker.close().await.unwrap();
    for number in 2..=1001 {
        assert_eq!(next(&subscriber).info.number, number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_closed_node_sends_and_declares_nothing_more() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    peers.talker.close().await.unwrap();
    assert!(matches!(
        publisher.publish(&Twist::default()),
        Err(PublishError::Closed)
    ));
    assert!(matches!(
        peers.talker.publisher::<Twist>("/x"),
        Err(PublisherError::Closed)
    ));
    assert!(matches!(
        peers.talker.subscriber::<Twist>("/x"),
        Err(SubscriberError::Closed)
    ));
    peers.talker.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_waits_on_a_closed_node_is_told() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let (received, refused, closed) =
        tokio::join!(subscriber.recv(), peers.listener.next_refusal(), peers.listener.close());
    closed.unwrap();
    assert_eq!(received.unwrap_err(), ReceiveError::Closed);
    assert_eq!(refused.unwrap_err(), ReceiveError::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_closing_node_drops_is_said_with_its_numbers_and_a_drained_node_drops_nothing() {
    let hourly = QosProfile {
        signing_delay: Duration::from_secs(3600),
        ..QosProfile::default()
    };
    for (how, expected) in [(Close::Now, Some((1, 3))), (Close::Drain(DEADLINE), None)] {
        let (talker, _) = listen(node("talker", 1).signing_budget(0.0)).await;
        let publisher = talker.publisher_with::<Twist>("/cmd_vel", hourly).unwrap();
        for _ in 0..3 {
            publisher.publish(&Twist::default()).unwrap();
        }
        let unsent = talker.close_with(how).await.unwrap();
        let said = unsent.first().map(|unsent| (unsent.first, unsent.last));
        assert_eq!((said, unsent.len()), (expected, expected.iter().len()), "{how:?}");
        assert_eq!(publisher.stats().sent, if expected.is_some() { 0 } else { 3 });
        assert_eq!(talker.close_with(Close::Now).await.unwrap(), [], "it has said so once");
    }
}
