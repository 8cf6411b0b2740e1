//! The approval desk: where the messages of one subscription wait for a second signer.
//!
//! Where trust.toml demands a second signer for a topic, a verified message waits here until holders of the roles have
//! approved it, each with another key than the message's own. Their approvals arrive on `<topic>/_approvals`, in a
//! subscription that the desk makes while the policy demands it; an approval may come before its message. A message that is
//! rejected, or that nobody approves in time, is refused.
//!
//! What is approved is judged at that moment, by the policy of that moment: a second signer, or the message's own, whose
//! key was revoked meanwhile counts no more.
//!
//! # Invariants
//!
//! - Nothing waits longer than [`WAIT_MAX`], nor longer than the topic's `max_age` allows.
//! - Only approvals by holders of a role that is demanded are kept, so strangers cannot push others out.
//! - Messages that wait do not hold up those of other publishers, nor later ones that are approved earlier.

mod ledger;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use nuncio_msgs::Message;
use nuncio_msgs::nuncio_msgs::msg::Approval;

use self::ledger::{Given, Ledger, WAITING_BYTES_MAX, WAITING_MAX, Waiting};
use crate::approval::{ApprovalPart, ApprovalState, Passing, WAIT_MAX};
use crate::clock;
use crate::contact::Note;
use crate::generic_subscriber::{GenericSubscriber, SubscriberError};
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::payload;
use crate::reception::Reception;
use crate::security::frame::MessageId;
use crate::security::refusal::{Reason, Refusal};
use crate::security::role::RoleName;
use crate::security::trust_store::TrustStore;
use crate::security::verifier::{ExpectedType, Verified, VerifiedMessage};
use crate::subscription_options::SubscriptionOptions;

/// One subscription's desk.
#[derive(Debug)]
pub(crate) struct ApprovalDesk {
    topic: TopicName,
    node: Weak<NodeCore>,
    reception: Weak<Reception>,
    approvals: Mutex<Approvals>,
    ledger: Mutex<Ledger>,
}

/// The subscription to approvals.
#[derive(Debug)]
enum Approvals {
    NotAsked,
    Subscribed {
        _subscriber: GenericSubscriber,
    },
    /// The desk is closed.
    Ended,
}

/// What becomes of a message now.
enum Judgement {
    Passes(ApprovalState),
    Refused(Refusal),
    /// A holder of this role has to approve it yet.
    Waits(RoleName),
}

impl ApprovalDesk {
    pub(crate) fn new(topic: TopicName, node: Weak<NodeCore>, reception: Weak<Reception>) -> Self {
        Self {
            topic,
            node,
            reception,
            approvals: Mutex::new(Approvals::NotAsked),
            ledger: Mutex::default(),
        }
    }

    /// Takes the messages of a frame that need approval.
    pub(crate) fn attend(&self, reception: &Reception, frame: &Arc<Verified>) {
        let Some(node) = self.node.upgrade() else { return };
        let (now, now_ns) = (Instant::now(), frame.received_time_ns());
        let mut ledger = self.lock();
        for message in frame.messages() {
            let passing = Passing {
                frame: Arc::clone(frame),
                only: Some(message.number()),
                approval: ApprovalState::Pending,
            };
            let mut waiting = Waiting::new(&message, passing, now, longest_wait(&node.trust, &message, now_ns));
            for early in ledger.take_early(waiting.subject.id, now) {
                if let Err(refusal) = waiting.add(early) {
                    reception.refuse(refusal);
                }
            }
            self.proceed(reception, &node, &mut ledger, waiting, now_ns);
        }
    }

