//! The channels that one client is told of: a topic, its type, and the number that the client knows it by. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nuncio::TypeHash;

use super::wire::{self, Schema};
use crate::bridge_type::BridgeType;
use crate::client::TopicOffer;

/// The topic that tells who signed what; its messages are made by the face, for each client its own.
pub(super) const SIGNERS_TOPIC: &str = "/nuncio/signers";

/// How messages are written on the channels of a face.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    Cdr,
    Json,
}

impl Encoding {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "cdr" => Some(Self::Cdr),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Cdr => "cdr",
            Self::Json => "json",
        }
    }

    /// The schema of a type, for a viewer that decodes this encoding.
    pub(super) fn schema(self, ty: &BridgeType) -> Schema<'_> {
        match self {
            Self::Cdr => Schema::new(ty.name(), "ros2msg", ty.ros2msg().as_bytes()),
            Self::Json => {
                let schema = nuncio_codegen::json_schema(ty.support().description());
                Schema::new(ty.name(), "jsonschema", schema.into_bytes())
            }
        }
    }
}

/// One channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: u64,
    /// The topic as the client knows it.
    pub(super) topic: String,
    pub(super) ty: Arc<BridgeType>,
}

impl Channel {
    /// The words in which the client is told of it.
    pub(super) fn advertisement(&self, encoding: Encoding) -> Option<wire::Channel<'_>> {
        let metadata = [("nuncio.type_hash".to_owned(), self.ty.hash().to_string())];
        wire::Channel::builder(self.id, self.topic.as_str(), encoding.as_str())
            .with_schema(encoding.schema(&self.ty))
            .with_metadata(metadata.into())
            .build()
            .ok()
    }
}

/// The channels that one client knows.
#[derive(Debug, Default)]
pub(super) struct ChannelTable {
    last_id: u64,
    by_id: BTreeMap<u64, Arc<Channel>>,
}

impl ChannelTable {
    /// A new channel. Ids are never used again.
    pub(super) fn add(&mut self, topic: &str, ty: Arc<BridgeType>) -> Arc<Channel> {
        self.last_id += 1;
        let channel = Arc::new(Channel {
            id: self.last_id,
            topic: topic.to_owned(),
            ty,
        });
        self.by_id.insert(channel.id, channel.clone());
        channel
    }

    pub(super) fn get(&self, id: u64) -> Option<Arc<Channel>> {
        self.by_id.get(&id).cloned()
    }

    /// Forgets the channels that nobody offers any more, or with another type, and gives their ids.
    pub(super) fn retire(&mut self, offers: &[TopicOffer]) -> Vec<u64> {
        let offered: BTreeSet<(&str, TypeHash)> = offers
            .iter()
            .flat_map(|offer| offer.types.iter().map(|(_, hash)| (offer.name.as_str(), *hash)))
            .collect();
        let is_gone = |channel: &Channel| {
            channel.topic != SIGNERS_TOPIC && !offered.contains(&(channel.topic.as_str(), channel.ty.hash()))
        };
        let gone: Vec<_> = self
            .by_id
            .values()
            .filter(|channel| is_gone(channel))
            .map(|channel| channel.id)
            .collect();
        for id in &gone {
            self.by_id.remove(id);
        }
        gone
    }

    /// The offers that the client was not told of yet. What calls itself like the face's own topic is none.
    pub(super) fn unknown(&self, offers: Vec<TopicOffer>) -> Vec<TopicOffer> {
        let known: BTreeSet<&str> = self.by_id.values().map(|channel| channel.topic.as_str()).collect();
        let is_unknown = |offer: &TopicOffer| offer.name != SIGNERS_TOPIC && !known.contains(offer.name.as_str());
        offers.into_iter().filter(is_unknown).collect()
    }
}
