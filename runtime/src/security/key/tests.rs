//! Public vectors (RFC 8032, Wycheproof, did:key), weak keys, and key files of other programs.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::*;

const RFC_8032: &str = include_str!("../fixtures/rfc8032_ed25519.json");
const WYCHEPROOF: &str = include_str!("../fixtures/wycheproof_ed25519_test.json");
const DID_KEY: &str = include_str!("../fixtures/did_key_ed25519.json");

/// Written by `openssl genpkey -algorithm ed25519` (3.0), for its public key below.
const OPENSSL_PEM: &str = include_str!("../fixtures/openssl_ed25519.pem");
const OPENSSL_KEY: &str = include_str!("../fixtures/openssl_ed25519.did");

/// RFC 8410 section 10.3: version 2, with an attribute and the public key.
const RFC_8410_V2: &str = "-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
";

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits
        .chunks_exact(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
        .collect()
}

fn key_of(hex: &str) -> PublicKey {
    PublicKey::from_bytes(unhex(hex).try_into().unwrap())
}

#[test]
fn signatures_are_those_of_rfc_8032() {
    let vectors: Value = serde_json::from_str(RFC_8032).unwrap();
    let tests = vectors["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 4);
    for test in tests {
        let text = |name: &str| test[name].as_str().unwrap();
        let identity = Identity::from_seed(&unhex(text("secret")).try_into().unwrap());
        let (message, signature) = (unhex(text("msg")), unhex(text("sig")));

        assert_eq!(identity.public_key(), key_of(text("public")));
        assert_eq!(identity.public_key().to_string(), text("did"));
        assert_eq!(identity.sign(&message).as_slice(), signature);
        let enrolled = EnrolledKey::enrol(identity.public_key()).unwrap();
        assert_eq!(enrolled, identity.enrolled_key());
        assert!(enrolled.verify(&message, &signature.try_into().unwrap()));
    }
}

/// Strict verification agrees with every verdict of Wycheproof: the set has `valid` and `invalid` tests only, none
/// that is merely `acceptable`. Signatures of another length than 64 bytes have no type here, so they cannot be asked
/// about.
#[test]
fn every_verdict_of_wycheproof_is_ours() {
    let vectors: Value = serde_json::from_str(WYCHEPROOF).unwrap();
    let (mut valid, mut invalid, mut of_another_length) = (0, 0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = EnrolledKey::enrol(key_of(group["publicKey"]["pk"].as_str().unwrap())).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let message = unhex(test["msg"].as_str().unwrap());
            let signature = unhex(test["sig"].as_str().unwrap());
            let verdict = <&[u8; 64]>::try_from(signature.as_slice()).map(|signature| key.verify(&message, signature));
            match (test["result"].as_str().unwrap(), verdict) {
                ("valid", Ok(true)) => valid += 1,
                ("invalid", Ok(false)) => invalid += 1,
                ("invalid", Err(_)) => of_another_length += 1,
                (expected, found) => panic!("expected {expected}, found {found:?}: {test}"),
            }
        }
    }
    assert_eq!((valid, invalid, of_another_length), (88, 51, 12));
}

#[test]
fn did_keys_are_read_and_written_as_the_specification_says() {
    let vectors: Value = serde_json::from_str(DID_KEY).unwrap();
    for test in vectors["valid"].as_array().unwrap() {
        let did = test["did"].as_str().unwrap();
        let key = PublicKey::parse(did).unwrap();
        assert_eq!(key, key_of(test["public_key"].as_str().unwrap()));
        assert_eq!(key.to_string(), did);
        assert!(EnrolledKey::enrol(key).is_ok());
    }
    for test in vectors["invalid"].as_array().unwrap() {
        let read = PublicKey::parse(test["did"].as_str().unwrap());
        let is_a_point = test["why"].as_str().unwrap().contains("point");
        assert_eq!(read.is_ok(), is_a_point, "{test}");
        if let Ok(key) = read {
            assert_eq!(
                EnrolledKey::enrol(key).unwrap_err().reason,
                WeakKeyReason::SmallOrder,
                "{test}"
            );
        }
    }
}

#[test]
fn every_weak_key_is_refused_with_its_reason() {
    let reason = |hex: &str| EnrolledKey::enrol(key_of(hex)).unwrap_err().reason;

    // The eight points of small order, as their canonical encodings.
    for hex in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    ] {
        assert_eq!(reason(hex), WeakKeyReason::SmallOrder, "{hex}");
    }
    // The same points with a coordinate that is not reduced, or with the sign of a zero.
    for hex in [
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        assert_eq!(reason(hex), WeakKeyReason::NotCanonical, "{hex}");
    }
    assert_eq!(
        reason("0200000000000000000000000000000000000000000000000000000000000000"),
        WeakKeyReason::NotOnTheCurve
    );
}

