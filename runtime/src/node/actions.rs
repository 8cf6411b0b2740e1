//! The actions that a node serves and has carried out.

use std::sync::Arc;

use nuncio_msgs::TypeHash;
use nuncio_msgs::action::Action;
use nuncio_msgs::action_msgs::msg::GoalStatusArray;
use nuncio_msgs::action_msgs::srv::CancelGoal;
use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;

use super::Node;
use crate::action_client::ActionClient;
use crate::action_error::ActionError;
use crate::action_port::ActionPort;
use crate::action_server::ActionServer;
use crate::action_support::{ActionParts, ActionSupport, SEND_GOAL, expected};
use crate::generic_action_client::{ActionClientOptions, ActionClientPort, GenericActionClient};
use crate::generic_action_server::GenericActionServer;
use crate::generic_publisher::GenericPublisher;
use crate::generic_service_client::GenericServiceClient;
use crate::generic_service_server::GenericServiceServer;
use crate::generic_subscriber::GenericSubscriber;
use crate::goal_watch::GoalWatch;
use crate::name::TopicName;
use crate::payload;
use crate::publisher::Publisher;
use crate::qos::QosProfile;
use crate::remapping::Kind;
use crate::security::key::PublicKey;
use crate::security::verifier::ExpectedType;
use crate::service_facts::ServiceTypes;
use crate::service_options::{ServiceClientOptions, ServiceServerOptions};
use crate::service_support;
use crate::subscriber::{Callback, Subscriber};
use crate::type_support::{self, TypeError};

impl Node {
    /// A server of an action. `name` may be absolute, relative to the namespace, or private (`~/x`).
    ///
    /// It serves `<name>/_action/send_goal`, `cancel_goal` and `get_result`, and publishes `feedback` and `status` there.
    ///
    /// # Errors
    ///
    /// [`ActionError`] when the name is wrong or the node is closed.
    pub fn action_server<A: Action>(&self, name: &str) -> Result<ActionServer<A>, ActionError> {
        let mut no_result = Vec::new();
        // A default that violates its own schema is sent as nothing, which its client cannot read.
        let _ = payload::encode(&A::Result::default(), 0, &mut no_result);
        self.declare_action_server(name, ActionParts::of::<A>(), no_result)
            .map(ActionServer::new)
    }

    /// A server of an action of a type that this program was not built with.
    ///
    /// # Errors
    ///
    /// As [`action_server`](Self::action_server), and when the type is none that payloads can be made of.
    pub fn generic_action_server(&self, name: &str, of: &ActionSupport) -> Result<GenericActionServer, ActionError> {
        let no_result = of.no_result().map_err(ActionError::Type)?;
        self.declare_action_server(name, of.parts(), no_result)
    }

    fn declare_action_server(
        &self,
        name: &str,
        parts: ActionParts,
        no_result: Vec<u8>,
    ) -> Result<GenericActionServer, ActionError> {
        let name = self.action_name(name)?;
        let of = |part| name.of_action(part).map_err(ActionError::Name);
        let publisher = |part, definition, qos| {
            GenericPublisher::declare(Arc::clone(&self.core), of(part)?, definition, qos)
                .map_err(ActionError::Publisher)
        };
        let feedback = publisher("feedback", parts.feedback_message, ActionPort::feedback_qos())?;
        let definition = type_support::definition_of::<GoalStatusArray>();
        let status = Publisher::new(publisher("status", definition, ActionPort::status_qos())?);
        let port = Arc::new(ActionPort::new(feedback, status, no_result));
        let cancels = self.part_server(of("cancel_goal")?, cancel_goal_parts())?;
        let results = self.part_server(of("get_result")?, parts.get_result)?;
        // The last to be there: whoever finds it finds the others.
        let goals = self.part_server(of("send_goal")?, parts.send_goal)?;
        // From here on the desks are closed, whatever happens.
        let server = GenericActionServer {
            name,
            of_type: parts.action,
            goals,
            port: Arc::clone(&port),
            desks: [Arc::clone(cancels.desk()), Arc::clone(results.desk())],
        };
        port.answer_cancels(cancels).map_err(ActionError::Service)?;
        port.answer_results(results).map_err(ActionError::Service)?;
        port.tell_status();
        Ok(server)
    }

    /// A client of an action, with default options.
    ///
    /// # Errors
    ///
    /// [`ActionError`] when the name is wrong or the node is closed.
    pub fn action_client<A: Action>(&self, name: &str) -> Result<ActionClient<A>, ActionError> {
        self.action_client_with(name, ActionClientOptions::default())
    }

    /// A client with options.
    ///
    /// # Errors
    ///
    /// As [`action_client`](Self::action_client).
    pub fn action_client_with<A: Action>(
        &self,
        name: &str,
        options: ActionClientOptions,
    ) -> Result<ActionClient<A>, ActionError> {
        self.declare_action_client(name, ActionParts::of::<A>(), options)
            .map(ActionClient::new)
    }

