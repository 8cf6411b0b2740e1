//! TLS at every door: with the right authority clients come in and need their token; everybody else hears at once that not.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use nuncio_bridge::grpc::wire;
use nuncio_bridge::grpc::wire::bridge_client::BridgeClient;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

use crate::site::{Authority, Doors, Stream, TOKEN, handshake, in_time, open, with_token};

type Socket = WebSocketStream<Box<dyn Stream>>;

/// A WebSocket over TLS.
async fn wss(doors: &Doors, address: SocketAddr, query: &str, token: Option<&str>) -> Result<Socket, u16> {
    let stream = doors.dial(address).await;
    let mut request = format!("wss://localhost:{}/{query}", address.port())
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    if address == doors.foxglove {
        headers.insert("sec-websocket-protocol", "foxglove.sdk.v1".parse().unwrap());
    }
    if let Some(token) = token {
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    match in_time(tokio_tungstenite::client_async(request, stream)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = in_time(socket.next()).await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Whether rosbridge carries out a call on this connection.
async fn tells_the_time(socket: &mut Socket) -> bool {
    let call = json!({"op": "call_service", "id": "t", "service": "/rosapi/get_time"});
    socket.send(Message::text(call.to_string())).await.unwrap();
    let answer = next(socket).await;
    answer["op"] == "service_response" && answer["result"] == json!(true)
}

async fn grpc(doors: &Doors, authority: &Authority) -> Result<BridgeClient<Channel>, tonic::transport::Error> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&authority.pem))
        .domain_name("localhost");
    let channel = Channel::from_shared(format!("https://{}", doors.grpc)).unwrap();
    Ok(BridgeClient::new(in_time(channel.tls_config(tls)?.connect()).await?))
}

async fn https(doors: &Doors, more: &str) -> String {
    let mut stream = doors.dial(doors.status).await;
    let request = format!("GET /status.json HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // An end without goodbye is an end.
    let _ = in_time(stream.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_face_is_served_over_tls() {
    let doors = Doors::with_tls(open()).await;
    let mut viewer = wss(&doors, doors.foxglove, "", None).await.unwrap();
    assert_eq!(next(&mut viewer).await["op"], "serverInfo");
    let mut client = wss(&doors, doors.rosbridge, "", None).await.unwrap();
    assert!(tells_the_time(&mut client).await);
    let mut program = grpc(&doors, doors.authority.as_ref().unwrap()).await.unwrap();
    program.list_topology(wire::ListTopologyRequest {}).await.unwrap();
    let page = https(&doors, "").await;
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("\"rosbridge\""),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_demanded_over_tls_in_each_of_their_ways() {
    let doors = Doors::with_tls(with_token()).await;
    let by_query = format!("?token={TOKEN}");
    for face in [doors.foxglove, doors.rosbridge] {
        wss(&doors, face, "", Some(TOKEN)).await.unwrap();
        wss(&doors, face, &by_query, None).await.unwrap();
        assert_eq!(wss(&doors, face, "", Some("guessed")).await.err(), Some(401));
        assert_eq!(wss(&doors, face, "?token=guessed", None).await.err(), Some(401));
    }
    assert_eq!(wss(&doors, doors.foxglove, "", None).await.err(), Some(401));
    let mut by_op = wss(&doors, doors.rosbridge, "", None).await.unwrap();
    assert!(!tells_the_time(&mut by_op).await);
    let auth = json!({"op": "auth", "token": TOKEN});
    by_op.send(Message::text(auth.to_string())).await.unwrap();
    assert!(tells_the_time(&mut by_op).await);

    let mut program = grpc(&doors, doors.authority.as_ref().unwrap()).await.unwrap();
    let refused = program.list_topology(wire::ListTopologyRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut request = tonic::Request::new(wire::ListTopologyRequest {});
    let bearing = format!("Bearer {TOKEN}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearing);
    program.list_topology(request).await.unwrap();

    assert!(https(&doors, "").await.starts_with("HTTP/1.1 401"));
    let page = https(&doors, &format!("Authorization: Bearer {TOKEN}\r\n")).await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_another_authority_refuses_the_bridge() {
    let doors = Doors::with_tls(open()).await;
    let another = Authority::new();
    for address in [doors.foxglove, doors.rosbridge, doors.grpc, doors.status] {
        let stream = TcpStream::connect(address).await.unwrap();
        let refused = in_time(handshake(stream, &another.roots())).await.unwrap_err();
        assert!(refused.to_string().contains("certificate"), "{refused}");
    }
    assert!(grpc(&doors, &another).await.is_err());
    assert!(doors.border.report().clients.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_tls_and_one_with_it_at_a_plain_door_do_not_hang() {
    let doors = Doors::with_tls(open()).await;
    for address in [doors.foxglove, doors.rosbridge, doors.grpc, doors.status] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        // The bridge's patience would be 10 s.
        let ended = tokio::time::timeout(std::time::Duration::from_secs(5), stream.read_to_end(&mut answer));
        let _ = ended.await.expect("a client without TLS hangs");
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "served without TLS");
    }
    let roots = doors.authority.as_ref().unwrap().roots();
    let plain = Doors::plain(open()).await;
    for address in [plain.foxglove, plain.rosbridge, plain.grpc, plain.status] {
        let stream = TcpStream::connect(address).await.unwrap();
        let refused = tokio::time::timeout(std::time::Duration::from_secs(5), handshake(stream, &roots));
        assert!(refused.await.expect("a client with TLS hangs").is_err());
    }
}
