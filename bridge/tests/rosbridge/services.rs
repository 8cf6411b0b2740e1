//! Services in both roles.

use nuncio::CallError;
use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use serde_json::json;

use crate::site::{DEADLINE, Site, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_calls_a_robots_service_with_names_or_with_a_list() {
    let site = Site::open().await;
    let _serving = site
        .robot
        .service_server::<AddTwoInts>("/add")
        .unwrap()
        .on_request(|request, _| {
            Ok(AddTwoIntsResponse {
                sum: request.a + request.b,
            })
        })
        .unwrap();
    site.until(|| {
        site.border
            .node()
            .graph()
            .services()
            .into_keys()
            .find(|name| name.as_str() == "/add")
    })
    .await;
    let mut client = site.client().await;
    assert_eq!(
        client.call("/add", json!({"a": 40, "b": 2})).await,
        Ok(json!({"sum": 42}))
    );
    assert_eq!(client.call("add", json!([1, 2])).await, Ok(json!({"sum": 3})));
    let refused = client.call("/add", json!({"a": "many"})).await.unwrap_err();
    assert!(refused.contains('a') && refused.contains("integer"), "{refused}");
    let refused = client.call("/nowhere", json!({})).await.unwrap_err();
    assert!(refused.contains("/nowhere"), "{refused}");
    let wrong = json!({"op": "call_service", "service": "/add", "type": "std_srvs/Trigger", "id": 7});
    client.send(wrong).await;
    let answer = client.next("service_response").await;
    assert_eq!(
        (&answer["id"], &answer["result"]),
        (&json!(7), &json!(false)),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_calls_a_service_that_a_client_serves() {
    let site = Site::open().await;
    let mut client = site.client().await;
    client
        .send(json!({"op": "advertise_service", "service": "/add", "type": "example_interfaces/AddTwoInts"}))
        .await;
    client.settle().await;
    let caller = site.robot.service_client::<AddTwoInts>("/add").unwrap();
    assert!(caller.wait_for_server(DEADLINE).await);
    let serving = async {
        let call = client.next("call_service").await;
        assert_eq!(
            (&call["service"], &call["args"]),
            (&json!("/add"), &json!({"a": 4, "b": 5}))
        );
        let answer = json!({"op": "service_response", "service": "/add", "id": call["id"], "values": {"sum": 9}, "result": true});
        client.send(answer).await;
        let call = client.next("call_service").await;
        let answer = json!({"op": "service_response", "service": "/add", "id": call["id"], "values": "out of order", "result": false});
        client.send(answer).await;
        client
    };
    let calling = async {
        let request = AddTwoIntsRequest { a: 4, b: 5 };
        let first = caller.call(&request).await.unwrap().message;
        (first, caller.call(&request).await)
    };
    let (mut client, (first, second)) = in_time(async { tokio::join!(serving, calling) }).await;
    assert_eq!(first, AddTwoIntsResponse { sum: 9 });
    assert!(matches!(second, Err(CallError::Fault { .. })), "{second:?}");
    client
        .send(json!({"op": "service_response", "service": "/add", "id": "none", "values": {}}))
        .await;
    assert!(client.status().await.contains("nobody waits"));
    client
        .send(json!({"op": "unadvertise_service", "service": "/add"}))
        .await;
    client
        .send(json!({"op": "unadvertise_service", "service": "/add"}))
        .await;
    assert!(client.status().await.contains("does not serve"));
}
