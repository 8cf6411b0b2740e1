//! Evidence: the last frames that this node's publishers sent, kept for whoever asks what led to what.
//!
//! A publisher keeps its frames as they were sent: the very same signed bytes, shared with the link and never copied.
//! Keeping one costs no hash and, once the memory has grown to its size, no allocation; ids are computed when somebody
//! asks for one. What a dropped publisher kept stays with the node until the node closes.
//!
//! # Invariants
//!
//! - A publisher keeps at most as many frames as its profile says and [`BYTES_MAX`] bytes, or what late subscribers are to
//!   get and [`HISTORY_BYTES_MAX`], and the dropped publishers of
//!   a node together [`RETIRED_FRAMES_MAX`] frames and [`RETIRED_BYTES_MAX`] bytes; the oldest are forgotten first.
//! - Answering signs nothing, and tells nothing that was not sent to everybody before.
//! - The work for questions is bounded, for each and per second, so that a flood of them holds up nobody.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::generic_publisher::PublisherFacts;
use crate::key_expr;
use crate::link::{Query, Slices};
use crate::node::NodeCore;
use crate::security::frame::{Layout, MessageId};
use crate::security::testimony::{FramePlace, Question};

/// How many frames a publisher keeps unless its profile says otherwise.
pub const FRAMES_DEFAULT: usize = 32;
/// The most bytes of frames that a publisher keeps; a frame that is larger alone is not kept.
pub const BYTES_MAX: usize = 256 << 10;
/// The most bytes of frames that a publisher keeps for late subscribers; older ones are forgotten even where its profile
/// wants more.
pub const HISTORY_BYTES_MAX: usize = 256 << 20;
/// The most frames of dropped publishers that a node keeps.
pub const RETIRED_FRAMES_MAX: usize = 1024;
/// The most bytes that these have together.
pub const RETIRED_BYTES_MAX: usize = 4 << 20;

/// The most frames with which one node answers a question for effects, the newest of each publisher first.
pub const EFFECTS_ANSWERED_MAX: usize = 16;

/// Work is counted in units of about ten nanoseconds: so much may be spent per second, which is a twentieth of a core.
const WORK_PER_SECOND: u64 = 5_000_000;
/// The most work for one question.
const WORK_PER_QUESTION: u64 = 600_000;
/// What every question costs.
const QUESTION_COST: u64 = 1000;
/// What looking at a frame costs.
const FRAME_COST: u64 = 2;
/// What it costs to hash the id of a message or to read its cause.
const MESSAGE_COST: u64 = 16;
/// How many bytes of a frame in several slices are put into one piece, to be looked at, in a unit of work.
const BYTES_GATHERED: usize = 32;

/// The last frames that one publisher sent.
#[derive(Debug)]
pub(crate) struct SentFrames {
    frames_max: usize,
    /// How many messages are kept for late subscribers, in as many frames as they take.
    messages_min: u64,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Oldest first.
    frames: VecDeque<SentFrame>,
    bytes: usize,
    messages: u64,
}

#[derive(Clone, Debug)]
struct SentFrame {
    bytes: Slices,
    first_number: u64,
    count: u16,
    /// Known since somebody asked.
    first_id: Option<MessageId>,
}

impl SentFrames {
    /// Keeps at most so many frames, but as many as so many messages take.
    pub(crate) fn new(frames_max: usize, messages_min: usize) -> Self {
        Self {
            frames_max,
            messages_min: messages_min.try_into().unwrap_or(u64::MAX),
            memory: Mutex::default(),
        }
    }

