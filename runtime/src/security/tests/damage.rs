//! Every single-bit change, every truncation and every extension of a frame is refused, not just the ones that somebody
//! thought of.

use super::stage::{Stage, context, header, unsigned};
use crate::security::frame::Layout;
use crate::security::key::Identity;
use crate::security::signer;
use crate::security::verifier::Opened;

/// One frame alone, one of many messages, and one that is a leaf of a tree, whose root the verifier has seen or not.
fn frames() -> Vec<Vec<u8>> {
    let identity = Identity::from_seed(&[7; 32]);
    let stage = Stage::new();
    let many: Vec<&[u8]> = vec![b"some payload"; 20];
    let leaves = (0..5)
        .map(|index| (unsigned(&header(&identity, 100 + index), &[b"leaf"]), context()))
        .collect();
    let mut frames = signer::seal_together(&identity, leaves);
    frames.truncate(3);
    frames.push(stage.frame(1, &[b"hello"]));
    frames.push(stage.frame(1, &[b""]));
    frames.push(stage.frame(2, &many));
    frames
}

fn is_delivered(stage: &Stage, frame: &[u8]) -> bool {
    matches!(stage.open(frame), Opened::Verified(_))
}

#[test]
fn every_flipped_bit_is_refused() {
    for good in frames() {
        let stage = Stage::new();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !is_delivered(&stage, &bad),
                "bit {bit} of {} bytes was not covered",
                good.len()
            );
        }
        assert!(is_delivered(&stage, &good), "the damage has left a trace");
    }
}

#[test]
fn every_flipped_bit_is_refused_although_the_root_of_the_tree_is_known() {
    let frames = frames();
    let stage = Stage::new();
    assert!(is_delivered(&stage, &frames[0]));
    for bit in 0..frames[1].len() * 8 {
        let mut bad = frames[1].clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!is_delivered(&stage, &bad), "bit {bit} was not covered");
    }
    assert!(is_delivered(&stage, &frames[1]));
}

#[test]
fn every_truncation_is_refused() {
    for good in frames() {
        let stage = Stage::new();
        for len in 0..good.len() {
            assert!(
                !is_delivered(&stage, &good[..len]),
                "accepted after {len} of {} bytes",
                good.len()
            );
        }
        assert!(is_delivered(&stage, &good));
    }
}

#[test]
fn bytes_put_in_anywhere_are_refused() {
    let good = Stage::new().frame(1, &[b"hello"]);
    let stage = Stage::new();
    for at in 0..=good.len() {
        for byte in [0, 1, 0x80, 0xff] {
            let mut bad = good.clone();
            bad.insert(at, byte);
            assert!(!is_delivered(&stage, &bad), "{byte:#04x} put in at {at}");
        }
    }
}

/// The parser alone, on bytes of which no signature says anything: it neither panics nor reads beyond the end.
#[test]
fn no_two_changed_bytes_make_the_layout_panic() {
    let good = Stage::new().frame(1, &[b"abc", b"", b"defghi"]);
    let interesting = [0, 1, 2, 0x7f, 0x80, 0xff];
    for first in 0..good.len() {
        for second in (first..good.len()).step_by(3) {
            for (a, b) in interesting.iter().zip(interesting.iter().rev()) {
                let mut bad = good.clone();
                (bad[first], bad[second]) = (*a, *b);
                if let Ok(layout) = Layout::parse(&bad) {
                    assert_eq!(layout.messages(&bad).count(), usize::from(layout.count));
                    assert!(layout.messages(&bad).all(|span| span.payload.end <= bad.len()));
                }
            }
        }
    }
}
