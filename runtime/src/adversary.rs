//! The adversary: what anybody with access to the network can do, for demonstrations, proofs and tests.
//!
//! An adversary has a link and no key but its own. It can read what is on the fabric, put any bytes on any topic, and
//! assemble frames that say anything. It has no road into a node: what it captures is bytes, and nothing decodes them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::card::NONCE_LEN;
use crate::contact::ANSWER_TIMEOUT;
use crate::key_expr;
use crate::link::{Bytes, Declared, Link, LinkConfig, LinkError};
use crate::name::{Domain, NodeName, TopicName};
use crate::queue::{CloseOnDrop, Queue};
use crate::security::key::PublicKey;

/// How many captured frames are kept; older ones are dropped.
const CAPTURED_MAX: usize = 4096;

/// Somebody on the network who is up to no good.
#[derive(Debug)]
pub struct Adversary {
    link: Arc<Link>,
    domain: Domain,
}

/// Frames as they pass on one topic or key, or questions or answers, unverified.
#[derive(Debug)]
pub struct Capture {
    frames: Arc<Queue<Bytes>>,
    _declared: Option<Declared>,
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

/// Presence that is passed on from one network to another; dropping it cuts the other network off.
#[derive(Debug)]
pub struct Relay {
    _declared: Vec<Declared>,
}

impl Adversary {
    /// Joins the network.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link cannot be opened.
    pub async fn join(config: &LinkConfig, domain: Domain) -> Result<Self, LinkError> {
        Ok(Self {
            link: Arc::new(Link::open(config, &domain).await?),
            domain,
        })
    }

    /// Listens in on a topic.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn capture(&self, topic: &TopicName) -> Result<Capture, LinkError> {
        self.capture_on(&key_expr::topic(&self.domain, topic))
    }

    /// Listens in on any key of the fabric.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed or the key is no key expression.
    pub fn capture_on(&self, key_expr: &str) -> Result<Capture, LinkError> {
        let frames = Arc::new(Queue::new(CAPTURED_MAX));
        let captured = Arc::clone(&frames);
        let declared = self.link.subscribe(key_expr, move |_, bytes| captured.push(bytes))?;
        Ok(Capture {
            frames,
            _declared: Some(declared),
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

    /// Asks all nodes with this key for their cards, and throws the answers away.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn ask_for_cards(&self, key: &PublicKey, nonce: [u8; NONCE_LEN]) -> Result<(), LinkError> {
        let question = key_expr::cards_of_key(&self.domain, key);
        self.link.query(&question, nonce.to_vec(), ANSWER_TIMEOUT, |_, _| {})
    }

    /// Passes presence on to a network that this one has no link to, as a router between the two would: liveliness
    /// tokens, pushed cards, and questions for cards with their answers. Topics are not passed on: that is for
    /// whoever captures them here and puts what they like there.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when a link is closed.
    pub fn relay_presence(&self, to: &Self) -> Result<Relay, LinkError> {
        let [tokens, cards] = [
            key_expr::all_node_tokens(&self.domain),
            key_expr::all_cards(&self.domain),
        ];
        self.relay_presence_on(to, &tokens, &cards)
    }

    /// The same for the nodes of one key alone, so that presence can be passed on both ways.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when a link is closed.
    pub fn relay_presence_of(&self, key: &PublicKey, to: &Self) -> Result<Relay, LinkError> {
        let tokens = key_expr::node_tokens_of_key(&self.domain, key);
        self.relay_presence_on(to, &tokens, &key_expr::cards_of_key(&self.domain, key))
    }

    fn relay_presence_on(&self, to: &Self, tokens: &str, cards: &str) -> Result<Relay, LinkError> {
        let questions = self.relay_questions(to, cards)?;
        let other = Arc::clone(&to.link);
        let cards = self.link.subscribe(cards, move |key_expr, bytes| {
            // What the far side does not take is lost, as on any router.
            let _ = other.put(key_expr, bytes.as_slice().to_vec());
        })?;
        let other = Arc::clone(&to.link);
        let passed_on = Mutex::new(HashMap::new());
        let presence = self.link.watch_tokens(tokens, move |key_expr, alive| {
            let mut tokens = passed_on.lock().unwrap_or_else(PoisonError::into_inner);
            if !alive {
                tokens.remove(key_expr);
            } else if let Ok(token) = other.declare_token(key_expr) {
                tokens.insert(key_expr.to_owned(), token);
            }
        })?;
        Ok(Relay {
            _declared: vec![presence, cards, questions],
        })
    }

    /// Passes questions for publishers' last messages on from a network that this one has no link to, and the answers back.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when a link is closed.
    pub fn relay_history(&self, to: &Self) -> Result<Relay, LinkError> {
        let questions = self.relay_questions(to, &key_expr::all_histories(&to.domain))?;
        Ok(Relay {
            _declared: vec![questions],
        })
    }

    fn relay_questions(&self, to: &Self, key_expr: &str) -> Result<Declared, LinkError> {
        let here = Arc::clone(&self.link);
        to.link.serve(key_expr, move |query| {
            let (question, payload, query) = (query.key_expr().to_owned(), query.payload(), Arc::new(query));
            let _ = here.query(&question, payload, ANSWER_TIMEOUT, move |answered_on, bytes| {
                let _ = query.reply(answered_on, bytes.as_slice().to_vec());
            });
        })
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

    /// Listens in on questions: what was asked on a key that matches, which may have wildcards. Nothing is answered.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn overhear(&self, question: &str) -> Result<Capture, LinkError> {
        let frames = Arc::new(Queue::new(CAPTURED_MAX));
        let captured = Arc::clone(&frames);
        let declared = self
            .link
            .serve(question, move |query| captured.push(query.payload().into()))?;
        Ok(Capture {
            frames,
            _declared: Some(declared),
        })
    }

    /// Asks with any bytes. The capture has the answers and ends when no more can come.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed or the key is no key expression.
    pub fn ask(&self, key_expr: &str, bytes: &[u8], timeout: Duration) -> Result<Capture, LinkError> {
        let frames = Arc::new(Queue::new(CAPTURED_MAX));
        let captured = CloseOnDrop(Arc::clone(&frames));
        self.link.query(key_expr, bytes.to_vec(), timeout, move |_, bytes| {
            captured.0.push(bytes)
        })?;
        Ok(Capture {
            frames,
            _declared: None,
        })
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
