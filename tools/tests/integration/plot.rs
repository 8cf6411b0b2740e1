//! `topic plot` into a file.

use std::time::{Duration, Instant};

use nuncio::msgs::sensor_msgs::msg::Imu;
use serde_json::json;

use crate::program::{DEADLINE, User, listen, node};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn numbers_of_a_topic_are_drawn_into_a_file() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let publisher = talker.publisher::<Imu>("/imu").unwrap();
    let user = User::new();
    let file = user.path("imu.svg");
    let mut running = user.start(&[
        "topic",
        "plot",
        "/imu",
        "--field",
        "linear_acceleration.x",
        "--field",
        "angular_velocity_covariance[0]",
        "--svg",
        &file,
        "--samples",
        "20",
        "--json",
        "--connect",
        &endpoint,
    ]);
    let end = Instant::now() + DEADLINE;
    while publisher.matched_subscribers() == 0 {
        assert!(Instant::now() < end, "they do not meet");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for step in 0..20 {
        let mut message = Imu::default();
        message.linear_acceleration.x = f64::from(step);
        publisher.publish(&message).unwrap();
    }
    let first = running.json();
    assert_eq!(
        (&first["field"], &first["samples"], &first["unit"]),
        (&json!("linear_acceleration.x"), &json!(20), &json!(null))
    );
    assert_eq!(
        (&first["min"], &first["mean"], &first["max"]),
        (&json!(0.0), &json!(9.5), &json!(19.0))
    );
    let second = running.json();
    assert_eq!(
        (&second["field"], &second["unit"]),
        (&json!("angular_velocity_covariance[0]"), &json!("rad^2/s^2"))
    );
    assert_eq!(running.end().code, Some(0));
    let drawing = std::fs::read_to_string(&file).unwrap();
    assert!(
        drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"),
        "{drawing}"
    );
    assert!(
        drawing.contains(">angular_velocity_covariance[0] [rad^2/s^2]<") && drawing.contains("/imu, 20 messages"),
        "{drawing}"
    );
    talker.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_field_that_is_no_number_is_refused_with_those_that_are() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let publisher = talker.publisher::<Imu>("/imu").unwrap();
    let user = User::new();
    let file = user.path("imu.svg");
    let running = user.start(&[
        "topic",
        "plot",
        "/imu",
        "-f",
        "header.frame_id",
        "--svg",
        &file,
        "--connect",
        &endpoint,
    ]);
    let end = Instant::now() + DEADLINE;
    while publisher.matched_subscribers() == 0 {
        assert!(Instant::now() < end, "they do not meet");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    publisher.publish(&Imu::default()).unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("sensor_msgs/msg/Imu has no number at \"header.frame_id\"; it has orientation.x,"),
        "{ended:?}"
    );
    talker.close().await.unwrap();
}

#[test]
fn without_a_terminal_a_file_is_asked_for_and_silence_ends() {
    let ended = User::new().run(&["topic", "plot", "/imu"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--svg FILE"), "{ended:?}");
    let user = User::new();
    let ended = user.run(&[
        "topic",
        "plot",
        "/imu",
        "--svg",
        &user.path("x.svg"),
        "--timeout",
        "0.3",
    ]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
}
