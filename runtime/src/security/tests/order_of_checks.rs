//! Each check of the verifier, provoked one at a time.

use std::sync::Arc;
use std::time::Duration;

use nuncio_msgs::TypeHash;

use super::stage::{EPOCH, NODE, NOW_NS, Stage, TOPIC, TYPE_HASH, TYPE_NAME, context, header, store, topic, unsigned};
use crate::name::Domain;
use crate::security::believer::{Believer, Verdict};
use crate::security::context::Context;
use crate::security::frame::{Kind, Writer};
use crate::security::key::{Identity, PublicKey};
use crate::security::keystore::Pins;
use crate::security::refusal::Reason;
use crate::security::signer;
use crate::security::trust_policy::{TrustMode, TrustPolicy};
use crate::security::verifier::{ExpectedType, Opened, Provenance, Verifier, VerifierSetup};

#[test]
fn frames_with_many_messages_and_leaves_of_large_trees_are_read() {
    let stage = Stage::new();
    let leaves = (0..256_u64)
        .map(|index| {
            (
                unsigned(&header(&stage.identity, 1 + index * 3), &[b"a", b"bb", b"ccc"]),
                context(),
            )
        })
        .collect();
    let frames = signer::seal_together(&stage.identity, leaves);
    assert_eq!(frames.len(), 256);
    for (index, frame) in frames.iter().enumerate() {
        let verified = stage.accept(frame);
        let read: Vec<_> = verified
            .messages()
            .map(|m| (m.number(), m.payload().to_vec(), m.source_time_ns()))
            .collect();
        let first = 1 + index as u64 * 3;
        assert_eq!(read[0], (first, b"a".to_vec(), NOW_NS));
        assert_eq!(read[2], (first + 2, b"ccc".to_vec(), NOW_NS + 2000));
        assert_eq!(verified.missing_before(), 0);
    }
}

#[test]
fn a_frame_is_bound_to_topic_domain_type_and_kind() {
    let stage = Stage::new();
    let domain = Domain::default();
    let other_hash = TypeHash::from_bytes([0xab; 32].map(|byte: u8| byte.rotate_left(1)));
    let other_contexts = [
        Context::new(
            &Domain::parse("1").unwrap(),
            TOPIC,
            TYPE_NAME,
            &TYPE_HASH,
            Kind::Message,
            &[],
        ),
        Context::new(&domain, "/other", TYPE_NAME, &TYPE_HASH, Kind::Message, &[]),
        Context::new(&domain, TOPIC, "test_msgs/msg/Other", &TYPE_HASH, Kind::Message, &[]),
        Context::new(&domain, TOPIC, TYPE_NAME, &other_hash, Kind::Message, &[]),
        Context::new(&domain, TOPIC, TYPE_NAME, &TYPE_HASH, Kind::Attestation, &[]),
        Context::new(&domain, TOPIC, TYPE_NAME, &TYPE_HASH, Kind::Message, &[0]),
        // The parts stand behind their lengths, so that nothing can move from one into the next.
        Context::new(
            &domain,
            "/thingstest_msgs/msg/",
            "Thing",
            &TYPE_HASH,
            Kind::Message,
            &[],
        ),
    ];
    for context in other_contexts {
        let frame = signer::seal(
            &stage.identity,
            unsigned(&header(&stage.identity, 1), &[b"x"]),
            &context,
        );
        assert_eq!(stage.reason(&frame), Reason::BadSignature);
    }
}

#[test]
fn a_frame_signed_by_another_key_than_it_names_is_refused() {
    let stage = Stage::new();
    let forger = Identity::from_seed(&[8; 32]);
    let frame = signer::seal(&forger, unsigned(&header(&stage.identity, 1), &[b"x"]), &context());
    assert_eq!(stage.reason(&frame), Reason::BadSignature);
}

#[test]
fn what_is_no_frame_or_of_another_version_is_told_apart() {
    let stage = Stage::new();
    let good = stage.frame(1, &[b"x"]);
    let with = |offset: usize, byte: u8| {
        let mut bad = good.clone();
        bad[offset] = byte;
        stage.reason(&bad)
    };
    assert_eq!(stage.reason(b""), Reason::NotAFrame);
    assert_eq!(stage.reason(b"{\"linear\": {\"x\": 1.0}}"), Reason::NotAFrame);
    assert_eq!(with(0, 0), Reason::NotAFrame);
    assert_eq!(with(2, 2), Reason::UnsupportedVersion);
    assert_eq!(with(3, 2), Reason::UnsupportedSuite);
    assert_eq!(with(4, 8), Reason::Malformed);
    assert_eq!(with(5, 6), Reason::Malformed);
    assert_eq!(with(5, 1), Reason::Malformed, "a request is no topic's message");
    assert_eq!(with(6, 0), Reason::Malformed);
    assert_eq!(with(56, 0), Reason::Malformed, "numbers start at 1");
}

