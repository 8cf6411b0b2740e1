//! `node health`, `node facts` and `log`, of nodes in this process.

use std::time::Duration;

use nuncio::msgs::rcl_interfaces::msg::Log;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{FindingKind, QosProfile};
use serde_json::json;

use crate::program::{DEADLINE, User, listen, node};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_is_well_says_so_and_one_that_is_not_says_why() {
    let (node, endpoint) = listen(node("talker", 1)).await;
    let health = |more: &[&str]| User::new().run(&[&["node", "health", "--connect", &endpoint], more].concat());
    let ended = health(&["--timeout", "20"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.starts_with("/talker  ") && ended.stdout.ends_with("  ok\n"),
        "{ended:?}"
    );

    let hasty = QosProfile {
        deadline: Some(Duration::from_millis(20)),
        ..QosProfile::default()
    };
    let _late = node.publisher_with::<Text>("/late", hasty).unwrap();
    let end = std::time::Instant::now() + DEADLINE;
    while node.health().is_healthy() {
        assert!(std::time::Instant::now() < end, "it stays healthy");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ended = health(&["talker", "--timeout", "20"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.contains("error: /late: deadlines missed: "), "{ended:?}");
    assert!(
        ended.stdout.contains(FindingKind::OfferedDeadlineMissed.remedy()),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("1 of 1 node not well"), "{ended:?}");
    let said = health(&["--json", "--timeout", "20"]).json().remove(0);
    assert_eq!(
        (&said["node"], &said["healthy"], &said["level"]),
        (&json!("/talker"), &json!(false), &json!("error"))
    );
    assert_eq!(said["key"], node.public_key().to_string());
    assert_eq!(said["findings"][0]["kind"], "offered_deadline_missed");
    assert_eq!(health(&["/nobody", "--timeout", "0.5"]).code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_facts_of_a_node_are_shown_as_tables_and_as_json() {
    let (node, endpoint) = listen(node("talker", 1)).await;
    let publisher = node.publisher::<Text>("/chatter").unwrap();
    let _subscriber = node
        .subscriber_with::<Text>("/chatter", QosProfile::keep_last(7))
        .unwrap();
    publisher
        .publish(&Text {
            data: "hello".to_owned(),
        })
        .unwrap();
    let ended = User::new().run(&["node", "facts", "/talker", "--connect", &endpoint]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for expected in [
        "  health         ok\n",
        "  PUBLISHER ",
        "  SUBSCRIPTION ",
        "  /chatter ",
        "1/7",
        "  KNOWS ",
    ] {
        assert!(ended.stdout.contains(expected), "{expected}: {ended:?}");
    }
    let facts = User::new()
        .run(&["node", "facts", "/talker", "--json", "--connect", &endpoint])
        .json()
        .remove(0);
    assert_eq!(
        (&facts["publishers"][0]["topic"], &facts["publishers"][0]["sent"]),
        (&json!("/chatter"), &json!(1))
    );
    assert_eq!(
        (
            &facts["subscriptions"][0]["queued"],
            &facts["subscriptions"][0]["depth"]
        ),
        (&json!(1), &json!(7))
    );
    assert_eq!(facts["peers_total"], 1, "the program itself");
    assert_eq!(
        User::new()
            .run(&["node", "facts", "/nobody", "--connect", &endpoint, "--timeout", "0.5"])
            .code,
        Some(1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_log_shows_who_has_signed_each_line_whatever_name_it_bears() {
    let (node, endpoint) = listen(node("talker", 1).namespace("/robot_1")).await;
    let log = node.publisher_with::<Log>("/rosout", QosProfile::rosout()).unwrap();
    let say = |level, name: &str, msg: &str| {
        let (name, msg) = (name.to_owned(), msg.to_owned());
        log.publish(&Log {
            level,
            name,
            msg,
            ..Log::default()
        })
        .unwrap();
    };
    say(Log::DEBUG, "robot_1.talker", "not asked for");
    say(Log::INFO, "robot_1.talker", "all is well");
    say(Log::ERROR, "robot_1.pilot", "I am the pilot\u{1b}[2J\nand all is lost");
    let show = |more: &[&str]| User::new().run(&[&["log", "--connect", &endpoint], more].concat());
    let ended = show(&["--times", "2"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let [first, second] = &*ended.stdout.lines().collect::<Vec<_>>() else {
        panic!("{ended:?}")
    };
    assert!(first.ends_with(" INFO  robot_1.talker: all is well"), "{ended:?}");
    let expected =
        " ERROR /robot_1/talker (which says that it is \"robot_1.pilot\"): I am the pilot\\u{1b}[2J\\nand all is lost";
    assert!(second.ends_with(expected), "{ended:?}");

    let said = show(&["--times", "1", "--level", "warn", "--node", "/robot_1/talker", "--json"])
        .json()
        .remove(0);
    assert_eq!(
        (&said["node"], &said["name_is_own"], &said["level"]),
        (&json!("/robot_1/talker"), &json!(false), &json!("error"))
    );
    assert_eq!(said["signer"], node.public_key().to_string());
    assert_eq!(
        show(&["--node", "/robot_1/pilot", "--timeout", "1"]).code,
        Some(1),
        "the pilot has said nothing"
    );
}
