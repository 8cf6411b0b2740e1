//! Both ends of an action at the border: a foreign client that sends goals to a server here, and a foreign server that pursues
//! goals from here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nuncio::graph::GraphAction;
use nuncio::{
    ActionClientOptions, ActionSupport, GenericActionClient, GenericActionServer, GenericIncomingGoal, TopicName,
    TypeHash,
};

use crate::border::Border;
use crate::border_error::BorderError;
use crate::bridge_type::BridgeType;
use crate::client::{Client, take_place};
use crate::role::Act;
use crate::rules::Direction;

/// What the name of an action has behind it in the name of the service that decides who may send goals.
const SEND_GOAL: &str = "/_action/send_goal";

/// An action type.
#[derive(Debug)]
pub struct BridgeActionType {
    support: ActionSupport,
    goal: Arc<BridgeType>,
    result: Arc<BridgeType>,
    feedback: Arc<BridgeType>,
}

impl BridgeActionType {
    /// An action type of which the schema is known.
    ///
    /// # Errors
    ///
    /// As [`BridgeType::new`].
    pub fn new(support: ActionSupport) -> Result<Self, BorderError> {
        let part = |part: &nuncio::TypeSupport| BridgeType::new(part.clone()).map(Arc::new);
        Ok(Self {
            goal: part(support.goal())?,
            result: part(support.result())?,
            feedback: part(support.feedback())?,
            support,
        })
    }

    /// The full name, such as `example_interfaces/action/Fibonacci`.
    pub fn name(&self) -> &str {
        self.support.type_name()
    }

    /// Its schema.
    pub fn support(&self) -> &ActionSupport {
        &self.support
    }

    /// The type of its goals.
    pub fn goal(&self) -> &Arc<BridgeType> {
        &self.goal
    }

    /// The type of its results.
    pub fn result(&self) -> &Arc<BridgeType> {
        &self.result
    }

    /// The type of its feedback.
    pub fn feedback(&self) -> &Arc<BridgeType> {
        &self.feedback
    }
}

/// An action that a client may send goals of.
#[derive(Clone, Debug)]
pub struct ActionOffer {
    /// The name on the foreign side.
    pub name: String,
    /// The name on Nuncio's side.
    pub native: TopicName,
    /// The types that servers and clients name, each with the hash of its service `send_goal`.
    pub types: Vec<(String, TypeHash)>,
    /// Who serves it and sends goals, by verified cards.
    pub graph: GraphAction,
}

/// A client's connection to one action.
#[derive(Debug)]
pub struct ActionLine {
    /// Sends goals on behalf of the client.
    pub client: GenericActionClient,
    /// The action's type.
    pub ty: Arc<BridgeActionType>,
}

impl Client {
    /// The actions that it may send goals of or offer, as they are now.
    pub fn actions(&self) -> Vec<ActionOffer> {
        let actions = self.border().node().graph().actions();
        let seen = actions.into_iter().filter_map(|(native, graph)| {
            let service = TopicName::parse(&format!("{native}{SEND_GOAL}")).ok()?;
            let name = self.visible_service(&service)?;
            Some(ActionOffer {
                name: name.strip_suffix(SEND_GOAL)?.to_owned(),
                types: graph.types(),
                native,
                graph,
            })
        });
        seen.collect()
    }

    /// A way to send goals of an action that somebody serves. Where the client names no type, it is that of the server.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it, nobody serves it, or it has another type.
    pub async fn action_client(&self, action: &str, type_name: Option<&str>) -> Result<ActionLine, BorderError> {
        let line = self.open_action(action, type_name).await;
        self.noting(line)
    }

