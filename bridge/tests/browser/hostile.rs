//! Pages that hand over what they may not: each is told why, and the robot hears nothing of it.

use std::sync::Arc;

use nuncio::Message;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Identity, TopicPattern};
use nuncio_bridge::rosbridge::RosbridgeOptions;
use nuncio_bridge::{ClientRole, RoleLimits, Rules};
use serde_json::{Value, json};

use crate::page::{Page, Site, everything, in_time};

const TOPIC: &str = "/cmd_vel";

async fn refused_card(page: &mut Page, change: impl FnOnce(&mut Value)) -> Value {
    let card = page.card_with(&[], change);
    page.bring(0, &card).await;
    let mut said = page.next().await.unwrap();
    // Somebody may have asked for the card meanwhile, which names what was not shown.
    while said["question"].is_u64() {
        said = page.next().await.unwrap();
    }
    assert_eq!(
        (&said["op"], &said["card"]),
        (&json!("refused"), &json!(true)),
        "{said}"
    );
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_pages_own_next_frame_for_its_place_is_passed_on() {
    let site = Site::open().await;
    let subscriber = site.robot.subscriber::<Twist>(TOPIC).unwrap();
    let mut page = site.operator().await;
    let writer = page.advertise(TOPIC, Twist::TYPE_NAME);
    page.show().await;
    let message = |page: &Page, topic: &str, number| {
        page.message(topic, Twist::TYPE_NAME, writer, number, &json!({"linear": {"x": 0.5}}))
    };
    let good = message(&page, TOPIC, 1);
    assert_eq!(page.publish(&good).await["op"], "passed");
    let mut altered = message(&page, TOPIC, 2);
    altered[90] ^= 1;
    let own = std::mem::replace(&mut page.identity, Identity::from_seed(&[9; 32]));
    let of_another_key = message(&page, TOPIC, 2);
    page.identity = own;
    let for_another_topic = message(&page, "/other", 2);
    page.epoch -= 1;
    let of_an_earlier_start = message(&page, TOPIC, 2);
    page.epoch += 1;
    let stranger = page.message(
        TOPIC,
        Twist::TYPE_NAME,
        nuncio::security::frame::Writer(5),
        1,
        &json!({}),
    );
    let cases = [
        ("altered", altered, "BadSignature"),
        ("another key", of_another_key, "UnknownKey"),
        ("another topic", for_another_topic, "BadSignature"),
        ("again", good.clone(), "TooOld"),
        ("a writer of no card", stranger, "UnknownKey"),
        ("an earlier start", of_an_earlier_start, "Malformed"),
        ("too short", vec![1, 2, 3], "NotAFrame"),
        ("no frame", vec![0; 500], "NotAFrame"),
    ];
    for (what, frame, reason) in cases {
        let said = page.publish(&frame).await;
        assert_eq!(
            (&said["op"], &said["reason"]),
            (&json!("refused"), &json!(reason)),
            "{what}: {said}"
        );
    }
    let next = message(&page, TOPIC, 2);
    assert_eq!(page.publish(&next).await["op"], "passed");
    for _ in 0..2 {
        let received = tokio::select! {
            received = in_time(subscriber.recv()) => received.unwrap(),
            said = page.next() => panic!("{said:?}"),
        };
        assert_eq!(received.message.linear.x, 0.5);
    }
    assert_eq!(site.border.report().clients.first().unwrap().refused, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_is_not_of_its_type_is_refused_at_the_bridge() {
    let site = Site::open().await;
    let mut page = site.operator().await;
    let writer = page.advertise("/speech", Text::TYPE_NAME);
    page.show().await;
    let payload = [200, 1, b'a'];
    let frame = page.seal(crate::page::Sealed {
        place: "/speech",
        type_name: Text::TYPE_NAME,
        hash: Text::TYPE_HASH,
        kind: nuncio::security::frame::Kind::Message,
        request_id: &[],
        writer,
        number: 1,
        payload: &payload,
    });
    let said = page.publish(&frame).await;
    assert_eq!(
        (&said["reason"], &said["number"]),
        (&json!("message"), &json!("1")),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_says_nothing_that_a_page_may_not() {
    let rules = Rules {
        routes: vec![nuncio_bridge::Route::both_ways(TopicPattern::parse(TOPIC).unwrap())],
        ..everything()
    };
    let site = Site::with(rules, RosbridgeOptions::default()).await;
    let used = site.robot.publisher::<Text>(TOPIC).unwrap();
    let seen = site
        .border
        .node()
        .wait_for_graph(crate::page::DEADLINE, |graph| !graph.topics().is_empty());
    assert!(in_time(seen).await.is_some());
    let mut page = site.operator().await;
    let serving = json!([{"name": "/stop", "type_name": "std_srvs/srv/Trigger", "is_server": true, "next_number": 1}]);
    let refused = refused_card(&mut page, |card| card["services"] = serving).await;
    assert!(refused["text"].as_str().unwrap().contains("no services"), "{refused}");
    let refused = refused_card(&mut page, |card| card["node"] = json!("/robot")).await;
    assert!(refused["text"].as_str().unwrap().contains("/robot"), "{refused}");
    let refused = refused_card(&mut page, |card| card["locators"] = json!(["tcp/1.2.3.4:1"])).await;
    assert!(refused["text"].as_str().unwrap().contains("addresses"), "{refused}");
    page.advertise("/elsewhere", Twist::TYPE_NAME);
    assert_eq!(refused_card(&mut page, |_| {}).await["reason"], "no_route");
    page.publishers.clear();
    page.advertise(TOPIC, Twist::TYPE_NAME);
    assert_eq!(refused_card(&mut page, |_| {}).await["reason"], "other_type");
    page.publishers.clear();
    page.advertise(TOPIC, Text::TYPE_NAME);
    let refused = refused_card(&mut page, |card| card["publishers"][0]["durability"] = json!(1)).await;
    assert!(refused["text"].as_str().unwrap().contains("volatile"), "{refused}");
    let many = json!(vec![page.publishers[0].clone(); 65]);
    let refused = refused_card(&mut page, |card| card["publishers"] = many).await;
    assert!(refused["text"].as_str().unwrap().contains("at most 64"), "{refused}");
    // A card of a hundred kilobytes: a thousand publishers with long names.
    let mut long = page.publishers[0].clone();
    long["type_name"] = json!("x".repeat(250));
    let many = json!(vec![long; 400]);
    let refused = refused_card(&mut page, |card| card["publishers"] = many).await;
    assert!(refused["text"].as_str().unwrap().contains("a card of"), "{refused}");
    page.show().await;
    drop(used);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_no_publisher_that_was_not_shown_before() {
    let site = Site::open().await;
    let mut page = site.page("/operator", 7).await;
    page.advertise(TOPIC, Twist::TYPE_NAME);
    page.hello().await;
    assert_eq!(page.next().await.unwrap()["op"], "welcome");
    let refused = page.next().await.unwrap();
    assert!(
        refused["text"].as_str().unwrap().contains("no card has shown"),
        "{refused}"
    );
    assert_eq!(page.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_frames_cards_and_answers_is_held_back_and_the_connection_stays() {
    let role = ClientRole {
        limits: RoleLimits {
            in_per_second: 50,
            message_len_max: 1000,
            ..RoleLimits::default()
        },
        ..ClientRole::everything("everybody")
    };
    let rules = Rules {
        open_role: Arc::new(role),
        ..everything()
    };
    let site = Site::with(rules, RosbridgeOptions::default()).await;
    let mut page = site.operator().await;
    let writer = page.advertise("/speech", Text::TYPE_NAME);
    page.show().await;
    let long = page.message(
        "/speech",
        Text::TYPE_NAME,
        writer,
        1,
        &json!({"data": "x".repeat(2000)}),
    );
    assert_eq!(page.publish(&long).await["reason"], "too_much");
    let mut held_back = 0;
    for number in 1..=200 {
        let frame = page.message("/speech", Text::TYPE_NAME, writer, number, &json!({"data": "x"}));
        held_back += u32::from(page.publish(&frame).await["reason"] == "too_much");
    }
    assert!(held_back > 100, "{held_back}");
    let mut cards = 0;
    for _ in 0..60 {
        let card = page.card(&[]);
        page.bring(0, &card).await;
        cards += u32::from(page.next().await.unwrap()["reason"] == "too_much");
    }
    assert!(cards >= 20, "{cards}");
    page.bring(77, &[0; 300]).await;
    let refused = page.next().await.unwrap();
    assert_eq!(refused["question"], json!(77));
    for garbage in ["", "{}", "[1]", "\u{0}"] {
        page.say(json!(garbage)).await;
        assert_eq!(page.next().await.unwrap()["op"], "refused");
    }
}
