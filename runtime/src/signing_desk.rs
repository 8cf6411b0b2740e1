//! The signing desk of a node: where messages are signed that were not signed in place, those of all publishers together.
//!
//! Its thread is started when it is first needed. It takes what all outboxes hold when the first of them is due, signs one
//! tree of their frames, and sends these. A frame that a congested link does not take holds up the thread, but no other
//! topic: when that lasts, whoever publishes next starts another thread, which ends when there is nothing left to do.
//!
//! # Invariants
//!
//! - No lock is held while something is signed or sent.
//! - Every signature is counted, whoever made it.

use std::iter::repeat_n;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::agenda::{Agenda, Task};
use crate::node::close::{Close, Unsent};
use crate::outbox::{FOREVER, Outbox, PendingFrame, SealedFrame};
use crate::security::key::Identity;
use crate::security::merkle::LEAVES_MAX;
use crate::security::signer::SignedTree;
use crate::signing_budget::SigningBudget;
use crate::stats::{SigningStats, add};

/// The most threads, all but one of them held up by congested links.
const THREADS_MAX: usize = 32;
/// When no thread has got anything done for so long, another one is started.
const HELD_UP: Duration = Duration::from_millis(20);
/// How long a thread that was started because others were held up waits for more to do.
const PATIENCE: Duration = Duration::from_millis(100);

/// Signs for the publishers of one node.
#[derive(Debug)]
pub(crate) struct SigningDesk {
    node: String,
    identity: Identity,
    budget: SigningBudget,
    agenda: Agenda<Arc<Outbox>, Errand>,
    outboxes: Mutex<Vec<Weak<Outbox>>>,
    threads: AtomicUsize,
    started: Instant,
    /// When a thread last got something done, µs since the start.
    progress_us: AtomicU64,
    signatures: AtomicU64,
    frames: AtomicU64,
    time_ns: AtomicU64,
}

/// Signed frames of one outbox, to be sent in this order.
#[derive(Debug)]
struct Errand {
    outbox: Arc<Outbox>,
    frames: Vec<SealedFrame>,
}

/// What a thread of the desk works with, used again and again.
#[derive(Debug, Default)]
struct Workplace {
    outboxes: Vec<Arc<Outbox>>,
    frames: Vec<PendingFrame>,
}

impl SigningDesk {
    pub(crate) fn new(node: &str, identity: Identity, budget: f64) -> Self {
        let now = Instant::now();
        Self {
            node: node.to_owned(),
            identity,
            budget: SigningBudget::new(budget),
            agenda: Agenda::new(),
            outboxes: Mutex::default(),
            threads: AtomicUsize::new(0),
            started: now,
            progress_us: AtomicU64::new(0),
            signatures: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            time_ns: AtomicU64::new(0),
        }
    }

    /// Makes an outbox known, so that it is flushed when the node is closed.
    pub(crate) fn serve(&self, outbox: &Arc<Outbox>) {
        let mut outboxes = self.outboxes.lock().unwrap_or_else(PoisonError::into_inner);
        outboxes.retain(|outbox| outbox.strong_count() > 0);
        outboxes.push(Arc::downgrade(outbox));
    }

    /// The outboxes of all publishers that are there now.
    pub(crate) fn outboxes(&self) -> Vec<Arc<Outbox>> {
        let outboxes = self.outboxes.lock().unwrap_or_else(PoisonError::into_inner);
        outboxes.iter().filter_map(Weak::upgrade).collect()
    }

    /// Counts a message that is published now. `true` when it may be signed in place.
    pub(crate) fn admits(&self, now_ns: i64) -> bool {
        self.budget.admits(u64::try_from(now_ns).unwrap_or(0))
    }

    /// Enters an outbox that was just listed; what is in it is signed at `due` at the latest.
    pub(crate) fn enter(self: &Arc<Self>, outbox: &Arc<Outbox>, due: Instant) {
        if !self.agenda.add(Arc::clone(outbox), due) {
            self.see_to_threads();
        }
    }

    /// What was entered is signed at `due` at the latest.
    pub(crate) fn hurry(self: &Arc<Self>, due: Instant) {
        if !self.agenda.hurry(due) {
            self.see_to_threads();
        }
    }

    /// Signs one frame in this thread.
    pub(crate) fn seal_alone(&self, outbox: &Outbox, frame: PendingFrame) -> SealedFrame {
        let start = Instant::now();
        let (first_number, count, frame) = (frame.first_number(), frame.count(), frame.finish());
        let leaf = frame.leaf(outbox.context());
        let hashed = Instant::now();
        let tree = SignedTree::of_one(&self.identity, leaf);
        self.count(start, hashed, 1);
        let (buffer, apart) = tree.seal(frame, 0);
        SealedFrame {
            bytes: outbox.buffers().lend(buffer, apart.as_ref()),
            first_number,
            count,
        }
    }

