//! The typed service server: verified requests, decoded, and their responses.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nuncio_msgs::nuncio_msgs::msg::ServiceFault;
use nuncio_msgs::service::Service;

use crate::generic_request::{GenericRequest, RespondError};
use crate::generic_service_server::GenericServiceServer;
use crate::generic_subscriber::{MessageInfo, ReceiveError};
use crate::payload;
use crate::request_desk::RequestDesk;
use crate::service_error::ServiceError;
use crate::shield::shielded;

/// Serves one service of type `S`. What does not verify never appears here; what is no request of `S` is answered with a
/// fault and counted as a refusal.
///
/// Take requests with [`recv`](Self::recv), as many at a time as you like, or let a thread call a handler for one after the
/// other with [`on_request`](Self::on_request). Everything that does not depend on the type is on [`GenericServiceServer`],
/// which this dereferences to.
///
/// ```no_run
/// use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsResponse};
///
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// let server = node.service_server::<AddTwoInts>("/add")?;
/// let _serving = server.on_request(|request, _| Ok(AddTwoIntsResponse { sum: request.a + request.b }))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ServiceServer<S> {
    generic: GenericServiceServer,
    of: PhantomData<fn() -> S>,
}

/// A verified request of `S`, to be answered once. Dropped without an answer, it is answered with a fault.
#[derive(Debug)]
pub struct IncomingRequest<S: Service> {
    /// What is asked.
    pub request: S::Request,
    /// Who calls, and when. The topic is the service's name.
    pub info: MessageInfo,
    generic: GenericRequest,
}

impl<S: Service> ServiceServer<S> {
    pub(crate) fn new(generic: GenericServiceServer) -> Self {
        Self {
            generic,
            of: PhantomData,
        }
    }

    /// Waits for the next request.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed.
    pub async fn recv(&self) -> Result<IncomingRequest<S>, ReceiveError> {
        loop {
            if let Some(request) = decode(self.generic.recv().await?) {
                return Ok(request);
            }
        }
    }

    /// Takes the next request if there is one.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there is none now, [`ReceiveError::Closed`] when there will be none.
    pub fn try_recv(&self) -> Result<IncomingRequest<S>, ReceiveError> {
        loop {
            if let Some(request) = decode(self.generic.try_recv()?) {
                return Ok(request);
            }
        }
    }

    /// Calls `handler` with one request after the other, in a thread of its own, and answers with what it returns; where it
    /// panics, with a fault that says so, and it is called with the next. The service ends when what is returned is dropped or the node is closed.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Thread`] when no thread can be started.
    pub fn on_request(
        self,
        mut handler: impl FnMut(S::Request, &MessageInfo) -> Result<S::Response, ServiceFault> + Send + 'static,
    ) -> Result<Serving, ServiceError> {
        let desk = Arc::clone(self.generic.desk());
        let thread = thread::Builder::new().name(format!("nuncio{}", self.name()));
        let run = move || {
            while let Ok(taken) = self.generic.recv_timeout(Duration::MAX) {
                shielded(self.name().as_str(), || answer::<S>(taken, &mut handler));
            }
        };
        thread.spawn(run).map_err(ServiceError::Thread)?;
        Ok(Serving { desk })
    }

    /// The server with what answers its requests, for an [attendant](crate::attendant).
    pub(crate) fn attended(
        self,
        mut handler: impl FnMut(S::Request, &MessageInfo) -> Result<S::Response, ServiceFault> + Send + 'static,
    ) -> Attended {
        Attended {
            serving: Serving {
                desk: Arc::clone(self.generic.desk()),
            },
            answer_next: Box::new(move || {
                let taken = self.generic.try_recv()?;
                shielded(self.generic.name().as_str(), || answer::<S>(taken, &mut handler));
                Ok(())
            }),
        }
    }
}

impl<S: Service> IncomingRequest<S> {
    /// Answers.
    ///
    /// # Errors
    ///
    /// [`RespondError`] when the response violates its schema or is too large, nobody waits for it any more, or the link is
    /// closed.
    pub fn respond(self, response: &S::Response) -> Result<(), RespondError> {
        respond::<S>(self.generic, response)
    }

    /// Answers with the reason why there is no response.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn fail(self, fault: &ServiceFault) -> Result<(), RespondError> {
        self.generic.fail(fault)
    }

    /// Whether the caller does not wait for the response any more: it has given up, or its deadline is over.
    pub fn is_cancelled(&self) -> bool {
        self.generic.is_cancelled()
    }

    /// How long the caller still waits, by its own word, which is not signed.
    pub fn remaining(&self) -> Option<Duration> {
        self.generic.remaining()
    }

    /// Waits until the caller does not wait any more: it has given up, or its deadline is over.
    pub async fn cancelled(&self) {
        self.generic.cancelled().await;
    }
}

/// A server whose requests are answered by whoever calls `answer_next`.
pub(crate) struct Attended {
    pub(crate) serving: Serving,
    /// Answers the next request if there is one.
    pub(crate) answer_next: Box<dyn FnMut() -> Result<(), ReceiveError> + Send>,
}

/// A service whose requests go to a handler. Dropping it ends the service.
#[derive(Debug)]
#[must_use = "the handler is called only while this is kept"]
pub struct Serving {
    pub(crate) desk: Arc<RequestDesk>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The requests that wait end with it.
        drop(self.desk.close());
    }
}

impl<S> Deref for ServiceServer<S> {
    type Target = GenericServiceServer;

    fn deref(&self) -> &GenericServiceServer {
        &self.generic
    }
}

fn answer<S: Service>(
    taken: GenericRequest,
    handler: &mut impl FnMut(S::Request, &MessageInfo) -> Result<S::Response, ServiceFault>,
) {
    let Some(incoming) = decode::<S>(taken) else { return };
    let IncomingRequest { request, info, generic } = incoming;
    // Whom the answer does not reach has been told, or does not wait.
    let _ = match handler(request, &info) {
        Ok(response) => respond::<S>(generic, &response),
        Err(fault) => generic.fail(&fault),
    };
}

fn respond<S: Service>(request: GenericRequest, response: &S::Response) -> Result<(), RespondError> {
    request.respond_encoded(|now_ns, bytes| payload::encode(response, now_ns, bytes))
}

/// Decodes what was verified, or answers and counts that it could not be.
fn decode<S: Service>(generic: GenericRequest) -> Option<IncomingRequest<S>> {
    let error = match payload::decode(generic.message()) {
        Ok(request) => {
            return Some(IncomingRequest {
                request,
                info: generic.info(),
                generic,
            });
        }
        Err(error) => error,
    };
    generic.refuse(&error);
    None
}
