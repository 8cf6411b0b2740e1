//! What a configuration says, and what is wrong with one.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

use std::time::Duration;

use nuncio::TopicName;

use super::*;
use crate::role::Act;
use crate::rules::Direction;

const WHOLE: &str = r#"
clients_max = 20

[[route]]
topics = ["/camera/**", "/tf"]
direction = "out"
faces = ["foxglove"]
rate_max = 10.0

[[route]]
topics = "/robot1/**"
rename = { from = "/robot1", to = "/" }

[role.viewer]
subscribe = ["/**"]
in_per_second = 5

[[token]]
env = "VIEWER"
role = "viewer"

[foxglove]
address = "127.0.0.1:8765"

[ros2]
connect = ["tcp/127.0.0.1:7447"]
domain = 3
"#;

fn parse(text: &str) -> Result<BridgeConfig, Vec<String>> {
    let env = |name: &str| (name == "VIEWER").then(|| "0123456789abcdef".to_owned());
    BridgeConfig::parse(text, Path::new("/nowhere"), env)
}

fn topic(name: &str) -> TopicName {
    TopicName::parse(name).unwrap()
}

#[test]
fn a_whole_configuration_is_read() {
    let config = parse(WHOLE).unwrap();
    let rules = &config.rules;
    assert_eq!(rules.clients_max, 20);
    assert_eq!(rules.routes.len(), 3);
    let image = topic("/camera/image");
    assert!(rules.foreign_name(Face::Foxglove, &image, Direction::Out).is_some());
    assert!(rules.foreign_name(Face::Foxglove, &image, Direction::In).is_none());
    assert!(rules.foreign_name(Face::Ros2, &image, Direction::Out).is_none());
    assert_eq!(rules.routes[0].min_interval, Duration::from_millis(100));
    let renamed = rules.foreign_name(Face::Ros2, &topic("/robot1/cmd_vel"), Direction::In);
    assert_eq!(renamed.as_deref(), Some("/cmd_vel"));
    let token = &rules.tokens[0];
    assert!(token.is("0123456789abcdef"));
    assert!(token.role.may(Act::Subscribe, &image));
    assert!(!token.role.may(Act::Publish, &image));
    assert_eq!(token.role.limits.in_per_second, 5);
    assert_eq!(config.ros2.unwrap().domain, 3);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let problems = parse(
        r#"
        [[route]]
        topics = ["/a//b", "/ok"]
        [[route]]
        topics = "/x"
        rate_max = 0.0
        [[token]]
        env = "VIEWER"
        role = "nobody"
        [[token]]
        file = "none.token"
        role = "short"
        [role.short]
        publish = ["/bad name"]
        "#,
    )
    .unwrap_err();
    let text = problems.join("\n");
    for part in [
        "line 3, route 1:",
        "line 6, route 2: rate_max",
        "there is no [role.nobody]; there are: short",
        "/nowhere/none.token",
        "line 14, role short, publish:",
        "no face is served",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let problems = parse("[[route]]\ntopics = \"/a\"\ndirections = \"out\"\n").unwrap_err();
    assert!(
        problems[0].contains("line 3") && problems[0].contains("directions"),
        "{problems:?}"
    );
}

/// A file, what is said of its line, and what else; `[grpc]` follows.
type Mistake = (&'static str, &'static str, &'static str);

/// These have a route of their own, or should have.
const WITH_ROUTE: &[Mistake] = &[
    ("[[route]\ntopics = \"/a\"", "line 1", "route"),
    ("[[route]]\ntopics = \"/a", "line 2", "string"),
    ("[[route]]\ndirection = \"out\"", "line 1", "missing field `topics`"),
    (
        "[[route]]\ntopics = 5",
        "line 2",
        "a pattern such as \"/camera/**\", or a list",
    ),
    ("[[route]]\n\ntopics = [\"/a\", 5]", "line 3", "expected a string"),
    ("[[route]]\ntopics = \"/a//b\"", "line 2, route 1", "/a//b"),
    (
        "[[route]]\ntopics = \"/a\"\ndirection = \"sideways\"",
        "line 3",
        "`in`, `out`, `both`",
    ),
    (
        "[[route]]\ntopics = \"/a\"\nfaces = [\"ros1\"]",
        "line 3",
        "`ros2`, `foxglove`, `rosbridge`, `grpc`",
    ),
    (
        "[[route]]\ntopics = \"/a\"\nrate_max = \"fast\"",
        "line 3",
        "expected f64",
    ),
    (
        "[[route]]\ntopics = \"/a\"\nrate_max = 0.0",
        "line 3, route 1",
        "above 0",
    ),
    (
        "[[route]]\ntopics = \"/a\"\nrename = { from = \"/a\" }",
        "line 3",
        "missing field `to`",
    ),
    (
        "[[route]]\ntopics = \"/a\"\nrename = { from = \"a\", to = \"/b\" }",
        "line 3, route 1",
        "begin with a slash",
    ),
    (
        "clients_max = 0\n[[route]]\ntopics = \"/a\"",
        "line 1",
        "nobody would be let in",
    ),
    (
        "allow_origins = [\"https://a/b\"]\n[[route]]\ntopics = \"/a\"",
        "line 1",
        "`https://a/b` is no origin",
    ),
];

/// These stand behind a route of two lines.
const ELSEWHERE: &[Mistake] = &[
    ("[role.r]\nsubscribe = [\"/a b\"]", "line 4, role r, subscribe", "a b"),
    ("[role.r]\nsees = [\"/a\"]", "line 4", "unknown field `sees`"),
    (
        "[role.r]\n[[token]]\nrole = \"r\"",
        "line 5, token 1",
        "either `file` or `env`",
    ),
    (
        "[[token]]\nenv = \"VIEWER\"\nrole = \"r\"",
        "line 5, token 1",
        "no [role.r]",
    ),
    (
        "[tls]\ncertificates = \"c.pem\"\nkey = \"k.pem\"",
        "line 3",
        "/nowhere/c.pem",
    ),
    ("[tls]\ncertificates = \"c.pem\"", "line 3", "missing field `key`"),
    ("[foxglove]\naddress = \"localhost\"", "line 4", "\"127.0.0.1:8765\""),
    ("[status]\naddress = \"127.0.0.1:1\"", "line 3", "same address"),
    (
        "[rosbrigde]\naddress = \"127.0.0.1:2\"",
        "line 3",
        "unknown field `rosbrigde`",
    ),
    ("[ros2]\ndomain = -1", "line 4", "domain"),
];

#[test]
fn each_mistake_is_named_with_its_line() {
    let route = "[[route]]\ntopics = \"/a\"\n";
    let behind = ELSEWHERE
        .iter()
        .map(|(text, line, said)| (format!("{route}{text}"), line, said));
    let mistakes = WITH_ROUTE
        .iter()
        .map(|(text, line, said)| ((*text).to_owned(), line, said));
    for (text, line, said) in mistakes.chain(behind) {
        let problems = parse(&format!("{text}\n[grpc]\naddress = \"127.0.0.1:1\"\n"));
        let problems = problems.unwrap_err().join("\n");
        assert!(problems.contains(line), "{line} is missing:\n{text}\n{problems}");
        assert!(problems.contains(said), "{said} is missing:\n{text}\n{problems}");
    }
}

#[test]
fn no_route_means_that_nothing_crosses_and_is_said() {
    let problems = parse("[grpc]\naddress = \"127.0.0.1:1\"\n").unwrap_err();
    assert!(problems[0].contains("no route"), "{problems:?}");
}

#[test]
fn a_short_token_and_an_unset_variable_are_refused() {
    let with = |token: &str| {
        parse(&format!(
            "[[route]]\ntopics=\"/a\"\n[role.r]\n{token}\n[grpc]\naddress=\"127.0.0.1:1\"\n"
        ))
    };
    let unset = with("[[token]]\nenv = \"UNSET\"\nrole = \"r\"").unwrap_err();
    assert!(unset[0].contains("UNSET is not set"), "{unset:?}");
    let both = with("[[token]]\nenv = \"VIEWER\"\nfile = \"x\"\nrole = \"r\"").unwrap_err();
    assert!(both[0].contains("either"), "{both:?}");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("t"), "short\n").unwrap();
    let text =
        "[[route]]\ntopics=\"/a\"\n[role.r]\n[[token]]\nfile=\"t\"\nrole=\"r\"\n[grpc]\naddress=\"127.0.0.1:1\"\n";
    let short = BridgeConfig::parse(text, dir.path(), |_| None).unwrap_err();
    assert!(short[0].contains("5 characters"), "{short:?}");
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let config = parse(
        r#"
        [[route]]
        topics = "/**"
        [[route]]
        topics = "/secret/**"
        direction = "out"
        [role.unused]
        [rosbridge]
        address = "0.0.0.0:9090"
        "#,
    )
    .unwrap();
    let text = config.warnings.join("\n");
    assert!(
        text.contains("everybody who reaches rosbridge at 0.0.0.0:9090"),
        "{text}"
    );
    assert!(text.contains("no token gives the role unused"), "{text}");
    assert!(
        text.contains("/secret/** has no effect: /** before it, number 1"),
        "{text}"
    );
}

#[test]
fn two_faces_at_one_address_are_refused() {
    let problems =
        parse("[[route]]\ntopics=\"/a\"\n[grpc]\naddress=\"127.0.0.1:99\"\n[status]\naddress=\"127.0.0.1:99\"\n")
            .unwrap_err();
    assert!(problems[0].contains("same address"), "{problems:?}");
}

#[test]
fn no_damage_to_a_configuration_does_harm() {
    for end in 0..WHOLE.len() {
        let _ = WHOLE.get(..end).map(parse);
    }
    for at in 0..WHOLE.len() {
        for byte in [b'"', b'[', 0, b'=', 0x7f] {
            let mut bytes = WHOLE.as_bytes().to_vec();
            bytes[at] = byte;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                let _ = parse(text);
            }
        }
    }
}
