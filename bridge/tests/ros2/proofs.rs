//! Proofs of the original signer: what a reader on the network of ROS believes, and what others there can do to it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nuncio::msgs::std_msgs::msg::String as StringMsg;
use nuncio::{Accompaniment, Node, Provenance, Publisher, QosProfile, Reason, TopicName, TopicPattern, TypeSupport};
use nuncio_bridge::ros2::attachment::Attachment;
use nuncio_bridge::ros2::gid::Gid;
use nuncio_bridge::ros2::proof::{FrameName, Record, SIDE_CHUNK, ShownBytes, TAIL_LEN_MAX, Tie};
use nuncio_bridge::ros2::{Proof, Ros2Options, SignedMessage, SignedReader, SignedReaderOptions};
use nuncio_bridge::{Route, Rules, TypeLibrary};
use tokio::sync::mpsc::UnboundedReceiver;
use zenoh::sample::Sample;

use super::stand_in::{Bridge, DEADLINE, Networks, RosNode, next, node, string_cdr};

fn text(data: &str) -> StringMsg {
    StringMsg { data: data.to_owned() }
}

fn showing(proof: Proof) -> Ros2Options {
    Ros2Options {
        proof,
        ..Ros2Options::default()
    }
}

/// Both networks with a bridge that shows proofs, and a topic of Nuncio.
struct Scene {
    networks: Networks,
    _bridge: Bridge,
    talks: Publisher<StringMsg>,
    /// A node of ROS that hears the topic.
    ros: RosNode,
    samples: UnboundedReceiver<Sample>,
    proofs: UnboundedReceiver<Sample>,
}

impl Scene {
    async fn new(proof: Proof, qos: QosProfile) -> Self {
        let networks = Networks::new().await;
        let bridge = networks.bridge_with(2, "/**", showing(proof)).await;
        let ros = networks.ros().await;
        let key = RosNode::key("chatter");
        let samples = ros.subscribe(&key).await;
        let proofs = ros.subscribe(&format!("{key}/{SIDE_CHUNK}")).await;
        let talks = networks.native.publisher_with::<StringMsg>("/chatter", qos).unwrap();
        assert!(talks.wait_for_subscribers(DEADLINE).unwrap());
        Self {
            networks,
            _bridge: bridge,
            talks,
            ros,
            samples,
            proofs,
        }
    }

    async fn reader(&self, topic: &str) -> Reader {
        Reader::of(&self.networks, topic, None).await
    }

    /// Publishes again and again until the reader has one of these messages, and it has all of them.
    async fn say_until_heard(&self, reader: &mut Reader, data: &str) -> SignedMessage {
        let last = Cell::new(0);
        let publish = || {
            last.set(last.get() + 1);
            self.talks.publish(&text(&format!("{data}{}", last.get()))).unwrap();
        };
        let first = reader.first_of(publish).await;
        let mut newest = first.clone();
        while data_of(&newest) != format!("{data}{}", last.get()) {
            newest = reader.next().await;
        }
        first
    }

    /// One message as the network of ROS has it: the sample, and its record.
    async fn say(&mut self, data: &str) -> (Sample, Vec<u8>) {
        self.talks.publish(&text(data)).unwrap();
        let sample = loop {
            let sample = next(&mut self.samples).await;
            if sample.payload().to_bytes() == string_cdr(data) {
                break sample;
            }
        };
        let tie = attachment_of(&sample).into();
        let tail = sample.attachment().unwrap().to_bytes()[33..].to_vec();
        if !tail.is_empty() {
            return (sample, tail);
        }
        loop {
            let record = next(&mut self.proofs).await.payload().to_bytes().into_owned();
            if Record::read(&record).unwrap().tie == tie {
                return (sample, record);
            }
        }
    }

    /// Puts something as a node of ROS that means no good, with a record for it on the side key.
    async fn put(&self, topic: &str, cdr: &[u8], attachment: Attachment, record: Option<Record<'_>>) {
        let key = RosNode::key(topic);
        if let Some(record) = record {
            let side = format!("{key}/{SIDE_CHUNK}");
            let put = self.ros.session.put(&side, record.to_bytes());
            put.await.unwrap();
        }
        self.ros.put(&key, cdr, attachment).await;
    }
}

fn attachment_of(sample: &Sample) -> Attachment {
    Attachment::read(&sample.attachment().unwrap().to_bytes()).unwrap()
}

