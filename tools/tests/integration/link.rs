//! Two homes on one machine that make a link: one command on each side, and then topics over TLS.

use std::fs;

use nuncio::local_registry::ReservedPort;
use serde_json::Value;

use crate::program::{Ended, Running, User, port};

/// A host that invites, and where.
pub(crate) struct Robot {
    user: User,
    _reserved: ReservedPort,
    endpoint: String,
}

impl Robot {
    pub(crate) fn new() -> Self {
        let (reserved, endpoint) = port();
        Self {
            user: User::new(),
            _reserved: reserved,
            endpoint: endpoint.replace("tcp/", "tls/"),
        }
    }

    /// Starts to invite; gives the code, too.
    pub(crate) fn invite(&self, more: &[&str]) -> (Running, String) {
        let args = ["link", "invite", "--as", "robot7", "--json", "--listen", &self.endpoint];
        let mut inviting = self.user.start(&[&args[..], more].concat());
        let invited = inviting.json();
        let text = |member: &str| invited.get(member).and_then(Value::as_str);
        assert_eq!(text("event"), Some("invited"));
        let code = text("code").expect("a code").to_owned();
        (inviting, code)
    }
}

pub(crate) fn accept(user: &User, code: &str, name: &str) -> Ended {
    user.run(&["link", "accept", code, "--as", name, "--json"])
}

/// Waits for one of the inviter's events.
fn await_event(inviting: &mut Running, event: &str) -> Value {
    let line = inviting.json();
    assert_eq!(line.get("event").and_then(Value::as_str), Some(event), "{line}");
    line
}

#[test]
fn two_homes_join_and_a_topic_crosses_over_tls_while_strangers_stay_out() {
    let (robot, laptop, stranger) = (Robot::new(), User::new(), User::new());
    let (mut inviting, code) = robot.invite(&[]);
    let accepted = accept(&laptop, &code, "laptop");
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    let [answer] = accepted.json().try_into().expect("one answer");
    assert_eq!(answer["endpoint"], robot.endpoint.as_str());
    assert_eq!(answer["remembered"]["pinned"], "/robot7");
    let joined = await_event(&mut inviting, "joined");
    assert_eq!(
        (&joined["name"], &joined["key"]),
        (&Value::from("laptop"), &answer["own_key"])
    );
    await_event(&mut inviting, "ready");

    let (data, topic) = ("data: here", ["/chatter", "std_msgs/String"]);
    let talk = [
        "--context",
        "robot7",
        "topic",
        "pub",
        topic[0],
        topic[1],
        data,
        "-r",
        "20",
        "--json",
    ];
    let mut talker = laptop.start_as(&talk, |command| {
        command.env_remove("NUNCIO_DISCOVERY");
    });
    talker.json();
    let mut echo = robot
        .user
        .start(&["topic", "echo", topic[0], "--connect", &robot.endpoint, "--json"]);
    let heard = echo.json();
    assert_eq!(
        (&heard["message"]["data"], &heard["signer"]),
        (&Value::from("here"), &answer["own_key"])
    );

    let seen = laptop.run(&["doctor", "--json"]).json();
    let certificate = seen
        .iter()
        .find(|finding| finding["about"] == "certificate of TLS links");
    assert_eq!(certificate.expect("it was looked at")["state"], "ok");

    // The code is over, which is told apart from a host that is not there.
    let late = accept(&stranger, &code, "stranger");
    assert_eq!(late.code, Some(2), "{late:?}");
    assert!(
        late.stderr.contains("robot7 is there, but its invitation is over"),
        "{late:?}"
    );
    // Certificates of one's own do not open the door.
    let (own, own_code) = (Robot::new(), User::new());
    let (_inviting, code) = own.invite(&[]);
    assert_eq!(accept(&own_code, &code, "stranger").code, Some(0));
    let outside = own_code.run(&["topic", "list", "--connect", &robot.endpoint]);
    assert_ne!(outside.code, Some(0), "{outside:?}");
}

#[test]
fn a_third_host_joins_while_the_router_runs() {
    let (robot, first, second) = (Robot::new(), User::new(), User::new());
    let (mut serving, code) = robot.invite(&[]);
    assert_eq!(accept(&first, &code, "first").code, Some(0));
    await_event(&mut serving, "joined");
    await_event(&mut serving, "ready");
    let (inviting, code) = robot.invite(&[]);
    let accepted = accept(&second, &code, "second");
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    // It does not start a second router.
    let ended = inviting.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("is taken, by the router"), "{ended:?}");
    let node = |user: &User, args: &[&str]| {
        user.start_as(&[&["--context", "robot7", "--json"], args].concat(), |command| {
            command.env_remove("NUNCIO_DISCOVERY");
        })
    };
    let _talker = node(
        &first,
        &["topic", "pub", "/chatter", "std_msgs/String", "data: all", "-r", "20"],
    );
    assert_eq!(
        node(&second, &["topic", "echo", "/chatter"]).json()["message"]["data"],
        "all"
    );
}

