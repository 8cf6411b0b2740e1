//! `topic pub` in one process, `topic echo` in another.

use nuncio::{Accompaniment, Identity, QosProfile, TypeSupport};
use serde_json::json;

use crate::program::{DEADLINE, User, listen, node, port};

#[test]
fn what_one_process_publishes_another_prints() {
    let (robot, operator, (_port, endpoint)) = (User::new(), User::new(), port());
    let text = r#"{"data": "hello\u009b31m"}"#;
    let mut talker = robot.start(&[
        "topic",
        "pub",
        "chatter",
        "std_msgs/String",
        text,
        "-r",
        "20",
        "--listen",
        &endpoint,
        "--json",
    ]);
    let signer = talker.json()["signer"].as_str().unwrap().to_owned();
    let echo = |more: &[&str]| {
        let args = ["topic", "echo", "/chatter", "--connect", &endpoint, "--times", "2"];
        operator.run(&[&args, more].concat())
    };

    let people = echo(&[]);
    assert_eq!(people.code, Some(0), "{people:?}");
    assert_eq!(
        people.stdout.matches("data: \"hello\\u009b31m\"\n---\n").count(),
        2,
        "{people:?}"
    );
    assert!(people.stdout.starts_with("# /_nuncio_"), "{people:?}");

    let program = echo(&["--json"]);
    assert_eq!(program.code, Some(0), "{program:?}");
    assert!(!program.stdout.contains('\u{9b}'));
    let messages = program.json();
    let [first, second] = messages.as_slice() else {
        panic!("two messages were asked for: {messages:?}");
    };
    let fields: Vec<&String> = first.as_object().unwrap().keys().collect();
    let expected = [
        "topic",
        "type",
        "signer",
        "verified",
        "number",
        "stamp_ns",
        "provenance",
        "node",
        "verdict",
        "missing_before",
        "id",
        "message",
    ];
    assert_eq!(fields, expected);
    assert_eq!(first["topic"], "/chatter");
    assert_eq!(first["type"], "std_msgs/msg/String");
    assert_eq!(first["signer"], signer.as_str());
    assert_eq!(first["verified"], true);
    assert_eq!(first["provenance"], "live");
    assert_eq!(first["message"], json!({"data": "hello\u{9b}31m"}));
    assert_eq!(
        second["number"].as_u64(),
        first["number"].as_u64().map(|number| number + 1)
    );

    let raw = echo(&["--raw", "--json"]);
    assert_eq!(raw.json()[0]["payload"], "0a68656c6c6fc29b33316d");
}

#[test]
fn one_message_waits_for_its_subscriber_and_arrives() {
    let (robot, operator, (_port, endpoint)) = (User::new(), User::new(), port());
    let mut echo = operator.start(&["topic", "echo", "/once", "--listen", &endpoint, "--json", "--once"]);
    // Listening is not announced, so the talker may have to try again until the port is there.
    let published = robot.run(&[
        "topic",
        "pub",
        "/once",
        "std_msgs/msg/Int32",
        "data: 7",
        "--once",
        "--wait",
        "20",
        "--connect",
        &endpoint,
        "--json",
    ]);
    assert_eq!(published.code, Some(0), "{published:?}");
    let [published] = published.json().try_into().unwrap();
    let fields: Vec<&String> = published.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["topic", "type", "number", "id", "signer"]);
    let received = echo.json();
    assert_eq!(
        (&received["id"], &received["message"]),
        (&published["id"], &json!({"data": 7}))
    );
    assert_eq!(echo.end().code, Some(0));
}

#[test]
fn lines_of_stdin_are_messages() {
    let (robot, operator, (_port, endpoint)) = (User::new(), User::new(), port());
    let mut echo = operator.start(&[
        "topic", "echo", "/lines", "--listen", &endpoint, "--json", "--times", "3",
    ]);
    let args = [
        "topic",
        "pub",
        "/lines",
        "std_msgs/Int32",
        "-",
        "--wait",
        "20",
        "--connect",
        &endpoint,
    ];
    let published = robot
        .start_with_stdin(&args, "{\"data\": 1}\n\ndata: 2\n{data: 3}\n")
        .end();
    assert_eq!(published.code, Some(0), "{published:?}");
    for data in 1..=3 {
        assert_eq!(echo.json()["message"]["data"], data);
    }
    assert_eq!(echo.end().code, Some(0));
}

#[test]
fn a_bad_line_ends_it_and_is_named() {
    let robot = User::new();
    let args = ["topic", "pub", "/lines", "std_msgs/Int32", "-", "--wait", "0"];
    let ended = robot.start_with_stdin(&args, "data: 1\ndata: x\n").end();
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("line 2: ") && ended.stderr.contains("data"),
        "{ended:?}"
    );
    assert!(ended.stdout.starts_with("published #1 "), "{ended:?}");
}

#[test]
fn a_file_may_hold_what_echo_printed() {
    let robot = User::new();
    let file = robot.home().join("messages.yaml");
    std::fs::write(&file, "# /talker\ndata: 1\n---\n# /talker\ndata: 2\n---\n").unwrap();
    let file = file.to_str().unwrap();
    let args = [
        "topic",
        "pub",
        "/f",
        "std_msgs/Int32",
        "--file",
        file,
        "--once",
        "-r",
        "100",
        "--wait",
        "0",
        "--json",
    ];
    let ended = robot.run(&args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json().len(), 2);
}

