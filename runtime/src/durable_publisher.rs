//! The durable publisher: a message is on the disk before it is sent and before its publisher is told, and stays there until
//! all named readers have acknowledged it, also across restarts.
//!
//! A reader that was away, or was killed, asks for what it has not acknowledged, and gets the frames as they were signed then.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use event_listener::listener;
use nuncio_msgs::Message;
use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;

use crate::acknowledgement::Acknowledgement;
use crate::durable_options::{DurableOptions, Reader};
use crate::generic_publisher::{GenericPublisher, PublishError, Published, PublisherError};
use crate::journal::{Journal, JournalError, Place};
use crate::journal_keeper::JournalKeeper;
use crate::key_expr::hex;
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::outbox::NoRoom;
use crate::payload::{self, EncodeError};
use crate::qos::Reliability;
use crate::security::frame::{Accompaniment, Writer};
use crate::security::trust_policy::TrustMode;

/// The index of durable publishers among those of their topic: it stays the same from start to start.
pub(crate) const DURABLE_INDEX: u32 = 1023;

/// Publishes payloads of one type that must not be lost.
#[derive(Debug)]
pub struct GenericDurablePublisher {
    generic: GenericPublisher,
    keeper: Arc<JournalKeeper>,
}

/// What waits in a journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JournalStats {
    /// Bytes of frames that some reader has not acknowledged.
    pub waiting_bytes: u64,
    /// How many there may be.
    pub bytes_max: u64,
    /// The number of the last message that is on the disk.
    pub kept: u64,
    /// Each reader, and the number up to which it has acknowledged everything.
    pub readers: Vec<(Reader, u64)>,
}

impl GenericDurablePublisher {
    pub(crate) fn declare(
        node: &Arc<NodeCore>,
        topic: TopicName,
        definition: TypeDefinition,
        mut options: DurableOptions,
    ) -> Result<Self, DurableError> {
        let is_name = |reader: &&Reader| matches!(reader, Reader::Node(_));
        if options.readers.is_empty() {
            return Err(DurableError::NoReader);
        }
        if let Some(reader) = options.readers.iter().find(is_name)
            && node.trust.policy().mode != TrustMode::Tofu
        {
            return Err(DurableError::NameOnly { reader: reader.clone() });
        }
        options.qos.reliability = Reliability::Reliable;
        let dir = node.keystore.path().ok_or(DurableError::NoDisk)?;
        let writer = Writer::derive(node.name.as_str(), topic.as_str(), DURABLE_INDEX);
        let domain = hex(&blake3::hash(node.domain.as_str().as_bytes()).as_bytes()[..4]);
        let dir = dir.join("state/journals").join(format!("{domain}-{:016x}", writer.0));
        let place = Place {
            domain: node.domain.as_str().to_owned(),
            topic: topic.as_str().to_owned(),
            type_name: definition.type_name.clone(),
            type_hash: hex(&definition.type_hash),
            key: node.public_key().to_string(),
            writer: writer.0,
        };
        let journal = Journal::open(&dir, place, options.bytes_max, node.epoch).map_err(DurableError::Journal)?;
        let qos = options.qos;
        let keeper = JournalKeeper::new(options, journal);
        let generic = GenericPublisher::declare_keeping(Arc::clone(node), topic, definition, qos, Some(&keeper));
        let generic = generic.map_err(DurableError::Publisher)?;
        keeper.start(node, generic.inquiries()).map_err(DurableError::Thread)?;
        Ok(Self { generic, keeper })
    }

    /// Publishes a payload; gives its number when it is on the disk.
    ///
    /// # Errors
    ///
    /// As [`DurablePublisher::publish`].
    pub async fn publish(&self, payload: &[u8], with: Accompaniment<'_>) -> Result<Published, DurablePublishError> {
        self.publish_encoded(with, |_, bytes| {
            bytes.extend_from_slice(payload);
            Ok(())
        })
        .await
    }

