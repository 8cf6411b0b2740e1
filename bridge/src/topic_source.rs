//! The one subscription to a topic that all taps share, and what is kept for taps that come later.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nuncio::msgs::nuncio_msgs::msg::CardPublisher;
use nuncio::security::frame::Writer;
use nuncio::{
    GenericReceived, GenericSubscriber, Node, PublicKey, QosProfile, SubscriptionOptions, TopicName, TypeHash,
};

use crate::border_error::BorderError;
use crate::bridge_type::BridgeType;
use crate::out_message::OutMessage;
use crate::tap::TapQueue;
use crate::type_library::TypeLibrary;

/// How many messages wait for the bridge itself.
const DEPTH: usize = 1000;

/// How many messages of one publisher are kept for taps that come later, whatever it promises.
const LATCHED_MAX: usize = 100;

/// Of how many publishers of one topic messages are kept.
const LATCHED_WRITERS_MAX: usize = 256;

/// How many bytes of them are kept for one topic.
const LATCHED_BYTES_MAX: usize = 64 << 20;

/// How long after a type was not to be had it is asked for again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The subscription to one topic.
#[derive(Debug)]
pub(crate) struct TopicSource {
    topic: TopicName,
    state: Mutex<SourceState>,
    pub(crate) passed: AtomicU64,
    pub(crate) untranslated: AtomicU64,
    pump: Mutex<Option<tokio::task::AbortHandle>>,
}

#[derive(Debug, Default)]
struct SourceState {
    taps: Vec<Arc<TapQueue>>,
    latched: BTreeMap<(PublicKey, Writer), Latched>,
    latched_bytes: usize,
}

#[derive(Debug, Default)]
struct Latched {
    depth: usize,
    messages: VecDeque<Arc<OutMessage>>,
}

impl TopicSource {
    /// Subscribes.
    ///
    /// # Errors
    ///
    /// [`BorderError::Node`] when the node does not.
    pub(crate) fn open(node: &Node, topic: &TopicName, library: &Arc<TypeLibrary>) -> Result<Arc<Self>, BorderError> {
        let qos = QosProfile {
            depth: std::num::NonZeroUsize::new(DEPTH).unwrap_or(std::num::NonZeroUsize::MIN),
            ..QosProfile::best_available()
        };
        let options = SubscriptionOptions::from(qos);
        let subscriber = node.generic_subscriber(topic.as_str(), options);
        let subscriber = subscriber.map_err(|error| BorderError::Node(error.to_string()))?;
        let source = Arc::new(Self {
            topic: topic.clone(),
            state: Mutex::default(),
            passed: AtomicU64::new(0),
            untranslated: AtomicU64::new(0),
            pump: Mutex::default(),
        });
        let types = MessageTypes {
            node: node.clone(),
            library: Arc::clone(library),
            at_hand: None,
            failed: HashMap::new(),
        };
        let task = tokio::spawn(pump(Arc::downgrade(&source), subscriber, types));
        *source.pump.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        Ok(source)
    }

    pub(crate) fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// Another tap: it gets what is kept first, oldest first, and then whatever comes.
    pub(crate) fn join(&self, queue: &Arc<TapQueue>) {
        let mut state = self.lock();
        let mut kept: Vec<&Arc<OutMessage>> = state.latched.values().flat_map(|latched| &latched.messages).collect();
        kept.sort_by_key(|message| message.info().source_time_ns);
        kept.into_iter().for_each(|message| queue.push_latched(message));
        state.taps.push(Arc::clone(queue));
    }

    pub(crate) fn leave(&self, queue: &Arc<TapQueue>) {
        self.lock().taps.retain(|tap| !Arc::ptr_eq(tap, queue));
    }

    pub(crate) fn taps(&self) -> usize {
        self.lock().taps.len()
    }

