//! The untyped service client: payloads to signed requests, and verified responses to whoever waits for them.
//!
//! A call goes to one server, which a signed card names and which the trust policy permits to serve: the request's signature
//! names that server, so no other can carry it out. The response's signature names the request. Every call ends: with a
//! response, with a fault that the server has signed, or with an error, at its deadline at the latest. Nothing is repeated
//! by itself: whether a request that was not answered was carried out, its caller alone can find out.
//!
//! A server hears with the request how long its answer is waited for, and carries out nothing later. A call whose future is
//! dropped before is taken back: the server is told by a signed cancellation, which may get lost.

mod asked;

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nuncio_msgs::nuncio_msgs::msg::{ServiceCancel, ServiceFault, TypeDefinition};
use nuncio_msgs::{Message, TypeHash};
use tokio::sync::oneshot;

use self::asked::Asked;
use crate::call_error::CallError;
use crate::clock;
use crate::generic_publisher::Closed;
use crate::key_expr;
use crate::link::Bytes;
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::payload::{self, EncodeError};
use crate::security::answer::ExpectedAnswer;
use crate::security::frame::{Kind, MessageId};
use crate::security::key::PublicKey;
use crate::security::refusal::Refusal;
use crate::security::verifier::{Verified, VerifiedMessage};
use crate::service_calls::{Calls, OpenCall};
pub use crate::service_calls::{GenericResponse, ServiceClientStats};
use crate::service_directory::{Choice, KnownServer, ServiceServerInfo};
use crate::service_error::ServiceError;
use crate::service_facts::{ServiceEnd, ServiceFacts, ServiceTypes, TypeId};
use crate::service_frame::{self, ServiceFrame};
use crate::service_introspection::{CallStep, IntrospectedCall, Introspection, ServiceIntrospection, client_gid};
use crate::service_options::ServiceClientOptions;

/// Calls one service.
pub struct GenericServiceClient {
    pub(crate) node: Arc<NodeCore>,
    facts: Arc<ServiceFacts>,
    options: ServiceClientOptions,
    pub(crate) choice: Choice,
    /// Held while a request is numbered, signed and sent: requests leave in the order of their numbers.
    sending: Mutex<()>,
    calls: Arc<Calls>,
    introspection: Introspection,
    /// The change of the card that entered this client.
    card_change: u64,
}

