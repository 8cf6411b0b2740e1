//! What led to what: chains over several nodes, fetched and checked by one that came later, and what liars can do to it.

use nuncio::adversary::Adversary;
use nuncio::msgs::nuncio_msgs::msg::{LlmResponse, MotionCommand};
use nuncio::msgs::std_msgs;
use nuncio::security::context::Context;
use nuncio::security::frame::{FrameWriter, Header, Kind};
use nuncio::security::signer;
use nuncio::{
    Accompaniment, Domain, Found, GenericPublisher, Message, MessageId, Node, Provenance, Publisher, QosProfile,
    Reason, Trace, TraceLink, TraceStep, TypeHash, Verdict,
};

use crate::peers::{DEADLINE, identity, listen, node};

/// A planner whose answer has led to a pilot's command, with an answer to the question in front.
struct Scene {
    planner: Node,
    pilot: Node,
    /// Came when all was over.
    auditor: Node,
    endpoint: String,
    answers: Publisher<LlmResponse>,
    commands: Publisher<MotionCommand>,
    answer: MessageId,
    command: MessageId,
}

impl Scene {
    async fn new() -> Self {
        let (planner, endpoint) = listen(node("planner", 1)).await;
        let pilot = node("pilot", 2).connect(&endpoint).open().await.unwrap();
        let answers = planner.publisher::<LlmResponse>("/llm/answers").unwrap();
        let commands = pilot.publisher::<MotionCommand>("/cmd").unwrap();
        let answer = answers.publish(&LlmResponse::default()).unwrap().id();
        let command = publish(&commands, Some(answer));
        let auditor = node("_auditor", 3).connect(&endpoint).open().await.unwrap();
        meet(&auditor, &[&planner, &pilot]).await;
        Self {
            planner,
            pilot,
            auditor,
            endpoint,
            answers,
            commands,
            answer,
            command,
        }
    }

    async fn trace(&self, id: MessageId) -> Trace {
        self.auditor.trace(id, DEADLINE).await
    }

