//! The durable subscriber: every message of durable publishers once, in order, from where its application has come to.
//!
//! What the application has acknowledged is never given again, also after it was killed; what it has not is given again, from
//! the journals of its publishers. Publishers that are not durable are heard as by any subscriber.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use nuncio_msgs::Message;

use crate::contact::Note;
use crate::cursor::{Cursor, CursorError, CursorShelf, Position};
use crate::generic_subscriber::{GenericSubscriber, MessageInfo, SubscriberError};
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::qos::{Durability, Reliability};
use crate::security::verifier::ExpectedType;
use crate::subscriber::Subscriber;
use crate::subscription_options::SubscriptionOptions;

/// Receives messages of type `M` from one topic, from where its cursor stands. Everything of a [`Subscriber`] works here too,
/// which this dereferences to.
///
/// Messages are taken from the queue with `recv` and then acknowledged, one by one or the last of several: what comes before a
/// message that is acknowledged is acknowledged with it, of the same publisher. The queue drops nothing: when it is full, its
/// publishers keep the rest.
///
/// ```no_run
/// # use nuncio::Cursor;
/// # use nuncio::msgs::nuncio_msgs::msg::TaskStatus;
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// let tasks = node.durable_subscriber::<TaskStatus>("tasks", Default::default(), &Cursor::File("tasks.cursor".into()))?;
/// loop {
///     let received = tasks.recv().await?;
///     println!("{:?}", received.message); // whatever is to happen, which happens again if this is killed before the next line
///     tasks.acknowledge(&received.info)?;
/// }
/// # }
/// ```
///
/// An application that keeps a [`Position`] in the same transaction as what a message leads to, and begins with
/// [`Cursor::Given`], has each message exactly once.
#[derive(Debug)]
pub struct DurableSubscriber<M> {
    subscriber: Subscriber<M>,
    cursor: CursorHolder,
}

/// A subscription to a topic of any type, from where its cursor stands; see [`DurableSubscriber`].
#[derive(Debug)]
pub struct GenericDurableSubscriber {
    subscriber: GenericSubscriber,
    cursor: CursorHolder,
}

/// The cursor of one subscription.
#[derive(Debug)]
struct CursorHolder {
    node: Arc<NodeCore>,
    shelf: Arc<CursorShelf>,
}

impl CursorHolder {
    fn acknowledge(&self, info: &MessageInfo) -> Result<(), CursorError> {
        if self.shelf.acknowledge(&Position::of(info))? {
            self.node.contact.leave(Note::ReceiptsDue);
        }
        Ok(())
    }
}

impl<M: Message> DurableSubscriber<M> {
    /// The application has done with a message, and with all before it of the same publisher: they are never given again, and
    /// their publisher may forget them. With a file, that is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`CursorError`] when it cannot be kept: then the cursor has not moved.
    pub fn acknowledge(&self, info: &MessageInfo) -> Result<(), CursorError> {
        self.cursor.acknowledge(info)
    }

    /// Where the cursor stands.
    pub fn positions(&self) -> Vec<Position> {
        self.cursor.shelf.positions()
    }
}

impl<M> Deref for DurableSubscriber<M> {
    type Target = Subscriber<M>;

    fn deref(&self) -> &Subscriber<M> {
        &self.subscriber
    }
}

impl GenericDurableSubscriber {
    /// As [`DurableSubscriber::acknowledge`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn acknowledge(&self, info: &MessageInfo) -> Result<(), CursorError> {
        self.cursor.acknowledge(info)
    }

    /// Where the cursor stands.
    pub fn positions(&self) -> Vec<Position> {
        self.cursor.shelf.positions()
    }
}

impl Deref for GenericDurableSubscriber {
    type Target = GenericSubscriber;

    fn deref(&self) -> &GenericSubscriber {
        &self.subscriber
    }
}

/// Opens the cursor and the subscription behind it.
fn declare(
    node: &Arc<NodeCore>,
    topic: TopicName,
    expected: ExpectedType,
    mut options: SubscriptionOptions,
    cursor: &Cursor,
) -> Result<(GenericSubscriber, CursorHolder), DurableSubscriberError> {
    let shelf = Arc::new(CursorShelf::open(cursor).map_err(DurableSubscriberError::Cursor)?);
    // What publishers without a journal offer is taken as it is.
    if options.qos.durability == Durability::Volatile {
        options.qos.durability = Durability::BestAvailable;
    }
    if options.qos.reliability == Reliability::BestEffort {
        options.qos.reliability = Reliability::BestAvailable;
    }
    let behind = Some(Arc::clone(&shelf));
    let subscriber = GenericSubscriber::declare_behind(Arc::clone(node), topic, expected, options, None, behind);
    let subscriber = subscriber.map_err(DurableSubscriberError::Subscriber)?;
    let node = Arc::clone(node);
    Ok((subscriber, CursorHolder { node, shelf }))
}

impl<M: Message> DurableSubscriber<M> {
    pub(crate) fn declare(
        node: &Arc<NodeCore>,
        topic: TopicName,
        options: SubscriptionOptions,
        cursor: &Cursor,
    ) -> Result<Self, DurableSubscriberError> {
        let expected = ExpectedType::Exactly {
            name: M::TYPE_NAME.to_owned(),
            hash: M::TYPE_HASH,
            exclusive: M::EXCLUSIVE,
        };
        let (subscriber, cursor) = declare(node, topic, expected, options, cursor)?;
        let subscriber = Subscriber::new(subscriber);
        Ok(Self { subscriber, cursor })
    }
}

impl GenericDurableSubscriber {
    pub(crate) fn declare(
        node: &Arc<NodeCore>,
        topic: TopicName,
        options: SubscriptionOptions,
        cursor: &Cursor,
    ) -> Result<Self, DurableSubscriberError> {
        let (subscriber, cursor) = declare(node, topic, ExpectedType::AsInCard, options, cursor)?;
        Ok(Self { subscriber, cursor })
    }
}

/// Why there is no durable subscriber.
#[derive(Debug)]
#[non_exhaustive]
pub enum DurableSubscriberError {
    /// The cursor cannot be used.
    Cursor(CursorError),
    /// The subscription cannot be made.
    Subscriber(SubscriberError),
}

impl fmt::Display for DurableSubscriberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cursor(error) => fmt::Display::fmt(error, f),
            Self::Subscriber(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for DurableSubscriberError {}
