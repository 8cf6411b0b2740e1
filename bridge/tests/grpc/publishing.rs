//! What a client says: published, acknowledged, called.

use std::time::Duration;

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsResponse};
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio_bridge::grpc::wire::{self, payload::Form};
use tonic::Code;

use crate::site::{DEADLINE, Site, heard, json, on};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_is_signed_by_the_bridge_on_behalf_of_the_client() {
    let site = Site::open().await;
    let subscriber = site.robot.subscriber::<Text>("/chatter").unwrap();
    site.until_topic("/chatter").await;
    let mut client = site.client().await;
    let forms = [
        Form::Json(r#"{"data":"hello"}"#.to_owned()),
        Form::Protobuf(b"\x0a\x05hello".as_slice().into()),
        Form::Cdr(b"\0\x01\0\0\x06\0\0\0hello\0".as_slice().into()),
    ];
    for (form, type_name) in forms.into_iter().zip(["std_msgs/String", "std_msgs/msg/String", ""]) {
        let request = on("/chatter", type_name, Some(wire::Payload { form: Some(form) }));
        let published = client.publish(request).await.unwrap().into_inner();
        let received = heard(&subscriber).await;
        assert_eq!(received.message.data, "hello");
        assert_eq!(
            (received.info.number, received.info.id().to_string()),
            (published.number, published.id)
        );
        assert_eq!(received.info.signer, site.border.node().public_key());
        let origin = received.info.origin.unwrap();
        assert!(origin.starts_with("grpc:127.0.0.1:"), "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_message_names_the_nodes_that_have_accepted_it() {
    let site = Site::open().await;
    let _subscriber = site.robot.subscriber::<Text>("/chatter").unwrap();
    site.until_topic("/chatter").await;
    let mut client = site.client().await;
    let request = wire::PublishRequest {
        acknowledge: Some(wire::Acknowledge { timeout: None }),
        ..on("/chatter", "", json(r#"{"data":"did you hear"}"#))
    };
    let published = client.publish(request.clone()).await.unwrap().into_inner();
    assert!(published.accepted_by_all, "{published:?}");
    assert_eq!(published.readers.len(), 1);
    let reader = &published.readers[0];
    assert_eq!(
        (reader.node.as_str(), reader.outcome()),
        ("/robot", wire::Outcome::Accepted)
    );
    assert_eq!(reader.key, site.robot.public_key().to_string());

    let alone = wire::PublishRequest {
        topic: "/nobody_listens".to_owned(),
        r#type: "std_msgs/String".to_owned(),
        ..request
    };
    let published = client.publish(alone).await.unwrap().into_inner();
    assert!(published.readers.is_empty() && !published.accepted_by_all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_published_until_a_message_is_wrong_and_that_one_is_named() {
    let site = Site::open().await;
    let subscriber = site.robot.subscriber::<Text>("/chatter").unwrap();
    site.until_topic("/chatter").await;
    let mut client = site.client().await;
    let good = vec![
        on("/chatter", "std_msgs/String", json(r#"{"data":"1"}"#)),
        // The topic is that of the message before.
        on("", "", json(r#"{"data":"2"}"#)),
    ];
    let summary = client
        .publish_stream(futures_util::stream::iter(good.clone()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((summary.published, summary.dropped), (2, 0));
    for data in ["1", "2"] {
        assert_eq!(heard(&subscriber).await.message.data, data);
    }
    let bad = good
        .into_iter()
        .chain([on("", "", json(r#"{"date":"3"}"#))])
        .collect::<Vec<_>>();
    let status = client
        .publish_stream(futures_util::stream::iter(bad))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().starts_with("message 3: ") && status.message().contains("date"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_latched_message_waits_for_those_who_come_late() {
    let site = Site::open().await;
    let mut client = site.client().await;
    let request = wire::PublishRequest {
        latched: true,
        ..on("/map", "std_msgs/String", json(r#"{"data":"map"}"#))
    };
    client.publish(request).await.unwrap();
    let latched = nuncio::QosProfile::keep_last(1).transient_local();
    let subscriber = site.robot.subscriber_with::<Text>("/map", latched).unwrap();
    assert_eq!(heard(&subscriber).await.message.data, "map");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_called_in_json_and_in_protobuf() {
    let site = Site::open().await;
    let server = site.robot.service_server::<AddTwoInts>("/add").unwrap();
    let answering = tokio::spawn(async move {
        for _ in 0..2 {
            let request = server.recv().await.unwrap();
            let sum = request.request.a + request.request.b;
            request.respond(&AddTwoIntsResponse { sum }).unwrap();
        }
    });
    let mut client = site.client().await;
    site.until(|graph| !graph.services().is_empty()).await;
    let call = |form| wire::CallRequest {
        service: "/add".to_owned(),
        request: Some(wire::Payload { form: Some(form) }),
        ..Default::default()
    };
    let in_json = client
        .call(call(Form::Json(r#"{"a":40,"b":2}"#.to_owned())))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        in_json.response.unwrap().form.unwrap(),
        Form::Json(r#"{"sum":42}"#.to_owned())
    );
    assert_eq!(in_json.info.unwrap().node, "/robot");
    // a = 40, b = 2; sum = 42: signed numbers are zigzag.
    let in_protobuf = client
        .call(call(Form::Protobuf(vec![8, 80, 16, 4].into())))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        in_protobuf.response.unwrap().form.unwrap(),
        Form::Protobuf(vec![8, 84].into())
    );
    answering.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_answers_ends_at_its_deadline_and_one_without_a_server_at_once() {
    let site = Site::open().await;
    let _server = site.robot.service_server::<AddTwoInts>("/add").unwrap();
    site.until(|graph| !graph.services().is_empty()).await;
    let mut client = site.client().await;
    let call = |service: &str| wire::CallRequest {
        service: service.to_owned(),
        request: json("{}"),
        timeout: prost_types::Duration::try_from(Duration::from_millis(300)).ok(),
        ..Default::default()
    };
    let late = tokio::time::timeout(DEADLINE, client.call(call("/add")))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late}");
    let nobody = client.call(call("/subtract")).await.unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound, "{nobody}");
}
