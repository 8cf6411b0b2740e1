//! Building a node: who am I, whom do I believe, where do I listen. Everything has a default that is safe.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use crate::clock;
use crate::contact::ContactDesk;
use crate::endpoints::Endpoints;
use crate::evidence::Evidence;
use crate::graph::GraphState;
use crate::history::HistoryDesk;
use crate::link::{Discovery, Link, LinkConfig, LinkError};
use crate::metrics_server::{MetricsError, MetricsServer};
use crate::name::{Domain, NameError, NodeName};
use crate::node::{Node, NodeCore};
use crate::node_arguments::{GivenParameter, NodeArguments};
use crate::parameter::ParameterValue;
use crate::parameter_yaml::{self, ParameterFileError};
use crate::private_file::FileError;
use crate::queue::Queue;
use crate::receipt_desk::ReceiptDesk;
use crate::refusal_ledger::RefusalLedger;
use crate::remapping::{self, Remapping, RemappingError, RemappingFileError, Remappings};
use crate::revocations::RevocationShelf;
use crate::security::believer::Believer;
use crate::security::keystore::{EpochError, IdentityError, Keystore, NoHome, PinError};
use crate::security::peers::Peers;
use crate::security::revocation::{RevocationError, SignedRevocations};
use crate::security::succession::SuccessionError;
use crate::security::trust_policy::{TrustMode, TrustPolicy};
use crate::security::trust_source::{CertificateFileError, TrustSource, TrustSourceError};
use crate::security::trust_store::TrustStore;
use crate::signing_desk::SigningDesk;
use crate::trust_watch::TrustWatch;
use crate::watch::Watch;

/// The most locators that a card has room for.
const LOCATORS_MAX: usize = 16;

/// A twentieth of a core.
const SIGNING_BUDGET_DEFAULT: f64 = 0.05;

/// How many changes of trust are kept for whoever wants to read them.
const TRUST_EVENTS_KEPT: usize = 64;

/// Builds a [`Node`].
///
/// By default the node's key is the one in the keystore (`$NUNCIO_HOME`, else `~/.config/nuncio`), made on first use; it
/// believes whom `trust.toml` in there says, and on first use where there is no such file; it is in domain `0` without a
/// namespace; and it finds others by itself.
#[derive(Debug)]
#[must_use]
pub struct NodeBuilder {
    name: String,
    namespace: String,
    domain: Domain,
    keystore: Option<Keystore>,
    policy: Option<TrustPolicy>,
    mode: Option<TrustMode>,
    link: LinkConfig,
    signing_budget: f64,
    parameters: Vec<GivenParameter>,
    parameter_files: Vec<PathBuf>,
    metrics: Option<String>,
    remappings: Vec<Result<Remapping, RemappingError>>,
    remapping_files: Vec<PathBuf>,
}

