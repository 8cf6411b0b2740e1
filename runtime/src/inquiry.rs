//! Inquiries: how a publisher asks the nodes of its subscribers which of its messages they have accepted.
//!
//! What was published is asked about afterwards, by a request that the publisher signs for one node; the answer is a
//! [receipt](crate::receipt). Messages that are published while [`UNDER_WAY_MAX`] requests to a node are under way share the
//! next one, so that however many are waited for, few questions are put. No thread is needed: whoever waits puts the first
//! question, and the end of one puts the next.
//!
//! # Invariants
//!
//! - A receipt counts when the node that was asked has signed it for this very request, and it is about what was asked.
//! - Whoever waits gets one outcome, at the latest when no answer to its question can come any more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use nuncio_msgs::nuncio_msgs::msg::ReceiptRequest;
use tokio::sync::oneshot;

use crate::acknowledgement::ReaderOutcome;
use crate::clock;
use crate::event::Counterpart;
use crate::generic_publisher::PublisherFacts;
use crate::key_expr;
use crate::link::Bytes;
use crate::node::NodeCore;
use crate::receipt::{Receipt, request_context};
use crate::security::document::{self, DocumentPlace};
use crate::security::frame::{Kind, Layout};
use crate::security::missing::{Missing, StreamId};
use crate::security::peer::Peer;
use crate::security::refusal::{Reason, Refusal};
use crate::security::signature_check::layout_refusal;

/// The most requests to one node that are under way for one publisher.
const UNDER_WAY_MAX: usize = 4;
/// How much of its time a request leaves for the answer to come back, at most.
const WAY_BACK: Duration = Duration::from_millis(250);
/// The largest receipt, in bytes of its frame.
const RECEIPT_LEN_MAX: usize = 16 << 10;

/// The inquiries of one publisher.
#[derive(Debug)]
pub(crate) struct Inquiries {
    node: Weak<NodeCore>,
    facts: Arc<PublisherFacts>,
    /// The number of the last request.
    requests: AtomicU64,
    readers: Mutex<HashMap<Counterpart, Arc<Inquiry>>>,
}

/// What one instance of a reader's node is asked.
#[derive(Debug)]
struct Inquiry {
    peer: Arc<Peer>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What no request under way asks about.
    waiting: Vec<Waiter>,
    under_way: usize,
}

/// Somebody who waits to hear of one message.
#[derive(Debug)]
struct Waiter {
    stream: StreamId,
    number: u64,
    until: Instant,
    outcome: oneshot::Sender<ReaderOutcome>,
}

/// A request under way. The link drops it when no more answers can come.
struct Question {
    inquiries: Arc<Inquiries>,
    inquiry: Arc<Inquiry>,
    asked: Missing,
    digest: [u8; 32],
    waiters: Mutex<Vec<Waiter>>,
    last_refusal: Mutex<Option<Refusal>>,
}

impl Inquiries {
    pub(crate) fn new(node: Weak<NodeCore>, facts: Arc<PublisherFacts>) -> Self {
        Self {
            node,
            facts,
            requests: AtomicU64::new(0),
            readers: Mutex::default(),
        }
    }

    /// Asks a node whether it has accepted a message. The outcome comes before long after `until`, or never, when the node
    /// of the publisher is closed.
    pub(crate) fn ask(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        (stream, number): (StreamId, u64),
        until: Instant,
    ) -> oneshot::Receiver<ReaderOutcome> {
        let (outcome, heard) = oneshot::channel();
        let inquiry = self.inquiry_of(peer);
        lock(&inquiry.state).waiting.push(Waiter {
            stream,
            number,
            until,
            outcome,
        });
        self.go_on(&inquiry);
        heard
    }

    /// Forgets the nodes that are asked nothing and are none of these.
    pub(crate) fn keep_only(&self, readers: &[Arc<Peer>]) {
        let is_reader = |of: &Counterpart| readers.iter().any(|peer| Counterpart::of(peer) == *of);
        let mut known = lock(&self.readers);
        known.retain(|of, inquiry| is_reader(of) || lock(&inquiry.state).is_busy());
    }

