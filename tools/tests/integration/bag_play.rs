//! `bag play` into nodes of this process: rounds of a loop, the time that is played, parts, and keys of a real terminal.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]
#![allow(clippy::indexing_slicing, reason = "a test that panics has failed, which is its job")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use nuncio::msgs::rosgraph_msgs::msg::Clock;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Message, Node, QosProfile, Received, Subscriber, SubscriptionOptions};

use crate::program::{DEADLINE, User, listen, node};

/// When the first message of the recording was received.
const BEGIN_NS: u64 = 1_700_000_000_000_000_000;
const TENTH_NS: u64 = 100_000_000;

/// A recording of thirty messages on two topics, two at each tenth of a second, of which every second pair came at the same
/// instant.
fn recorded(user: &User) -> String {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = mcap::WriteOptions::new().profile("ros2").create(&mut bytes).unwrap();
    let schema = writer
        .add_schema("std_msgs/msg/String", "ros2msg", b"string data\n")
        .unwrap();
    let channels = ["/a", "/b"].map(|topic| writer.add_channel(schema, topic, "cdr", &BTreeMap::new()).unwrap());
    for number in 0..15_u32 {
        for (which, channel_id) in (0_u32..).zip(channels) {
            let at = BEGIN_NS + u64::from(number) * TENTH_NS + u64::from(which * (number % 2));
            let header = mcap::records::MessageHeader {
                channel_id,
                sequence: number,
                log_time: at,
                publish_time: at,
            };
            let text = format!("{number:02}\0");
            let data = [&[0, 1, 0, 0, 3, 0, 0, 0], text.as_bytes()].concat();
            writer.write_to_known_channel(&header, &data).unwrap();
        }
    }
    writer.finish().unwrap();
    drop(writer);
    user.write(&[("plain.mcap", "")]);
    std::fs::write(user.path("plain.mcap"), bytes.into_inner()).unwrap();
    let bag = user.path("bag");
    let converted = user.run(&["bag", "convert", &user.path("plain.mcap"), "-o", &bag]);
    assert_eq!(converted.code, Some(0), "{converted:?}");
    assert!(!converted.stderr.contains('\r'), "no progress where nobody watches");
    bag
}

/// Whoever listens to what is played.
struct Listener {
    node: Node,
    endpoint: String,
    topics: [Subscriber<Text>; 2],
}

impl Listener {
    async fn new() -> Self {
        let (node, endpoint) = listen(node("listener", 2)).await;
        let options = || SubscriptionOptions {
            accept_replay: true,
            ..SubscriptionOptions::from(QosProfile::keep_last(10_000))
        };
        let topics = ["/a", "/b"].map(|topic| node.subscriber_with::<Text>(topic, options()).unwrap());
        Self { node, endpoint, topics }
    }

    fn play<'a>(&'a self, bag: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let play = [
            "bag",
            "play",
            bag,
            "--connect",
            &self.endpoint,
            "--wait",
            "20",
            "--json",
        ];
        [&play, more].concat()
    }

    /// The next messages, so many on each topic, in the order in which they were signed: stamp, number, topic, text.
    async fn next(&self, count: usize) -> Vec<(i64, u64, String, String)> {
        let mut heard = Vec::new();
        for topic in &self.topics {
            for _ in 0..count {
                let Received { message, info } = next(topic).await;
                heard.push((info.source_time_ns, info.number, info.topic.to_string(), message.data));
            }
        }
        heard.sort();
        heard
    }

    /// How many messages wait on both topics.
    fn left(&self) -> usize {
        let left = self
            .topics
            .iter()
            .map(|topic| std::iter::from_fn(|| topic.try_recv().ok()).count());
        left.sum()
    }
}

async fn next<M: Message>(subscriber: &Subscriber<M>) -> Received<M> {
    let next = tokio::time::timeout(DEADLINE, subscriber.recv()).await;
    next.expect("it comes in time").expect("the node is open")
}

