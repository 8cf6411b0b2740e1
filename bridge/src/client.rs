//! Clients: those who use a face, and everything that they may do. Each act is checked against routes, role and limits, and
//! counted, here and nowhere else. What concerns services is in `services`.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nuncio::graph::GraphTopic;
use nuncio::{QosProfile, TopicName, TypeHash};

use crate::border::Border;
use crate::border_error::BorderError;
use crate::bridge_type::BridgeType;
use crate::byte_room::ByteRoom;
use crate::entry::Entry;
use crate::role::{Act, ClientRole};
use crate::rules::{Direction, Face};
use crate::service_ends::ServiceLine;
use crate::tap::{Tap, TapOptions, TapQueue};
use crate::turns::Turns;

mod services;

pub use self::services::ServiceOffer;

/// What one client has done.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: AtomicU64,
    pub(crate) received_bytes: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Counters {
    pub(crate) fn count_out(&self, len: usize) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.sent_bytes.fetch_add(len as u64, Ordering::Relaxed);
    }
}

/// A topic that a client may see.
#[derive(Clone, Debug)]
pub struct TopicOffer {
    /// The name on the foreign side.
    pub name: String,
    /// The name on Nuncio's side.
    pub native: TopicName,
    /// The types that publishers and subscribers name. More than one is a mismatch.
    pub types: Vec<(String, TypeHash)>,
    /// Who publishes and subscribes, by verified cards.
    pub graph: GraphTopic,
}

/// One who uses the bridge. Cheap to clone; it is gone from reports with its last clone.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<ClientInner>,
}

pub(crate) struct ClientInner {
    pub(crate) border: Border,
    pub(crate) id: u64,
    pub(crate) face: Face,
    pub(crate) who: String,
    pub(crate) role: Arc<ClientRole>,
    pub(crate) since: Instant,
    pub(crate) counters: Arc<Counters>,
    pub(crate) taps: Arc<AtomicUsize>,
    pub(crate) services: Arc<AtomicUsize>,
    room: Arc<ByteRoom>,
    turns: Mutex<Turns>,
    lines: Mutex<HashMap<TopicName, Arc<ServiceLine>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} as {}", self.inner.face, self.inner.who, self.inner.role.name)
    }
}

impl Client {
    pub(crate) fn new(border: Border, id: u64, (face, who): (Face, &str), role: Arc<ClientRole>) -> Self {
        let turns = Turns::new(role.limits.in_per_second, Instant::now());
        let room = Arc::new(ByteRoom::new(role.limits.queue_bytes_max));
        Self {
            inner: Arc::new(ClientInner {
                border,
                id,
                face,
                who: who.to_owned(),
                role,
                since: Instant::now(),
                counters: Arc::default(),
                taps: Arc::default(),
                services: Arc::default(),
                room,
                turns: Mutex::new(turns),
                lines: Mutex::default(),
            }),
        }
    }

    /// The face that it uses.
    pub fn face(&self) -> Face {
        self.inner.face
    }

    /// Who it is, as origins have it.
    pub fn who(&self) -> &str {
        &self.inner.who
    }

    /// What it may do.
    pub fn role(&self) -> &Arc<ClientRole> {
        &self.inner.role
    }

    /// The border that it stands at.
    pub fn border(&self) -> &Border {
        &self.inner.border
    }

    /// The topics that it may subscribe to or publish on, as they are now.
    pub fn topics(&self) -> Vec<TopicOffer> {
        let topics = self.border().node().graph().topics();
        let seen = topics.into_iter().filter_map(|(native, graph)| {
            let name = self.visible_topic(&native)?;
            Some(TopicOffer {
                name,
                types: graph.types(),
                native,
                graph,
            })
        });
        seen.collect()
    }

    pub(crate) fn visible_topic(&self, native: &TopicName) -> Option<String> {
        let rules = self.border().rules();
        let out = rules
            .foreign_name(self.face(), native, Direction::Out)
            .filter(|_| self.inner.role.may(Act::Subscribe, native));
        out.or_else(|| {
            rules
                .foreign_name(self.face(), native, Direction::In)
                .filter(|_| self.inner.role.may(Act::Publish, native))
        })
    }

