//! The port of a publisher: where its messages leave the node, without what holds the node.
//!
//! [`GenericPublisher`](crate::GenericPublisher) keeps its node open; the node's own publishers must not.

use std::sync::Arc;

use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;

use crate::generic_publisher::{Closed, PublisherFacts};
use crate::journal_keeper::JournalKeeper;
use crate::key_expr;
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::outbox::{NoRoom, Outbox};
use crate::payload::EncodeError;
use crate::publish_error::{PublishError, PublisherError};
use crate::qos::QosProfile;
use crate::security::context::Context;
use crate::security::frame::{Accompaniment, FrameWriter, Header, Kind, PushError};

/// One publisher of a node.
#[derive(Debug)]
pub(crate) struct PublisherPort {
    pub(crate) facts: Arc<PublisherFacts>,
    pub(crate) outbox: Arc<Outbox>,
    /// The change of the card that entered this publisher.
    card_change: u64,
}

impl PublisherPort {
    pub(crate) fn declare(
        node: &NodeCore,
        topic: TopicName,
        definition: TypeDefinition,
        qos: QosProfile,
        keeper: Option<&Arc<JournalKeeper>>,
        is_replay: bool,
    ) -> Result<Self, PublisherError> {
        node.check_open().map_err(|Closed| PublisherError::Closed)?;
        let key_expr = key_expr::topic(&node.domain, &topic);
        let link = node
            .link
            .declare_publisher(key_expr, &qos)
            .map_err(PublisherError::Link)?;
        let facts = node
            .endpoints
            .add_publisher(&node.name, topic, definition, qos, keeper)
            .ok_or(PublisherError::TooMany)?;
        let context = Context::new(
            &node.domain,
            facts.topic.as_str(),
            &facts.type_name,
            &facts.type_hash,
            Kind::Message,
            &[],
        );
        let header = Header {
            kind: Kind::Message,
            replay: is_replay,
            key: node.public_key(),
            writer: facts.writer,
            epoch: node.epoch,
            first_number: 1,
            first_time_ns: 0,
            type_hash_prefix: facts.type_hash.prefix(),
        };
        let outbox = Outbox::new(Arc::clone(&facts), link, context, header, node.link.frame_len_max());
        let outbox = Arc::new(outbox);
        node.signing_desk.serve(&outbox);
        node.match_publisher(&facts);
        let card_change = node.card_changed();
        Ok(Self {
            facts,
            outbox,
            card_change,
        })
    }

    /// Publishes a message and gives its number. `push` appends it to the frame that it is given.
    pub(crate) fn publish(
        &self,
        node: &NodeCore,
        with: Accompaniment<'_>,
        no_room: NoRoom,
        push: impl Fn(&mut FrameWriter, i64) -> Result<(), PushError<EncodeError>>,
    ) -> Result<u64, PublishError> {
        node.check_open().map_err(|Closed| PublishError::Closed)?;
        // Whoever has met this node learns of the publisher before its first message: both take the same way.
        node.announce_card(self.card_change);
        self.outbox.publish(&node.signing_desk, with, no_room, push)
    }

    /// Takes the publisher back. What it has sent stays in the node's evidence.
    pub(crate) fn retire(&self, node: &NodeCore) {
        self.outbox.close();
        node.evidence.retire(&self.facts);
        node.endpoints.remove_publisher(&self.facts);
        self.facts.events.close();
        node.card_changed();
    }
}
