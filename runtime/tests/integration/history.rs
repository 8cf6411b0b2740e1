//! What late subscribers get, and what becomes of messages that were lost on the way.

use nuncio::adversary::{Adversary, Capture, Relay};
use nuncio::msgs::std_msgs::msg::UInt64;
use nuncio::security::context::Context;
use nuncio::security::frame::{FrameWriter, Header, Kind, Layout};
use nuncio::security::signer;
use nuncio::{
    Accompaniment, Domain, Durability, LinkConfig, Message, Node, Provenance, Publisher, QosProfile, Reason,
    Subscriber, SubscriberEvent, TopicName,
};

use crate::peers::{DEADLINE, Peers, identity, listen, next, node};

fn late(depth: usize) -> QosProfile {
    QosProfile::keep_last(depth).transient_local()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_subscriber_gets_exactly_the_depth_and_then_what_is_live() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher_with::<UInt64>("/count", late(5)).unwrap();
    for number in 1..=20 {
        publisher.publish(&UInt64 { data: number }).unwrap();
    }
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", late(100)).unwrap();
    let history: Vec<_> = (0..5).map(|_| next(&subscriber)).collect();
    let numbers: Vec<_> = history.iter().map(|received| received.message.data).collect();
    assert_eq!(numbers, [16, 17, 18, 19, 20]);
    assert!(
        history
            .iter()
            .all(|received| received.info.provenance == Provenance::History)
    );
    publisher.publish(&UInt64 { data: 21 }).unwrap();
    let live = next(&subscriber);
    assert_eq!((live.message.data, live.info.provenance), (21, Provenance::Live));
    assert_eq!(subscriber.stats().missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_requests_less_than_is_kept_gets_what_it_requests() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher_with::<UInt64>("/count", late(50)).unwrap();
    for number in 1..=40 {
        publisher.publish(&UInt64 { data: number }).unwrap();
    }
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", late(3)).unwrap();
    let numbers: Vec<_> = (0..3).map(|_| next(&subscriber).message.data).collect();
    assert_eq!(numbers, [38, 39, 40]);
    let any = QosProfile {
        durability: Durability::BestAvailable,
        ..QosProfile::keep_last(2)
    };
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", any).unwrap();
    let numbers: Vec<_> = (0..2).map(|_| next(&subscriber).message.data).collect();
    assert_eq!(numbers, [39, 40]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_of_the_same_node_gets_history_as_well() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher_with::<UInt64>("/count", late(2)).unwrap();
    for number in 1..=3 {
        publisher.publish(&UInt64 { data: number }).unwrap();
    }
    let subscriber = peers.talker.subscriber_with::<UInt64>("/count", late(10)).unwrap();
    let numbers: Vec<_> = (0..2).map(|_| next(&subscriber).message.data).collect();
    assert_eq!(numbers, [2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volatile_subscriber_gets_no_history_and_a_volatile_publisher_fits_no_late_one() {
    let peers = Peers::new().await;
    let keeps = peers.talker.publisher_with::<UInt64>("/kept", late(5)).unwrap();
    keeps.publish(&UInt64 { data: 1 }).unwrap();
    let volatile = peers.listener.subscriber::<UInt64>("/kept").unwrap();
    assert!(keeps.wait_for_subscribers(DEADLINE).unwrap());
    keeps.publish(&UInt64 { data: 2 }).unwrap();
    assert_eq!(next(&volatile).message.data, 2);

    let forgets = peers.talker.publisher::<UInt64>("/forgotten").unwrap();
    let subscriber = peers.listener.subscriber_with::<UInt64>("/forgotten", late(5)).unwrap();
    assert!(forgets.wait_for_subscribers(DEADLINE).unwrap());
    forgets.publish(&UInt64 { data: 1 }).unwrap();
    let event = subscriber.events().next_timeout(DEADLINE).unwrap();
    let SubscriberEvent::IncompatibleQos { publisher, policy } = event else {
        panic!("{event:?}");
    };
    assert_eq!((publisher.node.as_str(), policy.as_str()), ("/talker", "DURABILITY"));
    assert_eq!(subscriber.stats().received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_comes_gathered_as_it_was_signed() {
    let peers = Peers::new().await;
    let qos = QosProfile {
        signing_delay: std::time::Duration::from_millis(50),
        ..late(300)
    };
    let publisher = peers.talker.publisher_with::<UInt64>("/many", qos).unwrap();
    for number in 1..=5000 {
        publisher.publish(&UInt64 { data: number }).unwrap();
    }
    assert!(publisher.flush(DEADLINE));
    let subscriber = peers.listener.subscriber_with::<UInt64>("/many", late(1000)).unwrap();
    let numbers: Vec<_> = (0..300).map(|_| next(&subscriber).message.data).collect();
    assert_eq!(numbers, (4701..=5000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn late_subscribers_do_not_mix_up_publishers() {
    let peers = Peers::new().await;
    let third = node("third", 3).connect(&peers.endpoint).open().await.unwrap();
    peers.meet(&third).await;
    let one = peers.talker.publisher_with::<UInt64>("/count", late(3)).unwrap();
    let other = third.publisher_with::<UInt64>("/count", late(3)).unwrap();
    for number in 1..=10 {
        one.publish(&UInt64 { data: number }).unwrap();
        other.publish(&UInt64 { data: 100 + number }).unwrap();
    }
    let subscriber = peers.listener.subscriber_with::<UInt64>("/count", late(10)).unwrap();
    let mut numbers: Vec<_> = (0..6).map(|_| next(&subscriber).message.data).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [8, 9, 10, 108, 109, 110]);
}

/// A talker and a listener on two networks, and somebody between them who passes on what they like.
struct Lossy {
    _talker: Node,
    publisher: Publisher<UInt64>,
    subscriber: Subscriber<UInt64>,
    passing: Capture,
    far: Adversary,
    topic: TopicName,
    _relays: Vec<Relay>,
}

impl Lossy {
    async fn new(qos: QosProfile) -> Self {
        let (talker, here) = listen(node("talker", 1)).await;
        let (listener, there) = listen(node("listener", 2)).await;
        let at = |endpoint: &str| LinkConfig {
            connect: vec![endpoint.to_owned()],
            discovery: Some(nuncio::Discovery::Off),
            ..LinkConfig::default()
        };
        let near = Adversary::join(&at(&here), Domain::default()).await.unwrap();
        let far = Adversary::join(&at(&there), Domain::default()).await.unwrap();
        let relays = vec![near.relay_presence(&far).unwrap(), near.relay_history(&far).unwrap()];
        let topic = TopicName::parse("/count").unwrap();
        let publisher = talker.publisher_with::<UInt64>("/count", qos).unwrap();
        let passing = near.capture(&topic).unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        let subscriber = listener.subscriber::<UInt64>("/count").unwrap();
        let met = |graph: &nuncio::graph::Graph| {
            let topics = graph.topics();
            topics
                .get(&TopicName::parse("/count").unwrap())
                .is_some_and(|topic| !topic.publishers.is_empty())
        };
        assert!(listener.wait_for_graph(DEADLINE, met).await.is_some());
        let lossy = Self {
            _talker: talker,
            publisher,
            subscriber,
            passing,
            far,
            topic,
            _relays: relays,
        };
        // The first has come through when both networks know each other.
        loop {
            let frame = lossy.publish(0);
            lossy.far.put(&lossy.topic, &frame).unwrap();
            if lossy
                .subscriber
                .recv_timeout(std::time::Duration::from_millis(200))
                .is_ok()
            {
                return lossy;
            }
        }
    }

    /// Publishes; gives the frame, which nobody has passed on yet.
    fn publish(&self, number: u64) -> Vec<u8> {
        self.publisher.publish(&UInt64 { data: number }).unwrap();
        self.passing.next(DEADLINE).unwrap()
    }

    fn pass(&self, frame: &[u8]) {
        self.far.put(&self.topic, frame).unwrap();
    }

    fn received(&self) -> (u64, Provenance) {
        let received = next(&self.subscriber);
        (received.message.data, received.info.provenance)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_on_the_way_is_asked_for_and_comes_in_order() {
    let lossy = Lossy::new(QosProfile::default()).await;
    for number in 1..=4 {
        let frame = lossy.publish(number);
        if number == 1 || number == 4 {
            lossy.pass(&frame);
        }
    }
    let received: Vec<_> = (0..4).map(|_| lossy.received()).collect();
    let (live, history) = (Provenance::Live, Provenance::History);
    assert_eq!(received, [(1, live), (2, history), (3, history), (4, live)]);
    assert_eq!(lossy.subscriber.stats().missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_publisher_has_forgotten_is_reported_with_its_numbers() {
    let forgetful = QosProfile {
        evidence: 1,
        ..QosProfile::default()
    };
    let lossy = Lossy::new(forgetful).await;
    let before = next_number(&lossy.publish(100));
    assert!(lossy.subscriber.try_recv().is_err());
    for number in 1..=3 {
        let frame = lossy.publish(number);
        if number == 3 {
            lossy.pass(&frame);
        }
    }
    assert_eq!(lossy.received(), (3, Provenance::Live));
    let events = lossy.subscriber.events();
    // A sign of life in between makes two reports of it; no number is in both, and none is left out.
    let mut lost = Vec::new();
    while lost.last() != Some(&(before + 1)) {
        if let SubscriberEvent::MessagesLost { first, last, .. } = events.next_timeout(DEADLINE).unwrap() {
            lost.extend(first..=last);
        }
    }
    assert_eq!(lost, [before - 1, before, before + 1]);
    assert_eq!(lossy.subscriber.stats().missing, 3);
}

fn next_number(frame: &[u8]) -> u64 {
    Layout::parse(frame).unwrap().header.first_number + 1
}

/// A stream that a forged number could silence or lead astray, as it does with `zenoh-ext`'s advanced subscriber, which
/// believes the source info of any sample.
#[tokio::test(flavor = "multi_thread")]
async fn forged_numbers_and_forged_answers_silence_nobody() {
    let lossy = Lossy::new(QosProfile::default()).await;
    let genuine = lossy.publish(1);
    lossy.pass(&genuine);
    assert_eq!(lossy.received().0, 1);
    let header = Layout::parse(&genuine).unwrap().header;
    let forge = |first_number: u64| {
        let thief = identity(9);
        let context = Context::new(
            &Domain::default(),
            "/count",
            UInt64::TYPE_NAME,
            &UInt64::TYPE_HASH,
            Kind::Message,
            &[],
        );
        let header = Header { first_number, ..header };
        let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
        frame
            .push(header.first_time_ns, Accompaniment::default(), |bytes| {
                bytes.push(99);
                Ok::<_, nuncio::EncodeError>(())
            })
            .unwrap();
        signer::seal(&thief, frame.finish(), &context)
    };
    // A number far ahead, which a receiver that believed it would wait for or go on from.
    lossy.pass(&forge(u64::MAX - 1));
    lossy.pass(&forge(header.first_number + 1_000_000));
    // And whoever is asked for what is missing is somebody else as well, who answers at once.
    let asked = "nuncio/0/@history/**";
    let answer_on = format!(
        "nuncio/0/@history/{}/{:016x}/{:016x}",
        hex(header.key.as_bytes()),
        header.epoch,
        header.writer.0
    );
    let _liar = lossy
        .far
        .answer(asked, &answer_on, &forge(header.first_number + 1))
        .unwrap();
    lossy.publish(2);
    let third = lossy.publish(3);
    lossy.pass(&third);
    let received: Vec<_> = (0..2).map(|_| lossy.received()).collect();
    assert_eq!(received, [(2, Provenance::History), (3, Provenance::Live)]);
    let stats = lossy.subscriber.stats();
    assert_eq!((stats.missing, stats.refused[&Reason::BadSignature]), (0, 3));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
