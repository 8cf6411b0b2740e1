//! A request that was sent, and the wait for its answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::GenericServiceClient;
use crate::call_error::CallError;
use crate::security::refusal::Refusal;
use crate::security::verifier::Verified;
use crate::service_directory::KnownServer;
use crate::service_facts::server_id;

/// A request that was sent.
pub(super) struct Asked<'a> {
    pub(super) client: &'a GenericServiceClient,
    pub(super) server: &'a KnownServer,
    pub(super) number: u64,
    pub(super) since: Instant,
    pub(super) answer: oneshot::Receiver<Verified>,
    pub(super) refusal: Arc<Mutex<Option<Refusal>>>,
    /// The server knows that nobody waits for the answer, or has given it.
    pub(super) is_over: bool,
}

impl Asked<'_> {
    /// Waits for the answer, for at most `deadline`.
    pub(super) async fn answer(mut self, deadline: Duration) -> Result<Verified, CallError> {
        let peer = &self.server.facts.peer;
        let gone = self.server.vanished(&self.client.node);
        let answer = tokio::select! {
            biased;
            answer = &mut self.answer => Some(answer.ok()),
            () = gone => None,
            () = tokio::time::sleep(deadline) => Some(None),
        };
        self.is_over = true;
        let server = || peer.name.clone();
        match answer {
            Some(Some(verified)) => Ok(verified),
            None => Err(CallError::ServerGone { server: server() }),
            Some(None) if self.since.elapsed() >= deadline => Err(CallError::DeadlineExceeded {
                server: server(),
                waited: deadline,
            }),
            Some(None) => {
                let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(self.server.unanswered(refusal))
            }
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.client.cancel(self.server, self.number);
        }
    }
}

impl KnownServer {
    pub(super) fn id(&self) -> Vec<u8> {
        let peer = &self.facts.peer;
        server_id(&peer.public_key(), peer.epoch, self.writer)
    }

    pub(super) fn unanswered(&self, refusal: Option<Refusal>) -> CallError {
        CallError::Unanswered {
            server: self.facts.peer.name.clone(),
            refusal: refusal.map(Box::new),
        }
    }
}
