//! Tokens, and what their roles may.

use std::sync::Arc;

use nuncio::TopicPattern;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::rosbridge::RosbridgeOptions;
use nuncio_bridge::{ClientRole, Rules, Token};
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::site::{DEADLINE, Site, everything, in_time};

async fn site() -> Site {
    let viewer = ClientRole {
        publish: vec![TopicPattern::parse("/notes").unwrap()],
        ..ClientRole::everything("viewer")
    };
    let rules = Rules {
        tokens: vec![Token::new("a-token-of-sorts", Arc::new(viewer))],
        ..everything()
    };
    Site::with(rules, RosbridgeOptions::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_for_a_client_without_a_token() {
    let site = site().await;
    let wrong = site.client_at("/?token=guessed").await;
    assert!(matches!(wrong, Err(Error::Http(answer)) if answer.status() == 401));
    let mut client = site.client().await;
    client.send(json!({"op": "subscribe", "topic": "/chatter"})).await;
    assert!(client.status().await.contains("auth"));
    client.send(json!({"op": "auth", "token": "guessed"})).await;
    assert!(client.status().await.contains("not known"));
    assert_eq!(client.frame().await, None, "one guess is enough");
    assert!(site.border.report().clients.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_gives_its_role_and_nothing_above_it() {
    let site = site().await;
    let mut by_query = site.client_at("/?token=a-token-of-sorts").await.unwrap();
    by_query.settle().await;
    let mut client = site.client().await;
    client.send(json!({"op": "auth", "token": "a-token-of-sorts"})).await;
    let notes = site.robot.subscriber::<Text>("/notes").unwrap();
    let publisher = site.robot.publisher::<Text>("/cmd").unwrap();
    client
        .send(json!({"op": "advertise", "id": "a1", "topic": "/cmd", "type": "std_msgs/String"}))
        .await;
    let refused = client.op().await;
    assert_eq!(
        (&refused["level"], &refused["id"]),
        (&json!("error"), &json!("a1")),
        "{refused}"
    );
    assert!(
        refused["msg"]
            .as_str()
            .unwrap()
            .contains("viewer may not publish on /cmd"),
        "{refused}"
    );
    client
        .send(json!({"op": "publish", "topic": "/cmd", "msg": {"data": "go"}}))
        .await;
    assert!(client.status().await.contains("may not"));
    client
        .send(json!({"op": "advertise", "topic": "/notes", "type": "std_msgs/String", "latch": true}))
        .await;
    client
        .send(json!({"op": "publish", "topic": "/notes", "msg": {"data": "seen"}}))
        .await;
    let note = in_time(notes.recv()).await.unwrap();
    assert_eq!(note.info.origin.as_deref(), Some("rosbridge:viewer"));
    // The other client feels nothing of it.
    by_query.send(json!({"op": "subscribe", "topic": "/cmd"})).await;
    by_query.settle().await;
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher
        .publish(&Text {
            data: "still".to_owned(),
        })
        .unwrap();
    assert_eq!(by_query.next("publish").await["msg"]["data"], "still");
}
