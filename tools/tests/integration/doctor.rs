//! `doctor` finds what is wrong, and says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nuncio::Reason;
use nuncio::msgs::std_msgs::msg::String as Text;
use serde_json::Value;

use crate::program::{User, listen, node};

fn problems(findings: &[Value]) -> Vec<String> {
    let problems = findings.iter().filter(|finding| finding["state"] == "problem");
    problems
        .map(|finding| {
            format!(
                "{}: {}",
                finding["about"].as_str().expect("a text"),
                finding["text"].as_str().expect("a text")
            )
        })
        .collect()
}

#[test]
fn a_machine_on_which_all_is_well_is_healthy() {
    let user = User::new();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    let ended = user.run(&["doctor", "--json", "--timeout", "0.1"]);
    assert_eq!((ended.code, problems(&ended.json()).len()), (Some(0), 0), "{ended:?}");
    assert!(ended.stderr.contains("healthy"), "{ended:?}");
}

#[test]
fn each_broken_file_is_told_and_none_hides_another() {
    let user = User::new();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    let path = |name: &str| user.path(&format!("nuncio/{name}"));
    fs::write(path("trust.toml"), "mode = \"strict\"\n").unwrap();
    fs::write(path("known.toml"), "[nodes]\nx = 1\n").unwrap();
    fs::write(path("identity.cert"), "hello").unwrap();
    fs::set_permissions(path("anchor.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let ended = user.run(&["doctor", "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let found = problems(&ended.json()).join("\n");
    for said in [
        "trust.toml: ",
        "known.toml: ",
        "identity.cert: ",
        "anchor.key: ",
        "chmod 600 ",
    ] {
        assert!(found.contains(said), "{said}: {found}");
    }
    fs::set_permissions(path("identity.key"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(
        problems(&user.run(&["doctor", "--json"]).json())
            .join("\n")
            .contains("identity.key: ")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_is_refused_is_told_with_the_remedy() {
    let user = User::new();
    assert_eq!(user.run(&["trust", "init"]).code, Some(0));
    let (node, endpoint) = listen(node("stranger", 1)).await;
    let _publisher = node.publisher::<Text>("/chatter").unwrap();
    let ended = user.run(&["doctor", "--connect", &endpoint, "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let findings = ended.json();
    let refused = findings
        .iter()
        .find(|finding| finding["reason"] == "NotPermitted")
        .unwrap();
    assert_eq!(refused["about"], "node /stranger on /chatter");
    assert_eq!(refused["remedy"], Reason::NotPermitted.remedy());
    assert!(
        refused["text"]
            .as_str()
            .unwrap()
            .contains("`nuncio trust check did:key:"),
        "{refused}"
    );
}

#[test]
fn every_reason_has_a_meaning_and_a_remedy() {
    let lines = User::new().run(&["doctor", "--reasons", "--json"]).json();
    assert_eq!(lines.len(), Reason::ALL.len());
    for (line, reason) in lines.iter().zip(Reason::ALL) {
        assert_eq!(line["reason"], reason.to_string());
        assert_eq!(line["number"], reason.number());
        for field in ["meaning", "remedy"] {
            assert!(!line[field].as_str().unwrap().is_empty(), "{line}");
        }
    }
    assert_eq!(
        User::new().run(&["doctor", "--reasons"]).stdout.lines().count(),
        1 + Reason::ALL.len()
    );
}
