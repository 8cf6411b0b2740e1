//! A robot, a bridge, and pages that sign for themselves; what they send can be altered before it leaves.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use nuncio::msgs::nuncio_msgs::msg::{NodeCard, TypeDefinition};
use nuncio::security::context::Context;
use nuncio::security::frame::{Accompaniment, FrameWriter, Header, Kind, Writer};
use nuncio::security::signer;
use nuncio::{
    Discovery, Domain, Identity, Keystore, LinkConfig, Message, Node, NodeBuilder, TopicPattern, TrustMode, TypeHash,
};
use nuncio_bridge::rosbridge::{self, RosbridgeOptions};
use nuncio_bridge::{Body, Border, BridgeType, FrontOptions, Rules, TypeLibrary};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Ws;

/// How long anything may take that is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    pub(crate) robot: Node,
    pub(crate) border: Border,
    pub(crate) port: u16,
    /// Where the bridge listens, and where the robot does.
    pub(crate) endpoints: [String; 2],
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
}

pub(crate) fn everything() -> Rules {
    Rules::allow([TopicPattern::parse("/**").unwrap()])
}

pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it takes too long")
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::with(everything(), RosbridgeOptions::default()).await
    }

    pub(crate) async fn with(rules: Rules, options: RosbridgeOptions) -> Self {
        Self::trusting(rules, options, |node| node.trust_mode(TrustMode::Tofu)).await
    }

    /// With whom the bridge and the robot believe.
    pub(crate) async fn trusting(
        rules: Rules,
        options: RosbridgeOptions,
        trust: impl Fn(NodeBuilder) -> NodeBuilder,
    ) -> Self {
        let reserved = nuncio::local_registry::reserve_loopback_port().unwrap();
        let endpoint = reserved.locator();
        let bridge = trust(node("bridge", 2)).listen(&endpoint).open().await.unwrap();
        let robots = nuncio::local_registry::reserve_loopback_port().unwrap();
        let robot = trust(node("robot", 1)).connect(&endpoint).listen(robots.locator());
        let robot = robot.open().await.unwrap();
        let met = bridge.wait_for_graph(DEADLINE, |graph| {
            graph.nodes.iter().any(|n| n.name == *robot.name() && n.is_verified())
        });
        assert!(met.await.is_some(), "they never met");
        let border = Border::new(bridge, rules, TypeLibrary::open(&[]).unwrap());
        let options = RosbridgeOptions {
            front: FrontOptions {
                patience: options.front.patience,
                ..FrontOptions::at(([127, 0, 0, 1], 0).into())
            },
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
            endpoints: [endpoint, robots.locator()],
            task,
        }
    }

    /// How to get onto the same fabric, beside the bridge (0) or the robot (1).
    pub(crate) fn link(&self, beside: usize) -> LinkConfig {
        LinkConfig {
            connect: vec![self.endpoints[beside].clone()],
            discovery: Some(Discovery::Off),
            ..LinkConfig::default()
        }
    }

    /// A connection on which nothing was said.
    pub(crate) async fn connection(&self) -> WebSocketStream<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let url = format!("ws://127.0.0.1:{}/nuncio", self.port);
        tokio_tungstenite::client_async(url, stream).await.unwrap().0
    }

    /// A page that has not said anything yet.
    pub(crate) async fn page(&self, name: &str, seed: u8) -> Page {
        Page {
            stream: self.connection().await,
            identity: Identity::from_seed(&[seed; 32]),
            name: name.to_owned(),
            epoch: 1_700_000_000_000,
            card_number: 0,
            publishers: Vec::new(),
            certificates: String::new(),
            library: TypeLibrary::open(&[]).unwrap(),
        }
    }

    /// A page that has come in.
    pub(crate) async fn operator(&self) -> Page {
        let mut page = self.page("/operator", 7).await;
        page.enter().await;
        page
    }

    /// Whether a node of this name is there, as the robot sees it.
    pub(crate) async fn robot_sees(&self, name: &str, is_there: bool) {
        let seen = self.robot.wait_for_graph(DEADLINE, |graph| {
            graph
                .nodes
                .iter()
                .any(|node| node.name.as_str() == name && node.is_verified())
                == is_there
        });
        assert!(seen.await.is_some(), "{name}: expected {is_there}");
    }
}

/// A page.
pub(crate) struct Page {
    pub(crate) stream: WebSocketStream<TcpStream>,
    pub(crate) identity: Identity,
    pub(crate) name: String,
    pub(crate) epoch: u64,
    pub(crate) card_number: u64,
    pub(crate) publishers: Vec<Value>,
    pub(crate) certificates: String,
    library: TypeLibrary,
}

/// What a frame is made of.
#[derive(Clone)]
pub(crate) struct Sealed<'a> {
    pub(crate) place: &'a str,
    pub(crate) type_name: &'a str,
    pub(crate) hash: TypeHash,
    pub(crate) kind: Kind,
    pub(crate) request_id: &'a [u8],
    pub(crate) writer: Writer,
    pub(crate) number: u64,
    pub(crate) payload: &'a [u8],
}

impl Page {
    pub(crate) fn ty(&self, name: &str) -> std::sync::Arc<BridgeType> {
        self.library.message(name).unwrap()
    }

    pub(crate) fn seal(&self, of: Sealed<'_>) -> Vec<u8> {
        let now_ns = nuncio::clock::now_ns();
        let header = Header {
            kind: of.kind,
            replay: false,
            key: self.identity.public_key(),
            writer: of.writer,
            epoch: self.epoch,
            first_number: of.number,
            first_time_ns: now_ns,
            type_hash_prefix: of.hash.prefix(),
        };
        let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
        let pushed = frame.push(now_ns, Accompaniment::default(), |bytes| {
            bytes.extend_from_slice(of.payload);
            Ok::<(), ()>(())
        });
        pushed.unwrap();
        let context = Context::new(
            &Domain::default(),
            of.place,
            of.type_name,
            &of.hash,
            of.kind,
            of.request_id,
        );
        signer::seal(&self.identity, frame.finish(), &context)
    }

