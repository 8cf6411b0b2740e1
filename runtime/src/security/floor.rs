//! Floors: from where on messages of a writer are fresh, as its node's card said when it answered.
//!
//! A subscription that is made later has its own first contact: what was recorded before it must not be live for it,
//! even if this node has known the publisher for long. So every floor carries its *turn* on a counter that every
//! answer and every new subscription move on, and a subscription takes floors of a later turn than its own only; for
//! an older one the publisher is asked again. Once a stream has begun in a subscription, nothing below its first number
//! is fresh there.
//!
//! No I/O, no clock.

/// How much older than a fresh card a frame below its floor may be, by the publisher's own clock.
pub const FIRST_CONTACT_GRACE_NS: i64 = 1_000_000_000;

/// From where on messages of a writer are fresh, as a card said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Floor {
    /// Numbers from here on are fresh.
    pub(crate) number: u64,
    /// When the card was made, by the publisher's clock.
    pub(crate) time_ns: i64,
    /// When its node last answered, counted in turns.
    pub(crate) turn: u64,
}

impl Floor {
    /// Nothing is fresh.
    pub(crate) const NEVER: Self = Self {
        number: u64::MAX,
        time_ns: i64::MAX,
        turn: 0,
    };

    /// That of a writer that a card made then does not name: nothing of it follows, but its last may be on its way.
    pub(crate) fn of_the_gone(time_ns: i64, turn: u64) -> Self {
        Self {
            number: u64::MAX,
            time_ns,
            turn,
        }
    }

    /// Whether a message may be called live (see [`peers`](super::peers)).
    pub(crate) fn is_fresh(&self, number: u64, time_ns: i64) -> bool {
        number >= self.number || time_ns >= self.time_ns.saturating_sub(FIRST_CONTACT_GRACE_NS)
    }

    /// The floor of a stream that has begun with this number. What was on its way at first contact came before: whatever
    /// has a lower number and comes later is held back or repeated.
    pub(crate) fn begun_with(self, number: u64) -> Self {
        Self {
            number: number.min(self.number),
            time_ns: i64::MAX,
            ..self
        }
    }
}
