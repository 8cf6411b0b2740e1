//! Second signers: a language model's answer becomes a command, and moves nothing until a supervisor has agreed.

use std::collections::BTreeSet;

use nuncio::adversary::Adversary;
use nuncio::msgs::nuncio_msgs::msg::{Approval, LlmResponse, MotionCommand};
use nuncio::security::context::Context;
use nuncio::security::frame::{FrameWriter, Header, Kind};
use nuncio::security::signer;
use nuncio::security::trust_file::TrustFile;
use nuncio::{
    Accompaniment, ApprovalState, Approver, Domain, GenericReceived, GenericSubscriber, LinkConfig, Message, MessageId,
    Node, NodeBuilder, Publisher, Reason, Refusal, RoleName, SubscriptionOptions, TopicName, TrustEvent,
};

use crate::peers::{DEADLINE, identity, listen, next, node};
use crate::trust::{builder, keystore, next_event, put};

const COMMANDS: &str = "/robot1/cmd_vel";
const APPROVALS: &str = "/robot1/cmd_vel/_approvals";

const MODEL: u8 = 1;
const PLANNER: u8 = 2;
const SUPERVISOR: u8 = 3;
const DRIVER: u8 = 4;
const STRANGER: u8 = 9;

/// What the driver believes. `limits` are more limits of the topic, `more` is anything else.
fn trust_text(limits: &str, more: &str) -> String {
    let key = |seed| identity(seed).public_key();
    format!(
        "mode = \"enforce\"\n\
         [roles.model]\npublish = [\"llm/*\"]\n\
         [roles.llm]\npublish = [\"*/cmd_vel\"]\n\
         [roles.supervisor]\n\
         [grants.model]\nkey = \"{}\"\nroles = [\"model\"]\n\
         [grants.planner]\nkey = \"{}\"\nroles = [\"llm\", \"supervisor\"]\n\
         [grants.supervisor]\nkey = \"{}\"\nroles = [\"supervisor\"]\n\
         [topics.\"*/cmd_vel\"]\nmax_size = \"1 KiB\"\n{limits}\n{more}\n",
        key(MODEL),
        key(PLANNER),
        key(SUPERVISOR),
    )
}

const SECOND: &str = "second_signer = \"supervisor\"";

/// A model, a planner, a supervisor, and a driver that listens to the planner.
struct Scene {
    driver: Node,
    commands_heard: GenericSubscriber,
    endpoint: String,
    answers: Publisher<LlmResponse>,
    planner: Node,
    commands: Publisher<MotionCommand>,
    supervisor: Node,
    approver: Approver,
    _model: Node,
}

impl Scene {
    async fn new() -> Self {
        Self::with_limits(SECOND).await
    }

    async fn with_limits(limits: &str) -> Self {
        let policy = TrustFile::parse(&trust_text(limits, "")).unwrap().into_policy();
        Self::with(node("driver", DRIVER).trust(policy)).await
    }

    async fn with(driver: NodeBuilder) -> Self {
        let (driver, endpoint) = listen(driver).await;
        let options = SubscriptionOptions::default();
        let commands_heard = driver.generic_subscriber(COMMANDS, options).unwrap();
        let open = |name, seed| node(name, seed).connect(&endpoint).open();
        let model = open("model", MODEL).await.unwrap();
        let planner = open("planner", PLANNER).await.unwrap();
        let supervisor = open("supervisor", SUPERVISOR).await.unwrap();
        let answers = model.publisher("/llm/answers").unwrap();
        let commands = planner.publisher::<MotionCommand>(COMMANDS).unwrap();
        let approver = supervisor.approver(COMMANDS).unwrap();
        let scene = Self {
            driver,
            commands_heard,
            endpoint,
            answers,
            planner,
            commands,
            supervisor,
            approver,
            _model: model,
        };
        meet(&scene.driver, &[&scene._model, &scene.planner, &scene.supervisor]).await;
        let both = |graph: &nuncio::graph::Graph| {
            let topics = graph.topics();
            let commands = topics.get(&TopicName::parse(COMMANDS).unwrap());
            commands.is_some_and(|topic| topic.subscribers.len() == 2)
        };
        assert!(scene.planner.wait_for_graph(DEADLINE, both).await.is_some());
        scene
    }

