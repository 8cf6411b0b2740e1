//! How often the same thing is said: the first time at once, then at most once a second with how often it was held back.
//! Whoever can make something happen could otherwise fill a log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::sign_of_life::nanoseconds;

/// How long a subject is silent after it was spoken of.
const SILENCE: Duration = Duration::from_secs(1);

/// What was said when. There are as many subjects as `K` has values, so let these be few.
#[derive(Debug)]
pub(crate) struct TalkLimit<K>(Mutex<BTreeMap<K, Said>>);

/// When it was last said, in ticks, and how often it was not since.
#[derive(Debug)]
struct Said {
    at: u64,
    held_back: u64,
}

impl<K> Default for TalkLimit<K> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<K: Ord> TalkLimit<K> {
    /// How often it was held back since it was last said, if it may be said now.
    pub(crate) fn turn(&self, subject: K, now: u64) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(said) = all.get_mut(&subject) else {
            all.insert(subject, Said { at: now, held_back: 0 });
            return Some(0);
        };
        if now < said.at + nanoseconds(SILENCE) {
            said.held_back += 1;
            return None;
        }
        said.at = now;
        Some(std::mem::take(&mut said.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_said_once_a_second_and_one_subject_does_not_silence_another() {
        let (limit, second) = (TalkLimit::default(), nanoseconds(SILENCE));
        assert_eq!(limit.turn("forged", 5), Some(0));
        for at in 6..1006 {
            assert_eq!(limit.turn("forged", at), None);
        }
        assert_eq!(limit.turn("unknown", 7), Some(0));
        assert_eq!(limit.turn("forged", 5 + second), Some(1000));
        assert_eq!(limit.turn("forged", 5 + 2 * second), Some(0));
    }
}
