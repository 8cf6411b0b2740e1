//! Requests in hand: what a handler does with a verified request, and how its answer is signed.
//!
//! Every request is answered once, or its caller has taken it back: whatever drops it answers for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, thread};

use nuncio_msgs::nuncio_msgs::msg::ServiceFault;

use crate::approval::ApprovalState;
use crate::generic_publisher::Closed;
use crate::generic_service_server::ServiceServerStats;
use crate::generic_subscriber::MessageInfo;
use crate::key_expr;
use crate::link::LinkError;
use crate::node::NodeCore;
use crate::payload::{self, DecodeError, EncodeError};
use crate::reception::Reception;
use crate::request_desk::{Cancellation, InHand, RequestDesk};
use crate::security::frame::{Kind, MessageId};
use crate::security::refusal::Refusal;
use crate::security::verifier::VerifiedMessage;
use crate::service_facts::{ServiceFacts, TypeId};
use crate::service_frame::{self, SealError, ServiceFrame};
use crate::service_introspection::{CallStep, IntrospectedCall, Introspection};
use crate::stats::Tally;

/// What a server and the requests in hand share.
#[derive(Debug)]
pub(crate) struct ServerPort {
    pub(crate) node: Arc<NodeCore>,
    pub(crate) facts: Arc<ServiceFacts>,
    pub(crate) reception: Arc<Reception>,
    pub(crate) desk: Arc<RequestDesk>,
    pub(crate) counters: Arc<ServerCounters>,
    pub(crate) introspection: Introspection,
}

/// What became of the requests of one server.
#[derive(Debug, Default)]
pub(crate) struct ServerCounters {
    pub(crate) answered: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) overloaded: Tally,
}

impl ServerPort {
    pub(crate) fn key_expr(&self) -> String {
        key_expr_of(&self.node, &self.facts)
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.reception.refuse(refusal);
    }

    pub(crate) fn stats(&self) -> ServiceServerStats {
        ServiceServerStats {
            requests: self.reception.stats(),
            waiting: self.desk.len(),
            depth: self.desk.depth(),
            answered: self.counters.answered.load(Ordering::Relaxed),
            faults: self.counters.faults.load(Ordering::Relaxed),
            overloaded: self.counters.overloaded.get(),
        }
    }

    pub(crate) fn send_fault(&self, message: &VerifiedMessage, fault: &ServiceFault) -> Result<(), RespondError> {
        self.counters.faults.fetch_add(1, Ordering::Relaxed);
        let sent = send_fault(&self.node, &self.facts, message, fault);
        if sent.is_ok() {
            self.tell(message, CallStep::ResponseSent(None));
        }
        sent
    }

    /// Tells those who look on of a step of the call that a request makes.
    pub(crate) fn tell(&self, request: &VerifiedMessage, step: CallStep<'_>) {
        let call = || IntrospectedCall::of(request.frame().header(), request.number());
        self.introspection.tell(call, step);
    }
}

/// A verified request in a handler's hand. It is answered once; dropped without an answer, it is answered with a fault.
pub struct GenericRequest {
    pub(crate) port: Arc<ServerPort>,
    message: VerifiedMessage,
    id: MessageId,
    cancellation: Arc<Cancellation>,
    is_answered: bool,
}

impl fmt::Debug for GenericRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericRequest")
            .field("service", &self.port.facts.name)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl GenericRequest {
    pub(crate) fn new(port: Arc<ServerPort>, taken: InHand) -> Self {
        let InHand {
            message,
            id,
            cancellation,
        } = taken;
        Self {
            port,
            message,
            id,
            cancellation,
            is_answered: false,
        }
    }

    /// The request, which carries the proof.
    pub fn message(&self) -> &VerifiedMessage {
        &self.message
    }

    /// The payload's bytes, for a [`RunTimeType`](crate::run_time_type::RunTimeType).
    pub fn payload(&self) -> &[u8] {
        self.message.payload()
    }

    /// Who calls, and when. The topic is the service's name.
    pub fn info(&self) -> MessageInfo {
        let service = self.port.facts.name.clone();
        MessageInfo::new(service, &self.message, false, ApprovalState::NotAsked)
    }

    /// Answers with a payload.
    ///
    /// # Errors
    ///
    /// [`RespondError`] when it is too large, nobody waits for it any more, or the link is closed.
    pub fn respond(self, payload: &[u8]) -> Result<(), RespondError> {
        self.respond_encoded(|_, bytes| {
            bytes.extend_from_slice(payload);
            Ok(())
        })
    }

    /// Answers with the reason why there is no response.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn fail(mut self, fault: &ServiceFault) -> Result<(), RespondError> {
        self.is_answered = true;
        self.check_awaited()?;
        self.port.send_fault(&self.message, fault)
    }

    /// Answers that it is no request of its type, and counts that as a refusal.
    pub(crate) fn refuse(self, error: &DecodeError) {
        self.port.refuse(error.refusal(self.message.frame().signer()));
        // Whom this does not reach hears nothing until the deadline.
        let _ = self.fail(&fault(ServiceFault::CODE_INVALID_REQUEST, error.to_string()));
    }

    pub(crate) fn respond_encoded(
        mut self,
        encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), RespondError> {
        self.is_answered = true;
        self.check_awaited()?;
        let (node, facts) = (&self.port.node, &self.port.facts);
        let mut shown = Vec::new();
        let encode = self.port.introspection.showing(&mut shown, encode);
        let sent = send(node, facts, &facts.types.response, &self.message, encode);
        match &sent {
            Ok(()) => {
                self.port.tell(&self.message, CallStep::ResponseSent(Some(&shown)));
                self.port.counters.answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(RespondError::Seal(error)) => {
                // The caller hears why instead of waiting for its deadline.
                let text = format!("the response could not be sent: {error}");
                let _ = self
                    .port
                    .send_fault(&self.message, &fault(ServiceFault::CODE_FAILED, text));
            }
            Err(_) => {}
        }
        sent
    }

    /// Whether the caller does not wait for the response any more: it has given up, or its deadline is over.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// How long the caller still waits, by its own word, which is not signed.
    pub fn remaining(&self) -> Option<Duration> {
        self.cancellation.remaining()
    }

    /// Waits until the caller does not wait any more: it has given up, or its deadline is over.
    pub async fn cancelled(&self) {
        self.cancellation.cancelled().await;
    }

    fn check_awaited(&self) -> Result<(), RespondError> {
        match self.is_cancelled() {
            true => Err(RespondError::Cancelled),
            false => Ok(()),
        }
    }
}

