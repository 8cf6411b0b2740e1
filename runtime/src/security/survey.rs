//! One run through the rules of a policy, from the key to the answer.
//!
//! The order of the checks is part of the contract: see [`decision`](super::decision). Every bound of time that is looked at
//! narrows the time for which the answer holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::certificate::CertificateTerms;
use super::certificate_chain::CertificateChain;
use super::decision::{Decision, Permit, Question, Step, StepOutcome};
use super::refusal::{Reason, Refusal};
use super::role::{Action, RoleName};
use super::time_text::utc_text;
use super::topic_limits::TopicLimits;
use super::topic_pattern::TopicPattern;
use super::trust_policy::{Grant, TrustMode, TrustPolicy};
use crate::name::TopicName;

/// One run through the rules.
pub(super) struct Survey<'a, 't> {
    policy: &'a TrustPolicy,
    question: &'a Question<'a>,
    trace: Option<&'t mut Vec<Step>>,
    holds_from_ns: i64,
    holds_until_ns: i64,
    /// The roles that the key holds for the topic.
    held: BTreeSet<&'a RoleName>,
    /// Those of them that permit the action.
    permitting: BTreeSet<&'a RoleName>,
    /// For a topic of approvals: the topic whose messages are approved, and the roles that its second signers hold.
    approved: Option<(TopicName, BTreeSet<RoleName>)>,
    /// The worst thing that is wrong with a grant or the certificate, by the order of reasons.
    failure: Option<Refusal>,
}

impl<'a, 't> Survey<'a, 't> {
    pub(super) const fn new(
        policy: &'a TrustPolicy,
        question: &'a Question<'a>,
        trace: Option<&'t mut Vec<Step>>,
    ) -> Self {
        Self {
            policy,
            question,
            trace,
            holds_from_ns: i64::MIN,
            holds_until_ns: i64::MAX,
            held: BTreeSet::new(),
            permitting: BTreeSet::new(),
            approved: None,
            failure: None,
        }
    }

    /// Whether the key may do what it wants.
    pub(super) fn decide(mut self) -> Decision {
        let answer = self.check_key().and_then(|()| {
            self.look_at_approvals();
            let limits = self.limits();
            self.look_at_credentials();
            self.check_topic_roles(&limits)?;
            self.judge(limits)
        });
        self.conclude(answer)
    }

    /// Whether the key holds the role.
    pub(super) fn holds_role(mut self, role: &RoleName) -> Decision {
        let answer = self.check_key().and_then(|()| {
            self.look_at_credentials();
            if self.held.contains(role) {
                let roles = BTreeSet::from([role.clone()]);
                return Ok(Permit {
                    roles,
                    limits: Arc::default(),
                    unasked: None,
                });
            }
            Err(self.missing(&format!("the role {role}")))
        });
        self.conclude(answer)
    }

    /// Notes a step. The text is made only where somebody reads it.
    fn note(&mut self, outcome: StepOutcome, step: impl FnOnce() -> (String, String)) {
        if let Some(trace) = self.trace.as_mut() {
            let (rule, detail) = step();
            trace.push(Step { rule, outcome, detail });
        }
    }

    /// Whether the instant has come. The answer holds only on this side of it.
    fn has_come(&mut self, instant_ns: i64) -> bool {
        let has_come = instant_ns <= self.question.now_ns;
        if has_come {
            self.holds_from_ns = self.holds_from_ns.max(instant_ns);
        } else {
            self.holds_until_ns = self.holds_until_ns.min(instant_ns);
        }
        has_come
    }

    /// Whether the instant of a revocation has come, now or at any time that was seen before.
    fn is_in_force(&mut self, since_ns: i64) -> bool {
        since_ns <= self.policy.passed_ns || self.has_come(since_ns)
    }

    fn refusal(&self, reason: Reason, detail: String) -> Refusal {
        Refusal::new(reason, Some(self.question.key), detail)
    }

    fn check_key(&mut self) -> Result<(), Refusal> {
        let key = self.question.key;
        match self.policy.revoked_at(key) {
            Some(at_ns) if self.is_in_force(at_ns) => {
                let detail = format!("the key was revoked from {} on", utc_text(at_ns));
                self.note(StepOutcome::Refuses, || ("revoked".to_owned(), detail.clone()));
                Err(self.refusal(Reason::Revoked, detail))
            }
            Some(at_ns) => {
                self.note(StepOutcome::Passed, || {
                    let detail = format!("the key will be refused from {} on", utc_text(at_ns));
                    ("revoked".to_owned(), detail)
                });
                Ok(())
            }
            None => {
                self.note(StepOutcome::Passed, || {
                    ("revoked".to_owned(), "the key is not revoked".to_owned())
                });
                Ok(())
            }
        }
    }

