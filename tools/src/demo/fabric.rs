//! The fabric: real Zenoh links over loopback TCP between all who take part, on ports that the system chose.
//!
//! Nothing is scouted for, so a demonstration never meets a robot that is there in earnest. Each one that joins listens
//! and connects to all who came before.

use std::time::Duration;

use nuncio::adversary::Adversary;
use nuncio::graph::Graph;
use nuncio::local_registry::{ReservedPort, reserve_loopback_port};
use nuncio::{Discovery, Domain, Identity, Keystore, LinkConfig, Node};

use super::DemoError;
use super::topic::Topic;

/// How long anything may take before the show begins. Far longer than it does take: a machine may be busy.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);

/// Who is on the network so far.
#[derive(Debug)]
pub(super) struct Fabric {
    domain: Domain,
    endpoints: Vec<String>,
}

impl Fabric {
    /// A network with nobody on it.
    pub(super) fn new() -> Result<Self, DemoError> {
        Ok(Self {
            domain: Domain::parse("demo").map_err(DemoError::Name)?,
            endpoints: Vec::new(),
        })
    }

    /// The domain of all nodes.
    pub(super) fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Opens a node that forgets everything when it is closed.
    pub(super) async fn node(&mut self, namespace: &str, name: &str, identity: &Identity) -> Result<Node, DemoError> {
        let (link, _reserved) = self.place()?;
        let builder = Node::builder(name)
            .namespace(namespace)
            .domain(self.domain.clone())
            .keystore(Keystore::ephemeral(identity.clone()))
            .link(link);
        builder.open().await.map_err(DemoError::Open)
    }

    /// Lets in somebody who has a network cable.
    pub(super) async fn adversary(&mut self) -> Result<Adversary, DemoError> {
        let (link, _reserved) = self.place()?;
        Adversary::join(&link, self.domain.clone())
            .await
            .map_err(DemoError::Link)
    }

    /// A place to listen, and the way to everybody who is there. The port is held for as long as the second is kept.
    fn place(&mut self) -> Result<(LinkConfig, ReservedPort), DemoError> {
        let reserved = reserve_loopback_port().map_err(DemoError::Port)?;
        let connect = self.endpoints.clone();
        self.endpoints.push(reserved.locator());
        let link = LinkConfig {
            listen: vec![reserved.locator()],
            connect,
            discovery: Some(Discovery::Off),
        };
        Ok((link, reserved))
    }
}

/// Waits until `speaker` knows by a signed card that `listener` subscribes to a topic.
///
/// A matching subscriber alone would not do: it may be anybody's. The card comes behind the subscription on the same
/// ordered link, so what is published from then on reaches this listener.
pub(super) async fn meet(speaker: &Node, listener: &Node, topic: Topic) -> Result<(), DemoError> {
    let subscribes = |graph: &Graph| {
        let mut cards = graph.nodes.iter().filter(|node| node.key == listener.public_key());
        cards.any(|node| {
            let card = node.card.as_ref();
            card.is_some_and(|card| card.subscribers.iter().any(|entry| entry.topic == topic.name()))
        })
    };
    match speaker.wait_for_graph(DEADLINE, subscribes).await {
        Some(_) => Ok(()),
        None => Err(DemoError::NotMet {
            speaker: speaker.name().clone(),
            listener: listener.name().clone(),
            topic,
        }),
    }
}
