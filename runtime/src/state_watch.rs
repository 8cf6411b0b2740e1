//! Watching the state documents of all nodes, or of some: the newest version of each, and a stream of changes.
//!
//! The cards of the nodes say which documents there are. The watch subscribes to each and holds the newest version, also when
//! its node has gone. Nothing is asked of a node but what every late subscriber of a topic asks.
//!
//! # Invariants
//!
//! - What is held was verified, by the rules of every subscription. A document belongs to the node whose key has signed it; what
//!   another node publishes on its topic is counted and left out.
//! - Memory is bounded by [`StateLimits`], whatever the nodes publish.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use event_listener::{Event, Listener};

use crate::generic_subscriber::{GenericReceived, GenericSubscriber, ReceiveError, SubscriberError};
use crate::graph::Graph;
use crate::name::{NodeName, TopicName};
use crate::node::NodeCore;
use crate::qos::QosProfile;
use crate::security::frame::Writer;
use crate::security::verifier::ExpectedType;
use crate::state_document::{StateName, StateVersion};
use crate::state_reading::{StateFilter, StateReading, StateSource, StateWatchStats};
use crate::state_shelf::{Entry, SourceId, StateShelf, StateStanding, TurnedAway};
use crate::stats::add;
use crate::subscriber::Callback;

/// Watches state documents. Made by [`Node::state_watch`](crate::Node::state_watch).
///
/// ```no_run
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// use nuncio::{StateFilter, StateName, msgs::sensor_msgs::msg::BatteryState};
///
/// let watch = node.state_watch(StateFilter::named(StateName::parse("battery")?))?;
/// loop {
///     let reading = watch.next().await?;
///     let battery: BatteryState = reading.decode()?;
///     println!("{} {} {}", reading.info().node, reading.standing().as_str(), battery.percentage);
/// }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "documents are watched only while this is kept"]
pub struct StateWatch {
    port: Arc<Port>,
}

/// What the watch shares with its thread and its subscriptions.
#[derive(Debug)]
struct Port {
    node: Arc<NodeCore>,
    filter: StateFilter,
    shelf: Mutex<StateShelf<GenericReceived>>,
    view: Mutex<View>,
    /// The sources that have changed since they were last told, each once, in the order in which they did.
    untold: Mutex<Vec<SourceId>>,
    /// Something is other than it was.
    changed: Event,
    ended: AtomicBool,
    skipped: AtomicU64,
    stale: AtomicU64,
    turned_away: AtomicU64,
    foreign: AtomicU64,
}

/// What the cards say.
#[derive(Debug, Default)]
struct View {
    sources: HashMap<SourceId, Expected>,
    subscriptions: HashMap<TopicName, Callback>,
    unwatched: usize,
}

/// A document that a card names.
#[derive(Clone, Debug)]
struct Expected {
    name: StateName,
    node: NodeName,
    topic: TopicName,
    /// The start of the node.
    epoch: u64,
    /// It came, and the limits have turned it away.
    is_turned_away: bool,
}

impl StateWatch {
    pub(crate) fn begin(node: &Arc<NodeCore>, filter: StateFilter) -> Result<Self, SubscriberError> {
        node.check_open().map_err(|_| SubscriberError::Closed)?;
        let port = Arc::new(Port {
            node: Arc::clone(node),
            shelf: Mutex::new(StateShelf::new(filter.limits)),
            view: Mutex::default(),
            untold: Mutex::default(),
            skipped: AtomicU64::new(0),
            changed: Event::new(),
            ended: AtomicBool::new(false),
            stale: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            foreign: AtomicU64::new(0),
            filter,
        });
        // What is known now is subscribed to when this returns.
        Port::look(&port);
        let weak = Arc::downgrade(&port);
        let thread = thread::Builder::new().name(format!("state{}", node.name));
        thread.spawn(move || follow(&weak)).map_err(SubscriberError::Thread)?;
        Ok(Self { port })
    }