impl Drop for GenericRequest {
    fn drop(&mut self) {
        self.port.desk.finish(self.id);
        if !self.is_answered && !self.is_cancelled() {
            let what = match thread::panicking() {
                true => "the server's handler has panicked",
                false => "the server has let go of the request without an answer",
            };
            let _ = self.port.send_fault(&self.message, &abandoned(what));
        }
    }
}

fn key_expr_of(node: &NodeCore, facts: &ServiceFacts) -> String {
    key_expr::service_server(
        &node.domain,
        &facts.name,
        (&node.public_key(), node.epoch, facts.writer),
    )
}

pub(crate) fn refuse_for_want_of_room(
    node: &NodeCore,
    facts: &ServiceFacts,
    counters: &ServerCounters,
    message: &VerifiedMessage,
) {
    counters.faults.fetch_add(1, Ordering::Relaxed);
    let text = "too many requests wait at the server; try again later".to_owned();
    // Whoever cannot be told hears nothing until the deadline.
    let _ = send_fault(node, facts, message, &fault(ServiceFault::CODE_OVERLOADED, text));
}

pub(crate) fn fault(code: u8, mut text: String) -> ServiceFault {
    text.truncate(text.floor_char_boundary(FAULT_TEXT_MAX));
    ServiceFault { code, text }
}

/// The longest text of a fault, as its schema says.
const FAULT_TEXT_MAX: usize = 4096;

pub(crate) fn abandoned(what: &str) -> ServiceFault {
    fault(ServiceFault::CODE_ABANDONED, what.to_owned())
}

fn send_fault(
    node: &NodeCore,
    facts: &ServiceFacts,
    message: &VerifiedMessage,
    fault: &ServiceFault,
) -> Result<(), RespondError> {
    let fault = self::fault(fault.code, fault.text.clone());
    send(node, facts, &TypeId::fault(), message, |now_ns, bytes| {
        payload::encode(&fault, now_ns, bytes)
    })
}

/// Signs what answers a request and sends it.
fn send(
    node: &NodeCore,
    facts: &ServiceFacts,
    of_type: &TypeId,
    message: &VerifiedMessage,
    encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), RespondError> {
    node.check_open().map_err(|Closed| RespondError::Closed)?;
    let id = message.id();
    let frame = ServiceFrame {
        kind: Kind::Response,
        of_type,
        request_id: &id.0,
        cause: Some(id),
        origin: None,
        number: facts.take_number(),
    };
    let sealed = service_frame::seal(node, facts, &frame, encode).map_err(RespondError::Seal)?;
    let Some(query) = message.frame().asked_by() else {
        return Ok(());
    };
    query
        .reply(&key_expr_of(node, facts), sealed)
        .map_err(RespondError::Link)
}

/// Why a request was not answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum RespondError {
    /// The response could not be signed. The caller was told.
    Seal(SealError),
    /// The caller does not wait any more.
    Cancelled,
    /// The node is closed.
    Closed,
    /// The link did not take it.
    Link(LinkError),
}

impl fmt::Display for RespondError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seal(error) => fmt::Display::fmt(error, f),
            Self::Cancelled => f.write_str("the caller does not wait for the response any more"),
            Self::Closed => f.write_str("the node is closed"),
            Self::Link(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for RespondError {}
