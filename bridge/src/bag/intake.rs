//! Frames on their way from the threads that receive them to the one that writes them: a queue bounded by bytes.
//!
//! Whoever receives never waits. What finds no room is dropped, and its last number is kept, so that what is lost is told to the
//! last message.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio::security::frame::{Layout, Writer};
use nuncio::{PublicKey, TopicName};

use super::recorded_frame::RecordedFrame;

/// What the writing thread takes.
#[derive(Debug)]
pub(crate) enum Parcel<C> {
    Frame(RecordedFrame),
    Command(C),
}

/// A stream of which something was dropped, and its last number.
pub(crate) type Dropped = HashMap<(TopicName, PublicKey, Writer, u64), u64>;

/// The queue.
#[derive(Debug)]
pub(crate) struct Intake<C> {
    bytes_max: usize,
    state: Mutex<State<C>>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State<C> {
    parcels: VecDeque<Parcel<C>>,
    bytes: usize,
    dropped: Dropped,
    dropped_frames: u64,
    is_closed: bool,
}

impl<C> Intake<C> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            state: Mutex::new(State {
                parcels: VecDeque::new(),
                bytes: 0,
                dropped: HashMap::new(),
                dropped_frames: 0,
                is_closed: false,
            }),
            arrived: Condvar::new(),
        }
    }

    /// Hands over a frame, if there is room; a single one is taken whatever its length.
    pub(crate) fn push(&self, frame: RecordedFrame) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        let memory = frame.memory();
        if state.bytes > 0 && state.bytes + memory > self.bytes_max {
            state.dropped_frames += 1;
            if let Ok(layout) = Layout::parse(&frame.bytes) {
                let header = &layout.header;
                let stream = (frame.topic, header.key, header.writer, header.epoch);
                state.dropped.insert(stream, layout.last_number());
            }
            return;
        }
        state.bytes += memory;
        state.parcels.push_back(Parcel::Frame(frame));
        self.arrived.notify_one();
    }

    /// Hands over a command, behind the frames that are there already.
    pub(crate) fn command(&self, command: C) {
        let mut state = self.lock();
        state.parcels.push_back(Parcel::Command(command));
        self.arrived.notify_one();
    }

    /// Nothing more is taken in; what is there can still be taken out.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
    }

    /// The next parcel; waits for one so long at most. `Err`: there will be none.
    pub(crate) fn take(&self, timeout: Duration) -> Result<Option<Parcel<C>>, ()> {
        let state = self.lock();
        let is_idle = |state: &mut State<C>| state.parcels.is_empty() && !state.is_closed;
        let waited = self.arrived.wait_timeout_while(state, timeout, is_idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let parcel = state.parcels.pop_front();
        if let Some(Parcel::Frame(frame)) = &parcel {
            state.bytes -= frame.memory();
        }
        match parcel {
            None if state.is_closed => Err(()),
            parcel => Ok(parcel),
        }
    }

    /// What was dropped: the last number of each stream. It is told once.
    pub(crate) fn take_dropped(&self) -> Dropped {
        std::mem::take(&mut self.lock().dropped)
    }

    /// How many bytes wait, and how many frames were dropped so far.
    pub(crate) fn load(&self) -> (usize, u64) {
        let state = self.lock();
        (state.bytes, state.dropped_frames)
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
