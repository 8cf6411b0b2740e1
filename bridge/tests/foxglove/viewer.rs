//! A viewer that sends and reads raw frames, written from the specification alone.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::stage::DEADLINE;

pub(crate) struct Viewer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What came and was not asked for yet.
    kept: VecDeque<Heard>,
    pub(crate) subprotocol: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Heard {
    Json(Value),
    Binary(Vec<u8>),
    Closed,
}

/// A message on a channel.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) time_ns: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Viewer {
    pub(crate) async fn connect(url: &str, subprotocols: &str, token: Option<&str>) -> Result<Self, Error> {
        let mut request = url.into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", subprotocols.parse().unwrap());
        if let Some(token) = token {
            headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let (socket, response) = connect_async(request).await?;
        let subprotocol = &response.headers()["sec-websocket-protocol"];
        Ok(Self {
            socket,
            kept: VecDeque::new(),
            subprotocol: subprotocol.to_str().unwrap().to_owned(),
        })
    }

    pub(crate) async fn greeted(url: &str, subprotocols: &str) -> Self {
        let mut viewer = Self::connect(url, subprotocols, None).await.unwrap();
        let Heard::Json(info) = viewer.next().await else {
            panic!("no greeting")
        };
        assert_eq!(info["op"], "serverInfo");
        viewer
    }

    async fn next(&mut self) -> Heard {
        loop {
            let message = timeout(DEADLINE, self.socket.next())
                .await
                .expect("something is heard in time");
            return match message {
                Some(Ok(Message::Text(text))) => Heard::Json(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Binary(bytes))) => Heard::Binary(bytes.to_vec()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::Closed,
                Some(Ok(_)) => continue,
            };
        }
    }

    /// The first thing heard, now or before, that `pick` takes.
    pub(crate) async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&Heard) -> Option<T>) -> T {
        for at in 0..self.kept.len() {
            if let Some(picked) = pick(&self.kept[at]) {
                self.kept.remove(at);
                return picked;
            }
        }
        let until = Instant::now() + DEADLINE;
        loop {
            let heard = self.next().await;
            assert!(
                Instant::now() < until,
                "waited too long for {what}; heard {:?}",
                self.kept
            );
            if let Some(picked) = pick(&heard) {
                return picked;
            }
            assert!(
                !matches!(heard, Heard::Closed),
                "closed while waiting for {what}; heard {:?}",
                self.kept
            );
            self.kept.push_back(heard);
        }
    }

    /// The first JSON message of this kind that fits.
    pub(crate) async fn json(&mut self, op: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let pick = |heard: &Heard| match heard {
            Heard::Json(json) if json["op"] == op && fits(json) => Some(json.clone()),
            _ => None,
        };
        self.until(op, pick).await
    }

    /// The channel of a topic, once it is advertised.
    pub(crate) async fn channel(&mut self, topic: &str) -> Value {
        let of = |json: &Value| {
            let channels = json["channels"].as_array()?;
            channels.iter().find(|channel| channel["topic"] == topic).cloned()
        };
        let pick = |heard: &Heard| match heard {
            Heard::Json(json) if json["op"] == "advertise" => of(json),
            _ => None,
        };
        self.until(topic, pick).await
    }

    pub(crate) async fn service(&mut self, name: &str) -> Value {
        let told = self
            .json("advertiseServices", |json| {
                find(&json["services"], "name", name).is_some()
            })
            .await;
        find(&told["services"], "name", name).unwrap().clone()
    }

    pub(crate) async fn status(&mut self, text: &str) -> Value {
        let has = |json: &Value| json["message"].as_str().is_some_and(|message| message.contains(text));
        self.json("status", has).await
    }

    pub(crate) async fn subscribe(&mut self, id: u32, channel: &Value) {
        let subscriptions = json!([{"id": id, "channelId": channel["id"]}]);
        self.send(json!({"op": "subscribe", "subscriptions": subscriptions}))
            .await;
    }

    pub(crate) async fn data(&mut self, id: u32) -> Data {
        let pick = |heard: &Heard| match heard {
            Heard::Binary(bytes) if bytes[0] == 1 && bytes[1..5] == id.to_le_bytes() => Some(Data {
                time_ns: u64::from_le_bytes(bytes[5..13].try_into().unwrap()),
                bytes: bytes[13..].to_vec(),
            }),
            _ => None,
        };
        self.until("a message", pick).await
    }

    pub(crate) async fn send(&mut self, json: Value) {
        self.send_raw(Message::Text(json.to_string().into())).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).await
    }

    pub(crate) async fn advertise(&mut self, id: u32, topic: &str, encoding: &str, schema: &str) {
        let channel = json!({"id": id, "topic": topic, "encoding": encoding, "schemaName": schema});
        self.send(json!({"op": "advertise", "channels": [channel]})).await;
    }

    pub(crate) async fn publish(&mut self, id: u32, message: &[u8]) {
        let bytes = [&[1][..], &id.to_le_bytes(), message].concat();
        self.send_raw(Message::Binary(bytes.into())).await;
    }

    /// Calls a service and gives the encoding and the bytes of the response, or the failure.
    pub(crate) async fn call(
        &mut self,
        service: &Value,
        call_id: u32,
        encoding: &str,
        request: &[u8],
    ) -> Result<(String, Vec<u8>), String> {
        let id = service["id"].as_u64().unwrap() as u32;
        let len = encoding.len() as u32;
        let parts = [
            &[2][..],
            &id.to_le_bytes(),
            &call_id.to_le_bytes(),
            &len.to_le_bytes(),
            encoding.as_bytes(),
            request,
        ];
        self.send_raw(Message::Binary(parts.concat().into())).await;
        let pick = |heard: &Heard| match heard {
            Heard::Json(json) if json["op"] == "serviceCallFailure" && json["callId"] == call_id => {
                Some(Err(json["message"].as_str().unwrap().to_owned()))
            }
            Heard::Binary(bytes) if bytes[0] == 3 && bytes[5..9] == call_id.to_le_bytes() => {
                let len = u32::from_le_bytes(bytes[9..13].try_into().unwrap()) as usize;
                let encoding = String::from_utf8(bytes[13..13 + len].to_vec()).unwrap();
                Some(Ok((encoding, bytes[13 + len..].to_vec())))
            }
            _ => None,
        };
        self.until("a response", pick).await
    }

    /// Waits until the bridge ends the connection.
    pub(crate) async fn closed(&mut self) {
        self.until("the end", |heard| matches!(heard, Heard::Closed).then_some(()))
            .await;
    }
}

/// The entry of a list whose `key` is `value`.
pub(crate) fn find<'a>(list: &'a Value, key: &str, value: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|entry| entry[key] == value)
}
