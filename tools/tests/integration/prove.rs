//! `prove`: every attack, made a few times, ends as promised and says so in the lines that scripts read.

use serde_json::Value;

use crate::program::User;

/// Makes one attack and gives its line, which has to be the only one.
fn prove(attack: &str, n: &str) -> Value {
    let ended = User::new().run(&["prove", attack, "--n", n, "--json"]);
    let lines = ended.json();
    assert_eq!(lines.len(), 1, "{ended:?}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = lines.into_iter().next().expect("a line");
    assert_eq!(line.get("attack").and_then(Value::as_str), Some(attack));
    line
}

fn number(line: &Value, name: &str) -> u64 {
    line[name].as_u64().unwrap_or_else(|| panic!("no {name} in {line}"))
}

fn refused(line: &Value) -> u64 {
    let reasons = line["refused"].as_object().expect("reasons");
    reasons.values().filter_map(Value::as_u64).sum()
}

/// What every attack promises.
fn assert_kept(line: &Value) {
    assert_eq!(line["ok"], true, "{line}");
    assert_eq!(number(line, "delivered"), 0, "{line}");
    assert!(number(line, "tried") > 0, "{line}");
    assert!(number(line, "genuine") > 0, "{line}");
    assert_eq!(number(line, "genuine"), number(line, "genuine_delivered"), "{line}");
}

/// Beyond that, where every hostile frame can be followed.
fn assert_followed(line: &Value) {
    assert_kept(line);
    assert_eq!(refused(line), number(line, "tried"), "{line}");
}

#[test]
fn no_flipped_bit_is_delivered() {
    let line = prove("bitflip", "1");
    assert_followed(&line);
    assert!(number(&line, "tried") > 10_000, "{line}");
}

#[test]
fn no_mutated_frame_is_delivered_and_a_seed_makes_the_same_ones_again() {
    let args = ["prove", "forge", "--n", "3000", "--seed", "7", "--json"];
    let lines = [User::new().run(&args).json(), User::new().run(&args).json()];
    let [first, second] = lines.map(|lines| lines.into_iter().next().expect("a line"));
    assert_followed(&first);
    assert_eq!(number(&first, "tried"), 3000);
    assert_eq!(first["refused"], second["refused"]);
    assert!(first["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{first}");
}

#[test]
fn no_frame_is_delivered_elsewhere() {
    assert_followed(&prove("splice", "2"));
}

#[test]
fn no_recorded_frame_is_delivered_again() {
    let line = prove("replay", "200");
    assert_followed(&line);
    for reason in ["Duplicate", "TooOld", "StaleEpoch"] {
        assert!(
            number(&line["refused"], reason) > 0,
            "nothing was refused as {reason}: {line}"
        );
    }
}

#[test]
fn no_stranger_is_believed() {
    let line = prove("stranger", "2000");
    assert_followed(&line);
    assert!(line["memory_growth_bytes"].is_i64(), "{line}");
}

#[test]
fn a_hostile_router_delivers_nothing_wrong_and_its_drops_are_the_reported_gaps() {
    let line = prove("router", "300");
    assert_followed(&line);
    assert!(number(&line, "dropped") > 0, "{line}");
    assert_eq!(number(&line, "dropped"), number(&line, "gaps_reported"), "{line}");
}

#[test]
fn every_stop_arrives_during_a_flood() {
    // How fast stops arrive is not judged here: the machine may be busy with other tests.
    let ended = User::new().run(&["prove", "flood", "--n", "5000", "--json"]);
    let line = ended.json().into_iter().next().expect("a line");
    assert_eq!(number(&line, "delivered"), 0, "{line}");
    assert!(number(&line, "genuine") > 100, "{line}");
    assert_eq!(number(&line, "genuine"), number(&line, "genuine_delivered"), "{line}");
    // The first messages of the genuine newcomer may be refused among them, while too many strangers are being asked.
    let tried = number(&line, "tried");
    assert_eq!(tried, refused(&line), "{line}");
    assert!(tried >= 4000, "{line}");
    let floods = line["floods"].as_array().expect("floods");
    assert_eq!(floods.len(), 5, "{line}");
    assert!(floods.iter().all(|flood| flood["p99_ms"].is_f64()), "{line}");
}

#[test]
fn killed_processes_lose_nothing_unseen_and_repeat_nothing() {
    let line = prove("restart", "3");
    assert_kept(&line);
    assert!(number(&line, "killed") >= 3, "{line}");
    assert_eq!(number(&line, "lost"), number(&line, "gaps_reported"), "{line}");
}

#[test]
fn a_durable_topic_loses_nothing_and_repeats_nothing_whoever_is_killed() {
    let line = prove("durable", "8");
    assert_kept(&line);
    assert!(number(&line, "tried") >= 8, "{line}");
    assert!(number(&line, "in_the_ledger") >= number(&line, "kept"), "{line}");
}

#[test]
fn the_list_names_every_attack_and_people_get_a_verdict() {
    let listed = User::new().run(&["prove", "list", "--json"]).json();
    let names: Vec<_> = listed.iter().filter_map(|line| line["attack"].as_str()).collect();
    let all = [
        "bitflip", "forge", "replay", "splice", "stranger", "flood", "router", "restart", "durable",
    ];
    assert_eq!(names, all);
    let ended = User::new().run(&["prove", "splice", "--n", "1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("splice   ok: "), "{ended:?}");
    assert_eq!(User::new().run(&["prove", "everything"]).code, Some(2));
}
