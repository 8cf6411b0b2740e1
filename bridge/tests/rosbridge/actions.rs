//! Actions in both roles.

use nuncio::msgs::example_interfaces::action::{Fibonacci, FibonacciFeedback, FibonacciGoal, FibonacciResult};
use nuncio::{GoalState, SendGoalError};
use serde_json::json;

use crate::site::{DEADLINE, Site, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sends_goals_to_a_robot_and_hears_of_them() {
    let site = Site::open().await;
    let server = site.robot.action_server::<Fibonacci>("/fibonacci").unwrap();
    site.until(|| site.border.node().graph().actions().pop_first()).await;
    let mut client = site.client().await;
    let goal = |id: &str| {
        json!({"op": "send_action_goal", "id": id, "action": "/fibonacci", "feedback": true,
            "action_type": "example_interfaces/action/Fibonacci", "args": {"order": 5}})
    };
    client.send(goal("first")).await;
    let handle = in_time(server.recv()).await.unwrap();
    assert!(handle.info.origin.as_ref().unwrap().starts_with("rosbridge:"));
    let handle = handle.accept().unwrap();
    assert_eq!(handle.goal(), &FibonacciGoal { order: 5 });
    let sequence = vec![0, 1, 1];
    handle
        .feedback(&FibonacciFeedback {
            sequence: sequence.clone(),
        })
        .unwrap();
    let feedback = client.next("action_feedback").await;
    assert_eq!(
        (&feedback["id"], &feedback["values"]),
        (&json!("first"), &json!({"sequence": [0, 1, 1]}))
    );
    handle.succeed(&FibonacciResult { sequence }).unwrap();
    let result = client.next("action_result").await;
    let expected = (&json!(true), &json!(4), &json!({"sequence": [0, 1, 1]}));
    assert_eq!((&result["result"], &result["status"], &result["values"]), expected);

    client.send(goal("second")).await;
    let handle = in_time(server.recv()).await.unwrap().accept().unwrap();
    client
        .send(json!({"op": "cancel_action_goal", "id": "second", "action": "/fibonacci"}))
        .await;
    in_time(handle.canceling()).await;
    handle.canceled(&FibonacciResult::default()).unwrap();
    let result = client.next("action_result").await;
    assert_eq!((&result["id"], &result["status"]), (&json!("second"), &json!(5)));

    client.send(goal("third")).await;
    in_time(server.recv()).await.unwrap().reject().unwrap();
    let result = client.next("action_result").await;
    assert_eq!(result["result"], false);
    assert!(result["values"].as_str().unwrap().contains("rejected"), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_sends_goals_to_a_client() {
    let site = Site::open().await;
    let mut client = site.client().await;
    client
        .send(json!({"op": "advertise_action", "action": "/fibonacci", "type": "example_interfaces/action/Fibonacci"}))
        .await;
    client.settle().await;
    let sender = site.robot.action_client::<Fibonacci>("/fibonacci").unwrap();
    assert!(sender.wait_for_server(DEADLINE).await);
    let goal = FibonacciGoal { order: 7 };
    let run = in_time(sender.send_goal(&goal)).await.unwrap();
    let asked = client.next("send_action_goal").await;
    assert_eq!(
        (&asked["action"], &asked["args"]),
        (&json!("/fibonacci"), &json!({"order": 7}))
    );
    let about = |op: &str, values| json!({"op": op, "action": "/fibonacci", "id": asked["id"], "values": values});
    client.send(about("action_feedback", json!({"sequence": [0]}))).await;
    assert_eq!(in_time(run.feedback()).await.unwrap().message.sequence, [0]);
    client.send(about("action_feedback", json!({"sequence": "long"}))).await;
    assert!(client.status().await.contains("sequence"));
    in_time(run.cancel()).await.unwrap();
    assert_eq!(client.next("cancel_action_goal").await["id"], asked["id"]);
    let mut ended = about("action_result", json!({"sequence": [0, 1]}));
    ended["status"] = json!(5);
    client.send(ended).await;
    let outcome = in_time(run.result()).await.unwrap();
    assert_eq!(
        (outcome.state, outcome.result.sequence),
        (GoalState::Canceled, vec![0, 1])
    );

    // A client that goes leaves no goal behind it.
    let run = in_time(sender.send_goal(&goal)).await.unwrap();
    client.next("send_action_goal").await;
    drop(client);
    let outcome = in_time(run.result()).await;
    assert!(
        outcome
            .as_ref()
            .is_ok_and(|outcome| outcome.state == GoalState::Aborted)
            || outcome.is_err(),
        "{outcome:?}"
    );
    let refused = in_time(sender.send_goal(&goal)).await;
    assert!(matches!(refused, Err(SendGoalError::Call(_))), "{refused:?}");
}
