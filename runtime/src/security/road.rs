//! The road of a frame: how it came to a subscription, and what that means for the checks of its age. Pure.

use super::replay_window::{Novelty, ReplayError};
use super::verified::Provenance;

/// How a frame came here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Road {
    /// By itself.
    Live,
    /// As the answer to a question. It says nothing of what is live.
    Asked,
    /// As the answer of a publisher whose journal began in this epoch, to a subscription with a cursor: its numbers go on from
    /// start to start, so that it may have been signed in any epoch since.
    Kept(u64),
}

impl Road {
    pub(super) const fn journal_since(self) -> Option<u64> {
        match self {
            Self::Kept(since) => Some(since),
            Self::Live | Self::Asked => None,
        }
    }

    pub(super) const fn provenance(self, is_replay: bool) -> Provenance {
        match (is_replay, self) {
            (true, _) => Provenance::Replay,
            (false, Self::Live) => Provenance::Live,
            (false, Self::Asked | Self::Kept(_)) => Provenance::History,
        }
    }

    /// What the replay window's word means here: go on, with what a true signature would prove; or it was had before.
    pub(super) fn weigh(
        self,
        novelty: Result<Novelty, ReplayError>,
    ) -> Result<Option<Option<ReplayError>>, ReplayError> {
        match (novelty, self) {
            // Of a journal it may have been let go of before, for want of room: whoever asked takes each number once.
            (Ok(_) | Err(ReplayError::StaleEpoch { .. }), Self::Kept(_)) => Ok(Some(None)),
            (Ok(Novelty::Duplicate), _) => Ok(None),
            (Ok(Novelty::New), _) => Ok(Some(None)),
            // What was asked for may be older than the window goes back. Whoever asked takes each number once.
            (Err(ReplayError::TooOld { .. }), Self::Asked | Self::Kept(_)) => Ok(Some(None)),
            (Err(error @ ReplayError::Equivocation { .. }), _) => Ok(Some(Some(error))),
            (Err(error), _) => Err(error),
        }
    }
}
