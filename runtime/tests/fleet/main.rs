//! A fleet in one process. It keeps every core busy while it meets, so it has a program of its own: Cargo runs these one
//! after the other, and no test with a deadline runs beside it.
//!
//! Every node has a link to every other one. Without optimisation fifty would need minutes for that, so there the fleet is
//! smaller: `cargo test --release -p nuncio --test fleet -- --nocapture` says how long fifty take.

use std::time::{Duration, Instant};

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::security::revocation::{Revoked, SignedRevocations};
use nuncio::security::trust_file::TrustFile;
use nuncio::{Discovery, Domain, Identity, Keystore, Node, NodeBuilder, Reason, Subscriber, TrustEvent, TrustPolicy};

/// How long anything may take that is waited for. Far longer than it does take: a machine may be busy.
const DEADLINE: Duration = Duration::from_secs(60);

const NODES: u8 = if cfg!(debug_assertions) { 12 } else { 50 };

fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

/// The key of seed 200 is the anchor, that of seed 1 may drive.
fn policy() -> TrustPolicy {
    let text = format!(
        "mode = \"enforce\"\n[anchors]\nfleet = \"{}\"\n[roles.driver]\npublish = [\"cmd_vel\"]\n\
         [grants.talker]\nkey = \"{}\"\nroles = [\"driver\"]\n",
        identity(200).public_key(),
        identity(1).public_key()
    );
    TrustFile::parse(&text).expect("a policy").into_policy()
}

fn node(name: &str, seed: u8) -> NodeBuilder {
    let keystore = Keystore::ephemeral(identity(seed));
    Node::builder(name).keystore(keystore).discovery(Discovery::Off)
}

/// Each node has a subscription to the key that is about to be revoked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_refuse_a_key_within_seconds_of_its_revocation() {
    let reserved = nuncio::local_registry::reserve_loopback_port().unwrap();
    let endpoint = reserved.locator();
    let hub = node("hub", 2).trust(policy()).listen(&endpoint).open().await.unwrap();
    drop(reserved);
    let mut nodes: Vec<(Node, Subscriber<Twist>)> = Vec::new();
    for index in 1..NODES {
        let one = node(&format!("robot_{index}"), 100 + index);
        let one = one.trust(policy()).connect(&endpoint).open().await.unwrap();
        let subscriber = one.subscriber::<Twist>("/cmd_vel").unwrap();
        nodes.push((one, subscriber));
    }
    let subscriber = hub.subscriber::<Twist>("/cmd_vel").unwrap();
    nodes.push((hub, subscriber));
    let talker = node("talker", 1).connect(&endpoint).open().await.unwrap();
    let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
    // Heard by all: who is heard is subscribed, so the revocation will find the way too.
    let deadline = Instant::now() + DEADLINE;
    while nodes.iter().any(|(_, subscriber)| subscriber.stats().received == 0) {
        publisher.publish(&Twist::default()).unwrap();
        let deaf = nodes.iter().filter(|(_, subscriber)| subscriber.stats().received == 0);
        let said = nodes.last().map(|(_, subscriber)| subscriber.stats());
        assert!(
            Instant::now() < deadline,
            "{} do not hear the talker: {said:?}",
            deaf.count()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let revoked = Revoked {
        key: identity(1).public_key(),
        since_ns: 0,
        reason: "the robot was stolen".to_owned(),
    };
    let now_ns = nuncio::clock::now_ns();
    let list = SignedRevocations::issue(&identity(200), &Domain::default(), None, &[revoked], now_ns).unwrap();
    let began = Instant::now();
    nodes[0].0.spread_revocations(&list).unwrap();
    for (node, _) in &nodes {
        let event = tokio::time::timeout(DEADLINE, node.next_trust_event()).await;
        let event = event.expect("a node did not hear of it").unwrap();
        assert!(matches!(event, TrustEvent::Revoked { keys: 1, .. }), "{event:?}");
    }
    let took = began.elapsed();
    println!("in force in {} nodes after {} ms", nodes.len(), took.as_millis());
    assert!(took < Duration::from_secs(5), "{took:?}");
    publisher.publish(&Twist::default()).unwrap();
    for (_, subscriber) in &nodes {
        // While they met, some may have been too slow for the first messages.
        loop {
            let refused = tokio::time::timeout(DEADLINE, subscriber.next_refusal()).await;
            if refused.expect("nothing was refused").unwrap().reason == Reason::Revoked {
                break;
            }
        }
    }
}
