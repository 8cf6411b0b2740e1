//! What late subscribers get, and what becomes of messages that were lost on the way.

use nuncio::msgs::std_msgs::msg::UInt64;
use nuncio::{Durability, Provenance, QosProfile, SubscriberEvent};

use crate::peers::{DEADLINE, Peers, next, node};

fn late(depth: usize) -> QosProfile {
    QosProfile::keep_last(depth).transient_local()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_subscriber_gets_exactly_the_depth_and_then_what_is_live() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher_with::<UInt64>("/count", late(5)).unwrap();
    for number in 1..=20 {
        publisher.publish(&UInt64 { data: number }).unwrap();
    }
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", late(100)).unwrap();
    let history: Vec<_> = (0..5).map(|_| next(&subscriber)).collect();
    let numbers: Vec<_> = history.iter().map(|received| received.message.data).collect();
    assert_eq!(numbers, [16, 17, 18, 19, 20]);
    assert!(
        history
            .iter()
            .all(|received| received.info.provenance == Provenance::History)
    );
    publisher.publish(&UInt64 { data: 21 }).unwrap();
    let live = next(&subscriber);
    assert_eq!((live.message.data, live.info.provenance), (21, Provenance::Live));
    assert_eq!(subscriber.stats().missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_requests_less_than_is_kept_gets_what_it_requests() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher_with::<UInt64>("/count", late(50)).unwrap();
    for number in 1..=40 {
        publisher.publish(&UInt64 { data: number }).unwrap();
    }
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", late(3)).unwrap();
    let numbers: Vec<_> = (0..3).map(|_| next(&subscriber).message.data).collect();
    assert_eq!(numbers, [38, 39, 40]);
    let any = QosProfile {
        durability: Durability::BestAvailable,
        ..QosProfile::keep_last(2)
    };
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", any).unwrap();
    let numbers: Vec<_> = (0..2).map(|_| next(&subscriber).message.data).collect();
    assert_eq!(numbers, [39, 40]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_of_the_same_node_gets_history_as_well() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher_with::<UInt64>("/count", late(2)).unwrap();
    for number in 1..=3 {
        publisher.publish(&UInt64 { data: number }).unwrap();
    }
    let subscriber = peers.talker.subscriber_with::<UInt64>("/count", late(10)).unwrap();
    let numbers: Vec<_> = (0..2).map(|_| next(&subscriber).message.data).collect();
    assert_eq!(numbers, [2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volatile_subscriber_gets_no_history_and_a_volatile_publisher_fits_no_late_one() {
    let peers = Peers::new().await;
    let keeps = peers.talker.publisher_with::<UInt64>("/kept", late(5)).unwrap();
    keeps.publish(&UInt64 { data: 1 }).unwrap();
    let volatile = peers.listener.subscriber::<UInt64>("/kept").unwrap();
    assert!(keeps.wait_for_subscribers(DEADLINE).unwrap());
    keeps.publish(&UInt64 { data: 2 }).unwrap();
    assert_eq!(next(&volatile).message.data, 2);

    let forgets = peers.talker.publisher::<UInt64>("/forgotten").unwrap();
    let subscriber = peers.listener.subscriber_with::<UInt64>("/forgotten", late(5)).unwrap();
    assert!(forgets.wait_for_subscribers(DEADLINE).unwrap());
    forgets.publish(&UInt64 { data: 1 }).unwrap();
    let event = subscriber.events().next_timeout(DEADLINE).unwrap();
    let SubscriberEvent::IncompatibleQos { publisher, policy } = event else {
        panic!("{event:?}");
    };
    assert_eq!((publisher.node.as_str(), policy.as_str()), ("/talker", "DURABILITY"));
    assert_eq!(subscriber.stats().received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_comes_gathered_as_it_was_signed() {
    let peers = Peers::new().await;
    let qos = QosProfile {
        signing_delay: std::time::Duration::from_millis(50),
        ..late(300)
    };
    let publisher = peers.talker.publisher_with::<UInt64>("/many", qos).unwrap();
    for number in 1..=5000 {
        publisher.publish(&UInt64 { data: number }).unwrap();
    }
    assert!(publisher.flush(DEADLINE));
    let subscriber = peers.listener.subscriber_with::<UInt64>("/many", late(1000)).unwrap();
    let numbers: Vec<_> = (0..300).map(|_| next(&subscriber).message.data).collect();
    assert_eq!(numbers, (4701..=5000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn late_subscribers_do_not_mix_up_publishers() {
    let peers = Peers::new().await;
    let third = node("third", 3).connect(&peers.endpoint).open().await.unwrap();
    peers.meet(&third).await;
    let one = peers.talker.publisher_with::<UInt64>("/count", late(3)).unwrap();
    let other = third.publisher_with::<UInt64>("/count", late(3)).unwrap();
    for number in 1..=10 {
        one.publish(&UInt64 { data: number }).unwrap();
        other.publish(&UInt64 { data: 100 + number }).unwrap();
    }
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", late(10)).unwrap();
    let mut numbers: Vec<_> = (0..6).map(|_| next(&subscriber).message.data).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [8, 9, 10, 108, 109, 110]);
}
