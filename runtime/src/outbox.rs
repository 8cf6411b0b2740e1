//! The outbox of one publisher: messages become frames here, and signed frames leave from here.
//!
//! A message is encoded straight behind the ones before it; a large payload that is shared stays where it is, and its frame
//! leaves in slices around it. While the node's signing budget allows, and always where the profile says so, the publishing
//! thread signs and sends the frame itself; otherwise the signing desk does so for many at once. Numbers are given and frames
//! begun under the lane's lock; nothing is signed or sent under it.
//!
//! # Invariants
//!
//! - Messages leave in the order of their numbers, which have no gaps but those that [`PublisherStats::dropped`] counts.
//! - What waits has at most [`READY_MAX`] frames and [`PENDING_BYTES_MAX`] bytes, or is one frame with one larger message.
//!
//! [`PublisherStats::dropped`]: crate::PublisherStats::dropped

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use event_listener::{Event, Listener, listener};

use crate::buffers::Buffers;
use crate::clock;
use crate::generic_publisher::{PublishError, PublisherFacts};
use crate::lane::{Lane, LaneState};
use crate::link::{LinkError, LinkPublisher, Slices};
use crate::payload::EncodeError;
use crate::qos::Reliability;
use crate::security::context::Context;
use crate::security::frame::{Accompaniment, FrameWriter, HEADER_LEN, Header, PushError, TRAILER_LEN};
use crate::security::replay_window::WINDOW_LEN;
use crate::signing_desk::SigningDesk;
use crate::stats::{PublisherStats, add};

mod leaving;

/// The size at which a frame is ready. With what is around it, it fits into one batch of the link: Zenoh's TCP links have
/// batches of 48 KiB over loopback (three halves of the segment size) and of almost 64 KiB elsewhere. What does not fit is
/// cut up and put together again, which costs two copies.
pub(crate) const FRAME_LEN_MAX: usize = 47 << 10;
/// The most messages in a frame: a receiver's window remembers all of them.
const FRAME_MESSAGES_MAX: u16 = WINDOW_LEN as u16;
/// The most frames that wait in front of the one that is being filled: few are full, many have other accompaniments.
const READY_MAX: usize = 32;
/// The most bytes that they all have.
const PENDING_BYTES_MAX: usize = PublisherStats::QUEUE_BYTES_MAX as usize;
/// What sealing adds at most.
const SEAL_LEN_MAX: usize = 32 * 8 + TRAILER_LEN;
/// A frame that the link takes so long for shows that it is congested.
const CONGESTED: Duration = Duration::from_millis(5);
/// Longer than anybody waits, and short enough to be added to any instant.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A frame with at least one message that was not signed yet.
pub(crate) type PendingFrame = FrameWriter;

/// A signed frame.
#[derive(Debug)]
pub(crate) struct SealedFrame {
    pub(crate) bytes: Slices,
    pub(crate) first_number: u64,
    pub(crate) count: u16,
}

/// What to do when there is no room for a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoRoom {
    /// As the profile says: wait, or drop the oldest.
    AsProfiled,
    /// Do not wait, neither for room nor for the link.
    GiveBack,
}

/// Where the messages of one publisher wait, and how they leave.
#[derive(Debug)]
pub(crate) struct Outbox {
    facts: Arc<PublisherFacts>,
    link: LinkPublisher,
    context: Context,
    /// The header of every frame, but for number and time.
    header: Header,
    frame_len_max: usize,
    lane: Lane<PendingFrame>,
    buffers: Arc<Buffers>,
    /// Something has left.
    left: Event,
    /// The link took long for the last frame.
    congested: AtomicBool,
    /// How long a payload was lately.
    payload_len: AtomicUsize,
    /// The number of the last message that the link has taken.
    left_until: AtomicU64,
}

impl Outbox {
    pub(crate) fn new(
        facts: Arc<PublisherFacts>,
        link: LinkPublisher,
        context: Context,
        header: Header,
        frame_len_max: usize,
    ) -> Self {
        let before = facts.next_number() - 1;
        Self {
            facts,
            link,
            context,
            header,
            frame_len_max,
            lane: Lane::new(),
            buffers: Arc::default(),
            left: Event::new(),
            congested: AtomicBool::new(false),
            payload_len: AtomicUsize::new(0),
            left_until: AtomicU64::new(before),
        }
    }

