//! Two bridges between the same two networks: each message once, none comes back, and one takes over from the other.

use std::time::{Duration, Instant};

use nuncio::Subscriber;
use nuncio::msgs::std_msgs::msg::String as StringMsg;
use nuncio_bridge::ros2::attachment::Attachment;
use tokio::sync::mpsc::UnboundedReceiver;
use zenoh::sample::Sample;

use super::stand_in::{DEADLINE, Networks, RosNode, Seen, string_cdr};

/// How long nothing more comes.
const QUIET: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_ros_does_not_go_back_there() {
    let networks = Networks::new().await;
    let bridge = networks.bridge(2).await;
    let mut ros = networks.ros().await;
    let gid = ros.declare("MP", "talker", &RosNode::of_string("chatter")).await;
    let seen = ros.watch().await;
    let own = bridge.ros_node();
    seen.wait_for("the subscription", |token| {
        token.contains("/MS/") && token.contains(&own)
    })
    .await;
    let echo = networks.ros().await;
    let mut samples = echo.subscribe(&RosNode::key("chatter")).await;
    let subscriber: Subscriber<StringMsg> = networks.native.subscriber("/chatter").unwrap();
    // A publisher on Nuncio's side as well, so that the topic crosses both ways.
    let publisher = networks.native.publisher::<StringMsg>("/chatter").unwrap();
    seen.wait_for("the publisher", |token| {
        token.contains("/MP/") && token.contains("/native/")
    })
    .await;
    // The node's own subscriber is no sign that the bridge hears it.
    let bridged = |graph: &nuncio::graph::Graph| {
        let mut topics = graph.topics().into_iter();
        topics.any(|(name, topic)| name.as_str() == "/chatter" && topic.subscribers.len() == 2)
    };
    assert!(networks.native.wait_for_graph(DEADLINE, bridged).await.is_some());
    let mut sent = 0;
    while sent < 5 {
        sent += 1;
        let attachment = Attachment {
            number: sent,
            source_time_ns: 5,
            gid,
        };
        ros.put(
            &RosNode::key("chatter"),
            &string_cdr(&format!("ros {sent}")),
            attachment,
        )
        .await;
    }
    publisher
        .publish(&StringMsg {
            data: "native".to_owned(),
        })
        .unwrap();
    let mut expected: Vec<String> = (1..=5).map(|number| format!("ros {number}")).collect();
    expected.insert(0, "native".to_owned());
    let mut on_ros = on_ros(&mut samples, 6).await;
    on_ros.sort();
    assert_eq!(on_ros, expected);
    let mut on_native = on_native(&subscriber, 6);
    on_native.sort();
    assert_eq!(on_native, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_bridges_one_leads_and_the_other_takes_over() {
    let networks = Networks::new().await;
    let (first, second) = tokio::join!(networks.bridge(2), networks.bridge(3));
    let publisher = networks.native.publisher::<StringMsg>("/out").unwrap();
    let subscriber: Subscriber<StringMsg> = networks.native.subscriber("/in").unwrap();
    let mut ros = networks.ros().await;
    let gid = ros.declare("MP", "talker", &RosNode::of_string("in")).await;
    let seen = ros.watch().await;
    let mut samples = ros.subscribe(&RosNode::key("out")).await;
    // Both directions have settled when exactly one endpoint of each is there for longer than settling takes.
    settled(&seen, &["/MP/%/%/native/%out/", "/MS/"]).await;
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for round in 0..10 {
        publisher
            .publish(&StringMsg {
                data: format!("out {round}"),
            })
            .unwrap();
        let attachment = Attachment {
            number: round,
            source_time_ns: 5,
            gid,
        };
        ros.put(&RosNode::key("in"), &string_cdr(&format!("in {round}")), attachment)
            .await;
    }
    let all = |way: &str| -> Vec<String> { (0..10).map(|round| format!("{way} {round}")).collect() };
    assert_eq!(on_ros(&mut samples, 10).await, all("out"));
    assert_eq!(on_native(&subscriber, 10), all("in"));

    // Kill the one that leads outwards.
    let token = seen
        .wait_for("the leader", |token| token.contains("/MP/%/%/native/%out/"))
        .await;
    let session = token.split('/').nth(2).unwrap().to_owned();
    let own = |bridge: &str| format!("@ros2_lv/0/{session}/") + "0/0/NN/%/%/" + bridge;
    let of_first = own(&first.ros_node());
    let leads_first = seen.tokens.borrow().contains(&of_first);
    let (leader, other) = if leads_first { (first, second) } else { (second, first) };
    leader.kill().await;
    let taken_over = |token: &str| token.contains("/MP/%/%/native/%out/") && !token.contains(&session);
    seen.wait_for("the other's publisher", taken_over).await;
    let deadline = Instant::now() + DEADLINE;
    loop {
        publisher
            .publish(&StringMsg {
                data: "again".to_owned(),
            })
            .unwrap();
        let sample = tokio::time::timeout(Duration::from_millis(100), samples.recv()).await;
        match sample {
            Ok(Some(sample)) => break assert_eq!(sample.payload().to_bytes(), string_cdr("again")),
            _ => assert!(Instant::now() < deadline, "the other bridge never took over"),
        }
    }
    drop(other);
}

/// The texts that come on ROS's side: as many as are expected, and what comes in the quiet time after them.
async fn on_ros(samples: &mut UnboundedReceiver<Sample>, expected: usize) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let patience = if heard.len() < expected { DEADLINE } else { QUIET };
        let Ok(Some(sample)) = tokio::time::timeout(patience, samples.recv()).await else {
            return heard;
        };
        let cdr = sample.payload().to_bytes().into_owned();
        heard.push(String::from_utf8(cdr[8..cdr.len() - 1].to_vec()).unwrap());
    }
}