    /// Whoever may approve messages may publish approvals.
    fn look_at_approvals(&mut self) {
        let Question { action, topic, .. } = *self.question;
        let Some(approved) = topic.approved().filter(|_| action == Action::Publish) else {
            return;
        };
        let roles = self.policy.second_signers(&approved);
        if roles.is_empty() {
            return;
        }
        self.note(StepOutcome::Passed, || {
            let detail = format!("second signers on {approved} may publish here");
            ("approvals".to_owned(), detail)
        });
        self.approved = Some((approved, roles));
    }

    /// The limits of all entries that match the topic.
    fn limits(&mut self) -> Arc<TopicLimits> {
        let Question { action, topic, .. } = *self.question;
        let mut limits = TopicLimits::default();
        let entries = self.policy.rules.topics.iter();
        for (pattern, entry) in entries.filter(|(pattern, _)| action == Action::Publish && pattern.matches(topic)) {
            limits.tighten(entry);
            self.note(StepOutcome::Passed, || {
                (
                    format!("topics.\"{pattern}\""),
                    format!("{topic} has {}", entry.in_words()),
                )
            });
        }
        // An approval is the second signature and needs none itself, nor the roles of those whose messages it is about.
        if topic.approved().is_some() {
            limits.second_signers.clear();
        }
        if self.approved.is_some() {
            limits.roles.clear();
        }
        Arc::new(limits)
    }

    fn look_at_credentials(&mut self) {
        let policy = self.policy;
        let grants = policy.rules.grants.get(&self.question.key);
        for grant in grants.into_iter().flatten() {
            let rule = || format!("grants.{}", grant.nickname);
            match self.check_grant(grant) {
                Ok(()) => self.gather(&grant.roles, &grant.scope, &rule),
                Err(refusal) => self.fail(refusal, &rule),
            }
        }
        let rule = || "certificate".to_owned();
        match self.question.certificate {
            Some(Ok(chain)) => match self.check_chain(chain) {
                Ok(terms) => self.gather(&terms.roles, &terms.scope, &rule),
                Err(refusal) => self.fail(refusal, &rule),
            },
            Some(Err(error)) => {
                let refusal = self.refusal(Reason::CertInvalid, format!("the certificate is no good: {error}"));
                self.fail(refusal, &rule);
            }
            None if grants.is_none() => self.note(StepOutcome::Passed, || {
                let detail = "no grant names the key, and it shows no certificate";
                ("grants".to_owned(), detail.to_owned())
            }),
            None => {}
        }
    }

    fn check_grant(&mut self, grant: &Grant) -> Result<(), Refusal> {
        let nickname = &grant.nickname;
        if let Some(begins_ns) = grant.not_before_ns.filter(|begins_ns| !self.has_come(*begins_ns)) {
            let detail = format!("the grant to {nickname} begins at {}", utc_text(begins_ns));
            return Err(self.refusal(Reason::CertNotYetValid, detail));
        }
        if let Some(expires_ns) = grant.expires_ns.filter(|expires_ns| self.has_come(*expires_ns)) {
            let detail = format!("the grant to {nickname} expired at {}", utc_text(expires_ns));
            return Err(self.refusal(Reason::CertExpired, detail));
        }
        Ok(())
    }

