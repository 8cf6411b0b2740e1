//! The border: one node, the rules, and everything that clients share.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use nuncio::graph::Graph;
use nuncio::{GenericPublisher, Node, PublicKey, QosProfile, Reason, RefusalEvent, TopicName, TypeHash};
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

use crate::border_error::BorderError;
use crate::bridge_type::{BridgeServiceType, BridgeType};
use crate::client::{Client, ClientInner};
use crate::role::ClientRole;
use crate::rules::{Face, Rules};
use crate::topic_source::TopicSource;
use crate::type_library::TypeLibrary;

/// How many refusals wait for a face that is slow to show them.
const REFUSALS_KEPT: usize = 256;

/// How many pages that were turned away wait to be shown.
const TURNED_AWAY_KEPT: usize = 16;

/// Changes of the graph that follow each other faster are told together.
const CHANGES_TOGETHER: Duration = Duration::from_millis(20);

/// A message that the node has refused: it never crossed.
#[derive(Clone, Debug)]
pub struct RefusalNotice {
    /// The topic on Nuncio's side.
    pub topic: TopicName,
    /// Why.
    pub reason: Reason,
    /// What was expected and what was found.
    pub text: String,
    /// The key that the message claims.
    pub claimed_key: Option<PublicKey>,
}

/// A page of a browser that was not let in: see [`Border::check_page`].
#[derive(Clone, Debug)]
pub struct TurnedAway {
    /// Where it came.
    pub face: Face,
    /// Why, and what to do.
    pub error: BorderError,
}

/// One node and what may cross. Cheap to clone; all clones are the same border.
#[derive(Clone)]
pub struct Border {
    inner: Arc<BorderInner>,
}

struct BorderInner {
    node: Node,
    rules: Rules,
    library: Arc<TypeLibrary>,
    started: Instant,
    clients: Mutex<BTreeMap<u64, Weak<ClientInner>>>,
    next_client: AtomicU64,
    sources: Mutex<HashMap<TopicName, Weak<TopicSource>>>,
    publishers: Mutex<HashMap<(TopicName, TypeHash, QosProfile), Weak<GenericPublisher>>>,
    refusals: broadcast::Sender<Arc<RefusalNotice>>,
    refused: Mutex<BTreeMap<TopicName, BTreeMap<Reason, u64>>>,
    turned_away: broadcast::Sender<Arc<TurnedAway>>,
    changes: watch::Receiver<u64>,
    tasks: Vec<AbortHandle>,
}

impl fmt::Debug for Border {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Border of {}", self.inner.node.name())
    }
}

impl Border {
    /// A border at a node. To be called inside a Tokio runtime.
    pub fn new(node: Node, rules: Rules, library: TypeLibrary) -> Self {
        let (tell, changes) = watch::channel(node.graph_version());
        let refusals = broadcast::Sender::new(REFUSALS_KEPT);
        let inner = Arc::new_cyclic(|weak: &Weak<BorderInner>| {
            let watching = tokio::spawn(watch_graph(node.clone(), Weak::clone(weak), tell));
            let hearing = tokio::spawn(hear_refusals(node.clone(), Weak::clone(weak)));
            BorderInner {
                node,
                rules,
                library: Arc::new(library),
                started: Instant::now(),
                clients: Mutex::default(),
                next_client: AtomicU64::new(1),
                sources: Mutex::default(),
                publishers: Mutex::default(),
                refusals,
                refused: Mutex::default(),
                turned_away: broadcast::Sender::new(TURNED_AWAY_KEPT),
                changes,
                tasks: vec![watching.abort_handle(), hearing.abort_handle()],
            }
        });
        Self { inner }
    }