    pub(crate) fn link(&self) -> &LinkPublisher {
        &self.link
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn lane(&self) -> &Lane<PendingFrame> {
        &self.lane
    }

    pub(crate) fn buffers(&self) -> &Arc<Buffers> {
        &self.buffers
    }

    pub(crate) fn is_reliable(&self) -> bool {
        self.facts.qos.reliability == Reliability::Reliable
    }

    /// Appends a message and gives its number. It has left when this returns, or the desk will see to it.
    ///
    /// `push` appends it to the frame that it is given, along with the time, and is called again with another frame when the
    /// message turns out not to fit behind those before it.
    pub(crate) fn publish(
        self: &Arc<Self>,
        desk: &Arc<SigningDesk>,
        with: Accompaniment<'_>,
        no_room: NoRoom,
        push: impl Fn(&mut FrameWriter, i64) -> Result<(), PushError<EncodeError>>,
    ) -> Result<u64, PublishError> {
        if !with.is_valid() {
            return Err(PublishError::OriginTooLong);
        }
        let mut state = self.lane.lock();
        let mut deadline = None;
        let (number, is_within_budget, was_due) = loop {
            if state.closed {
                return Err(PublishError::Closed);
            }
            let was_due = is_due(&state);
            let time_ns = clock::now_ns();
            match self.append(&mut state, time_ns, with, &push)? {
                Some(number) => break (number, desk.admits(time_ns), was_due),
                None => state = self.make_room(state, desk, no_room, &mut deadline)?,
            }
        };
        if state.is_idle() && self.is_signed_in_place(is_within_budget, no_room) {
            if let Some(frame) = state.take_alone() {
                drop(state);
                return self.sign_and_send(desk, frame).map(|()| number);
            }
            return Ok(number);
        }
        let is_due = is_due(&state);
        if state.list() {
            drop(state);
            let delay = if is_due { Duration::ZERO } else { self.delay() };
            desk.enter(self, Instant::now() + delay);
        } else if is_due && !was_due && state.is_listed() {
            drop(state);
            desk.hurry(Instant::now());
        }
        Ok(number)
    }

    /// Appends a message to the open frame, or begins one. `None` when there is no room for it now.
    fn append(
        &self,
        state: &mut LaneState<PendingFrame>,
        time_ns: i64,
        with: Accompaniment<'_>,
        push: &impl Fn(&mut FrameWriter, i64) -> Result<(), PushError<EncodeError>>,
    ) -> Result<Option<u64>, PublishError> {
        let number = self.facts.next_number();
        let may_join = |open: &&mut PendingFrame| !is_full(open) && open.takes(with) && !self.is_alone();
        if let Some(open) = state.open.as_mut().filter(may_join) {
            let end = open.byte_len();
            push(open, time_ns)?;
            if open.byte_len() + SEAL_LEN_MAX <= FRAME_LEN_MAX {
                self.facts.use_number(number);
                return Ok(Some(number));
            }
            open.take_back(end);
        }
        if !end_open(state) {
            return Ok(None);
        }
        let mut frame = self.begin_frame(number, time_ns, with);
        let pushed = push(&mut frame, time_ns).map_err(PublishError::from);
        let (len, max) = (frame.byte_len() + SEAL_LEN_MAX, self.frame_len_max);
        if pushed.is_err() || len > max {
            self.buffers.give_back(frame.finish().into_buffer());
            return pushed.and(Err(PublishError::TooLarge { len, max }));
        }
        // A number is never used twice, not even when the link fails: what it did with the bytes is unknown.
        self.facts.use_number(number);
        self.payload_len.store(frame.last_payload_len(), Ordering::Relaxed);
        state.open = Some(frame);
        Ok(Some(number))
    }

    fn begin_frame(&self, number: u64, time_ns: i64, with: Accompaniment<'_>) -> PendingFrame {
        let header = Header {
            first_number: number,
            first_time_ns: time_ns,
            ..self.header
        };
        let payload_len = self.payload_len.load(Ordering::Relaxed);
        let mut buffer = self.buffers.take();
        buffer.reserve(HEADER_LEN + payload_len + SEAL_LEN_MAX);
        FrameWriter::new(buffer, &header, with).expecting(payload_len)
    }

    /// Comes back when something has left or was dropped.
    fn make_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, LaneState<PendingFrame>>,
        desk: &Arc<SigningDesk>,
        no_room: NoRoom,
        deadline: &mut Option<Instant>,
    ) -> Result<MutexGuard<'a, LaneState<PendingFrame>>, PublishError> {
        if no_room == NoRoom::GiveBack {
            self.facts.would_block.add(1);
            return Err(PublishError::WouldBlock);
        }
        if !self.is_reliable() {
            if let Some(oldest) = state.ready.pop_front().or_else(|| state.open.take()) {
                self.facts.dropped.add(u64::from(oldest.count()));
                self.buffers.give_back(oldest.finish().into_buffer());
            }
            return Ok(state);
        }
        let listed = state.is_listed();
        listener!(self.left => left);
        drop(state);
        let now = Instant::now();
        if listed {
            desk.hurry(now);
        }
        let blocking_time = self.facts.qos.blocking_time;
        let deadline = *deadline.get_or_insert_with(|| {
            self.facts.blocked.add(1);
            now + blocking_time.min(FOREVER)
        });
        if left.wait_deadline(deadline).is_none() {
            self.facts.timed_out.add(1);
            return Err(PublishError::TimedOut { waited: blocking_time });
        }
        Ok(self.lane.lock())
    }

    /// Whether each message has a frame of its own.
    fn is_alone(&self) -> bool {
        self.facts.keeper.as_ref().is_some_and(|keeper| keeper.syncs_each())
    }

    fn is_signed_in_place(&self, is_within_budget: bool, no_room: NoRoom) -> bool {
        // The disk is waited for by a thread of its own.
        if self.facts.keeper.is_some() {
            return false;
        }
        // A reliable put waits for the link, which only the desk's threads may do for somebody who must not wait.
        let may_wait =
            !self.is_reliable() || (no_room == NoRoom::AsProfiled && !self.congested.load(Ordering::Relaxed));
        may_wait && (is_within_budget || self.facts.qos.signing_delay.is_zero())
    }

    fn sign_and_send(self: &Arc<Self>, desk: &Arc<SigningDesk>, frame: PendingFrame) -> Result<(), PublishError> {
        let sealed = desk.seal_alone(self, frame);
        let sent = self.send(sealed);
        self.finish(desk);
        sent.map_err(PublishError::Link)
    }

    /// Hands frames to the link, or has them kept on the disk first.
    pub(crate) fn send_all(self: &Arc<Self>, desk: &Arc<SigningDesk>, frames: Vec<SealedFrame>) {
        if let Some(keeper) = &self.facts.keeper {
            return keeper.take(Arc::clone(self), Arc::clone(desk), frames);
        }
        for frame in frames {
            // A failure is counted in the publisher's stats: whoever published has gone on.
            let _ = self.send(frame);
        }
        self.finish(desk);
    }

    /// Hands a frame to the link.
    pub(crate) fn send(&self, frame: SealedFrame) -> Result<(), LinkError> {
        let (count, len) = (u64::from(frame.count), frame.bytes.total_len() as u64);
        let last = frame.first_number + count - 1;
        // Before it is sent: whoever receives it may ask for it at once.
        self.facts
            .sent_frames
            .keep(&frame.bytes, frame.first_number, frame.count);
        let start = Instant::now();
        let put = self.link.put(frame.bytes);
        self.congested.store(start.elapsed() > CONGESTED, Ordering::Relaxed);
        match &put {
            Ok(()) => {
                self.left_until.fetch_max(last, Ordering::AcqRel);
                add(&self.facts.sent, count);
                add(&self.facts.sent_bytes, len);
            }
            Err(_) => drop(self.facts.failed.add(count)),
        }
        put
    }

    /// All that was in flight has been sent; what has come meanwhile is the desk's.
    pub(crate) fn finish(self: &Arc<Self>, desk: &Arc<SigningDesk>) {
        if self.lane.finish() {
            desk.enter(self, Instant::now() + self.delay_left());
        }
        self.left.notify(usize::MAX);
    }

    pub(crate) fn facts(&self) -> &Arc<PublisherFacts> {
        &self.facts
    }

    fn delay(&self) -> Duration {
        match self.facts.keeper {
            Some(_) => Duration::ZERO,
            None => self.facts.qos.signing_delay.min(FOREVER),
        }
    }

    /// How much of the signing delay is left for the oldest message that waits.
    fn delay_left(&self) -> Duration {
        let state = self.lane.lock();
        if is_due(&state) {
            return Duration::ZERO;
        }
        let waited = state
            .open
            .as_ref()
            .map_or(0, |open| clock::now_ns().saturating_sub(open.first_time_ns()));
        let waited = Duration::from_nanos(u64::try_from(waited).unwrap_or(0));
        self.delay().saturating_sub(waited)
    }
}

/// Whether another message like the last one would not fit.
fn is_full(frame: &PendingFrame) -> bool {
    let next = frame.byte_len() + frame.last_payload_len() + 16 + SEAL_LEN_MAX;
    frame.count() >= FRAME_MESSAGES_MAX || next > FRAME_LEN_MAX
}

/// Whether there is a frame that waits for nothing but its signature.
fn is_due(state: &LaneState<PendingFrame>) -> bool {
    !state.ready.is_empty() || state.open.as_ref().is_some_and(is_full)
}

/// Ends the open frame, if there is one. `false` when too much waits already.
fn end_open(state: &mut LaneState<PendingFrame>) -> bool {
    let Some(open) = &state.open else { return true };
    let bytes = state.ready.iter().map(PendingFrame::byte_len).sum::<usize>() + open.byte_len();
    let has_room = state.ready.len() < READY_MAX && bytes <= PENDING_BYTES_MAX;
    if has_room {
        state.end_open();
    }
    has_room
}

mod account;
#[cfg(test)]
mod tests;
