//! Service introspection: what the two ends of a service tell of each call, and who has signed that.

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use nuncio::msgs::service_msgs::msg::ServiceEventInfo;
use nuncio::service_introspection::client_gid;
use nuncio::{
    GenericReceived, GenericSubscriber, QosProfile, ServiceClientOptions, ServiceFault, ServiceIntrospection,
    ServiceServerOptions,
};
use serde_json::{Value, json};

use crate::peers::{DEADLINE, Peers, next};

const EVENTS: &str = "/add/_service_event";

/// What an event says: its type, the call's number, the request and the response.
async fn read(peers: &Peers, event: &GenericReceived) -> (u8, u64, Value, Value) {
    let info = event.info();
    let support = peers
        .talker
        .fetch_type(info.signer, event.type_name(), &event.type_hash())
        .await
        .unwrap();
    assert_eq!(event.type_name(), "example_interfaces/srv/AddTwoInts_Event");
    // The hash that ROS 2 has for it.
    assert_eq!(
        event.type_hash().to_string(),
        "RIHS01_32c1d140259c71e5c355115942bcb31df98b4330e4d906b1b75ccb1c9b3ce6c8"
    );
    let codec = support.run_time_type().unwrap();
    codec.check(event.payload()).unwrap();
    let message = codec.to_json(event.payload()).unwrap();
    let told = |place: &str| message.pointer(place).unwrap_or(&Value::Null);
    let number = |place: &str| told(place).as_u64().unwrap();
    assert!(number("/info/stamp/sec") > 1_600_000_000, "{message}");
    (
        u8::try_from(number("/info/event_type")).unwrap(),
        number("/info/sequence_number"),
        told("/request").clone(),
        told("/response").clone(),
    )
}

fn listen(peers: &Peers) -> GenericSubscriber {
    peers
        .talker
        .generic_subscriber(EVENTS, QosProfile::keep_last(100))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_tell_of_a_call_each_with_its_own_signature() {
    let peers = Peers::new().await;
    let introspection = ServiceIntrospection::Contents;
    let server = peers
        .listener
        .service_server_with::<AddTwoInts>(
            "/add",
            ServiceServerOptions {
                introspection,
                ..ServiceServerOptions::default()
            },
        )
        .unwrap();
    let _serving = server
        .on_request(|request, _| match request.a {
            13 => Err(ServiceFault::default()),
            a => Ok(AddTwoIntsResponse { sum: a + request.b }),
        })
        .unwrap();
    let options = ServiceClientOptions {
        introspection,
        ..ServiceClientOptions::default()
    };
    let client = peers.talker.service_client_with::<AddTwoInts>("/add", options).unwrap();
    assert!(client.wait_for_server(DEADLINE).await);
    let events = listen(&peers);
    let called = client.call(&AddTwoIntsRequest { a: 1, b: 2 }).await.unwrap();
    assert_eq!(called.message.sum, 3);
    client.call(&AddTwoIntsRequest { a: 13, b: 0 }).await.unwrap_err();

    let (mut of_client, mut of_server) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let event = next(&events);
        let told = read(&peers, &event).await;
        match event.info().signer {
            signer if signer == peers.talker.public_key() => of_client.push(told),
            signer if signer == peers.listener.public_key() => of_server.push(told),
            other => panic!("{other} has signed {told:?}"),
        }
    }
    let (asked, answered) = (json!([{"a": 1, "b": 2}]), json!([{"sum": 3}]));
    let (none, wrong) = (json!([]), json!([{"a": 13, "b": 0}]));
    let expected = |asking, answering| {
        [
            (asking, 1, asked.clone(), none.clone()),
            (answering, 1, none.clone(), answered.clone()),
            (asking, 2, wrong.clone(), none.clone()),
            (answering, 2, none.clone(), none.clone()),
        ]
    };
    assert_eq!(
        of_client,
        expected(ServiceEventInfo::REQUEST_SENT, ServiceEventInfo::RESPONSE_RECEIVED)
    );
    assert_eq!(
        of_server,
        expected(ServiceEventInfo::REQUEST_RECEIVED, ServiceEventInfo::RESPONSE_SENT)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_names_the_client_and_shows_nothing_and_off_tells_nothing() {
    let peers = Peers::new().await;
    let server = peers.listener.service_server::<AddTwoInts>("/add").unwrap();
    let client = peers.talker.service_client::<AddTwoInts>("/add").unwrap();
    assert!(client.wait_for_server(DEADLINE).await);
    let events = listen(&peers);
    for level in [
        ServiceIntrospection::Off,
        ServiceIntrospection::Metadata,
        ServiceIntrospection::Off,
        ServiceIntrospection::Contents,
    ] {
        server.configure_introspection(level).unwrap();
        let request = AddTwoIntsRequest { a: 1, b: 2 };
        let (called, caller) = tokio::join!(client.call(&request), async {
            let incoming = server.recv().await.unwrap();
            let caller = incoming.info.clone();
            incoming.respond(&AddTwoIntsResponse { sum: 3 }).unwrap();
            caller
        });
        called.unwrap();
        // What comes first is of this call, so what was off has told nothing.
        let expected = match level {
            ServiceIntrospection::Off => continue,
            ServiceIntrospection::Metadata => (json!([]), json!([])),
            ServiceIntrospection::Contents => (json!([{"a": 1, "b": 2}]), json!([{"sum": 3}])),
        };
        let [received, responded] = [next(&events), next(&events)];
        let told = read(&peers, &received).await;
        assert_eq!(
            told,
            (ServiceEventInfo::REQUEST_RECEIVED, caller.number, expected.0, json!([]))
        );
        let told = read(&peers, &responded).await;
        assert_eq!(
            told,
            (ServiceEventInfo::RESPONSE_SENT, caller.number, json!([]), expected.1)
        );
        // `info` comes first: event type, stamp (sec, nanosec), and the name of the client.
        let gid = client_gid(&caller.signer, caller.writer, caller.epoch);
        assert!(received.payload().windows(16).any(|part| part == gid), "{received:?}");
    }
}
