//! rosapi and parameters.

use nuncio::msgs::builtin_interfaces::msg::Time;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::rosgraph_msgs::msg::Clock;
use nuncio::msgs::std_srvs::srv::{Trigger, TriggerResponse};
use nuncio::{ParameterDescriptor, ParameterValue};
use serde_json::{Value, json};

use crate::site::{DEADLINE, Site, in_time};

fn list<'a>(values: &'a Value, name: &str) -> Vec<&'a str> {
    values[name]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_finds_topics_services_nodes_and_types() {
    let site = Site::open().await;
    let _publisher = site.robot.publisher::<Twist>("/cmd_vel").unwrap();
    let _serving = site
        .robot
        .service_server::<Trigger>("/start")
        .unwrap()
        .on_request(|_, _| Ok(TriggerResponse::default()))
        .unwrap();
    site.until(|| {
        site.border
            .node()
            .graph()
            .services()
            .into_keys()
            .find(|name| name.as_str() == "/start")
    })
    .await;
    let mut client = site.client().await;
    let topics = client.call("rosapi/topics", json!({})).await.unwrap();
    let at = list(&topics, "topics")
        .iter()
        .position(|name| *name == "/cmd_vel")
        .unwrap();
    assert_eq!(list(&topics, "types")[at], "geometry_msgs/msg/Twist");
    let raw = client.call("/rosapi/topics_and_raw_types", json!({})).await.unwrap();
    let at = list(&raw, "topics")
        .iter()
        .position(|name| *name == "/cmd_vel")
        .unwrap();
    assert!(list(&raw, "typedefs_full_text")[at].contains("MSG: geometry_msgs/Vector3"));
    assert!(
        list(&raw, "types").contains(&"rcl_interfaces/msg/Log"),
        "by which viewers know ROS 2"
    );
    let call = async |client: &mut crate::site::Ws, name: &str, args: Value| client.call(name, args).await.unwrap();
    let found = call(&mut client, "rosapi/topic_type", json!({"topic": "cmd_vel"})).await;
    assert_eq!(found, json!({"type": "geometry_msgs/msg/Twist"}));
    let found = call(&mut client, "rosapi/publishers", json!({"topic": "/cmd_vel"})).await;
    assert_eq!(found, json!({"publishers": ["/robot"]}));
    let found = call(&mut client, "rosapi/service_type", json!({"service": "/start"})).await;
    assert_eq!(found, json!({"type": "std_srvs/srv/Trigger"}));
    let found = call(
        &mut client,
        "rosapi/services_for_type",
        json!({"type": "std_srvs/Trigger"}),
    )
    .await;
    assert_eq!(found, json!({"services": ["/start"]}));
    let found = call(&mut client, "rosapi/node_details", json!({"node": "/robot"})).await;
    assert_eq!(list(&found, "publishing"), ["/cmd_vel"]);
    assert!(list(&found, "services").contains(&"/start"));
    let found = call(
        &mut client,
        "rosapi/message_details",
        json!({"type": "geometry_msgs/Twist"}),
    )
    .await;
    assert_eq!(found["typedefs"][0]["fieldnames"], json!(["linear", "angular"]));
    assert_eq!(
        found["typedefs"][1]["fieldtypes"],
        json!(["float64", "float64", "float64"])
    );
    let found = call(
        &mut client,
        "rosapi/service_response_details",
        json!({"type": "std_srvs/srv/Trigger"}),
    )
    .await;
    assert_eq!(found["typedefs"][0]["fieldnames"], json!(["success", "message"]));
    let found = call(&mut client, "rosapi/get_time", json!({})).await;
    assert!(found["time"]["sec"].as_i64().unwrap() > 1_600_000_000);
    let unknown = client.call("/rosapi/fly", json!({})).await.unwrap_err();
    assert!(unknown.contains("/rosapi/fly"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_and_sets_parameters() {
    let site = Site::open().await;
    let parameters = site.robot.parameters();
    parameters
        .declare(
            "speed",
            ParameterValue::Double(0.5),
            ParameterDescriptor::new("m/s").range(0.0..=1.0),
        )
        .unwrap();
    parameters
        .declare(
            "name",
            ParameterValue::String("r2".to_owned()),
            ParameterDescriptor::default(),
        )
        .unwrap();
    let listing = |name: &nuncio::TopicName| name.as_str() == "/robot/list_parameters";
    site.until(|| site.border.node().graph().services().into_keys().find(listing))
        .await;
    let mut client = site.client().await;
    let found = client.call("rosapi/get_param_names", json!({})).await.unwrap();
    let names = list(&found, "names");
    assert!(
        names.contains(&"/robot:speed") && names.contains(&"/robot:name"),
        "{names:?}"
    );
    let found = client
        .call("rosapi/get_param", json!({"name": "/robot:name"}))
        .await
        .unwrap();
    assert_eq!(found["value"], "\"r2\"", "a text is quoted");
    client
        .call("rosapi/set_param", json!({"name": "/robot:speed", "value": "0.75"}))
        .await
        .unwrap();
    assert_eq!(parameters.get("speed"), Some(ParameterValue::Double(0.75)));
    let refused = client
        .call("rosapi/set_param", json!({"name": "/robot:speed", "value": "7.5"}))
        .await;
    assert!(
        refused.as_ref().is_err_and(|text| text.contains("stays as it is")),
        "{refused:?}"
    );
    let found = client
        .call("rosapi/has_param", json!({"name": "/robot:wings"}))
        .await
        .unwrap();
    assert_eq!(found, json!({"exists": false}));
    parameters
        .declare(
            "colour",
            ParameterValue::String("red".to_owned()),
            ParameterDescriptor {
                dynamic_typing: true,
                ..ParameterDescriptor::default()
            },
        )
        .unwrap();
    client
        .call("/rosapi/delete_param", json!({"name": "/robot:colour"}))
        .await
        .unwrap();
    let found = client
        .call("rosapi/has_param", json!({"name": "/robot:colour"}))
        .await
        .unwrap();
    assert_eq!(found, json!({"exists": false}));
    let refused = client
        .call("rosapi/get_param", json!({"name": "speed"}))
        .await
        .unwrap_err();
    assert!(refused.contains("/node:name"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_that_of_the_simulation_where_the_bridge_goes_by_it() {
    let site = Site::open().await;
    let mut client = site.client().await;
    let now = client.call("/rosapi/get_time", json!({})).await.unwrap();
    assert!(now["time"]["sec"].as_i64().unwrap() > 1_600_000_000, "{now}");
    let simulator = site.robot.publisher::<Clock>("/clock").unwrap();
    site.border.node().parameters().set("use_sim_time", true).unwrap();
    assert!(simulator.wait_for_subscribers(DEADLINE).unwrap());
    client.send(json!({"op": "subscribe", "topic": "/clock"})).await;
    client.settle().await;
    let clock = Time { sec: 7, nanosec: 5 };
    simulator.publish(&Clock { clock }).unwrap();
    let heard = client.next("publish").await;
    assert_eq!(heard["msg"]["clock"]["sec"], 7, "{heard}");
    // The bridge's own subscription may be served a moment after the client's.
    let expected = json!({"sec": 7, "nanosec": 5, "secs": 7, "nsecs": 5});
    let told = async { while client.call("/rosapi/get_time", json!({})).await.unwrap()["time"] != expected {} };
    in_time(told).await;
}
