//! Shown frames: messages that come with their signed frame over somebody else's network, opened by a node that is not linked
//! to their signer.
//!
//! A bridge gives messages to programs that read another protocol, and on request the signed frame beside each. Whoever has
//! both can tell who said it, without believing the bridge, the other network, or anybody on it.
//!
//! # How fresh it is
//!
//! A frame that is shown may have been recorded. So the signer is asked for its card with a nonce of this node's own, and
//! whoever shows the frame passes the question on ([`Node::card_for`]). The card that comes back was signed for this question,
//! and says which number its publisher uses next: what is numbered from there on is live, as on a link of one's own, and no
//! clocks need agree. Where a publisher keeps messages for late subscribers, as many as its card says are taken as
//! [`Provenance::History`](crate::Provenance::History). All else is refused as `TooOld`.
//!
//! # Threat model
//!
//! Whoever shows frames may alter them, move them, mix them, repeat them, show none, and hold them back. None of that brings
//! anything to light that its signer has not said on this topic, in this domain, as this type; nothing is had twice, and the
//! numbers of a publisher only go up. What is held back arrives late: the limits on age in trust.toml bound that.
//!
//! # Invariants
//!
//! - It is the [`verifier`](crate::security::verifier) that subscriptions have, with a table of peers of its own: a card that is
//!   shown makes nobody known on the node's link.
//! - A message is given out once, and only when whoever takes it has compared it with what it came beside.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::approval::ApprovalState;
use crate::card::{self, NONCE_LEN};
use crate::clock;
use crate::delivery::Delivery;
use crate::generic_subscriber::GenericReceived;
use crate::key_expr::{self, NodeClaim};
use crate::link::Bytes;
use crate::name::{NodeName, TopicName};
use crate::node::{Node, NodeCore};
use crate::qos::Durability;
use crate::queue::{CloseOnDrop, Queue};
use crate::refusal_ledger::RefusalEvent;
use crate::security::frame::{Kind, Layout, Writer};
use crate::security::key::PublicKey;
use crate::security::missing::{Missing, StreamId};
use crate::security::peers::{CardRoad, Peers};
use crate::security::refusal::{Reason, Refusal};
use crate::security::signature_check::layout_refusal;
use crate::security::verifier::{
    ExpectedType, Opened, STREAMS_MAX, Verified, VerifiedMessage, Verifier, VerifierSetup,
};
use crate::stats::{SubscriptionCounters, SubscriptionStats, add};

/// The bytes of the nonce in a question for a card.
pub const CARD_NONCE_LEN: usize = NONCE_LEN;

/// The largest card that is passed on, in bytes.
const CARD_LEN_MAX: usize = 2 << 20;

/// How long a question may have taken for its answer to tell how far apart two clocks are.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(100);

/// Opens the frames of one topic that are shown by somebody else.
pub struct ShownFrames {
    node: Arc<NodeCore>,
    topic: TopicName,
    peers: Arc<Peers>,
    verifier: Verifier,
    /// The epoch and the number of the last message of each publisher that was given out.
    given: Mutex<HashMap<(PublicKey, Writer), (u64, u64)>>,
    counters: SubscriptionCounters,
}

impl fmt::Debug for ShownFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownFrames")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

/// What became of a frame.
#[derive(Debug)]
pub enum Shown {
    /// It holds.
    Frame(ShownFrame),
    /// Its signer has to be asked for a card first.
    Asks(CardQuestion),
    /// It is refused.
    Refused(Refusal),
}

/// A frame that holds. Its messages are had from [`ShownFrames::take`].
#[derive(Clone, Debug)]
pub struct ShownFrame {
    frame: Arc<Verified>,
    /// The first number that may be had.
    first: u64,
}

impl ShownFrame {
    /// The frame, which is the proof.
    pub fn frame(&self) -> &Verified {
        &self.frame
    }
}

/// A question for the card of a node, for whoever has a road to it.
#[derive(Debug)]
pub struct CardQuestion {
    key: PublicKey,
    node: NodeName,
    nonce: [u8; NONCE_LEN],
    since: Instant,
}

