//! The publishers of a guest, as its newest card has shown them: what each may hand over, and what it keeps for gaps.

use std::collections::HashMap;
use std::sync::Arc;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::CardPublisher;

use super::{GuestCard, GuestCore, GuestError};
use crate::evidence::{FRAMES_DEFAULT, SentFrames};
use crate::key_expr;
use crate::link::{LinkPublisher, Slices};
use crate::name::TopicName;
use crate::qos::compatibility::Offer;
use crate::qos::{QosProfile, Reliability};
use crate::security::context::Context;
use crate::security::frame::{Kind, Writer};
use crate::security::missing::StreamId;
use crate::security::passage::Passage;

/// What the newest card of a guest has shown.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) number: u64,
    pub(super) publishers: HashMap<Writer, Arc<GuestPublisher>>,
}

/// One publisher of a guest.
pub(super) struct GuestPublisher {
    topic: TopicName,
    pub(super) link: LinkPublisher,
    pub(super) passage: Passage,
    pub(super) sent: SentFrames,
}

impl GuestCore {
    /// The writers that the guest's last card has named.
    pub(crate) fn writers(&self) -> Vec<Writer> {
        self.shown().publishers.keys().copied().collect()
    }

    /// Enters the publishers of a card, and gives its frame.
    pub(super) fn take_publishers(&self, card: GuestCard) -> Result<Vec<u8>, GuestError> {
        let mut shown = self.shown();
        if card.number() <= shown.number {
            return Err(GuestError::Says(format!(
                "card number {} after number {}",
                card.number(),
                shown.number
            )));
        }
        let mut publishers = HashMap::new();
        for facts in card.publishers() {
            let writer = Writer(facts.writer);
            let same = shown
                .publishers
                .get(&writer)
                .filter(|known| known.topic.as_str() == facts.topic && known.passage.is_of_type(&facts.type_hash));
            let publisher = match same {
                Some(known) => Arc::clone(known),
                None => Arc::new(self.publisher(writer, facts)?),
            };
            publishers.insert(writer, publisher);
        }
        shown.publishers = publishers;
        shown.number = card.number();
        Ok(card.into_frame())
    }

    fn publisher(&self, writer: Writer, facts: &CardPublisher) -> Result<GuestPublisher, GuestError> {
        let topic = TopicName::parse(&facts.topic).map_err(|error| GuestError::Says(error.to_string()))?;
        let domain = &self.node.domain;
        let hash = TypeHash::from_bytes(facts.type_hash);
        let context = Context::new(domain, topic.as_str(), &facts.type_name, &hash, Kind::Message, &[]);
        // Never one that waits for the slowest subscriber: that is not the guest's to decide.
        let qos = match Offer::in_card(facts).reliability {
            Reliability::BestEffort => QosProfile::sensor_data(),
            _ => QosProfile::default(),
        };
        let link = self.node.link.declare_publisher(key_expr::topic(domain, &topic), &qos);
        Ok(GuestPublisher {
            link: link.map_err(GuestError::Link)?,
            passage: Passage::new((self.claim.key, self.claim.epoch, writer), hash.prefix(), context),
            sent: SentFrames::new(FRAMES_DEFAULT, 0),
            topic,
        })
    }

    /// The frames of one of the guest's publishers with these numbers.
    pub(crate) fn history(&self, stream: &StreamId, (first, last): (u64, u64)) -> Vec<Slices> {
        let is_own = (stream.key, stream.epoch) == (self.claim.key, self.claim.epoch);
        let publisher = self.shown().publishers.get(&stream.writer).cloned();
        match publisher.filter(|_| is_own && self.is_open()) {
            Some(publisher) => publisher.sent.with_numbers(first, last),
            None => Vec::new(),
        }
    }
}
