//! `action list`, `type`, `find`, `info`, `send_goal` and `cancel`, of a node in this process.

use nuncio::msgs::example_interfaces::action::{Fibonacci, FibonacciFeedback, FibonacciResult};
use nuncio::msgs::std_srvs::srv::Trigger;
use nuncio::{GoalHandle, GoalState, Node};
use serde_json::{Value, json};

use crate::program::{Running, User, listen, node};

/// The orders that the server has something special for.
const ABORTED: i32 = 13;
const UNTIL_CANCELED: i32 = 40;

/// A node that serves `/fibonacci`: it rejects negative orders.
pub(crate) async fn served() -> (Node, String) {
    let (node, endpoint) = listen(node("robot", 1)).await;
    let server = node.action_server::<Fibonacci>("/fibonacci").expect("it serves");
    tokio::spawn(async move {
        while let Ok(incoming) = server.recv().await {
            match incoming.goal.order {
                ..0 => incoming.reject().expect("its client hears it"),
                _ => {
                    tokio::spawn(pursue(incoming.accept().expect("its client hears it")));
                }
            }
        }
    });
    (node, endpoint)
}

async fn pursue(goal: GoalHandle<Fibonacci>) {
    let sequence = vec![0, 1, 1];
    let feedback = FibonacciFeedback {
        sequence: sequence.clone(),
    };
    goal.feedback(&feedback).expect("it is told");
    let result = FibonacciResult { sequence };
    let ended = match goal.goal().order {
        ABORTED => goal.abort(&result),
        UNTIL_CANCELED => {
            goal.canceling().await;
            goal.canceled(&result)
        }
        _ => goal.succeed(&result),
    };
    ended.expect("it ends so");
}

/// Sends a goal that does not end by itself, and gives its id once it was accepted and has feedback.
pub(crate) fn pending(user: &User, endpoint: &str) -> (Running, String) {
    let goal = format!("{{order: {UNTIL_CANCELED}}}");
    let mut sending = user.start(&[
        "action",
        "send_goal",
        "/fibonacci",
        &goal,
        "--feedback",
        "--json",
        "--connect",
        endpoint,
    ]);
    let accepted = sending.json();
    assert_eq!(accepted.get("event"), Some(&json!("accepted")));
    assert_eq!(sending.json().get("feedback"), Some(&json!({"sequence": [0, 1, 1]})));
    let id = accepted.get("goal_id").and_then(Value::as_str).expect("an id");
    (sending, id.to_owned())
}

