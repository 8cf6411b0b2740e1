//! Chains only narrow, however they are put together.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::name::{Domain, TopicName};
use crate::security::key::Identity;
use crate::security::role::{Nickname, RoleName};
use crate::security::topic_pattern::TopicPattern;

const SECOND: i64 = 1_000_000_000;

fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32])
}

fn terms(subject: u8, delegate: u8) -> CertificateTerms {
    CertificateTerms {
        subject: identity(subject).public_key(),
        nickname: Nickname::parse("robot1").unwrap(),
        domain: Domain::default(),
        roles: roles(&["operator", "sensor"]),
        scope: scope(&["robot1/**", "*/heartbeat"]),
        delegate,
        not_before_ns: 1000 * SECOND,
        not_after_ns: 2000 * SECOND,
    }
}

fn roles(names: &[&str]) -> BTreeSet<RoleName> {
    names.iter().map(|name| RoleName::parse(name).unwrap()).collect()
}

fn scope(patterns: &[&str]) -> BTreeSet<TopicPattern> {
    patterns.iter().map(|text| TopicPattern::parse(text).unwrap()).collect()
}

fn issue(issuer: u8, terms: CertificateTerms) -> Certificate {
    Certificate::issue(&identity(issuer), terms).unwrap()
}

/// Fleet (1) certifies robot (2), which certifies a node (3), which certifies another (4).
fn certificates() -> [Certificate; 3] {
    [issue(3, terms(4, 0)), issue(2, terms(3, 1)), issue(1, terms(2, 2))]
}

#[test]
fn a_chain_of_one_to_three_is_read_as_it_was_written() {
    let all = certificates();
    for from in 0..3 {
        let chain = CertificateChain::new(all[from..].to_vec()).unwrap();
        assert_eq!(CertificateChain::parse(&chain.to_text()), Ok(chain.clone()));
        assert_eq!(chain.anchor(), identity(1).public_key());
        assert_eq!(chain.leaf(), &all[from]);
        let keys: Vec<_> = [4, 3, 2, 1][from..]
            .iter()
            .map(|seed| identity(*seed).public_key())
            .collect();
        assert_eq!(chain.keys().collect::<Vec<_>>(), keys);
    }
}

#[test]
fn none_four_a_wrong_order_a_gap_and_a_broken_link_are_refused() {
    let [leaf, middle, top] = certificates();
    let reason = |chain: Vec<Certificate>| {
        let text: String = chain.iter().map(Certificate::to_text).collect();
        let error = CertificateChain::new(chain).unwrap_err();
        assert_eq!(CertificateChain::parse(&text), Err(error.clone()));
        error
    };
    assert_eq!(reason(vec![]), CertificateError::ChainLength { found: 0 });
    let four = vec![leaf.clone(), middle.clone(), top.clone(), top.clone()];
    assert_eq!(reason(four), CertificateError::ChainLength { found: 4 });
    for wrong in [[&top, &middle, &leaf], [&leaf, &top, &middle], [&middle, &leaf, &top]] {
        let error = reason(wrong.into_iter().cloned().collect());
        assert!(
            matches!(error, CertificateError::NotLinked { position: 1, .. }),
            "{error}"
        );
    }
    assert!(matches!(
        reason(vec![leaf, top]),
        CertificateError::NotLinked { position: 1, .. }
    ));
}

#[test]
fn damage_anywhere_in_a_chain_is_refused_and_a_shorter_one_leads_elsewhere() {
    let texts = certificates().map(|certificate| certificate.to_text());
    let text = texts.concat();
    let ends = [texts[0].len(), texts[0].len() + texts[1].len()];
    for (at, original) in text.char_indices() {
        let mut bad = text.clone();
        bad.replace_range(at..=at, if original == 'a' { "b" } else { "a" });
        assert!(CertificateChain::parse(&bad).is_err(), "byte {at}");
        match CertificateChain::parse(&text[..at]) {
            Ok(shorter) => {
                assert!(ends.contains(&at), "cut at {at}");
                assert_ne!(shorter.anchor(), identity(1).public_key());
            }
            Err(_) => assert!(!ends.contains(&at), "cut at {at}"),
        }
    }
}

