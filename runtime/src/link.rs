//! The link: the one Zenoh session of a node, and the only file that names `zenoh::`.
//!
//! Everything here is transport. What arrives is bytes and claims; nothing from this layer is evidence: not Zenoh's
//! source info, timestamps, ids or liveliness.
//!
//! # Finding others
//!
//! With [`Discovery::Auto`] a node looks for others in two ways at once: by Zenoh's UDP multicast scouting where a
//! network interface can do that, and always through a registry of the processes on this machine (a folder of small
//! files), which also works in a container that has only a loopback interface. Endpoints that are given by hand replace
//! both, unless discovery is asked for as well.
//!
//! Nodes that the registry alone introduces call all others themselves and do not gossip, so that each two have one link and
//! hundreds of nodes can start at once; see `reach`.
//!
//! A node that finds a router in the registry, and looks nowhere else, is its client and has that one link; see `whereabouts`.
//! When the router is gone and none comes, one of its clients takes its place; see `stand_in`.
//!
//! With TLS endpoints alone the node is a client of the first router that answers, and listens nowhere.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use zenoh::bytes::ZBytes;
use zenoh::key_expr::keyexpr;
use zenoh::qos::{CongestionControl, Priority, Reliability};
use zenoh::query::{ConsolidationMode, QueryTarget, Reply};
use zenoh::sample::SampleKind;
use zenoh::{Session, Wait};

pub(crate) use self::declared::Declared;
use self::declared::{DeclaredKind, Lingering, LingeringKey};
pub use crate::link_config::{
    Discovery, DiscoveryError, FRAME_LEN_MAX_DEFAULT, LinkConfig, SharedMemory, multicast_interface,
};
pub use crate::link_error::LinkError;
use crate::local_registry::Membership;
use crate::name::Domain;
use crate::qos::{self, QosProfile};
use crate::shield::shielded;
pub use crate::stand_in::RouterLink;
use crate::stand_in::{LinkNote, StandIn};
pub use crate::tls_files::{TlsFiles, TlsFilesError};
use crate::whereabouts::Whereabouts;

mod declared;

/// Bytes from or for the network: contiguous, shared, cheap to clone. Made from a `Vec<u8>` or a `bytes::Bytes` without a
/// copy.
#[derive(Clone, Debug)]
pub struct Bytes {
    bytes: ZBytes,
    /// The query that they came with. It ends unanswered, and whoever asked hears of that, when all clones are gone.
    asked_by: Option<Arc<Query>>,
}

impl Bytes {
    fn of(bytes: impl Into<ZBytes>) -> Self {
        Self {
            bytes: bytes.into(),
            asked_by: None,
        }
    }

    /// The query that they came with, if they did.
    pub(crate) fn asked_by(&self) -> Option<&Query> {
        self.asked_by.as_deref()
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self.bytes.to_bytes() {
            Cow::Borrowed(bytes) => bytes,
            // Never: every constructor makes the bytes contiguous.
            Cow::Owned(_) => &[],
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(bytes)
    }
}

impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Self {
        Self::of(bytes)
    }
}

/// Bytes for the network, in one slice or in several that follow each other. Cheap to clone; nothing is copied.
#[derive(Clone, Debug)]
pub(crate) struct Slices(ZBytes);

impl Slices {
    /// `inner`, with the first `at` bytes of `outer` before it and the others behind it.
    pub(crate) fn around(inner: &Bytes, mut outer: bytes::Bytes, at: usize) -> Self {
        let behind = outer.split_off(at.min(outer.len()));
        let mut slices = ZBytes::writer();
        slices.append(outer.into());
        slices.append(inner.bytes.clone());
        slices.append(behind.into());
        Self(slices.finish())
    }

    /// How many bytes there are in all.
    pub(crate) fn total_len(&self) -> usize {
        self.0.len()
    }

    /// Whether they are in one slice already.
    pub(crate) fn is_one(&self) -> bool {
        self.0.slices().nth(1).is_none()
    }

    /// All of them in one slice. It is a copy when there are several.
    pub(crate) fn contiguous(&self) -> Bytes {
        Pieces(&self.0).contiguous()
    }
}

impl<B: Into<Bytes>> From<B> for Slices {
    fn from(bytes: B) -> Self {
        Self(bytes.into().bytes)
    }
}

/// Bytes as they came from the network: large ones lie in several pieces.
#[derive(Clone, Copy, Debug)]
pub struct Pieces<'a>(&'a ZBytes);

