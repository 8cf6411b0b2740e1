//! Frames that somebody shows to a node without a link to their signer: what is believed of them, and what is not.

use std::time::Instant;

use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{
    CardQuestion, GenericReceived, GenericSubscriber, Keystore, Node, NodeName, Provenance, Publisher, QosProfile,
    Reason, Refusal, Shown, ShownFrame, ShownFrames, TopicName, TrustMode, TrustPolicy, Verdict,
};

use crate::peers::{DEADLINE, Peers, next, node};

const TOPIC: &str = "/chatter";

/// A talker, a bridge that is linked to it, and a reader that is linked to nobody.
struct Scene {
    peers: Peers,
    talks: Publisher<Text>,
    hears: GenericSubscriber,
    reader: Node,
}

impl Scene {
    async fn new(qos: QosProfile) -> Self {
        let peers = Peers::new().await;
        let talks = peers.talker.publisher_with::<Text>(TOPIC, qos).unwrap();
        let hears = peers
            .listener
            .generic_subscriber(TOPIC, QosProfile::best_available())
            .unwrap();
        assert!(talks.wait_for_subscribers(DEADLINE).unwrap());
        let reader = node("reader", 9).open().await.unwrap();
        Self {
            peers,
            talks,
            hears,
            reader,
        }
    }

    fn shown_on(&self, topic: &str) -> ShownFrames {
        self.reader.shown_frames(TopicName::parse(topic).unwrap())
    }

    /// Publishes a message, and gives it as the bridge has it.
    fn say(&self, text: &str) -> GenericReceived {
        self.talks.publish(&Text { data: text.to_owned() }).unwrap();
        next(&self.hears)
    }

    /// Passes a question on, as a bridge does.
    async fn card(&self, question: &CardQuestion) -> Vec<u8> {
        let bridge = &self.peers.listener;
        let card = bridge.card_for(question.key(), question.node(), *question.nonce(), DEADLINE);
        card.await.expect("the talker answers")
    }

    /// Opens a frame, with its signer's card where that is asked for.
    async fn open(&self, shown: &ShownFrames, frame: &[u8]) -> Result<ShownFrame, Refusal> {
        let talker = self.peers.talker.name();
        match shown.open(frame, talker) {
            Shown::Asks(question) => {
                shown.learn(&question, &self.card(&question).await)?;
                match shown.open(frame, talker) {
                    Shown::Frame(frame) => Ok(frame),
                    Shown::Refused(refusal) => Err(refusal),
                    Shown::Asks(_) => panic!("the card has come"),
                }
            }
            Shown::Frame(frame) => Ok(frame),
            Shown::Refused(refusal) => Err(refusal),
        }
    }

    /// Shows a frame to somebody who comes now, again and again until it is as old as a recording for them: what was on its
    /// way at first contact counts as live for a second, by the talker's own clock.
    async fn shown_late(&self, recorded: &GenericReceived) -> (ShownFrames, Result<ShownFrame, Refusal>) {
        let start = Instant::now();
        loop {
            let shown = self.shown_on(TOPIC);
            let opened = self.open(&shown, &frame_of(recorded)).await;
            let is_live = |frame: &ShownFrame| frame.frame().provenance() == Provenance::Live;
            if !opened.as_ref().is_ok_and(is_live) {
                return (shown, opened);
            }
            assert!(start.elapsed() < DEADLINE, "it is never too old");
        }
    }
}

fn frame_of(received: &GenericReceived) -> Vec<u8> {
    received.message().frame().frame_bytes().to_vec()
}

fn reason<T>(result: Result<T, Refusal>) -> Reason {
    result.err().expect("it is refused").reason
}