fn last(lines: &[Value]) -> &Value {
    lines.last().expect("a line")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn actions_are_listed_found_and_looked_into() {
    let (node, endpoint) = served().await;
    let _service = node.service_server::<Trigger>("/odd/_action/send_goal").unwrap();
    let run = |args: &[&str]| User::new().run(&[&["action"], args, &["--connect", &endpoint]].concat());
    assert_eq!(
        run(&["list"]).stdout,
        "/fibonacci\n",
        "a service of that name alone is no action"
    );
    assert_eq!(
        run(&["list", "-t"]).stdout,
        "/fibonacci [example_interfaces/action/Fibonacci]\n"
    );
    assert_eq!(
        run(&["type", "fibonacci"]).stdout,
        "example_interfaces/action/Fibonacci\n"
    );
    assert_eq!(run(&["find", "example_interfaces/Fibonacci"]).stdout, "/fibonacci\n");
    let info = run(&["info", "/fibonacci", "--json"]).json().remove(0);
    assert_eq!(info["servers"][0]["node"], "/robot");
    assert_eq!(info["servers"][0]["key"], node.public_key().to_string());
    assert_eq!(
        (&info["servers"][0]["goals"], &info["clients"]),
        (&json!([]), &json!([]))
    );
    let people = run(&["info", "/fibonacci"]);
    assert!(
        people
            .stdout
            .starts_with("/fibonacci\ntype: example_interfaces/action/Fibonacci\nservers: 1\n  /robot  "),
        "{people:?}"
    );
    assert!(people.stdout.ends_with("no goals\nclients: 0\n"), "{people:?}");
    for nothing in [
        ["type", "/nobody"],
        ["find", "tf2_msgs/action/LookupTransform"],
        ["info", "/nobody"],
    ] {
        assert_eq!(run(&nothing).code, Some(1), "{nothing:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_goal_is_sent_with_or_without_its_type_and_its_result_is_printed() {
    let (node, endpoint) = served().await;
    let send = |args: &[&str]| {
        let args = [&["action", "send_goal", "/fibonacci"], args, &["--connect", &endpoint]].concat();
        User::new().run(&args)
    };
    let people = send(&["example_interfaces/action/Fibonacci", "{order: 3}", "--feedback"]);
    assert_eq!(people.code, Some(0), "{people:?}");
    let [accepted, feedback, sequence, line, succeeded, result] = people.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{people:?}");
    };
    assert!(accepted.starts_with("# goal ") && accepted.ends_with(", accepted by /robot"));
    assert!(feedback.starts_with("# feedback of /robot, signed by "));
    assert!(succeeded.starts_with("# succeeded, says /robot, signed by "));
    assert_eq!(
        (sequence, line, result),
        ("sequence: [0, 1, 1]", "---", "sequence: [0, 1, 1]")
    );

    let program = send(&["order: 3", "--json"]).json();
    let [accepted, result] = program.as_slice() else {
        panic!("feedback was not asked for: {program:?}");
    };
    assert_eq!(accepted["goal_id"], result["goal_id"]);
    assert_eq!(
        (&result["event"], &result["state"]),
        (&json!("result"), &json!("succeeded"))
    );
    assert_eq!(result["result"], json!({"sequence": [0, 1, 1]}));
    assert_eq!(result["signer"], node.public_key().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_goal_that_does_not_succeed_says_why() {
    let (_node, endpoint) = served().await;
    let send = |args: &[&str]| {
        let args = [&["action", "send_goal"], args, &["--connect", &endpoint]].concat();
        User::new().run(&args)
    };
    let rejected = send(&["/fibonacci", "{order: -1}"]);
    assert_eq!(rejected.code, Some(2), "{rejected:?}");
    assert!(rejected.stderr.contains("/robot has rejected the goal"), "{rejected:?}");
    let aborted = send(&["/fibonacci", &format!("order: {ABORTED}"), "--json"]);
    assert_eq!(aborted.code, Some(2), "{aborted:?}");
    assert_eq!(last(&aborted.json())["state"], GoalState::Aborted.as_str());
    let unknown_field = send(&["/fibonacci", "{orde: 1}"]);
    assert_eq!(unknown_field.code, Some(2), "{unknown_field:?}");
    assert!(
        unknown_field.stderr.contains("did you mean `order`"),
        "{unknown_field:?}"
    );
    let other_type = send(&["/fibonacci", "tf2_msgs/action/LookupTransform"]);
    assert_eq!(
        (other_type.code, other_type.stdout.as_str()),
        (Some(1), ""),
        "{other_type:?}"
    );
    let said = "/fibonacci is of type example_interfaces/action/Fibonacci, not tf2_msgs/action/LookupTransform";
    assert!(other_type.stderr.contains(said), "{other_type:?}");
    let unexpected = send(&["/fibonacci", "{order: 1}", "--expect", "arm"]);
    assert_eq!(unexpected.code, Some(3), "{unexpected:?}");
    assert_eq!(send(&["/nobody"]).code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_never_answers_is_waited_for_in_vain_and_not_for_ever() {
    let (node, endpoint) = listen(node("robot", 1)).await;
    let _silent = node.action_server::<Fibonacci>("/silent").unwrap();
    let unanswered = User::new().run(&["action", "send_goal", "/silent", "--connect", &endpoint]);
    assert_eq!(
        (unanswered.code, unanswered.stdout.as_str()),
        (Some(1), ""),
        "{unanswered:?}"
    );
    assert!(
        unanswered.stderr.contains("/robot did not answer within 5000 ms"),
        "{unanswered:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_result_that_does_not_come_in_time_leaves_the_goal_alone() {
    let (_node, endpoint) = served().await;
    let goal = format!("order: {UNTIL_CANCELED}");
    let user = User::new();
    let late = user.run(&[
        "action",
        "send_goal",
        "/fibonacci",
        &goal,
        "--timeout",
        "1",
        "--connect",
        &endpoint,
    ]);
    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(
        late.stderr.contains("no result within 1 s; the goal goes on"),
        "{late:?}"
    );
    let info = user.run(&["action", "info", "/fibonacci", "--json", "--connect", &endpoint]);
    assert_eq!(info.json()[0]["servers"][0]["goals"][0]["state"], "executing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_cancels_the_goal_and_waits_for_its_end() {
    let (_node, endpoint) = served().await;
    let (sending, id) = pending(&User::new(), &endpoint);
    sending.interrupt();
    let ended = sending.end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains(&format!("canceling the goal {id}")), "{ended:?}");
    let lines = ended.json();
    assert_eq!(
        (&last(&lines)["state"], &last(&lines)["goal_id"]),
        (&json!("canceled"), &json!(id))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_sent_a_goal_cancels_it_and_nobody_else_does() {
    let (_node, endpoint) = served().await;
    let (user, stranger) = (User::new(), User::new());
    let cancel = |user: &User, which: &str| {
        user.run(&[
            "action",
            "cancel",
            "/fibonacci",
            which,
            "--json",
            "--connect",
            &endpoint,
        ])
    };
    let (sending, id) = pending(&user, &endpoint);
    for which in [id.as_str(), "--all"] {
        let refused = cancel(&stranger, which);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""), "{refused:?}");
        assert!(refused.stderr.contains("the key that sent"), "{refused:?}");
    }
    let unknown = cancel(&user, "5c0e1d2a-7b3f-4c55-9a01-2f6e8b7d4c10");
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(
        unknown.stderr.contains("no server of /fibonacci knows the goal"),
        "{unknown:?}"
    );
    let canceled = cancel(&user, &id);
    assert_eq!(
        (canceled.code, &canceled.json()[0]["goal_id"]),
        (Some(0), &json!(id)),
        "{canceled:?}"
    );
    let ended = sending.end();
    assert_eq!(last(&ended.json())["state"], "canceled");
    let over = cancel(&user, &id);
    assert_eq!(over.code, Some(1), "{over:?}");
    assert!(over.stderr.contains("has ended already"), "{over:?}");

    let (sending, id) = pending(&user, &endpoint);
    let all = cancel(&user, "--all");
    assert_eq!((all.code, &all.json()[0]["goal_id"]), (Some(0), &json!(id)), "{all:?}");
    assert_eq!(sending.end().code, Some(2));
    assert_eq!(cancel(&user, "--all").code, Some(1), "there are none left");
}
