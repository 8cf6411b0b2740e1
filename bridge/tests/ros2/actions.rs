//! Actions: three services and two topics, which a client of ROS uses as if they were one of its own kind.

use nuncio::msgs::example_interfaces::action::{Fibonacci, FibonacciFeedback, FibonacciGoal, FibonacciResult};
use nuncio::{ActionServer, GoalState};
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

/// Serves one of the services of an action as a node of ROS does.
async fn serve(
    ros: &mut RosNode,
    (name, ty): (&str, std::sync::Arc<BridgeServiceType>),
    respond: impl Fn(Value) -> Value + Send + Sync + 'static,
) {
    let (package, type_name) = ty.name().rsplit_once('/').unwrap();
    let of_type = format!("{}::dds_::{type_name}_/{}", package.replace('/', "::"), ty.hash());
    let answer = move |query: zenoh::query::Query| {
        let request = query.payload().unwrap().to_bytes().into_owned();
        let request = ty.request().payload_of(Body::Cdr(&request)).unwrap();
        let response = respond(ty.request().codec().to_json(&request).unwrap());
        let payload = ty.response().payload_of(Body::Json(&response)).unwrap();
        let attachment = Attachment::read(&query.attachment().unwrap().to_bytes()).unwrap();
        let reply = query.reply(query.key_expr().clone(), ty.response().cdr_of(&payload).unwrap());
        zenoh::Wait::wait(reply.attachment(attachment.of_response(9).to_bytes())).unwrap();
    };
    let serving = ros.session.declare_queryable(format!("0{name}/{of_type}"));
    serving.complete(true).callback(answer).background().await.unwrap();
    let mangled = name.replace('/', "%");
    ros.declare("SS", "solver", &format!("/{mangled}/{of_type}/::,10:,:,:,,"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_nuncio_sends_a_goal_to_an_action_server_of_ros() {
    let networks = Networks::new().await;
    let _bridge = networks.bridge(2).await;
    let library = TypeLibrary::open(&[]).unwrap();
    let service = |part: &str| {
        let name = match part {
            "CancelGoal" => "action_msgs/srv/CancelGoal".to_owned(),
            part => format!("example_interfaces/action/Fibonacci_{part}"),
        };
        library.service(&name).unwrap()
    };
    let mut ros = networks.ros().await;
    ros.declare("NN", "solver", "").await;
    let (accepted, mut goals) = tokio::sync::mpsc::unbounded_channel();
    let accept = move |request: Value| {
        assert_eq!(request["goal"]["order"], 5, "{request}");
        accepted.send(request["goal_id"].clone()).unwrap();
        json!({"accepted": true})
    };
    let result = |_| json!({"status": 4, "result": {"sequence": [0, 1, 1, 2, 3, 5]}});
    serve(&mut ros, ("/fibonacci/_action/send_goal", service("SendGoal")), accept).await;
    serve(
        &mut ros,
        ("/fibonacci/_action/get_result", service("GetResult")),
        result,
    )
    .await;
    serve(
        &mut ros,
        ("/fibonacci/_action/cancel_goal", service("CancelGoal")),
        |_| json!({}),
    )
    .await;
    let feedback = library
        .message("example_interfaces/action/Fibonacci_FeedbackMessage")
        .unwrap();
    let status = library.message("action_msgs/msg/GoalStatusArray").unwrap();
    let of_feedback = format!(
        "example_interfaces::action::dds_::Fibonacci_FeedbackMessage_/{}",
        feedback.hash()
    );
    let of_status = format!("action_msgs::msg::dds_::GoalStatusArray_/{}", status.hash());
    let gid = ros
        .declare(
            "MP",
            "solver",
            &format!("/%fibonacci%_action%feedback/{of_feedback}/::,10:,:,:,,"),
        )
        .await;
    ros.declare(
        "MP",
        "solver",
        &format!("/%fibonacci%_action%status/{of_status}/:1:,1:,:,:,,"),
    )
    .await;

    let client = networks.native.action_client::<Fibonacci>("/fibonacci").unwrap();
    assert!(client.wait_for_server(DEADLINE).await, "the action is offered");
    let goal = tokio::time::timeout(DEADLINE, client.send_goal(&FibonacciGoal { order: 5 }));
    let goal = goal.await.unwrap().unwrap();
    let id = goals.recv().await.unwrap();
    let told = json!({"goal_id": id, "feedback": {"sequence": [0, 1]}});
    let payload = feedback.payload_of(Body::Json(&told)).unwrap();
    let cdr = feedback.cdr_of(&payload).unwrap();
    // Until the bridge's subscription has arrived in ROS.
    let first = async {
        loop {
            let attachment = Attachment {
                number: 1,
                source_time_ns: 5,
                gid,
            };
            ros.put(&format!("0/fibonacci/_action/feedback/{of_feedback}"), &cdr, attachment)
                .await;
            if let Ok(told) = tokio::time::timeout(std::time::Duration::from_millis(100), goal.feedback()).await {
                return told.unwrap();
            }
        }
    };
    let told = tokio::time::timeout(DEADLINE, first).await.expect("feedback comes");
    assert_eq!(told.message.sequence, [0, 1]);
    let outcome = tokio::time::timeout(DEADLINE, goal.result()).await.unwrap().unwrap();
    assert_eq!(outcome.state, GoalState::Succeeded);
    assert_eq!(outcome.result.sequence, [0, 1, 1, 2, 3, 5]);
}
