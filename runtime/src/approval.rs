//! Approval: whether a second signer agrees to a message, where trust.toml demands one.
//!
//! An approval is an ordinary signed message, `nuncio_msgs/msg/Approval`, on the topic `<topic>/_approvals`. It names the
//! message's id and the hash of its payload, so it holds for that content and for no other.

use std::sync::{Arc, Weak};
use std::time::Duration;

use nuncio_msgs::nuncio_msgs::msg::Approval;

use crate::approval_desk::ApprovalDesk;
use crate::reception::Reception;
use crate::security::frame::MessageId;
use crate::security::key::PublicKey;
use crate::security::refusal::{Reason, Refusal};
use crate::security::verifier::{Verified, VerifiedMessage};

/// The longest time that a message waits for its approvals, and an approval for its message.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// Whether a second signer has approved a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ApprovalState {
    /// The trust policy demands no second signer for it.
    #[default]
    NotAsked,
    /// It is shown whether or not it will be approved. Nothing may be moved by it.
    Pending,
    /// These keys have approved it; together they hold every role that the policy demands.
    By(Vec<PublicKey>),
}

/// What a subscription does about approvals.
#[derive(Debug)]
pub(crate) enum ApprovalPart {
    /// It holds back messages until they are approved.
    Awaits(Box<ApprovalDesk>),
    /// It shows all at once, marked as pending.
    Shows,
    /// It receives the approvals for another subscription.
    Brings(Weak<Reception>),
}

/// A verified frame on its way to the queue, or one message of it where each is approved by itself.
#[derive(Clone, Debug)]
pub(crate) struct Passing {
    pub(crate) frame: Arc<Verified>,
    /// The number of the one message; `None`: all.
    pub(crate) only: Option<u64>,
    pub(crate) approval: ApprovalState,
}

impl Passing {
    pub(crate) fn whole(frame: Arc<Verified>, approval: ApprovalState) -> Self {
        Self {
            frame,
            only: None,
            approval,
        }
    }
}

/// What an approval has to name.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) id: MessageId,
    pub(crate) signer: PublicKey,
    payload_digest: [u8; 32],
}

impl Subject {
    pub(crate) fn of(message: &VerifiedMessage) -> Self {
        Self {
            id: message.id(),
            signer: message.frame().signer(),
            payload_digest: payload_digest(message.payload()),
        }
    }

    /// Whether an approval by this key is one for this message. Whether the key may approve is another question.
    pub(crate) fn check(&self, approval: &Approval, by: PublicKey) -> Result<(), Refusal> {
        let id = self.id;
        let detail = if by == self.signer {
            format!("the message {id} cannot be approved by the key that signed it: two must agree")
        } else if approval.message_id != id.0 || approval.payload_digest != self.payload_digest {
            format!("the approval is for other content than that of the message {id}")
        } else {
            return Ok(());
        };
        Err(Refusal::new(Reason::NotPermitted, Some(by), detail))
    }
}

/// What an approval names besides the id, so that it holds for one content only.
pub(crate) fn payload_digest(payload: &[u8]) -> [u8; 32] {
    *blake3::hash(payload).as_bytes()
}
