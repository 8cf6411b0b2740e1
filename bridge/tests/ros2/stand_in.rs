//! Stand-ins on both sides of the bridge: a router of ROS 2, nodes of ROS made of raw Zenoh, and nodes of Nuncio.

use std::time::{Duration, Instant};

use nuncio::{Discovery, Identity, Keystore, Node, NodeBuilder, TopicPattern};
use nuncio_bridge::ros2::attachment::Attachment;
use nuncio_bridge::ros2::gid::Gid;
use nuncio_bridge::ros2::{self, Ros2Options, Ros2Status};
use nuncio_bridge::{Border, Ready, Rules, TypeLibrary};
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinHandle;
use zenoh::Session;
use zenoh::sample::{Sample, SampleKind};

/// How long anything may take that is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const STRING: &str = "std_msgs::msg::dds_::String_";
pub(crate) const STRING_HASH: &str = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18";

/// A node of Nuncio with its own key and no memory, not opened yet.
pub(crate) fn node(name: &str, seed: u8) -> NodeBuilder {
    Node::builder(name)
        .keystore(Keystore::ephemeral(Identity::from_seed(&[seed; 32])))
        .discovery(Discovery::Off)
}

/// Both networks, before any bridge.
pub(crate) struct Networks {
    /// The router of ROS.
    _router: Session,
    pub(crate) router_endpoint: String,
    /// A node of Nuncio, which the others connect to.
    pub(crate) native: Node,
    native_endpoint: String,
}

impl Networks {
    pub(crate) async fn new() -> Self {
        let (router, router_endpoint) = router().await;
        let reserved = nuncio::local_registry::reserve_loopback_port().expect("a port");
        let native_endpoint = reserved.locator();
        let native = node("native", 1)
            .listen(&native_endpoint)
            .open()
            .await
            .expect("the node opens");
        Self {
            _router: router,
            router_endpoint,
            native,
            native_endpoint,
        }
    }

    /// A node of ROS.
    pub(crate) async fn ros(&self) -> RosNode {
        RosNode::open(&self.router_endpoint).await
    }

    /// A bridge whose key is made of `seed`.
    pub(crate) async fn bridge(&self, seed: u8) -> Bridge {
        self.bridge_with(seed, "/**", Ros2Options::default()).await
    }

    pub(crate) async fn bridge_with(&self, seed: u8, allow: &str, options: Ros2Options) -> Bridge {
        let node = node("bridge", seed)
            .connect(&self.native_endpoint)
            .open()
            .await
            .expect("the bridge's node opens");
        let rules = Rules::allow([TopicPattern::parse(allow).expect("a pattern")]);
        let border = Border::new(node.clone(), rules, TypeLibrary::open(&[]).expect("a library"));
        let options = Ros2Options {
            connect: vec![self.router_endpoint.clone()],
            listen: vec!["tcp/127.0.0.1:0".to_owned()],
            ..options
        };
        let statuses = options.statuses.subscribe();
        let (tell, told) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let served = ros2::serve(border, options, |ready| _ = tell.send(ready)).await;
            served.expect("the face serves");
        });
        let ready = tokio::time::timeout(DEADLINE, told)
            .await
            .expect("it is ready in time")
            .expect("it is ready");
        Bridge {
            node,
            statuses,
            ready,
            serving,
        }
    }
}