#[test]
fn wrong_values_are_refused_with_their_path_before_anything_is_published() {
    let robot = User::new();
    let refused = |type_name: &str, values: &str| {
        let ended = robot.run(&["topic", "pub", "/x", type_name, values, "--once"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        ended.stderr
    };
    let cases = [
        ("geometry_msgs/Twist", "{linear: {w: 1}}", "linear.w"),
        ("geometry_msgs/Twist", "{linear: {x: fast}}", "linear.x"),
        ("nuncio_msgs/MotionCommand", "{linear_x: 1.0e9}", "linear_x"),
        ("std_msgs/UInt8", "data: 256", "data"),
        ("std_msgs/String", "[", ""),
    ];
    for (type_name, values, path) in cases {
        let stderr = refused(type_name, values);
        assert!(stderr.contains("error: not a ") && stderr.contains(path), "{stderr}");
    }
    assert!(refused("std_msgs/Strin", "data: x").contains("did you mean std_msgs/msg/String"));
    assert!(refused("std_srvs/srv/SetBool", "").contains("std_srvs/srv/SetBool"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_type_that_only_the_publisher_knows_is_printed() {
    let (node, endpoint) = listen(node("zoo", 1)).await;
    let gait = TypeSupport::compile(
        "zoo_msgs/msg/Gait",
        &[
            ("zoo_msgs/msg/Gait", "float64 speed\nFoot[] feet\n"),
            ("zoo_msgs/msg/Foot", "bool down\n"),
        ],
    )
    .unwrap();
    let publisher = node.generic_publisher("/gait", &gait, QosProfile::default()).unwrap();
    let echo = User::new().start(&["topic", "echo", "/gait", "--connect", &endpoint, "--json", "--once"]);
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let message = json!({"speed": 1.5, "feet": [{"down": true}]});
    let payload = gait.run_time_type().unwrap().from_json(&message, 0).unwrap();
    publisher.publish(&payload, Accompaniment::default()).unwrap();
    let ended = echo.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let [line] = ended.json().try_into().unwrap();
    assert_eq!(line["message"], message);
    assert_eq!(line["node"], "/zoo");
    assert_eq!(line["verdict"], "pinned");
    assert_eq!(line["signer"], Identity::from_seed(&[1; 32]).public_key().to_string());
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let (robot, operator, (_port, endpoint)) = (User::new(), User::new(), port());
    let mut talker = robot.start(&[
        "topic",
        "pub",
        "/x",
        "std_msgs/Int32",
        "-r",
        "50",
        "--listen",
        &endpoint,
    ]);
    talker.line();
    let binary = env!("CARGO_BIN_EXE_nuncio");
    let script = format!("{binary} topic echo /x --json --connect {endpoint} | head -1; echo ${{PIPESTATUS[0]}}");
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-c", &script])
        .env("NUNCIO_HOME", operator.home().join("nuncio"));
    let output = shell.output().expect("bash runs");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let [line, code] = stdout.lines().collect::<Vec<_>>().try_into().unwrap();
    assert!(line.starts_with("{\"topic\":\"/x\""), "{stdout}");
    assert_eq!(code, "0");
}

#[test]
fn ctrl_c_ends_in_order() {
    let (robot, operator, (_port, endpoint)) = (User::new(), User::new(), port());
    let mut talker = robot.start(&[
        "topic",
        "pub",
        "/x",
        "std_msgs/Int32",
        "-r",
        "50",
        "--listen",
        &endpoint,
    ]);
    talker.line();
    let mut echo = operator.start(&["topic", "echo", "/x", "--json", "--connect", &endpoint]);
    echo.json();
    echo.interrupt();
    assert_eq!(echo.end().code, Some(0));
    talker.interrupt();
    let talker = talker.end();
    assert_eq!(talker.code, Some(0));
    assert!(talker.stderr.contains("published "), "{talker:?}");
}

#[test]
fn silence_is_nothing_and_says_how_long_it_was() {
    let ended = User::new().run(&["topic", "echo", "/nothing", "--once", "--timeout", "0.2"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("no message on /nothing for 200 ms"), "{ended:?}");
}

#[test]
fn the_flags_of_a_publisher_are_what_others_see_of_it_and_echo_hears_it() {
    let (robot, operator, (_port, endpoint)) = (User::new(), User::new(), port());
    let publish = "topic pub /chatter std_msgs/String {} -r 20 --qos-profile sensor_data --qos-deadline 0.5 \
                   --qos-liveliness manual_by_topic --qos-lease 2 --json --listen";
    let args: Vec<&str> = publish.split_whitespace().chain([endpoint.as_str()]).collect();
    let mut talker = robot.start(&args);
    talker.json();
    let info = operator.run(&["topic", "info", "/chatter", "--json", "--connect", &endpoint]);
    let publisher = info.json()[0]["publishers"][0].clone();
    let profile = ["reliability", "depth", "deadline", "liveliness", "lease"].map(|name| publisher[name].clone());
    assert_eq!(
        profile,
        [
            json!("best_effort"),
            json!(5),
            json!(0.5),
            json!("manual_by_topic"),
            json!(2.0)
        ]
    );
    let heard = operator.run(&["topic", "echo", "/chatter", "--once", "--connect", &endpoint]);
    assert_eq!(heard.code, Some(0), "{heard:?}");
    // Whoever asks for more than is offered gets nothing, and `topic info` names the policy.
    let args = [
        "topic",
        "echo",
        "/chatter",
        "--qos-reliability",
        "reliable",
        "--connect",
        &endpoint,
    ];
    let _strict = operator.start(&args);
    let deadline = std::time::Instant::now() + DEADLINE;
    loop {
        let info = operator.run(&["topic", "info", "/chatter", "--json", "--connect", &endpoint]);
        if info.json()[0]["incompatible"][0]["policy"] == "RELIABILITY" {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{info:?}");
    }
}