impl fmt::Debug for GenericServiceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericServiceClient")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl GenericServiceClient {
    pub(crate) fn declare(
        node: Arc<NodeCore>,
        name: TopicName,
        types: ServiceTypes,
        definition: TypeDefinition,
        options: ServiceClientOptions,
    ) -> Result<Self, ServiceError> {
        node.check_open().map_err(|Closed| ServiceError::Closed)?;
        let facts = node
            .endpoints
            .add_service(&node.name, ServiceEnd::Client, name, types, definition)
            .ok_or(ServiceError::TooMany)?;
        let calls = Arc::default();
        node.endpoints.add_calls(&facts, &calls);
        let card_change = node.card_changed();
        let introspection = Introspection::default();
        if let Err(error) = introspection.configure(&node, &facts, options.introspection) {
            node.endpoints.remove_service(&facts);
            node.card_changed();
            return Err(error);
        }
        Ok(Self {
            introspection,
            choice: Choice::new(Arc::clone(&facts), options.server_role.clone()),
            node,
            facts,
            options,
            sending: Mutex::default(),
            calls,
            card_change,
        })
    }

    /// Calls a server with a payload and waits for its response, for at most the deadline of the options.
    ///
    /// # Errors
    ///
    /// [`CallError`], at the deadline at the latest.
    pub async fn call(&self, payload: &[u8]) -> Result<GenericResponse, CallError> {
        self.call_within(payload, self.options.deadline).await
    }

    /// As [`call`](Self::call), with a deadline of its own.
    ///
    /// # Errors
    ///
    /// [`CallError`], at the deadline at the latest.
    pub async fn call_within(&self, payload: &[u8], deadline: Duration) -> Result<GenericResponse, CallError> {
        let encode = |_, bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(payload);
            Ok(())
        };
        let message = self.call_encoded(deadline, encode).await?;
        Ok(GenericResponse {
            service: self.facts.name.clone(),
            message,
        })
    }

    pub(crate) async fn call_encoded(
        &self,
        deadline: Duration,
        encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<VerifiedMessage, CallError> {
        let server = self.choose()?;
        self.call_server(&server, deadline, encode).await
    }

    /// The server that the next call would go to.
    pub(crate) fn choose(&self) -> Result<KnownServer, CallError> {
        self.choice.server(&self.node).map_err(CallError::NoServer)
    }

    /// The server of this service that has this key.
    pub(crate) fn server_of(&self, key: PublicKey) -> Result<KnownServer, CallError> {
        self.choice.server_of(&self.node, key).map_err(CallError::NoServer)
    }

    /// Calls this server and no other.
    pub(crate) async fn call_server(
        &self,
        server: &KnownServer,
        deadline: Duration,
        encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<VerifiedMessage, CallError> {
        self.node.check_open().map_err(|Closed| CallError::Closed)?;
        let asked = self.ask(server, deadline, encode)?;
        let number = asked.number;
        let answered = asked.answer(deadline).await;
        if let Err(CallError::DeadlineExceeded { .. } | CallError::ServerGone { .. } | CallError::Unanswered { .. }) =
            &answered
        {
            self.choice.avoid(server);
        }
        let verified = Arc::new(answered?);
        let is_fault = verified.header().type_hash_prefix == ServiceFault::TYPE_HASH.prefix();
        let Some(message) = verified.messages().next() else {
            return Err(server.unanswered(None));
        };
        let response = (!is_fault).then(|| message.payload());
        self.tell(number, CallStep::ResponseReceived(response));
        if !is_fault {
            self.calls.answered.fetch_add(1, Ordering::Relaxed);
            return Ok(message);
        }
        self.calls.faults.fetch_add(1, Ordering::Relaxed);
        let fault = payload::decode(&message).map_err(CallError::Decode)?;
        Err(CallError::Fault {
            server: server.facts.peer.name.clone(),
            fault,
        })
    }

    /// Signs a request and sends it to a server.
    fn ask<'a>(
        &'a self,
        server: &'a KnownServer,
        deadline: Duration,
        encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<Asked<'a>, CallError> {
        let open = self.open_call()?;
        // Whoever has met this node learns of the client before its first request: both take the same way.
        self.node.announce_card(self.card_change);
        let _in_order = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, request_id) = (self.facts.take_number(), server.id());
        let frame = ServiceFrame {
            kind: Kind::Request,
            of_type: &self.facts.types.request,
            request_id: &request_id,
            cause: None,
            origin: self.options.on_behalf_of.as_deref(),
            number,
        };
        let mut shown = Vec::new();
        let encode = self.introspection.showing(&mut shown, encode);
        let sealed = service_frame::seal(&self.node, &self.facts, &frame, encode).map_err(CallError::Seal)?;
        let (sender, answer) = oneshot::channel();
        let refusal = Arc::new(Mutex::new(None));
        let receive = self.receive(server, number, sender, (Arc::clone(&refusal), open));
        let link = &self.node.link;
        link.call(&self.key_expr(server), sealed, deadline, receive)
            .map_err(CallError::Link)?;
        self.calls.sent.fetch_add(1, Ordering::Relaxed);
        self.tell(number, CallStep::RequestSent(&shown));
        Ok(Asked {
            client: self,
            server,
            number,
            since: Instant::now(),
            answer,
            refusal,
            is_over: false,
        })
    }

    /// Tells those who look on of a step of one of this client's calls.
    fn tell(&self, number: u64, step: CallStep<'_>) {
        let call = || IntrospectedCall {
            client_gid: client_gid(&self.node.public_key(), self.facts.writer, self.node.epoch),
            number,
        };
        self.introspection.tell(call, step);
    }

    /// Changes what this client tells of its calls; see [`service_introspection`](crate::service_introspection).
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when events cannot be published. Nothing changes then.
    pub fn configure_introspection(&self, level: ServiceIntrospection) -> Result<(), ServiceError> {
        self.introspection.configure(&self.node, &self.facts, level)
    }

    fn open_call(&self) -> Result<OpenCall, CallError> {
        let max = self.options.calls_max.get();
        let open = OpenCall(Arc::clone(&self.calls));
        match self.calls.open.fetch_add(1, Ordering::AcqRel) < max {
            true => Ok(open),
            false => Err(CallError::TooManyCalls { max }),
        }
    }

    /// What is called with whatever comes as an answer to a request, in the thread that receives.
    fn receive(
        &self,
        server: &KnownServer,
        number: u64,
        sender: oneshot::Sender<Verified>,
        (last_refusal, open): (Arc<Mutex<Option<Refusal>>>, OpenCall),
    ) -> impl Fn(&str, Bytes) + Send + Sync + 'static {
        let id = MessageId::of(&self.node.public_key(), self.facts.writer, self.node.epoch, number);
        let fault = TypeId::fault();
        let context =
            |of_type: &TypeId| service_frame::context(&self.node, &self.facts, of_type, Kind::Response, &id.0);
        let response = &self.facts.types.response;
        let expected = ExpectedAnswer {
            server: Arc::clone(&server.facts),
            writer: server.writer,
            types: [response, &fault].map(|of_type| (of_type.hash.prefix(), context(of_type))),
            frame_len_max: self.options.frame_len_max,
        };
        let (node, calls) = (Arc::downgrade(&self.node), Arc::clone(&self.calls));
        let sender = Mutex::new(Some(sender));
        let service = self.facts.name.clone();
        move |_, bytes| {
            let _open = &open;
            let Some(node) = node.upgrade() else { return };
            if sender.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
                return;
            }
            match expected.open(bytes, &node.trust, &node.believer, clock::now_ns()) {
                Ok(verified) => {
                    let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(sender) = sender {
                        // Whoever has stopped waiting has taken the request back.
                        let _ = sender.send(verified);
                    }
                }
                Err(refusal) => {
                    calls.refused.fetch_add(1, Ordering::Relaxed);
                    *last_refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal.clone());
                    node.refuse(&service, refusal);
                }
            }
        }
    }

    /// Waits until a server can be called; `false` when there was none in time. [`servers`](Self::servers) says why.
    pub async fn wait_for_server(&self, timeout: Duration) -> bool {
        let wait = async {
            loop {
                let changed = self.node.graph.listen();
                if self.choice.server(&self.node).is_ok() {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, wait).await.is_ok()
    }

    /// The servers of this service that signed cards name, those that are not called included.
    pub fn servers(&self) -> Vec<ServiceServerInfo> {
        self.choice.servers(&self.node)
    }

    /// The service's name.
    pub fn name(&self) -> &TopicName {
        &self.facts.name
    }

    /// The full name of the service's type.
    pub fn type_name(&self) -> &str {
        &self.facts.types.service.name
    }

    /// The hash of the service's type.
    pub fn type_hash(&self) -> TypeHash {
        self.facts.types.service.hash
    }

    /// How it calls.
    pub fn options(&self) -> &ServiceClientOptions {
        &self.options
    }

    /// What became of its calls.
    pub fn stats(&self) -> ServiceClientStats {
        self.calls.stats()
    }

    fn key_expr(&self, server: &KnownServer) -> String {
        let peer = &server.facts.peer;
        let place = (&peer.public_key(), peer.epoch, server.writer);
        key_expr::service_server(&self.node.domain, &self.facts.name, place)
    }

    /// Tells a server that nobody waits for the response to a request, if the link has room for that.
    fn cancel(&self, server: &KnownServer, number: u64) {
        if self.node.check_open().is_err() {
            return;
        }
        let _in_order = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = ServiceFrame {
            kind: Kind::Request,
            of_type: &TypeId::cancel(),
            request_id: &server.id(),
            cause: None,
            origin: None,
            number: self.facts.take_number(),
        };
        let cancel = ServiceCancel { number };
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(&cancel, now_ns, bytes);
        if let Ok(sealed) = service_frame::seal(&self.node, &self.facts, &frame, encode) {
            // A server that does not hear of it works in vain, no more.
            let _ = self.node.link.put_in_turn(&self.key_expr(server), sealed);
        }
    }
}

impl Drop for GenericServiceClient {
    fn drop(&mut self) {
        self.node.endpoints.remove_service(&self.facts);
        self.node.card_changed();
    }
}