#[test]
fn a_frame_beyond_the_size_limit_is_refused() {
    let stage = Stage::with(|setup| setup.frame_len_max = 1000);
    assert_eq!(stage.reason(&stage.frame(1, &[&[0; 1000]])), Reason::TooLarge);
    stage.accept(&stage.frame(1, &[&[0; 800]]));
}

#[test]
fn a_message_of_another_type_is_explained() {
    let stage = Stage::new();
    let mut header = header(&stage.identity, 1);
    header.type_hash_prefix = [9; 8];
    let refusal = stage.refuse(&signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &context()));
    assert_eq!(refusal.reason, Reason::TypeMismatch);
    assert!(
        refusal.detail.contains("subscribed to test_msgs/msg/Thing"),
        "{refusal}"
    );
}

#[test]
fn keys_writers_and_epochs_that_no_card_names_wait_for_first_contact() {
    let stage = Stage::new();
    let stranger = Identity::from_seed(&[8; 32]);
    let seal = |identity: &Identity, change: &dyn Fn(&mut crate::security::frame::Header)| {
        let mut header = header(identity, 1);
        change(&mut header);
        signer::seal(identity, unsigned(&header, &[b"x"]), &context())
    };
    for frame in [
        seal(&stranger, &|_| {}),
        seal(&stage.identity, &|header| header.writer = Writer(1)),
        seal(&stage.identity, &|header| header.epoch += 1),
    ] {
        assert!(matches!(stage.open(&frame), Opened::Stranger(_)));
    }
}

#[test]
fn an_older_instance_is_fenced_once_a_newer_one_was_met() {
    let stage = Stage::new();
    let old = stage.frame(1, &[b"x"]);
    stage.admit(&stage.identity, NODE, EPOCH + 1, 1);
    assert_eq!(stage.reason(&old), Reason::StaleEpoch);
}

#[test]
fn the_same_frame_is_delivered_once() {
    let stage = Stage::new();
    let frame = stage.frame(1, &[b"x"]);
    stage.accept(&frame);
    assert!(matches!(stage.open(&frame), Opened::Duplicate));
}

#[test]
fn two_contents_under_one_number_prove_a_copied_key() {
    let stage = Stage::new();
    stage.accept(&stage.frame(5, &[b"go left"]));
    assert_eq!(stage.reason(&stage.frame(5, &[b"go right"])), Reason::Equivocation);
    // Without a signature that holds it proves nothing and is called what it is.
    let mut forged = stage.frame(5, &[b"go right"]);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(stage.reason(&forged), Reason::BadSignature);
}

#[test]
fn a_number_far_behind_is_too_old() {
    let stage = Stage::new();
    stage.accept(&stage.frame(5000, &[b"x"]));
    assert_eq!(stage.reason(&stage.frame(10, &[b"x"])), Reason::TooOld);
}

#[test]
fn what_was_published_before_first_contact_is_never_live() {
    let stage = Stage::new();
    stage.admit(&stage.identity, NODE, EPOCH + 1, 100);
    let frame_of = |number: u64, age_ns: i64| {
        let mut header = header(&stage.identity, number);
        header.epoch = EPOCH + 1;
        header.first_time_ns = NOW_NS - age_ns;
        signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &context())
    };
    assert_eq!(stage.reason(&frame_of(99, 1_000_000_001)), Reason::TooOld);
    stage.accept(&frame_of(98, 999_999_999));
    stage.accept(&frame_of(100, 5_000_000_000));
}

#[test]
fn stamps_are_checked_where_the_policy_says_so() {
    let stage = Stage::with(|setup| {
        setup.trust = store(TrustPolicy {
            stamp_age_max: Some(Duration::from_millis(200)),
            stamp_ahead_max: Some(Duration::from_millis(50)),
            ..TrustPolicy::default()
        });
    });
    let frame_of = |number: u64, age_ms: i64| {
        let mut header = header(&stage.identity, number);
        header.first_time_ns = NOW_NS - age_ms * 1_000_000;
        signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &context())
    };
    assert_eq!(stage.reason(&frame_of(1, 201)), Reason::StampTooOld);
    assert_eq!(stage.reason(&frame_of(1, -51)), Reason::StampInFuture);
    stage.accept(&frame_of(1, 200));
    stage.accept(&frame_of(2, -50));
}

