//! `trust init|add|remove|list|sign|show|check|export`, as a person uses them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nuncio::Identity;

use crate::program::{Ended, User, port};

/// From nothing to an enforced talker and listener.
const SETUP_MAX: Duration = Duration::from_secs(10);

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

fn trust_toml(user: &User) -> String {
    fs::read_to_string(user.path("nuncio/trust.toml")).expect("a trust.toml")
}

/// What a refused call says, without the user's own path.
fn refused(user: &User, args: &[&str]) -> String {
    let Ended { code, stdout, stderr } = user.run(args);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}: {stderr}");
    stderr.replace(user.home().to_str().expect("a text"), "HOME")
}

#[test]
fn three_commands_lead_from_nothing_to_an_enforced_talker_and_listener() {
    let (user, (_port, endpoint)) = (User::new(), port());
    let start = Instant::now();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    let mut echo = user.start(&["topic", "echo", "/chatter", "--once", "--json", "--listen", &endpoint]);
    let talker = user.start(&[
        "topic",
        "pub",
        "/chatter",
        "std_msgs/String",
        "data: hello",
        "--once",
        "--wait",
        "20",
        "--connect",
        &endpoint,
    ]);
    let message = echo.json();
    let took = start.elapsed();
    println!(
        "from an empty directory to the first enforced message: {} ms",
        took.as_millis()
    );
    assert_eq!(
        (&message["message"]["data"], &message["verdict"]),
        (&"hello".into(), &"permitted".into())
    );
    assert_eq!((echo.end().code, talker.end().code), (Some(0), Some(0)));
    assert!(took < SETUP_MAX, "{took:?}");
}