    fn inquiry_of(&self, peer: &Arc<Peer>) -> Arc<Inquiry> {
        let mut readers = lock(&self.readers);
        let known = readers.entry(Counterpart::of(peer));
        let new = || {
            Arc::new(Inquiry {
                peer: Arc::clone(peer),
                state: Mutex::default(),
            })
        };
        let inquiry = known.or_insert_with(new);
        if inquiry.peer.epoch() != peer.epoch() {
            *inquiry = new();
        }
        Arc::clone(inquiry)
    }

    /// Puts the next request to a node, if there is anything to ask and few are under way.
    fn go_on(self: &Arc<Self>, inquiry: &Arc<Inquiry>) {
        let waiters = {
            let mut state = lock(&inquiry.state);
            state.waiting.retain(|waiter| !waiter.outcome.is_closed());
            if state.under_way >= UNDER_WAY_MAX {
                return;
            }
            let Some(stream) = state.waiting.first().map(|waiter| waiter.stream) else {
                return;
            };
            state.under_way += 1;
            let all = std::mem::take(&mut state.waiting);
            let (now, later) = all.into_iter().partition(|waiter| waiter.stream == stream);
            state.waiting = later;
            now
        };
        if let Some(node) = self.node.upgrade() {
            self.put(&node, inquiry, waiters);
        }
    }

    /// Asks about all messages that these wait to hear of.
    fn put(self: &Arc<Self>, node: &NodeCore, inquiry: &Arc<Inquiry>, waiters: Vec<Waiter>) {
        let Some(stream) = waiters.first().map(|waiter| waiter.stream) else {
            return;
        };
        let numbers = waiters.iter().map(|waiter| waiter.number);
        let (first, last) = numbers.fold((u64::MAX, 0), |(first, last), number| {
            (first.min(number), last.max(number))
        });
        let until = waiters.iter().map(|waiter| waiter.until).min();
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        let mut question = Question {
            inquiries: Arc::clone(self),
            inquiry: Arc::clone(inquiry),
            asked: Missing { stream, first, last },
            digest: [0; 32],
            waiters: Mutex::new(waiters),
            last_refusal: Mutex::default(),
        };
        let sealed = match self.seal(node, inquiry, &question.asked) {
            Ok(sealed) => sealed,
            Err(refusal) => return node.refuse_document(refusal),
        };
        question.digest = match Layout::parse(&sealed) {
            Ok(layout) => layout.digest(&sealed),
            Err(error) => return node.refuse_document(layout_refusal(error)),
        };
        let peer = &inquiry.peer;
        let place = key_expr::receipts(&node.domain, &peer.public_key(), peer.epoch(), peer.name());
        let patience = left.saturating_sub(WAY_BACK.min(left / 4));
        let receive = move |_: &str, bytes: Bytes| question.take(bytes);
        // When it could not even be put, the closure was dropped, which is the end of the answers.
        drop(node.link.call(&place, sealed, patience, receive));
    }

    fn seal(&self, node: &NodeCore, inquiry: &Inquiry, asked: &Missing) -> Result<Vec<u8>, Refusal> {
        let request = ReceiptRequest {
            epoch: asked.stream.epoch,
            first: asked.first,
            last: asked.last,
        };
        let peer = &inquiry.peer;
        let to = (&peer.public_key(), peer.epoch(), peer.name());
        let place = DocumentPlace {
            kind: Kind::Request,
            context: request_context(&node.domain, &self.facts.topic, to),
            writer: self.facts.writer,
            epoch: node.epoch,
            number: self.requests.fetch_add(1, Ordering::Relaxed) + 1,
            time_ns: clock::now_ns(),
        };
        document::seal(&node.identity, &request, &place)
    }
}

