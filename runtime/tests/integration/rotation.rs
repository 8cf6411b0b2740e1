//! A node changes its key: nobody has to be told, and nothing is lost.

use std::path::Path;

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::security::succession::Succession;
use nuncio::{Domain, Keystore, Node, Publisher, Reason, Subscriber, Verdict};

use crate::peers::{DEADLINE, identity, listen, next, node};
use crate::trust::{builder, keystore, next_refusal, put};

const MINUTE_NS: i64 = 60_000_000_000;

async fn talker(keys: &Path, endpoint: &str, listener: &Node) -> (Node, Publisher<Twist>) {
    let keystore = Keystore::open(keys).unwrap();
    let talker = builder("talker", keystore).connect(endpoint).open().await.unwrap();
    let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let key = talker.public_key();
    let met = |graph: &nuncio::graph::Graph| graph.nodes.iter().any(|node| node.key == key && node.is_verified());
    assert!(listener.wait_for_graph(DEADLINE, met).await.is_some());
    (talker, publisher)
}

fn heard(publisher: &Publisher<Twist>, subscriber: &Subscriber<Twist>) {
    let published = publisher.publish(&Twist::default()).unwrap();
    let info = next(subscriber).info;
    assert_eq!((info.id(), info.missing_before), (published.id(), 0));
    assert_eq!(info.verdict, Verdict::Pinned);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_pin_moves_to_the_new_key_and_both_are_heard_while_they_overlap() {
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("keys");
    keystore(&keys, 1, &[]);
    let heard_keys = Keystore::open(home.path().join("listener")).unwrap();
    let (listener, endpoint) = listen(builder("listener", heard_keys)).await;
    let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let (old, old_publisher) = talker(&keys, &endpoint, &listener).await;
    heard(&old_publisher, &subscriber);

    let now_ns = nuncio::clock::now_ns();
    let rotated = Keystore::open(&keys).unwrap();
    rotated.rotate(&Domain::default(), now_ns, MINUTE_NS).unwrap();
    let (new, new_publisher) = talker(&keys, &endpoint, &listener).await;
    assert_ne!(old.public_key(), new.public_key());
    for _ in 0..20 {
        heard(&old_publisher, &subscriber);
        heard(&new_publisher, &subscriber);
    }
    assert_eq!(subscriber.stats().refused_total(), 0, "{:?}", subscriber.stats());
    let known = std::fs::read_to_string(home.path().join("listener/known.toml")).unwrap();
    assert!(known.contains(&new.public_key().to_string()), "{known}");
    assert!(!known.contains(&old.public_key().to_string()), "{known}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_old_key_is_refused_when_its_time_is_over() {
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("keys");
    keystore(&keys, 1, &[]);
    let (listener, endpoint) = listen(node("listener", 2)).await;
    let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let (_old, old_publisher) = talker(&keys, &endpoint, &listener).await;
    heard(&old_publisher, &subscriber);
    let now_ns = nuncio::clock::now_ns();
    Keystore::open(&keys)
        .unwrap()
        .rotate(&Domain::default(), now_ns, 0)
        .unwrap();
    let (_new, new_publisher) = talker(&keys, &endpoint, &listener).await;
    heard(&new_publisher, &subscriber);
    old_publisher.publish(&Twist::default()).unwrap();
    assert_eq!(next_refusal(&subscriber).await.reason, Reason::PinMismatch);
    heard(&new_publisher, &subscriber);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_receiver_that_missed_one_rotation_follows_two_steps() {
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("keys");
    keystore(&keys, 1, &[]);
    let (listener, endpoint) = listen(node("listener", 2)).await;
    let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let (first, publisher) = talker(&keys, &endpoint, &listener).await;
    heard(&publisher, &subscriber);
    first.close().await.unwrap();
    let now_ns = nuncio::clock::now_ns();
    let rotated = Keystore::open(&keys).unwrap();
    rotated.rotate(&Domain::default(), now_ns, 0).unwrap();
    rotated.rotate(&Domain::default(), now_ns, 0).unwrap();
    let (_third, publisher) = talker(&keys, &endpoint, &listener).await;
    heard(&publisher, &subscriber);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nobody_else_can_move_a_pin() {
    let home = tempfile::tempdir().unwrap();
    let (listener, endpoint) = listen(node("listener", 2)).await;
    let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let keys = home.path().join("keys");
    keystore(&keys, 1, &[]);
    let (_genuine, publisher) = talker(&keys, &endpoint, &listener).await;
    heard(&publisher, &subscriber);

    let now_ns = nuncio::clock::now_ns();
    let step = |old, new| Succession::issue(&identity(old), &identity(new), Domain::default(), now_ns, now_ns).unwrap();
    let impostor = home.path().join("impostor");
    keystore(&impostor, 66, &[]);
    put(&impostor.join("identity.succession"), &step(67, 66).to_text());
    let (_impostor, forged) = talker(&impostor, &endpoint, &listener).await;
    forged.publish(&Twist::default()).unwrap();
    assert_eq!(next_refusal(&subscriber).await.reason, Reason::PinMismatch);
    heard(&publisher, &subscriber);
}
