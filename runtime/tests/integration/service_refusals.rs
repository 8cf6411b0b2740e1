//! Requests and responses that are forged, recorded, moved, or not permitted: none is carried out or believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nuncio::adversary::Adversary;
use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use nuncio::security::context::Context;
use nuncio::security::frame::{FrameWriter, Header, Kind, Writer};
use nuncio::security::signer;
use nuncio::security::trust_file::TrustFile;
use nuncio::{
    Accompaniment, CallError, Domain, Message, MessageId, Node, Reason, RoleName, ServerProblem, ServiceClient,
    ServiceClientOptions, Serving, TrustPolicy,
};

use crate::peers::{DEADLINE, Peers, identity, listen, node};

/// A talker that calls `/add` of a listener, and an attacker beside them.
struct Scene {
    peers: Peers,
    client: ServiceClient<AddTwoInts>,
    attacker: Adversary,
    /// How many requests were carried out.
    carried_out: Arc<AtomicU64>,
    _serving: Serving,
}

impl Scene {
    async fn new() -> Self {
        let peers = Peers::new().await;
        let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
        let carried_out = Arc::new(AtomicU64::new(0));
        let serving = count_and_add(&peers.listener, &carried_out);
        let client = peers.talker.service_client("/add").unwrap();
        assert!(client.wait_for_server(DEADLINE).await);
        Self {
            peers,
            client,
            attacker,
            carried_out,
            _serving: serving,
        }
    }

    /// A call that is answered. Gives what the attacker saw of it.
    async fn recorded(&self) -> Vec<u8> {
        let requests = self.attacker.overhear("nuncio/0/s/**").unwrap();
        // The attacker may be a moment later than the server.
        loop {
            let answer = self.client.call_within(&REQUEST, DEADLINE).await.unwrap();
            assert_eq!(answer.message.sum, 3);
            if let Some(request) = requests.try_next() {
                return request;
            }
        }
    }

    async fn refusal(&self, node: &Node) -> Reason {
        let refused = tokio::time::timeout(DEADLINE, node.next_refusal()).await;
        refused.expect("nothing was refused").unwrap().refusal.reason
    }

    fn key_expr(&self, server: &Node) -> String {
        let (hex, writer) = (hex(server), writer_of(server));
        format!("nuncio/0/s/add/-/{hex}/{:016x}/{:016x}", server.epoch(), writer.0)
    }
}

const REQUEST: AddTwoIntsRequest = AddTwoIntsRequest { a: 1, b: 2 };

fn count_and_add(node: &Node, carried_out: &Arc<AtomicU64>) -> Serving {
    let carried_out = Arc::clone(carried_out);
    let server = node.service_server::<AddTwoInts>("/add").unwrap();
    let serving = server.on_request(move |request, _| {
        carried_out.fetch_add(1, Ordering::SeqCst);
        Ok(AddTwoIntsResponse {
            sum: request.a + request.b,
        })
    });
    serving.unwrap()
}

