//! The parameters of a node, its own and those of others.

use std::sync::{Arc, PoisonError};

use super::Node;
use crate::parameter_client::ParameterClient;
use crate::parameters::Parameters;
use crate::service_error::ServiceError;
use crate::service_options::ServiceClientOptions;

impl Node {
    /// The parameters of this node. They are there while what is returned, or a clone of it, is kept.
    pub fn parameters(&self) -> Parameters {
        let mut known = self.core.parameters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = known.upgrade() {
            return Parameters::of(shelf);
        }
        let parameters = Parameters::new(self);
        *known = Arc::downgrade(parameters.shelf());
        parameters
    }

    /// A client for the parameters of another node, such as `/robot_1/driver`.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the name is wrong or this node is closed.
    pub fn parameter_client(&self, of: &str) -> Result<ParameterClient, ServiceError> {
        self.parameter_client_with(of, &ServiceClientOptions::default())
    }

    /// As [`parameter_client`](Self::parameter_client), whose calls have these options.
    ///
    /// # Errors
    ///
    /// As [`parameter_client`](Self::parameter_client).
    pub fn parameter_client_with(
        &self,
        of: &str,
        options: &ServiceClientOptions,
    ) -> Result<ParameterClient, ServiceError> {
        ParameterClient::new(self, of, options)
    }
}
