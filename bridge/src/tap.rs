//! Taps: the verified messages of one topic for one client, in a bounded queue of its own.
//!
//! A tap that is not read drops its oldest messages and counts them; nobody else notices.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::byte_room::ByteRoom;
use crate::client::Counters;
use crate::out_message::OutMessage;
use crate::topic_source::TopicSource;

/// How a client wants the messages of a topic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TapOptions {
    /// How many messages wait for it at most; the oldest is dropped.
    pub queue: usize,
    /// The shortest time between two messages. Those in between are left out; of latched ones, none is.
    pub min_interval: Duration,
    /// Whether the last messages of transient-local publishers come first.
    pub wants_latched: bool,
}

impl Default for TapOptions {
    fn default() -> Self {
        Self {
            queue: 10,
            min_interval: Duration::ZERO,
            wants_latched: true,
        }
    }
}

/// The messages that wait for one tap.
#[derive(Debug)]
pub(crate) struct TapQueue {
    options: TapOptions,
    state: Mutex<QueueState>,
    arrived: Notify,
    dropped: AtomicU64,
    room: Arc<ByteRoom>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct QueueState {
    messages: VecDeque<Arc<OutMessage>>,
    next_at: Option<Instant>,
    is_closed: bool,
}

impl TapQueue {
    pub(crate) fn new(options: TapOptions, room: Arc<ByteRoom>, counters: Arc<Counters>) -> Self {
        Self {
            options,
            state: Mutex::default(),
            arrived: Notify::new(),
            dropped: AtomicU64::new(0),
            room,
            counters,
        }
    }

    /// Takes one that happens now.
    pub(crate) fn push(&self, message: &Arc<OutMessage>, now: Instant) {
        let mut state = self.lock();
        if self.options.min_interval > Duration::ZERO {
            if state.next_at.is_some_and(|next| now < next) {
                return;
            }
            state.next_at = Some(now + self.options.min_interval);
        }
        self.keep(&mut state, message);
    }

    /// Takes one that was kept for late subscribers.
    pub(crate) fn push_latched(&self, message: &Arc<OutMessage>) {
        if self.options.wants_latched {
            self.keep(&mut self.lock(), message);
        }
    }

    fn keep(&self, state: &mut QueueState, message: &Arc<OutMessage>) {
        let len = message.payload().len();
        while state.messages.len() >= self.options.queue && self.drop_oldest(state) {}
        while !self.room.take(len) {
            if !self.drop_oldest(state) {
                // Other taps of the client hold all of its room.
                self.count_dropped();
                return;
            }
        }
        state.messages.push_back(Arc::clone(message));
        self.arrived.notify_one();
    }

    fn drop_oldest(&self, state: &mut QueueState) -> bool {
        let oldest = state.messages.pop_front();
        if let Some(oldest) = &oldest {
            self.room.give_back(oldest.payload().len());
            self.count_dropped();
        }
        oldest.is_some()
    }

    fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.counters.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<Arc<OutMessage>> {
        let message = self.lock().messages.pop_front()?;
        self.room.give_back(message.payload().len());
        self.counters.count_out(message.payload().len());
        Some(message)
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TapQueue {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let waiting: usize = state.messages.iter().map(|message| message.payload().len()).sum();
        self.room.give_back(waiting);
    }
}

/// A client's end of one topic.
#[derive(Debug)]
pub struct Tap {
    pub(crate) queue: Arc<TapQueue>,
    /// Keeps the subscription as long as somebody listens.
    pub(crate) source: Arc<TopicSource>,
    pub(crate) foreign_name: String,
    pub(crate) taps_of_client: Arc<AtomicUsize>,
}

impl Tap {
    /// The next message; `None` when nothing more will come.
    pub async fn recv(&mut self) -> Option<Arc<OutMessage>> {
        loop {
            if let Some(message) = self.try_recv() {
                return Some(message);
            }
            if self.queue.lock().is_closed {
                return None;
            }
            self.queue.arrived.notified().await;
        }
    }

    /// The next message, if one waits.
    pub fn try_recv(&mut self) -> Option<Arc<OutMessage>> {
        self.queue.take()
    }

    /// How many messages were dropped because the client did not take them.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// The topic, as the client knows it.
    pub fn topic(&self) -> &str {
        &self.foreign_name
    }

    /// The topic on Nuncio's side.
    pub fn native(&self) -> &nuncio::TopicName {
        self.source.topic()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.taps_of_client.fetch_sub(1, Ordering::Relaxed);
        self.source.leave(&self.queue);
    }
}
