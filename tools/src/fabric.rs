//! The fabric: real Zenoh links over loopback TCP between all who take part, on ports that the system chose.
//!
//! Demonstrations and attacks play on it. Nothing is scouted for, so that they never meet a robot that is there in
//! earnest. Each one that joins listens and connects to all who came before.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use nuncio::adversary::Adversary;
use nuncio::graph::Graph;
use nuncio::link::LinkError;
use nuncio::local_registry::{ReservedPort, reserve_loopback_port};
use nuncio::name::NameError;
use nuncio::{Discovery, Domain, Identity, Keystore, LinkConfig, Node, NodeName, OpenError};

/// How long anything may take before it begins in earnest. Far longer than it does take: a machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// Who is on the network so far.
#[derive(Debug)]
pub(crate) struct Fabric {
    domain: Domain,
    endpoints: Vec<String>,
    shared_memory: Option<bool>,
}

impl Fabric {
    /// A network with nobody on it.
    pub(crate) fn new(domain: &str) -> Result<Self, FabricError> {
        Ok(Self {
            domain: Domain::parse(domain).map_err(FabricError::Name)?,
            endpoints: Vec::new(),
            shared_memory: None,
        })
    }

    /// The same without shared memory: all goes over loopback TCP.
    pub(crate) fn without_shared_memory(mut self) -> Self {
        self.shared_memory = Some(false);
        self
    }

    /// The domain of all nodes.
    pub(crate) fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Opens a node that forgets everything when it is closed.
    pub(crate) async fn node(&mut self, namespace: &str, name: &str, identity: &Identity) -> Result<Node, FabricError> {
        let (link, _reserved) = self.place()?;
        let builder = Node::builder(name)
            .namespace(namespace)
            .domain(self.domain.clone())
            .keystore(Keystore::ephemeral(identity.clone()))
            .link(link);
        builder.open().await.map_err(FabricError::Open)
    }

    /// Lets in somebody who has a network cable.
    pub(crate) async fn adversary(&mut self) -> Result<Adversary, FabricError> {
        let (link, _reserved) = self.place()?;
        Adversary::join(&link, self.domain.clone())
            .await
            .map_err(FabricError::Link)
    }

    /// A place to listen, and the way to everybody who is there. The port is held for as long as the second is kept.
    pub(crate) fn place(&mut self) -> Result<(LinkConfig, ReservedPort), FabricError> {
        let reserved = reserve_loopback_port().map_err(FabricError::Port)?;
        let connect = self.endpoints.clone();
        self.endpoints.push(reserved.locator());
        let link = LinkConfig {
            listen: vec![reserved.locator()],
            connect,
            discovery: Some(Discovery::Off),
            tls: None,
            shared_memory: self.shared_memory,
            frame_len_max: None,
        };
        Ok((link, reserved))
    }
}

/// Waits until `speaker` knows by a signed card that `listener` subscribes to a topic.
///
/// A matching subscriber alone would not do: it may be anybody's. The card comes behind the subscription on the same
/// ordered link, so what is published from then on reaches this listener.
pub(crate) async fn meet(speaker: &Node, listener: &Node, topic: &str) -> Result<(), FabricError> {
    let subscribes = |graph: &Graph| {
        let mut cards = graph.nodes.iter().filter(|node| node.key == listener.public_key());
        cards.any(|node| {
            let card = node.card.as_ref();
            card.is_some_and(|card| card.subscribers.iter().any(|entry| entry.topic == topic))
        })
    };
    match speaker.wait_for_graph(DEADLINE, subscribes).await {
        Some(_) => Ok(()),
        None => Err(FabricError::NotMet {
            speaker: speaker.name().clone(),
            listener: listener.name().clone(),
            topic: topic.to_owned(),
        }),
    }
}

/// Why somebody is not on the network, or alone on it.
#[derive(Debug)]
pub(crate) enum FabricError {
    /// There is no port on the loopback interface.
    Port(io::Error),
    /// A name breaks the rules.
    Name(NameError),
    /// A node could not be opened.
    Open(OpenError),
    /// A link could not be opened.
    Link(LinkError),
    /// Two nodes never met.
    NotMet {
        /// Who would publish.
        speaker: NodeName,
        /// Who would subscribe.
        listener: NodeName,
        /// On which topic.
        topic: String,
    },
}

impl fmt::Display for FabricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(error) => write!(f, "no port could be had on 127.0.0.1: {error}; see that loopback is up"),
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::Open(error) => fmt::Display::fmt(error, f),
            Self::Link(error) => fmt::Display::fmt(error, f),
            Self::NotMet {
                speaker,
                listener,
                topic,
            } => write!(
                f,
                "{speaker} did not learn within {} s that {listener} hears {topic}; is the machine overloaded?",
                DEADLINE.as_secs()
            ),
        }
    }
}

impl Error for FabricError {}
