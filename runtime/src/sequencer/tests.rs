//! What goes on, what is asked for and what is lost, frame by frame.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

use super::*;
use crate::link::Bytes;
use crate::qos::QosProfile;
use crate::security::frame::Writer;
use crate::security::tests::stage::{EPOCH, NODE, NOW_NS, Stage, TOPIC};
use crate::security::verifier::Opened;

/// A subscription to the publisher of the stage, and what it does.
struct Scene {
    stage: Stage,
    sequencer: Sequencer,
}

impl Scene {
    fn new(qos: QosProfile) -> Self {
        Self {
            stage: Stage::new(),
            sequencer: Sequencer::new(Request::of(&qos), qos.kept().get()),
        }
    }

    /// The publisher's next number is this, as it says when it is asked.
    fn at(self, next_number: u64) -> Self {
        self.stage.admit_card(&self.stage.identity, NODE, EPOCH, next_number, 2);
        self
    }

    fn meet(&self) -> Option<Ask> {
        let writer = Writer::derive(NODE, TOPIC, 0);
        let facts = self
            .stage
            .peers
            .writer(self.stage.identity.public_key(), writer)
            .unwrap();
        self.sequencer.meet(writer, &facts)
    }

    /// A frame with the numbers `first ..= last` comes.
    fn live(&self, first: u64, last: u64) -> Option<Ask> {
        let payloads = vec![b"x".as_slice(); usize::try_from(last - first + 1).unwrap()];
        match self.stage.open(&self.stage.frame(first, &payloads)) {
            Opened::Verified(frame) => self.sequencer.take(frame),
            other => panic!("{other:?}"),
        }
    }

    /// The same as an answer.
    fn answer(&self, ask: &Ask, first: u64, last: u64) -> Option<Ask> {
        let payloads = vec![b"x".as_slice(); usize::try_from(last - first + 1).unwrap()];
        let bytes = Bytes::from(self.stage.frame(first, &payloads));
        match self.stage.verifier.open_answer(&bytes, &ask.missing, NOW_NS) {
            Opened::Verified(frame) => self.sequencer.take(frame),
            Opened::Duplicate => None,
            other => panic!("{other:?}"),
        }
    }

    /// What has gone on since: numbers, and what was lost in words.
    fn went_on(&self) -> String {
        let mut words = Vec::new();
        while let Some(next) = self.sequencer.next() {
            match next {
                Next::Frame(frame) => {
                    let frame = Arc::new(frame);
                    let mark = if frame.provenance() == Provenance::History {
                        "h"
                    } else {
                        ""
                    };
                    words.extend(frame.messages().map(|message| format!("{mark}{}", message.number())));
                }
                Next::Lost { missing, .. } => words.push(format!("lost {}-{}", missing.first, missing.last)),
            }
        }
        words.join(" ")
    }
}

fn asked(ask: Option<Ask>) -> (u64, u64) {
    ask.map_or((0, 0), |ask| (ask.missing.first, ask.missing.last))
}

#[test]
fn what_comes_in_order_goes_on_at_once() {
    let scene = Scene::new(QosProfile::default());
    assert_eq!(scene.live(5, 5), None);
    assert_eq!(scene.live(6, 8), None);
    assert_eq!(scene.went_on(), "5 6 7 8");
}

#[test]
fn a_gap_is_asked_for_and_what_came_later_waits_for_the_answer() {
    let scene = Scene::new(QosProfile::default());
    scene.live(1, 1);
    let ask = scene.live(4, 4).unwrap();
    assert_eq!((ask.missing.first, ask.missing.last), (2, 3));
    assert_eq!(scene.live(5, 5), None, "one question at a time");
    assert_eq!(scene.went_on(), "1");
    scene.answer(&ask, 2, 3);
    assert_eq!(scene.sequencer.end(&ask), None);
    assert_eq!(scene.went_on(), "h2 h3 4 5");
}

#[test]
fn what_nobody_has_any_more_is_reported_with_its_numbers_and_the_rest_goes_on() {
    let scene = Scene::new(QosProfile::default());
    scene.live(1, 1);
    let ask = scene.live(7, 7).unwrap();
    scene.live(10, 10);
    scene.answer(&ask, 4, 5);
    assert_eq!(scene.went_on(), "1");
    let next = scene.sequencer.end(&ask).unwrap();
    assert_eq!(scene.went_on(), "lost 2-3 h4 h5 lost 6-6 7");
    assert_eq!(asked(Some(next)), (8, 9));
    scene.answer(&next, 8, 9);
    assert_eq!(scene.sequencer.end(&next), None);
    assert_eq!(scene.went_on(), "h8 h9 10");
}

#[test]
fn best_effort_reports_what_is_missing_and_asks_for_nothing() {
    let scene = Scene::new(QosProfile::sensor_data());
    scene.live(1, 1);
    assert_eq!(scene.live(4, 4), None);
    assert_eq!(scene.live(3, 3), None);
    assert_eq!(scene.went_on(), "1 lost 2-3 4 3");
}

#[test]
fn a_late_subscriber_gets_exactly_the_depth_and_then_what_is_live() {
    let late = QosProfile::keep_last(4).transient_local();
    let scene = Scene::new(late).at(51);
    let ask = scene.meet().unwrap();
    assert_eq!((ask.missing.first, ask.missing.last), (47, 50));
    assert_eq!(scene.live(51, 52), None);
    assert_eq!(scene.went_on(), "");
    // The frame that holds the first of them holds earlier ones, too.
    scene.answer(&ask, 44, 48);
    scene.answer(&ask, 49, 50);
    assert_eq!(scene.sequencer.end(&ask), None);
    assert_eq!(scene.went_on(), "h47 h48 h49 h50 51 52");
}