    /// Lets nothing more in, waits until everything has left, as far as that is wished, and ends. What has not left then, and
    /// what a congested link has not taken in time, is lost; gives what that is.
    pub(crate) async fn close(self: &Arc<Self>, how: Close) -> Vec<Unsent> {
        let outboxes = self.outboxes();
        outboxes.iter().for_each(|outbox| outbox.close());
        let all_have_left = async {
            for outbox in &outboxes {
                outbox.flushed(self).await;
            }
        };
        let time = match how {
            Close::Drain(time) => time.min(FOREVER),
            Close::Now => Duration::ZERO,
        };
        if time.is_zero() || tokio::time::timeout(time, all_have_left).await.is_err() {
            outboxes.iter().for_each(|outbox| outbox.discard());
        }
        self.end();
        outboxes.iter().filter_map(|outbox| outbox.unsent()).collect()
    }

    /// Lets the threads end when everything is signed.
    pub(crate) fn end(&self) {
        self.agenda.end();
    }

    pub(crate) fn stats(&self) -> SigningStats {
        SigningStats {
            signatures: self.signatures.load(Ordering::Relaxed),
            frames: self.frames.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.time_ns.load(Ordering::Relaxed)),
        }
    }

    /// Starts the thread if there is none yet, and another one if all are held up.
    fn see_to_threads(self: &Arc<Self>) {
        let threads = self.threads.load(Ordering::Acquire);
        let progress_us = self.progress_us.load(Ordering::Relaxed);
        let now_us = self.now_us();
        let are_held_up = now_us.saturating_sub(progress_us) > micros(HELD_UP);
        let is_wanted = threads == 0 || (threads < THREADS_MAX && are_held_up);
        let recount = |from, to| {
            self.threads
                .compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
        };
        if !is_wanted || recount(threads, threads + 1).is_err() {
            return;
        }
        self.progress_us.store(now_us, Ordering::Relaxed);
        let patience = (threads > 0).then_some(PATIENCE);
        let desk = Arc::clone(self);
        let thread = thread::Builder::new().name(format!("sign{}", self.node));
        if thread.spawn(move || desk.work(patience)).is_err() {
            // The caller has to do it then: what is published is sent.
            self.work(Some(Duration::ZERO));
        }
    }

    /// Does what is on the agenda; with `patience`, until there was nothing for so long.
    fn work(self: &Arc<Self>, patience: Option<Duration>) {
        let mut place = Workplace::default();
        loop {
            match self.agenda.next(&mut place.outboxes, LEAVES_MAX, patience) {
                Task::Run(errand) => {
                    self.note_progress();
                    errand.outbox.send_all(self, errand.frames);
                    self.note_progress();
                }
                Task::Sign => {
                    self.note_progress();
                    self.sign(&mut place);
                }
                Task::End => break,
            }
        }
        self.threads.fetch_sub(1, Ordering::AcqRel);
    }

    /// Signs what the outboxes hold with one signature.
    fn sign(self: &Arc<Self>, place: &mut Workplace) {
        let start = Instant::now();
        let mut groups = Vec::with_capacity(place.outboxes.len());
        for outbox in place.outboxes.drain(..) {
            let before = place.frames.len();
            if before == LEAVES_MAX {
                self.enter(&outbox, start);
            } else if outbox.lane().take(LEAVES_MAX - before, &mut place.frames) {
                groups.push((outbox, place.frames.len() - before));
            }
        }
        let owners = groups.iter().flat_map(|(outbox, count)| repeat_n(outbox, *count));
        let (mut numbers, mut unsigned, mut leaves) = (Vec::new(), Vec::new(), Vec::new());
        for (frame, outbox) in place.frames.drain(..).zip(owners) {
            numbers.push((frame.first_number(), frame.count()));
            let frame = frame.finish();
            leaves.push(frame.leaf(outbox.context()));
            unsigned.push(frame);
        }
        let hashed = Instant::now();
        let Some(tree) = SignedTree::new(&self.identity, &leaves) else {
            return;
        };
        self.count(start, hashed, leaves.len());
        let mut frames = unsigned.into_iter().zip(numbers).enumerate();
        let errands = groups.into_iter().map(|(outbox, count)| {
            let sealed = frames
                .by_ref()
                .take(count)
                .map(|(index, (frame, (first_number, count)))| {
                    let (buffer, apart) = tree.seal(frame, index);
                    SealedFrame {
                        bytes: outbox.buffers().lend(buffer, apart.as_ref()),
                        first_number,
                        count,
                    }
                });
            let frames = sealed.collect();
            Errand { outbox, frames }
        });
        // Best effort first: the link takes or drops those at once.
        let errands: Vec<_> = errands.collect();
        self.agenda
            .add_errands(errands.into_iter(), |errand| !errand.outbox.is_reliable());
    }

    fn count(&self, start: Instant, hashed: Instant, frames: usize) {
        let end = Instant::now();
        self.budget.learn(end.saturating_duration_since(hashed));
        add(&self.signatures, 1);
        add(&self.frames, frames as u64);
        let nanos = end.saturating_duration_since(start).as_nanos();
        add(&self.time_ns, u64::try_from(nanos).unwrap_or(u64::MAX));
    }

    /// Nothing is to be signed any more.
    #[cfg(test)]
    pub(crate) fn strike_lanes(&self) {
        self.agenda.strike_lanes();
    }

    fn note_progress(&self) {
        self.progress_us.store(self.now_us(), Ordering::Relaxed);
    }

    fn now_us(&self) -> u64 {
        micros(self.started.elapsed())
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
