//! The calls of a client: how many there are, what became of them, and the responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::approval::ApprovalState;
use crate::generic_subscriber::MessageInfo;
use crate::name::TopicName;
use crate::security::verifier::VerifiedMessage;

/// The calls of one client.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// Those that the link has not forgotten.
    pub(crate) open: AtomicUsize,
    pub(crate) sent: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Calls {
    pub(crate) fn stats(&self) -> ServiceClientStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServiceClientStats {
            sent: read(&self.sent),
            answered: read(&self.answered),
            faults: read(&self.faults),
            refused: read(&self.refused),
            open: self.open.load(Ordering::Acquire),
        }
    }
}

/// Counts a call until the link has forgotten it.
pub(crate) struct OpenCall(pub(crate) Arc<Calls>);

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What became of the calls of one client.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ServiceClientStats {
    /// Requests sent.
    pub sent: u64,
    /// Responses received.
    pub answered: u64,
    /// Faults received in the place of responses.
    pub faults: u64,
    /// Answers that were refused.
    pub refused: u64,
    /// Calls that are under way, or ended before the link could forget them.
    pub open: usize,
}

/// A verified response, not decoded yet.
#[derive(Clone, Debug)]
pub struct GenericResponse {
    pub(crate) service: TopicName,
    pub(crate) message: VerifiedMessage,
}

impl GenericResponse {
    /// The response, which carries the proof.
    pub fn message(&self) -> &VerifiedMessage {
        &self.message
    }

    /// The payload's bytes, for a [`RunTimeType`](crate::run_time_type::RunTimeType).
    pub fn payload(&self) -> &[u8] {
        self.message.payload()
    }

    /// Who answered, and when. The topic is the service's name, the cause is the request.
    pub fn info(&self) -> MessageInfo {
        MessageInfo::new(self.service.clone(), &self.message, false, ApprovalState::NotAsked)
    }
}
