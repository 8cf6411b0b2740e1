//! Clients that send what they should not, or read nothing: each hears of it, and nobody else does.

use std::time::Duration;

use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::rosbridge::RosbridgeOptions;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::site::{DEADLINE, Site, everything};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_to_the_client_that_sent_it_and_to_nobody_else() {
    let site = Site::open().await;
    let mut bystander = site.client().await;
    bystander.send(json!({"op": "subscribe", "topic": "/chatter"})).await;
    bystander.settle().await;
    let mut client = site.client().await;
    let wrong: [(Message, &str); 11] = [
        (Message::text("{\"op\": "), "JSON"),
        (Message::text("[".repeat(100_000)), "recursion limit"),
        (Message::text(format!("[{}0]", "0,".repeat(1_000_000))), "values"),
        (Message::binary(vec![0x9a, 0xff, 0xff, 0xff, 0xff]), "CBOR"),
        (Message::text("{\"op\": \"fly\"}"), "fly"),
        (Message::text("{\"op\": \"publish\"}"), "topic"),
        (
            Message::text("{\"op\": \"advertise\", \"topic\": \"/a\", \"type\": \"no/Such\"}"),
            "no/msg/Such",
        ),
        (
            Message::text("{\"op\": \"advertise\", \"topic\": \"/a b\", \"type\": \"std_msgs/String\"}"),
            "a b",
        ),
        (
            Message::text("{\"op\": \"fragment\", \"id\": \"f\", \"data\": \"x\", \"num\": 5, \"total\": 2}"),
            "num",
        ),
        (Message::text("{\"op\": \"png\", \"data\": \"AAAA\"}"), "PNG"),
        (
            Message::text("{\"op\": \"unadvertise_action\", \"action\": \"/a\"}"),
            "/a",
        ),
    ];
    let count = wrong.len() as u64;
    for (frame, said) in wrong {
        client.send_raw(frame).await;
        let status = client.status().await;
        assert!(status.contains(said), "{said}: {status}");
    }
    client.send(json!({"op": "set_level", "level": "none"})).await;
    client.send(json!({"op": "fly"})).await;
    client.settle().await;
    let refused: u64 = site.border.report().clients.iter().map(|client| client.refused).sum();
    assert!(refused >= count - 2, "{refused}");
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher
        .publish(&Text {
            data: "calm".to_owned(),
        })
        .unwrap();
    assert_eq!(bystander.op().await["msg"]["data"], "calm");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_ends_its_connection_with_a_reason() {
    let site = Site::open().await;
    let mut client = site.client().await;
    // Sent beside the reading: the bridge stops to listen in the middle of it.
    let long =
        Message::text(json!({"op": "publish", "topic": "/a", "msg": {"data": "x".repeat(11_000_000)}}).to_string());
    let _ = futures_util::SinkExt::send(&mut client.stream, long).await;
    let mut said = None;
    while let Some(frame) = client.frame().await {
        said = Some(frame.into_text().unwrap().to_string());
    }
    // The reason may be lost with the connection; where it is there, it is a clear one.
    assert!(said.as_ref().is_none_or(|said| said.contains("10000000")), "{said:?}");
    let mut other = site.client().await;
    other.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_that_never_end_hold_so_much_and_no_more() {
    let options = RosbridgeOptions {
        max_message_len: 100_000,
        ..RosbridgeOptions::default()
    };
    let site = Site::with(everything(), options).await;
    let mut client = site.client().await;
    let data = "x".repeat(30_000);
    for number in 0..10 {
        let id = format!("f{number}");
        client
            .send(json!({"op": "fragment", "id": id, "data": data, "num": 0, "total": 2}))
            .await;
    }
    // Three are held; of each of the others nothing is kept.
    for _ in 3..10 {
        assert!(client.status().await.contains("100000 bytes"));
    }
    client.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut_off_and_slows_nobody() {
    let options = RosbridgeOptions {
        write_patience: Duration::from_millis(500),
        ..RosbridgeOptions::default()
    };
    let site = Site::with(everything(), options).await;
    let (mut deaf, mut quick) = (site.client().await, site.client().await);
    for client in [&mut deaf, &mut quick] {
        client.send(json!({"op": "subscribe", "topic": "/chatter"})).await;
        client.settle().await;
    }
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let data = "x".repeat(1_000_000);
    // Far more than the sockets hold; the one that reads gets each of them.
    for _ in 0..60 {
        publisher.publish(&Text { data: data.clone() }).unwrap();
        assert_eq!(quick.next("publish").await["topic"], "/chatter");
    }
    site.until(|| (site.border.report().clients.len() == 1).then_some(()))
        .await;
    quick.settle().await;
}
