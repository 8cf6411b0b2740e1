//! The audience of a robot: hears all of its topics at the far end, and tells what that has cost.

use std::hint::black_box;

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Callback, Node};
use serde_json::{Value, json};

use super::robot::topic;
use super::{BenchError, failed};

/// Listens to every topic.
pub(super) struct Audience(Vec<Callback>);

impl Audience {
    pub(super) fn open(node: &Node, topics: u64) -> Result<Self, BenchError> {
        let listen = |nth| {
            let subscriber = node.subscriber::<Twist>(&topic(nth)).map_err(failed("subscribing"))?;
            Ok(subscriber.on_message_in_place(|received| {
                black_box(received.message);
            }))
        };
        (0..topics).map(listen).collect::<Result<_, _>>().map(Self)
    }

    /// What came so far.
    pub(super) fn told(&self, node: &Node) -> Value {
        let stats: Vec<_> = self.0.iter().map(Callback::stats).collect();
        json!({
            "received": stats.iter().map(|topic| topic.received).sum::<u64>(),
            "verifications": node.verifications(),
        })
    }
}
