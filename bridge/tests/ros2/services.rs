//! Services both ways, and what the bridge's nodes tell of their types.

use std::time::Duration;

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use nuncio_bridge::ros2::attachment::Attachment;
use nuncio_bridge::ros2::gid::Gid;
use zenoh::query::{ConsolidationMode, QueryTarget};

use super::stand_in::{DEADLINE, Networks};

const ADD: &str = "example_interfaces::srv::dds_::AddTwoInts_";
const ADD_HASH: &str = "RIHS01_e118de6bf5eeb66a2491b5bda11202e7b68f198d6f67922cf30364858239c81a";

fn request_cdr(a: i64, b: i64) -> Vec<u8> {
    [&[0, 1, 0, 0], a.to_le_bytes().as_slice(), b.to_le_bytes().as_slice()].concat()
}

fn response_cdr(sum: i64) -> Vec<u8> {
    [&[0, 1, 0, 0], sum.to_le_bytes().as_slice()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_ros_calls_a_server_of_nuncio() {
    let networks = Networks::new().await;
    let bridge = networks.bridge(2).await;
    let server = networks.native.service_server::<AddTwoInts>("/add_two_ints").unwrap();
    let add = |request: AddTwoIntsRequest, _: &nuncio::MessageInfo| {
        Ok(AddTwoIntsResponse {
            sum: request.a + request.b,
        })
    };
    let _serving = server.on_request(add).unwrap();
    let ros = networks.ros().await;
    let seen = ros.watch().await;
    let token = seen
        .wait_for("the server", |token| {
            token.contains("/SS/") && token.contains("%add_two_ints")
        })
        .await;
    assert!(
        token.contains(&format!("/%/%/native/%add_two_ints/{ADD}/{ADD_HASH}/")),
        "{token}"
    );
    let attachment = Attachment {
        number: 7,
        source_time_ns: 5,
        gid: Gid(*b"0123456789abcdef"),
    };
    let replies = ros
        .session
        .get(format!("0/add_two_ints/{ADD}/{ADD_HASH}"))
        .payload(request_cdr(40, 2))
        .attachment(attachment.to_bytes())
        .target(QueryTarget::AllComplete)
        .consolidation(ConsolidationMode::None)
        .timeout(DEADLINE)
        .await
        .unwrap();
    let reply = replies.recv_async().await.unwrap().into_result().unwrap();
    assert_eq!(reply.payload().to_bytes(), response_cdr(42));
    let bytes = reply.attachment().unwrap().to_bytes();
    assert_eq!(bytes.len(), 33);
    let answered = Attachment::read(&bytes).unwrap();
    assert_eq!((answered.number, answered.gid), (7, attachment.gid));
    assert!(answered.source_time_ns > 1_700_000_000_000_000_000);
    drop(bridge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_nuncio_calls_a_server_of_ros() {
    let networks = Networks::new().await;
    let bridge = networks.bridge(2).await;
    let mut ros = networks.ros().await;
    let seen = ros.watch().await;
    let _server = ros
        .session
        .declare_queryable(format!("0/add_two_ints/{ADD}/{ADD_HASH}"))
        .complete(true)
        .callback(|query| {
            let request = query.payload().unwrap().to_bytes().into_owned();
            let number = |at: usize| i64::from_le_bytes(request[at..at + 8].try_into().unwrap());
            let attachment = Attachment::read(&query.attachment().unwrap().to_bytes()).unwrap();
            let reply = query.reply(query.key_expr().clone(), response_cdr(number(4) + number(12)));
            zenoh::Wait::wait(reply.attachment(attachment.of_response(9).to_bytes())).unwrap();
        })
        .await
        .unwrap();
    ros.declare("SS", "adder", &format!("/%add_two_ints/{ADD}/{ADD_HASH}/::,10:,:,:,,"))
        .await;
    let own = bridge.ros_node();
    seen.wait_for("the bridge's client", |token| {
        token.contains("/SC/") && token.contains(&own)
    })
    .await;
    let client = networks.native.service_client::<AddTwoInts>("/add_two_ints").unwrap();
    assert!(client.wait_for_server(DEADLINE).await, "the service is offered");
    let request = AddTwoIntsRequest { a: 40, b: 2 };
    let response = tokio::time::timeout(DEADLINE, client.call(&request))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(response.message.sum, 42);
    assert_eq!(response.info.signer, bridge.node.public_key());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_that_ros_sees_describes_its_type() {
    let networks = Networks::new().await;
    let bridge = networks.bridge(2).await;
    let ros = networks.ros().await;
    let seen = ros.watch().await;
    let own = bridge.ros_node();
    let service = format!("%{own}%get_type_description");
    let token = seen
        .wait_for("the service", |token| {
            token.contains("/SS/") && token.contains(&service)
        })
        .await;
    let parts: Vec<&str> = token.split('/').collect();
    let key = format!("0/{own}/get_type_description/{}/{}", parts[10], parts[11]);
    let library = nuncio_bridge::TypeLibrary::open(&[]).unwrap();
    let types = library
        .service("type_description_interfaces/srv/GetTypeDescription")
        .unwrap();
    let asked = serde_json::json!({
        "type_name": "std_msgs/msg/String",
        "type_hash": super::stand_in::STRING_HASH,
    });
    let payload = types.request().payload_of(nuncio_bridge::Body::Json(&asked)).unwrap();
    let attachment = Attachment {
        number: 1,
        source_time_ns: 5,
        gid: Gid([7; 16]),
    };
    let replies = ros
        .session
        .get(key)
        .payload(types.request().cdr_of(&payload).unwrap())
        .attachment(attachment.to_bytes())
        .target(QueryTarget::AllComplete)
        .timeout(Duration::from_secs(10))
        .await
        .unwrap();
    let reply = replies.recv_async().await.unwrap().into_result().unwrap();
    let payload = types
        .response()
        .payload_of(nuncio_bridge::Body::Cdr(&reply.payload().to_bytes()))
        .unwrap();
    let told = types.response().codec().to_json(&payload).unwrap();
    assert_eq!(told["successful"], true, "{told}");
    assert_eq!(
        told["type_description"]["type_description"]["type_name"],
        "std_msgs/msg/String"
    );
    assert_eq!(told["type_sources"][0]["encoding"], "msg");
}
