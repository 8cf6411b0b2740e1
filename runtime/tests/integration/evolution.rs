//! Versions of one type: what an older or newer subscriber makes of them.

use nuncio::msgs::geometry_msgs::msg::{Twist, TwistStamped};
use nuncio::msgs::nuncio_msgs::msg::LlmRequest;
use nuncio::msgs::std_msgs::msg::Header;
use nuncio::{
    Accompaniment, GenericPublisher, Message, Node, Provenance, QosProfile, Reason, SubscriptionOptions, TypeSupport,
    TypeVersions,
};
use serde_json::{Value, json};

use crate::peers::{DEADLINE, Peers, next, node};

fn additive() -> SubscriptionOptions {
    SubscriptionOptions {
        qos: QosProfile::keep_last(2000),
        type_versions: TypeVersions::Additive,
        ..SubscriptionOptions::default()
    }
}

/// Another version of a type, made by a change to each of its schemas.
fn version<M: Message>(change: impl Fn(&str) -> String) -> TypeSupport {
    let schemas = M::DEFINITIONS.iter();
    let changed: Vec<_> = schemas.map(|schema| (schema.type_name, change(schema.text))).collect();
    let sources: Vec<_> = changed.iter().map(|(name, text)| (*name, text.as_str())).collect();
    TypeSupport::compile(M::TYPE_NAME, &sources).unwrap()
}

/// Newer than ours: a field more in the message and one more in each vector.
fn newer_twist() -> TypeSupport {
    version::<Twist>(|text| {
        text.replace("float64 y", "string frame\nfloat64 y")
            .replace("Vector3 angular", "uint8[] notes\nVector3 angular")
    })
}

/// Older than ours: there was no second vector.
fn older_twist() -> TypeSupport {
    version::<Twist>(|text| {
        let lines = text.lines().filter(|line| !line.starts_with("Vector3 angular"));
        lines.map(|line| format!("{line}\n")).collect()
    })
}

fn new_vector(x: f64) -> Value {
    json!({"x": x, "frame": "base", "y": -1.0, "z": 0.5})
}

fn publisher(node: &Node, topic: &str, of: &TypeSupport) -> GenericPublisher {
    node.generic_publisher(topic, of, QosProfile::default()).unwrap()
}

