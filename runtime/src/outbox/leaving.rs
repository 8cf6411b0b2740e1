//! The end of an outbox: waiting until everything has left, and what has not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use event_listener::{Listener, listener};

use super::Outbox;
use crate::node::close::Unsent;
use crate::signing_desk::SigningDesk;

impl Outbox {
    /// Lets nothing more in. What is in still leaves.
    pub(crate) fn close(&self) {
        self.lane.lock().closed = true;
        self.left.notify(usize::MAX);
    }

    /// Drops what nobody has taken yet.
    pub(crate) fn discard(&self) {
        let dropped: Vec<_> = {
            let mut state = self.lane.lock();
            let open = state.open.take();
            state.ready.drain(..).chain(open).collect()
        };
        for frame in dropped {
            self.buffers.give_back(frame.finish().into_buffer());
        }
    }

    /// What has not left, if there is anything.
    pub(crate) fn unsent(&self) -> Option<Unsent> {
        let first = self.left_until.load(Ordering::Acquire) + 1;
        let last = self.facts.next_number() - 1;
        (first <= last).then(|| Unsent {
            topic: self.facts.topic.clone(),
            writer: self.facts.writer,
            first,
            last,
        })
    }

    /// Waits until everything has left; `false` when that was not so in time.
    pub(crate) fn flush(&self, desk: &Arc<SigningDesk>, deadline: Instant) -> bool {
        loop {
            listener!(self.left => left);
            if self.lane.lock().is_idle() {
                return true;
            }
            desk.hurry(Instant::now());
            if left.wait_deadline(deadline).is_none() {
                return self.lane.lock().is_idle();
            }
        }
    }

    /// As [`flush`](Self::flush), for a task that waits.
    pub(crate) async fn flushed(&self, desk: &Arc<SigningDesk>) {
        loop {
            listener!(self.left => left);
            if self.lane.lock().is_idle() {
                return;
            }
            desk.hurry(Instant::now());
            left.await;
        }
    }
}
