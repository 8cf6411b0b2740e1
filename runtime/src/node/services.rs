//! The services that a node serves and calls.

use std::sync::Arc;

use nuncio_msgs::TypeHash;
use nuncio_msgs::service::Service;

use super::Node;
use crate::generic_service_client::GenericServiceClient;
use crate::generic_service_server::GenericServiceServer;
use crate::name::TopicName;
use crate::remapping::Kind;
use crate::security::key::PublicKey;
use crate::service_client::ServiceClient;
use crate::service_error::ServiceError;
use crate::service_facts::ServiceTypes;
use crate::service_options::{ServiceClientOptions, ServiceServerOptions};
use crate::service_server::ServiceServer;
use crate::service_support::{self, ServiceSupport};
use crate::type_support::TypeError;

impl Node {
    /// A server of a service, with default options. `name` may be absolute, relative to the namespace, or private (`~/x`).
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the name is wrong or the node is closed.
    pub fn service_server<S: Service>(&self, name: &str) -> Result<ServiceServer<S>, ServiceError> {
        self.service_server_with(name, ServiceServerOptions::default())
    }

    /// A server with options.
    ///
    /// # Errors
    ///
    /// As [`service_server`](Self::service_server).
    pub fn service_server_with<S: Service>(
        &self,
        name: &str,
        options: ServiceServerOptions,
    ) -> Result<ServiceServer<S>, ServiceError> {
        let (types, definition) = (ServiceTypes::of::<S>(), service_support::definition_of::<S>());
        let (core, name) = (Arc::clone(&self.core), self.service_name(name)?);
        GenericServiceServer::declare(core, name, types, definition, &options).map(ServiceServer::new)
    }

    /// A server of a type that this program was not built with.
    ///
    /// # Errors
    ///
    /// As [`service_server`](Self::service_server).
    pub fn generic_service_server(
        &self,
        name: &str,
        of: &ServiceSupport,
        options: ServiceServerOptions,
    ) -> Result<GenericServiceServer, ServiceError> {
        let (core, name) = (Arc::clone(&self.core), self.service_name(name)?);
        GenericServiceServer::declare(core, name, of.types(), of.service().definition().clone(), &options)
    }

    /// A client of a service, with default options.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the name is wrong or the node is closed.
    pub fn service_client<S: Service>(&self, name: &str) -> Result<ServiceClient<S>, ServiceError> {
        self.service_client_with(name, ServiceClientOptions::default())
    }

    /// A client with options.
    ///
    /// # Errors
    ///
    /// As [`service_client`](Self::service_client).
    pub fn service_client_with<S: Service>(
        &self,
        name: &str,
        options: ServiceClientOptions,
    ) -> Result<ServiceClient<S>, ServiceError> {
        let (types, definition) = (ServiceTypes::of::<S>(), service_support::definition_of::<S>());
        let (core, name) = (Arc::clone(&self.core), self.service_name(name)?);
        GenericServiceClient::declare(core, name, types, definition, options).map(ServiceClient::new)
    }

    /// A client of a type that this program was not built with.
    ///
    /// # Errors
    ///
    /// As [`service_client`](Self::service_client).
    pub fn generic_service_client(
        &self,
        name: &str,
        of: &ServiceSupport,
        options: ServiceClientOptions,
    ) -> Result<GenericServiceClient, ServiceError> {
        let (core, name) = (Arc::clone(&self.core), self.service_name(name)?);
        GenericServiceClient::declare(core, name, of.types(), of.service().definition().clone(), options)
    }

    /// Asks a server or client of a service for the definition of its type.
    ///
    /// # Errors
    ///
    /// [`TypeError`] when nobody answers in time, or with another type.
    pub async fn fetch_service_type(
        &self,
        key: PublicKey,
        type_name: &str,
        type_hash: &TypeHash,
    ) -> Result<ServiceSupport, TypeError> {
        let service = self.fetch_type(key, type_name, type_hash).await?;
        ServiceSupport::from_definition(service.definition()).map_err(TypeError::Definition)
    }

    fn service_name(&self, name: &str) -> Result<TopicName, ServiceError> {
        self.core.resolve(name, Kind::Service).map_err(ServiceError::Name)
    }
}