/// Likewise on Nuncio's side.
fn on_native(subscriber: &Subscriber<StringMsg>, expected: usize) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let patience = if heard.len() < expected { DEADLINE } else { QUIET };
        let Ok(received) = subscriber.recv_timeout(patience) else {
            return heard;
        };
        heard.push(received.message.data);
    }
}

/// The numbers that texts such as `ros 5` end in, by what they begin with.
fn numbers<'a>(texts: impl Iterator<Item = &'a str>, begin: &str) -> Vec<u64> {
    let found = texts.filter_map(|text| text.strip_prefix(begin)?.trim().parse().ok());
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bridges_let_one_topic_cross_both_ways_for_seconds_without_a_copy() {
    const ROUNDS: u64 = 150;
    let networks = Networks::new().await;
    let _bridges = tokio::join!(networks.bridge(2), networks.bridge(3));
    let qos = nuncio::QosProfile::keep_last(1000);
    let publisher = networks.native.publisher_with::<StringMsg>("/chatter", qos).unwrap();
    let subscriber: Subscriber<StringMsg> = networks.native.subscriber_with("/chatter", qos).unwrap();
    let mut ros = networks.ros().await;
    let gid = ros.declare("MP", "talker", &RosNode::of_string("chatter")).await;
    let listener = networks.ros().await;
    let seen = listener.watch().await;
    let mut samples = listener.subscribe(&RosNode::key("chatter")).await;
    settled(&seen, &["/MP/%/%/native/%chatter/", "/MS/"]).await;
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for number in 0..ROUNDS {
        pace.tick().await;
        let data = format!("native {number}");
        publisher.publish(&StringMsg { data }).unwrap();
        let attachment = Attachment {
            number: i64::try_from(number).unwrap() + 1,
            source_time_ns: 5,
            gid,
        };
        ros.put(
            &RosNode::key("chatter"),
            &string_cdr(&format!("ros {number}")),
            attachment,
        )
        .await;
    }
    let expected = usize::try_from(2 * ROUNDS).unwrap();
    let heard = [on_ros(&mut samples, expected).await, on_native(&subscriber, expected)];
    let all: Vec<u64> = (0..ROUNDS).collect();
    for heard in &heard {
        let texts = || heard.iter().map(String::as_str);
        assert_eq!(numbers(texts(), "native "), all);
        assert_eq!(numbers(texts(), "ros "), all);
    }
}

/// Waits until exactly one token with each of these parts is there, and stays the only one.
async fn settled(seen: &Seen, parts: &[&str]) {
    let one_of_each = |tokens: &Vec<String>| {
        let count = |part: &str| tokens.iter().filter(|token| token.contains(part)).count();
        parts.iter().all(|part| count(part) == 1)
    };
    let mut tokens = seen.tokens.clone();
    let settling = async {
        loop {
            tokens.wait_for(one_of_each).await.unwrap();
            let changed = tokens.wait_for(|tokens| !one_of_each(tokens));
            if tokio::time::timeout(Duration::from_millis(700), changed).await.is_err() {
                return;
            }
        }
    };
    let settled = tokio::time::timeout(DEADLINE, settling).await;
    assert!(settled.is_ok(), "{:#?}", seen.tokens.borrow());
}
