//! What is kept and for how long, and what a flood of questions costs.

use std::time::Duration;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;

use super::*;
use crate::name::TopicName;
use crate::qos::QosProfile;
use crate::security::frame::{Accompaniment, FrameWriter, Header, Kind, Writer};
use crate::security::key::{Identity, PublicKey};

const WRITER: Writer = Writer(7);
const EPOCH: u64 = 3;

fn key() -> PublicKey {
    Identity::from_seed(&[1; 32]).public_key()
}

fn id_of(number: u64) -> MessageId {
    MessageId::of(&key(), WRITER, EPOCH, number)
}

/// An unsigned frame of messages without payload: evidence does not look at signatures.
fn frame(first_number: u64, count: u16, cause: Option<MessageId>) -> Slices {
    let header = Header {
        kind: Kind::Message,
        replay: false,
        key: key(),
        writer: WRITER,
        epoch: EPOCH,
        first_number,
        first_time_ns: 0,
        type_hash_prefix: [0; 8],
    };
    let with = Accompaniment {
        cause,
        ..Accompaniment::default()
    };
    let mut writer = FrameWriter::new(Vec::new(), &header, with);
    for _ in 0..count {
        writer.push(0, with, |_| Ok::<(), ()>(())).unwrap();
    }
    Slices::from(crate::security::signer::seal(
        &Identity::from_seed(&[1; 32]),
        writer.finish(),
        &crate::security::context::Context::new(
            &crate::name::Domain::default(),
            "/x",
            "a/msg/B",
            &TypeHash::from_bytes([0; 32]),
            Kind::Message,
            &[],
        ),
    ))
}

fn work() -> Work {
    Work {
        left: WORK_PER_QUESTION,
    }
}

fn holds(sent: &SentFrames, number: u64) -> bool {
    sent.holding(id_of(number), id_of, &mut work()).is_some()
}

fn publisher(frames: &[Slices]) -> Arc<PublisherFacts> {
    let topic = TopicName::parse("/x").unwrap();
    let facts = PublisherFacts::new(topic, &TypeDefinition::default(), WRITER, QosProfile::default());
    for (bytes, number) in frames.iter().zip(1..) {
        facts.sent_frames.keep(bytes, number, 1);
    }
    Arc::new(facts)
}

#[test]
fn the_last_frames_are_kept_and_the_oldest_forgotten() {
    let sent = SentFrames::new(3, 0);
    (1..=5).for_each(|number| sent.keep(&frame(number, 1, None), number, 1));
    let kept: Vec<u64> = (1..=6).filter(|number| holds(&sent, *number)).collect();
    assert_eq!(kept, [3, 4, 5]);
}

#[test]
fn bytes_are_bounded_and_a_frame_beyond_the_bound_is_not_kept() {
    let (sent, half) = (SentFrames::new(32, 0), Slices::from(vec![0; BYTES_MAX / 2]));
    (1..=3).for_each(|number| sent.keep(&half, number, 1));
    assert_eq!(sent.size(), (2, BYTES_MAX));
    sent.keep(&Slices::from(vec![0; BYTES_MAX + 1]), 4, 1);
    assert_eq!(sent.size(), (2, BYTES_MAX), "it pushed out what fits");
    assert!(!holds(&sent, 1) && holds(&sent, 2) && holds(&sent, 3) && !holds(&sent, 4));
}

#[test]
fn a_publisher_that_shall_keep_nothing_keeps_nothing() {
    let sent = SentFrames::new(0, 0);
    sent.keep(&frame(1, 1, None), 1, 1);
    assert_eq!(sent.size(), (0, 0));
}

#[test]
fn the_bytes_are_shared_and_not_copied() {
    let (sent, bytes) = (SentFrames::new(1, 0), frame(1, 1, None));
    sent.keep(&bytes, 1, 1);
    let found = sent.holding(id_of(1), id_of, &mut work()).unwrap();
    assert_eq!(
        found.contiguous().as_slice().as_ptr(),
        bytes.contiguous().as_slice().as_ptr()
    );
}

