//! The services below `/rosapi` that clients look around with, answered by the bridge itself: they show what the client's role
//! may see.

use serde_json::{Value, json};

use super::op::cut;
use super::{rosapi_graph, rosapi_parameters, rosapi_types};
use crate::client::Client;

/// Calls the service with this name below `/rosapi`.
pub(super) async fn call(client: &Client, name: &str, args: &Value) -> Result<Value, String> {
    let text = |member: &str| args.get(member).and_then(Value::as_str).unwrap_or_default();
    let values = match name {
        "topics" => rosapi_graph::topics(client),
        "topics_and_raw_types" => rosapi_types::topics_and_raw_types(client).await,
        "topic_type" => json!({"type": rosapi_graph::topic_type(client, text("topic"))}),
        "topics_for_type" => json!({"topics": rosapi_graph::topics_for_type(client, text("type"))}),
        "publishers" => json!({"publishers": rosapi_graph::publishers(client, text("topic"))}),
        "subscribers" => json!({"subscribers": rosapi_graph::subscribers(client, text("topic"))}),
        "services" => json!({"services": rosapi_graph::services(client)}),
        "service_type" => json!({"type": rosapi_graph::service_type(client, text("service"))}),
        "services_for_type" => json!({"services": rosapi_graph::services_for_type(client, text("type"))}),
        "service_node" => json!({"node": rosapi_graph::service_node(client, text("service"))}),
        "service_providers" => json!({"providers": rosapi_graph::service_providers(client, text("service"))}),
        "nodes" => json!({"nodes": rosapi_graph::nodes(client)}),
        "node_details" => rosapi_graph::node_details(client, text("node")),
        "action_servers" => json!({"action_servers": rosapi_graph::action_servers(client)}),
        "action_type" => json!({"type": rosapi_graph::action_type(client, text("action"))}),
        "interfaces" => json!({"interfaces": client.border().library().names().collect::<Vec<_>>()}),
        "message_details" => rosapi_types::message_details(client, text("type")).await?,
        "service_request_details" => rosapi_types::service_details(client, text("type"), false).await?,
        "service_response_details" => rosapi_types::service_details(client, text("type"), true).await?,
        "action_goal_details" => rosapi_types::action_details(client, text("type"), |ty| ty.goal())?,
        "action_result_details" => rosapi_types::action_details(client, text("type"), |ty| ty.result())?,
        "action_feedback_details" => rosapi_types::action_details(client, text("type"), |ty| ty.feedback())?,
        "get_param" => {
            rosapi_parameters::get(client, text("name"), args.get("default_value").or(args.get("default"))).await?
        }
        "set_param" => rosapi_parameters::set(client, text("name"), args.get("value")).await?,
        "has_param" => json!({"exists": rosapi_parameters::has(client, text("name")).await}),
        "delete_param" => rosapi_parameters::delete(client, text("name")).await?,
        "get_param_names" => json!({"names": rosapi_parameters::names(client).await}),
        "get_time" => {
            let clock = client.border().node().clock().map_err(|error| error.to_string())?;
            json!({"time": time(clock.now_ns())})
        }
        "get_ros_version" => json!({"version": 2, "distro": "jazzy"}),
        other => return Err(format!("the bridge has no service /rosapi/{}", cut(other))),
    };
    Ok(values)
}

/// A time under the names of ROS 2, and under those of ROS 1, which roslibpy reads.
fn time(now_ns: i64) -> Value {
    let (sec, nanosec) = (now_ns.div_euclid(1_000_000_000), now_ns.rem_euclid(1_000_000_000));
    json!({"sec": sec, "nanosec": nanosec, "secs": sec, "nsecs": nanosec})
}
