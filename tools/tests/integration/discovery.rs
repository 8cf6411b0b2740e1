//! Two processes that are told nothing about each other.

use tempfile::TempDir;

use crate::program::{Running, User};

fn start(user: &User, runtime_dir: &TempDir, args: &[&str]) -> Running {
    user.start_as(args, |command| {
        command
            .env_remove("NUNCIO_DISCOVERY")
            .env("XDG_RUNTIME_DIR", runtime_dir.path());
    })
}

/// The registry of this machine alone, so that the test meets nobody else's robot.
#[test]
fn two_processes_of_one_machine_meet_without_any_endpoint() {
    let (robot, operator, runtime_dir) = (User::new(), User::new(), TempDir::new().unwrap());
    let mut talker = start(
        &robot,
        &runtime_dir,
        &[
            "topic",
            "pub",
            "/chatter",
            "std_msgs/String",
            "data: here",
            "-r",
            "20",
            "--discovery",
            "local",
            "--json",
        ],
    );
    let signer = talker.json()["signer"].clone();
    let mut echo = start(
        &operator,
        &runtime_dir,
        &["topic", "echo", "/chatter", "--once", "--json", "--discovery", "local"],
    );
    let message = echo.json();
    assert_eq!(
        (&message["signer"], &message["message"]["data"]),
        (&signer, &"here".into())
    );

    let info = start(
        &operator,
        &runtime_dir,
        &["node", "list", "--all", "--json", "--discovery", "local"],
    )
    .end();
    let nodes = info.json();
    let node = nodes
        .iter()
        .find(|node| node["key"] == signer)
        .expect("the talker is listed");
    let name = node["node"]
        .as_str()
        .or(node["name"].as_str())
        .expect("a name")
        .to_owned();
    let info = start(
        &operator,
        &runtime_dir,
        &["node", "info", &name, "--discovery", "local"],
    )
    .end();
    assert!(info.stdout.contains("the registry of this machine"), "{info:?}");
}

/// With nothing but a loopback interface and no word of configuration, as in a container without a network. It needs to
/// be allowed to make a network namespace; where it is not, the test above has to do.
#[test]
fn two_processes_meet_where_there_is_only_loopback() {
    let (user, runtime_dir) = (User::new(), TempDir::new().unwrap());
    let binary = env!("CARGO_BIN_EXE_nuncio");
    let script = format!(
        "ip link set lo up || exit 77
         {binary} topic pub /chatter std_msgs/String 'data: here' -r 20 >/dev/null 2>&1 &
         talker=$!
         {binary} topic echo /chatter --once --json || exit 1
         {binary} node info $({binary} node list --all | head -n 1)
         kill $talker"
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", &script]);
    let ended = user.start_other(&mut command, |command| {
        command
            .env("XDG_RUNTIME_DIR", runtime_dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    });
    let Ok(ended) = ended.map(Running::end) else { return };
    let forbidden =
        ended.code == Some(77) || ended.stderr.contains("unshare failed") || ended.stderr.contains("not permitted");
    if forbidden {
        return;
    }
    assert!(ended.stdout.contains("\"data\":\"here\""), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("multicast is unavailable: no network interface but loopback"),
        "{ended:?}"
    );
}