    /// The bridge's node.
    pub fn node(&self) -> &Node {
        &self.inner.node
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    /// The types that are known.
    pub fn library(&self) -> &Arc<TypeLibrary> {
        &self.inner.library
    }

    /// Since when it stands.
    pub(crate) fn started(&self) -> Instant {
        self.inner.started
    }

    /// Lets somebody in. `who` is how origins name the client: an address, a user, a node.
    ///
    /// # Errors
    ///
    /// [`BorderError::TooMuch`] when there are too many.
    pub fn admit(&self, face: Face, who: &str, role: Arc<ClientRole>) -> Result<Client, BorderError> {
        let mut clients = lock(&self.inner.clients);
        clients.retain(|_, client| client.strong_count() > 0);
        let most = self.inner.rules.clients_max;
        if clients.len() >= most {
            return Err(BorderError::TooMuch(format!(
                "there are {most} clients already, which is the most; raise clients_max in bridge.toml"
            )));
        }
        let id = self.inner.next_client.fetch_add(1, Ordering::Relaxed);
        let client = Client::new(self.clone(), id, (face, who), role);
        clients.insert(id, Arc::downgrade(&client.inner));
        Ok(client)
    }

    /// The role that a token gives; where the rules have no tokens, everybody has the open one.
    ///
    /// # Errors
    ///
    /// [`BorderError::Login`] when a token is demanded and this is none.
    pub fn authenticate(&self, token: Option<&str>) -> Result<Arc<ClientRole>, BorderError> {
        let rules = self.rules();
        if rules.tokens.is_empty() {
            return Ok(Arc::clone(&rules.open_role));
        }
        let given = token.ok_or(BorderError::Login("this bridge lets in clients with a token only"))?;
        let found = rules.tokens.iter().find(|token| token.is(given));
        found.map_or(Err(BorderError::Login("this token is not known")), |token| {
            Ok(Arc::clone(&token.role))
        })
    }

    /// Whether a page of a browser may come in, by what it sends as `Origin` and `Host`; see [`Rules::check_page`].
    ///
    /// # Errors
    ///
    /// [`BorderError::Page`]. Browsers show it to nobody, so it is told to [`turned_away`](Self::turned_away), too.
    pub fn check_page(&self, face: Face, origin: Option<&str>, host: Option<&str>) -> Result<(), BorderError> {
        let checked = self.rules().check_page(face, origin, host);
        if let Err(error) = &checked {
            let error = error.clone();
            // Nobody has to listen.
            let _ = self.inner.turned_away.send(Arc::new(TurnedAway { face, error }));
        }
        checked
    }

    /// Pages that are not let in from now on.
    pub fn turned_away(&self) -> broadcast::Receiver<Arc<TurnedAway>> {
        self.inner.turned_away.subscribe()
    }

    /// What the node refuses from now on.
    pub fn refusals(&self) -> broadcast::Receiver<Arc<RefusalNotice>> {
        self.inner.refusals.subscribe()
    }

    /// Tells of every change of the graph.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.clone()
    }

    /// A message type that somebody's card names, asked of whoever has it where it is not known here.
    ///
    /// # Errors
    ///
    /// [`BorderError::UnknownType`] when nobody tells what it is.
    pub async fn learn_message(
        &self,
        key: PublicKey,
        name: &str,
        hash: &TypeHash,
    ) -> Result<Arc<BridgeType>, BorderError> {
        if let Some(known) = self.library().message_with_hash(name, hash) {
            return Ok(known);
        }
        let told = self.node().fetch_type(key, name, hash).await;
        self.library().learn(told.map_err(|error| unknown(name, &error))?)
    }

    /// A service type that somebody's card names.
    ///
    /// # Errors
    ///
    /// As [`learn_message`](Self::learn_message).
    pub async fn learn_service(
        &self,
        key: PublicKey,
        name: &str,
        hash: &TypeHash,
    ) -> Result<Arc<BridgeServiceType>, BorderError> {
        if let Some(known) = self.library().service_with_hash(name, hash) {
            return Ok(known);
        }
        let told = self.node().fetch_service_type(key, name, hash).await;
        self.library()
            .learn_service(told.map_err(|error| unknown(name, &error))?)
    }