    /// The type of a topic: that of its publishers, or of its subscribers where nobody publishes.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when nobody names one, or nobody tells what it is.
    pub async fn type_of(&self, topic: &TopicOffer) -> Result<Arc<BridgeType>, BorderError> {
        let publishers = topic.graph.publishers.iter();
        let published = publishers.map(|p| (p.node.key, p.facts.type_name.as_str(), p.facts.type_hash));
        let subscribers = topic.graph.subscribers.iter();
        let subscribed = subscribers.map(|s| (s.node.key, s.facts.type_name.as_str(), s.facts.type_hash));
        let named = published.chain(subscribed).find(|(_, name, _)| !name.is_empty());
        let Some((key, name, hash)) = named else {
            return Err(BorderError::NobodyThere {
                what: "topic",
                name: topic.name.clone(),
            });
        };
        self.border()
            .learn_message(key, name, &TypeHash::from_bytes(hash))
            .await
    }

    /// Subscribes. The last messages of transient-local publishers come first.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it, or the client has too many.
    pub fn tap(&self, topic: &str, options: TapOptions) -> Result<Tap, BorderError> {
        self.noting(self.try_tap(topic, options))
    }

    fn try_tap(&self, topic: &str, options: TapOptions) -> Result<Tap, BorderError> {
        let rules = self.border().rules();
        let native = rules.native_name(self.face(), topic, Direction::Out)?;
        self.inner.role.check(Act::Subscribe, &native)?;
        let slowest = rules
            .route_of(self.face(), &native, Direction::Out)
            .map_or(Duration::ZERO, |route| route.min_interval);
        let limits = &self.inner.role.limits;
        take_place(&self.inner.taps, limits.taps_max, "topics subscribed to")?;
        let source = self.border().source(&native).inspect_err(|_| {
            self.inner.taps.fetch_sub(1, Ordering::Relaxed);
        })?;
        let options = TapOptions {
            queue: options.queue.clamp(1, limits.queue_max),
            min_interval: options.min_interval.max(slowest),
            ..options
        };
        let inner = &self.inner;
        let queue = TapQueue::new(options, Arc::clone(&inner.room), Arc::clone(&inner.counters));
        let queue = Arc::new(queue);
        source.join(&queue);
        Ok(Tap {
            queue,
            source,
            foreign_name: topic.to_owned(),
            taps_of_client: Arc::clone(&self.inner.taps),
        })
    }

    /// A way to publish on a topic.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it, or the topic has another type.
    pub fn entry(&self, topic: &str, ty: &Arc<BridgeType>, qos: QosProfile) -> Result<Entry, BorderError> {
        self.noting(self.try_entry(topic, ty, qos))
    }

    fn try_entry(&self, topic: &str, ty: &Arc<BridgeType>, qos: QosProfile) -> Result<Entry, BorderError> {
        let native = self.border().rules().native_name(self.face(), topic, Direction::In)?;
        self.inner.role.check(Act::Publish, &native)?;
        Ok(Entry {
            client: self.clone(),
            ty: Arc::clone(ty),
            publisher: self.border().publisher(&native, ty, qos)?,
        })
    }

    /// Counts something that the face itself refused: a frame that is none, one that is too large.
    pub fn count_refused(&self) {
        self.inner.counters.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_in(&self, len: usize, is_taken: bool) {
        let counters = &self.inner.counters;
        match is_taken {
            true => {
                counters.received.fetch_add(1, Ordering::Relaxed);
                counters.received_bytes.fetch_add(len as u64, Ordering::Relaxed);
            }
            false => self.count_refused(),
        }
    }

    pub(crate) fn take_turn(&self) -> Result<(), BorderError> {
        let mut turns = self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner);
        match turns.take(Instant::now()) {
            true => Ok(()),
            false => Err(BorderError::TooMuch(format!(
                "the role {} may send {} messages a second, and this is one more",
                self.inner.role.name, self.inner.role.limits.in_per_second
            ))),
        }
    }

    pub(crate) fn check_len(&self, len: usize) -> Result<(), BorderError> {
        let most = self.inner.role.limits.message_len_max;
        match len <= most {
            true => Ok(()),
            false => Err(BorderError::TooMuch(format!(
                "the message has {len} bytes, the role {} may send {most} at most",
                self.inner.role.name
            ))),
        }
    }

    /// Counts what was refused.
    pub(crate) fn noting<T>(&self, result: Result<T, BorderError>) -> Result<T, BorderError> {
        result.inspect_err(|_| self.count_refused())
    }
}

/// Takes one of so many places.
pub(crate) fn take_place(taken: &AtomicUsize, most: usize, of: &str) -> Result<(), BorderError> {
    let took = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
        (count < most).then_some(count + 1)
    });
    match took {
        Ok(_) => Ok(()),
        Err(_) => Err(BorderError::TooMuch(format!(
            "there are {most} {of} already, which is the most"
        ))),
    }
}