fn publish(publisher: &GenericPublisher, of: &TypeSupport, message: &Value) {
    let payload = of.run_time_type().unwrap().from_json(message, 0).unwrap();
    publisher.publish(&payload, Accompaniment::default()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_older_subscriber_reads_a_newer_publisher_in_order() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber_with::<Twist>("/cmd_vel", additive()).unwrap();
    let newer = newer_twist();
    let publisher = publisher(&peers.talker, "/cmd_vel", &newer);
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for number in 1..=500 {
        let message = json!({"linear": new_vector(f64::from(number)), "notes": [1, 2], "angular": new_vector(0.0)});
        publish(&publisher, &newer, &message);
    }
    for number in 1..=500 {
        let received = next(&subscriber);
        let linear = received.message.linear;
        assert_eq!((linear.x, linear.y, linear.z), (number as f64, -1.0, 0.5));
        let info = received.info;
        assert_eq!((info.number, info.translated_from), (number, Some(newer.type_hash())));
        assert_eq!(
            (info.signer, info.provenance),
            (peers.talker.public_key(), Provenance::Live)
        );
    }
    let stats = subscriber.stats();
    assert_eq!(
        (stats.received, stats.refused_total(), stats.missing),
        (500, 0, 0),
        "{stats:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_newer_subscriber_reads_an_older_publisher_and_fills_in_defaults() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber_with::<Twist>("/cmd_vel", additive()).unwrap();
    let older = older_twist();
    let publisher = publisher(&peers.talker, "/cmd_vel", &older);
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publish(&publisher, &older, &json!({"linear": {"x": 1.0, "y": 2.0, "z": 3.0}}));
    let received = next(&subscriber);
    let mut expected = Twist::default();
    (expected.linear.x, expected.linear.y, expected.linear.z) = (1.0, 2.0, 3.0);
    assert_eq!(received.message, expected);
    assert_eq!(received.info.translated_from, Some(older.type_hash()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn publishers_of_several_versions_are_read_side_by_side() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber_with::<Twist>("/cmd_vel", additive()).unwrap();
    let (older, newer) = (older_twist(), newer_twist());
    let ours = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    let theirs = [&older, &newer].map(|of| publisher(&peers.talker, "/cmd_vel", of));
    assert!(ours.wait_for_subscribers(DEADLINE).unwrap());
    for publisher in &theirs {
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    }
    ours.publish(&Twist::default()).unwrap();
    publish(&theirs[0], &older, &json!({}));
    publish(&theirs[1], &newer, &json!({}));
    let mut seen: Vec<_> = (0..3).map(|_| next(&subscriber).info.translated_from).collect();
    seen.sort_by_key(|hash| hash.map(|hash| *hash.as_bytes()));
    let mut expected = vec![None, Some(older.type_hash()), Some(newer.type_hash())];
    expected.sort_by_key(|hash| hash.map(|hash| *hash.as_bytes()));
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_that_comes_back_with_another_version_is_read_on() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber_with::<Twist>("/cmd_vel", additive()).unwrap();
    for (of, instance) in [(older_twist(), 1), (newer_twist(), 2)] {
        let robot = node("robot", 7).connect(&peers.endpoint).open().await.unwrap();
        let publisher = publisher(&robot, "/cmd_vel", &of);
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        publish(&publisher, &of, &json!({"linear": {"x": f64::from(instance)}}));
        let received = next(&subscriber);
        assert_eq!(received.message.linear.x, f64::from(instance));
        assert_eq!(received.info.translated_from, Some(of.type_hash()));
        robot.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_breaking_version_is_refused_and_the_field_is_named() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber_with::<Twist>("/cmd_vel", additive()).unwrap();
    let breaking = version::<Twist>(|text| {
        text.replace("float64 y", "float32 y")
            .replace("Vector3 angular", "bool new\nVector3 angular")
    });
    let publisher = publisher(&peers.talker, "/cmd_vel", &breaking);
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for _ in 0..2 {
        publish(&publisher, &breaking, &json!({}));
        let refusal = subscriber.next_refusal().await.unwrap();
        assert_eq!(refusal.reason, Reason::TypeMismatch);
        assert_eq!(refusal.claimed_key, Some(peers.talker.public_key()));
        let detail = refusal.detail.as_ref();
        assert!(
            detail.contains("geometry_msgs/msg/Vector3: `y`: the type was float64 and is float32"),
            "{detail}"
        );
    }
    assert_eq!(subscriber.stats().received, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_does_not_opt_in_sees_another_type() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let newer = newer_twist();
    let publisher = publisher(&peers.talker, "/cmd_vel", &newer);
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publish(&publisher, &newer, &json!({}));
    let refusal = subscriber.next_refusal().await.unwrap();
    assert_eq!(refusal.reason, Reason::TypeMismatch);
    assert_eq!(subscriber.stats().received, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_type_of_another_name_is_no_version() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber_with::<Twist>("/cmd_vel", additive()).unwrap();
    let publisher = peers.talker.publisher::<Header>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&Header::default()).unwrap();
    let refusal = subscriber.next_refusal().await.unwrap();
    assert_eq!(refusal.reason, Reason::TypeMismatch);
    assert!(refusal.detail.contains(Header::TYPE_NAME), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_damaged_payload_of_another_version_is_refused_and_the_next_is_read() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber_with::<Header>("/header", additive()).unwrap();
    let newer = version::<Header>(|text| text.replace("string frame_id", "string frame_id\nuint64 seq\n#"));
    let publisher = publisher(&peers.talker, "/header", &newer);
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let payload = newer
        .run_time_type()
        .unwrap()
        .from_json(&json!({"frame_id": "map"}), 0)
        .unwrap();
    let damaged = payload.get(..payload.len() - 1).unwrap();
    publisher.publish(damaged, Accompaniment::default()).unwrap();
    publisher.publish(&payload, Accompaniment::default()).unwrap();
    assert_eq!(next(&subscriber).message.frame_id, "map");
    let refusal = subscriber.next_refusal().await.unwrap();
    assert_eq!(refusal.reason, Reason::DecodeFailed);
    assert!(refusal.detail.contains("seq"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_translated_message_is_held_against_the_subscribers_own_limits() {
    let peers = Peers::new().await;
    let subscriber = peers
        .listener
        .subscriber_with::<LlmRequest>("/llm", additive())
        .unwrap();
    let newer = version::<LlmRequest>(|text| text.replace("@range [0.0, 2.0]", "") + "\nbool hurried\n");
    let publisher = publisher(&peers.talker, "/llm", &newer);
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for temperature in [3.0, 1.5] {
        publish(&publisher, &newer, &json!({"temperature": temperature}));
    }
    assert_eq!(next(&subscriber).message.temperature, 1.5);
    let refusal = subscriber.next_refusal().await.unwrap();
    assert_eq!(refusal.reason, Reason::LimitViolated);
    assert!(refusal.detail.contains("temperature"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_version_whose_description_does_not_come_is_refused_and_holds_nobody_up() {
    let peers = Peers::new().await;
    let subscriber = peers
        .listener
        .subscriber_with::<TwistStamped>("/cmd_vel", additive())
        .unwrap();
    // Longer than what a subscriber looks at.
    let comment = format!("# {}\n", "x".repeat(700_000));
    let newer = version::<TwistStamped>(|text| match text.contains("Twist twist") {
        true => format!("{comment}{text}\nbool new\n"),
        false => format!("{comment}{text}\n"),
    });
    let undescribed = publisher(&peers.talker, "/cmd_vel", &newer);
    let ours = peers.talker.publisher::<TwistStamped>("/cmd_vel").unwrap();
    assert!(undescribed.wait_for_subscribers(DEADLINE).unwrap());
    assert!(ours.wait_for_subscribers(DEADLINE).unwrap());
    publish(&undescribed, &newer, &json!({}));
    ours.publish(&TwistStamped::default()).unwrap();
    assert_eq!(next(&subscriber).info.translated_from, None);
    let refusal = subscriber.next_refusal().await.unwrap();
    assert_eq!(refusal.reason, Reason::TypeMismatch);
    assert!(refusal.detail.contains("no publisher served"), "{refusal}");
}