    /// Keeps a frame that is about to be sent.
    pub(crate) fn keep(&self, bytes: &Slices, first_number: u64, count: u16) {
        let len = bytes.total_len();
        if self.messages_min == 0 && (self.frames_max == 0 || len > BYTES_MAX) || len > HISTORY_BYTES_MAX {
            return;
        }
        let mut memory = self.lock();
        memory.bytes += len;
        memory.messages += u64::from(count);
        memory.frames.push_back(SentFrame {
            bytes: bytes.clone(),
            first_number,
            count,
            first_id: None,
        });
        while memory.bytes > HISTORY_BYTES_MAX
            || (memory.frames.len() > self.frames_max || memory.bytes > BYTES_MAX)
                && memory.messages - memory.oldest_count() >= self.messages_min
        {
            memory.forget_oldest();
        }
    }

    /// The frames with at least one of the numbers `first ..= last`, oldest first.
    pub(crate) fn with_numbers(&self, first: u64, last: u64) -> Vec<Slices> {
        let memory = self.lock();
        let wanted = memory.frames.iter().filter(|frame| {
            let end = frame.first_number.saturating_add(u64::from(frame.count));
            frame.first_number <= last && end > first
        });
        wanted.map(|frame| frame.bytes.clone()).collect()
    }

    /// The frame that holds the message with this id. `id_of` hashes a number of this publisher.
    fn holding(&self, id: MessageId, id_of: impl Fn(u64) -> MessageId, work: &mut Work) -> Option<Slices> {
        let mut longer = Vec::new();
        for frame in self.lock().frames.iter_mut().rev() {
            let cost = if frame.first_id.is_some() { 0 } else { MESSAGE_COST };
            if !work.spend(FRAME_COST + cost) {
                return None;
            }
            if *frame.first_id.get_or_insert_with(|| id_of(frame.first_number)) == id {
                return Some(frame.bytes.clone());
            }
            if frame.count > 1 {
                longer.push(frame.clone());
            }
        }
        // The publisher may send on while the many are hashed.
        let holds = |frame: &SentFrame| {
            let rest = 1..u64::from(frame.count);
            rest.map(|since_first| frame.first_number.saturating_add(since_first))
                .take_while(|_| work.spend(MESSAGE_COST))
                .any(|number| id_of(number) == id)
        };
        longer.into_iter().find(holds).map(|frame| frame.bytes)
    }

    /// The frames with a message that names this one as its cause, newest first.
    fn effects_of(&self, cause: MessageId, work: &mut Work) -> Vec<Slices> {
        let frames: Vec<SentFrame> = self.lock().frames.iter().rev().cloned().collect();
        let names_it = |frame: &SentFrame| {
            let gathered = if frame.bytes.is_one() {
                0
            } else {
                frame.bytes.total_len()
            };
            let cost = FRAME_COST + MESSAGE_COST * u64::from(frame.count) + (gathered / BYTES_GATHERED) as u64;
            if !work.spend(cost) {
                return false;
            }
            let bytes = frame.bytes.contiguous();
            let layout = Layout::parse(bytes.as_slice());
            layout.is_ok_and(|layout| Question::EffectsOf(cause).is_answered_by(&layout, bytes.as_slice()))
        };
        frames.into_iter().filter(names_it).map(|frame| frame.bytes).collect()
    }

    fn size(&self) -> (usize, usize) {
        let memory = self.lock();
        (memory.frames.len(), memory.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn forget_oldest(&mut self) {
        if let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.bytes.total_len();
            self.messages -= u64::from(frame.count);
        }
    }

    /// The number of messages in the oldest frame.
    fn oldest_count(&self) -> u64 {
        self.frames.front().map_or(0, |frame| frame.count.into())
    }
}

/// What a node keeps beside what its publishers keep themselves.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// Dropped publishers that have sent something, the one that was dropped first in front.
    retired: Mutex<VecDeque<Arc<PublisherFacts>>>,
    allowance: Mutex<Allowance>,
}

