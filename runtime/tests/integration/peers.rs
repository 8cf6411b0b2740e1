//! Two real nodes joined by a real Zenoh link over loopback TCP.

use std::time::Duration;

use nuncio::{
    Discovery, GenericReceived, GenericSubscriber, Identity, Keystore, LinkConfig, Message, Node, NodeBuilder,
    ReceiveError, Received, Subscriber, TrustMode,
};

/// How long anything may take that is waited for. Far longer than it does take: a machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Two nodes: the listener listens on a port that the system chose, the talker connects to it. Nothing is scouted for, so
/// that tests run side by side and never meet another robot.
pub(crate) struct Peers {
    pub(crate) talker: Node,
    pub(crate) listener: Node,
    /// Where the listener listens.
    pub(crate) endpoint: String,
}

impl Peers {
    /// Both trust on first use and remember nothing beyond the test.
    pub(crate) async fn new() -> Self {
        Self::in_mode(TrustMode::Tofu).await
    }

    /// As [`new`](Self::new), with the listener in another mode.
    pub(crate) async fn in_mode(mode: TrustMode) -> Self {
        let (listener, endpoint) = listen(node("listener", 2).trust_mode(mode)).await;
        let talker = node("talker", 1)
            .connect(&endpoint)
            .open()
            .await
            .expect("the talker opens");
        let peers = Self {
            talker,
            listener,
            endpoint,
        };
        peers.meet(&peers.talker).await;
        peers
    }

    /// How to get onto the same fabric.
    pub(crate) fn link(&self) -> LinkConfig {
        LinkConfig {
            connect: vec![self.endpoint.clone()],
            discovery: Some(Discovery::Off),
            ..LinkConfig::default()
        }
    }

    /// Waits until the listener has seen the card of `other`.
    pub(crate) async fn meet(&self, other: &Node) {
        let met = |graph: &nuncio::graph::Graph| {
            graph
                .nodes
                .iter()
                .any(|node| node.name == *other.name() && node.key == other.public_key() && node.is_verified())
        };
        assert!(
            self.listener.wait_for_graph(DEADLINE, met).await.is_some(),
            "the listener never met {}",
            other.name()
        );
    }
}

/// A node with its own key and no memory, not opened yet.
pub(crate) fn node(name: &str, seed: u8) -> NodeBuilder {
    Node::builder(name)
        .keystore(Keystore::ephemeral(identity(seed)))
        .discovery(Discovery::Off)
}

/// The key that [`node`] gives a node.
pub(crate) fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

/// Opens a node that listens on a free port, and says where.
pub(crate) async fn listen(builder: NodeBuilder) -> (Node, String) {
    let reserved = nuncio::local_registry::reserve_loopback_port().expect("a port");
    let endpoint = reserved.locator();
    let node = builder.listen(&endpoint).open().await.expect("the listener opens");
    (node, endpoint)
}

/// The next message, or a panic that says what happened instead.
pub(crate) fn next<S: Receive>(subscriber: &S) -> S::Received {
    subscriber
        .receive()
        .unwrap_or_else(|said| panic!("no message arrived: {said}"))
}

/// A subscriber of any kind.
pub(crate) trait Receive {
    type Received;

    fn receive(&self) -> Result<Self::Received, String>;
}

impl<M: Message> Receive for Subscriber<M> {
    type Received = Received<M>;

    fn receive(&self) -> Result<Received<M>, String> {
        self.recv_timeout(DEADLINE).map_err(|error| told(error, self))
    }
}

impl Receive for GenericSubscriber {
    type Received = GenericReceived;

    fn receive(&self) -> Result<GenericReceived, String> {
        self.recv_timeout(DEADLINE).map_err(|error| told(error, self))
    }
}

fn told(error: ReceiveError, subscriber: &GenericSubscriber) -> String {
    format!(
        "{error}; {:?}; the first refusal: {:?}",
        subscriber.stats(),
        subscriber.try_next_refusal()
    )
}
