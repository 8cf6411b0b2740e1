//! Topics both ways: the exact bytes in ROS, and who it was on Nuncio's side.

use nuncio::msgs::std_msgs::msg::String as StringMsg;
use nuncio::{QosProfile, Subscriber};
use nuncio_bridge::ros2::Ros2Status;
use nuncio_bridge::ros2::attachment::Attachment;
use nuncio_bridge::ros2::gid::Gid;

use super::stand_in::{DEADLINE, Networks, RosNode, STRING, STRING_HASH, next, string_cdr};

fn text(data: &str) -> StringMsg {
    StringMsg { data: data.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_nuncio_has_the_bytes_of_rmw_zenoh() {
    let networks = Networks::new().await;
    let ros = networks.ros().await;
    let seen = ros.watch().await;
    let mut samples = ros.subscribe(&RosNode::key("chatter")).await;
    let bridge = networks.bridge(2).await;
    let publisher = networks.native.publisher::<StringMsg>("/chatter").unwrap();
    let mine = |token: &str| token.contains("/MP/") && token.contains("/%chatter/");
    let token = seen.wait_for("the publisher's token", mine).await;
    let parts: Vec<&str> = token.split('/').collect();
    assert_eq!(&parts[5..9], ["MP", "%", "%", "native"], "{token}");
    assert_eq!(
        &parts[9..],
        ["%chatter", STRING, STRING_HASH, "::,10:,:,:,,"],
        "{token}"
    );
    let node = format!("@ros2_lv/0/{}/{}/{}/NN/%/%/native", parts[2], parts[3], parts[3]);
    seen.wait_for("the node's token", |token| token == node).await;
    let own = bridge.ros_node();
    seen.wait_for("the bridge's token", |token| token.ends_with(&format!("/NN/%/%/{own}")))
        .await;
    assert!(bridge.ready.address.contains(&own), "{:?}", bridge.ready);

    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for (index, data) in ["hello", "world"].into_iter().enumerate() {
        publisher.publish(&text(data)).unwrap();
        let sample = next(&mut samples).await;
        assert_eq!(sample.payload().to_bytes(), string_cdr(data));
        assert!(sample.timestamp().is_some(), "transient local needs timestamps");
        let attachment = sample.attachment().unwrap().to_bytes();
        assert_eq!(attachment.len(), 33);
        let attachment = Attachment::read(&attachment).unwrap();
        assert_eq!(attachment.number, index as i64 + 1);
        assert_eq!(attachment.gid, Gid::of_token(&token));
        assert!(attachment.source_time_ns > 1_700_000_000_000_000_000);
    }
    drop(publisher);
    seen.wait_until_gone("the publisher's token", mine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_ros_is_signed_by_the_bridge_on_behalf_of_its_node() {
    let networks = Networks::new().await;
    let bridge = networks.bridge(2).await;
    let subscriber: Subscriber<StringMsg> = networks.native.subscriber("/chatter").unwrap();
    let mut ros = networks.ros().await;
    let seen = ros.watch().await;
    ros.declare("NN", "talker", "").await;
    let gid = ros.declare("MP", "talker", &RosNode::of_string("chatter")).await;
    let own = bridge.ros_node();
    let token = seen
        .wait_for("the bridge's subscription", |token| {
            token.contains("/MS/") && token.contains(&own)
        })
        .await;
    assert!(token.ends_with(&RosNode::of_string("chatter")), "{token}");
    let received = loop {
        let attachment = Attachment {
            number: 1,
            source_time_ns: 5,
            gid,
        };
        ros.put(&RosNode::key("chatter"), &string_cdr("from ROS"), attachment)
            .await;
        if let Ok(received) = subscriber.recv_timeout(std::time::Duration::from_millis(100)) {
            break received;
        }
    };
    assert_eq!(received.message.data, "from ROS");
    assert_eq!(received.info.signer, bridge.node.public_key());
    assert_eq!(received.info.origin.as_deref(), Some("ros2:/talker"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_node_of_ros_gets_the_last_message_of_a_latched_topic() {
    use zenoh_ext::{AdvancedSubscriberBuilderExt as _, HistoryConfig};
    let networks = Networks::new().await;
    let bridge = networks.bridge(2).await;
    let qos = QosProfile::keep_last(1).transient_local();
    let publisher = networks.native.publisher_with::<StringMsg>("/map_name", qos).unwrap();
    publisher.publish(&text("first")).unwrap();
    publisher.publish(&text("office")).unwrap();
    let early = networks.ros().await;
    let seen = early.watch().await;
    let token = seen
        .wait_for("the publisher", |token| {
            token.contains("/MP/") && token.contains("%map_name")
        })
        .await;
    assert!(token.ends_with("/:1:,1:,:,:,,"), "{token}");
    let late = networks.ros().await;
    let (sender, mut samples) = tokio::sync::mpsc::unbounded_channel();
    let subscriber = late
        .session
        .declare_subscriber(RosNode::key("map_name"))
        .callback(move |sample| _ = sender.send(sample))
        .history(HistoryConfig::default().detect_late_publishers().max_samples(1))
        .await
        .unwrap();
    let sample = next(&mut samples).await;
    assert_eq!(sample.payload().to_bytes(), string_cdr("office"));
    assert_eq!(sample.attachment().unwrap().len(), 33);
    drop((subscriber, bridge));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_node_of_nuncio_gets_the_last_message_of_a_latched_topic_of_ros() {
    use zenoh_ext::{AdvancedPublisherBuilderExt as _, CacheConfig};
    let networks = Networks::new().await;
    let mut ros = networks.ros().await;
    ros.declare("NN", "map_server", "").await;
    let latched = format!("/%map_name/{STRING}/{STRING_HASH}/:1:,1:,:,:,,");
    let gid = ros.declare("MP", "map_server", &latched).await;
    let publisher = ros.session.declare_publisher(RosNode::key("map_name"));
    let publisher = publisher
        .publisher_detection()
        .cache(CacheConfig::default().max_samples(1))
        .await
        .unwrap();
    let attachment = Attachment {
        number: 1,
        source_time_ns: 5,
        gid,
    };
    publisher
        .put(string_cdr("office"))
        .attachment(attachment.to_bytes())
        .await
        .unwrap();
    let mut bridge = networks.bridge(2).await;
    bridge
        .status(|status| {
            matches!(status, Ros2Status::Crossing { direction: "in", name, .. } if name == "/map_name").then_some(())
        })
        .await;
    let qos = QosProfile::keep_last(1).transient_local();
    let subscriber: Subscriber<StringMsg> = networks.native.subscriber_with("/map_name", qos).unwrap();
    let received = subscriber.recv_timeout(DEADLINE).unwrap();
    assert_eq!(received.message.data, "office");
    assert_eq!(received.info.origin.as_deref(), Some("ros2:/map_server"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_crosses_that_is_not_allowed() {
    let networks = Networks::new().await;
    let options = nuncio_bridge::ros2::Ros2Options::default();
    let bridge = networks.bridge_with(2, "/camera/**", options).await;
    let _hidden = networks.native.publisher::<StringMsg>("/secret").unwrap();
    let _shown = networks.native.publisher::<StringMsg>("/camera/name").unwrap();
    let mut ros = networks.ros().await;
    ros.declare("MP", "talker", &RosNode::of_string("cmd")).await;
    let seen = ros.watch().await;
    seen.wait_for("the one topic", |token| token.contains("%camera%name"))
        .await;
    let tokens = seen.tokens.borrow().clone();
    assert!(
        !tokens
            .iter()
            .any(|token| token.contains("secret") || token.contains("/MS/")),
        "{tokens:#?}"
    );
    drop(bridge);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bridge_itself_can_be_the_router() {
    let networks = Networks::new().await;
    let options = nuncio_bridge::ros2::Ros2Options {
        offer_router: true,
        ..Default::default()
    };
    let bridge = networks.bridge_with(2, "/**", options).await;
    let endpoint = bridge.ready.address.split(' ').next().unwrap().to_owned();
    let ros = RosNode::open(&endpoint).await;
    let mut samples = ros.subscribe(&RosNode::key("chatter")).await;
    let seen = ros.watch().await;
    let publisher = networks.native.publisher::<StringMsg>("/chatter").unwrap();
    seen.wait_for("the publisher", |token| {
        token.contains("/MP/") && token.contains("%chatter")
    })
    .await;
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&text("routed")).unwrap();
    assert_eq!(next(&mut samples).await.payload().to_bytes(), string_cdr("routed"));
}
