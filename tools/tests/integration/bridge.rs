//! The bridge as a user runs it: configurations that are checked, faces that begin, refuse and end.

use std::io::{BufRead, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::program::User;

const CONFIG: &str = r#"
[[route]]
topics = ["/camera/**", "/tf"]
direction = "out"
rate_max = 10.0

[[route]]
topics = "/robot1/**"
rename = { from = "/robot1", to = "/" }

[role.viewer]
subscribe = ["/**"]

[[token]]
file = "viewer.token"
role = "viewer"

[foxglove]
address = "127.0.0.1:0"

[rosbridge]
address = "127.0.0.1:0"
"#;

#[test]
fn a_configuration_is_read_aloud() {
    let user = User::new();
    user.write(&[("bridge.toml", CONFIG), ("viewer.token", "0123456789abcdef\n")]);
    let file = user.path("bridge.toml");
    let ended = user.run(&["bridge", "check", &file, "--topic", "/robot1/cmd_vel"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for line in [
        "face   foxglove 127.0.0.1:0",
        "route  1 /camera/** out, for ros2 foxglove rosbridge grpc, at most 10 a second",
        "route  3 /robot1/** in and out, for ros2 foxglove rosbridge grpc, /robot1 here is / there",
        "role   viewer with a token",
        "topic  /robot1/cmd_vel rosbridge: out as /cmd_vel, in as /cmd_vel",
    ] {
        assert!(ended.stdout.contains(line), "{line} is missing in\n{}", ended.stdout);
    }
    let ended = user.run(&["bridge", "check", &file, "--json", "--topic", "/tf"]);
    let told = &ended.json()[0];
    assert_eq!(told["ok"], json!(true));
    assert_eq!(
        told["topics"][0]["faces"]["foxglove"],
        json!({"out": "/tf", "in": null})
    );
}

#[test]
fn the_pages_that_need_no_token_are_read_aloud() {
    let user = User::new();
    let route = "allow_origins = [\"https://dash.example.com\"]\n[[route]]\ntopics = \"/**\"\n";
    let config = format!("{route}[foxglove]\naddress = \"127.0.0.1:0\"\n");
    user.write(&[("bridge.toml", &config)]);
    let ended = user.run(&["bridge", "check", &user.path("bridge.toml")]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = "pages  of this machine, https://dash.example.com, https://app.foxglove.dev at foxglove are let in";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
}

#[test]
fn a_wrong_configuration_is_refused_with_all_that_is_wrong() {
    let user = User::new();
    user.write(&[(
        "bridge.toml",
        &CONFIG.replace("\"viewer\"", "\"operator\"").replace("10.0", "-1.0"),
    )]);
    let file = user.path("bridge.toml");
    for args in [
        &["bridge", "check", file.as_str()][..],
        &["bridge", "run", file.as_str()],
    ] {
        let ended = user.run(args);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("route 1: rate_max"), "{said}");
        assert!(said.contains("there is no [role.operator]"), "{said}");
    }
    let ended = user.run(&["bridge", "check", &user.path("none.toml"), "--json"]);
    assert_eq!((ended.code, &ended.json()[0]["ok"]), (Some(2), &json!(false)));
}

#[test]
fn all_faces_of_a_configuration_begin_and_end_together() {
    let user = User::new();
    user.write(&[("bridge.toml", CONFIG), ("viewer.token", "0123456789abcdef\n")]);
    let mut bridge = user.start(&["bridge", "run", &user.path("bridge.toml"), "--json"]);
    let ready = bridge.json();
    assert_eq!(ready["event"], json!("ready"));
    let faces: Vec<&str> = ready["faces"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|face| face["face"].as_str())
        .collect();
    assert!(faces.contains(&"foxglove") && faces.contains(&"rosbridge"), "{ready}");
    for face in ready["faces"].as_array().unwrap() {
        let address = face["address"]
            .as_str()
            .and_then(|at| at.strip_prefix("ws://"))
            .unwrap();
        std::net::TcpStream::connect(address).unwrap();
    }
    bridge.interrupt();
    let ended = bridge.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = ended.stderr.lines().filter(|line| line.starts_with("ready "));
    assert_eq!(lines.count(), 1, "{}", ended.stderr);
}

#[test]
fn without_a_route_it_says_that_nothing_crosses() {
    let user = User::new();
    let mut bridge = user.start(&["bridge", "rosbridge", "--port", "0", "--json"]);
    let ready: Value = bridge.json();
    assert_eq!(ready["routes"], json!([]));
    bridge.interrupt();
    let ended = bridge.end();
    assert!(
        ended
            .stderr
            .contains("nothing crosses: name topics and services with --allow"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_port_that_is_taken_is_said_with_what_to_do() {
    let user = User::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = user.run(&["bridge", "foxglove", "--port", &port, "--allow", "/**"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("taken by another program"), "{}", ended.stderr);
}

#[test]
fn a_short_token_and_a_wrong_pattern_are_refused() {
    let user = User::new();
    user.write(&[("short", "hunter2\n")]);
    let short = user.path("short");
    let ended = user.run(&[
        "bridge",
        "grpc",
        "--port",
        "0",
        "--allow",
        "/**",
        "--token-file",
        &short,
    ]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("7 characters, at least 16"), "{}", ended.stderr);
    let ended = user.run(&["bridge", "grpc", "--allow", "/a//b"]);
    assert_eq!(ended.code, Some(2));
}

#[test]
fn a_page_that_is_turned_away_is_told_to_the_operator() {
    let user = User::new();
    let named = "https://dash.example.com";
    let mut bridge = user.start(&[
        "bridge",
        "rosbridge",
        "--port",
        "0",
        "--allow",
        "/**",
        "--allow-origin",
        named,
        "--json",
    ]);
    let ready = bridge.json();
    let address = ready["faces"][0]["address"].as_str().unwrap();
    let address = address.strip_prefix("ws://").unwrap().to_owned();
    let knock = |origin: &str| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::BufReader::new(stream).read_line(&mut answer).unwrap();
        answer
    };
    assert!(knock(named).contains(" 101 "));
    assert!(knock("https://evil.example").contains(" 403 "));
    let told = loop {
        let line = bridge.json();
        if line["event"] == "turned_away" {
            break line;
        }
    };
    assert_eq!(told["face"], json!("rosbridge"));
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("--allow-origin https://evil.example"), "{detail}");
    bridge.interrupt();
    bridge.end();
    let ended = user.run(&["bridge", "rosbridge", "--allow-origin", "https://a/b"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("is no origin"), "{}", ended.stderr);
}
