//! `topic approve`: a person, or a program, is the second signer whom a robot's trust.toml demands.

use nuncio::security::trust_file::TrustFile;
use nuncio::{ApprovalState, GenericPublisher, GenericSubscriber, Node, QosProfile, Reason, TypeSupport};
use serde_json::json;

use crate::program::{DEADLINE, Running, User, listen, node};

const TOPIC: &str = "/cmd_vel";

/// A driver that obeys what a supervisor has approved, and a planner that commands.
pub(crate) struct Scene {
    _driver: Node,
    planner: Node,
    heard: GenericSubscriber,
    endpoint: String,
    commands: GenericPublisher,
    supervisor: User,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let supervisor = User::new();
        let shown = supervisor.run(&["key", "show", "--json"]).json();
        let shown = shown.first().expect("a line");
        let key = shown["key"].as_str().expect("a key").to_owned();
        let trust = format!(
            "mode = \"enforce\"\n[roles.planner]\npublish = [\"cmd_vel\"]\n[roles.supervisor]\n\
             [grants.planner]\nkey = \"{}\"\nroles = [\"planner\"]\n\
             [grants.anna]\nkey = \"{key}\"\nroles = [\"supervisor\"]\n\
             [topics.cmd_vel]\nsecond_signer = \"supervisor\"\n",
            nuncio::Identity::from_seed(&[2; 32]).public_key()
        );
        let policy = TrustFile::parse(&trust).expect("a trust file").into_policy();
        let (driver, endpoint) = listen(node("driver", 1).trust(policy)).await;
        let heard = driver
            .generic_subscriber(TOPIC, QosProfile::default())
            .expect("a subscriber");
        let planner = node("planner", 2)
            .connect(&endpoint)
            .open()
            .await
            .expect("the planner opens");
        let name = "approve_test/msg/Go";
        let support = TypeSupport::compile(name, &[(name, "uint8 speed\n")]).expect("a type");
        let commands = planner
            .generic_publisher(TOPIC, &support, QosProfile::default())
            .expect("a publisher");
        assert!(commands.wait_for_subscribers(DEADLINE).expect("the link is open"));
        Self {
            _driver: driver,
            planner,
            heard,
            endpoint,
            commands,
            supervisor,
        }
    }

    /// Starts `topic approve`, and waits until it hears the planner.
    pub(crate) async fn approving(&self, more: &[&str], answers: Option<&str>) -> Running {
        let args = ["topic", "approve", TOPIC, "--connect", &self.endpoint];
        let args = [&args, more].concat();
        let running = match answers {
            Some(answers) => self.supervisor.start_with_stdin(&args, answers),
            None => self.supervisor.start(&args),
        };
        let is_there = |graph: &nuncio::graph::Graph| {
            let topics = graph.topics();
            let topic = topics.iter().find(|(topic, _)| topic.as_str() == TOPIC);
            topic.is_some_and(|(_, topic)| topic.subscribers.len() == 2)
        };
        assert!(
            self.planner.wait_for_graph(DEADLINE, is_there).await.is_some(),
            "it never subscribed"
        );
        running
    }

    /// Publishes a command, and gives what the program shows of it.
    pub(crate) fn shown(&self, running: &mut Running, speed: u8) -> serde_json::Value {
        let published = self.commands.publish(&[speed], nuncio::Accompaniment::default());
        published.expect("it is published");
        running.json()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_program_approves_what_it_is_shown_and_the_robot_obeys() {
    let scene = Scene::new().await;
    let mut running = scene.approving(&["--yes", "--json", "--times", "1"], None).await;
    let shown = scene.shown(&mut running, 3);
    assert_eq!(
        (&shown["message"]["speed"], &shown["approval"]),
        (&json!(3), &json!("pending"))
    );
    let said = running.json();
    assert_eq!(
        (&said["decision"], &said["message_id"]),
        (&json!("approved"), &shown["id"])
    );
    let heard = scene.heard.recv_timeout(DEADLINE).expect("the robot hears it");
    assert_eq!(heard.info().id().to_string(), shown["id"]);
    let ApprovalState::By(keys) = heard.info().approval else {
        panic!("{:?}", heard.info())
    };
    assert_eq!(json!(keys[0].to_string()), said["signer"]);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_person_says_no_and_why_and_the_robot_is_told() {
    let scene = Scene::new().await;
    let mut running = scene
        .approving(&["--json", "-t", "1"], Some("what?\nn too fast\n"))
        .await;
    let shown = scene.shown(&mut running, 9);
    let said = running.json();
    assert_eq!(
        (&said["decision"], &said["text"]),
        (&json!("rejected"), &json!("too fast"))
    );
    assert_eq!(said["message_id"], shown["id"]);
    let refused = tokio::time::timeout(DEADLINE, scene.heard.next_refusal()).await;
    let refusal = refused.expect("it is refused in time").expect("the node is open");
    assert_eq!(refusal.reason, Reason::NotPermitted, "{refusal}");
    assert!(refusal.detail.contains("too fast"), "{refusal}");
    assert_eq!(running.end().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_any_message_there_is_nothing_to_approve() {
    let scene = Scene::new().await;
    let running = scene.approving(&["--yes", "--timeout", "0.2"], None).await;
    assert_eq!(running.end().code, Some(1));
}
