//! Verified messages: the proof that lies between bytes from the network and everybody else.
//!
//! # Invariants
//!
//! - The fields are private, and what makes one is for this folder only: the [`verifier`](super::verifier), after all of its
//!   checks, and `testimony` and `answer`, after their own.

use std::sync::Arc;

use nuncio_msgs::TypeHash;

use super::believer::Verdict;
use super::context::Context;
use super::frame::{Header, Layout, MessageId, MessagePlace, MessageSpan};
use super::key::PublicKey;
use super::missing::StreamId;
use super::peers::WriterFacts;
use super::refusal::Refusal;
use super::signature_check::check_signature;
use crate::link::{Bytes, Query};
use crate::name::{NodeName, TopicName};

/// Whether a message is happening now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Provenance {
    /// Published after this node first met the publisher, or just before.
    Live,
    /// Fetched from the publisher's memory.
    History,
    /// Played back from a recording, signed by whoever plays it.
    Replay,
}

impl Provenance {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::History => "history",
            Self::Replay => "replay",
        }
    }
}

/// One frame that passed the layout, trust, signature and replay checks.
///
/// The fields are private and only the verifier builds one: holding a `Verified` is the proof. Decoding takes a
/// `Verified`, never bytes.
#[derive(Debug)]
pub struct Verified {
    proof: Proof,
    /// Where the first message begins that belongs here: earlier ones were had before.
    start: MessagePlace,
    missing_before: u64,
}

/// What the checks have found of a frame.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) bytes: Bytes,
    pub(super) layout: Layout,
    pub(super) facts: Arc<WriterFacts>,
    pub(super) verdict: Verdict,
    pub(super) provenance: Provenance,
    pub(super) received_time_ns: i64,
    /// Whether the policy demanded a second signer when it was received.
    pub(super) asks_approval: bool,
}

impl Verified {
    /// A frame that was checked. Called by the verifier, and for what `testimony` has checked.
    pub(super) fn new(proof: Proof, missing_before: u64) -> Self {
        Self {
            start: proof.layout.first_place(),
            proof,
            missing_before,
        }
    }

    /// A frame from somebody's memory, if its signature holds in this context.
    pub(super) fn of_history(
        bytes: Bytes,
        layout: Layout,
        context: &Context,
        facts: Arc<WriterFacts>,
        verdict: Verdict,
        received_time_ns: i64,
    ) -> Result<Self, Refusal> {
        let raw = bytes.as_slice();
        check_signature(&layout, raw, &layout.digest(raw), context, &facts.peer.key)?;
        let provenance = match layout.header.replay {
            true => Provenance::Replay,
            false => Provenance::History,
        };
        let proof = Proof {
            bytes,
            layout,
            facts,
            verdict,
            provenance,
            received_time_ns,
            asks_approval: false,
        };
        Ok(Self::new(proof, 0))
    }

    /// A response to a question that was just put, if its signature holds in this context, which names the question, and
    /// `judge` has nothing against the signer.
    pub(super) fn of_answer(
        bytes: Bytes,
        layout: Layout,
        context: &Context,
        facts: Arc<WriterFacts>,
        judge: impl FnOnce(&WriterFacts) -> Result<Verdict, Refusal>,
        received_time_ns: i64,
    ) -> Result<Self, Refusal> {
        let raw = bytes.as_slice();
        check_signature(&layout, raw, &layout.digest(raw), context, &facts.peer.key)?;
        let proof = Proof {
            verdict: judge(&facts)?,
            bytes,
            layout,
            facts,
            provenance: Provenance::Live,
            received_time_ns,
            asks_approval: false,
        };
        Ok(Self::new(proof, 0))
    }

    /// The same, in memory of its own: what the link shares with other frames is let go of.
    fn detached(&self) -> Self {
        let proof = Proof {
            bytes: Bytes::from(self.frame_bytes().to_vec()),
            ..self.proof.clone()
        };
        Self { proof, ..*self }
    }

    /// The query that it came with, if it is a request.
    pub(crate) fn asked_by(&self) -> Option<&Query> {
        self.proof.bytes.asked_by()
    }

    /// The fixed part of the frame.
    pub fn header(&self) -> &Header {
        &self.proof.layout.header
    }

    /// Who signed it.
    pub fn signer(&self) -> PublicKey {
        self.proof.layout.header.key
    }

    /// The node that published it, by its card.
    pub fn node(&self) -> &NodeName {
        &self.proof.facts.peer.name
    }

    /// The topic of its writer, by the card.
    pub fn topic(&self) -> &TopicName {
        &self.proof.facts.topic
    }

    /// The type's full name.
    pub fn type_name(&self) -> &str {
        &self.proof.facts.type_name
    }

    /// The type's full hash.
    pub fn type_hash(&self) -> TypeHash {
        self.proof.facts.type_hash
    }

    /// What the trust policy says of the signer.
    pub fn verdict(&self) -> Verdict {
        self.proof.verdict
    }

