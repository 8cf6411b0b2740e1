//! Clients: those who use a face, and everything that they may do. Each act is checked against routes, role and limits, and
//! counted, here and nowhere else.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nuncio::graph::{GraphService, GraphTopic};
use nuncio::{ParameterClient, QosProfile, ServiceClientOptions, TopicName, TypeHash};

use crate::border::Border;
use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeServiceType, BridgeType};
use crate::entry::{Entry, origin};
use crate::role::{Act, ClientRole};
use crate::rules::{Direction, Face};
use crate::service_ends::{Called, OfferedService, ServiceLine};
use crate::tap::{Tap, TapOptions, TapQueue};
use crate::turns::Turns;

/// How many services a client may have called with a connection kept for the next call.
const LINES_MAX: usize = 256;

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

/// A service that a client may call.
#[derive(Clone, Debug)]
pub struct ServiceOffer {
    /// The name on the foreign side.
    pub name: String,
    /// The name on Nuncio's side.
    pub native: TopicName,
    /// The types that servers and clients name. More than one is a mismatch.
    pub types: Vec<(String, TypeHash)>,
    /// Who serves and calls it, by verified cards.
    pub graph: GraphService,
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
    bytes: Arc<AtomicUsize>,
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
                bytes: Arc::default(),
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

    /// The services that it may call or offer, as they are now.
    pub fn services(&self) -> Vec<ServiceOffer> {
        let services = self.border().node().graph().services();
        let seen = services.into_iter().filter_map(|(native, graph)| {
            let name = self.visible_service(&native)?;
            Some(ServiceOffer {
                name,
                types: graph.types(),
                native,
                graph,
            })
        });
        seen.collect()
    }

    pub(crate) fn visible_service(&self, native: &TopicName) -> Option<String> {
        let rules = self.border().rules();
        rules
            .foreign_name(self.face(), native, Direction::In)
            .filter(|_| self.inner.role.may(Act::Call, native) || self.inner.role.may(Act::Serve, native))
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

    /// The type of a service: that of its servers, or of its clients where nobody serves it.
    ///
    /// # Errors
    ///
    /// As [`type_of`](Self::type_of).
    pub async fn service_type_of(&self, service: &ServiceOffer) -> Result<Arc<BridgeServiceType>, BorderError> {
        let ends = service.graph.servers.iter().chain(&service.graph.clients);
        let Some(end) = ends.into_iter().next() else {
            return Err(BorderError::NobodyThere {
                what: "service",
                name: service.name.clone(),
            });
        };
        let hash = TypeHash::from_bytes(end.facts.type_hash);
        self.border()
            .learn_service(end.node.key, &end.facts.type_name, &hash)
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
        let bytes = (Arc::clone(&self.inner.bytes), limits.queue_bytes_max);
        let queue = Arc::new(TapQueue::new(options, bytes, Arc::clone(&self.inner.counters)));
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

    /// Calls a service and waits for the response. Where the client names no type, it is that of the servers.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it, nobody serves it, the request is not of its type, or there is no response.
    pub async fn call(
        &self,
        service: &str,
        type_name: Option<&str>,
        request: Body<'_>,
        timeout: Duration,
    ) -> Result<Called, BorderError> {
        let called = self.try_call(service, type_name, request, timeout).await;
        self.count_in(0, called.is_ok());
        called
    }

    async fn try_call(
        &self,
        service: &str,
        type_name: Option<&str>,
        request: Body<'_>,
        timeout: Duration,
    ) -> Result<Called, BorderError> {
        self.take_turn()?;
        let native = self.border().rules().native_name(self.face(), service, Direction::In)?;
        self.inner.role.check(Act::Call, &native)?;
        let line = self.line(&native, service).await?;
        line.check_type(service, type_name)?;
        line.call(request, timeout).await
    }

    async fn line(&self, native: &TopicName, foreign: &str) -> Result<Arc<ServiceLine>, BorderError> {
        let services = self.border().node().graph().services();
        let server = services.get(native).and_then(|service| service.servers.first());
        let server = server.ok_or_else(|| BorderError::NobodyThere {
            what: "service",
            name: foreign.to_owned(),
        })?;
        let hash = TypeHash::from_bytes(server.facts.type_hash);
        let known = self.lines().get(native).cloned();
        if let Some(line) = known.filter(|line| line.ty().hash() == hash) {
            return Ok(line);
        }
        let ty = self
            .border()
            .learn_service(server.node.key, &server.facts.type_name, &hash)
            .await?;
        let line = Arc::new(ServiceLine::open(self.border().node(), native, ty, self.calling())?);
        let mut lines = self.lines();
        if lines.len() >= LINES_MAX {
            lines.clear();
        }
        lines.insert(native.clone(), Arc::clone(&line));
        Ok(line)
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, HashMap<TopicName, Arc<ServiceLine>>> {
        self.inner.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How this client's calls are made: on its behalf.
    pub fn calling(&self) -> ServiceClientOptions {
        ServiceClientOptions {
            on_behalf_of: Some(origin(self.face().as_str(), self.who())),
            ..ServiceClientOptions::default()
        }
    }

    /// Offers a service of the foreign side to Nuncio's nodes.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it, or the node serves it already.
    pub fn offer_service(&self, service: &str, ty: &Arc<BridgeServiceType>) -> Result<OfferedService, BorderError> {
        self.noting(self.try_offer(service, ty))
    }

    fn try_offer(&self, service: &str, ty: &Arc<BridgeServiceType>) -> Result<OfferedService, BorderError> {
        let native = self.border().rules().native_name(self.face(), service, Direction::In)?;
        self.inner.role.check(Act::Serve, &native)?;
        take_place(
            &self.inner.services,
            self.inner.role.limits.taps_max,
            "services offered",
        )?;
        let opened = OfferedService::open(self, &native, ty);
        opened.inspect_err(|_| {
            self.inner.services.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// The parameters of a node, named as on Nuncio's side, such as `/robot_1/driver`; `sets`: not only to be read.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has its parameter services.
    pub fn parameters_of(&self, node: &str, sets: bool) -> Result<ParameterClient, BorderError> {
        let part = if sets { "set_parameters" } else { "get_parameters" };
        let open = || {
            let service = format!("{}/{part}", node.trim_end_matches('/'));
            let native = self
                .border()
                .rules()
                .native_name(self.face(), &service, Direction::In)?;
            self.inner.role.check(Act::Call, &native)?;
            let of = native
                .as_str()
                .strip_suffix(part)
                .unwrap_or_default()
                .trim_end_matches('/');
            let client = self.border().node().parameter_client_with(of, &self.calling());
            client.map_err(|error| BorderError::Node(error.to_string()))
        };
        self.noting(open())
    }

    /// Whether the client may call a service of this name on Nuncio's side, such as the parts of an action.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it; otherwise the name on Nuncio's side.
    pub fn callable(&self, service: &str) -> Result<TopicName, BorderError> {
        let find = || {
            let native = self.border().rules().native_name(self.face(), service, Direction::In)?;
            self.inner.role.check(Act::Call, &native)?;
            Ok(native)
        };
        self.noting(find())
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
