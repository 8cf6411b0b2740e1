//! Testimony: frames that somebody shows as evidence of what was published earlier.
//!
//! Whoever shows a frame says where it was published, and need not be whoever signed it. Nothing of that has to be
//! believed: the signature covers the place, and a message's id covers its key, writer, epoch and number, so only the
//! signer could have made a frame that answers the question. The card then tells which node that is.
//!
//! | step | refuses with |
//! |---|---|
//! | layout | `NotAFrame`, `UnsupportedVersion`, `UnsupportedSuite`, `Malformed` |
//! | is it what was asked for | `BadSignature` |
//! | signature | `WeakKey`, `BadSignature` |
//! | who is it | `UnknownKey`, `TypeMismatch` |
//! | may it publish there: by the policy of today, at the time of the message | `Revoked`, `CertInvalid`, `CertNotYetValid`, `CertExpired`, `NotPermitted` |
//! | pins | `PinMismatch` |
//!
//! No replay window is asked or changed: what is shown here is history and never delivered as live. How old it is does
//! not matter, nor whether its node was started again since. A key that is revoked by now is refused whatever time its
//! message bears: whoever has stolen a key writes the time that suits.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use nuncio_msgs::TypeHash;

use super::believer::Believer;
use super::context::Context;
use super::floor::Floor;
use super::frame::{Kind, Layout, MessageId, Writer};
use super::key::PublicKey;
use super::peers::{Peer, Peers, WriterFacts};
use super::refusal::{Reason, Refusal};
use super::signature_check::{check_signature, layout_refusal};
use super::trust_store::TrustStore;
use super::verifier::Verified;
use crate::link::Bytes;
use crate::name::{Domain, NodeName, TopicName};
use crate::qos::QosProfile;
use crate::qos::compatibility::Offer;
use crate::sign_of_life::Signs;
use crate::type_support::is_exclusive;

/// How many publishers a node may have had on one topic for a dropped one of them to be recognised.
const INDEXES_MAX: u32 = 1024;

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Question {
    /// The frame with this message.
    Message(MessageId),
    /// Frames with messages that name this one as their cause.
    EffectsOf(MessageId),
}

impl Question {
    /// Whether a frame says of itself that it holds what is asked for. `raw` is what the layout was parsed from.
    pub(crate) fn is_answered_by(self, layout: &Layout, raw: &[u8]) -> bool {
        let header = &layout.header;
        layout.messages(raw).any(|span| match self {
            Self::Message(id) => MessageId::of(&header.key, header.writer, header.epoch, span.number) == id,
            Self::EffectsOf(cause) => span.cause == Some(cause),
        })
    }
}

/// Where a frame was published, by the word of whoever shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FramePlace {
    pub(crate) node: NodeName,
    pub(crate) topic: TopicName,
    pub(crate) type_name: String,
    pub(crate) type_hash: TypeHash,
}

/// A frame that answers the question and whose signature holds for its place. Who is behind the key is still open.
#[derive(Debug)]
pub(crate) struct Testimony {
    bytes: Bytes,
    layout: Layout,
    place: FramePlace,
    context: Context,
}

impl Testimony {
    /// Checks what can be checked without knowing the signer.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the layout, the id or cause, the key or the signature is not right.
    pub(crate) fn examine(
        bytes: Bytes,
        place: FramePlace,
        question: Question,
        domain: &Domain,
        peers: &Peers,
    ) -> Result<Self, Refusal> {
        let raw = bytes.as_slice();
        let layout = Layout::parse(raw).map_err(layout_refusal)?;
        let key = layout.header.key;
        if layout.header.kind != Kind::Message {
            let detail = format!("a frame of kind {:?} where a message is asked for", layout.header.kind);
            return Err(Refusal::new(Reason::Malformed, Some(key), detail));
        }
        if !question.is_answered_by(&layout, raw) {
            let detail = match question {
                Question::Message(id) => format!("a frame without the message {id} that was asked for"),
                Question::EffectsOf(cause) => format!("a frame without a message that {cause} has caused"),
            };
            return Err(Refusal::new(Reason::BadSignature, Some(key), detail));
        }
        let context = Context::new(
            domain,
            place.topic.as_str(),
            &place.type_name,
            &place.type_hash,
            Kind::Message,
            &[],
        );
        let enrolled = peers.key(key)?;
        check_signature(&layout, raw, &layout.digest(raw), &context, &enrolled)?;
        Ok(Self {
            bytes,
            layout,
            place,
            context,
        })
    }

    /// Who signed it.
    pub(crate) fn key(&self) -> PublicKey {
        self.layout.header.key
    }

    /// The node that published it, if a card of this instance or of a later one is known.
    pub(crate) fn signer(&self, peers: &Peers) -> Option<Arc<Peer>> {
        peers
            .node(self.key(), &self.place.node)
            .filter(|peer| peer.epoch() >= self.layout.header.epoch)
    }

    /// Judges the signer and gives the frame as history.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the signer's card says something else, or the signer is not trusted.
    pub(crate) fn accept(
        self,
        signer: Arc<Peer>,
        peers: &Peers,
        believer: &Believer,
        trust: &TrustStore,
        now_ns: i64,
    ) -> Result<Verified, Refusal> {
        let facts = self.facts(signer, peers)?;
        if let Err(refusal) = trust.standing(&facts, now_ns).permit()
            && refusal.reason == Reason::Revoked
        {
            return Err(refusal);
        }
        let standing = trust.standing(&facts, self.layout.header.first_time_ns.min(now_ns));
        let verdict = believer.judge(
            &facts,
            &facts.topic,
            facts.exclusive,
            &standing.policy,
            standing.permit()?,
            trust.latest(now_ns),
        )?;
        Verified::of_history(self.bytes, self.layout, &self.context, facts, verdict, now_ns)
    }

    /// What is known of the writer: from the card, or for a publisher that is gone from what the signature covers.
    fn facts(&self, signer: Arc<Peer>, peers: &Peers) -> Result<Arc<WriterFacts>, Refusal> {
        let (header, place) = (&self.layout.header, &self.place);
        let named = peers.writer(header.key, header.writer);
        if let Some(facts) = named.filter(|facts| facts.peer.epoch == header.epoch) {
            if (&facts.topic, &facts.type_name, facts.type_hash) == (&place.topic, &place.type_name, place.type_hash) {
                return Ok(facts);
            }
            let detail = format!(
                "signed for {} as {}, its card says {} as {}",
                place.topic, place.type_name, facts.topic, facts.type_name
            );
            return Err(Refusal::new(Reason::TypeMismatch, Some(header.key), detail));
        }
        let is_of_node = |index| Writer::derive(place.node.as_str(), place.topic.as_str(), index) == header.writer;
        if !(0..INDEXES_MAX).any(is_of_node) {
            let detail = format!("no publisher of {} on {} has this writer", place.node, place.topic);
            return Err(Refusal::new(Reason::UnknownKey, Some(header.key), detail));
        }
        Ok(Arc::new(WriterFacts {
            peer: signer,
            kind: Kind::Message,
            topic: place.topic.clone(),
            type_name: place.type_name.clone(),
            type_hash: place.type_hash,
            exclusive: is_exclusive(&place.type_name, &place.type_hash),
            offer: Offer::of(&QosProfile::default()),
            signs: Signs::default(),
            floor: Floor::NEVER,
            latest: Mutex::new(Floor::NEVER),
            judged: AtomicU64::new(0),
            standing: ArcSwapOption::empty(),
        }))
    }
}