/// A router of ROS 2, which is any Zenoh router.
pub(crate) async fn router() -> (Session, String) {
    let router = open(&[("mode", "\"router\""), ("listen/endpoints", r#"["tcp/127.0.0.1:0"]"#)]).await;
    let endpoint = locator(&router).await;
    (router, endpoint)
}

async fn locator(session: &Session) -> String {
    session.info().locators().await.first().expect("it listens").to_string()
}

async fn open(settings: &[(&str, &str)]) -> Session {
    let mut config = zenoh::Config::default();
    let always = [
        ("scouting/multicast/enabled", "false"),
        ("timestamping/enabled", "true"),
        ("scouting/delay", "0"),
    ];
    for (path, value) in always.iter().chain(settings) {
        config.insert_json5(path, value).expect("a setting");
    }
    zenoh::open(config).await.expect("the session opens")
}

/// A bridge that serves until it is dropped.
pub(crate) struct Bridge {
    pub(crate) node: Node,
    pub(crate) statuses: broadcast::Receiver<Ros2Status>,
    pub(crate) ready: Ready,
    serving: JoinHandle<()>,
}

impl Bridge {
    /// The name of its node in ROS.
    pub(crate) fn ros_node(&self) -> String {
        let key = self.node.public_key();
        let digits: String = key
            .as_bytes()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("nuncio_bridge_{digits}")
    }

    /// Waits for a status that this finds.
    pub(crate) async fn status<T>(&mut self, find: impl Fn(&Ros2Status) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.statuses.recv()).await {
                Ok(Ok(status)) => match find(&status) {
                    Some(found) => return found,
                    None => seen.push(status),
                },
                Ok(Err(error)) => panic!("{error}, seen: {seen:#?}"),
                Err(_) => panic!("no such status, seen: {seen:#?}"),
            }
        }
    }

    /// Ends it.
    pub(crate) async fn kill(self) {
        self.serving.abort();
        let _ = self.serving.await;
        let _ = self.node.close_with(nuncio::Close::Now).await;
    }
}

/// A node of ROS made of raw Zenoh.
pub(crate) struct RosNode {
    pub(crate) session: Session,
    tokens: Vec<zenoh::liveliness::LivelinessToken>,
    next_id: u64,
}

/// What a node of ROS hears of the others: the tokens that are there.
pub(crate) struct Seen {
    pub(crate) tokens: watch::Receiver<Vec<String>>,
    _watching: zenoh::pubsub::Subscriber<()>,
}

impl Seen {
    /// Waits until a token is there that this finds.
    pub(crate) async fn wait_for(&self, what: &str, find: impl Fn(&str) -> bool) -> String {
        self.wait(what, |tokens| tokens.iter().find(|token| find(token)).cloned())
            .await
    }

    /// Waits until none is there that this finds.
    pub(crate) async fn wait_until_gone(&self, what: &str, find: impl Fn(&str) -> bool) {
        self.wait(what, |tokens| (!tokens.iter().any(|token| find(token))).then_some(()))
            .await;
    }

    async fn wait<T>(&self, what: &str, check: impl Fn(&[String]) -> Option<T>) -> T {
        let mut tokens = self.tokens.clone();
        let waited = tokio::time::timeout(DEADLINE, tokens.wait_for(|tokens| check(tokens).is_some()));
        let found = waited.await.ok().and_then(|found| check(&found.ok()?));
        found.unwrap_or_else(|| panic!("{what}: {:#?}", self.tokens.borrow()))
    }
}

impl RosNode {
    pub(crate) async fn open(router: &str) -> Self {
        let connect = format!("[\"{router}\"]");
        let session = open(&[
            ("connect/endpoints", &connect),
            ("listen/endpoints", r#"["tcp/127.0.0.1:0"]"#),
        ])
        .await;
        Self {
            session,
            tokens: Vec::new(),
            next_id: 1,
        }
    }

    /// Declares the token of the node itself, or of one of its endpoints with this end; the endpoint's id.
    pub(crate) async fn declare(&mut self, kind: &str, node: &str, rest: &str) -> Gid {
        self.declare_in(0, kind, node, rest).await
    }

    pub(crate) async fn declare_in(&mut self, domain: u32, kind: &str, node: &str, rest: &str) -> Gid {
        let id = if kind == "NN" { 0 } else { self.next_id };
        self.next_id += 1;
        let token = format!(
            "@ros2_lv/{domain}/{}/0/{id}/{kind}/%/%/{node}{rest}",
            self.session.zid()
        );
        let declared = self.session.liveliness().declare_token(&token).await.expect("a token");
        self.tokens.push(declared);
        Gid::of_token(&token)
    }

    /// The end of the token of an endpoint for `std_msgs/msg/String`.
    pub(crate) fn of_string(topic: &str) -> String {
        format!("/%{topic}/{STRING}/{STRING_HASH}/::,10:,:,:,,")
    }

    pub(crate) fn key(topic: &str) -> String {
        format!("0/{topic}/{STRING}/{STRING_HASH}")
    }

    pub(crate) async fn watch(&self) -> Seen {
        let (kept, tokens) = watch::channel(Vec::new());
        let heard = move |sample: Sample| {
            let token = sample.key_expr().as_str().to_owned();
            kept.send_modify(|kept: &mut Vec<String>| match sample.kind() {
                SampleKind::Put => kept.push(token),
                SampleKind::Delete => kept.retain(|known| *known != token),
            });
        };
        let watching = self
            .session
            .liveliness()
            .declare_subscriber("@ros2_lv/**")
            .history(true)
            .callback(heard);
        Seen {
            tokens,
            _watching: watching.await.expect("a subscriber"),
        }
    }

    /// Everything that comes on a key.
    pub(crate) async fn subscribe(&self, key: &str) -> tokio::sync::mpsc::UnboundedReceiver<Sample> {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let heard = move |sample: Sample| _ = sender.send(sample);
        let declared = self.session.declare_subscriber(key).callback(heard).background();
        declared.await.expect("a subscriber");
        receiver
    }

    /// Puts a message as rmw_zenoh does.
    pub(crate) async fn put(&self, key: &str, cdr: &[u8], attachment: Attachment) {
        let put = self.session.put(key, cdr).attachment(attachment.to_bytes());
        put.await.expect("a put");
    }
}

/// A `std_msgs/msg/String` in CDR.
pub(crate) fn string_cdr(text: &str) -> Vec<u8> {
    let len = u32::try_from(text.len() + 1).unwrap().to_le_bytes();
    [&[0, 1, 0, 0], len.as_slice(), text.as_bytes(), &[0]].concat()
}

/// The next message, or a panic.
pub(crate) async fn next(samples: &mut tokio::sync::mpsc::UnboundedReceiver<Sample>) -> Sample {
    let next = tokio::time::timeout(DEADLINE, samples.recv()).await;
    next.expect("a message comes in time").expect("the session is open")
}
