//! The shield: a callback that panics costs what it was called with, and nothing else.
//!
//! Callbacks run in the task that reads a link, or in the one thread of a node that learns who others are. A panic would end
//! those without a word: everything else that comes would be lost, and whoever asked this node would wait for ever.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `take` for something of `what`, a topic or key.
pub(crate) fn shielded(what: &str, take: impl FnOnce()) {
    // What `take` shares is behind locks; those who find one poisoned go on with what is there.
    if catch_unwind(AssertUnwindSafe(take)).is_err() {
        tracing::error!("a callback has panicked; one message or question of {what} is lost");
    }
}