    /// Waits for the next change: a newer version, or another standing of one that was told before. Whoever is late gets each
    /// document as it is then; the versions between are skipped.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn next(&self) -> Result<StateReading, ReceiveError> {
        loop {
            let changed = self.port.changed.listen();
            match self.try_next() {
                Err(ReceiveError::Empty) => changed.await,
                told => return told,
            }
        }
    }

    /// Takes the next change if there is one.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there is none now, [`ReceiveError::Closed`] when there will be none.
    pub fn try_next(&self) -> Result<StateReading, ReceiveError> {
        let reading = self.port.tell();
        reading.ok_or(match self.port.ended.load(Ordering::Acquire) {
            true => ReceiveError::Closed,
            false => ReceiveError::Empty,
        })
    }

    /// The documents that are held, by name and node; where several keys sign for one, the newest source time first.
    pub fn documents(&self) -> Vec<StateReading> {
        self.port.shelf().all().into_iter().map(StateReading::of).collect()
    }

    /// Waits until every document that a card names is here, or was turned away. Gives those that did not come in time.
    pub async fn settled(&self, timeout: Duration) -> Vec<StateSource> {
        let wait = async {
            loop {
                let changed = self.port.changed.listen();
                if self.port.awaited().is_empty() {
                    return;
                }
                changed.await;
            }
        };
        // In time or not: what is missing then is what is asked for.
        let _ = tokio::time::timeout(timeout, wait).await;
        self.port.awaited()
    }

    /// What became of what was received. Frames that were refused are counted with the node's refusals.
    pub fn stats(&self) -> StateWatchStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (documents, bytes) = self.port.shelf().size();
        StateWatchStats {
            documents,
            bytes,
            stale: read(&self.port.stale),
            turned_away: read(&self.port.turned_away),
            foreign: read(&self.port.foreign),
            unwatched: self.port.view().unwatched,
            skipped: read(&self.port.skipped),
        }
    }
}

impl Drop for StateWatch {
    fn drop(&mut self) {
        self.port.ended.store(true, Ordering::Release);
        self.port.node.graph.changed();
    }
}

/// Looks at the cards whenever they have changed.
fn follow(port: &Weak<Port>) {
    loop {
        let changed = {
            let Some(port) = port.upgrade() else { return };
            let changed = port.node.graph.listen();
            if port.ended.load(Ordering::Acquire) {
                return;
            }
            if port.node.check_open().is_err() {
                port.ended.store(true, Ordering::Release);
                port.changed.notify(usize::MAX);
                return;
            }
            Port::look(&port);
            changed
        };
        changed.wait();
    }
}

impl Port {
    /// Subscribes to what the cards name now, ends what they do not name any more, and judges what is held.
    fn look(port: &Arc<Self>) {
        let graph = port.node.graph.snapshot(&port.node.peers);
        let (mut sources, unwatched) = port.sources_in(&graph);
        let mut view = port.view();
        for (id, expected) in &mut sources {
            let known = view.sources.get(id).filter(|known| known.epoch == expected.epoch);
            expected.is_turned_away = known.is_some_and(|known| known.is_turned_away);
        }
        let wanted: HashSet<TopicName> = sources.values().map(|expected| expected.topic.clone()).collect();
        let missing: Vec<_> = wanted
            .iter()
            .filter(|topic| !view.subscriptions.contains_key(*topic))
            .cloned()
            .collect();
        let (kept, ended) = std::mem::take(&mut view.subscriptions)
            .into_iter()
            .partition::<HashMap<_, _>, _>(|(topic, _)| wanted.contains(topic));
        view.subscriptions = kept;
        view.sources = sources;
        view.unwatched = unwatched;
        drop(view);
        // Neither ends nor begins while the view is locked: messages may be on their way to it.
        drop(ended);
        for topic in missing {
            match Self::subscribe(port, topic.clone()) {
                Ok(callback) => {
                    port.view().subscriptions.insert(topic, callback);
                }
                Err(_) => port.view().unwatched += 1,
            }
        }
        port.judge(&graph);
        port.changed.notify(usize::MAX);
    }

    /// The documents that the cards name, as far as the limits allow, and how many are beyond them.
    fn sources_in(&self, graph: &Graph) -> (HashMap<SourceId, Expected>, usize) {
        let (mut sources, mut of_key, mut unwatched) = (HashMap::new(), BTreeMap::<_, usize>::new(), 0);
        for node in &graph.nodes {
            for publisher in node.card.iter().flat_map(|card| &card.publishers) {
                let Some((topic, name)) = StateName::of_publisher(publisher, &node.name) else {
                    continue;
                };
                if !self.filter.wants(&name, &node.name, node.key) {
                    continue;
                }
                let of_key = of_key.entry(node.key).or_default();
                if sources.len() >= self.filter.limits.documents || *of_key >= self.filter.limits.documents_of_key {
                    unwatched += 1;
                    continue;
                }
                *of_key += 1;
                let id = SourceId::of(node.key, Writer(publisher.writer));
                let expected = Expected {
                    name,
                    node: node.name.clone(),
                    topic,
                    epoch: node.epoch,
                    is_turned_away: false,
                };
                sources.insert(id, expected);
            }
        }
        (sources, unwatched)
    }

