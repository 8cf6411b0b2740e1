//! `top`: printed, and in a real terminal with keys.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nuncio::Node;
use nuncio::msgs::std_msgs::msg::{Float64, String as Text};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::program::{DEADLINE, User, listen, node};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_interval_is_printed_with_what_the_nodes_themselves_have_counted() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let listener = node("listener", 2).connect(&endpoint).open().await.unwrap();
    let subscriber = listener.subscriber::<Text>("/chatter").unwrap();
    let publisher = talker.publisher::<Text>("/chatter").unwrap();
    let hidden = talker.publisher::<Text>("/_hidden/chatter").unwrap();
    let end = Instant::now() + DEADLINE;
    while publisher.matched_subscribers() == 0 {
        assert!(Instant::now() < end, "they do not meet");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..7 {
        publisher.publish(&hello()).unwrap();
        subscriber.recv().await.unwrap();
    }
    hidden.publish(&hello()).unwrap();
    let stats = subscriber.stats();
    assert!(stats.timed_frames == 7 && stats.delay_sum_ns > 0, "{stats:?}");
    let top = |more: &[&str]| {
        let always = ["top", "--once", "--interval", "0.2", "--connect", &endpoint];
        User::new().run(&[always.as_slice(), more].concat())
    };
    let ended = top(&["--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let rows = ended.json();
    let of = |name: &str| -> Vec<&Value> {
        rows.iter()
            .filter(|row| row[row["kind"].as_str().unwrap()] == name)
            .collect()
    };
    let [topic] = *of("/chatter") else { panic!("{rows:?}") };
    assert_eq!(topic["type"], "std_msgs/msg/String");
    assert_eq!(
        (&topic["sent"], &topic["sent_total"], &topic["rate_hz"]),
        (&json!(0), &json!(7), &json!(0.0))
    );
    assert_eq!(topic["publishers"][0]["key"], talker.public_key().to_string());
    assert_eq!(
        (&topic["publishers"][0]["trust"], &topic["trust"]),
        (&json!("unpinned"), &json!("unpinned"))
    );
    assert_eq!(topic["subscribers"][0]["received_total"], 7);
    assert_eq!((&topic["missing_total"], &topic["refused"]), (&json!(0), &json!({})));
    let [node] = *of("/talker") else { panic!("{rows:?}") };
    assert_eq!((&node["healthy"], &node["publishers"]), (&json!(true), &json!(1)));
    assert_eq!((of("/_hidden/chatter").len(), of("/listener").len()), (0, 1));

    let ended = top(&["--topics", "/_hidden/**"]);
    assert!(
        ended.stdout.contains("/_hidden/chatter") && !ended.stdout.contains("\n/chatter"),
        "{ended:?}"
    );
    assert!(
        ended.stdout.starts_with("TOPIC ") && ended.stdout.contains("\nNODE "),
        "{ended:?}"
    );
    listener.close().await.unwrap();
    talker.close().await.unwrap();
}

#[test]
fn nobody_there_is_told_and_without_a_terminal_there_is_no_live_view() {
    let ended = User::new().run(&["top", "--once", "--interval", "0.1", "--timeout", "0.2"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("0 other nodes seen"), "{ended:?}");
    let ended = User::new().run(&["top"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("use `nuncio top --once`"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn with_json_each_interval_is_printed_until_ctrl_c() {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let publisher = talker.publisher::<Text>("/chatter").unwrap();
    let mut running = User::new().start(&["top", "--json", "--interval", "0.1", "--connect", &endpoint]);
    let end = Instant::now() + DEADLINE;
    let rate = loop {
        publisher.publish(&hello()).unwrap();
        let line = running.json();
        if line["kind"] == "topic" && line["rate_hz"].as_f64().is_some_and(|rate| rate > 0.0) {
            break line["rate_hz"].clone();
        }
        assert!(Instant::now() < end, "no rate came: {line}");
    };
    assert!(rate.is_number());
    running.interrupt();
    assert_eq!(running.end().code, Some(0));
    talker.close().await.unwrap();
}

/// Needs `tmux`, without which the tests of the view on a made-up screen have to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn in_a_terminal_keys_filter_sort_and_open_and_the_terminal_is_clean_again() {
    let Some(terminal) = RealTerminal::open() else { return };
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let other = node("counter", 2).connect(&endpoint).open().await.unwrap();
    let _publishing = publish(&talker, &other);

    terminal.start(&format!("top --interval 0.2 --connect {endpoint}"));
    terminal.wait_for(&["Topics 2", "/chatter", "/number", "unpinned", "RATE↓"]);
    terminal.keys(&["s"]);
    terminal.wait_for(&["BYTES/↓"]);
    terminal.keys(&["/", "num"]);
    let filtered = terminal.wait_for(&["/num▏"]);
    assert!(!filtered.contains("/chatter"), "{filtered}");
    terminal.keys(&["Enter", "Enter"]);
    terminal.wait_for(&["std_msgs/msg/Float64", "data", "0 refused", "of /counter z6M"]);
    // An escape that another key follows at once is another key to a terminal.
    terminal.keys(&["Escape"]);
    terminal.wait_for(&["/num", "Esc clears", "RATE"]);
    terminal.keys(&["Escape"]);
    terminal.wait_for(&["/chatter", "/number"]);
    terminal.keys(&["2"]);
    terminal.wait_for(&["Nodes 2", "/talker", "HEALTH"]);
    terminal.keys(&["?"]);
    terminal.wait_for(&["subscribers' word"]);
    terminal.keys(&["Escape"]);
    terminal.wait_for(&["/talker", "HEALTH"]);
    terminal.keys(&["q"]);
    terminal.wait_for(&["ENDED 0"]);
    terminal.is_clean();

    terminal.start(&format!("top --connect {endpoint}"));
    terminal.wait_for(&["Topics 2"]);
    terminal.terminate_program();
    terminal.wait_for(&["ENDED 0"]);
    terminal.is_clean();
    other.close().await.unwrap();
    talker.close().await.unwrap();
}

fn hello() -> Text {
    Text {
        data: "hello".to_owned(),
    }
}

/// Two topics of two nodes, on and on until it is dropped.
fn publish(talker: &Node, counter: &Node) -> JoinSet<()> {
    let chatter = talker.publisher::<Text>("/chatter").expect("the publisher is made");
    let number = counter.publisher::<Float64>("/number").expect("the publisher is made");
    let mut publishing = JoinSet::new();
    publishing.spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        for count in 0_u32.. {
            ticks.tick().await;
            chatter.publish(&hello()).expect("it is published");
            number
                .publish(&Float64 {
                    data: f64::from(count).sin(),
                })
                .expect("it is done");
        }
    });
    publishing
}

/// A terminal of 100 columns and 30 lines with a shell in it, by `tmux`; gone when it is dropped.
struct RealTerminal {
    socket: TempDir,
    user: User,
}

impl RealTerminal {
    /// `None` where there is no `tmux`.
    fn open() -> Option<Self> {
        let terminal = Self {
            socket: TempDir::new().expect("a directory"),
            user: User::new(),
        };
        let begun = terminal
            .tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "sh"])
            .ok()?;
        assert!(begun.status.success(), "{begun:?}");
        Some(terminal)
    }

    fn tmux(&self, args: &[&str]) -> std::io::Result<Output> {
        let socket = self.socket.path().join("tmux");
        let mut command = Command::new("tmux");
        command
            .arg("-S")
            .arg(socket)
            .arg("-u")
            .args(args)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .output()
    }

    /// Types a command line of `nuncio`; afterwards the shell tells how it has ended.
    fn start(&self, args: &str) {
        let (binary, home) = (env!("CARGO_BIN_EXE_nuncio"), self.user.path("nuncio"));
        let line = format!("clear; NUNCIO_HOME={home} NUNCIO_DISCOVERY=off {binary} {args}; echo ENDED $?");
        self.keys(&[&line, "Enter"]);
    }

    fn keys(&self, keys: &[&str]) {
        for key in keys {
            assert!(self.tmux(&["send-keys", key]).expect("tmux runs").status.success());
        }
    }

    fn screen(&self) -> String {
        String::from_utf8(self.tmux(&["capture-pane", "-p"]).expect("tmux runs").stdout).expect("tmux runs")
    }

    /// Waits until all of this is on the screen at once.
    fn wait_for(&self, texts: &[&str]) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let screen = self.screen();
            if texts.iter().all(|text| screen.contains(text)) {
                return screen;
            }
            assert!(Instant::now() < end, "expected {texts:?} on\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn terminate_program(&self) {
        let asked = self.tmux(&["display-message", "-p", "#{pane_pid}"]).expect("tmux runs");
        let shell = String::from_utf8(asked.stdout).expect("text");
        let killed = Command::new("pkill")
            .args(["-TERM", "-P", shell.trim()])
            .status()
            .expect("it is done");
        assert!(killed.success());
    }

    /// The screen is the shell's, the cursor is there, and what is typed is echoed.
    fn is_clean(&self) {
        let asked = self
            .tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"])
            .expect("it is done");
        assert_eq!(String::from_utf8(asked.stdout).expect("text").trim(), "0 1");
        self.keys(&["clear; stty -a; echo DO''NE", "Enter"]);
        let modes = self.wait_for(&["DONE"]);
        assert!(
            modes.contains(" echo ") && modes.contains(" icanon") && !modes.contains("-icanon"),
            "{modes}"
        );
    }
}

impl Drop for RealTerminal {
    fn drop(&mut self) {
        if Path::exists(&self.socket.path().join("tmux")) {
            let _ = self.tmux(&["kill-server"]);
        }
    }
}
