//! Which messages are shown, and what of them: `--filter`, `--field`, `--csv`, `--no-arr`, `--no-str`, and images.

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::sensor_msgs::msg::Image;
use nuncio::{Node, Publisher, QosProfile};
use serde_json::json;

use crate::program::{User, listen, node, port};

/// A node that has published five speeds, 0 to 4 m/s, which late subscribers get, too.
async fn speeds() -> (Node, Publisher<Twist>, String) {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let latched = QosProfile::keep_last(10).transient_local();
    let publisher = talker
        .publisher_with::<Twist>("/cmd_vel", latched)
        .expect("a publisher");
    for speed in 0..5_u8 {
        let mut twist = Twist::default();
        twist.linear.x = speed.into();
        publisher.publish(&twist).expect("it is published");
    }
    (talker, publisher, endpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn only_messages_that_satisfy_the_filter_are_shown_and_counted() {
    let (talker, _publisher, endpoint) = speeds().await;
    let key = talker.public_key();
    let echo = |filter: &str, times: &str| {
        let args = [
            "topic",
            "echo",
            "/cmd_vel",
            "--connect",
            &endpoint,
            "--json",
            "--filter",
            filter,
            "--times",
            times,
        ];
        let ended = User::new().run(&args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let speeds = ended
            .json()
            .into_iter()
            .map(|line| line["message"]["linear"]["x"].as_f64());
        speeds.flatten().collect::<Vec<_>>()
    };
    assert_eq!(echo(&format!("linear.x > 1 && signer == '{key}'"), "2"), [2.0, 3.0]);
    assert_eq!(echo("number == 5 || !(linear.x > 0)", "2"), [0.0, 4.0]);
    let stranger = format!("signer != '{key}'");
    let args = [
        "topic",
        "echo",
        "/cmd_vel",
        "--connect",
        &endpoint,
        "--once",
        "--timeout",
        "1",
        "--filter",
        &stranger,
    ];
    let ended = User::new().run(&args);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
}

#[test]
fn messages_that_are_left_out_do_not_make_the_wait_longer() {
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
    for command in [["echo", "--once"], ["hz", "--wall-time"]] {
        let [verb, flag] = command;
        let args = [
            "topic",
            verb,
            flag,
            "/x",
            "--connect",
            &endpoint,
            "--timeout",
            "1",
            "--filter",
            "data > 0",
        ];
        let ended = operator.run(&args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(
            verb == "hz" || ended.stderr.contains("came, and none satisfies the filter"),
            "{ended:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_filter_that_does_not_fit_the_type_is_an_error_before_any_message() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let _silent = talker.publisher::<Twist>("/cmd_vel").unwrap();
    for (filter, told) in [
        ("linear.x > 1 && angular.w > 1", "angular.w > 1\n                  ^"),
        ("linear.x == 'fast'", "never equal"),
        ("linear.x = 1", "write `==`"),
    ] {
        for command in ["echo", "hz", "bw", "delay"] {
            let ended = User::new().run(&["topic", command, "/cmd_vel", "--connect", &endpoint, "--filter", filter]);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
            assert!(ended.stderr.contains(told) || command != "echo", "{ended:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rates_are_those_of_what_the_filter_lets_through() {
    let (_talker, _publisher, endpoint) = speeds().await;
    let ended = User::new().run(&[
        "topic",
        "hz",
        "/cmd_vel",
        "--connect",
        &endpoint,
        "--json",
        "--timeout",
        "3",
        "--filter",
        "linear.x >= 3",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let last = ended.json().pop().unwrap();
    assert_eq!((&last["messages"], &last["final"]), (&json!(2), &json!(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_field_is_shown_alone_and_values_in_lines() {
    let (_talker, _publisher, endpoint) = speeds().await;
    let echo = |more: &[&str]| {
        let ended = User::new().run(
            &[
                &["topic", "echo", "/cmd_vel", "--connect", &endpoint, "--times", "2"],
                more,
            ]
            .concat(),
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    let field = echo(&["--field", "linear.x"]).stdout;
    assert!(field.contains("\n1.0") && !field.contains("linear"), "{field}");
    assert_eq!(
        echo(&["--field", "linear", "--json"]).json()[1]["message"],
        json!({"x": 1.0, "y": 0.0, "z": 0.0})
    );
    assert_eq!(
        echo(&["--csv"]).stdout,
        "0.0,0.0,0.0,0.0,0.0,0.0\n1.0,0.0,0.0,0.0,0.0,0.0\n"
    );
    assert_eq!(
        echo(&["--csv", "--csv-header", "--field", "linear"]).stdout,
        "linear.x,linear.y,linear.z\n0.0,0.0,0.0\n1.0,0.0,0.0\n"
    );
    let wrong = User::new().run(&[
        "topic",
        "echo",
        "/cmd_vel",
        "--connect",
        &endpoint,
        "--once",
        "--field",
        "liner",
    ]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("linear, angular"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_image_is_told_by_its_size_and_encoding_and_whole_in_json() {
    let (camera, endpoint) = listen(node("camera", 1)).await;
    let latched = QosProfile::keep_last(1).transient_local();
    let publisher = camera.publisher_with::<Image>("/image", latched).unwrap();
    let image = Image {
        height: 48,
        width: 64,
        encoding: "rgb8".to_owned(),
        step: 192,
        data: vec![7; 9216],
        ..Image::default()
    };
    publisher.publish(&image).unwrap();
    let echo = |more: &[&str]| {
        let ended = User::new().run(&[&["topic", "echo", "/image", "--connect", &endpoint, "--once"], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    let people = echo(&[]).stdout;
    assert!(
        people.contains("data: \"<64×48 rgb8, 9.00 KiB>\"\n") && people.len() < 1000,
        "{people}"
    );
    assert!(echo(&["--full-length"]).stdout.len() > 9216);
    assert_eq!(
        echo(&["--json"]).json()[0]["message"]["data"].as_array().map(Vec::len),
        Some(9216)
    );
    assert_eq!(
        echo(&["--json", "--no-arr"]).json()[0]["message"]["data"],
        "<list of 9216>"
    );
    assert!(echo(&["--no-str"]).stdout.contains("encoding: \"<text of 4>\""));
}