    /// Takes an approval.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it is not for the message's content, or its signer may not approve.
    pub(crate) fn take(&self, reception: &Reception, message: &VerifiedMessage) -> Result<(), Refusal> {
        let Some(node) = self.node.upgrade() else { return Ok(()) };
        let approval: Approval = payload::decode(message)
            .map_err(|error| refuse(Reason::DecodeFailed, message.frame(), error.to_string()))?;
        let id = MessageId(approval.message_id);
        if message.cause() != Some(id) {
            let detail = format!("an approval of {id} that names another message as its cause");
            return Err(refuse(Reason::NotPermitted, message.frame(), detail));
        }
        let (now, now_ns) = (Instant::now(), message.frame().received_time_ns());
        let signer = Arc::clone(&message.frame().facts().peer);
        let roles = node.trust.second_signers(&self.topic);
        let answers = roles
            .iter()
            .map(|role| node.trust.holds_role(&signer, role, &self.topic, now_ns).answer);
        let mut lacking = None;
        if !answers
            .into_iter()
            .any(|answer| answer.map_err(|why| lacking = Some(why)).is_ok())
        {
            // Without any role the policy demands approvals no more, and nothing waits for this one.
            return lacking.map_or(Ok(()), Err);
        }
        let given = Given {
            signer,
            approval,
            until: now + WAIT_MAX,
        };
        let mut ledger = self.lock();
        let Some(mut waiting) = ledger.take(id) else {
            ledger.remember(given, now);
            return Ok(());
        };
        let added = waiting.add(given);
        self.proceed(reception, &node, &mut ledger, waiting, now_ns);
        added
    }

    /// Subscribes to approvals if the policy demands them now, and judges again what waits.
    pub(crate) fn follow_policy(&self, reception: &Reception, node: &Arc<NodeCore>) -> Result<(), SubscriberError> {
        let asked = !node.trust.second_signers(&self.topic).is_empty();
        let mut approvals = self.approvals.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match (&*approvals, asked) {
            (Approvals::NotAsked, true) => {
                let _subscriber = self.subscribe(Arc::clone(node))?;
                std::mem::replace(&mut *approvals, Approvals::Subscribed { _subscriber })
            }
            (Approvals::Subscribed { .. }, false) => std::mem::replace(&mut *approvals, Approvals::NotAsked),
            (Approvals::NotAsked | Approvals::Subscribed { .. } | Approvals::Ended, _) => Approvals::NotAsked,
        };
        drop(approvals);
        drop(before);
        let mut ledger = self.lock();
        let now_ns = clock::now_ns();
        for waiting in ledger.take_all() {
            self.proceed(reception, node, &mut ledger, waiting, now_ns);
        }
        Ok(())
    }

    fn subscribe(&self, node: Arc<NodeCore>) -> Result<GenericSubscriber, SubscriberError> {
        let topic = self.topic.approvals().map_err(SubscriberError::Name)?;
        let expected = ExpectedType::Exactly {
            name: Approval::TYPE_NAME.to_owned(),
            hash: Approval::TYPE_HASH,
            exclusive: Approval::EXCLUSIVE,
        };
        let brings = ApprovalPart::Brings(Weak::clone(&self.reception));
        let desks = |_: &TopicName, _: &Weak<Reception>| (brings, None);
        GenericSubscriber::declare_with(node, topic, expected, SubscriptionOptions::default(), (None, desks))
    }

    /// Refuses what has waited too long; gives when the next message will have.
    pub(crate) fn refuse_overdue(&self, reception: &Reception, now: Instant) -> Option<Instant> {
        let node = self.node.upgrade()?;
        let now_ns = clock::now_ns();
        let mut ledger = self.lock();
        while let Some(waiting) = ledger.take_overdue(now) {
            let frame = &waiting.passing.frame;
            reception.refuse(match judge(&node.trust, &self.topic, &waiting, now_ns) {
                Judgement::Refused(refusal) => refusal,
                Judgement::Waits(role) => {
                    let waited = waiting.until.saturating_duration_since(waiting.since).as_millis();
                    let id = waiting.subject.id;
                    let detail = format!("no approval of {id} by a holder of the role {role} came within {waited} ms");
                    refuse(Reason::NotPermitted, frame, detail)
                }
                // Permitted by a change of the policy a moment ago, and too old by now.
                Judgement::Passes(_) => refuse(Reason::NotPermitted, frame, "it waited too long".to_owned()),
            });
        }
        ledger.next_deadline()
    }