/// Takes a message that is what came beside it.
fn take(shown: &ShownFrames, frame: &ShownFrame, number: u64) -> Result<GenericReceived, Refusal> {
    shown.take(frame, number, |_| Ok(()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_frame_is_live_and_its_messages_are_given_once() {
    let scene = Scene::new(QosProfile::default()).await;
    let shown = scene.shown_on(TOPIC);
    let said = scene.say("hello");
    let frame = scene.open(&shown, &frame_of(&said)).await.unwrap();
    let given = take(&shown, &frame, said.message().number()).unwrap();
    assert_eq!(given.decode::<Text>().unwrap().data, "hello");
    let info = given.info();
    assert_eq!((info.provenance, info.verdict), (Provenance::Live, Verdict::Pinned));
    assert_eq!(info.signer, scene.peers.talker.public_key());
    assert_eq!(&info.node, scene.peers.talker.name());
    assert_eq!(reason(take(&shown, &frame, said.message().number())), Reason::TooOld);
    assert_eq!(reason(scene.open(&shown, &frame_of(&said)).await), Reason::TooOld);
    assert_eq!(shown.stats().received, 1);
    // What is shown makes nobody known.
    assert!(scene.reader.graph().nodes.iter().all(|node| node.name != info.node));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_message_is_not_given_after_a_later_one() {
    let scene = Scene::new(QosProfile::default()).await;
    let shown = scene.shown_on(TOPIC);
    let (first, second) = (scene.say("1"), scene.say("2"));
    let later = scene.open(&shown, &frame_of(&second)).await.unwrap();
    let earlier = scene.open(&shown, &frame_of(&first)).await;
    take(&shown, &later, second.message().number()).unwrap();
    let given = earlier.and_then(|earlier| take(&shown, &earlier, first.message().number()));
    assert_eq!(reason(given), Reason::TooOld);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_from_what_came_beside_it_is_refused_and_the_true_one_is_given_afterwards() {
    let scene = Scene::new(QosProfile::default()).await;
    let shown = scene.shown_on(TOPIC);
    let said = scene.say("hello");
    let number = said.message().number();
    let frame = scene.open(&shown, &frame_of(&said)).await.unwrap();
    let other = shown.take(&frame, number, |_| Err("another text".to_owned()));
    assert_eq!(reason(other), Reason::BadSignature);
    assert_eq!(reason(take(&shown, &frame, number + 1)), Reason::BadSignature);
    take(&shown, &frame, number).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_frame_and_one_that_was_moved_are_refused() {
    let scene = Scene::new(QosProfile::default()).await;
    let said = scene.say("hello");
    let mut altered = frame_of(&said);
    *altered.iter_mut().rev().nth(70).unwrap() ^= 1;
    assert_eq!(
        reason(scene.open(&scene.shown_on(TOPIC), &altered).await),
        Reason::BadSignature
    );
    let elsewhere = scene.shown_on("/elsewhere");
    // Its writer is on another topic by its card, so that the place is what differs.
    let refused = scene.open(&elsewhere, &frame_of(&said)).await;
    assert_eq!(reason(refused), Reason::BadSignature);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_was_recorded_is_too_old_however_true_it_is() {
    let scene = Scene::new(QosProfile::default()).await;
    let old = scene.say("stop the pump");
    let (_, refused) = scene.shown_late(&old).await;
    assert_eq!(reason(refused), Reason::TooOld);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_latched_topic_the_last_messages_are_given_as_history() {
    let scene = Scene::new(QosProfile::keep_last(1).transient_local()).await;
    let (old, last) = (scene.say("old map"), scene.say("map"));
    let (shown, frame) = scene.shown_late(&last).await;
    assert_eq!(reason(scene.open(&shown, &frame_of(&old)).await), Reason::TooOld);
    let frame = frame.unwrap();
    let given = take(&shown, &frame, last.message().number()).unwrap();
    assert_eq!(given.info().provenance, Provenance::History);
    assert_eq!(reason(take(&shown, &frame, last.message().number())), Reason::TooOld);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_answers_another_question_is_refused() {
    let scene = Scene::new(QosProfile::default()).await;
    let shown = scene.shown_on(TOPIC);
    let said = scene.say("hello");
    let ask = |node: &NodeName| match shown.open(&frame_of(&said), node) {
        Shown::Asks(question) => question,
        other => panic!("{other:?}"),
    };
    let (first, second) = (ask(scene.peers.talker.name()), ask(scene.peers.talker.name()));
    let card = scene.card(&first).await;
    assert_eq!(reason(shown.learn(&second, &card)), Reason::BadSignature);
    let of_another = ask(&NodeName::parse("/somebody").unwrap());
    assert_eq!(reason(shown.learn(&of_another, &card)), Reason::BadSignature);
    shown.learn(&first, &card).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_policy_of_the_reader_does_not_name_is_refused_in_mode_enforce() {
    let mut scene = Scene::new(QosProfile::default()).await;
    let strict = node("strict_reader", 8).trust_mode(TrustMode::Enforce);
    scene.reader = strict.trust(TrustPolicy::default()).open().await.unwrap();
    let said = scene.say("hello");
    let refused = scene.open(&scene.shown_on(TOPIC), &frame_of(&said)).await;
    assert_eq!(reason(refused), Reason::NotPermitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_with_those_of_the_node() {
    let reader = Node::builder("reader")
        .keystore(Keystore::ephemeral(crate::peers::identity(9)))
        .discovery(nuncio::Discovery::Off)
        .open()
        .await
        .unwrap();
    let shown = reader.shown_frames(TopicName::parse(TOPIC).unwrap());
    let Shown::Refused(refusal) = shown.open(b"hello", &NodeName::parse("/talker").unwrap()) else {
        panic!("it is no frame");
    };
    assert_eq!(refusal.reason, Reason::NotAFrame);
    shown.refuse(refusal.clone());
    assert_eq!(shown.stats().refused.get(&Reason::NotAFrame), Some(&1));
    let event = reader.try_next_refusal().expect("it is told");
    assert_eq!((event.topic.as_str(), event.refusal), (TOPIC, refusal));
}
