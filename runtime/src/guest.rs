//! Guests: nodes whose key lives elsewhere, such as in a browser, and who reach the fabric through this node.
//!
//! A guest signs everything itself: its card, the answers to those who ask whether it is there, and each frame. This node
//! declares its presence, relays questions and answers, and passes frames on. It can hold them back, and cannot make one.
//!
//! ```text
//! enter    claim -> a question of ours with a nonce -> the guest's card -> its token and what others ask are declared
//! publish  the guest's card (guest::card) -> put; its frame -> security::passage -> Verified -> put
//! asked    query of another node -> GuestQuestion -> the guest -> answer, checked -> the query's reply
//! ```
//!
//! # Invariants
//!
//! - Nothing of a guest is declared before it has proved that it holds its key now, by an answer to our own nonce.
//! - A guest takes no name that a key is pinned to or that another node has, publishes only what a card of its own names,
//!   and serves, calls and subscribes to nothing.
//! - What a guest can make this node hold is bounded: [`GUEST_PUBLISHERS_MAX`] publishers with what each keeps for gaps,
//!   [`GUEST_QUESTIONS_MAX`] questions.
//! - When a [`Guest`] is dropped, it is gone from the fabric.

mod card;
mod error;
mod publishers;
mod questions;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::clock;
use crate::key_expr::{self, NodeClaim};
use crate::link::{Bytes, Declared, LinkError, Query, Slices};
use crate::name::NodeName;
use crate::node::NodeCore;
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::security::passage::{Judges, writer_of};
use crate::security::refusal::{Reason, Refusal};
use crate::security::verifier::Verified;

pub use self::card::{GUEST_PUBLISHERS_MAX, GuestCard};
pub use self::error::GuestError;
pub use self::questions::{Asked, GUEST_QUESTIONS_MAX, GuestQuestion};

use self::publishers::Shown;
use self::questions::{AnswerTo, Questions};

/// How long this node takes at most to see what a guest has shown.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// Who a guest says that it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GuestClaim {
    /// Its full name.
    pub name: NodeName,
    /// Its key.
    pub key: PublicKey,
    /// Its start: greater than at every start before.
    pub epoch: u64,
}

/// A node whose key lives elsewhere. When it is dropped, it is gone.
#[derive(Debug)]
#[must_use = "the guest is there only while this is kept"]
pub struct Guest {
    core: Arc<GuestCore>,
}

/// What a guest and the node that it came to share.
pub(crate) struct GuestCore {
    pub(crate) node: Arc<NodeCore>,
    pub(crate) claim: NodeClaim,
    questions: Mutex<Questions>,
    ask: Box<dyn Fn(GuestQuestion) -> bool + Send + Sync>,
    shown: Mutex<Shown>,
    is_open: AtomicBool,
    /// The token first.
    declared: Mutex<Vec<Declared>>,
}

impl fmt::Debug for GuestCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.claim.node, self.claim.key)
    }
}

impl Guest {
    pub(crate) fn new(
        node: &Arc<NodeCore>,
        claim: GuestClaim,
        ask: impl Fn(GuestQuestion) -> bool + Send + Sync + 'static,
    ) -> Self {
        let GuestClaim { name, key, epoch } = claim;
        let core = GuestCore {
            node: Arc::clone(node),
            claim: NodeClaim { key, epoch, node: name },
            questions: Mutex::default(),
            ask: Box::new(ask),
            shown: Mutex::default(),
            is_open: AtomicBool::new(true),
            declared: Mutex::default(),
        };
        Self { core: Arc::new(core) }
    }

