//! The form of a certificate: what is read, and that nothing else is.

use super::*;
use crate::security::certificate_text::LINES;
use crate::security::time_text::parse_utc;

fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

fn terms() -> CertificateTerms {
    CertificateTerms {
        subject: identity(2).public_key(),
        nickname: Nickname::parse("robot1").unwrap(),
        domain: Domain::default(),
        roles: ["sensor", "operator"].map(|role| RoleName::parse(role).unwrap()).into(),
        scope: ["/robot1/**", "*/heartbeat"]
            .map(|pattern| TopicPattern::parse(pattern).unwrap())
            .into(),
        delegate: 1,
        not_before_ns: parse_utc("2026-11-21T14:00:00Z").unwrap() + 999,
        not_after_ns: parse_utc("2027-11-21T14:00:00Z").unwrap(),
    }
}

fn good() -> String {
    Certificate::issue(&identity(1), terms()).unwrap().to_text()
}

/// A text with a valid signature by identity 1, whatever it says.
fn signed_anyway(text: &str) -> String {
    let signed = text
        .split_inclusive("signature: ")
        .next()
        .unwrap()
        .replace("signature: ", "");
    let signature = signature_line(&identity(1).sign(signed.as_bytes()));
    signed + &signature
}

/// The text is a contract with every certificate ever issued.
#[test]
fn the_text_is_pinned() {
    insta::assert_snapshot!(good(), @"
    nuncio certificate v1
    subject: did:key:z6Mko9hTggMwjSTEaJaPUfE6tqcy2xvU6BnNq3e3o8qVBiyH
    issuer: did:key:z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX
    nickname: robot1
    domain: 0
    roles: operator, sensor
    scope: */heartbeat, robot1/**
    delegate: 1
    not-before: 2026-11-21T14:00:00Z
    not-after: 2027-11-21T14:00:00Z
    signature: duAsmCX5dqKGBBvnm56PQcDQMsInUefYCAg5UljK1l6fRG2NbVPwl5zxkwQTFxM0QmGtTM1in+PrIMBgxt6qAQ==
    ");
}

#[test]
fn a_certificate_is_read_as_it_was_issued() {
    let issued = Certificate::issue(&identity(1), terms()).unwrap();
    let read = Certificate::parse(&issued.to_text()).unwrap();
    assert_eq!(read, issued);
    assert_eq!(read.issuer(), identity(1).public_key());
    assert_eq!(read.terms().not_before_ns, terms().not_before_ns - 999, "whole seconds");
}

#[test]
fn every_changed_bit_is_refused() {
    let good = good().into_bytes();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(text) = str::from_utf8(&bad) {
            assert!(Certificate::parse(text).is_err(), "bit {bit} was not covered:\n{text}");
        }
    }
}

#[test]
fn every_byte_set_to_another_is_refused() {
    let good = good();
    for (at, original) in good.char_indices() {
        for other in " \n\r\t\0AZaz09+/=,:*-\u{feff}é"
            .chars()
            .filter(|other| *other != original)
        {
            let mut bad = good.clone();
            bad.replace_range(at..=at, &other.to_string());
            assert!(Certificate::parse(&bad).is_err(), "byte {at} as {other:?}");
            let mut bad = good.clone();
            bad.insert(at, other);
            assert!(Certificate::parse(&bad).is_err(), "{other:?} before byte {at}");
        }
        let mut bad = good.clone();
        bad.remove(at);
        assert!(Certificate::parse(&bad).is_err(), "without byte {at}");
        assert!(Certificate::parse(&good[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn lines_dropped_doubled_or_swapped_are_refused_even_when_signed_so() {
    let good = good();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    assert_eq!(lines.len(), LINES);
    let refused = |lines: &[&str]| {
        let text = lines.concat();
        assert!(Certificate::parse(&text).is_err(), "{text}");
        assert!(Certificate::parse(&signed_anyway(&text)).is_err(), "{text}");
    };
    for at in 0..LINES - 1 {
        let mut changed = lines.clone();
        changed.remove(at);
        refused(&changed);
        let mut changed = lines.clone();
        changed.insert(at, lines[at]);
        refused(&changed);
        for other in at + 1..LINES - 1 {
            let mut changed = lines.clone();
            changed.swap(at, other);
            refused(&changed);
        }
    }
    assert!(
        Certificate::parse(&signed_anyway(&good)).is_ok(),
        "the test signs as issuing does"
    );
}

#[test]
fn another_way_of_writing_the_same_is_refused_even_when_signed_so() {
    let good = good();
    for (what, text) in [
        ("CRLF", good.replace('\n', "\r\n")),
        ("BOM", format!("\u{feff}{good}")),
        ("leading newline", format!("\n{good}")),
        ("other order", good.replace("operator, sensor", "sensor, operator")),
        (
            "repetition",
            good.replace("operator, sensor", "operator, operator, sensor"),
        ),
        ("no space", good.replace("operator, sensor", "operator,sensor")),
        ("trailing comma", good.replace("operator, sensor", "operator, sensor, ")),
        ("leading slash", good.replace("robot1/**", "/robot1/**")),
        (
            "other order of scope",
            good.replace("*/heartbeat, robot1/**", "robot1/**, */heartbeat"),
        ),
        ("form of a pattern", good.replace("robot1/**", "robot1/**/**")),
        ("number", good.replace("delegate: 1", "delegate: 01")),
        ("sign", good.replace("delegate: 1", "delegate: +1")),
        (
            "offset",
            good.replace(
                "not-after: 2027-11-21T14:00:00Z",
                "not-after: 2027-11-21T15:00:00+01:00",
            ),
        ),
        (
            "fraction",
            good.replace("2027-11-21T14:00:00Z", "2027-11-21T14:00:00.0Z"),
        ),
        ("version", good.replace("certificate v1", "certificate v2")),
        ("version and more", good.replace("certificate v1", "certificate v1 ")),
        ("double space", good.replace("nickname: robot1", "nickname:  robot1")),
        ("NUL", good.replace("nickname: robot1", "nickname: robot1\0")),
    ] {
        assert_ne!(text, good, "{what}");
        assert!(Certificate::parse(&text).is_err(), "{what}");
        assert!(Certificate::parse(&signed_anyway(&text)).is_err(), "{what}, signed");
    }
    for tail in ["\n", " ", "\0", "x", "signature: ", "\r\n"] {
        assert!(Certificate::parse(&format!("{good}{tail}")).is_err(), "{tail:?}");
    }
    assert!(Certificate::parse(good.trim_end()).is_err());
}

