//! Topics both ways, in every form.

use nuncio::msgs::geometry_msgs::msg::{PoseStamped, Twist};
use nuncio::msgs::sensor_msgs::msg::{Image, LaserScan};
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Publisher, QosProfile};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::site::{DEADLINE, Site, Ws, in_time};

fn text(data: &str) -> Text {
    Text { data: data.to_owned() }
}

async fn subscribe(client: &mut Ws, topic: &str, terms: Value) {
    let mut op = json!({"op": "subscribe", "topic": topic});
    op.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    client.send(op).await;
    client.settle().await;
}

fn wait<M: nuncio::Message>(publisher: &Publisher<M>) {
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_robot_publishes_reaches_its_subscribers_as_rosbridge_writes_it() {
    let site = Site::open().await;
    let mut client = site.client().await;
    subscribe(&mut client, "/image", json!({"type": "sensor_msgs/Image"})).await;
    let mut other = site.client().await;
    subscribe(&mut other, "image", json!({"signed_by": true})).await;
    let publisher = site.robot.publisher::<Image>("/image").unwrap();
    wait(&publisher);
    let image = Image {
        width: 3,
        data: vec![1, 2, 3],
        ..Image::default()
    };
    publisher.publish(&image).unwrap();
    let op = client.next("publish").await;
    assert_eq!(
        (&op["topic"], &op["msg"]["width"], &op["msg"]["data"]),
        (&json!("/image"), &json!(3), &json!("AQID"))
    );
    assert!(op.get("signed_by").is_none());
    let op = other.next("publish").await;
    assert_eq!(op["topic"], "image", "under the name that the client knows");
    assert_eq!(op["signed_by"]["key"], site.robot.public_key().to_string());
    assert_eq!(op["signed_by"]["node"], "/robot");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_publishes_is_signed_by_the_bridge_on_its_behalf() {
    let site = Site::open().await;
    let poses = site.robot.subscriber::<PoseStamped>("/goal").unwrap();
    let mut client = site.client().await;
    client
        .send(json!({"op": "advertise", "topic": "/goal", "type": "geometry_msgs/PoseStamped", "latch": true}))
        .await;
    let msg = json!({"header": {"frame_id": "map", "stamp": {"secs": 0, "nsecs": 0}}, "pose": {"position": {"x": 1.5, "y": null}}});
    client
        .send(json!({"op": "publish", "topic": "/goal", "msg": msg}))
        .await;
    client.settle().await;
    let got = in_time(poses.recv()).await.unwrap();
    assert_eq!(got.message.pose.position.x, 1.5);
    assert!(got.message.pose.position.y.is_nan());
    assert!(
        got.message.header.stamp.sec > 1_600_000_000,
        "a stamp of zero is filled in"
    );
    assert_eq!(got.info.signer, site.border.node().public_key());
    let origin = got.info.origin.unwrap();
    assert!(origin.starts_with("rosbridge:127.0.0.1:"), "{origin}");
    // Whoever comes later gets what was latched, from this client's publisher.
    let mut late = site.client().await;
    late.send(json!({"op": "subscribe", "topic": "/goal"})).await;
    assert_eq!(late.next("publish").await["msg"]["header"]["frame_id"], "map");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_published_on_without_advertising_where_its_type_is_known() {
    let site = Site::open().await;
    let texts = site.robot.subscriber::<Text>("/chatter").unwrap();
    let mut client = site.client().await;
    site.until(|| {
        site.border
            .node()
            .graph()
            .topics()
            .into_keys()
            .find(|name| name.as_str() == "/chatter")
    })
    .await;
    client
        .send(json!({"op": "publish", "topic": "/chatter", "msg": {"data": "unannounced"}, "latch": true}))
        .await;
    client.settle().await;
    assert_eq!(in_time(texts.recv()).await.unwrap().message.data, "unannounced");
    client
        .send(json!({"op": "publish", "topic": "/nobody", "msg": {}}))
        .await;
    assert!(client.status().await.contains("advertise"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cbor_has_typed_arrays_and_cbor_raw_has_cdr() {
    let site = Site::open().await;
    let (mut typed, mut raw) = (site.client().await, site.client().await);
    subscribe(&mut typed, "/scan", json!({"compression": "cbor"})).await;
    subscribe(&mut raw, "/scan", json!({"compression": "cbor-raw"})).await;
    let publisher = site.robot.publisher::<LaserScan>("/scan").unwrap();
    wait(&publisher);
    let scan = LaserScan {
        ranges: vec![1.0, 2.5],
        ..LaserScan::default()
    };
    publisher.publish(&scan).unwrap();
    let read = |frame: Option<Message>| match frame {
        Some(Message::Binary(bytes)) => ciborium::from_reader::<ciborium::Value, _>(&*bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    let member = |value: &ciborium::Value, name: &str| {
        let members = value.as_map().unwrap();
        members
            .iter()
            .find(|(key, _)| key.as_text() == Some(name))
            .unwrap()
            .1
            .clone()
    };
    let op = read(typed.frame().await);
    assert_eq!(member(&op, "topic").as_text(), Some("/scan"));
    let ranges = member(&member(&op, "msg"), "ranges");
    let floats = [1.0_f32.to_le_bytes(), 2.5_f32.to_le_bytes()].concat();
    assert_eq!(
        ranges,
        ciborium::Value::Tag(85, Box::new(ciborium::Value::Bytes(floats.clone())))
    );
    let op = read(raw.frame().await);
    let msg = member(&op, "msg");
    let cdr = member(&msg, "bytes").into_bytes().unwrap();
    assert_eq!(cdr.get(..4), Some(&[0, 1, 0, 0][..]));
    assert!(
        cdr.windows(8).any(|bytes| bytes == floats),
        "the list stands in the CDR"
    );
    assert!(member(&msg, "secs").into_integer().unwrap() > 1_600_000_000.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_and_png_hold_the_same_operation() {
    let site = Site::open().await;
    let (mut pieces, mut png) = (site.client().await, site.client().await);
    subscribe(&mut pieces, "/chatter", json!({"fragment_size": 50})).await;
    subscribe(&mut png, "/chatter", json!({"compression": "png"})).await;
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    wait(&publisher);
    let long = "é".repeat(100);
    publisher.publish(&text(&long)).unwrap();
    let mut whole = String::new();
    loop {
        let piece = pieces.next("fragment").await;
        let data = piece["data"].as_str().unwrap();
        assert!(data.len() <= 50);
        whole.push_str(data);
        if piece["num"].as_u64().unwrap() + 1 == piece["total"].as_u64().unwrap() {
            break;
        }
    }
    let op: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(op["msg"]["data"], long);
    let wrapped = png.next("png").await;
    // What was wrapped for a client is taken from one, too: it publishes what it got.
    let texts = site.robot.subscriber::<Text>("/chatter").unwrap();
    png.send(json!({"op": "advertise", "topic": "/chatter", "type": "std_msgs/msg/String", "latch": true}))
        .await;
    png.send(wrapped).await;
    assert_eq!(in_time(texts.recv()).await.unwrap().message.data, long);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_fragments_is_taken_when_all_are_there() {
    let site = Site::open().await;
    let texts = site.robot.subscriber::<Text>("/chatter").unwrap();
    let mut client = site.client().await;
    client
        .send(json!({"op": "advertise", "topic": "/chatter", "type": "std_msgs/msg/String", "latch": true}))
        .await;
    let op = json!({"op": "publish", "topic": "/chatter", "msg": {"data": "in pieces"}}).to_string();
    let (first, second) = op.split_at(op.len() / 2);
    client
        .send(json!({"op": "fragment", "id": "f", "data": second, "num": 1, "total": 2}))
        .await;
    client
        .send(json!({"op": "fragment", "id": "f", "data": first, "num": 0, "total": 2}))
        .await;
    assert_eq!(in_time(texts.recv()).await.unwrap().message.data, "in pieces");
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_messages_are_left_out_or_wait_and_subscriptions_merge() {
    let site = Site::open().await;
    let (mut dropping, mut waiting, mut merged) = (site.client().await, site.client().await, site.client().await);
    subscribe(&mut dropping, "/chatter", json!({"throttle_rate": 3_600_000})).await;
    subscribe(
        &mut waiting,
        "/chatter",
        json!({"throttle_rate": 50, "queue_length": 2}),
    )
    .await;
    subscribe(
        &mut merged,
        "/chatter",
        json!({"throttle_rate": 3_600_000, "id": "slow"}),
    )
    .await;
    subscribe(&mut merged, "/chatter", json!({"id": "fast"})).await;
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    wait(&publisher);
    for number in 0..10 {
        publisher.publish(&text(&number.to_string())).unwrap();
    }
    let mut got = Vec::new();
    for _ in 0..10 {
        got.push(merged.next("publish").await["msg"]["data"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        got,
        (0..10).map(|number| number.to_string()).collect::<Vec<_>>(),
        "the fastest rate is that of all"
    );
    assert_eq!(waiting.next("publish").await["msg"]["data"], "0");
    let mut last = String::new();
    while last != "9" {
        last = waiting.next("publish").await["msg"]["data"]
            .as_str()
            .unwrap()
            .to_owned();
    }
    assert_eq!(dropping.next("publish").await["msg"]["data"], "0");
    dropping.settle().await;
    // Without the fast one, the slow one's terms hold.
    merged
        .send(json!({"op": "unsubscribe", "topic": "/chatter", "id": "fast"}))
        .await;
    merged.settle().await;
    publisher.publish(&text("late")).unwrap();
    merged
        .send(json!({"op": "unsubscribe", "topic": "/chatter", "id": "slow"}))
        .await;
    merged
        .send(json!({"op": "unsubscribe", "topic": "/chatter", "id": "slow"}))
        .await;
    assert!(merged.status().await.contains("not subscribed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_client_gets_the_last_message_of_a_latched_topic() {
    let site = Site::open().await;
    let latched = QosProfile::keep_last(1).transient_local();
    let publisher = site.robot.publisher_with::<Text>("/map_name", latched).unwrap();
    publisher.publish(&text("cellar")).unwrap();
    for _ in 0..2 {
        let mut client = site.client().await;
        client.send(json!({"op": "subscribe", "topic": "/map_name"})).await;
        assert_eq!(client.next("publish").await["msg"]["data"], "cellar");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_to_know_is_told_of_messages_that_were_refused() {
    let site = Site::open().await;
    let mut client = site.client().await;
    client.send(json!({"op": "set_level", "level": "warning"})).await;
    client.settle().await;
    // What the bridge's own node refuses: a message of another type than somebody there expects.
    let _twists = site.border.node().subscriber::<Twist>("/chatter").unwrap();
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&text("no twist")).unwrap();
    let told = client.op().await;
    assert_eq!((&told["op"], &told["level"]), (&json!("status"), &json!("warning")));
    let said = told["msg"].as_str().unwrap();
    assert!(said.starts_with("a message on /chatter was refused: "), "{said}");
}
