//! The services that one client is told of, by the numbers that it knows them by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::channels::Encoding;
use super::outbox::Outbox;
use super::wire::{MessageSchema, Service, ServiceCallFailure, ServiceCallResponse, client};
use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeServiceType, BridgeType};
use crate::client::{Client, ServiceOffer};

/// One service.
#[derive(Debug)]
pub(super) struct KnownService {
    pub(super) id: u32,
    /// The name as the client knows it.
    pub(super) name: String,
    pub(super) ty: Arc<BridgeServiceType>,
}

impl KnownService {
    /// The words in which the client is told of it. Viewers of the older subprotocol may look for the schemas' texts alone.
    pub(super) fn advertisement(&self, is_old: bool) -> Service<'_> {
        let (request, response) = (self.ty.request(), self.ty.response());
        Service {
            id: self.id,
            name: self.name.as_str().into(),
            r#type: self.ty.name().into(),
            request: Some(schema(request)),
            request_schema: is_old.then(|| request.ros2msg().into()),
            response: Some(schema(response)),
            response_schema: is_old.then(|| response.ros2msg().into()),
        }
    }
}

/// Services are called in CDR by viewers that can, whatever the encoding of topics; JSON is taken as well.
fn schema(ty: &BridgeType) -> MessageSchema<'_> {
    MessageSchema::new(Encoding::Cdr.as_str(), ty.name(), "ros2msg", ty.ros2msg())
}

/// The services that one client knows.
#[derive(Debug, Default)]
pub(super) struct ServiceTable {
    last_id: u32,
    by_id: BTreeMap<u32, Arc<KnownService>>,
}

impl ServiceTable {
    /// A new service. Ids are never used again.
    pub(super) fn add(&mut self, name: &str, ty: Arc<BridgeServiceType>) -> Arc<KnownService> {
        self.last_id += 1;
        let service = Arc::new(KnownService {
            id: self.last_id,
            name: name.to_owned(),
            ty,
        });
        self.by_id.insert(service.id, service.clone());
        service
    }

    pub(super) fn get(&self, id: u32) -> Option<Arc<KnownService>> {
        self.by_id.get(&id).cloned()
    }

    /// Forgets the services that nobody offers any more, or with another type, and gives their ids.
    pub(super) fn retire(&mut self, offers: &[ServiceOffer]) -> Vec<u32> {
        let offered: BTreeSet<_> = offers
            .iter()
            .flat_map(|offer| offer.types.iter().map(|(_, hash)| (offer.name.as_str(), *hash)))
            .collect();
        let gone: Vec<u32> = self
            .by_id
            .values()
            .filter(|service| !offered.contains(&(service.name.as_str(), service.ty.hash())))
            .map(|service| service.id)
            .collect();
        for id in &gone {
            self.by_id.remove(id);
        }
        gone
    }

    /// The offers that the client was not told of yet.
    pub(super) fn unknown(&self, offers: Vec<ServiceOffer>) -> Vec<ServiceOffer> {
        let known: BTreeSet<&str> = self.by_id.values().map(|service| service.name.as_str()).collect();
        offers
            .into_iter()
            .filter(|offer| !known.contains(offer.name.as_str()))
            .collect()
    }
}

/// Calls a service for a client, and tells it the response or why there is none.
pub(super) async fn answer(
    client: Client,
    outbox: Outbox,
    (service, encoding): (Arc<KnownService>, Encoding),
    call: client::ServiceCallRequest<'static>,
    within: Duration,
) {
    let answered = async {
        let type_name = Some(service.ty.name());
        let called = match encoding {
            Encoding::Cdr => {
                client
                    .call(&service.name, type_name, Body::Cdr(&call.payload), within)
                    .await?
            }
            Encoding::Json => {
                let json = serde_json::from_slice(&call.payload);
                let json = json.map_err(|error| BorderError::Message(format!("the request is no JSON: {error}")))?;
                client.call(&service.name, type_name, Body::Json(&json), within).await?
            }
        };
        match encoding {
            Encoding::Cdr => called.cdr(),
            Encoding::Json => called.json().map(String::into_bytes),
        }
    };
    // A client that has gone needs no answer.
    let _ = match answered.await {
        Ok(payload) => {
            let response = ServiceCallResponse {
                service_id: call.service_id,
                call_id: call.call_id,
                encoding: encoding.as_str().into(),
                payload: payload.into(),
            };
            outbox.binary(&response).await
        }
        Err(error) => {
            let failure = ServiceCallFailure::new(call.service_id, call.call_id, error.to_string());
            outbox.json(&failure).await
        }
    };
}
