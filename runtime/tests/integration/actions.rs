//! Actions: goals, their feedback and results, and what happens when somebody changes their mind or goes.

use std::sync::Arc;

use nuncio::msgs::action_msgs::msg::{GoalStatus, GoalStatusArray};
use nuncio::msgs::action_msgs::srv::{CancelGoal, CancelGoalRequest, CancelGoalResponse};
use nuncio::msgs::action_tutorials_interfaces::action::Fibonacci as OtherFibonacci;
use nuncio::msgs::example_interfaces::action::{
    Fibonacci, FibonacciFeedback, FibonacciGetResult, FibonacciGetResultRequest, FibonacciGoal, FibonacciResult,
};
use nuncio::{
    ActionClient, ActionServer, CallError, CancelGoalError, GoalHandle, GoalResultError, GoalRun, GoalState, Node,
    QosProfile, SendGoalError,
};

use crate::peers::{DEADLINE, Peers, node};

/// The listener serves `/fibonacci`, the talker sends goals.
async fn fibonacci(peers: &Peers) -> (ActionServer<Fibonacci>, ActionClient<Fibonacci>) {
    let server = peers.listener.action_server("/fibonacci").unwrap();
    (server, client(&peers.talker).await)
}

async fn client(node: &Node) -> ActionClient<Fibonacci> {
    let client = node.action_client("/fibonacci").unwrap();
    assert!(client.wait_for_server(DEADLINE).await, "{:?}", client.servers());
    client
}

fn numbers(count: i32) -> Vec<i32> {
    let mut sequence = vec![0, 1];
    while i32::try_from(sequence.len()).unwrap() < count {
        sequence.push(sequence.iter().rev().take(2).sum());
    }
    sequence
}

fn result(count: i32) -> FibonacciResult {
    FibonacciResult {
        sequence: numbers(count),
    }
}

/// Tells each step and ends the goal.
fn pursue(goal: GoalHandle<Fibonacci>) {
    let order = goal.goal().order;
    for count in 2..=order {
        let sequence = numbers(count);
        goal.feedback(&FibonacciFeedback { sequence }).unwrap();
    }
    goal.succeed(&result(order)).unwrap();
}

/// Sends a goal that is accepted.
async fn send(client: &ActionClient<Fibonacci>, order: i32) -> GoalRun<Fibonacci> {
    client.send_goal(&FibonacciGoal { order }).await.unwrap()
}

/// A goal that the server works on.
async fn accepted(
    server: &ActionServer<Fibonacci>,
    client: &ActionClient<Fibonacci>,
) -> (GoalRun<Fibonacci>, GoalHandle<Fibonacci>) {
    tokio::join!(send(client, 3), async {
        server.recv().await.unwrap().accept().unwrap()
    })
}