    /// A client of an action of a type that this program was not built with.
    ///
    /// # Errors
    ///
    /// As [`action_client`](Self::action_client).
    pub fn generic_action_client(
        &self,
        name: &str,
        of: &ActionSupport,
        options: ActionClientOptions,
    ) -> Result<GenericActionClient, ActionError> {
        self.declare_action_client(name, of.parts(), options)
    }

    /// Asks a server or client of an action for the definition of its type. `type_name` is that of the action,
    /// `send_goal_hash` that of its service `send_goal`, which cards name.
    ///
    /// # Errors
    ///
    /// [`TypeError`] when nobody answers in time, or with another type.
    pub async fn fetch_action_type(
        &self,
        key: PublicKey,
        type_name: &str,
        send_goal_hash: &TypeHash,
    ) -> Result<ActionSupport, TypeError> {
        let send_goal = format!("{type_name}{SEND_GOAL}");
        let found = self.fetch_type(key, &send_goal, send_goal_hash).await?;
        ActionSupport::from_definition(found.definition()).map_err(TypeError::Definition)
    }

    fn declare_action_client(
        &self,
        name: &str,
        parts: ActionParts,
        options: ActionClientOptions,
    ) -> Result<GenericActionClient, ActionError> {
        let name = self.action_name(name)?;
        let of = |part| name.of_action(part).map_err(ActionError::Name);
        let watch = Arc::new(GoalWatch::new());
        let feedback = self.hear_feedback(of("feedback")?, parts.feedback, &watch)?;
        let status = self.hear_status(of("status")?, &watch)?;
        let calling = ServiceClientOptions {
            deadline: options.deadline,
            server_role: options.server_role.clone(),
            on_behalf_of: options.on_behalf_of.clone(),
            ..ServiceClientOptions::default()
        };
        Ok(GenericActionClient::new(ActionClientPort {
            of_type: parts.action,
            send_goal: self.part_client(of("send_goal")?, parts.send_goal, &calling)?,
            cancel_goal: self.part_client(of("cancel_goal")?, cancel_goal_parts(), &calling)?,
            get_result: self.part_client(of("get_result")?, parts.get_result, &calling)?,
            name,
            options,
            watch,
            feedback,
            _status: status,
            node: Arc::clone(&self.core),
        }))
    }

    fn action_name(&self, name: &str) -> Result<TopicName, ActionError> {
        self.core.resolve(name, Kind::Service).map_err(ActionError::Name)
    }

    fn part_server(
        &self,
        name: TopicName,
        (types, definition): (ServiceTypes, TypeDefinition),
    ) -> Result<GenericServiceServer, ActionError> {
        let options = ServiceServerOptions::default();
        GenericServiceServer::declare(Arc::clone(&self.core), name, types, definition, &options)
            .map_err(ActionError::Service)
    }

    fn part_client(
        &self,
        name: TopicName,
        (types, definition): (ServiceTypes, TypeDefinition),
        options: &ServiceClientOptions,
    ) -> Result<GenericServiceClient, ActionError> {
        GenericServiceClient::declare(Arc::clone(&self.core), name, types, definition, options.clone())
            .map_err(ActionError::Service)
    }

    fn part_subscriber(
        &self,
        topic: TopicName,
        expected: ExpectedType,
        qos: QosProfile,
    ) -> Result<GenericSubscriber, ActionError> {
        GenericSubscriber::declare(Arc::clone(&self.core), topic, expected, qos.into(), None)
            .map_err(ActionError::Subscriber)
    }

    fn hear_feedback(
        &self,
        topic: TopicName,
        expected: ExpectedType,
        watch: &Arc<GoalWatch>,
    ) -> Result<Callback, ActionError> {
        let subscriber = self.part_subscriber(topic.clone(), expected, ActionPort::feedback_qos())?;
        let (watch, refusing) = (Arc::clone(watch), Arc::downgrade(&subscriber.reception));
        Ok(subscriber.call_in_place(move |delivery| {
            let signer = delivery.message.frame().signer();
            if let Err(error) = watch.hear_feedback(&topic, delivery)
                && let Some(reception) = refusing.upgrade()
            {
                reception.refuse(error.refusal(signer));
            }
        }))
    }

    fn hear_status(&self, topic: TopicName, watch: &Arc<GoalWatch>) -> Result<Callback, ActionError> {
        let subscriber = self.part_subscriber(topic, expected::<GoalStatusArray>(), ActionPort::status_qos())?;
        let watch = Arc::clone(watch);
        let subscriber = Subscriber::<GoalStatusArray>::new(subscriber);
        Ok(subscriber.on_message_in_place(move |received| watch.hear_status(&received)))
    }
}

/// What servers and clients of every action have to know of the service that cancels goals.
fn cancel_goal_parts() -> (ServiceTypes, TypeDefinition) {
    (
        ServiceTypes::of::<CancelGoal>(),
        service_support::definition_of::<CancelGoal>(),
    )
}
