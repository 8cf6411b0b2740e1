//! Asking all servers of a service at once: each answer is of its signer, and who gives none is named.

use std::time::{Duration, Instant};

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use nuncio::msgs::std_srvs::srv::Trigger;
use nuncio::service_gathering::ASKED_AT_A_TIME;
use nuncio::{CallError, Node, ServiceClient, ServiceFault, Serving};

use crate::peers::{DEADLINE, Peers, node};

async fn member(peers: &Peers, name: &str, seed: u8) -> Node {
    let member = node(name, seed)
        .connect(&peers.endpoint)
        .open()
        .await
        .expect("it opens");
    peers.meet(&member).await;
    member
}

fn adding(node: &Node, plus: i64) -> Serving {
    let server = node.service_server::<AddTwoInts>("/add").expect("it serves");
    let serving = server.on_request(move |request, _| {
        Ok(AddTwoIntsResponse {
            sum: request.a + request.b + plus,
        })
    });
    serving.expect("it serves")
}

async fn servers(client: &ServiceClient<AddTwoInts>, of: &Node, count: usize) {
    let known = of.wait_for_graph(DEADLINE, |_| client.servers().len() == count).await;
    assert!(known.is_some(), "{:?}", client.servers());
}

const ASKED: AddTwoIntsRequest = AddTwoIntsRequest { a: 1, b: 2 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_server_answers_for_itself_and_who_does_not_is_named() {
    let peers = Peers::new().await;
    let caller = &peers.listener;
    let (ten, empty) = (member(&peers, "ten", 3).await, member(&peers, "empty", 4).await);
    let (silent, other) = (member(&peers, "silent", 5).await, member(&peers, "other", 6).await);
    let _adding = (adding(&peers.talker, 0), adding(&ten, 10));
    let nothing = empty.service_server::<AddTwoInts>("/add").expect("it serves");
    let _nothing = nothing.on_request(|_, _| {
        Err(ServiceFault {
            code: ServiceFault::CODE_NOTHING_FOUND,
            text: "no such numbers here".to_owned(),
        })
    });
    let _never = silent.service_server::<AddTwoInts>("/add").expect("it serves");
    let _other = other.service_server::<Trigger>("/add").expect("it serves");
    let client = caller.service_client::<AddTwoInts>("/add").expect("it calls");
    servers(&client, caller, 5).await;

    let since = Instant::now();
    let answers = client
        .call_all(&ASKED, Duration::from_secs(3))
        .await
        .expect("servers are there");
    assert!(since.elapsed() < DEADLINE);
    let said: Vec<_> = answers
        .responses
        .iter()
        .map(|answer| (answer.info.node.as_str(), answer.info.signer, answer.message.sum))
        .collect();
    let (talker, ten) = (peers.talker.public_key(), ten.public_key());
    assert_eq!(said, [("/talker", talker, 3), ("/ten", ten, 13)]);
    let empty_ones: Vec<_> = answers.nothing_found.iter().map(|server| server.key).collect();
    assert_eq!(empty_ones, [empty.public_key()]);
    let [(failed, CallError::DeadlineExceeded { .. })] = answers.failed.as_slice() else {
        panic!("expected one that is late: {answers:?}");
    };
    assert_eq!(failed.key, silent.public_key());
    let not_asked: Vec<_> = answers.not_asked.iter().map(|server| server.key).collect();
    assert_eq!(not_asked, [other.public_key()]);
    assert_eq!(answers.asked(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_servers_than_are_asked_at_a_time_all_answer() {
    let peers = Peers::new().await;
    // Each name of a node is a server of its own key; they share a process and a link each.
    let mut serving = Vec::new();
    let mut members = Vec::new();
    let count = 8;
    for index in 0..count {
        let member = member(&peers, &format!("member_{index}"), 10 + index).await;
        for _ in 0..=ASKED_AT_A_TIME / usize::from(count) {
            serving.push(adding(&member, i64::from(index)));
        }
        members.push(member);
    }
    let client = peers.listener.service_client::<AddTwoInts>("/add").expect("it calls");
    servers(&client, &peers.listener, serving.len()).await;
    assert!(serving.len() > ASKED_AT_A_TIME);
    let answers = client.call_all(&ASKED, DEADLINE).await.expect("servers are there");
    assert_eq!(
        (answers.responses.len(), answers.failed.len()),
        (serving.len(), 0),
        "{:?}",
        answers.failed
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_a_server_there_is_nobody_to_ask() {
    let peers = Peers::new().await;
    let client = peers.listener.service_client::<AddTwoInts>("/add").expect("it calls");
    assert!(matches!(
        client.call_all(&ASKED, DEADLINE).await,
        Err(CallError::NoServer(_))
    ));
}
