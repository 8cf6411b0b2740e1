//! `why` names the right cause first, with the command that mends it: each cause is provoked with real nodes over a real link.

use std::fmt::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nuncio::adversary::Adversary;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::security::context::Context;
use nuncio::security::frame::{FrameWriter, Header, Kind, Layout};
use nuncio::security::signer;
use nuncio::{
    Accompaniment, Discovery, Domain, Identity, LinkConfig, Message, Node, NodeName, Publisher, QosProfile, TopicName,
    TrustMode, TrustPolicy, TypeSupport,
};
use serde_json::Value;

use crate::program::{DEADLINE, Ended, User, listen, node, port};

/// What `why` says, the first cause first, and how it ends.
fn why(user: &User, endpoint: &str, args: &[&str]) -> (Vec<Value>, Option<i32>) {
    let ended = user.run(&[&["why"], args, &["--connect", endpoint, "--json"]].concat());
    said(&ended)
}

fn said(ended: &Ended) -> (Vec<Value>, Option<i32>) {
    let causes = ended.json();
    for cause in &causes {
        for member in ["cause", "remedy", "kind", "confidence"] {
            assert!(
                cause[member].as_str().is_some_and(|text| !text.is_empty()),
                "{member}: {ended:?}"
            );
        }
    }
    for line in ended.stdout.lines() {
        assert!(line.starts_with("{\"cause\":"), "{line}");
    }
    (causes, ended.code)
}

/// The first cause, which has to be of this kind.
fn first(found: (Vec<Value>, Option<i32>), kind: &str, code: i32) -> Value {
    let (causes, ended) = found;
    assert_eq!(
        causes.first().map(|cause| &cause["kind"]),
        Some(&kind.into()),
        "{causes:#?}"
    );
    assert_eq!(ended, Some(code), "{causes:#?}");
    causes.into_iter().next().expect("a cause")
}

fn text<'a>(cause: &'a Value, member: &str) -> &'a str {
    cause[member]
        .as_str()
        .unwrap_or_else(|| panic!("no {member} in {cause}"))
}

/// Publishes again and again until it is dropped.
struct Chatter {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Chatter {
    fn start(mut publish: impl FnMut() + Send + 'static) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            while !ending.load(Ordering::Relaxed) {
                publish();
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self {
            ends,
            thread: Some(thread),
        }
    }