    async fn publish_encoded(
        &self,
        with: Accompaniment<'_>,
        encode: impl Fn(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<Published, DurablePublishError> {
        let published = loop {
            listener!(self.keeper.changed => changed);
            self.check()?;
            match self.generic.publish_encoded(with, NoRoom::GiveBack, &encode) {
                Ok(published) => break published,
                Err(PublishError::WouldBlock) => changed.await,
                Err(error) => return Err(DurablePublishError::Publish(error)),
            }
        };
        loop {
            listener!(self.keeper.changed => changed);
            if self.keeper.kept() >= published.number {
                return Ok(published);
            }
            if let Some(error) = self.keeper.failure() {
                return Err(DurablePublishError::Journal(error));
            }
            changed.await;
        }
    }

    /// Whether there is room, and the disk has taken everything so far.
    fn check(&self) -> Result<(), DurablePublishError> {
        if let Some(error) = self.keeper.failure() {
            return Err(DurablePublishError::Journal(error));
        }
        let (waiting, max) = self.keeper.bytes();
        if waiting < max {
            return Ok(());
        }
        let readers = self.keeper.readers();
        let least = readers.iter().map(|(_, through)| *through).min().unwrap_or_default();
        let behind = readers.into_iter().filter(|(_, through)| *through == least);
        Err(DurablePublishError::Full {
            waiting,
            max,
            behind: behind.map(|(reader, _)| reader).collect(),
        })
    }

    /// Waits until all readers have acknowledged everything up to a message; `false` when they had not in time.
    pub async fn acknowledged(&self, published: &Published, timeout: Duration) -> bool {
        let wait = async {
            loop {
                listener!(self.keeper.changed => changed);
                let readers = self.keeper.readers();
                if readers.iter().all(|(_, through)| *through >= published.number) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, wait).await.is_ok()
    }

    /// What waits for acknowledgement.
    pub fn journal(&self) -> JournalStats {
        let (waiting_bytes, bytes_max) = self.keeper.bytes();
        JournalStats {
            waiting_bytes,
            bytes_max,
            kept: self.keeper.kept(),
            readers: self.keeper.readers(),
        }
    }

    /// The publisher beneath, for its topic, events and statistics.
    pub fn publisher(&self) -> &GenericPublisher {
        &self.generic
    }
}

impl Drop for GenericDurablePublisher {
    fn drop(&mut self) {
        // What is still on its way to the disk then was acknowledged to nobody.
        self.generic.end();
        self.keeper.close();
    }
}

/// Publishes messages of type `M` that must not be lost: each is on the disk before it is sent, and is kept, and given to
/// readers that come back, until all named readers have acknowledged it.
///
/// A node has one durable publisher for each topic. Its numbers go on when it is started again.
///
/// ```no_run
/// # use nuncio::msgs::nuncio_msgs::msg::TaskStatus;
/// # use nuncio::{DurableOptions, NodeName, Reader};
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// let ledger = Reader::Node(NodeName::parse("/ledger")?);
/// let publisher = node.durable_publisher::<TaskStatus>("tasks", DurableOptions::new([ledger]))?;
/// publisher.publish(&TaskStatus::default()).await?; // it is on the disk
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DurablePublisher<M> {
    generic: GenericDurablePublisher,
    of: PhantomData<fn(&M)>,
}

impl<M: Message> DurablePublisher<M> {
    pub(crate) fn new(generic: GenericDurablePublisher) -> Self {
        Self {
            generic,
            of: PhantomData,
        }
    }

    /// Publishes a message; gives its number when it is on the disk. Messages that are published at the same time are synced
    /// together. A future that is dropped early has published the message all the same, or not at all.
    ///
    /// # Errors
    ///
    /// [`DurablePublishError`] when the message violates its schema, too much waits for acknowledgement, or the disk refuses.
    pub async fn publish(&self, message: &M) -> Result<Published, DurablePublishError> {
        self.publish_with(message, Accompaniment::default()).await
    }

    /// Publishes a message that names its cause, or on whose behalf it is sent.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and when the origin is longer than 255 bytes.
    pub async fn publish_with(&self, message: &M, with: Accompaniment<'_>) -> Result<Published, DurablePublishError> {
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(message, now_ns, bytes);
        self.generic.publish_encoded(with, encode).await
    }

    /// Publishes a message and asks everybody who subscribes what became of it; see
    /// [`Publisher::publish_acked`](crate::Publisher::publish_acked).
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn publish_acked(&self, message: &M, timeout: Duration) -> Result<Acknowledgement, DurablePublishError> {
        let readers = self.generic.generic.readers();
        let published = self.publish(message).await?;
        Ok(self.generic.generic.ask_readers(readers, published, timeout).await)
    }
}

impl<M> Deref for DurablePublisher<M> {
    type Target = GenericDurablePublisher;

    fn deref(&self) -> &GenericDurablePublisher {
        &self.generic
    }
}

/// Why there is no durable publisher.
#[derive(Debug)]
#[non_exhaustive]
pub enum DurableError {
    /// Nobody is named who has to acknowledge messages, so none would ever be forgotten.
    NoReader,
    /// A reader is named by its node in a mode in which no keys are pinned to names.
    NameOnly {
        /// The reader.
        reader: Reader,
    },
    /// The node's keystore is in memory.
    NoDisk,
    /// The journal cannot be used.
    Journal(JournalError),
    /// The publisher cannot be declared.
    Publisher(PublisherError),
    /// The thread that writes could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for DurableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReader => {
                f.write_str("a durable publisher needs at least one reader that acknowledges its messages")
            }
            Self::NameOnly { reader } => write!(
                f,
                "anybody can have the name {reader} where names are not pinned to keys; name the reader's key"
            ),
            Self::NoDisk => f.write_str("a durable publisher needs a keystore on a disk, and this node's is in memory"),
            Self::Journal(error) => fmt::Display::fmt(error, f),
            Self::Publisher(error) => fmt::Display::fmt(error, f),
            Self::Thread(error) => write!(f, "no thread could be started for the journal: {error}"),
        }
    }
}

impl std::error::Error for DurableError {}

/// Why a message was not published durably.
#[derive(Debug)]
#[non_exhaustive]
pub enum DurablePublishError {
    /// It was not published at all.
    Publish(PublishError),
    /// Too much waits for acknowledgement. Nothing was published.
    Full {
        /// Bytes of frames that wait.
        waiting: u64,
        /// How many may.
        max: u64,
        /// The readers that are farthest behind.
        behind: Vec<Reader>,
    },
    /// The disk has refused it, and it was not sent. Nothing more is published before the publisher is declared anew.
    Journal(Arc<JournalError>),
}

impl fmt::Display for DurablePublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(error) => fmt::Display::fmt(error, f),
            Self::Full { waiting, max, behind } => {
                let behind: Vec<_> = behind.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "{waiting} bytes wait for acknowledgement by {}, at most {max} may; start what reads them, or raise \
                     bytes_max",
                    behind.join(", ")
                )
            }
            Self::Journal(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for DurablePublishError {}
