//! The ledger: which messages wait for an approval, and which approvals for their message. Pure: the time is handed in.
//!
//! # Invariants
//!
//! - At most [`WAITING_MAX`] messages and [`WAITING_BYTES_MAX`] bytes wait, and at most [`EARLY_MAX`] approvals.
//! - Nothing waits beyond its deadline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_msgs::nuncio_msgs::msg::Approval;

use crate::approval::{Passing, Subject};
use crate::security::frame::MessageId;
use crate::security::key::PublicKey;
use crate::security::peers::Peer;
use crate::security::refusal::Refusal;
use crate::security::verifier::VerifiedMessage;

/// The most messages that wait at one subscription.
pub(super) const WAITING_MAX: usize = 256;
/// The most bytes of frames that they may have together.
pub(super) const WAITING_BYTES_MAX: usize = 4 << 20;
/// The most approvals that are kept for messages that have not come yet; the oldest gives way.
const EARLY_MAX: usize = 256;
/// The most approvals that are kept for one message.
const GIVEN_MAX: usize = 16;

/// What one second signer has said of one message.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) signer: Arc<Peer>,
    pub(super) approval: Approval,
    /// How long it is kept when its message has not come.
    pub(super) until: Instant,
}

impl Given {
    fn key(&self) -> PublicKey {
        self.signer.public_key()
    }

    fn id(&self) -> MessageId {
        MessageId(self.approval.message_id)
    }
}

/// A message that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) passing: Passing,
    pub(super) subject: Subject,
    pub(super) since: Instant,
    pub(super) until: Instant,
    pub(super) given: Vec<Given>,
}

impl Waiting {
    pub(super) fn new(message: &VerifiedMessage, passing: Passing, now: Instant, at_most: Duration) -> Self {
        Self {
            subject: Subject::of(message),
            passing,
            since: now,
            until: now + at_most,
            given: Vec::new(),
        }
    }

    /// Takes what somebody has said of this message.
    pub(super) fn add(&mut self, given: Given) -> Result<(), Refusal> {
        let key = given.key();
        self.subject.check(&given.approval, key)?;
        self.given.retain(|earlier| earlier.key() != key);
        if self.given.len() < GIVEN_MAX {
            self.given.push(given);
        }
        Ok(())
    }
}

/// What waits at one subscription.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    bytes: usize,
    early: VecDeque<Given>,
}

impl Ledger {
    /// Lets a message wait; gives it back when there is no room.
    pub(super) fn hold(&mut self, waiting: Waiting) -> Result<(), Box<Waiting>> {
        let more = self.bytes_of(&waiting);
        if self.waiting.len() >= WAITING_MAX || self.bytes + more > WAITING_BYTES_MAX {
            return Err(Box::new(waiting));
        }
        self.bytes += more;
        self.waiting.push_back(waiting);
        Ok(())
    }

    /// Takes out the message that an approval is for, if it waits.
    pub(super) fn take(&mut self, id: MessageId) -> Option<Waiting> {
        self.take_first(|waiting| waiting.subject.id == id)
    }

