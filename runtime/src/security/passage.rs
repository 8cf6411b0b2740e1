//! The passage of a guest's frames: whether this node would believe a frame that it is about to pass on. No I/O, no clock.
//!
//! Receivers check everything again. What is refused here is refused where it comes from, and costs nobody else anything.

use std::sync::{Arc, Mutex, PoisonError};

use nuncio_msgs::TypeHash;

use super::believer::Believer;
use super::context::Context;
use super::frame::{Kind, Layout, Writer};
use super::key::PublicKey;
use super::peers::WriterFacts;
use super::rate_limit::RateLimits;
use super::refusal::{Reason, Refusal};
use super::signature_check::layout_refusal;
use super::time_checks;
use super::trust_store::TrustStore;
use super::verified::Verified;
use super::verifier::check_sizes;
use crate::link::Bytes;

/// Whose frames a guest may hand over on one topic.
#[derive(Debug)]
pub(crate) struct Passage {
    key: PublicKey,
    writer: Writer,
    epoch: u64,
    type_hash_prefix: [u8; 8],
    context: Context,
    so_far: Mutex<SoFar>,
}

#[derive(Debug, Default)]
struct SoFar {
    last_number: u64,
    rates: RateLimits,
}

/// By whom and by when a frame is judged.
#[derive(Debug)]
pub(crate) struct Judges<'a> {
    pub(crate) trust: &'a TrustStore,
    pub(crate) believer: &'a Believer,
    pub(crate) now_ns: i64,
}

/// The writer that a frame names, by its own word.
pub(crate) fn writer_of(raw: &[u8]) -> Result<Writer, Refusal> {
    Layout::parse(raw)
        .map(|layout| layout.header.writer)
        .map_err(layout_refusal)
}

impl Passage {
    pub(crate) fn new(
        (key, epoch, writer): (PublicKey, u64, Writer),
        type_hash_prefix: [u8; 8],
        context: Context,
    ) -> Self {
        Self {
            key,
            writer,
            epoch,
            type_hash_prefix,
            context,
            so_far: Mutex::default(),
        }
    }

    /// Whether it is for frames of this type.
    pub(crate) fn is_of_type(&self, type_hash: &[u8; 32]) -> bool {
        TypeHash::from_bytes(*type_hash).prefix() == self.type_hash_prefix
    }

    /// Opens a frame that is to be passed on. Its numbers follow those that were passed before: the one who signed it is the
    /// one who hands it over, in order.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for whatever this node would refuse of others, and for a frame that is not the next.
    pub(crate) fn open(
        &self,
        bytes: Bytes,
        facts: &Arc<WriterFacts>,
        judges: &Judges<'_>,
    ) -> Result<Verified, Refusal> {
        let raw = bytes.as_slice();
        let layout = Layout::parse(raw).map_err(layout_refusal)?;
        self.check_header(&layout)?;
        let standing = judges.trust.standing(facts, judges.now_ns);
        let permit = standing.permit()?;
        check_sizes(&layout, raw, &permit.limits)?;
        time_checks::check(&layout, facts, None, &standing.policy, &permit.limits, judges.now_ns)?;
        let judge = |facts: &WriterFacts| {
            let latest_ns = judges.trust.latest(judges.now_ns);
            let exclusive = facts.exclusive;
            judges
                .believer
                .judge(facts, &facts.topic, exclusive, &standing.policy, permit, latest_ns)
        };
        let (count, last_number) = (layout.count, layout.last_number());
        let mut so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        if layout.header.first_number <= so_far.last_number {
            let detail = format!(
                "number {} after number {}",
                layout.header.first_number, so_far.last_number
            );
            return Err(Refusal::new(Reason::TooOld, Some(self.key), detail));
        }
        let verified = Verified::of_answer(bytes, layout, &self.context, Arc::clone(facts), judge, judges.now_ns)?;
        if let Some(rate) = permit.limits.max_rate {
            so_far.rates.take(self.key, rate, count, judges.now_ns)?;
        }
        so_far.last_number = last_number;
        Ok(verified)
    }

    fn check_header(&self, layout: &Layout) -> Result<(), Refusal> {
        let header = &layout.header;
        let refuse = |reason, detail: String| Err(Refusal::new(reason, Some(header.key), detail));
        if header.kind != Kind::Message {
            let detail = format!("a frame of kind {:?} where messages are due", header.kind);
            return refuse(Reason::Malformed, detail);
        }
        if (header.key, header.writer) != (self.key, self.writer) {
            let detail = format!("a frame of {}, handed over by {}", header.key, self.key);
            return refuse(Reason::UnknownKey, detail);
        }
        if header.type_hash_prefix != self.type_hash_prefix {
            let found = crate::key_expr::hex(&header.type_hash_prefix);
            let detail = format!("a type whose hash begins with {found}, the card names another");
            return refuse(Reason::TypeMismatch, detail);
        }
        if header.epoch != self.epoch {
            let detail = format!("epoch {}, where epoch {} is due", header.epoch, self.epoch);
            return refuse(Reason::Malformed, detail);
        }
        match header.replay {
            true => refuse(Reason::ReplayNotAllowed, "a recording is played back".to_owned()),
            false => Ok(()),
        }
    }
}