#[test]
fn a_recording_is_refused_unless_asked_for_and_never_called_live() {
    let stage = Stage::new();
    let mut header = header(&stage.identity, 1);
    header.replay = true;
    let frame = signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &context());
    assert_eq!(stage.reason(&frame), Reason::ReplayNotAllowed);
    let asked = Stage::with(|setup| setup.accept_replay = true);
    assert_eq!(asked.accept(&frame).provenance(), Provenance::Replay);
}

#[test]
fn a_weak_key_is_refused_before_it_gets_anywhere() {
    let stage = Stage::new();
    // The point of order 1: anybody can sign for it.
    let weak = PublicKey::from_bytes(std::array::from_fn(|index| u8::from(index == 0)));
    assert_eq!(stage.peers.key(weak).unwrap_err().reason, Reason::WeakKey);
}

#[test]
fn the_first_key_under_a_name_is_pinned_and_another_one_is_refused() {
    let stage = Stage::new();
    assert_eq!(stage.accept(&stage.frame(1, &[b"x"])).verdict(), Verdict::Pinned);
    let other = Identity::from_seed(&[8; 32]);
    stage.admit(&other, NODE, EPOCH, 1);
    let frame = signer::seal(&other, unsigned(&header(&other, 1), &[b"x"]), &context());
    let refusal = stage.refuse(&frame);
    assert_eq!(refusal.reason, Reason::PinMismatch);
    assert!(refusal.detail.contains("node /talker"), "{refusal}");
    assert_eq!(stage.reason(&frame), Reason::PinMismatch, "and again");
}

#[test]
fn a_topic_of_an_exclusive_type_belongs_to_the_first_key() {
    let stage = Stage::with(|setup| {
        setup.expected = ExpectedType::Exactly {
            name: TYPE_NAME.to_owned(),
            hash: TYPE_HASH,
            exclusive: true,
        };
    });
    stage.accept(&stage.frame(1, &[b"x"]));
    let other = Identity::from_seed(&[8; 32]);
    stage.admit(&other, "/other", EPOCH, 1);
    let mut header = header(&other, 1);
    header.writer = Writer::derive("/other", TOPIC, 0);
    let refusal = stage.refuse(&signer::seal(&other, unsigned(&header, &[b"x"]), &context()));
    assert_eq!(refusal.reason, Reason::PinMismatch);
    assert!(refusal.detail.contains("topic /things"), "{refusal}");
}

#[test]
fn observe_delivers_with_the_verdict_but_never_without_a_signature() {
    let stage = Stage::with(|setup| setup.trust = store(TrustPolicy::in_mode(TrustMode::Observe)));
    assert_eq!(stage.accept(&stage.frame(1, &[b"x"])).verdict(), Verdict::Unpinned);
    let mut forged = stage.frame(2, &[b"x"]);
    forged[81] ^= 1;
    assert!(matches!(stage.open(&forged), Opened::Refused(_)));

    let mut pins = Pins::default();
    pins.pin_node("0", NODE, Identity::from_seed(&[8; 32]).public_key())
        .unwrap();
    let believer = Arc::new(Believer::new(Domain::default(), pins));
    let setup = VerifierSetup {
        domain: Domain::default(),
        kind: Kind::Message,
        request_id: Vec::new(),
        topic: topic(TOPIC),
        expected: ExpectedType::AsInCard,
        trust: store(TrustPolicy::in_mode(TrustMode::Observe)),
        frame_len_max: 1000,
        accept_replay: false,
        keeps_cursor: false,
    };
    let stage = Stage {
        verifier: Verifier::new(setup, Arc::clone(&stage.peers), believer),
        ..stage
    };
    // A later subscription asks anew.
    stage.admit_card(&stage.identity, NODE, EPOCH, 1, 2);
    let verified = stage.accept(&stage.frame(1, &[b"x"]));
    assert_eq!(verified.verdict(), Verdict::PinMismatch);
    assert_eq!((verified.type_name(), verified.type_hash()), (TYPE_NAME, TYPE_HASH));
}

