//! What an attacker on the network can put on a topic: none of it arrives, and each attempt is reported.

use nuncio::adversary::Adversary;
use nuncio::msgs::geometry_msgs::msg::{Twist, Vector3};
use nuncio::msgs::nuncio_msgs::msg::MotionCommand;
use nuncio::security::context::Context;
use nuncio::security::frame::{FrameWriter, Header, Kind, Layout};
use nuncio::security::signer;
use nuncio::{Accompaniment, Domain, Message, Publisher, Reason, Subscriber, TopicName};

use crate::peers::{DEADLINE, Peers, identity, next, node};

/// A talker and a listener that have met on `/cmd_vel`, and an attacker who has seen one genuine frame.
struct Scene {
    peers: Peers,
    publisher: Publisher<Twist>,
    subscriber: Subscriber<Twist>,
    attacker: Adversary,
    topic: TopicName,
    genuine: Vec<u8>,
}

impl Scene {
    async fn new() -> Self {
        let peers = Peers::new().await;
        let topic = TopicName::parse("/cmd_vel").unwrap();
        let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
        let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
        let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        let capture = attacker.capture(&topic).unwrap();
        let mut scene = Self {
            peers,
            publisher,
            subscriber,
            attacker,
            topic,
            genuine: Vec::new(),
        };
        // The attacker may be a moment later than the listener: publish until it has seen something.
        loop {
            scene.publish();
            if let Some(frame) = capture.next(std::time::Duration::from_millis(100)) {
                scene.genuine = frame;
                return scene;
            }
        }
    }

    /// Publishes a message and sees that it arrives: whatever happened before has done no harm.
    fn publish(&self) {
        let published = self.publisher.publish(&Twist::default()).unwrap();
        let received = next(&self.subscriber);
        assert_eq!(received.info.id(), published.id());
    }

    /// Puts bytes on the topic and gives the reason for which they were refused.
    async fn refusal_of(&self, bytes: &[u8]) -> Reason {
        self.attacker.put(&self.topic, bytes).unwrap();
        let refused = tokio::time::timeout(DEADLINE, self.subscriber.next_refusal()).await;
        refused.expect("nothing was refused").unwrap().reason
    }

    /// Bytes like the genuine ones, signed by the attacker's own key.
    fn signed_by_attacker(&self, header: &Header) -> Vec<u8> {
        self.signed_by(66, header)
    }