impl Evidence {
    /// Takes over what a dropped publisher has kept.
    pub(crate) fn retire(&self, facts: &Arc<PublisherFacts>) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.push_back(Arc::clone(facts));
        retired.retain(|facts| facts.sent_frames.size().0 > 0);
        let sizes = retired.iter().map(|facts| facts.sent_frames.size());
        let (mut frames, mut bytes) = sizes.fold((0, 0), |(frames, bytes), size| (frames + size.0, bytes + size.1));
        while frames > RETIRED_FRAMES_MAX || bytes > RETIRED_BYTES_MAX {
            let Some(oldest) = retired.front() else { return };
            let before = oldest.sent_frames.size();
            oldest.sent_frames.lock().forget_oldest();
            let after = oldest.sent_frames.size();
            frames -= before.0 - after.0;
            bytes -= before.1 - after.1;
            if after.0 == 0 {
                retired.pop_front();
            }
        }
    }

    pub(crate) fn retired(&self) -> Vec<Arc<PublisherFacts>> {
        let retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.iter().rev().cloned().collect()
    }

    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeCore {
    /// Answers a question for frames with those that hold what was asked for. Called in the thread that received it.
    pub(crate) fn answer_from_evidence(&self, query: &Query) {
        let Some(question) = key_expr::parse_frame_question(&self.domain, query.key_expr()) else {
            return;
        };
        let Some(mut work) = self.evidence.allowance().take(Instant::now()) else {
            return;
        };
        for (facts, bytes) in self.find_evidence(question, &mut work) {
            let place = FramePlace {
                node: self.name.clone(),
                topic: facts.topic.clone(),
                type_name: facts.type_name.clone(),
                type_hash: facts.type_hash,
            };
            let _ = query.reply(&key_expr::frame_answer(&self.domain, question, &place), bytes);
        }
        self.evidence.allowance().give_back(work);
    }

    fn find_evidence(&self, question: Question, work: &mut Work) -> Vec<(Arc<PublisherFacts>, Slices)> {
        let mut found = Vec::new();
        for facts in self.endpoints.publishers().into_iter().chain(self.evidence.retired()) {
            match question {
                Question::Message(id) => {
                    let id_of = |number| MessageId::of(&self.public_key(), facts.writer, self.epoch, number);
                    if let Some(bytes) = facts.sent_frames.holding(id, id_of, work) {
                        return vec![(facts, bytes)];
                    }
                }
                Question::EffectsOf(cause) => {
                    let effects = facts.sent_frames.effects_of(cause, work);
                    found.extend(effects.into_iter().map(|bytes| (Arc::clone(&facts), bytes)));
                    if found.len() >= EFFECTS_ANSWERED_MAX {
                        break;
                    }
                }
            }
        }
        found.truncate(EFFECTS_ANSWERED_MAX);
        found
    }
}

/// How much work may still be done for one question.
#[derive(Debug)]
struct Work {
    left: u64,
}

impl Work {
    /// `false` when that is more than is left.
    fn spend(&mut self, cost: u64) -> bool {
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or_default();
        left.is_some()
    }
}

/// How much work may still be done for questions now; it grows with time up to that of one second.
#[derive(Debug, Default)]
struct Allowance {
    left: u64,
    /// When it was last counted. `None`: never, so it is whole.
    counted: Option<Instant>,
}

impl Allowance {
    /// Takes what one question may cost; `None` when too much was asked lately.
    fn take(&mut self, now: Instant) -> Option<Work> {
        let earned = self.counted.map_or(WORK_PER_SECOND, |counted| {
            let passed = now.saturating_duration_since(counted).as_micros();
            u64::try_from(passed)
                .unwrap_or(u64::MAX)
                .saturating_mul(WORK_PER_SECOND / 1_000_000)
        });
        self.counted = Some(now);
        self.left = self.left.saturating_add(earned).min(WORK_PER_SECOND);
        let taken = self.left.min(WORK_PER_QUESTION);
        let left = taken.checked_sub(QUESTION_COST)?;
        self.left -= taken;
        Some(Work { left })
    }

    fn give_back(&mut self, unspent: Work) {
        self.left += unspent.left;
    }
}

#[cfg(test)]
mod tests;
