//! The trust store: the policy of a node as it is now, shared by everything in the node that asks it.
//!
//! What was decided of a writer is kept with the writer, so that a frame costs a few loads of atomics and nothing else. It
//! is decided again when the policy is another, when the writer's node shows other certificates, and when an instant has
//! come or gone that the decision depends on.
//!
//! # Invariants
//!
//! - A policy is swapped as a whole: every frame is judged by one policy, the old or the new.
//! - Revocations only add up: a new policy is merged with every list that was taken in before.
//! - What was revoked stays so when a clock is set back: the latest time seen counts. It begins with that of the node's
//!   epoch, which is on the disk and never goes back, so a machine that starts in 1970 believes no revoked key either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::credentials::Credentials;
use super::decision::{Decision, Permit, Question};
use super::key::PublicKey;
use super::peers::{Peer, WriterFacts};
use super::refusal::Refusal;
use super::role::{Action, RoleName};
use super::trust_policy::TrustPolicy;
use crate::name::{Domain, TopicName};

/// How far time may go on before it is noted how late it is.
const NOTICE_NS: i64 = 1_000_000_000;

/// The policy of a node, and what was added to it while the node runs.
#[derive(Debug)]
pub(crate) struct TrustStore {
    domain: Domain,
    /// What the policy is made of. Held while it is made anew.
    sources: Mutex<Sources>,
    current: ArcSwap<State>,
    /// The generation of `current`, for a look that costs nothing.
    generation: AtomicU64,
    /// The latest time seen, but for what has passed since it was noted.
    latest_ns: AtomicI64,
    /// When the time has to be noted again: a revocation comes into force then, or it was noted long ago.
    notice_at_ns: AtomicI64,
}

#[derive(Debug)]
struct Sources {
    base: TrustPolicy,
    /// What anchors have revoked while the node runs, or before.
    revoked: BTreeMap<PublicKey, i64>,
}

#[derive(Debug)]
struct State {
    generation: u64,
    policy: TrustPolicy,
}

/// What was decided of one writer on its topic.
#[derive(Debug)]
pub(crate) struct Standing {
    /// Of the policy, and of the certificates that the node had shown.
    generations: (u64, u64),
    /// The policy that decided.
    pub(crate) policy: TrustPolicy,
    /// What it decided.
    decision: Decision,
}

impl Standing {
    /// What the key may do, or why it may not.
    pub(crate) fn permit(&self) -> Result<&Permit, Refusal> {
        self.decision.answer.as_ref().map_err(Clone::clone)
    }
}

impl TrustStore {
    pub(crate) fn new(domain: Domain, policy: TrustPolicy) -> Self {
        Self {
            domain,
            sources: Mutex::new(Sources {
                base: policy.clone(),
                revoked: BTreeMap::new(),
            }),
            current: ArcSwap::from_pointee(State { generation: 1, policy }),
            generation: AtomicU64::new(1),
            latest_ns: AtomicI64::new(i64::MIN),
            notice_at_ns: AtomicI64::new(i64::MIN),
        }
    }

    /// Notes that it is at least so late. What was revoked until then stays so.
    pub(crate) fn has_passed(&self, now_ns: i64) {
        let sources = self.lock();
        let before = self.latest_ns.fetch_max(now_ns, Ordering::AcqRel);
        let due = |at_ns: &i64| before < *at_ns && *at_ns <= now_ns;
        if self.current.load().policy.revoked.values().any(due) {
            self.publish(&sources);
        } else {
            self.plan_notice();
        }
    }

    /// The latest time seen, this one included.
    pub(crate) fn latest(&self, now_ns: i64) -> i64 {
        self.latest_ns.load(Ordering::Acquire).max(now_ns)
    }

    /// The policy as it is now, revocations included.
    pub(crate) fn policy(&self) -> TrustPolicy {
        self.current.load().policy.clone()
    }