impl NodeBuilder {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: "/".to_owned(),
            domain: Domain::default(),
            keystore: None,
            policy: None,
            mode: None,
            link: LinkConfig::default(),
            signing_budget: SIGNING_BUDGET_DEFAULT,
            parameters: Vec::new(),
            parameter_files: Vec::new(),
            metrics: None,
            remappings: Vec::new(),
            remapping_files: Vec::new(),
        }
    }

    /// Puts the node into a namespace, such as `/robot_1`.
    pub fn namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// Nodes of other domains are not heard.
    pub fn domain(mut self, domain: Domain) -> Self {
        self.domain = domain;
        self
    }

    /// Takes key, certificates, trust file, epochs and pins from this keystore instead of the default one.
    pub fn keystore(mut self, keystore: Keystore) -> Self {
        self.keystore = Some(keystore);
        self
    }

    /// Whom the node believes. No `trust.toml` is read then.
    pub fn trust(mut self, policy: TrustPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// How strictly the node believes, whatever the policy says; the rest of the policy stays. In mode `enforce` there must
    /// be a policy: one that was given, or a `trust.toml`.
    pub fn trust_mode(mut self, mode: TrustMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Listens on a Zenoh endpoint, such as `tcp/0.0.0.0:7448`. May be called several times.
    pub fn listen(mut self, endpoint: impl Into<String>) -> Self {
        self.link.listen.push(endpoint.into());
        self
    }

    /// Connects to a Zenoh endpoint, such as `tcp/192.168.1.5:7447`. May be called several times.
    pub fn connect(mut self, endpoint: impl Into<String>) -> Self {
        self.link.connect.push(endpoint.into());
        self
    }

    /// How the node finds others. Without this: by itself, unless an endpoint is given.
    pub fn discovery(mut self, discovery: Discovery) -> Self {
        self.link.discovery = Some(discovery);
        self
    }

    /// Whether large frames go to other processes of this machine through shared memory. Without this: where the process may
    /// lock as much memory as it likes and run real-time threads. See [`Node::shared_memory`].
    pub fn shared_memory(mut self, used: bool) -> Self {
        self.link.shared_memory = Some(used);
        self
    }

    /// The largest frame that the node sends and takes, in bytes: 64 MiB without this. See [`LinkConfig`].
    pub fn frame_len_max(mut self, bytes: usize) -> Self {
        self.link.frame_len_max = Some(bytes);
        self
    }

    /// Where the node listens, what it connects to and how it finds others, all at once.
    pub fn link(mut self, link: LinkConfig) -> Self {
        self.link = link;
        self
    }

    /// The share of one processor core that signatures made at once may take: 0.05 by default, which is room for some 2500
    /// messages a second on a small machine. A node that publishes more signs messages of all its publishers together, after
    /// the signing delay of their profile. With 0 all messages wait for that, but for those of profiles without a delay; with
    /// 1 or more none do.
    pub fn signing_budget(mut self, share: f64) -> Self {
        self.signing_budget = share;
        self
    }

    /// The value of a parameter when it is declared, whatever its default and parameter files say.
    pub fn parameter(mut self, name: &str, value: impl Into<ParameterValue>) -> Self {
        self.parameters.push(GivenParameter {
            node: None,
            name: name.to_owned(),
            value: value.into(),
        });
        self
    }

    /// Takes the values of parameters when they are declared from a YAML file as ROS 2 writes it, from the entries whose node
    /// name, with wildcards, is this node's. May be called several times; later files win.
    pub fn parameter_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.parameter_files.push(path.into());
        self
    }

    /// Serves the node's counters over HTTP: `GET /metrics` as Prometheus reads them, `GET /health` with status 200 or 503.
    /// `address` is such as `127.0.0.1:9464`; a port alone is on the loopback interface, port 0 is any that is free
    /// ([`Node::metrics_address`] tells). Nodes of one process that name the same address are served together.
    ///
    /// Without this the variable `NUNCIO_METRICS` decides, but not for nodes of tools, whose names are hidden; without that
    /// nothing listens. Whoever can connect can read.
    pub fn metrics(mut self, address: impl Into<String>) -> Self {
        self.metrics = Some(address.into());
        self
    }

    /// Another name than the one that the program has: `FROM:=TO`, `__node:=NAME` or `__ns:=/NAMESPACE`. See [`Remapping`]. The
    /// first rule that fits is taken; those of files come last.
    pub fn remap(mut self, rule: &str) -> Self {
        self.remappings.push(rule.parse());
        self
    }

    /// Takes such rules from a file, one a line; `#` begins a comment. May be called several times.
    pub fn remap_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.remapping_files.push(path.into());
        self
    }

    /// What the program's command line says: other names, and values of parameters.
    pub fn arguments(mut self, arguments: &NodeArguments) -> Self {
        self.remappings.extend(arguments.remappings.iter().cloned().map(Ok));
        self.remapping_files.extend_from_slice(&arguments.remapping_files);
        self.parameters.extend_from_slice(&arguments.parameters);
        self.parameter_files.extend_from_slice(&arguments.parameter_files);
        self
    }

    /// Opens the node. Its epoch is stored before anything is signed.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when a name or a rule is wrong, a file of parameters or rules, the keystore or a trust file in it cannot be used, or the link cannot be opened.
    pub async fn open(self) -> Result<Node, OpenError> {
        let (name, remappings) = self.name_and_rules()?;
        let parameters_given = self.parameters_given(&name)?;
        let keystore = self.keystore.map_or_else(default_keystore, Ok)?;
        let identity = keystore.identity().map_err(OpenError::Identity)?;
        let source = TrustSource {
            domain: self.domain.clone(),
            fixed: self.policy,
            mode: self.mode,
            dir: keystore.path().map(ToOwned::to_owned),
        };
        let policy = source.first_policy().map_err(OpenError::Trust)?;
        let certificates = keystore
            .certificates(identity.public_key())
            .map_err(OpenError::Certificates)?;
        let successions = keystore
            .successions(identity.public_key())
            .map_err(OpenError::Successions)?;
        let (trust, lists) = trust_of(&self.domain, policy, &keystore).map_err(OpenError::Revocations)?;
        let pins = keystore.pins().map_err(OpenError::Pins)?;
        let epoch = keystore
            .next_epoch(&identity.public_key(), clock::now_ms())
            .map_err(OpenError::Epoch)?;
        trust.has_passed(i64::try_from(epoch).unwrap_or(i64::MAX).saturating_mul(1_000_000));
        let metrics = MetricsServer::wished(self.metrics, &name).map_err(OpenError::Metrics)?;
        let link = self.link.in_keystore(keystore.path());
        let link = Link::open(&link, &self.domain).await.map_err(OpenError::Link)?;
        let peers = Arc::new(Peers::default());
        let locators = link.locators().await.into_iter().take(LOCATORS_MAX).collect();
        Node::start(NodeCore {
            signing_desk: Arc::new(SigningDesk::new(name.as_str(), identity.clone(), self.signing_budget)),
            believer: Arc::new(Believer::new(self.domain.clone(), pins)),
            graph: GraphState::new(identity.public_key(), name.clone()),
            name,
            identity,
            epoch,
            trust,
            revocations: RevocationShelf::new(lists),
            successions: successions.map(|chain| chain.to_text()).unwrap_or_default(),
            keystore,
            trust_watch: TrustWatch::new(source, certificates.as_ref()),
            trust_events: Queue::new(TRUST_EVENTS_KEPT),
            domain: self.domain,
            link,
            refusals: Arc::new(RefusalLedger::new(Arc::clone(&peers))),
            peers,
            contact: Arc::new(ContactDesk::default()),
            endpoints: Endpoints::default(),
            watch: Watch::default(),
            evidence: Evidence::default(),
            history: HistoryDesk::default(),
            receipts: ReceiptDesk::default(),
            started_ns: clock::now_ns(),
            started: Instant::now(),
            locators,
            card_number: AtomicU64::new(1),
            card_version: AtomicU64::new(0),
            announced_version: AtomicU64::new(0),
            receptions: Mutex::default(),
            declared: Mutex::default(),
            parameters: Mutex::new(Weak::new()),
            clock: Mutex::new(Weak::new()),
            guests: Mutex::default(),
            metrics: Mutex::new(metrics),
            parameters_given,
            remappings,
            closed: AtomicBool::new(false),
        })
        .map_err(OpenError::Link)
    }

    /// The values of parameters that are for this node: from files, then the builder's, which win.
    fn parameters_given(&self, name: &NodeName) -> Result<Vec<(String, ParameterValue)>, OpenError> {
        let mut values = parameter_yaml::read_files(&self.parameter_files, name).map_err(OpenError::Parameters)?;
        let meant = |given: &&GivenParameter| given.node.as_ref().is_none_or(|node| *node == self.name);
        let given = self.parameters.iter().filter(meant).cloned();
        values.extend(given.map(|given| (given.name, given.value)));
        Ok(values)
    }

    /// The node's full name, and the rules of the builder and of its files as far as they are for this node.
    fn name_and_rules(&self) -> Result<(NodeName, Remappings), OpenError> {
        let given: Result<Vec<_>, _> = self.remappings.iter().cloned().collect();
        let mut rules = given.map_err(OpenError::Remapping)?;
        for path in &self.remapping_files {
            rules.extend(remapping::read_file(path).map_err(OpenError::RemappingFile)?);
        }
        let rules = Remappings::for_node(&self.name, rules);
        let name = rules.node_name(&self.namespace, &self.name).map_err(OpenError::Name)?;
        Ok((name, rules))
    }
}

