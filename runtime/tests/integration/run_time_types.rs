//! Types that the receiving program was not built with.

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Accompaniment, Message, QosProfile, TypeHash, TypeSupport};

use crate::peers::{DEADLINE, Peers, next};

const GAIT: &str = "# How a leg moves.\n\nfloat64 speed  # @unit m/s @range [0, 2]\nstring<=8 name\nFoot[] feet\n";
const FOOT: &str = "# One foot.\n\nbool down\nint32[2] position\n";
const SOURCES: [(&str, &str); 2] = [("zoo_msgs/msg/Gait", GAIT), ("zoo_msgs/msg/Foot", FOOT)];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_type_that_only_the_publisher_knows_is_fetched_and_read() {
    let peers = Peers::new().await;
    let gait = TypeSupport::compile("zoo_msgs/msg/Gait", &SOURCES).unwrap();
    let publisher = peers
        .talker
        .generic_publisher("/gait", &gait, QosProfile::default())
        .unwrap();
    let subscriber = peers
        .listener
        .generic_subscriber("/gait", QosProfile::default())
        .unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let value = serde_json::json!({"speed": 1.5, "name": "trot", "feet": [{"down": true, "position": [3, -4]}]});
    let payload = gait.run_time_type().unwrap().from_json(&value, 0).unwrap();
    publisher.publish(&payload, Accompaniment::default()).unwrap();

    let received = next(&subscriber);
    assert_eq!(
        (received.type_name(), received.type_hash()),
        (gait.type_name(), gait.type_hash())
    );
    let signer = received.info().signer;
    let fetched = peers
        .listener
        .fetch_type(signer, received.type_name(), &received.type_hash())
        .await
        .unwrap();
    assert_eq!(fetched.definition(), gait.definition());
    assert_eq!(
        fetched.run_time_type().unwrap().to_json(received.payload()).unwrap(),
        value
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_built_in_type_is_served_too_and_reads_the_same() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    let subscriber = peers
        .listener
        .generic_subscriber("/cmd_vel", QosProfile::default())
        .unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let mut twist = Twist::default();
    twist.linear.x = -0.25;
    publisher.publish(&twist).unwrap();
    let received = next(&subscriber);
    let signer = received.info().signer;
    let fetched = peers
        .listener
        .fetch_type(signer, Twist::TYPE_NAME, &Twist::TYPE_HASH)
        .await
        .unwrap();
    let json = fetched.run_time_type().unwrap().to_json(received.payload()).unwrap();
    assert_eq!(json, serde_json::to_value(&twist).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_type_that_nobody_publishes_is_an_error_in_time() {
    let peers = Peers::new().await;
    let nothing = TypeHash::from_bytes([1; 32]);
    let error = peers
        .listener
        .fetch_type(peers.talker.public_key(), "a/msg/B", &nothing)
        .await
        .unwrap_err();
    assert!(matches!(error, nuncio::TypeError::NoAnswer), "{error}");
}