    /// The subscription to a topic that all taps share.
    pub(crate) fn source(&self, topic: &TopicName) -> Result<Arc<TopicSource>, BorderError> {
        let mut sources = lock(&self.inner.sources);
        if let Some(source) = sources.get(topic).and_then(Weak::upgrade) {
            return Ok(source);
        }
        let source = TopicSource::open(self.node(), topic, self.library())?;
        show_publishers(&source, &self.node().graph());
        sources.retain(|_, source| source.strong_count() > 0);
        sources.insert(topic.clone(), Arc::downgrade(&source));
        Ok(source)
    }

    /// The publisher of a type on a topic that all clients share.
    pub(crate) fn publisher(
        &self,
        topic: &TopicName,
        ty: &Arc<BridgeType>,
        qos: QosProfile,
    ) -> Result<Arc<GenericPublisher>, BorderError> {
        let mut publishers = lock(&self.inner.publishers);
        let id = (topic.clone(), ty.hash(), qos);
        if let Some(publisher) = publishers.get(&id).and_then(Weak::upgrade) {
            return Ok(publisher);
        }
        if let Some((name, hash)) = self.other_type_of(topic, ty) {
            return Err(match name == ty.name() {
                true => BorderError::other_hash(topic.as_str(), &name, &hash, &ty.hash()),
                false => BorderError::OtherType {
                    name: topic.as_str().to_owned(),
                    expected: name,
                    found: ty.name().to_owned(),
                },
            });
        }
        let made = self.node().generic_publisher(topic.as_str(), ty.support(), qos);
        let made = Arc::new(made.map_err(|error| BorderError::Node(error.to_string()))?);
        publishers.retain(|_, publisher| publisher.strong_count() > 0);
        publishers.insert(id, Arc::downgrade(&made));
        Ok(made)
    }

    /// A type that a topic has on Nuncio's side, when it is not this one.
    fn other_type_of(&self, topic: &TopicName, ty: &BridgeType) -> Option<(String, TypeHash)> {
        let mut topics = self.node().graph().topics();
        let types = topics.remove(topic)?.types();
        let is_known = types.iter().any(|(name, hash)| name == ty.name() && *hash == ty.hash());
        types.into_iter().next().filter(|_| !is_known)
    }

    pub(crate) fn clients(&self) -> Vec<Arc<ClientInner>> {
        lock(&self.inner.clients).values().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn sources(&self) -> Vec<Arc<TopicSource>> {
        lock(&self.inner.sources).values().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn refused(&self) -> BTreeMap<TopicName, BTreeMap<Reason, u64>> {
        lock(&self.inner.refused).clone()
    }
}

impl Drop for BorderInner {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn unknown(name: &str, error: &dyn fmt::Display) -> BorderError {
    BorderError::UnknownType {
        name: name.to_owned(),
        problem: error.to_string(),
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn show_publishers(source: &TopicSource, graph: &Graph) {
    let mut topics = graph.topics();
    let publishers = topics.remove(source.topic()).unwrap_or_default().publishers;
    let known: Vec<_> = publishers.into_iter().map(|end| (end.node.key, end.facts)).collect();
    source.see_publishers(&known);
}

async fn watch_graph(node: Node, border: Weak<BorderInner>, tell: watch::Sender<u64>) {
    let mut version = node.graph_version();
    loop {
        version = node.graph_changed(version).await;
        tokio::time::sleep(CHANGES_TOGETHER).await;
        version = version.max(node.graph_version());
        let Some(inner) = border.upgrade() else { return };
        let sources = Border { inner }.sources();
        if !sources.is_empty() {
            let graph = node.graph();
            sources.iter().for_each(|source| show_publishers(source, &graph));
        }
        tell.send_replace(version);
    }
}

async fn hear_refusals(node: Node, border: Weak<BorderInner>) {
    while let Ok(RefusalEvent { topic, refusal }) = node.next_refusal().await {
        let Some(inner) = border.upgrade() else { return };
        *lock(&inner.refused)
            .entry(topic.clone())
            .or_default()
            .entry(refusal.reason)
            .or_default() += 1;
        // Nobody has to listen.
        let _ = inner.refusals.send(Arc::new(RefusalNotice {
            topic,
            reason: refusal.reason,
            text: refusal.to_string(),
            claimed_key: refusal.claimed_key,
        }));
    }
}