    async fn open_action(&self, action: &str, type_name: Option<&str>) -> Result<ActionLine, BorderError> {
        let service = format!("{}{SEND_GOAL}", action.trim_end_matches('/'));
        let rules = self.border().rules();
        let native = rules.native_name(self.face(), &service, Direction::In)?;
        self.inner.role.check(Act::Call, &native)?;
        let native = action_of(&native, action)?;
        let actions = self.border().node().graph().actions();
        let server = actions.get(&native).and_then(|action| action.servers.first());
        let server = server.ok_or_else(|| BorderError::NobodyThere {
            what: "action",
            name: action.to_owned(),
        })?;
        let hash = TypeHash::from_bytes(server.facts.type_hash);
        let found = nuncio::graph::action_of(&server.facts).map_or("", |(_, type_name)| type_name);
        if let Some(asked) = type_name
            && asked != found
            && asked.replacen('/', "/action/", 1) != found
        {
            return Err(BorderError::OtherType {
                name: action.to_owned(),
                expected: found.to_owned(),
                found: asked.chars().take(256).collect(),
            });
        }
        let ty = self.border().learn_action(server.node.key, found, &hash).await?;
        let options = ActionClientOptions {
            on_behalf_of: self.calling().on_behalf_of,
            ..ActionClientOptions::default()
        };
        let node = self.border().node();
        let client = node.generic_action_client(native.as_str(), ty.support(), options);
        Ok(ActionLine {
            client: client.map_err(|error| BorderError::Node(error.to_string()))?,
            ty,
        })
    }

    /// Offers an action of the foreign side to Nuncio's nodes.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when no route or role has it, or the node serves it already.
    pub fn offer_action(&self, action: &str, ty: &Arc<BridgeActionType>) -> Result<OfferedAction, BorderError> {
        self.noting(self.try_offer_action(action, ty))
    }

    fn try_offer_action(&self, action: &str, ty: &Arc<BridgeActionType>) -> Result<OfferedAction, BorderError> {
        let service = format!("{}{SEND_GOAL}", action.trim_end_matches('/'));
        let rules = self.border().rules();
        let native = rules.native_name(self.face(), &service, Direction::In)?;
        self.inner.role.check(Act::Serve, &native)?;
        let native = action_of(&native, action)?;
        take_place(
            &self.inner.services,
            self.inner.role.limits.taps_max,
            "services offered",
        )?;
        let server = self
            .border()
            .node()
            .generic_action_server(native.as_str(), ty.support());
        match server {
            Ok(server) => Ok(OfferedAction {
                server,
                ty: Arc::clone(ty),
                client: self.clone(),
            }),
            Err(error) => {
                self.inner.services.fetch_sub(1, Ordering::Relaxed);
                Err(BorderError::Node(error.to_string()))
            }
        }
    }
}

fn action_of(service: &TopicName, action: &str) -> Result<TopicName, BorderError> {
    let name = service.as_str().strip_suffix(SEND_GOAL).unwrap_or(action);
    TopicName::parse(name).map_err(|error| BorderError::Name(error.to_string()))
}

impl Border {
    /// An action type that somebody's card names, by the hash of its service `send_goal`.
    ///
    /// # Errors
    ///
    /// [`BorderError::UnknownType`] when nobody tells what it is.
    pub async fn learn_action(
        &self,
        key: nuncio::PublicKey,
        name: &str,
        send_goal_hash: &TypeHash,
    ) -> Result<Arc<BridgeActionType>, BorderError> {
        if let Ok(known) = self.library().action(name)
            && known.support().send_goal().type_hash() == *send_goal_hash
        {
            return Ok(known);
        }
        let told = self.node().fetch_action_type(key, name, send_goal_hash).await;
        let support = told.map_err(|error| BorderError::UnknownType {
            name: name.to_owned(),
            problem: error.to_string(),
        })?;
        BridgeActionType::new(support).map(Arc::new)
    }
}

/// An action of the foreign side that Nuncio's nodes may send goals of. It is gone when this is dropped.
pub struct OfferedAction {
    server: GenericActionServer,
    ty: Arc<BridgeActionType>,
    client: Client,
}

impl OfferedAction {
    /// The next verified goal; `None` when the node is closed.
    pub async fn recv(&self) -> Option<GenericIncomingGoal> {
        self.server.recv().await.ok()
    }

    /// The action's type.
    pub fn ty(&self) -> &Arc<BridgeActionType> {
        &self.ty
    }

    /// The name on Nuncio's side.
    pub fn native(&self) -> &TopicName {
        self.server.name()
    }
}

impl fmt::Debug for OfferedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} for {:?}", self.native(), self.ty.name(), self.client)
    }
}

impl Drop for OfferedAction {
    fn drop(&mut self) {
        self.client.inner.services.fetch_sub(1, Ordering::Relaxed);
    }
}
