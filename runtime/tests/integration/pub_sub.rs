//! What arrives, in what order, and what is known of it.

use nuncio::msgs::geometry_msgs::msg::{Twist, Vector3};
use nuncio::msgs::std_msgs::msg::UInt8MultiArray;
use nuncio::{Accompaniment, Provenance, PublishError, QosProfile, ReceiveError, Verdict};

use crate::peers::{DEADLINE, Peers, next};

fn twist(x: f64) -> Twist {
    Twist {
        linear: Vector3 {
            x,
            ..Vector3::default()
        },
        ..Twist::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_message_arrives_with_the_proof_of_who_sent_it() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());

    let published = publisher.publish(&twist(0.5)).unwrap();

    let received = next(&subscriber);
    assert_eq!(received.message, twist(0.5));
    let info = received.info;
    assert_eq!(info.signer, peers.talker.public_key());
    assert_eq!(info.node, *peers.talker.name());
    assert_eq!(
        (info.number, info.id(), info.epoch),
        (1, published.id(), peers.talker.epoch())
    );
    assert_eq!((info.provenance, info.verdict), (Provenance::Live, Verdict::Pinned));
    assert_eq!((info.missing_before, info.cause, info.origin), (0, None, None));
    assert!(info.received_time_ns >= info.source_time_ns);
    assert_eq!(subscriber.stats().refused_total(), 0, "{:?}", subscriber.stats());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn messages_of_a_publisher_arrive_in_order_and_all_of_them() {
    let peers = Peers::new().await;
    let subscriber = peers
        .listener
        .subscriber_with::<Twist>("/cmd_vel", QosProfile::keep_last(10_000))
        .unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for number in 1..=2000 {
        publisher.publish(&twist(f64::from(number))).unwrap();
    }
    for number in 1..=2000 {
        let received = next(&subscriber);
        assert_eq!(
            (received.info.number, received.message.linear.x),
            (number, number as f64)
        );
    }
    assert_eq!(subscriber.try_recv().unwrap_err(), ReceiveError::Empty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_message_of_many_megabytes_arrives_whole() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<UInt8MultiArray>("/image").unwrap();
    let publisher = peers.talker.publisher::<UInt8MultiArray>("/image").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let image = UInt8MultiArray {
        data: (0..8_000_000_u32).map(|n| (n % 251) as u8).collect(),
        ..Default::default()
    };
    publisher.publish(&image).unwrap();
    assert!(next(&subscriber).message == image);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_message_names_its_cause_and_its_origin() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let first = publisher.publish(&twist(1.0)).unwrap();
    let with = Accompaniment {
        cause: Some(first.id()),
        origin: Some("web user 7"),
    };
    publisher.publish_with(&twist(2.0), with).unwrap();
    let long = "x".repeat(256);
    let too_long = Accompaniment {
        cause: None,
        origin: Some(&long),
    };
    assert!(matches!(
        publisher.publish_with(&twist(3.0), too_long),
        Err(PublishError::OriginTooLong)
    ));
    assert_eq!(next(&subscriber).info.id(), first.id());
    let info = next(&subscriber).info;
    assert_eq!(
        (info.cause, info.origin.as_deref(), info.number),
        (Some(first.id()), Some("web user 7"), 2)
    );
}
