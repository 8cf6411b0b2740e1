//! A robot's node, a bridge with a Foxglove face beside it, and viewers.

use std::time::Duration;

use nuncio::{Discovery, Identity, Keystore, Node, NodeBuilder, TopicPattern};
use nuncio_bridge::foxglove::{FoxgloveOptions, serve};
use nuncio_bridge::{Border, FrontOptions, Rules, TypeLibrary};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::viewer::Viewer;

/// How long anything may take that is waited for. Far longer than it does take: a machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Stage {
    pub(crate) robot: Node,
    pub(crate) border: Border,
    /// Where the robot's node listens.
    pub(crate) endpoint: String,
    /// Where viewers go.
    pub(crate) url: String,
    pub(crate) serving: JoinHandle<()>,
}

impl Stage {
    /// Everything crosses, for everybody.
    pub(crate) async fn new() -> Self {
        Self::with(open_rules(), FoxgloveOptions::default()).await
    }

    pub(crate) async fn with(rules: Rules, options: FoxgloveOptions) -> Self {
        let reserved = nuncio::local_registry::reserve_loopback_port().unwrap();
        let endpoint = reserved.locator();
        let robot = node("robot", 1).listen(&endpoint).open().await.unwrap();
        let bridge = node("bridge", 2).connect(&endpoint).open().await.unwrap();
        let border = Border::new(bridge, rules, TypeLibrary::open(&[]).unwrap());
        let met = |graph: &nuncio::graph::Graph| {
            graph
                .nodes
                .iter()
                .any(|node| node.name == *robot.name() && node.is_verified())
        };
        border.node().wait_for_graph(DEADLINE, met).await.unwrap();
        let options = FoxgloveOptions {
            front: FrontOptions {
                address: "127.0.0.1:0".parse().unwrap(),
                ..options.front
            },
            ..options
        };
        let (tell, ready) = oneshot::channel();
        let served = border.clone();
        let serving = tokio::spawn(async move {
            serve(served, options, |ready| tell.send(ready).unwrap()).await.unwrap();
        });
        let ready = ready.await.unwrap();
        assert_eq!(ready.face, "foxglove");
        Self {
            robot,
            border,
            endpoint,
            url: ready.address,
            serving,
        }
    }

    /// A viewer of today, that was greeted.
    pub(crate) async fn viewer(&self) -> Viewer {
        Viewer::greeted(&self.url, "foxglove.sdk.v1").await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) fn open_rules() -> Rules {
    Rules::allow([TopicPattern::parse("/**").unwrap()])
}

/// A node with its own key and no memory, not opened yet.
pub(crate) fn node(name: &str, seed: u8) -> NodeBuilder {
    let identity = Identity::from_seed(&[seed; 32]);
    Node::builder(name)
        .keystore(Keystore::ephemeral(identity))
        .discovery(Discovery::Off)
}
