//! The refusals that need two instances, two programs with one key, or a crowd, each over a real link.

use std::time::Duration;

use nuncio::adversary::Adversary;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::security::context::Context;
use nuncio::security::equivocation::Equivocation;
use nuncio::security::frame::{FrameWriter, Header, Kind, Layout};
use nuncio::security::signer;
use nuncio::{Accompaniment, Domain, Message, Reason, TopicName, TrustEvent, TrustPolicy};

use crate::peers::{DEADLINE, Peers, identity, listen, next, node};
use crate::trust::{Pair, builder, keystore, next_event, next_refusal, policy};

/// A frame that the talker's key has signed, but not the talker.
fn signed_by_copied_key(header: &Header, number: u64, time_ns: i64) -> Vec<u8> {
    let header = Header {
        first_number: number,
        first_time_ns: time_ns,
        ..header.clone()
    };
    let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
    frame
        .push(time_ns, Accompaniment::default(), |bytes| {
            bytes.extend_from_slice(&[1; 48]);
            Ok::<(), ()>(())
        })
        .unwrap();
    let (name, hash) = (Twist::TYPE_NAME, &Twist::TYPE_HASH);
    let context = Context::new(&Domain::default(), "/cmd_vel", name, hash, Kind::Message, &[]);
    signer::seal(&identity(1), frame.finish(), &context)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_programs_with_one_key_are_found_out_and_the_proof_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("keys");
    let (listener, endpoint) = listen(builder("listener", keystore(&dir, 2, &[]))).await;
    let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let link = nuncio::LinkConfig {
        connect: vec![endpoint.clone()],
        discovery: Some(nuncio::Discovery::Off),
        ..nuncio::LinkConfig::default()
    };
    let attacker = Adversary::join(&link, Domain::default()).await.unwrap();
    let topic = TopicName::parse("/cmd_vel").unwrap();
    let talker = node("talker", 1).connect(&endpoint).open().await.unwrap();
    let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let capture = attacker.capture(&topic).unwrap();
    let genuine = loop {
        publisher.publish(&Twist::default()).unwrap();
        next(&subscriber);
        if let Some(frame) = capture.next(Duration::from_millis(100)) {
            break frame;
        }
    };
    let header = Layout::parse(&genuine).unwrap().header;
    let copy = signed_by_copied_key(&header, header.first_number, header.first_time_ns);
    attacker.put(&topic, &copy).unwrap();
    let refused = next_refusal(&subscriber).await;
    assert_eq!(refused.reason, Reason::Equivocation, "{refused}");
    let key = refused.evidence.expect("both frames are there").verify().unwrap();
    assert_eq!(key, talker.public_key());
    let TrustEvent::Equivocated { stored: Ok(path) } = next_event(&listener).await else {
        panic!("the proof was not stored");
    };
    assert!(path.starts_with(dir.join("state/evidence")));
    let kept: Equivocation = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(kept.verify().unwrap(), key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn stamps_that_are_too_old_or_ahead_are_refused_where_the_policy_says_so() {
    let mut strict = TrustPolicy::default();
    (strict.stamp_age_max, strict.stamp_ahead_max) = (Some(DEADLINE), Some(DEADLINE));
    let peers = Peers::new().await;
    let judge = node("judge", 3)
        .trust(strict)
        .connect(&peers.endpoint)
        .open()
        .await
        .unwrap();
    let subscriber = judge.subscriber::<Twist>("/cmd_vel").unwrap();
    let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
    let topic = TopicName::parse("/cmd_vel").unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let capture = attacker.capture(&topic).unwrap();
    let genuine = loop {
        publisher.publish(&Twist::default()).unwrap();
        next(&subscriber);
        if let Some(frame) = capture.next(Duration::from_millis(100)) {
            break frame;
        }
    };
    let header = Layout::parse(&genuine).unwrap().header;
    for (hours, reason) in [(-1, Reason::StampTooOld), (1, Reason::StampInFuture)] {
        let time_ns = header.first_time_ns + hours * 3_600_000_000_000;
        let frame = signed_by_copied_key(&header, header.first_number + 500, time_ns);
        attacker.put(&topic, &frame).unwrap();
        assert_eq!(next_refusal(&subscriber).await.reason, reason);
    }
    publisher.publish(&Twist::default()).unwrap();
    next(&subscriber);
}

/// A message on a topic that needs a second signer is not delivered on the first one's word.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_topic_that_asks_for_a_second_signer_delivers_nothing_with_one() {
    let text = "[topics.\"cmd_vel\"]\nsecond_signer = \"driver\"\n";
    let pair = Pair::new(node("listener", 2).trust(policy("tofu", text)), node("talker", 1)).await;
    let refused = pair.refusal().await;
    assert_eq!(refused.reason, Reason::NotPermitted, "{refused}");
}

/// More keys that nobody vouches for than can be asked about.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn frames_of_more_strangers_than_can_be_asked_about_are_refused_as_overload() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
    let topic = TopicName::parse("/cmd_vel").unwrap();
    let header = Header {
        kind: Kind::Message,
        replay: false,
        key: identity(66).public_key(),
        writer: nuncio::security::frame::Writer(7),
        epoch: 1,
        first_number: 1,
        first_time_ns: 0,
        type_hash_prefix: Twist::TYPE_HASH.prefix(),
    };
    let mut frame = signed_by_copied_key(&header, 1, 0);
    let deadline = std::time::Instant::now() + DEADLINE;
    let mut seed = 0_u64;
    while !subscriber.stats().refused.contains_key(&Reason::Overloaded) {
        seed += 1;
        frame[8..16].copy_from_slice(&seed.to_le_bytes());
        attacker.put(&topic, &frame).unwrap();
        assert!(std::time::Instant::now() < deadline, "{:?}", subscriber.stats());
    }
    let allowed = [Reason::UnknownKey, Reason::Overloaded];
    let refused = subscriber.stats().refused;
    assert!(refused.keys().all(|reason| allowed.contains(reason)), "{refused:?}");
}
