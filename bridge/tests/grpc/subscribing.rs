//! What a client hears, and in which form.

use nuncio::QosProfile;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::grpc::wire::subscribe_event::Event;
use nuncio_bridge::grpc::wire::{self, payload::Form};

use crate::site::{DEADLINE, Events, Site, text, to};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_comes_in_each_encoding_with_all_that_is_known_of_it() {
    let site = Site::open().await;
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    for encoding in [
        wire::Encoding::Unspecified,
        wire::Encoding::Json,
        wire::Encoding::Protobuf,
        wire::Encoding::Cdr,
    ] {
        let mut client = site.client().await;
        let request = wire::SubscribeRequest {
            encoding: encoding.into(),
            with_ids: true,
            ..to(&["/chatter"])
        };
        let mut events = Events::of(&mut client, request).await;
        events.joined("/chatter").await;
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        let published = publisher.publish(&text("hello")).unwrap();
        let message = events.message().await;
        match message.payload.unwrap().form.unwrap() {
            Form::Json(json) => assert_eq!(json, r#"{"data":"hello"}"#),
            Form::Protobuf(bytes) => assert_eq!(bytes.as_ref(), b"\x0a\x05hello"),
            Form::Cdr(bytes) => assert_eq!(bytes.as_ref(), b"\0\x01\0\0\x06\0\0\0hello\0"),
        }
        let info = message.info.unwrap();
        assert_eq!(info.signer, site.robot.public_key().to_string());
        assert_eq!((info.node.as_str(), info.number), ("/robot", published.number));
        assert_eq!(info.id, published.id().to_string());
        assert_eq!(info.verdict(), wire::Verdict::Pinned);
        assert_eq!(info.provenance(), wire::Provenance::Live);
        assert!(info.source_time.unwrap().seconds > 1_700_000_000 && info.origin.is_empty());
        let ty = message.r#type.unwrap();
        assert_eq!(ty.name, "std_msgs/msg/String");
        assert!(ty.hash.starts_with("RIHS01_"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_of_a_pattern_are_joined_as_they_appear() {
    let site = Site::open().await;
    let first = site.robot.publisher::<Text>("/arm/left").unwrap();
    site.until_topic("/arm/left").await;
    let mut client = site.client().await;
    let mut events = Events::of(&mut client, to(&["/arm/*"])).await;
    events.joined("/arm/left").await;
    assert!(first.wait_for_subscribers(DEADLINE).unwrap());
    first.publish(&text("1")).unwrap();
    assert_eq!(events.json().await, r#"{"data":"1"}"#);
    let other = site.robot.publisher::<Text>("/leg").unwrap();
    let second = site.robot.publisher::<Text>("/arm/right").unwrap();
    events.joined("/arm/right").await;
    assert!(second.wait_for_subscribers(DEADLINE).unwrap());
    assert!(!other.has_subscribers().unwrap());
    second.publish(&text("2")).unwrap();
    let message = events.message().await;
    assert_eq!(message.topic, "/arm/right");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_latched_comes_first_unless_it_is_left_out() {
    let site = Site::open().await;
    let latched = QosProfile::keep_last(1).transient_local();
    let publisher = site.robot.publisher_with::<Text>("/map", latched).unwrap();
    publisher.publish(&text("old")).unwrap();
    publisher.publish(&text("map")).unwrap();
    let mut client = site.client().await;
    let mut events = Events::of(&mut client, to(&["/map"])).await;
    events.joined("/map").await;
    let message = events.message().await;
    assert_eq!(message.info.unwrap().provenance(), wire::Provenance::History);
    let mut second = site.client().await;
    let without = wire::SubscribeRequest {
        skip_latched: true,
        ..to(&["/map"])
    };
    let mut live = Events::of(&mut second, without).await;
    live.joined("/map").await;
    publisher.publish(&text("new")).unwrap();
    assert_eq!(live.json().await, r#"{"data":"new"}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_and_a_signer_leave_out_the_others() {
    let site = Site::open().await;
    let stranger = site.stranger("stranger", 7).await;
    let mine = site.robot.publisher::<Twist>("/cmd").unwrap();
    let theirs = stranger.publisher::<Twist>("/cmd").unwrap();
    let mut client = site.client().await;
    let request = wire::SubscribeRequest {
        filter: "linear.x > 0.5 && node != '/nobody'".to_owned(),
        signers: vec![stranger.public_key().to_string()],
        ..to(&["/cmd"])
    };
    let mut events = Events::of(&mut client, request).await;
    events.joined("/cmd").await;
    let twist = |x: f64| {
        let mut twist = Twist::default();
        twist.linear.x = x;
        twist
    };
    for publisher in [&mine, &theirs] {
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        for x in [0.1, 0.9] {
            publisher.publish(&twist(x)).unwrap();
        }
    }
    let message = events.message().await;
    let info = message.info.unwrap();
    assert_eq!((info.signer, info.number), (stranger.public_key().to_string(), 2));

    let misfit = wire::SubscribeRequest {
        filter: "speed > 1".to_owned(),
        ..to(&["/cmd"])
    };
    let mut refused = client.subscribe(misfit).await.unwrap().into_inner();
    mine.publish(&twist(1.0)).unwrap();
    let ended = loop {
        match tokio::time::timeout(DEADLINE, refused.message()).await.unwrap() {
            Ok(Some(_)) => mine.publish(&twist(1.0)).map(|_| ()).unwrap(),
            Ok(None) => panic!("it ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), tonic::Code::InvalidArgument);
    assert!(ended.message().contains("speed"), "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_told_how_much_it_has_lost() {
    let site = Site::open().await;
    let publisher = site.robot.publisher::<Text>("/chatter").unwrap();
    let (mut slow, mut quick) = (site.client().await, site.client().await);
    let short = wire::SubscribeRequest {
        queue: 2,
        ..to(&["/chatter"])
    };
    let long = wire::SubscribeRequest {
        queue: 1000,
        ..to(&["/chatter"])
    };
    let mut unread = Events::of(&mut slow, short).await;
    let mut read = Events::of(&mut quick, long).await;
    read.joined("/chatter").await;
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    // More than the connection's windows take.
    let large = "x".repeat(500_000);
    for _ in 0..30 {
        publisher.publish(&text(&large)).unwrap();
        read.message().await;
    }
    unread.joined("/chatter").await;
    let (mut messages, mut dropped) = (0, 0);
    while messages + dropped < 30 {
        match unread.next().await {
            Event::Message(_) => messages += 1,
            Event::Dropped(told) => {
                dropped += told.count;
                assert_eq!(told.total, dropped);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(dropped > 10 && messages >= 2, "{dropped} dropped, {messages} came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bridge_refuses_is_told_and_not_shown() {
    let site = Site::open().await;
    let mut client = site.client().await;
    let mut events = Events::of(&mut client, to(&["/chatter"])).await;
    events.joined("/chatter").await;
    let own = site.robot.publisher::<Text>("/chatter").unwrap();
    assert!(own.wait_for_subscribers(DEADLINE).unwrap());
    own.publish(&text("I am the robot")).unwrap();
    events.message().await;
    let impostor = site.stranger("robot", 9).await;
    let publisher = impostor.publisher::<Text>("/chatter").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    publisher.publish(&text("No, I am")).unwrap();
    match events.next().await {
        Event::Refused(refused) => {
            assert_eq!(
                (refused.topic.as_str(), refused.reason.as_str()),
                ("/chatter", "PinMismatch")
            );
            assert_eq!(refused.claimed_key, impostor.public_key().to_string());
        }
        other => panic!("{other:?}"),
    }
}