    /// Takes out a message that has waited too long.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<Waiting> {
        self.take_first(|waiting| waiting.until <= now)
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> VecDeque<Waiting> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }

    fn take_first(&mut self, is_it: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let at = self.waiting.iter().position(is_it)?;
        let waiting = self.waiting.remove(at)?;
        self.bytes -= self.bytes_of(&waiting);
        Some(waiting)
    }

    /// The length of a message's frame, unless another message of it waits: a frame is kept once, and whole.
    fn bytes_of(&self, waiting: &Waiting) -> usize {
        let frame = &waiting.passing.frame;
        let is_kept = self
            .waiting
            .iter()
            .any(|other| Arc::ptr_eq(&other.passing.frame, frame));
        if is_kept { 0 } else { frame.frame_bytes().len() }
    }

    /// When the next message will have waited too long.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }

    /// Keeps an approval whose message has not come yet.
    pub(super) fn remember(&mut self, given: Given, now: Instant) {
        let (id, key) = (given.id(), given.key());
        self.early
            .retain(|earlier| earlier.until > now && (earlier.id(), earlier.key()) != (id, key));
        if self.early.len() >= EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back(given);
    }

    /// Takes out what was said of a message before it came.
    pub(super) fn take_early(&mut self, id: MessageId, now: Instant) -> Vec<Given> {
        self.early.retain(|given| given.until > now);
        let (of_it, others) = std::mem::take(&mut self.early)
            .into_iter()
            .partition::<VecDeque<_>, _>(|given| given.id() == id);
        self.early = others;
        of_it.into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;
    use crate::approval::{ApprovalState, payload_digest};
    use crate::security::refusal::Reason;
    use crate::security::tests::stage::{NODE, Stage};
    use crate::security::verifier::Verified;

    const MINUTE: Duration = Duration::from_secs(60);

    fn waiting(frame: &Arc<Verified>, index: usize, now: Instant) -> Waiting {
        let message = frame.messages().nth(index).unwrap();
        let passing = Passing {
            frame: Arc::clone(frame),
            only: Some(message.number()),
            approval: ApprovalState::Pending,
        };
        Waiting::new(&message, passing, now, MINUTE)
    }

    fn approval(stage: &Stage, id: MessageId, payload: &[u8], until: Instant) -> Given {
        Given {
            signer: stage.peer(NODE),
            approval: Approval {
                message_id: id.0,
                payload_digest: payload_digest(payload),
                decision: Approval::DECISION_APPROVED,
                text: String::new(),
            },
            until,
        }
    }

    #[test]
    fn a_frame_counts_once_however_many_of_its_messages_wait() {
        let (stage, now) = (Stage::new(), Instant::now());
        let mut ledger = Ledger::default();
        let payload = vec![0; WAITING_BYTES_MAX / 4];
        let several = stage.accept(&stage.frame(1, &[&payload, b"b", b"c"]));
        for index in 0..3 {
            ledger.hold(waiting(&several, index, now)).unwrap();
        }
        for number in [4, 5] {
            let frame = stage.accept(&stage.frame(number, &[&payload]));
            ledger.hold(waiting(&frame, 0, now)).unwrap();
        }
        let last = stage.accept(&stage.frame(6, &[&payload]));
        let refused = ledger.hold(waiting(&last, 0, now)).unwrap_err();
        // The frame stays as long as one of its messages waits.
        for message in several.messages() {
            assert!(ledger.hold(waiting(&last, 0, now)).is_err());
            assert!(ledger.take(message.id()).is_some());
        }
        ledger.hold(*refused).unwrap();
        assert_eq!(ledger.take_all().len(), 3);
        assert_eq!(ledger.bytes, 0);
    }

    #[test]
    fn what_waits_leaves_at_its_deadline_and_not_before() {
        let (stage, now) = (Stage::new(), Instant::now());
        let mut ledger = Ledger::default();
        let frame = stage.accept(&stage.frame(1, &[b"a"]));
        ledger.hold(waiting(&frame, 0, now)).unwrap();
        assert_eq!(ledger.next_deadline(), Some(now + MINUTE));
        assert!(ledger.take_overdue(now + MINUTE - Duration::from_nanos(1)).is_none());
        assert!(ledger.take_overdue(now + MINUTE).is_some());
        assert_eq!(ledger.next_deadline(), None);
    }

    #[test]
    fn of_early_approvals_each_signers_last_is_kept_the_oldest_gives_way_and_none_is_kept_for_long() {
        let (stage, now) = (Stage::new(), Instant::now());
        let mut ledger = Ledger::default();
        let id = |number: u8| MessageId([number; 16]);
        ledger.remember(approval(&stage, id(0), b"first", now + MINUTE), now);
        ledger.remember(approval(&stage, id(0), b"second", now + MINUTE), now);
        ledger.remember(approval(&stage, id(1), b"", now + 2 * MINUTE), now);
        let kept = ledger.take_early(id(0), now);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].approval.payload_digest, payload_digest(b"second"));
        assert!(ledger.take_early(id(0), now).is_empty());
        assert!(ledger.take_early(id(1), now + 2 * MINUTE).is_empty());

        ledger.remember(approval(&stage, id(2), b"", now + MINUTE), now);
        for number in 0..EARLY_MAX {
            let other = MessageId((number as u128 + 1_000).to_le_bytes());
            ledger.remember(approval(&stage, other, b"", now + MINUTE), now);
        }
        assert!(ledger.take_early(id(2), now).is_empty());
    }

    #[test]
    fn nobody_approves_its_own_message() {
        let (stage, now) = (Stage::new(), Instant::now());
        let frame = stage.accept(&stage.frame(1, &[b"a"]));
        let mut waiting = waiting(&frame, 0, now);
        let own = approval(&stage, waiting.subject.id, b"a", now);
        let refusal = waiting.add(own).unwrap_err();
        assert_eq!(refusal.reason, Reason::NotPermitted);
        assert!(waiting.given.is_empty());
    }
}
