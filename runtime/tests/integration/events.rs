//! Events: what publishers and subscribers are told of each other, over real links.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use nuncio::msgs::std_msgs::msg::{String as Text, UInt32};
use nuncio::qos::compatibility::Policy;
use nuncio::{EventStream, Liveliness, Publisher, PublisherEvent, QosProfile, Subscriber, SubscriberEvent};

use crate::peers::{DEADLINE, Peers, next};

/// The next event that is wanted; others before it are passed over.
pub(crate) fn await_event<E: std::fmt::Debug, T>(
    events: &EventStream<E>,
    mut wanted: impl FnMut(&E) -> Option<T>,
) -> T {
    let mut others = Vec::new();
    loop {
        match events.next_timeout(DEADLINE) {
            Ok(event) => match wanted(&event) {
                Some(found) => return found,
                None => others.push(event),
            },
            Err(error) => panic!("{error}; the events before: {others:?}"),
        }
    }
}

/// What a subscriber is told of publishers that come and go, in short.
fn of_publishers(event: &SubscriberEvent) -> Option<(bool, usize)> {
    match event {
        SubscriberEvent::Matched { appeared, count, .. } => Some((*appeared, *count)),
        _ => None,
    }
}

fn of_subscribers(event: &PublisherEvent) -> Option<(bool, usize)> {
    match event {
        PublisherEvent::Matched { appeared, count, .. } => Some((*appeared, *count)),
        _ => None,
    }
}

fn is_gained(event: &SubscriberEvent) -> Option<()> {
    matches!(event, SubscriberEvent::LivelinessGained { .. }).then_some(())
}

fn is_lost(event: &SubscriberEvent) -> Option<()> {
    matches!(event, SubscriberEvent::LivelinessLost { .. }).then_some(())
}

