//! The session on the network of ROS 2, as rmw_zenoh opens it; beside `runtime/src/link.rs` the only file that names `zenoh::`.
//!
//! A link of Nuncio signs and verifies and keeps to its own keys. This one speaks for the bridge to nodes that know neither:
//! other keys, attachments and caches, so it is a session of its own and shares nothing with the link.
//!
//! What arrives here is bytes and claims. Callbacks run in the threads of the session: they must not block.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use nuncio::{Durability, History, QosProfile, Reliability};
use zenoh::qos::{CongestionControl, Reliability as LinkReliability};
use zenoh::query::{ConsolidationMode, QueryTarget};
use zenoh::sample::{Locality, Sample, SampleKind};
use zenoh::{Session, Wait};
use zenoh_ext::{
    AdvancedPublisher, AdvancedPublisherBuilderExt as _, AdvancedSubscriber, AdvancedSubscriberBuilderExt as _,
    CacheConfig, HistoryConfig, MissDetectionConfig, RecoveryConfig,
};

use super::attachment::ATTACHMENT_LEN;
use super::session_settings::settings;

/// How often a reliable latched publisher tells its last number, as in rmw_zenoh.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How long a late subscriber waits for what was said before. rmw_zenoh waits for ever; this is as good as that.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(86_400);

/// An open session.
#[derive(Debug)]
pub(crate) struct RosSession {
    session: Session,
}

impl RosSession {
    /// Opens it: as a router, or as a peer that goes on looking for the endpoints that do not answer yet.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when an endpoint is none or a port is taken.
    pub(crate) async fn open(connect: &[String], listen: &[String], offer_router: bool) -> Result<Self, SessionError> {
        let mut config = zenoh::Config::default();
        for (path, value) in settings(connect, listen, offer_router) {
            config.insert_json5(path, &value).map_err(|error| SessionError {
                doing: "opening the session with ROS 2",
                problem: format!("{path} = {value}: {error}"),
            })?;
        }
        let opened = zenoh::open(config).await;
        opened
            .map(|session| Self { session })
            .map_err(failed("opening the session with ROS 2"))
    }

    /// The session's id, as tokens have it.
    pub(crate) fn id(&self) -> String {
        self.session.zid().to_string()
    }

    /// Where it listens.
    pub(crate) async fn locators(&self) -> Vec<String> {
        let locators = self.session.info().locators().await;
        locators.iter().map(ToString::to_string).collect()
    }

    /// How many routers and peers are at the other ends of its links.
    pub(crate) async fn neighbours(&self) -> usize {
        let info = self.session.info();
        info.routers_zid().await.count() + info.peers_zid().await.count()
    }

    /// Declares a liveliness token.
    pub(crate) fn declare_token(&self, key_expr: &str) -> Result<Declared, SessionError> {
        let token = self.session.liveliness().declare_token(key_expr).wait();
        token.map(Declared::token).map_err(failed("declaring a token"))
    }

    /// Calls `receive` with `true` for each token that is there or appears, and with `false` for each that vanishes.
    pub(crate) fn watch_tokens(
        &self,
        key_expr: &str,
        receive: impl Fn(&str, bool) + Send + Sync + 'static,
    ) -> Result<Declared, SessionError> {
        let builder = self.session.liveliness().declare_subscriber(key_expr).history(true);
        let watching = builder
            .callback(move |sample| receive(sample.key_expr().as_str(), sample.kind() == SampleKind::Put))
            .wait();
        watching.map(Declared::subscriber).map_err(failed("watching tokens"))
    }

    /// A publisher as rmw_zenoh declares it: what the link cannot take is dropped unless all is to be kept, and a latched one
    /// keeps its last messages for who comes late.
    pub(crate) fn publisher(&self, key_expr: String, qos: &QosProfile) -> Result<RosPublisher, SessionError> {
        let is_reliable = qos.reliability != Reliability::BestEffort;
        let congestion = match qos.history {
            History::KeepAll if is_reliable => CongestionControl::Block,
            _ => CongestionControl::Drop,
        };
        let reliability = if is_reliable {
            LinkReliability::Reliable
        } else {
            LinkReliability::BestEffort
        };
        let builder = self.session.declare_publisher(key_expr);
        let mut builder = builder
            .congestion_control(congestion)
            .reliability(reliability)
            .advanced();
        if qos.durability == Durability::TransientLocal {
            let cache = CacheConfig::default().max_samples(qos.kept().get());
            builder = builder.publisher_detection().cache(cache);
            if is_reliable {
                builder = builder.sample_miss_detection(MissDetectionConfig::default().sporadic_heartbeat(HEARTBEAT));
            }
        }
        builder
            .wait()
            .map(|publisher| RosPublisher { publisher })
            .map_err(failed("declaring a publisher"))
    }

