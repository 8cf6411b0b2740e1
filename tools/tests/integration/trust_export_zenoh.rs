//! `trust export --zenoh`: what it writes and what it says. What routers make of it is proved in `tests/foreign`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::program::{Ended, User, port};

/// A user with an anchor, whose own key may do everything.
fn owner() -> User {
    let user = User::new();
    let made = user.run(&["trust", "init"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    user
}

fn export(user: &User, more: &[&str]) -> Ended {
    let folder = user.path("router");
    user.run(&[&["trust", "export", "--zenoh", &folder], more].concat())
}

fn router_config(user: &User) -> Value {
    let text = fs::read_to_string(user.path("router/router.json5")).expect("the configuration is there");
    let json: Vec<&str> = text.lines().filter(|line| !line.starts_with("//")).collect();
    serde_json::from_str(&json.join("\n")).expect("JSON")
}

#[test]
fn a_router_and_each_key_get_their_files() {
    let user = owner();
    let exported = export(&user, &["--san", "router.local,192.168.1.2", "--json"]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let [answer] = exported.json().try_into().unwrap();
    let certificate = answer["members"][0]["certificate"].as_str().unwrap();
    for file in [
        certificate,
        &user.path("router/ca.pem"),
        &user.path("router/router.pem"),
    ] {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.starts_with("-----BEGIN CERTIFICATE-----"), "{file}: {text}");
    }
    let mode = fs::metadata(user.path("router/router.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let config = router_config(&user);
    assert_eq!(config["listen"]["endpoints"][0], "tls/0.0.0.0:7447");
    assert_eq!(config["access_control"]["default_permission"], "deny");
    assert_eq!(
        config["access_control"]["subjects"][0]["cert_common_names"][0],
        answer["members"][0]["key"]
    );
}

#[test]
fn a_second_export_keeps_the_key_of_the_router() {
    let user = owner();
    let key = || fs::read_to_string(user.path("router/router.key")).unwrap();
    assert_eq!(export(&user, &[]).code, Some(0));
    let first = key();
    assert_eq!(export(&user, &[]).code, Some(0));
    assert_eq!(key(), first);
}

#[test]
fn the_files_can_be_installed_elsewhere() {
    let user = owner();
    assert_eq!(export(&user, &["--installed-in", "/etc/nuncio"]).code, Some(0));
    let tls = &router_config(&user)["transport"]["link"]["tls"];
    assert_eq!(tls["listen_private_key"], "/etc/nuncio/router.key");
}

#[test]
fn what_receivers_alone_can_check_is_told() {
    let user = owner();
    let trust = user.path("nuncio/trust.toml");
    let limits = "\n[topics.chatter]\nmax_rate = 50\n";
    fs::write(&trust, fs::read_to_string(&trust).unwrap() + limits).unwrap();
    let exported = export(&user, &[]);
    assert!(
        exported
            .stderr
            .contains("checked by receivers only: topics.\"chatter\" has max_rate 50 a second"),
        "{exported:?}"
    );
}

#[test]
fn an_export_that_would_protect_nothing_is_refused() {
    let nobody = User::new();
    for (user, more, said) in [
        (&nobody, &[][..], "make it with `nuncio trust init`"),
        (&owner(), &["--listen", "tcp/0.0.0.0:7447"], "expected TLS endpoints"),
        (&owner(), &["--anchor", "/nowhere/anchor.key"], "/nowhere/anchor.key"),
        (&owner(), &["--san", "röuter"], "expected DNS names and IP addresses"),
    ] {
        let refused = export(user, more);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
}

#[test]
fn a_tls_endpoint_without_certificates_says_where_they_come_from() {
    let (user, (_port, endpoint)) = (owner(), port());
    let endpoint = endpoint.replace("tcp/", "tls/");
    let refused = user.run(&["topic", "list", "--connect", &endpoint]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("nuncio/tls/ca.pem"), "{refused:?}");
    assert!(
        refused.stderr.contains("nuncio trust export --zenoh DIR"),
        "{refused:?}"
    );
}
