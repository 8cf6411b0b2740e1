//! How often one client is told what is wrong: the same thing once a second, with the number of times that it was not said, and
//! so many things a second in all. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the same is not said again, and how long a share of [`SAID_MAX`] is for.
const PAUSE: Duration = Duration::from_secs(1);
/// How many things are said in that time.
const SAID_MAX: usize = 64;

/// What one client was told of late.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    said: BTreeMap<String, Said>,
}

#[derive(Debug)]
struct Said {
    last: Instant,
    held_back: u64,
}

impl Complaints {
    /// The text to say now, if it is time to say it.
    pub(super) fn due(&mut self, text: &str, now: Instant) -> Option<String> {
        let is_recent = |said: &Said| now.duration_since(said.last) < PAUSE;
        if let Some(said) = self.said.get_mut(text) {
            if is_recent(said) {
                said.held_back += 1;
                return None;
            }
            said.last = now;
            return Some(match std::mem::take(&mut said.held_back) {
                0 => text.to_owned(),
                times => format!("{text} ({times} more times since this was last said)"),
            });
        }
        if self.said.len() >= SAID_MAX {
            self.said.retain(|_, said| is_recent(said));
        }
        if self.said.len() >= SAID_MAX {
            return None;
        }
        let said = Said {
            last: now,
            held_back: 0,
        };
        self.said.insert(text.to_owned(), said);
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_second_with_what_was_held_back() {
        let start = Instant::now();
        let mut complaints = Complaints::default();
        assert_eq!(complaints.due("no", start), Some("no".to_owned()));
        for _ in 0..3 {
            assert_eq!(complaints.due("no", start), None);
        }
        assert_eq!(complaints.due("other", start), Some("other".to_owned()));
        let later = complaints.due("no", start + PAUSE).unwrap_or_default();
        assert!(later.contains("3 more"), "{later}");
        assert_eq!(complaints.due("no", start + PAUSE * 2), Some("no".to_owned()));
    }

    #[test]
    fn a_client_that_finds_ever_new_things_to_do_wrong_is_told_of_so_many_a_second() {
        let start = Instant::now();
        let mut complaints = Complaints::default();
        let said = |complaints: &mut Complaints, now| {
            let things = (0..1000).filter(|number| complaints.due(&format!("{now:?} {number}"), now).is_some());
            things.count()
        };
        assert_eq!(said(&mut complaints, start), SAID_MAX);
        assert_eq!(said(&mut complaints, start + PAUSE), SAID_MAX);
        assert_eq!(complaints.said.len(), SAID_MAX);
    }
}