/// The attachment of a publisher that nobody knows.
fn strange(number: i64) -> Attachment {
    Attachment {
        number,
        source_time_ns: 5,
        gid: Gid([0xee; 16]),
    }
}

struct Reader {
    node: Node,
    reader: SignedReader,
}

impl Reader {
    /// A reader of a topic of ROS, with a key and a memory of its own and no link to Nuncio.
    async fn of(networks: &Networks, topic: &str, signed_topic: Option<&str>) -> Self {
        let node = node("reader", 9).open().await.unwrap();
        let options = SignedReaderOptions {
            connect: vec![networks.router_endpoint.clone()],
            ros_domain: 0,
            topic: TopicName::parse(topic).unwrap(),
            signed_topic: signed_topic.map(|name| TopicName::parse(name).unwrap()),
            qos: QosProfile::default().transient_local(),
        };
        let library = TypeLibrary::open(&[]).unwrap();
        let reader = SignedReader::open(&node, library, options).await.unwrap();
        Self { node, reader }
    }

    /// Publishes again and again until one of the messages is shown.
    async fn first_of(&mut self, publish: impl Fn()) -> SignedMessage {
        let start = Instant::now();
        loop {
            publish();
            if let Ok(shown) = tokio::time::timeout(Duration::from_millis(100), self.reader.recv()).await {
                return shown.expect("the reader goes on");
            }
            assert!(start.elapsed() < DEADLINE, "nothing is shown: {:?}", self.refused());
        }
    }

    async fn next(&mut self) -> SignedMessage {
        let next = tokio::time::timeout(DEADLINE, self.reader.recv()).await;
        next.unwrap_or_else(|_| panic!("nothing is shown: {:?}", self.refused()))
            .expect("the reader goes on")
    }

    fn refused(&self) -> BTreeMap<Reason, u64> {
        self.reader.stats().refused
    }

    /// Waits until so many are refused for a reason, and sees that nothing is shown meanwhile.
    async fn refuses(&mut self, reason: Reason, count: u64) {
        let start = Instant::now();
        while self.refused().get(&reason).copied().unwrap_or_default() < count {
            let shown = tokio::time::timeout(Duration::from_millis(20), self.reader.recv()).await;
            assert!(shown.is_err(), "shown: {}", data_of(&shown.unwrap().unwrap()));
            assert!(start.elapsed() < DEADLINE, "{reason}: {:?}", self.refused());
        }
        let refused = self.refused();
        assert_eq!(refused, BTreeMap::from([(reason, count)]));
    }
}

