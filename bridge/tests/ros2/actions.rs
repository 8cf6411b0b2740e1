//! Actions: three services and two topics, which a client of ROS uses as if they were one of its own kind.

use nuncio::ActionServer;
use nuncio::msgs::example_interfaces::action::{Fibonacci, FibonacciFeedback, FibonacciResult};
use nuncio_bridge::ros2::attachment::Attachment;
use nuncio_bridge::ros2::gid::Gid;
use nuncio_bridge::{Body, BridgeServiceType, TypeLibrary};
use serde_json::{Value, json};
use zenoh::query::{ConsolidationMode, QueryTarget};

use super::stand_in::{DEADLINE, Networks, RosNode, Seen, next};

/// Calls a service of which the token is seen.
async fn call(ros: &RosNode, seen: &Seen, name: &str, ty: &BridgeServiceType, request: Value) -> Value {
    let mangled = name.replace('/', "%");
    let token = seen
        .wait_for(name, |token| {
            token.contains("/SS/") && token.contains(&format!("/{mangled}/"))
        })
        .await;
    let parts: Vec<&str> = token.split('/').collect();
    let key = format!("0{name}/{}/{}", parts[10], parts[11]);
    let payload = ty.request().payload_of(Body::Json(&request)).unwrap();
    let attachment = Attachment {
        number: 1,
        source_time_ns: 5,
        gid: Gid([7; 16]),
    };
    let get = ros.session.get(&key).payload(ty.request().cdr_of(&payload).unwrap());
    let get = get.attachment(attachment.to_bytes()).target(QueryTarget::AllComplete);
    let replies = get
        .consolidation(ConsolidationMode::None)
        .timeout(DEADLINE)
        .await
        .unwrap();
    let reply = replies.recv_async().await.unwrap().into_result();
    let reply = reply.unwrap_or_else(|error| panic!("{name}: {:?}", error.payload().to_bytes()));
    let payload = ty
        .response()
        .payload_of(Body::Cdr(&reply.payload().to_bytes()))
        .unwrap();
    ty.response().codec().to_json(&payload).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_ros_sends_a_goal_to_an_action_server_of_nuncio() {
    let networks = Networks::new().await;
    let bridge = networks.bridge(2).await;
    let server: ActionServer<Fibonacci> = networks.native.action_server("/fibonacci").unwrap();
    let working = tokio::spawn(async move {
        let goal = server.recv().await.unwrap().accept().unwrap();
        let sequence = vec![0, 1, 1, 2];
        goal.feedback(&FibonacciFeedback {
            sequence: sequence.clone(),
        })
        .unwrap();
        goal.succeed(&FibonacciResult { sequence }).unwrap();
        server
    });
    let library = TypeLibrary::open(&[]).unwrap();
    let service = |part: &str| {
        library
            .service(&format!("example_interfaces/action/Fibonacci_{part}"))
            .unwrap()
    };
    let ros = networks.ros().await;
    let seen = ros.watch().await;
    let topic = seen
        .wait_for("feedback", |token| {
            token.contains("/MP/") && token.contains("%_action%feedback/")
        })
        .await;
    let parts: Vec<&str> = topic.split('/').collect();
    assert_eq!(
        parts[10],
        "example_interfaces::action::dds_::Fibonacci_FeedbackMessage_"
    );
    let mut feedback = ros
        .subscribe(&format!("0/fibonacci/_action/feedback/{}/{}", parts[10], parts[11]))
        .await;
    seen.wait_for("status", |token| {
        token.contains("/MP/") && token.contains("%_action%status/")
    })
    .await;
    seen.wait_for("cancel", |token| {
        token.contains("/SS/") && token.contains("%_action%cancel_goal/")
    })
    .await;

    let id = json!({"uuid": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]});
    let goal = json!({"goal_id": id, "goal": {"order": 3}});
    let sent = call(&ros, &seen, "/fibonacci/_action/send_goal", &service("SendGoal"), goal).await;
    assert_eq!(sent["accepted"], true, "{sent}");
    let asked = json!({"goal_id": id});
    let ended = call(
        &ros,
        &seen,
        "/fibonacci/_action/get_result",
        &service("GetResult"),
        asked,
    )
    .await;
    assert_eq!(ended["status"], 4, "{ended}");
    assert_eq!(ended["result"]["sequence"], json!([0, 1, 1, 2]));
    let told = next(&mut feedback).await;
    assert_eq!(told.attachment().unwrap().len(), 33);
    drop((working.await.unwrap(), bridge));
}
