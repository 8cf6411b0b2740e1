//! Service support: what it takes to serve or call a service of a type that the program was not built with.

use nuncio_codegen::Diagnostics;
use nuncio_msgs::TypeHash;
use nuncio_msgs::message::Definition;
use nuncio_msgs::nuncio_msgs::msg::{TypeDefinition, TypeSource};
use nuncio_msgs::service::Service;

use crate::service_facts::{ServiceTypes, TypeId};
use crate::type_support::{TypeSupport, sources_of};

/// A service type known at run time: its schema, compiled, with the types of its requests and responses.
#[derive(Clone, Debug)]
pub struct ServiceSupport {
    service: TypeSupport,
    request: TypeSupport,
    response: TypeSupport,
}

impl ServiceSupport {
    /// Compiles a service type from schema texts: its own and, in any order, those of the types that it refers to. Each is a
    /// pair of type name and text; more than needed do no harm.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] with file, line and column of everything that is wrong.
    pub fn compile(type_name: &str, sources: &[(&str, &str)]) -> Result<Self, Diagnostics> {
        let part = |part: &str| TypeSupport::compile(&format!("{type_name}{part}"), sources);
        Ok(Self {
            service: part("")?,
            request: part("_Request")?,
            response: part("_Response")?,
        })
    }

    /// The service type that a definition gives.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] when it is not that of a service.
    pub fn from_definition(definition: &TypeDefinition) -> Result<Self, Diagnostics> {
        let sources = sources_of(definition);
        Self::compile(&definition.type_name, &sources)
    }

    /// The full name, such as `std_srvs/srv/SetBool`.
    pub fn type_name(&self) -> &str {
        self.service.type_name()
    }

    /// The RIHS01 hash.
    pub fn type_hash(&self) -> TypeHash {
        self.service.type_hash()
    }

    /// The service itself.
    pub fn service(&self) -> &TypeSupport {
        &self.service
    }

    /// The type of its requests.
    pub fn request(&self) -> &TypeSupport {
        &self.request
    }

    /// The type of its responses.
    pub fn response(&self) -> &TypeSupport {
        &self.response
    }

    pub(crate) fn types(&self) -> ServiceTypes {
        let id = |of: &TypeSupport| TypeId {
            name: of.type_name().to_owned(),
            hash: of.type_hash(),
        };
        ServiceTypes {
            service: id(&self.service),
            request: id(&self.request),
            response: id(&self.response),
        }
    }
}

/// The document that servers and clients of `S` serve.
pub(crate) fn definition_of<S: Service>() -> TypeDefinition {
    let sources = S::DEFINITIONS.iter().map(|Definition { type_name, text }| TypeSource {
        type_name: (*type_name).to_owned(),
        text: (*text).to_owned(),
    });
    TypeDefinition {
        type_name: S::TYPE_NAME.to_owned(),
        type_hash: *S::TYPE_HASH.as_bytes(),
        sources: sources.collect(),
        type_description: S::TYPE_DESCRIPTION.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use nuncio_msgs::example_interfaces::srv::AddTwoInts;
    use nuncio_msgs::nav_msgs::srv::GetPlan;

    use super::*;

    fn is_known_by_its_definition<S: Service>() {
        let support = ServiceSupport::from_definition(&definition_of::<S>()).unwrap();
        assert_eq!(support.types(), ServiceTypes::of::<S>());
    }

    #[test]
    fn a_definition_gives_the_names_and_hashes_that_the_generated_types_have() {
        is_known_by_its_definition::<AddTwoInts>();
        is_known_by_its_definition::<GetPlan>();
    }

    #[test]
    fn a_message_is_no_service() {
        assert!(ServiceSupport::compile("a_msgs/msg/A", &[("a_msgs/msg/A", "int32 a")]).is_err());
    }
}
