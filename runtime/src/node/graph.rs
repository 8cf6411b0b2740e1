//! Who is there: the graph, and waiting for it.

use std::time::{Duration, Instant};

use super::Node;
use crate::graph::Graph;

impl Node {
    /// The nodes that are there now.
    pub fn graph(&self) -> Graph {
        self.core.graph.snapshot(&self.core.peers)
    }

    /// Waits until the graph satisfies a condition; gives the graph, or `None` when it did not in time.
    pub async fn wait_for_graph(&self, timeout: Duration, condition: impl Fn(&Graph) -> bool) -> Option<Graph> {
        let wait = async {
            loop {
                let changed = self.core.graph.listen();
                let graph = self.graph();
                if condition(&graph) {
                    return graph;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, wait).await.ok()
    }

    /// Waits until the graph is at rest: every node that claims to be there has shown its card, and nothing has changed
    /// for `quiet`. Gives the graph as it is then, or as it is when `timeout` is over.
    pub async fn settled_graph(&self, quiet: Duration, timeout: Duration) -> Graph {
        let end = Instant::now() + timeout;
        loop {
            let version = self.core.graph.version();
            let changed = self.core.graph.listen();
            let graph = self.graph();
            let alone = graph
                .nodes
                .iter()
                .all(|node| node.key == self.core.public_key() && node.name == self.core.name);
            let at_rest = !alone && graph.nodes.iter().all(|node| node.is_verified());
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return graph;
            }
            let waited = tokio::time::timeout(if at_rest { left.min(quiet) } else { left }, changed).await;
            if at_rest && waited.is_err() && version == self.core.graph.version() {
                return graph;
            }
        }
    }

    /// A number that rises with every change of the graph.
    pub fn graph_version(&self) -> u64 {
        self.core.graph.version()
    }

    /// Waits until the graph is another than that of this version; gives the version that it has then.
    pub async fn graph_changed(&self, since: u64) -> u64 {
        loop {
            let changed = self.core.graph.listen();
            let version = self.core.graph.version();
            if version != since {
                return version;
            }
            changed.await;
        }
    }
}
