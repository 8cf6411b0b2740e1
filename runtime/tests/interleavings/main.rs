//! All interleavings of threads that publish and threads that sign, on the very source of the lanes and the agenda with the
//! locks of `loom` in it: every message is taken exactly once and in order, whatever the threads do, and nobody sleeps while
//! there is something to do.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

use std::collections::VecDeque;
use std::time::Instant;

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

#[allow(unreachable_pub, unused_imports, reason = "it stands in for a module of the crate")]
mod sync {
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;
}

#[allow(dead_code, reason = "not all of it is needed to send messages")]
#[path = "../../src/lane.rs"]
mod lane;

#[allow(dead_code, reason = "not all of it is needed to send messages")]
#[path = "../../src/agenda.rs"]
mod agenda;

use agenda::{Agenda, Task};
use lane::Lane;

type Frame = Vec<u32>;

/// A publisher with the next number it gives, and what has been sent of it.
struct Publisher {
    lane: Lane<Frame>,
    sent: Mutex<Vec<u32>>,
    has_left: Condvar,
}

struct Errand {
    publisher: Arc<Publisher>,
    frames: VecDeque<Frame>,
}

type Desk = Agenda<Arc<Publisher>, Errand>;

impl Publisher {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lane: Lane::new(),
            sent: Mutex::new(Vec::new()),
            has_left: Condvar::new(),
        })
    }

    /// As `Outbox::publish` does, signing in place where that is asked for and nothing is before the message.
    fn publish(this: &Arc<Self>, desk: &Desk, number: u32, in_place: bool) {
        let mut state = this.lane.lock();
        state.open.get_or_insert_default().push(number);
        if in_place && state.is_idle() {
            let frame = state.take_alone().unwrap();
            drop(state);
            this.send(frame);
            Self::finish(this, desk);
        } else if state.list() {
            drop(state);
            desk.add(Arc::clone(this), Instant::now());
        }
    }

    fn send(&self, frame: Frame) {
        self.sent.lock().unwrap().extend(frame);
        self.has_left.notify_all();
    }

    /// Waits for so many messages to be sent. When nobody will ever send them, the model is stuck, and says so.
    fn await_sent(&self, count: usize) {
        let mut sent = self.sent.lock().unwrap();
        while sent.len() < count {
            sent = self.has_left.wait(sent).unwrap();
        }
    }

    fn finish(this: &Arc<Self>, desk: &Desk) {
        if this.lane.finish() {
            desk.add(Arc::clone(this), Instant::now());
        }
    }
}

/// As `SigningDesk::work` does.
fn work(desk: &Desk) {
    let mut lanes = Vec::new();
    loop {
        match desk.next(&mut lanes, 8, None) {
            Task::Run(Errand { publisher, frames }) => {
                frames.into_iter().for_each(|frame| publisher.send(frame));
                Publisher::finish(&publisher, desk);
            }
            Task::Sign => {
                let mut errands = Vec::new();
                for publisher in lanes.drain(..) {
                    let mut frames = Vec::new();
                    if publisher.lane.take(8, &mut frames) {
                        let frames = frames.into();
                        errands.push(Errand { publisher, frames });
                    }
                }
                desk.add_errands(errands.into_iter(), |_| false);
            }
            Task::End => return,
        }
    }
}

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // More switches than that at once find nothing that fewer do not, and take hours.
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn every_message_is_sent_once_and_in_order_while_one_thread_signs() {
    explore(|| {
        let (desk, publisher) = (Arc::new(Desk::new()), Publisher::new());
        let signer = thread::spawn({
            let desk = Arc::clone(&desk);
            move || work(&desk)
        });
        (1..=3).for_each(|number| Publisher::publish(&publisher, &desk, number, false));
        publisher.await_sent(3);
        desk.end();
        signer.join().unwrap();
        assert_eq!(*publisher.sent.lock().unwrap(), [1, 2, 3]);
    });
}

#[test]
fn what_is_signed_in_place_keeps_its_turn() {
    explore(|| {
        let (desk, publisher) = (Arc::new(Desk::new()), Publisher::new());
        let other = thread::spawn({
            let (desk, publisher) = (Arc::clone(&desk), Arc::clone(&publisher));
            move || Publisher::publish(&publisher, &desk, 10, true)
        });
        Publisher::publish(&publisher, &desk, 1, true);
        Publisher::publish(&publisher, &desk, 2, false);
        Publisher::publish(&publisher, &desk, 3, true);
        other.join().unwrap();
        desk.end();
        work(&desk);
        let sent = publisher.sent.lock().unwrap().clone();
        let own: Vec<_> = sent.iter().copied().filter(|number| *number < 10).collect();
        assert_eq!((sent.len(), own), (4, vec![1, 2, 3]));
    });
}

#[test]
fn two_threads_that_sign_never_overtake_each_other_on_a_topic() {
    explore(|| {
        let (desk, publishers) = (Arc::new(Desk::new()), [Publisher::new(), Publisher::new()]);
        let other = thread::spawn({
            let desk = Arc::clone(&desk);
            move || work(&desk)
        });
        for publisher in &publishers {
            Publisher::publish(publisher, &desk, 1, false);
        }
        Publisher::publish(&publishers[0], &desk, 2, false);
        desk.end();
        work(&desk);
        other.join().unwrap();
        assert_eq!(*publishers[0].sent.lock().unwrap(), [1, 2]);
        assert_eq!(*publishers[1].sent.lock().unwrap(), [1]);
    });
}
