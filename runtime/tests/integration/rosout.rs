//! What a program logs, as others hear it.

use std::time::Instant;

use nuncio::msgs::rcl_interfaces::msg::Log;
use nuncio::{QosProfile, Received, Subscriber, rosout};
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::peers::{DEADLINE, Peers, next};

fn log_of(peers: &Peers) -> Subscriber<Log> {
    peers
        .listener
        .subscriber_with::<Log>(rosout::TOPIC, QosProfile::rosout())
        .unwrap()
}

/// The next line that the test itself has logged.
fn own(log: &Subscriber<Log>) -> Received<Log> {
    loop {
        let line = next(log);
        if line.message.function.ends_with("rosout") && line.message.file.ends_with("integration/rosout.rs") {
            return line;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_is_published_with_level_place_and_signer() {
    let peers = Peers::new().await;
    let program = Dispatch::new(tracing_subscriber::registry().with(rosout::layer(&peers.talker).unwrap()));
    let log = log_of(&peers);
    tracing::dispatcher::with_default(&program, || {
        tracing::debug!("not published");
        tracing::warn!(left = 3, "the way is {}", "blocked");
        tracing::error!(target: "zenoh::net", "what Zenoh says is not published");
        tracing::info!(robot = "r1");
    });
    let line = own(&log);
    assert_eq!(line.info.signer, peers.talker.public_key());
    assert_eq!(
        (line.message.level, line.message.msg.as_str()),
        (Log::WARN, "the way is blocked left=3")
    );
    assert_eq!(line.message.name, "talker");
    assert!(line.message.line > 0);
    let line = own(&log);
    assert_eq!(
        (line.message.level, line.message.msg.as_str()),
        (Log::INFO, "robot=\"r1\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_late_finds_what_was_logged_a_moment_ago() {
    let peers = Peers::new().await;
    let program = Dispatch::new(
        tracing_subscriber::registry().with(rosout::layer_from(&peers.talker, LevelFilter::DEBUG).unwrap()),
    );
    tracing::dispatcher::with_default(&program, || tracing::debug!("early"));
    let log = log_of(&peers);
    let line = own(&log);
    assert_eq!((line.message.level, line.message.msg.as_str()), (Log::DEBUG, "early"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_holds_nobody_up_and_what_was_dropped_is_told() {
    let peers = Peers::new().await;
    const LINES: usize = 100_000;
    let all = QosProfile::keep_last(2 * LINES);
    let log = peers.listener.subscriber_with::<Log>(rosout::TOPIC, all).unwrap();
    let program = Dispatch::new(tracing_subscriber::registry().with(rosout::layer(&peers.talker).unwrap()));
    let start = Instant::now();
    tracing::dispatcher::with_default(&program, || {
        for number in 0..LINES {
            tracing::info!(number, "a line that is long enough to need some room");
        }
    });
    assert!(start.elapsed() < DEADLINE, "logging waited: {:?}", start.elapsed());
    let end = Instant::now() + DEADLINE;
    let told = loop {
        let line = log.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap();
        if line.message.msg.contains("lines were dropped") {
            break line;
        }
    };
    assert_eq!((told.message.level, told.message.name.as_str()), (Log::WARN, "talker"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_thread_that_publishes_ends_with_the_node() {
    let peers = Peers::new().await;
    let program = Dispatch::new(tracing_subscriber::registry().with(rosout::layer(&peers.talker).unwrap()));
    peers.talker.close().await.unwrap();
    tracing::dispatcher::with_default(&program, || {
        tracing::error!("nobody hears this, and nothing comes of it")
    });
    assert!(
        rosout::layer::<tracing_subscriber::Registry>(&peers.talker).is_err(),
        "the node is closed"
    );
}
