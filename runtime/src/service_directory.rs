//! The directory: which servers of a service there are, by signed cards, and which one of them is called.
//!
//! The choice is stable: the server that was called last is called again while it is there, permitted and answers. Then the
//! next one is, in the order of node name and key.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nuncio_msgs::TypeHash;

use crate::call_error::NoServer;
use crate::clock;
use crate::name::{NodeName, TopicName};
use crate::node::NodeCore;
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::peers::WriterFacts;
use crate::security::refusal::Refusal;
use crate::security::role::RoleName;
use crate::service_facts::ServiceFacts;

/// How long the last answer of a server may be on its way after the server has vanished.
const LAST_ANSWER: Duration = Duration::from_millis(250);

/// A server of a service, by the card of its node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceServerInfo {
    /// Its node.
    pub node: NodeName,
    /// The node's key.
    pub key: PublicKey,
    /// The start of the node.
    pub epoch: u64,
    /// The full name of the service's type.
    pub type_name: String,
    /// The hash of the service's type.
    pub type_hash: TypeHash,
    /// Why it is not called, if it is not.
    pub problem: Option<ServerProblem>,
}

/// Why a server is not called.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServerProblem {
    /// It serves another type, or another version of the type.
    OtherType {
        /// The type's name.
        type_name: String,
        /// The type's hash.
        type_hash: TypeHash,
    },
    /// The trust policy or a pin says no.
    Refused(Refusal),
    /// Its key holds no such role that permits to serve this.
    WithoutRole {
        /// The role that the caller expects.
        expected: RoleName,
        /// The roles that permit it.
        held: BTreeSet<RoleName>,
    },
}

impl fmt::Display for ServerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherType { type_name, type_hash } => write!(f, "it serves {type_name} {type_hash}"),
            Self::Refused(refusal) => fmt::Display::fmt(refusal, f),
            Self::WithoutRole { expected, held } if held.is_empty() => {
                write!(f, "its key does not hold the role {expected}")
            }
            Self::WithoutRole { expected, held } => {
                let held: Vec<_> = held.iter().map(RoleName::as_str).collect();
                write!(f, "its key does not hold the role {expected}, only {}", held.join(", "))
            }
        }
    }
}

/// A server that can be called.
#[derive(Clone, Debug)]
pub(crate) struct KnownServer {
    pub(crate) writer: Writer,
    pub(crate) facts: Arc<WriterFacts>,
}

impl KnownServer {
    /// What servers are sorted by.
    fn place(&self) -> (&NodeName, PublicKey, Writer) {
        let peer = &self.facts.peer;
        (&peer.name, peer.public_key(), self.writer)
    }

    /// Whether it is there, by the newest card of its node.
    fn is_served(&self, node: &NodeCore) -> bool {
        let peer = &self.facts.peer;
        let known = node.peers.writer(peer.public_key(), self.writer);
        let names_it = || {
            let card = peer.card();
            card.services.iter().any(|service| service.writer == self.writer.0)
        };
        known.is_some_and(|known| known.peer.epoch == peer.epoch) && names_it()
    }

    /// Whether its node's presence is seen.
    pub(crate) fn is_there(&self, node: &NodeCore) -> bool {
        let peer = &self.facts.peer;
        node.graph.is_there(peer.public_key(), &peer.name, peer.epoch)
    }

    /// Waits until its node has vanished or started again, and for what may have been on its way then. For ever, where its
    /// presence was not seen in the first place.
    pub(crate) async fn vanished(&self, node: &NodeCore) {
        if !self.is_there(node) {
            std::future::pending::<()>().await;
        }
        loop {
            let changed = node.graph.listen();
            if !self.is_there(node) {
                return tokio::time::sleep(LAST_ANSWER).await;
            }
            changed.await;
        }
    }

    /// Why it is not called.
    fn problem(&self, node: &NodeCore, wanted: &ServiceFacts, role: Option<&RoleName>) -> Option<ServerProblem> {
        let facts = &self.facts;
        let found = (facts.type_name.as_str(), facts.type_hash);
        if found != (wanted.types.service.name.as_str(), wanted.types.service.hash) {
            return Some(ServerProblem::OtherType {
                type_name: facts.type_name.clone(),
                type_hash: facts.type_hash,
            });
        }
        let now_ns = clock::now_ns();
        let standing = node.trust.standing(facts, now_ns);
        let permit = match standing.permit() {
            Ok(permit) => permit,
            Err(refusal) => return Some(ServerProblem::Refused(refusal)),
        };
        if let Some(expected) = role.filter(|role| !permit.roles.contains(*role)) {
            return Some(ServerProblem::WithoutRole {
                expected: expected.clone(),
                held: permit.roles.clone(),
            });
        }
        // Its card was signed by its key, so the name's pin can be asked before anything is sent to it.
        let latest_ns = node.trust.latest(now_ns);
        let judged = node
            .believer
            .judge(facts, &facts.topic, false, &standing.policy, permit, latest_ns);
        judged.err().map(ServerProblem::Refused)
    }
}

