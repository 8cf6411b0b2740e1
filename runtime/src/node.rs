//! The node: one identity, one link, and everything that hangs on them. Built here, handed out from here; each port
//! lives in its own file.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use nuncio_msgs::{Message, TypeHash};

use crate::contact::{self, ContactDesk, Note};
use crate::endpoints::Endpoints;
use crate::evidence::Evidence;
use crate::generic_publisher::{Closed, GenericPublisher, PublisherError};
use crate::generic_subscriber::{GenericSubscriber, SubscriberError};
use crate::graph::GraphState;
use crate::guest::GuestCore;
use crate::history::HistoryDesk;
use crate::link::{Declared, Link, LinkError};
use crate::metrics_server::MetricsServer;
use crate::name::{Domain, NameError, NodeName, TopicName};
use crate::node_builder::NodeBuilder;
use crate::node_clock::ClockCore;
use crate::parameter::ParameterValue;
use crate::parameters::ParameterShelf;
use crate::publisher::Publisher;
use crate::qos::QosProfile;
use crate::queue::Queue;
use crate::receipt_desk::ReceiptDesk;
use crate::reception::Reception;
use crate::refusal_ledger::RefusalLedger;
use crate::remapping::{Kind, Remappings};
use crate::revocations::RevocationShelf;
use crate::security::believer::Believer;
use crate::security::equivocation::Equivocation;
use crate::security::key::{Identity, PublicKey};
use crate::security::keystore::Keystore;
use crate::security::peers::Peers;
use crate::security::trust_store::TrustStore;
use crate::security::verifier::ExpectedType;
use crate::signing_desk::SigningDesk;
use crate::stats::SigningStats;
use crate::subscriber::Subscriber;
use crate::subscription_options::{SubscriptionOptions, TypeVersions};
use crate::trust_watch::{TrustEvent, TrustWatch};
use crate::type_inquiry::TypeInquiry;
use crate::type_support::{self, TypeError, TypeSupport};
use crate::watch::Watch;

mod actions;
mod clock;
pub(crate) mod close;
mod domains;
mod durable;
mod graph;
mod guests;
mod lifecycle;
mod parameters;
mod refusals;
mod replay;
mod services;
pub(crate) mod state;
mod trust;

/// A node: publishes and subscribes under one name and one key.
///
/// Cheap to clone; all clones are the same node.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) core: Arc<NodeCore>,
}

/// What a node's ports share.
#[derive(Debug)]
pub(crate) struct NodeCore {
    pub(crate) name: NodeName,
    pub(crate) domain: Domain,
    pub(crate) identity: Identity,
    pub(crate) epoch: u64,
    pub(crate) keystore: Keystore,
    pub(crate) trust: Arc<TrustStore>,
    pub(crate) revocations: RevocationShelf,
    /// The text of the successions that led to the node's key.
    pub(crate) successions: String,
    pub(crate) trust_watch: TrustWatch,
    pub(crate) trust_events: Queue<TrustEvent>,
    pub(crate) link: Link,
    pub(crate) peers: Arc<Peers>,
    pub(crate) believer: Arc<Believer>,
    pub(crate) contact: Arc<ContactDesk>,
    pub(crate) graph: GraphState,
    pub(crate) endpoints: Endpoints,
    pub(crate) watch: Watch,
    pub(crate) evidence: Evidence,
    pub(crate) history: HistoryDesk,
    pub(crate) receipts: ReceiptDesk,
    pub(crate) signing_desk: Arc<SigningDesk>,
    pub(crate) refusals: Arc<RefusalLedger>,
    pub(crate) started_ns: i64,
    pub(crate) started: Instant,
    pub(crate) locators: Vec<String>,
    pub(crate) card_number: AtomicU64,
    /// How often the card has changed, and which of the changes was the last to be announced.
    pub(crate) card_version: AtomicU64,
    pub(crate) announced_version: AtomicU64,
    pub(crate) receptions: Mutex<Vec<Weak<Reception>>>,
    pub(crate) declared: Mutex<Vec<Declared>>,
    /// The parameters, and the clock, as long as somebody keeps them; and the values that they were given from outside.
    pub(crate) parameters: Mutex<Weak<ParameterShelf>>,
    pub(crate) clock: Mutex<Weak<ClockCore>>,
    pub(crate) parameters_given: Vec<(String, ParameterValue)>,
    /// Nodes that are here through this one.
    pub(crate) guests: Mutex<Vec<Weak<GuestCore>>>,
    /// Where its counters are served, if they are.
    pub(crate) metrics: Mutex<Option<Arc<MetricsServer>>>,
    /// Other names than the program has.
    pub(crate) remappings: Remappings,
    pub(crate) closed: AtomicBool,
}