    /// Lets the guest in: it is asked for its card, and must answer within `patience`, by way of [`answer`](Self::answer). When
    /// this returns, this node has met it as others do.
    ///
    /// # Errors
    ///
    /// [`GuestError`] when it does not answer, or with a card that does not hold.
    pub async fn enter(&self, patience: Duration) -> Result<(), GuestError> {
        let (tell, told) = tokio::sync::oneshot::channel();
        if !self.core.put_question(Asked::Card, AnswerTo::Ourselves(tell))? {
            return Err(GuestError::NoAnswer(patience));
        }
        match tokio::time::timeout(patience, told).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(GuestError::NoAnswer(patience)),
        }
        self.core.node.enter_guest(&self.core)?;
        self.core.declare()?;
        self.core.seen(&[]).await
    }

    /// Hands over the answer to a question, which is checked and passed on to whoever asked.
    ///
    /// # Errors
    ///
    /// [`GuestError`] when it is no good answer to a question that is still open.
    pub fn answer(&self, id: u32, frame: Vec<u8>) -> Result<(), GuestError> {
        self.core.answer(id, frame)
    }

    /// Opens a card that the guest wants to show. Whoever calls says whether it may publish all that is in it.
    ///
    /// # Errors
    ///
    /// [`GuestError`] when its signature does not hold, or it says what guests may not.
    pub fn read_card(&self, frame: Vec<u8>) -> Result<GuestCard, GuestError> {
        GuestCard::open(&self.core, frame, &[])
    }

    /// Shows a card to all nodes. From then on the guest may publish what it names, and no longer what it does not name.
    ///
    /// # Errors
    ///
    /// [`GuestError`] when it is older than the last one, the link is closed, or this node does not believe it.
    pub async fn show(&self, card: GuestCard) -> Result<(), GuestError> {
        let key_expr = self.core.card_key();
        let frame = self.core.take_publishers(card)?;
        // A card that cannot be sent now is asked for by whoever needs it.
        self.core
            .node
            .link
            .put_if_room(&key_expr, frame)
            .map_err(GuestError::Link)?;
        self.core.seen(&self.core.writers()).await
    }

    /// Checks a frame as this node checks those that it receives, and that it is the guest's next on its topic.
    ///
    /// # Errors
    ///
    /// [`Refusal`] with the reason. Nothing was passed on.
    pub fn open(&self, frame: Vec<u8>) -> Result<Arc<Verified>, Refusal> {
        let core = &self.core;
        let writer = writer_of(&frame)?;
        let newest = core.node.peers.node(core.claim.key, &core.claim.node);
        if let Some(newer) = newest.filter(|peer| peer.epoch() > core.claim.epoch) {
            let detail = format!("{} has started again with epoch {}", core.claim.node, newer.epoch());
            return Err(Refusal::new(Reason::StaleEpoch, Some(core.claim.key), detail));
        }
        let Some(publisher) = core.shown().publishers.get(&writer).cloned() else {
            let detail = "its writer stands in no card that the guest has shown";
            return Err(Refusal::new(Reason::UnknownKey, Some(core.claim.key), detail));
        };
        let Some(facts) = core.node.peers.writer(core.claim.key, writer) else {
            let detail = "this node does not know the guest any more; connect again";
            return Err(Refusal::new(Reason::UnknownKey, Some(core.claim.key), detail));
        };
        let judges = Judges {
            trust: &core.node.trust,
            believer: &core.node.believer,
            now_ns: clock::now_ns(),
        };
        let verified = publisher.passage.open(Bytes::from(frame), &facts, &judges)?;
        Ok(Arc::new(verified))
    }

    /// Passes on a frame that was opened.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub fn pass_on(&self, verified: &Verified) -> Result<(), LinkError> {
        let writer = verified.header().writer;
        let Some(publisher) = self.core.shown().publishers.get(&writer).cloned() else {
            return Ok(());
        };
        let bytes = Slices::from(verified.shared_bytes());
        publisher.sent.keep(&bytes, verified.first_number(), verified.count());
        publisher.link.put(bytes)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.core.is_open.store(false, Ordering::Release);
        let declared = std::mem::take(&mut *lock(&self.core.declared));
        declared.into_iter().for_each(drop);
        lock(&self.core.questions).clear();
    }
}