impl Pieces<'_> {
    /// How many bytes there are in all.
    pub fn total_len(&self) -> usize {
        self.0.len()
    }

    /// All of them in one piece, in memory of this process alone: nobody can change them any more, so that what is checked
    /// is what is used. It is a copy when there are several pieces or when they came through shared memory.
    pub fn contiguous(&self) -> Bytes {
        match self.0.to_bytes() {
            Cow::Borrowed(shared) if self.0.as_shm().is_some() => Bytes::of(shared.to_vec()),
            Cow::Borrowed(_) => Bytes::of(self.0.clone()),
            Cow::Owned(gathered) => Bytes::of(gathered),
        }
    }
}

/// How much longer than its caller the link keeps a call: the caller shall say why it has ended.
const CALL_GRACE: Duration = Duration::from_millis(500);

fn failed(doing: &'static str) -> impl Fn(zenoh::Error) -> LinkError {
    move |error| LinkError::Session {
        doing,
        problem: error.to_string(),
    }
}

const fn priority(of: qos::Priority) -> Priority {
    match of {
        qos::Priority::RealTime => Priority::RealTime,
        qos::Priority::InteractiveHigh => Priority::InteractiveHigh,
        qos::Priority::InteractiveLow => Priority::InteractiveLow,
        qos::Priority::DataHigh => Priority::DataHigh,
        qos::Priority::Data => Priority::Data,
        qos::Priority::DataLow => Priority::DataLow,
        qos::Priority::Background => Priority::Background,
    }
}

/// An open link.
#[derive(Debug)]
pub struct Link {
    session: Session,
    discovery: String,
    shared_memory: SharedMemory,
    frame_len_max: usize,
    /// The endpoints that it was told to connect to.
    connects_to: Vec<String>,
    stand_in: Option<StandIn>,
    lingering: Arc<Lingering>,
    _membership: Option<Membership>,
}

impl Link {
    /// Opens a session of its own.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when an endpoint is wrong, a port is taken, the registry cannot be used, a file for TLS is missing, or
    /// a TLS router does not answer or turns this node away.
    pub async fn open(config: &LinkConfig, domain: &Domain) -> Result<Self, LinkError> {
        let found = Whereabouts::of_node(config, domain, true)?;
        let Some(router) = found.router.clone() else {
            return Self::open_at(config, found).await;
        };
        match Self::open_at(config, found).await {
            Ok(link) => link.watch_router(config, domain, router),
            // A router that does not answer keeps nobody from finding others.
            Err(LinkError::Open(_)) => Self::open_at(config, Whereabouts::of_node(config, domain, false)?).await,
            Err(error) => Err(error),
        }
    }

    /// Opens a session that passes on what others send.
    pub(crate) async fn open_router(config: &LinkConfig, domain: &Domain) -> Result<Self, LinkError> {
        Self::open_at(config, Whereabouts::of_router(config, domain)?).await
    }

    async fn open_at(config: &LinkConfig, at: Whereabouts) -> Result<Self, LinkError> {
        let opened = zenoh::open(zenoh_config(config.zenoh_settings(&at)?)?).await;
        Self::new(config, at, opened)
    }

    fn new(config: &LinkConfig, at: Whereabouts, opened: zenoh::Result<Session>) -> Result<Self, LinkError> {
        Ok(Self {
            session: opened.map_err(|error| LinkError::Open(error.to_string()))?,
            discovery: at.discovery,
            shared_memory: config.shared_memory(),
            frame_len_max: config.frame_len_max(),
            connects_to: config.connect.clone(),
            stand_in: None,
            lingering: Arc::default(),
            _membership: at.membership,
        })
    }

    /// Lets a client of this router take its place when it is gone.
    fn watch_router(mut self, config: &LinkConfig, domain: &Domain, router: String) -> Result<Self, LinkError> {
        let (config, domain) = (config.clone(), domain.clone());
        let watch = |changed: LinkNote| {
            let info = self.session.info();
            let events = info.link_events_listener().history(true);
            let events = events.callback(move |event| changed(event.kind() == SampleKind::Put));
            events.background().wait().map_err(failed("watching the link"))
        };
        let take_place = move |router: &str| {
            let Some(at) = Whereabouts::of_stand_in(router, &domain)? else {
                return Ok(None);
            };
            let opened = zenoh::open(zenoh_config(config.zenoh_settings(&at)?)?).wait();
            Self::new(&config, at, opened).map(Some)
        };
        self.stand_in = Some(StandIn::start(router, watch, take_place)?);
        Ok(self)
    }

