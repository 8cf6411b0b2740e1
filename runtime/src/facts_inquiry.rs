//! Asking a node what it says of its own work, and answering that.
//!
//! The answer is signed by the node under a nonce of the question, so that it was not recorded before. It is the node's own
//! word: who believes the node believes it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_msgs::Message;
use nuncio_msgs::nuncio_msgs::msg::NodeFacts;

use crate::card::NONCE_LEN;
use crate::clock;
use crate::graph::GraphNode;
use crate::key_expr;
use crate::link::{Bytes, Declared, LinkError, Query};
use crate::name::{Domain, NodeName};
use crate::node::{Node, NodeCore};
use crate::queue::{CloseOnDrop, Queue};
use crate::security::context::Context;
use crate::security::document::{self, DocumentPlace};
use crate::security::frame::{Kind, Writer};
use crate::security::refusal::{Reason, Refusal};

/// How many answers to one question wait to be looked at; all but one are somebody else's.
const ANSWERS_MAX: usize = 8;

/// The longest answer that is looked at, in bytes of its frame. Facts that are full have some 1.5 MB.
const ANSWER_LEN_MAX: usize = 4 << 20;

/// How long it waits before it asks again, the first time: a node is seen before the way to it is known everywhere.
const PAUSE_MIN: Duration = Duration::from_millis(20);

impl Node {
    /// Asks a node of the [graph](Self::graph) for its [facts](Self::facts). What is returned was signed by the node's key.
    ///
    /// # Errors
    ///
    /// [`FactsError`] when the node shows no card, or does not answer in time with what it has signed.
    pub async fn fetch_facts(&self, of: &GraphNode, timeout: Duration) -> Result<NodeFacts, FactsError> {
        if !of.is_verified() {
            return Err(FactsError::NotVerified { node: of.name.clone() });
        }
        let (since, mut pause) = (Instant::now(), PAUSE_MIN);
        loop {
            let left = timeout.saturating_sub(since.elapsed());
            let refused = match self.core.ask_for_facts(of, left).await? {
                Ok(facts) => return Ok(facts),
                Err(refused) => refused,
            };
            let may_answer_yet = refused.is_none() && self.core.graph.is_there(of.key, &of.name, of.epoch);
            if !may_answer_yet || timeout.saturating_sub(since.elapsed()) <= pause {
                let node = of.name.clone();
                return Err(FactsError::NoAnswer { node, refused });
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

impl NodeCore {
    /// Puts the question once. Without facts, why an answer was refused, if one came.
    async fn ask_for_facts(
        &self,
        of: &GraphNode,
        timeout: Duration,
    ) -> Result<Result<NodeFacts, Option<Refusal>>, FactsError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| FactsError::Nonce(error.to_string()))?;
        let answers = Arc::new(Queue::new(ANSWERS_MAX));
        let closing = CloseOnDrop(Arc::clone(&answers));
        let receive = move |_: &str, bytes: Bytes| {
            if bytes.as_slice().len() <= ANSWER_LEN_MAX {
                closing.0.push(bytes);
            }
        };
        let question = key_expr::facts(&self.domain, &of.key, of.epoch, &of.name);
        self.link
            .query(&question, nonce.to_vec(), timeout, receive)
            .map_err(FactsError::Link)?;
        let mut refused = None;
        while let Ok(bytes) = answers.take().await {
            match open(&bytes, self, of, &nonce) {
                Ok(facts) => return Ok(Ok(facts)),
                Err(refusal) => refused = Some(refusal),
            }
        }
        Ok(Err(refused))
    }
}

impl NodeCore {
    /// Answers whoever asks for the facts of this node.
    pub(crate) fn declare_facts(self: &Arc<Self>) -> Result<Declared, LinkError> {
        let weak = Arc::downgrade(self);
        let question = key_expr::facts(&self.domain, &self.public_key(), self.epoch, &self.name);
        self.link.serve(&question, move |query| {
            if let Some(node) = weak.upgrade().filter(|node| node.check_open().is_ok()) {
                node.answer_facts(&query);
            }
        })
    }

    /// Answers a question for the facts of this node.
    fn answer_facts(&self, query: &Query) {
        let nonce = query.payload();
        // Whoever sends no nonce of ours asks for something to replay.
        if nonce.len() != NONCE_LEN {
            return;
        }
        let place = DocumentPlace {
            kind: Kind::Response,
            context: context(&self.domain, &self.name, &nonce),
            writer: Writer::derive(self.name.as_str(), "@facts", 0),
            epoch: self.epoch,
            number: self.next_card_number(),
            time_ns: clock::now_ns(),
        };
        if let Some(bytes) = self.or_report(document::seal(&self.identity, &self.facts(), &place)) {
            let answer_on = key_expr::facts(&self.domain, &self.public_key(), self.epoch, &self.name);
            // Whoever has asked has gone if it cannot be answered.
            let _ = query.reply(&answer_on, bytes);
        }
    }
}

fn open(bytes: &Bytes, core: &NodeCore, of: &GraphNode, nonce: &[u8]) -> Result<NodeFacts, Refusal> {
    let context = context(&core.domain, &of.name, nonce);
    let (facts, _): (NodeFacts, _) = document::open(bytes.as_slice(), Kind::Response, &context, of.key, &core.peers)?;
    if (facts.node.as_str(), facts.epoch) != (of.name.as_str(), of.epoch) {
        let detail = format!("facts of {}, epoch {}, served for {}", facts.node, facts.epoch, of.name);
        return Err(Refusal::new(Reason::Malformed, Some(of.key), detail));
    }
    Ok(facts)
}

fn context(domain: &Domain, node: &NodeName, nonce: &[u8]) -> Context {
    let (name, hash) = (NodeFacts::TYPE_NAME, &NodeFacts::TYPE_HASH);
    Context::new(domain, node.as_str(), name, hash, Kind::Response, nonce)
}

/// Why there are no facts of a node.
#[derive(Debug)]
#[non_exhaustive]
pub enum FactsError {
    /// It shows no card, so nobody knows whose word its answer would be.
    NotVerified {
        /// The name that somebody claims.
        node: NodeName,
    },
    /// The operating system gives no randomness, without which an answer may be a recorded one.
    Nonce(String),
    /// The question could not be put.
    Link(LinkError),
    /// The node did not answer in time.
    NoAnswer {
        /// The node.
        node: NodeName,
        /// Why an answer that came was refused.
        refused: Option<Refusal>,
    },
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVerified { node } => {
                write!(
                    f,
                    "{node} shows no card that its key has signed, so its facts would be anybody's"
                )
            }
            Self::Nonce(error) => write!(f, "the system gives no randomness: {error}"),
            Self::Link(error) => fmt::Display::fmt(error, f),
            Self::NoAnswer { node, refused: None } => {
                write!(
                    f,
                    "{node} did not say in time how it is; it hangs, is gone, or cannot be reached"
                )
            }
            Self::NoAnswer {
                node,
                refused: Some(refusal),
            } => write!(
                f,
                "{node} did not say in time how it is; what came instead was refused, {refusal}"
            ),
        }
    }
}

impl std::error::Error for FactsError {}
