//! The demonstration, run as a user runs it: everything genuine arrives, nothing forged does, and the numbers fit.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::Value;

fn nuncio(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nuncio"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn number(value: &Value, name: &str) -> u64 {
    value[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no number {name} in {value}"))
}

/// The sum of one number over all entries of a list.
fn sum(value: &Value, list: &str, name: &str) -> u64 {
    let entries = value[list]
        .as_array()
        .unwrap_or_else(|| panic!("no list {list} in {value}"));
    entries.iter().map(|entry| number(entry, name)).sum()
}

#[test]
fn everything_genuine_arrives_and_every_forgery_is_refused_for_its_reason() {
    let output = nuncio(&["demo", "--seconds", "2", "--json"])
        .output()
        .expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(text.lines().count(), 1, "{text}");
    let end: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{end}");

    let (delivered, forged_sent) = (number(&end, "delivered"), number(&end, "forged_sent"));
    assert!(delivered > 0 && forged_sent > 0, "{end}");
    assert_eq!(number(&end, "lost"), 0);
    assert_eq!(number(&end, "forged_delivered"), 0);
    assert_eq!(number(&end, "sent"), delivered);
    assert_eq!(end["ok"], true);

    let refused = end["refused"].as_object().expect("reasons");
    let refused_sum: u64 = refused.values().filter_map(Value::as_u64).sum();
    assert_eq!(refused_sum, forged_sent, "{end}");
    for reason in [
        "BadSignature",
        "PinMismatch",
        "UnknownKey",
        "Malformed",
        "NotAFrame",
        "StaleEpoch",
        "Duplicate",
    ] {
        assert!(refused.contains_key(reason), "nothing was refused as {reason}: {end}");
    }

    assert_eq!(sum(&end, "topics", "delivered"), delivered);
    assert_eq!(sum(&end, "attacks", "sent"), forged_sent);
    assert_eq!(sum(&end, "attacks", "refused"), forged_sent);
}

#[test]
fn without_a_terminal_there_are_plain_lines_and_a_verdict() {
    let output = nuncio(&["demo", "--seconds", "1"]).output().expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
    assert!(text.lines().any(|line| line.starts_with("/robot_1/cmd_vel")), "{text}");
    let verdict = text.lines().last().expect("a last line");
    assert!(verdict.starts_with("passed: all "), "{text}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_early_with_the_verdict() {
    let mut child = nuncio(&["demo", "--seconds", "600"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    // The first line is written before anything was forged; the signal comes once something was.
    let mut line = String::new();
    while line.is_empty() || line.contains(" forged 0 sent") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).expect("a line"), 0, "it ended by itself");
    }
    let pid = child.id().to_string();
    let signalled = Command::new("kill").args(["-INT", &pid]).status().expect("kill runs");
    assert!(signalled.success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("the rest");
    assert!(
        rest.lines()
            .last()
            .is_some_and(|verdict| verdict.starts_with("passed: all ")),
        "{rest}"
    );
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = nuncio(&["demo", "--seconds", "600"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    assert_ne!(lines.read_line(&mut line).expect("a line"), 0);
    drop(lines);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}
