//! Clients that do not keep to the protocol, and what others notice of them: nothing.

use std::time::Duration;

use nuncio::QosProfile;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::FrontOptions;
use nuncio_bridge::foxglove::FoxgloveOptions;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{DEADLINE, Stage, open_rules};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_answered_with_a_status_and_the_client_goes_on() {
    let stage = Stage::new().await;
    let mut viewer = stage.viewer().await;
    let deep = format!("{{\"op\":{}", "[".repeat(100_000));
    let bad = [
        Message::Text("{\"op\": \"subsc".into()),
        Message::Text("{\"op\": \"selfDestruct\"}".into()),
        Message::Text("[]".into()),
        Message::Text(deep.into()),
        Message::Binary(vec![].into()),
        Message::Binary(vec![99, 1, 2].into()),
        Message::Binary(vec![1, 2].into()),
        Message::Binary([&[2][..], &[0; 8], &[255; 4]].concat().into()),
    ];
    let count = bad.len() as u64;
    for message in bad {
        viewer.send_raw(message).await;
    }
    viewer.status("does not understand this message").await;
    viewer
        .send(json!({"op": "subscribe", "subscriptions": [{"id": 1, "channelId": 4711}]}))
        .await;
    viewer.status("there is no channel 4711").await;
    let _late = stage.robot.publisher::<Text>("/late").unwrap();
    let channel = viewer.channel("/late").await;
    viewer.subscribe(1, &channel).await;
    viewer.subscribe(1, &channel).await;
    viewer.status("the subscription id 1 is in use").await;
    viewer
        .send(json!({"op": "fetchAsset", "uri": "package://robot/urdf", "requestId": 5}))
        .await;
    viewer
        .until("no asset", |heard| match heard {
            crate::viewer::Heard::Binary(bytes) => (bytes[0] == 4 && bytes[5] == 1).then_some(()),
            _ => None,
        })
        .await;
    assert!(
        stage.border.report().clients[0].refused >= count,
        "{:?}",
        stage.border.report().clients
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_ends_its_own_connection_with_the_reason() {
    let stage = Stage::new().await;
    let chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    let mut other = stage.viewer().await;
    let channel = other.channel("/chatter").await;
    other.subscribe(1, &channel).await;
    let mut viewer = stage.viewer().await;
    // The bridge may end the connection before all of it is sent.
    let _ = viewer.try_send(Message::Binary(vec![1; 10 << 20].into())).await;
    viewer.status("a message may have").await;
    viewer.closed().await;
    assert!(chatter.wait_for_subscribers(DEADLINE).unwrap());
    chatter.publish(&Text::default()).unwrap();
    other.data(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_open_sockets_keep_nobody_out_for_long() {
    let options = FoxgloveOptions {
        front: FrontOptions {
            patience: Duration::from_millis(500),
            ..FrontOptions::at("127.0.0.1:0".parse().unwrap())
        },
        ..FoxgloveOptions::default()
    };
    let stage = Stage::with(open_rules(), options).await;
    let mut inside = stage.viewer().await;
    let address = stage.url.strip_prefix("ws://").unwrap();
    let mut half_open = Vec::new();
    for number in 0..1000 {
        let Ok(mut socket) = TcpStream::connect(address).await else {
            continue;
        };
        if number % 2 == 0 {
            let _ = socket.write_all(b"GET / HTTP/1.1\r\nHost: ").await;
        }
        half_open.push(socket);
    }
    // Who is inside does not notice.
    let _chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    inside.channel("/chatter").await;
    for socket in &mut half_open {
        let mut bytes = [0; 512];
        let ended = tokio::time::timeout(DEADLINE, async {
            while socket.read(&mut bytes).await.is_ok_and(|len| len > 0) {}
        });
        assert!(ended.await.is_ok(), "a half-open socket is still there");
    }
    stage.viewer().await.channel("/chatter").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_stops_reading_loses_its_own_messages_only() {
    let stage = Stage::new().await;
    let qos = QosProfile::keep_last(1000);
    let images = stage.robot.publisher_with::<Text>("/images", qos).unwrap();
    let mut asleep = stage.viewer().await;
    let channel = asleep.channel("/images").await;
    asleep.subscribe(1, &channel).await;
    let mut awake = stage.viewer().await;
    let channel = awake.channel("/images").await;
    awake.subscribe(1, &channel).await;
    assert!(images.wait_for_subscribers(DEADLINE).unwrap());
    let dropped_by = |at: usize| stage.border.report().clients[at].dropped;
    let large = "x".repeat(1 << 20);
    let mut sent = 0;
    while dropped_by(0) < 10 {
        sent += 1;
        images
            .publish(&Text {
                data: format!("{sent} {large}"),
            })
            .unwrap();
        let data = awake.data(1).await;
        assert!(
            data.bytes[8..].starts_with(format!("{sent} ").as_bytes()),
            "message {sent}"
        );
        assert!(sent < 400, "nothing is ever dropped");
    }
    assert_eq!(dropped_by(1), 0);
    // When it wakes, it gets the newest ones.
    let newest = format!("{sent} ");
    while !asleep.data(1).await.bytes[8..].starts_with(newest.as_bytes()) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_limit_wait_for_their_turn() {
    let stage = Stage::new().await;
    let mut viewer = stage.viewer().await;
    for number in 0..200 {
        viewer
            .send(json!({"op": "getParameters", "parameterNames": ["/nobody.there"], "id": number.to_string()}))
            .await;
    }
    viewer.status("the parameters of /nobody cannot be read").await;
    let _chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    viewer.channel("/chatter").await;
}
