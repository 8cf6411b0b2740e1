//! Bad input from the side of ROS: a status for whoever runs the bridge, and nothing for the others to feel.

use std::time::Duration;

use nuncio::Subscriber;
use nuncio::msgs::std_msgs::msg::String as StringMsg;
use nuncio_bridge::ros2::Ros2Status;
use nuncio_bridge::ros2::attachment::Attachment;
use nuncio_bridge::ros2::gid::Gid;

use super::stand_in::{Bridge, Networks, RosNode, STRING, STRING_HASH, string_cdr};

fn attachment(gid: Gid) -> Attachment {
    Attachment {
        number: 1,
        source_time_ns: 5,
        gid,
    }
}

/// A bridge that lets `/chatter` in from a node of ROS, and a subscriber of it.
async fn chatter(networks: &Networks) -> (Bridge, RosNode, Gid, Subscriber<StringMsg>) {
    let mut bridge = networks.bridge(2).await;
    let subscriber = networks.native.subscriber("/chatter").unwrap();
    let mut ros = networks.ros().await;
    let gid = ros.declare("MP", "talker", &RosNode::of_string("chatter")).await;
    bridge
        .status(|status| matches!(status, Ros2Status::Crossing { name, .. } if name == "/chatter").then_some(()))
        .await;
    (bridge, ros, gid, subscriber)
}

/// What still comes when something good follows.
async fn first_good(ros: &RosNode, gid: Gid, subscriber: &Subscriber<StringMsg>) -> String {
    loop {
        ros.put(&RosNode::key("chatter"), &string_cdr("good"), attachment(gid))
            .await;
        if let Ok(received) = subscriber.recv_timeout(Duration::from_millis(100)) {
            return received.message.data;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cdr_that_promises_more_than_it_has_is_dropped_and_told() {
    let networks = Networks::new().await;
    let (mut bridge, ros, gid, subscriber) = chatter(&networks).await;
    assert_eq!(first_good(&ros, gid, &subscriber).await, "good");
    let absurd: [&[u8]; 4] = [
        &[0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, b'x', 0],
        &[0, 1, 0, 0],
        &[],
        &[0xff; 7],
    ];
    for cdr in absurd {
        ros.put(&RosNode::key("chatter"), cdr, attachment(gid)).await;
    }
    let (node, problem) = bridge
        .status(|status| match status {
            Ros2Status::Dropped { node, problem, .. } => Some((node.clone(), problem.clone())),
            _ => None,
        })
        .await;
    assert_eq!(node, "/talker");
    assert!(problem.contains("std_msgs/msg/String"), "{problem}");
    assert_eq!(first_good(&ros, gid, &subscriber).await, "good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_its_attachment_is_dropped_and_told() {
    let networks = Networks::new().await;
    let (mut bridge, ros, gid, subscriber) = chatter(&networks).await;
    assert_eq!(first_good(&ros, gid, &subscriber).await, "good");
    ros.session
        .put(RosNode::key("chatter"), string_cdr("bare"))
        .await
        .unwrap();
    let short = attachment(gid).to_bytes()[..32].to_vec();
    ros.session
        .put(RosNode::key("chatter"), string_cdr("short"))
        .attachment(short)
        .await
        .unwrap();
    let told = bridge
        .status(|status| match status {
            Ros2Status::Dropped { problem, .. } => Some(problem.clone()),
            _ => None,
        })
        .await;
    assert!(told.contains("33 bytes"), "{told}");
    assert_eq!(first_good(&ros, gid, &subscriber).await, "good");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_none_are_told_and_the_others_count() {
    let networks = Networks::new().await;
    let mut bridge = networks.bridge(2).await;
    let mut ros = networks.ros().await;
    let nonsense = [
        "@ros2_lv/0/zz/0/0/NN/%/%/x",
        "@ros2_lv/what",
        "@ros2_lv/0/1/2/3/MP/%/%/x/%t/a/b/c",
    ];
    let declare = nonsense.map(|token| ros.session.liveliness().declare_token(token));
    let mut kept = Vec::new();
    for token in declare {
        kept.push(token.await.unwrap());
    }
    for _ in nonsense {
        let told = bridge
            .status(|status| match status {
                Ros2Status::BadToken { token, .. } => Some(token.clone()),
                _ => None,
            })
            .await;
        assert!(nonsense.contains(&told.as_str()), "{told}");
    }
    ros.declare("MP", "talker", &RosNode::of_string("chatter")).await;
    bridge
        .status(|status| matches!(status, Ros2Status::Crossing { name, .. } if name == "/chatter").then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_type_hash_is_named_with_both_types() {
    let networks = Networks::new().await;
    let mut bridge = networks.bridge(2).await;
    let subscriber: Subscriber<StringMsg> = networks.native.subscriber("/chatter").unwrap();
    let wrong = "RIHS01_0000000000000000000000000000000000000000000000000000000000000001";
    let mut ros = networks.ros().await;
    let gid = ros
        .declare("MP", "old_talker", &format!("/%chatter/{STRING}/{wrong}/::,10:,:,:,,"))
        .await;
    let (name, node, found, expected) = bridge
        .status(|status| match status {
            Ros2Status::OtherType {
                name,
                node,
                found,
                expected,
                ..
            } => Some((name.clone(), node.clone(), found.clone(), expected.clone())),
            _ => None,
        })
        .await;
    assert_eq!((name.as_str(), node.as_str()), ("/chatter", "/old_talker"));
    assert!(found.contains(wrong), "{found}");
    assert_eq!(expected, [format!("std_msgs/msg/String {STRING_HASH}")]);
    // Who has the right one is heard all the same.
    let right = ros.declare("MP", "talker", &RosNode::of_string("chatter")).await;
    ros.put(
        &format!("0/chatter/{STRING}/{wrong}"),
        &string_cdr("wrong"),
        attachment(gid),
    )
    .await;
    assert_eq!(first_good(&ros, right, &subscriber).await, "good");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_another_domain_are_named() {
    let networks = Networks::new().await;
    let mut bridge = networks.bridge(2).await;
    let mut ros = networks.ros().await;
    ros.declare_in(7, "NN", "far", "").await;
    let node = bridge
        .status(|status| match status {
            Ros2Status::OtherDomain {
                domain: 7,
                own: 0,
                node,
                ..
            } => Some(node.clone()),
            _ => None,
        })
        .await;
    assert_eq!(node, "/far");
}
