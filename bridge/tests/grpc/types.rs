//! What a client finds out: topics, types, and the service itself by reflection.

use std::time::Duration;

use nuncio::TypeSupport;
use nuncio::msgs::example_interfaces::srv::AddTwoInts;
use nuncio_bridge::grpc::wire::{self, payload::Form};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use tonic::Code;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::site::{Events, Site, on, to};

/// A type that nobody but its publisher knows.
fn own_type() -> TypeSupport {
    let sources = [(
        "my_robot/msg/Arm",
        "# Where it is.\nfloat64[3] joints\nint16 load -7\nuint8[] raw\n",
    )];
    TypeSupport::compile("my_robot/msg/Arm", &sources).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_only_its_publisher_knows_is_written_and_read_from_what_is_told_of_it() {
    let site = Site::open().await;
    let arm = own_type();
    let publisher = site.robot.generic_publisher("/arm", &arm, Default::default()).unwrap();
    site.until_topic("/arm").await;
    let mut client = site.client().await;
    let asked = wire::GetTypeRequest {
        topic: "/arm".to_owned(),
        ..Default::default()
    };
    let told = client.get_type(asked).await.unwrap().into_inner();
    assert_eq!(
        (told.name.as_str(), told.proto_message.as_str()),
        ("my_robot/msg/Arm", "my_robot.msg.Arm")
    );
    assert_eq!(told.hash, arm.type_hash().to_string());
    assert!(told.ros2msg.contains("float64[3] joints") && told.json_schema.contains("\"joints\""));
    assert!(
        told.proto_files[0].text.contains("optional sint32 load = 2;"),
        "{}",
        told.proto_files[0].text
    );

    let pool = DescriptorPool::decode(told.file_descriptor_set.as_ref()).unwrap();
    let described = pool.get_message_by_name(&told.proto_message).unwrap();
    let request = wire::SubscribeRequest {
        encoding: wire::Encoding::Protobuf.into(),
        ..to(&["/arm"])
    };
    let mut events = Events::of(&mut client, request).await;
    events.joined("/arm").await;
    assert!(publisher.wait_for_subscribers(Duration::from_secs(20)).unwrap());
    let codec = arm.run_time_type().unwrap();
    let payload = codec
        .from_json_text(r#"{"joints":[1,2,3],"load":5,"raw":[1,2]}"#, 0)
        .unwrap();
    publisher.publish(&payload, Default::default()).unwrap();
    let Form::Protobuf(bytes) = events.message().await.payload.unwrap().form.unwrap() else {
        panic!("no protobuf");
    };
    let read = DynamicMessage::decode(described.clone(), bytes).unwrap();
    let joints = [1.0, 2.0, 3.0].map(Value::F64);
    assert_eq!(read.get_field_by_name("joints").unwrap().as_list().unwrap(), joints);
    assert_eq!(read.get_field_by_name("load").unwrap().as_i32(), Some(5));

    let mut written = DynamicMessage::new(described);
    written.set_field_by_name("joints", Value::List([4.0, 5.0, 6.0].map(Value::F64).into()));
    let form = Form::Protobuf(written.encode_to_vec().into());
    client
        .publish(on("/arm", "", Some(wire::Payload { form: Some(form) })))
        .await
        .unwrap();
    let message = events.message().await;
    assert!(message.info.unwrap().origin.starts_with("grpc:"));
    let Form::Protobuf(bytes) = message.payload.unwrap().form.unwrap() else {
        panic!("no protobuf");
    };
    // What was left out is the schema's default, and said.
    let pool = DescriptorPool::decode(told.file_descriptor_set.as_ref()).unwrap();
    let back = DynamicMessage::decode(pool.get_message_by_name(&told.proto_message).unwrap(), bytes).unwrap();
    assert_eq!(back.get_field_by_name("load").unwrap().as_i32(), Some(-7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_services_and_nodes_are_listed_with_what_the_client_may() {
    let site = Site::open().await;
    let _publisher = site
        .robot
        .generic_publisher("/arm", &own_type(), Default::default())
        .unwrap();
    let _server = site.robot.service_server::<AddTwoInts>("/add").unwrap();
    site.until_topic("/arm").await;
    site.until(|graph| !graph.services().is_empty()).await;
    let mut client = site.client().await;
    let topology = client
        .list_topology(wire::ListTopologyRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(topology.bridge_key, site.border.node().public_key().to_string());
    let topic = topology.topics.iter().find(|topic| topic.name == "/arm").unwrap();
    assert!(topic.may_subscribe && topic.may_publish);
    assert_eq!(
        (topic.types[0].name.as_str(), topic.publishers[0].node.as_str()),
        ("my_robot/msg/Arm", "/robot")
    );
    let service = topology.services.iter().find(|service| service.name == "/add").unwrap();
    assert!(service.may_call && service.servers[0].key == site.robot.public_key().to_string());
    assert!(topology.nodes.iter().any(|node| node.name == "/robot"));
    assert!(topology.types.iter().any(|name| name == "geometry_msgs/msg/Twist"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_are_found_by_both_names_and_by_hash_and_unknown_ones_are_not_found() {
    let site = Site::open().await;
    let mut client = site.client().await;
    let mut ask = async |name: &str, hash: &str| {
        let request = wire::GetTypeRequest {
            name: name.to_owned(),
            hash: hash.to_owned(),
            ..Default::default()
        };
        client.get_type(request).await.map(|told| told.into_inner())
    };
    let twist = ask("geometry_msgs/Twist", "").await.unwrap();
    assert_eq!(twist.proto_files.len(), 2);
    assert_eq!(ask("geometry_msgs/msg/Twist", &twist.hash).await.unwrap(), twist);
    let service = ask("std_srvs/srv/SetBool", "").await.unwrap();
    assert_eq!(service.request.unwrap().proto_message, "std_srvs.srv.SetBool_Request");
    assert_eq!(ask("geometry_msgs/Twits", "").await.unwrap_err().code(), Code::NotFound);
    let other = format!("RIHS01_{}", "0".repeat(64));
    assert_eq!(
        ask("geometry_msgs/Twist", &other).await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(
        ask("geometry_msgs/Twist", "abc").await.unwrap_err().code(),
        Code::InvalidArgument
    );
    assert_eq!(ask("", "").await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_tells_of_the_service() {
    let site = Site::open().await;
    let channel = tonic::transport::Channel::from_shared(site.address.clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = ServerReflectionClient::new(channel);
    let ask = |what| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(what),
    };
    let requests = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(
            "nuncio.bridge.v1.Bridge".to_owned(),
        )),
    ];
    let answers = client
        .server_reflection_info(futures_util::stream::iter(requests))
        .await
        .unwrap();
    let mut answers = answers.into_inner();
    match answers.message().await.unwrap().unwrap().message_response.unwrap() {
        MessageResponse::ListServicesResponse(list) => {
            assert!(
                list.service
                    .iter()
                    .any(|service| service.name == "nuncio.bridge.v1.Bridge")
            );
        }
        other => panic!("{other:?}"),
    }
    match answers.message().await.unwrap().unwrap().message_response.unwrap() {
        MessageResponse::FileDescriptorResponse(files) => assert!(!files.file_descriptor_proto.is_empty()),
        other => panic!("{other:?}"),
    }
}