#[test]
fn a_key_with_a_part_of_small_order_is_refused() {
    let honest = Identity::from_seed(&[7; 32]).enrolled_key().verifying.to_edwards();
    let order_two = VerifyingKey::from_bytes(&{
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xec, 0x7f);
        bytes
    });
    let mixed = (honest + order_two.unwrap().to_edwards()).compress().to_bytes();
    let refused = EnrolledKey::enrol(PublicKey::from_bytes(mixed)).unwrap_err();
    assert_eq!(refused.reason, WeakKeyReason::MixedOrder);
    assert!(
        refused.to_string().ends_with("no honest program makes such a key"),
        "{refused}"
    );
}

#[test]
fn a_signature_covers_every_bit_of_message_and_signature() {
    let identity = Identity::from_seed(&[9; 32]);
    let key = identity.enrolled_key();
    let (message, signature) = (*b"go to dock 4", identity.sign(b"go to dock 4"));
    assert!(key.verify(&message, &signature));
    for bit in 0..message.len() * 8 {
        let mut changed = message;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(
            !key.verify(&changed, &signature),
            "bit {bit} of the message was not covered"
        );
    }
    for bit in 0..signature.len() * 8 {
        let mut changed = signature;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(
            !key.verify(&message, &changed),
            "bit {bit} of the signature was not covered"
        );
    }
}

#[test]
fn two_new_identities_differ() {
    let [first, second] = [Identity::generate().unwrap(), Identity::generate().unwrap()];
    assert_ne!(first.public_key(), second.public_key());
    assert!(EnrolledKey::enrol(first.public_key()).is_ok());
}

#[test]
fn debug_text_holds_nothing_of_the_secret() {
    let seed = [0xab; 32];
    let identity = Identity::from_seed(&seed);
    let text = format!("{identity:?}").to_lowercase();
    assert!(!text.contains("abab") && !text.contains("171"), "{text}");
    assert!(text.contains("public_key"), "{text}");
}

#[test]
fn key_files_of_openssl_are_read() {
    let identity = Identity::from_pkcs8_pem(OPENSSL_PEM).unwrap();
    assert_eq!(identity.public_key().to_string(), OPENSSL_KEY.trim());
    let windows = OPENSSL_PEM.replace('\n', "\r\n");
    assert_eq!(
        Identity::from_pkcs8_pem(&windows).unwrap().public_key(),
        identity.public_key()
    );
    assert_eq!(*identity.to_pkcs8_pem(), OPENSSL_PEM, "ours must be the same file");
}

#[test]
fn a_key_file_with_its_public_key_is_read_when_the_two_belong_together() {
    let identity = Identity::from_pkcs8_pem(RFC_8410_V2).unwrap();
    assert_eq!(
        identity.public_key(),
        key_of("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1")
    );

    let changed = RFC_8410_V2.replace("Z9w7lshQ", "Z9w7lshR");
    assert_eq!(
        Identity::from_pkcs8_pem(&changed).unwrap_err(),
        KeyTextError::HalvesDiffer
    );
}

