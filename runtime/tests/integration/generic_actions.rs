//! Actions of a type that the client was not built with, and goals that are canceled by others than who sent them.

use nuncio::msgs::example_interfaces::action::{Fibonacci, FibonacciFeedback, FibonacciGoal, FibonacciResult};
use nuncio::security::frame::Accompaniment;
use nuncio::{
    ActionClientOptions, ActionServer, ActionSupport, CancelGoalError, GenericActionClient, GoalHandle, GoalState,
    Node, QosProfile, Reason, SendGoalError, TypeHash, TypeSupport,
};
use serde_json::json;

use crate::peers::{DEADLINE, Peers, node};

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it takes too long")
}

/// A client whose node asks a server for the type.
async fn client(node: &Node) -> (ActionSupport, GenericActionClient) {
    let served = |graph: &nuncio::graph::Graph| graph.actions().values().any(|action| !action.servers.is_empty());
    let graph = node.wait_for_graph(DEADLINE, served).await.unwrap();
    let (name, action) = graph.actions().pop_first().unwrap();
    let server = action.servers.first().unwrap();
    let hash = TypeHash::from_bytes(server.facts.type_hash);
    let (type_name, send_goal_hash) = action.types().remove(0);
    assert_eq!(
        (type_name.as_str(), send_goal_hash),
        ("example_interfaces/action/Fibonacci", hash)
    );
    let support = node
        .fetch_action_type(server.node.key, &type_name, &hash)
        .await
        .unwrap();
    let client = node
        .generic_action_client(name.as_str(), &support, ActionClientOptions::default())
        .unwrap();
    assert!(client.wait_for_server(DEADLINE).await, "{:?}", client.servers());
    (support, client)
}

fn goal(support: &ActionSupport, order: i32) -> Vec<u8> {
    let codec = support.goal().run_time_type().unwrap();
    codec.from_json(&json!({ "order": order }), 0).unwrap()
}

