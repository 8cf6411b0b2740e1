//! Fragments: messages that come, or go, in several pieces. Pure: `now` is an argument.
//!
//! # Invariants
//!
//! - What waits for its missing pieces is at most as long as one message may be, whatever a client sends.
//! - It waits for so long and no longer; whoever sends no more than a beginning holds nothing for ever.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::json;

/// How many pieces a message may have.
const PIECES_MAX: usize = 65_536;

/// How many messages of a client may be incomplete at a time.
const MESSAGES_MAX: usize = 64;

/// What a piece costs that is empty.
const PIECE_COST: usize = size_of::<Option<String>>();

/// One piece of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fragment {
    /// Which message.
    pub(super) id: String,
    pub(super) data: String,
    /// Which piece, the first one being 0.
    pub(super) num: usize,
    pub(super) total: usize,
}

/// The incomplete messages of one client.
#[derive(Debug)]
pub(super) struct Fragments {
    waiting: HashMap<String, Waiting>,
    /// The bytes of all that waits.
    len: usize,
    len_max: usize,
    timeout: Duration,
}

#[derive(Debug)]
struct Waiting {
    pieces: Vec<Option<String>>,
    missing: usize,
    len: usize,
    until: Instant,
}

impl Fragments {
    pub(super) fn new(len_max: usize, timeout: Duration) -> Self {
        Self {
            waiting: HashMap::new(),
            len: 0,
            len_max,
            timeout,
        }
    }

    /// Takes a piece, and gives the message when it was the last one that was missing.
    pub(super) fn take(&mut self, fragment: Fragment, now: Instant) -> Result<Option<String>, FragmentError> {
        let Fragment { id, data, num, total } = fragment;
        if total == 0 || total > PIECES_MAX || num >= total {
            return Err(FragmentError::Number { num, total });
        }
        if !self.waiting.contains_key(&id) {
            self.begin(&id, total, now)?;
        }
        let Some(waiting) = self.waiting.get_mut(&id) else {
            return Ok(None);
        };
        let found = waiting.pieces.len();
        let Some(place) = waiting.pieces.get_mut(num).filter(|_| found == total) else {
            self.forget(&id);
            return Err(FragmentError::Total {
                found: total,
                before: found,
            });
        };
        if place.is_none() {
            waiting.missing -= 1;
            waiting.len += data.len();
            self.len += data.len();
            *place = Some(data);
        }
        if waiting.missing == 0 {
            let whole = self.forget(&id);
            return Ok(whole.map(|waiting| waiting.pieces.into_iter().flatten().collect()));
        }
        if self.len > self.len_max {
            self.forget(&id);
            return Err(FragmentError::TooLong { len_max: self.len_max });
        }
        Ok(None)
    }

    /// Forgets what has waited for too long, and says how many messages that were.
    pub(super) fn forget_old(&mut self, now: Instant) -> usize {
        let old: Vec<String> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.until <= now)
            .map(|(id, _)| id.clone())
            .collect();
        old.iter().for_each(|id| drop(self.forget(id)));
        old.len()
    }

    fn begin(&mut self, id: &str, total: usize, now: Instant) -> Result<(), FragmentError> {
        let cost = total * PIECE_COST;
        if self.waiting.len() >= MESSAGES_MAX {
            return Err(FragmentError::TooMany);
        }
        if self.len + cost > self.len_max {
            return Err(FragmentError::TooLong { len_max: self.len_max });
        }
        self.len += cost;
        let waiting = Waiting {
            pieces: vec![None; total],
            missing: total,
            len: cost,
            until: now + self.timeout,
        };
        self.waiting.insert(id.to_owned(), waiting);
        Ok(())
    }

    fn forget(&mut self, id: &str) -> Option<Waiting> {
        let waiting = self.waiting.remove(id)?;
        self.len -= waiting.len;
        Some(waiting)
    }
}

/// A text in pieces of at most `size` bytes, each as the client gets it. A character is never cut, so a piece may have more
/// bytes where `size` is less than a character needs.
pub(super) fn split(text: &str, size: usize, id: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let (piece, after) = rest.split_at(rest.floor_char_boundary(size).max(first));
        pieces.push(piece);
        rest = after;
    }
    let total = pieces.len();
    let written = pieces.into_iter().enumerate();
    written
        .map(|(num, data)| json!({"op": "fragment", "id": id, "data": data, "num": num, "total": total}).to_string())
        .collect()
}

/// Why a fragment is not taken. What there was of its message is forgotten.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum FragmentError {
    Number { num: usize, total: usize },
    Total { found: usize, before: usize },
    TooLong { len_max: usize },
    TooMany,
}

