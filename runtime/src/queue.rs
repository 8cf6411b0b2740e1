//! A bounded queue between the thread that receives and whoever takes: it keeps the last `n` and counts what it drops.
//!
//! Threads and async tasks may wait on it alike. The putting side never waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use event_listener::{Event, Listener, listener};

/// The queue. Items leave in the order in which they came.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    depth: usize,
    changed: Event,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    dropped: u64,
    closed: bool,
}

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TakeError {
    /// Nothing is there now.
    Empty,
    /// Nothing will ever be there.
    Closed,
}

impl<T> Queue<T> {
    /// A queue that keeps at most `depth` items, at least one.
    pub(crate) fn new(depth: usize) -> Self {
        let state = State {
            items: VecDeque::new(),
            dropped: 0,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            depth: depth.max(1),
            changed: Event::new(),
        }
    }

    /// Puts an item in; the oldest one leaves when the queue is full. After closing, the item is dropped uncounted.
    pub(crate) fn push(&self, item: T) {
        {
            let mut state = self.lock();
            if state.closed {
                return;
            }
            if state.items.len() == self.depth {
                state.items.pop_front();
                state.dropped += 1;
            }
            state.items.push_back(item);
        }
        self.changed.notify(1);
    }

    /// Puts so many items in at once, as if one after the other: those that would be dropped again are not even made.
    pub(crate) fn push_all(&self, items: impl Iterator<Item = T>, count: usize) {
        {
            let mut state = self.lock();
            if state.closed {
                return;
            }
            let skipped = count.saturating_sub(self.depth);
            let displaced = (state.items.len() + count - skipped).saturating_sub(self.depth);
            state.items.drain(..displaced);
            state.dropped += (displaced + skipped) as u64;
            state.items.extend(items.skip(skipped));
        }
        self.changed.notify(count);
    }

    /// Takes the oldest item if there is one.
    pub(crate) fn try_take(&self) -> Result<T, TakeError> {
        let mut state = self.lock();
        match state.items.pop_front() {
            Some(item) => Ok(item),
            None if state.closed => Err(TakeError::Closed),
            None => Err(TakeError::Empty),
        }
    }

    /// Waits for an item; `Closed` when none will come.
    pub(crate) async fn take(&self) -> Result<T, TakeError> {
        loop {
            if let Some(taken) = self.settled() {
                return taken;
            }
            listener!(self.changed => changed);
            if let Some(taken) = self.settled() {
                return taken;
            }
            changed.await;
        }
    }

    /// Waits for an item in this thread; `Empty` when none came in time.
    pub(crate) fn take_timeout(&self, timeout: Duration) -> Result<T, TakeError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if let Some(taken) = self.settled() {
                return taken;
            }
            listener!(self.changed => changed);
            if let Some(taken) = self.settled() {
                return taken;
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

    /// Lets nothing more in and wakes everybody who waits. What is in can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify(usize::MAX);
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// How many items were dropped because the queue was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn settled(&self) -> Option<Result<T, TakeError>> {
        match self.try_take() {
            Err(TakeError::Empty) => None,
            taken => Some(taken),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a queue when it is dropped, as the link drops a closure that receives answers when no more can come.
#[derive(Debug)]
pub(crate) struct CloseOnDrop<T>(pub(crate) Arc<Queue<T>>);

impl<T> Drop for CloseOnDrop<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_full_queue_drops_the_oldest_and_counts_it() {
        let queue = Queue::new(3);
        (1..=5).for_each(|item| queue.push(item));
        assert_eq!(queue.dropped(), 2);
        assert_eq!(
            [queue.try_take(), queue.try_take(), queue.try_take()],
            [Ok(3), Ok(4), Ok(5)]
        );
        assert_eq!(queue.try_take(), Err(TakeError::Empty));
    }

    #[test]
    fn many_items_at_once_are_as_many_one_after_the_other() {
        for (depth, before, count) in [(3, 0, 2), (3, 2, 3), (3, 3, 1), (4, 2, 9), (1, 1, 0), (5, 5, 5)] {
            let (one_by_one, at_once) = (Queue::new(depth), Queue::new(depth));
            for queue in [&one_by_one, &at_once] {
                (0..before).for_each(|item| queue.push(item));
            }
            (10..10 + count).for_each(|item| one_by_one.push(item));
            at_once.push_all(10..10 + count, count);
            assert_eq!(at_once.dropped(), one_by_one.dropped());
            loop {
                let taken = at_once.try_take();
                assert_eq!(taken, one_by_one.try_take(), "{depth} {before} {count}");
                if taken.is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn what_is_in_a_closed_queue_can_still_be_taken() {
        let queue = Queue::new(3);
        queue.push(1);
        queue.close();
        queue.push(2);
        assert_eq!(queue.take_timeout(Duration::from_secs(60)), Ok(1));
        assert_eq!(queue.take_timeout(Duration::from_secs(60)), Err(TakeError::Closed));
    }

    #[test]
    fn a_waiting_thread_is_woken_by_an_item_and_by_the_end() {
        let queue = Arc::new(Queue::new(8));
        let taker = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let taken: Vec<_> = std::iter::from_fn(|| queue.take_timeout(Duration::from_secs(60)).ok()).collect();
                taken
            }
        });
        (0..3).for_each(|item| queue.push(item));
        queue.close();
        assert_eq!(taker.join().unwrap(), [0, 1, 2]);
    }

    #[test]
    fn a_wait_ends_when_its_time_is_over() {
        let queue: Queue<u8> = Queue::new(1);
        assert_eq!(queue.take_timeout(Duration::from_millis(5)), Err(TakeError::Empty));
    }

    #[tokio::test]
    async fn a_waiting_task_is_woken() {
        let queue = Arc::new(Queue::new(8));
        let taker = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.take().await }
        });
        tokio::task::yield_now().await;
        queue.push(7);
        assert_eq!(taker.await.unwrap(), Ok(7));
    }
}
