//! The untyped subscriber: verified messages of whatever type a topic has.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;
use nuncio_msgs::{Message, TypeHash};

use crate::approval::ApprovalPart;
use crate::approval_desk::ApprovalDesk;
use crate::cursor::CursorShelf;
use crate::delivery::{Delivery, DeliveryCallback};
use crate::endpoints::SubscriberFacts;
use crate::key_expr;
use crate::link::{Declared, LinkError};
pub use crate::message_info::MessageInfo;
use crate::name::{NameError, TopicName};
use crate::node::NodeCore;
use crate::payload::{self, DecodeError};
use crate::queue::TakeError;
use crate::reception::Reception;
use crate::security::frame::Kind;
use crate::security::refusal::Refusal;
use crate::security::verifier::{ExpectedType, VerifiedMessage, Verifier, VerifierSetup};
use crate::stats::SubscriptionStats;
use crate::subscriber::Callback;
use crate::subscription_options::{SubscriptionOptions, Unapproved};
use crate::translation_desk::TranslationDesk;

mod events;

/// A verified message of any type, not decoded yet.
#[derive(Clone, Debug)]
pub struct GenericReceived {
    topic: TopicName,
    delivery: Delivery,
}

impl GenericReceived {
    /// Decodes it, when it is an `M`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is of another type, or its values are not what the schema allows.
    pub fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        if self.type_hash() != M::TYPE_HASH || self.type_name() != M::TYPE_NAME {
            let problem = format!(
                "it is a {} {}, not a {}",
                self.type_name(),
                self.type_hash(),
                M::TYPE_NAME
            );
            let len = self.payload().len();
            return Err(DecodeError::Payload { problem, len });
        }
        payload::decode(self.message())
    }

    /// The message, which carries the proof.
    pub fn message(&self) -> &VerifiedMessage {
        &self.delivery.message
    }

    /// The payload's bytes as they were published, for a [`RunTimeType`](crate::run_time_type::RunTimeType).
    pub fn payload(&self) -> &[u8] {
        self.message().payload()
    }

    /// The type's full name, by the publisher's card.
    pub fn type_name(&self) -> &str {
        self.message().frame().type_name()
    }

    /// The type's hash.
    pub fn type_hash(&self) -> TypeHash {
        self.message().frame().type_hash()
    }

    /// Who sent it, and when.
    pub fn info(&self) -> MessageInfo {
        let translated = self.delivery.translation.is_some();
        MessageInfo::new(
            self.topic.clone(),
            self.message(),
            translated,
            self.delivery.approval.clone(),
        )
    }
}

/// Subscribes to one topic, whatever its type.
pub struct GenericSubscriber {
    node: Arc<NodeCore>,
    facts: Arc<SubscriberFacts>,
    pub(crate) reception: Arc<Reception>,
    _declared: Declared,
}

