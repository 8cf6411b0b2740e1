//! State documents: what late watches get, which version wins, whose document it is, and what is told when a node goes.

use std::time::Duration;

use nuncio::adversary::Adversary;
use nuncio::msgs::sensor_msgs::msg::BatteryState;
use nuncio::msgs::std_msgs::msg;
use nuncio::{
    Domain, Node, QosProfile, StateDocument, StateError, StateFilter, StateLimits, StateName, StateReading,
    StateStanding, StateWatch, TopicName, TrustMode,
};

use crate::peers::{DEADLINE, Peers, identity, node};

fn charged(percentage: f32) -> BatteryState {
    BatteryState {
        percentage,
        ..BatteryState::default()
    }
}

fn battery(of: &Node, percentage: f32) -> StateDocument<BatteryState> {
    of.state_document("battery", &charged(percentage))
        .expect("the document is published")
}

fn named(name: &str) -> StateFilter {
    StateFilter::named(StateName::parse(name).expect("a name"))
}

async fn next(watch: &StateWatch) -> StateReading {
    let waited = tokio::time::timeout(DEADLINE, watch.next()).await;
    waited
        .unwrap_or_else(|_| panic!("no change came; {:?}", watch.stats()))
        .expect("the watch goes on")
}

/// The next change that is so.
async fn next_that(watch: &StateWatch, so: impl Fn(&StateReading) -> bool) -> StateReading {
    loop {
        let reading = next(watch).await;
        if so(&reading) {
            return reading;
        }
    }
}

fn percentage(reading: &StateReading) -> f32 {
    reading.decode::<BatteryState>().expect("a battery").percentage
}

