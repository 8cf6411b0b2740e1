//! `key import|export|rotate|revoke|list`: a key from file to file, followed by another, and refused in the end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nuncio::security::trust_file::TrustFile;
use nuncio::{Domain, Identity};

use crate::program::{Ended, User, listen, node};

fn key(seed: u8) -> String {
    Identity::from_seed(&[seed; 32]).public_key().to_string()
}

/// A user after `trust init`.
fn user() -> User {
    let user = User::new();
    let ended = user.run(&["trust", "init"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    user
}

fn own_key(user: &User) -> String {
    let listed = user.run(&["key", "list", "--json"]).json();
    let own = listed.iter().find(|entry| entry["own"] == true).expect("a key");
    own["key"].as_str().expect("a text").to_owned()
}

fn with_passphrase(user: &User, passphrase: &str, args: &[&str]) -> Ended {
    let running = user.start_as(args, |command| {
        command.env("NUNCIO_PASSPHRASE", passphrase);
    });
    running.end()
}

#[test]
fn a_key_goes_from_one_machine_to_another_under_a_passphrase() {
    let (old, new) = (User::new(), User::new());
    assert_eq!(old.run(&["key", "new"]).code, Some(0));
    let file = new.path("backup.pem");
    let export = ["key", "export", "--encrypt", "-o", &file];
    assert_eq!(with_passphrase(&old, "correct horse", &export).code, Some(0));
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    );
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = with_passphrase(&old, "correct horse", &export);
    assert!(
        again.code == Some(2) && again.stderr.contains("is there already"),
        "{again:?}"
    );

    let import = ["key", "import", &file];
    let said = |ended: Ended| {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        ended.stderr.replace(new.home().to_str().unwrap(), "HOME")
    };
    insta::assert_snapshot!(said(with_passphrase(&new, "wrong horse", &import)), @"error: HOME/backup.pem: the passphrase does not open this key; try again, or restore the file if it is damaged");
    insta::assert_snapshot!(said(with_passphrase(&new, "", &import)), @"error: expected a passphrase, found an empty one");
    assert!(!new.home().join("nuncio/identity.key").exists());
    new.write(&[("passphrase", "correct horse\nnot this line\n")]);
    let imported = new.run(&[&import[..], &["--passphrase-file", &new.path("passphrase")]].concat());
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert_eq!(own_key(&new), own_key(&old));
    // The same key again changes nothing, and needs no force.
    let again = with_passphrase(&new, "correct horse", &import);
    assert!(
        again.code == Some(0) && !again.stderr.contains("the old key"),
        "{again:?}"
    );
    assert_eq!(old.run(&["key", "new", "--force"]).code, Some(0));
    let other = with_passphrase(&old, "correct horse", &import);
    assert!(
        other.code == Some(2) && other.stderr.contains("--force moves it aside"),
        "{other:?}"
    );
}

#[test]
fn what_is_no_private_key_is_not_imported() {
    let user = User::new();
    let public = User::new();
    assert_eq!(public.run(&["key", "show"]).code, Some(0));
    let public = public.run(&["key", "export", "--public"]).stdout;
    user.write(&[("public.pem", &public), ("text", "hello")]);
    let said = |file: &str| {
        let ended = user.run(&["key", "import", &user.path(file)]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        ended.stderr.replace(user.home().to_str().unwrap(), "HOME")
    };
    insta::assert_snapshot!(said("public.pem"), @"error: HOME/public.pem: expected an Ed25519 private key (PKCS#8 in PEM form), found only a public key; make a new one with `openssl genpkey -algorithm ed25519`");
    insta::assert_snapshot!(said("text"), @"error: HOME/text: expected an Ed25519 private key (PKCS#8 in PEM form), found no `-----BEGIN PRIVATE KEY-----` line; make a new one with `openssl genpkey -algorithm ed25519`");
    assert!(said("gone").starts_with("error: cannot read HOME/gone: "));
    let none = user.run(&["key", "export"]);
    assert!(
        none.code == Some(2) && none.stderr.contains("`nuncio key new`"),
        "{none:?}"
    );
}

#[test]
fn grants_follow_a_key_that_is_rotated() {
    let user = user();
    let old = own_key(&user);
    let ended = user.run(&["key", "rotate", "--overlap", "2h", "--json"]);
    let [rotated] = ended.json().try_into().unwrap();
    let new = own_key(&user);
    assert_eq!(
        (&rotated["old"], &rotated["key"]),
        (&old.as_str().into(), &new.as_str().into())
    );
    assert_ne!(old, new);
    assert_eq!(rotated["grants"], serde_json::json!(["owner"]));
    let may = |key: &str, more: &[&str]| {
        user.run(&[&["trust", "check", key, "publish", "/x"], more].concat())
            .code
    };
    assert_eq!(
        (may(&new, &[]), may(&old, &[])),
        (Some(0), Some(0)),
        "both may for the time of the overlap"
    );
    assert_eq!(
        (may(&new, &["--at", "+3h"]), may(&old, &["--at", "+3h"])),
        (Some(0), Some(3))
    );
    assert_eq!(user.run(&["doctor", "--timeout", "0.1"]).code, Some(0));
    let nobody = User::new().run(&["key", "rotate"]);
    assert!(
        nobody.code == Some(2) && nobody.stderr.contains("`nuncio key new`"),
        "{nobody:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_revocation_reaches_the_nodes_that_trust_the_anchor() {
    let user = user();
    let bob = key(7);
    let add = ["trust", "add", &bob, "--name", "bob", "--role", "everything"];
    assert_eq!(user.run(&add).code, Some(0));
    let text = fs::read_to_string(user.path("nuncio/trust.toml")).unwrap();
    let policy = TrustFile::parse(&text).unwrap().into_policy();
    let (robot, endpoint) = listen(node("robot", 1).trust(policy.clone())).await;
    let revoke = [
        "key",
        "revoke",
        "bob",
        "--reason",
        "lost",
        "--since",
        "-1h",
        "--connect",
        &endpoint,
    ];
    let ended = user.run(&[&revoke[..], &["--json"]].concat());
    let [told] = ended.json().try_into().unwrap();
    assert_eq!(
        (&told["nodes"], &told["nodes_that_hold_it"]),
        (&1.into(), &1.into()),
        "{ended:?}"
    );
    let bob_key = Identity::from_seed(&[7; 32]).public_key();
    assert!(robot.trust_policy().revoked_at(bob_key).is_some());
    assert_eq!(robot.domain(), &Domain::default());

    let check = ["trust", "check", "bob", "publish", "/x", "--json"];
    assert_eq!(user.run(&check).json()[0]["reason"], "Revoked");
    let listed = user.run(&["key", "list"]).stdout;
    let line = listed.lines().find(|line| line.starts_with(&bob)).unwrap();
    assert!(
        line.contains("bob (grant)") && line.contains("REVOKED since "),
        "{listed}"
    );
    // It stays so when the anchor goes.
    let removed = user.run(&["trust", "remove", "anchor"]);
    assert!(
        removed.stderr.contains("1 key that it has revoked stay so"),
        "{removed:?}"
    );
    assert_eq!(user.run(&check).json()[0]["reason"], "Revoked");
}

#[test]
fn who_has_no_anchor_can_revoke_nothing() {
    let user = user();
    let bob = key(7);
    let anchor = user.path("nuncio/anchor.key");
    fs::set_permissions(&anchor, fs::Permissions::from_mode(0o644)).unwrap();
    let open = user.run(&["key", "revoke", &bob]);
    assert!(open.code == Some(2) && open.stderr.contains("chmod 600 "), "{open:?}");
    fs::remove_file(&anchor).unwrap();
    let none = user.run(&["key", "revoke", &bob]);
    assert_eq!(none.code, Some(2));
    insta::assert_snapshot!(none.stderr.replace(user.home().to_str().unwrap(), "HOME"), @"error: expected the anchor's private key in HOME/nuncio/anchor.key, found no file; name it with --anchor FILE, or refuse the key here alone by a line in [revoked] of trust.toml");
}

#[test]
fn a_list_of_revocations_is_shown_in_words() {
    let user = user();
    let bob = key(7);
    let revoke = [
        "key",
        "revoke",
        &bob,
        "--reason",
        "lost at the fair",
        "--since",
        "2026-01-01",
        "--timeout",
        "0.1",
    ];
    assert_eq!(user.run(&revoke).code, Some(0));
    let shown = user.run(&["trust", "show"]);
    assert!(
        shown.code == Some(0) && shown.stdout.contains("lost at the fair"),
        "{shown:?}"
    );
    let state = fs::read_dir(user.path("nuncio/state")).unwrap().flatten();
    let mut names = state.map(|entry| entry.file_name().into_string().unwrap());
    let name = names.find(|name| name.starts_with("revoked-")).unwrap();
    let list = user.path(&format!("nuncio/state/{name}"));
    let [json] = user.run(&["trust", "show", &list, "--json"]).json().try_into().unwrap();
    let revoked = serde_json::json!({"key": bob, "since": "2026-01-01T00:00:00Z", "reason": "lost at the fair"});
    assert_eq!((&json["revoked"][0], &json["holds"]), (&revoked, &true.into()));
    // Where its anchor is not known, it says so; and a damaged one is told.
    let stranger = User::new().run(&["trust", "show", &list]);
    assert!(
        stranger.code == Some(3) && stranger.stdout.contains("is no anchor"),
        "{stranger:?}"
    );
    let mut bytes = fs::read(&list).unwrap();
    let last = bytes.last_mut().unwrap();
    *last ^= 1;
    fs::write(user.path("damaged"), bytes).unwrap();
    let damaged = user.run(&["trust", "show", &user.path("damaged")]);
    assert!(
        damaged.code == Some(3) && damaged.stdout.contains("BadSignature"),
        "{damaged:?}"
    );
}