#[test]
fn missing_numbers_are_reported_with_the_message_after_them() {
    let stage = Stage::new();
    stage.accept(&stage.frame(1, &[b"x"]));
    let late = stage.accept(&stage.frame(5, &[b"a", b"b"]));
    let missing: Vec<_> = late.messages().map(|message| message.missing_before()).collect();
    assert_eq!(missing, [3, 0]);
}

/// An untyped subscription of the same node hears the publisher first. What it found out must not stand in for the pin
/// that the exclusive one has to make: the next key would get it.
#[test]
fn what_an_untyped_subscription_believed_does_not_open_an_exclusive_topic() {
    let untyped = Stage::with(|setup| setup.expected = ExpectedType::AsInCard);
    let believer = Arc::new(Believer::new(Domain::default(), Pins::default()));
    let verifier = |expected| {
        let setup = VerifierSetup {
            domain: Domain::default(),
            kind: Kind::Message,
            request_id: Vec::new(),
            topic: topic(TOPIC),
            expected,
            trust: store(TrustPolicy::default()),
            frame_len_max: 1000,
            accept_replay: false,
            keeps_cursor: false,
        };
        Verifier::new(setup, Arc::clone(&untyped.peers), Arc::clone(&believer))
    };
    let exactly = ExpectedType::Exactly {
        name: TYPE_NAME.to_owned(),
        hash: TYPE_HASH,
        exclusive: true,
    };
    let (any, exclusive) = (verifier(ExpectedType::AsInCard), verifier(exactly));
    let open = |verifier: &Verifier, frame: &[u8]| verifier.open(&crate::link::Bytes::from(frame.to_vec()), NOW_NS);
    // Later subscriptions ask anew.
    untyped.admit_card(&untyped.identity, NODE, EPOCH, 1, 2);
    let genuine = untyped.frame(1, &[b"x"]);
    assert!(matches!(open(&any, &genuine), Opened::Verified(_)));
    assert!(matches!(open(&exclusive, &genuine), Opened::Verified(_)));

    let other = Identity::from_seed(&[8; 32]);
    untyped.admit(&other, "/other", EPOCH, 1);
    let mut header = header(&other, 1);
    header.writer = Writer::derive("/other", TOPIC, 0);
    let foreign = signer::seal(&other, unsigned(&header, &[b"x"]), &context());
    for verifier in [&exclusive, &any] {
        match open(verifier, &foreign) {
            Opened::Refused(refusal) => assert_eq!(refusal.reason, Reason::PinMismatch),
            opened => panic!("another key on an exclusive topic: {opened:?}"),
        }
    }
}

/// What the card says of the type decides what is looked at; the signature decides what is believed.
#[test]
fn another_version_is_taken_when_card_and_signature_name_it() {
    let versions_of = |name: &str| ExpectedType::Versions {
        name: name.to_owned(),
        hash: TypeHash::from_bytes([0x11; 32]),
        exclusive: false,
    };
    let stage = Stage::with(|setup| setup.expected = versions_of(TYPE_NAME));
    let verified = stage.accept(&stage.frame(1, &[b"x"]));
    assert_eq!(verified.type_hash(), TYPE_HASH);

    let mut header = header(&stage.identity, 2);
    header.type_hash_prefix = [0x11; 8];
    let signed = signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &context());
    assert_eq!(
        stage.reason(&signed),
        Reason::TypeMismatch,
        "the card names another hash"
    );
    header.type_hash_prefix = TYPE_HASH.prefix();
    let lie = Context::new(
        &Domain::default(),
        TOPIC,
        TYPE_NAME,
        &TypeHash::from_bytes([0x11; 32]),
        Kind::Message,
        &[],
    );
    let signed = signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &lie);
    assert_eq!(stage.reason(&signed), Reason::BadSignature, "signed as another type");
    (header.epoch, header.type_hash_prefix) = (EPOCH + 1, [0x22; 8]);
    let restarted = signer::seal(&stage.identity, unsigned(&header, &[b"x"]), &context());
    assert!(
        matches!(stage.open(&restarted), Opened::Stranger(_)),
        "a new instance may have a new type"
    );

    let other_name = Stage::with(|setup| setup.expected = versions_of("test_msgs/msg/Other"));
    let refusal = other_name.refuse(&other_name.frame(1, &[b"x"]));
    assert_eq!(refusal.reason, Reason::TypeMismatch);
    assert!(refusal.detail.contains(TYPE_NAME), "{refusal}");
}
