//! The last seconds of what was received, in memory, for a snapshot. Bounded by time and by bytes. Pure.

use std::collections::VecDeque;

use super::recorded_frame::RecordedFrame;
use super::recorder::Snapshots;

/// The last frames.
#[derive(Debug, Default)]
pub(super) struct Ring {
    frames: VecDeque<RecordedFrame>,
    bytes: usize,
}

impl Ring {
    /// Keeps a frame. Gives those that are too old, or too much, by now; one frame is kept whatever its length.
    pub(super) fn push(&mut self, frame: RecordedFrame, limits: &Snapshots) -> Vec<RecordedFrame> {
        let now_ns = frame.received_ns;
        self.bytes += frame.memory();
        self.frames.push_back(frame);
        self.forget(now_ns, limits)
    }

    /// Takes out what is too old, or too much, at this time.
    pub(super) fn forget(&mut self, now_ns: i64, limits: &Snapshots) -> Vec<RecordedFrame> {
        let pre = i64::try_from(limits.pre.as_nanos()).unwrap_or(i64::MAX);
        let oldest = now_ns.saturating_sub(pre);
        let mut gone = Vec::new();
        while let Some(first) = self.frames.front()
            && (first.received_ns < oldest || (self.bytes > limits.bytes_max && self.frames.len() > 1))
            && let Some(first) = self.frames.pop_front()
        {
            self.bytes -= first.memory();
            gone.push(first);
        }
        gone
    }

    /// Takes out everything, oldest first.
    pub(super) fn take(&mut self) -> VecDeque<RecordedFrame> {
        self.bytes = 0;
        std::mem::take(&mut self.frames)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use std::sync::Arc;
    use std::time::Duration;

    use nuncio::{Identity, NodeName, TopicName, TypeHash};

    use super::*;
    use crate::bag::Signer;

    const SECOND_NS: i64 = 1_000_000_000;

    fn frame(at_ns: i64, len: usize) -> RecordedFrame {
        RecordedFrame {
            topic: TopicName::parse("/chatter").unwrap(),
            type_name: Arc::from("std_msgs/msg/String"),
            type_hash: TypeHash::from_bytes([0; 32]),
            received_ns: at_ns,
            signer: Arc::new(Signer {
                node: NodeName::parse("/talker").unwrap(),
                key: Identity::from_seed(&[1; 32]).public_key(),
                certificates: String::new(),
                successions: String::new(),
                qos: String::new(),
            }),
            bytes: vec![0; len],
        }
    }

    fn limits(pre: u64, bytes_max: usize) -> Snapshots {
        Snapshots {
            pre: Duration::from_secs(pre),
            post: Duration::ZERO,
            bytes_max,
        }
    }

    fn times(frames: impl IntoIterator<Item = RecordedFrame>) -> Vec<i64> {
        frames.into_iter().map(|frame| frame.received_ns / SECOND_NS).collect()
    }

    #[test]
    fn what_is_older_than_the_seconds_before_goes_also_when_nothing_new_comes() {
        let (mut ring, limits) = (Ring::default(), limits(3, usize::MAX));
        let gone: Vec<_> = (0..10)
            .flat_map(|at| ring.push(frame(at * SECOND_NS, 8), &limits))
            .collect();
        assert_eq!(times(gone), [0, 1, 2, 3, 4, 5]);
        assert_eq!(times(ring.forget(11 * SECOND_NS, &limits)), [6, 7]);
        assert_eq!(times(ring.take()), [8, 9]);
        assert!(ring.push(frame(99 * SECOND_NS, 8), &limits).is_empty());
    }

    #[test]
    fn memory_is_bounded_by_bytes_and_a_single_frame_stays() {
        let one = frame(0, 1000).memory();
        let (mut ring, limits) = (Ring::default(), limits(1000, 3 * one));
        for at in 0..50 {
            ring.push(frame(at * SECOND_NS, 1000), &limits);
            assert!(ring.bytes <= 3 * one, "{}", ring.bytes);
        }
        assert_eq!(times(ring.push(frame(50 * SECOND_NS, 9000), &limits)), [47, 48, 49]);
        assert_eq!(times(ring.take()), [50]);
    }
}
