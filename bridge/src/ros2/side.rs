//! The side of ROS: the session, what is seen there, and what all crossings share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use nuncio::{NodeName, PublicKey, QosProfile, TopicName};
use tokio::sync::broadcast;

use super::data_key::{DataKey, RosType};
use super::describing::Asking;
use super::gid::Gid;
use super::mirror::Mirrors;
use super::plan::Crossing;
use super::proof::Proof;
use super::ros_graph::{BridgeId, RosGraph};
use super::session::{Declared, RosSession, SessionError};
use super::status::Ros2Status;
use super::token::{EndpointKind, RosEndpoint, RosNode, Token};
use crate::border_error::BorderError;
use crate::client::Client;

/// What all crossings share.
#[derive(Debug)]
pub(crate) struct RosSide {
    pub(crate) client: Client,
    pub(crate) session: RosSession,
    pub(crate) domain: u32,
    /// Whether what goes out carries a proof.
    pub(crate) proof: Proof,
    pub(crate) own: BridgeId,
    pub(crate) mirrors: Mirrors,
    session_id: String,
    graph: RwLock<RosGraph>,
    statuses: broadcast::Sender<Ros2Status>,
    next_id: AtomicU64,
}

impl RosSide {
    pub(crate) fn new(
        client: Client,
        session: RosSession,
        (domain, proof): (u32, Proof),
        statuses: broadcast::Sender<Ros2Status>,
    ) -> Self {
        let session_id = session.id();
        Self {
            own: BridgeId::of_key(&client.border().node().public_key()),
            graph: RwLock::new(RosGraph::new(domain, &session_id)),
            mirrors: Mirrors::default(),
            next_id: AtomicU64::new(0),
            client,
            session,
            domain,
            proof,
            session_id,
            statuses,
        }
    }

    /// What is there in ROS.
    pub(crate) fn graph(&self) -> RwLockReadGuard<'_, RosGraph> {
        self.graph.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, to be changed.
    pub(crate) fn graph_mut(&self) -> RwLockWriteGuard<'_, RosGraph> {
        self.graph.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever runs the bridge. Nobody has to listen.
    pub(crate) fn tell(&self, status: Ros2Status) {
        let _ = self.statuses.send(status);
    }

    /// Tells that something crosses from now on.
    pub(crate) fn tell_crossing(&self, crossing: &Crossing) {
        self.tell(Ros2Status::Crossing {
            direction: crossing.direction(),
            what: crossing.what(),
            name: crossing.name.as_str().to_owned(),
            type_name: crossing.ty.name.clone(),
        });
    }

    /// Who asks nodes of ROS for their types.
    pub(crate) fn asking(&self) -> Asking<'_> {
        Asking {
            session: &self.session,
            domain: self.domain,
            library: self.client.border().library(),
        }
    }

    /// A number for a node or an endpoint of this session.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The key of a topic or service.
    pub(crate) fn data_key(&self, name: &TopicName, ty: &RosType) -> DataKey {
        DataKey {
            domain: self.domain,
            name: name.clone(),
            ty: ty.clone(),
        }
    }

    /// A node of this session, which others see once it is declared.
    pub(crate) fn new_node(&self, name: &NodeName) -> RosNode {
        RosNode {
            domain: self.domain,
            session: self.session_id.clone(),
            id: self.next_id(),
            enclave: String::new(),
            name: name.clone(),
        }
    }

    /// Shows an endpoint of a node of this session to others.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the session is closed.
    pub(crate) fn declare_endpoint(
        &self,
        node: &RosNode,
        (kind, name, ty): (EndpointKind, &TopicName, &RosType),
        qos: QosProfile,
    ) -> Result<DeclaredEndpoint, SessionError> {
        let token = Token::Endpoint(RosEndpoint {
            node: node.clone(),
            id: self.next_id(),
            kind,
            name: name.clone(),
            ty: ty.clone(),
            qos,
        });
        let token = token.to_string();
        Ok(DeclaredEndpoint {
            gid: Gid::of_token(&token),
            _token: self.session.declare_token(&token)?,
        })
    }

    /// Whether a message was let into Nuncio by a bridge of this network, this one or another: it stays where it is.
    pub(crate) fn is_from_here(&self, origin: Option<&str>, signer: &PublicKey) -> bool {
        let face = crate::rules::Face::Ros2.as_str();
        let of_ros = origin
            .and_then(|origin| origin.strip_prefix(face))
            .is_some_and(|who| who.starts_with(':'));
        let bridge = BridgeId::of_key(signer);
        of_ros && (bridge == self.own || self.graph().was_bridge(&bridge))
    }
}

/// An endpoint that others see, until it is dropped.
#[derive(Debug)]
pub(crate) struct DeclaredEndpoint {
    /// Its id.
    pub(crate) gid: Gid,
    _token: Declared,
}

/// Why something does not cross.
#[derive(Debug)]
pub(crate) enum CrossingError {
    /// The session with ROS.
    Session(SessionError),
    /// The border.
    Border(BorderError),
}

impl From<SessionError> for CrossingError {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<BorderError> for CrossingError {
    fn from(error: BorderError) -> Self {
        Self::Border(error)
    }
}

impl fmt::Display for CrossingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::Border(error) => error.fmt(f),
        }
    }
}

/// The side, as crossings share it.
pub(crate) type Side = Arc<RosSide>;
