//! `graph`: of real nodes, in each of its forms.

use nuncio::adversary::Adversary;
use nuncio::msgs::example_interfaces::action::Fibonacci;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::msgs::std_srvs::srv::Trigger;
use nuncio::{Discovery, Domain, Identity, LinkConfig, NodeName};
use serde_json::{Value, json};

use crate::program::{User, listen, node};

/// The names of some ends.
fn names(ends: &Value) -> Vec<&str> {
    let ends = ends.as_array().expect("a list");
    ends.iter().filter_map(|end| end["node"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_publishes_subscribes_serves_and_calls_what_is_shown_in_every_form() {
    let (base, endpoint) = listen(node("base", 1)).await;
    let teleop = node("teleop", 2).connect(&endpoint).open().await.unwrap();
    let _ends = (
        base.subscriber::<Twist>("/cmd_vel").unwrap(),
        base.service_server::<Trigger>("/stop").unwrap(),
        base.action_server::<Fibonacci>("/dock").unwrap(),
        base.publisher::<Text>("/_hidden").unwrap(),
        teleop.publisher::<Twist>("/cmd_vel").unwrap(),
        teleop.service_client::<Trigger>("/stop").unwrap(),
    );
    let user = User::new();
    let run = |more: &[&str]| {
        let ended = user.run(&[&["graph", "--connect", &endpoint], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    let tree = run(&[]).stdout;
    for line in [
        "├─ subscribes   /cmd_vel  geometry_msgs/msg/Twist              ← /teleop\n",
        "├─ serves       /stop     std_srvs/srv/Trigger                 ← /teleop\n",
        "└─ carries out  /dock     example_interfaces/action/Fibonacci  ← nobody\n",
        "├─ publishes  /cmd_vel  geometry_msgs/msg/Twist  → /base\n",
        "└─ calls      /stop     std_srvs/srv/Trigger     → /base\n",
    ] {
        assert!(tree.contains(line), "{tree}");
    }
    assert!(
        !tree.contains("_hidden") && !tree.contains("/_nuncio") && !tree.contains("/rosout"),
        "{tree}"
    );
    assert!(run(&["-a"]).stdout.contains("/_hidden"));

    let graph = run(&["--json"]).json().remove(0);
    assert_eq!(names(&graph["nodes"]), ["/base", "/teleop"]);
    let key = |seed| Identity::from_seed(&[seed; 32]).public_key().to_string();
    assert_eq!(
        graph["nodes"][0],
        json!({"node": "/base", "key": key(1), "nickname": null, "verified": true, "trust": "unpinned"})
    );
    let topic = &graph["topics"][0];
    assert_eq!(
        (
            &topic["topic"],
            &topic["types"],
            names(&topic["publishers"]),
            names(&topic["subscribers"])
        ),
        (
            &json!("/cmd_vel"),
            &json!(["geometry_msgs/msg/Twist"]),
            vec!["/teleop"],
            vec!["/base"]
        )
    );
    assert_eq!(
        graph["services"][0]["servers"],
        json!([{"node": "/base", "key": key(1)}])
    );
    assert_eq!(graph["actions"][0]["action"], "/dock");

    let narrow = run(&["--node", "/teleop", "--topic", "/cmd_vel", "--json"])
        .json()
        .remove(0);
    assert_eq!(
        (
            narrow["topics"].as_array().unwrap().len(),
            narrow["services"].as_array().unwrap().len()
        ),
        (1, 0)
    );

    let dot = run(&["--dot"]).stdout;
    assert!(
        dot.starts_with("digraph nuncio {\n") && dot.ends_with("}\n") && dot.contains("label=\"/cmd_vel\\n"),
        "{dot}"
    );
    let file = user.path("graph.svg");
    assert_eq!(run(&["--svg", &file]).stdout, "");
    let drawing = std::fs::read_to_string(&file).unwrap();
    assert!(
        drawing.starts_with("<svg ") && drawing.contains("/cmd_vel</text>"),
        "{drawing}"
    );
    assert_eq!(run(&["--svg"]).stdout, drawing, "the same, in the same order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_shows_no_card_is_in_the_graph_with_nothing_to_its_name() {
    let (_port, endpoint) = crate::program::port();
    let link = LinkConfig {
        listen: vec![endpoint.clone()],
        discovery: Some(Discovery::Off),
        ..LinkConfig::default()
    };
    let adversary = Adversary::join(&link, Domain::default()).await.unwrap();
    let someone = Identity::from_seed(&[9; 32]).public_key();
    let _claim = adversary
        .claim_presence(&someone, 1, &NodeName::parse("/ghost").unwrap())
        .unwrap();
    let ended = User::new().run(&["graph", "--connect", &endpoint]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.starts_with("/ghost  z6Mk") && ended.stdout.ends_with(", unverified\n"),
        "{ended:?}"
    );
}

#[test]
fn an_empty_graph_is_exit_1_and_forms_exclude_each_other() {
    let ended = User::new().run(&["graph", "--timeout", "0.1"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("0 other nodes seen in domain 0"), "{ended:?}");
    let ended = User::new().run(&["graph", "--timeout", "0.1", "--json"]);
    assert_eq!(ended.json()[0]["nodes"], json!([]));
    for args in [
        ["graph", "--dot", "--svg"],
        ["graph", "--dot", "--json"],
        ["graph", "--svg", "--json"],
    ] {
        assert_eq!(User::new().run(&args).code, Some(2));
    }
}
