//! The far end: counts what comes on the topics of bytes, sends every ping back, and hears a robot's topics when it is told to.
//!
//! It is told by lines of JSON on its standard input what to count, and answers each with one line.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::raw_link::{RawLink, RawSubscriber};
use nuncio::subscriber::Callback;
use nuncio::{Discovery, Domain, Identity, Keystore, LinkConfig, Node, QosProfile, clock};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::arrivals::Arrivals;
use super::audience::Audience;
use super::latency::micros_between;
use super::memory::Subscriptions;
use super::service::Servers;
use super::tally::{Order, Tallied, Tally};
use super::{BenchError, LOADS, Load, PING, PONG, Way, failed, late_joiners, parsed, roomy};
use crate::cli::{BenchPart, GlobalArgs};
use crate::commands::{CommandError, Outcome};
use crate::render::Render;

/// How long nothing may come before what is missing is looked for, and how often before it is given up.
const PATIENCE: Duration = Duration::from_millis(200);
const LOOKS: usize = 75;

/// The clock is read for every so many bytes.
const STRIDE_BYTES: usize = 8 << 10;

/// Serves one near end until it is gone.
pub(crate) async fn run(global: &GlobalArgs, render: &Render, args: BenchPart) -> Result<Outcome, CommandError> {
    let mut far = FarEnd::open(global, &args).await?;
    render.hand_over(&json!({ "key": far.node.public_key().to_string() }))?;
    render.flush()?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let order = serde_json::from_str(&line)?;
        render.hand_over(&far.obey(&order).await?)?;
        render.flush()?;
    }
    Ok(Outcome::Found)
}

/// All that the far end listens to.
struct FarEnd {
    node: Node,
    ears: BTreeMap<String, Ear>,
    arrivals: Arrivals,
    audience: Option<Audience>,
    subscriptions: Subscriptions,
    /// How to get onto the near end's fabric, and into its domain.
    link: LinkConfig,
    domain: Domain,
    _servers: Servers,
    _echo: Callback,
    _raw_echo: RawSubscriber,
    _raw: RawLink,
}

/// The topic of one load, both ways.
struct Ear {
    raw: Arc<Tally>,
    signed: Arc<Tally>,
    order: Arc<Order>,
    subscription: Callback,
    /// What its queue had dropped before the round.
    dropped_before: AtomicU64,
    _raw_subscriber: RawSubscriber,
}

impl FarEnd {
    async fn open(global: &GlobalArgs, args: &BenchPart) -> Result<Self, BenchError> {
        let doing = "opening the far end";
        let identity = Identity::generate().map_err(failed("making a key"))?;
        let link = |connect: Vec<String>, shared_memory| LinkConfig {
            connect,
            discovery: Some(Discovery::Off),
            shared_memory,
            ..LinkConfig::default()
        };
        let node = Node::builder("far_end")
            .domain(global.domain.clone())
            .keystore(Keystore::ephemeral(identity))
            .link(link(
                global.connect.clone(),
                Some(false).filter(|_| !args.shared_memory),
            ))
            .open()
            .await
            .map_err(failed(doing))?;
        let raw = RawLink::open(&link(vec![args.raw.clone()], Some(false)), global.domain.clone())
            .await
            .map_err(failed(doing))?;
        let ears = LOADS
            .into_iter()
            .map(|load| Ok((load.topic(), Ear::new(&node, &raw, load)?)));
        Ok(Self {
            ears: ears.collect::<Result<_, BenchError>>()?,
            arrivals: Arrivals::open(&node, &raw)?,
            audience: None,
            subscriptions: Subscriptions::default(),
            _servers: Servers::open(&node, &raw)?,
            link: link(global.connect.clone(), Some(false)),
            domain: global.domain.clone(),
            _echo: echo(&node)?,
            _raw_echo: raw_echo(&raw)?,
            node,
            _raw: raw,
        })
    }

    async fn obey(&mut self, order: &Value) -> Result<Value, BenchError> {
        let topic = order.get("topic").and_then(Value::as_str).unwrap_or_default();
        match order.get("wish").and_then(Value::as_str) {
            Some("arrivals") => Ok(self.of_arrivals(order).await),
            Some("audience") => self.of_audience(order),
            Some("memory") => self.subscriptions.obey(&self.node, order).await,
            Some("late_joiners") => self.late_joiners().await,
            _ => Ok(match self.ears.get(topic) {
                Some(ear) => ear.obey(order).await,
                None => json!({ "unknown": order }),
            }),
        }
    }

    async fn of_arrivals(&self, order: &Value) -> Value {
        let number = |name: &str| order.get(name).and_then(Value::as_i64).unwrap_or_default();
        match order.get("sent").and_then(Value::as_u64) {
            Some(sent) => {
                self.arrivals
                    .late_ns(sent, number("start_ns"), number("period_ns"))
                    .await
            }
            None => {
                self.arrivals.restart();
                json!({ "counting": true })
            }
        }
    }

