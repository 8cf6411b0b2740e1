//! Who is let in, and when a page is gone.

use std::sync::Arc;
use std::time::Duration;

use nuncio::Message;
use nuncio::TopicPattern;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio_bridge::rosbridge::RosbridgeOptions;
use nuncio_bridge::{ClientRole, FrontOptions, Rules, Token};
use serde_json::{Value, json};

use crate::page::{Page, Site, everything, question};

async fn turned_away(page: &mut Page) -> Value {
    page.hello().await;
    let said = page.next().await.unwrap();
    assert_eq!(said["op"], "refused", "{said}");
    assert_eq!(page.next().await, None, "the connection stays");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_a_node_for_as_long_as_it_is_connected() {
    let site = Site::open().await;
    let mut page = site.operator().await;
    let seen = async {
        tokio::select! {
            () = site.robot_sees("/operator", true) => {}
            said = page.next() => panic!("{said:?}"),
        }
    };
    seen.await;
    drop(page);
    site.robot_sees("/operator", false).await;
    assert!(site.border.report().clients.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_takes_no_name_that_is_another_nodes() {
    let site = Site::open().await;
    for name in ["/robot", "/bridge"] {
        let refused = turned_away(&mut site.page(name, 7).await).await;
        assert_eq!(refused["reason"], "name_taken", "{refused}");
    }
    let _operator = site.operator().await;
    let refused = turned_away(&mut site.page("/operator", 8).await).await;
    assert_eq!(refused["reason"], "name_taken", "{refused}");
    // The bridge's own key.
    let refused = turned_away(&mut site.page("/other", 2).await).await;
    assert_eq!(refused["reason"], "name_taken", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_stays_with_the_key_that_has_published_under_it() {
    let site = Site::open().await;
    let mut page = site.operator().await;
    let writer = page.advertise("/cmd_vel", Twist::TYPE_NAME);
    page.show().await;
    let frame = page.message("/cmd_vel", Twist::TYPE_NAME, writer, 1, &json!({}));
    assert_eq!(page.publish(&frame).await["op"], "passed");
    drop(page);
    site.robot_sees("/operator", false).await;
    let refused = turned_away(&mut site.page("/operator", 8).await).await;
    assert_eq!(refused["reason"], "name_taken", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_starts_again_takes_the_place_of_its_earlier_start() {
    let site = Site::open().await;
    let mut earlier = site.operator().await;
    let writer = earlier.advertise("/cmd_vel", Twist::TYPE_NAME);
    earlier.show().await;
    let mut later = site.page("/operator", 7).await;
    later.epoch += 1;
    later.enter().await;
    let frame = earlier.message("/cmd_vel", Twist::TYPE_NAME, writer, 1, &json!({}));
    earlier.bring(0, &frame).await;
    assert_eq!(earlier.next().await, None, "the earlier start is sent away");
    later.advertise("/cmd_vel", Twist::TYPE_NAME);
    later.show().await;
    let refused = turned_away(&mut site.page("/operator", 7).await).await;
    assert_eq!(
        refused["reason"], "StaleEpoch",
        "an earlier start does not come back: {refused}"
    );
    let frame = later.message("/cmd_vel", Twist::TYPE_NAME, writer, 1, &json!({}));
    assert_eq!(later.publish(&frame).await["op"], "passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_answer_the_nonce_is_never_seen() {
    let options = RosbridgeOptions {
        front: FrontOptions {
            patience: Duration::from_millis(500),
            ..FrontOptions::at(([127, 0, 0, 1], 0).into())
        },
        ..RosbridgeOptions::default()
    };
    let site = Site::with(everything(), options).await;
    let mut page = site.page("/operator", 7).await;
    page.hello().await;
    while page.heard().await.is_some() {}
    assert!(
        site.robot
            .graph()
            .nodes
            .iter()
            .all(|node| node.name.as_str() != "/operator")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_answers_with_another_key_or_an_old_answer_is_turned_away() {
    let site = Site::open().await;
    let mut page = site.page("/operator", 7).await;
    let mut thief = site.page("/operator", 8).await;
    // The claim is that of the page, the signature is not.
    page.hello().await;
    assert_eq!(page.heard().await.unwrap()["op"], "welcome");
    let (id, nonce) = question(&page.heard().await.unwrap());
    let forged = thief.card(&nonce);
    page.bring(id, &forged).await;
    let refused = page.next().await.unwrap();
    assert_eq!(refused["reason"], "BadSignature", "{refused}");
    // An answer to another nonce.
    let mut page = site.page("/operator", 7).await;
    page.hello().await;
    assert_eq!(page.heard().await.unwrap()["op"], "welcome");
    let (id, _) = question(&page.heard().await.unwrap());
    let recorded = page.card(&nonce);
    page.bring(id, &recorded).await;
    let refused = page.next().await.unwrap();
    assert_eq!(refused["reason"], "BadSignature", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_says_which_names_and_topics_are_for_its_pages() {
    let role = ClientRole {
        nodes: vec![TopicPattern::parse("/operators/*").unwrap()],
        publish: vec![TopicPattern::parse("/cmd_vel").unwrap()],
        ..ClientRole::everything("operator")
    };
    let rules = Rules {
        tokens: vec![Token::new("a-token-of-sorts", Arc::new(role))],
        ..everything()
    };
    let site = Site::with(rules, RosbridgeOptions::default()).await;
    let refused = turned_away(&mut site.page("/operators/ann", 7).await).await;
    assert_eq!(refused["reason"], "login", "{refused}");
    let hello = |name: &str, page: &Page| {
        let key = page.identity.public_key().to_string();
        json!({"op": "hello", "node": name, "key": key, "epoch": "1700000000000", "token": "a-token-of-sorts"})
    };
    let mut other = site.page("/planner", 7).await;
    let said = hello("/planner", &other);
    other.say(said).await;
    let refused = other.next().await.unwrap();
    assert!(
        refused["text"]
            .as_str()
            .unwrap()
            .contains("may not be the node /planner"),
        "{refused}"
    );
    let mut page = site.page("/operators/ann", 7).await;
    let said = hello("/operators/ann", &page);
    page.say(said).await;
    assert_eq!(page.next().await.unwrap()["op"], "welcome");
    assert_eq!(page.next().await.unwrap()["op"], "ready");
    page.advertise("/estop", Twist::TYPE_NAME);
    let card = page.card(&[]);
    page.bring(0, &card).await;
    let refused = page.next().await.unwrap();
    assert_eq!(
        (&refused["card"], &refused["reason"]),
        (&json!(true), &json!("not_permitted"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_but_a_hello_comes_too_early() {
    let site = Site::open().await;
    let mut page = site.page("/operator", 7).await;
    page.say(json!({"op": "type", "id": 1, "name": "std_msgs/msg/String"}))
        .await;
    let refused = page.next().await.unwrap();
    assert!(refused["text"].as_str().unwrap().contains("hello"), "{refused}");
    assert_eq!(page.next().await, None);
    let mut page = site.page("/operator", 7).await;
    let frame = page.card(&[]);
    page.bring(0, &frame).await;
    assert_eq!(page.next().await, None);
    for (name, key, epoch) in [
        ("operator", "did:key:zz", "1"),
        ("//", "", "x"),
        ("/a", "did:key:z6Mk", "1"),
    ] {
        let mut page = site.page("/operator", 7).await;
        page.say(json!({"op": "hello", "node": name, "key": key, "epoch": epoch}))
            .await;
        assert_eq!(page.next().await.unwrap()["op"], "refused");
        assert_eq!(page.next().await, None);
    }
}