#[test]
fn what_is_no_ed25519_key_is_named_and_the_right_command_given() {
    let reason = |text: &str| Identity::from_pkcs8_pem(text).unwrap_err().to_string();
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let expected = |found: &str| {
        format!(
            "expected an Ed25519 private key (PKCS#8 in PEM form), found {found}; \
             make a new one with `openssl genpkey -algorithm ed25519`"
        )
    };

    assert_eq!(reason("hello"), expected("no `-----BEGIN PRIVATE KEY-----` line"));
    assert_eq!(reason(&block("RSA PRIVATE KEY")), expected("an RSA key"));
    let ec = block("EC PARAMETERS") + &block("EC PRIVATE KEY");
    assert_eq!(reason(&ec), expected("an elliptic curve key (ECDSA)"));
    assert_eq!(reason(&block("OPENSSH PRIVATE KEY")), expected("a key of ssh"));
    assert_eq!(reason(&block("PUBLIC KEY")), expected("only a public key"));
    assert_eq!(
        reason(&block("DH \u{1b}[31m")),
        expected(r#"a PEM block "DH \u{1b}[31m""#)
    );
    assert_eq!(reason(&block("PRIVATE KEY")), expected("one whose content is damaged"));
    assert_eq!(
        reason(include_str!("../fixtures/openssl_ec.pem")),
        expected("a key for elliptic curve (ECDSA)")
    );
    assert_eq!(
        reason(include_str!("../fixtures/openssl_rsa.pem")),
        expected("a key for RSA")
    );
    assert!(reason(&block("ENCRYPTED PRIVATE KEY")).contains("`nuncio key import FILE`"));
}

/// The key of [`OPENSSL_PEM`], encrypted by `openssl pkcs8 -topk8` with the passphrase `correct horse`.
const ENCRYPTED: [&str; 2] = [
    include_str!("../fixtures/openssl_ed25519_pbkdf2.pem"),
    include_str!("../fixtures/openssl_ed25519_scrypt.pem"),
];

#[test]
fn an_encrypted_key_file_is_read_with_its_passphrase_and_no_other() {
    for pem in ENCRYPTED {
        assert!(needs_passphrase(pem));
        let open = |passphrase: &str| Identity::from_encrypted_pkcs8_pem(pem, passphrase);
        let identity = open("correct horse").unwrap();
        assert_eq!(identity.public_key().to_string(), OPENSSL_KEY.trim());
        // By chance one wrong passphrase in 256 gives bytes whose padding is right.
        for number in 0..20 {
            let error = open(&format!("correct horse {number}")).unwrap_err();
            assert_eq!(error, KeyTextError::WrongPassphrase);
        }
        assert_eq!(open("").unwrap_err(), KeyTextError::WrongPassphrase);
    }
    assert!(!needs_passphrase(OPENSSL_PEM));
    assert!(Identity::from_encrypted_pkcs8_pem(OPENSSL_PEM, "whatever").is_ok());
}

#[test]
fn an_encryption_that_is_weak_or_would_take_for_ever_is_refused_at_once() {
    for pem in [
        include_str!("../fixtures/openssl_ed25519_pbes1.pem"),
        include_str!("../fixtures/openssl_ed25519_costly.pem"),
    ] {
        let error = Identity::from_encrypted_pkcs8_pem(pem, "correct horse").unwrap_err();
        assert_eq!(error, KeyTextError::OtherEncryption);
        assert!(
            error.to_string().contains("`openssl pkcs8 -topk8 -v2 aes-256-cbc"),
            "{error}"
        );
    }
}

#[test]
fn what_is_written_encrypted_is_read_again_here_and_by_openssl() {
    let identity = Identity::from_pkcs8_pem(OPENSSL_PEM).unwrap();
    let pem = identity.to_encrypted_pkcs8_pem("correct horse").unwrap();
    assert!(!pem.contains(OPENSSL_PEM.lines().nth(1).unwrap()));
    let again = Identity::from_encrypted_pkcs8_pem(&pem, "correct horse").unwrap();
    assert_eq!(again.public_key(), identity.public_key());
    assert_ne!(
        *identity.to_encrypted_pkcs8_pem("correct horse").unwrap(),
        *pem,
        "the salt is new each time"
    );
    let Some(decrypted) = openssl(&["pkey", "-passin", "pass:correct horse"], &pem) else {
        return;
    };
    assert_eq!(decrypted, OPENSSL_PEM);
    let public = openssl(&["pkey", "-pubin"], &identity.public_key().to_pem());
    assert_eq!(public, Some(identity.public_key().to_pem()));
}

#[test]
fn any_damage_to_an_encrypted_key_file_is_refused_without_panic() {
    let pem = ENCRYPTED[0];
    for cut in 0..pem.trim_end().len() {
        assert!(
            Identity::from_encrypted_pkcs8_pem(&pem[..cut], "correct horse").is_err(),
            "accepted after {cut} bytes"
        );
    }
}

/// What openssl prints, where there is one.
fn openssl(args: &[&str], input: &str) -> Option<String> {
    let piped = || Stdio::piped();
    let child = Command::new("openssl")
        .args(args)
        .stdin(piped())
        .stdout(piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("openssl is not installed, so it was not asked");
        return None;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn any_damage_to_a_key_file_is_refused_or_gives_a_key_without_panic() {
    for cut in 0..RFC_8410_V2.trim_end().len() {
        assert!(
            Identity::from_pkcs8_pem(&RFC_8410_V2[..cut]).is_err(),
            "accepted after {cut} bytes"
        );
    }
    for at in 0..RFC_8410_V2.len() {
        let mut changed = RFC_8410_V2.as_bytes().to_vec();
        changed[at] ^= 1;
        if let Ok(identity) = Identity::from_pkcs8_pem(&String::from_utf8(changed).unwrap()) {
            // Only attributes, line ends and what the decoder does not read may change.
            assert_eq!(
                identity.public_key(),
                key_of("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"),
                "byte {at}"
            );
        }
    }
}

/// The stored file above covers machines without openssl.
#[test]
fn openssl_reads_what_we_write() {
    let child = Command::new("openssl")
        .args(["pkey", "-pubout", "-outform", "DER"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return };
    let identity = Identity::from_seed(&[3; 32]);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(identity.to_pkcs8_pem().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        output.stdout[output.stdout.len() - 32..],
        *identity.public_key().as_bytes()
    );
}
