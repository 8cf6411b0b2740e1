//! Two bridges on one network, with clients that publish and subscribe at both: each message once, and none comes back.

use std::collections::BTreeMap;

use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::rosbridge::RosbridgeOptions;
use serde_json::{Value, json};

use crate::site::{DEADLINE, Site, Ws, everything};

/// How many messages each of the three publishes.
const ROUNDS: usize = 100;

/// Hears messages until those of all three have ended, and for one round trip more; how often each came.
async fn hear(client: &mut Ws) -> BTreeMap<String, usize> {
    let mut heard = BTreeMap::new();
    let mut ends = 0;
    let mut count = |found: &Value| {
        let data = found["msg"]["data"].as_str().unwrap().to_owned();
        ends += usize::from(data.ends_with(" end"));
        *heard.entry(data).or_insert(0) += 1;
        ends
    };
    while count(&client.next("publish").await) < 3 {}
    client
        .send(json!({"op": "call_service", "id": "last", "service": "/rosapi/get_time"}))
        .await;
    loop {
        let found = client.op().await;
        match found["op"].as_str() {
            Some("publish") => _ = count(&found),
            _ => break,
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_in_at_one_bridge_comes_out_at_both_once() {
    let first = Site::open().await;
    let second = first.another(everything(), RosbridgeOptions::default()).await;
    let robot = first.robot.publisher::<Text>("/chatter").unwrap();
    let mut clients = [first.client().await, second.client().await];
    let advertise = json!({"op": "advertise", "topic": "/chatter", "type": "std_msgs/String", "queue_size": 1000});
    for client in &mut clients {
        client
            .send(json!({"op": "subscribe", "topic": "/chatter", "type": "std_msgs/String", "queue_length": 1000}))
            .await;
        client.send(advertise.clone()).await;
        client.settle().await;
    }
    // Each bridge hears the other's publisher, and both that of the robot.
    let name = nuncio::TopicName::parse("/chatter").unwrap();
    for site in [&first, &second] {
        let both = |graph: &nuncio::graph::Graph| {
            let topics = graph.topics();
            topics
                .get(&name)
                .is_some_and(|ends| ends.publishers.len() == 3 && ends.subscribers.len() == 2)
        };
        assert!(site.border.node().wait_for_graph(DEADLINE, both).await.is_some());
    }
    assert!(robot.wait_for_subscribers(DEADLINE).unwrap());
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(20));
    for number in 0..=ROUNDS {
        pace.tick().await;
        let word = if number == ROUNDS {
            "end".to_owned()
        } else {
            number.to_string()
        };
        for (client, who) in clients.iter_mut().zip(["first", "second"]) {
            let msg = json!({"data": format!("{who} {word}")});
            client
                .send(json!({"op": "publish", "topic": "/chatter", "msg": msg}))
                .await;
        }
        let data = format!("robot {word}");
        robot.publish(&Text { data }).unwrap();
    }
    for client in &mut clients {
        let heard = hear(client).await;
        assert!(heard.values().all(|count| *count == 1), "{heard:?}");
        assert_eq!(heard.len(), 3 * (ROUNDS + 1), "{heard:?}");
    }
}
