//! Services and parameters.

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsResponse};
use nuncio::{ParameterDescriptor, ParameterValue, TopicPattern};
use nuncio_bridge::foxglove::FoxgloveOptions;
use nuncio_bridge::{ClientRole, Rules};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::stage::{DEADLINE, Stage, open_rules};
use crate::viewer::{Viewer, find};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_called_in_cdr_and_in_json() {
    let stage = Stage::new().await;
    let server = stage.robot.service_server::<AddTwoInts>("/add").unwrap();
    let _serving = server
        .on_request(|request, _| {
            Ok(AddTwoIntsResponse {
                sum: request.a + request.b,
            })
        })
        .unwrap();
    let mut viewer = stage.viewer().await;
    let service = viewer.service("/add").await;
    assert_eq!(service["type"], "example_interfaces/srv/AddTwoInts");
    assert_eq!(service["request"]["encoding"], "cdr");
    assert_eq!(service["request"]["schemaEncoding"], "ros2msg");
    assert_eq!(
        service["request"]["schemaName"],
        "example_interfaces/srv/AddTwoInts_Request"
    );
    assert!(service["response"]["schema"].as_str().unwrap().contains("int64 sum"));
    assert!(service["requestSchema"].is_null());
    let request = [&[0, 1, 0, 0][..], &2i64.to_le_bytes(), &40i64.to_le_bytes()].concat();
    let (encoding, response) = viewer.call(&service, 1, "cdr", &request).await.unwrap();
    assert_eq!(
        (encoding.as_str(), response),
        ("cdr", [&[0, 1, 0, 0][..], &42i64.to_le_bytes()].concat())
    );
    let (encoding, response) = viewer.call(&service, 2, "json", br#"{"a": 1, "b": -3}"#).await.unwrap();
    assert_eq!(encoding, "json");
    assert_eq!(serde_json::from_slice::<Value>(&response).unwrap(), json!({"sum": -2}));
    let failed = viewer.call(&service, 3, "xml", b"").await.unwrap_err();
    assert!(failed.contains("`cdr` and `json`"), "{failed}");
    let failed = viewer.call(&service, 4, "json", br#"{"c": 1}"#).await.unwrap_err();
    assert!(failed.contains("AddTwoInts_Request"), "{failed}");
    let failed = viewer.call(&json!({"id": 4711}), 5, "cdr", b"").await.unwrap_err();
    assert!(failed.contains("no service 4711"), "{failed}");
    let mut old = Viewer::greeted(&stage.url, "foxglove.websocket.v1").await;
    let service = old.service("/add").await;
    assert!(
        service["requestSchema"].as_str().unwrap().contains("int64 a"),
        "older viewers look there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_a_role_may_not_call_is_not_shown() {
    let mut looker = ClientRole::everything("looker");
    looker.call = vec![TopicPattern::parse("/allowed").unwrap()];
    let rules = Rules {
        open_role: Arc::new(looker),
        ..open_rules()
    };
    let stage = Stage::with(rules, FoxgloveOptions::default()).await;
    let _forbidden = stage.robot.service_server::<AddTwoInts>("/a_forbidden").unwrap();
    let _allowed = stage.robot.service_server::<AddTwoInts>("/allowed").unwrap();
    let mut viewer = stage.viewer().await;
    let told = viewer.json("advertiseServices", |_| true).await;
    assert_eq!(told["services"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["services"][0]["name"], "/allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_read_set_and_followed() {
    let stage = Stage::new().await;
    let parameters = stage.robot.parameters();
    let speed = ParameterDescriptor::new("top speed in m/s").range(0.0..=1.5);
    parameters.declare("speed", 0.5, speed).unwrap();
    parameters
        .declare("name", "r1", ParameterDescriptor::default())
        .unwrap();
    let mut viewer = stage.viewer().await;
    viewer.service("/robot/get_parameters").await;

    viewer
        .send(json!({"op": "getParameters", "parameterNames": [], "id": "all"}))
        .await;
    let all = viewer.json("parameterValues", |json| json["id"] == "all").await;
    let value = |json: &Value, name: &str| find(&json["parameters"], "name", name).map(|found| found["value"].clone());
    assert_eq!(value(&all, "/robot.speed"), Some(json!(0.5)), "{all}");
    assert_eq!(value(&all, "/robot.name"), Some(json!("r1")));

    viewer
        .send(json!({"op": "subscribeParameterUpdates", "parameterNames": ["/robot.speed"]}))
        .await;
    let change = json!([{"name": "/robot.speed", "value": 1}]);
    viewer
        .send(json!({"op": "setParameters", "parameters": change, "id": "set"}))
        .await;
    let set = viewer.json("parameterValues", |json| json["id"] == "set").await;
    assert_eq!(value(&set, "/robot.speed"), Some(json!(1.0)), "{set}");
    assert_eq!(parameters.get("speed"), Some(ParameterValue::Double(1.0)));

    viewer
        .send(json!({"op": "setParameters", "parameters": [{"name": "/robot.speed", "value": 99}]}))
        .await;
    viewer.status("/robot.speed was not set").await;
    viewer
        .send(json!({"op": "getParameters", "parameterNames": ["nonsense"], "id": "bad"}))
        .await;
    viewer.status("`nonsense` names no parameter").await;

    parameters.set("name", "unwatched").unwrap();
    parameters.set("speed", 0.25).unwrap();
    let followed = |json: &Value| json["id"].is_null() && value(json, "/robot.speed") == Some(json!(0.25));
    let told = viewer.json("parameterValues", followed).await;
    assert_eq!(value(&told, "/robot.name"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_a_role_may_not_read_are_not_told() {
    let mut looker = ClientRole::everything("looker");
    looker.call.clear();
    let rules = Rules {
        open_role: Arc::new(looker),
        ..open_rules()
    };
    let stage = Stage::with(rules, FoxgloveOptions::default()).await;
    let parameters = stage.robot.parameters();
    parameters.declare("secret", 1, ParameterDescriptor::default()).unwrap();
    let probe = stage.border.node().parameter_client("/robot").unwrap();
    assert!(probe.wait_for_node(DEADLINE).await);
    let mut viewer = stage.viewer().await;
    viewer
        .send(json!({"op": "getParameters", "parameterNames": [], "id": "all"}))
        .await;
    let all = viewer.json("parameterValues", |json| json["id"] == "all").await;
    assert_eq!(all["parameters"], json!([]));
    viewer
        .send(json!({"op": "getParameters", "parameterNames": ["/robot.secret"], "id": "one"}))
        .await;
    viewer
        .status("the role looker may not call /robot/get_parameters")
        .await;
    let one = viewer.json("parameterValues", |json| json["id"] == "one").await;
    assert_eq!(one["parameters"], json!([]));
    let change = json!([{"name": "/robot.secret", "value": 2}]);
    viewer.send(json!({"op": "setParameters", "parameters": change})).await;
    viewer
        .status("the role looker may not call /robot/set_parameters")
        .await;
    assert_eq!(parameters.get("secret"), Some(ParameterValue::Integer(1)));
}
