//! Services: answers, deadlines, servers that are gone, and requests and responses where they do not belong.

use std::sync::Arc;
use std::time::Duration;

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use nuncio::msgs::std_srvs::srv::Trigger;
use nuncio::{
    CallError, Node, ServiceClient, ServiceClientOptions, ServiceFault, ServiceServer, ServiceServerOptions, Serving,
};

use crate::peers::{DEADLINE, Peers, listen, node};

/// The listener serves `/add`, the talker calls it.
async fn added(peers: &Peers) -> (ServiceServer<AddTwoInts>, ServiceClient<AddTwoInts>) {
    let server = peers.listener.service_server("/add").unwrap();
    (server, client(&peers.talker).await)
}

async fn client(node: &Node) -> ServiceClient<AddTwoInts> {
    let client = node.service_client("/add").unwrap();
    assert!(client.wait_for_server(DEADLINE).await, "{:?}", client.servers());
    client
}

fn adding(server: ServiceServer<AddTwoInts>) -> Serving {
    server.on_request(|request, _| Ok(sum(&request))).unwrap()
}

fn sum(request: &AddTwoIntsRequest) -> AddTwoIntsResponse {
    AddTwoIntsResponse {
        sum: request.a + request.b,
    }
}

fn ask(a: i64, b: i64) -> AddTwoIntsRequest {
    AddTwoIntsRequest { a, b }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_and_both_ends_know_with_whom_they_deal() {
    let peers = Peers::new().await;
    let (server, client) = added(&peers).await;
    let caller = peers.talker.public_key();
    let serving = server.on_request(move |request, info| {
        assert_eq!((info.signer, info.node.as_str()), (caller, "/talker"));
        Ok(sum(&request))
    });
    for a in 0..100 {
        let answer = client.call_within(&ask(a, 2), DEADLINE).await.unwrap();
        assert_eq!(answer.message.sum, a + 2);
        assert_eq!(answer.info.signer, peers.listener.public_key());
        assert_eq!(answer.info.node.as_str(), "/listener");
        assert!(answer.info.cause.is_some(), "the response names the request");
    }
    drop(serving);
    let stats = client.stats();
    assert_eq!((stats.sent, stats.answered, stats.refused), (100, 100, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_in_any_order_and_a_node_calls_itself() {
    let peers = Peers::new().await;
    let (server, client) = added(&peers).await;
    let own = self::client(&peers.listener).await;
    let (one, two, three) = (ask(1, 0), ask(2, 0), ask(3, 0));
    let calls = async { tokio::join!(client.call(&one), client.call(&two), own.call(&three)) };
    let serving = async {
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(server.recv().await.unwrap());
        }
        for request in taken.into_iter().rev() {
            let response = sum(&request.request);
            request.respond(&response).unwrap();
        }
    };
    let ((one, two, three), ()) = tokio::join!(calls, serving);
    assert_eq!([one, two, three].map(|answer| answer.unwrap().message.sum), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_and_a_request_that_is_let_go_of_are_told_at_once() {
    let peers = Peers::new().await;
    let (server, client) = added(&peers).await;
    let serving = async {
        let fault = ServiceFault {
            code: ServiceFault::CODE_FAILED,
            text: "the gripper is stuck".to_owned(),
        };
        server.recv().await.unwrap().fail(&fault).unwrap();
        drop(server.recv().await.unwrap());
    };
    let calling = async {
        let failed = client.call_within(&ask(1, 2), DEADLINE).await.unwrap_err();
        let dropped = client.call_within(&ask(1, 2), DEADLINE).await.unwrap_err();
        (failed, dropped)
    };
    let ((failed, dropped), ()) = tokio::join!(calling, serving);
    assert_eq!(failed.to_string(), "/listener failed: the gripper is stuck");
    assert_eq!(code(&dropped), Some(ServiceFault::CODE_ABANDONED), "{dropped}");
    assert_eq!((server.stats().faults, client.stats().faults), (2, 2));
}

fn code(error: &CallError) -> Option<u8> {
    match error {
        CallError::Fault { fault, .. } => Some(fault.code),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_costs_the_deadline_and_hears_that_nobody_waits() {
    let peers = Peers::new().await;
    let (server, client) = added(&peers).await;
    let error = client
        .call_within(&ask(1, 2), Duration::from_millis(200))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::DeadlineExceeded { .. }), "{error}");
    // It waited, and is forgotten.
    until(|| server.stats().waiting == 0).await;
    let (request, abandoned) = tokio::join!(server.recv(), async {
        let (one, two) = (ask(1, 1), ask(2, 2));
        tokio::select! {
            biased;
            // Dropped when the other call, which nobody takes, has come to its end.
            _ = client.call_within(&one, DEADLINE) => unreachable!("nobody answers"),
            ended = client.call_within(&two, Duration::from_millis(500)) => ended.unwrap_err(),
        }
    });
    let request = request.unwrap();
    assert!(matches!(abandoned, CallError::DeadlineExceeded { .. }), "{abandoned}");
    assert_eq!(
        request.request,
        ask(1, 1),
        "the first one was taken back while it waited"
    );
    tokio::time::timeout(DEADLINE, request.cancelled())
        .await
        .expect("it was taken back");
    assert!(request.respond(&AddTwoIntsResponse::default()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_is_told_so_at_once() {
    let peers = Peers::new().await;
    let options = ServiceServerOptions {
        depth: 2.try_into().unwrap(),
        ..ServiceServerOptions::default()
    };
    let server = peers
        .listener
        .service_server_with::<AddTwoInts>("/add", options)
        .unwrap();
    let client = client(&peers.talker).await;
    let request = ask(1, 2);
    let mut calls: Vec<_> = (0..3)
        .map(|_| Box::pin(client.call_within(&request, DEADLINE)))
        .collect();
    let third = calls.pop().unwrap();
    let waiting = async { tokio::join!(calls.pop().unwrap(), calls.pop().unwrap()) };
    let serving = async {
        let error = third.await.unwrap_err();
        assert_eq!(code(&error), Some(ServiceFault::CODE_OVERLOADED), "{error}");
        assert_eq!(server.stats().overloaded, 1);
        for _ in 0..2 {
            server
                .recv()
                .await
                .unwrap()
                .respond(&AddTwoIntsResponse { sum: 3 })
                .unwrap();
        }
    };
    let ((one, two), ()) = tokio::join!(waiting, serving);
    assert_eq!((one.unwrap().message.sum, two.unwrap().message.sum), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_to_a_server_that_never_answers_all_end() {
    let peers = Peers::new().await;
    let (server, client) = added(&peers).await;
    let client = Arc::new(client);
    let ended: Vec<_> = (0..10_000)
        .map(|a| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.call_within(&ask(a, 0), Duration::from_secs(3)).await })
        })
        .collect();
    let (mut overloaded, mut exceeded) = (0, 0);
    for call in ended {
        match call.await.unwrap().unwrap_err() {
            CallError::Fault { fault, .. } if fault.code == ServiceFault::CODE_OVERLOADED => overloaded += 1,
            CallError::DeadlineExceeded { .. } => exceeded += 1,
            error => panic!("{error}"),
        }
    }
    assert_eq!(overloaded + exceeded, 10_000);
    assert!(
        overloaded >= 1,
        "more than 1024 cannot have waited: {:?}",
        server.stats()
    );
    // Those that had room to wait do not wait longer than their callers.
    until(|| server.stats().waiting == 0 && client.stats().open == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_a_bounded_number_of_calls_under_way() {
    let peers = Peers::new().await;
    let _server = peers.listener.service_server::<AddTwoInts>("/add").unwrap();
    let options = ServiceClientOptions {
        calls_max: 1.try_into().unwrap(),
        deadline: DEADLINE,
        ..ServiceClientOptions::default()
    };
    let client = peers.talker.service_client_with::<AddTwoInts>("/add", options).unwrap();
    assert!(client.wait_for_server(DEADLINE).await);
    let (one, two) = (ask(1, 0), ask(2, 0));
    tokio::select! {
        biased;
        _ = client.call(&one) => unreachable!("nobody answers"),
        second = client.call(&two) => assert!(matches!(second, Err(CallError::TooManyCalls { max: 1 })), "{second:?}"),
    }
}

/// Waits for what counters say.
async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect("it never was so");
}

/// A node that listens and serves `/add`.
async fn another_server(name: &str, seed: u8) -> (Node, String, ServiceServer<AddTwoInts>) {
    let (node, endpoint) = listen(node(name, seed)).await;
    let server = node.service_server::<AddTwoInts>("/add").unwrap();
    (node, endpoint, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_server_goes_its_calls_end_at_once_and_the_next_ones_go_to_another() {
    let (first, at_first, in_hand) = another_server("a", 2).await;
    let (_second, at_second, server) = another_server("b", 3).await;
    let _serving = adding(server);
    let talker = node("talker", 1).connect(&at_first).connect(&at_second);
    let talker = talker.open().await.unwrap();
    let client = talker.service_client::<AddTwoInts>("/add").unwrap();
    let both = talker.wait_for_graph(DEADLINE, |_| client.servers().len() == 2).await;
    assert!(both.is_some(), "{:?}", client.servers());
    let request = ask(1, 2);
    let (answered, closed) = tokio::join!(client.call_within(&request, Duration::from_secs(600)), async {
        let _taken = tokio::time::timeout(DEADLINE, in_hand.recv())
            .await
            .expect("the first is called first");
        first.close().await
    });
    closed.unwrap();
    let error = answered.unwrap_err();
    assert!(
        matches!(error, CallError::ServerGone { .. } | CallError::Unanswered { .. }),
        "{error}"
    );
    let answer = client.call_within(&request, DEADLINE).await.unwrap();
    assert_eq!((answer.message.sum, answer.info.node.as_str()), (3, "/b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_costs_one_request_and_its_caller_is_told() {
    let peers = Peers::new().await;
    let (server, client) = added(&peers).await;
    let _serving = server.on_request(|request, _| {
        assert_ne!(request.a, 13, "a mistake of the application");
        Ok(sum(&request))
    });
    let Err(CallError::Fault { fault, .. }) = client.call_within(&ask(13, 1), DEADLINE).await else {
        panic!("no fault came");
    };
    assert!(fault.text.contains("panicked"), "{fault:?}");
    let answer = client.call_within(&ask(1, 2), DEADLINE).await.unwrap();
    assert_eq!(answer.message.sum, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_on_their_way_when_a_server_is_taken_back_all_end() {
    let peers = Peers::new().await;
    let client = Arc::new(peers.talker.service_client::<AddTwoInts>("/add").unwrap());
    for _ in 0..80 {
        let server = peers.listener.service_server("/add").unwrap();
        let serving = adding(server);
        // The card of the round before may still be the newest that the caller has.
        let found = async { while client.call_within(&ask(1, 2), DEADLINE).await.is_err() {} };
        tokio::time::timeout(DEADLINE, found)
            .await
            .expect("the server is there");
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let client = Arc::clone(&client);
            callers.spawn(async move {
                // Long enough that no call ends by its own deadline.
                let request = ask(1, 2);
                let call = || client.call_within(&request, 10 * DEADLINE);
                while let Ok(_) | Err(CallError::Fault { .. }) = call().await {}
            });
        }
        drop(serving);
        let all = async { while callers.join_next().await.is_some() {} };
        tokio::time::timeout(DEADLINE, all).await.expect("a call goes on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_type_is_not_called_and_is_named() {
    let peers = Peers::new().await;
    let _server = peers.listener.service_server::<Trigger>("/add").unwrap();
    let client = peers.talker.service_client::<AddTwoInts>("/add").unwrap();
    let seen = peers
        .talker
        .wait_for_graph(DEADLINE, |_| !client.servers().is_empty())
        .await;
    assert!(seen.is_some(), "the server is seen");
    let error = client.call(&ask(1, 2)).await.unwrap_err();
    assert!(
        error.to_string().contains("/listener: it serves std_srvs/srv/Trigger"),
        "{error}"
    );
    let nowhere = peers.talker.service_client::<AddTwoInts>("/nowhere").unwrap();
    let error = nowhere.call(&ask(1, 2)).await.unwrap_err();
    assert!(
        error.to_string().starts_with("no server of /nowhere is known"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_from_the_network_is_enough_to_call_and_what_is_no_request_is_answered() {
    let peers = Peers::new().await;
    let _serving = adding(peers.listener.service_server("/add").unwrap());
    let known = client(&peers.talker).await;
    let server = known.servers().remove(0);
    let support = peers
        .talker
        .fetch_service_type(server.key, &server.type_name, &server.type_hash)
        .await
        .unwrap();
    let generic = peers
        .talker
        .generic_service_client("/add", &support, ServiceClientOptions::default())
        .unwrap();
    let (request, response) = (support.request(), support.response());
    let payload = request
        .run_time_type()
        .unwrap()
        .from_yaml_text("{a: 1, b: 2}", 0)
        .unwrap();
    let answer = generic.call_within(&payload, DEADLINE).await.unwrap();
    let json = response.run_time_type().unwrap().to_json(answer.payload()).unwrap();
    assert_eq!(json.to_string(), r#"{"sum":3}"#);
    let error = generic.call_within(b"no numbers", DEADLINE).await.unwrap_err();
    assert_eq!(code(&error), Some(ServiceFault::CODE_INVALID_REQUEST), "{error}");
}