impl CardQuestion {
    /// Whose card is asked for.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The name of its node, by the word of whoever shows the frame.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// What makes the answer one to this question.
    pub fn nonce(&self) -> &[u8; NONCE_LEN] {
        &self.nonce
    }
}

impl Node {
    /// Opens frames of a topic that somebody else shows, by this node's keystore and policy; see
    /// [`shown_frames`](crate::shown_frames). `topic` is the one that they were signed for.
    pub fn shown_frames(&self, topic: TopicName) -> ShownFrames {
        let node = Arc::clone(&self.core);
        let setup = VerifierSetup {
            domain: node.domain.clone(),
            kind: Kind::Message,
            topic: topic.clone(),
            request_id: Vec::new(),
            expected: ExpectedType::AsInCard,
            trust: Arc::clone(&node.trust),
            frame_len_max: node.link.frame_len_max(),
            accept_replay: false,
            keeps_cursor: false,
        };
        let peers = Arc::new(Peers::default());
        let verifier = Verifier::new(setup, Arc::clone(&peers), Arc::clone(&node.believer));
        ShownFrames {
            node,
            topic,
            peers,
            verifier,
            given: Mutex::default(),
            counters: SubscriptionCounters::default(),
        }
    }

    /// The card of a node, signed under somebody else's nonce: for those who check what it has signed without a link to it.
    /// `None` when this node does not know it, or it does not answer in time. Nothing of it is checked here; only whoever made
    /// up the nonce can do that.
    pub async fn card_for(
        &self,
        key: PublicKey,
        node: &NodeName,
        nonce: [u8; CARD_NONCE_LEN],
        timeout: Duration,
    ) -> Option<Vec<u8>> {
        let core = &self.core;
        let epoch = core.peers.node(key, node)?.epoch();
        let answers = Arc::new(Queue::new(1));
        let closing = CloseOnDrop(Arc::clone(&answers));
        let receive = move |_: &str, bytes: Bytes| {
            if bytes.as_slice().len() <= CARD_LEN_MAX {
                closing.0.push(bytes);
            }
        };
        let asked = key_expr::card(&core.domain, &key, epoch, node);
        core.link.query(&asked, nonce.to_vec(), timeout, receive).ok()?;
        let bytes = answers.take().await.ok()?;
        Some(bytes.as_slice().to_vec())
    }
}

impl ShownFrames {
    /// The topic that the frames were signed for.
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// Checks a frame. `node`: the node that is said to have published it, which is asked for its card where that is needed.
    pub fn open(&self, frame: &[u8], node: &NodeName) -> Shown {
        let (bytes, now_ns) = (Bytes::from(frame.to_vec()), clock::now_ns());
        let (opened, first) = match self.verifier.open(&bytes, now_ns) {
            Opened::Refused(refusal) if refusal.reason == Reason::TooOld => match self.kept(&bytes) {
                Some(kept) => (self.verifier.open_answer(&bytes, &kept, now_ns), kept.first),
                None => (Opened::Refused(refusal), 0),
            },
            opened => (opened, 0),
        };
        match opened {
            Opened::Verified(frame) if frame.asks_approval() => {
                let detail = "trust.toml demands a second signer, and approvals are not shown here";
                Shown::Refused(Refusal::new(Reason::NotPermitted, Some(frame.signer()), detail))
            }
            Opened::Verified(frame) => Shown::Frame(ShownFrame {
                frame: Arc::new(frame),
                first,
            }),
            Opened::Duplicate => Shown::Refused(Refusal::new(Reason::TooOld, None, "a frame that was shown before")),
            Opened::Stranger(key) => match self.question(key, node) {
                Ok(question) => Shown::Asks(question),
                Err(refusal) => Shown::Refused(refusal),
            },
            Opened::Refused(refusal) => Shown::Refused(refusal),
        }
    }

