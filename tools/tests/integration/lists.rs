//! `topic list`, `topic info`, `node list` and `node info`, of nodes in this process.

use nuncio::msgs::example_interfaces::action::Fibonacci;
use nuncio::msgs::geometry_msgs::msg::{Twist, TwistStamped};
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Identity, QosProfile};
use serde_json::json;

use crate::program::{User, listen, node};

fn key(seed: u8) -> String {
    Identity::from_seed(&[seed; 32]).public_key().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn topics_are_listed_with_their_types_and_counts() {
    let (node, endpoint) = listen(node("talker", 1)).await;
    let _chatter = node.publisher::<Text>("/chatter").unwrap();
    let _also = node.subscriber::<Text>("/chatter").unwrap();
    let _any = node.generic_subscriber("/any", QosProfile::default()).unwrap();
    let _hidden = node.publisher::<Text>("/_hidden/x").unwrap();
    let list = |more: &[&str]| {
        let ended = User::new().run(&[&["topic", "list", "--connect", &endpoint], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    assert_eq!(list(&[]).stdout, "/any\n/chatter\n");
    assert_eq!(list(&["--all"]).stdout, "/_hidden/x\n/any\n/chatter\n");
    assert_eq!(
        list(&["-t"]).stdout,
        "/any [any type]\n/chatter [std_msgs/msg/String]\n"
    );
    insta::assert_snapshot!(list(&["-v"]).stdout, @r"
    TOPIC     TYPE                 PUBLISHERS  SUBSCRIBERS
    /any      any type             0           1
    /chatter  std_msgs/msg/String  1           1
    ");
    let lines = list(&["--json"]).json();
    assert_eq!(
        lines[1],
        json!({
            "topic": "/chatter",
            "type": "std_msgs/msg/String",
            "type_hash": "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18",
            "types_differ": false,
            "publishers": 1,
            "subscribers": 1,
        })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn topics_are_found_by_their_type_and_types_by_their_topic() {
    let (node, endpoint) = listen(node("talker", 1)).await;
    let _chatter = node.publisher::<Text>("/chatter").unwrap();
    let _also = node.subscriber::<Text>("/talk").unwrap();
    let _hidden = node.publisher::<Text>("/_hidden/x").unwrap();
    let _odd = (
        node.publisher::<Twist>("/odd").unwrap(),
        node.subscriber::<Text>("/odd").unwrap(),
    );
    let _any = node.generic_subscriber("/any", QosProfile::default()).unwrap();
    let run = |args: &[&str]| User::new().run(&[&["topic"], args, &["--connect", &endpoint]].concat());
    assert_eq!(run(&["find", "std_msgs/String"]).stdout, "/chatter\n/odd\n/talk\n");
    assert_eq!(run(&["find", "geometry_msgs/msg/Twist"]).stdout, "/odd\n");
    assert_eq!(
        run(&["find", "std_msgs/String", "-a"]).stdout,
        "/_hidden/x\n/chatter\n/odd\n/talk\n"
    );
    let found = run(&["find", "geometry_msgs/Twist", "--json"]).json().remove(0);
    assert_eq!(
        (&found["topic"], &found["type"], &found["types_differ"]),
        (&json!("/odd"), &json!("geometry_msgs/msg/Twist"), &json!(true))
    );
    assert_eq!(run(&["type", "chatter"]).stdout, "std_msgs/msg/String\n");
    let odd = run(&["type", "/odd"]);
    assert_eq!(odd.stdout, "geometry_msgs/msg/Twist\nstd_msgs/msg/String\n");
    assert!(odd.stderr.contains("/odd has several types"), "{odd:?}");
    for nothing in [["find", "std_msgs/msg/Int32"], ["type", "/nothing"], ["type", "/any"]] {
        let ended = run(&nothing);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_shows_its_services_actions_and_parameters() {
    let (node, endpoint) = listen(node("robot", 1)).await;
    let parameters = node.parameters();
    parameters.declare("speed", 0.5, Default::default()).unwrap();
    let _action = node.action_server::<Fibonacci>("/fibonacci").unwrap();
    let info = |more: &[&str]| {
        let ended = User::new().run(&[&["node", "info", "/robot", "--connect", &endpoint], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    let people = info(&[]).stdout;
    assert!(
        people.contains("  actions\n    /fibonacci  example_interfaces/action/Fibonacci  serves\n"),
        "{people}"
    );
    assert!(people.contains("  parameters\n    speed  0.5\n"), "{people}");
    assert!(
        people.contains("/robot/get_parameters") && !people.contains("_action"),
        "{people}"
    );
    assert!(info(&["--all"]).stdout.contains("/fibonacci/_action/feedback"));
    let program = info(&["--json"]).json().remove(0);
    assert_eq!(program["parameters"], json!({"speed": 0.5}));
    assert_eq!(program["actions"][0]["name"], "/fibonacci");
    drop(parameters);
    assert_eq!(info(&["--json"]).json()[0]["parameters"], json!(null), "they are gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn types_that_differ_are_pointed_out() {
    let (node, endpoint) = listen(node("talker", 1)).await;
    let _plain = node.publisher::<Twist>("/cmd_vel").unwrap();
    let _stamped = node.subscriber::<TwistStamped>("/cmd_vel").unwrap();
    let ended = User::new().run(&["topic", "info", "cmd_vel", "--connect", &endpoint]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("the nodes mean different types"), "{ended:?}");
    assert!(ended.stdout.contains("geometry_msgs/msg/TwistStamped"), "{ended:?}");

    let ended = User::new().run(&["topic", "info", "cmd_vel", "--connect", &endpoint, "--json"]);
    let [info] = ended.json().try_into().unwrap();
    assert_eq!(info["types_differ"], true);
    let publisher = &info["publishers"][0];
    assert_eq!(publisher["node"], "/talker");
    assert_eq!(publisher["key"], key(1).as_str());
    assert_eq!(publisher["verified"], true);
    assert_eq!(publisher["type"], "geometry_msgs/msg/Twist");
    assert_eq!(info["subscribers"][0]["type"], "geometry_msgs/msg/TwistStamped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nodes_are_listed_and_shown() {
    let (node, endpoint) = listen(node("talker", 1).namespace("/robot_1")).await;
    let _chatter = node.publisher::<Text>("chatter").unwrap();
    let run = |args: &[&str]| {
        let ended = User::new().run(&[args, &["--connect", &endpoint]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    assert_eq!(run(&["node", "list"]).stdout, "/robot_1/talker\n");
    assert_eq!(run(&["node", "list", "--all"]).stdout.lines().count(), 2);
    let listed = run(&["node", "list", "--json"]).json();
    assert_eq!(
        (&listed[0]["verified"], &listed[0]["publishers"]),
        (&json!(true), &json!(1))
    );

    let shown = run(&["node", "info", "robot_1/talker"]).stdout;
    for text in [
        key(1).as_str(),
        "verified    yes",
        "/robot_1/chatter  std_msgs/msg/String",
        "seen by /_nuncio_",
    ] {
        assert!(shown.contains(text), "{shown}");
    }
    let [shown] = run(&["node", "info", "/robot_1/talker", "--json"])
        .json()
        .try_into()
        .unwrap();
    assert_eq!(shown["epoch"].as_u64(), Some(node.epoch()));
    assert_eq!(shown["publishers"][0]["topic"], "/robot_1/chatter");
    assert_eq!(shown["seen_by"]["neighbours"], json!([endpoint]));
}

#[test]
fn nothing_there_is_exit_1_and_says_what_was_seen() {
    for args in [
        ["topic", "list"].as_slice(),
        &["topic", "info", "/x"],
        &["node", "list"],
        &["node", "info", "/x"],
    ] {
        let ended = User::new().run(&[args, &["--timeout", "0.1"]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains("0 other nodes seen in domain 0"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_claim_without_a_card_is_shown_as_unverified() {
    use nuncio::adversary::Adversary;
    use nuncio::{Discovery, Domain, LinkConfig, NodeName};

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
    let ended = User::new().run(&["node", "list", "--connect", &endpoint]);
    assert_eq!(ended.stdout, "/ghost (not verified: it shows no card)\n", "{ended:?}");
    let ended = User::new().run(&["node", "info", "/ghost", "--connect", &endpoint, "--json"]);
    let [shown] = ended.json().try_into().unwrap();
    assert_eq!(shown["verified"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pairs_that_do_not_fit_are_named_with_the_policy() {
    let (node, endpoint) = listen(node("talker", 1)).await;
    let _lossy = node
        .publisher_with::<Text>("/chatter", QosProfile::sensor_data())
        .unwrap();
    let _strict = node.subscriber::<Text>("/chatter").unwrap();
    let _content = node
        .subscriber_with::<Text>("/chatter", QosProfile::sensor_data())
        .unwrap();
    let info = |more: &str| {
        let ended = User::new().run(&["topic", "info", "/chatter", "--connect", &endpoint, more]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    let told = "`/talker` offers best_effort, `/talker` requests reliable: nothing is delivered (RELIABILITY)\n";
    let text = info("-v").stdout;
    assert!(text.contains("1 pair does not fit\n") && text.ends_with(told), "{text}");
    let text = info("--no-color").stdout;
    assert!(text.ends_with("1 pair does not fit; -v says which\n"), "{text}");
    assert_eq!(
        info("--json").json()[0]["incompatible"],
        json!([{
            "publisher": "/talker",
            "publisher_key": key(1),
            "subscriber": "/talker",
            "subscriber_key": key(1),
            "policy": "RELIABILITY",
        }])
    );
}