impl Node {
    /// Begins a node with this base name, such as `talker`.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let node = nuncio::Node::builder("talker").namespace("/robot_1").open().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(name: &str) -> NodeBuilder {
        NodeBuilder::new(name)
    }

    pub(crate) fn start(core: NodeCore) -> Result<Self, LinkError> {
        let core = Arc::new(core);
        let (weak, desk) = (Arc::downgrade(&core), Arc::clone(&core.contact));
        thread::Builder::new()
            .name(format!("nuncio{}", core.name))
            .spawn(move || contact::run(&weak, &desk))
            .map_err(|error| LinkError::Open(format!("no thread could be started: {error}")))?;
        core.trust_watch.begin(&core);
        if let Some(server) = &*core.metrics.lock().unwrap_or_else(PoisonError::into_inner) {
            server.show(&core);
        }
        let node = Self { core };
        // Queries can be answered before anybody is told that this node is there.
        node.core.declare_presence()?;
        tracing::info!("{} is open, signing as {}", node.core.name, node.core.public_key());
        Ok(node)
    }

    /// A publisher with the default profile. `topic` may be absolute, relative to the namespace, or private (`~/x`).
    ///
    /// # Errors
    ///
    /// [`PublisherError`] when the name is wrong or the node is closed.
    pub fn publisher<M: Message>(&self, topic: &str) -> Result<Publisher<M>, PublisherError> {
        self.publisher_with(topic, QosProfile::default())
    }

    /// A publisher with a profile.
    ///
    /// # Errors
    ///
    /// As [`publisher`](Self::publisher).
    pub fn publisher_with<M: Message>(&self, topic: &str, qos: QosProfile) -> Result<Publisher<M>, PublisherError> {
        let topic = self.core.resolve(topic, Kind::Topic).map_err(PublisherError::Name)?;
        let definition = type_support::definition_of::<M>();
        GenericPublisher::declare(Arc::clone(&self.core), topic, definition, qos).map(Publisher::new)
    }

    /// A publisher of a type that this program was not built with.
    ///
    /// # Errors
    ///
    /// As [`publisher`](Self::publisher).
    pub fn generic_publisher(
        &self,
        topic: &str,
        of: &TypeSupport,
        qos: QosProfile,
    ) -> Result<GenericPublisher, PublisherError> {
        let topic = self.core.resolve(topic, Kind::Topic).map_err(PublisherError::Name)?;
        GenericPublisher::declare(Arc::clone(&self.core), topic, of.definition().clone(), qos)
    }

    /// A subscriber with default options.
    ///
    /// # Errors
    ///
    /// [`SubscriberError`] when the name is wrong or the node is closed.
    pub fn subscriber<M: Message>(&self, topic: &str) -> Result<Subscriber<M>, SubscriberError> {
        self.subscriber_with(topic, SubscriptionOptions::default())
    }

    /// A subscriber with options, or with a profile.
    ///
    /// # Errors
    ///
    /// As [`subscriber`](Self::subscriber).
    pub fn subscriber_with<M: Message>(
        &self,
        topic: &str,
        options: impl Into<SubscriptionOptions>,
    ) -> Result<Subscriber<M>, SubscriberError> {
        let topic = self.core.resolve(topic, Kind::Topic).map_err(SubscriberError::Name)?;
        let options = options.into();
        let (name, hash, exclusive) = (M::TYPE_NAME.to_owned(), M::TYPE_HASH, M::EXCLUSIVE);
        let (expected, translate_to) = match options.type_versions {
            TypeVersions::Exact => (ExpectedType::Exactly { name, hash, exclusive }, None),
            TypeVersions::Additive => (
                ExpectedType::Versions { name, hash, exclusive },
                Some(type_support::definition_of::<M>()),
            ),
        };
        let subscriber = GenericSubscriber::declare(Arc::clone(&self.core), topic, expected, options, translate_to)?;
        self.core
            .endpoints
            .know_subscribed(&M::TYPE_HASH, type_support::definition_of::<M>);
        Ok(Subscriber::new(subscriber))
    }

    /// A subscriber to whatever is published on a topic.
    ///
    /// # Errors
    ///
    /// As [`subscriber`](Self::subscriber).
    pub fn generic_subscriber(
        &self,
        topic: &str,
        options: impl Into<SubscriptionOptions>,
    ) -> Result<GenericSubscriber, SubscriberError> {
        let topic = self.core.resolve(topic, Kind::Topic).map_err(SubscriberError::Name)?;
        GenericSubscriber::declare(
            Arc::clone(&self.core),
            topic,
            ExpectedType::AsInCard,
            options.into(),
            None,
        )
    }

    /// Asks a node for the definition of a type that it publishes, or was built with and subscribes to.
    ///
    /// # Errors
    ///
    /// [`TypeError`] when nobody answers in time, or with another type.
    pub async fn fetch_type(
        &self,
        publisher: PublicKey,
        type_name: &str,
        type_hash: &TypeHash,
    ) -> Result<TypeSupport, TypeError> {
        TypeInquiry::put(&self.core, publisher, type_name, *type_hash)?
            .answer()
            .await
    }

    /// The full name.
    pub fn name(&self) -> &NodeName {
        &self.core.name
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.core.domain
    }

    /// The key that signs everything this node publishes.
    pub fn public_key(&self) -> PublicKey {
        self.core.public_key()
    }

    /// The start of this instance, in ms since 1970 or later: every start of the same key has a greater one.
    pub fn epoch(&self) -> u64 {
        self.core.epoch
    }

    /// What the signatures of this node's messages have cost so far.
    pub fn signing_stats(&self) -> SigningStats {
        self.core.signing_desk.stats()
    }

    /// How many signatures of others this node has checked so far. Frames that were signed together cost it one.
    pub fn verifications(&self) -> u64 {
        self.core.peers.verifications()
    }
}

