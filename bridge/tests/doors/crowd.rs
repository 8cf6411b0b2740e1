//! Many who hold a door and say nothing, and messages that never end: at each face, and what others notice of it.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use nuncio_bridge::grpc::wire;
use nuncio_bridge::grpc::wire::bridge_client::BridgeClient;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::site::{Doors, in_time, open};

/// So many for each face: with all faces together a thousand, and more than each lets in at a time.
const HALF_OPEN: usize = 260;

/// How many connections each face lets in.
const PLACES: usize = 200;

async fn ws(address: SocketAddr) -> Option<WebSocketStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.ok()?;
    let mut request = format!("ws://{address}/").into_client_request().unwrap();
    let protocol = "foxglove.sdk.v1".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let opened = in_time(tokio_tungstenite::client_async(request, stream)).await;
    match opened {
        Ok((socket, _)) => Some(socket),
        // rosbridge chooses no subprotocol, which this client takes amiss.
        Err(_) => {
            let stream = TcpStream::connect(address).await.ok()?;
            let opened = in_time(tokio_tungstenite::client_async(format!("ws://{address}/"), stream)).await;
            opened.ok().map(|(socket, _)| socket)
        }
    }
}

async fn is_served(doors: &Doors, address: SocketAddr) -> bool {
    if address == doors.grpc {
        let channel = tonic::transport::Channel::from_shared(format!("http://{address}")).unwrap();
        let Ok(channel) = channel.connect().await else {
            return false;
        };
        let asked = BridgeClient::new(channel)
            .list_topology(wire::ListTopologyRequest {})
            .await;
        return asked.is_ok();
    }
    if address == doors.status {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            return false;
        };
        let request = b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut answer = Vec::new();
        let asked = stream.write_all(request).await.is_ok() && in_time(stream.read_to_end(&mut answer)).await.is_ok();
        return asked && answer.starts_with(b"HTTP/1.1 200");
    }
    ws(address).await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_open_sockets_keep_nobody_out_of_any_face_for_long() {
    let doors = Doors::impatient(open(), PLACES, Duration::from_millis(500)).await;
    let mut inside = ws(doors.foxglove).await.unwrap();
    let mut half_open = Vec::new();
    for address in [doors.foxglove, doors.rosbridge, doors.grpc, doors.status] {
        for number in 0..HALF_OPEN {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let begun: &[u8] = match number % 3 {
                0 => b"",
                1 => b"GET / HTTP/1.1\r\nHost: ",
                _ => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            };
            let _ = socket.write_all(begun).await;
            half_open.push(socket);
        }
    }
    for socket in &mut half_open {
        let mut bytes = [0; 512];
        let ended = in_time(async { while socket.read(&mut bytes).await.is_ok_and(|len| len > 0) {} });
        ended.await;
    }
    for address in [doors.foxglove, doors.rosbridge, doors.grpc, doors.status] {
        in_time(async { while !is_served(&doors, address).await {} }).await;
    }
    // Who was inside before is there still.
    inside.send(Message::Ping(Vec::new().into())).await.unwrap();
    while !matches!(in_time(inside.next()).await.unwrap().unwrap(), Message::Pong(_)) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_message_whose_frames_never_end_ends_its_connection_and_no_other() {
    let doors = Doors::plain(open()).await;
    for address in [doors.foxglove, doors.rosbridge] {
        let mut other = ws(address).await.unwrap();
        let mut endless = ws(address).await.unwrap();
        let frame = |code| Frame::message(vec![b' '; 1 << 20], OpCode::Data(code), false);
        let mut sent = endless.send(Message::Frame(frame(Data::Text))).await;
        let mut len = 1;
        while sent.is_ok() && len < 200 {
            sent = endless.send(Message::Frame(frame(Data::Continue))).await;
            len += 1;
        }
        assert!(len < 200, "it takes {len} MiB and more at {address}");
        other.send(Message::text("{\"op\": \"nonsense\"}")).await.unwrap();
        let told = in_time(async {
            loop {
                if let Message::Text(text) = other.next().await.unwrap().unwrap() {
                    let told: Value = serde_json::from_str(&text).unwrap();
                    if told["op"] == "status" {
                        return told;
                    }
                }
            }
        });
        told.await;
    }
}