    /// Puts another policy in the place of the one that the node began with. `false` when it is the same.
    pub(crate) fn replace(&self, policy: TrustPolicy) -> bool {
        let mut sources = self.lock();
        if sources.base == policy {
            return false;
        }
        sources.base = policy;
        self.publish(&sources);
        true
    }

    /// Adds what an anchor has revoked. Whoever calls this has checked that it is one.
    pub(crate) fn revoke(&self, revoked: &[(PublicKey, i64)]) {
        let mut sources = self.lock();
        for (key, at_ns) in revoked {
            let earliest = sources.revoked.entry(*key).or_insert(*at_ns);
            *earliest = (*earliest).min(*at_ns);
        }
        self.publish(&sources);
    }

    /// What is decided of a writer that publishes on its topic, calls its service or serves it: what was decided before,
    /// while that holds.
    pub(crate) fn standing(&self, facts: &WriterFacts, now_ns: i64) -> Arc<Standing> {
        if now_ns >= self.notice_at_ns.load(Ordering::Acquire) {
            self.has_passed(now_ns);
        }
        let generations = (
            self.generation.load(Ordering::Acquire),
            facts.peer.credentials_generation(),
        );
        if let Some(standing) = &*facts.standing.load()
            && standing.generations == generations
            && standing.decision.holds_at(now_ns)
        {
            return Arc::clone(standing);
        }
        let (state, credentials) = (self.current.load(), facts.peer.credentials());
        let key = facts.peer.public_key();
        let decision = self.decide(&state.policy, (key, &credentials), facts.action(), &facts.topic, now_ns);
        let standing = Arc::new(Standing {
            generations: (state.generation, credentials.generation),
            policy: state.policy.clone(),
            decision,
        });
        facts.standing.store(Some(Arc::clone(&standing)));
        standing
    }

    /// The roles of which a holder each has to approve what is published on a topic.
    pub(crate) fn second_signers(&self, topic: &TopicName) -> BTreeSet<RoleName> {
        self.current.load().policy.second_signers(topic)
    }

    /// Whether whoever signed as this peer holds a role for the topic now.
    pub(crate) fn holds_role(&self, peer: &Peer, role: &RoleName, topic: &TopicName, now_ns: i64) -> Decision {
        let credentials = peer.credentials();
        self.current.load().policy.holds_role(
            role,
            &Question {
                key: peer.public_key(),
                certificate: credentials.certificate.as_ref().map(Result::as_ref),
                action: Action::Publish,
                topic,
                domain: &self.domain,
                now_ns,
            },
        )
    }

    fn decide(
        &self,
        policy: &TrustPolicy,
        (key, credentials): (PublicKey, &Credentials),
        action: Action,
        topic: &TopicName,
        now_ns: i64,
    ) -> Decision {
        policy.decide(&Question {
            key,
            certificate: credentials.certificate.as_ref().map(Result::as_ref),
            action,
            topic,
            domain: &self.domain,
            now_ns,
        })
    }

    fn publish(&self, sources: &Sources) {
        let revoked: Vec<_> = sources.revoked.iter().map(|(key, at_ns)| (*key, *at_ns)).collect();
        let generation = self.generation.load(Ordering::Acquire) + 1;
        let mut policy = sources.base.with_revocations(&revoked);
        policy.passed_ns = self.latest_ns.load(Ordering::Acquire);
        self.current.store(Arc::new(State { generation, policy }));
        self.generation.store(generation, Ordering::Release);
        self.plan_notice();
    }

    fn plan_notice(&self) {
        let latest_ns = self.latest_ns.load(Ordering::Acquire);
        let later = |at_ns: &i64| *at_ns > latest_ns;
        let current = self.current.load();
        let next = current.policy.revoked.values().copied().filter(later).min();
        let soon = latest_ns.saturating_add(NOTICE_NS);
        let notice_at_ns = next.map_or(soon, |next| next.min(soon));
        self.notice_at_ns.store(notice_at_ns, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