    /// Joins in a node of its own.
    async fn late_joiners(&self) -> Result<Value, BenchError> {
        let identity = Identity::generate().map_err(failed("making a key"))?;
        let builder = Node::builder("late").domain(self.domain.clone());
        late_joiners::join(self.link.clone(), builder.keystore(Keystore::ephemeral(identity))).await
    }

    fn of_audience(&mut self, order: &Value) -> Result<Value, BenchError> {
        if let Some(topics) = order.get("topics").and_then(Value::as_u64) {
            self.audience = Some(Audience::open(&self.node, topics)?);
        }
        Ok(self.audience.as_ref().map_or(Value::Null, |all| all.told(&self.node)))
    }
}

impl Ear {
    async fn obey(&self, order: &Value) -> Value {
        let raw = order.get("way").and_then(Value::as_str) == Some(Way::Raw.as_str());
        let Some(sent) = order.get("sent").and_then(Value::as_u64) else {
            self.restart(raw);
            return json!({ "counting": true });
        };
        let (tallied, dropped) = self.tallied(raw, sent).await;
        json!({
            "received": tallied.received,
            "timed": tallied.timed,
            "elapsed_ns": tallied.elapsed_ns,
            "dropped": dropped,
            "missing": self.subscription.stats().missing,
            "disordered": self.order.disordered(),
        })
    }

    fn new(node: &Node, raw: &RawLink, load: Load) -> Result<Self, BenchError> {
        let (topic, qos) = (load.topic(), roomy(load.size()));
        let stride = (STRIDE_BYTES / load.size()).max(1) as u64;
        let (raw_tally, signed) = (Arc::new(Tally::new(stride)), Arc::new(Tally::new(stride)));
        let noting = Arc::clone(&raw_tally);
        let doing = "subscribing";
        let raw_subscriber = raw
            .subscribe(&parsed(&topic)?, move |bytes| {
                black_box(bytes.total_len());
                noting.note();
            })
            .map_err(failed(doing))?;
        let order = Arc::new(Order::default());
        let (noting, ordering) = (Arc::clone(&signed), Arc::clone(&order));
        // In the thread that received, as the raw one is called: whoever is slow then slows the talker, and nothing is dropped.
        let subscription = match load {
            Load::Twist => node
                .subscriber_with::<Twist>(&topic, qos)
                .map_err(failed(doing))?
                .on_message_in_place(move |received| {
                    ordering.note(received.info.number);
                    black_box(received.message);
                    noting.note();
                }),
            Load::Bytes(_) => node
                .generic_subscriber(&topic, qos)
                .map_err(failed(doing))?
                .on_message_in_place(move |received| {
                    ordering.note(received.message().number());
                    black_box(received.payload().len());
                    noting.note();
                }),
        };
        Ok(Self {
            raw: raw_tally,
            signed,
            order,
            subscription,
            dropped_before: AtomicU64::new(0),
            _raw_subscriber: raw_subscriber,
        })
    }

    fn tally(&self, raw: bool) -> &Tally {
        if raw { &self.raw } else { &self.signed }
    }

    fn restart(&self, raw: bool) {
        self.tally(raw).restart();
        self.order.restart();
        self.dropped_before
            .store(self.subscription.stats().dropped, Ordering::Relaxed);
    }

    /// What came of what was sent, and what the queue had no room for; nothing else gets lost on a reliable link.
    async fn tallied(&self, raw: bool, sent: u64) -> (Tallied, u64) {
        let mut looks = 1;
        loop {
            let dropped = self.subscription.stats().dropped - self.dropped_before.load(Ordering::Relaxed);
            let tallied = self.tally(raw).wait_for(sent.saturating_sub(dropped), PATIENCE).await;
            if tallied.received + dropped >= sent || looks == LOOKS {
                return (tallied, dropped);
            }
            looks += 1;
        }
    }
}

/// Sends each ping back from the thread that received it, as the raw one does, with the time that it took from its arrival
/// to this callback, in µs, as `linear.y`.
fn echo(node: &Node) -> Result<Callback, BenchError> {
    let publisher = node.publisher_with::<Twist>(PONG, QosProfile::commands());
    let publisher = publisher.map_err(failed("opening a publisher"))?;
    let subscriber = node.subscriber::<Twist>(PING).map_err(failed("subscribing"))?;
    Ok(subscriber.on_message_in_place(move |received| {
        let called_ns = clock::now_ns();
        let mut pong = received.message;
        pong.linear.y = micros_between(received.info.received_time_ns, called_ns);
        // A pong that does not leave is missed at the near end.
        let _ = publisher.publish(&pong);
    }))
}

fn raw_echo(raw: &RawLink) -> Result<RawSubscriber, BenchError> {
    let publisher = raw.publisher(&parsed(PONG)?).map_err(failed("opening a publisher"))?;
    let subscriber = raw.subscribe(&parsed(PING)?, move |bytes| {
        let _ = publisher.put(&bytes.contiguous());
    });
    subscriber.map_err(failed("subscribing"))
}
