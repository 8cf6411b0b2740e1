//! Clocks that jump and clocks that are wrong, and frames that prove that a key was copied.

use std::sync::Arc;
use std::time::Duration;

use super::stage::{NODE, NOW_NS, Stage, context, header, store, unsigned};
use crate::link::Bytes;
use crate::name::Domain;
use crate::security::certificate::{Certificate, CertificateTerms};
use crate::security::certificate_chain::CertificateChain;
use crate::security::key::Identity;
use crate::security::refusal::{Reason, Refusal};
use crate::security::role::{Nickname, RoleName};
use crate::security::signer;
use crate::security::topic_pattern::TopicPattern;
use crate::security::trust_file::TrustFile;
use crate::security::trust_policy::TrustPolicy;
use crate::security::verifier::Opened;

const TEN_YEARS_NS: i64 = 10 * 365 * 86_400 * 1_000_000_000;
const DAY_NS: i64 = 86_400 * 1_000_000_000;

fn strict_about_time() -> TrustPolicy {
    TrustPolicy {
        stamp_age_max: Some(Duration::from_secs(5)),
        stamp_ahead_max: Some(Duration::from_secs(1)),
        ..TrustPolicy::default()
    }
}

fn open_at(stage: &Stage, frame: &[u8], now_ns: i64) -> Result<(), Refusal> {
    match stage.verifier.open(&Bytes::from(frame.to_vec()), now_ns) {
        Opened::Verified(_) => Ok(()),
        Opened::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

/// A frame as the publisher sends it when its own clock says `time_ns`.
fn frame_at(stage: &Stage, number: u64, time_ns: i64) -> Vec<u8> {
    let mut header = header(&stage.identity, number);
    header.first_time_ns = time_ns;
    signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &context())
}

#[test]
fn our_clock_may_jump_ten_years_and_back() {
    let stage = Stage::with(|setup| setup.trust = store(strict_about_time()));
    open_at(&stage, &frame_at(&stage, 1, NOW_NS), NOW_NS).unwrap();
    let reason_at = |now_ns| {
        open_at(&stage, &frame_at(&stage, 2, NOW_NS), now_ns)
            .unwrap_err()
            .reason
    };
    assert_eq!(reason_at(NOW_NS + TEN_YEARS_NS), Reason::StampTooOld);
    assert_eq!(reason_at(NOW_NS - TEN_YEARS_NS), Reason::StampInFuture);
    assert_eq!(reason_at(i64::MAX), Reason::StampTooOld);
    assert_eq!(reason_at(i64::MIN), Reason::StampInFuture);
    open_at(&stage, &frame_at(&stage, 2, NOW_NS), NOW_NS).unwrap();
}

#[test]
fn a_publishers_clock_may_jump_ten_years_and_back() {
    let stage = Stage::with(|setup| setup.trust = store(strict_about_time()));
    open_at(&stage, &frame_at(&stage, 1, NOW_NS), NOW_NS).unwrap();
    let ahead = open_at(&stage, &frame_at(&stage, 2, NOW_NS + TEN_YEARS_NS), NOW_NS);
    assert_eq!(ahead.unwrap_err().reason, Reason::StampInFuture);
    // Numbers after first contact are fresh whatever they say of the time; the window refuses them.
    let behind = open_at(&stage, &frame_at(&stage, 2, NOW_NS - TEN_YEARS_NS), NOW_NS);
    assert_eq!(behind.unwrap_err().reason, Reason::StampTooOld);
    open_at(&stage, &frame_at(&stage, 2, NOW_NS), NOW_NS).unwrap();
}

#[test]
fn a_clock_that_is_wrong_but_was_compared_makes_no_message_old() {
    let stage = Stage::with(|setup| setup.trust = store(strict_about_time()));
    let peer = stage
        .peers
        .node(
            stage.identity.public_key(),
            &crate::name::NodeName::parse(NODE).unwrap(),
        )
        .unwrap();
    for offset in [TEN_YEARS_NS, -TEN_YEARS_NS] {
        let number = if offset > 0 { 1 } else { 2 };
        let frame = frame_at(&stage, number, NOW_NS + offset);
        peer.set_clock_offset_ns(0);
        assert!(open_at(&stage, &frame, NOW_NS).is_err());
        peer.set_clock_offset_ns(offset);
        let late = frame_at(&stage, number, NOW_NS + offset - 6_000_000_000);
        assert_eq!(open_at(&stage, &late, NOW_NS).unwrap_err().reason, Reason::StampTooOld);
        open_at(&stage, &frame, NOW_NS).unwrap();
    }
    peer.set_clock_offset_ns(i64::MIN);
    assert!(open_at(&stage, &frame_at(&stage, 3, NOW_NS), NOW_NS).is_err());
}

/// The decision was kept with the writer; it is made again on either side of the certificate's time.
#[test]
fn a_certificate_is_judged_by_the_clock_of_the_moment_in_both_directions() {
    let (anchor, identity) = (Identity::from_seed(&[200; 32]), Identity::from_seed(&[7; 32]));
    let terms = CertificateTerms {
        subject: identity.public_key(),
        nickname: Nickname::parse("talker").unwrap(),
        domain: Domain::default(),
        roles: [RoleName::parse("thinker").unwrap()].into(),
        scope: [TopicPattern::parse("**").unwrap()].into(),
        delegate: 0,
        not_before_ns: NOW_NS - DAY_NS,
        not_after_ns: NOW_NS + DAY_NS,
    };
    let chain = CertificateChain::new(vec![Certificate::issue(&anchor, terms).unwrap()]).unwrap();
    let text = format!(
        "mode = \"enforce\"\n[anchors]\nfleet = \"{}\"\n[roles.thinker]\npublish = [\"things\"]\n",
        anchor.public_key()
    );
    let policy = TrustFile::parse(&text).unwrap().into_policy();
    let stage = Stage::with(|setup| setup.trust = store(policy));
    assert_eq!(stage.reason(&stage.frame(1, &[b"x"])), Reason::NotPermitted);
    stage.show(&chain.to_text());
    for (number, jump, expected) in [
        (1, 0, Ok(())),
        (2, TEN_YEARS_NS, Err(Reason::CertExpired)),
        (2, -TEN_YEARS_NS, Err(Reason::CertNotYetValid)),
        (2, 0, Ok(())),
        (3, DAY_NS - 1, Ok(())),
        (4, DAY_NS, Err(Reason::CertExpired)),
    ] {
        let opened = open_at(&stage, &stage.frame(number, &[b"x"]), NOW_NS + jump);
        assert_eq!(opened.map_err(|refusal| refusal.reason), expected, "{number} {jump}");
    }
    stage.show("nuncio certificate v1\nnonsense\n");
    assert_eq!(stage.reason(&stage.frame(4, &[b"x"])), Reason::CertInvalid);
}

/// What was revoked stays so, whoever sets the clock back, and in whatever order the frames of others and the list come.
#[test]
fn a_clock_that_is_set_back_believes_no_revoked_key() {
    let trust = store(TrustPolicy::default());
    let stage = Stage::with(|setup| setup.trust = Arc::clone(&trust));
    let frame = |number| frame_at(&stage, number, NOW_NS);
    open_at(&stage, &frame(1), NOW_NS).unwrap();
    trust.revoke(&[(stage.identity.public_key(), NOW_NS + DAY_NS)]);
    open_at(&stage, &frame(2), NOW_NS + DAY_NS - 1).unwrap();
    // Nobody heard of the key at that instant: time passed it all the same.
    trust.has_passed(NOW_NS + DAY_NS);
    for now_ns in [NOW_NS + DAY_NS, NOW_NS, NOW_NS - TEN_YEARS_NS, 0, i64::MIN] {
        let refused = open_at(&stage, &frame(3), now_ns).unwrap_err();
        assert_eq!(refused.reason, Reason::Revoked, "{now_ns}");
    }
    assert_eq!(trust.latest(0), NOW_NS + DAY_NS);
}

/// A machine without a battery for its clock: it is 1970, and what the disk knows is later.
#[test]
fn a_machine_that_starts_in_1970_believes_no_revoked_key() {
    let trust = store(TrustPolicy::default());
    let stage = Stage::with(|setup| setup.trust = Arc::clone(&trust));
    trust.has_passed(NOW_NS);
    trust.revoke(&[(stage.identity.public_key(), NOW_NS - DAY_NS)]);
    let refused = open_at(&stage, &frame_at(&stage, 1, 0), 0).unwrap_err();
    assert_eq!(refused.reason, Reason::Revoked);
}

#[test]
fn an_equivocation_is_proved_by_both_frames() {
    let stage = Stage::new();
    for number in 1..=20 {
        stage.accept(&stage.frame(number, &[b"one"]));
    }
    let refusal = stage.refuse(&stage.frame(20, &[b"other"]));
    assert_eq!(refusal.reason, Reason::Equivocation);
    let proof = refusal.evidence.expect("both frames");
    assert_eq!(proof.verify().unwrap(), stage.identity.public_key());
    let text = serde_json::to_string(&*proof).unwrap();
    let read: crate::security::equivocation::Equivocation = serde_json::from_str(&text).unwrap();
    assert_eq!(read, *proof);

    let mut elsewhere = read.clone();
    elsewhere.topic = "/other".to_owned();
    assert_eq!(elsewhere.verify().unwrap_err().reason, Reason::BadSignature);
    let mut same = read.clone();
    same.refused.clone_from(&same.accepted);
    assert_eq!(same.verify().unwrap_err().reason, Reason::Malformed);
    let mut other = read;
    other.refused = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, stage.frame(19, &[b"one"]));
    assert_eq!(other.verify().unwrap_err().reason, Reason::Malformed);

    let forgotten = stage.refuse(&stage.frame(2, &[b"other"]));
    assert_eq!((forgotten.reason, forgotten.evidence), (Reason::Equivocation, None));
    let large = vec![7; 5000];
    assert_eq!(stage.refuse(&stage.frame(20, &[&large])).evidence, None);
}