/// Keys under which anybody can sign, or that have two forms: all-zero (order 4), the neutral element, a point of order
/// 8, the neutral element written with its sign bit, and one beyond the field's prime.
pub(in crate::security) fn weak_keys() -> Vec<PublicKey> {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut negative_neutral = neutral;
    negative_neutral[31] = 0x80;
    let mut beyond_prime = [0xff; 32];
    beyond_prime[0] = 0xee;
    beyond_prime[31] = 0x7f;
    let order_8 = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ];
    [[0; 32], neutral, negative_neutral, beyond_prime, order_8]
        .map(PublicKey::from_bytes)
        .into()
}

#[test]
fn weak_keys_are_neither_subjects_nor_issuers() {
    for weak in weak_keys() {
        let weak_terms = CertificateTerms {
            subject: weak,
            ..terms()
        };
        assert!(matches!(
            Certificate::issue(&identity(1), weak_terms.clone()),
            Err(CertificateError::WeakKey(_))
        ));
        let as_subject = signed_anyway(&signed_text(&weak_terms, identity(1).public_key()));
        assert!(matches!(
            Certificate::parse(&as_subject),
            Err(CertificateError::WeakKey(_))
        ));
        // With R the neutral element and s = 0, lax verifiers take this for a signature by a key of small order.
        let mut lax = [0; 64];
        lax[0] = 1;
        let as_issuer = signed_text(&terms(), weak) + &signature_line(&lax);
        assert!(matches!(
            Certificate::parse(&as_issuer),
            Err(CertificateError::WeakKey(_))
        ));
    }
}

