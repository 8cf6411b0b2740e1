//! How the session with ROS 2 is opened: the settings of rmw_zenoh, except for the size of messages. Pure.

/// Where nodes of ROS 2 look for their router unless told otherwise.
pub(crate) const ROUTER_DEFAULT: &str = "tcp/localhost:7447";

/// Where a router of ROS 2 listens unless told otherwise.
const ROUTER_LISTEN_DEFAULT: &str = "tcp/[::]:7447";

/// The largest message that is put together from fragments, in bytes. Nodes of ROS allow 1 GiB, which any one of them could
/// make the bridge hold.
const MESSAGE_LEN_MAX: usize = 64 << 20;

/// What Zenoh is told: paths in its configuration, and JSON.
pub(super) fn settings(connect: &[String], listen: &[String], offer_router: bool) -> Vec<(&'static str, String)> {
    let quoted = |endpoints: &[String]| serde_json::Value::from(endpoints).to_string();
    let or_default = |endpoints: &[String], default: &str| match endpoints {
        [] => quoted(&[default.to_owned()]),
        given => quoted(given),
    };
    let (mode, connect, listen) = match offer_router {
        true => ("router", quoted(connect), or_default(listen, ROUTER_LISTEN_DEFAULT)),
        // Who only listens has been told that the others come.
        false if connect.is_empty() && !listen.is_empty() => ("peer", quoted(connect), quoted(listen)),
        false => (
            "peer",
            or_default(connect, ROUTER_DEFAULT),
            or_default(listen, "tcp/localhost:0"),
        ),
    };
    vec![
        ("mode", format!("\"{mode}\"")),
        ("connect/endpoints", connect),
        ("connect/timeout_ms", "-1".to_owned()),
        ("connect/exit_on_failure", "false".to_owned()),
        ("listen/endpoints", listen),
        ("open/return_conditions/connect_scouted", "false".to_owned()),
        ("scouting/delay", "0".to_owned()),
        ("scouting/multicast/enabled", "false".to_owned()),
        ("scouting/gossip/enabled", "true".to_owned()),
        (
            "scouting/gossip/target",
            r#"{"router": ["router", "peer"], "peer": ["router"]}"#.to_owned(),
        ),
        (
            "scouting/gossip/autoconnect_strategy",
            r#"{"peer": {"to_router": "always", "to_peer": "greater-zid"}}"#.to_owned(),
        ),
        ("timestamping/enabled", "true".to_owned()),
        ("queries_default_timeout", "600000".to_owned()),
        ("transport/unicast/open_timeout", "60000".to_owned()),
        ("transport/unicast/accept_timeout", "60000".to_owned()),
        ("transport/unicast/accept_pending", "10000".to_owned()),
        ("transport/unicast/max_sessions", "10000".to_owned()),
        ("transport/link/tx/lease", "60000".to_owned()),
        ("transport/link/tx/keep_alive", "2".to_owned()),
        (
            "transport/link/tx/queue/congestion_control/block/wait_before_close",
            "60000000".to_owned(),
        ),
        ("transport/link/rx/max_message_size", MESSAGE_LEN_MAX.to_string()),
        ("transport/shared_memory/enabled", "false".to_owned()),
    ]
}
