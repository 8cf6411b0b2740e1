//! Tracing: from a message up to the one that everything began with, and down to what it has led to.
//!
//! A message may name another as its cause. Here that chain is fetched from whoever still has the frames, and every link
//! of it is checked: each frame by its signature, its signer's card, the trust policy and the pins, each step by its times.
//! What second signers have said of each message is fetched and checked beside it. What does not hold is named with its
//! reason, what nobody has is reported as missing, and neither is ever shown as a message.
//!
//! A cause says what its publisher said when it signed. That the one truly followed from the other, no signature proves.
//!
//! # Invariants
//!
//! - Only verified messages are followed further, so the network cannot lead a trace anywhere on its own.
//! - Depth, breadth, answers per question and time are bounded; where a bound ended the trace, it says so.
//! - Forged answers beside a genuine one are reported and change nothing.

mod tracer;

use std::collections::BTreeSet;
use std::time::Duration;

use nuncio_msgs::nuncio_msgs::msg::Approval;

use self::tracer::Tracer;
use crate::node::Node;
use crate::security::decision::Permit;
use crate::security::frame::MessageId;
use crate::security::refusal::Refusal;
use crate::security::role::RoleName;
use crate::security::verifier::VerifiedMessage;

/// The most causes above a message that are followed.
pub const DEPTH_MAX: usize = 64;
/// The most effects below a message that are followed.
pub const EFFECTS_MAX: usize = 64;
/// How much later than its effect a cause may have been published: the clocks of two hosts differ.
pub const CAUSE_LATER_MAX: Duration = Duration::from_secs(1);

/// What was found along the chain of causes.
#[derive(Debug, Default)]
pub struct Trace {
    /// From the first cause down to the message asked for, then its effects, near ones first.
    pub steps: Vec<TraceStep>,
    /// Every answer that was refused, also beside genuine ones, up to a bound.
    pub refusals: Vec<Refusal>,
    /// Whether time or a bound ended the trace before the chain did.
    pub incomplete: bool,
}

/// One message of the chain.
#[derive(Debug)]
pub struct TraceStep {
    /// The message's id.
    pub id: MessageId,
    /// Why it is here.
    pub link: TraceLink,
    /// What was found.
    pub found: Found,
    /// What this node's trust policy permits its publisher, at the message's own time. `None` when it was not found.
    pub permit: Option<Permit>,
    /// What second signers have said of it.
    pub approvals: Vec<TraceApproval>,
}

/// What somebody has said of a message of the trace as its second signer.
#[derive(Debug)]
pub struct TraceApproval {
    /// The message that says so.
    pub message: VerifiedMessage,
    /// What it says.
    pub approval: Approval,
    /// Those roles of its signer that this node's trust policy demands of a second signer here, or why it does not count.
    pub roles: Result<BTreeSet<RoleName>, Refusal>,
}

impl TraceApproval {
    /// Whether it approves, and counts.
    pub fn approves(&self) -> bool {
        self.counts() && self.approval.decision == Approval::DECISION_APPROVED
    }

    fn counts(&self) -> bool {
        self.roles.as_ref().is_ok_and(|roles| !roles.is_empty())
    }
}

impl TraceStep {
    /// The roles whose holders should have approved the message, by this node's trust policy, and have not.
    pub fn lacking(&self) -> BTreeSet<RoleName> {
        let demanded = self.permit.iter().flat_map(|permit| &permit.limits.second_signers);
        let held: Vec<_> = self.approvals.iter().filter(|said| said.approves()).collect();
        let is_there = |role: &&RoleName| {
            held.iter()
                .any(|said| said.roles.as_ref().is_ok_and(|roles| roles.contains(*role)))
        };
        demanded.filter(|role| !is_there(role)).cloned().collect()
    }

    /// Whether somebody who may has rejected it.
    pub fn is_rejected(&self) -> bool {
        self.approvals.iter().any(|said| said.counts() && !said.approves())
    }

    fn holds(&self) -> bool {
        matches!(self.found, Found::Verified(_)) && self.lacking().is_empty() && !self.is_rejected()
    }
}

/// How a message of a trace hangs on the others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TraceLink {
    /// It is the one asked for.
    Asked,
    /// This message names it as its cause.
    CauseOf(MessageId),
    /// It names this message as its cause.
    EffectOf(MessageId),
}

/// What was found of one message.
#[derive(Debug)]
pub enum Found {
    /// The message; everything about it holds.
    Verified(VerifiedMessage),
    /// Nobody shows it: its publisher is gone, has sent much since, or cannot be reached.
    Missing,
    /// What was shown is not it, or does not fit the message that it hangs on.
    Refused(Refusal),
}

impl Trace {
    /// Whether every message is there and holds, up to the first cause, and has the approvals that this node's trust
    /// policy demands.
    pub fn is_whole(&self) -> bool {
        !self.incomplete && !self.steps.is_empty() && self.steps.iter().all(TraceStep::holds)
    }

    /// The message asked for.
    pub fn asked(&self) -> Option<&TraceStep> {
        self.steps.iter().find(|step| step.link == TraceLink::Asked)
    }
}

impl Node {
    /// Fetches a message and what led to it, from whoever still has the frames, and checks it all.
    ///
    /// Only nodes that are linked by now are asked; [`settled_graph`](Self::settled_graph) waits for them.
    ///
    /// ```no_run
    /// # async fn run(node: nuncio::Node, id: nuncio::MessageId) {
    /// let trace = node.trace(id, std::time::Duration::from_secs(5)).await;
    /// for step in &trace.steps {
    ///     if let nuncio::Found::Verified(message) = &step.found {
    ///         println!("{} on {}, signed by {}", step.id, message.frame().topic(), message.frame().signer());
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn trace(&self, id: MessageId, timeout: Duration) -> Trace {
        let mut tracer = Tracer::new(&self.core, timeout);
        tracer.follow_causes(id).await;
        tracer.trace
    }

    /// As [`trace`](Self::trace), and follows what the message has led to as well.
    pub async fn trace_with_effects(&self, id: MessageId, timeout: Duration) -> Trace {
        let mut tracer = Tracer::new(&self.core, timeout);
        tracer.follow_causes(id).await;
        tracer.follow_effects().await;
        tracer.trace
    }
}
