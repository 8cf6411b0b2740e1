//! Two hosts with a cable between them: network namespaces, which join by `link invite` and `link accept`, and lose the cable
//! for a while.
//!
//! It needs to be allowed to make namespaces (`unshare`, `nsenter` and `ip`); where it is not, that is said, and nothing is
//! proved.

use std::env;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Running, User};

/// The address of the host that invites.
const ROBOT: &str = "10.77.0.1";
const LAPTOP: &str = "10.77.0.2";

/// Messages a second.
const RATE: u64 = 50;

/// How long the cable is out unless `NUNCIO_OUTAGE_SECONDS` says otherwise: longer than the ten seconds after which a silent
/// link is given up. A shorter outage is mended by TCP.
const OUTAGE_SECONDS: u64 = 14;

const FORBIDDEN: &str = "not allowed to make network namespaces: nothing was proved";

/// A host: a network of its own, a user, and a registry.
struct Host {
    user: User,
    runtime_dir: TempDir,
    /// Holds the namespaces as long as it lives.
    holder: Running,
}

impl Host {
    /// Runs a program on this host.
    fn start_program(&self, program: &str, args: &[&str]) -> Running {
        let pid = self.holder.id().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &pid, "--user", "--net", "--preserve-credentials", program]);
        command.args(args);
        let started = self.user.start_other(&mut command, |command| {
            command
                .env("PATH", env::var_os("PATH").unwrap_or_default())
                .env("NUNCIO_DISCOVERY", "local")
                .env("XDG_RUNTIME_DIR", self.runtime_dir.path());
        });
        started.expect("nsenter runs")
    }

    fn nuncio(&self, args: &[&str]) -> Running {
        self.start_program(env!("CARGO_BIN_EXE_nuncio"), args)
    }

    fn ip(&self, args: &str) {
        let args: Vec<&str> = args.split(' ').collect();
        let ended = self.start_program("ip", &args).end();
        assert_eq!(ended.code, Some(0), "ip {args:?}: {ended:?}");
    }
}

/// The robot and the laptop, with a cable between them; `None` where namespaces cannot be made.
fn hosts() -> Option<(Host, Host)> {
    let hold = "ip link set lo up && echo ready && exec sleep 3600";
    let host = |command: &mut Command| {
        let user = User::new();
        let started = user.start_other(command, |command| {
            command.env("PATH", env::var_os("PATH").unwrap_or_default());
        });
        let runtime_dir = TempDir::new().expect("a directory");
        let mut holder = started.ok()?;
        (holder.line_or_end()? == "ready").then_some(Host {
            user,
            runtime_dir,
            holder,
        })
    };
    let mut command = Command::new("unshare");
    let robot = host(command.args(["--user", "--map-root-user", "--net", "sh", "-c", hold]))?;
    let pid = robot.holder.id().to_string();
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid, "--user", "--net", "--preserve-credentials"]);
    let laptop = host(command.args(["unshare", "--net", "sh", "-c", hold]))?;
    robot.ip(&format!(
        "link add cable type veth peer name cable netns {}",
        laptop.holder.id()
    ));
    for (host, address) in [(&robot, ROBOT), (&laptop, LAPTOP)] {
        host.ip(&format!("addr add {address}/24 dev cable"));
        host.ip("link set cable up");
    }
    Some((robot, laptop))
}

/// The robot, which serves as the router, and the laptop, which has joined.
struct Joined {
    robot: Host,
    laptop: Host,
    _router: Running,
}

fn joined() -> Option<Joined> {
    let (robot, laptop) = hosts()?;
    let mut router = robot.nuncio(&["link", "invite", "--as", "robot7", "--json"]);
    let invited = router.json();
    let text = |place: &str| invited.pointer(place).and_then(Value::as_str);
    assert_eq!(
        text("/endpoints/0"),
        Some(format!("tls/{ROBOT}:7447").as_str()),
        "{invited}"
    );
    let code = text("/code").expect("a code");
    let accepted = laptop.nuncio(&["link", "accept", code, "--as", "laptop"]).end();
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    for event in ["joined", "ready"] {
        assert_eq!(router.json().get("event").and_then(Value::as_str), Some(event));
    }
    let _router = router;
    Some(Joined { robot, laptop, _router })
}

/// What was published until the end, and what arrived of it.
struct Account {
    published: u64,
    received: u64,
    lost: u64,
    from_history: u64,
}

/// Publishes on the robot, listens on the laptop, and takes the cable out in between.
fn account_of_an_outage(depth: &str) -> Option<Account> {
    let seconds = env::var("NUNCIO_OUTAGE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let in_outage = RATE * seconds.unwrap_or(OUTAGE_SECONDS);
    let published = in_outage + 4 * RATE;
    let Joined { robot, laptop, _router } = joined()?;
    let mut echo = laptop.nuncio(&[
        "--context",
        "robot7",
        "--discovery",
        "off",
        "topic",
        "echo",
        "/count",
        "--json",
        "--qos-reliability",
        "reliable",
    ]);
    let (rate, times) = (RATE.to_string(), published.to_string());
    let mut talker = robot.nuncio(&[
        "topic",
        "pub",
        "/count",
        "std_msgs/String",
        "data: a",
        "--json",
        "--rate",
        &rate,
        "--times",
        &times,
        "--wait",
        "30",
        "--keep-alive",
        "300",
        "--qos-reliability",
        "reliable",
        "--qos-durability",
        "transient_local",
        "--qos-depth",
        depth,
    ]);
    let mut heard = vec![echo.json()];
    let mut until_published = |last: u64| while talker.json().get("number").and_then(Value::as_u64) != Some(last) {};
    until_published(RATE);
    laptop.ip("link set cable down");
    until_published(RATE + in_outage);
    laptop.ip("link set cable up");
    while heard.last().and_then(|message| message["number"].as_u64()) != Some(published) {
        heard.push(echo.json());
    }
    Some(audited(&heard, published))
}

/// Adds up, and sees that each number arrived or is told of once.
fn audited(heard: &[Value], published: u64) -> Account {
    let mut account = Account {
        published,
        received: 0,
        lost: 0,
        from_history: 0,
    };
    let mut due = 1;
    for message in heard {
        let fact = |name: &str| message[name].as_u64().expect("a number");
        assert_eq!(fact("number"), due + fact("missing_before"), "{message}");
        due = fact("number") + 1;
        account.received += 1;
        account.lost += fact("missing_before");
        account.from_history += u64::from(message["provenance"] == "history");
    }
    account
}

#[test]
fn what_an_outage_took_from_a_reliable_topic_is_repaired() {
    let Some(account) = account_of_an_outage("4000") else {
        eprintln!("{FORBIDDEN}");
        return;
    };
    assert_eq!((account.received, account.lost), (account.published, 0));
    assert!(account.from_history > 0, "the cable was not out");
}

#[test]
fn what_nobody_has_any_more_after_an_outage_is_told_exactly() {
    let Some(account) = account_of_an_outage("10") else {
        eprintln!("{FORBIDDEN}");
        return;
    };
    assert_eq!(account.received + account.lost, account.published);
    assert!(account.lost > 0, "the cable was not out");
}
