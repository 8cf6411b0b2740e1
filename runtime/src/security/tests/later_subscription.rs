//! A subscription that is made when its node knows the publisher already has a first contact of its own.

use super::stage::{EPOCH, NODE, NOW_NS, Stage, context, header, unsigned};
use crate::security::refusal::Reason;
use crate::security::signer;
use crate::security::verifier::Opened;

/// A frame that was published this long before now.
fn frame(stage: &Stage, number: u64, age_ns: i64) -> Vec<u8> {
    let mut header = header(&stage.identity, number);
    header.first_time_ns = NOW_NS - age_ns;
    signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &context())
}

const LONG_AGO: i64 = 60_000_000_000;

#[test]
fn what_was_recorded_before_the_subscription_is_too_old_for_it() {
    let first = Stage::new();
    let recorded = frame(&first, 5, LONG_AGO);
    first.accept(&recorded);
    let later = first.another_subscription();
    assert!(
        matches!(later.open(&recorded), Opened::Stranger(_)),
        "the publisher is asked before anything of it is believed"
    );
    later.admit_card(&later.identity, NODE, EPOCH, 6, 2);
    assert_eq!(later.reason(&recorded), Reason::TooOld);
    later.accept(&frame(&later, 6, 0));
}

#[test]
fn a_subscription_goes_on_with_a_stream_while_others_ask_again() {
    let stage = Stage::new();
    stage.accept(&frame(&stage, 1, LONG_AGO));
    stage.admit_card(&stage.identity, NODE, EPOCH, 9, 2);
    stage.accept(&frame(&stage, 2, LONG_AGO));
}

#[test]
fn what_comes_below_the_first_message_of_a_stream_is_too_old_even_if_it_is_recent() {
    let stage = Stage::new().another_subscription();
    stage.admit_card(&stage.identity, NODE, EPOCH, 50, 2);
    // On its way at first contact.
    stage.accept(&frame(&stage, 48, 500_000_000));
    stage.accept(&frame(&stage, 49, 400_000_000));
    assert_eq!(stage.reason(&frame(&stage, 47, 600_000_000)), Reason::TooOld);
}

#[test]
fn the_last_messages_of_a_publisher_that_is_gone_are_live_and_older_ones_are_not() {
    let stage = Stage::new().another_subscription();
    let (old, last) = (frame(&stage, 6, LONG_AGO), frame(&stage, 7, 500_000_000));
    assert!(matches!(stage.open(&last), Opened::Stranger(_)));
    stage.retire_publisher(2);
    assert_eq!(stage.reason(&old), Reason::TooOld);
    stage.accept(&last);
    assert_eq!(stage.reason(&frame(&stage, 6, 500_000_000)), Reason::TooOld);
}
