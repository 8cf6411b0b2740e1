//! What viewers publish.

use nuncio::TopicPattern;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::foxglove::FoxgloveOptions;
use nuncio_bridge::{ClientRole, Rules};
use serde_json::json;
use std::sync::Arc;

use crate::stage::{DEADLINE, Stage, open_rules};

#[tokio::test(flavor = "multi_thread")]
async fn a_viewers_message_is_signed_by_the_bridge_on_its_behalf() {
    let stage = Stage::new().await;
    let commands = stage.robot.subscriber::<Twist>("/cmd_vel").unwrap();
    let mut viewer = stage.viewer().await;
    viewer.advertise(1, "/cmd_vel", "cdr", "geometry_msgs/msg/Twist").await;
    let numbers = [0.5, 0.0, 0.0, 0.0, 0.0, -1.0f64];
    let mut cdr = vec![0, 1, 0, 0];
    numbers.iter().for_each(|number| cdr.extend(number.to_le_bytes()));
    viewer.publish(1, &cdr).await;
    let received = commands.recv_timeout(DEADLINE).unwrap();
    assert_eq!((received.message.linear.x, received.message.angular.z), (0.5, -1.0));
    assert_eq!(received.info.signer, stage.border.node().public_key());
    let origin = received.info.origin.unwrap();
    assert!(origin.starts_with("foxglove:127.0.0.1:"), "{origin}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_with_short_type_names_too() {
    let stage = Stage::new().await;
    let commands = stage.robot.subscriber::<Twist>("/cmd_vel").unwrap();
    let mut viewer = stage.viewer().await;
    viewer.advertise(9, "/cmd_vel", "json", "geometry_msgs/Twist").await;
    viewer.publish(9, br#"{"linear": {"x": 1}}"#).await;
    assert_eq!(commands.recv_timeout(DEADLINE).unwrap().message.linear.x, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_published_is_refused_with_the_reason_and_counted() {
    let stage = Stage::new().await;
    let _chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let mut viewer = stage.viewer().await;
    viewer.channel("/chatter").await;
    viewer.advertise(1, "/a", "protobuf", "std_msgs/msg/String").await;
    viewer.status("`cdr` and `json`").await;
    viewer.advertise(2, "/b", "cdr", "no_such_msgs/msg/Thing").await;
    viewer.status("no_such_msgs/msg/Thing is not known here").await;
    viewer.advertise(3, "/chatter", "cdr", "geometry_msgs/msg/Twist").await;
    viewer
        .status("/chatter has the type std_msgs/msg/String, not geometry_msgs/msg/Twist")
        .await;
    viewer.publish(77, b"x").await;
    viewer.status("no channel 77 is advertised").await;
    viewer.advertise(4, "/c", "cdr", "std_msgs/msg/String").await;
    viewer.publish(4, &[0, 1, 0, 0, 255, 255, 255, 127]).await;
    viewer.status("not published on /c").await;
    viewer.advertise(5, "/d", "json", "std_msgs/msg/String").await;
    viewer.publish(5, b"{\"data\": ").await;
    viewer.status("the message is no JSON").await;
    viewer.advertise(5, "/d", "json", "std_msgs/msg/String").await;
    viewer.status("advertised already").await;
    viewer.send(json!({"op": "unadvertise", "channelIds": [4]})).await;
    viewer.publish(4, b"x").await;
    let report = stage.border.report();
    assert!(report.clients[0].refused >= 6, "{:?}", report.clients);
    assert_eq!(report.clients[0].received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_look_may_not_publish() {
    let mut looker = ClientRole::everything("looker");
    looker.publish = vec![TopicPattern::parse("/goal").unwrap()];
    let rules = Rules {
        open_role: Arc::new(looker),
        ..open_rules()
    };
    let stage = Stage::with(rules, FoxgloveOptions::default()).await;
    let commands = stage.robot.subscriber::<Text>("/cmd").unwrap();
    let goals = stage.robot.subscriber::<Text>("/goal").unwrap();
    let mut viewer = stage.viewer().await;
    viewer.advertise(1, "/cmd", "json", "std_msgs/msg/String").await;
    viewer.status("the role looker may not publish on /cmd").await;
    viewer.publish(1, br#"{"data": "go"}"#).await;
    viewer.status("not published on /cmd").await;
    viewer.advertise(2, "/goal", "json", "std_msgs/msg/String").await;
    viewer.publish(2, br#"{"data": "home"}"#).await;
    assert_eq!(goals.recv_timeout(DEADLINE).unwrap().message.data, "home");
    assert!(commands.try_recv().is_err());
}
