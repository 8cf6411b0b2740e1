//! A bridge that runs by its configuration: patterns, names, directions, rates and faces are those of the file.

use nuncio::QosProfile;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::BridgeConfig;
use nuncio_bridge::rosbridge::RosbridgeOptions;
use serde_json::json;

use crate::site::{DEADLINE, Site, in_time};

const CONFIG: &str = r#"
[[route]]
topics = ["/camera/**", "/tf"]
direction = "out"
rate_max = 0.001

[[route]]
topics = "/robot1/**"
rename = { from = "/robot1", to = "/it" }

[[route]]
topics = "/shown"
faces = ["foxglove"]

[[route]]
topics = "/typed"
direction = "in"

[rosbridge]
address = "127.0.0.1:0"
"#;

fn text(data: &str) -> Text {
    Text { data: data.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_file_says_is_what_crosses() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bridge.toml");
    std::fs::write(&file, CONFIG).unwrap();
    let config = BridgeConfig::read(&file).unwrap();
    let site = Site::with(config.rules, RosbridgeOptions::default()).await;
    let mut client = site.client().await;

    // Out only, by a pattern: the second message comes too soon for the rate, and is left out.
    let camera = site.robot.publisher::<Text>("/camera/front/info").unwrap();
    let robot = site.robot.publisher::<Text>("/robot1/chatter").unwrap();
    for topic in ["/camera/front/info", "/it/chatter"] {
        client.send(json!({"op": "subscribe", "topic": topic})).await;
    }
    client.settle().await;
    assert!(camera.wait_for_subscribers(DEADLINE).unwrap());
    assert!(robot.wait_for_subscribers(DEADLINE).unwrap());
    for data in ["first", "second"] {
        camera.publish(&text(data)).unwrap();
    }
    let heard = client.next("publish").await;
    assert_eq!(
        (&heard["topic"], &heard["msg"]["data"]),
        (&json!("/camera/front/info"), &json!("first"))
    );
    // The other route has another name on this side, and no rate.
    for data in ["a", "b"] {
        robot.publish(&text(data)).unwrap();
        let heard = client.next("publish").await;
        assert_eq!(
            (&heard["topic"], &heard["msg"]["data"]),
            (&json!("/it/chatter"), &json!(data))
        );
    }
    let camera_passed = || {
        site.border
            .report()
            .topics
            .iter()
            .any(|t| t.topic == "/camera/front/info" && t.passed == 2)
    };
    site.until(|| camera_passed().then_some(())).await;

    // In, under the other name; and not where the way is out, or the face is another one.
    let latched = QosProfile::keep_last(1).transient_local();
    let typed = site.robot.subscriber_with::<Text>("/robot1/keys", latched).unwrap();
    client
        .send(json!({"op": "advertise", "topic": "/it/keys", "type": "std_msgs/String", "latch": true}))
        .await;
    client
        .send(json!({"op": "publish", "topic": "/it/keys", "msg": {"data": "w"}}))
        .await;
    assert_eq!(in_time(typed.recv()).await.unwrap().message.data, "w");
    for (op, topic) in [
        ("advertise", "/camera/front/info"),
        ("advertise", "/tf"),
        ("subscribe", "/shown"),
        ("subscribe", "/typed"),
        ("subscribe", "/robot1/chatter"),
    ] {
        client
            .send(json!({"op": op, "topic": topic, "type": "std_msgs/String"}))
            .await;
        let refused = client.status().await;
        assert!(refused.contains("no route"), "{op} {topic}: {refused}");
    }
}