    /// Calls `receive` with every message on a key, with those before it where the profile asks for them. What this
    /// session puts is not among them.
    pub(crate) fn subscribe(
        &self,
        key_expr: String,
        qos: &QosProfile,
        receive: impl Fn(RosSample<'_>) + Send + Sync + 'static,
    ) -> Result<Declared, SessionError> {
        let builder = self.session.declare_subscriber(key_expr).callback(move |sample| {
            if sample.kind() == SampleKind::Put {
                receive(RosSample(&sample));
            }
        });
        let mut builder = builder.advanced().allowed_origin(Locality::Remote);
        if qos.durability == Durability::TransientLocal {
            let history = HistoryConfig::default().detect_late_publishers();
            builder = builder
                .history(history.max_samples(qos.kept().get()))
                .subscriber_detection()
                .query_timeout(HISTORY_TIMEOUT);
            if qos.reliability != Reliability::BestEffort {
                builder = builder.recovery(RecoveryConfig::default().heartbeat());
            }
        }
        let declared = builder.wait();
        declared
            .map(Declared::advanced)
            .map_err(failed("declaring a subscriber"))
    }

    /// Answers the queries on a key, for all of it: clients of rmw_zenoh ask nobody else.
    pub(crate) fn serve(
        &self,
        key_expr: &str,
        answer: impl Fn(RosQuery) + Send + Sync + 'static,
    ) -> Result<Declared, SessionError> {
        let builder = self.session.declare_queryable(key_expr).complete(true);
        let serving = builder.callback(move |query| answer(RosQuery(query))).wait();
        serving.map(Declared::queryable).map_err(failed("declaring a service"))
    }

    /// Asks the servers on a key and waits for the first response.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the question could not be put, the server said why it has no response, or none came in time.
    pub(crate) async fn call(
        &self,
        key_expr: &str,
        request: Vec<u8>,
        attachment: [u8; ATTACHMENT_LEN],
        timeout: Duration,
    ) -> Result<Vec<u8>, SessionError> {
        let get = self.session.get(key_expr).payload(request).attachment(attachment);
        let get = get
            .target(QueryTarget::AllComplete)
            .consolidation(ConsolidationMode::None);
        let replies = get.timeout(timeout).await.map_err(failed("calling"))?;
        let mut problem = "no server has answered in time; see that its node still runs".to_owned();
        while let Ok(reply) = replies.recv_async().await {
            match reply.into_result() {
                Ok(sample) => return Ok(sample.payload().to_bytes().into_owned()),
                Err(error) => problem = String::from_utf8_lossy(&error.payload().to_bytes()).into_owned(),
            }
        }
        Err(SessionError {
            doing: "calling",
            problem,
        })
    }

    /// Asks everybody who serves a key, and gives the first answers, as many as are wanted.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the question could not be put.
    pub(crate) async fn ask(
        &self,
        key_expr: &str,
        question: Vec<u8>,
        answers_max: usize,
        timeout: Duration,
    ) -> Result<Vec<Vec<u8>>, SessionError> {
        let get = self.session.get(key_expr).payload(question).target(QueryTarget::All);
        let get = get.consolidation(ConsolidationMode::None).timeout(timeout);
        let replies = get.await.map_err(failed("asking"))?;
        let mut answers = Vec::new();
        while answers.len() < answers_max
            && let Ok(reply) = replies.recv_async().await
        {
            if let Ok(sample) = reply.into_result() {
                answers.push(sample.payload().to_bytes().into_owned());
            }
        }
        Ok(answers)
    }

    /// Closes it: all that was declared is gone afterwards, for others too.
    pub(crate) async fn close(&self) {
        // Whoever is gone hears of no error.
        let _ = self.session.close().await;
    }
}

/// A declared publisher.
#[derive(Debug)]
pub(crate) struct RosPublisher {
    publisher: AdvancedPublisher<'static>,
}

impl RosPublisher {
    /// Puts a message with what goes beside it.
    pub(crate) fn put(&self, cdr: bytes::Bytes, attachment: &[u8]) -> Result<(), SessionError> {
        let put = || self.publisher.put(cdr).attachment(attachment).wait();
        let done = match self.publisher.congestion_control() {
            // It may wait for a node that takes nothing: other crossings go on in other threads.
            CongestionControl::Block => tokio::task::block_in_place(put),
            _ => put(),
        };
        done.map_err(failed("publishing"))
    }
}

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RosSample<'a>(&'a Sample);

