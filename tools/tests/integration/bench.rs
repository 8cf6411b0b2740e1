//! `bench`: the lines that scripts read, with what was counted. How fast anything is, is not judged here.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::program::{Ended, User};

/// Measurements take turns: several at once would make each other late.
static TURN: Mutex<()> = Mutex::new(());

fn bench(user: &User, args: &[&str]) -> Ended {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    user.run(&[&["bench"], args].concat())
}

fn of<'a>(lines: &'a [Value], case: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["case"] == case).collect()
}

fn positive(line: &Value, name: &str) -> f64 {
    let number = line[name].as_f64().unwrap_or_else(|| panic!("no {name} in {line}"));
    assert!(number > 0.0, "{name} in {line}");
    number
}

#[test]
fn a_quick_bench_counts_what_it_sent_and_prints_the_lines_that_scripts_read() {
    let user = User::new();
    let plot = user.path("bench.svg");
    let ended = bench(&user, &["--quick", "--json", "--svg", &plot]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let throughput = of(&lines, "throughput");
    let over_tcp = throughput.iter().filter(|line| line["link"] == "tcp");
    let sizes: Vec<_> = over_tcp.filter_map(|line| line["size"].as_u64()).collect();
    assert_eq!(sizes, [64, 1024]);
    let typed = of(&lines, "throughput_typed");
    assert!(
        !typed.is_empty() && typed.iter().all(|line| line["size"] == 48),
        "{typed:?}"
    );
    for line in throughput.into_iter().chain(typed) {
        assert!(line["link"].is_string(), "{line}");
        let (raw, signed) = (positive(line, "raw"), positive(line, "signed"));
        assert!((positive(line, "ratio") - signed / raw).abs() < 0.01, "{line}");
        // Both wait for room, so neither loses anything on its way; queues of subscribers drop the oldest.
        assert_eq!(line["raw_sent"], line["raw_received"], "{line}");
        let taken = positive(line, "signed_received") + line["signed_dropped"].as_f64().unwrap_or_default();
        assert_eq!(positive(line, "signed_sent"), taken, "{line}");
        assert_eq!(
            (&line["signed_missing"], &line["signed_disordered"]),
            (&0.into(), &0.into()),
            "{line}"
        );
    }
    let [latency] = of(&lines, "latency").try_into().expect("one line");
    assert_eq!(latency["size"], 48);
    for way in ["raw", "signed"] {
        assert!(positive(latency, &format!("{way}_p50_us")) <= positive(latency, &format!("{way}_p99_us")));
        positive(latency, &format!("{way}_received"));
    }
    positive(latency, "ratio");
    let steps = of(&lines, "round_trip");
    assert!(steps.iter().any(|line| line["step"] == "sign"), "{lines:?}");
    let costs = of(&lines, "cost");
    for what in ["sign", "verify", "hash_kib", "checks", "encode", "decode"] {
        let cost = costs.iter().find(|line| line["what"] == what);
        assert!(cost.is_some_and(|line| line["us"].is_f64()), "{what}: {lines:?}");
    }
    let plot = std::fs::read_to_string(plot).expect("the plot is written");
    assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"), "{plot}");
}

#[test]
fn a_steady_stream_is_counted_at_both_ends_and_timed_with_both_profiles() {
    let ended = bench(&User::new(), &["rate", "--quick", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let at_rate = of(&lines, "latency_at_rate");
    let profiles: Vec<_> = at_rate.iter().map(|line| &line["qos"]).collect();
    assert_eq!(profiles, ["default", "commands"]);
    for line in at_rate {
        assert_eq!(
            (&line["size"], &line["rate_hz"]),
            (&48.into(), &10_000.into()),
            "{line}"
        );
        for way in ["raw", "signed"] {
            assert!(positive(line, &format!("{way}_p50_us")) <= positive(line, &format!("{way}_p99_us")));
            assert_eq!(
                positive(line, &format!("{way}_sent")),
                positive(line, &format!("{way}_received"))
            );
        }
        assert!(line["added_p99_us"].is_f64(), "{line}");
    }
}

#[test]
fn a_robot_tells_what_signatures_cost_at_both_ends() {
    let ended = bench(&User::new(), &["robot", "--quick", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let robots = of(&lines, "robot");
    let spreads: Vec<_> = robots.iter().map(|line| &line["spread"]).collect();
    assert_eq!(spreads, ["even", "burst"]);
    for line in robots {
        assert_eq!((&line["topics"], &line["rate_hz"]), (&200.into(), &50.into()), "{line}");
        for share in ["signing_percent", "verifying_percent", "verifications", "signatures"] {
            positive(line, share);
        }
        assert!(positive(line, "received") <= positive(line, "sent"), "{line}");
    }
}

#[test]
fn one_long_turn_of_one_size_counts_both_sides() {
    let ended = bench(
        &User::new(),
        &["throughput", "--quick", "--seconds", "1", "--size", "1024", "--json"],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let throughput = of(&lines, "throughput");
    assert!(!throughput.is_empty() && throughput.len() == lines.len(), "{lines:?}");
    for line in throughput {
        assert_eq!(line["size"], 1024);
        assert_eq!(line["signed_rounds"].as_array().map(Vec::len), Some(1), "{line}");
        assert_eq!(
            positive(line, "signed_sent"),
            positive(line, "signed_received"),
            "{line}"
        );
    }
}

#[test]
fn a_fleet_meets_by_the_registry_alone_with_one_link_between_any_two() {
    let ended = bench(
        &User::new(),
        &["fleet", "--quick", "--nodes", "6", "--topics", "9", "--json"],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let [fleet] = of(&lines, "fleet").try_into().expect("one line");
    assert_eq!((&fleet["nodes"], &fleet["met"]), (&6.into(), &6.into()), "{fleet}");
    assert_eq!(fleet["known_least"], 5, "{fleet}");
    // Two links between two nodes would be one too many: it is what gossip leads to when both call each other.
    assert_eq!(
        (&fleet["links_least"], &fleet["links_most"]),
        (&5.into(), &5.into()),
        "{fleet}"
    );
    positive(fleet, "node_kib");
    assert_eq!(fleet["router_kib"], Value::Null, "{fleet}");
}

#[test]
fn a_fleet_with_a_router_meets_with_one_link_each() {
    let size = ["--nodes", "6", "--topics", "9"];
    let ended = User::new().run(&[&["bench", "fleet", "--router", "--quick", "--json"], size.as_slice()].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let [fleet] = of(&lines, "fleet").try_into().expect("one line");
    assert_eq!(
        (&fleet["met"], &fleet["known_least"]),
        (&6.into(), &5.into()),
        "{fleet}"
    );
    assert_eq!(
        (&fleet["links_least"], &fleet["links_most"]),
        (&1.into(), &1.into()),
        "{fleet}"
    );
    positive(fleet, "router_kib");
}

#[test]
fn the_cost_alone_is_told_to_people_with_closing_words() {
    let ended = bench(&User::new(), &["cost"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in [
        "Cost of each step",
        "one strict verification",
        "What to expect on this machine",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {ended:?}");
    }
}

#[test]
fn a_plot_that_cannot_be_written_is_exit_2_and_named() {
    let user = User::new();
    let place = user.path("no_such_folder/bench.svg");
    let ended = bench(&user, &["cost", "--svg", &place]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains(&place), "{ended:?}");
}

#[test]
fn calls_of_a_service_are_all_answered_beside_raw_queries() {
    let ended = bench(&User::new(), &["service", "--quick", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let [calls] = of(&lines, "service").try_into().expect("one line");
    for way in ["raw", "signed"] {
        assert_eq!(calls[format!("{way}_unanswered")], 0, "{calls}");
        // Three turns of so many calls.
        assert_eq!(calls[format!("{way}_answered")], 1200, "{calls}");
        positive(calls, &format!("{way}_per_second"));
        assert!(positive(calls, &format!("{way}_p50_us")) <= positive(calls, &format!("{way}_p99_us")));
    }
    positive(calls, "ratio");
}

#[test]
fn a_thousand_late_subscribers_get_exactly_the_last_messages() {
    let ended = bench(&User::new(), &["late-joiners", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let [joiners] = of(&lines, "late_joiners").try_into().expect("one line");
    assert_eq!(
        (&joiners["joined"], &joiners["complete"]),
        (&1000.into(), &1000.into()),
        "{joiners}"
    );
    assert!(positive(joiners, "p50_ms") <= positive(joiners, "p99_ms"), "{joiners}");
}

#[test]
fn memory_is_told_for_each_port() {
    let ended = bench(&User::new(), &["memory", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json();
    let [memory] = of(&lines, "memory").try_into().expect("one line");
    for port in ["subscription_kib", "heard_subscription_kib", "publisher_kib"] {
        positive(memory, port);
    }
}
