//! Memory: what subscriptions and publishers take, in a process that has many, each on a topic of its own.

use std::process;
use std::time::{Duration, Instant};

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Callback, Node, Publisher};
use serde_json::{Value, json};

use super::fleet::own_kib;
use super::quantile::rounded;
use super::{BenchError, DEADLINE, NearEnd, failed, late};
use crate::answers::bench::MemoryMeasured;

/// How many of each, which is less than a card has room for.
const PORTS: u64 = 1000;

/// How long the messages may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one takes, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// A subscription that has heard nothing.
    pub(crate) subscription_kib: f64,
    /// And one that has received a message, which makes it remember the publisher's numbers.
    pub(crate) heard_kib: f64,
    /// A publisher that has published one.
    pub(crate) publisher_kib: f64,
}

impl Memory {
    /// The line for scripts.
    pub(crate) fn answer(&self) -> MemoryMeasured {
        MemoryMeasured {
            case: "memory",
            ports: PORTS,
            subscription_kib: rounded(self.subscription_kib),
            heard_subscription_kib: rounded(self.heard_kib),
            publisher_kib: rounded(self.publisher_kib),
        }
    }

    /// What people read.
    pub(crate) fn words(&self) -> String {
        format!(
            "A subscription takes {:.1} KiB, and {:.1} KiB once it has received a message; a publisher takes {:.1} KiB. \
             ({PORTS} of each, each on a topic of its own; Zenoh's share is in it.)",
            self.subscription_kib, self.heard_kib, self.publisher_kib
        )
    }
}

fn topic(nth: u64) -> String {
    format!("/bench/memory/topic_{nth}")
}

/// Measures it: subscriptions at the far end, publishers at this one.
pub(crate) async fn measure(near: &mut NearEnd) -> Result<Memory, BenchError> {
    let order = json!({ "wish": "memory" });
    let far = async |near: &mut NearEnd| -> Result<f64, BenchError> {
        let told = near.ask(&order).await?;
        Ok(told.get("kib").and_then(Value::as_f64).unwrap_or_default())
    };
    let before = far(near).await?;
    near.ask(&json!({ "wish": "memory", "subscribe": true })).await?;
    let subscribed = far(near).await?;
    let own_before = own_kib(process::id());
    let publishers: Vec<Publisher<Twist>> = (0..PORTS)
        .map(|nth| near.node.publisher(&topic(nth)).map_err(failed("opening a publisher")))
        .collect::<Result<_, _>>()?;
    for publisher in &publishers {
        let known = publisher
            .wait_for_subscribers(DEADLINE)
            .map_err(failed("waiting for subscriptions"))?;
        if !known {
            return Err(late("a subscription of the far end", DEADLINE));
        }
    }
    // What is published before a listener has seen the publisher's card is history to it: it is published once more.
    let start = Instant::now();
    let mut all_heard = false;
    while !all_heard {
        if start.elapsed() > DEADLINE {
            return Err(late("a message on each topic", DEADLINE));
        }
        for publisher in &publishers {
            publisher.publish(&Twist::default()).map_err(failed("publishing"))?;
        }
        let told = near.ask(&json!({ "wish": "memory", "heard": true })).await?;
        all_heard = told.get("heard").and_then(Value::as_bool).unwrap_or_default();
    }
    let heard = far(near).await?;
    let each = |kib: f64| kib / PORTS as f64;
    Ok(Memory {
        subscription_kib: each(subscribed - before),
        heard_kib: each(heard - before),
        publisher_kib: each(own_kib(process::id()) - own_before),
    })
}

/// The subscriptions, at the far end.
#[derive(Default)]
pub(super) struct Subscriptions(Vec<Callback>);

impl Subscriptions {
    pub(super) async fn obey(&mut self, node: &Node, order: &Value) -> Result<Value, BenchError> {
        if order.get("subscribe").is_some() {
            let listen = |nth| {
                let subscriber = node.subscriber::<Twist>(&topic(nth)).map_err(failed("subscribing"))?;
                Ok(subscriber.on_message_in_place(|_| {}))
            };
            self.0 = (0..PORTS).map(listen).collect::<Result<_, BenchError>>()?;
        }
        if order.get("heard").is_some() {
            let silent = || self.0.iter().any(|subscription| subscription.stats().received == 0);
            let all = async {
                while silent() {
                    tokio::time::sleep(super::LOOK).await;
                }
            };
            let heard = tokio::time::timeout(PATIENCE, all).await.is_ok();
            return Ok(json!({ "heard": heard }));
        }
        Ok(json!({ "kib": own_kib(process::id()) }))
    }
}
