//! The answer: whether bytes are the response of one server to one request. No I/O, no clock.
//!
//! A response needs no replay window and no first contact: its signature names the request, which has just been made up, and
//! the server was known before it was asked. So nobody can have recorded it, and one to another request does not hold.

use std::sync::Arc;

use super::believer::Believer;
use super::context::Context;
use super::frame::{Kind, Layout};
use super::peers::WriterFacts;
use super::refusal::{Reason, Refusal};
use super::signature_check::layout_refusal;
use super::trust_store::TrustStore;
use super::verified::Verified;
use super::verifier::check_sizes;
use crate::link::Bytes;

/// What answers one request.
#[derive(Debug)]
pub(crate) struct ExpectedAnswer {
    /// The server that was asked.
    pub(crate) server: Arc<WriterFacts>,
    pub(crate) writer: super::frame::Writer,
    /// The types that it may answer with: the beginning of the hash, and the context for this request.
    pub(crate) types: [([u8; 8], Context); 2],
    pub(crate) frame_len_max: usize,
}

impl ExpectedAnswer {
    /// Opens what came as the answer.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it is not a response of this server to this request, or the server is not trusted to serve.
    pub(crate) fn open(
        &self,
        bytes: Bytes,
        trust: &TrustStore,
        believer: &Believer,
        now_ns: i64,
    ) -> Result<Verified, Refusal> {
        let raw = bytes.as_slice();
        if raw.len() > self.frame_len_max {
            let detail = format!(
                "a frame of {} bytes, at most {} are accepted",
                raw.len(),
                self.frame_len_max
            );
            return Err(Refusal::new(Reason::TooLarge, None, detail));
        }
        let layout = Layout::parse(raw).map_err(layout_refusal)?;
        let context = self.check_header(&layout)?;
        let standing = trust.standing(&self.server, now_ns);
        let permit = standing.permit()?;
        check_sizes(&layout, raw, &permit.limits)?;
        let judge = |facts: &WriterFacts| {
            let latest_ns = trust.latest(now_ns);
            believer.judge(facts, &facts.topic, false, &standing.policy, permit, latest_ns)
        };
        Verified::of_answer(bytes, layout, &context, Arc::clone(&self.server), judge, now_ns)
    }

    /// Whether the header says what it has to; gives the context of its type.
    fn check_header(&self, layout: &Layout) -> Result<Context, Refusal> {
        let header = &layout.header;
        let (key, epoch) = (self.server.peer.public_key(), self.server.peer.epoch);
        let refuse = |reason, detail: String| Err(Refusal::new(reason, Some(header.key), detail));
        if header.kind != Kind::Response || layout.count != 1 {
            let detail = format!("{} of kind {:?} where one response is due", layout.count, header.kind);
            return refuse(Reason::Malformed, detail);
        }
        let of_type = self.types.iter().find(|(prefix, _)| *prefix == header.type_hash_prefix);
        let Some((_, context)) = of_type else {
            let found = crate::key_expr::hex(&header.type_hash_prefix);
            let detail = format!("an answer of a type whose hash begins with {found}, asked for another");
            return refuse(Reason::TypeMismatch, detail);
        };
        if (header.key, header.writer) != (key, self.writer) {
            let detail = format!("answered by {}, asked was a server of {key}", header.key);
            return refuse(Reason::UnknownKey, detail);
        }
        if header.epoch != epoch {
            let detail = format!("answered in epoch {}, asked in epoch {epoch}", header.epoch);
            return refuse(Reason::StaleEpoch, detail);
        }
        match header.replay {
            true => refuse(
                Reason::ReplayNotAllowed,
                "a recording is played back as an answer".to_owned(),
            ),
            false => Ok(*context),
        }
    }
}
