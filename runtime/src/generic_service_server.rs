//! The untyped service server: queries on its key to verified requests, and payloads to signed responses.
//!
//! A request is verified as a message is, by the same [verifier](crate::security::verifier): who may call, how old it is,
//! and that it was not seen before. Its context names this very server, of this start of its node, so a request that was
//! recorded does nothing elsewhere, later, or twice. A caller that is refused gets no answer; its query ends.
//!
//! Requests wait for the handler in a bounded queue. One that finds it full is answered at once with a signed fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, thread};

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{ServiceCancel, ServiceFault, TypeDefinition};

use crate::approval::{ApprovalPart, ApprovalState};
use crate::delivery::{Delivery, DeliveryCallback};
use crate::generic_publisher::Closed;
use crate::generic_subscriber::{MessageInfo, ReceiveError};
use crate::key_expr;
use crate::link::{Declared, LinkError};
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::payload::{self, EncodeError};
use crate::reception::Reception;
use crate::request_desk::{Cancellation, InHand, RequestDesk};
use crate::security::frame::{Kind, MessageId};
use crate::security::refusal::Refusal;
use crate::security::verifier::{ExpectedType, VerifiedMessage, Verifier, VerifierSetup};
use crate::service_error::ServiceError;
use crate::service_facts::{ServiceEnd, ServiceFacts, ServiceTypes, TypeId, server_id};
use crate::service_frame::{self, SealError, ServiceFrame};
use crate::service_options::ServiceServerOptions;
use crate::stats::SubscriptionStats;

/// How many cancellations wait while their client is being asked who it is.
const CANCELLATIONS_KEPT: usize = 1024;

/// Serves one service.
///
/// Dropping it ends the service; requests that wait are answered with a fault.
pub struct GenericServiceServer {
    pub(crate) port: Arc<ServerPort>,
    _requests: Declared,
    _cancellations: Declared,
    _cancelling: Arc<Reception>,
}

impl fmt::Debug for GenericServiceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericServiceServer")
            .field("facts", &self.port.facts)
            .finish_non_exhaustive()
    }
}

/// What a server and the requests in hand share.
#[derive(Debug)]
pub(crate) struct ServerPort {
    node: Arc<NodeCore>,
    facts: Arc<ServiceFacts>,
    reception: Arc<Reception>,
    desk: Arc<RequestDesk>,
    counters: Arc<ServerCounters>,
}

#[derive(Debug, Default)]
struct ServerCounters {
    answered: AtomicU64,
    faults: AtomicU64,
    overloaded: AtomicU64,
}

/// What became of the requests of one server.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServiceServerStats {
    /// What was received, and what was refused and why.
    pub requests: SubscriptionStats,
    /// Requests that wait for the handler now.
    pub waiting: usize,
    /// Responses sent.
    pub answered: u64,
    /// Faults sent, those for want of room included.
    pub faults: u64,
    /// Requests that found no room to wait.
    pub overloaded: u64,
}

impl GenericServiceServer {
    pub(crate) fn declare(
        node: Arc<NodeCore>,
        name: TopicName,
        types: ServiceTypes,
        definition: TypeDefinition,
        options: &ServiceServerOptions,
    ) -> Result<Self, ServiceError> {
        node.check_open().map_err(|Closed| ServiceError::Closed)?;
        let facts = node
            .endpoints
            .add_service(&node.name, ServiceEnd::Server, name, types, definition)
            .ok_or(ServiceError::TooMany)?;
        let desk = Arc::new(RequestDesk::new(options.depth.get()));
        node.endpoints.add_desk(&desk);
        let reception = |of_type: &TypeId, depth| reception(&node, &facts, of_type, depth, options.frame_len_max);
        let requests = reception(&facts.types.request, options.depth.get());
        let cancelling = reception(&TypeId::cancel(), CANCELLATIONS_KEPT);
        let counters = Arc::new(ServerCounters::default());
        let port = Arc::new(ServerPort {
            reception: Arc::clone(&requests),
            counters: Arc::clone(&counters),
            desk: Arc::clone(&desk),
            facts: Arc::clone(&facts),
            node: Arc::clone(&node),
        });
        let (core, waiting) = (Arc::downgrade(&node), Arc::clone(&desk));
        let take = move |Delivery { message, .. }: Delivery| {
            if let Err(message) = waiting.put(message)
                && let Some(node) = core.upgrade()
            {
                counters.overloaded.fetch_add(1, Ordering::Relaxed);
                refuse_for_want_of_room(&node, &facts, &counters, &message);
            }
        };
        requests.call_in_place(DeliveryCallback(Box::new(take)));
        let cancel = move |Delivery { message, .. }: Delivery| {
            if let Ok(cancel) = payload::decode::<ServiceCancel>(&message) {
                let header = message.frame().header();
                desk.cancel(MessageId::of(&header.key, header.writer, header.epoch, cancel.number));
            }
        };
        cancelling.call_in_place(DeliveryCallback(Box::new(cancel)));
        Self::declare_on_link(port, requests, cancelling)
    }

