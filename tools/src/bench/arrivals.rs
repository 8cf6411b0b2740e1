//! Arrivals: how long after it was due each message of a steady stream came, at the far end.
//!
//! Both ends are on one machine and read its one wall clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::raw_link::{RawLink, RawSubscriber};
use nuncio::{Callback, Node, clock};
use serde_json::{Value, json};

use super::{BenchError, Load, RATE, failed, parsed, roomy};

/// How long what is still on its way is waited for, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);

/// What has come: the number of each message, and when it came.
type Log = Arc<Mutex<Vec<(u64, i64)>>>;

/// Listens to the topic of the stream, both ways.
pub(super) struct Arrivals {
    log: Log,
    _signed: Callback,
    _raw: RawSubscriber,
}

impl Arrivals {
    pub(super) fn open(node: &Node, raw: &RawLink) -> Result<Self, BenchError> {
        let log = Log::default();
        let noting = Arc::clone(&log);
        let raw = raw.subscribe(&parsed(RATE)?, move |bytes| {
            let bytes = bytes.contiguous();
            let number = bytes.as_slice().first_chunk().map(|number| u64::from_le_bytes(*number));
            note(&noting, number.unwrap_or(u64::MAX));
        });
        // Gathered messages arrive many at a time, and are all meant.
        let signed = node.subscriber_with::<Twist>(RATE, roomy(Load::Twist.size()));
        let signed = signed.map_err(failed("subscribing"))?;
        let noting = Arc::clone(&log);
        Ok(Self {
            _signed: signed.on_message_in_place(move |received| note(&noting, received.message.linear.x as u64)),
            _raw: raw.map_err(failed("subscribing"))?,
            log,
        })
    }

    /// Begins a new turn. No message may be on its way.
    pub(super) fn restart(&self) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How late each one came, by when the first was due and the time from each to the next.
    pub(super) async fn late_ns(&self, sent: u64, start_ns: i64, period_ns: i64) -> Value {
        let start = Instant::now();
        while (self.log.lock().unwrap_or_else(PoisonError::into_inner).len() as u64) < sent
            && start.elapsed() < PATIENCE
        {
            tokio::time::sleep(LOOK).await;
        }
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let late = log.iter().map(|(number, came_ns)| {
            let due = i64::try_from(*number)
                .ok()
                .and_then(|number| number.checked_mul(period_ns));
            due.map(|due_ns| came_ns.saturating_sub(start_ns).saturating_sub(due_ns))
        });
        json!({ "late_ns": late.collect::<Vec<_>>() })
    }
}

fn note(log: &Log, number: u64) {
    let came_ns = clock::now_ns();
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((number, came_ns));
}
