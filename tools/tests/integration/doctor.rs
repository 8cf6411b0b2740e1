//! `doctor` finds what is wrong, and says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{QosProfile, Reason, TrustMode, TrustPolicy};
use serde_json::Value;

use crate::program::{DEADLINE, User, listen, node, port};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nodes_say_how_they_are_and_what_they_have_refused() {
    let user = User::new();
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let publisher = talker.publisher::<Text>("/chatter").unwrap();
    let enforcing = TrustPolicy::in_mode(TrustMode::Enforce);
    let listener = node("listener", 2).trust(enforcing).connect(&endpoint).open();
    let subscriber = listener.await.unwrap().subscriber::<Text>("/chatter").unwrap();
    let end = Instant::now() + DEADLINE;
    while subscriber.stats().refused.is_empty() {
        assert!(Instant::now() < end, "nothing was refused");
        publisher.publish(&Text::default()).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ended = user.run(&["doctor", "--connect", &endpoint, "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let findings = ended.json();
    let about = |findings: &[Value], about: &str| {
        let found = findings.iter().find(|finding| finding["about"] == about);
        found
            .unwrap_or_else(|| panic!("nothing about {about}: {findings:#?}"))
            .clone()
    };
    let refusals = about(&findings, "refusals of /listener");
    assert_eq!(
        (&refusals["state"], &refusals["remedy"]),
        (&"notice".into(), &Reason::NotPermitted.remedy().into())
    );
    assert!(
        refusals["text"]
            .as_str()
            .unwrap()
            .contains(" for NotPermitted, the last on /chatter: "),
        "{refusals}"
    );
    assert_eq!(about(&findings, &format!("endpoint {endpoint}"))["state"], "ok");
    assert_eq!(about(&findings, "clocks of nodes")["state"], "ok");

    let hasty = QosProfile {
        deadline: Some(Duration::from_millis(20)),
        ..QosProfile::default()
    };
    let _late = talker.publisher_with::<Text>("/late", hasty).unwrap();
    while talker.health().is_healthy() {
        assert!(Instant::now() < end, "it stays healthy");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ended = user.run(&["doctor", "--connect", &endpoint, "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        problems(&ended.json())
            .join("\n")
            .contains("health of /talker: /late: deadlines missed: "),
        "{ended:?}"
    );
}

#[test]
fn an_endpoint_on_which_nobody_listens_is_a_problem() {
    let (_port, endpoint) = port();
    let ended = User::new().run(&["doctor", "--connect", &endpoint, "--json", "--timeout", "0.5"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let said = problems(&ended.json()).join("\n");
    assert!(
        said.contains(&format!("endpoint {endpoint}: the connection is refused")),
        "{said}"
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