#[test]
fn a_stranger_is_refused_until_the_key_has_a_role() {
    let (listener, stranger, (_port, endpoint)) = (user(), User::new(), port());
    let key = stranger.run(&["key", "show", "--json"]).json()[0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let args = [
        "topic",
        "pub",
        "/chatter",
        "std_msgs/String",
        "data: hello",
        "-r",
        "20",
        "--connect",
        &endpoint,
    ];
    let mut echo = listener.start(&["topic", "echo", "/chatter", "--json", "--listen", &endpoint]);
    let _talker = stranger.start(&args);
    let told = echo
        .talk_within(crate::program::DEADLINE, "refused, NotPermitted")
        .unwrap();
    assert!(
        told.contains("give the key a role for this topic: `nuncio trust add KEY --role ROLE`"),
        "{told}"
    );
    let added = listener.run(&["trust", "add", &key, "--role", "everything", "--name", "bob"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    // The listener that runs has read the file again.
    let message = echo.json();
    assert_eq!(
        (message["signer"].as_str(), &message["verdict"]),
        (Some(key.as_str()), &"permitted".into())
    );
    echo.interrupt();
    assert_eq!(echo.end().code, Some(3));
}

#[test]
fn init_keeps_what_is_there() {
    let user = user();
    let before = (trust_toml(&user), fs::read(user.path("nuncio/anchor.key")).unwrap());
    for file in ["anchor.key", "identity.key", "trust.toml"] {
        let mode = fs::metadata(user.path(&format!("nuncio/{file}")))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    insta::assert_snapshot!(refused(&user, &["trust", "init"]), @"error: HOME/nuncio/trust.toml is there already; change it with `nuncio trust add` or an editor, or move it away first");
    fs::remove_file(user.path("nuncio/trust.toml")).unwrap();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    assert_eq!(
        (trust_toml(&user), fs::read(user.path("nuncio/anchor.key")).unwrap()),
        before
    );
}

#[test]
fn init_says_what_it_made() {
    let user = User::new();
    let ended = user.run(&["trust", "init", "--mode", "tofu", "--json", "--domain", "lab"]);
    let [made] = ended.json().try_into().unwrap();
    let fields: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["trust_file", "mode", "key", "nickname", "role", "anchor", "anchor_file"]
    );
    assert!(ended.stderr.contains("move it to a safe place"), "{ended:?}");
    let text = trust_toml(&user);
    assert!(
        text.contains("mode = \"tofu\"") && text.contains("domain = \"lab\""),
        "{text}"
    );
    // Another domain than the file is for: no node starts.
    let ended = user.run(&["topic", "list"]);
    assert!(
        ended.code == Some(2) && ended.stderr.contains("for domain lab"),
        "{ended:?}"
    );
}

#[test]
fn grants_come_and_go_and_comments_stay() {
    let user = user();
    let before = trust_toml(&user);
    let bob = key(1);
    let add = |more: &[&str]| {
        let args = [
            &["trust", "add", bob.as_str(), "--name", "bob", "--scope", "robot1/**"],
            more,
        ]
        .concat();
        user.run(&args)
    };
    let added = add(&["--role", "everything", "--until", "2100-01-01", "--json"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    assert_eq!(added.json()[0]["scope"], serde_json::json!(["robot1/**"]));
    let text = trust_toml(&user);
    assert!(text.starts_with(before.split("[grants").next().unwrap()), "{text}");
    assert!(
        text.contains("# max_rate = 50") && text.contains("expires = 2100-01-01T00:00:00Z"),
        "{text}"
    );
    // The same again changes nothing; other terms are not mixed into it.
    assert_eq!(add(&["--role", "everything", "--until", "2100-01-01"]).code, Some(0));
    assert_eq!(trust_toml(&user), text);
    let other = add(&["--role", "everything"]);
    assert!(
        other.code == Some(2) && other.stderr.contains("has another scope or time"),
        "{other:?}"
    );
    assert_eq!(add(&["--role", "everything", "--replace"]).code, Some(0));
    assert!(!trust_toml(&user).contains("expires"), "{}", trust_toml(&user));

    let listed = user.run(&["trust", "list", "--json"]).json();
    let kinds: Vec<&str> = listed.iter().filter_map(|entry| entry["kind"].as_str()).collect();
    assert_eq!(kinds, ["anchor", "role", "grant", "grant"]);

    assert_eq!(user.run(&["trust", "remove", "bob"]).code, Some(0));
    assert_eq!(trust_toml(&user), before);
    assert_eq!(user.run(&["trust", "remove", &bob]).code, Some(1));
    assert_eq!(user.run(&["trust", "remove", "anchor"]).code, Some(0));
    assert!(!trust_toml(&user).contains("\nanchor = "));
}

#[test]
fn bad_calls_say_what_was_expected() {
    let user = user();
    let bob = key(1);
    let add = |more: &[&str]| refused(&user, &[&["trust", "add"], more].concat());
    insta::assert_snapshot!(add(&["bob", "--role", "everything"]), @r#"error: expected a key (did:key:z6Mk…), `me`, or a name in trust.toml or known.toml, found "bob"; `nuncio key list` shows the names"#);
    insta::assert_snapshot!(add(&["ownr", "--role", "everything"]), @r#"error: expected a key (did:key:z6Mk…), `me`, or a name in trust.toml or known.toml, found "ownr"; did you mean owner?"#);
    insta::assert_snapshot!(add(&[&bob, "--role", "everything"]), @"error: did:key:z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX has no name here yet; give it one with --name NICKNAME");
    insta::assert_snapshot!(add(&[&bob, "--name", "bob", "--role", "everthing"]), @"error: trust.toml defines no role everthing; did you mean everything?");
    insta::assert_snapshot!(add(&[&bob, "--name", "bob", "--role", "pilot"]), @"error: trust.toml defines no role pilot; it defines everything");
    insta::assert_snapshot!(add(&[&bob, "--name", "me", "--role", "everything"]), @"error: `me` always means this user's own key; choose another --name");
    insta::assert_snapshot!(add(&[&bob, "--name", "owner", "--role", "everything"]).split(" of ").next().unwrap(), @"error: owner is the nickname");
    for (option, value) in [
        ("--role", "Every Thing"),
        ("--scope", "a#b"),
        ("--until", "soon"),
        ("--name", "a b"),
    ] {
        let said = add(&[&bob, "--role", "everything", option, value]);
        assert!(said.contains(&format!("'{value}' for '{option} <")), "{said}");
    }
    let empty = User::new();
    insta::assert_snapshot!(refused(&empty, &["trust", "add", &bob, "--role", "x", "--name", "bob"]), @"error: expected a trust file HOME/nuncio/trust.toml, found none; make it with `nuncio trust init`");
    insta::assert_snapshot!(refused(&empty, &["trust", "export"]), @"error: expected a trust file HOME/nuncio/trust.toml, found none; make it with `nuncio trust init`");
    let no_file = refused(&empty, &["topic", "list", "--trust-mode", "enforce"]);
    insta::assert_snapshot!(no_file.lines().last().unwrap(), @"error: mode enforce needs HOME/nuncio/trust.toml, which says who is permitted what, and there is none; make it with `nuncio trust init`");
}

#[test]
fn a_broken_trust_file_is_told_by_line_and_never_passed_over() {
    let user = user();
    let broken = "mode = \"strict\"\n[grants.bob]\nkey = \"x\"\nroles = [\"pilot\"]\n";
    fs::write(user.path("nuncio/trust.toml"), broken).unwrap();
    let bob = key(1);
    for args in [
        ["trust", "list"].as_slice(),
        &["trust", "check", "me", "publish", "/x"],
        &["trust", "add", &bob, "--role", "everything", "--name", "bob"],
        &["trust", "init"],
        &["topic", "list"],
        &["topic", "list", "--trust-mode", "observe"],
    ] {
        let said = refused(&user, args);
        for place in ["trust.toml:1:8: ", "trust.toml:3:7: ", "trust.toml:4:"] {
            assert!(said.contains(place), "{args:?}: {said}");
        }
    }
    assert_eq!(trust_toml(&user), broken);
    fs::set_permissions(user.path("nuncio/trust.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    let said = refused(&user, &["trust", "list"]);
    assert!(said.contains("chmod 600 HOME/nuncio/trust.toml"), "{said}");
}

#[test]
fn a_weaker_mode_by_flag_is_said_loudly() {
    let user = user();
    let ended = user.run(&["topic", "list", "--trust-mode", "tofu", "--timeout", "0.1"]);
    insta::assert_snapshot!(ended.stderr.lines().next().unwrap(), @"WEAKER TRUST: trust.toml says enforce, but --trust-mode tofu is used for this command");
    let ended = user.run(&["topic", "list", "--trust-mode", "enforce", "--timeout", "0.1"]);
    assert!(!ended.stderr.contains("WEAKER"), "{ended:?}");
}

#[test]
fn check_explains_rule_by_rule() {
    let user = user();
    let bob = key(1);
    let add = [
        "trust",
        "add",
        &bob,
        "--name",
        "bob",
        "--role",
        "everything",
        "--scope",
        "robot1/**",
        "--until",
        "2100-01-01",
    ];
    assert_eq!(user.run(&add).code, Some(0));
    let check = |args: &[&str]| user.run(&[&["trust", "check", "bob"], args, &["--at", "2027-01-01"]].concat());
    let permitted = check(&["publish", "robot1/cmd_vel"]);
    assert_eq!(permitted.code, Some(0), "{permitted:?}");
    insta::assert_snapshot!(permitted.stdout, @"
    may bob (z6Mkon3N…FbLfLX) publish /robot1/cmd_vel in domain 0, at 2027-01-01T00:00:00Z, in mode enforce?
      passed   revoked     the key is not revoked
      permits  grants.bob  gives the role everything, which may publish **
    permitted: by everything
    this holds until 2100-01-01T00:00:00Z
    ");
    let refused = check(&["call", "/robot2/reset"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    insta::assert_snapshot!(refused.stdout, @"
    may bob (z6Mkon3N…FbLfLX) call /robot2/reset in domain 0, at 2027-01-01T00:00:00Z, in mode enforce?
      passed   revoked       the key is not revoked
      passed   grants.bob    its scope does not have /robot2/reset
      refuses  mode enforce  the key needs a role that may call /robot2/reset, and holds no role for /robot2/reset
    refused: NotPermitted: the key needs a role that may call /robot2/reset, and holds no role for /robot2/reset
    what to do: give the key a role for this topic: `nuncio trust add KEY --role ROLE`
    this holds until 2100-01-01T00:00:00Z
    ");
    let [json] = check(&["publish", "/robot2/x", "--json"]).json().try_into().unwrap();
    assert_eq!(
        (&json["found"], &json["reason"]),
        (&"refuse".into(), &"NotPermitted".into())
    );
    assert_eq!(json["steps"][1]["rule"], "grants.bob");
    let late = user.run(&[
        "trust",
        "check",
        "bob",
        "publish",
        "/robot1/x",
        "--at",
        "2100-01-01",
        "--json",
    ]);
    assert_eq!((late.code, &late.json()[0]["reason"]), (Some(3), &"CertExpired".into()));
    let [observed] = user
        .run(&[
            "trust",
            "check",
            &key(2),
            "serve",
            "/x",
            "--trust-mode",
            "observe",
            "--json",
        ])
        .json()
        .try_into()
        .unwrap();
    assert_eq!(
        (&observed["found"], &observed["reason"]),
        (&"permit".into(), &"NotPermitted".into())
    );
}

#[test]
fn certificates_are_signed_shown_and_believed() {
    let (fleet, robot) = (user(), User::new());
    let key = robot.run(&["key", "show", "--json"]).json()[0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let certificate = robot.path("nuncio/identity.cert");
    let sign = [
        "trust",
        "sign",
        &key,
        "--name",
        "robot1",
        "--role",
        "everything",
        "--scope",
        "robot1/**",
        "--until",
        "+365d",
    ];
    let signed = fleet.run(&[sign.as_slice(), &["--delegate", "1", "-o", &certificate]].concat());
    assert_eq!(signed.code, Some(0), "{signed:?}");
    let again = fleet.run(&[sign.as_slice(), &["-o", &certificate]].concat());
    assert!(
        again.code == Some(2) && again.stderr.contains("is there already"),
        "{again:?}"
    );
    let shown = fleet.run(&["trust", "show", &certificate]);
    assert!(
        shown.code == Some(0) && shown.stdout.contains("it holds here and now"),
        "{shown:?}"
    );
    let check = |topic: &str, more: &[&str]| {
        fleet
            .run(
                &[
                    &[
                        "trust",
                        "check",
                        key.as_str(),
                        "publish",
                        topic,
                        "--cert",
                        certificate.as_str(),
                    ],
                    more,
                ]
                .concat(),
            )
            .code
    };
    assert_eq!(
        (check("/robot1/odom", &[]), check("/robot2/odom", &[])),
        (Some(0), Some(3))
    );
    assert_eq!(
        (
            check("/robot1/odom", &["--at", "+366d"]),
            check("/robot1/odom", &["--domain", "7"])
        ),
        (Some(3), Some(3))
    );

    // The robot has the policy of the fleet, and certifies a node of its own below its certificate.
    let exported = fleet.run(&["trust", "export", "-o", &robot.path("nuncio/trust.toml")]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    assert!(
        !fs::read_to_string(robot.path("nuncio/trust.toml"))
            .unwrap()
            .contains("PRIVATE")
    );
    let arm = self::key(5);
    let sign = [
        "trust",
        "sign",
        &arm,
        "--name",
        "arm",
        "--role",
        "everything",
        "--until",
        "+30d",
    ];
    let chain = robot.run(&[sign.as_slice(), &["--scope", "robot1/arm/**"]].concat());
    assert_eq!(chain.code, Some(0), "{chain:?}");
    assert_eq!(chain.stdout.matches("nuncio certificate v1").count(), 2);
    fs::write(robot.path("arm.cert"), &chain.stdout).unwrap();
    let arm = |topic: &str| {
        robot
            .run(&[
                "trust",
                "check",
                &arm,
                "publish",
                topic,
                "--cert",
                &robot.path("arm.cert"),
            ])
            .code
    };
    assert_eq!((arm("/robot1/arm/joint"), arm("/robot1/odom")), (Some(0), Some(3)));
    let wide = robot.run(&[sign.as_slice(), &["--scope", "**"]].concat());
    assert!(
        wide.code == Some(2) && wide.stderr.contains("gives more than its issuer has: the scope **"),
        "{wide:?}"
    );
    fs::write(robot.path("damaged.cert"), chain.stdout.replace("robot1", "robot2")).unwrap();
    let shown = robot.run(&["trust", "show", &robot.path("damaged.cert")]);
    assert!(
        shown.code == Some(3) && shown.stdout.contains("it does not hold"),
        "{shown:?}"
    );
}

#[test]
fn show_says_what_each_file_is() {
    let user = user();
    let shown = user.run(&["trust", "show"]);
    assert!(
        shown.code == Some(0) && shown.stdout.contains("mode enforce: a key needs a role"),
        "{shown:?}"
    );
    let anchor = user.run(&["trust", "show", &user.path("nuncio/anchor.key")]);
    assert!(
        anchor.stdout.contains("a private key") && !anchor.stdout.contains("BEGIN"),
        "{anchor:?}"
    );
    user.write(&[("broken.toml", "mode = 1\nx = 2\n")]);
    let broken = user.run(&["trust", "show", &user.path("broken.toml")]);
    assert_eq!((broken.code, broken.stdout.lines().count()), (Some(3), 2), "{broken:?}");
    let gone = refused(&user, &["trust", "show", &user.path("gone")]);
    assert!(gone.starts_with("error: cannot read HOME/gone: "), "{gone}");
}