    /// Has somebody answer questions for the frame of `id` with these bytes, as if it came from there. Traces `asked` until
    /// that was heard, and gives the trace.
    async fn traced_with_witness(
        &self,
        (id, place, bytes): (MessageId, &str, &[u8]),
        asked: MessageId,
        heard: impl Fn(&Trace) -> bool,
    ) -> Trace {
        let link = nuncio::LinkConfig {
            connect: vec![self.endpoint.clone()],
            discovery: Some(nuncio::Discovery::Off),
            ..nuncio::LinkConfig::default()
        };
        let liar = Adversary::join(&link, Domain::default()).await.unwrap();
        let question = format!("nuncio/0/@message/{id}/**");
        let _witness = liar
            .answer(&question, &format!("nuncio/0/@message/{id}/{place}"), bytes)
            .unwrap();
        // The auditor's link learns of the witness a moment later.
        for _ in 0..200 {
            let trace = self.trace(asked).await;
            if heard(&trace) {
                return trace;
            }
        }
        panic!("the witness was never heard");
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

fn publish(publisher: &GenericPublisher, cause: Option<MessageId>) -> MessageId {
    let mut payload = Vec::new();
    postcard::to_io(&MotionCommand::default(), &mut payload).unwrap();
    let with = Accompaniment {
        cause,
        ..Accompaniment::default()
    };
    publisher.publish(&payload, with).unwrap().id()
}

/// Where the pilot's commands were published.
fn place_of_commands() -> String {
    place("pilot", "cmd", MotionCommand::TYPE_NAME, &MotionCommand::TYPE_HASH)
}

fn place(node: &str, topic: &str, type_name: &str, hash: &TypeHash) -> String {
    let hash: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{node}/-/{topic}/-/{hash}/{type_name}")
}

fn ids(trace: &Trace) -> Vec<MessageId> {
    trace.steps.iter().map(|step| step.id).collect()
}

/// Whether a false answer was heard.
fn is_named(trace: &Trace) -> bool {
    !trace.refusals.is_empty()
}

fn refused(step: &TraceStep) -> Reason {
    match &step.found {
        Found::Refused(refusal) => refusal.reason,
        found => panic!("it was not refused: {found:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_command_is_traced_to_the_words_that_led_to_it_by_a_node_that_came_later() {
    let scene = Scene::new().await;
    let trace = scene.trace(scene.command).await;
    assert!(trace.is_whole(), "{trace:?}");
    assert_eq!(ids(&trace), [scene.answer, scene.command]);
    let [first, last] = trace.steps.as_slice() else {
        panic!("{trace:?}")
    };
    assert_eq!(
        (first.link, last.link),
        (TraceLink::CauseOf(scene.command), TraceLink::Asked)
    );
    let (Found::Verified(answer), Found::Verified(command)) = (&first.found, &last.found) else {
        panic!("{trace:?}")
    };
    assert_eq!(answer.frame().signer(), scene.planner.public_key());
    assert_eq!(answer.frame().node(), scene.planner.name());
    assert_eq!(answer.frame().topic().as_str(), "/llm/answers");
    assert_eq!(answer.frame().type_name(), LlmResponse::TYPE_NAME);
    assert_eq!(answer.frame().provenance(), Provenance::History);
    assert_eq!(answer.frame().verdict(), Verdict::Pinned);
    assert_eq!(command.frame().signer(), scene.pilot.public_key());
    assert_eq!(command.cause(), Some(scene.answer));
    assert_eq!(trace.refusals, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_answer_is_traced_down_to_what_it_has_led_to() {
    let scene = Scene::new().await;
    let second = publish(&scene.commands, Some(scene.answer));
    let third = publish(&scene.commands, Some(second));
    let trace = scene.auditor.trace_with_effects(scene.answer, DEADLINE).await;
    assert!(trace.is_whole(), "{trace:?}");
    let links: Vec<_> = trace.steps.iter().map(|step| (step.id, step.link)).collect();
    let effect = |id, of| (id, TraceLink::EffectOf(of));
    assert_eq!(links[0], (scene.answer, TraceLink::Asked));
    assert!(links[1..3].contains(&effect(scene.command, scene.answer)), "{links:?}");
    assert!(links[1..3].contains(&effect(second, scene.answer)), "{links:?}");
    assert_eq!(links[3..], [effect(third, second)]);
    assert_eq!(scene.trace(scene.answer).await.steps.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_dropped_publisher_is_still_answered_for_and_a_closed_node_is_missing() {
    let scene = Scene::new().await;
    drop(scene.answers);
    let late = node("_late", 4).connect(&scene.endpoint).open().await.unwrap();
    meet(&late, &[&scene.planner, &scene.pilot]).await;
    let trace = late.trace(scene.command, DEADLINE).await;
    assert!(trace.is_whole(), "{trace:?}");
    assert_eq!(ids(&trace), [scene.answer, scene.command]);

    scene.pilot.close().await.unwrap();
    let trace = late.trace(scene.command, DEADLINE).await;
    assert!(matches!(trace.asked().unwrap().found, Found::Missing), "{trace:?}");
    assert!(!trace.is_whole());
    assert_eq!(trace.steps.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_that_keeps_no_evidence_leaves_a_gap() {
    let scene = Scene::new().await;
    let qos = QosProfile {
        evidence: 0,
        ..QosProfile::default()
    };
    let silent = scene
        .planner
        .publisher_with::<std_msgs::msg::String>("/silent", qos)
        .unwrap();
    let cause = silent.publish(&std_msgs::msg::String::default()).unwrap().id();
    let command = publish(&scene.commands, Some(cause));
    let trace = scene.trace(command).await;
    assert_eq!(ids(&trace), [cause, command]);
    assert!(matches!(trace.steps[0].found, Found::Missing), "{trace:?}");
    assert!(matches!(trace.steps[1].found, Found::Verified(_)), "{trace:?}");
    assert!(!trace.is_whole() && !trace.incomplete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn false_witnesses_are_refused_and_named_and_the_truth_stands() {
    let scene = Scene::new().await;
    let Found::Verified(genuine) = scene.trace(scene.command).await.steps.pop().unwrap().found else {
        panic!("the command is there")
    };
    let genuine = genuine.frame().frame_bytes().to_vec();
    let mut altered = genuine.clone();
    altered[genuine.len() - 70] ^= 1;
    let moved = place("pilot", "other", MotionCommand::TYPE_NAME, &MotionCommand::TYPE_HASH);
    let renamed = place("planner", "cmd", MotionCommand::TYPE_NAME, &MotionCommand::TYPE_HASH);
    let attempts = [
        (scene.command, place_of_commands(), altered, Reason::BadSignature),
        (scene.command, renamed, genuine.clone(), Reason::UnknownKey),
        (scene.command, moved, genuine.clone(), Reason::BadSignature),
        (
            scene.command,
            place_of_commands(),
            b"no frame".to_vec(),
            Reason::NotAFrame,
        ),
        (
            scene.command,
            place_of_commands(),
            vec![0x4e; 300 << 10],
            Reason::TooLarge,
        ),
        (scene.command, "nowhere".to_owned(), genuine.clone(), Reason::Malformed),
        (scene.answer, place_of_commands(), genuine, Reason::BadSignature),
    ];
    for (id, place, bytes, reason) in attempts {
        // Neighbours in this list differ, so that none is taken for the one before it.
        let is_named = |trace: &Trace| trace.refusals.iter().map(|refusal| refusal.reason).eq([reason]);
        let trace = scene
            .traced_with_witness((id, &place, &bytes), scene.command, is_named)
            .await;
        assert!(trace.is_whole(), "{trace:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_forged_frame_alone_is_refused_and_leads_nowhere() {
    let scene = Scene::new().await;
    let Found::Verified(genuine) = scene.trace(scene.command).await.steps.pop().unwrap().found else {
        panic!("the command is there")
    };
    let mut forged = genuine.frame().frame_bytes().to_vec();
    forged[81] ^= 1;
    scene.pilot.close().await.unwrap();
    let place = place_of_commands();
    let lie = (scene.command, place.as_str(), forged.as_slice());
    let trace = scene.traced_with_witness(lie, scene.command, is_named).await;
    assert_eq!(ids(&trace), [scene.command]);
    assert_eq!(refused(&trace.steps[0]), Reason::BadSignature);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_frame_of_another_domain_is_refused() {
    let scene = Scene::new().await;
    let domain = Domain::parse("7").unwrap();
    let (elsewhere, endpoint) = listen(node("pilot", 2).domain(domain.clone())).await;
    let commands = elsewhere.publisher::<MotionCommand>("/cmd").unwrap();
    let id = publish(&commands, None);
    let neighbour = node("_auditor", 3)
        .domain(domain)
        .connect(&endpoint)
        .open()
        .await
        .unwrap();
    meet(&neighbour, &[&elsewhere]).await;
    let Found::Verified(there) = neighbour.trace(id, DEADLINE).await.steps.pop().unwrap().found else {
        panic!("it is there in its own domain")
    };
    let place = place_of_commands();
    let lie = (id, place.as_str(), there.frame().frame_bytes());
    let trace = scene.traced_with_witness(lie, id, is_named).await;
    assert_eq!(refused(&trace.steps[0]), Reason::BadSignature);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_cause_that_came_after_its_effect_is_refused() {
    let scene = Scene::new().await;
    let frame = scene_header(&scene, scene.command).await;
    // An id is known before its message is signed: name one that does not exist yet.
    let later = MessageId::of(&frame.key, frame.writer, frame.epoch, frame.first_number + 2);
    let liar = publish(&scene.commands, Some(later));
    let header = Header {
        first_number: frame.first_number + 2,
        first_time_ns: frame.first_time_ns + 10_000_000_000,
        ..frame
    };
    let bytes = signed_by_pilot(&header, &[]);
    let is_refused = |trace: &Trace| matches!(trace.steps[0].found, Found::Refused(_));
    let place = place_of_commands();
    let lie = (later, place.as_str(), bytes.as_slice());
    let trace = scene.traced_with_witness(lie, liar, is_refused).await;
    assert_eq!(ids(&trace), [later, liar]);
    assert_eq!(refused(&trace.steps[0]), Reason::StampInFuture);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_circle_of_causes_ends() {
    let scene = Scene::new().await;
    let frame = scene_header(&scene, scene.command).await;
    let own = |number| MessageId::of(&frame.key, frame.writer, frame.epoch, number);
    let next = frame.first_number + 1;
    let first = publish(&scene.commands, Some(own(next + 1)));
    let second = publish(&scene.commands, Some(first));
    assert_eq!((first, second), (own(next), own(next + 1)));
    let trace = scene.trace(second).await;
    assert_eq!(ids(&trace), [second, first, second]);
    assert_eq!(refused(&trace.steps[0]), Reason::Malformed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_long_chain_ends_at_its_bound_and_says_so() {
    let scene = Scene::new().await;
    let qos = QosProfile {
        evidence: 200,
        ..QosProfile::default()
    };
    let chain = scene.pilot.publisher_with::<MotionCommand>("/chain", qos).unwrap();
    let mut last = None;
    for _ in 0..100 {
        last = Some(publish(&chain, last));
    }
    let trace = scene.trace(last.unwrap()).await;
    assert!(trace.incomplete && !trace.is_whole());
    assert_eq!(trace.steps.len(), nuncio::trace::DEPTH_MAX + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_messages_with_one_id_are_proof_of_a_copied_key() {
    let scene = Scene::new().await;
    let bytes = signed_by_pilot(&scene_header(&scene, scene.command).await, b"other");
    let is_refused = |trace: &Trace| matches!(trace.steps[0].found, Found::Refused(_));
    let place = place_of_commands();
    let lie = (scene.command, place.as_str(), bytes.as_slice());
    let trace = scene.traced_with_witness(lie, scene.command, is_refused).await;
    assert_eq!(refused(&trace.steps[0]), Reason::Equivocation);
}

/// A command as only the holder of the pilot's key can sign it.
fn signed_by_pilot(header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut frame = FrameWriter::new(Vec::new(), header, Accompaniment::default());
    let pushed = frame.push(header.first_time_ns, Accompaniment::default(), |bytes| {
        bytes.extend_from_slice(payload);
        Ok::<(), ()>(())
    });
    pushed.unwrap();
    let (name, hash) = (MotionCommand::TYPE_NAME, &MotionCommand::TYPE_HASH);
    let context = Context::new(&Domain::default(), "/cmd", name, hash, Kind::Message, &[]);
    signer::seal(&identity(2), frame.finish(), &context)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn more_effects_than_a_node_shows_leave_the_trace_incomplete() {
    let scene = Scene::new().await;
    for _ in 0..20 {
        publish(&scene.commands, Some(scene.answer));
    }
    let trace = scene.auditor.trace_with_effects(scene.answer, DEADLINE).await;
    assert!(trace.incomplete && !trace.is_whole());
    assert_eq!(trace.steps.len(), 1 + nuncio::evidence::EFFECTS_ANSWERED_MAX);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_trace_without_time_says_that_it_is_incomplete() {
    let scene = Scene::new().await;
    let trace = scene.auditor.trace(scene.command, std::time::Duration::ZERO).await;
    assert!(trace.incomplete && matches!(trace.steps[0].found, Found::Missing));
}

async fn scene_header(scene: &Scene, id: MessageId) -> Header {
    match scene.trace(id).await.steps.pop().unwrap().found {
        Found::Verified(message) => message.frame().header().clone(),
        found => panic!("{found:?}"),
    }
}
