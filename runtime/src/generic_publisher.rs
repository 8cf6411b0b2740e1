//! The untyped publisher: payload bytes to a signed frame on the link.
//!
//! Tools and bridges use it for types that they were not built with; [`Publisher`](crate::Publisher) is this with a
//! type in front.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use event_listener::{Event, Listener, listener};
use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, TypeDefinition};

use crate::event::{Events, PublisherEvent};
use crate::evidence::SentFrames;
use crate::inquiry::Inquiries;
use crate::key_expr;
use crate::link::{Bytes, LinkError};
use crate::matching::Matches;
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::outbox::{FOREVER, FRAME_LEN_MAX, NoRoom, Outbox};
use crate::payload::EncodeError;
pub use crate::publish_error::{PublishError, PublisherError};
use crate::qos::QosProfile;
use crate::qos::compatibility::Offer;
use crate::security::context::Context;
use crate::security::frame::{Accompaniment, FrameWriter, Header, Kind, MessageId, PushError, Writer};
use crate::security::key::PublicKey;
use crate::security::missing::StreamId;
use crate::sign_of_life::{Signs, Wish};
use crate::stats::PublisherStats;

mod acked;
mod events;

/// How long a publisher that is dropped waits for its messages to leave. What is late leaves all the same.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// What a publisher and the card of its node share.
#[derive(Debug)]
pub(crate) struct PublisherFacts {
    pub(crate) topic: TopicName,
    pub(crate) type_name: String,
    pub(crate) type_hash: TypeHash,
    pub(crate) writer: Writer,
    pub(crate) qos: QosProfile,
    pub(crate) sent_frames: SentFrames,
    next_number: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) events: Events<PublisherEvent>,
    pub(crate) matches: Mutex<Matches>,
    pub(crate) signs: Signs,
    pub(crate) assertion: Wish,
    pub(crate) deadlines_missed: AtomicU64,
    pub(crate) liveliness_lost: AtomicU64,
}

impl PublisherFacts {
    pub(crate) fn new(topic: TopicName, definition: &TypeDefinition, writer: Writer, qos: QosProfile) -> Self {
        Self {
            topic,
            type_name: definition.type_name.clone(),
            type_hash: TypeHash::from_bytes(definition.type_hash),
            writer,
            qos,
            sent_frames: SentFrames::new(qos.evidence, if qos.keeps_for_late() { qos.kept().get() } else { 0 }),
            next_number: AtomicU64::new(1),
            sent: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            events: Events::default(),
            matches: Mutex::default(),
            signs: Signs::default(),
            assertion: Wish::default(),
            deadlines_missed: AtomicU64::new(0),
            liveliness_lost: AtomicU64::new(0),
        }
    }

    /// The number of the next message.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number.load(Ordering::Acquire)
    }

    /// A message has this number from now on. Numbers are given one at a time, under the lock of the publisher's lane.
    pub(crate) fn use_number(&self, number: u64) {
        self.next_number.store(number + 1, Ordering::Release);
    }

    pub(crate) fn card_entry(&self) -> CardPublisher {
        let mut card = CardPublisher {
            topic: self.topic.as_str().to_owned(),
            type_name: self.type_name.clone(),
            type_hash: *self.type_hash.as_bytes(),
            writer: self.writer.0,
            next_number: self.next_number(),
            ..CardPublisher::default()
        };
        Offer::of(&self.qos).enter(&mut card, self.qos.history);
        card
    }
}

/// What was published.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Published {
    /// The message's number.
    pub number: u64,
    key: PublicKey,
    writer: Writer,
    epoch: u64,
}

impl Published {
    /// The message's id, by which a later message can name it as its cause. It is computed here.
    pub fn id(&self) -> MessageId {
        MessageId::of(&self.key, self.writer, self.epoch, self.number)
    }

    /// What it is one of.
    pub(crate) fn stream(&self) -> StreamId {
        StreamId {
            key: self.key,
            writer: self.writer,
            epoch: self.epoch,
        }
    }
}

/// Publishes payloads of one type on one topic.
pub struct GenericPublisher {
    node: Arc<NodeCore>,
    facts: Arc<PublisherFacts>,
    outbox: Arc<Outbox>,
    matched: Arc<Event>,
    inquiries: Arc<Inquiries>,
    /// The change of the card that entered this publisher.
    card_change: u64,
}

