//! The request desk: verified requests that wait for their server's handler, and what became of those in hand.
//!
//! # Invariants
//!
//! - At most `depth` requests wait; one more is given back to whoever brought it, so that it can be answered at once.
//! - A request that is taken back while it waits is forgotten at once; whoever has it in hand is told.
//! - A request whose caller does not wait any more, by its own word, is not handed out and takes nobody's room.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use event_listener::{Event, Listener, listener};

use crate::link::Query;
use crate::queue::TakeError;
use crate::security::frame::MessageId;
use crate::security::verifier::VerifiedMessage;

/// Whether the caller has taken a request back, and until when it waits.
#[derive(Debug)]
pub(crate) struct Cancellation {
    cancelled: AtomicBool,
    event: Event,
    /// `None`: for ever, or the caller has not said.
    until: Option<Instant>,
}

impl Cancellation {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire) || is_over(self.until)
    }

    /// How long the caller still waits, as far as it has said.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        Some(self.until?.saturating_duration_since(Instant::now()))
    }

    /// Waits until the caller does not wait any more.
    pub(crate) async fn cancelled(&self) {
        match self.remaining() {
            // Whether it was taken back before or not, nobody waits then.
            Some(remaining) => drop(tokio::time::timeout(remaining, self.taken_back()).await),
            None => self.taken_back().await,
        }
    }

    async fn taken_back(&self) {
        loop {
            listener!(self.event => changed);
            if self.cancelled.load(Ordering::Acquire) {
                return;
            }
            changed.await;
        }
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.event.notify(usize::MAX);
    }
}

/// A request that was taken from the desk.
#[derive(Debug)]
pub(crate) struct InHand {
    pub(crate) message: VerifiedMessage,
    pub(crate) id: MessageId,
    pub(crate) cancellation: Arc<Cancellation>,
}

/// Where the requests of one server wait.
#[derive(Debug)]
pub(crate) struct RequestDesk {
    state: Mutex<State>,
    depth: usize,
    changed: Event,
    /// Where somebody waits who looks after several desks.
    bell: OnceLock<Arc<Event>>,
}

#[derive(Debug)]
struct Waiting {
    id: MessageId,
    message: VerifiedMessage,
    /// Until when its caller waits.
    until: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    in_hand: HashMap<MessageId, Weak<Cancellation>>,
    closed: bool,
}

impl RequestDesk {
    /// A desk with room for `depth` requests that wait, at least one.
    pub(crate) fn new(depth: usize) -> Self {
        Self {
            state: Mutex::default(),
            depth: depth.max(1),
            changed: Event::new(),
            bell: OnceLock::new(),
        }
    }

    /// Rings this bell, too, when a request has come and when the desk is closed.
    pub(crate) fn ring(&self, bell: &Arc<Event>) {
        let _ = self.bell.set(Arc::clone(bell));
    }

    /// Lets a request wait.
    ///
    /// # Errors
    ///
    /// The request when too many wait already, or when the desk is closed.
    pub(crate) fn put(&self, message: VerifiedMessage) -> Result<(), VerifiedMessage> {
        let patience = message.frame().asked_by().and_then(Query::patience);
        let until = patience.and_then(|patience| Instant::now().checked_add(patience));
        let overdue = {
            let mut state = self.lock();
            let overdue = match state.waiting.len() >= self.depth {
                true => state.take_overdue(),
                false => Vec::new(),
            };
            if state.closed || state.waiting.len() >= self.depth {
                return Err(message);
            }
            let id = message.id();
            state.waiting.push_back(Waiting { id, message, until });
            overdue
        };
        drop(overdue);
        self.changed.notify(1);
        self.ring_bell();
        Ok(())
    }

    /// The caller of this request does not wait for its response any more.
    pub(crate) fn cancel(&self, id: MessageId) {
        let (forgotten, in_hand) = {
            let mut state = self.lock();
            let at = state.waiting.iter().position(|waiting| waiting.id == id);
            let forgotten = at.and_then(|at| state.waiting.remove(at));
            (forgotten, state.in_hand.get(&id).and_then(Weak::upgrade))
        };
        drop(forgotten);
        if let Some(cancellation) = in_hand {
            cancellation.cancel();
        }
    }

    /// What was in hand is answered or dropped.
    pub(crate) fn finish(&self, id: MessageId) {
        self.lock().in_hand.remove(&id);
    }

    /// Takes the oldest request if there is one.
    pub(crate) fn try_take(&self) -> Result<InHand, TakeError> {
        let mut state = self.lock();
        let Waiting { id, message, until } = loop {
            match state.waiting.pop_front() {
                // Its caller has given up.
                Some(first) if is_over(first.until) => {}
                Some(first) => break first,
                None if state.closed => return Err(TakeError::Closed),
                None => return Err(TakeError::Empty),
            }
        };
        let cancellation = Arc::new(Cancellation {
            cancelled: AtomicBool::new(false),
            event: Event::new(),
            until,
        });
        state.in_hand.insert(id, Arc::downgrade(&cancellation));
        Ok(InHand {
            message,
            id,
            cancellation,
        })
    }

    /// Waits for a request; `Closed` when none will come.
    pub(crate) async fn take(&self) -> Result<InHand, TakeError> {
        loop {
            listener!(self.changed => changed);
            match self.try_take() {
                Err(TakeError::Empty) => changed.await,
                taken => return taken,
            }
        }
    }

    /// Waits for a request in this thread; `Empty` when none came in time.
    pub(crate) fn take_timeout(&self, timeout: Duration) -> Result<InHand, TakeError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            listener!(self.changed => changed);
            match self.try_take() {
                Err(TakeError::Empty) => {}
                taken => return taken,
            }
            match deadline {
                Some(deadline) => {
                    if changed.wait_deadline(deadline).is_none() {
                        return self.try_take();
                    }
                }
                None => changed.wait(),
            }
        }
    }

    /// How many requests may wait.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// How many requests wait whose callers wait.
    pub(crate) fn len(&self) -> usize {
        let overdue = self.lock().take_overdue();
        drop(overdue);
        self.lock().waiting.len()
    }

    /// Lets nothing more in and wakes everybody who waits. Gives the requests that waited.
    pub(crate) fn close(&self) -> Vec<VerifiedMessage> {
        let waiting = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        self.changed.notify(usize::MAX);
        self.ring_bell();
        waiting.into_iter().map(|waiting| waiting.message).collect()
    }

    fn ring_bell(&self) {
        if let Some(bell) = self.bell.get() {
            bell.notify(usize::MAX);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the requests out whose callers have given up.
    fn take_overdue(&mut self) -> Vec<Waiting> {
        let all = std::mem::take(&mut self.waiting);
        let (overdue, waiting): (Vec<_>, Vec<_>) = all.into_iter().partition(|waiting| is_over(waiting.until));
        self.waiting = waiting.into();
        overdue
    }
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| until <= Instant::now())
}
