//! A guest's card, opened: its signature holds, and it says nothing that guests may not say.

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, TypeDefinition};

use super::{GuestCore, GuestError};
use crate::card;
use crate::name::TopicName;
use crate::security::document;
use crate::security::frame::{Kind, Writer};
use crate::security::peers::AuthenticCard;
use crate::type_inquiry::DEFINITION_LEN_MAX;
use crate::type_support;

/// How many publishers a guest may have.
pub const GUEST_PUBLISHERS_MAX: usize = 64;

/// The longest card of a guest, in bytes of its frame.
const CARD_LEN_MAX: usize = 64 * 1024;

/// A guest's card that was opened, and not shown yet.
#[derive(Debug)]
pub struct GuestCard {
    authentic: AuthenticCard,
    frame: Vec<u8>,
}

impl GuestCard {
    /// Opens what a guest has signed for this nonce, which is empty when it is pushed.
    pub(crate) fn open(guest: &GuestCore, frame: Vec<u8>, nonce: &[u8]) -> Result<Self, GuestError> {
        if frame.len() > CARD_LEN_MAX {
            return Err(GuestError::Says(format!(
                "a card of {} bytes, a guest's has at most {CARD_LEN_MAX}",
                frame.len()
            )));
        }
        let node = &guest.node;
        let authentic =
            card::open(&frame, &node.domain, &guest.claim, nonce, &node.peers).map_err(GuestError::Refused)?;
        let opened = Self { authentic, frame };
        opened.check()?;
        Ok(opened)
    }

    fn check(&self) -> Result<(), GuestError> {
        let card = &self.authentic.card;
        let says = |problem: String| Err(GuestError::Says(problem));
        if !card.services.is_empty() || !card.subscribers.is_empty() {
            return says("a guest publishes; its card names no services and no subscribers".to_owned());
        }
        if !card.locators.is_empty() || !card.trust_marks.is_empty() {
            return says("a guest has no addresses and no lists of revocations; leave them out of the card".to_owned());
        }
        if card.publishers.len() > GUEST_PUBLISHERS_MAX {
            let found = card.publishers.len();
            return says(format!(
                "{found} publishers, a guest has at most {GUEST_PUBLISHERS_MAX}"
            ));
        }
        for publisher in &card.publishers {
            if let Err(error) = TopicName::parse(&publisher.topic) {
                return says(error.to_string());
            }
            let keeps = publisher.durability != CardPublisher::DURABILITY_VOLATILE || publisher.journal_since != 0;
            if keeps || publisher.history != CardPublisher::HISTORY_KEEP_LAST {
                let topic = &publisher.topic;
                return says(format!(
                    "{topic}: nothing of a guest is kept for late subscribers; publish volatile, and keep the last"
                ));
            }
        }
        Ok(())
    }

    /// Whether an answer names only what a shown card has named.
    pub(crate) fn check_answer(&self, shown: &[Writer]) -> Result<(), GuestError> {
        let mut named = self.publishers().iter();
        match named.find(|publisher| !shown.contains(&Writer(publisher.writer))) {
            None => Ok(()),
            Some(publisher) => Err(GuestError::Says(format!(
                "an answer that names a publisher of {}, which no card has shown before",
                publisher.topic
            ))),
        }
    }

    /// What it says that the guest publishes.
    pub fn publishers(&self) -> &[CardPublisher] {
        &self.authentic.card.publishers
    }

    /// Its number among the guest's cards.
    pub fn number(&self) -> u64 {
        self.authentic.number
    }

    pub(crate) fn into_frame(self) -> Vec<u8> {
        self.frame
    }
}

/// Whether a guest's answer is a definition of this type, signed for this nonce.
pub(crate) fn check_definition(
    guest: &GuestCore,
    frame: &[u8],
    hash: &TypeHash,
    nonce: &[u8],
) -> Result<(), GuestError> {
    if frame.len() > DEFINITION_LEN_MAX {
        let found = frame.len();
        return Err(GuestError::Says(format!(
            "a definition of {found} bytes, at most {DEFINITION_LEN_MAX} are taken"
        )));
    }
    let node = &guest.node;
    let context = type_support::context(&node.domain, hash, nonce);
    let opened = document::open::<TypeDefinition>(frame, Kind::Response, &context, guest.claim.key, &node.peers);
    let (definition, _) = opened.map_err(GuestError::Refused)?;
    match definition.type_hash == *hash.as_bytes() {
        true => Ok(()),
        false => Err(GuestError::Says(
            "a definition of another type than was asked for".to_owned(),
        )),
    }
}
