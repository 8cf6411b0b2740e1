//! The untyped publisher: payload bytes to a signed frame on the link.
//!
//! Tools and bridges use it for types that they were not built with; [`Publisher`](crate::Publisher) is this with a
//! type in front.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use event_listener::{Event, Listener, listener};
use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, TypeDefinition};

use crate::clock;
use crate::evidence::SentFrames;
use crate::key_expr;
use crate::link::{Bytes, LinkError, LinkPublisher};
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::payload::EncodeError;
use crate::qos::{QosProfile, Reliability};
use crate::security::context::Context;
use crate::security::frame::{Accompaniment, FrameWriter, Header, Kind, MessageId, PushError, Writer};
use crate::security::signer;
use crate::stats::{PublisherStats, add};

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
    sent: AtomicU64,
    sent_bytes: AtomicU64,
}

impl PublisherFacts {
    pub(crate) fn new(topic: TopicName, definition: &TypeDefinition, writer: Writer, qos: QosProfile) -> Self {
        Self {
            topic,
            type_name: definition.type_name.clone(),
            type_hash: TypeHash::from_bytes(definition.type_hash),
            writer,
            qos,
            sent_frames: SentFrames::new(qos.evidence),
            next_number: AtomicU64::new(1),
            sent: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn card_entry(&self) -> CardPublisher {
        CardPublisher {
            topic: self.topic.as_str().to_owned(),
            type_name: self.type_name.clone(),
            type_hash: *self.type_hash.as_bytes(),
            writer: self.writer.0,
            next_number: self.next_number.load(Ordering::Acquire),
            reliability: match self.qos.reliability {
                Reliability::Reliable => CardPublisher::RELIABILITY_RELIABLE,
                Reliability::BestEffort => CardPublisher::RELIABILITY_BEST_EFFORT,
            },
            durability: CardPublisher::DURABILITY_VOLATILE,
            depth: u32::try_from(self.qos.depth.get()).unwrap_or(u32::MAX),
        }
    }
}

/// What was published.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Published {
    /// The message's number.
    pub number: u64,
    /// Its id, by which a later message can name it as its cause.
    pub id: MessageId,
}

/// Publishes payloads of one type on one topic.
pub struct GenericPublisher {
    node: Arc<NodeCore>,
    facts: Arc<PublisherFacts>,
    link: LinkPublisher,
    context: Context,
    matched: Arc<Event>,
    /// The change of the card that entered this publisher.
    card_change: u64,
    /// Held while a message is numbered, signed and sent, so that numbers leave in order.
    sending: Mutex<()>,
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
        let reliable = qos.reliability == Reliability::Reliable;
        let link = node
            .link
            .declare_publisher(key_expr::topic(&node.domain, &topic), reliable)
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
        let card_change = node.card_changed();
        Ok(Self {
            card_change,
            node,
            facts,
            link,
            context,
            matched,
            sending: Mutex::new(()),
        })
    }

    /// Publishes the payload that `encode` appends to the buffer it is given, along with the time.
    ///
    /// # Errors
    ///
    /// [`PublishError`] when the message cannot be encoded, is too large or the node is closed.
    pub(crate) fn publish_encoded(
        &self,
        with: Accompaniment<'_>,
        encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<Published, PublishError> {
        self.node.check_open().map_err(|Closed| PublishError::Closed)?;
        let _in_order = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has met this node learns of the publisher before its first message: both take the same way.
        self.node.announce_card(self.card_change);
        let number = self.facts.next_number.load(Ordering::Acquire);
        let time_ns = clock::now_ns();
        let identity = &self.node.identity;
        let header = Header {
            kind: Kind::Message,
            replay: false,
            key: self.node.public_key(),
            writer: self.facts.writer,
            epoch: self.node.epoch,
            first_number: number,
            first_time_ns: time_ns,
            type_hash_prefix: self.facts.type_hash.prefix(),
        };
        let mut frame = FrameWriter::new(Vec::new(), &header, with);
        frame
            .push(time_ns, with, |bytes| encode(time_ns, bytes))
            .map_err(|error| match error {
                PushError::Encode(error) => PublishError::Encode(error),
                PushError::DoesNotFit => PublishError::OriginTooLong,
            })?;
        let bytes = Bytes::from(signer::seal(identity, frame.finish(), &self.context));
        let len = bytes.as_slice().len();
        if len > self.node.frame_len_max {
            return Err(PublishError::TooLarge {
                len,
                max: self.node.frame_len_max,
            });
        }
        // A number is never used twice, not even when the link fails: what it did with the bytes is unknown.
        self.facts.next_number.store(number + 1, Ordering::Release);
        // Before it is sent: whoever receives it may ask for it at once.
        self.facts.sent_frames.keep(&bytes, number, 1);
        self.link.put(bytes).map_err(PublishError::Link)?;
        add(&self.facts.sent, 1);
        add(&self.facts.sent_bytes, len as u64);
        Ok(Published {
            number,
            id: MessageId::of(&header.key, header.writer, header.epoch, number),
        })
    }

    /// Publishes a payload, for example one that [`RunTimeType`](crate::run_time_type::RunTimeType) made from JSON.
    ///
    /// # Errors
    ///
    /// [`PublishError`] when it is too large, the origin is too long or the node is closed.
    pub fn publish(&self, payload: &[u8], with: Accompaniment<'_>) -> Result<Published, PublishError> {
        self.publish_encoded(with, |_, bytes| {
            bytes.extend_from_slice(payload);
            Ok(())
        })
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
        self.link.has_subscribers()
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
        }
    }
}

impl Drop for GenericPublisher {
    fn drop(&mut self) {
        self.node.evidence.retire(&self.facts);
        self.node.endpoints.remove_publisher(&self.facts);
        self.node.card_changed();
    }
}

/// The node is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Closed;

/// Why there is no publisher.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublisherError {
    /// The name is not a topic name.
    Name(crate::name::NameError),
    /// A node has at most 1024 publishers.
    TooMany,
    /// The node is closed.
    Closed,
    /// The link refused.
    Link(LinkError),
}

impl fmt::Display for PublisherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::TooMany => f.write_str("a node has at most 1024 publishers; open another node for more"),
            Self::Closed => f.write_str("the node is closed"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for PublisherError {}

/// Why a message was not published.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The message violates its schema or cannot be encoded.
    Encode(EncodeError),
    /// An origin has at most 255 bytes.
    OriginTooLong,
    /// The frame has more bytes than receivers accept.
    TooLarge {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The node is closed.
    Closed,
    /// The link did not take it.
    Link(LinkError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => fmt::Display::fmt(error, f),
            Self::OriginTooLong => f.write_str("an origin has at most 255 bytes"),
            Self::TooLarge { len, max } => write!(f, "the frame has {len} bytes, at most {max} are accepted"),
            Self::Closed => f.write_str("the node is closed"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for PublishError {}
