//! The untyped publisher: payload bytes to a signed frame on the link.
//!
//! Tools and bridges use it for types that they were not built with; [`Publisher`](crate::Publisher) is this with a
//! type in front.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use event_listener::Event;
use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, TypeDefinition};

use crate::event::{Events, PublisherEvent};
use crate::evidence::SentFrames;
use crate::inquiry::Inquiries;
use crate::journal_keeper::JournalKeeper;
use crate::link::Bytes;
use crate::matching::Matches;
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::outbox::{FOREVER, FRAME_LEN_MAX, NoRoom};
use crate::payload::EncodeError;
pub use crate::publish_error::{PublishError, PublisherError};
use crate::publisher_port::PublisherPort;
use crate::qos::QosProfile;
use crate::qos::compatibility::Offer;
use crate::security::frame::{Accompaniment, FrameWriter, MessageId, PushError, Writer};
use crate::security::key::PublicKey;
use crate::security::missing::StreamId;
use crate::sign_of_life::{Signs, Wish};
use crate::stats::{PublisherStats, Tally};

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
    /// What keeps its messages on the disk, if anything does.
    pub(crate) keeper: Option<Arc<JournalKeeper>>,
    next_number: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) dropped: Tally,
    pub(crate) failed: Tally,
    pub(crate) blocked: Tally,
    pub(crate) timed_out: Tally,
    pub(crate) would_block: Tally,
    pub(crate) events: Events<PublisherEvent>,
    pub(crate) matches: Mutex<Matches>,
    pub(crate) signs: Signs,
    pub(crate) assertion: Wish,
    pub(crate) deadlines_missed: Tally,
    pub(crate) liveliness_lost: Tally,
}

impl PublisherFacts {
    pub(crate) fn new(topic: TopicName, definition: &TypeDefinition, writer: Writer, qos: QosProfile) -> Self {
        let events = Events::on(topic.as_str());
        Self {
            topic,
            type_name: definition.type_name.clone(),
            type_hash: TypeHash::from_bytes(definition.type_hash),
            writer,
            qos,
            sent_frames: SentFrames::new(qos.evidence, if qos.keeps_for_late() { qos.kept().get() } else { 0 }),
            keeper: None,
            next_number: AtomicU64::new(1),
            sent: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            dropped: Tally::default(),
            failed: Tally::default(),
            blocked: Tally::default(),
            timed_out: Tally::default(),
            would_block: Tally::default(),
            events,
            matches: Mutex::default(),
            signs: Signs::default(),
            assertion: Wish::default(),
            deadlines_missed: Tally::default(),
            liveliness_lost: Tally::default(),
        }
    }

    /// The same, with numbers that go on where those on the disk end.
    pub(crate) fn kept_by(self, keeper: Option<&Arc<JournalKeeper>>) -> Self {
        Self {
            next_number: AtomicU64::new(keeper.map_or(0, |keeper| keeper.kept()) + 1),
            keeper: keeper.cloned(),
            ..self
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
        if let Some(keeper) = &self.keeper {
            (card.journal_since, card.journal_first) = keeper.offer();
        }
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
    port: PublisherPort,
    matched: Arc<Event>,
    inquiries: Arc<Inquiries>,
}

impl fmt::Debug for GenericPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericPublisher")
            .field("facts", &self.port.facts)
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
        Self::declare_keeping(node, topic, definition, qos, None)
    }

    pub(crate) fn declare_keeping(
        node: Arc<NodeCore>,
        topic: TopicName,
        definition: TypeDefinition,
        qos: QosProfile,
        keeper: Option<&Arc<JournalKeeper>>,
    ) -> Result<Self, PublisherError> {
        let port = PublisherPort::declare(&node, topic, definition, qos, keeper, false)?;
        Self::on(node, port)
    }

    pub(crate) fn declare_replay(
        node: Arc<NodeCore>,
        topic: TopicName,
        definition: TypeDefinition,
        qos: QosProfile,
    ) -> Result<Self, PublisherError> {
        let port = PublisherPort::declare(&node, topic, definition, qos, None, true)?;
        Self::on(node, port)
    }

    fn on(node: Arc<NodeCore>, port: PublisherPort) -> Result<Self, PublisherError> {
        let matched = Arc::new(Event::new());
        let notify = Arc::clone(&matched);
        let watched = port.outbox.link().watch_subscribers(move |_| {
            notify.notify(usize::MAX);
        });
        let inquiries = Inquiries::new(Arc::downgrade(&node), Arc::clone(&port.facts));
        let publisher = Self {
            node,
            port,
            matched,
            inquiries: Arc::new(inquiries),
        };
        watched.map_err(PublisherError::Link)?;
        Ok(publisher)
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
        let number = self.port.publish(&self.node, with, no_room, push)?;
        self.tell_watch(self.port.facts.signs.message());
        Ok(Published {
            number,
            key: self.node.public_key(),
            writer: self.port.facts.writer,
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
        self.port.outbox.flush(&self.node.signing_desk, deadline)
    }

    /// The topic.
    pub fn topic(&self) -> &TopicName {
        &self.port.facts.topic
    }

    /// What was sent so far.
    pub fn stats(&self) -> PublisherStats {
        self.port.outbox.stats()
    }
}

impl Drop for GenericPublisher {
    fn drop(&mut self) {
        self.end();
        self.port.retire(&self.node);
    }
}

/// The node is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Closed;
