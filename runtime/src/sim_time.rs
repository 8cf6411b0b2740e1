//! Simulated time, from what is heard on `/clock`.
//!
//! # Invariants
//!
//! - One key is followed at a time: another is listened to only when the first was silent for [`SILENCE_MAX`].
//! - A message that comes late, or twice, changes nothing: of one start of one publisher only higher numbers count.
//!
//! No I/O here, no clock: whoever calls says when it is.

use std::time::{Duration, Instant};

use crate::security::key::PublicKey;

/// How long the followed key may be silent before another takes its place.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(5);

/// Who says what time it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tick {
    pub(crate) key: PublicKey,
    /// The start of its node and the number of the message.
    pub(crate) version: (u64, u64),
    pub(crate) time_ns: i64,
}

/// What a tick has led to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    /// It is later now, or time has begun.
    Forward,
    /// It is earlier now.
    JumpedBack { from_ns: i64 },
    /// It came late, or from somebody who is not followed.
    Ignored,
}

/// The time of a simulation.
#[derive(Debug, Default)]
pub(crate) struct SimTime {
    last: Option<(Tick, Instant)>,
}

impl SimTime {
    /// The time, once one was heard.
    pub(crate) fn now_ns(&self) -> Option<i64> {
        Some(self.last?.0.time_ns)
    }

    /// Takes what was heard at the instant `heard`.
    pub(crate) fn take(&mut self, tick: Tick, heard: Instant) -> Taken {
        let Some((last, since)) = self.last else {
            self.last = Some((tick, heard));
            return Taken::Forward;
        };
        let is_taken = match tick.key == last.key {
            true => tick.version > last.version,
            false => heard.saturating_duration_since(since) > SILENCE_MAX,
        };
        if !is_taken {
            return Taken::Ignored;
        }
        self.last = Some((tick, heard));
        match tick.time_ns < last.time_ns {
            true => Taken::JumpedBack { from_ns: last.time_ns },
            false => Taken::Forward,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::key::Identity;

    fn tick(seed: u8, version: (u64, u64), time_ns: i64) -> Tick {
        let key = Identity::from_seed(&[seed; 32]).public_key();
        Tick { key, version, time_ns }
    }

    #[test]
    fn time_goes_on_and_a_jump_back_is_told_with_where_it_came_from() {
        let (mut time, now) = (SimTime::default(), Instant::now());
        assert_eq!(time.now_ns(), None);
        assert_eq!(time.take(tick(1, (1, 1), 50), now), Taken::Forward);
        assert_eq!(time.take(tick(1, (1, 2), 50), now), Taken::Forward);
        assert_eq!(time.take(tick(1, (1, 3), 10), now), Taken::JumpedBack { from_ns: 50 });
        assert_eq!(time.now_ns(), Some(10));
        assert_eq!(
            time.take(tick(1, (2, 1), 0), now),
            Taken::JumpedBack { from_ns: 10 },
            "it has started again"
        );
    }

    #[test]
    fn what_comes_late_is_no_jump_back() {
        let (mut time, now) = (SimTime::default(), Instant::now());
        let _ = time.take(tick(1, (1, 5), 50), now);
        assert_eq!(time.take(tick(1, (1, 4), 40), now), Taken::Ignored);
        assert_eq!(time.take(tick(1, (1, 5), 40), now), Taken::Ignored);
        assert_eq!(time.now_ns(), Some(50));
    }

    #[test]
    fn another_key_is_heard_only_when_the_first_is_silent() {
        let (mut time, now) = (SimTime::default(), Instant::now());
        let _ = time.take(tick(1, (1, 1), 50), now);
        assert_eq!(time.take(tick(2, (9, 9), 1_000), now + SILENCE_MAX), Taken::Ignored);
        let later = now + SILENCE_MAX + Duration::from_nanos(1);
        assert_eq!(time.take(tick(2, (1, 1), 60), later), Taken::Forward);
        assert_eq!(time.take(tick(1, (1, 2), 51), later), Taken::Ignored);
    }
}
