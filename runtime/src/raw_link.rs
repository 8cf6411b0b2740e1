//! A link without signatures: what the fabric does by itself, to hold signed topics against.
//!
//! `nuncio bench` measures both beside each other. The settings are those of a node's own link. The keys lie beside those
//! of signed topics, never among them: what is put here has no road into a node.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::key_expr;
use crate::link::{Bytes, Declared, Link, LinkConfig, LinkError, LinkPublisher, Pieces};
use crate::name::{Domain, TopicName};
use crate::qos::QosProfile;

/// An open link on which nothing is signed.
#[derive(Debug)]
pub struct RawLink {
    link: Link,
    domain: Domain,
}

/// Puts bytes on one topic; waits while the link is congested, as a reliable publisher does.
#[derive(Debug)]
pub struct RawPublisher {
    link: LinkPublisher,
    matched: Mutex<Receiver<bool>>,
}

/// Receives the bytes of one topic; dropping it ends that.
#[derive(Debug)]
#[must_use = "bytes are received only while this is kept"]
pub struct RawSubscriber {
    _declared: Declared,
}

/// Answers what is asked on one topic; dropping it ends that.
#[derive(Debug)]
#[must_use = "questions are answered only while this is kept"]
pub struct RawServer {
    _declared: Declared,
}

impl RawLink {
    /// Opens a link of its own.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link cannot be opened.
    pub async fn open(config: &LinkConfig, domain: Domain) -> Result<Self, LinkError> {
        Ok(Self {
            link: Link::open(config, &domain).await?,
            domain,
        })
    }

    /// A publisher.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn publisher(&self, topic: &TopicName) -> Result<RawPublisher, LinkError> {
        let link = self
            .link
            .declare_publisher(key_expr::unsigned_topic(&self.domain, topic), &QosProfile::keep_all())?;
        let (sender, matched) = channel();
        link.watch_subscribers(move |matching| {
            // Nobody waits for it once the publisher is gone.
            let _ = sender.send(matching);
        })?;
        Ok(RawPublisher {
            link,
            matched: Mutex::new(matched),
        })
    }

    /// Calls `receive` with the bytes of every put, in the thread that received them: it must not block for long.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn subscribe(
        &self,
        topic: &TopicName,
        receive: impl Fn(Pieces<'_>) + Send + Sync + 'static,
    ) -> Result<RawSubscriber, LinkError> {
        let key_expr = key_expr::unsigned_topic(&self.domain, topic);
        let declared = self
            .link
            .subscribe_in_pieces(&key_expr, move |_, pieces| receive(pieces))?;
        Ok(RawSubscriber { _declared: declared })
    }

    /// Answers what is asked on a topic, in the thread that received it: `answer` must not block for long.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn serve(
        &self,
        topic: &TopicName,
        answer: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Result<RawServer, LinkError> {
        let key_expr = key_expr::unsigned_topic(&self.domain, topic);
        let declared = self.link.serve(&key_expr.clone(), move |query| {
            // Whoever is gone needs no answer.
            let _ = query.reply(&key_expr, answer(query.payload()));
        })?;
        Ok(RawServer { _declared: declared })
    }

    /// Asks on a topic. `receive` is called with each answer, and dropped when no more can come.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn ask(
        &self,
        topic: &TopicName,
        bytes: Vec<u8>,
        patience: Duration,
        receive: impl Fn(Bytes) + Send + Sync + 'static,
    ) -> Result<(), LinkError> {
        let key_expr = key_expr::unsigned_topic(&self.domain, topic);
        self.link
            .call(&key_expr, bytes, patience, move |_, bytes| receive(bytes))
    }

    /// Closes the link.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when it cannot be closed in order.
    pub async fn close(&self) -> Result<(), LinkError> {
        self.link.close().await
    }
}

impl RawPublisher {
    /// Puts bytes, which are shared and not copied.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn put(&self, bytes: &Bytes) -> Result<(), LinkError> {
        self.link.put(bytes.clone())
    }

    /// Waits until a subscriber is known; `false` when none came in time.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn wait_for_subscribers(&self, timeout: Duration) -> Result<bool, LinkError> {
        let matched = self.matched.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        while !self.link.has_subscribers()? {
            match matched.recv_timeout(timeout.saturating_sub(start.elapsed())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return self.link.has_subscribers(),
            }
        }
        Ok(true)
    }
}
