//! What is refused is told on stderr, with reason and remedy, and gives exit code 3.

use std::time::Duration;

use nuncio::adversary::Adversary;
use nuncio::{Accompaniment, Discovery, Domain, LinkConfig, QosProfile, TopicName, TypeSupport};

use crate::program::{DEADLINE, User, listen, node, port};

/// How long to wait for talk before the adversary tries again: the first frames may come before the subscription does.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_no_frame_is_told_about_and_never_printed() {
    let (_port, endpoint) = port();
    let link = LinkConfig {
        listen: vec![endpoint.clone()],
        discovery: Some(Discovery::Off),
        ..LinkConfig::default()
    };
    let adversary = Adversary::join(&link, Domain::default()).await.unwrap();
    let mut echo = User::new().start(&["topic", "echo", "/x", "--connect", &endpoint, "--json"]);
    let topic = TopicName::parse("/x").unwrap();
    let told = loop {
        adversary.put(&topic, b"no frame at all\x1b[2J").unwrap();
        if let Some(line) = echo.talk_within(TRY_AGAIN_AFTER, "refused, NotAFrame") {
            break line;
        }
    };
    assert!(told.contains("something that is not Nuncio publishes"), "{told}");
    echo.interrupt();
    let ended = echo.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
    assert!(ended.stderr.contains("refused: NotAFrame "), "{ended:?}");
    assert!(!ended.stderr.contains('\x1b'), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_verified_message_that_is_none_of_its_type_is_refused() {
    let (node, endpoint) = listen(node("zoo", 1)).await;
    let source = ("zoo_msgs/msg/Gait", "string<=4 name\nfloat64 speed  # @range [0, 2]\n");
    let gait = TypeSupport::compile(source.0, &[source]).unwrap();
    let publisher = node.generic_publisher("/gait", &gait, QosProfile::default()).unwrap();
    let echo = User::new().start(&["topic", "echo", "/gait", "--connect", &endpoint, "--json", "--once"]);
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let good = gait
        .run_time_type()
        .unwrap()
        .from_json_text(r#"{"name": "trot", "speed": 1}"#, 0)
        .unwrap();
    let mut too_fast = good.clone();
    too_fast.splice(5.., 9.0_f64.to_le_bytes());
    for payload in [good.get(..7).unwrap(), too_fast.as_slice(), good.as_slice()] {
        publisher.publish(payload, Accompaniment::default()).unwrap();
    }
    let ended = echo.end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let [shown] = ended.json().try_into().unwrap();
    assert_eq!(
        (&shown["number"], &shown["message"]["name"]),
        (&3.into(), &"trot".into())
    );
    assert!(
        ended.stderr.contains("refused, DecodeFailed: #1 of /zoo: "),
        "{ended:?}"
    );
    assert!(
        ended.stderr.contains("refused, LimitViolated: #2 of /zoo: speed is 9"),
        "{ended:?}"
    );
    assert!(
        ended.stderr.contains("refused: DecodeFailed 1, LimitViolated 1"),
        "{ended:?}"
    );
}