/// Waits until the listener knows that the talker publishes so many documents.
async fn published(peers: &Peers, count: usize) {
    let so = |graph: &nuncio::graph::Graph| {
        let topics = graph.topics();
        topics.keys().filter(|topic| topic.as_str().contains("/state/")).count() >= count
    };
    assert!(peers.listener.wait_for_graph(DEADLINE, so).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_late_watch_gets_the_newest_version_in_the_frame_that_its_node_signed() {
    let peers = Peers::new().await;
    let document = battery(&peers.talker, 0.9);
    let second = document.set(&charged(0.8)).expect("it is set");
    let third = document.update(|state| state.percentage -= 0.5).expect("it is set");
    assert!(third > second);
    assert_eq!((third, third.number), (document.version(), 3));
    published(&peers, 1).await;

    let gathered = peers
        .listener
        .gather_state(named("battery"), DEADLINE)
        .await
        .expect("it is open");
    assert_eq!(gathered.unanswered, []);
    let [reading] = gathered.documents.as_slice() else {
        panic!("expected one document: {gathered:?}");
    };
    assert!((percentage(reading) - 0.3).abs() < 1e-6);
    assert_eq!(reading.version(), third);
    assert_eq!(reading.standing(), StateStanding::Current);
    let info = reading.info();
    assert_eq!(
        (info.node.as_str(), info.signer),
        ("/talker", peers.talker.public_key())
    );
    assert_eq!(info.topic.as_str(), "/talker/state/battery");
    assert!(!reading.message().frame().frame_bytes().is_empty(), "the proof is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn changes_are_told_as_they_come_and_documents_show_what_they_led_to() {
    let peers = Peers::new().await;
    let watch = peers.listener.state_watch(StateFilter::default()).expect("it watches");
    let document = battery(&peers.talker, 0.9);
    let other = peers
        .talker
        .state_document(
            "mood",
            &msg::String {
                data: "fine".to_owned(),
            },
        )
        .expect("it is published");
    let mut names = [
        next(&watch).await.name().to_string(),
        next(&watch).await.name().to_string(),
    ];
    names.sort();
    assert_eq!(names, ["battery", "mood"]);
    document.set(&charged(0.5)).expect("it is set");
    let change = next(&watch).await;
    assert_eq!((percentage(&change), change.version().number), (0.5, 2));
    let held: Vec<_> = watch
        .documents()
        .iter()
        .map(|reading| reading.name().to_string())
        .collect();
    assert_eq!(held, ["battery", "mood"]);
    drop(other);
    let change = next(&watch).await;
    assert_eq!(
        (change.name().as_str(), change.standing()),
        ("mood", StateStanding::Withdrawn)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_is_gone_leaves_what_it_said_last_and_its_next_start_is_newer() {
    let peers = Peers::new().await;
    let watch = peers.listener.state_watch(named("battery")).expect("it watches");
    let document = battery(&peers.talker, 0.9);
    for _ in 0..3 {
        document.update(|state| state.percentage -= 0.1).expect("it is set");
    }
    let last = next_that(&watch, |reading| reading.version() == document.version()).await;
    peers.talker.close().await.expect("it closes");
    drop(document);
    let gone = next_that(&watch, |reading| reading.standing() == StateStanding::Gone).await;
    assert_eq!(gone.version(), last.version());
    assert_eq!(percentage(&watch.documents()[0]), percentage(&last), "it is still held");

    let again = node("talker", 1)
        .connect(&peers.endpoint)
        .open()
        .await
        .expect("it opens");
    let document = battery(&again, 1.0);
    let back = next_that(&watch, |reading| reading.standing() == StateStanding::Current).await;
    assert_eq!((percentage(&back), back.version()), (1.0, document.version()));
    assert!(
        back.version() > last.version(),
        "number 1 of a later start is newer than number 4"
    );
    assert_eq!(watch.documents().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_another_node_publishes_on_a_documents_topic_is_no_document() {
    let peers = Peers::new().await;
    let _document = battery(&peers.talker, 0.9);
    let liar = node("liar", 3).connect(&peers.endpoint).open().await.expect("it opens");
    peers.meet(&liar).await;
    let forged = liar
        .publisher_with::<BatteryState>("/talker/state/battery", QosProfile::keep_last(1).transient_local())
        .expect("it publishes");
    forged.publish(&charged(0.01)).expect("it leaves");
    let watch = peers.listener.state_watch(StateFilter::default()).expect("it watches");
    let reading = next(&watch).await;
    assert_eq!(reading.info().signer, peers.talker.public_key());
    // The liar says it again until it was heard, and has no effect.
    let heard = async {
        while watch.stats().foreign == 0 {
            forged.publish(&charged(0.01)).expect("it leaves");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, heard).await.expect("it was heard");
    let [held] = watch.documents().try_into().expect("one document");
    assert!((percentage(&held) - 0.9).abs() < 1e-6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn documents_of_two_keys_under_one_name_stand_side_by_side_the_newest_first() {
    let peers = Peers::in_mode(TrustMode::Observe).await;
    let _first = battery(&peers.talker, 0.9);
    let twin = node("talker", 3)
        .connect(&peers.endpoint)
        .open()
        .await
        .expect("it opens");
    peers.meet(&twin).await;
    let _second = battery(&twin, 0.2);
    let both = |graph: &nuncio::graph::Graph| {
        let topics = graph.topics();
        topics.values().any(|topic| topic.publishers.len() == 2)
    };
    assert!(peers.listener.wait_for_graph(DEADLINE, both).await.is_some());
    let gathered = peers
        .listener
        .gather_state(named("battery"), DEADLINE)
        .await
        .expect("it is open");
    let signers: Vec<_> = gathered.documents.iter().map(|reading| reading.info().signer).collect();
    assert_eq!(signers, [twin.public_key(), peers.talker.public_key()], "{gathered:?}");
    let of_one = StateFilter {
        signer: Some(identity(1).public_key()),
        ..named("battery")
    };
    let gathered = peers.listener.gather_state(of_one, DEADLINE).await.expect("it is open");
    let signers: Vec<_> = gathered.documents.iter().map(|reading| reading.info().signer).collect();
    assert_eq!(signers, [peers.talker.public_key()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_key_with_too_many_documents_or_bytes_is_held_to_the_limits_and_the_rest_is_counted() {
    let peers = Peers::new().await;
    let document = |name: &str, len: usize| {
        let text = msg::String { data: "x".repeat(len) };
        peers.talker.state_document(name, &text).expect("it is published")
    };
    let _documents = [
        document("a", 10),
        document("b", 5000),
        document("c", 10),
        document("d", 10),
    ];
    published(&peers, 4).await;
    let filter = StateFilter {
        limits: StateLimits {
            documents_of_key: 3,
            bytes_of_key: 2000,
            ..StateLimits::default()
        },
        ..StateFilter::default()
    };
    let gathered = peers.listener.gather_state(filter, DEADLINE).await.expect("it is open");
    let names: Vec<_> = gathered
        .documents
        .iter()
        .map(|reading| reading.name().to_string())
        .collect();
    assert_eq!(names, ["a", "c"], "{gathered:?}");
    assert_eq!((gathered.stats.unwatched, gathered.stats.turned_away), (1, 1));
    assert_eq!(gathered.unanswered, [], "what was turned away has come");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_is_late_gets_the_newest_version_once_and_keeps_no_others_in_memory() {
    let peers = Peers::new().await;
    let watch = peers.listener.state_watch(named("battery")).expect("it watches");
    let document = battery(&peers.talker, 0.9);
    next(&watch).await;
    for _ in 0..100 {
        document.set(&charged(0.5)).expect("it is set");
    }
    let arrived = async {
        while watch.documents()[0].version() != document.version() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, arrived).await.expect("they arrive");
    assert_eq!(next(&watch).await.version(), document.version());
    assert!(watch.try_next().is_err(), "it is told once");
    let stats = watch.stats();
    assert_eq!((stats.documents, stats.skipped), (1, 99), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn documents_of_types_that_the_program_does_not_have_are_read_by_their_definition() {
    let peers = Peers::new().await;
    let _document = battery(&peers.talker, 0.25);
    published(&peers, 1).await;
    let gathered = peers
        .listener
        .gather_state(StateFilter::default(), DEADLINE)
        .await
        .expect("it is open");
    let reading = gathered.documents.first().expect("a document");
    let support = peers
        .listener
        .fetch_type(reading.info().signer, reading.type_name(), &reading.type_hash())
        .await
        .expect("its publisher serves it");
    let json = support
        .run_time_type()
        .expect("a type")
        .to_json(reading.payload())
        .expect("it is one");
    assert_eq!(json["percentage"], 0.25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_watches_its_own_documents_too_and_has_each_once() {
    let peers = Peers::new().await;
    let watch = peers.talker.state_watch(StateFilter::default()).expect("it watches");
    let document = battery(&peers.talker, 0.9);
    assert_eq!(next(&watch).await.version(), document.version());
    assert!(matches!(
        peers.talker.state_document("battery", &charged(0.1)),
        Err(StateError::Exists(name)) if name.as_str() == "battery"
    ));
    assert!(matches!(
        peers.talker.state_document("/talker/state/battery", &charged(0.1)),
        Err(StateError::Name(_))
    ));
    assert_eq!(watch.settled(DEADLINE).await, []);
    assert!((percentage(&watch.documents()[0]) - 0.9).abs() < 1e-6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_watch_ends_with_its_node() {
    let peers = Peers::new().await;
    let watch = peers.listener.state_watch(StateFilter::default()).expect("it watches");
    peers.listener.close().await.expect("it closes");
    let ended = tokio::time::timeout(DEADLINE, watch.next()).await.expect("it ends");
    assert!(ended.is_err());
    assert!(peers.listener.state_watch(StateFilter::default()).is_err());
    assert!(
        peers
            .talker
            .gather_state(StateFilter::default(), Duration::ZERO)
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_document_of_a_crowd_is_gathered_although_each_is_a_subscription_of_its_own() {
    let peers = Peers::new().await;
    let mut crowd = Vec::new();
    for index in 0..4 {
        let member = node(&format!("member_{index}"), 10 + index).connect(&peers.endpoint);
        let member = member.open().await.expect("it opens");
        let documents: Vec<_> = (0..40)
            .map(|index| {
                member
                    .state_document(&format!("d{index}"), &charged(0.5))
                    .expect("it is published")
            })
            .collect();
        crowd.push((member, documents));
    }
    published(&peers, 160).await;
    let gathered = peers
        .listener
        .gather_state(StateFilter::default(), DEADLINE)
        .await
        .expect("it is open");
    assert_eq!(
        (gathered.documents.len(), gathered.unanswered.as_slice()),
        (160, [].as_slice())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_old_version_that_is_recorded_and_sent_again_wins_nowhere() {
    let peers = Peers::new().await;
    let recorder = Adversary::join(&peers.link(), Domain::default())
        .await
        .expect("it joins");
    let topic = TopicName::parse("/talker/state/battery").expect("a name");
    let capture = recorder.capture(&topic).expect("it captures");
    let early = peers.listener.state_watch(named("battery")).expect("it watches");
    let document = battery(&peers.talker, 0.9);
    let recorded = || {
        document.set(&charged(0.9)).expect("it is set");
        capture.next(Duration::from_millis(50))
    };
    // The recorder hears as soon as its link does.
    let old = std::iter::repeat_with(recorded).take(400).find_map(|frame| frame);
    let old = old.expect("an old version");
    document.set(&charged(0.1)).expect("it is set");
    next_that(&early, |reading| reading.version() == document.version()).await;
    recorder.put(&topic, &old).expect("it leaves");
    let late = peers.listener.state_watch(named("battery")).expect("it watches");
    assert_eq!(late.settled(DEADLINE).await, []);
    recorder.put(&topic, &old).expect("it leaves");
    // What comes after the repetitions on the same links shows that they were heard.
    document.set(&charged(0.05)).expect("it is set");
    for watch in [&early, &late] {
        next_that(watch, |reading| reading.version() == document.version()).await;
        let [held] = watch.documents().try_into().expect("one document");
        assert_eq!((percentage(&held), held.version()), (0.05, document.version()));
        assert_eq!(held.standing(), StateStanding::Current);
    }
}
