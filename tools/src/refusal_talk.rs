//! Tells a person about refusals without flooding the terminal: the first of each reason at once, then one line per
//! reason and second with a count.
//!
//! This module reads no clock and prints nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nuncio::Reason;

/// How long a reason is silent after a line about it.
const SILENCE: Duration = Duration::from_secs(1);

/// What was said and what was held back, by reason.
#[derive(Debug, Default)]
pub(crate) struct RefusalTalk {
    reasons: BTreeMap<Reason, Said>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    held_back: u64,
}

impl RefusalTalk {
    /// The line to print for one refusal, if one is due. `what` says what was found.
    pub(crate) fn line(&mut self, reason: Reason, what: &str, now: Instant) -> Option<String> {
        let said = self.reasons.get_mut(&reason);
        let held_back = match said {
            Some(said) if now.saturating_duration_since(said.at) < SILENCE => {
                said.held_back += 1;
                return None;
            }
            Some(said) => std::mem::take(&mut said.held_back),
            None => 0,
        };
        self.reasons.insert(reason, Said { at: now, held_back: 0 });
        let more = match held_back {
            0 => String::new(),
            count => format!(" (and {count} more since the last such line)"),
        };
        Some(format!("refused, {what}; {}{more}", reason.remedy()))
    }
}

/// All refusals in one line, such as `refused: BadSignature 3, UnknownKey 1`; `None` when there were none.
pub(crate) fn summary(refused: &BTreeMap<Reason, u64>) -> Option<String> {
    let parts: Vec<String> = refused
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    (!parts.is_empty()).then(|| format!("refused: {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_a_flood_once_a_second() {
        let (mut talk, start) = (RefusalTalk::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(talk.line(Reason::BadSignature, "BadSignature: forged", at(0)).is_some());
        for ms in 1..1000 {
            assert_eq!(talk.line(Reason::BadSignature, "BadSignature: forged", at(ms)), None);
        }
        let line = talk
            .line(Reason::BadSignature, "BadSignature: forged", at(1000))
            .unwrap();
        assert!(line.contains("and 999 more"), "{line}");
        let line = talk
            .line(Reason::BadSignature, "BadSignature: forged", at(2500))
            .unwrap();
        assert!(!line.contains("more since"), "{line}");
    }

    #[test]
    fn one_reason_does_not_silence_another() {
        let (mut talk, now) = (RefusalTalk::default(), Instant::now());
        assert!(talk.line(Reason::BadSignature, "x", now).is_some());
        assert!(talk.line(Reason::UnknownKey, "x", now).is_some());
    }

    #[test]
    fn the_summary_counts_by_reason() {
        let refused = BTreeMap::from([
            (Reason::UnknownKey, 1),
            (Reason::BadSignature, 3),
            (Reason::Malformed, 0),
        ]);
        assert_eq!(summary(&refused).unwrap(), "refused: UnknownKey 1, BadSignature 3");
        assert_eq!(summary(&BTreeMap::new()), None);
    }
}
