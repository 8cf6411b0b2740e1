//! The border between a real node and clients: what crosses, for whom, and what is said when it does not.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

use std::sync::Arc;
use std::time::Duration;

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsResponse};
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{
    Discovery, Identity, Keystore, Node, NodeBuilder, QosProfile, Subscriber, TopicName, TopicPattern, TrustMode,
};
use nuncio_bridge::{
    Body, Border, BorderError, Client, ClientRole, Direction, Face, OutMessage, RoleLimits, Route, Rules, Tap,
    TapOptions, Token, TypeLibrary,
};
use serde_json::json;

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

fn node(name: &str, seed: u8) -> NodeBuilder {
    Node::builder(name)
        .keystore(Keystore::ephemeral(Identity::from_seed(&[seed; 32])))
        .discovery(Discovery::Off)
        .trust_mode(TrustMode::Tofu)
}

fn pattern(text: &str) -> TopicPattern {
    TopicPattern::parse(text).unwrap()
}

/// A robot and a bridge with a real link between them.
struct Site {
    robot: Node,
    border: Border,
}

impl Site {
    async fn new(rules: Rules) -> Self {
        let reserved = nuncio::local_registry::reserve_loopback_port().unwrap();
        let endpoint = reserved.locator();
        let bridge = node("bridge", 2).listen(&endpoint).open().await.unwrap();
        let robot = node("robot", 1).connect(&endpoint).open().await.unwrap();
        let met = bridge.wait_for_graph(DEADLINE, |graph| {
            graph.nodes.iter().any(|n| n.name == *robot.name() && n.is_verified())
        });
        assert!(met.await.is_some(), "they never met");
        Self {
            robot,
            border: Border::new(bridge, rules, TypeLibrary::open(&[]).unwrap()),
        }
    }

    async fn open() -> Self {
        Self::new(Rules::allow([pattern("/**")])).await
    }

    fn client(&self, who: &str) -> Client {
        let role = self.border.authenticate(None).unwrap();
        self.border.admit(Face::Grpc, who, role).unwrap()
    }

