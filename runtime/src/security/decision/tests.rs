//! The decision in every mode, at every bound of time, with every kind of credential.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::security::certificate::{Certificate, CertificateTerms};
use crate::security::key::Identity;
use crate::security::refusal::Reason;
use crate::security::role::Nickname;
use crate::security::time_text::{SECOND_NS, parse_instant};
use crate::security::topic_pattern::TopicPattern;
use crate::security::trust_file::TrustFile;
use crate::security::trust_policy::TrustMode;

const ALICE: u8 = 10;
const BOB: u8 = 11;
const ROBOT: u8 = 12;
const NODE: u8 = 13;
const FLEET: u8 = 1;
const OTHER_FLEET: u8 = 2;

fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

fn key(seed: u8) -> PublicKey {
    identity(seed).public_key()
}

fn at(text: &str) -> i64 {
    parse_instant(text).unwrap()
}

/// A moment at which everything below is in force.
fn now() -> i64 {
    at("2026-11-21T14:00:00Z")
}

const TEN_YEARS: i64 = 10 * 365 * 86_400 * SECOND_NS;

fn policy(mode: &str, more: &str) -> TrustPolicy {
    let text = format!(
        r#"
        mode = "{mode}"
        [anchors]
        fleet = "{fleet}"
        [roles.operator]
        publish = ["*/cmd_vel"]
        call = ["*/reset"]
        [roles.sensor]
        publish = ["*/imu"]
        serve = ["*/calibrate"]
        [roles.supervisor]
        [grants.alice]
        key = "{alice}"
        roles = ["operator"]
        scope = ["robot1/**"]
        not_before = 2026-01-01T00:00:00Z
        expires = 2027-01-01T00:00:00Z
        {more}
        "#,
        fleet = key(FLEET),
        alice = key(ALICE),
    );
    TrustFile::parse(&text)
        .unwrap_or_else(|error| panic!("{error}"))
        .into_policy()
}

fn terms(subject: u8, delegate: u8, time: [&str; 2]) -> CertificateTerms {
    let [not_before_ns, not_after_ns] = time.map(at);
    CertificateTerms {
        subject: key(subject),
        nickname: Nickname::parse("robot").unwrap(),
        domain: Domain::default(),
        roles: BTreeSet::from([RoleName::parse("sensor").unwrap()]),
        scope: BTreeSet::from([TopicPattern::parse("robot2/**").unwrap()]),
        delegate,
        not_before_ns,
        not_after_ns,
    }
}

