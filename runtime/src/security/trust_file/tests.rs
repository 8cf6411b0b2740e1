//! trust.toml: what it states, what is wrong with it, and how it is changed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::security::key::{Identity, PublicKey};
use crate::security::role::{Action, Nickname, Role, RoleName};
use crate::security::time_text::parse_instant;
use crate::security::topic_pattern::TopicPattern;
use crate::security::trust_policy::Grant;

fn key(seed: u8) -> PublicKey {
    Identity::from_seed(&[seed; 32]).public_key()
}

fn nickname(text: &str) -> Nickname {
    Nickname::parse(text).unwrap()
}

fn role_names(names: &[&str]) -> BTreeSet<RoleName> {
    names.iter().map(|name| RoleName::parse(name).unwrap()).collect()
}

fn patterns(texts: &[&str]) -> BTreeSet<TopicPattern> {
    texts.iter().map(|text| TopicPattern::parse(text).unwrap()).collect()
}

fn grant(name: &str, seed: u8) -> Grant {
    Grant {
        nickname: nickname(name),
        key: key(seed),
        roles: role_names(&["operator"]),
        scope: patterns(&["**"]),
        not_before_ns: None,
        expires_ns: None,
    }
}

/// The format as it is documented, with every line that there is.
fn whole() -> String {
    format!(
        r#"# Our fleet.
domain = "0"
mode = "enforce" # since June

[time]
stamp_age_max = "5s"
stamp_ahead_max = "1s"

[anchors]
fleet = "{fleet}" # in the safe

# Who drives.
[roles.operator]
publish = ["robot1/cmd_vel", "*/heartbeat"]
serve = []
call = ["robot1/**"]

[roles.supervisor]

[grants.alice] # her laptop
key = "{alice}"
roles = ["operator"]
scope = ["robot1/**"] # only the one
not_before = 2026-01-01T00:00:00Z
expires = "2027-01-01T00:00:00+00:00" # renew

[revoked]
"{lost}" = 2026-11-21T14:00:00Z # lost in the river

[topics."robot1/cmd_vel"]
max_size = "64 KiB"
max_age = "200ms"
max_rate = 50
role = "operator"
second_signer = "supervisor"
"#,
        fleet = key(1),
        alice = key(2),
        lost = key(3),
    )
}

#[test]
fn everything_that_the_file_says_is_in_the_policy() {
    let file = TrustFile::parse(&whole()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.to_string(), whole());
    let policy = file.into_policy();
    assert_eq!(policy.domain(), Some(&Domain::default()));
    assert_eq!(policy.mode, TrustMode::Enforce);
    assert_eq!(policy.stamp_age_max, Some(Duration::from_secs(5)));
    assert_eq!(policy.stamp_ahead_max, Some(Duration::from_secs(1)));
    assert_eq!(policy.anchors().collect::<Vec<_>>(), [(&nickname("fleet"), key(1))]);
    assert!(policy.is_anchor(key(1)) && !policy.is_anchor(key(2)));
    let (name, operator) = policy.roles().next().unwrap();
    assert_eq!(name.as_str(), "operator");
    assert_eq!(
        operator.patterns(Action::Publish),
        &patterns(&["robot1/cmd_vel", "*/heartbeat"])
    );
    assert_eq!(operator.patterns(Action::Serve), &patterns(&[]));
    assert_eq!(operator.patterns(Action::Call), &patterns(&["robot1/**"]));
    let alice = Grant {
        scope: patterns(&["robot1/**"]),
        not_before_ns: parse_instant("2026-01-01T00:00:00Z"),
        expires_ns: parse_instant("2027-01-01T00:00:00Z"),
        ..grant("alice", 2)
    };
    assert_eq!(policy.grants().collect::<Vec<_>>(), [&alice]);
    let lost_at = parse_instant("2026-11-21T14:00:00Z").unwrap();
    assert_eq!(policy.revocations().collect::<Vec<_>>(), [(key(3), lost_at)]);
    let (pattern, limits) = policy.topics().next().unwrap();
    assert_eq!(pattern.as_str(), "robot1/cmd_vel");
    assert_eq!(
        limits.in_words(),
        "max_size 65536 bytes, max_age 200ms, max_rate 50 a second, role operator, second_signer supervisor"
    );
}

#[test]
fn inline_tables_and_dotted_keys_say_the_same() {
    let text = format!(
        "mode = 'tofu'\nroles = {{ operator = {{ publish = ['a'] }} }}\ngrants.alice = {{ key = '{}', roles = ['operator'] }}\n",
        key(2)
    );
    let policy = TrustFile::parse(&text).unwrap().into_policy();
    assert_eq!(policy.grants().collect::<Vec<_>>(), [&grant("alice", 2)]);
}