impl fmt::Debug for GenericSubscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericSubscriber")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl GenericSubscriber {
    pub(crate) fn declare(
        node: Arc<NodeCore>,
        topic: TopicName,
        expected: ExpectedType,
        options: SubscriptionOptions,
        translate_to: Option<TypeDefinition>,
    ) -> Result<Self, SubscriberError> {
        Self::declare_behind(node, topic, expected, options, translate_to, None)
    }

    /// As [`declare`](Self::declare), beginning behind a cursor.
    pub(crate) fn declare_behind(
        node: Arc<NodeCore>,
        topic: TopicName,
        expected: ExpectedType,
        options: SubscriptionOptions,
        translate_to: Option<TypeDefinition>,
        cursor: Option<Arc<CursorShelf>>,
    ) -> Result<Self, SubscriberError> {
        let frame_len_max = options.frame_len_max.unwrap_or(node.link.frame_len_max());
        let core = Arc::downgrade(&node);
        let desks = |topic: &TopicName, reception: &Weak<Reception>| {
            let approval = match options.unapproved {
                Unapproved::Hold => {
                    let desk = ApprovalDesk::new(topic.clone(), core.clone(), Weak::clone(reception));
                    ApprovalPart::Awaits(Box::new(desk))
                }
                Unapproved::Show => ApprovalPart::Shows,
            };
            let translation =
                translate_to.map(|ours| TranslationDesk::new(core, Weak::clone(reception), ours, frame_len_max));
            (approval, translation)
        };
        let subscriber = Self::declare_with(node, topic, expected, options, (cursor, desks))?;
        if let Some(desk) = subscriber.reception.approval_desk() {
            desk.follow_policy(&subscriber.reception, &subscriber.node)?;
        }
        Ok(subscriber)
    }

    pub(crate) fn declare_with(
        node: Arc<NodeCore>,
        topic: TopicName,
        expected: ExpectedType,
        options: SubscriptionOptions,
        (cursor, desks): (
            Option<Arc<CursorShelf>>,
            impl FnOnce(&TopicName, &Weak<Reception>) -> (ApprovalPart, Option<TranslationDesk>),
        ),
    ) -> Result<Self, SubscriberError> {
        node.check_open().map_err(|_| SubscriberError::Closed)?;
        let expected_type = expected.clone();
        let setup = VerifierSetup {
            domain: node.domain.clone(),
            kind: Kind::Message,
            topic: topic.clone(),
            request_id: Vec::new(),
            expected,
            trust: Arc::clone(&node.trust),
            frame_len_max: options.frame_len_max.unwrap_or(node.link.frame_len_max()),
            accept_replay: options.accept_replay,
            keeps_cursor: cursor.is_some(),
        };
        let verifier = Verifier::new(setup, Arc::clone(&node.peers), Arc::clone(&node.believer));
        let (refusals, contact) = (Arc::clone(&node.refusals), Arc::clone(&node.contact));
        let reception = Arc::new_cyclic(|reception| {
            let desks = desks(&topic, reception);
            let place = (topic.clone(), Weak::clone(reception));
            Reception::new(place, verifier, &options.qos, (refusals, contact), desks).behind(cursor)
        });
        let facts = SubscriberFacts::new(topic.clone(), &expected_type, options.qos, &reception);
        let facts = node.endpoints.add_subscriber(facts).ok_or(SubscriberError::TooMany)?;
        node.add_reception(&reception);
        reception.begin();
        let (receiving, contact) = (Arc::clone(&reception), Arc::clone(&node.contact));
        let declared = node
            .link
            .subscribe_in_pieces(&key_expr::topic(&node.domain, &topic), move |_, pieces| {
                receiving.receive_pieces(pieces, &contact)
            })
            .map_err(SubscriberError::Link)?;
        node.match_subscriber(&facts);
        node.card_changed();
        // Their first messages need not wait then for the answers that tell old from new.
        for key in node
            .peers
            .publishers_on(&topic)
            .into_iter()
            .filter(|key| *key != node.public_key())
        {
            node.contact.ask_about(key);
        }
        Ok(Self {
            node,
            facts,
            reception,
            _declared: declared,
        })
    }

    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed and everything received was taken.
    pub async fn recv(&self) -> Result<GenericReceived, ReceiveError> {
        loop {
            if let Some(received) = self.still_of_use(self.reception.queue.take().await?) {
                return Ok(received);
            }
        }
    }

    /// Takes the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there is none now, [`ReceiveError::Closed`] when there will be none.
    pub fn try_recv(&self) -> Result<GenericReceived, ReceiveError> {
        let taken = self.reception.queue.try_take()?;
        self.still_of_use(taken).ok_or(ReceiveError::Empty)
    }

    /// Waits for the next message in this thread, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when none came in time, [`ReceiveError::Closed`] when none will.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<GenericReceived, ReceiveError> {
        let taken = self.reception.queue.take_timeout(timeout)?;
        if let Some(received) = self.still_of_use(taken) {
            return Ok(received);
        }
        let start = Instant::now();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            if let Some(received) = self.still_of_use(self.reception.queue.take_timeout(left)?) {
                return Ok(received);
            }
        }
    }

    fn still_of_use(&self, taken: Delivery) -> Option<GenericReceived> {
        let delivery = self.reception.sift(taken)?;
        Some(GenericReceived::new(self.topic().clone(), delivery))
    }

    /// Calls `callback` with each message in the thread that received and verified it; see
    /// [`Subscriber::on_message_in_place`](crate::Subscriber::on_message_in_place).
    pub fn on_message_in_place(self, mut callback: impl FnMut(GenericReceived) + Send + 'static) -> Callback {
        let topic = self.topic().clone();
        self.call_in_place(move |delivery| callback(GenericReceived::new(topic.clone(), delivery)))
    }

    pub(crate) fn call_in_place(self, callback: impl FnMut(Delivery) + Send + 'static) -> Callback {
        self.reception.call_in_place(DeliveryCallback(Box::new(callback)));
        Callback::in_place(self)
    }

    /// Waits for the next refusal on this subscription.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn next_refusal(&self) -> Result<Refusal, ReceiveError> {
        self.reception.refusals.take().await.map_err(ReceiveError::from)
    }

    /// Takes the oldest refusal that was not taken yet.
    pub fn try_next_refusal(&self) -> Option<Refusal> {
        self.reception.refusals.try_take().ok()
    }

    /// The topic.
    pub fn topic(&self) -> &TopicName {
        &self.facts.topic
    }

    /// What became of everything received.
    pub fn stats(&self) -> SubscriptionStats {
        self.reception.stats()
    }
}

impl GenericReceived {
    pub(crate) fn new(topic: TopicName, delivery: Delivery) -> Self {
        Self { topic, delivery }
    }

    /// The same, in memory of its own: for whoever keeps it long.
    pub(crate) fn detached(&self) -> Self {
        let message = self.message().detached();
        Self {
            topic: self.topic.clone(),
            delivery: Delivery {
                message,
                ..self.delivery.clone()
            },
        }
    }

    pub(crate) fn into_delivery(self) -> (TopicName, Delivery) {
        (self.topic, self.delivery)
    }
}

impl Drop for GenericSubscriber {
    fn drop(&mut self) {
        self.reception.close();
        self.node.endpoints.remove_subscriber(&self.facts);
        self.node.end_subscriber(&self.facts);
        self.node.card_changed();
    }
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Nothing is there now.
    Empty,
    /// The node is closed: nothing will ever be there.
    Closed,
}

impl From<TakeError> for ReceiveError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Empty => Self::Empty,
            TakeError::Closed => Self::Closed,
        }
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no message is there",
            Self::Closed => "the node is closed",
        })
    }
}

impl std::error::Error for ReceiveError {}

/// Why there is no subscriber.
#[derive(Debug)]
#[non_exhaustive]
pub enum SubscriberError {
    /// The name is not a topic name.
    Name(NameError),
    /// A node has at most 1024 subscribers.
    TooMany,
    /// The node is closed.
    Closed,
    /// The thread that calls back could not be started.
    Thread(std::io::Error),
    /// The link refused.
    Link(LinkError),
}

impl fmt::Display for SubscriberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::TooMany => f.write_str("a node has at most 1024 subscribers; open another node for more"),
            Self::Closed => f.write_str("the node is closed"),
            Self::Thread(error) => write!(f, "no thread could be started for the callback: {error}"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for SubscriberError {}