#[test]
fn terms_that_make_no_certificate_are_not_signed() {
    let reason = |change: fn(&mut CertificateTerms)| {
        let mut changed = terms();
        change(&mut changed);
        let issued = Certificate::issue(&identity(1), changed.clone());
        let text = signed_anyway(&signed_text(&changed, identity(1).public_key()));
        assert!(Certificate::parse(&text).is_err(), "{text}");
        issued.unwrap_err().to_string()
    };
    assert_eq!(
        reason(|terms| terms.roles.clear()),
        "a certificate has at least one entry in `roles`, found none"
    );
    assert_eq!(
        reason(|terms| terms.scope.clear()),
        "a certificate has at least one entry in `scope`, found none"
    );
    assert_eq!(
        reason(|terms| terms.scope = (0..17)
            .map(|n| TopicPattern::parse(&format!("r{n}")).unwrap())
            .collect()),
        "a scope has at most 16 patterns, found 17"
    );
    assert_eq!(
        reason(|terms| terms.delegate = 3),
        "`delegate` is at most 2, because a chain has at most three certificates, found 3"
    );
    assert_eq!(
        reason(|terms| terms.not_after_ns = terms.not_before_ns),
        "a certificate ends after it begins, and begins after 1970, found not-before 2026-11-21T14:00:00Z and not-after \
         2026-11-21T14:00:00Z"
    );
    for extreme in [i64::MIN, i64::MIN + 1, -1] {
        let mut changed = terms();
        changed.not_before_ns = extreme;
        assert!(Certificate::issue(&identity(1), changed).is_err());
    }
    let latest = CertificateTerms {
        not_after_ns: i64::MAX,
        ..terms()
    };
    let latest = Certificate::issue(&identity(1), latest).unwrap();
    assert_eq!(Certificate::parse(&latest.to_text()), Ok(latest));
}

#[test]
fn a_text_longer_than_a_certificate_may_be_is_not_looked_at() {
    let roles = (0..80).map(|n| RoleName::parse(&format!("{}{n:02}", "r".repeat(60))).unwrap());
    let long = CertificateTerms {
        roles: roles.collect(),
        ..terms()
    };
    assert!(matches!(
        Certificate::issue(&identity(1), long.clone()),
        Err(CertificateError::TooLong { found }) if found > CERTIFICATE_LEN_MAX
    ));
    let text = signed_anyway(&signed_text(&long, identity(1).public_key()));
    assert!(matches!(
        Certificate::parse(&text),
        Err(CertificateError::TooLong { .. })
    ));
}

#[test]
fn damage_is_named() {
    let reason = |text: String| Certificate::parse(&text).unwrap_err().to_string();
    assert_eq!(
        reason(String::new()),
        "line 1 begins with \"nuncio certificate v1\", found \"\""
    );
    assert_eq!(
        reason(good().replace("domain: 0\n", "")),
        "line 5 begins with \"domain: \", found \"roles: operator, sensor\""
    );
    assert_eq!(
        reason(good().replace("not-after: 2027", "not-after: 20277")),
        "an instant is written `2026-11-21T14:00:00Z`, found \"20277-11-21T14:00:00Z\""
    );
    assert_eq!(
        reason(good().replace("delegate: 1", "delegate: 2")),
        "the signature is not one of did:key:z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX for this text; have the \
         certificate issued again"
    );
    assert_eq!(
        reason(good().replace("signature: ", "signature: A")),
        "a signature is 64 bytes in base64"
    );
}