fn hex(node: &Node) -> String {
    let key = node.public_key();
    key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The writer of a node's only service server, as its card says.
fn writer_of(node: &Node) -> Writer {
    let graph = node.graph();
    let own = graph.nodes.iter().find(|other| other.key == node.public_key()).unwrap();
    let services = &own.card.as_ref().unwrap().services;
    Writer(services.iter().find(|service| service.is_server).unwrap().writer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_recorded_and_asked_again_is_not_carried_out_twice() {
    let scene = Scene::new().await;
    let recorded = scene.recorded().await;
    let before = scene.carried_out.load(Ordering::SeqCst);
    let here = scene.key_expr(&scene.peers.listener);
    let answers = scene.attacker.ask(&here, &recorded, DEADLINE).unwrap();
    assert_eq!(answers.next_async().await, None, "a repetition is not answered");
    // Nor at another server, which the request does not name.
    let other = node("other", 3).connect(&scene.peers.endpoint).open().await.unwrap();
    let elsewhere = Arc::new(AtomicU64::new(0));
    let _serving = count_and_add(&other, &elsewhere);
    let there = scene.key_expr(&other);
    scene.peers.meet(&other).await;
    let reason = loop {
        let answers = scene.attacker.ask(&there, &recorded, DEADLINE).unwrap();
        assert_eq!(answers.next_async().await, None);
        // Until the attacker knows the way there.
        if let Some(event) = other.try_next_refusal() {
            break event.refusal.reason;
        }
    };
    assert_eq!(reason, Reason::BadSignature);
    scene.client.call_within(&REQUEST, DEADLINE).await.unwrap();
    assert_eq!(scene.carried_out.load(Ordering::SeqCst), before + 1);
    assert_eq!(elsewhere.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_altered_requests_are_refused_and_end_unanswered() {
    let scene = Scene::new().await;
    let mut altered = scene.recorded().await;
    let before = scene.carried_out.load(Ordering::SeqCst);
    // The number is another, so that it is no repetition.
    altered[57] ^= 1;
    let here = scene.key_expr(&scene.peers.listener);
    for (bytes, reason) in [
        (altered.as_slice(), Reason::BadSignature),
        (b"{\"a\": 1}".as_slice(), Reason::NotAFrame),
    ] {
        let answers = scene.attacker.ask(&here, bytes, DEADLINE).unwrap();
        assert_eq!(answers.next_async().await, None);
        assert_eq!(scene.refusal(&scene.peers.listener).await, reason);
    }
    assert_eq!(scene.carried_out.load(Ordering::SeqCst), before);
}

/// A response that the server's own key has signed: to request number `number` of the talker.
fn response_to(scene: &Scene, number: u64) -> Vec<u8> {
    let (talker, listener) = (&scene.peers.talker, &scene.peers.listener);
    let caller = talker.graph();
    let own = caller
        .nodes
        .iter()
        .find(|node| node.key == talker.public_key())
        .unwrap();
    let writer = Writer(own.card.as_ref().unwrap().services.first().unwrap().writer);
    let request = MessageId::of(&talker.public_key(), writer, talker.epoch(), number);
    let header = Header {
        kind: Kind::Response,
        replay: false,
        key: listener.public_key(),
        writer: writer_of(listener),
        epoch: listener.epoch(),
        first_number: 1000,
        first_time_ns: nuncio::clock::now_ns(),
        type_hash_prefix: AddTwoIntsResponse::TYPE_HASH.prefix(),
    };
    let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
    frame
        .push(header.first_time_ns, Accompaniment::default(), |bytes| {
            bytes.push(84);
            Ok::<(), ()>(())
        })
        .unwrap();
    let (name, hash) = (AddTwoIntsResponse::TYPE_NAME, &AddTwoIntsResponse::TYPE_HASH);
    let context = Context::new(&Domain::default(), "/add", name, hash, Kind::Response, &request.0);
    signer::seal(&identity(2), frame.finish(), &context)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_to_another_request_is_no_answer() {
    let scene = Scene::new().await;
    scene.recorded().await;
    let here = scene.key_expr(&scene.peers.listener);
    let to_the_first = response_to(&scene, 1);
    let _witness = scene.attacker.answer(&here, &here, &to_the_first).unwrap();
    let refused = async {
        while scene.client.stats().refused == 0 {
            // The true answer comes, too: the false one has done no harm.
            let answer = scene.client.call_within(&REQUEST, DEADLINE).await.unwrap();
            assert_eq!(answer.message.sum, 3);
        }
        scene.refusal(&scene.peers.talker).await
    };
    let reason = tokio::time::timeout(DEADLINE, refused)
        .await
        .expect("the attacker is asked");
    assert_eq!(reason, Reason::BadSignature);
}

/// `/add` may be served by the role `adder` and called by the role `caller`.
fn policy(mode: &str, grants: &[(&str, u8)]) -> TrustPolicy {
    let mut text = format!("mode = \"{mode}\"\n[roles.adder]\nserve = [\"add\"]\n[roles.caller]\ncall = [\"add\"]\n");
    for (role, seed) in grants {
        let key = identity(*seed).public_key();
        text += &format!("[grants.{role}{seed}]\nkey = \"{key}\"\nroles = [\"{role}\"]\n");
    }
    TrustFile::parse(&text).unwrap().into_policy()
}

/// A server with the key of seed 2 and a client with that of seed 1, with these policies.
async fn with_policies(server: TrustPolicy, client: TrustPolicy) -> (Node, Node, Serving, ServiceClient<AddTwoInts>) {
    let (listener, endpoint) = listen(node("listener", 2).trust(server)).await;
    let serving = count_and_add(&listener, &Arc::default());
    let talker = node("talker", 1).trust(client).connect(&endpoint).open().await.unwrap();
    let client = talker.service_client::<AddTwoInts>("/add").unwrap();
    let seen = talker.wait_for_graph(DEADLINE, |_| !client.servers().is_empty()).await;
    assert!(seen.is_some(), "the server is seen");
    (listener, talker, serving, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_call_is_refused_and_who_may_not_serve_is_not_called() {
    let both = [("adder", 2), ("caller", 1)];
    let enforced = |grants: &[(&str, u8)]| policy("enforce", grants);
    let (_listener, _talker, _serving, client) = with_policies(enforced(&both), enforced(&both)).await;
    assert_eq!(client.call_within(&REQUEST, DEADLINE).await.unwrap().message.sum, 3);

    let (listener, _talker, _serving, client) = with_policies(enforced(&[("adder", 2)]), enforced(&both)).await;
    let error = client.call_within(&REQUEST, DEADLINE).await.unwrap_err();
    assert!(matches!(error, CallError::Unanswered { refusal: None, .. }), "{error}");
    let refusal = listener.next_refusal().await.unwrap();
    assert_eq!(
        (refusal.topic.as_str(), refusal.refusal.reason),
        ("/add", Reason::NotPermitted)
    );

    let (_listener, _talker, _serving, client) = with_policies(enforced(&both), enforced(&[("caller", 1)])).await;
    let error = client.call_within(&REQUEST, DEADLINE).await.unwrap_err();
    let CallError::NoServer(none) = error else {
        panic!("{error}")
    };
    let (name, problem) = &none.others[0];
    assert_eq!(name.as_str(), "/listener");
    assert!(
        matches!(problem, ServerProblem::Refused(refusal) if refusal.reason == Reason::NotPermitted),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_expects_a_role_calls_only_who_holds_it_in_every_mode() {
    let expecting = ServiceClientOptions {
        server_role: Some(RoleName::parse("adder").unwrap()),
        deadline: DEADLINE,
        ..ServiceClientOptions::default()
    };
    let (_listener, talker, _serving, any) = with_policies(policy("tofu", &[]), policy("tofu", &[])).await;
    assert_eq!(any.call_within(&REQUEST, DEADLINE).await.unwrap().message.sum, 3);
    let client = talker
        .service_client_with::<AddTwoInts>("/add", expecting.clone())
        .unwrap();
    let error = client.call(&REQUEST).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("/listener: its key does not hold the role adder"),
        "{error}"
    );

    let (_listener, talker, _serving, _any) = with_policies(policy("tofu", &[]), policy("tofu", &[("adder", 2)])).await;
    let client = talker.service_client_with::<AddTwoInts>("/add", expecting).unwrap();
    assert_eq!(client.call(&REQUEST).await.unwrap().message.sum, 3);
}
