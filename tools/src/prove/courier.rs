//! What a hostile router does with a frame: chosen at random, and written down, so that it can be compared with what the
//! receiver says afterwards.

use std::collections::BTreeSet;

use nuncio::security::frame::Layout;

use super::random::Random;

/// After how many later frames a held one is let go, at most.
const HELD_MAX: usize = 20;

/// One frame to put, in the order in which they leave.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Errand {
    /// On the topic that it was meant for.
    Put(Vec<u8>),
    /// On the other topic.
    Redirect(Vec<u8>),
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    /// The numbers of all messages that were let through, at least once.
    pub(super) passed: BTreeSet<u64>,
    /// The numbers of all messages that never were.
    pub(super) dropped: BTreeSet<u64>,
    /// Frames that should not arrive: altered, redirected, or put again.
    pub(super) hostile: u64,
    pub(super) altered: u64,
    pub(super) redirected: u64,
    pub(super) duplicated: u64,
    pub(super) held: u64,
}

/// Decides for each frame. The first and the last are let through: a gap is told by what comes before and after.
pub(super) fn errands(frames: &[Vec<u8>], random: &mut Random) -> (Vec<Errand>, Deeds) {
    let (mut errands, mut deeds) = (Vec::new(), Deeds::default());
    let mut held: Vec<(usize, Vec<u8>)> = Vec::new();
    let last = frames.len().saturating_sub(1);
    for (at, frame) in frames.iter().enumerate() {
        let due: Vec<_> = held.extract_if(.., |(until, _)| *until <= at || at == last).collect();
        errands.extend(due.into_iter().map(|(_, frame)| Errand::Put(frame)));
        let choice = if at == 0 || at == last { 99 } else { random.below(100) };
        let mut passes = true;
        match choice {
            0..10 => passes = false,
            10..20 => {
                held.push((at + 1 + random.below(HELD_MAX), frame.clone()));
                deeds.held += 1;
            }
            20..30 => {
                errands.extend([Errand::Put(frame.clone()), Errand::Put(frame.clone())]);
                deeds.duplicated += 1;
            }
            30..40 => {
                passes = random.below(2) == 0;
                errands.push(Errand::Put(with_flipped_bit(frame, random)));
                if passes {
                    errands.push(Errand::Put(frame.clone()));
                }
                deeds.altered += 1;
            }
            40..50 => {
                passes = random.below(2) == 0;
                errands.push(Errand::Redirect(frame.clone()));
                if passes {
                    errands.push(Errand::Put(frame.clone()));
                }
                deeds.redirected += 1;
            }
            _ => errands.push(Errand::Put(frame.clone())),
        }
        match passes {
            true => deeds.passed.extend(numbers(frame)),
            false => deeds.dropped.extend(numbers(frame)),
        }
    }
    deeds.hostile = deeds.altered + deeds.redirected + deeds.duplicated;
    (errands, deeds)
}

/// The numbers of the messages in a frame.
pub(super) fn numbers(frame: &[u8]) -> impl Iterator<Item = u64> + use<> {
    Layout::parse(frame)
        .ok()
        .into_iter()
        .flat_map(|layout| layout.header.first_number..=layout.last_number())
}

fn with_flipped_bit(frame: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    // Not in the version, by which knocks are told.
    let at = 3 + random.below(bytes.len().saturating_sub(3));
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use nuncio::Identity;

    use super::super::specimen::{NOW_NS, Stage};
    use super::*;

    #[test]
    fn every_message_is_passed_or_dropped_and_the_ends_are_passed() {
        let stage = Stage::new(&Identity::from_seed(&[1; 32])).unwrap();
        let frames: Vec<_> = (1..=500)
            .map(|number| stage.ground.seal(number, NOW_NS, b"x"))
            .collect();
        let (errands, deeds) = errands(&frames, &mut Random::new(3));
        let all: BTreeSet<u64> = deeds.passed.union(&deeds.dropped).copied().collect();
        assert_eq!(all, (1..=500).collect());
        assert!(deeds.passed.is_disjoint(&deeds.dropped));
        assert!(deeds.passed.contains(&1) && deeds.passed.contains(&500));
        assert!(deeds.dropped.len() > 10 && deeds.held > 10 && deeds.altered > 10 && deeds.redirected > 10);
        let put = errands.iter().filter(|errand| matches!(errand, Errand::Put(_))).count() as u64;
        assert_eq!(put, deeds.passed.len() as u64 + deeds.altered + deeds.duplicated);
        assert_eq!(
            errands.last(),
            Some(&Errand::Put(frames[499].clone())),
            "nothing is held beyond the last"
        );
    }
}
