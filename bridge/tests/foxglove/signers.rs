//! Who signed, and what was refused, as viewers are told.

use nuncio::adversary::Adversary;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Discovery, Domain, LinkConfig, TopicName, TopicPattern};
use nuncio_bridge::foxglove::FoxgloveOptions;
use nuncio_bridge::{ClientRole, Rules};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

use crate::stage::{DEADLINE, Stage, open_rules};
use crate::viewer::{Viewer, find};

/// Waits for diagnostics with an entry of this name, in a stage that speaks JSON.
async fn diagnostics(viewer: &mut Viewer, id: u32, name: &str) -> Value {
    loop {
        let told: Value = serde_json::from_slice(&viewer.data(id).await.bytes).unwrap();
        if let Some(found) = find(&told["status"], "name", name) {
            return found.clone();
        }
    }
}

fn json_options() -> FoxgloveOptions {
    FoxgloveOptions {
        json: true,
        ..FoxgloveOptions::default()
    }
}

/// Puts something on a topic that nobody has signed, until the bridge has refused it.
async fn forge(stage: &Stage, topic: &str) {
    let link = LinkConfig {
        connect: vec![stage.endpoint.clone()],
        discovery: Some(Discovery::Off),
        ..LinkConfig::default()
    };
    let attacker = Adversary::join(&link, Domain::default()).await.unwrap();
    let topic = TopicName::parse(topic).unwrap();
    let mut refusals = stage.border.refusals();
    for _ in 0..100 {
        attacker.put(&topic, b"no frame at all").unwrap();
        let refused = timeout(Duration::from_millis(200), refusals.recv()).await;
        if refused.is_ok_and(|notice| notice.unwrap().topic == topic) {
            return;
        }
    }
    panic!("nothing was ever refused on {topic}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signer_of_each_topic_is_told_as_diagnostics() {
    let stage = Stage::with(open_rules(), json_options()).await;
    let chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let mut viewer = stage.viewer().await;
    let signers = viewer.channel("/nuncio/signers").await;
    assert_eq!(signers["schemaName"], "diagnostic_msgs/msg/DiagnosticArray");
    viewer.subscribe(1, &signers).await;
    let channel = viewer.channel("/chatter").await;
    viewer.subscribe(2, &channel).await;
    assert!(chatter.wait_for_subscribers(DEADLINE).unwrap());
    chatter.publish(&Text::default()).unwrap();
    let told = diagnostics(&mut viewer, 1, "/chatter: /robot").await;
    assert_eq!(told["level"], 0, "{told}");
    assert_eq!(told["hardware_id"], stage.robot.public_key().to_string());
    let value = |key: &str| find(&told["values"], "key", key).unwrap()["value"].clone();
    assert_eq!(value("verdict"), "pinned");
    assert_eq!(value("provenance"), "live");
    assert_eq!(value("messages"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signers_are_cdr_like_all_other_topics() {
    let stage = Stage::new().await;
    let mut viewer = stage.viewer().await;
    let signers = viewer.channel("/nuncio/signers").await;
    viewer.subscribe(1, &signers).await;
    let bytes = viewer.data(1).await.bytes;
    // Header of CDR, stamp, empty frame id, no statuses.
    assert_eq!((&bytes[..4], bytes.len()), (&[0, 1, 0, 0][..], 4 + 8 + 8 + 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_is_a_status_and_a_diagnostic() {
    let stage = Stage::with(open_rules(), json_options()).await;
    let chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let mut viewer = stage.viewer().await;
    let signers = viewer.channel("/nuncio/signers").await;
    viewer.subscribe(1, &signers).await;
    let channel = viewer.channel("/chatter").await;
    viewer.subscribe(2, &channel).await;
    assert!(chatter.wait_for_subscribers(DEADLINE).unwrap());
    forge(&stage, "/chatter").await;
    let status = viewer.status("a message on /chatter was refused").await;
    assert_eq!(status["level"], 2);
    assert!(status["id"].is_string());
    let told = diagnostics(&mut viewer, 1, "/chatter: refused, NotAFrame").await;
    assert_eq!(told["level"], 2, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_on_topics_that_a_role_may_not_see_are_not_told() {
    let mut looker = ClientRole::everything("looker");
    looker.subscribe = vec![TopicPattern::parse("/seen").unwrap()];
    let rules = Rules {
        open_role: Arc::new(looker),
        ..open_rules()
    };
    let stage = Stage::with(rules, FoxgloveOptions::default()).await;
    let _hidden = stage.border.node().subscriber::<Text>("/hidden").unwrap();
    let _seen = stage.border.node().subscriber::<Text>("/seen").unwrap();
    let hidden = stage.robot.publisher::<Text>("/hidden").unwrap();
    let seen = stage.robot.publisher::<Text>("/seen").unwrap();
    assert!(hidden.wait_for_subscribers(DEADLINE).unwrap());
    assert!(seen.wait_for_subscribers(DEADLINE).unwrap());
    let mut viewer = stage.viewer().await;
    viewer.channel("/seen").await;
    forge(&stage, "/hidden").await;
    forge(&stage, "/seen").await;
    let first = viewer.json("status", |_| true).await;
    assert!(first["message"].as_str().unwrap().contains("/seen"), "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_speak_in_the_name_of_the_signers_topic() {
    let stage = Stage::new().await;
    let _fake = stage.robot.publisher::<Text>("/nuncio/signers").unwrap();
    let _other = stage.robot.publisher::<Text>("/other").unwrap();
    let mut viewer = stage.viewer().await;
    let genuine = viewer.channel("/nuncio/signers").await;
    assert_eq!(genuine["schemaName"], "diagnostic_msgs/msg/DiagnosticArray");
    let told = viewer
        .json("advertise", |json| find(&json["channels"], "topic", "/other").is_some())
        .await;
    assert!(find(&told["channels"], "topic", "/nuncio/signers").is_none(), "{told}");
}