    /// What the chain grants to the key here and now.
    fn check_chain(&mut self, chain: &'a CertificateChain) -> Result<&'a CertificateTerms, Refusal> {
        let terms = chain.leaf().terms();
        let Question { key, domain, .. } = *self.question;
        let invalid = |survey: &Self, detail: String| Err(survey.refusal(Reason::CertInvalid, detail));
        if terms.subject != key {
            return invalid(self, format!("the certificate is for another key, {}", terms.subject));
        }
        for link in chain.keys() {
            let Some(at_ns) = self.policy.revoked_at(link) else {
                continue;
            };
            if self.is_in_force(at_ns) {
                let detail = format!("the certificate rests on {link}, revoked from {} on", utc_text(at_ns));
                return Err(self.refusal(Reason::Revoked, detail));
            }
        }
        let anchor = chain.anchor();
        if !self.policy.is_anchor(anchor) {
            return invalid(
                self,
                format!("the certificate leads to {anchor}, which is no anchor here"),
            );
        }
        if terms.domain != *domain {
            return invalid(
                self,
                format!("the certificate is for domain {}, not {domain}", terms.domain),
            );
        }
        if !self.has_come(terms.not_before_ns) {
            let detail = format!("the certificate begins at {}", utc_text(terms.not_before_ns));
            return Err(self.refusal(Reason::CertNotYetValid, detail));
        }
        if self.has_come(terms.not_after_ns) {
            let detail = format!("the certificate expired at {}", utc_text(terms.not_after_ns));
            return Err(self.refusal(Reason::CertExpired, detail));
        }
        Ok(terms)
    }

    /// Notes what is wrong with a grant or the certificate.
    fn fail(&mut self, refusal: Refusal, rule: &dyn Fn() -> String) {
        self.note(StepOutcome::Passed, || {
            (rule(), format!("{}, so it grants nothing", refusal.detail))
        });
        if self.failure.as_ref().is_none_or(|worst| refusal.reason < worst.reason) {
            self.failure = Some(refusal);
        }
    }

    /// Gathers the roles of a grant or certificate that is in force.
    fn gather(&mut self, roles: &'a BTreeSet<RoleName>, scope: &BTreeSet<TopicPattern>, rule: &dyn Fn() -> String) {
        let Question { action, topic, .. } = *self.question;
        self.gather_approving(roles, scope, rule);
        if !scope.iter().any(|pattern| pattern.matches(topic)) {
            self.note(StepOutcome::Passed, || {
                (rule(), format!("its scope does not have {topic}"))
            });
            return;
        }
        for role in roles {
            let Some(permissions) = self.policy.rules.roles.get(role) else {
                self.note(StepOutcome::Passed, || {
                    (
                        rule(),
                        format!("gives the role {role}, which trust.toml does not define"),
                    )
                });
                continue;
            };
            self.held.insert(role);
            match permissions.permits(action, topic) {
                Some(pattern) => {
                    self.permitting.insert(role);
                    self.note(StepOutcome::Permits, || {
                        (rule(), format!("gives the role {role}, which may {action} {pattern}"))
                    });
                }
                None => self.note(StepOutcome::Passed, || {
                    (rule(), format!("gives the role {role}, which may not {action} {topic}"))
                }),
            }
        }
    }

    /// Gathers those of the roles whose holders may approve messages.
    fn gather_approving(
        &mut self,
        roles: &'a BTreeSet<RoleName>,
        scope: &BTreeSet<TopicPattern>,
        rule: &dyn Fn() -> String,
    ) {
        let Some((approved, second_signers)) = self.approved.take() else {
            return;
        };
        if scope.iter().any(|pattern| pattern.matches(&approved)) {
            let is_defined = |role: &&RoleName| self.policy.rules.roles.contains_key(*role);
            for role in roles
                .iter()
                .filter(|role| second_signers.contains(*role))
                .filter(is_defined)
            {
                self.held.insert(role);
                self.permitting.insert(role);
                self.note(StepOutcome::Permits, || {
                    (
                        rule(),
                        format!("gives the role {role}, whose holders approve messages on {approved}"),
                    )
                });
            }
        }
        self.approved = Some((approved, second_signers));
    }

    /// The refusal for want of something: the worst failure, or else that there is nothing.
    fn missing(&self, what: &str) -> Refusal {
        if let Some(failure) = &self.failure {
            return failure.clone();
        }
        let detail = if self.held.is_empty() {
            format!("the key needs {what}, and holds no role for {}", self.question.topic)
        } else {
            let held: Vec<_> = self.held.iter().map(|role| role.as_str()).collect();
            format!(
                "the key needs {what}, and holds {} for {}",
                held.join(", "),
                self.question.topic
            )
        };
        self.refusal(Reason::NotPermitted, detail)
    }

    fn check_topic_roles(&mut self, limits: &TopicLimits) -> Result<(), Refusal> {
        let Some(role) = limits.roles.iter().find(|role| !self.held.contains(role)) else {
            return Ok(());
        };
        let refusal = self.missing(&format!("the role {role}, which its entry in topics asks for"));
        self.note(StepOutcome::Refuses, || {
            ("topics".to_owned(), refusal.detail.to_string())
        });
        Err(refusal)
    }

    fn judge(&mut self, limits: Arc<TopicLimits>) -> Result<Permit, Refusal> {
        let roles: BTreeSet<RoleName> = self.permitting.iter().map(|role| (*role).clone()).collect();
        let mut unasked = None;
        if roles.is_empty() {
            let Question { action, topic, .. } = *self.question;
            let refusal = self.missing(&format!("a role that may {action} {topic}"));
            let mode = self.policy.mode;
            if mode == TrustMode::Enforce || refusal.reason == Reason::Revoked {
                self.note(StepOutcome::Refuses, || {
                    (format!("mode {mode}"), refusal.detail.to_string())
                });
                return Err(refusal);
            }
            self.note(StepOutcome::Permits, || {
                (format!("mode {mode}"), "does not ask for a role".to_owned())
            });
            unasked = Some(refusal);
        }
        Ok(Permit { roles, limits, unasked })
    }

    fn conclude(self, answer: Result<Permit, Refusal>) -> Decision {
        Decision {
            answer,
            holds_from_ns: self.holds_from_ns,
            holds_until_ns: self.holds_until_ns,
        }
    }
}