async fn accepted(server: &ActionServer<Fibonacci>) -> GoalHandle<Fibonacci> {
    in_time(server.recv()).await.unwrap().accept().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_of_a_type_that_its_client_was_not_built_with_is_pursued() {
    let peers = Peers::new().await;
    let server = peers.listener.action_server::<Fibonacci>("/fibonacci").unwrap();
    let (support, client) = client(&peers.talker).await;
    assert_eq!(
        (client.type_name(), client.type_hash()),
        (support.type_name(), support.type_hash())
    );
    let serving = async {
        let goal = accepted(&server).await;
        assert_eq!(goal.goal(), &FibonacciGoal { order: -70 });
        let sequence = vec![0, 1, 300];
        goal.feedback(&FibonacciFeedback {
            sequence: sequence.clone(),
        })
        .unwrap();
        goal.succeed(&FibonacciResult { sequence }).unwrap();
    };
    let payload = goal(&support, -70);
    let (run, ()) = tokio::join!(client.send_goal(&payload), serving);
    let run = run.unwrap();
    let feedback = in_time(run.feedback()).await.unwrap();
    let codec = support.feedback().run_time_type().unwrap();
    assert_eq!(
        codec.to_json(feedback.payload()).unwrap(),
        json!({"sequence": [0, 1, 300]})
    );
    assert_eq!(feedback.info.signer, peers.listener.public_key());
    let outcome = in_time(run.result()).await.unwrap();
    let codec = support.result().run_time_type().unwrap();
    assert_eq!(
        codec.to_json(outcome.payload()).unwrap(),
        json!({"sequence": [0, 1, 300]})
    );
    assert_eq!(
        (outcome.state, outcome.info.signer),
        (GoalState::Succeeded, peers.listener.public_key())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_that_is_none_of_the_type_is_refused_and_does_not_appear() {
    let peers = Peers::new().await;
    let server = peers.listener.action_server::<Fibonacci>("/fibonacci").unwrap();
    let typed = peers.talker.action_client::<Fibonacci>("/fibonacci").unwrap();
    assert!(typed.wait_for_server(DEADLINE).await);
    let first = FibonacciGoal { order: 1 };
    let (run, goal) = tokio::join!(typed.send_goal(&first), accepted(&server));
    let run = run.unwrap();
    // The server's own node publishes bytes that are no feedback, for this goal.
    let (support, _client) = client(&peers.talker).await;
    let sources = support.send_goal().service().definition().sources.clone();
    let sources: Vec<_> = sources
        .iter()
        .map(|s| (s.type_name.as_str(), s.text.as_str()))
        .collect();
    let message = TypeSupport::compile("example_interfaces/action/Fibonacci_FeedbackMessage", &sources).unwrap();
    let broken = peers
        .listener
        .generic_publisher("/fibonacci/_action/feedback", &message, QosProfile::default())
        .unwrap();
    let payload = [run.goal_id().0.as_slice(), &[200]].concat();
    broken.publish(&payload, Accompaniment::default()).unwrap();
    let refused = async {
        loop {
            if peers.talker.next_refusal().await.unwrap().refusal.reason == Reason::DecodeFailed {
                return;
            }
        }
    };
    let taken = async { run.feedback().await };
    tokio::select! {
        () = in_time(refused) => {}
        taken = taken => panic!("{taken:?}"),
    }
    drop(goal);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_sent_goals_may_cancel_them_from_another_client_and_no_other_key_may() {
    let peers = Peers::new().await;
    let server = peers.listener.action_server::<Fibonacci>("/fibonacci").unwrap();
    let (support, sender) = client(&peers.talker).await;
    let (_, other) = client(&peers.talker).await;
    let stranger = node("stranger", 3).connect(&peers.endpoint).open().await.unwrap();
    let (_, stranger) = client(&stranger).await;
    let key = peers.listener.public_key();
    assert_eq!(other.cancel_all_goals(key).await.unwrap(), [], "there are none");

    let payload = goal(&support, 1);
    let (first, goal) = tokio::join!(sender.send_goal(&payload), accepted(&server));
    let (second, other_goal) = tokio::join!(sender.send_goal(&payload), accepted(&server));
    let (first, second) = (first.unwrap().goal_id(), second.unwrap().goal_id());
    let refused = in_time(stranger.cancel_goal(key, first)).await;
    assert!(matches!(refused, Err(CancelGoalError::Rejected { .. })), "{refused:?}");
    let refused = in_time(stranger.cancel_all_goals(key)).await;
    assert!(
        matches!(refused, Err(CancelGoalError::AllRejected { .. })),
        "{refused:?}"
    );
    assert!(!goal.is_canceling());

    in_time(other.cancel_goal(key, first)).await.unwrap();
    assert!(goal.is_canceling() && !other_goal.is_canceling());
    assert_eq!(in_time(other.cancel_all_goals(key)).await.unwrap(), [second]);
    assert!(other_goal.is_canceling());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_pursued_by_a_server_that_was_not_built_with_its_type() {
    let peers = Peers::new().await;
    let built = peers.talker.action_client::<Fibonacci>("/fibonacci").unwrap();
    let support = fibonacci(&peers).await;
    let server = peers.listener.generic_action_server("/fibonacci", &support).unwrap();
    assert_eq!(
        (server.type_name(), server.type_hash()),
        (support.type_name(), support.type_hash())
    );
    assert!(built.wait_for_server(DEADLINE).await, "{:?}", built.servers());
    let serving = async {
        let goal = in_time(server.recv()).await.unwrap().accept().unwrap();
        let codec = support.goal().run_time_type().unwrap();
        assert_eq!(codec.to_json(goal.payload()).unwrap(), json!({"order": 5}));
        let codec = support.feedback().run_time_type().unwrap();
        let feedback = codec.from_json(&json!({"sequence": [0, 1]}), 0).unwrap();
        goal.feedback(&feedback).unwrap();
        in_time(goal.canceling()).await;
        let codec = support.result().run_time_type().unwrap();
        goal.canceled(codec.from_json(&json!({"sequence": [0, 1, 1]}), 0).unwrap())
            .unwrap();
    };
    let pursuing = async {
        let run = built.send_goal(&FibonacciGoal { order: 5 }).await.unwrap();
        let feedback = in_time(run.feedback()).await.unwrap();
        assert_eq!(feedback.message.sequence, [0, 1]);
        run.cancel().await.unwrap();
        let outcome = in_time(run.result()).await.unwrap();
        assert_eq!(
            (outcome.state, outcome.result.sequence),
            (GoalState::Canceled, vec![0, 1, 1])
        );
    };
    tokio::join!(serving, pursuing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_that_its_server_lets_go_of_is_aborted_with_a_result_of_defaults() {
    let peers = Peers::new().await;
    let built = peers.talker.action_client::<Fibonacci>("/fibonacci").unwrap();
    let support = fibonacci(&peers).await;
    let server = peers.listener.generic_action_server("/fibonacci", &support).unwrap();
    assert!(built.wait_for_server(DEADLINE).await, "{:?}", built.servers());
    let letting_go = async { drop(in_time(server.recv()).await.unwrap().accept().unwrap()) };
    let goal = FibonacciGoal { order: 5 };
    let (run, ()) = tokio::join!(built.send_goal(&goal), letting_go);
    let outcome = in_time(run.unwrap().result()).await.unwrap();
    assert_eq!(
        (outcome.state, outcome.result),
        (GoalState::Aborted, FibonacciResult::default())
    );
    let rejecting = async { in_time(server.recv()).await.unwrap().reject().unwrap() };
    let (refused, ()) = tokio::join!(built.send_goal(&goal), rejecting);
    assert!(matches!(refused, Err(SendGoalError::Rejected { .. })), "{refused:?}");
}

/// The type, as a program has it that was given nothing but texts.
async fn fibonacci(peers: &Peers) -> ActionSupport {
    let elsewhere = peers.listener.action_server::<Fibonacci>("/elsewhere").unwrap();
    let support = client(&peers.talker).await.0;
    drop(elsewhere);
    support
}