#[test]
fn a_late_subscriber_asks_for_what_the_publisher_keeps_and_no_more() {
    let scene = Scene::new(QosProfile::keep_last(100).transient_local()).at(51);
    assert_eq!(asked(scene.meet()), (41, 50));
    let scene = Scene::new(QosProfile::keep_last(100).transient_local()).at(4);
    assert_eq!(asked(scene.meet()), (1, 3));
    let scene = Scene::new(QosProfile::keep_last(100).transient_local());
    assert_eq!(scene.meet(), None, "nothing was published yet");
    let scene = Scene::new(QosProfile::keep_last(100)).at(51);
    assert_eq!(scene.meet(), None, "it did not request it");
}

#[test]
fn what_was_not_kept_for_a_late_subscriber_is_nobodys_loss() {
    let scene = Scene::new(QosProfile::keep_last(4).transient_local()).at(51);
    let ask = scene.meet().unwrap();
    scene.live(51, 51);
    scene.answer(&ask, 49, 49);
    assert_eq!(scene.sequencer.end(&ask), None);
    assert_eq!(scene.went_on(), "h49 51");
}

#[test]
fn a_first_live_frame_begins_the_same_as_a_meeting() {
    let scene = Scene::new(QosProfile::keep_last(2).transient_local()).at(51);
    let ask = scene.live(52, 52).unwrap();
    assert_eq!(asked(Some(ask)), (49, 50));
    assert_eq!(scene.meet(), None, "one question at a time");
    scene.answer(&ask, 49, 50);
    let gap = scene.sequencer.end(&ask);
    // What was published since the card was made and did not come is missing, as in any gap.
    assert_eq!(scene.went_on(), "h49 h50");
    let gap = gap.unwrap();
    assert_eq!(asked(Some(gap)), (51, 51));
    scene.answer(&gap, 51, 51);
    assert_eq!(scene.went_on(), "h51 52");
}

#[test]
fn what_was_sent_while_the_link_was_down_is_asked_for_when_the_publisher_is_met_again() {
    let scene = Scene::new(QosProfile::default());
    scene.live(1, 3);
    let scene = scene.at(9);
    let ask = scene.meet().unwrap();
    assert_eq!(asked(Some(ask)), (4, 8));
    scene.answer(&ask, 4, 8);
    assert_eq!(scene.sequencer.end(&ask), None);
    assert_eq!(scene.meet(), None);
    assert_eq!(scene.went_on(), "1 2 3 h4 h5 h6 h7 h8");
}

#[test]
fn what_is_on_its_way_when_the_publisher_is_met_again_is_not_called_lost() {
    let scene = Scene::new(QosProfile::default());
    scene.live(1, 3);
    let scene = scene.at(6);
    let ask = scene.meet().unwrap();
    assert_eq!(scene.sequencer.end(&ask), None, "the publisher has forgotten them");
    scene.live(4, 5);
    assert_eq!(scene.went_on(), "1 2 3 4 5");
}

#[test]
fn the_same_number_goes_on_once() {
    let scene = Scene::new(QosProfile::default());
    scene.live(1, 1);
    let ask = scene.live(3, 3).unwrap();
    scene.answer(&ask, 2, 2);
    scene.answer(&ask, 2, 2);
    scene.sequencer.end(&ask);
    assert_eq!(scene.went_on(), "1 h2 3");
}

#[test]
fn a_new_start_of_the_publisher_begins_anew_and_what_waited_goes_on() {
    let scene = Scene::new(QosProfile::default());
    scene.live(1, 1);
    assert!(scene.live(4, 4).is_some());
    scene.stage.admit(&scene.stage.identity, NODE, EPOCH + 1, 1);
    let mut header = crate::security::tests::stage::header(&scene.stage.identity, 7);
    header.epoch = EPOCH + 1;
    let frame = crate::security::signer::seal(
        &scene.stage.identity,
        crate::security::tests::stage::unsigned(&header, &[b"x"]),
        &crate::security::tests::stage::context(),
    );
    let Opened::Verified(frame) = scene.stage.open(&frame) else {
        panic!("the new start is refused");
    };
    assert_eq!(scene.sequencer.take(frame), None);
    assert_eq!(scene.went_on(), "1 lost 2-3 4 7");
}

#[test]
fn what_waits_is_bounded() {
    let scene = Scene::new(QosProfile::default());
    scene.live(1, 1);
    let ask = scene.live(3, 3).unwrap();
    let mut number = 3;
    while scene.went_on().is_empty() || number < 10 {
        number += 1;
        scene.live(number, number);
        assert!(number < 10_000, "it never gave up");
    }
    assert_eq!(number, 3 + HELD_FRAMES_MAX as u64);
    assert_eq!(scene.sequencer.end(&ask), None, "that question is no longer open");
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let scene = Scene::new(QosProfile::default());
    scene.live(1, 1);
    let ask = scene.live(4, 4).unwrap();
    let other = Bytes::from(scene.stage.frame(9, &[b"x"]));
    let opened = scene.stage.verifier.open_answer(&other, &ask.missing, NOW_NS);
    assert!(matches!(opened, Opened::Refused(_)), "{opened:?}");
    let mut forged = scene.stage.frame(2, &[b"x"]);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let opened = scene
        .stage
        .verifier
        .open_answer(&Bytes::from(forged), &ask.missing, NOW_NS);
    assert!(matches!(opened, Opened::Refused(_)), "{opened:?}");
}
