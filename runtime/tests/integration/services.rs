//! Services: answers, deadlines, servers that are gone, and requests and responses where they do not belong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use nuncio::msgs::std_srvs::srv::Trigger;
use nuncio::{CallError, Node, ServiceClient, ServiceFault, ServiceServer, ServiceServerOptions, Serving};

use crate::peers::{DEADLINE, Peers};

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
