//! The adversary: what anybody with access to the network can do, for demonstrations, proofs and tests.
//!
//! An adversary has a link and no key but its own. It can read what is on the fabric, put any bytes on any topic, and
//! assemble frames that say anything. It has no road into a node: what it captures is bytes, and nothing decodes them.

use std::sync::Arc;
use std::time::Duration;

use crate::key_expr;
use crate::link::{Bytes, Declared, Link, LinkConfig, LinkError};
use crate::name::{Domain, NodeName, TopicName};
use crate::queue::Queue;
use crate::security::key::PublicKey;

/// How many captured frames are kept; older ones are dropped.
const CAPTURED_MAX: usize = 4096;

/// Somebody on the network who is up to no good.
#[derive(Debug)]
pub struct Adversary {
    link: Link,
    domain: Domain,
}

/// Frames as they pass on one topic, unverified.
#[derive(Debug)]
pub struct Capture {
    frames: Arc<Queue<Bytes>>,
    _declared: Declared,
}

/// Answers to questions; dropping it ends them.
#[derive(Debug)]
pub struct FalseWitness {
    _declared: Declared,
}

/// A claim that a node is there; dropping it takes it back.
#[derive(Debug)]
pub struct FalsePresence {
    _token: Declared,
}

impl Adversary {
    /// Joins the network.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link cannot be opened.
    pub async fn join(config: &LinkConfig, domain: Domain) -> Result<Self, LinkError> {
        Ok(Self {
            link: Link::open(config, &domain).await?,
            domain,
        })
    }

    /// Listens in on a topic.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn capture(&self, topic: &TopicName) -> Result<Capture, LinkError> {
        let frames = Arc::new(Queue::new(CAPTURED_MAX));
        let captured = Arc::clone(&frames);
        let declared = self
            .link
            .subscribe(&key_expr::topic(&self.domain, topic), move |_, bytes| {
                captured.push(bytes)
            })?;
        Ok(Capture {
            frames,
            _declared: declared,
        })
    }

    /// Puts any bytes on a topic.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn put(&self, topic: &TopicName, bytes: &[u8]) -> Result<(), LinkError> {
        self.link.put(&key_expr::topic(&self.domain, topic), bytes.to_vec())
    }

    /// Puts any bytes on any key of the fabric.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed or the key is no key expression.
    pub fn put_on(&self, key_expr: &str, bytes: &[u8]) -> Result<(), LinkError> {
        self.link.put(key_expr, bytes.to_vec())
    }

    /// Claims that a node is there, as anybody can.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn claim_presence(&self, key: &PublicKey, epoch: u64, node: &NodeName) -> Result<FalsePresence, LinkError> {
        let token = self
            .link
            .declare_token(&key_expr::node_token(&self.domain, key, epoch, node))?;
        Ok(FalsePresence { _token: token })
    }

    /// Answers every question on a key with any bytes, on any key that matches the question.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed or the question is no key expression.
    pub fn answer(&self, question: &str, answer_on: &str, bytes: &[u8]) -> Result<FalseWitness, LinkError> {
        let (answer_on, bytes) = (answer_on.to_owned(), bytes.to_vec());
        let declared = self.link.serve(question, move |query| {
            // An answer that the link does not take is one lie less.
            let _ = query.reply(&answer_on, bytes.clone());
        })?;
        Ok(FalseWitness { _declared: declared })
    }

    /// Leaves the network.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link cannot be closed in order.
    pub async fn leave(&self) -> Result<(), LinkError> {
        self.link.close().await
    }
}

impl Capture {
    /// The next frame that passes; `None` when none did in time.
    pub fn next(&self, timeout: Duration) -> Option<Vec<u8>> {
        self.frames
            .take_timeout(timeout)
            .ok()
            .map(|bytes| bytes.as_slice().to_vec())
    }

    /// The next frame; `None` when the capture has ended.
    pub async fn next_async(&self) -> Option<Vec<u8>> {
        self.frames.take().await.ok().map(|bytes| bytes.as_slice().to_vec())
    }

    /// The oldest frame that was not taken yet.
    pub fn try_next(&self) -> Option<Vec<u8>> {
        self.frames.try_take().ok().map(|bytes| bytes.as_slice().to_vec())
    }
}