impl Question {
    /// Takes what came as an answer, in the thread that received it.
    fn take(&self, bytes: Bytes) {
        let Some(node) = self.inquiries.node.upgrade() else {
            return;
        };
        if lock(&self.waiters).is_empty() {
            return;
        }
        match self.open(&node, bytes) {
            Ok(receipt) => self.settle(&receipt),
            Err(refusal) => {
                *lock(&self.last_refusal) = Some(refusal.clone());
                node.refuse(&self.inquiries.facts.topic, refusal);
            }
        }
    }

    fn open(&self, node: &NodeCore, bytes: Bytes) -> Result<Receipt, Refusal> {
        let (peer, len) = (&self.inquiry.peer, bytes.as_slice().len());
        let refuse = |reason, detail: String| Refusal::new(reason, Some(peer.public_key()), detail);
        if len > RECEIPT_LEN_MAX {
            let detail = format!("a receipt of {len} bytes, at most {RECEIPT_LEN_MAX} are accepted");
            return Err(refuse(Reason::TooLarge, detail));
        }
        let place = (&node.domain, &self.inquiries.facts.topic);
        let receipt = Receipt::open(bytes, place, &self.digest, &peer.key)?;
        if (receipt.node(), receipt.node_epoch()) != (peer.name(), peer.epoch()) {
            let detail = format!("a receipt of {}, asked was {}", receipt.node(), peer.name());
            return Err(refuse(Reason::Malformed, detail));
        }
        if !receipt.answers(&self.asked) {
            let detail = format!(
                "a receipt for numbers {:?} of another publisher or of this one, asked for {:?}",
                receipt.asked(),
                (self.asked.first, self.asked.last)
            );
            return Err(refuse(Reason::Malformed, detail));
        }
        node.judge_reader(peer)?;
        Ok(receipt)
    }

    /// Tells those who wait. Who has not got what it waits for, and has time, is asked for again.
    fn settle(&self, receipt: &Receipt) {
        let now = Instant::now();
        for waiter in std::mem::take(&mut *lock(&self.waiters)) {
            let left = waiter.until.saturating_duration_since(now);
            let outcome = match receipt.refused() {
                _ if receipt.accepts_number(waiter.number) => ReaderOutcome::Accepted(receipt.clone()),
                _ if !receipt.is_subscribed() => ReaderOutcome::NotSubscribed(receipt.clone()),
                _ if receipt.refuses_publisher() => ReaderOutcome::Refused(receipt.clone()),
                _ if left > 2 * WAY_BACK => {
                    lock(&self.inquiry.state).waiting.push(waiter);
                    continue;
                }
                Some(_) => ReaderOutcome::Refused(receipt.clone()),
                None => ReaderOutcome::NotYet(receipt.clone()),
            };
            // Whoever has stopped waiting needs no answer.
            let _ = waiter.outcome.send(outcome);
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let refusal = lock(&self.last_refusal).take();
        for waiter in std::mem::take(&mut *lock(&self.waiters)) {
            let outcome = refusal.clone().map_or(ReaderOutcome::Silent, ReaderOutcome::Distrusted);
            let _ = waiter.outcome.send(outcome);
        }
        lock(&self.inquiry.state).under_way -= 1;
        self.inquiries.go_on(&self.inquiry);
    }
}

impl State {
    fn is_busy(&self) -> bool {
        self.under_way > 0 || !self.waiting.is_empty()
    }
}

impl NodeCore {
    /// Whether what a node says of itself is believed: its key is not revoked, and it is the one that its name is pinned to
    /// where names are pinned.
    pub(crate) fn judge_reader(&self, peer: &Arc<Peer>) -> Result<(), Refusal> {
        let now_ns = self.trust.latest(clock::now_ns());
        let policy = self.trust.policy();
        let key = peer.public_key();
        if policy.revoked_at(key).is_some_and(|at_ns| at_ns <= now_ns) {
            return Err(Refusal::new(
                Reason::Revoked,
                Some(key),
                "a receipt that is signed by a revoked key",
            ));
        }
        self.believer.judge_name(peer, &policy, now_ns)
    }
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