impl NoServer {
    fn of(wanted: &ServiceFacts, others: Vec<(NodeName, ServerProblem)>) -> Self {
        let service = wanted.name.clone();
        Self { service, others }
    }
}

/// Which server a client calls.
#[derive(Debug)]
pub(crate) struct Choice {
    wanted: Arc<ServiceFacts>,
    role: Option<RoleName>,
    last: Mutex<Option<LastChoice>>,
}

#[derive(Debug)]
struct LastChoice {
    server: KnownServer,
    is_avoided: bool,
}

impl Choice {
    pub(crate) fn new(wanted: Arc<ServiceFacts>, role: Option<RoleName>) -> Self {
        Self {
            wanted,
            role,
            last: Mutex::default(),
        }
    }

    /// The server to call.
    ///
    /// # Errors
    ///
    /// [`NoServer`] when none can be, with those that were found.
    pub(crate) fn server(&self, node: &NodeCore) -> Result<KnownServer, NoServer> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(LastChoice { server, is_avoided }) = &*last
            && !is_avoided
            && server.is_served(node)
            && server.problem(node, &self.wanted, self.role.as_ref()).is_none()
        {
            return Ok(server.clone());
        }
        let callable = self.callable(node)?;
        let behind = |server: &KnownServer| last.as_ref().is_some_and(|last| server.place() > last.server.place());
        let next = callable.iter().position(behind).unwrap_or_default();
        let Some(server) = callable.get(next) else {
            return Err(NoServer::of(&self.wanted, Vec::new()));
        };
        *last = Some(LastChoice {
            server: server.clone(),
            is_avoided: false,
        });
        Ok(server.clone())
    }

    /// All servers that can be called, by node name and key; at least one.
    ///
    /// # Errors
    ///
    /// [`NoServer`] when none can be, with those that were found.
    pub(crate) fn callable(&self, node: &NodeCore) -> Result<Vec<KnownServer>, NoServer> {
        let (mut callable, mut others) = (Vec::new(), Vec::new());
        for server in all(node, &self.wanted.name) {
            match server.problem(node, &self.wanted, self.role.as_ref()) {
                None => callable.push(server),
                Some(problem) => others.push((server.facts.peer.name.clone(), problem)),
            }
        }
        match callable.is_empty() {
            true => Err(NoServer::of(&self.wanted, others)),
            false => Ok(callable),
        }
    }

    /// The server that has this key, whichever is called otherwise.
    ///
    /// # Errors
    ///
    /// [`NoServer`] when it is not there or cannot be called.
    pub(crate) fn server_of(&self, node: &NodeCore, key: PublicKey) -> Result<KnownServer, NoServer> {
        let mut others = Vec::new();
        let of_key = all(node, &self.wanted.name).into_iter();
        for server in of_key.filter(|server| server.facts.peer.public_key() == key) {
            match server.problem(node, &self.wanted, self.role.as_ref()) {
                None => return Ok(server),
                Some(problem) => others.push((server.facts.peer.name.clone(), problem)),
            }
        }
        Err(NoServer::of(&self.wanted, others))
    }

    /// Calls another server the next time, if there is another.
    pub(crate) fn avoid(&self, server: &KnownServer) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &mut *last
            && last.server.place() == server.place()
        {
            last.is_avoided = true;
        }
    }

    /// All servers, those that are not called included.
    pub(crate) fn servers(&self, node: &NodeCore) -> Vec<ServiceServerInfo> {
        let info = |server: KnownServer| ServiceServerInfo {
            node: server.facts.peer.name.clone(),
            key: server.facts.peer.public_key(),
            epoch: server.facts.peer.epoch,
            type_name: server.facts.type_name.clone(),
            type_hash: server.facts.type_hash,
            problem: server.problem(node, &self.wanted, self.role.as_ref()),
        };
        all(node, &self.wanted.name).into_iter().map(info).collect()
    }
}

/// The servers that are there, by node name and key.
fn all(node: &NodeCore, service: &TopicName) -> Vec<KnownServer> {
    let known = node.peers.servers_of(service).into_iter();
    let known = known.map(|(writer, facts)| KnownServer { writer, facts });
    let mut servers: Vec<_> = known.filter(|server| server.is_served(node)).collect();
    servers.sort_by(|a, b| a.place().cmp(&b.place()));
    servers
}
