//! Channels and subscriptions.

use nuncio::QosProfile;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Message, TopicName};
use nuncio_bridge::foxglove::FoxgloveOptions;
use serde_json::{Value, json};

use crate::stage::{DEADLINE, Stage, open_rules};
use crate::viewer::{Viewer, find};

fn text(data: &str) -> Text {
    Text { data: data.to_owned() }
}

/// CDR of `std_msgs/msg/String`, by hand.
fn cdr_text(data: &str) -> Vec<u8> {
    let len = data.len() as u32 + 1;
    [&[0, 1, 0, 0][..], &len.to_le_bytes(), data.as_bytes(), &[0]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_a_channel_with_its_schema_and_its_messages_are_cdr() {
    let stage = Stage::new().await;
    let chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let mut viewer = stage.viewer().await;
    let channel = viewer.channel("/chatter").await;
    assert_eq!(channel["encoding"], "cdr");
    assert_eq!(channel["schemaName"], "std_msgs/msg/String");
    assert_eq!(channel["schemaEncoding"], "ros2msg");
    assert!(channel["schema"].as_str().unwrap().contains("string data"));
    assert_eq!(channel["metadata"]["nuncio.type_hash"], Text::TYPE_HASH.to_string());
    viewer.subscribe(7, &channel).await;
    assert!(chatter.wait_for_subscribers(DEADLINE).unwrap());
    chatter.publish(&text("hé€")).unwrap();
    let data = viewer.data(7).await;
    assert_eq!(data.bytes, cdr_text("hé€"));
    assert!(data.time_ns > 1_600_000_000_000_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_subscribed_to_only_while_somebody_looks() {
    let stage = Stage::new().await;
    let _chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let name = TopicName::parse("/chatter").unwrap();
    let looked_at = |is: bool| {
        let name = name.clone();
        move |graph: &nuncio::graph::Graph| {
            graph
                .topics()
                .get(&name)
                .is_some_and(|topic| topic.subscribers.is_empty() != is)
        }
    };
    let mut viewer = stage.viewer().await;
    let channel = viewer.channel("/chatter").await;
    assert!(
        stage
            .robot
            .graph()
            .topics()
            .get(&name)
            .is_none_or(|topic| topic.subscribers.is_empty())
    );
    viewer.subscribe(1, &channel).await;
    assert!(stage.robot.wait_for_graph(DEADLINE, looked_at(true)).await.is_some());
    viewer.send(json!({"op": "unsubscribe", "subscriptionIds": [1]})).await;
    assert!(stage.robot.wait_for_graph(DEADLINE, looked_at(false)).await.is_some());
    viewer.subscribe(2, &channel).await;
    assert!(stage.robot.wait_for_graph(DEADLINE, looked_at(true)).await.is_some());
    drop(viewer);
    assert!(stage.robot.wait_for_graph(DEADLINE, looked_at(false)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_viewer_gets_the_last_transient_local_message() {
    let stage = Stage::new().await;
    let map = stage
        .robot
        .publisher_with::<Text>("/map", QosProfile::keep_last(1).transient_local())
        .unwrap();
    map.publish(&text("old")).unwrap();
    map.publish(&text("kept")).unwrap();
    for id in [1, 2] {
        let mut viewer = stage.viewer().await;
        let channel = viewer.channel("/map").await;
        viewer.subscribe(id, &channel).await;
        assert_eq!(viewer.data(id).await.bytes, cdr_text("kept"));
        // The first one stays and looks on.
        std::mem::forget(viewer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_subprotocols_are_spoken_and_the_newer_is_preferred() {
    let stage = Stage::new().await;
    let chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let mut old = Viewer::greeted(&stage.url, "foxglove.websocket.v1").await;
    assert_eq!(old.subprotocol, "foxglove.websocket.v1");
    let both = Viewer::greeted(&stage.url, "foxglove.websocket.v1, foxglove.sdk.v1").await;
    assert_eq!(both.subprotocol, "foxglove.sdk.v1");
    let channel = old.channel("/chatter").await;
    old.subscribe(0, &channel).await;
    assert!(chatter.wait_for_subscribers(DEADLINE).unwrap());
    chatter.publish(&text("hello")).unwrap();
    assert_eq!(old.data(0).await.bytes, cdr_text("hello"));
    let refused = Viewer::connect(&stage.url, "foxglove.sdk.v9", None).await;
    assert!(refused.err().unwrap().to_string().contains("400"));
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_json_on_request() {
    let options = FoxgloveOptions {
        json: true,
        ..FoxgloveOptions::default()
    };
    let stage = Stage::with(open_rules(), options).await;
    let commands = stage.robot.publisher::<Twist>("/cmd_vel").unwrap();
    let mut viewer = stage.viewer().await;
    let channel = viewer.channel("/cmd_vel").await;
    assert_eq!(
        (&channel["encoding"], &channel["schemaEncoding"]),
        (&json!("json"), &json!("jsonschema"))
    );
    let schema: Value = serde_json::from_str(channel["schema"].as_str().unwrap()).unwrap();
    assert!(schema["properties"]["linear"].is_object(), "{schema}");
    viewer.subscribe(1, &channel).await;
    assert!(commands.wait_for_subscribers(DEADLINE).unwrap());
    let mut twist = Twist::default();
    twist.linear.x = 0.25;
    commands.publish(&twist).unwrap();
    let message: Value = serde_json::from_slice(&viewer.data(1).await.bytes).unwrap();
    assert_eq!(message["linear"]["x"], 0.25);
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_come_and_go_with_their_publishers() {
    let stage = Stage::new().await;
    let mut viewer = stage.viewer().await;
    let chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let channel = viewer.channel("/chatter").await;
    drop(chatter);
    let gone = viewer.json("unadvertise", |_| true).await;
    assert_eq!(gone["channelIds"], json!([channel["id"]]));
    let _again = stage.robot.publisher::<Text>("/chatter").unwrap();
    let again = viewer.channel("/chatter").await;
    assert_ne!(again["id"], channel["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_is_told_as_it_is_and_as_it_changes() {
    let stage = Stage::new().await;
    let _chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let mut viewer = stage.viewer().await;
    viewer.channel("/chatter").await;
    viewer.send(json!({"op": "subscribeConnectionGraph"})).await;
    let has = |json: &Value, list: &str, topic: &str, ids: &str, node: &str| {
        find(&json[list], "name", topic)
            .and_then(|entry| entry[ids].as_array())
            .is_some_and(|ids| ids.iter().any(|id| id == node))
    };
    viewer
        .json("connectionGraphUpdate", |json| {
            has(json, "publishedTopics", "/chatter", "publisherIds", "/robot")
        })
        .await;
    let _listener = stage.robot.subscriber::<Text>("/chatter").unwrap();
    viewer
        .json("connectionGraphUpdate", |json| {
            has(json, "subscribedTopics", "/chatter", "subscriberIds", "/robot")
        })
        .await;
    let passing = stage.robot.publisher::<Text>("/passing").unwrap();
    viewer
        .json("connectionGraphUpdate", |json| {
            has(json, "publishedTopics", "/passing", "publisherIds", "/robot")
        })
        .await;
    drop(passing);
    let removed = |json: &Value| {
        json["removedTopics"]
            .as_array()
            .is_some_and(|names| names.contains(&json!("/passing")))
    };
    viewer.json("connectionGraphUpdate", removed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greeting_says_what_the_bridge_can_and_who_it_is() {
    let stage = Stage::new().await;
    let mut viewer = Viewer::connect(&stage.url, "foxglove.sdk.v1", None).await.unwrap();
    let info = viewer.json("serverInfo", |_| true).await;
    let capabilities = info["capabilities"].as_array().unwrap();
    for capability in [
        "clientPublish",
        "parameters",
        "parametersSubscribe",
        "services",
        "connectionGraph",
    ] {
        assert!(capabilities.contains(&json!(capability)), "{info}");
    }
    assert!(!capabilities.contains(&json!("time")), "time is this machine's");
    assert_eq!(info["supportedEncodings"], json!(["cdr", "json"]));
    assert_eq!(info["metadata"]["ROS_DISTRO"], "jazzy");
    assert_eq!(
        info["metadata"]["nuncio_key"],
        stage.border.node().public_key().to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_face_that_ends_closes_its_connections() {
    let stage = Stage::new().await;
    let mut viewer = stage.viewer().await;
    stage.serving.abort();
    viewer.closed().await;
}