impl fmt::Debug for GenericPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericPublisher")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl GenericPublisher {
    pub(crate) fn declare(
        node: Arc<NodeCore>,
        topic: TopicName,
        definition: TypeDefinition,
        qos: QosProfile,
    ) -> Result<Self, PublisherError> {
        node.check_open().map_err(|Closed| PublisherError::Closed)?;
        let key_expr = key_expr::topic(&node.domain, &topic);
        let link = node
            .link
            .declare_publisher(key_expr, &qos)
            .map_err(PublisherError::Link)?;
        let matched = Arc::new(Event::new());
        let notify = Arc::clone(&matched);
        link.watch_subscribers(move |_| {
            notify.notify(usize::MAX);
        })
        .map_err(PublisherError::Link)?;
        let facts = node
            .endpoints
            .add_publisher(&node.name, topic, definition, qos)
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
            replay: false,
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
        let inquiries = Inquiries::new(Arc::downgrade(&node), Arc::clone(&facts));
        Ok(Self {
            card_change,
            inquiries: Arc::new(inquiries),
            node,
            facts,
            outbox,
            matched,
        })
    }

    /// Publishes the payload that `encode` appends to the buffer it is given, along with the time. It is called again when
    /// the message does not fit into the frame that it was first tried in.
    ///
    /// # Errors
    ///
    /// [`PublishError`] when the message cannot be encoded, is too large or has no room, or when the node is closed.
    pub(crate) fn publish_encoded(
        &self,
        with: Accompaniment<'_>,
        no_room: NoRoom,
        encode: impl Fn(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<Published, PublishError> {
        self.publish_pushed(with, no_room, |frame, time_ns| {
            frame.push(time_ns, with, |bytes| encode(time_ns, bytes))
        })
    }

    fn publish_pushed(
        &self,
        with: Accompaniment<'_>,
        no_room: NoRoom,
        push: impl Fn(&mut FrameWriter, i64) -> Result<(), PushError<EncodeError>>,
    ) -> Result<Published, PublishError> {
        self.node.check_open().map_err(|Closed| PublishError::Closed)?;
        // Whoever has met this node learns of the publisher before its first message: both take the same way.
        self.node.announce_card(self.card_change);
        let number = self.outbox.publish(&self.node.signing_desk, with, no_room, push)?;
        self.tell_watch(self.facts.signs.message());
        Ok(Published {
            number,
            key: self.node.public_key(),
            writer: self.facts.writer,
            epoch: self.node.epoch,
        })
    }

    /// Publishes a payload, for example one that [`RunTimeType`](crate::run_time_type::RunTimeType) made from JSON.
    ///
    /// # Errors
    ///
    /// [`PublishError`] when it is too large, the origin is too long, there was no room in time, or the node is closed.
    pub fn publish(&self, payload: &[u8], with: Accompaniment<'_>) -> Result<Published, PublishError> {
        self.publish_payload(payload, with, NoRoom::AsProfiled)
    }

    /// As [`publish`](Self::publish), but never waits and never drops.
    ///
    /// # Errors
    ///
    /// [`PublishError::WouldBlock`] when there is no room: nothing was published then. Otherwise as `publish`.
    pub fn try_publish(&self, payload: &[u8], with: Accompaniment<'_>) -> Result<Published, PublishError> {
        self.publish_payload(payload, with, NoRoom::GiveBack)
    }

    /// As [`publish`](Self::publish), where a large payload is neither copied nor hashed twice: it leaves in slices, with
    /// the frame around it. What fits into one batch of the link with others (47 KiB) is copied there all the same, which
    /// costs less.
    ///
    /// The payload is shared until the link has taken it, and for as long as the publisher keeps the frame
    /// ([`QosProfile::evidence`], at most 256 KiB of frames). Memory that something else can change meanwhile, such as a
    /// mapped file, makes a frame that receivers refuse.
    ///
    /// A typed publisher has no such method: encoding a message into its frame is the one copy that it makes.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_bytes(&self, payload: &Bytes, with: Accompaniment<'_>) -> Result<Published, PublishError> {
        self.publish_shared(payload, with, NoRoom::AsProfiled)
    }

    /// As [`publish_bytes`](Self::publish_bytes), but never waits and never drops.
    ///
    /// # Errors
    ///
    /// As [`try_publish`](Self::try_publish).
    pub fn try_publish_bytes(&self, payload: &Bytes, with: Accompaniment<'_>) -> Result<Published, PublishError> {
        self.publish_shared(payload, with, NoRoom::GiveBack)
    }

    fn publish_shared(
        &self,
        payload: &Bytes,
        with: Accompaniment<'_>,
        no_room: NoRoom,
    ) -> Result<Published, PublishError> {
        match payload.as_slice() {
            short if short.len() < FRAME_LEN_MAX => self.publish_payload(short, with, no_room),
            _ => self.publish_pushed(with, no_room, |frame, time_ns| frame.push_apart(time_ns, with, payload)),
        }
    }

    fn publish_payload(
        &self,
        payload: &[u8],
        with: Accompaniment<'_>,
        no_room: NoRoom,
    ) -> Result<Published, PublishError> {
        self.publish_encoded(with, no_room, |_, bytes| {
            bytes.extend_from_slice(payload);
            Ok(())
        })
    }

    /// Waits until everything published was handed to the link; `false` when that was not so in time.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout.min(FOREVER);
        self.outbox.flush(&self.node.signing_desk, deadline)
    }

    /// The topic.
    pub fn topic(&self) -> &TopicName {
        &self.facts.topic
    }

    /// Whether any subscriber is known now.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn has_subscribers(&self) -> Result<bool, LinkError> {
        self.outbox.link().has_subscribers()
    }

    /// Waits until a subscriber is known; `false` when none came in time.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn wait_for_subscribers(&self, timeout: Duration) -> Result<bool, LinkError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            listener!(self.matched => changed);
            if self.has_subscribers()? {
                return Ok(true);
            }
            let woken = match deadline {
                Some(deadline) => changed.wait_deadline(deadline).is_some(),
                None => {
                    changed.wait();
                    true
                }
            };
            if !woken {
                return self.has_subscribers();
            }
        }
    }

    /// What was sent so far.
    pub fn stats(&self) -> PublisherStats {
        PublisherStats {
            sent: self.facts.sent.load(Ordering::Relaxed),
            sent_bytes: self.facts.sent_bytes.load(Ordering::Relaxed),
            dropped: self.facts.dropped.load(Ordering::Relaxed),
            failed: self.facts.failed.load(Ordering::Relaxed),
            queue_len: self.outbox.queue_len(),
        }
    }
}

impl Drop for GenericPublisher {
    fn drop(&mut self) {
        self.outbox.close();
        self.flush(FLUSH_TIME);
        self.node.evidence.retire(&self.facts);
        self.node.endpoints.remove_publisher(&self.facts);
        self.facts.events.close();
        self.node.card_changed();
    }
}

/// The node is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Closed;