impl RosSample<'_> {
    /// The key that it was put on.
    pub(crate) fn key_expr(&self) -> &str {
        self.0.key_expr().as_str()
    }

    /// The message's bytes.
    pub(crate) fn payload(&self) -> Cow<'_, [u8]> {
        self.0.payload().to_bytes()
    }

    /// What came beside it; nothing when that is missing.
    pub(crate) fn attachment(&self) -> Cow<'_, [u8]> {
        self.0.attachment().map(|bytes| bytes.to_bytes()).unwrap_or_default()
    }

    /// The session that sent it, by its own word, if it says so.
    pub(crate) fn session(&self) -> Option<String> {
        self.0.source_info().map(|source| source.source_id().zid().to_string())
    }
}

/// A request to answer. Dropped without an answer, it ends, and the caller hears nothing.
#[derive(Debug)]
pub(crate) struct RosQuery(zenoh::query::Query);

impl RosQuery {
    /// The key that is asked for.
    pub(crate) fn key_expr(&self) -> &str {
        self.0.key_expr().as_str()
    }

    /// The request's bytes.
    pub(crate) fn payload(&self) -> Cow<'_, [u8]> {
        self.0.payload().map(|bytes| bytes.to_bytes()).unwrap_or_default()
    }

    /// What came beside it; nothing when that is missing.
    pub(crate) fn attachment(&self) -> Cow<'_, [u8]> {
        self.0.attachment().map(|bytes| bytes.to_bytes()).unwrap_or_default()
    }

    /// Answers on the service's key.
    pub(crate) fn reply(&self, cdr: Vec<u8>, attachment: [u8; ATTACHMENT_LEN]) -> Result<(), SessionError> {
        let key_expr = self.0.key_expr().clone();
        let reply = self.0.reply(key_expr, cdr).attachment(attachment);
        reply.wait().map_err(failed("answering"))
    }

    /// Answers with what no node of ROS has asked for.
    pub(crate) fn tell(&self, bytes: bytes::Bytes) -> Result<(), SessionError> {
        let key_expr = self.0.key_expr().clone();
        self.0.reply(key_expr, bytes).wait().map_err(failed("answering"))
    }

    /// Answers that there is no response. Nodes of ROS log the text and wait on; others hear it at once.
    pub(crate) fn fail(&self, why: &str) -> Result<(), SessionError> {
        self.0.reply_err(why).wait().map_err(failed("answering"))
    }
}

/// Something declared in the session; dropping it takes it back.
#[derive(Debug)]
#[must_use = "it is declared only while this is kept"]
pub(crate) struct Declared {
    _what: DeclaredKind,
}

#[derive(Debug)]
enum DeclaredKind {
    Subscriber { _kept: zenoh::pubsub::Subscriber<()> },
    Advanced { _kept: Box<AdvancedSubscriber<()>> },
    Queryable { _kept: zenoh::query::Queryable<()> },
    Token { _kept: zenoh::liveliness::LivelinessToken },
}

impl Declared {
    fn subscriber(kept: zenoh::pubsub::Subscriber<()>) -> Self {
        Self {
            _what: DeclaredKind::Subscriber { _kept: kept },
        }
    }

    fn advanced(kept: AdvancedSubscriber<()>) -> Self {
        Self {
            _what: DeclaredKind::Advanced { _kept: Box::new(kept) },
        }
    }

    fn queryable(kept: zenoh::query::Queryable<()>) -> Self {
        Self {
            _what: DeclaredKind::Queryable { _kept: kept },
        }
    }

    fn token(kept: zenoh::liveliness::LivelinessToken) -> Self {
        Self {
            _what: DeclaredKind::Token { _kept: kept },
        }
    }
}

fn failed(doing: &'static str) -> impl Fn(zenoh::Error) -> SessionError {
    move |error| SessionError {
        doing,
        problem: error.to_string(),
    }
}

/// What the session with ROS 2 could not do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionError {
    doing: &'static str,
    problem: String,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.problem)
    }
}

impl std::error::Error for SessionError {}