/// Fleet certifies robot for 2026 and 2027, robot certifies node for June 2026 to June 2027.
fn chain_from(fleet: u8) -> CertificateChain {
    let robot = terms(ROBOT, 1, ["2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]);
    let node = terms(NODE, 0, ["2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"]);
    CertificateChain::new(vec![
        Certificate::issue(&identity(ROBOT), node).unwrap(),
        Certificate::issue(&identity(fleet), robot).unwrap(),
    ])
    .unwrap()
}

/// A question that can be changed: who, with which certificate, does what where and when.
#[derive(Clone)]
struct Case {
    key: PublicKey,
    certificate: Option<Result<CertificateChain, CertificateError>>,
    action: Action,
    topic: TopicName,
    domain: Domain,
    now_ns: i64,
}

impl Case {
    fn new(seed: u8, action: Action, topic: &str) -> Self {
        Self {
            key: key(seed),
            certificate: None,
            action,
            topic: TopicName::parse(topic).unwrap(),
            domain: Domain::default(),
            now_ns: now(),
        }
    }

    /// The node of the chain, publishing what its role permits.
    fn node() -> Self {
        let mut case = Self::new(NODE, Action::Publish, "/robot2/imu");
        case.certificate = Some(Ok(chain_from(FLEET)));
        case
    }

    fn at(mut self, now_ns: i64) -> Self {
        self.now_ns = now_ns;
        self
    }

    fn question(&self) -> Question<'_> {
        Question {
            key: self.key,
            certificate: self.certificate.as_ref().map(Result::as_ref),
            action: self.action,
            topic: &self.topic,
            domain: &self.domain,
            now_ns: self.now_ns,
        }
    }

    fn decide(&self, policy: &TrustPolicy) -> Decision {
        let question = self.question();
        let decision = policy.decide(&question);
        let (explained, steps) = policy.explain(&question);
        assert_eq!(explained, decision, "what is explained is what is decided");
        assert!(decision.holds_at(self.now_ns));
        let last = steps.last().map(|step| step.outcome);
        match &decision.answer {
            Ok(_) => assert!(steps.iter().any(|step| step.outcome == StepOutcome::Permits)),
            Err(_) => assert_eq!(last, Some(StepOutcome::Refuses)),
        }
        decision
    }

    fn permit(&self, policy: &TrustPolicy) -> Permit {
        self.decide(policy).answer.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    fn refusal(&self, policy: &TrustPolicy) -> (Reason, String) {
        let refusal = self.decide(policy).answer.unwrap_err();
        assert_eq!(refusal.claimed_key, Some(self.key));
        (refusal.reason, refusal.detail.into_owned())
    }

    fn reason(&self, policy: &TrustPolicy) -> Reason {
        self.refusal(policy).0
    }
}

#[test]
fn a_grant_permits_what_its_role_may_do_within_its_scope_and_nothing_else() {
    let policy = policy("enforce", "");
    for (seed, action, topic, expected) in [
        (ALICE, Action::Publish, "/robot1/cmd_vel", true),
        (ALICE, Action::Call, "/robot1/reset", true),
        (ALICE, Action::Serve, "/robot1/reset", false),
        (ALICE, Action::Publish, "/robot1/reset", false),
        (ALICE, Action::Publish, "/robot1/imu", false),
        (ALICE, Action::Publish, "/robot2/cmd_vel", false),
        (ALICE, Action::Publish, "/robot1/arm/cmd_vel", false),
        (BOB, Action::Publish, "/robot1/cmd_vel", false),
        (FLEET, Action::Publish, "/robot1/cmd_vel", false),
    ] {
        let answer = Case::new(seed, action, topic).decide(&policy).answer;
        assert_eq!(answer.is_ok(), expected, "{seed} {action} {topic}");
        if let Err(refusal) = answer {
            assert_eq!(refusal.reason, Reason::NotPermitted);
        }
    }
    let permit = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel").permit(&policy);
    assert_eq!(permit.roles, BTreeSet::from([RoleName::parse("operator").unwrap()]));
    assert_eq!(permit.unasked, None);
}

#[test]
fn a_chain_permits_what_its_roles_may_do_within_its_scope_and_nothing_else() {
    let policy = policy("enforce", "");
    assert!(Case::node().decide(&policy).answer.is_ok());
    for (action, topic) in [
        (Action::Publish, "/robot1/imu"),
        (Action::Publish, "/robot2/cmd_vel"),
        (Action::Call, "/robot2/calibrate"),
    ] {
        let mut case = Case::node();
        (case.action, case.topic) = (action, TopicName::parse(topic).unwrap());
        assert_eq!(case.reason(&policy), Reason::NotPermitted, "{action} {topic}");
    }
}

#[test]
fn a_chain_is_invalid_for_another_key_without_an_anchor_and_in_another_domain() {
    let policy = policy("enforce", "");
    let mut thief = Case::node();
    thief.key = key(BOB);
    assert_eq!(
        thief.refusal(&policy),
        (
            Reason::CertInvalid,
            format!("the certificate is for another key, {}", key(NODE))
        )
    );
    let mut issuer = Case::node();
    issuer.key = key(ROBOT);
    assert_eq!(
        issuer.reason(&policy),
        Reason::CertInvalid,
        "nor is it for the issuer's key"
    );
    let mut unanchored = Case::node();
    unanchored.certificate = Some(Ok(chain_from(OTHER_FLEET)));
    assert_eq!(
        unanchored.refusal(&policy),
        (
            Reason::CertInvalid,
            format!("the certificate leads to {}, which is no anchor here", key(OTHER_FLEET))
        )
    );
    let mut elsewhere = Case::node();
    elsewhere.domain = Domain::parse("7").unwrap();
    assert_eq!(
        elsewhere.refusal(&policy),
        (Reason::CertInvalid, "the certificate is for domain 0, not 7".to_owned())
    );
    let mut broken = Case::node();
    broken.certificate = Some(Err(CertificateError::NotCanonical));
    assert_eq!(broken.reason(&policy), Reason::CertInvalid);
}

#[test]
fn bounds_of_time_hold_to_the_nanosecond() {
    let policy = policy("enforce", "");
    let alice = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel");
    let cases = [
        (alice, ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        (Case::node(), ["2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"]),
    ];
    for (case, time) in cases {
        let [begins, ends] = time.map(at);
        let decision = case.decide(&policy);
        assert_eq!((decision.holds_from_ns, decision.holds_until_ns), (begins, ends));
        assert!(case.clone().at(begins).decide(&policy).answer.is_ok());
        assert!(case.clone().at(ends - 1).decide(&policy).answer.is_ok());
        assert_eq!(case.clone().at(begins - 1).reason(&policy), Reason::CertNotYetValid);
        assert_eq!(case.clone().at(ends).reason(&policy), Reason::CertExpired);
        assert!(!decision.holds_at(begins - 1) && !decision.holds_at(ends));
    }
}

#[test]
fn a_clock_that_jumps_gives_the_right_reason_and_no_overflow() {
    let policy = policy("enforce", "");
    for case in [Case::node(), Case::new(ALICE, Action::Publish, "/robot1/cmd_vel")] {
        for before in [now() - TEN_YEARS, 0, -1, i64::MIN] {
            assert_eq!(
                case.clone().at(before).reason(&policy),
                Reason::CertNotYetValid,
                "{before}"
            );
        }
        for after in [now() + TEN_YEARS, i64::MAX - 1, i64::MAX] {
            assert_eq!(case.clone().at(after).reason(&policy), Reason::CertExpired, "{after}");
        }
    }
    let revoked = policy.with_revocations(&[(key(NODE), now())]);
    assert_eq!(Case::node().at(now() + TEN_YEARS).reason(&revoked), Reason::Revoked);
    assert_eq!(
        Case::node().at(now() - TEN_YEARS).reason(&revoked),
        Reason::CertNotYetValid
    );
}

#[test]
fn a_revoked_key_is_refused_from_the_instant_on_in_every_mode() {
    for mode in TrustMode::ALL {
        let revoked = format!("[revoked]\n\"{}\" = 2026-12-01T00:00:00Z", key(ALICE));
        let policy = policy(mode.as_str(), &revoked);
        let instant = at("2026-12-01T00:00:00Z");
        let case = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel");
        let before = case.decide(&policy);
        assert!(before.answer.is_ok() && before.holds_until_ns == instant, "{mode}");
        assert!(case.clone().at(instant - 1).decide(&policy).answer.is_ok());
        assert_eq!(
            case.clone().at(instant).refusal(&policy),
            (
                Reason::Revoked,
                "the key was revoked from 2026-12-01T00:00:00Z on".to_owned()
            )
        );
        let unheard_of = Case::new(BOB, Action::Serve, "/x");
        let policy = policy.with_revocations(&[(key(BOB), instant)]);
        assert_eq!(unheard_of.at(instant).reason(&policy), Reason::Revoked, "{mode}");
    }
}

#[test]
fn any_revoked_key_of_a_chain_and_its_anchor_revoke_it_in_every_mode() {
    for mode in TrustMode::ALL {
        for revoked in [NODE, ROBOT, FLEET] {
            let policy = policy(mode.as_str(), "").with_revocations(&[(key(revoked), now())]);
            assert_eq!(Case::node().reason(&policy), Reason::Revoked, "{mode} {revoked}");
            let before = Case::node().at(now() - 1).decide(&policy);
            assert!(before.answer.is_ok() && before.holds_until_ns == now());
        }
    }
}

#[test]
fn a_direct_grant_stands_although_the_certificate_does_not() {
    let policy = policy("enforce", "").with_revocations(&[(key(FLEET), 0)]);
    let mut case = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel");
    case.certificate = Some(Ok(chain_from(FLEET)));
    assert!(case.decide(&policy).answer.is_ok());
    case.certificate = Some(Err(CertificateError::NotCanonical));
    assert!(case.decide(&policy).answer.is_ok());
    case.topic = TopicName::parse("/robot2/cmd_vel").unwrap();
    assert_eq!(case.reason(&policy), Reason::CertInvalid);
}

#[test]
fn revocations_are_merged_and_never_taken_back() {
    let one = TrustPolicy::default().with_revocations(&[(key(BOB), 50), (key(ALICE), 10)]);
    let two = one.with_revocations(&[(key(BOB), 70), (key(ALICE), 5), (key(NODE), 1)]);
    assert_eq!(one.revoked_at(key(BOB)), Some(50));
    assert_eq!(
        [BOB, ALICE, NODE, ROBOT].map(|seed| two.revoked_at(key(seed))),
        [Some(50), Some(5), Some(1), None]
    );
    assert_eq!(two.revocations().count(), 3);
}

/// Everything that can be wrong at once, taken away one by one: the reasons come in their order.
#[test]
fn the_reasons_come_in_their_order() {
    let late = at("2029-01-01T00:00:00Z");
    let base = policy("enforce", "");
    let mut case = Case::node().at(late);
    case.topic = TopicName::parse("/robot9/imu").unwrap();
    case.domain = Domain::parse("7").unwrap();
    let all = base.with_revocations(&[(key(ROBOT), late)]);
    assert_eq!(case.reason(&all), Reason::Revoked);
    assert_eq!(case.reason(&base), Reason::CertInvalid);
    case.domain = Domain::default();
    assert_eq!(case.clone().at(0).reason(&base), Reason::CertNotYetValid);
    assert_eq!(case.reason(&base), Reason::CertExpired);
    assert_eq!(case.at(now()).reason(&base), Reason::NotPermitted);
    let grants = format!(
        "[grants.node]\nkey = \"{}\"\nroles = [\"sensor\"]\nexpires = 2026-01-01T00:00:00Z",
        key(NODE)
    );
    let mut case = Case::node();
    case.certificate = Some(Err(CertificateError::NotCanonical));
    let with_grant = policy("enforce", &grants);
    assert_eq!(
        case.reason(&with_grant),
        Reason::CertInvalid,
        "the certificate is worse than the grant"
    );
    case.certificate = None;
    assert_eq!(case.reason(&with_grant), Reason::CertExpired);
}

#[test]
fn weaker_modes_do_not_ask_for_roles_but_say_what_enforce_would() {
    for mode in ["observe", "tofu"] {
        let policy = policy(mode, "");
        let stranger = Case::new(BOB, Action::Publish, "/robot1/cmd_vel").permit(&policy);
        assert!(stranger.roles.is_empty());
        assert_eq!(stranger.unasked.unwrap().reason, Reason::NotPermitted);
        let mut broken = Case::node();
        broken.certificate = Some(Err(CertificateError::NotCanonical));
        assert_eq!(broken.permit(&policy).unasked.unwrap().reason, Reason::CertInvalid);
        let expired = Case::node().at(now() + TEN_YEARS).permit(&policy);
        assert_eq!(expired.unasked.unwrap().reason, Reason::CertExpired);
        let (_, steps) = policy.explain(&broken.question());
        let certificate = steps.iter().find(|step| step.rule == "certificate").unwrap();
        assert!(
            certificate.detail.ends_with("so it grants nothing"),
            "{}",
            certificate.detail
        );
        assert_eq!(Case::node().permit(&policy).unasked, None);
    }
}

#[test]
fn the_role_that_a_topic_asks_for_is_needed_in_every_mode() {
    let topics = "[topics.\"*/cmd_vel\"]\nrole = \"operator\"\n[topics.\"robot7/**\"]\nrole = \"supervisor\"";
    for mode in TrustMode::ALL {
        let policy = policy(mode.as_str(), topics);
        let alice = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel");
        assert!(alice.decide(&policy).answer.is_ok(), "{mode}");
        assert_eq!(
            Case::new(BOB, Action::Publish, "/robot1/cmd_vel").refusal(&policy),
            (
                Reason::NotPermitted,
                "the key needs the role operator, which its entry in topics asks for, and holds no role for /robot1/cmd_vel".to_owned()
            )
        );
        let elsewhere = Case::new(ALICE, Action::Publish, "/robot2/cmd_vel");
        assert_eq!(
            elsewhere.reason(&policy),
            Reason::NotPermitted,
            "outside of the grant's scope"
        );
        assert_eq!(alice.clone().at(now() + TEN_YEARS).reason(&policy), Reason::CertExpired);
        let both = Case::new(ALICE, Action::Publish, "/robot7/cmd_vel");
        assert_eq!(both.reason(&policy), Reason::NotPermitted, "all roles that apply");
        let service = Case::new(BOB, Action::Call, "/robot1/cmd_vel").decide(&policy).answer;
        assert_eq!(
            service.is_err(),
            mode == TrustMode::Enforce,
            "limits are of topics, not of services"
        );
    }
}

#[test]
fn limits_apply_in_every_mode_and_the_strictest_wins() {
    let topics = "[topics.\"**\"]\nmax_size = \"64 KiB\"\nmax_age = \"1s\"\n\
                  [topics.\"*/cmd_vel\"]\nmax_size = 100\nmax_age = \"2s\"\nmax_rate = 50\nsecond_signer = \"supervisor\"";
    for mode in TrustMode::ALL {
        let policy = policy(mode.as_str(), topics);
        let limits = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel")
            .permit(&policy)
            .limits;
        let expected = TopicLimits {
            max_size: Some(100),
            max_age: Some(Duration::from_secs(1)),
            max_rate: NonZeroU32::new(50),
            roles: BTreeSet::new(),
            second_signers: BTreeSet::from([RoleName::parse("supervisor").unwrap()]),
        };
        assert_eq!(*limits, expected);
        let call = Case::new(ALICE, Action::Call, "/robot1/reset").permit(&policy).limits;
        assert_eq!(*call, TopicLimits::default());
    }
}

#[test]
fn a_second_signer_holds_its_role_in_scope_and_time_and_is_not_revoked() {
    let grants = format!(
        "[grants.bob]\nkey = \"{}\"\nroles = [\"supervisor\"]\nscope = [\"robot1/**\"]",
        key(BOB)
    );
    let [supervisor, operator] = ["supervisor", "operator"].map(|role| RoleName::parse(role).unwrap());
    for mode in TrustMode::ALL {
        let policy = policy(mode.as_str(), &grants);
        let holds = |case: &Case, role| policy.holds_role(role, &case.question()).answer.map_err(|no| no.reason);
        let bob = Case::new(BOB, Action::Publish, "/robot1/cmd_vel");
        assert_eq!(
            holds(&bob, &supervisor).unwrap().roles,
            BTreeSet::from([supervisor.clone()])
        );
        assert_eq!(holds(&bob, &operator), Err(Reason::NotPermitted));
        let elsewhere = Case::new(BOB, Action::Publish, "/robot2/cmd_vel");
        assert_eq!(holds(&elsewhere, &supervisor), Err(Reason::NotPermitted));
        let alice = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel");
        assert_eq!(holds(&alice, &supervisor), Err(Reason::NotPermitted), "{mode}");
        assert_eq!(holds(&alice.at(0), &operator), Err(Reason::CertNotYetValid));
        let revoked = policy.with_revocations(&[(key(BOB), 0)]);
        let answer = revoked.holds_role(&supervisor, &bob.question()).answer;
        assert_eq!(answer.unwrap_err().reason, Reason::Revoked);
    }
}

#[test]
fn second_signers_may_publish_approvals_and_these_need_none_themselves() {
    let topics = format!(
        "[topics.\"**\"]\nrole = \"operator\"\nsecond_signer = \"supervisor\"\n\
         [grants.bob]\nkey = \"{}\"\nroles = [\"supervisor\"]\nscope = [\"robot1/cmd_vel\"]",
        key(BOB)
    );
    let enforced = policy("enforce", &topics);
    let bob = Case::new(BOB, Action::Publish, "/robot1/cmd_vel/_approvals");
    let permit = bob.permit(&enforced);
    assert_eq!(permit.roles, BTreeSet::from([RoleName::parse("supervisor").unwrap()]));
    assert_eq!(permit.limits.second_signers, BTreeSet::new());
    assert_eq!(permit.limits.roles, BTreeSet::new());
    insta::assert_snapshot!(explained(&bob, &enforced), @r#"
    passed revoked: the key is not revoked
    passed approvals: second signers on /robot1/cmd_vel may publish here
    passed topics."**": /robot1/cmd_vel/_approvals has role operator, second_signer supervisor
    permits grants.bob: gives the role supervisor, whose holders approve messages on /robot1/cmd_vel
    passed grants.bob: its scope does not have /robot1/cmd_vel/_approvals
    "#);

    let elsewhere = Case::new(BOB, Action::Publish, "/robot2/cmd_vel/_approvals");
    assert_eq!(elsewhere.reason(&enforced), Reason::NotPermitted);
    let alice = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel/_approvals");
    assert_eq!(alice.reason(&enforced), Reason::NotPermitted);
    for action in [Action::Serve, Action::Call] {
        let bob = Case::new(BOB, action, "/robot1/cmd_vel/_approvals");
        assert_eq!(bob.reason(&enforced), Reason::NotPermitted);
    }
    // Where no second signer is asked for, such a topic is one like others.
    let unasked = policy("enforce", &topics.replace("**", "other/**"));
    assert_eq!(bob.reason(&unasked), Reason::NotPermitted);
    let topic = TopicName::parse("/robot1/cmd_vel/_approvals").unwrap();
    assert_eq!(enforced.second_signers(&topic), BTreeSet::new());
    assert_eq!(enforced.second_signers(&topic.approved().unwrap()).len(), 1);
}

#[test]
fn without_a_trust_file_enforce_refuses_everybody_and_the_others_nobody() {
    let case = Case::node();
    assert_eq!(
        case.reason(&TrustPolicy::in_mode(TrustMode::Enforce)),
        Reason::CertInvalid
    );
    let stranger = Case::new(BOB, Action::Publish, "/a");
    assert_eq!(
        stranger.reason(&TrustPolicy::in_mode(TrustMode::Enforce)),
        Reason::NotPermitted
    );
    for mode in [TrustMode::Observe, TrustMode::Tofu] {
        assert!(stranger.decide(&TrustPolicy::in_mode(mode)).answer.is_ok());
    }
}

fn explained(case: &Case, policy: &TrustPolicy) -> String {
    let (_, steps) = policy.explain(&case.question());
    let line = |step: &Step| format!("{} {}: {}", step.outcome.as_str(), step.rule, step.detail);
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_rule_that_was_looked_at_is_explained() {
    let topics = "[topics.\"*/cmd_vel\"]\nmax_age = \"200ms\"\nrole = \"operator\"";
    let policy = policy("enforce", topics);
    let permitted = Case::new(ALICE, Action::Publish, "/robot1/cmd_vel");
    insta::assert_snapshot!(explained(&permitted, &policy), @r#"
    passed revoked: the key is not revoked
    passed topics."*/cmd_vel": /robot1/cmd_vel has max_age 200ms, role operator
    permits grants.alice: gives the role operator, which may publish */cmd_vel
    "#);
    let mut refused = Case::node();
    refused.topic = TopicName::parse("/robot2/cmd_vel").unwrap();
    insta::assert_snapshot!(explained(&refused, &policy), @r#"
    passed revoked: the key is not revoked
    passed topics."*/cmd_vel": /robot2/cmd_vel has max_age 200ms, role operator
    passed certificate: gives the role sensor, which may not publish /robot2/cmd_vel
    refuses topics: the key needs the role operator, which its entry in topics asks for, and holds sensor for /robot2/cmd_vel
    "#);
    let stranger = Case::new(BOB, Action::Call, "/robot1/reset");
    insta::assert_snapshot!(explained(&stranger, &policy), @"
    passed revoked: the key is not revoked
    passed grants: no grant names the key, and it shows no certificate
    refuses mode enforce: the key needs a role that may call /robot1/reset, and holds no role for /robot1/reset
    ");
}

proptest! {
    /// A cached answer is the answer that would be given now, as long as it says that it holds.
    #[test]
    fn an_answer_holds_as_long_as_it_says(
        first in 0_i64..5000,
        second in 0_i64..5000,
        revoked in 0_i64..5000,
        who in prop::sample::select(vec![ALICE, NODE]),
        whom in prop::sample::select(vec![ALICE, NODE, ROBOT, FLEET]),
        mode in prop::sample::select(TrustMode::ALL.to_vec()),
    ) {
        // Days since 2020, which reach from before to after everything in the policy.
        let day = |day: i64| at("2020-01-01T00:00:00Z") + day * 86_400 * SECOND_NS;
        let policy = policy(mode.as_str(), "").with_revocations(&[(key(whom), day(revoked))]);
        let case = if who == NODE { Case::node() } else { Case::new(ALICE, Action::Publish, "/robot1/cmd_vel") };
        let cached = case.clone().at(day(first)).decide(&policy);
        if cached.holds_at(day(second)) {
            let fresh = case.at(day(second)).decide(&policy);
            prop_assert_eq!(cached.answer, fresh.answer);
        }
    }
}