impl GuestCore {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        lock(&self.shown)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(crate) fn card_key(&self) -> String {
        let NodeClaim { key, epoch, node } = &self.claim;
        key_expr::card(&self.node.domain, key, *epoch, node)
    }

    /// Passes a question on; `false` when there is no room for it.
    fn put_question(&self, asked: Asked, answer_to: AnswerTo) -> Result<bool, GuestError> {
        let question = lock(&self.questions).enter(asked, answer_to)?;
        Ok((self.ask)(question))
    }

    fn answer(&self, id: u32, frame: Vec<u8>) -> Result<(), GuestError> {
        let open = lock(&self.questions).take(id)?;
        match open.asked {
            Asked::Card => {
                GuestCard::open(self, frame.clone(), &open.nonce)?.check_answer(&self.writers())?;
                match open.answer_to {
                    AnswerTo::Ourselves(tell) => drop(tell.send(())),
                    AnswerTo::Query(query) => drop(query.reply(&self.card_key(), frame)),
                }
            }
            Asked::Type(hash) => {
                card::check_definition(self, &frame, &hash, &open.nonce)?;
                if let AnswerTo::Query(query) = open.answer_to {
                    let answer_on = key_expr::type_definition(&self.node.domain, &self.claim.key, hash.as_bytes());
                    // Whoever has gone meanwhile needs no answer.
                    let _ = query.reply(&answer_on, frame);
                }
            }
        }
        Ok(())
    }

    /// Declares what other nodes ask, and then that the guest is there.
    fn declare(self: &Arc<Self>) -> Result<(), GuestError> {
        let NodeClaim { key, epoch, node: name } = &self.claim;
        let (node, domain) = (&self.node, &self.node.domain);
        let relay = |asked: fn(&Query) -> Option<Asked>| {
            let weak = Arc::downgrade(self);
            move |query: Query| {
                let guest = weak.upgrade().filter(|guest| guest.is_open());
                if let (Some(guest), Some(asked)) = (guest, asked(&query)) {
                    // A question that has no room ends here for whoever asked.
                    let _ = guest.put_question(asked, AnswerTo::Query(query));
                }
            }
        };
        let cards = node.link.serve(&self.card_key(), relay(|_| Some(Asked::Card)));
        let types = node.link.serve(
            &key_expr::type_definitions(domain, key),
            relay(|query| key_expr::parse_type_definition(query.key_expr()).map(Asked::of_type)),
        );
        let weak: Weak<NodeCore> = Arc::downgrade(node);
        let histories = node
            .link
            .serve(&key_expr::histories(domain, key, *epoch), move |query| {
                if let Some(node) = weak.upgrade() {
                    node.history.take(&node, query);
                }
            });
        let (cards, types, histories) = (
            cards.map_err(GuestError::Link)?,
            types.map_err(GuestError::Link)?,
            histories.map_err(GuestError::Link)?,
        );
        let token = key_expr::node_token(domain, key, *epoch, name);
        let token = node.link.declare_token(&token).map_err(GuestError::Link)?;
        lock(&self.declared).extend([token, histories, types, cards]);
        Ok(())
    }

    /// Waits until this node knows the guest, and these writers of it.
    async fn seen(&self, writers: &[Writer]) -> Result<(), GuestError> {
        let NodeClaim { key, epoch, node: name } = &self.claim;
        let peers = &self.node.peers;
        let is_seen = || {
            let knows_node = peers.node(*key, name).is_some_and(|peer| peer.epoch() == *epoch);
            knows_node && writers.iter().all(|writer| peers.writer(*key, *writer).is_some())
        };
        let wait = async {
            loop {
                let changed = self.node.graph.listen();
                if is_seen() {
                    return;
                }
                changed.await;
            }
        };
        let seen = tokio::time::timeout(SEEN_WITHIN, wait).await;
        seen.map_err(|_| GuestError::NotBelieved)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
