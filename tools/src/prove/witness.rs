//! The witness: a real node with a subscription, which notes what reaches it by content and number.
//!
//! Frames are known to have been dealt with when a *knock* that came behind them on the same link has been: a frame of a
//! version that nobody reads, which is refused with the version in the explanation.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nuncio::adversary::Adversary;
use nuncio::msgs::std_msgs::msg;
use nuncio::security::frame::{FRAME_LEN_MIN, MAGIC};
use nuncio::{Node, Publisher, QosProfile, Reason, Subscriber, SubscriptionStats, TopicName};

use super::{DEADLINE, ProveError, failed, late};

/// The longest queue between node and witness: nothing may be lost in it.
const DEPTH: usize = 1 << 20;
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How long a knock may go unheard before the next.
const KNOCK_AGAIN: Duration = Duration::from_millis(500);

/// A profile under which no message is dropped for want of room.
pub(super) fn roomy() -> QosProfile {
    QosProfile::keep_last(DEPTH)
}

/// The content of the message with this number.
pub(super) fn content(number: u64) -> msg::String {
    msg::String {
        data: format!("message {number}"),
    }
}

/// What a subscription has received.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) subscriber: Subscriber<msg::String>,
    /// How often each message came, by epoch and number.
    pub(super) seen: BTreeMap<(u64, u64), u64>,
    /// Messages whose content is not that of their number.
    pub(super) wrong: u64,
    /// The sum of all gaps that were reported.
    pub(super) missing: u64,
    /// Messages that came after one with a higher number.
    pub(super) belated: u64,
    newest: (u64, u64),
    knocks: u8,
}

impl Witness {
    /// Subscribes.
    pub(super) fn new(node: &Node, topic: &str) -> Result<Self, ProveError> {
        Ok(Self {
            subscriber: node
                .subscriber_with(topic, roomy())
                .map_err(failed("opening a subscription"))?,
            seen: BTreeMap::new(),
            wrong: 0,
            missing: 0,
            belated: 0,
            newest: (0, 0),
            knocks: 2,
        })
    }

    /// Takes in what has arrived; gives how many messages that was.
    pub(super) fn look(&mut self) -> u64 {
        let mut taken = 0;
        while let Ok(received) = self.subscriber.try_recv() {
            let info = &received.info;
            let place = (info.epoch, info.number);
            *self.seen.entry(place).or_default() += 1;
            self.wrong += u64::from(received.message != content(info.number));
            self.missing += info.missing_before;
            self.belated += u64::from(place < self.newest);
            self.newest = self.newest.max(place);
            taken += 1;
        }
        taken
    }

    /// How many messages came more than once.
    pub(super) fn repeated(&self) -> u64 {
        self.seen.values().map(|times| times - 1).sum()
    }

    /// How many messages came.
    pub(super) fn total(&self) -> u64 {
        self.seen.values().sum()
    }

    /// The counters, without knocks.
    pub(super) fn stats(&self) -> SubscriptionStats {
        stats_without_knocks(self.subscriber.stats())
    }

    /// Waits until a message has arrived since the last look, published again and again: then the two have met.
    pub(super) async fn meet(&mut self, publisher: &Publisher<msg::String>, sent: &mut u64) -> Result<(), ProveError> {
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            publish(publisher, 1, sent)?;
            for _ in 0..10 {
                if self.look() > 0 {
                    return Ok(());
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Err(late("the first message of a publisher"))
    }

    /// Waits until so many messages have come altogether, or for as long as that may take.
    pub(super) async fn await_total(&mut self, total: u64) {
        let end = Instant::now() + DEADLINE;
        while self.total() < total && Instant::now() < end {
            if self.look() == 0 {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Waits until everything that the adversary has put before is dealt with.
    pub(super) async fn settle(&mut self, adversary: &Adversary) -> Result<(), ProveError> {
        self.knocks = self.knocks.checked_add(1).unwrap_or(3);
        let version = self.knocks;
        let knock = knock(version);
        let heard = format!("frame version {version},");
        let end = Instant::now() + DEADLINE;
        let mut next_knock = Instant::now();
        loop {
            if Instant::now() >= next_knock {
                // The first may have come before the attacker's link knew of the subscription.
                put(adversary, self.subscriber.topic(), &knock)?;
                next_knock = Instant::now() + KNOCK_AGAIN;
            }
            self.look();
            while let Some(refusal) = self.subscriber.try_next_refusal() {
                if refusal.reason == Reason::UnsupportedVersion && refusal.detail.contains(&heard) {
                    self.look();
                    return Ok(());
                }
            }
            if Instant::now() >= end {
                return Err(late("the end of what the attacker put"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the counters account for so many hostile frames since `before`.
    pub(super) async fn account(&mut self, before: &SubscriptionStats, hostile: u64) {
        let end = Instant::now() + DEADLINE;
        let ended = |stats: &SubscriptionStats| stats.refused_total() + stats.duplicates;
        while ended(&self.stats()) < ended(before) + hostile && Instant::now() < end {
            self.look();
            tokio::time::sleep(LOOK).await;
        }
        self.look();
    }
}

/// A frame as short as a frame can be, of a version that nobody reads.
pub(super) fn knock(version: u8) -> Vec<u8> {
    let head = [MAGIC.as_slice(), &[version]].concat();
    (0..FRAME_LEN_MIN)
        .map(|at| head.get(at).copied().unwrap_or_default())
        .collect()
}

/// The counters of a subscription, without knocks.
pub(super) fn stats_without_knocks(mut stats: SubscriptionStats) -> SubscriptionStats {
    stats.refused.remove(&Reason::UnsupportedVersion);
    stats
}

/// Publishes messages whose content tells their number; `sent` is how many were before.
pub(super) fn publish(publisher: &Publisher<msg::String>, count: u64, sent: &mut u64) -> Result<(), ProveError> {
    for _ in 0..count {
        publisher
            .publish(&content(*sent + 1))
            .map_err(failed("publishing a message"))?;
        *sent += 1;
    }
    Ok(())
}

/// Puts a frame on a topic.
pub(super) fn put(adversary: &Adversary, topic: &TopicName, frame: &[u8]) -> Result<(), ProveError> {
    adversary.put(topic, frame).map_err(failed("putting a frame"))
}