    fn of(publisher: Publisher<Text>) -> Self {
        Self::start(move || {
            // A node that closes ends it.
            let _ = publisher.try_publish(&hello());
        })
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn hello() -> Text {
    Text {
        data: "hello".to_owned(),
    }
}

fn key(seed: u8) -> String {
    Identity::from_seed(&[seed; 32]).public_key().to_string()
}

/// A user whose trust.toml says this, and that its own key may do everything.
fn trusting(policy: &str) -> User {
    let user = User::new();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    let path = user.path("nuncio/trust.toml");
    let mut whole = std::fs::read_to_string(&path).expect("the policy");
    write!(whole, "\n{policy}").expect("text");
    std::fs::write(&path, whole).expect("the policy is written");
    user
}

/// A talker on a free port, and a listener that is connected to it.
async fn talker_and_listener() -> (Node, String, Node) {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let listener = node("listener", 2)
        .connect(&endpoint)
        .open()
        .await
        .expect("the node opens");
    (talker, endpoint, listener)
}

/// Waits until the first node knows the card of the second one as it is to be.
async fn knows(who: &Node, whom: &str, is_as_wanted: impl Fn(&nuncio::msgs::nuncio_msgs::msg::NodeCard) -> bool) {
    let whom = NodeName::parse(whom).expect("a name");
    let known = who.wait_for_graph(DEADLINE, |graph| {
        graph
            .nodes_named(&whom)
            .any(|node| node.card.as_deref().is_some_and(&is_as_wanted))
    });
    assert!(known.await.is_some(), "{whom} was not met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn messages_that_flow_are_told_with_exit_code_0() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let _chatter = Chatter::of(talker.publisher("/chatter").unwrap());
    let flows = first(why(&User::new(), &endpoint, &["/chatter"]), "messages_flow", 0);
    assert!(text(&flows, "cause").starts_with("messages flow: "), "{flows}");
    assert_eq!(flows["publisher"], "/talker");
    let ended = User::new().run(&["why", "chatter", "--connect", &endpoint]);
    assert!(ended.stdout.starts_with("messages flow: "), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nobody_who_publishes_or_subscribes_is_told_with_exit_code_1() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let publisher = talker.publisher::<Text>("/chatter").unwrap();
    let user = User::new();
    let nobody = first(why(&user, &endpoint, &["/map"]), "no_publisher", 1);
    assert!(
        text(&nobody, "cause").starts_with("no node publishes /map in domain 0: 1 node seen"),
        "{nobody}"
    );
    first(
        why(&user, &endpoint, &["/chatter", "--from", "/radar"]),
        "no_publisher",
        1,
    );
    let _chatter = Chatter::of(publisher);
    let unheard = first(
        why(&user, &endpoint, &["/chatter", "--to", "/base"]),
        "no_subscriber",
        1,
    );
    assert!(
        text(&unheard, "cause").starts_with("no node called /base is there"),
        "{unheard}"
    );
    let near = first(
        why(&user, &endpoint, &["/chatter", "--from", "/talkre"]),
        "other_name",
        1,
    );
    assert_eq!(text(&near, "command"), "nuncio node info /talker");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_topic_of_another_domain_is_found() {
    let (talker, endpoint) = listen(node("talker", 1).domain(Domain::parse("arena").unwrap())).await;
    let _publisher = talker.publisher::<Text>("/chatter").unwrap();
    let cause = first(why(&User::new(), &endpoint, &["/chatter"]), "other_domain", 1);
    assert_eq!(
        text(&cause, "cause"),
        "/talker publishes /chatter in domain arena, and this is domain 0"
    );
    assert_eq!(
        (text(&cause, "domain"), text(&cause, "publisher")),
        ("arena", "/talker")
    );
    let command: Vec<&str> = text(&cause, "command").split(' ').skip(1).collect();
    // The command leads on.
    let there = User::new().run(&[&command[..], &["--connect", &endpoint]].concat());
    assert!(there.stdout.contains("has published nothing"), "{there:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_topic_of_this_machine_in_another_domain_is_found_by_the_registry() {
    let (user, place) = (User::new(), tempfile::tempdir().unwrap());
    let here = |command: &mut Command| {
        command
            .env("NUNCIO_DISCOVERY", "local")
            .env("XDG_RUNTIME_DIR", place.path());
    };
    let args = [
        "topic",
        "pub",
        "/chatter",
        "std_msgs/String",
        "data: hello",
        "--domain",
        "arena",
    ];
    let mut talker = user.start_as(&[&args[..], &["-r", "20", "--json"]].concat(), here);
    talker.json();
    let asked = user.start_as(&["why", "/chatter", "--json"], here).end();
    let cause = first(said(&asked), "other_domain", 1);
    assert_eq!(text(&cause, "domain"), "arena");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn other_namespaces_and_almost_equal_names_are_suggested() {
    let (talker, endpoint) = listen(node("talker", 1).namespace("/robot1")).await;
    let _scan = talker.publisher::<Text>("scan").unwrap();
    let _odometry = talker.publisher::<Text>("/odometry").unwrap();
    let user = User::new();
    let namespace = first(why(&user, &endpoint, &["/scan"]), "other_namespace", 1);
    assert!(
        text(&namespace, "cause").starts_with("/robot1/talker publishes /robot1/scan, in another namespace"),
        "{namespace}"
    );
    assert_eq!(text(&namespace, "command"), "nuncio topic echo /robot1/scan");
    let letter = first(why(&user, &endpoint, &["/odomtery"]), "other_name", 1);
    assert_eq!(text(&letter, "command"), "nuncio topic echo /odometry");
    let of_node = first(
        why(&user, &endpoint, &["/scan", "--from", "/robot1/talker"]),
        "other_namespace",
        1,
    );
    assert!(
        text(&of_node, "remedy").contains("--ros-args -r /robot1/scan:=/scan"),
        "{of_node}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_incompatible_policy_is_named_with_what_each_side_says() {
    let (talker, endpoint, listener) = talker_and_listener().await;
    let _chatter = Chatter::of(talker.publisher_with("/scan", QosProfile::sensor_data()).unwrap());
    let _subscriber = listener.subscriber::<Text>("/scan").unwrap();
    knows(&talker, "/listener", |card| !card.subscribers.is_empty()).await;
    for args in [&["/scan"][..], &["/scan", "--from", "talker", "--to", "listener"]] {
        let cause = first(why(&User::new(), &endpoint, args), "qos_incompatible", 3);
        assert!(
            text(&cause, "cause")
                .contains("(RELIABILITY): /talker offers best_effort, and /listener requests reliable"),
            "{cause}"
        );
        assert_eq!(
            (text(&cause, "policy"), text(&cause, "subscriber")),
            ("RELIABILITY", "/listener")
        );
        assert_eq!(
            text(&cause, "command"),
            "nuncio topic echo /scan --qos-reliability best_effort"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn types_that_differ_are_told_with_the_first_field() {
    let (talker, endpoint, listener) = talker_and_listener().await;
    let longer = TypeSupport::compile(
        "std_msgs/msg/String",
        &[("std_msgs/msg/String", "string data\nint32 urgency\n")],
    );
    let publisher = talker
        .generic_publisher("/chatter", &longer.unwrap(), QosProfile::default())
        .unwrap();
    let other = talker.publisher::<Text>("/cmd_vel").unwrap();
    let _same_name = listener.subscriber::<Text>("/chatter").unwrap();
    let _other_name = listener.subscriber::<Twist>("/cmd_vel").unwrap();
    knows(&talker, "/listener", |card| card.subscribers.len() == 2).await;
    let cause = first(why(&User::new(), &endpoint, &["/chatter"]), "type_differs", 3);
    assert_eq!(text(&cause, "field"), "urgency");
    assert!(
        text(&cause, "cause").contains("different definitions of std_msgs/msg/String: field `urgency`"),
        "{cause}"
    );
    let cause = first(why(&User::new(), &endpoint, &["/cmd_vel"]), "type_differs", 3);
    assert_eq!(
        text(&cause, "cause"),
        "the types differ: /talker publishes /cmd_vel as std_msgs/msg/String, and /listener subscribes to it as \
         geometry_msgs/msg/Twist"
    );
    drop((publisher, other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_definition_that_this_program_does_not_know_is_asked_of_the_subscriber() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let listener = node("listener", 2).connect(&endpoint).open().await.unwrap();
    let _subscriber = listener.subscriber::<Text>("/chatter").unwrap();
    knows(&talker, "/listener", |card| !card.subscribers.is_empty()).await;
    let served = talker
        .fetch_type(listener.public_key(), Text::TYPE_NAME, &Text::TYPE_HASH)
        .await
        .unwrap();
    assert_eq!(served.type_hash(), Text::TYPE_HASH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn keys_that_trust_toml_refuses_are_told_with_the_reason() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let _chatter = Chatter::of(talker.publisher("/chatter").unwrap());
    let grant = |more: &str| {
        format!(
            "[grants.talker]\nkey = \"{}\"\nroles = [\"everything\"]\n{more}",
            key(1)
        )
    };
    let revoked = format!("[revoked]\n\"{}\" = 2020-01-01T00:00:00Z\n", key(1));
    for (policy, kind, said) in [
        (
            String::new(),
            "role_missing",
            "has no role that permits it to publish /chatter",
        ),
        (
            grant("expires = 2020-01-01T00:00:00Z\n"),
            "certificate_expired",
            "has expired",
        ),
        (
            grant("not_before = 2120-01-01T00:00:00Z\n"),
            "certificate_not_yet_valid",
            "is not valid yet",
        ),
        (revoked, "key_revoked", "the key of /talker is revoked"),
    ] {
        let cause = first(why(&trusting(&policy), &endpoint, &["/chatter"]), kind, 3);
        assert!(text(&cause, "cause").contains(said), "{cause}");
        assert_eq!(text(&cause, "publisher"), "/talker");
    }
    // The command mends it.
    let user = trusting("");
    let cause = first(why(&user, &endpoint, &["/chatter"]), "role_missing", 3);
    let command: Vec<&str> = text(&cause, "command").split(' ').skip(1).collect();
    let mended = user.run(&command);
    assert_eq!(mended.code, Some(0), "{mended:?}");
    first(why(&user, &endpoint, &["/chatter"]), "messages_flow", 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_receiver_says_itself_whom_it_refuses() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let _chatter = Chatter::of(talker.publisher("/chatter").unwrap());
    let enforcing = TrustPolicy::in_mode(TrustMode::Enforce);
    let listener = node("listener", 2)
        .trust(enforcing)
        .connect(&endpoint)
        .open()
        .await
        .unwrap();
    let subscriber = listener.subscriber::<Text>("/chatter").unwrap();
    let end = Instant::now() + DEADLINE;
    while subscriber.stats().refused.is_empty() {
        assert!(Instant::now() < end, "nothing was refused");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Whoever asks believes the talker.
    let cause = first(
        why(&User::new(), &endpoint, &["/chatter", "--to", "listener"]),
        "role_missing",
        3,
    );
    assert!(text(&cause, "cause").ends_with("so /listener refuses it"), "{cause}");
    assert_eq!(
        (text(&cause, "publisher"), text(&cause, "subscriber")),
        ("/talker", "/listener")
    );
    assert!(text(&cause, "command").contains(&key(1)), "{cause}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn another_key_than_the_pinned_one_is_told() {
    let user = User::new();
    let (first_talker, endpoint) = listen(node("talker", 1)).await;
    let chatter = Chatter::of(first_talker.publisher("/chatter").unwrap());
    first(why(&user, &endpoint, &["/chatter"]), "messages_flow", 0);
    drop(chatter);
    first_talker.close().await.unwrap();
    let (other_talker, endpoint) = listen(node("talker", 9)).await;
    let _chatter = Chatter::of(other_talker.publisher("/chatter").unwrap());
    let cause = first(why(&user, &endpoint, &["/chatter"]), "pin_mismatch", 3);
    assert!(
        text(&cause, "cause").contains("signs with another key than the one that was pinned"),
        "{cause}"
    );
    assert!(text(&cause, "remedy").contains("known.toml"), "{cause}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn limits_of_a_topic_are_told() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let _chatter = Chatter::of(talker.publisher("/chatter").unwrap());
    let limited = |limit: &str| {
        let granted = format!("[grants.talker]\nkey = \"{}\"\nroles = [\"everything\"]\n", key(1));
        trusting(&format!("{granted}\n[topics.\"chatter\"]\n{limit}\n"))
    };
    for (limit, kind) in [
        ("max_rate = 2", "rate_exceeded"),
        ("max_size = \"2 B\"", "too_large"),
        ("second_signer = \"everything\"", "approval_missing"),
    ] {
        let user = limited(limit);
        let asked = ["why", "/chatter", "--connect", &endpoint, "--json", "--timeout", "12"];
        // An approval is waited for up to ten seconds.
        let found = match kind {
            "approval_missing" => said(&user.run(&asked)),
            _ => why(&user, &endpoint, &["/chatter"]),
        };
        first(found, kind, 3);
    }
}

/// A frame that the talker's key has signed, but not the talker; `number` behind what it has published.
fn signed_by_copied_key(header: &Header, number: u64, time_ns: i64, replay: bool) -> Vec<u8> {
    let header = Header {
        first_number: header.first_number + number,
        first_time_ns: time_ns,
        replay,
        ..header.clone()
    };
    let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
    frame
        .push(time_ns, Accompaniment::default(), |bytes| {
            bytes.push(0);
            Ok::<(), ()>(())
        })
        .expect("it is done");
    let (name, hash) = (Text::TYPE_NAME, &Text::TYPE_HASH);
    let context = Context::new(&Domain::default(), "/chatter", name, hash, Kind::Message, &[]);
    signer::seal(&Identity::from_seed(&[1; 32]), frame.finish(), &context)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn clocks_that_stand_apart_and_recordings_are_told() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let publisher = talker.publisher::<Text>("/chatter").unwrap();
    let link = LinkConfig {
        connect: vec![endpoint.clone()],
        discovery: Some(Discovery::Off),
        ..LinkConfig::default()
    };
    let wire = Arc::new(Adversary::join(&link, Domain::default()).await.unwrap());
    let topic = TopicName::parse("/chatter").unwrap();
    let capture = wire.capture(&topic).unwrap();
    let genuine = loop {
        publisher.publish(&hello()).unwrap();
        if let Some(frame) = capture.next(Duration::from_millis(100)) {
            break frame;
        }
    };
    let header = Layout::parse(&genuine).unwrap().header;
    let hour = 3_600_000_000_000;
    for (ahead_ns, replay, kind, said) in [
        (-hour, false, "clock_off", "too old (published 36"),
        (hour, false, "clock_off", "from the future (published 3"),
        (0, true, "replay", "plays a recording back (replay)"),
    ] {
        let (wire, topic, header) = (Arc::clone(&wire), topic.clone(), header.clone());
        let mut number = 1000;
        let _playing = Chatter::start(move || {
            number += 1;
            let frame = signed_by_copied_key(&header, number, header.first_time_ns + ahead_ns, replay);
            wire.put(&topic, &frame).unwrap();
        });
        let grant = format!("[grants.talker]\nkey = \"{}\"\nroles = [\"everything\"]\n", key(1));
        let user = trusting(&format!(
            "{grant}[time]\nstamp_age_max = \"60s\"\nstamp_ahead_max = \"60s\"\n"
        ));
        let cause = first(why(&user, &endpoint, &["/chatter"]), kind, 3);
        assert!(text(&cause, "cause").contains(said), "{cause}");
    }
}

#[test]
fn an_endpoint_that_gives_no_link_is_told_with_how_it_failed() {
    let (_port, endpoint) = port();
    let refused = first(
        why(&User::new(), &endpoint, &["/chatter", "--timeout", "0.5"]),
        "link_down",
        3,
    );
    assert!(
        text(&refused, "cause").contains("the connection is refused"),
        "{refused}"
    );
    assert_eq!(text(&refused, "command"), format!("nuncio router --listen {endpoint}"));
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp/{}", mute.local_addr().unwrap());
    let mute = first(
        why(&User::new(), &endpoint, &["/chatter", "--timeout", "0.5"]),
        "link_down",
        3,
    );
    assert!(
        text(&mute, "cause").contains("something listens there, but no link came about"),
        "{mute}"
    );
}

#[test]
fn a_machine_without_a_network_interface_is_told() {
    let (user, place) = (User::new(), tempfile::tempdir().unwrap());
    let bring_up_loopback = "ip link set lo up && exec \"$@\"";
    let alone = ["-rn", "sh", "-c", bring_up_loopback, "sh", env!("CARGO_BIN_EXE_nuncio")];
    let asked = ["why", "/chatter", "--json", "--timeout", "0.5"];
    let mut command = Command::new("unshare");
    let started = user.start_other(command.args(alone).args(asked), |command| {
        command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("XDG_RUNTIME_DIR", place.path());
    });
    let Ok(running) = started else { return };
    let ended = running.end();
    if ended.stderr.contains("unshare") {
        // Not everybody may make a network namespace.
        return;
    }
    let cause = first(said(&ended), "multicast_unavailable", 1);
    assert!(text(&cause, "cause").starts_with("multicast is unavailable"), "{cause}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_slow_subscriber_is_told_with_what_its_queue_dropped() {
    let (talker, endpoint, listener) = talker_and_listener().await;
    let _chatter = Chatter::of(talker.publisher("/chatter").unwrap());
    let slow = listener
        .subscriber_with::<Text>("/chatter", QosProfile::keep_last(3))
        .unwrap();
    let end = Instant::now() + DEADLINE;
    while slow.stats().dropped == 0 {
        assert!(Instant::now() < end, "nothing was dropped");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let cause = first(
        why(&User::new(), &endpoint, &["/chatter", "--to", "/listener"]),
        "queue_full",
        3,
    );
    assert!(
        text(&cause, "cause").contains("the queue of /listener is full"),
        "{cause}"
    );
    assert_eq!(text(&cause, "subscriber"), "/listener");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_that_never_published_or_no_longer_does_is_told() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let publisher = talker.publisher::<Text>("/chatter").unwrap();
    let user = User::new();
    let never = first(why(&user, &endpoint, &["/chatter"]), "never_published", 3);
    assert_eq!(
        text(&never, "cause"),
        "/talker has a publisher on /chatter, but has published nothing since it started"
    );
    publisher.publish(&hello()).unwrap();
    let quiet = first(why(&user, &endpoint, &["/chatter"]), "quiet", 3);
    assert!(
        text(&quiet, "cause").starts_with("/talker has published 1 message on /chatter"),
        "{quiet}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_without_a_card_is_told() {
    let (_talker, endpoint) = listen(node("talker", 1)).await;
    let link = LinkConfig {
        connect: vec![endpoint.clone()],
        discovery: Some(Discovery::Off),
        ..LinkConfig::default()
    };
    let wire = Adversary::join(&link, Domain::default()).await.unwrap();
    let ghost = NodeName::parse("/ghost").unwrap();
    let _claim = wire
        .claim_presence(&Identity::from_seed(&[7; 32]).public_key(), 1, &ghost)
        .unwrap();
    let cause = first(
        why(&User::new(), &endpoint, &["/chatter", "--from", "/ghost"]),
        "card_missing",
        3,
    );
    assert!(text(&cause, "cause").contains("/ghost"), "{cause}");
}
