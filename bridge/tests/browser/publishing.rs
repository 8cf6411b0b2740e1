//! What a page publishes, as the robot receives it.

use std::time::Duration;

use nuncio::adversary::Adversary;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{
    Certificate, CertificateChain, CertificateTerms, Domain, Identity, Message, Nickname, NodeBuilder, Reason,
    RoleName, TopicName, TopicPattern, TrustFile,
};
use nuncio_bridge::rosbridge::RosbridgeOptions;
use serde_json::json;

use crate::page::{DEADLINE, Site, everything, in_time};

const TOPIC: &str = "/cmd_vel";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_page_is_signed_by_the_page_and_by_nobody_on_its_behalf() {
    let site = Site::open().await;
    let subscriber = site.robot.subscriber::<Twist>(TOPIC).unwrap();
    let mut page = site.operator().await;
    let writer = page.advertise(TOPIC, Twist::TYPE_NAME);
    page.show().await;
    for number in 1..=3 {
        let speed = f64::from(u32::try_from(number).unwrap());
        let frame = page.message(
            TOPIC,
            Twist::TYPE_NAME,
            writer,
            number,
            &json!({"linear": {"x": speed}}),
        );
        let said = page.publish(&frame).await;
        assert_eq!(
            (&said["op"], &said["number"]),
            (&json!("passed"), &json!(number.to_string())),
            "{said}"
        );
        // The robot asks who this is before it believes the first one.
        let received = tokio::select! {
            received = in_time(subscriber.recv()) => received.unwrap(),
            said = page.next() => panic!("{said:?}"),
        };
        assert_eq!(received.message.linear.x, speed);
        assert_eq!(received.info.signer, page.identity.public_key());
        assert_eq!(received.info.node.as_str(), "/operator");
        assert_eq!(received.info.origin, None);
    }
    let report = site.border.report();
    let client = report.clients.first().unwrap();
    assert_eq!(
        (client.face.as_str(), client.received, client.refused),
        ("browser", 3, 0)
    );
    assert!(client.who.contains("/operator did:key:z6Mk"), "{}", client.who);
}