    /// Whether it happens now.
    pub fn provenance(&self) -> Provenance {
        self.proof.provenance
    }

    /// How many messages of this writer directly before the first of this frame never arrived.
    pub fn missing_before(&self) -> u64 {
        self.missing_before
    }

    /// When it was received, ns since 1970 by this machine's clock.
    pub fn received_time_ns(&self) -> i64 {
        self.proof.received_time_ns
    }

    /// Whether its messages are for those only who have a second signer's approval.
    pub(crate) fn asks_approval(&self) -> bool {
        self.proof.asks_approval
    }

    /// The publisher that it is of, in one start of its node.
    pub(crate) fn stream(&self) -> StreamId {
        StreamId::of(&self.proof.layout)
    }

    /// What is known of its writer.
    pub(crate) fn facts(&self) -> &Arc<WriterFacts> {
        &self.proof.facts
    }

    /// How many messages of it belong here.
    pub fn count(&self) -> u16 {
        let before = self.start.number().saturating_sub(self.header().first_number);
        self.proof
            .layout
            .count
            .saturating_sub(u16::try_from(before).unwrap_or(u16::MAX))
    }

    /// The number of the first message that belongs here.
    pub fn first_number(&self) -> u64 {
        self.start.number()
    }

    /// The number of the last message.
    pub fn last_number(&self) -> u64 {
        self.proof.layout.last_number()
    }

    /// Leaves out the messages before this number, at least the last one staying.
    pub(crate) fn begin_at(&mut self, number: u64) {
        while self.start.number() < number.min(self.last_number()) {
            let mut place = self.start;
            if self.skip_message(&mut place).is_none() {
                return;
            }
            self.start = place;
        }
    }

    /// So many messages directly before it will never arrive.
    pub(crate) fn set_missing_before(&mut self, count: u64) {
        self.missing_before = count;
    }

    /// The whole frame, as it was signed.
    pub fn frame_bytes(&self) -> &[u8] {
        self.proof.bytes.as_slice()
    }

    /// The same, shared with whatever else holds them.
    pub(crate) fn shared_bytes(&self) -> Bytes {
        self.proof.bytes.clone()
    }

    /// Where the first message begins.
    pub(crate) fn first_place(&self) -> MessagePlace {
        self.start
    }

    /// The message at a place, which moves on to the next.
    pub(crate) fn take_message(self: &Arc<Self>, place: &mut MessagePlace) -> Option<VerifiedMessage> {
        let span = self.skip_message(place)?;
        Some(VerifiedMessage {
            frame: Arc::clone(self),
            span,
        })
    }

    /// Moves on to the next message.
    pub(crate) fn skip_message(&self, place: &mut MessagePlace) -> Option<MessageSpan> {
        let mut messages = self.proof.layout.messages_from(*place, self.proof.bytes.as_slice());
        let span = messages.next();
        *place = messages.place();
        span
    }

    /// The messages in order. They share the frame's bytes.
    pub fn messages(self: &Arc<Self>) -> impl Iterator<Item = VerifiedMessage> + use<'_> {
        let spans = self.proof.layout.messages_from(self.start, self.proof.bytes.as_slice());
        spans.map(|span| VerifiedMessage {
            frame: Arc::clone(self),
            span,
        })
    }
}

/// One message of a verified frame.
#[derive(Clone, Debug)]
pub struct VerifiedMessage {
    frame: Arc<Verified>,
    span: MessageSpan,
}

impl VerifiedMessage {
    /// The frame that it came in.
    pub fn frame(&self) -> &Verified {
        &self.frame
    }

    /// The same, with its frame in memory of its own.
    pub(crate) fn detached(&self) -> Self {
        Self {
            frame: Arc::new(self.frame.detached()),
            span: self.span.clone(),
        }
    }

    /// The payload's bytes.
    pub fn payload(&self) -> &[u8] {
        self.frame
            .proof
            .bytes
            .as_slice()
            .get(self.span.payload.clone())
            .unwrap_or_default()
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.span.number
    }

    /// When it was published, ns since 1970 by the publisher's clock.
    pub fn source_time_ns(&self) -> i64 {
        self.span.time_ns
    }

    /// The message that led to it.
    pub fn cause(&self) -> Option<MessageId> {
        self.span.cause
    }

    /// On whose behalf it was published, by the publisher's word.
    pub fn origin(&self) -> Option<&str> {
        let range = self.span.origin.clone()?;
        std::str::from_utf8(self.frame.proof.bytes.as_slice().get(range)?).ok()
    }

    /// Its id.
    pub fn id(&self) -> MessageId {
        let header = self.frame.header();
        MessageId::of(&header.key, header.writer, header.epoch, self.span.number)
    }

    /// How many messages directly before it never arrived.
    pub fn missing_before(&self) -> u64 {
        if self.span.number == self.frame.first_number() {
            self.frame.missing_before
        } else {
            0
        }
    }
}