    /// The card as it is, changed by `change`.
    pub(crate) fn card_with(&mut self, nonce: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut card = json!({
            "node": self.name, "domain": "0", "epoch": self.epoch, "started": "now", "stamp": "now",
            "version": "page", "discovery": "none", "publishers": self.publishers, "certificates": self.certificates,
        });
        change(&mut card);
        let payload = self.ty(NodeCard::TYPE_NAME).payload_of(Body::Json(&card)).unwrap();
        self.card_number += 1;
        self.seal(Sealed {
            place: &self.name,
            type_name: NodeCard::TYPE_NAME,
            hash: NodeCard::TYPE_HASH,
            kind: Kind::Card,
            request_id: nonce,
            writer: Writer::derive(&self.name, "@card", 0),
            number: self.card_number,
            payload: &payload,
        })
    }

    pub(crate) fn card(&mut self, nonce: &[u8]) -> Vec<u8> {
        self.card_with(nonce, |_| {})
    }

    pub(crate) async fn say(&mut self, object: Value) {
        self.stream.send(Ws::text(object.to_string())).await.unwrap();
    }

    pub(crate) async fn bring(&mut self, id: u32, frame: &[u8]) {
        let bytes = [&id.to_le_bytes(), frame].concat();
        self.stream.send(Ws::binary(bytes)).await.unwrap();
    }

    /// The next text; `None` when the bridge has closed the connection.
    pub(crate) async fn heard(&mut self) -> Option<Value> {
        loop {
            match in_time(self.stream.next()).await {
                Some(Ok(Ws::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Ws::Ping(_) | Ws::Pong(_))) => {}
                Some(Ok(Ws::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("expected a text, found {other:?}"),
            }
        }
    }

    pub(crate) async fn hello(&mut self) {
        let key = self.identity.public_key().to_string();
        self.say(json!({"op": "hello", "node": self.name, "key": key, "epoch": self.epoch.to_string()}))
            .await;
    }

    /// Answers questions for the card until something else comes.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let said = self.heard().await?;
            if said["op"] != "question" {
                return Some(said);
            }
            let (id, nonce) = question(&said);
            let answer = match said["about"].as_str() {
                Some("card") => self.card(&nonce),
                _ => self.definition(said["hash"].as_str().unwrap(), &nonce),
            };
            self.bring(id, &answer).await;
        }
    }

    /// The definition of a type that it publishes.
    fn definition(&self, hash: &str, nonce: &[u8]) -> Vec<u8> {
        let mut published = self
            .publishers
            .iter()
            .map(|entry| self.ty(entry["type_name"].as_str().unwrap()));
        let ty = published.find(|ty| ty.hash().to_string() == hash).unwrap();
        let definition = serde_json::to_value(ty.support().definition()).unwrap();
        let of_definition = self.ty(TypeDefinition::TYPE_NAME);
        let payload = of_definition.payload_of(Body::Json(&definition)).unwrap();
        self.seal(Sealed {
            place: hash,
            type_name: TypeDefinition::TYPE_NAME,
            hash: TypeDefinition::TYPE_HASH,
            kind: Kind::Response,
            request_id: nonce,
            writer: Writer::derive(&self.name, "@type", 0),
            number: 1,
            payload: &payload,
        })
    }

    pub(crate) async fn enter(&mut self) {
        self.hello().await;
        let welcome = self.next().await.unwrap();
        assert_eq!(
            (&welcome["op"], &welcome["domain"]),
            (&json!("welcome"), &json!("0")),
            "{welcome}"
        );
        let ready = self.next().await.unwrap();
        assert_eq!(ready["op"], "ready", "{ready}");
    }

    /// Enters a publisher into the card, and gives its writer.
    pub(crate) fn advertise(&mut self, topic: &str, type_name: &str) -> Writer {
        let index = u32::try_from(self.publishers.len()).unwrap();
        let writer = Writer::derive(&self.name, topic, index);
        self.publishers.push(json!({
            "topic": topic, "type_name": type_name, "type_hash": self.ty(type_name).hash().as_bytes(),
            "writer": writer.0, "next_number": 1, "reliability": 1, "depth": 10, "journal_first": 1,
        }));
        writer
    }

    /// Shows the card, which is accepted.
    pub(crate) async fn show(&mut self) {
        let card = self.card(&[]);
        self.bring(0, &card).await;
        let shown = self.next().await.unwrap();
        assert_eq!(shown["op"], "shown", "{shown}");
    }

    pub(crate) fn message(&self, topic: &str, type_name: &str, writer: Writer, number: u64, json: &Value) -> Vec<u8> {
        let ty = self.ty(type_name);
        let payload = ty.payload_of(Body::Json(json)).unwrap();
        self.seal(Sealed {
            place: topic,
            type_name,
            hash: ty.hash(),
            kind: Kind::Message,
            request_id: &[],
            writer,
            number,
            payload: &payload,
        })
    }

    /// Hands a frame over; gives what the bridge says of it.
    pub(crate) async fn publish(&mut self, frame: &[u8]) -> Value {
        self.bring(0, frame).await;
        self.next().await.unwrap()
    }
}

/// The number and the nonce of a question.
pub(crate) fn question(said: &Value) -> (u32, Vec<u8>) {
    let nonce = said["nonce"].as_str().unwrap().as_bytes().chunks(2);
    let nonce = nonce.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    (u32::try_from(said["id"].as_u64().unwrap()).unwrap(), nonce.collect())
}
