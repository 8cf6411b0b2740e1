//! `topic hz`, `topic bw` and `topic delay`.

use crate::program::{User, port};

#[test]
fn hz_measures_and_sums_up_on_ctrl_c() {
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
    let mut hz = operator.start(&["topic", "hz", "/x", "--connect", &endpoint]);
    assert!(hz.line().starts_with("average rate: "));
    hz.interrupt();
    let ended = hz.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains(" messages, 0 missing\naverage rate: "),
        "{ended:?}"
    );

    let mut hz = operator.start(&["topic", "hz", "/x", "--connect", &endpoint, "--json", "--window", "20"]);
    let line = hz.json();
    let rate = line["rate_hz"].as_f64().unwrap();
    assert!((10.0..=100.0).contains(&rate), "{line}");
    assert_eq!(
        (&line["missing"], &line["final"], &line["topic"]),
        (&0.into(), &false.into(), &"/x".into())
    );
    assert_eq!(line["signers"].as_array().unwrap().len(), 1);
}

#[test]
fn bw_ends_after_its_duration_with_a_summary() {
    let (robot, operator, (_port, endpoint)) = (User::new(), User::new(), port());
    let mut talker = robot.start(&[
        "topic",
        "pub",
        "/x",
        "std_msgs/Float64",
        "-r",
        "50",
        "--listen",
        &endpoint,
    ]);
    talker.line();
    let ended = operator.run(&[
        "topic",
        "bw",
        "/x",
        "--connect",
        &endpoint,
        "--json",
        "--duration",
        "1.5",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let last = lines.last().unwrap();
    assert_eq!((&last["final"], &last["mean_bytes"]), (&true.into(), &8.0.into()));
    assert!(
        last["wire_bytes_per_second"].as_f64() > last["bytes_per_second"].as_f64(),
        "{last}"
    );
}

#[test]
fn delay_is_since_the_headers_stamp_or_else_since_the_signed_time() {
    let (robot, operator, (_port, endpoint)) = (User::new(), User::new(), port());
    let mut talker = robot.start(&[
        "topic",
        "pub",
        "/stamped",
        "geometry_msgs/TwistStamped",
        "{header: {stamp: {sec: 1000000000}}}",
        "-r",
        "20",
        "--listen",
        &endpoint,
    ]);
    talker.line();
    let (_other_port, other_endpoint) = port();
    let mut other = robot.start(&[
        "topic",
        "pub",
        "/plain",
        "std_msgs/Int32",
        "-r",
        "20",
        "--listen",
        &other_endpoint,
    ]);
    other.line();
    let delay = |topic: &str, endpoint: &str, more: &[&str]| {
        let args = ["topic", "delay", topic, "--duration", "1.5", "--connect", endpoint];
        let ended = operator.run(&[&args, more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    let stamped = delay("/stamped", &endpoint, &["--json"]).json().pop().unwrap();
    assert_eq!(
        (&stamped["since"], &stamped["final"]),
        (&"header.stamp".into(), &true.into())
    );
    assert!(
        stamped["mean_s"].as_f64() > Some(5e8),
        "the stamp is of 2001: {stamped}"
    );
    let plain = delay("/plain", &other_endpoint, &["--json"]).json().pop().unwrap();
    assert_eq!(plain["since"], "source time");
    assert!(plain["max_s"].as_f64() < Some(20.0), "{plain}");
    assert!(plain["min_s"].as_f64() <= plain["mean_s"].as_f64() && plain["mean_s"].as_f64() <= plain["max_s"].as_f64());
    let people = delay("/plain", &other_endpoint, &[]).stdout;
    assert!(
        people.contains("average delay: ") && people.contains("since source time (signed; "),
        "{people}"
    );
}

#[test]
fn a_silent_topic_has_no_rate() {
    let ended = User::new().run(&["topic", "hz", "/nothing", "--duration", "0.2"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
}
