//! Frames of strangers that wait at one subscription, in the order in which they came for each stream.
//!
//! # Invariants
//!
//! - They are at most [`WAITING_FRAMES_MAX`] and have at most [`WAITING_BYTES_MAX`] bytes together.
//! - Every question costs the same however many wait.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use super::Reception;
use crate::contact::Question;
use crate::link::Bytes;
use crate::security::frame::{Header, Writer};
use crate::security::key::PublicKey;

/// The most frames of strangers that wait at one subscription.
pub(super) const WAITING_FRAMES_MAX: usize = 4096;
/// The most bytes that they may have together.
pub(super) const WAITING_BYTES_MAX: usize = 8 << 20;

/// Frames that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) streams: HashMap<Stream, VecDeque<WaitingFrame>>,
    /// The streams of each key.
    pub(super) keys: HashMap<PublicKey, HashSet<Stream>>,
    pub(super) frames: usize,
    pub(super) bytes: usize,
}

/// Which publisher of a key and which start of it, by a frame's own word.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Stream {
    key: PublicKey,
    writer: Writer,
    epoch: u64,
}

impl Stream {
    pub(super) fn of(header: &Header) -> Self {
        Self {
            key: header.key,
            writer: header.writer,
            epoch: header.epoch,
        }
    }
}

#[derive(Debug)]
pub(super) struct WaitingFrame {
    bytes: Bytes,
    /// The last question put before it came.
    after: Question,
}

impl Reception {
    /// Whether frames that name this key wait here. What does not wait any more was handed over or refused.
    pub(crate) fn awaits_contact(&self, key: PublicKey) -> bool {
        self.lock_waiting().has(key)
    }
}

impl Waiting {
    pub(super) fn has(&self, key: PublicKey) -> bool {
        self.keys.contains_key(&key)
    }

    pub(super) fn has_stream(&self, header: &Header) -> bool {
        self.streams.contains_key(&Stream::of(header))
    }

    pub(super) fn streams_of(&self, key: PublicKey) -> Vec<Stream> {
        self.keys.get(&key).into_iter().flatten().copied().collect()
    }

    pub(super) fn first_of(&self, stream: Stream) -> Option<(Bytes, Question)> {
        let frame = self.streams.get(&stream)?.front()?;
        Some((frame.bytes.clone(), frame.after))
    }

    pub(super) fn remove_first_of(&mut self, stream: Stream) {
        let Some(frames) = self.streams.get_mut(&stream) else {
            return;
        };
        if let Some(frame) = frames.pop_front() {
            self.frames -= 1;
            self.bytes -= frame.bytes.as_slice().len();
        }
        if frames.is_empty() {
            self.streams.remove(&stream);
            if let Entry::Occupied(mut streams) = self.keys.entry(stream.key) {
                streams.get_mut().remove(&stream);
                if streams.get().is_empty() {
                    streams.remove();
                }
            }
        }
    }

    /// `false` when there is no room.
    pub(super) fn add(&mut self, header: &Header, bytes: &Bytes, after: Question) -> bool {
        let (stream, len) = (Stream::of(header), bytes.as_slice().len());
        if self.frames >= WAITING_FRAMES_MAX || self.bytes + len > WAITING_BYTES_MAX {
            return false;
        }
        self.frames += 1;
        self.bytes += len;
        self.keys.entry(stream.key).or_default().insert(stream);
        let bytes = bytes.clone();
        let frames = self.streams.entry(stream).or_default();
        frames.push_back(WaitingFrame { bytes, after });
        true
    }
}