    /// Waits until the driver hears this publisher.
    fn is_heard(&self, approvals: &Publisher<Approval>) {
        assert!(
            approvals.wait_for_subscribers(DEADLINE).unwrap(),
            "the driver listens to no approvals"
        );
    }

    /// Publishes a command that follows from an answer, and waits until the supervisor sees it.
    fn command(&self) -> GenericReceived {
        let answer = self.answers.publish(&LlmResponse::default()).unwrap().id();
        let command = self.publish(Some(answer));
        let waiting = next(&*self.approver);
        assert_eq!((waiting.info().id(), waiting.info().cause), (command, Some(answer)));
        waiting
    }

    fn publish(&self, cause: Option<MessageId>) -> MessageId {
        let with = Accompaniment {
            cause,
            ..Accompaniment::default()
        };
        let command = MotionCommand {
            stamp: nuncio::time_from_ns(nuncio::clock::now_ns()),
            ..MotionCommand::default()
        };
        self.commands.publish_with(&command, with).unwrap().id()
    }

    /// What the driver refuses next, on whatever topic.
    async fn refusal(&self) -> (TopicName, Refusal) {
        let refused = tokio::time::timeout(DEADLINE, self.driver.next_refusal()).await;
        let event = refused
            .unwrap_or_else(|_| panic!("nothing was refused: {:?}", self.commands_heard.stats()))
            .unwrap();
        (event.topic, event.refusal)
    }

    /// Waits for a refusal on the topic of approvals, and gives why.
    async fn refused_approval(&self) -> Refusal {
        let (topic, refusal) = self.refusal().await;
        assert_eq!(topic.as_str(), APPROVALS, "{refusal}");
        refusal
    }

    fn link(&self) -> LinkConfig {
        LinkConfig {
            connect: vec![self.endpoint.clone()],
            discovery: Some(nuncio::Discovery::Off),
            ..LinkConfig::default()
        }
    }
}

async fn meet(node: &Node, others: &[&Node]) {
    let met = |graph: &nuncio::graph::Graph| {
        let is_there = |other: &&Node| {
            let is_it = |node: &nuncio::graph::GraphNode| node.name == *other.name() && node.is_verified();
            graph.nodes.iter().any(is_it)
        };
        others.iter().all(is_there)
    };
    assert!(
        node.wait_for_graph(DEADLINE, met).await.is_some(),
        "the nodes never met"
    );
}

/// The supervisor's approval alone.
fn by_supervisor() -> ApprovalState {
    ApprovalState::By(vec![identity(SUPERVISOR).public_key()])
}

fn approval_of(id: MessageId, payload: &[u8]) -> Approval {
    Approval {
        message_id: id.0,
        payload_digest: *blake3::hash(payload).as_bytes(),
        decision: Approval::DECISION_APPROVED,
        text: String::new(),
    }
}

