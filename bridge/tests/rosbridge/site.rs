//! A robot, a bridge with a rosbridge face, and clients that send and get JSON.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use nuncio::{Discovery, Identity, Keystore, Node, NodeBuilder, TopicPattern, TrustMode};
use nuncio_bridge::rosbridge::{self, RosbridgeOptions};
use nuncio_bridge::{Border, FrontOptions, Rules, TypeLibrary};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long anything may take that is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    pub(crate) robot: Node,
    pub(crate) border: Border,
    pub(crate) port: u16,
    endpoint: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn node(name: &str, seed: u8) -> NodeBuilder {
    Node::builder(name)
        .keystore(Keystore::ephemeral(Identity::from_seed(&[seed; 32])))
        .discovery(Discovery::Off)
        .trust_mode(TrustMode::Tofu)
}

pub(crate) fn everything() -> Rules {
    Rules::allow([TopicPattern::parse("/**").unwrap()])
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::with(everything(), RosbridgeOptions::default()).await
    }

    pub(crate) async fn with(rules: Rules, options: RosbridgeOptions) -> Self {
        let reserved = nuncio::local_registry::reserve_loopback_port().unwrap();
        let endpoint = reserved.locator();
        let bridge = node("bridge", 2).listen(&endpoint).open().await.unwrap();
        let robot = node("robot", 1).connect(&endpoint).open().await.unwrap();
        let met = bridge.wait_for_graph(DEADLINE, |graph| {
            graph.nodes.iter().any(|n| n.name == *robot.name() && n.is_verified())
        });
        assert!(met.await.is_some(), "they never met");
        Self::serve(robot, bridge, endpoint, rules, options).await
    }

    /// Another bridge for the same robot.
    pub(crate) async fn another(&self, rules: Rules, options: RosbridgeOptions) -> Self {
        let bridge = node("bridge2", 3).connect(&self.endpoint).open().await.unwrap();
        let endpoint = self.endpoint.clone();
        Self::serve(self.robot.clone(), bridge, endpoint, rules, options).await
    }

    async fn serve(robot: Node, bridge: Node, endpoint: String, rules: Rules, options: RosbridgeOptions) -> Self {
        let border = Border::new(bridge, rules, TypeLibrary::open(&[]).unwrap());
        let options = RosbridgeOptions {
            front: FrontOptions::at(([127, 0, 0, 1], 0).into()),
            ..options
        };
        let (tell, ready) = tokio::sync::oneshot::channel();
        let serving = rosbridge::serve(border.clone(), options, |ready| drop(tell.send(ready.address)));
        let task = tokio::spawn(async { drop(serving.await) });
        let address = ready.await.unwrap();
        let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
        Self {
            robot,
            border,
            port,
            endpoint,
            task,
        }
    }

    pub(crate) async fn client(&self) -> Ws {
        self.client_at("/").await.unwrap()
    }

    /// A client that asks for this path.
    pub(crate) async fn client_at(&self, path: &str) -> Result<Ws, Error> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let url = format!("ws://127.0.0.1:{}{path}", self.port);
        let (stream, _) = tokio_tungstenite::client_async(url, stream).await?;
        Ok(Ws { stream })
    }

    /// Waits until the bridge's graph shows something.
    pub(crate) async fn until<T>(&self, seen: impl Fn() -> Option<T>) -> T {
        let mut changes = self.border.changes();
        let wait = async {
            loop {
                if let Some(found) = seen() {
                    return found;
                }
                // A change that came in between is not missed, and one that never comes ends at the deadline.
                let _ = tokio::time::timeout(Duration::from_millis(200), changes.changed()).await;
            }
        };
        in_time(wait).await
    }
}

pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it takes too long")
}

/// A client.
pub(crate) struct Ws {
    pub(crate) stream: WebSocketStream<TcpStream>,
}

impl Ws {
    pub(crate) async fn send(&mut self, op: Value) {
        self.send_raw(Message::text(op.to_string())).await;
    }

    pub(crate) async fn send_raw(&mut self, frame: Message) {
        self.stream.send(frame).await.unwrap();
    }

    /// The next frame; `None` when the connection has ended.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        loop {
            match in_time(self.stream.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(frame)) => return Some(frame),
            }
        }
    }

    /// The next operation.
    pub(crate) async fn op(&mut self) -> Value {
        match self.frame().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected JSON, found {other:?}"),
        }
    }

    /// The next operation of this kind; a status that comes before it is a failure.
    pub(crate) async fn next(&mut self, op: &str) -> Value {
        loop {
            let found = self.op().await;
            match found["op"].as_str() {
                Some(name) if name == op => return found,
                Some("status") => panic!("waiting for {op}: {found}"),
                _ => {}
            }
        }
    }

    /// The text of the next status.
    pub(crate) async fn status(&mut self) -> String {
        loop {
            let found = self.op().await;
            if found["op"] == "status" {
                return found["msg"].as_str().unwrap().to_owned();
            }
        }
    }

    /// Calls a service, and gives what came of it.
    pub(crate) async fn call(&mut self, service: &str, args: Value) -> Result<Value, String> {
        self.send(json!({"op": "call_service", "id": "call", "service": service, "args": args}))
            .await;
        let answer = self.next("service_response").await;
        assert_eq!((&answer["id"], &answer["service"]), (&json!("call"), &json!(service)));
        match answer["result"].as_bool() {
            Some(true) => Ok(answer["values"].clone()),
            _ => Err(answer["values"].as_str().unwrap().to_owned()),
        }
    }

    /// Waits until everything that was sent before has been carried out.
    pub(crate) async fn settle(&mut self) {
        self.call("/rosapi/get_ros_version", json!({})).await.unwrap();
    }
}