    /// Ends the subscription to approvals. What waits is never delivered.
    pub(crate) fn end(&self) {
        let mut approvals = self.approvals.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *approvals, Approvals::Ended);
        drop(approvals);
        drop(before);
    }

    /// Passes a message on, refuses it, or lets it wait. The ledger stays locked, so that messages leave in the order in
    /// which they may.
    fn proceed(&self, reception: &Reception, node: &NodeCore, ledger: &mut Ledger, waiting: Waiting, now_ns: i64) {
        match judge(&node.trust, &self.topic, &waiting, now_ns) {
            Judgement::Passes(approval) => reception.go_on(Passing {
                approval,
                ..waiting.passing
            }),
            Judgement::Refused(refusal) => reception.refuse(refusal),
            Judgement::Waits(_) => {
                let (until, earliest) = (waiting.until, ledger.next_deadline());
                match ledger.hold(waiting) {
                    Err(waiting) => reception.refuse(overload(&waiting.passing.frame)),
                    Ok(()) if earliest.is_none_or(|earliest| until < earliest || earliest <= Instant::now()) => {
                        node.contact.leave(Note::AwaitsApproval);
                    }
                    Ok(()) => {}
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a message may pass now.
fn judge(trust: &TrustStore, topic: &TopicName, waiting: &Waiting, now_ns: i64) -> Judgement {
    let standing = trust.standing(waiting.passing.frame.facts(), now_ns);
    let permit = match standing.permit() {
        Ok(permit) => permit,
        Err(refusal) => return Judgement::Refused(refusal),
    };
    let demanded = &permit.limits.second_signers;
    if demanded.is_empty() {
        return Judgement::Passes(ApprovalState::NotAsked);
    }
    let mut covered = BTreeSet::new();
    let mut by = Vec::new();
    for given in &waiting.given {
        let holds = |role: &&RoleName| trust.holds_role(&given.signer, role, topic, now_ns).answer.is_ok();
        let held: Vec<_> = demanded.iter().filter(holds).collect();
        if held.is_empty() {
            continue;
        }
        let signer = given.signer.public_key();
        if given.approval.decision != Approval::DECISION_APPROVED {
            let (id, text) = (waiting.subject.id, &given.approval.text);
            let detail = format!("{id} was rejected by {signer}: {text:?}");
            return Judgement::Refused(refuse(Reason::NotPermitted, &waiting.passing.frame, detail));
        }
        covered.extend(held);
        by.push(signer);
    }
    match demanded.iter().find(|role| !covered.contains(role)) {
        Some(role) => Judgement::Waits(role.clone()),
        None => Judgement::Passes(ApprovalState::By(by)),
    }
}

/// How long a message may wait: no longer than it may be old.
fn longest_wait(trust: &TrustStore, message: &VerifiedMessage, now_ns: i64) -> Duration {
    let facts = message.frame().facts();
    let standing = trust.standing(facts, now_ns);
    let max_age = standing.permit().ok().and_then(|permit| permit.limits.max_age);
    let Some(max_age) = max_age else { return WAIT_MAX };
    let offset_ns = facts.peer.clock_offset_ns().unwrap_or_default();
    let age_ns = now_ns
        .saturating_add(offset_ns)
        .saturating_sub(message.source_time_ns());
    let age = Duration::from_nanos(u64::try_from(age_ns).unwrap_or_default());
    max_age.saturating_sub(age).min(WAIT_MAX)
}

fn refuse(reason: Reason, frame: &Verified, detail: String) -> Refusal {
    Refusal::new(reason, Some(frame.signer()), detail)
}

fn overload(frame: &Verified) -> Refusal {
    let detail = format!(
        "too much awaits approval on this topic: at most {WAITING_MAX} messages and {WAITING_BYTES_MAX} bytes wait"
    );
    refuse(Reason::Overloaded, frame, detail)
}