fn data_of(message: &SignedMessage) -> String {
    message.received.decode::<StringMsg>().unwrap().data
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_has_the_messages_of_their_signer_with_either_proof() {
    for proof in [Proof::SideKey, Proof::Attachment] {
        let mut scene = Scene::new(proof, QosProfile::default()).await;
        let mut reader = scene.reader("/chatter").await;
        let first = scene.say_until_heard(&mut reader, "hello").await;
        let info = first.received.info();
        assert!(data_of(&first).starts_with("hello"));
        assert_eq!(info.signer, scene.networks.native.public_key());
        assert_eq!(
            (&info.node, info.topic.as_str()),
            (scene.networks.native.name(), "/chatter")
        );
        assert_eq!(info.provenance, Provenance::Live);
        // What is too long for a tail, too.
        let long = "x".repeat(TAIL_LEN_MAX);
        let (sample, record) = scene.say(&long).await;
        let is_behind = record.len() <= TAIL_LEN_MAX && proof == Proof::Attachment;
        assert_eq!(sample.attachment().unwrap().len() > 33, is_behind, "{proof}");
        loop {
            let message = reader.next().await;
            if data_of(&message) == long {
                break;
            }
        }
        assert_eq!(reader.refused(), BTreeMap::new(), "{proof}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_frame_are_each_proved_and_the_frame_goes_once() {
    for proof in [Proof::SideKey, Proof::Attachment] {
        // Large enough that the frames of the attachment's bridge go beside, too. Of a topic that keeps all, nothing is lost.
        let padding = "p".repeat(300);
        let mut scene = Scene::new(proof, QosProfile::keep_all()).await;
        let mut reader = scene.reader("/chatter").await;
        scene.say_until_heard(&mut reader, "begin").await;
        for number in 0..300 {
            scene.talks.publish(&text(&format!("{padding}{number}"))).unwrap();
        }
        let mut expected = 0;
        while expected < 300 {
            let data = data_of(&reader.next().await);
            if let Some(number) = data.strip_prefix(&padding) {
                assert_eq!(number, expected.to_string(), "{:?}", reader.reader.stats());
                expected += 1;
            }
        }
        assert_eq!(reader.refused(), BTreeMap::new(), "{proof}");
        let (mut whole, mut named) = (0, 0);
        while let Ok(record) = scene.proofs.try_recv() {
            match Record::read(&record.payload().to_bytes()).unwrap().frame {
                ShownBytes::Here(_) => whole += 1,
                ShownBytes::Earlier(_) => named += 1,
            }
        }
        if proof == Proof::SideKey {
            assert!(named > 0, "{whole} records with frames, {named} without");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reader_has_the_last_message_of_a_latched_topic_as_history() {
    let scene = Scene::new(Proof::SideKey, QosProfile::keep_last(1).transient_local()).await;
    scene.talks.publish(&text("old map")).unwrap();
    scene.talks.publish(&text("map")).unwrap();
    // The bridge tells all of it before it is asked for by somebody late.
    let mut early = scene.reader("/chatter").await;
    while data_of(&early.next().await) != "map" {}
    let mut reader = scene.reader("/chatter").await;
    let message = reader.next().await;
    assert_eq!(data_of(&message), "map");
    assert_eq!(reader.refused(), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_of_ros_puts_on_the_topic_itself_is_refused() {
    let mut scene = Scene::new(Proof::SideKey, QosProfile::default()).await;
    let mut reader = scene.reader("/chatter").await;
    scene.say_until_heard(&mut reader, "hello").await;
    scene.put("chatter", &string_cdr("forged"), strange(1), None).await;
    reader.refuses(Reason::NotAFrame, 1).await;
    // Afterwards the true ones are shown as before.
    scene.say("hello again").await;
    assert_eq!(data_of(&reader.next().await), "hello again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_message_with_the_proof_of_the_true_one_is_refused() {
    for proof in [Proof::SideKey, Proof::Attachment] {
        let mut scene = Scene::new(proof, QosProfile::default()).await;
        let mut reader = scene.reader("/chatter").await;
        scene.say_until_heard(&mut reader, "hello").await;
        let (sample, record) = scene.say("stop").await;
        assert_eq!(data_of(&reader.next().await), "stop");
        let record = Record::read(&record).unwrap();
        scene
            .put("chatter", &string_cdr("go!!"), attachment_of(&sample), Some(record))
            .await;
        reader.refuses(Reason::BadSignature, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_was_taken_from_another_message_is_refused() {
    let mut scene = Scene::new(Proof::SideKey, QosProfile::default()).await;
    let mut reader = scene.reader("/chatter").await;
    scene.say_until_heard(&mut reader, "hello").await;
    let (_, record) = scene.say("stop").await;
    assert_eq!(data_of(&reader.next().await), "stop");
    let forged = Record {
        tie: Tie::from(strange(1)),
        ..Record::read(&record).unwrap()
    };
    scene.put("chatter", &string_cdr("go"), strange(1), Some(forged)).await;
    reader.refuses(Reason::BadSignature, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_copied_with_its_proof_is_shown_once() {
    let mut scene = Scene::new(Proof::SideKey, QosProfile::default()).await;
    let mut reader = scene.reader("/chatter").await;
    scene.say_until_heard(&mut reader, "hello").await;
    let (sample, record) = scene.say("stop").await;
    assert_eq!(data_of(&reader.next().await), "stop");
    let record = Record::read(&record).unwrap();
    let cdr = string_cdr("stop");
    scene
        .put("chatter", &cdr, attachment_of(&sample), Some(record.clone()))
        .await;
    reader.refuses(Reason::TooOld, 1).await;
    let renumbered = Record {
        tie: Tie::from(strange(2)),
        ..record
    };
    scene.put("chatter", &cdr, strange(2), Some(renumbered)).await;
    reader.refuses(Reason::TooOld, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_recorded_is_refused_by_a_reader_that_comes_later() {
    let mut scene = Scene::new(Proof::SideKey, QosProfile::default()).await;
    let (sample, record) = scene.say("stop").await;
    let record = Record::read(&record).unwrap();
    // It is live for a second by the talker's clock, for whoever comes within it.
    let start = Instant::now();
    loop {
        let mut reader = scene.reader("/chatter").await;
        let _ = tokio::time::timeout(Duration::from_millis(100), reader.reader.recv()).await;
        scene
            .put(
                "chatter",
                &string_cdr("stop"),
                attachment_of(&sample),
                Some(record.clone()),
            )
            .await;
        if tokio::time::timeout(Duration::from_millis(300), reader.reader.recv())
            .await
            .is_err()
        {
            reader.refuses(Reason::TooOld, 1).await;
            return;
        }
        assert!(start.elapsed() < DEADLINE, "it is never too old");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_moved_to_another_topic_is_refused() {
    let mut scene = Scene::new(Proof::SideKey, QosProfile::default()).await;
    let mut elsewhere = scene.reader("/elsewhere").await;
    let (sample, record) = scene.say("stop").await;
    let record = Record::read(&record).unwrap();
    let (cdr, attachment) = (string_cdr("stop"), attachment_of(&sample));
    // Until the reader's subscription has arrived.
    let start = Instant::now();
    while elsewhere.reader.heard() == 0 {
        scene.put("elsewhere", &cdr, attachment, Some(record.clone())).await;
        assert!(start.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let renamed = Record {
        topic: TopicName::parse("/elsewhere").unwrap(),
        tie: Tie::from(strange(7)),
        ..record
    };
    scene.put("elsewhere", &cdr, strange(7), Some(renamed)).await;
    let start = Instant::now();
    while elsewhere
        .refused()
        .get(&Reason::BadSignature)
        .copied()
        .unwrap_or_default()
        < 2
    {
        let shown = tokio::time::timeout(Duration::from_millis(20), elsewhere.reader.recv()).await;
        assert!(shown.is_err(), "shown: {}", data_of(&shown.unwrap().unwrap()));
        assert!(start.elapsed() < DEADLINE, "{:?}", elsewhere.refused());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_wish_for_proofs_none_is_sent_and_nothing_is_shown() {
    let mut scene = Scene::new(Proof::None, QosProfile::default()).await;
    let mut reader = scene.reader("/chatter").await;
    let start = Instant::now();
    while !reader.refused().contains_key(&Reason::NotAFrame) {
        scene.talks.publish(&text("hello")).unwrap();
        let shown = tokio::time::timeout(Duration::from_millis(50), reader.reader.recv()).await;
        assert!(shown.is_err(), "shown: {}", data_of(&shown.unwrap().unwrap()));
        assert!(start.elapsed() < DEADLINE, "{:?}", reader.refused());
    }
    assert_eq!(next(&mut scene.samples).await.attachment().unwrap().len(), 33);
    assert!(scene.proofs.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bridge_itself_has_signed_is_proved_too() {
    let networks = Networks::new().await;
    let bridge = networks.bridge_with(2, "/**", showing(Proof::SideKey)).await;
    let talks = bridge.node.publisher::<StringMsg>("/said_by_a_client").unwrap();
    let mut reader = Reader::of(&networks, "/said_by_a_client", None).await;
    let shown = reader.first_of(|| _ = talks.publish(&text("hello")).unwrap()).await;
    assert_eq!(shown.received.info().signer, bridge.node.public_key());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_the_reader_does_not_know_is_asked_for_at_its_node() {
    let networks = Networks::new().await;
    let _bridge = networks.bridge_with(2, "/**", showing(Proof::Attachment)).await;
    let name = "odd_robot_msgs/msg/Gripper";
    let support = TypeSupport::compile(name, &[(name, "int32 left\n")]).unwrap();
    let payload = support.run_time_type().unwrap();
    let payload = payload.from_json(&serde_json::json!({"left": 7}), 0).unwrap();
    let qos = QosProfile::default();
    let talks = networks.native.generic_publisher("/gripper", &support, qos).unwrap();
    let mut reader = Reader::of(&networks, "/gripper", None).await;
    let publish = || _ = talks.publish(&payload, Accompaniment::default()).unwrap();
    let shown = reader.first_of(publish).await;
    assert_eq!((shown.ty.name(), shown.ty.hash()), (name, support.type_hash()));
    assert_eq!(shown.received.payload(), payload);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_the_bridge_renames_is_shown_to_who_says_what_it_was_signed_for() {
    let networks = Networks::new().await;
    let route = Route {
        rename: Some(("/robot".to_owned(), "/".to_owned())),
        ..Route::both_ways(TopicPattern::parse("/robot/**").unwrap())
    };
    let rules = Rules {
        routes: vec![route],
        ..Rules::allow([])
    };
    let _bridge = networks.bridge_of(2, rules, showing(Proof::SideKey)).await;
    let talks = networks.native.publisher::<StringMsg>("/robot/chatter").unwrap();
    let mut naive = Reader::of(&networks, "/chatter", None).await;
    let mut reader = Reader::of(&networks, "/chatter", Some("/robot/chatter")).await;
    let shown = reader.first_of(|| _ = talks.publish(&text("hello")).unwrap()).await;
    assert_eq!(shown.received.info().topic.as_str(), "/robot/chatter");
    let start = Instant::now();
    while !naive.refused().contains_key(&Reason::BadSignature) {
        talks.publish(&text("hello")).unwrap();
        let shown = tokio::time::timeout(Duration::from_millis(50), naive.reader.recv()).await;
        assert!(shown.is_err(), "shown: {}", data_of(&shown.unwrap().unwrap()));
        assert!(start.elapsed() < DEADLINE, "{:?}", naive.refused());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_frame_from_before_the_reader_came_are_no_refusals_and_later_ones_are() {
    let mut scene = Scene::new(Proof::SideKey, QosProfile::default()).await;
    let (_, record) = scene.say("hello").await;
    let unheard = Record {
        frame: ShownBytes::Earlier(FrameName::of(&[5; 64]).unwrap()),
        ..Record::read(&record).unwrap()
    };
    let tied = |number| {
        let tie = Tie::from(strange(number));
        Some(Record { tie, ..unheard.clone() })
    };
    let start = Instant::now();
    let mut reader = scene.reader("/chatter").await;
    // What comes within the reader's first second is not counted; what comes later is, when it has waited for a second.
    for number in 1.. {
        scene
            .put("chatter", &string_cdr("?"), strange(number), tied(number))
            .await;
        let shown = tokio::time::timeout(Duration::from_millis(50), reader.reader.recv()).await;
        assert!(shown.is_err(), "shown: {}", data_of(&shown.unwrap().unwrap()));
        let refused = reader.node.try_next_refusal().map(|event| event.refusal.detail);
        if refused.is_some_and(|detail| detail.contains("with an earlier message")) {
            assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
            return;
        }
        assert!(start.elapsed() < DEADLINE, "none is ever refused");
    }
}

/// Asks for the card of a node as a reader does; the answer, or why there is none.
async fn card_of(ros: &RosNode, node: &Node, nonce: &[u8]) -> Result<Vec<u8>, String> {
    let key: String = node
        .public_key()
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let asked = format!("{SIDE_CHUNK}/0/card/{key}{}", node.name().as_str());
    let replies = ros.session.get(asked).payload(nonce).await.unwrap();
    match replies.recv_async().await {
        Ok(reply) => match reply.into_result() {
            Ok(card) => Ok(card.payload().to_bytes().into_owned()),
            Err(error) => Err(String::from_utf8(error.payload().to_bytes().into_owned()).unwrap()),
        },
        Err(_) => Err("nobody answers".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_given_of_nodes_that_ros_sees_and_under_a_nonce_only() {
    let scene = Scene::new(Proof::SideKey, QosProfile::default()).await;
    let native = &scene.networks.native;
    let start = Instant::now();
    let card = loop {
        match card_of(&scene.ros, native, &[5; 16]).await {
            Ok(card) => break card,
            Err(problem) => assert!(start.elapsed() < DEADLINE, "{problem}"),
        }
    };
    assert_eq!(&card[..2], b"Nu", "it is a frame");
    let problem = card_of(&scene.ros, native, b"").await.unwrap_err();
    assert!(problem.contains("nonce"), "{problem}");
    let hidden = node("hidden", 7).open().await.unwrap();
    let problem = card_of(&scene.ros, &hidden, &[5; 16]).await.unwrap_err();
    assert!(problem.contains("nothing of this node goes out"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_node_whose_messages_stay_where_they_are_no_card_is_given() {
    let networks = Networks::new().await;
    let bridge = networks.bridge_with(2, "/allowed", showing(Proof::SideKey)).await;
    let _private = networks.native.publisher::<StringMsg>("/private").unwrap();
    let ros = networks.ros().await;
    // The bridge's own is given in any case.
    let start = Instant::now();
    while let Err(problem) = card_of(&ros, &bridge.node, &[5; 16]).await {
        assert!(start.elapsed() < DEADLINE, "{problem}");
    }
    let problem = card_of(&ros, &networks.native, &[5; 16]).await.unwrap_err();
    assert!(problem.contains("nothing of this node goes out"), "{problem}");
}
