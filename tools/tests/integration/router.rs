//! A router that nodes find by themselves: before, between and after them, killed, and started anew.

use std::time::Instant;

use nuncio::local_registry::ReservedPort;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{DEADLINE, Running, User, port};

/// A machine with a registry of its own, and a place for its router.
struct Machine {
    runtime_dir: TempDir,
    _reserved: ReservedPort,
    place: String,
}

impl Machine {
    fn new() -> Self {
        let (reserved, place) = port();
        Self {
            runtime_dir: TempDir::new().expect("a directory"),
            _reserved: reserved,
            place,
        }
    }

    /// Each process is of a user of its own: they have nothing in common but the registry.
    fn start(&self, args: &[&str]) -> Running {
        let args = [args, &["--json"]].concat();
        User::new().start_as(&args, |command| {
            command
                .env("NUNCIO_DISCOVERY", "local")
                .env("XDG_RUNTIME_DIR", self.runtime_dir.path());
        })
    }

    fn router(&self) -> Running {
        let mut router = self.start(&["router", "--listen", &self.place]);
        let ready = router.json();
        let [event, place] = ["/event", "/locators/0"].map(|at| ready.pointer(at).and_then(Value::as_str));
        assert_eq!((event, place), (Some("ready"), Some(self.place.as_str())));
        router
    }

    /// Says the same again and again.
    fn talker(&self, words: &str) -> Running {
        let data = format!("data: {words}");
        let mut talker = self.start(&["topic", "pub", "/chatter", "std_msgs/String", &data, "-r", "20"]);
        talker.json();
        talker
    }

    fn echo(&self) -> Running {
        self.start(&["topic", "echo", "/chatter"])
    }

    fn node_list(&self) -> Vec<Value> {
        self.start(&["node", "list", "--all"]).end().json()
    }
}

/// Waits until these words are heard.
fn await_words(echo: &mut Running, words: &str) {
    let end = Instant::now() + DEADLINE;
    while echo.json().pointer("/message/data").and_then(Value::as_str) != Some(words) {
        assert!(Instant::now() < end, "{words:?} was not heard");
    }
}

#[test]
fn two_nodes_that_start_after_a_router_meet_through_it_alone() {
    let machine = Machine::new();
    let _router = machine.router();
    let _talker = machine.talker("here");
    await_words(&mut machine.echo(), "here");
    let nodes = machine.node_list();
    let name = nodes
        .iter()
        .find_map(|node| node["name"].as_str().or(node["node"].as_str()));
    let info = machine
        .start(&["node", "info", name.expect("the talker is listed")])
        .end();
    let seen_by = &info.json()[0]["seen_by"];
    assert_eq!(seen_by["router"], machine.place, "{info:?}");
    // One link, and nowhere to be called.
    assert_eq!(seen_by["neighbours"].as_array().map(Vec::len), Some(1), "{info:?}");
    assert_eq!(seen_by["locators"].as_array().map(Vec::len), Some(0), "{info:?}");
    assert!(
        info.json()[0]["discovery"]
            .as_str()
            .is_some_and(|words| words.contains(&machine.place)),
        "{info:?}"
    );
}

#[test]
fn a_node_that_runs_already_and_one_that_starts_later_meet_through_a_router() {
    for talker_is_first in [true, false] {
        let machine = Machine::new();
        if talker_is_first {
            let _talker = machine.talker("before");
            let _router = machine.router();
            await_words(&mut machine.echo(), "before");
        } else {
            let mut echo = machine.echo();
            // It is there once it is listed.
            let end = Instant::now() + DEADLINE;
            while machine.node_list().is_empty() {
                assert!(Instant::now() < end, "the node is not listed");
            }
            let _router = machine.router();
            let _talker = machine.talker("after");
            await_words(&mut echo, "after");
        }
    }
}

#[test]
fn nodes_that_knew_each_other_before_the_router_came_go_on_when_it_is_killed() {
    let machine = Machine::new();
    let _first = machine.talker("first");
    let mut echo = machine.echo();
    await_words(&mut echo, "first");
    drop(machine.router());
    let _second = machine.talker("second");
    await_words(&mut echo, "second");
    await_words(&mut echo, "first");
}

/// If this machine is too busy, a client has taken the router's place before; then they meet there.
#[test]
fn clients_find_a_router_that_was_killed_and_started_anew() {
    let machine = Machine::new();
    let router = machine.router();
    let _first = machine.talker("first");
    let mut echo = machine.echo();
    await_words(&mut echo, "first");
    drop(router);
    let _router = machine.start(&["router", "--listen", &machine.place]);
    let _second = machine.talker("second");
    await_words(&mut echo, "second");
    await_words(&mut machine.echo(), "first");
}

#[test]
fn a_client_takes_the_place_of_a_router_that_never_comes_back() {
    let machine = Machine::new();
    let router = machine.router();
    let first = machine.talker("first");
    let mut echo = machine.echo();
    await_words(&mut echo, "first");
    drop(router);
    let _second = machine.talker("second");
    await_words(&mut echo, "second");
    await_words(&mut machine.echo(), "first");
    // Whoever stands in may end as well, and a router that is told no place finds one beside it.
    let mut router = machine.start(&["router"]);
    assert_eq!(router.json()["event"], "ready");
    drop(first);
    let _third = machine.talker("third");
    await_words(&mut echo, "third");
    await_words(&mut echo, "second");
}

#[test]
fn a_router_whose_place_is_taken_says_so_and_fails() {
    let machine = Machine::new();
    let _router = machine.router();
    let second = machine.start(&["router", "--listen", &machine.place]).end();
    assert_eq!((second.code, second.stdout.as_str()), (Some(2), ""), "{second:?}");
    assert!(
        second.stderr.contains(machine.place.trim_start_matches("tcp/")),
        "{second:?}"
    );
}

#[test]
fn a_router_ends_in_order_when_it_is_told_to() {
    let machine = Machine::new();
    let mut router = machine.router();
    assert!(router.talk_within(DEADLINE, "ready at ").is_some());
    router.interrupt();
    let ended = router.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
