//! What a router is told, of all kinds of credentials, and that it is never told more than the policy permits.

use zenoh_keyexpr::keyexpr;

use super::*;
use crate::name::TopicName;
use crate::security::certificate::{Certificate, CertificateTerms};
use crate::security::decision::Question;
use crate::security::key::Identity;
use crate::security::role::Action;
use crate::security::time_text::parse_instant;
use crate::security::trust_file::TrustFile;

const ANCHOR: u8 = 1;
const OTHER_ANCHOR: u8 = 2;
const ALICE: u8 = 10;
const BOB: u8 = 11;
const CAROL: u8 = 12;
const DAVE: u8 = 13;
const ROBOT: u8 = 14;

fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

fn key(seed: u8) -> PublicKey {
    identity(seed).public_key()
}

fn at(text: &str) -> i64 {
    parse_instant(text).unwrap()
}

fn now() -> i64 {
    at("2026-11-21T14:00:00Z")
}

fn domain() -> Domain {
    Domain::parse("7").unwrap()
}

fn policy() -> TrustPolicy {
    let text = format!(
        r#"
        mode = "enforce"
        [anchors]
        fleet = "{anchor}"
        [roles.operator]
        publish = ["*/cmd_vel", "chatter"]
        [roles.sensor]
        publish = ["*/imu"]
        serve = ["*/calibrate"]
        [grants.alice]
        key = "{alice}"
        roles = ["operator"]
        scope = ["robot1/**", "chatter"]
        expires = "2026-12-01T00:00:00Z"
        [grants.bob]
        key = "{bob}"
        roles = ["operator", "sensor"]
        [grants.carol]
        key = "{carol}"
        roles = ["operator"]
        expires = "2026-11-01T00:00:00Z"
        [topics.chatter]
        max_rate = 50
        [revoked]
        "{bob}" = "2026-11-21T13:00:00Z"
        "#,
        anchor = key(ANCHOR),
        alice = key(ALICE),
        bob = key(BOB),
        carol = key(CAROL),
    );
    TrustFile::parse(&text).unwrap().into_policy()
}

fn chain(anchor: u8, subject: u8, nickname: &str, domain: &Domain) -> CertificateChain {
    let terms = CertificateTerms {
        subject: key(subject),
        nickname: Nickname::parse(nickname).unwrap(),
        domain: domain.clone(),
        roles: BTreeSet::from([RoleName::parse("sensor").unwrap()]),
        scope: BTreeSet::from([TopicPattern::parse("robot2/**").unwrap()]),
        delegate: 0,
        not_before_ns: at("2026-11-01T00:00:00Z"),
        not_after_ns: at("2027-01-01T00:00:00Z"),
    };
    CertificateChain::new(vec![Certificate::issue(&identity(anchor), terms).unwrap()]).unwrap()
}

fn admission(certificates: &[CertificateChain]) -> Admission {
    Admission::new(&policy(), certificates, &domain(), now()).unwrap()
}

#[test]
fn the_configuration_of_a_router_is_pinned() {
    let robot = chain(ANCHOR, ROBOT, "robot2", &domain());
    let admission = admission(&[robot]);
    let listen = ["tls/0.0.0.0:7447".to_owned()];
    let config = admission.router_config(&domain(), &listen, Path::new("/etc/nuncio"));
    insta::assert_snapshot!(format!("{config:#}"));
}

#[test]
fn who_is_left_out_is_told_with_the_reason() {
    let other_domain = Domain::parse("8").unwrap();
    let admission = admission(&[
        chain(OTHER_ANCHOR, DAVE, "dave", &domain()),
        chain(ANCHOR, ROBOT, "robot2", &other_domain),
    ]);
    let nicknames: Vec<&str> = admission
        .members
        .iter()
        .map(|member| member.nickname.as_str())
        .collect();
    assert_eq!(nicknames, ["alice"]);
    insta::assert_snapshot!(admission.remarks.join("\n"), @r#"
    dave is left out: the certificate leads to did:key:z6Mko9hTggMwjSTEaJaPUfE6tqcy2xvU6BnNq3e3o8qVBiyH, which is no anchor in trust.toml
    robot2 is left out: the certificate is for domain 8, not 7
    carol is left out: it expired at 2026-11-01T00:00:00Z
    bob is left out: the key was revoked from 2026-11-21T13:00:00Z on
    checked by receivers only: topics."chatter" has max_rate 50 a second
    "#);
}

#[test]
fn a_member_is_certified_no_longer_than_it_is_granted() {
    let admission = admission(&[]);
    let alice = admission.members.first().unwrap();
    assert_eq!(alice.not_after_ns, Some(at("2026-12-01T00:00:00Z")));
}

#[test]
fn two_keys_with_one_nickname_have_files_and_rules_of_their_own() {
    let admission = admission(&[
        chain(ANCHOR, ROBOT, "alice", &domain()),
        chain(ANCHOR, DAVE, "alice", &domain()),
    ]);
    let nicknames: BTreeSet<&str> = admission
        .members
        .iter()
        .map(|member| member.nickname.as_str())
        .collect();
    assert_eq!(nicknames.len(), 3, "{nicknames:?}");
}

/// The invariant of the module, over every key and topic of the example.
#[test]
fn a_put_that_the_router_lets_through_is_permitted_and_no_other() {
    let robot = chain(ANCHOR, ROBOT, "robot2", &domain());
    let admission = admission(std::slice::from_ref(&robot));
    let policy = policy();
    let mut permitted = 0;
    for seed in [ALICE, BOB, CAROL, DAVE, ROBOT] {
        let member = admission.members.iter().find(|member| member.key == key(seed));
        for topic in [
            "/chatter",
            "/robot1/cmd_vel",
            "/robot2/cmd_vel",
            "/robot1/imu",
            "/robot2/imu",
            "/imu",
            "/robot2/a/imu",
        ] {
            let name = TopicName::parse(topic).unwrap();
            let plain = keyexpr::new(topic.trim_start_matches('/')).unwrap();
            let let_through = member.is_some_and(|member| {
                let publishes = member.publishes.iter();
                publishes
                    .map(|text| keyexpr::new(text.as_str()).unwrap())
                    .any(|rule| rule.includes(plain))
            });
            let decision = policy.decide(&Question {
                key: key(seed),
                certificate: (seed == ROBOT).then_some(Ok(&robot)),
                action: Action::Publish,
                topic: &name,
                domain: &domain(),
                now_ns: now(),
            });
            assert_eq!(let_through, decision.answer.is_ok(), "{topic} by {seed}");
            permitted += u32::from(let_through);
        }
    }
    assert_eq!(permitted, 3);
}
