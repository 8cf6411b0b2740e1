//! A robot, a bridge with the gRPC face, and clients of it.

use std::sync::Arc;
use std::time::Duration;

use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Discovery, Identity, Keystore, Node, NodeBuilder, Received, Subscriber, TopicPattern, TrustMode};
use nuncio_bridge::grpc::wire::bridge_client::BridgeClient;
use nuncio_bridge::grpc::wire::subscribe_event::Event;
use nuncio_bridge::grpc::wire::{self, payload::Form};
use nuncio_bridge::grpc::{GrpcOptions, serve};
use nuncio_bridge::{Border, Rules, TypeLibrary};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Request, Streaming};

/// How long anything may take that is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) type Client = BridgeClient<Channel>;

pub(crate) struct Site {
    pub(crate) robot: Node,
    pub(crate) border: Border,
    pub(crate) address: String,
    endpoint: String,
    server: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn node(name: &str, seed: u8) -> NodeBuilder {
    Node::builder(name)
        .keystore(Keystore::ephemeral(Identity::from_seed(&[seed; 32])))
        .discovery(Discovery::Off)
        .trust_mode(TrustMode::Tofu)
}

pub(crate) fn pattern(text: &str) -> TopicPattern {
    TopicPattern::parse(text).unwrap()
}

impl Site {
    pub(crate) async fn new(rules: Rules, options: GrpcOptions) -> Self {
        let reserved = nuncio::local_registry::reserve_loopback_port().unwrap();
        let endpoint = reserved.locator();
        let bridge = node("bridge", 2).listen(&endpoint).open().await.unwrap();
        let robot = node("robot", 1).connect(&endpoint).open().await.unwrap();
        let met = bridge.wait_for_graph(DEADLINE, |graph| {
            graph.nodes.iter().any(|n| n.name == *robot.name() && n.is_verified())
        });
        assert!(met.await.is_some(), "they never met");
        let border = Border::new(bridge, rules, TypeLibrary::open(&[]).unwrap());
        let (tell, ready) = oneshot::channel();
        let served = border.clone();
        let server = tokio::spawn(async move {
            serve(served, options, |ready| tell.send(ready).unwrap()).await.unwrap();
        });
        let address = tokio::time::timeout(DEADLINE, ready).await.unwrap().unwrap().address;
        Self {
            robot,
            border,
            address,
            endpoint,
            server,
        }
    }

    pub(crate) async fn open() -> Self {
        Self::new(Rules::allow([pattern("/**")]), options()).await
    }

    /// Another node at the same place.
    pub(crate) async fn stranger(&self, name: &str, seed: u8) -> Node {
        node(name, seed).connect(&self.endpoint).open().await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        let channel = Channel::from_shared(self.address.clone()).unwrap().connect().await;
        BridgeClient::new(channel.unwrap()).max_decoding_message_size(64 << 20)
    }

    /// Waits until the bridge's graph shows something.
    pub(crate) async fn until(&self, seen: impl Fn(&nuncio::graph::Graph) -> bool) {
        let found = self.border.node().wait_for_graph(DEADLINE, seen).await;
        assert!(found.is_some(), "the bridge never saw it");
    }

    /// Waits until somebody subscribes to, or publishes on, a topic.
    pub(crate) async fn until_topic(&self, topic: &str) {
        let name = nuncio::TopicName::parse(topic).unwrap();
        self.until(|graph| graph.topics().contains_key(&name)).await;
    }
}

pub(crate) fn options() -> GrpcOptions {
    GrpcOptions::at("127.0.0.1:0".parse().unwrap())
}

pub(crate) fn text(data: &str) -> Text {
    Text { data: data.to_owned() }
}

pub(crate) fn json(text: &str) -> Option<wire::Payload> {
    Some(wire::Payload {
        form: Some(Form::Json(text.to_owned())),
    })
}

pub(crate) fn on(topic: &str, type_name: &str, payload: Option<wire::Payload>) -> wire::PublishRequest {
    wire::PublishRequest {
        topic: topic.to_owned(),
        r#type: type_name.to_owned(),
        payload,
        ..Default::default()
    }
}

pub(crate) fn to(topics: &[&str]) -> wire::SubscribeRequest {
    wire::SubscribeRequest {
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        ..Default::default()
    }
}

pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// Messages of a subscription.
pub(crate) struct Events(pub(crate) Streaming<wire::SubscribeEvent>);

impl Events {
    pub(crate) async fn of(client: &mut Client, request: wire::SubscribeRequest) -> Self {
        Self(client.subscribe(request).await.unwrap().into_inner())
    }

    pub(crate) async fn next(&mut self) -> Event {
        let next = tokio::time::timeout(DEADLINE, self.0.message()).await;
        next.expect("no event in time")
            .unwrap()
            .expect("the stream ended")
            .event
            .unwrap()
    }

    pub(crate) async fn joined(&mut self, topic: &str) {
        match self.next().await {
            Event::Joined(joined) => assert_eq!(joined.topic, topic),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn message(&mut self) -> wire::Message {
        match self.next().await {
            Event::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn json(&mut self) -> String {
        match self.message().await.payload.unwrap().form.unwrap() {
            Form::Json(text) => text,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn heard(subscriber: &Subscriber<Text>) -> Received<Text> {
    tokio::time::timeout(DEADLINE, subscriber.recv())
        .await
        .unwrap()
        .unwrap()
}

/// A role that may do what the patterns say.
pub(crate) fn role(name: &str, subscribe: &[&str], publish: &[&str]) -> Arc<nuncio_bridge::ClientRole> {
    let patterns = |texts: &[&str]| texts.iter().map(|text| pattern(text)).collect();
    Arc::new(nuncio_bridge::ClientRole {
        name: name.to_owned(),
        subscribe: patterns(subscribe),
        publish: patterns(publish),
        call: Vec::new(),
        serve: Vec::new(),
        nodes: Vec::new(),
        limits: nuncio_bridge::RoleLimits::default(),
    })
}