    /// Forgets what publishers left behind that are gone, and learns what those promise that are there.
    pub(crate) fn see_publishers(&self, publishers: &[(PublicKey, CardPublisher)]) {
        let mut state = self.lock();
        let offers: BTreeMap<(PublicKey, Writer), usize> = publishers
            .iter()
            .filter(|(_, facts)| facts.durability == CardPublisher::DURABILITY_TRANSIENT_LOCAL)
            .map(|(key, facts)| {
                (
                    (*key, Writer(facts.writer)),
                    (facts.depth as usize).clamp(1, LATCHED_MAX),
                )
            })
            .take(LATCHED_WRITERS_MAX)
            .collect();
        state.latched.retain(|writer, _| offers.contains_key(writer));
        for (writer, depth) in offers {
            state.latched.entry(writer).or_default().depth = depth;
        }
        let bytes = |latched: &Latched| latched.messages.iter().map(|m| m.payload().len()).sum::<usize>();
        state.latched_bytes = state.latched.values().map(bytes).sum();
    }

    fn pass(&self, message: &Arc<OutMessage>) {
        self.passed.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut state = self.lock();
        let info = message.info();
        let SourceState {
            taps,
            latched,
            latched_bytes,
        } = &mut *state;
        if let Some(latched) = latched.get_mut(&(info.signer, info.writer)) {
            *latched_bytes += message.payload().len();
            latched.messages.push_back(Arc::clone(message));
            while (latched.messages.len() > latched.depth || *latched_bytes > LATCHED_BYTES_MAX)
                && let Some(oldest) = latched.messages.pop_front()
            {
                *latched_bytes -= oldest.payload().len();
            }
        }
        for tap in taps {
            tap.push(message, now);
        }
    }

    fn close(&self) {
        self.lock().taps.iter().for_each(|tap| tap.close());
    }

    fn lock(&self) -> MutexGuard<'_, SourceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TopicSource {
    fn drop(&mut self) {
        let pump = self.pump.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(pump) = pump {
            pump.abort();
        }
    }
}

/// Passes on whatever comes, until the source or the node is gone.
async fn pump(source: std::sync::Weak<TopicSource>, subscriber: GenericSubscriber, mut types: MessageTypes) {
    while let Ok(received) = subscriber.recv().await {
        let ty = types.of(&received).await;
        let Some(source) = source.upgrade() else { return };
        match ty {
            Some(ty) => source.pass(&Arc::new(OutMessage::new(received, ty))),
            None => {
                source.untranslated.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    if let Some(source) = source.upgrade() {
        source.close();
    }
}

/// The types of one topic's messages.
struct MessageTypes {
    node: Node,
    library: Arc<TypeLibrary>,
    at_hand: Option<Arc<BridgeType>>,
    failed: HashMap<(PublicKey, TypeHash), Instant>,
}

impl MessageTypes {
    /// The type of a message; `None` when nobody tells what it is.
    async fn of(&mut self, message: &GenericReceived) -> Option<Arc<BridgeType>> {
        let (name, hash) = (message.type_name(), message.type_hash());
        if let Some(ty) = &self.at_hand
            && ty.hash() == hash
            && ty.name() == name
        {
            return Some(Arc::clone(ty));
        }
        let signer = message.message().frame().signer();
        let ty = match self.library.message_with_hash(name, &hash) {
            Some(known) => known,
            None => self.ask(signer, name, hash).await?,
        };
        self.at_hand = Some(Arc::clone(&ty));
        Some(ty)
    }

    async fn ask(&mut self, signer: PublicKey, name: &str, hash: TypeHash) -> Option<Arc<BridgeType>> {
        let is_recent = |when: &Instant| when.elapsed() < ASK_AGAIN_AFTER;
        if self.failed.get(&(signer, hash)).is_some_and(is_recent) {
            return None;
        }
        let told = self.node.fetch_type(signer, name, &hash).await;
        match told
            .map_err(|error| error.to_string())
            .and_then(|support| self.library.learn(support).map_err(|error| error.to_string()))
        {
            Ok(ty) => Some(ty),
            Err(error) => {
                tracing::warn!("{name} {hash} cannot be passed on: {error}");
                self.failed.retain(|_, when| is_recent(when));
                self.failed.insert((signer, hash), Instant::now());
                None
            }
        }
    }
}