/// What must not take longer than it may.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it takes too long")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_gives_its_feedback_in_order_and_then_its_result() {
    let peers = Peers::new().await;
    let (server, client) = fibonacci(&peers).await;
    let caller = peers.talker.public_key();
    let serving = async {
        let incoming = server.recv().await.unwrap();
        assert_eq!((incoming.info.signer, incoming.goal.order), (caller, 20));
        let goal = incoming.accept().unwrap();
        assert_eq!(goal.state(), GoalState::Executing);
        pursue(goal);
    };
    let (run, ()) = tokio::join!(send(&client, 20), serving);
    assert_eq!(run.server().as_str(), "/listener");
    let outcome = in_time(run.result()).await.unwrap();
    assert_eq!((outcome.state, outcome.result), (GoalState::Succeeded, result(20)));
    assert_eq!(outcome.info.signer, peers.listener.public_key());
    assert_eq!(run.status(), GoalState::Succeeded);
    for count in 2..=20 {
        let feedback = in_time(run.feedback()).await.unwrap();
        assert_eq!(feedback.message.sequence, numbers(count));
        assert_eq!(feedback.info.signer, peers.listener.public_key());
    }
    assert!(in_time(run.feedback()).await.is_err(), "there is no more");
    let again = in_time(run.result()).await.unwrap();
    assert_eq!(again.result, result(20), "it is kept");
    assert!(matches!(run.cancel().await, Err(CancelGoalError::Over { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_rejected_and_its_client_is_told() {
    let peers = Peers::new().await;
    let (server, client) = fibonacci(&peers).await;
    let goal = FibonacciGoal { order: -1 };
    let (sent, ()) = tokio::join!(client.send_goal(&goal), async {
        server.recv().await.unwrap().reject().unwrap();
    });
    assert!(matches!(sent, Err(SendGoalError::Rejected { .. })), "{sent:?}");
    let (sent, ()) = tokio::join!(client.send_goal(&goal), async {
        drop(server.recv().await.unwrap());
    });
    assert!(
        matches!(sent, Err(SendGoalError::Call(CallError::Fault { .. }))),
        "{sent:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_canceled_when_its_client_says_so() {
    let peers = Peers::new().await;
    let (server, client) = fibonacci(&peers).await;
    let serving = async {
        let goal = server.recv().await.unwrap().accept().unwrap();
        goal.canceling().await;
        assert!(goal.is_canceling());
        goal.canceled(&result(2)).unwrap();
    };
    let sending = async {
        let run = send(&client, 5).await;
        run.cancel().await.unwrap();
        run.result().await.unwrap()
    };
    let (outcome, ()) = in_time(async { tokio::join!(sending, serving) }).await;
    assert_eq!((outcome.state, outcome.result), (GoalState::Canceled, result(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_that_is_let_go_of_is_aborted_and_so_is_one_canceled_unasked() {
    let peers = Peers::new().await;
    let (server, client) = fibonacci(&peers).await;
    for is_dropped in [true, false] {
        let serving = async {
            let goal = server.recv().await.unwrap().accept().unwrap();
            match is_dropped {
                true => drop(goal),
                false => assert!(goal.canceled(&result(2)).is_err(), "nobody asked for it"),
            }
        };
        let (run, ()) = tokio::join!(send(&client, 5), serving);
        let outcome = in_time(run.result()).await.unwrap();
        assert_eq!(
            (outcome.state, outcome.result),
            (GoalState::Aborted, FibonacciResult::default())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_neither_cancels_a_goal_nor_sees_its_result() {
    let peers = Peers::new().await;
    let (server, client) = fibonacci(&peers).await;
    let stranger = node("stranger", 3).connect(&peers.endpoint).open().await.unwrap();
    let theirs = stranger
        .service_client::<CancelGoal>("/fibonacci/_action/cancel_goal")
        .unwrap();
    let results = stranger
        .service_client::<FibonacciGetResult>("/fibonacci/_action/get_result")
        .unwrap();
    assert!(theirs.wait_for_server(DEADLINE).await && results.wait_for_server(DEADLINE).await);
    let (run, goal) = accepted(&server, &client).await;
    let all = CancelGoalRequest::default();
    let answer = theirs.call_within(&all, DEADLINE).await.unwrap().message;
    assert_eq!(answer.return_code, CancelGoalResponse::ERROR_REJECTED);
    assert!(!goal.is_canceling());
    let mut asked = FibonacciGetResultRequest::default();
    asked.goal_id.uuid = run.goal_id().0;
    let answer = results.call_within(&asked, DEADLINE).await.unwrap().message;
    let nothing = (GoalStatus::STATUS_UNKNOWN, FibonacciResult::default());
    assert_eq!((answer.status, answer.result), nothing);
    pursue(goal);
    assert_eq!(in_time(run.result()).await.unwrap().state, GoalState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_follows_a_goal_and_whoever_is_late_sees_it() {
    let peers = Peers::new().await;
    let (server, client) = fibonacci(&peers).await;
    let (run, goal) = tokio::join!(send(&client, 3), async {
        server.recv().await.unwrap().accept_for_later().unwrap()
    });
    assert_eq!((run.status(), goal.state()), (GoalState::Accepted, GoalState::Accepted));
    goal.execute();
    in_time(async {
        while run.status() != GoalState::Executing {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let late = peers
        .talker
        .subscriber_with::<GoalStatusArray>("/fibonacci/_action/status", QosProfile::keep_last(1).transient_local())
        .unwrap();
    let told = in_time(late.recv()).await.unwrap().message.status_list;
    let told: Vec<_> = told
        .iter()
        .map(|status| (status.goal_info.goal_id.uuid, status.status))
        .collect();
    assert_eq!(told, [(run.goal_id().0, GoalStatus::STATUS_EXECUTING)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_type_gets_no_goals_and_is_named() {
    let peers = Peers::new().await;
    let _server = peers.listener.action_server::<OtherFibonacci>("/fibonacci").unwrap();
    let client = peers.talker.action_client::<Fibonacci>("/fibonacci").unwrap();
    let seen = |_: &nuncio::graph::Graph| !client.servers().is_empty();
    assert!(peers.talker.wait_for_graph(DEADLINE, seen).await.is_some());
    let error = client.send_goal(&FibonacciGoal { order: 3 }).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("/listener: it serves action_tutorials_interfaces/action/Fibonacci_SendGoal"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_server_goes_a_goal_ends_at_once() {
    let peers = Peers::new().await;
    let (server, client) = fibonacci(&peers).await;
    let (run, _goal) = accepted(&server, &client).await;
    let (ended, ()) = tokio::join!(in_time(run.result()), async {
        peers.listener.close().await.unwrap();
    });
    assert!(in_time(run.feedback()).await.is_err(), "there will be none");
    let error = ended.unwrap_err();
    assert!(matches!(error, GoalResultError::Call(_)), "{error}");
    assert!(matches!(run.cancel().await, Err(CancelGoalError::Call(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_an_action_is_no_longer_served_those_who_wait_are_told() {
    let peers = Peers::new().await;
    let (server, client) = fibonacci(&peers).await;
    let (run, goal) = accepted(&server, &client).await;
    drop(server);
    let error = in_time(run.result()).await.unwrap_err();
    assert!(matches!(error, GoalResultError::Call(_)), "{error}");
    // Its work may go on, and ends without anybody to hear of it.
    pursue(goal);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_clients_each_get_the_feedback_and_result_of_their_own_goal() {
    let peers = Peers::new().await;
    let server = peers.listener.action_server::<Fibonacci>("/fibonacci").unwrap();
    let serving = tokio::spawn(async move {
        let mut goals = Vec::new();
        while goals.len() < 10 {
            goals.push(server.recv().await.unwrap().accept().unwrap());
        }
        goals.into_iter().rev().for_each(pursue);
        server
    });
    let client = Arc::new(client(&peers.talker).await);
    let mut clients = vec![Arc::clone(&client)];
    for _ in 1..10 {
        clients.push(Arc::new(self::client(&peers.talker).await));
    }
    let runs: Vec<_> = (3..)
        .zip(clients)
        .map(|(order, client)| {
            tokio::spawn(async move {
                let run = send(&client, order).await;
                let mut told = Vec::new();
                while let Ok(feedback) = run.feedback().await {
                    told.push(feedback.message.sequence);
                }
                let outcome = run.result().await.unwrap();
                assert_eq!((outcome.state, outcome.result), (GoalState::Succeeded, result(order)));
                assert_eq!(told, (2..=order).map(numbers).collect::<Vec<_>>());
            })
        })
        .collect();
    for run in runs {
        in_time(run).await.unwrap();
    }
    drop(in_time(serving).await.unwrap());
}
