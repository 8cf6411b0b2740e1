//! Types that the bridge does not have: nodes of ROS are asked what they are, and versions that differ are told apart by field.

use nuncio::{QosProfile, TypeSupport};
use nuncio_bridge::ros2::Ros2Status;
use nuncio_bridge::ros2::attachment::Attachment;
use nuncio_bridge::ros2::gid::Gid;
use nuncio_bridge::{Body, BridgeType, TypeLibrary};
use serde_json::json;
use zenoh::Wait;

use super::stand_in::{DEADLINE, Networks, RosNode};

const SERVICE: &str = "type_description_interfaces/srv/GetTypeDescription";

/// A type that is none of the bridge's own, by its text.
fn compiled(name: &str, text: &str) -> BridgeType {
    BridgeType::new(TypeSupport::compile(name, &[(name, text)]).unwrap()).unwrap()
}

/// The two chunks of a data key that name a type.
fn chunks(ty: &BridgeType) -> String {
    let (package, name) = ty.name().rsplit_once('/').unwrap();
    format!("{}::dds_::{name}_/{}", package.replace('/', "::"), ty.hash())
}

/// A node of ROS that publishes on a topic and describes its type; the id of its publisher.
async fn publishes(ros: &mut RosNode, node: &str, topic: &str, ty: &BridgeType, text: &str) -> Gid {
    let library = TypeLibrary::open(&[]).unwrap();
    let service = library.service(SERVICE).unwrap();
    let of_service = format!(
        "type_description_interfaces::srv::dds_::GetTypeDescription_/{}",
        service.hash()
    );
    let (name, text) = (ty.name().to_owned(), text.to_owned());
    let asked_for = ty.hash().to_string();
    let answer = move |query: zenoh::query::Query| {
        let request = query.payload().unwrap().to_bytes().into_owned();
        let request = service.request().payload_of(Body::Cdr(&request)).unwrap();
        let request = service.request().codec().to_json(&request).unwrap();
        assert_eq!(
            (&request["type_name"], &request["type_hash"]),
            (&json!(name), &json!(asked_for))
        );
        let sources = json!([{"type_name": name, "encoding": "msg", "raw_file_contents": text}]);
        let response = json!({"successful": true, "type_sources": sources});
        let payload = service.response().payload_of(Body::Json(&response)).unwrap();
        let cdr = service.response().cdr_of(&payload).unwrap();
        let attachment = Attachment::read(&query.attachment().unwrap().to_bytes()).unwrap();
        let reply = query.reply(query.key_expr().clone(), cdr);
        reply.attachment(attachment.of_response(9).to_bytes()).wait().unwrap();
    };
    let key = format!("0/{node}/get_type_description/{of_service}");
    let serving = ros.session.declare_queryable(key).complete(true).callback(answer);
    serving.background().await.unwrap();
    ros.declare("NN", node, "").await;
    let of_topic = format!("/%{topic}/{}/::,10:,:,:,,", chunks(ty));
    ros.declare("MP", node, &of_topic).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_only_its_node_of_ros_knows_is_asked_for_and_its_topic_crosses() {
    const TEXT: &str = "int32 left\nstring label\n";
    let networks = Networks::new().await;
    let _bridge = networks.bridge(2).await;
    let ty = compiled("odd_robot_msgs/msg/Gripper", TEXT);
    let subscriber = networks
        .native
        .generic_subscriber("/gripper", QosProfile::best_available())
        .unwrap();
    let mut ros = networks.ros().await;
    let seen = ros.watch().await;
    let gid = publishes(&mut ros, "gripper", "gripper", &ty, TEXT).await;
    seen.wait_for("the bridge's subscription", |token| {
        token.contains("/MS/") && token.contains("odd_robot_msgs::msg::dds_::Gripper_")
    })
    .await;
    let payload = ty.payload_of(Body::Json(&json!({"left": 7, "label": "soft"}))).unwrap();
    let cdr = ty.cdr_of(&payload).unwrap();
    let start = std::time::Instant::now();
    let received = loop {
        let attachment = Attachment {
            number: 1,
            source_time_ns: 5,
            gid,
        };
        ros.put(&format!("0/gripper/{}", chunks(&ty)), &cdr, attachment).await;
        if let Ok(received) = subscriber.recv_timeout(std::time::Duration::from_millis(100)) {
            break received;
        }
        assert!(start.elapsed() < DEADLINE, "nothing crosses: {:?}", subscriber.stats());
    };
    assert_eq!((received.type_name(), received.type_hash()), (ty.name(), ty.hash()));
    assert_eq!(received.payload(), payload);
    assert_eq!(received.info().origin.as_deref(), Some("ros2:/gripper"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_differs_is_named_with_the_first_field_that_does() {
    const TEXT: &str = "string data\nint32 volume\n";
    let networks = Networks::new().await;
    let mut bridge = networks.bridge(2).await;
    let _publisher = networks
        .native
        .publisher::<nuncio::msgs::std_msgs::msg::String>("/speech")
        .unwrap();
    let mut ros = networks.ros().await;
    let newer = compiled("std_msgs/msg/String", TEXT);
    publishes(&mut ros, "newer", "speech", &newer, TEXT).await;
    let status = bridge
        .status(|status| matches!(status, Ros2Status::OtherType { .. }).then(|| status.clone()))
        .await;
    let said = "the field volume is there in ROS and not in Nuncio";
    let told = serde_json::to_value(&status).unwrap();
    assert_eq!(told["event"], "other_type", "{told}");
    assert_eq!(told["node"], "/newer", "{told}");
    assert_eq!(told["role"], "publisher", "{told}");
    assert_eq!(told["difference"], format!("std_msgs/msg/String: {said}"), "{told}");
    let line = status.to_string();
    assert!(line.contains("/newer") && line.ends_with(said), "{line}");
}
