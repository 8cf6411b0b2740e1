//! Who is believed when, restarts included.

use nuncio::adversary::Adversary;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Domain, Keystore, Reason, TopicName, TrustMode, Verdict};

use crate::peers::{DEADLINE, Peers, identity, listen, next, node};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_subscriber_that_joins_late_hears_what_comes_and_not_what_was() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    for _ in 0..5 {
        publisher.publish(&Twist::default()).unwrap();
    }
    let late = node("late", 3).connect(&peers.endpoint).open().await.unwrap();
    let subscriber = late.subscriber::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&Twist::default()).unwrap();
    assert_eq!(next(&subscriber).info.number, 6);
}

/// An old frame is put on the network again before a new subscriber has met its publisher.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_frame_recorded_before_first_contact_is_not_passed_off_as_live() {
    let peers = Peers::new().await;
    let topic = TopicName::parse("/cmd_vel").unwrap();
    let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
    let capture = attacker.capture(&topic).unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    let recorded = loop {
        publisher.publish(&Twist::default()).unwrap();
        if let Some(frame) = capture.next(std::time::Duration::from_millis(50)) {
            break frame;
        }
    };
    // Let the publisher's clock go on: what is older than the grace is history.
    let deadline = std::time::Instant::now() + std::time::Duration::from_millis(1100);
    while std::time::Instant::now() < deadline {
        publisher.publish(&Twist::default()).unwrap();
        capture.next(std::time::Duration::from_millis(20));
    }
    let late = node("late", 3).connect(&peers.endpoint).open().await.unwrap();
    let subscriber = late.subscriber::<Twist>("/cmd_vel").unwrap();
    attacker.put(&topic, &recorded).unwrap();
    // The attacker's put may be lost while the late subscriber is still unknown to its link.
    let refused = loop {
        attacker.put(&topic, &recorded).unwrap();
        let wait = tokio::time::timeout(std::time::Duration::from_millis(100), subscriber.next_refusal());
        if let Ok(refused) = wait.await {
            break refused.unwrap();
        }
    };
    assert_eq!(refused.reason, Reason::TooOld, "{refused}");
    assert_eq!(subscriber.stats().received, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_restarted_publisher_is_heard_again_and_its_former_frames_are_not() {
    let home = tempfile::tempdir().unwrap();
    let (listener, endpoint) = listen(node("listener", 2)).await;
    let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let link = nuncio::LinkConfig {
        connect: vec![endpoint.clone()],
        ..Default::default()
    };
    let attacker = Adversary::join(&link, Domain::default()).await.unwrap();
    let topic = TopicName::parse("/cmd_vel").unwrap();
    let capture = attacker.capture(&topic).unwrap();
    let mut epochs = Vec::new();
    let mut recorded = Vec::new();
    for _ in 0..2 {
        let keystore = Keystore::open(home.path().join("keys")).unwrap();
        let talker = nuncio::Node::builder("talker")
            .keystore(keystore)
            .connect(&endpoint)
            .open()
            .await
            .unwrap();
        let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        // The attacker's link may come up a moment later than the listener's.
        let frame = loop {
            publisher.publish(&Twist::default()).unwrap();
            assert_eq!(next(&subscriber).info.epoch, talker.epoch());
            if let Some(frame) = capture.next(std::time::Duration::from_millis(100)) {
                break frame;
            }
        };
        epochs.push(talker.epoch());
        recorded.push(frame);
        if epochs.len() == 2 {
            attacker.put(&topic, &recorded[0]).unwrap();
            let refused = tokio::time::timeout(DEADLINE, subscriber.next_refusal())
                .await
                .unwrap()
                .unwrap();
            assert_eq!(refused.reason, Reason::StaleEpoch, "{refused}");
        }
        talker.close().await.unwrap();
    }
    assert!(epochs[0] < epochs[1], "{epochs:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pins_outlive_the_node_that_made_them() {
    let home = tempfile::tempdir().unwrap();
    for seed in [1, 66] {
        let keystore = Keystore::open(home.path().join("keys")).unwrap();
        let (listener, endpoint) = listen(nuncio::Node::builder("listener").keystore(keystore)).await;
        let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
        let talker = node("talker", seed).connect(&endpoint).open().await.unwrap();
        let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        publisher.publish(&Twist::default()).unwrap();
        if seed == 1 {
            assert_eq!(next(&subscriber).info.verdict, Verdict::Pinned);
        } else {
            let refused = tokio::time::timeout(DEADLINE, subscriber.next_refusal())
                .await
                .unwrap()
                .unwrap();
            assert_eq!(refused.reason, Reason::PinMismatch);
            let pinned = identity(1).public_key().to_string();
            assert!(refused.detail.contains(&pinned), "{refused}");
        }
        assert_eq!(listener.pin_problem(), None);
        talker.close().await.unwrap();
        listener.close().await.unwrap();
    }
    let known = std::fs::read_to_string(home.path().join("keys/known.toml")).unwrap();
    assert!(known.contains(&identity(1).public_key().to_string()), "{known}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn in_mode_observe_a_changed_key_is_delivered_and_marked() {
    let home = tempfile::tempdir().unwrap();
    let keystore = Keystore::open(home.path().join("keys")).unwrap();
    keystore
        .pins()
        .unwrap()
        .pin_node("0", "/talker", identity(9).public_key())
        .unwrap();
    let observer = nuncio::Node::builder("listener")
        .keystore(keystore)
        .trust_mode(TrustMode::Observe);
    let (listener, endpoint) = listen(observer).await;
    let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let talker = node("talker", 1).connect(&endpoint).open().await.unwrap();
    let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&Twist::default()).unwrap();
    let received = next(&subscriber);
    assert_eq!(
        (received.info.verdict, received.info.signer),
        (Verdict::PinMismatch, talker.public_key())
    );
}

/// A message published the moment that its publisher exists is neither lost nor called history.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_very_first_message_of_a_new_publisher_is_live() {
    let peers = Peers::new().await;
    for index in 0..20 {
        let topic = format!("/fresh_{index}");
        let subscriber = peers.listener.subscriber::<Twist>(&topic).unwrap();
        let publisher = peers.talker.publisher::<Twist>(&topic).unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        publisher.publish(&Twist::default()).unwrap();
        assert_eq!(next(&subscriber).info.number, 1);
        assert_eq!(subscriber.stats().refused_total(), 0, "{:?}", subscriber.stats());
    }
}

/// The disk takes no pins: the first key holds all the same, and the node says why it is not stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_pin_that_cannot_be_stored_still_keeps_the_next_key_out() {
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("keys");
    let keystore = Keystore::open(&keys).unwrap();
    let (listener, endpoint) = listen(nuncio::Node::builder("listener").keystore(keystore)).await;
    // What replaces the file cannot replace a folder.
    std::fs::create_dir_all(keys.join("known.toml")).unwrap();
    let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    for seed in [1, 66] {
        let talker = node("talker", seed).connect(&endpoint).open().await.unwrap();
        let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        publisher.publish(&Twist::default()).unwrap();
        if seed == 1 {
            assert_eq!(next(&subscriber).info.signer, talker.public_key());
            assert!(listener.pin_problem().is_some());
        } else {
            let refused = tokio::time::timeout(DEADLINE, subscriber.next_refusal())
                .await
                .unwrap()
                .unwrap();
            assert_eq!(refused.reason, Reason::PinMismatch);
        }
        talker.close().await.unwrap();
    }
}
