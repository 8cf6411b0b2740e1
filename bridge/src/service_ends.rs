//! Both ends of a service at the border: a foreign client that calls a server here, and a foreign server that is called.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nuncio::{
    GenericRequest, GenericResponse, GenericServiceClient, GenericServiceServer, MessageInfo, Node,
    ServiceClientOptions, ServiceFault, ServiceServerOptions, TopicName,
};

use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeServiceType};
use crate::client::Client;

/// A client's connection to one service.
#[derive(Debug)]
pub(crate) struct ServiceLine {
    client: GenericServiceClient,
    ty: Arc<BridgeServiceType>,
}

impl ServiceLine {
    pub(crate) fn open(
        node: &Node,
        service: &TopicName,
        ty: Arc<BridgeServiceType>,
        options: ServiceClientOptions,
    ) -> Result<Self, BorderError> {
        let client = node.generic_service_client(service.as_str(), ty.support(), options);
        let client = client.map_err(|error| BorderError::Node(error.to_string()))?;
        Ok(Self { client, ty })
    }

    pub(crate) fn ty(&self) -> &Arc<BridgeServiceType> {
        &self.ty
    }

    /// Whether the client means this type, in the long form or the short one.
    pub(crate) fn check_type(&self, service: &str, type_name: Option<&str>) -> Result<(), BorderError> {
        let own = self.ty.name();
        match type_name {
            Some(found) if found != own && found.replacen('/', "/srv/", 1) != own => Err(BorderError::OtherType {
                name: service.to_owned(),
                expected: own.to_owned(),
                found: found.chars().take(256).collect(),
            }),
            _ => Ok(()),
        }
    }

    pub(crate) async fn call(&self, request: Body<'_>, timeout: Duration) -> Result<Called, BorderError> {
        let payload = self.ty.request().payload_of(request)?;
        let answered = self.client.call_within(&payload, timeout).await;
        let response = answered.map_err(|error| BorderError::Call(error.to_string()))?;
        Ok(Called {
            ty: Arc::clone(&self.ty),
            response,
        })
    }
}

/// The verified response of a service.
#[derive(Debug)]
pub struct Called {
    ty: Arc<BridgeServiceType>,
    response: GenericResponse,
}

impl Called {
    /// The service's type.
    pub fn ty(&self) -> &Arc<BridgeServiceType> {
        &self.ty
    }

    /// Who has answered.
    pub fn info(&self) -> MessageInfo {
        self.response.info()
    }

    /// The response in Nuncio's encoding.
    pub fn payload(&self) -> &[u8] {
        self.response.payload()
    }

    /// The response in CDR.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when it is not of its type.
    pub fn cdr(&self) -> Result<Vec<u8>, BorderError> {
        self.ty.response().cdr_of(self.payload())
    }

    /// The response in protobuf.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when it is not of its type.
    pub fn protobuf(&self) -> Result<Vec<u8>, BorderError> {
        self.ty.response().protobuf_of(self.payload())
    }

    /// The response as JSON text.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when it is not of its type.
    pub fn json(&self) -> Result<String, BorderError> {
        self.ty.response().json_of(self.payload())
    }
}

/// A service of the foreign side that Nuncio's nodes may call. It is gone when this is dropped.
pub struct OfferedService {
    server: GenericServiceServer,
    ty: Arc<BridgeServiceType>,
    client: Client,
}

impl fmt::Debug for OfferedService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} for {:?}", self.server.name(), self.ty.name(), self.client)
    }
}

impl OfferedService {
    pub(crate) fn open(client: &Client, service: &TopicName, ty: &Arc<BridgeServiceType>) -> Result<Self, BorderError> {
        let node = client.border().node();
        let server = node.generic_service_server(service.as_str(), ty.support(), ServiceServerOptions::default());
        Ok(Self {
            server: server.map_err(|error| BorderError::Node(error.to_string()))?,
            ty: Arc::clone(ty),
            client: client.clone(),
        })
    }

    /// The next verified request; `None` when the node is closed.
    pub async fn recv(&self) -> Option<OfferedRequest> {
        let request = self.server.recv().await.ok()?;
        Some(OfferedRequest {
            request,
            ty: Arc::clone(&self.ty),
        })
    }

    /// The service's type.
    pub fn ty(&self) -> &Arc<BridgeServiceType> {
        &self.ty
    }

    /// The name on Nuncio's side.
    pub fn native(&self) -> &TopicName {
        self.server.name()
    }
}

impl Drop for OfferedService {
    fn drop(&mut self) {
        self.client.inner.services.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A verified request for a foreign server. Dropped without an answer, it is answered with a fault.
#[derive(Debug)]
pub struct OfferedRequest {
    request: GenericRequest,
    ty: Arc<BridgeServiceType>,
}

impl OfferedRequest {
    /// The service's type.
    pub fn ty(&self) -> &Arc<BridgeServiceType> {
        &self.ty
    }

    /// Who calls.
    pub fn info(&self) -> MessageInfo {
        self.request.info()
    }

    /// The request in Nuncio's encoding.
    pub fn payload(&self) -> &[u8] {
        self.request.payload()
    }

    /// The request in CDR.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when it is not of its type.
    pub fn cdr(&self) -> Result<Vec<u8>, BorderError> {
        self.ty.request().cdr_of(self.payload())
    }

    /// The request as JSON text.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when it is not of its type.
    pub fn json(&self) -> Result<String, BorderError> {
        self.ty.request().json_of(self.payload())
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when the response is not of its type, or nobody waits for it any more. The caller is told then.
    pub fn respond(self, response: Body<'_>) -> Result<(), BorderError> {
        match self.ty.response().payload_of(response) {
            Ok(payload) => {
                let answered = self.request.respond(&payload);
                answered.map_err(|error| BorderError::Call(error.to_string()))
            }
            Err(error) => {
                self.fail(&error.to_string());
                Err(error)
            }
        }
    }

    /// Answers with the reason why there is no response.
    pub fn fail(self, problem: &str) {
        let fault = ServiceFault {
            code: ServiceFault::CODE_FAILED,
            text: problem.chars().take(1000).collect(),
        };
        // Whoever has gone needs no reason.
        let _ = self.request.fail(&fault);
    }

    /// How long the caller still waits, by its own word.
    pub fn remaining(&self) -> Option<Duration> {
        self.request.remaining()
    }

    /// Waits until nobody waits for the response any more.
    pub async fn cancelled(&self) {
        self.request.cancelled().await;
    }
}