impl fmt::Display for FragmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { num, total } => write!(
                f,
                "expected a fragment's `num` below its `total`, and a total of 1 to {PIECES_MAX}, found {num} of {total}"
            ),
            Self::Total { found, before } => write!(
                f,
                "expected all fragments of a message to say the same `total`, found {found} after {before}; send it anew"
            ),
            Self::TooLong { len_max } => write!(
                f,
                "fragments may hold at most {len_max} bytes at a time, these are more; send less, or one message after the other"
            ),
            Self::TooMany => write!(
                f,
                "{MESSAGES_MAX} messages in fragments are incomplete already; complete one first"
            ),
        }
    }
}

impl std::error::Error for FragmentError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use serde_json::Value;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn piece(id: &str, data: &str, num: usize, total: usize) -> Fragment {
        Fragment {
            id: id.to_owned(),
            data: data.to_owned(),
            num,
            total,
        }
    }

    #[test]
    fn a_message_is_whole_when_all_its_pieces_are_there_in_whichever_order() {
        let (mut fragments, now) = (Fragments::new(1000, TIMEOUT), Instant::now());
        assert_eq!(fragments.take(piece("a", "c", 2, 3), now), Ok(None));
        assert_eq!(fragments.take(piece("b", "other", 0, 2), now), Ok(None));
        assert_eq!(fragments.take(piece("a", "a", 0, 3), now), Ok(None));
        assert_eq!(
            fragments.take(piece("a", "again", 0, 3), now),
            Ok(None),
            "a piece counts once"
        );
        assert_eq!(fragments.take(piece("a", "b", 1, 3), now), Ok(Some("abc".to_owned())));
        assert_eq!(fragments.waiting.len(), 1);
    }

    #[test]
    fn what_never_ends_is_forgotten_and_holds_nothing() {
        let (mut fragments, now) = (Fragments::new(1_000_000, TIMEOUT), Instant::now());
        for number in 0..MESSAGES_MAX {
            fragments.take(piece(&number.to_string(), "begun", 0, 2), now).unwrap();
        }
        assert_eq!(
            fragments.take(piece("more", "", 0, 2), now),
            Err(FragmentError::TooMany)
        );
        assert_eq!(fragments.forget_old(now + TIMEOUT / 2), 0);
        assert_eq!(fragments.forget_old(now + TIMEOUT), MESSAGES_MAX);
        assert_eq!(fragments.len, 0);
        assert_eq!(fragments.take(piece("more", "", 0, 2), now), Ok(None));
    }

    #[test]
    fn pieces_hold_no_more_than_a_message_may() {
        let (mut fragments, now) = (Fragments::new(1000, TIMEOUT), Instant::now());
        let error = fragments.take(piece("many", "", 0, PIECES_MAX), now);
        assert_eq!(error, Err(FragmentError::TooLong { len_max: 1000 }));
        fragments.take(piece("a", &"x".repeat(800), 0, 3), now).unwrap();
        let error = fragments.take(piece("a", &"x".repeat(800), 1, 3), now);
        assert_eq!(error, Err(FragmentError::TooLong { len_max: 1000 }));
        assert_eq!((fragments.len, fragments.waiting.len()), (0, 0));
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let (mut fragments, now) = (Fragments::new(1000, TIMEOUT), Instant::now());
        for (num, total) in [(0, 0), (3, 3), (0, usize::MAX), (usize::MAX, 2)] {
            let error = fragments.take(piece("a", "", num, total), now);
            assert_eq!(error, Err(FragmentError::Number { num, total }));
        }
        fragments.take(piece("a", "", 0, 2), now).unwrap();
        let error = fragments.take(piece("a", "", 1, 3), now);
        assert_eq!(error, Err(FragmentError::Total { found: 3, before: 2 }));
    }

    #[test]
    fn what_is_split_is_put_together_again() {
        let text = "{\"é\": \"ß😀\"}".repeat(5);
        for size in [1, 2, 3, 7, 1000] {
            let (mut fragments, now) = (Fragments::new(1_000_000, TIMEOUT), Instant::now());
            let mut whole = None;
            for piece in split(&text, size, "f1") {
                assert_eq!(whole, None);
                let piece: Value = serde_json::from_str(&piece).unwrap();
                let data = piece["data"].as_str().unwrap();
                assert!(data.len() <= size.max(4), "{piece}");
                let count = |name: &str| piece[name].as_u64().unwrap() as usize;
                whole = fragments
                    .take(
                        Fragment {
                            id: piece["id"].to_string(),
                            data: data.to_owned(),
                            num: count("num"),
                            total: count("total"),
                        },
                        now,
                    )
                    .unwrap();
            }
            assert_eq!(whole.as_deref(), Some(text.as_str()));
        }
    }
}
