//! `trace`: the chain of messages as people and programs read it, and how it ends when a part of it is not to be had.

use nuncio::{Accompaniment, GenericPublisher, MessageId, Node, QosProfile, TypeSupport};
use serde_json::json;

use crate::program::{User, listen, node, port};

/// A planner and a pilot, and a command that names the planner's answer as its cause.
struct Scene {
    planner: Node,
    pilot: Node,
    endpoint: String,
    answers: GenericPublisher,
    commands: GenericPublisher,
}

impl Scene {
    async fn new() -> Self {
        let (planner, endpoint) = listen(node("planner", 1)).await;
        let pilot = node("pilot", 2)
            .connect(&endpoint)
            .open()
            .await
            .expect("the pilot opens");
        // Types that the program does not know: it asks the publishers for them.
        let answers = publisher(&planner, "/llm/answers", "Answer", "string text\n");
        let commands = publisher(&pilot, "/cmd_vel", "Go", "uint8 speed\n");
        Self {
            planner,
            pilot,
            endpoint,
            answers,
            commands,
        }
    }

    fn trace(&self, id: MessageId, more: &[&str]) -> crate::program::Ended {
        let id = id.to_string();
        let args = ["trace", id.as_str(), "--connect", &self.endpoint];
        User::new().run(&[&args, more].concat())
    }
}

fn publisher(node: &Node, topic: &str, name: &str, text: &str) -> GenericPublisher {
    let name = format!("trace_test/msg/{name}");
    let support = TypeSupport::compile(&name, &[(&name, text)]).expect("a type");
    node.generic_publisher(topic, &support, QosProfile::default())
        .expect("a publisher")
}

fn publish(publisher: &GenericPublisher, payload: &[u8], cause: Option<MessageId>) -> MessageId {
    let with = Accompaniment {
        cause,
        ..Accompaniment::default()
    };
    publisher.publish(payload, with).expect("it is published").id()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_chain_is_printed_from_its_first_cause_down() {
    let scene = Scene::new().await;
    let answer = publish(&scene.answers, b"\x0ago ahead\x1b[", None);
    let command = publish(&scene.commands, &[3], Some(answer));

    let people = scene.trace(command, &[]);
    assert_eq!(people.code, Some(0), "{people:?}");
    let text = people
        .stdout
        .replace(&answer.to_string(), &"a".repeat(32))
        .replace(&command.to_string(), &"c".repeat(32));
    let time = "2026-01-01 00:00:00.000 UTC";
    let stilled = |line: &str| match line.starts_with("20") {
        true => format!("{time}{}", &line[time.len()..]),
        false => line.to_owned(),
    };
    let lines: Vec<String> = text.lines().map(stilled).collect();
    insta::assert_snapshot!(lines.join("\n"));

    let program = scene.trace(command, &["--json"]);
    assert_eq!(program.code, Some(0), "{program:?}");
    let [first, last] = program.json().try_into().unwrap();
    let fields: Vec<&String> = first.as_object().unwrap().keys().collect();
    let expected = [
        "id",
        "cause",
        "link",
        "topic",
        "type",
        "node",
        "signer",
        "number",
        "source_time_ns",
        "verdict",
        "roles",
        "approvals",
        "lacking",
        "status",
        "reason",
        "detail",
        "msg",
    ];
    assert_eq!(fields, expected);
    assert_eq!(
        (&first["id"], &first["cause"]),
        (&json!(answer.to_string()), &json!(null))
    );
    assert_eq!(first["signer"], scene.planner.public_key().to_string());
    assert_eq!(first["node"], "/planner");
    assert_eq!(first["msg"], json!({"text": "go ahead\u{1b}["}));
    assert_eq!(last["cause"], first["id"]);
    assert_eq!((&last["status"], &last["link"]), (&json!("verified"), &json!("asked")));
    assert_eq!(
        (&last["signer"], &last["msg"]["speed"]),
        (&json!(scene.pilot.public_key().to_string()), &json!(3))
    );

    let effects = scene.trace(answer, &["--json", "--effects"]);
    assert_eq!(effects.code, Some(0), "{effects:?}");
    let ids: Vec<_> = effects.json().iter().map(|line| line["id"].clone()).collect();
    assert_eq!(ids, [answer.to_string(), command.to_string()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_missing_or_refused_is_said_and_decides_how_it_ends() {
    let scene = Scene::new().await;
    let nobodys = scene.trace(MessageId([7; 16]), &["--json"]);
    assert_eq!(nobodys.code, Some(1), "{nobodys:?}");
    assert_eq!(nobodys.json()[0]["status"], "missing");

    let orphan = publish(&scene.commands, &[3], Some(MessageId([7; 16])));
    let gap = scene.trace(orphan, &[]);
    assert_eq!(gap.code, Some(3), "{gap:?}");
    assert!(gap.stdout.contains("missing"), "{gap:?}");

    let broken = publish(&scene.commands, &[3, 3, 3], None);
    let refused = scene.trace(broken, &["--json"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let line = &refused.json()[0];
    assert_eq!(
        (&line["status"], &line["reason"], &line["msg"]),
        (&json!("refused"), &json!("DecodeFailed"), &json!(null))
    );
}

#[test]
fn a_chain_can_be_made_on_the_command_line() {
    let (robot, (_port, endpoint)) = (User::new(), port());
    let mut first = robot.start(&[
        "topic",
        "pub",
        "/words",
        "std_msgs/String",
        "data: go",
        "--once",
        "--listen",
        &endpoint,
        "--json",
        "--wait",
        "0",
        "--keep-alive",
        "60",
    ]);
    let cause = first.json()["id"].as_str().unwrap().to_owned();
    let second = User::new();
    let mut second = second.start(&[
        "topic",
        "pub",
        "/deeds",
        "std_msgs/Int32",
        "data: 1",
        "--once",
        "--connect",
        &endpoint,
        "--json",
        "--wait",
        "0",
        "--keep-alive",
        "60",
        "--cause",
        &cause,
    ]);
    let effect = second.json()["id"].as_str().unwrap().to_owned();
    let traced = User::new().run(&["trace", &effect, "--connect", &endpoint, "--json"]);
    assert_eq!(traced.code, Some(0), "{traced:?}");
    let messages: Vec<_> = traced.json().iter().map(|line| line["msg"]["data"].clone()).collect();
    assert_eq!(messages, [json!("go"), json!(1)]);
    for running in [first, second] {
        running.interrupt();
        assert_eq!(running.end().code, Some(0));
    }
}