#[test]
fn each_way_of_widening_is_refused() {
    let widened = |change: fn(&mut CertificateTerms)| {
        let mut child = terms(3, 1);
        change(&mut child);
        let chain = CertificateChain::new(vec![issue(2, child), issue(1, terms(2, 2))]);
        match chain {
            Err(CertificateError::Widens { position: 1, what }) => what,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        widened(|child| child.roles = roles(&["boss", "sensor"])),
        "the role boss"
    );
    assert_eq!(
        widened(|child| child.scope = scope(&["robot1/arm", "**"])),
        "the scope **"
    );
    assert_eq!(
        widened(|child| child.scope = scope(&["robot$*/arm"])),
        "the scope robot$*/arm"
    );
    assert_eq!(widened(|child| child.scope = scope(&["*/*"])), "the scope */*");
    assert_eq!(
        widened(|child| child.delegate = 2),
        "`delegate: 2` where less than its own 2 is allowed"
    );
    assert_eq!(
        widened(|child| child.domain = Domain::parse("7").unwrap()),
        "domain 7 where it has 0"
    );
    let time = "where it has that from 1970-01-01T00:16:40Z to 1970-01-01T00:33:20Z";
    assert_eq!(
        widened(|child| child.not_before_ns -= SECOND),
        format!("the time from 1970-01-01T00:16:39Z to 1970-01-01T00:33:20Z, {time}")
    );
    assert_eq!(
        widened(|child| child.not_after_ns += SECOND),
        format!("the time from 1970-01-01T00:16:40Z to 1970-01-01T00:33:21Z, {time}")
    );
}

#[test]
fn who_may_not_delegate_certifies_nobody() {
    let chain = CertificateChain::new(vec![issue(2, terms(3, 0)), issue(1, terms(2, 0))]);
    assert!(matches!(chain, Err(CertificateError::Widens { position: 1, .. })));
}

/// Terms of which those nearer to the leaf are often narrower than those above.
fn any_terms(subject: u8, delegate: u8) -> impl Strategy<Value = CertificateTerms> {
    let patterns = ["a/b", "ab/b", "a/*", "*/b", "a$*/b", "a/**", "**/b", "*/**", "**"];
    let levels = usize::from(delegate) * 3;
    let (least, most) = (1 + usize::from(delegate == 2), 1 + usize::from(delegate));
    (
        prop::collection::btree_set(prop::sample::select(vec!["r", "s", "t"]), least..=most),
        prop::collection::btree_set(prop::sample::select(patterns[levels.min(5)..].to_vec()), 1..=2),
        0..=3 - i64::from(delegate),
        6 + i64::from(delegate)..10,
    )
        .prop_map(move |(names, patterns, begins, ends)| CertificateTerms {
            roles: names.into_iter().map(|name| RoleName::parse(name).unwrap()).collect(),
            scope: patterns
                .into_iter()
                .map(|text| TopicPattern::parse(text).unwrap())
                .collect(),
            not_before_ns: begins * SECOND,
            not_after_ns: ends * SECOND,
            ..terms(subject, delegate)
        })
}

fn any_topic() -> impl Strategy<Value = TopicName> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "aab"]);
    prop::collection::vec(segment, 1..4).prop_map(|parts| TopicName::parse(&format!("/{}", parts.join("/"))).unwrap())
}

/// What a certificate would permit if it stood alone.
fn gives(terms: &CertificateTerms, role: &RoleName, topic: &TopicName, now_ns: i64) -> bool {
    terms.roles.contains(role)
        && terms.scope.iter().any(|pattern| pattern.matches(topic))
        && (terms.not_before_ns..terms.not_after_ns).contains(&now_ns)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_chain_never_widens(
        leaf in any_terms(4, 0),
        middle in any_terms(3, 1),
        top in any_terms(2, 2),
        topics in prop::collection::vec(any_topic(), 8),
    ) {
        let link = |child: &CertificateTerms, parent: &CertificateTerms| widening(child, parent).is_none();
        for (child, parent) in [(&leaf, &middle), (&middle, &top)] {
            if !link(child, parent) {
                continue;
            }
            prop_assert!(child.delegate < parent.delegate);
            for topic in &topics {
                for role in roles(&["r", "s", "t"]) {
                    for now_ns in (0..10).map(|second| second * SECOND) {
                        prop_assert!(!gives(child, &role, topic, now_ns) || gives(parent, &role, topic, now_ns));
                    }
                }
            }
        }
        // And a chain is made exactly when both links hold.
        let chain = CertificateChain::new(vec![issue(3, leaf.clone()), issue(2, middle.clone()), issue(1, top.clone())]);
        prop_assert_eq!(chain.is_ok(), link(&leaf, &middle) && link(&middle, &top));
    }
}
