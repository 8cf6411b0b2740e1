//! The guests that come to this node.

use std::sync::{Arc, PoisonError, Weak};

use super::{Node, NodeCore};
use crate::generic_publisher::Closed;
use crate::guest::{Guest, GuestClaim, GuestCore, GuestError, GuestQuestion};
use crate::link::Slices;
use crate::security::believer::Verdict;
use crate::security::missing::StreamId;
use crate::security::refusal::{Reason, Refusal};

impl Node {
    /// A guest at the door: see [`guest`](crate::guest). It is not there until [`Guest::enter`] has let it in. `ask` passes a
    /// question on to it, without waiting, and gives `false` where it has no room.
    ///
    /// # Errors
    ///
    /// [`GuestError`] when its key cannot be used, or its name belongs to another key: by a pin, or because a node with that
    /// name is there.
    pub fn guest(
        &self,
        claim: GuestClaim,
        ask: impl Fn(GuestQuestion) -> bool + Send + Sync + 'static,
    ) -> Result<Guest, GuestError> {
        let core = &self.core;
        core.check_open()
            .map_err(|Closed| GuestError::Says("the node is closed".to_owned()))?;
        core.check_claim(&claim)?;
        core.peers.key(claim.key).map_err(GuestError::Refused)?;
        Ok(Guest::new(core, claim, ask))
    }
}

impl NodeCore {
    /// Whether a guest may have its name, and is no earlier start of one that is there.
    fn check_claim(&self, claim: &GuestClaim) -> Result<(), GuestError> {
        if claim.key == self.public_key() {
            return Err(GuestError::OurOwnKey);
        }
        let taken = |by| {
            Err(GuestError::NameTaken {
                name: claim.name.clone(),
                by,
            })
        };
        if claim.name == self.name {
            return taken(Some(self.public_key()));
        }
        let peers = self.peers.all();
        let mut there = peers.iter().filter(|peer| *peer.name() == claim.name);
        if let Some(other) = there.find(|peer| peer.public_key() != claim.key) {
            return taken(Some(other.public_key()));
        }
        let same = peers.iter().find(|peer| *peer.name() == claim.name);
        if let Some(later) = same.filter(|peer| peer.epoch() > claim.epoch) {
            let detail = format!(
                "epoch {}, and {} is there with epoch {}",
                claim.epoch,
                claim.name,
                later.epoch()
            );
            return Err(GuestError::Refused(Refusal::new(
                Reason::StaleEpoch,
                Some(claim.key),
                detail,
            )));
        }
        let policy = self.trust.policy();
        match self.believer.opinion_of(&claim.name, claim.key, &policy, true) {
            Verdict::PinMismatch => taken(None),
            _ => Ok(()),
        }
    }

    /// Enters a guest that has proved its key, unless one with another key was faster.
    pub(crate) fn enter_guest(&self, guest: &Arc<GuestCore>) -> Result<(), GuestError> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|guest| guest.strong_count() > 0);
        let of_name = |other: &Arc<GuestCore>| other.is_open() && other.claim.node == guest.claim.node;
        let mut others = guests.iter().filter_map(Weak::upgrade).filter(of_name);
        if let Some(other) = others.find(|other| other.claim.key != guest.claim.key) {
            return Err(GuestError::NameTaken {
                name: guest.claim.node.clone(),
                by: Some(other.claim.key),
            });
        }
        guests.push(Arc::downgrade(guest));
        Ok(())
    }

    fn guests(&self) -> Vec<Arc<GuestCore>> {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.iter().filter_map(Weak::upgrade).collect()
    }

    /// The frames of a guest that somebody misses.
    pub(crate) fn history_of_guests(&self, stream: &StreamId, numbers: (u64, u64)) -> Vec<Slices> {
        let guests = self.guests();
        let of_stream = guests.iter().map(|guest| guest.history(stream, numbers));
        of_stream.flatten().collect()
    }
}