    /// Takes in the answer to a question. Afterwards the frame can be opened, if it holds.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the card was not signed by this key for this question.
    pub fn learn(&self, question: &CardQuestion, card: &[u8]) -> Result<(), Refusal> {
        let took = question.since.elapsed();
        let layout = Layout::parse(card).map_err(layout_refusal)?;
        let claim = NodeClaim {
            key: question.key,
            epoch: layout.header.epoch,
            node: question.node.clone(),
        };
        let opened = card::open(card, &self.node.domain, &claim, &question.nonce, &self.peers)?;
        let time_ns = opened.time_ns;
        self.peers.admit(opened, CardRoad::Answered)?;
        if took <= ROUND_TRIP_MAX
            && let Some(peer) = self.peers.node(claim.key, &claim.node)
        {
            let half = i64::try_from(took.as_nanos() / 2).unwrap_or_default();
            peer.set_clock_offset_ns(time_ns.saturating_sub(clock::now_ns().saturating_sub(half)));
        }
        Ok(())
    }

    /// Gives one message of a frame, if it is what came beside the frame by the word of `agrees`, which else says what differs.
    /// What is given was not given before, nor anything later of the same publisher.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the frame has no such message, it was given before, or something else came beside it.
    pub fn take(
        &self,
        shown: &ShownFrame,
        number: u64,
        agrees: impl FnOnce(&VerifiedMessage) -> Result<(), String>,
    ) -> Result<GenericReceived, Refusal> {
        let refuse = |reason, detail: String| Err(Refusal::new(reason, Some(shown.frame.signer()), detail));
        let found = shown.frame.messages().find(|message| message.number() == number);
        let Some(message) = found.filter(|_| number >= shown.first) else {
            return refuse(
                Reason::BadSignature,
                format!("the frame that is shown for it has no message number {number}"),
            );
        };
        if let Err(detail) = agrees(&message) {
            return refuse(Reason::BadSignature, detail);
        }
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let header = shown.frame.header();
        let (publisher, place) = ((header.key, header.writer), (header.epoch, number));
        if given.get(&publisher).is_some_and(|last| place <= *last) {
            let detail = format!(
                "number {number} of {} was shown before, or a later one",
                shown.frame.node()
            );
            return refuse(Reason::TooOld, detail);
        }
        if given.len() >= STREAMS_MAX {
            given.retain(|(key, writer), _| self.peers.writer(*key, *writer).is_some());
        }
        given.insert(publisher, place);
        drop(given);
        add(&self.counters.received, 1);
        let delivery = Delivery {
            message,
            translation: None,
            approval: ApprovalState::NotAsked,
        };
        Ok(GenericReceived::new(self.topic.clone(), delivery))
    }

    /// Counts a refusal here and among the node's, which tells of it.
    pub fn refuse(&self, refusal: Refusal) {
        self.counters.refuse(refusal.reason);
        let topic = self.topic.clone();
        self.node.refusals.enter(RefusalEvent { topic, refusal });
    }

    /// What became of everything that was shown.
    pub fn stats(&self) -> SubscriptionStats {
        self.counters.read(0, (0, 0))
    }

    fn question(&self, key: PublicKey, node: &NodeName) -> Result<CardQuestion, Refusal> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| {
            let detail = "there is no randomness to ask for a card with";
            Refusal::new(Reason::UnknownKey, Some(key), detail)
        })?;
        Ok(CardQuestion {
            key,
            node: node.clone(),
            nonce,
            since: Instant::now(),
        })
    }

    /// The numbers that a publisher keeps for late subscribers, by its card, if it keeps any.
    fn kept(&self, bytes: &Bytes) -> Option<Missing> {
        let layout = Layout::parse(bytes.as_slice()).ok()?;
        let facts = self.peers.writer(layout.header.key, layout.header.writer)?;
        if facts.offer.durability != Durability::TransientLocal || facts.peer.epoch != layout.header.epoch {
            return None;
        }
        let card = facts.peer.card();
        let entry = card.publishers.iter().find(|of| of.writer == layout.header.writer.0)?;
        let kept = Missing {
            stream: StreamId::of(&layout),
            first: entry.next_number.saturating_sub(facts.offer.kept.into()).max(1),
            last: entry.next_number.checked_sub(1)?,
        };
        kept.check(&layout, None).is_ok().then_some(kept)
    }
}