fn default_keystore() -> Result<Keystore, OpenError> {
    let dir = Keystore::default_dir().map_err(OpenError::NoHome)?;
    Keystore::open(dir).map_err(OpenError::Keystore)
}

/// The policy with the lists of revocations that are kept of its anchors.
fn trust_of(
    domain: &Domain,
    policy: TrustPolicy,
    keystore: &Keystore,
) -> Result<(Arc<TrustStore>, Vec<SignedRevocations>), RevocationError> {
    let lists = policy
        .anchors()
        .filter_map(|(_, anchor)| keystore.revocations(domain, anchor).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let trust = Arc::new(TrustStore::new(domain.clone(), policy));
    for list in &lists {
        let revoked: Vec<_> = list.revoked().iter().map(|entry| (entry.key, entry.since_ns)).collect();
        trust.has_passed(list.issued_ns());
        trust.revoke(&revoked);
    }
    Ok((trust, lists))
}

/// Why a node could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The node's name or namespace breaks the rules.
    Name(NameError),
    /// A remapping is none.
    Remapping(RemappingError),
    /// A file of remappings cannot be used.
    RemappingFile(RemappingFileError),
    /// There is no place for a keystore.
    NoHome(NoHome),
    /// A parameter file cannot be used.
    Parameters(ParameterFileError),
    /// The keystore's directory cannot be used.
    Keystore(FileError),
    /// The key cannot be read or made.
    Identity(IdentityError),
    /// There is no trust policy that can be used, and nothing weaker takes its place.
    Trust(TrustSourceError),
    /// The certificates of the key cannot be used.
    Certificates(CertificateFileError),
    /// The successions that led to the key cannot be read.
    Successions(SuccessionError),
    /// A list of revocations that is kept cannot be read.
    Revocations(RevocationError),
    /// The pins cannot be read.
    Pins(PinError),
    /// The epoch cannot be stored, and nothing may be signed without.
    Epoch(EpochError),
    /// The counters cannot be served where that was asked for.
    Metrics(MetricsError),
    /// The link cannot be opened.
    Link(LinkError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::Remapping(error) => fmt::Display::fmt(error, f),
            Self::RemappingFile(error) => fmt::Display::fmt(error, f),
            Self::NoHome(error) => fmt::Display::fmt(error, f),
            Self::Parameters(error) => fmt::Display::fmt(error, f),
            Self::Keystore(error) => fmt::Display::fmt(error, f),
            Self::Identity(error) => fmt::Display::fmt(error, f),
            Self::Trust(error) => fmt::Display::fmt(error, f),
            Self::Certificates(error) => fmt::Display::fmt(error, f),
            Self::Successions(error) => fmt::Display::fmt(error, f),
            Self::Revocations(error) => fmt::Display::fmt(error, f),
            Self::Pins(error) => fmt::Display::fmt(error, f),
            Self::Epoch(error) => fmt::Display::fmt(error, f),
            Self::Metrics(error) => fmt::Display::fmt(error, f),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for OpenError {}
