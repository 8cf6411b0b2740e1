//! `bench`: the lines that scripts read, with what was counted. How fast anything is, is not judged here.

use serde_json::Value;

use crate::program::User;

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
    let ended = user.run(&["bench", "--quick", "--json", "--svg", &plot]);
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
fn a_fleet_meets_by_the_registry_alone_with_one_link_between_any_two() {
    let ended = User::new().run(&["bench", "fleet", "--quick", "--nodes", "6", "--topics", "9", "--json"]);
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
    let ended = User::new().run(&["bench", "cost"]);
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
    let ended = user.run(&["bench", "cost", "--svg", &place]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains(&place), "{ended:?}");
}
