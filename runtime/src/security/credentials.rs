//! Credentials: what a node shows in its card to be permitted something.

use nuncio_msgs::nuncio_msgs::msg::NodeCard;

use super::certificate::CertificateError;
use super::certificate_chain::CertificateChain;
use super::succession::SuccessionChain;

/// What one instance of a node shows. Read once from each card that shows something else.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    /// Counts what the instance has shown, from 0.
    pub(crate) generation: u64,
    /// What it was read from.
    texts: [String; 2],
    /// The chain in its card, or why it is none; `None`: it shows none.
    pub(crate) certificate: Option<Result<CertificateChain, CertificateError>>,
    /// The successions in its card. Broken ones count for nothing.
    pub(crate) successions: Option<SuccessionChain>,
}

impl Credentials {
    pub(super) fn read(card: &NodeCard) -> Self {
        let NodeCard {
            certificates,
            successions,
            ..
        } = card;
        Self {
            generation: 0,
            texts: [certificates.clone(), successions.clone()],
            certificate: (!certificates.is_empty()).then(|| CertificateChain::parse(certificates)),
            successions: SuccessionChain::parse(successions).ok(),
        }
    }

    /// The same, as what the instance has shown as the `generation`th.
    pub(super) fn in_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    pub(super) fn are_in(&self, card: &NodeCard) -> bool {
        let [certificates, successions] = &self.texts;
        (certificates, successions) == (&card.certificates, &card.successions)
    }
}
