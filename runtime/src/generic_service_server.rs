//! The untyped service server: queries on its key to verified requests, and payloads to signed responses.
//!
//! A request is verified as a message is, by the same [verifier](crate::security::verifier): who may call, how old it is,
//! and that it was not seen before. Its context names this very server, of this start of its node, so a request that was
//! recorded does nothing elsewhere, later, or twice. A caller that is refused gets no answer; its query ends.
//!
//! Requests wait for the handler in a bounded queue. One that finds it full is answered at once with a signed fault.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::time::Duration;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{ServiceCancel, TypeDefinition};

use crate::approval::ApprovalPart;
use crate::delivery::{Delivery, DeliveryCallback};
use crate::generic_publisher::Closed;
pub use crate::generic_request::{GenericRequest, RespondError};
use crate::generic_request::{ServerCounters, ServerPort, abandoned, refuse_for_want_of_room};
use crate::generic_subscriber::ReceiveError;
use crate::link::Declared;
use crate::name::TopicName;
use crate::node::NodeCore;
use crate::payload;
use crate::qos::QosProfile;
use crate::reception::Reception;
use crate::request_desk::{InHand, RequestDesk};
use crate::security::frame::{Kind, MessageId};
use crate::security::refusal::Refusal;
use crate::security::verifier::{ExpectedType, Verifier, VerifierSetup};
use crate::service_error::ServiceError;
use crate::service_facts::{ServiceEnd, ServiceFacts, ServiceTypes, TypeId, server_id};
use crate::service_introspection::{CallStep, Introspection, ServiceIntrospection};
use crate::service_options::ServiceServerOptions;
use crate::stats::SubscriptionStats;

/// How many cancellations wait while their client is being asked who it is.
const CANCELLATIONS_KEPT: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

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

/// What became of the requests of one server.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServiceServerStats {
    /// What was received, and what was refused and why.
    pub requests: SubscriptionStats,
    /// Requests that wait for the handler now.
    pub waiting: usize,
    /// How many may wait.
    pub depth: usize,
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
        let reception = |of_type: &TypeId, depth| reception(&node, &facts, of_type, depth, options.frame_len_max);
        let requests = reception(&facts.types.request, options.depth);
        let cancelling = reception(&TypeId::cancel(), CANCELLATIONS_KEPT);
        let counters = Arc::new(ServerCounters::default());
        let port = Arc::new(ServerPort {
            reception: Arc::clone(&requests),
            counters: Arc::clone(&counters),
            desk: Arc::clone(&desk),
            facts: Arc::clone(&facts),
            node: Arc::clone(&node),
            introspection: Introspection::default(),
        });
        node.endpoints.add_server(&port);
        let (core, waiting) = (Arc::downgrade(&node), Arc::clone(&desk));
        let take = move |Delivery { message, .. }: Delivery| {
            if let Err(message) = waiting.put(message)
                && let Some(node) = core.upgrade()
            {
                counters.overloaded.add(1);
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
        let server = Self::declare_on_link(port, requests, cancelling)?;
        server.configure_introspection(options.introspection)?;
        Ok(server)
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
        port.facts.becomes_reachable();
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
        self.port.stats()
    }

    /// Changes what this server tells of its calls; see [`service_introspection`](crate::service_introspection).
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when events cannot be published. Nothing changes then.
    pub fn configure_introspection(&self, level: ServiceIntrospection) -> Result<(), ServiceError> {
        let port = &self.port;
        port.introspection.configure(&port.node, &port.facts, level)
    }

    /// Where the requests wait.
    pub(crate) fn desk(&self) -> &Arc<RequestDesk> {
        &self.port.desk
    }

    fn in_hand(&self, taken: InHand) -> GenericRequest {
        let step = CallStep::RequestReceived(taken.message.payload());
        self.port.tell(&taken.message, step);
        GenericRequest::new(Arc::clone(&self.port), taken)
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

/// Where the frames of one type that are for this server end up.
fn reception(
    node: &Arc<NodeCore>,
    facts: &ServiceFacts,
    of_type: &TypeId,
    depth: NonZeroUsize,
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
        keeps_cursor: false,
    };
    let verifier = Verifier::new(setup, Arc::clone(&node.peers), Arc::clone(&node.believer));
    let desks = (Arc::clone(&node.refusals), Arc::clone(&node.contact));
    // Second signers approve messages; the limits of topics are not those of services.
    let no_approval = (ApprovalPart::Shows, None);
    // Each request is for itself: none waits for another, and none is asked for again.
    let qos = QosProfile {
        depth,
        ..QosProfile::sensor_data()
    };
    Arc::new_cyclic(|reception| {
        let place = (facts.name.clone(), Weak::clone(reception));
        Reception::new(place, verifier, &qos, desks, no_approval)
    })
}
