//! What is refused: to whom, in which words, and that nobody else feels it.

use std::net::TcpStream;
use std::sync::Arc;

use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::grpc::GrpcOptions;
use nuncio_bridge::grpc::wire::{self, payload::Form};
use nuncio_bridge::{ClientRole, RoleLimits, Rules, Token};
use tonic::{Code, Status};

use crate::site::{DEADLINE, Events, Site, bearing, json, on, options, pattern, role, text, to};

fn with_tokens() -> Rules {
    Rules {
        tokens: vec![
            Token::new("viewer-token", role("viewer", &["robot/**"], &[])),
            Token::new("admin-token", Arc::new(ClientRole::everything("admin"))),
        ],
        ..Rules::allow([pattern("/**")])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_that_is_known_nothing_is_told_at_all() {
    let site = Site::new(with_tokens(), options()).await;
    let mut client = site.client().await;
    let none = client.list_topology(wire::ListTopologyRequest {}).await.unwrap_err();
    assert_eq!(none.code(), Code::Unauthenticated);
    assert!(none.message().contains("authorization: Bearer"), "{none}");
    let wrong = client
        .get_stats(bearing("guess", wire::GetStatsRequest {}))
        .await
        .unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    assert!(!wrong.message().contains("guess"), "{wrong}");
    assert!(site.border.report().clients.is_empty());
    client
        .list_topology(bearing("admin-token", wire::ListTopologyRequest {}))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_sees_and_does_what_it_may_and_is_told_what_not() {
    let site = Site::new(with_tokens(), options()).await;
    let open = site.robot.publisher::<Text>("/robot/open").unwrap();
    let _secret = site.robot.publisher::<Text>("/secret").unwrap();
    site.until_topic("/secret").await;
    site.until_topic("/robot/open").await;
    let mut client = site.client().await;
    let seen = client
        .list_topology(bearing("viewer-token", wire::ListTopologyRequest {}))
        .await
        .unwrap()
        .into_inner();
    let names: Vec<&str> = seen.topics.iter().map(|topic| topic.name.as_str()).collect();
    assert!(
        names.contains(&"/robot/open") && !names.contains(&"/secret"),
        "{names:?}"
    );
    let refused = client
        .subscribe(bearing("viewer-token", to(&["/secret"])))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(
        refused.message().contains("viewer may not subscribe to /secret"),
        "{refused}"
    );
    let request = on("/robot/open", "std_msgs/String", json(r#"{"data":"x"}"#));
    let refused = client.publish(bearing("viewer-token", request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");

    let events = client
        .subscribe(bearing("viewer-token", to(&["/**"])))
        .await
        .unwrap()
        .into_inner();
    let mut events = Events(events);
    events.joined("/robot/open").await;
    assert!(open.wait_for_subscribers(DEADLINE).unwrap());
    open.publish(&text("for all")).unwrap();
    assert_eq!(events.json().await, r#"{"data":"for all"}"#);

    // It sees itself in the statistics, and what it was refused; the administrator sees both.
    let own = client
        .get_stats(bearing("viewer-token", wire::GetStatsRequest {}))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(own.clients.len(), 1);
    assert!(own.clients[0].is_caller && own.clients[0].refused >= 2, "{own:?}");
    assert_eq!(
        (own.clients[0].role.as_str(), own.clients[0].face.as_str()),
        ("viewer", "grpc")
    );
    let mut watch = client
        .watch_stats(bearing("admin-token", wire::WatchStatsRequest::default()))
        .await
        .unwrap()
        .into_inner();
    for _ in 0..2 {
        let all = tokio::time::timeout(DEADLINE, watch.message())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(all.clients.len(), 2);
        assert!(
            all.topics
                .iter()
                .any(|topic| topic.topic == "/robot/open" && topic.passed == 1)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_route_names_does_not_cross() {
    let site = Site::new(Rules::allow([pattern("/open/**")]), options()).await;
    let mut client = site.client().await;
    let refused = client.subscribe(to(&["/cmd_vel"])).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("--allow"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_answered_with_what_is_wrong_and_others_do_not_notice() {
    let site = Site::new(
        Rules::allow([pattern("/**")]),
        GrpcOptions {
            request_len_max: 1 << 20,
            ..options()
        },
    )
    .await;
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    site.until_topic("/chatter").await;
    let mut other = site.client().await;
    let mut events = Events::of(&mut other, to(&["/chatter"])).await;
    events.joined("/chatter").await;
    // Sockets that say nothing, and one that says nonsense.
    let address = site.address.strip_prefix("http://").unwrap();
    let mut silent: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    std::io::Write::write_all(&mut silent[0], b"GET / HTTP/1.0\r\n\r\n").unwrap();

    let mut client = site.client().await;
    let form = |form| Some(wire::Payload { form: Some(form) });
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: Vec<(wire::PublishRequest, Code)> = vec![
        (on("/chatter", "", json("{")), Code::InvalidArgument),
        (on("/chatter", "", json(&deep)), Code::InvalidArgument),
        (on("/chatter", "", json(r#"{"data":5}"#)), Code::InvalidArgument),
        (on("/chatter", "", None), Code::InvalidArgument),
        (
            on(
                "/chatter",
                "",
                form(Form::Cdr(b"\0\x01\0\0\xff\xff\xff\xff".as_slice().into())),
            ),
            Code::InvalidArgument,
        ),
        (
            on(
                "/chatter",
                "",
                form(Form::Protobuf(b"\x0a\xff\xff\xff\xff\x0f".as_slice().into())),
            ),
            Code::InvalidArgument,
        ),
        (on("/chatter", "geometry_msgs/Twist", json("{}")), Code::InvalidArgument),
        (on("/new", "no_such/Type", json("{}")), Code::NotFound),
        (on("/new", "", json("{}")), Code::NotFound),
        (on("/not a name", "std_msgs/String", json("{}")), Code::InvalidArgument),
    ];
    for (request, code) in cases {
        let status: Status = client.publish(request.clone()).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().len() > 10 && status.message().len() < 3000, "{status}");
    }
    let huge = on("/chatter", "", json(&"x".repeat(2 << 20)));
    let status = client.publish(huge).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");

    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&text("still here")).unwrap();
    assert_eq!(events.json().await, r#"{"data":"still here"}"#);
    client
        .publish(on("/chatter", "", json(r#"{"data":"and well"}"#)))
        .await
        .unwrap();
    assert_eq!(events.json().await, r#"{"data":"and well"}"#);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_sends_too_much_is_told_so_and_its_stream_goes_on() {
    let mut role = ClientRole::everything("slow");
    role.limits = RoleLimits {
        in_per_second: 5,
        message_len_max: 1000,
        ..RoleLimits::default()
    };
    let rules = Rules {
        open_role: Arc::new(role),
        ..Rules::allow([pattern("/**")])
    };
    let site = Site::new(rules, options()).await;
    let mut client = site.client().await;
    let large = on(
        "/chatter",
        "std_msgs/String",
        json(&format!(r#"{{"data":"{}"}}"#, "x".repeat(2000))),
    );
    let status = client.publish(large).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let many = (0..50).map(|_| on("/chatter", "std_msgs/String", json(r#"{"data":"x"}"#)));
    let summary = client
        .publish_stream(futures_util::stream::iter(many.collect::<Vec<_>>()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(summary.published + summary.dropped, 50);
    assert!(summary.dropped >= 40, "{summary:?}");
    assert!(summary.dropped_because.contains("a second"), "{summary:?}");
}
