//! Whom a node believes, as it tells those who ask, and what changes that.

use super::{Node, NodeCore};
use crate::generic_subscriber::ReceiveError;
use crate::link::LinkError;
use crate::security::revocation::SignedRevocations;
use crate::security::trust_policy::TrustPolicy;
use crate::trust_watch::TrustEvent;

impl Node {
    /// Why keys that were seen for the first time could not be pinned on disk, if so. Until that is mended they are
    /// pinned for as long as they are seen.
    pub fn pin_problem(&self) -> Option<String> {
        self.core.believer.problem()
    }

    /// Whom this node believes now: its trust file or the policy it was given, with all revocations.
    pub fn trust_policy(&self) -> TrustPolicy {
        self.core.trust.policy()
    }

    /// Why a trust file that has changed is not in force, or why a list of revocations is not stored, if so. Until that is
    /// mended the node goes on with what it had.
    pub fn trust_problem(&self) -> Option<String> {
        let problems = [self.core.trust_watch.problem(), self.core.revocations.problem()];
        let said: Vec<_> = problems.into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join("\n"))
    }

    /// Puts a list of revocations on the fabric, and holds it for nodes that come later as long as this one is there. It takes
    /// effect in every node that has its anchor in the policy, this one included.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn spread_revocations(&self, list: &SignedRevocations) -> Result<(), LinkError> {
        self.core.spread(list)
    }

    /// Waits for the next change in whom this node believes.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn next_trust_event(&self) -> Result<TrustEvent, ReceiveError> {
        self.core.trust_events.take().await.map_err(ReceiveError::from)
    }

    /// Takes the oldest change of trust that was not taken yet.
    pub fn try_next_trust_event(&self) -> Option<TrustEvent> {
        self.core.trust_events.try_take().ok()
    }
}

impl NodeCore {
    /// Tells that something has changed in whom this node believes.
    pub(crate) fn tell_trust(&self, event: TrustEvent) {
        match event {
            TrustEvent::PolicyChanged { .. } | TrustEvent::CertificatesChanged => tracing::info!("{event}"),
            TrustEvent::Kept { .. } | TrustEvent::Equivocated { .. } | TrustEvent::Revoked { .. } => {
                tracing::warn!("{event}");
            }
        }
        self.trust_events.push(event);
    }
}