    fn declare_on_link(
        port: Arc<ServerPort>,
        requests: Arc<Reception>,
        cancelling: Arc<Reception>,
    ) -> Result<Self, ServiceError> {
        let (node, key_expr) = (&port.node, port.key_expr());
        node.add_reception(&requests);
        node.add_reception(&cancelling);
        let (receiving, contact) = (requests, Arc::clone(&node.contact));
        let declared = node
            .link
            .serve(&key_expr, move |query| receiving.receive(&query.into_bytes(), &contact))
            .map_err(ServiceError::Link)?;
        let (receiving, contact) = (Arc::clone(&cancelling), Arc::clone(&node.contact));
        let cancellations = node
            .link
            .subscribe(&key_expr, move |_, bytes| receiving.receive(&bytes, &contact))
            .map_err(ServiceError::Link)?;
        node.card_changed();
        Ok(Self {
            port,
            _requests: declared,
            _cancellations: cancellations,
            _cancelling: cancelling,
        })
    }

    /// Waits for the next request.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn recv(&self) -> Result<GenericRequest, ReceiveError> {
        let taken = self.port.desk.take().await;
        taken.map(|taken| self.in_hand(taken)).map_err(ReceiveError::from)
    }

    /// Takes the next request if there is one.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there is none now, [`ReceiveError::Closed`] when there will be none.
    pub fn try_recv(&self) -> Result<GenericRequest, ReceiveError> {
        let taken = self.port.desk.try_take();
        taken.map(|taken| self.in_hand(taken)).map_err(ReceiveError::from)
    }

    /// Waits for the next request in this thread, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when none came in time, [`ReceiveError::Closed`] when none will.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<GenericRequest, ReceiveError> {
        let taken = self.port.desk.take_timeout(timeout);
        taken.map(|taken| self.in_hand(taken)).map_err(ReceiveError::from)
    }

    /// The service's name.
    pub fn name(&self) -> &TopicName {
        &self.port.facts.name
    }

    /// The full name of the service's type.
    pub fn type_name(&self) -> &str {
        &self.port.facts.types.service.name
    }

    /// The hash of the service's type.
    pub fn type_hash(&self) -> TypeHash {
        self.port.facts.types.service.hash
    }

    /// The oldest refusal of this server that was not taken yet.
    pub fn try_next_refusal(&self) -> Option<Refusal> {
        self.port.reception.refusals.try_take().ok()
    }

    /// What became of everything received.
    pub fn stats(&self) -> ServiceServerStats {
        let counters = &self.port.counters;
        ServiceServerStats {
            requests: self.port.reception.stats(),
            waiting: self.port.desk.len(),
            answered: counters.answered.load(Ordering::Relaxed),
            faults: counters.faults.load(Ordering::Relaxed),
            overloaded: counters.overloaded.load(Ordering::Relaxed),
        }
    }

    /// Where the requests wait.
    pub(crate) fn desk(&self) -> &Arc<RequestDesk> {
        &self.port.desk
    }

    fn in_hand(&self, taken: InHand) -> GenericRequest {
        let InHand {
            message,
            id,
            cancellation,
        } = taken;
        GenericRequest {
            port: Arc::clone(&self.port),
            message,
            id,
            cancellation,
            is_answered: false,
        }
    }
}

impl Drop for GenericServiceServer {
    fn drop(&mut self) {
        let port = &self.port;
        port.node.endpoints.remove_service(&port.facts);
        port.node.card_changed();
        port.reception.close();
        self._cancelling.close();
        for message in port.desk.close() {
            let fault = abandoned("the server is closing");
            let _ = port.send_fault(&message, &fault);
        }
    }
}

impl ServerPort {
    fn key_expr(&self) -> String {
        key_expr_of(&self.node, &self.facts)
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.reception.refuse(refusal);
    }

    fn send_fault(&self, message: &VerifiedMessage, fault: &ServiceFault) -> Result<(), RespondError> {
        self.counters.faults.fetch_add(1, Ordering::Relaxed);
        send_fault(&self.node, &self.facts, message, fault)
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

    pub(crate) fn respond_encoded(
        mut self,
        encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), RespondError> {
        self.is_answered = true;
        self.check_awaited()?;
        let (node, facts) = (&self.port.node, &self.port.facts);
        let sent = send(node, facts, &facts.types.response, &self.message, encode);
        match &sent {
            Ok(()) => {
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

/// Where the frames of one type that are for this server end up.
fn reception(
    node: &Arc<NodeCore>,
    facts: &ServiceFacts,
    of_type: &TypeId,
    depth: usize,
    frame_len_max: usize,
) -> Arc<Reception> {
    let setup = VerifierSetup {
        domain: node.domain.clone(),
        kind: Kind::Request,
        topic: facts.name.clone(),
        request_id: server_id(&node.public_key(), node.epoch, facts.writer),
        expected: ExpectedType::Exactly {
            name: of_type.name.clone(),
            hash: of_type.hash,
            exclusive: false,
        },
        trust: Arc::clone(&node.trust),
        frame_len_max,
        accept_replay: false,
    };
    let verifier = Verifier::new(setup, Arc::clone(&node.peers), Arc::clone(&node.believer));
    let desks = (Arc::clone(&node.refusals), Arc::clone(&node.contact));
    // Second signers approve messages; the limits of topics are not those of services.
    let no_approval = (ApprovalPart::Shows, None);
    Arc::new(Reception::new(facts.name.clone(), verifier, depth, desks, no_approval))
}

fn key_expr_of(node: &NodeCore, facts: &ServiceFacts) -> String {
    key_expr::service_server(
        &node.domain,
        &facts.name,
        (&node.public_key(), node.epoch, facts.writer),
    )
}

fn refuse_for_want_of_room(
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

fn abandoned(what: &str) -> ServiceFault {
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
