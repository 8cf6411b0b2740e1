//! A bounded queue between the thread that receives and whoever takes: it keeps the last `n` and counts what it drops.
//!
//! Threads and async tasks may wait on it alike. The putting side never waits. Items may come in [parcels](Parcel), as
//! messages come in frames: a parcel is put in at once whatever it holds, and opened by whoever takes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use event_listener::{Event, Listener, listener};

use crate::sign_of_life::ticks;

/// Some items that come together and are taken one by one.
pub(crate) trait Parcel {
    type Item;

    /// How many items are left in it.
    fn len(&self) -> usize;

    /// Takes the first of them.
    fn take_first(&mut self) -> Option<Self::Item>;

    /// Drops the first `count` of them, which are fewer than there are.
    fn skip_first(&mut self, count: usize);
}

/// A parcel of one item.
#[derive(Debug)]
pub(crate) struct One<T>(Option<T>);

impl<T> Parcel for One<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.0.iter().len()
    }

    fn take_first(&mut self) -> Option<T> {
        self.0.take()
    }

    fn skip_first(&mut self, _count: usize) {}
}

/// A queue of items that come one by one.
pub(crate) type Queue<T> = ParcelQueue<One<T>>;

/// The queue. Items leave in the order in which they came.
#[derive(Debug)]
pub(crate) struct ParcelQueue<P> {
    state: Mutex<State<P>>,
    depth: usize,
    changed: Event,
}

#[derive(Debug)]
struct State<P> {
    /// None is empty.
    parcels: VecDeque<P>,
    /// How many items they hold.
    len: usize,
    dropped: u64,
    /// When one was last dropped, in ticks; 0 is never.
    last_drop: u64,
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
    /// Puts an item in; the oldest one leaves when the queue is full. After closing, the item is dropped uncounted.
    pub(crate) fn push(&self, item: T) {
        self.put(One(Some(item)));
    }
}

impl<P: Parcel> ParcelQueue<P> {
    /// A queue that keeps at most `depth` items, at least one.
    pub(crate) fn new(depth: usize) -> Self {
        let state = State {
            parcels: VecDeque::new(),
            len: 0,
            dropped: 0,
            last_drop: 0,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            depth: depth.max(1),
            changed: Event::new(),
        }
    }

    /// Puts a parcel in, as if its items came one after the other: the oldest leave when the queue is full. After closing,
    /// all of it is dropped uncounted.
    pub(crate) fn put(&self, parcel: P) {
        let count = parcel.len();
        {
            let mut state = self.lock();
            if state.closed || count == 0 {
                return;
            }
            state.parcels.push_back(parcel);
            state.len += count;
            let surplus = state.len.saturating_sub(self.depth);
            if surplus > 0 {
                state.drop_first(surplus);
                // Who keeps the newest item only has others dropped all the time, and wishes no other.
                if self.depth > 1 {
                    state.last_drop = ticks();
                }
            }
        }
        self.changed.notify(count);
    }

    /// Takes the oldest item if there is one.
    pub(crate) fn try_take(&self) -> Result<P::Item, TakeError> {
        let mut state = self.lock();
        let Some(first) = state.parcels.front_mut() else {
            return Err(if state.closed {
                TakeError::Closed
            } else {
                TakeError::Empty
            });
        };
        let (item, left) = (first.take_first(), first.len());
        let emptied = if left == 0 { state.parcels.pop_front() } else { None };
        state.len -= 1;
        drop(state);
        drop(emptied);
        item.ok_or(TakeError::Empty)
    }

    /// Takes all that is left of the oldest parcel, if there is one.
    pub(crate) fn take_parcel(&self) -> Option<P> {
        let mut state = self.lock();
        let parcel = state.parcels.pop_front()?;
        state.len -= parcel.len();
        Some(parcel)
    }

    /// Waits for an item; `Closed` when none will come.
    pub(crate) async fn take(&self) -> Result<P::Item, TakeError> {
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
    pub(crate) fn take_timeout(&self, timeout: Duration) -> Result<P::Item, TakeError> {
        // Whoever finds something need not know what time it is.
        if let Some(taken) = self.settled() {
            return taken;
        }
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
        self.lock().len
    }

    /// How many items were dropped because the queue was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// How many items the queue keeps at most.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// When an item was last dropped because the queue was full, in ticks; 0 is never. It is not noted of queues that keep one
    /// item only.
    pub(crate) fn last_drop(&self) -> u64 {
        self.lock().last_drop
    }

    fn settled(&self) -> Option<Result<P::Item, TakeError>> {
        match self.try_take() {
            Err(TakeError::Empty) => None,
            taken => Some(taken),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Parcel> State<P> {
    fn drop_first(&mut self, count: usize) {
        self.len -= count;
        self.dropped += count as u64;
        let mut left = count;
        while left > 0
            && let Some(first) = self.parcels.front_mut()
        {
            if first.len() > left {
                first.skip_first(left);
                return;
            }
            left -= first.len();
            self.parcels.pop_front();
        }
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

    /// The numbers from the first to before the second.
    #[derive(Debug)]
    struct Numbers(std::ops::Range<u32>);

    impl Parcel for Numbers {
        type Item = u32;

        fn len(&self) -> usize {
            self.0.len()
        }

        fn take_first(&mut self) -> Option<u32> {
            self.0.next()
        }

        fn skip_first(&mut self, count: usize) {
            self.0.nth(count - 1);
        }
    }

    #[test]
    fn a_parcel_is_as_many_items_one_after_the_other() {
        let mut numbers = 0;
        let mut parcel = |count| {
            numbers += count;
            numbers - count..numbers
        };
        for depth in [1, 3, 4, 20] {
            let (one_by_one, at_once) = (Queue::new(depth), ParcelQueue::new(depth));
            for (count, taken) in [(2, 0), (3, 1), (0, 0), (1, 0), (9, 2), (5, 3), (1, 1), (7, 30)] {
                let parcel = parcel(count);
                parcel.clone().for_each(|item| one_by_one.push(item));
                at_once.put(Numbers(parcel));
                assert_eq!(
                    (at_once.dropped(), at_once.len()),
                    (one_by_one.dropped(), one_by_one.len())
                );
                for _ in 0..taken {
                    assert_eq!(at_once.try_take(), one_by_one.try_take(), "{depth} {count}");
                }
                assert_eq!(at_once.len(), one_by_one.len());
            }
            assert_eq!(at_once.try_take(), Err(TakeError::Empty));
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