/// Puts bytes on a topic until the robot has refused some: who has just joined does not know yet who listens.
async fn refused_on(site: &Site, bridge: &Adversary, topic: &str, bytes: &[u8]) -> Reason {
    let topic = TopicName::parse(topic).unwrap();
    let refusing = async {
        loop {
            bridge.put(&topic, bytes).unwrap();
            let refused = tokio::time::timeout(Duration::from_millis(200), site.robot.next_refusal()).await;
            if let Ok(Ok(refused)) = refused
                && refused.topic == topic
            {
                return refused.refusal.reason;
            }
        }
    };
    in_time(refusing).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bridge_alters_on_the_way_is_refused_by_whoever_receives_it() {
    let site = Site::open().await;
    let subscriber = site.robot.subscriber::<Twist>(TOPIC).unwrap();
    let elsewhere = site.robot.subscriber::<Twist>("/other").unwrap();
    let mut page = site.operator().await;
    let writer = page.advertise(TOPIC, Twist::TYPE_NAME);
    page.show().await;
    let bridge = Adversary::join(&site.link(1), Domain::default()).await.unwrap();
    let frame = page.message(TOPIC, Twist::TYPE_NAME, writer, 1, &json!({"linear": {"x": 1.0}}));
    assert_eq!(page.publish(&frame).await["op"], "passed");
    let checking = async {
        assert_eq!(in_time(subscriber.recv()).await.unwrap().message.linear.x, 1.0);
        let mut altered = frame.clone();
        // The number, so that it is no repetition, and a bit of the speed.
        altered[56] = 2;
        altered[90] ^= 1;
        for (topic, bytes) in [(TOPIC, &altered), ("/other", &frame)] {
            let refused = refused_on(&site, &bridge, topic, bytes).await;
            assert_eq!(refused, Reason::BadSignature, "{topic}");
        }
        assert_eq!((subscriber.stats().received, elsewhere.stats().received), (1, 0));
    };
    tokio::select! {
        said = page.next() => panic!("{said:?}"),
        () = checking => {}
    }
    bridge.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_misses_it_gets_from_the_bridge_as_the_page_has_signed_it() {
    let site = Site::open().await;
    let mut page = site.operator().await;
    let writer = page.advertise(TOPIC, Twist::TYPE_NAME);
    page.show().await;
    let frame = page.message(TOPIC, Twist::TYPE_NAME, writer, 1, &json!({}));
    assert_eq!(page.publish(&frame).await["op"], "passed");
    let asker = Adversary::join(&site.link(0), Domain::default()).await.unwrap();
    let key: String = page
        .identity
        .public_key()
        .as_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let history = format!("nuncio/0/@history/{key}/{:016x}/{:016x}", page.epoch, writer.0);
    let numbers = [1_u64.to_le_bytes(), 5_u64.to_le_bytes()].concat();
    // Who has just joined does not know yet whom to ask.
    let answer = loop {
        let answers = asker.ask(&history, &numbers, DEADLINE).unwrap();
        let answer = tokio::task::spawn_blocking(move || answers.next(DEADLINE));
        if let Some(answer) = in_time(answer).await.unwrap() {
            break answer;
        }
    };
    assert_eq!(answer, frame);
    asker.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn others_get_the_definition_of_a_type_from_the_page_itself() {
    let site = Site::open().await;
    let mut page = site.operator().await;
    page.advertise(TOPIC, Twist::TYPE_NAME);
    page.show().await;
    let key = page.identity.public_key();
    let asking = async {
        site.robot_sees("/operator", true).await;
        in_time(site.robot.fetch_type(key, Twist::TYPE_NAME, &Twist::TYPE_HASH)).await
    };
    let told = tokio::select! {
        told = asking => told.unwrap(),
        said = page.next() => panic!("{said:?}"),
    };
    assert_eq!(told.type_hash(), Twist::TYPE_HASH);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bridge_describes_types_and_says_which_it_does_not_know() {
    let site = Site::open().await;
    let mut page = site.operator().await;
    page.say(json!({"op": "type", "id": 5, "name": "geometry_msgs/msg/Twist", "topic": TOPIC}))
        .await;
    let told = page.next().await.unwrap();
    assert_eq!((&told["op"], &told["id"]), (&json!("type"), &json!(5)));
    assert_eq!(told["hash"], Twist::TYPE_HASH.to_string());
    assert!(
        told["description"]
            .as_str()
            .unwrap()
            .starts_with("{\"type_description\"")
    );
    page.say(json!({"op": "type", "id": 6, "name": "no_such/msg/Type"}))
        .await;
    let refused = page.next().await.unwrap();
    assert_eq!(
        (&refused["id"], &refused["reason"]),
        (&json!(6), &json!("unknown_type"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_roles_are_enforced_a_page_shows_its_certificate_and_is_refused_without() {
    let anchor = Identity::from_seed(&[99; 32]);
    let text = format!(
        "mode = \"enforce\"\n[anchors]\nfleet = \"{}\"\n[roles.driver]\npublish = [\"cmd_vel\"]\n",
        anchor.public_key()
    );
    let policy = TrustFile::parse(&text).unwrap().into_policy();
    let trust = |node: NodeBuilder| node.trust(policy.clone());
    let site = Site::trusting(everything(), RosbridgeOptions::default(), trust).await;
    let subscriber = site.robot.subscriber::<Twist>(TOPIC).unwrap();
    let mut without = site.operator().await;
    let writer = without.advertise(TOPIC, Twist::TYPE_NAME);
    without.show().await;
    let frame = without.message(TOPIC, Twist::TYPE_NAME, writer, 1, &json!({}));
    assert_eq!(without.publish(&frame).await["reason"], "NotPermitted");

    let mut page = site.page("/driver", 8).await;
    let now_ns = nuncio::clock::now_ns();
    let terms = CertificateTerms {
        subject: page.identity.public_key(),
        nickname: Nickname::parse("page").unwrap(),
        domain: Domain::default(),
        roles: [RoleName::parse("driver").unwrap()].into(),
        scope: [TopicPattern::parse("**").unwrap()].into(),
        delegate: 0,
        not_before_ns: now_ns - 60_000_000_000,
        not_after_ns: now_ns + 3_600_000_000_000,
    };
    let chain = CertificateChain::new(vec![Certificate::issue(&anchor, terms).unwrap()]).unwrap();
    page.certificates = chain.to_string();
    page.enter().await;
    let writer = page.advertise(TOPIC, Twist::TYPE_NAME);
    page.show().await;
    let frame = page.message(TOPIC, Twist::TYPE_NAME, writer, 1, &json!({"linear": {"x": 2.0}}));
    assert_eq!(page.publish(&frame).await["op"], "passed");
    let received = tokio::select! {
        received = in_time(subscriber.recv()) => received.unwrap(),
        said = page.next() => panic!("{said:?}"),
    };
    assert_eq!(
        (received.message.linear.x, received.info.signer),
        (2.0, page.identity.public_key())
    );
}