#[test]
fn every_message_of_a_frame_is_found() {
    let sent = SentFrames::new(4, 0);
    sent.keep(&frame(1, 100, None), 1, 100);
    sent.keep(&frame(101, 1, None), 101, 1);
    assert!((1..=101).all(|number| holds(&sent, number)));
    assert!(!holds(&sent, 102));
}

#[test]
fn effects_are_the_frames_that_name_the_cause() {
    let (sent, cause, other) = (SentFrames::new(8, 0), MessageId([5; 16]), MessageId([6; 16]));
    for (number, cause) in (1..).zip([Some(cause), None, Some(other), Some(cause)]) {
        sent.keep(&frame(number, 1, cause), number, 1);
    }
    let numbers = sent.effects_of(cause, &mut work()).into_iter().map(|bytes| {
        let layout = Layout::parse(bytes.contiguous().as_slice()).unwrap();
        layout.header.first_number
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [4, 1]);
}

#[test]
fn a_frame_in_several_slices_is_found_like_any_other_and_costs_what_looking_at_it_does() {
    let (sent, cause) = (SentFrames::new(8, 0), MessageId([5; 16]));
    let whole = frame(1, 1, Some(cause)).contiguous();
    let (around, inner) = (
        [&whole.as_slice()[..90], &whole.as_slice()[98..]].concat(),
        &whole.as_slice()[90..98],
    );
    let sliced = Slices::around(&inner.to_vec().into(), around.into(), 90);
    assert!(!sliced.is_one());
    sent.keep(&sliced, 1, 1);
    let found = sent.effects_of(cause, &mut work());
    assert_eq!(found[0].contiguous().as_slice(), whole.as_slice());
    assert!(holds(&sent, 1));
    let mut short = Work {
        left: FRAME_COST + MESSAGE_COST,
    };
    assert!(sent.effects_of(cause, &mut short).is_empty());
}

#[test]
fn dropped_publishers_are_kept_up_to_the_bounds_of_the_node() {
    let evidence = Evidence::default();
    let small = vec![frame(1, 1, None); FRAMES_DEFAULT];
    let publishers: Vec<_> = (0..40).map(|_| publisher(&small)).collect();
    publishers.iter().for_each(|facts| evidence.retire(facts));
    evidence.retire(&publisher(&[]));
    assert_eq!(evidence.retired().len(), RETIRED_FRAMES_MAX / FRAMES_DEFAULT);
    assert!(
        Arc::ptr_eq(&evidence.retired()[0], &publishers[39]),
        "the newest is kept"
    );

    let large = [Slices::from(vec![0; BYTES_MAX])];
    (0..40).for_each(|_| evidence.retire(&publisher(&large)));
    let sizes: Vec<_> = evidence
        .retired()
        .iter()
        .map(|facts| facts.sent_frames.size())
        .collect();
    assert_eq!(sizes, vec![(1, BYTES_MAX); RETIRED_BYTES_MAX / BYTES_MAX]);
}

#[test]
fn a_flood_of_questions_is_answered_up_to_its_allowance_only() {
    let (mut allowance, start) = (Allowance::default(), Instant::now());
    let mut answered = 0;
    while allowance.take(start).is_some() {
        answered += 1;
        assert!(answered < 100, "a flood is never stopped");
    }
    assert!(answered >= 8, "{answered}");
    assert!(allowance.take(start + Duration::from_micros(1)).is_none());
    assert!(allowance.take(start + Duration::from_millis(10)).is_some());
}

#[test]
fn what_a_question_did_not_cost_is_left_for_the_next() {
    let (mut allowance, start) = (Allowance::default(), Instant::now());
    for _ in 0..WORK_PER_SECOND / QUESTION_COST {
        let work = allowance.take(start).unwrap();
        allowance.give_back(work);
    }
    assert!(allowance.take(start).is_none());
}

#[test]
fn a_question_ends_when_its_work_is_spent() {
    let sent = SentFrames::new(4, 0);
    sent.keep(&frame(1, 1000, None), 1, 1000);
    let mut short = Work {
        left: 10 * MESSAGE_COST,
    };
    assert!(sent.holding(id_of(1000), id_of, &mut short).is_none());
    assert!(sent.effects_of(MessageId([0; 16]), &mut short).is_empty());
}