fn problems(text: &str) -> String {
    TrustFile::parse(text).unwrap_err().to_string()
}

/// A file in which every line but a few is wrong.
fn wrong_all_over() -> String {
    format!(
        r#"domian = "0"
mode = "strict"
time = 5
[anchors]
fleet = "did:key:abc"
"the fleet" = "{good}"
zero = 7
[roles.Operator]
[roles.driver]
publish = "robot1/cmd_vel"
cal = []
serve = ["a//b", 5, "**/a/**/b/**"]
[grants.alice]
roles = ["drivr"]
[grants.bob]
key = "{good}"
roles = []
scope = ["robot1/@x"]
expires = 2027-01-01
not_before = "tomorrow"
[grants.carol]
key = "{good}"
roles = ["driver"]
not_before = 2027-01-01T00:00:00Z
expires = 2026-01-01T00:00:00Z
[revoked]
me = 2026-11-21T14:00:00Z
"{good}" = true
[topics."robot1/cmd_vel"]
max_size = "64 KiBs"
max_age = 200
max_rate = 0.5
role = "boss"
second_signer = ["driver"]
burst = 1
[topics."é/x"]
"#,
        good = key(2)
    )
}

#[test]
fn all_problems_are_told_at_once_with_their_places() {
    insta::assert_snapshot!(problems(&wrong_all_over()), @r#"
    1:1: expected `domain`, `mode`, `time`, `anchors`, `roles`, `grants`, `revoked` or `topics`, found `domian`
    2:8: a trust mode is `observe`, `tofu` or `enforce`, found "strict"
    3:8: expected a table, found 5
    5:9: a public key is written `did:key:z6Mk…`, found 'a' where base58 has `z`
    6:1: a nickname has letters, digits, `_`, `-` and `.`, 1 to 64 of them, found "the fleet"
    7:8: expected a text, found 7
    8:8: the name of a role begins with a small letter and has small letters, digits, `_` and `-`, at most 64, found "Operator"
    10:11: expected a list of texts, found "robot1/cmd_vel"
    11:1: expected `publish`, `serve` or `call`, found `cal`
    12:10: "a//b" is not a topic pattern: a segment is empty; write names as in `robot1/cmd_vel`, and `**` for every topic
    12:18: expected a text, found a number
    12:21: "**/a/**/b/**" is not a topic pattern: at most 2 `**` are allowed; split it into several patterns
    13:9: expected `key = "did:key:z6Mk…"` in the grant to "alice", found no key
    14:10: expected a role that is defined, found drivr; add `[roles.drivr]`
    17:9: expected at least one role, found none
    18:10: "robot1/@x" is not a topic pattern: topic names have no '@'; they are letters, digits and `_`, joined by `/`
    19:11: expected an instant after 1970 with its offset, such as 2027-01-01T00:00:00Z, found 2027-01-01
    20:14: expected an instant after 1970 with its offset, such as 2027-01-01T00:00:00Z, found "tomorrow"
    21:9: expected `expires` after `not_before` in the grant to "carol"
    27:1: a public key is written `did:key:z6Mk…`, found "me"
    28:62: expected an instant after 1970 with its offset, such as 2027-01-01T00:00:00Z, found true or false
    30:12: expected a number of bytes, such as "64 KiB" or 65536, found "64 KiBs"
    31:11: expected a duration above 0, such as "200ms" or "5s", found 200
    32:12: expected a whole number of messages a second, at least 1, found a number
    33:8: expected a role that is defined, found boss; add `[roles.boss]`
    34:17: expected a text, found a list
    35:1: expected `max_size`, `max_age`, `max_rate`, `role` or `second_signer`, found `burst`
    36:9: "é/x" is not a topic pattern: topic names have no 'é'; they are letters, digits and `_`, joined by `/`
    "#);
}

#[test]
fn a_file_that_is_not_toml_or_says_no_mode_states_no_policy() {
    assert_eq!(
        problems(""),
        "1:1: expected `mode = \"observe\"`, `\"tofu\"` or `\"enforce\"`, found no mode"
    );
    insta::assert_snapshot!(problems("mode = enforce"), @"1:8: expected TOML, found string values must be quoted, expected literal string");
    insta::assert_snapshot!(problems("mode = \"tofu\"\nmode = \"observe\""), @"2:1: expected TOML, found duplicate key");
    insta::assert_snapshot!(problems("mode = \"tofu\"\n[grants.a]\nkey = 1\n[grants.a]\nkey = 2"), @"4:9: expected TOML, found duplicate key");
    insta::assert_snapshot!(problems("\u{feff}\u{feff}mode = \"tofu\""), @"1:2: expected TOML, found invalid unquoted key, expected letters, numbers, `-`, `_`");
    insta::assert_snapshot!(problems(&"a".repeat(TRUST_FILE_LEN_MAX + 1)), @"1:1: expected at most 1048576 bytes, found 1048577");
}

#[test]
fn columns_count_characters() {
    let text = "mode = \"tofu\"\nanchors = { \"é\" = \"x\" }";
    assert!(
        problems(text).starts_with("2:13: a nickname has letters"),
        "{}",
        problems(text)
    );
    assert!(
        problems(text).contains("\n2:19: a public key is written"),
        "{}",
        problems(text)
    );
}

#[test]
fn keys_that_nobody_could_believe_are_refused_where_they_are_written() {
    for weak in crate::security::certificate::tests::weak_keys() {
        let as_anchor = format!("mode = \"tofu\"\n[anchors]\na = \"{weak}\"");
        assert!(problems(&as_anchor).starts_with("3:5: "), "{}", problems(&as_anchor));
        assert!(
            problems(&as_anchor).contains("cannot be a signing key"),
            "{}",
            problems(&as_anchor)
        );
        let as_grant = format!("mode = \"tofu\"\n[roles.r]\n[grants.a]\nroles = [\"r\"]\nkey = \"{weak}\"");
        assert!(
            problems(&as_grant).contains("cannot be a signing key"),
            "{}",
            problems(&as_grant)
        );
        let revoked = format!("mode = \"tofu\"\n[revoked]\n\"{weak}\" = 2026-01-01T00:00:00Z");
        assert!(TrustFile::parse(&revoked).is_ok(), "revoking it does no harm");
    }
}

#[test]
fn a_file_that_is_cut_off_never_panics_and_never_states_a_stricter_or_looser_rule_by_half() {
    let whole = whole();
    for (at, _) in whole.char_indices() {
        // A line that is cut in the middle is an error; what is cut between lines is a shorter file.
        let _ = TrustFile::parse(&whole[..at]);
    }
    for bit in (0..whole.len() * 8).step_by(7) {
        let mut bytes = whole.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(text) = str::from_utf8(&bytes) {
            let _ = TrustFile::parse(text);
        }
    }
    let deep = format!(
        "mode = \"tofu\"\nroles = {}1{}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(TrustFile::parse(&deep).is_err());
}

#[test]
fn changes_keep_comments_order_and_spelling() {
    let mut file = TrustFile::parse(&whole()).unwrap();
    let bob = Grant {
        scope: patterns(&["robot2/**", "robot3/**"]),
        expires_ns: parse_instant("2027-06-01T00:00:00Z"),
        ..grant("bob", 4)
    };
    file.put_grant(&bob).unwrap();
    file.put_anchor(&nickname("second"), key(5)).unwrap();
    file.revoke(key(6), parse_instant("2026-12-01T10:00:00.5Z").unwrap())
        .unwrap();
    let supervisor = Role {
        publish: patterns(&["approvals"]),
        ..Role::default()
    };
    file.put_role(&RoleName::parse("supervisor").unwrap(), &supervisor)
        .unwrap();
    file.set_mode(TrustMode::Observe).unwrap();
    let changed = file.to_string();
    let (before, after): (BTreeSet<_>, BTreeSet<_>) = (whole().leak().lines().collect(), changed.lines().collect());
    let lost: Vec<_> = before.difference(&after).collect();
    assert_eq!(lost, [&"mode = \"enforce\" # since June"]);
    let added: Vec<_> = changed.lines().filter(|line| !before.contains(line)).collect();
    insta::assert_snapshot!(added.join("\n"), @r#"
    mode = "observe" # since June
    second = "did:key:z6MkmtWtY63GQVBrpMyRJWEzsnxfsGkemu6CtMDwGTv4RYj2"
    publish = ["approvals"]
    call = []
    [grants.bob]
    key = "did:key:z6Mkt6316e2PN3mZdB6N9CrzomJYUd1s5yBZi1XYHmwT9TUP"
    scope = ["robot2/**", "robot3/**"]
    expires = 2027-06-01T00:00:00Z
    "did:key:z6Mkon22vwz9JoNpGDxCrGZRgeNFTdRTwXYYN3fvAhA3K19x" = 2026-12-01T10:00:00Z
    "#);
    let policy = TrustFile::parse(&changed).unwrap().into_policy();
    assert_eq!(&policy, file.policy());
    assert!(policy.grants().any(|grant| *grant == bob));
    assert!(policy.is_anchor(key(5)));
    assert_eq!(policy.revoked_at(key(6)), parse_instant("2026-12-01T10:00:00Z"));
}

#[test]
fn what_is_put_twice_is_there_once_and_what_is_removed_is_gone() {
    let mut file = TrustFile::parse(&whole()).unwrap();
    let alice = file.policy().grants().next().unwrap().clone();
    file.put_grant(&alice).unwrap();
    assert_eq!(file.to_string(), whole(), "nothing changes when nothing is to change");
    let shorter = Grant {
        expires_ns: parse_instant("2026-12-01T00:00:00Z"),
        ..alice.clone()
    };
    file.put_grant(&shorter).unwrap();
    assert!(
        file.to_string().contains("expires = 2026-12-01T00:00:00Z # renew"),
        "{file}"
    );
    file.put_grant(&Grant {
        expires_ns: None,
        ..shorter
    })
    .unwrap();
    assert!(!file.to_string().contains("expires"), "{file}");
    assert_eq!(file.remove_grant(&nickname("alice")), Ok(true));
    assert_eq!(file.remove_grant(&nickname("alice")), Ok(false));
    assert_eq!(file.policy().grants().count(), 0);
    assert_eq!(file.remove_anchor(&nickname("fleet")), Ok(true));
    assert!(!file.policy().has_rules());
    assert!(file.to_string().contains("# Who drives."));
}

#[test]
fn a_revocation_is_only_ever_made_earlier() {
    let mut file = TrustFile::parse(&whole()).unwrap();
    let first = file.policy().revoked_at(key(3)).unwrap();
    file.revoke(key(3), first + 1).unwrap();
    assert_eq!(file.to_string(), whole());
    file.revoke(key(3), 0).unwrap();
    assert_eq!(file.policy().revoked_at(key(3)), Some(0));
    assert!(file.to_string().contains("1970-01-01T00:00:00Z # lost in the river"));
}

#[test]
fn a_change_that_would_break_the_file_changes_nothing() {
    let mut file = TrustFile::parse(&whole()).unwrap();
    let before = (file.to_string(), file.policy().clone());
    let no_such_role = Grant {
        roles: role_names(&["boss"]),
        ..grant("bob", 4)
    };
    let error = file.put_grant(&no_such_role).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("expected a role that is defined, found boss; add `[roles.boss]`"),
        "{error}"
    );
    assert!(
        file.put_anchor(&nickname("zero"), PublicKey::from_bytes([0; 32]))
            .is_err()
    );
    assert!(
        file.put_grant(&Grant {
            roles: BTreeSet::new(),
            ..grant("bob", 4)
        })
        .is_err()
    );
    assert_eq!((file.to_string(), file.policy().clone()), before);
}

#[test]
fn a_new_file_can_be_read_and_filled() {
    let mut file = TrustFile::new(TrustMode::Enforce, Some(&Domain::default()));
    assert_eq!(TrustFile::parse(&file.to_string()).unwrap().policy(), file.policy());
    assert_eq!(file.policy().domain(), Some(&Domain::default()));
    let operator = Role {
        publish: patterns(&["**"]),
        ..Role::default()
    };
    file.put_role(&RoleName::parse("operator").unwrap(), &operator).unwrap();
    file.put_grant(&grant("alice", 2)).unwrap();
    file.put_anchor(&nickname("fleet"), key(1)).unwrap();
    file.revoke(key(3), parse_instant("2026-11-21T14:00:00Z").unwrap())
        .unwrap();
    insta::assert_snapshot!(file.to_string(), @r#"
    # Whom this node believes. Modes: observe (deliver and mark), tofu (trust the first key seen under a name), enforce
    # (a key needs a role that permits what it does).
    domain = "0"
    mode = "enforce"

    [roles.operator]
    publish = ["**"]
    serve = []
    call = []

    [grants.alice]
    key = "did:key:z6Mko9hTggMwjSTEaJaPUfE6tqcy2xvU6BnNq3e3o8qVBiyH"
    roles = ["operator"]

    [anchors]
    fleet = "did:key:z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX"

    [revoked]
    "did:key:z6MkvRXNYcE7MMduynWTgeKbDaT1iijDSC8pZqXZc8rHPrf2" = 2026-11-21T14:00:00Z
    "#);
}