fn ns(clock: &Clock) -> u64 {
    u64::try_from(clock.clock.sec).unwrap() * 1_000_000_000 + u64::from(clock.clock.nanosec)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rounds_of_a_loop_and_of_other_players_have_one_order_and_stamps_go_on() {
    let user = User::new();
    let bag = recorded(&user);
    let due = |at: usize| {
        let topic = if at.is_multiple_of(2) { "/a" } else { "/b" };
        (topic.to_owned(), format!("{:02}", at % 30 / 2))
    };
    for _player in 0..2 {
        let listener = Listener::new().await;
        let player = user.start(&listener.play(&bag, &["--loop", "--rate", "10"]));
        let heard = listener.next(45).await;
        player.interrupt();
        let ended = player.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.json()[0]["rounds"].as_u64() >= Some(3), "{ended:?}");
        assert!(
            !ended.stderr.contains('\r'),
            "no progress where nobody watches: {ended:?}"
        );
        let stamps: BTreeSet<i64> = heard.iter().map(|heard| heard.0).collect();
        for (at, (_, number, topic, text)) in heard.into_iter().enumerate() {
            assert_eq!((topic, text), due(at), "message {at}");
            assert_eq!(
                number,
                at as u64 / 2 + 1,
                "a round goes on where the one before has ended"
            );
        }
        assert_eq!(stamps.len(), 90, "no two messages have one stamp");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_follows_the_time_that_is_played_and_hears_the_part_that_is_asked_for() {
    let user = User::new();
    let bag = recorded(&user);
    let listener = Listener::new().await;
    let follower = node("follower", 3)
        .connect(&listener.endpoint)
        .parameter("use_sim_time", true);
    let follower = follower.open().await.unwrap();
    let clock = follower.clock().unwrap();
    let told = listener
        .node
        .subscriber_with::<Clock>("/clock", QosProfile::keep_last(1000))
        .unwrap();
    let other = listener
        .node
        .subscriber_with::<Text>(
            "/other",
            SubscriptionOptions {
                accept_replay: true,
                ..SubscriptionOptions::from(QosProfile::keep_last(100))
            },
        )
        .unwrap();
    // The flag that may have a value stands before the bag.
    let mut play = listener.play(&bag, &["--start", "0.5", "--until", "1.2", "--remap", "/b:=/other"]);
    play.insert(2, "--clock");
    let played = user.run(&play);
    assert_eq!(played.code, Some(0), "{played:?}");
    assert_eq!(played.json()[0]["played"], 16, "{played:?}");
    for number in 5..=12 {
        assert_eq!(next(&listener.topics[0]).await.message.data, format!("{number:02}"));
    }
    for number in 5..=12 {
        assert_eq!(next(&other).await.message.data, format!("{number:02}"));
    }
    assert!(
        listener.topics[1].try_recv().is_err(),
        "it is played under the other name"
    );
    let times: Vec<u64> = std::iter::from_fn(|| told.try_recv().ok())
        .map(|received| ns(&received.message))
        .collect();
    let (start, until) = (BEGIN_NS + 5 * TENTH_NS, BEGIN_NS + 12 * TENTH_NS);
    assert!(times.len() > 2 && times.is_sorted(), "{times:?}");
    assert!(
        times[0] >= start && times.iter().all(|time| *time < until + 10 * TENTH_NS),
        "{times:?}"
    );
    let end = Instant::now() + DEADLINE;
    while u64::try_from(clock.now_ns()).ok().as_ref() != times.last() {
        assert!(Instant::now() < end, "it is {}, told were {times:?}", clock.now_ns());
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn keys_of_a_terminal_step_pause_and_end() {
    let user = User::new();
    let bag = recorded(&user);
    let listener = Listener::new().await;
    let told = listener
        .node
        .subscriber_with::<Clock>("/clock", QosProfile::keep_last(1000))
        .unwrap();
    for (more, keys, played) in [
        (&["--pause", "--clock"][..], &["\r", "\r", " "][..], 30),
        (&["--step", "--clock"], &[" ", "\r", "q"], 2),
    ] {
        let words = listener.play(&bag, more).join(" ");
        let mut command = Command::new("script");
        command.args([
            "-qfec",
            &format!("{} {words}", env!("CARGO_BIN_EXE_nuncio")),
            "/dev/null",
        ]);
        let started = user.start_other(&mut command, |command| {
            command
                .env("PATH", "/usr/bin:/bin")
                .env("TERM", "xterm")
                .env("NUNCIO_DISCOVERY", "off")
                .stdin(Stdio::piped());
        });
        // Not every machine has a program that makes terminals.
        let Ok(mut player) = started else { return };
        let mut terminal = player.stdin();
        let mut time = stands_still(&told).await;
        for (at, key) in keys.iter().enumerate() {
            terminal.write_all(key.as_bytes()).unwrap();
            if at < 2 {
                let message = next(&listener.topics[at]).await.message;
                assert_eq!(message.data, "00");
                let later = stands_still(&told).await;
                assert!(later >= time, "{later} comes after {time}");
                time = later;
            }
        }
        let ended = player.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(&format!("\"played\":{played}")), "{ended:?}");
        assert_eq!(listener.left(), played - 2);
    }
}

/// The time on /clock, once the same was told three times: nothing is played.
async fn stands_still(told: &Subscriber<Clock>) -> u64 {
    let (mut time, mut times) = (0, 0);
    let end = Instant::now() + DEADLINE;
    while times < 3 {
        assert!(Instant::now() < end, "time goes on, it is {time}");
        let now = ns(&next(told).await.message);
        times = if now == time { times + 1 } else { 1 };
        time = now;
    }
    time
}