fn say(publisher: &Publisher<Approval>, approval: &Approval) {
    let with = Accompaniment {
        cause: Some(MessageId(approval.message_id)),
        ..Accompaniment::default()
    };
    publisher.publish_with(approval, with).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_command_is_delivered_once_a_supervisor_has_approved_it_and_not_before() {
    let scene = Scene::new().await;
    scene.is_heard(scene.approver.approvals());
    let (first, second) = (scene.command(), scene.command());
    assert_eq!(first.info().approval, ApprovalState::Pending);
    scene.approver.approve(&second).unwrap();
    let heard = next(&scene.commands_heard).info();
    assert_eq!((heard.id(), heard.cause), (second.info().id(), second.info().cause));
    assert_eq!(heard.approval, by_supervisor());
    // The first has been there for longer, and waits on.
    assert!(scene.commands_heard.try_recv().is_err());
    scene.approver.approve(&first).unwrap();
    assert_eq!(next(&scene.commands_heard).info().id(), first.info().id());
    assert_eq!(scene.commands_heard.stats().refused_total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_others_say_or_what_is_said_of_other_content_approves_nothing() {
    let scene = Scene::new().await;
    scene.is_heard(scene.approver.approvals());
    let command = scene.command();

    // The planner holds the role, too, and may not agree with itself.
    let planner = scene.planner.publisher(APPROVALS).unwrap();
    scene.is_heard(&planner);
    say(&planner, &approval_of(command.info().id(), command.payload()));
    let refusal = scene.refused_approval().await;
    assert_eq!(refusal.reason, Reason::NotPermitted);
    assert!(refusal.detail.contains("two must agree"), "{refusal}");

    let stranger = node("stranger", STRANGER)
        .connect(&scene.endpoint)
        .open()
        .await
        .unwrap();
    let stranger_says = stranger.publisher(APPROVALS).unwrap();
    scene.is_heard(&stranger_says);
    meet(&scene.driver, &[&stranger]).await;
    say(&stranger_says, &approval_of(command.info().id(), command.payload()));
    let refusal = scene.refused_approval().await;
    assert_eq!(refusal.reason, Reason::NotPermitted, "{refusal}");
    assert_eq!(refusal.claimed_key, Some(stranger.public_key()));

    say(
        scene.approver.approvals(),
        &approval_of(command.info().id(), b"other content"),
    );
    let refusal = scene.refused_approval().await;
    assert_eq!(refusal.reason, Reason::NotPermitted);
    assert!(refusal.detail.contains("other content"), "{refusal}");

    // One that does not name the message as its cause would be missing in every trace.
    let approval = approval_of(command.info().id(), command.payload());
    scene.approver.approvals().publish(&approval).unwrap();
    let refusal = scene.refused_approval().await;
    assert!(refusal.detail.contains("as its cause"), "{refusal}");

    assert!(scene.commands_heard.try_recv().is_err());
    scene.approver.approve(&command).unwrap();
    assert_eq!(next(&scene.commands_heard).info().approval, by_supervisor());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_rejected_command_is_refused_with_the_supervisors_words() {
    let scene = Scene::new().await;
    scene.is_heard(scene.approver.approvals());
    let command = scene.command();
    scene.approver.reject(&command, "too close to the stairs").unwrap();
    let (topic, refusal) = scene.refusal().await;
    assert_eq!((topic.as_str(), refusal.reason), (COMMANDS, Reason::NotPermitted));
    assert!(refusal.detail.contains("too close to the stairs"), "{refusal}");
    // It is gone: that somebody agrees later changes nothing.
    scene.approver.approve(&command).unwrap();
    let another = scene.command();
    scene.approver.approve(&another).unwrap();
    assert_eq!(next(&scene.commands_heard).info().id(), another.info().id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_command_that_nobody_approves_within_its_age_is_refused_by_itself() {
    let scene = Scene::with_limits(&format!("{SECOND}\nmax_age = \"2s\"")).await;
    scene.is_heard(scene.approver.approvals());
    let command = scene.command();
    let (topic, refusal) = scene.refusal().await;
    assert_eq!(
        (topic.as_str(), refusal.reason),
        (COMMANDS, Reason::NotPermitted),
        "{refusal}"
    );
    assert!(
        refusal.detail.contains("no approval") && refusal.detail.contains("supervisor"),
        "{refusal}"
    );
    scene.approver.approve(&command).unwrap();
    let another = scene.command();
    scene.approver.approve(&another).unwrap();
    assert_eq!(next(&scene.commands_heard).info().id(), another.info().id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_approval_may_come_before_its_message() {
    let scene = Scene::new().await;
    scene.is_heard(scene.approver.approvals());
    let (first, payload) = (scene.command(), postcard_of_a_stop());
    let header = first.message().frame().header().clone();
    let later = MessageId::of(&header.key, header.writer, header.epoch, header.first_number + 1);
    say(scene.approver.approvals(), &approval_of(later, &payload));
    // Approvals of one signer arrive in order: when this one has, the earlier one has.
    scene.approver.approve(&first).unwrap();
    assert_eq!(next(&scene.commands_heard).info().id(), first.info().id());
    let generic: &nuncio::GenericPublisher = &scene.commands;
    generic.publish(&payload, Accompaniment::default()).unwrap();
    let heard = next(&scene.commands_heard).info();
    assert_eq!((heard.id(), heard.approval), (later, by_supervisor()));
}

fn postcard_of_a_stop() -> Vec<u8> {
    postcard::to_stdvec(&MotionCommand::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recorded_command_with_its_recorded_approval_is_delivered_once() {
    let scene = Scene::new().await;
    scene.is_heard(scene.approver.approvals());
    let recorder = Adversary::join(&scene.link(), Domain::default()).await.unwrap();
    let [commands, approvals] = [COMMANDS, APPROVALS].map(|topic| TopicName::parse(topic).unwrap());
    let (heard_commands, heard_approvals) = (
        recorder.capture(&commands).unwrap(),
        recorder.capture(&approvals).unwrap(),
    );
    // The recorder's link is heard a moment later than it is made.
    let (command, approval) = loop {
        let command = scene.command();
        scene.approver.approve(&command).unwrap();
        assert_eq!(next(&scene.commands_heard).info().id(), command.info().id());
        if let (Some(command), Some(approval)) = (heard_commands.try_next(), heard_approvals.try_next()) {
            break (command, approval);
        }
    };
    let before = scene.commands_heard.stats();
    recorder.put(&commands, &command).unwrap();
    recorder.put(&approvals, &approval).unwrap();
    recorder.put(&commands, &command).unwrap();
    while scene.commands_heard.stats().duplicates < before.duplicates + 2 {
        tokio::task::yield_now().await;
    }
    let another = scene.command();
    scene.approver.approve(&another).unwrap();
    assert_eq!(next(&scene.commands_heard).info().id(), another.info().id());
    assert_eq!(scene.commands_heard.stats().received, before.received + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn trust_toml_may_demand_approvals_from_now_on_and_a_revoked_supervisor_gives_none() {
    let dir = tempfile::tempdir().unwrap();
    let text = trust_text("", "");
    let keystore = keystore(dir.path(), DRIVER, &[("trust.toml", &text)]);
    let scene = Scene::with(builder("driver", keystore)).await;
    let command = scene.command();
    assert_eq!(next(&scene.commands_heard).info().approval, ApprovalState::NotAsked);
    assert!(!scene.approver.approvals().has_subscribers().unwrap(), "{command:?}");

    put(&dir.path().join("trust.toml"), &trust_text(SECOND, ""));
    assert!(matches!(
        next_event(&scene.driver).await,
        TrustEvent::PolicyChanged { .. }
    ));
    scene.is_heard(scene.approver.approvals());
    let command = scene.command();
    scene.approver.approve(&command).unwrap();
    assert_eq!(next(&scene.commands_heard).info().approval, by_supervisor());

    // Approved by one who is revoked before the message has come: judged by the policy of that moment.
    let revoked = format!(
        "[revoked]\n\"{}\" = \"2001-01-01T00:00:00Z\"",
        identity(SUPERVISOR).public_key()
    );
    let waiting = scene.command();
    put(&dir.path().join("trust.toml"), &trust_text(SECOND, &revoked));
    assert!(matches!(
        next_event(&scene.driver).await,
        TrustEvent::PolicyChanged { .. }
    ));
    scene.approver.approve(&waiting).unwrap();
    let refusal = scene.refused_approval().await;
    assert_eq!(refusal.reason, Reason::Revoked, "{refusal}");
    assert!(scene.commands_heard.try_recv().is_err());

    // Who waits when approvals are demanded no more gets what it waits for.
    put(&dir.path().join("trust.toml"), &trust_text("", &revoked));
    let heard = next(&scene.commands_heard).info();
    assert_eq!(
        (heard.id(), heard.approval),
        (waiting.info().id(), ApprovalState::NotAsked)
    );
}

/// A frame with several commands, as only the planner can sign it.
fn signed_by_planner(header: &Header, payloads: &[&[u8]]) -> Vec<u8> {
    let mut frame = FrameWriter::new(Vec::new(), header, Accompaniment::default());
    for payload in payloads {
        let pushed = frame.push(header.first_time_ns, Accompaniment::default(), |bytes| {
            bytes.extend_from_slice(payload);
            Ok::<(), ()>(())
        });
        pushed.unwrap();
    }
    let (name, hash) = (MotionCommand::TYPE_NAME, &MotionCommand::TYPE_HASH);
    let context = Context::new(&Domain::default(), COMMANDS, name, hash, Kind::Message, &[]);
    signer::seal(&identity(PLANNER), frame.finish(), &context)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_message_of_a_frame_is_approved_by_itself() {
    let scene = Scene::new().await;
    scene.is_heard(scene.approver.approvals());
    let before = scene.command();
    let header = before.message().frame().header().clone();
    let bytes = signed_by_planner(
        &Header {
            first_number: header.first_number + 1,
            first_time_ns: nuncio::clock::now_ns(),
            ..header
        },
        &[b"one", b"two", b"three"],
    );
    let anybody = Adversary::join(&scene.link(), Domain::default()).await.unwrap();
    let commands = TopicName::parse(COMMANDS).unwrap();
    // A new link is heard a moment later than it is made; what was heard already is a duplicate.
    let one = loop {
        anybody.put(&commands, &bytes).unwrap();
        if let Ok(one) = scene.approver.recv_timeout(std::time::Duration::from_millis(100)) {
            break one;
        }
    };
    let [two, three] = [0; 2].map(|_| next(&*scene.approver));
    scene.approver.approve(&two).unwrap();
    scene.approver.reject(&one, "not this").unwrap();
    scene.approver.approve(&three).unwrap();
    let heard = [0; 2].map(|_| next(&scene.commands_heard));
    assert_eq!(heard.each_ref().map(GenericReceived::payload), [&b"two"[..], b"three"]);
    let stats = scene.commands_heard.stats();
    assert_eq!((stats.received, stats.refused[&Reason::NotPermitted]), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn more_messages_than_may_wait_are_refused_as_too_many() {
    let scene = Scene::new().await;
    let most = 256;
    for _ in 0..=most {
        scene.publish(None);
    }
    let (topic, refusal) = scene.refusal().await;
    assert_eq!(
        (topic.as_str(), refusal.reason),
        (COMMANDS, Reason::Overloaded),
        "{refusal}"
    );
    assert!(scene.commands_heard.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_trace_shows_what_the_words_were_who_commanded_and_who_agreed() {
    let scene = Scene::new().await;
    scene.is_heard(scene.approver.approvals());
    let command = scene.command();
    let (id, answer) = (command.info().id(), command.info().cause.unwrap());
    let unapproved = scene.driver.trace(id, DEADLINE).await;
    let role = |name: &str| BTreeSet::from([RoleName::parse(name).unwrap()]);
    assert!(!unapproved.is_whole(), "{unapproved:?}");
    assert_eq!(unapproved.asked().unwrap().lacking(), role("supervisor"));

    scene.approver.approve(&command).unwrap();
    assert_eq!(next(&scene.commands_heard).info().id(), id);
    let trace = scene.driver.trace(id, DEADLINE).await;
    assert!(trace.is_whole(), "{trace:?}");
    let [first, last] = trace.steps.as_slice() else {
        panic!("{trace:?}")
    };
    assert_eq!((first.id, last.id), (answer, id));
    assert_eq!(first.permit.as_ref().unwrap().roles, role("model"));
    assert!(first.approvals.is_empty());
    assert_eq!(last.permit.as_ref().unwrap().roles, role("llm"));
    let [said] = last.approvals.as_slice() else {
        panic!("{trace:?}")
    };
    assert!(said.approves());
    assert_eq!(said.message.frame().signer(), scene.supervisor.public_key());
    assert_eq!(said.roles, Ok(role("supervisor")));

    // With its effects: what was said of the command stands with it, once.
    let down = scene.driver.trace_with_effects(answer, DEADLINE).await;
    assert!(down.is_whole(), "{down:?}");
    assert_eq!(down.steps.iter().map(|step| step.id).collect::<Vec<_>>(), [answer, id]);
    assert_eq!(down.steps[1].approvals.len(), 1);

    scene.approver.reject(&command, "on second thought").unwrap();
    let trace = scene.driver.trace(id, DEADLINE).await;
    assert!(trace.asked().unwrap().is_rejected() && !trace.is_whole(), "{trace:?}");
}
