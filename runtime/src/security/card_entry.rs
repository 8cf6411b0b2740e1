//! What a card says of publishers, service clients and service servers, which all have a writer. No I/O, no clock.

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardService, NodeCard};

use super::frame::{Kind, Writer};
use crate::qos::QosProfile;
use crate::qos::compatibility::Offer;

/// What a card says of anything that has a writer.
pub(super) struct CardEntry<'a> {
    pub(super) kind: Kind,
    pub(super) place: &'a str,
    pub(super) type_name: &'a str,
    pub(super) type_hash: TypeHash,
    pub(super) writer: Writer,
    pub(super) next_number: u64,
    pub(super) offer: Offer,
}

/// Everything in a card that has a writer.
pub(super) fn entries_with_writers(card: &NodeCard) -> impl Iterator<Item = CardEntry<'_>> {
    let publishers = card.publishers.iter().map(|publisher| CardEntry {
        kind: Kind::Message,
        place: &publisher.topic,
        type_name: &publisher.type_name,
        type_hash: TypeHash::from_bytes(publisher.type_hash),
        writer: Writer(publisher.writer),
        next_number: publisher.next_number,
        offer: Offer::in_card(publisher),
    });
    let services = card.services.iter().map(|service| CardEntry {
        kind: match service.is_server {
            true => Kind::Response,
            false => Kind::Request,
        },
        place: &service.name,
        type_name: &service.type_name,
        type_hash: TypeHash::from_bytes(service.type_hash),
        writer: Writer(service.writer),
        next_number: service.next_number,
        // Nothing of it is kept or sent again.
        offer: Offer::of(&QosProfile::sensor_data()),
    });
    publishers.chain(services)
}

/// What of a service stays the same while it is used.
pub(super) fn lasting(service: &CardService) -> (&str, u64) {
    (&service.name, service.writer)
}

/// How many subscribers and services a card names.
pub(super) fn entries_of(card: &NodeCard) -> usize {
    card.subscribers.len() + card.services.len()
}