impl NodeCore {
    pub(crate) fn public_key(&self) -> PublicKey {
        self.identity.public_key()
    }

    /// The full name of what the node's author calls `text`, remapped.
    pub(crate) fn resolve(&self, text: &str, kind: Kind) -> Result<TopicName, NameError> {
        self.remappings.resolve(text, kind, &self.name)
    }

    pub(crate) fn check_open(&self) -> Result<(), Closed> {
        match self.closed.load(Ordering::Acquire) {
            true => Err(Closed),
            false => Ok(()),
        }
    }

    /// The subscriptions that are there now.
    pub(crate) fn receptions(&self) -> Vec<Arc<Reception>> {
        let mut receptions = self.receptions.lock().unwrap_or_else(PoisonError::into_inner);
        receptions.retain(|reception| reception.strong_count() > 0);
        receptions.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn add_reception(&self, reception: &Arc<Reception>) {
        let mut receptions = self.receptions.lock().unwrap_or_else(PoisonError::into_inner);
        receptions.push(Arc::downgrade(reception));
    }

    /// Keeps the proof that a key was copied, where there is a disk for it. Called by the contact thread.
    pub(crate) fn store_evidence(&self, evidence: &Equivocation) {
        let Some(dir) = self.keystore.path().map(|dir| dir.join("state/evidence")) else {
            return;
        };
        let stored = match evidence.store(&dir) {
            Ok(None) => return,
            Ok(Some(path)) => Ok(path),
            Err(error) => Err(error.to_string()),
        };
        self.tell_trust(TrustEvent::Equivocated { stored });
    }
}

impl Drop for NodeCore {
    fn drop(&mut self) {
        self.contact.leave(Note::Close);
        self.signing_desk.end();
    }
}
