//! Action support: what it takes to send goals of an action of a type that the program was not built with.

use nuncio_codegen::Diagnostics;
use nuncio_msgs::action::Action;
use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;
use nuncio_msgs::{Message, TypeHash};

use crate::run_time_type::RunTimeTypeError;
use crate::security::verifier::ExpectedType;
use crate::service_facts::ServiceTypes;
use crate::service_support::{self, ServiceSupport};
use crate::type_support::{self, TypeSupport, sources_of};

/// What the name of an action's type has behind it in the name of the service that hands over goals, which cards name.
pub(crate) const SEND_GOAL: &str = "_SendGoal";

/// An action type known at run time: its schema, compiled, with the types of its goals, results and feedback.
#[derive(Clone, Debug)]
pub struct ActionSupport {
    action: TypeSupport,
    goal: TypeSupport,
    result: TypeSupport,
    feedback: TypeSupport,
    send_goal: ServiceSupport,
    get_result: ServiceSupport,
    feedback_message: TypeSupport,
}

impl ActionSupport {
    /// Compiles an action type from schema texts: its own and, in any order, those of the types that it refers to. Each is a
    /// pair of type name and text; more than needed do no harm.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] with file, line and column of everything that is wrong.
    pub fn compile(type_name: &str, sources: &[(&str, &str)]) -> Result<Self, Diagnostics> {
        let part = |part: &str| TypeSupport::compile(&format!("{type_name}{part}"), sources);
        let service = |part: &str| ServiceSupport::compile(&format!("{type_name}{part}"), sources);
        Ok(Self {
            action: part("")?,
            goal: part("_Goal")?,
            result: part("_Result")?,
            feedback: part("_Feedback")?,
            send_goal: service(SEND_GOAL)?,
            get_result: service("_GetResult")?,
            feedback_message: part("_FeedbackMessage")?,
        })
    }

    /// The action type that a definition gives: its own, or that of its service `send_goal`.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] when it is not that of an action.
    pub fn from_definition(definition: &TypeDefinition) -> Result<Self, Diagnostics> {
        let sources = sources_of(definition);
        let type_name = &definition.type_name;
        Self::compile(type_name.strip_suffix(SEND_GOAL).unwrap_or(type_name), &sources)
    }

    /// The full name, such as `example_interfaces/action/Fibonacci`.
    pub fn type_name(&self) -> &str {
        self.action.type_name()
    }

    /// The RIHS01 hash.
    pub fn type_hash(&self) -> TypeHash {
        self.action.type_hash()
    }

    /// The action itself.
    pub fn action(&self) -> &TypeSupport {
        &self.action
    }

    /// The type of its goals.
    pub fn goal(&self) -> &TypeSupport {
        &self.goal
    }

    /// The type of its results.
    pub fn result(&self) -> &TypeSupport {
        &self.result
    }

    /// The type of its feedback.
    pub fn feedback(&self) -> &TypeSupport {
        &self.feedback
    }

    /// The service that hands over goals: cards name it, with its hash.
    pub fn send_goal(&self) -> &ServiceSupport {
        &self.send_goal
    }

    pub(crate) fn parts(&self) -> ActionParts {
        let service = |of: &ServiceSupport| (of.types(), of.service().definition().clone());
        ActionParts {
            action: (self.type_name().to_owned(), self.type_hash()),
            send_goal: service(&self.send_goal),
            get_result: service(&self.get_result),
            feedback: ExpectedType::Exactly {
                name: self.feedback_message.type_name().to_owned(),
                hash: self.feedback_message.type_hash(),
                exclusive: self.feedback_message.is_exclusive(),
            },
            feedback_message: self.feedback_message.definition().clone(),
        }
    }

    /// The payload of a result that says nothing.
    pub(crate) fn no_result(&self) -> Result<Vec<u8>, RunTimeTypeError> {
        Ok(self.result.run_time_type()?.default_payload())
    }
}

/// What servers and clients of an action have to know of its type.
#[derive(Debug)]
pub(crate) struct ActionParts {
    /// The name and hash of the action's type.
    pub(crate) action: (String, TypeHash),
    pub(crate) send_goal: (ServiceTypes, TypeDefinition),
    pub(crate) get_result: (ServiceTypes, TypeDefinition),
    pub(crate) feedback: ExpectedType,
    /// The definition of what feedback is sent as.
    pub(crate) feedback_message: TypeDefinition,
}

impl ActionParts {
    pub(crate) fn of<A: Action>() -> Self {
        Self {
            action: (A::TYPE_NAME.to_owned(), A::TYPE_HASH),
            send_goal: (
                ServiceTypes::of::<A::SendGoal>(),
                service_support::definition_of::<A::SendGoal>(),
            ),
            get_result: (
                ServiceTypes::of::<A::GetResult>(),
                service_support::definition_of::<A::GetResult>(),
            ),
            feedback: expected::<A::FeedbackMessage>(),
            feedback_message: type_support::definition_of::<A::FeedbackMessage>(),
        }
    }
}

/// Messages of exactly this type.
pub(crate) fn expected<M: Message>() -> ExpectedType {
    ExpectedType::Exactly {
        name: M::TYPE_NAME.to_owned(),
        hash: M::TYPE_HASH,
        exclusive: M::EXCLUSIVE,
    }
}

#[cfg(test)]
mod tests {
    use nuncio_msgs::example_interfaces::action::Fibonacci;
    use nuncio_msgs::tf2_msgs::action::LookupTransform;

    use super::*;

    fn is_known_by_the_definition_that_servers_serve<A: Action>() {
        let served = service_support::definition_of::<A::SendGoal>();
        let accepted =
            type_support::accept(&served, &served.type_name, &TypeHash::from_bytes(served.type_hash)).unwrap();
        let support = ActionSupport::from_definition(accepted.definition()).unwrap();
        let (found, built) = (support.parts(), ActionParts::of::<A>());
        assert_eq!(found.action, built.action);
        assert_eq!(found.send_goal.0, built.send_goal.0);
        assert_eq!(found.get_result.0, built.get_result.0);
        assert_eq!(format!("{:?}", found.feedback), format!("{:?}", built.feedback));
        assert_eq!(support.goal().type_hash(), A::Goal::TYPE_HASH);
        assert_eq!(support.result().type_hash(), A::Result::TYPE_HASH);
        assert_eq!(support.feedback().type_hash(), A::Feedback::TYPE_HASH);
        // What a client serves in turn is enough for the next one.
        let again = ActionSupport::from_definition(&found.send_goal.1).unwrap();
        assert_eq!(again.type_hash(), A::TYPE_HASH);
    }

    #[test]
    fn a_definition_gives_the_names_and_hashes_that_the_generated_types_have() {
        is_known_by_the_definition_that_servers_serve::<Fibonacci>();
        is_known_by_the_definition_that_servers_serve::<LookupTransform>();
    }

    #[test]
    fn a_service_is_no_action() {
        assert!(ActionSupport::compile("a_msgs/srv/A", &[("a_msgs/srv/A", "int32 a\n---\n")]).is_err());
    }
}