    fn signed_by(&self, seed: u8, header: &Header) -> Vec<u8> {
        let mut frame = FrameWriter::new(Vec::new(), header, Accompaniment::default());
        frame
            .push(header.first_time_ns, Accompaniment::default(), |bytes| {
                bytes.extend_from_slice(&[0; 48]);
                Ok::<(), ()>(())
            })
            .unwrap();
        let (name, hash) = (Twist::TYPE_NAME, &Twist::TYPE_HASH);
        let context = Context::new(&Domain::default(), self.topic.as_str(), name, hash, Kind::Message, &[]);
        signer::seal(&identity(seed), frame.finish(), &context)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn altered_and_foreign_bytes_never_arrive() {
    let scene = Scene::new().await;
    let mut altered = scene.genuine.clone();
    altered[90] ^= 1;
    assert_eq!(scene.refusal_of(&altered).await, Reason::BadSignature);
    assert_eq!(scene.refusal_of(&scene.genuine[..100]).await, Reason::NotAFrame);
    assert_eq!(
        scene.refusal_of(&scene.genuine[..scene.genuine.len() - 1]).await,
        Reason::Malformed
    );
    assert_eq!(scene.refusal_of(b"{\"linear\": 1}").await, Reason::NotAFrame);
    let mut version = scene.genuine.clone();
    version[2] = 9;
    assert_eq!(scene.refusal_of(&version).await, Reason::UnsupportedVersion);
    let mut suite = scene.genuine.clone();
    suite[3] = 2;
    assert_eq!(scene.refusal_of(&suite).await, Reason::UnsupportedSuite);
    scene.publish();
    let stats = scene.subscriber.stats();
    assert_eq!(stats.refused_total(), 6, "{stats:?}");
    assert_eq!(stats.missing, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recording_that_is_played_back_is_no_live_message() {
    let scene = Scene::new().await;
    let mut header = Layout::parse(&scene.genuine).unwrap().header;
    (header.replay, header.first_number) = (true, header.first_number + 10);
    let played = scene.signed_by(1, &header);
    assert_eq!(scene.refusal_of(&played).await, Reason::ReplayNotAllowed);
    scene.publish();
}

/// For the neutral element of the curve, everybody can make signatures.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_card_under_a_weak_key_is_refused() {
    let scene = Scene::new().await;
    let weak = format!("01{}", "00".repeat(31));
    let key_expr = format!("nuncio/0/@card/{weak}/0000000000000001/weak");
    scene.attacker.put_on(&key_expr, &scene.genuine).unwrap();
    let refused = tokio::time::timeout(DEADLINE, scene.peers.listener.next_refusal()).await;
    let refusal = refused.expect("nothing was refused").unwrap().refusal;
    assert_eq!(refusal.reason, Reason::WeakKey, "{refusal}");
    scene.publish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_forger_who_names_another_key_or_his_own_is_refused() {
    let scene = Scene::new().await;
    let mut header = Layout::parse(&scene.genuine).unwrap().header;
    header.first_number += 10;
    assert_eq!(
        scene.refusal_of(&scene.signed_by_attacker(&header)).await,
        Reason::BadSignature
    );
    // Under its own key it is a stranger: no card vouches for it.
    header.key = identity(66).public_key();
    assert_eq!(
        scene.refusal_of(&scene.signed_by_attacker(&header)).await,
        Reason::UnknownKey
    );
    scene.publish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_genuine_frame_arrives_once_and_only_on_its_topic() {
    let scene = Scene::new().await;
    let other = scene.peers.listener.subscriber::<Twist>("/other").unwrap();
    scene.publish();
    // The attacker's link may not know the second subscriber yet: the first attempts can get lost.
    let mut attempts = 0;
    while other.try_next_refusal().is_none() {
        scene.attacker.put(other.topic(), &scene.genuine).unwrap();
        attempts += 1;
        tokio::task::yield_now().await;
    }
    for _ in 0..5 {
        scene.attacker.put(&scene.topic, &scene.genuine).unwrap();
    }
    scene.attacker.put(other.topic(), b"the last one").unwrap();
    loop {
        let refused = tokio::time::timeout(DEADLINE, other.next_refusal())
            .await
            .unwrap()
            .unwrap();
        if refused.reason == Reason::NotAFrame {
            break;
        }
        assert_eq!(refused.reason, Reason::BadSignature);
    }
    assert!(other.stats().refused_total() <= attempts + 1);
    // All puts of one link arrive in order, so the duplicates have been counted by now.
    assert_eq!(scene.subscriber.stats().duplicates, 5);
    assert_eq!((other.stats().received, other.stats().queue_len), (0, 0));
    scene.publish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn another_key_under_a_known_name_or_on_an_exclusive_topic_is_refused() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<MotionCommand>("/motion").unwrap();
    let genuine = peers.talker.publisher::<MotionCommand>("/motion").unwrap();
    assert!(genuine.wait_for_subscribers(DEADLINE).unwrap());
    genuine.publish(&command(0.5)).unwrap();
    assert_eq!(next(&subscriber).message.linear_x, 0.5);

    for name in ["talker", "somebody_else"] {
        let impostor = node(name, 66).connect(&peers.endpoint).open().await.unwrap();
        let forged = impostor.publisher::<MotionCommand>("/motion").unwrap();
        assert!(forged.wait_for_subscribers(DEADLINE).unwrap());
        forged.publish(&command(9.0)).unwrap();
        let refused = tokio::time::timeout(DEADLINE, subscriber.next_refusal())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(refused.reason, Reason::PinMismatch, "{refused}");
        assert_eq!(refused.claimed_key, Some(impostor.public_key()));
        impostor.close().await.unwrap();
    }
    genuine.publish(&command(0.7)).unwrap();
    assert_eq!(next(&subscriber).message.linear_x, 0.7);
}

fn command(linear_x: f64) -> MotionCommand {
    MotionCommand {
        stamp: nuncio::time_from_ns(nuncio::clock::now_ns()),
        linear_x,
        ..MotionCommand::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn another_type_on_the_topic_is_refused_and_explained() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let publisher = peers.talker.publisher::<Vector3>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&Vector3::default()).unwrap();
    let refused = tokio::time::timeout(DEADLINE, subscriber.next_refusal())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(refused.reason, Reason::TypeMismatch);
    assert!(
        refused.detail.contains("subscribed to geometry_msgs/msg/Twist"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_payload_that_is_not_of_its_type_is_refused_although_it_is_signed() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for payload in [&[0_u8; 47][..], &[0; 49]] {
        // The untyped road below the typed one does not look into what it is given.
        std::ops::Deref::deref(&publisher)
            .publish(payload, Accompaniment::default())
            .unwrap();
    }
    publisher.publish(&Twist::default()).unwrap();
    assert_eq!(next(&subscriber).info.number, 3);
    for _ in 0..2 {
        assert_eq!(subscriber.try_next_refusal().unwrap().reason, Reason::DecodeFailed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_value_that_the_schema_forbids_is_refused_on_both_sides() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<MotionCommand>("/motion").unwrap();
    let publisher = peers.talker.publisher::<MotionCommand>("/motion").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let error = publisher.publish(&command(f64::NAN)).unwrap_err().to_string();
    assert!(error.contains("linear_x"), "{error}");
    let wild = MotionCommand {
        linear_x: 1000.0,
        ..command(0.0)
    };
    let mut payload = Vec::new();
    postcard::to_io(&wild, &mut payload).unwrap();
    std::ops::Deref::deref(&publisher)
        .publish(&payload, Accompaniment::default())
        .unwrap();
    publisher.publish(&command(1.0)).unwrap();
    let received = next(&subscriber);
    assert_eq!((received.info.number, received.info.missing_before), (2, 0));
    let refused = subscriber.try_next_refusal().unwrap();
    assert_eq!(refused.reason, Reason::LimitViolated);
    assert!(refused.detail.contains("linear_x"), "{refused}");
}

/// Fresh keys by the thousand: none is delivered, the known publisher is not held up, and what waits is bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_crowd_of_strangers_is_kept_out_and_holds_nobody_up() {
    let scene = Scene::new().await;
    let mut header = Layout::parse(&scene.genuine).unwrap().header;
    for seed in 0..3000_u32 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_le_bytes());
        header.key = nuncio::PublicKey::from_bytes(bytes);
        scene
            .attacker
            .put(&scene.topic, &scene.signed_by_attacker(&header))
            .unwrap();
        if seed % 500 == 0 {
            scene.publish();
        }
    }
    scene.publish();
    let mut refused = 0;
    while refused < 3000 {
        let stats = scene.subscriber.stats();
        refused = stats.refused_total();
        let allowed = [Reason::UnknownKey, Reason::Overloaded];
        assert!(stats.refused.keys().all(|reason| allowed.contains(reason)), "{stats:?}");
        let event = tokio::time::timeout(DEADLINE, scene.subscriber.next_refusal());
        if refused < 3000 {
            event.await.expect("the strangers are never settled").unwrap();
        }
    }
    assert_eq!(scene.subscriber.stats().refused_total(), 3000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_untyped_subscriber_too_hears_one_key_on_an_exclusive_topic() {
    let peers = Peers::new().await;
    let subscriber = peers
        .listener
        .generic_subscriber("/motion", nuncio::QosProfile::default())
        .unwrap();
    let genuine = peers.talker.publisher::<MotionCommand>("/motion").unwrap();
    assert!(genuine.wait_for_subscribers(DEADLINE).unwrap());
    genuine.publish(&command(0.5)).unwrap();
    assert_eq!(next(&subscriber).info().signer, peers.talker.public_key());

    // A tool's name is pinned to nobody, so that only the topic's pin is in the way.
    let intruder = node("_intruder", 66).connect(&peers.endpoint).open().await.unwrap();
    let forged = intruder.publisher::<MotionCommand>("/motion").unwrap();
    assert!(forged.wait_for_subscribers(DEADLINE).unwrap());
    forged.publish(&command(9.0)).unwrap();
    let refused = tokio::time::timeout(DEADLINE, subscriber.next_refusal())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(refused.reason, Reason::PinMismatch, "{refused}");
}