    /// Waits until the bridge's graph shows something.
    async fn until<T>(&self, seen: impl Fn() -> Option<T>) -> T {
        let mut changes = self.border.changes();
        let wait = async {
            loop {
                if let Some(found) = seen() {
                    return found;
                }
                // A change that came in between is not missed, and one that never comes ends at the deadline.
                let _ = tokio::time::timeout(Duration::from_millis(200), changes.changed()).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait)
            .await
            .expect("the bridge never saw it")
    }
}

async fn next(tap: &mut Tap) -> Arc<OutMessage> {
    let next = tokio::time::timeout(DEADLINE, tap.recv()).await;
    next.expect("no message in time").expect("the tap is closed")
}

async fn heard(subscriber: &Subscriber<Text>) -> nuncio::Received<Text> {
    tokio::time::timeout(DEADLINE, subscriber.recv())
        .await
        .unwrap()
        .unwrap()
}

fn text(data: &str) -> Text {
    Text { data: data.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verified_message_reaches_every_client_with_its_signer() {
    let site = Site::open().await;
    let (first, second) = (site.client("a"), site.client("b"));
    let mut taps = [
        first.tap("/chatter", TapOptions::default()).unwrap(),
        second.tap("chatter", TapOptions::default()).unwrap(),
    ];
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&text("hello")).unwrap();
    let mut messages = Vec::new();
    for tap in &mut taps {
        let message = next(tap).await;
        assert_eq!(message.json().unwrap().as_ref(), r#"{"data":"hello"}"#);
        assert_eq!(message.cdr().unwrap().as_ref(), b"\0\x01\0\0\x06\0\0\0hello\0");
        assert_eq!(message.info().signer, site.robot.public_key());
        assert_eq!(message.info().node, *site.robot.name());
        messages.push(message);
    }
    assert!(Arc::ptr_eq(&messages[0], &messages[1]), "it is transcoded once");
    let report = site.border.report();
    assert_eq!(report.topics[0].passed, 1);
    assert_eq!(report.clients.iter().map(|client| client.sent).sum::<u64>(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_publishes_is_signed_by_the_bridge_on_its_behalf() {
    let site = Site::open().await;
    let client = site.client("127.0.0.1:5");
    let subscriber = site.robot.subscriber::<Text>("/chatter").unwrap();
    let ty = site.border.library().message("std_msgs/String").unwrap();
    let entry = client.entry("/chatter", &ty, QosProfile::default()).unwrap();
    assert!(entry.publisher().wait_for_subscribers(DEADLINE).unwrap());
    entry.publish(Body::Json(&json!({"data": "json"}))).unwrap();
    entry
        .publish_for("/talker", Body::Cdr(b"\0\x01\0\0\x04\0\0\0cdr\0"))
        .unwrap();
    let first = heard(&subscriber).await;
    assert_eq!(first.message.data, "json");
    assert_eq!(first.info.signer, site.border.node().public_key());
    assert_eq!(first.info.origin.as_deref(), Some("grpc:127.0.0.1:5"));
    let second = heard(&subscriber).await;
    assert_eq!(
        (second.message.data.as_str(), second.info.origin.as_deref()),
        ("cdr", Some("grpc:/talker"))
    );
    let refused = entry.publish(Body::Json(&json!({"data": 5}))).unwrap_err();
    assert!(matches!(refused, BorderError::Message(_)), "{refused}");
    let report = site.border.report();
    assert_eq!((report.clients[0].received, report.clients[0].refused), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_late_gets_what_is_latched() {
    let site = Site::open().await;
    let latched = QosProfile::keep_last(1).transient_local();
    let publisher = site.robot.publisher_with::<Text>("/map", latched).unwrap();
    publisher.publish(&text("old")).unwrap();
    publisher.publish(&text("map")).unwrap();
    let mut first = site.client("a").tap("/map", TapOptions::default()).unwrap();
    assert_eq!(next(&mut first).await.json().unwrap().as_ref(), r#"{"data":"map"}"#);
    // The subscription is there already; the second client has it from the bridge.
    let mut second = site.client("b").tap("/map", TapOptions::default()).unwrap();
    assert_eq!(second.try_recv().unwrap().json().unwrap().as_ref(), r#"{"data":"map"}"#);
    assert!(second.try_recv().is_none());
    let unlatched = TapOptions {
        wants_latched: false,
        ..TapOptions::default()
    };
    assert!(site.client("c").tap("/map", unlatched).unwrap().try_recv().is_none());
    publisher.publish(&text("new map")).unwrap();
    for tap in [&mut first, &mut second] {
        assert_eq!(next(tap).await.json().unwrap().as_ref(), r#"{"data":"new map"}"#);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_loses_the_oldest_and_nobody_else_does() {
    let site = Site::open().await;
    let (slow, quick) = (site.client("slow"), site.client("quick"));
    let mut unread = slow
        .tap(
            "/chatter",
            TapOptions {
                queue: 3,
                ..TapOptions::default()
            },
        )
        .unwrap();
    let mut read = quick
        .tap(
            "/chatter",
            TapOptions {
                queue: 100,
                ..TapOptions::default()
            },
        )
        .unwrap();
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for number in 0..20 {
        publisher.publish(&text(&number.to_string())).unwrap();
        next(&mut read).await;
    }
    assert_eq!((read.dropped(), unread.dropped()), (0, 17));
    let left: Vec<_> = std::iter::from_fn(|| unread.try_recv())
        .map(|m| m.json().unwrap().to_string())
        .collect();
    assert_eq!(left, [r#"{"data":"17"}"#, r#"{"data":"18"}"#, r#"{"data":"19"}"#]);
    let dropped = |who: &str| {
        site.border
            .report()
            .clients
            .iter()
            .find(|c| c.who == who)
            .unwrap()
            .dropped
    };
    assert_eq!((dropped("slow"), dropped("quick")), (17, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bytes_that_wait_for_one_client_are_bounded_over_all_its_topics() {
    let mut role = ClientRole::everything("small");
    role.limits = RoleLimits {
        queue_bytes_max: 2500,
        ..RoleLimits::default()
    };
    let site = Site::open().await;
    let client = site.border.admit(Face::Grpc, "a", Arc::new(role)).unwrap();
    let options = TapOptions {
        queue: 100,
        ..TapOptions::default()
    };
    let (mut a, mut b) = (client.tap("/a", options).unwrap(), client.tap("/b", options).unwrap());
    let mut witness = site.client("witness").tap("/b", options).unwrap();
    let (to_a, to_b) = (
        site.robot.publisher::<Text>("/a").unwrap(),
        site.robot.publisher::<Text>("/b").unwrap(),
    );
    for publisher in [&to_a, &to_b] {
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    }
    let large = text(&"x".repeat(1000));
    to_a.publish(&large).unwrap();
    to_a.publish(&large).unwrap();
    let mut a_seen = site.client("witness a").tap("/a", options).unwrap();
    to_a.publish(&text("last")).unwrap();
    while next(&mut a_seen).await.json().unwrap().as_ref() != r#"{"data":"last"}"# {}
    to_b.publish(&large).unwrap();
    next(&mut witness).await;
    assert!(
        b.try_recv().is_none(),
        "the bytes of the client are used up by its other topic"
    );
    assert_eq!(b.dropped(), 1);
    assert!(a.try_recv().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_limits_topics_messages_and_their_size() {
    let mut viewer = ClientRole::everything("viewer");
    viewer.publish = vec![pattern("/joy")];
    viewer.limits = RoleLimits {
        in_per_second: 3,
        message_len_max: 100,
        taps_max: 1,
        ..RoleLimits::default()
    };
    let mut rules = Rules::allow([pattern("/**")]);
    rules.tokens = vec![Token::new("a token of many letters", Arc::new(viewer))];
    rules.clients_max = 1;
    let site = Site::new(rules).await;
    for wrong in [None, Some("another token"), Some("")] {
        assert!(matches!(site.border.authenticate(wrong), Err(BorderError::Login(_))));
    }
    let role = site.border.authenticate(Some("a token of many letters")).unwrap();
    let client = site.border.admit(Face::Foxglove, "a", Arc::clone(&role)).unwrap();
    let full = site.border.admit(Face::Foxglove, "b", Arc::clone(&role)).unwrap_err();
    assert!(full.to_string().contains("clients_max"), "{full}");

    let ty = site.border.library().message("std_msgs/msg/String").unwrap();
    let refused = client.entry("/cmd_vel", &ty, QosProfile::default()).unwrap_err();
    assert_eq!(refused.as_str(), "not_permitted");
    let _one = client.tap("/a", TapOptions::default()).unwrap();
    assert_eq!(
        client.tap("/b", TapOptions::default()).unwrap_err().as_str(),
        "too_much"
    );
    let entry = client.entry("/joy", &ty, QosProfile::default()).unwrap();
    let long = json!({"data": "x".repeat(200)});
    assert_eq!(entry.publish(Body::Json(&long)).unwrap_err().as_str(), "too_much");
    let short = json!({"data": "x"});
    let taken = (0..5).filter(|_| entry.publish(Body::Json(&short)).is_ok()).count();
    assert_eq!(taken, 2, "the long one took a turn, too");
    drop((entry, _one, client));
    site.border.admit(Face::Foxglove, "b", role).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_renames_slows_and_keeps_out() {
    let mut rules = Rules::allow([]);
    rules.routes = vec![Route {
        rename: Some(("/robot1".to_owned(), "/".to_owned())),
        inward: false,
        min_interval: Duration::from_secs(3600),
        ..Route::both_ways(pattern("/robot1/**"))
    }];
    let site = Site::new(rules).await;
    let client = site.client("a");
    let mut tap = client.tap("/chatter", TapOptions::default()).unwrap();
    assert_eq!(tap.native().as_str(), "/robot1/chatter");
    assert_eq!(
        client
            .tap("/robot2/chatter", TapOptions::default())
            .unwrap()
            .native()
            .as_str(),
        "/robot1/robot2/chatter"
    );
    let publisher = site.robot.publisher::<Text>("/robot1/chatter").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    let mut probe = site
        .border
        .node()
        .subscriber::<Text>("/robot1/chatter")
        .map(Some)
        .unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for data in ["first", "second"] {
        publisher.publish(&text(data)).unwrap();
    }
    assert_eq!(next(&mut tap).await.json().unwrap().as_ref(), r#"{"data":"first"}"#);
    let probe = probe.take().unwrap();
    while heard(&probe).await.message.data != "second" {}
    assert!(tap.try_recv().is_none(), "one an hour");
    let ty = site.border.library().message("std_msgs/msg/String").unwrap();
    let refused = client.entry("/chatter", &ty, QosProfile::default()).unwrap_err();
    assert_eq!(refused.as_str(), "no_route");
    let seen = site
        .until(|| client.topics().into_iter().find(|topic| topic.name == "/chatter"))
        .await;
    assert_eq!(client.type_of(&seen).await.unwrap().name(), "std_msgs/msg/String");
    let native = TopicName::parse("/other").unwrap();
    assert!(
        site.border
            .rules()
            .foreign_name(Face::Grpc, &native, Direction::Out)
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_of_another_type_is_not_published_on() {
    let site = Site::open().await;
    let _publisher = site.robot.publisher::<Twist>("/cmd_vel").unwrap();
    let client = site.client("a");
    site.until(|| client.topics().into_iter().find(|topic| topic.name == "/cmd_vel"))
        .await;
    let ty = site.border.library().message("std_msgs/msg/String").unwrap();
    let refused = client
        .entry("/cmd_vel", &ty, QosProfile::default())
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("geometry_msgs/msg/Twist") && refused.contains("std_msgs/msg/String"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_cross_both_ways_and_say_for_whom() {
    let site = Site::open().await;
    let client = site.client("caller");
    let nobody = client
        .call("/add", None, Body::Json(&json!({})), DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(nobody.as_str(), "nobody_there");

    let server = site.robot.service_server::<AddTwoInts>("/add").unwrap();
    let answering = tokio::spawn(async move {
        let request = server.recv().await.unwrap();
        let origin = request.info.origin.clone();
        let sum = request.request.a + request.request.b;
        request.respond(&AddTwoIntsResponse { sum }).unwrap();
        origin
    });
    site.until(|| client.services().into_iter().find(|service| service.name == "/add"))
        .await;
    let request = json!({"a": 2, "b": 40});
    let wrong = client
        .call("/add", Some("std_srvs/srv/Empty"), Body::Json(&request), DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(wrong.as_str(), "other_type");
    let called = client
        .call(
            "add",
            Some("example_interfaces/AddTwoInts"),
            Body::Json(&request),
            DEADLINE,
        )
        .await
        .unwrap();
    assert_eq!(called.json().unwrap(), r#"{"sum":42}"#);
    assert_eq!(called.info().signer, site.robot.public_key());
    assert_eq!(answering.await.unwrap().as_deref(), Some("grpc:caller"));

    let ty = site
        .border
        .library()
        .service("example_interfaces/srv/AddTwoInts")
        .unwrap();
    let offered = client.offer_service("/subtract", &ty).unwrap();
    let serving = tokio::spawn(async move {
        let first = offered.recv().await.unwrap();
        assert_eq!(first.json().unwrap(), r#"{"a":5,"b":3}"#);
        first.respond(Body::Json(&json!({"sum": 2}))).unwrap();
        offered.recv().await.unwrap().fail("out of numbers");
        drop(
            offered
                .recv()
                .await
                .unwrap()
                .respond(Body::Json(&json!({"no": 1})))
                .unwrap_err(),
        );
    });
    let caller = site.robot.service_client::<AddTwoInts>("/subtract").unwrap();
    assert!(caller.wait_for_server(DEADLINE).await);
    let request = nuncio::msgs::example_interfaces::srv::AddTwoIntsRequest { a: 5, b: 3 };
    let answer = caller.call_within(&request, DEADLINE).await.unwrap();
    assert_eq!(
        (answer.message.sum, answer.info.signer),
        (2, site.border.node().public_key())
    );
    let fault = caller.call_within(&request, DEADLINE).await.unwrap_err().to_string();
    assert!(fault.contains("out of numbers"), "{fault}");
    let fault = caller.call_within(&request, DEADLINE).await.unwrap_err().to_string();
    assert!(fault.contains("AddTwoInts_Response"), "{fault}");
    serving.await.unwrap();
}