#[test]
fn a_code_that_has_expired_says_so_on_both_sides() {
    let (robot, laptop) = (Robot::new(), User::new());
    let (inviting, code) = robot.invite(&["--expires", "1s"]);
    let ended = inviting.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("the code has expired; 0 hosts joined with it"),
        "{ended:?}"
    );
    let late = accept(&laptop, &code, "laptop");
    assert_eq!(late.code, Some(2), "{late:?}");
    assert!(late.stderr.contains("the code has expired at"), "{late:?}");
    assert!(!laptop.home().join("nuncio/tls").exists(), "something was stored");
}

#[test]
fn roles_that_were_said_are_granted_and_no_others() {
    let (robot, laptop) = (Robot::new(), User::new());
    for user in [&robot.user, &laptop] {
        assert_eq!(user.run(&["trust", "init", "--mode", "enforce"]).code, Some(0));
    }
    let (mut inviting, code) = robot.invite(&["--role", "everything", "--no-router"]);
    let accepted = accept(&laptop, &code, "laptop");
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    let remembered = &accepted.json()[0]["remembered"];
    assert_eq!(
        (remembered["roles"].to_string(), &remembered["needs_role"]),
        ("[]".to_owned(), &Value::Bool(true))
    );
    assert!(
        accepted.stderr.contains("nuncio trust add robot7 --role ROLE"),
        "{accepted:?}"
    );
    let joined = await_event(&mut inviting, "joined");
    assert_eq!(joined["remembered"]["roles"].to_string(), "[\"everything\"]");
    let ended = inviting.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("`nuncio router --listen tls/"), "{ended:?}");
    // The anchor's key of the robot has signed the certificates: there is one authority, not two.
    assert!(!robot.user.home().join("nuncio/tls/ca.key").exists());
}

#[test]
fn what_cannot_be_joined_is_told_before_anything_is_changed() {
    let (robot, laptop) = (Robot::new(), User::new());
    let no_code = laptop.run(&["link", "accept", "tls/robot7:7447"]);
    assert!(
        no_code
            .stderr
            .contains("expected the code that `nuncio link invite` prints"),
        "{no_code:?}"
    );
    let (_inviting, code) = robot.invite(&[]);
    let damaged = laptop.run(&["link", "accept", &code[..code.len() - 1]]);
    assert!(damaged.stderr.contains("was cut off or changed"), "{damaged:?}");
    let other = laptop.run(&["link", "accept", &code, "--domain", "lab"]);
    assert!(other.stderr.contains("the code is for domain 0"), "{other:?}");
    let no_role = laptop.run(&["link", "accept", &code, "--role", "driver"]);
    assert!(no_role.stderr.contains("nuncio trust init"), "{no_role:?}");
    assert_eq!(
        laptop
            .run(&["context", "set", "robot7", "--connect", "tcp/mine:7447"])
            .code,
        Some(0)
    );
    let taken = accept(&laptop, &code, "laptop");
    assert!(taken.stderr.contains("there is a context robot7 already"), "{taken:?}");
    for ended in [no_code, damaged, other, no_role, taken] {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    }
    let contexts = fs::read_to_string(laptop.path("nuncio/contexts.toml")).unwrap();
    assert!(contexts.contains("tcp/mine:7447"), "{contexts}");
    // None of these has used the code up. It is read from a pipe, too, and the name is for this host to choose.
    let accepted = laptop
        .start_with_stdin(&["link", "accept", "-", "--as", "laptop", "--call", "bot"], &code)
        .end();
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    assert!(laptop.run(&["context", "show", "bot"]).stdout.contains(&robot.endpoint));
}

#[test]
fn certificates_of_two_inviters_stand_beside_each_other() {
    let (one, other, laptop) = (Robot::new(), Robot::new(), User::new());
    let folder = |name: &str, robot: &Robot| {
        let (_inviting, code) = robot.invite(&["--no-router"]);
        let accepted = laptop.run(&["link", "accept", &code, "--as", "laptop", "--call", name, "--json"]);
        assert_eq!(accepted.code, Some(0), "{accepted:?}");
        accepted.json()[0]["tls"].as_str().expect("a folder").to_owned()
    };
    assert_eq!(folder("one", &one), laptop.path("nuncio/tls"));
    assert_eq!(folder("other", &other), laptop.path("nuncio/tls/other"));
    assert_eq!(folder("one", &one), laptop.path("nuncio/tls"));
    let show = laptop.run(&["context", "show", "other"]);
    assert!(show.stdout.contains("nuncio/tls/other"), "{show:?}");
    // Who has certificates of another authority signs none with a key that nobody knows.
    let inviting = laptop.run(&["link", "invite", "--as", "laptop", "--listen", &one.endpoint]);
    assert_eq!(inviting.code, Some(2), "{inviting:?}");
    assert!(inviting.stderr.contains("is from another authority"), "{inviting:?}");
}

#[test]
fn an_invitation_for_two_ends_after_both() {
    let (robot, first, second) = (Robot::new(), User::new(), User::new());
    let (mut inviting, code) = robot.invite(&["--count", "2"]);
    for (user, name) in [(&first, "first"), (&second, "second")] {
        assert_eq!(accept(user, &code, name).code, Some(0));
        assert_eq!(await_event(&mut inviting, "joined")["name"], name);
    }
    await_event(&mut inviting, "ready");
    inviting.interrupt();
    assert_eq!(inviting.end().code, Some(0));
}