    fn subscribe(port: &Arc<Self>, topic: TopicName) -> Result<Callback, SubscriberError> {
        let qos = QosProfile::keep_last(1).transient_local();
        let core = Arc::clone(&port.node);
        let subscriber = GenericSubscriber::declare(core, topic, ExpectedType::AsInCard, qos.into(), None)?;
        let weak = Arc::downgrade(port);
        Ok(subscriber.on_message_in_place(move |received| {
            if let Some(port) = weak.upgrade() {
                port.take(&received);
            }
        }))
    }

    /// Takes a verified message on the topic of a document.
    fn take(&self, received: &GenericReceived) {
        let frame = received.message().frame();
        let id = SourceId::of(frame.signer(), frame.header().writer);
        let Some(name) = StateName::of_topic(frame.topic(), frame.node()) else {
            return add(&self.foreign, 1);
        };
        if !self.filter.wants(&name, frame.node(), id.key) {
            return;
        }
        let entry = Entry {
            id,
            node: frame.node().clone(),
            name,
            version: StateVersion::of(received.message()),
            stamp_ns: received.message().source_time_ns(),
            len: frame.frame_bytes().len(),
            // What the link shares with other messages would stay in memory as long as the document.
            content: received.detached(),
        };
        let put = self.shelf().put(entry);
        match put {
            Ok(()) => self.note_change(id),
            Err(TurnedAway::Stale) => add(&self.stale, 1),
            Err(TurnedAway::TooMany | TurnedAway::TooLarge) => {
                add(&self.turned_away, 1);
                if let Some(expected) = self.view().sources.get_mut(&id) {
                    expected.is_turned_away = true;
                }
            }
        }
        self.changed.notify(usize::MAX);
    }

    fn judge(&self, graph: &Graph) {
        let there: HashSet<_> = graph.nodes.iter().map(|node| (node.key, &node.name)).collect();
        let published: HashMap<_, _> = graph
            .nodes
            .iter()
            .flat_map(|node| {
                let publishers = node.card.iter().flat_map(|card| &card.publishers);
                publishers.map(|publisher| ((node.key, publisher.writer), node.epoch))
            })
            .collect();
        let told = self.shelf().judge(|entry| {
            if !there.contains(&(entry.id.key, &entry.node)) {
                return StateStanding::Gone;
            }
            match published.get(&(entry.id.key, entry.id.writer.0)) {
                Some(epoch) if *epoch > entry.version.epoch => StateStanding::Outdated,
                Some(_) => StateStanding::Current,
                None => StateStanding::Withdrawn,
            }
        });
        told.into_iter().for_each(|id| self.note_change(id));
    }

    fn note_change(&self, id: SourceId) {
        let mut untold = self.untold();
        if untold.contains(&id) {
            return add(&self.skipped, 1);
        }
        if untold.len() >= self.filter.limits.documents {
            let shelf = self.shelf();
            untold.retain(|id| shelf.version_of(id).is_some());
        }
        untold.push(id);
    }

    /// The first document that has changed, as it is now. One that was forgotten meanwhile is not told.
    fn tell(&self) -> Option<StateReading> {
        let mut untold = self.untold();
        while !untold.is_empty() {
            if let Some(held) = self.shelf().get(&untold.remove(0)) {
                return Some(StateReading::of(held));
            }
        }
        None
    }

    fn untold(&self) -> MutexGuard<'_, Vec<SourceId>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The documents that cards name and that are not here.
    fn awaited(&self) -> Vec<StateSource> {
        let (view, shelf) = (self.view(), self.shelf());
        let is_here = |id: &SourceId, expected: &Expected| {
            expected.is_turned_away || shelf.version_of(id).is_some_and(|held| held.epoch >= expected.epoch)
        };
        let awaited = view.sources.iter().filter(|(id, expected)| !is_here(id, expected));
        let mut awaited: Vec<_> = awaited
            .map(|(id, expected)| StateSource {
                name: expected.name.clone(),
                node: expected.node.clone(),
                key: id.key,
            })
            .collect();
        awaited.sort();
        awaited
    }

    fn shelf(&self) -> MutexGuard<'_, StateShelf<GenericReceived>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
