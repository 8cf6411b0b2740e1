//! Pages of browsers: those of other sites get in nowhere without a token, and are told what to do.

use nuncio_bridge::grpc::wire;
use nuncio_bridge::grpc::wire::bridge_client::BridgeClient;
use nuncio_bridge::{BorderError, Face, Rules};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;

use crate::site::{Doors, TOKEN, in_time, open, with_token};

/// The answer to a handshake of a page, or of a program where there is no origin.
async fn knock(doors: &Doors, face: Face, origin: Option<&str>, host: &str, query: &str) -> String {
    let address = match face {
        Face::Foxglove => doors.foxglove,
        _ => doors.rosbridge,
    };
    let origin = origin.map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
    let request = format!(
        "GET /{query} HTTP/1.1\r\nHost: {host}\r\n{origin}Connection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: foxglove.sdk.v1\r\n\r\n"
    );
    head_and_more(doors, address, &request).await
}

/// What comes back until there is a whole line behind the head, or no more.
async fn head_and_more(doors: &Doors, address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = doors.dial(address).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        let is_whole = text
            .split_once("\r\n\r\n")
            .is_some_and(|(head, body)| head.contains(" 101 ") || body.ends_with('\n'));
        let len = match is_whole {
            true => 0,
            false => in_time(stream.read(&mut bytes)).await.unwrap_or(0),
        };
        if len == 0 {
            return text;
        }
        answer.extend_from_slice(&bytes[..len]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_is_refused_with_what_to_do_and_the_operator_hears_of_it() {
    let doors = Doors::plain(open()).await;
    let mut turned_away = doors.border.turned_away();
    for face in [Face::Foxglove, Face::Rosbridge] {
        for (origin, host) in [
            ("https://evil.example", "127.0.0.1:9090"),
            // A name that its owner has suddenly pointed here.
            ("http://evil.example:9090", "evil.example:9090"),
            ("null", "localhost"),
        ] {
            let answer = knock(&doors, face, Some(origin), host, "").await;
            assert!(answer.starts_with("HTTP/1.1 403"), "{face} {origin}: {answer}");
            assert!(answer.contains(&format!("--allow-origin {origin}")), "{answer}");
            let told = in_time(turned_away.recv()).await.unwrap();
            assert_eq!(told.face, face);
            assert!(
                matches!(&told.error, BorderError::Page { origin: told } if told == origin),
                "{told:?}"
            );
        }
    }
    assert!(doors.border.report().clients.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_and_pages_of_this_machine_and_those_that_are_named_come_in() {
    let rules = Rules {
        origins: vec!["https://dash.example.com".parse().unwrap()],
        ..open()
    };
    let doors = Doors::plain(rules).await;
    for face in [Face::Foxglove, Face::Rosbridge] {
        for origin in [
            None,
            Some("http://localhost:5173"),
            Some("http://127.0.0.1:8000"),
            Some("file://"),
            Some("https://dash.example.com"),
        ] {
            let answer = knock(&doors, face, origin, "localhost:9090", "").await;
            assert!(answer.starts_with("HTTP/1.1 101"), "{face} {origin:?}: {answer}");
        }
    }
    let app = Some("https://app.foxglove.dev");
    let answer = knock(&doors, Face::Foxglove, app, "localhost", "").await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let answer = knock(&doors, Face::Rosbridge, app, "localhost", "").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_has_the_token_may_come_from_anywhere() {
    let doors = Doors::plain(with_token()).await;
    let page = Some("https://dash.example.com");
    for face in [Face::Foxglove, Face::Rosbridge] {
        let answer = knock(&doors, face, page, "localhost", &format!("?token={TOKEN}")).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{face}: {answer}");
        let answer = knock(&doors, face, page, "localhost", "?token=guessed").await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{face}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_this_machine_is_not_for_a_site_whose_name_points_here() {
    let doors = Doors::plain(open()).await;
    for (host, status) in [("localhost", 200), ("127.0.0.1:8080", 200), ("evil.example:8080", 403)] {
        let request = format!("GET /status.json HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = in_time(head_and_more(&doors, doors.status, &request)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_grpc_that_comes_from_a_page_is_refused_too() {
    let doors = Doors::plain(open()).await;
    let url = format!("http://{}", doors.grpc);
    let channel = tonic::transport::Channel::from_shared(url).unwrap();
    let mut client = BridgeClient::new(channel.connect().await.unwrap());
    let mut request = tonic::Request::new(wire::ListTopologyRequest {});
    let origin = "https://evil.example".parse().unwrap();
    request.metadata_mut().insert("origin", origin);
    let refused = client.list_topology(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    client.list_topology(wire::ListTopologyRequest {}).await.unwrap();
}
