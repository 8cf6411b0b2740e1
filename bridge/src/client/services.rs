//! What a client does with services: find them, call them, offer them; parameters and actions are services, too.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nuncio::graph::GraphService;
use nuncio::{ParameterClient, ServiceClientOptions, TopicName, TypeHash};

use super::{Client, take_place};
use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeServiceType};
use crate::entry::origin;
use crate::role::Act;
use crate::rules::Direction;
use crate::service_ends::{Called, OfferedService, ServiceLine};

/// How many services a client may have called with a connection kept for the next call.
const LINES_MAX: usize = 256;

/// A service that a client may call.
#[derive(Clone, Debug)]
pub struct ServiceOffer {
    /// The name on the foreign side.
    pub name: String,
    /// The name on Nuncio's side.
    pub native: TopicName,
    /// The types that servers and clients name. More than one is a mismatch.
    pub types: Vec<(String, TypeHash)>,
    /// Who serves and calls it, by verified cards.
    pub graph: GraphService,
}

impl Client {
    pub(crate) fn visible_service(&self, native: &TopicName) -> Option<String> {
        let rules = self.border().rules();
        rules
            .foreign_name(self.face(), native, Direction::In)
            .filter(|_| self.inner.role.may(Act::Call, native) || self.inner.role.may(Act::Serve, native))
    }

    /// The services that it may call or offer, as they are now.
    pub fn services(&self) -> Vec<ServiceOffer> {
        let services = self.border().node().graph().services();
        let seen = services.into_iter().filter_map(|(native, graph)| {
            let name = self.visible_service(&native)?;
            Some(ServiceOffer {
                name,
                types: graph.types(),
                native,
                graph,
            })
        });
        seen.collect()
    }

    /// The type of a service: that of its servers, or of its clients where nobody serves it.
    ///
    /// # Errors
    ///
    /// As [`type_of`](Self::type_of).
    pub async fn service_type_of(&self, service: &ServiceOffer) -> Result<Arc<BridgeServiceType>, BorderError> {
        let ends = service.graph.servers.iter().chain(&service.graph.clients);
        let Some(end) = ends.into_iter().next() else {
            return Err(BorderError::NobodyThere {
                what: "service",
                name: service.name.clone(),
            });
        };
        let hash = TypeHash::from_bytes(end.facts.type_hash);
        self.border()
            .learn_service(end.node.key, &end.facts.type_name, &hash)
            .await
    }

    /// Calls a service and waits for the response. Where the client names no type, it is that of the servers.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it, nobody serves it, the request is not of its type, or there is no response.
    pub async fn call(
        &self,
        service: &str,
        type_name: Option<&str>,
        request: Body<'_>,
        timeout: Duration,
    ) -> Result<Called, BorderError> {
        let called = self.try_call(service, type_name, request, timeout).await;
        self.count_in(0, called.is_ok());
        called
    }

    async fn try_call(
        &self,
        service: &str,
        type_name: Option<&str>,
        request: Body<'_>,
        timeout: Duration,
    ) -> Result<Called, BorderError> {
        self.take_turn()?;
        let native = self.border().rules().native_name(self.face(), service, Direction::In)?;
        self.inner.role.check(Act::Call, &native)?;
        let line = self.line(&native, service).await?;
        line.check_type(service, type_name)?;
        line.call(request, timeout).await
    }

    async fn line(&self, native: &TopicName, foreign: &str) -> Result<Arc<ServiceLine>, BorderError> {
        let services = self.border().node().graph().services();
        let server = services.get(native).and_then(|service| service.servers.first());
        let server = server.ok_or_else(|| BorderError::NobodyThere {
            what: "service",
            name: foreign.to_owned(),
        })?;
        let hash = TypeHash::from_bytes(server.facts.type_hash);
        let known = self.lines().get(native).cloned();
        if let Some(line) = known.filter(|line| line.ty().hash() == hash) {
            return Ok(line);
        }
        let ty = self
            .border()
            .learn_service(server.node.key, &server.facts.type_name, &hash)
            .await?;
        let line = Arc::new(ServiceLine::open(self.border().node(), native, ty, self.calling())?);
        let mut lines = self.lines();
        if lines.len() >= LINES_MAX {
            lines.clear();
        }
        lines.insert(native.clone(), Arc::clone(&line));
        Ok(line)
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, HashMap<TopicName, Arc<ServiceLine>>> {
        self.inner.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How this client's calls are made: on its behalf.
    pub fn calling(&self) -> ServiceClientOptions {
        ServiceClientOptions {
            on_behalf_of: Some(origin(self.face().as_str(), self.who())),
            ..ServiceClientOptions::default()
        }
    }

    /// Offers a service of the foreign side to Nuncio's nodes.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it, or the node serves it already.
    pub fn offer_service(&self, service: &str, ty: &Arc<BridgeServiceType>) -> Result<OfferedService, BorderError> {
        self.noting(self.try_offer(service, ty))
    }

    fn try_offer(&self, service: &str, ty: &Arc<BridgeServiceType>) -> Result<OfferedService, BorderError> {
        let native = self.border().rules().native_name(self.face(), service, Direction::In)?;
        self.inner.role.check(Act::Serve, &native)?;
        take_place(
            &self.inner.services,
            self.inner.role.limits.taps_max,
            "services offered",
        )?;
        let opened = OfferedService::open(self, &native, ty);
        opened.inspect_err(|_| {
            self.inner.services.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// The parameters of a node, named as on Nuncio's side, such as `/robot_1/driver`; `sets`: not only to be read.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has its parameter services.
    pub fn parameters_of(&self, node: &str, sets: bool) -> Result<ParameterClient, BorderError> {
        let part = if sets { "set_parameters" } else { "get_parameters" };
        let open = || {
            let service = format!("{}/{part}", node.trim_end_matches('/'));
            let native = self
                .border()
                .rules()
                .native_name(self.face(), &service, Direction::In)?;
            self.inner.role.check(Act::Call, &native)?;
            let of = native
                .as_str()
                .strip_suffix(part)
                .unwrap_or_default()
                .trim_end_matches('/');
            let client = self.border().node().parameter_client_with(of, &self.calling());
            client.map_err(|error| BorderError::Node(error.to_string()))
        };
        self.noting(open())
    }

    /// Whether the client may call a service of this name on Nuncio's side, such as the parts of an action.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it; otherwise the name on Nuncio's side.
    pub fn callable(&self, service: &str) -> Result<TopicName, BorderError> {
        let find = || {
            let native = self.border().rules().native_name(self.face(), service, Direction::In)?;
            self.inner.role.check(Act::Call, &native)?;
            Ok(native)
        };
        self.noting(find())
    }
}