async fn pair(qos: QosProfile, requested: QosProfile) -> (Peers, Publisher<UInt32>, Subscriber<UInt32>) {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber_with::<UInt32>("/numbers", requested).unwrap();
    let publisher = peers.talker.publisher_with::<UInt32>("/numbers", qos).unwrap();
    (peers, publisher, subscriber)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_policy_that_does_not_fit_is_named_to_both_sides() {
    let (peers, publisher, subscriber) = pair(QosProfile::sensor_data(), QosProfile::default()).await;
    let told = await_event(&subscriber.events(), |event| match event {
        SubscriberEvent::IncompatibleQos { publisher, policy } => Some((publisher.clone(), *policy)),
        _ => None,
    });
    assert_eq!(
        (&told.0.node, told.0.key),
        (peers.talker.name(), peers.talker.public_key())
    );
    assert_eq!(told.1, Policy::Reliability);
    let told = await_event(&publisher.events(), |event| match event {
        PublisherEvent::IncompatibleQos { subscriber, policy } => Some((subscriber.clone(), *policy)),
        _ => None,
    });
    assert_eq!((&told.0.node, told.1), (peers.listener.name(), Policy::Reliability));
    assert_eq!(
        (publisher.matched_subscribers(), subscriber.matched_publishers()),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_comes_and_goes_is_told_once_to_the_other_side() {
    let (peers, publisher, subscriber) = pair(QosProfile::default(), QosProfile::default()).await;
    let (of_subscriber, of_publisher) = (subscriber.events(), publisher.events());
    assert_eq!(await_event(&of_subscriber, of_publishers), (true, 1));
    assert_eq!(await_event(&of_publisher, of_subscribers), (true, 1));
    assert_eq!(
        (publisher.matched_subscribers(), subscriber.matched_publishers()),
        (1, 1)
    );
    // The cards change, but not in what is the matter here.
    let _elsewhere = peers.talker.publisher::<UInt32>("/other").unwrap();
    let _other_type = peers.talker.publisher::<Text>("/numbers").unwrap();
    let second = peers.talker.publisher::<UInt32>("/numbers").unwrap();
    assert_eq!(await_event(&of_subscriber, of_publishers), (true, 2));
    drop(second);
    assert_eq!(await_event(&of_subscriber, of_publishers), (false, 1));
    drop(subscriber);
    assert_eq!(await_event(&of_publisher, of_subscribers), (false, 0));
    assert_eq!(publisher.matched_subscribers(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_endpoints_of_one_node_match_each_other() {
    let peers = Peers::new().await;
    let publisher = peers.listener.publisher::<UInt32>("/own").unwrap();
    let _other_type = peers.listener.subscriber::<Text>("/own").unwrap();
    let (heard, said) = mpsc::channel();
    let _callback = publisher.on_event(move |event| heard.send(event).unwrap()).unwrap();
    let subscriber = peers.listener.subscriber::<UInt32>("/own").unwrap();
    assert_eq!(
        (publisher.matched_subscribers(), subscriber.matched_publishers()),
        (1, 1)
    );
    let told = said.recv_timeout(DEADLINE).unwrap();
    assert_eq!(of_subscribers(&told), Some((true, 1)));
    let any_type = peers
        .listener
        .generic_subscriber("/own", QosProfile::default())
        .unwrap();
    assert_eq!(any_type.matched_publishers(), 1);
    assert_eq!(publisher.matched_subscribers(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_pause_misses_the_deadline_that_was_offered_and_the_one_requested() {
    let deadline = |ms| QosProfile {
        deadline: Some(Duration::from_millis(ms)),
        ..QosProfile::default()
    };
    let (_peers, publisher, subscriber) = pair(deadline(100), deadline(200)).await;
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&UInt32 { data: 1 }).unwrap();
    next(&subscriber);
    for expected in 1..=3 {
        let total = await_event(&publisher.events(), |event| match event {
            PublisherEvent::DeadlineMissed { total } => Some(*total),
            _ => None,
        });
        assert_eq!(total, expected);
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(await_event(&subscriber.events(), |event| match event {
            SubscriberEvent::DeadlineMissed { total, .. } => Some(*total),
            _ => None,
        }));
    }
    assert_eq!(seen, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_whose_liveliness_is_manual_lives_while_somebody_says_so() {
    let manual = QosProfile {
        liveliness: Liveliness::ManualByTopic,
        lease: Some(Duration::from_millis(300)),
        ..QosProfile::default()
    };
    let (_peers, publisher, subscriber) = pair(manual, manual).await;
    let (of_subscriber, of_publisher) = (subscriber.events(), publisher.events());
    assert_eq!(await_event(&of_subscriber, of_publishers), (true, 1));
    assert_eq!(of_subscriber.try_next().ok(), None, "nobody has said that it is alive");
    for round in 1..=2 {
        // What is said before the other side listens is not heard.
        let end = Instant::now() + DEADLINE;
        loop {
            match round {
                1 => publisher.assert_liveliness().unwrap(),
                _ => publisher.publish(&UInt32 { data: 1 }).map(drop).unwrap(),
            }
            match of_subscriber.next_timeout(Duration::from_millis(50)) {
                Ok(event) => break assert_eq!(is_gained(&event), Some(()), "{event:?}"),
                Err(_) => assert!(Instant::now() < end, "it never came to life"),
            }
        }
        await_event(&of_subscriber, is_lost);
        let lost = await_event(&of_publisher, |event| match event {
            PublisherEvent::LivelinessLost { total } => Some(*total),
            _ => None,
        });
        assert_eq!(lost, round);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_says_by_itself_that_its_publishers_are_alive() {
    let automatic = QosProfile {
        lease: Some(Duration::from_secs(2)),
        deadline: Some(Duration::from_secs(1)),
        ..QosProfile::default()
    };
    let (_peers, _publisher, subscriber) = pair(automatic, automatic).await;
    let events = subscriber.events();
    await_event(&events, is_gained);
    // For more than two leases without any message.
    await_event(&events, |event| match event {
        SubscriberEvent::LivelinessLost { .. } => panic!("it is alive"),
        SubscriberEvent::DeadlineMissed { total: 5, .. } => Some(()),
        _ => None,
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn messages_that_outlive_their_lifespan_are_given_to_nobody() {
    let short = QosProfile {
        lifespan: Some(Duration::from_millis(100)),
        deadline: Some(Duration::from_millis(200)),
        ..QosProfile::default()
    };
    let (_peers, publisher, subscriber) = pair(short, short).await;
    let events = subscriber.events();
    assert_eq!(await_event(&events, of_publishers), (true, 1));
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for data in 1..=3 {
        publisher.publish(&UInt32 { data }).unwrap();
    }
    // Once all are there, a deadline that is missed says that they have become too old.
    await_event(&events, |event| {
        let missed = matches!(event, SubscriberEvent::DeadlineMissed { .. });
        (missed && subscriber.stats().received == 3).then_some(())
    });
    await_event(&events, |event| {
        matches!(event, SubscriberEvent::DeadlineMissed { .. }).then_some(())
    });
    assert!(subscriber.try_recv().is_err());
    let count = await_event(&events, |event| match event {
        SubscriberEvent::Expired { count, .. } => Some(*count),
        _ => None,
    });
    let stats = subscriber.stats();
    assert_eq!((count, stats.expired, stats.queue_len), (3, 3, 0));
}