    /// How this node stands with the router of this machine, if it is a client of it.
    pub fn router(&self) -> Option<RouterLink> {
        self.stand_in.as_ref().map(StandIn::router_link)
    }

    /// How this node finds others, in words.
    pub fn discovery(&self) -> &str {
        &self.discovery
    }

    /// Whether large frames go through shared memory.
    pub fn shared_memory(&self) -> SharedMemory {
        self.shared_memory
    }

    /// The largest frame that is sent, in bytes.
    pub(crate) fn frame_len_max(&self) -> usize {
        self.frame_len_max
    }

    /// The addresses that this node listens on, without those that only this machine can reach if there are others.
    pub async fn locators(&self) -> Vec<String> {
        self.session
            .info()
            .locators()
            .await
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// The far ends of the links that are up.
    pub async fn neighbours(&self) -> Vec<String> {
        far_ends(self.session.info().links().await)
    }

    /// As [`neighbours`](Self::neighbours), at once.
    pub(crate) fn links(&self) -> Vec<String> {
        far_ends(self.session.info().links().wait())
    }

    /// The endpoints that it was told to connect to.
    pub(crate) fn connects_to(&self) -> &[String] {
        &self.connects_to
    }

    /// Puts bytes on a key, before all that waits to be sent. Waits while the link is congested.
    pub(crate) fn put(&self, key_expr: &str, bytes: Vec<u8>) -> Result<(), LinkError> {
        self.put_with(key_expr, bytes, CongestionControl::Block)
    }

    /// As [`put`](Self::put), but what a congested link does not take is lost.
    pub(crate) fn put_if_room(&self, key_expr: &str, bytes: Vec<u8>) -> Result<(), LinkError> {
        self.put_with(key_expr, bytes, CongestionControl::Drop)
    }

    fn put_with(&self, key_expr: &str, bytes: Vec<u8>, congestion: CongestionControl) -> Result<(), LinkError> {
        let put = self.session.put(key_expr, bytes).priority(Priority::RealTime);
        put.congestion_control(congestion).wait().map_err(failed("sending"))
    }

    /// Puts bytes on a key behind what waits to be sent, if the link has room for them now.
    pub(crate) fn put_in_turn(&self, key_expr: &str, bytes: Vec<u8>) -> Result<(), LinkError> {
        let put = self
            .session
            .put(key_expr, bytes)
            .congestion_control(CongestionControl::Drop);
        put.wait().map_err(failed("sending"))
    }

    /// Declares that this node will put bytes on a key, in the way of this profile.
    pub(crate) fn declare_publisher(&self, key_expr: String, qos: &QosProfile) -> Result<LinkPublisher, LinkError> {
        // `Block` only where every message counts, as in ROS 2: a single process that was stopped holds up such a publisher, and
        // with it all other subscribers, until its link is closed. With the rest, what it misses is asked for when it goes on;
        // see `link_config` for how long a link is waited for.
        let (congestion, reliability) = match (qos.reliability, qos.history) {
            (qos::Reliability::BestEffort, _) => (CongestionControl::Drop, Reliability::BestEffort),
            (_, qos::History::KeepAll) => (CongestionControl::Block, Reliability::Reliable),
            (_, qos::History::KeepLast) => (CongestionControl::Drop, Reliability::Reliable),
        };
        let builder = self
            .session
            .declare_publisher(key_expr)
            .congestion_control(congestion)
            .reliability(reliability)
            .priority(priority(qos.priority))
            .express(qos.express || qos.signing_delay.is_zero());
        builder
            .wait()
            .map(LinkPublisher)
            .map_err(failed("declaring a publisher"))
    }

    /// Calls `receive` with the bytes of every put on a key, in the thread that received them: it must not block.
    pub(crate) fn subscribe(
        &self,
        key_expr: &str,
        receive: impl Fn(&str, Bytes) + Send + Sync + 'static,
    ) -> Result<Declared, LinkError> {
        self.subscribe_in_pieces(key_expr, move |key_expr, pieces| receive(key_expr, pieces.contiguous()))
    }

    /// As [`subscribe`](Self::subscribe), where large puts have not been copied into one piece yet.
    pub(crate) fn subscribe_in_pieces(
        &self,
        key_expr: &str,
        receive: impl Fn(&str, Pieces<'_>) + Send + Sync + 'static,
    ) -> Result<Declared, LinkError> {
        let key = self.lingering_key(key_expr)?;
        let builder = self.session.declare_subscriber(key_expr).callback(move |sample| {
            if sample.kind() == SampleKind::Put {
                let key_expr = sample.key_expr().as_str();
                shielded(key_expr, || receive(key_expr, Pieces(sample.payload())));
            }
        });
        let kept = builder.wait().map_err(failed("declaring a subscriber"))?;
        Ok(Declared::on(key, DeclaredKind::Subscriber { _kept: kept }))
    }

    /// Answers queries on a key. `answer` is called in the thread that received the query.
    pub(crate) fn serve(
        &self,
        key_expr: &str,
        answer: impl Fn(Query) + Send + Sync + 'static,
    ) -> Result<Declared, LinkError> {
        let key = self.lingering_key(key_expr)?;
        let builder = self.session.declare_queryable(key_expr).callback(move |query| {
            let asked = query.key_expr().clone();
            shielded(&asked, || answer(Query(query)));
        });
        let kept = builder.wait().map_err(failed("declaring a queryable"))?;
        Ok(Declared::on(key, DeclaredKind::Queryable { _kept: kept }))
    }

    /// Has the link know a key until a while after what is about to be declared on it was taken back.
    fn lingering_key(&self, key_expr: &str) -> Result<LingeringKey, LinkError> {
        // What Zenoh gives a number to: the part before the first wildcard.
        let prefix = keyexpr::new(key_expr).ok().and_then(keyexpr::get_nonwild_prefix);
        let declare = |prefix: &keyexpr| self.session.declare_keyexpr(prefix.to_owned()).wait();
        let key = prefix.map(declare).transpose().map_err(failed("declaring a key"))?;
        Ok(LingeringKey::new(key, &self.lingering))
    }

    /// Asks everybody who serves a key. `receive` is called for each answer and dropped when no more can come.
    pub(crate) fn query(
        &self,
        key_expr: &str,
        payload: Vec<u8>,
        timeout: Duration,
        receive: impl Fn(&str, Bytes) + Send + Sync + 'static,
    ) -> Result<(), LinkError> {
        let get = self
            .session
            .get(key_expr)
            .payload(payload)
            .target(QueryTarget::All)
            .consolidation(ConsolidationMode::None)
            .timeout(timeout)
            .callback(receiver(receive));
        get.wait().map_err(failed("asking"))
    }

    /// As [`query`](Self::query), at once, and with a word on how long the answer is waited for.
    pub(crate) fn call(
        &self,
        key_expr: &str,
        payload: Vec<u8>,
        patience: Duration,
        receive: impl Fn(&str, Bytes) + Send + Sync + 'static,
    ) -> Result<(), LinkError> {
        let millis = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let get = self
            .session
            .get(key_expr)
            .payload(payload)
            .attachment(millis.to_le_bytes())
            .express(true)
            .target(QueryTarget::All)
            .consolidation(ConsolidationMode::None)
            .timeout(patience.saturating_add(CALL_GRACE))
            .callback(receiver(receive));
        get.wait().map_err(failed("calling"))
    }

    /// Declares a liveliness token, which vanishes with the link.
    pub(crate) fn declare_token(&self, key_expr: &str) -> Result<Declared, LinkError> {
        self.session
            .liveliness()
            .declare_token(key_expr)
            .wait()
            .map(|kept| Declared::on(None, DeclaredKind::Token { _kept: kept }))
            .map_err(failed("declaring presence"))
    }

    /// Calls `receive` with `true` for each token that is there or appears, and with `false` for each that vanishes.
    pub(crate) fn watch_tokens(
        &self,
        key_expr: &str,
        receive: impl Fn(&str, bool) + Send + Sync + 'static,
    ) -> Result<Declared, LinkError> {
        let builder = self
            .session
            .liveliness()
            .declare_subscriber(key_expr)
            .history(true)
            .callback(move |sample| {
                let key_expr = sample.key_expr().as_str();
                shielded(key_expr, || receive(key_expr, sample.kind() == SampleKind::Put));
            });
        builder
            .wait()
            .map(|kept| Declared::on(None, DeclaredKind::Subscriber { _kept: kept }))
            .map_err(failed("watching presence"))
    }

    /// Asks which liveliness tokens are there. `receive` is called for each and dropped when no more can come.
    pub(crate) fn ask_tokens(
        &self,
        key_expr: &str,
        timeout: Duration,
        receive: impl Fn(&str, Bytes) + Send + Sync + 'static,
    ) -> Result<(), LinkError> {
        let get = self.session.liveliness().get(key_expr).timeout(timeout);
        let asked = get.callback(receiver(receive)).wait();
        asked.map_err(failed("asking who is there"))
    }

    /// Closes the session; everything declared on it is gone afterwards.
    pub(crate) async fn close(&self) -> Result<(), LinkError> {
        let closed = self.session.close().await.map_err(failed("closing the link"));
        if let Some(stand_in) = &self.stand_in {
            stand_in.close();
        }
        closed
    }
}

/// A declared publisher.
#[derive(Debug)]
pub(crate) struct LinkPublisher(zenoh::pubsub::Publisher<'static>);

impl LinkPublisher {
    pub(crate) fn put(&self, bytes: impl Into<Slices>) -> Result<(), LinkError> {
        self.0.put(bytes.into().0).wait().map_err(failed("publishing"))
    }

    /// Whether anybody is subscribed, as far as the link knows.
    pub(crate) fn has_subscribers(&self) -> Result<bool, LinkError> {
        let status = self
            .0
            .matching_status()
            .wait()
            .map_err(failed("asking for subscribers"))?;
        Ok(status.matching())
    }

    /// Calls `changed` when the first subscriber comes and when the last one goes.
    pub(crate) fn watch_subscribers(&self, changed: impl Fn(bool) + Send + Sync + 'static) -> Result<(), LinkError> {
        let listener = self
            .0
            .matching_listener()
            .callback(move |status| changed(status.matching()))
            .background();
        listener.wait().map_err(failed("watching for subscribers"))
    }
}

/// A query to answer.
#[derive(Debug)]
pub(crate) struct Query(zenoh::query::Query);

impl Query {
    /// The key expression asked for, which may have wildcards.
    pub(crate) fn key_expr(&self) -> &str {
        self.0.key_expr().as_str()
    }

    /// What was sent along.
    pub(crate) fn payload(&self) -> Vec<u8> {
        self.0
            .payload()
            .map(|payload| payload.to_bytes().into_owned())
            .unwrap_or_default()
    }

    /// What was sent along, which keeps the query open as long as it is there.
    pub(crate) fn into_bytes(self) -> Bytes {
        let sent = self.0.payload().map(|payload| Pieces(payload).contiguous());
        let bytes = sent.map_or_else(ZBytes::new, |sent| sent.bytes);
        Bytes {
            bytes,
            asked_by: Some(Arc::new(self)),
        }
    }

    /// How long the answer is waited for, if that was said. Nobody has signed it: whoever alters it on the way can do no
    /// more than whoever holds up the question.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let said = self.0.attachment()?.to_bytes();
        let millis = u64::from_le_bytes(said.as_ref().try_into().ok()?);
        Some(Duration::from_millis(millis))
    }

    /// Answers on a concrete key.
    pub(crate) fn reply(&self, key_expr: &str, bytes: impl Into<Slices>) -> Result<(), LinkError> {
        self.0
            .reply(key_expr, bytes.into().0)
            .wait()
            .map_err(failed("answering"))
    }
}

fn far_ends(links: impl Iterator<Item = zenoh::session::Link>) -> Vec<String> {
    links.map(|link| link.dst().to_string()).collect()
}

/// Passes on the bytes of each answer.
fn receiver(receive: impl Fn(&str, Bytes) + Send + Sync + 'static) -> impl Fn(Reply) + Send + Sync + 'static {
    move |reply| {
        if let Ok(sample) = reply.result() {
            let key_expr = sample.key_expr().as_str();
            shielded(key_expr, || receive(key_expr, Pieces(sample.payload()).contiguous()));
        }
    }
}

fn zenoh_config(settings: Vec<(&str, String)>) -> Result<zenoh::Config, LinkError> {
    let mut config = zenoh::Config::default();
    for (path, value) in settings {
        config.insert_json5(path, &value).map_err(|error| LinkError::Config {
            what: format!("{path} = {value}"),
            problem: error.to_string(),
        })?;
    }
    Ok(config)
}

#[cfg(test)]
mod tests;
