//! The program's own node: hidden, named after the process, open as long as the command runs.

use std::path::PathBuf;
use std::process;
use std::time::Duration;

use nuncio::graph::Graph;
use nuncio::{Keystore, LinkConfig, Node, TlsFiles, TrustMode};

use crate::cli::GlobalArgs;
use crate::commands::CommandError;
use crate::interrupt::Interrupt;
use crate::render::{Render, count, short_key};

/// How long to look for nodes unless `--timeout` says otherwise.
const LOOK_FOR_NODES: Duration = Duration::from_secs(2);

/// How long closing may take: a neighbour that hangs must not hold up the prompt.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a command on the network works with.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) node: Node,
    pub(crate) render: &'a Render,
    pub(crate) interrupt: Interrupt,
    /// `--timeout`, if given.
    pub(crate) timeout: Option<Duration>,
    /// Where this user's key and trust are.
    pub(crate) keystore_dir: PathBuf,
    /// `--interfaces`
    pub(crate) interfaces: Vec<PathBuf>,
}

impl<'a> Session<'a> {
    /// How long the graph must not have changed to be taken for complete.
    pub(crate) const QUIET: Duration = Duration::from_millis(300);

    /// Opens the node.
    ///
    /// # Errors
    ///
    /// Whatever keeps a node from being opened: keystore, endpoints, ports.
    pub(crate) async fn open(global: &GlobalArgs, render: &'a Render) -> Result<Self, CommandError> {
        Self::open_as(&format!("/_nuncio_{}", process::id()), global, render).await
    }

    /// As [`open`](Self::open), with a node of this full name.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) async fn open_as(name: &str, global: &GlobalArgs, render: &'a Render) -> Result<Self, CommandError> {
        let interrupt = Interrupt::listen()?;
        let keystore_dir = global.keystore_dir()?;
        let keystore = Keystore::open(&keystore_dir)?;
        if keystore.stored_identity()?.is_none() {
            let key = keystore.identity()?.public_key();
            render.note(format!(
                "made this user's key {}; `nuncio key show` tells where it is",
                short_key(&key)
            ));
        }
        let link = LinkConfig {
            listen: global.listen.clone(),
            connect: global.connect.clone(),
            discovery: global.discovery,
            tls: keystore.path().map(|dir| TlsFiles::new(dir, global.tls.as_deref())),
            shared_memory: None,
            frame_len_max: None,
        };
        if let Some(mode) = global.trust_mode {
            warn_of_weaker_mode(render, &keystore, mode)?;
        }
        let (namespace, base) = name.rsplit_once('/').unwrap_or_default();
        let builder = Node::builder(base)
            .namespace(namespace)
            .domain(global.domain.clone())
            .keystore(keystore)
            .link(link);
        let builder = match global.trust_mode {
            Some(mode) => builder.trust_mode(mode),
            None => builder,
        };
        let node = render.progress("opening the link", builder.open()).await?;
        Ok(Self {
            node,
            render,
            interrupt,
            timeout: global.timeout,
            keystore_dir,
            interfaces: global.interfaces.clone(),
        })
    }

    /// How long to look for nodes.
    pub(crate) fn look_for_nodes(&self) -> Duration {
        self.timeout.unwrap_or(LOOK_FOR_NODES)
    }

    /// The nodes that are there, once nothing new appears; what is known so far when a person has had enough.
    pub(crate) async fn graph(&mut self) -> Graph {
        let timeout = self.look_for_nodes();
        let settled = self
            .render
            .progress("looking for nodes", self.node.settled_graph(Self::QUIET, timeout));
        let graph = tokio::select! {
            graph = settled => graph,
            () = self.interrupt.wished() => self.node.graph(),
        };
        while let Some(event) = self.node.try_next_refusal() {
            self.render
                .warning(format!("refused: {}; {}", event.refusal, event.refusal.reason.remedy()));
        }
        graph
    }

    /// Says on stderr what an empty answer rests on: who was seen, and how this program looks for others.
    pub(crate) async fn explain_nothing(&self, graph: &Graph) {
        let others = graph.nodes.iter().filter(|node| !self.is_own(node)).count();
        let neighbours = self.node.neighbours().await;
        self.render.note(format!(
            "{} seen in domain {}; discovery: {}; links: {}",
            count(others, "other node"),
            self.node.domain(),
            self.node.discovery(),
            if neighbours.is_empty() {
                "none".to_owned()
            } else {
                neighbours.join(" ")
            },
        ));
        let unverified = graph.nodes.iter().filter(|node| !node.is_verified()).count();
        if unverified > 0 {
            self.render.note(format!(
                "{} of them shows no card, so nothing it may publish is listed",
                count(unverified, "node")
            ));
        }
    }

    /// Whether a node of the graph is this program's.
    pub(crate) fn is_own(&self, node: &nuncio::graph::GraphNode) -> bool {
        node.key == self.node.public_key() && node.name == *self.node.name()
    }

    /// Closes the node in order, if that is to be had in time.
    pub(crate) async fn close(self) {
        match tokio::time::timeout(CLOSE_TIMEOUT, self.node.close()).await {
            Ok(Ok(unsent)) => unsent.iter().for_each(|lost| self.render.note(lost.to_string())),
            Ok(Err(error)) => self.render.note(format!("the link did not close in order: {error}")),
            Err(_) => self.render.note("the link did not close in time"),
        }
    }
}

/// A flag that weakens what trust.toml says is obeyed, but never silently.
fn warn_of_weaker_mode(render: &Render, keystore: &Keystore, mode: TrustMode) -> Result<(), CommandError> {
    let Some(file) = keystore.trust_file()? else {
        return Ok(());
    };
    let strictness = |mode| TrustMode::ALL.iter().position(|known| *known == mode);
    let said = file.policy().mode;
    if strictness(mode) < strictness(said) {
        render.warning(format!(
            "WEAKER TRUST: trust.toml says {said}, but --trust-mode {mode} is used for this command"
        ));
    }
    Ok(())
}
