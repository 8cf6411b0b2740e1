//! The near end: publishes, and starts the far end as another process.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};
use std::sync::Arc;

use nuncio::graph::Graph;
use nuncio::raw_link::RawLink;
use nuncio::{Identity, Node, PublicKey, SharedMemory};
use serde_json::Value;

use super::{BenchError, DEADLINE, LOADS, Load, PING, RATE, Road, failed, late};
use crate::fabric::Fabric;
use crate::other_process::OtherProcess;

/// What is publishing here and the process that listens.
#[derive(Debug)]
pub(crate) struct NearEnd {
    pub(super) node: Node,
    pub(super) raw: Arc<RawLink>,
    far: OtherProcess,
    link: String,
}

impl NearEnd {
    /// Opens both ends, with keys of their own, on ports that the system chose.
    pub(crate) async fn open(road: Road) -> Result<Self, BenchError> {
        let doing = "opening the near end";
        let domain = format!("bench_{}", process::id());
        let mut fabric = Fabric::new(&domain).map_err(failed(doing))?;
        if road == Road::Tcp {
            fabric = fabric.without_shared_memory();
        }
        let identity = Identity::generate().map_err(failed("making a key"))?;
        let node = fabric.node("/", "near_end", &identity).await.map_err(failed(doing))?;
        // A fabric of its own: nothing of the node's shall pass here.
        let (link, _reserved) = Fabric::new(&domain)
            .and_then(|raw| raw.without_shared_memory().place())
            .map_err(failed(doing))?;
        let raw = RawLink::open(&link, node.domain().clone())
            .await
            .map_err(failed(doing))?;
        let mut args: Vec<OsString> = ["bench-part", "--json", "--domain", &domain].map(OsString::from).into();
        let endpoints = [("--connect", node.locators()), ("--raw", &link.listen)];
        for (flag, endpoint) in endpoints
            .iter()
            .flat_map(|(flag, all)| all.iter().map(move |one| (flag, one)))
        {
            args.extend([OsString::from(flag), OsString::from(endpoint)]);
        }
        args.extend((road == Road::Chosen).then(|| OsString::from("--shared-memory")));
        let far = OtherProcess::start(args, |command| {
            // It tells itself why it failed. Ctrl-C is for this process, and the far end goes with it.
            command.stderr(Stdio::inherit()).process_group(0);
        })
        .map_err(failed("starting the far end"))?;
        let mut near = Self {
            node,
            raw: Arc::new(raw),
            far,
            link: String::new(),
        };
        near.meet().await?;
        Ok(near)
    }

    /// The kind of link that the two nodes have, such as `tcp` or `tcp+shm`.
    pub(crate) fn link(&self) -> &str {
        &self.link
    }

    /// The number of the far end's process.
    pub(super) fn far_id(&self) -> u32 {
        self.far.id()
    }

    /// Gives the far end an order and waits for its answer.
    pub(super) async fn ask(&mut self, order: &Value) -> Result<Value, BenchError> {
        self.far
            .say(&order.to_string())
            .map_err(failed("speaking to the far end"))?;
        self.answer().await
    }

    /// Ends both.
    pub(crate) async fn close(self) {
        let Self { node, raw, far, .. } = self;
        far.kill().await;
        // What does not close in order ends with the process.
        let _ = tokio::time::timeout(DEADLINE, async {
            let _ = node.close().await;
            let _ = raw.close().await;
        })
        .await;
    }

    /// Waits until the far end listens to everything, by its signed card.
    async fn meet(&mut self) -> Result<(), BenchError> {
        let ready = self.answer().await?;
        let key = ready.get("key").and_then(Value::as_str).unwrap_or_default();
        let key = PublicKey::parse(key).map_err(failed("reading the key of the far end"))?;
        let others = [PING, RATE].map(str::to_owned);
        let topics: Vec<String> = LOADS.into_iter().map(Load::topic).chain(others).collect();
        let listens = |graph: &Graph| {
            let card = graph
                .nodes
                .iter()
                .find(|node| node.key == key)
                .and_then(|node| node.card.as_ref());
            card.is_some_and(|card| {
                let heard = |topic: &String| card.subscribers.iter().any(|entry| entry.topic == *topic);
                topics.iter().all(heard)
            })
        };
        if self.node.wait_for_graph(DEADLINE, listens).await.is_none() {
            return Err(late("the card of the far end", DEADLINE));
        }
        let neighbours = self.node.neighbours().await;
        let scheme = neighbours.first().and_then(|locator| locator.split('/').next());
        scheme.unwrap_or("none").clone_into(&mut self.link);
        if self.node.shared_memory() == SharedMemory::Used {
            self.link.push_str("+shm");
        }
        Ok(())
    }

    async fn answer(&mut self) -> Result<Value, BenchError> {
        match tokio::time::timeout(DEADLINE, self.far.next()).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(failed("waiting for the far end")("its process has ended")),
            Err(_) => Err(late("an answer of the far end", DEADLINE)),
        }
    }
}
