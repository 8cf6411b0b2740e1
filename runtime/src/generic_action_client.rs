//! The untyped action client: goals to one server, and what comes of them.
//!
//! A goal is sent to one server, and everything about it is asked of that server, and believed of its key alone.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use nuncio_msgs::TypeHash;
use nuncio_msgs::action_msgs::msg::GoalInfo;
use nuncio_msgs::action_msgs::srv::{CancelGoalRequest, CancelGoalResponse};
use nuncio_msgs::builtin_interfaces::msg::Time;
use nuncio_msgs::std_msgs::msg::Bool;

use crate::call_error::CallError;
use crate::generic_goal_run::GenericGoalRun;
use crate::generic_service_client::GenericServiceClient;
use crate::goal_error::{CancelGoalError, SendGoalError};
use crate::goal_id::GoalId;
use crate::goal_state::GoalState;
use crate::goal_watch::GoalWatch;
use crate::name::{NodeName, TopicName};
use crate::node::NodeCore;
use crate::payload::{self, EncodeError};
use crate::security::key::PublicKey;
use crate::security::role::RoleName;
use crate::security::verifier::VerifiedMessage;
use crate::service_directory::{KnownServer, ServiceServerInfo};
use crate::subscriber::Callback;

/// How often a request is sent that its server lets end without a word.
const CALLS_MAX: u32 = 4;

/// How long it waits before that.
const CALL_AGAIN: Duration = Duration::from_millis(10);

/// How goals are sent and followed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ActionClientOptions {
    /// How long a server may take to accept or reject a goal, or to answer a request to cancel one. 5 s by default.
    pub deadline: Duration,
    /// How long a result is waited for unless it is said otherwise. An hour by default.
    pub result_deadline: Duration,
    /// Sends goals only to servers whose key holds this role by the trust policy, as
    /// [`ServiceClientOptions::server_role`](crate::ServiceClientOptions::server_role).
    pub server_role: Option<RoleName>,
    /// On whose behalf goals are sent, as
    /// [`ServiceClientOptions::on_behalf_of`](crate::ServiceClientOptions::on_behalf_of).
    pub on_behalf_of: Option<String>,
    /// How much feedback of a goal waits to be taken; the oldest is dropped. 100 by default.
    pub feedback_depth: NonZeroUsize,
}

impl Default for ActionClientOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            result_deadline: Duration::from_secs(3600),
            server_role: None,
            on_behalf_of: None,
            feedback_depth: const { NonZeroUsize::new(100).unwrap() },
        }
    }
}

/// Sends goals of one action, whatever its type, and has goals canceled.
pub struct GenericActionClient {
    port: Arc<ActionClientPort>,
}

/// What a client and the goals that it has sent share.
#[derive(Debug)]
pub(crate) struct ActionClientPort {
    pub(crate) name: TopicName,
    /// The name and hash of the action's type.
    pub(crate) of_type: (String, TypeHash),
    pub(crate) options: ActionClientOptions,
    pub(crate) send_goal: GenericServiceClient,
    pub(crate) cancel_goal: GenericServiceClient,
    pub(crate) get_result: GenericServiceClient,
    pub(crate) watch: Arc<GoalWatch>,
    pub(crate) feedback: Callback,
    pub(crate) _status: Callback,
    pub(crate) node: Arc<NodeCore>,
}

impl fmt::Debug for GenericActionClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericActionClient")
            .field("name", &self.port.name)
            .field("type", &self.port.of_type)
            .finish_non_exhaustive()
    }
}

impl ActionClientPort {
    /// Calls a service of the action. A request that the server let end without a word is sent again: it may have come before
    /// the card that names its client. Each may come twice: a goal has its own id, and is not accepted again.
    pub(crate) async fn call(
        &self,
        client: &GenericServiceClient,
        server: &KnownServer,
        deadline: Duration,
        encode: impl Fn(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<VerifiedMessage, CallError> {
        let mut left = CALLS_MAX;
        loop {
            left -= 1;
            match client.call_server(server, deadline, &encode).await {
                Err(CallError::Unanswered { refusal: None, .. }) if left > 0 && server.is_there(&self.node) => {}
                answered => return answered,
            }
            tokio::time::sleep(CALL_AGAIN).await;
        }
    }

    /// Has goals of a server canceled: one, or all with [`GoalId::NONE`].
    pub(crate) async fn ask_to_cancel(
        &self,
        server: PublicKey,
        goal_id: GoalId,
    ) -> Result<(NodeName, CancelGoalResponse), CallError> {
        let server = self.cancel_goal.server_of(server)?;
        let request = CancelGoalRequest {
            goal_info: GoalInfo {
                goal_id: goal_id.message(),
                stamp: Time::default(),
            },
        };
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(&request, now_ns, bytes);
        let answer = self
            .call(&self.cancel_goal, &server, self.options.deadline, encode)
            .await?;
        let response = payload::decode(&answer).map_err(CallError::Decode)?;
        Ok((server.facts.peer.name.clone(), response))
    }

    pub(crate) async fn cancel(&self, server: PublicKey, goal_id: GoalId) -> Result<(), CancelGoalError> {
        let answered = self.ask_to_cancel(server, goal_id).await;
        let (server, response) = answered.map_err(CancelGoalError::Call)?;
        match response.return_code {
            CancelGoalResponse::ERROR_NONE => Ok(()),
            CancelGoalResponse::ERROR_UNKNOWN_GOAL_ID => Err(CancelGoalError::Unknown { server, goal_id }),
            CancelGoalResponse::ERROR_GOAL_TERMINATED => Err(CancelGoalError::Over { server, goal_id }),
            _ => Err(CancelGoalError::Rejected { server, goal_id }),
        }
    }
}

impl GenericActionClient {
    pub(crate) fn new(port: ActionClientPort) -> Self {
        Self { port: Arc::new(port) }
    }

    /// Sends a goal, given by the payload of the action's goal, and waits until it is accepted.
    ///
    /// # Errors
    ///
    /// [`SendGoalError`] when it is rejected, and at the deadline at the latest.
    pub async fn send_goal(&self, goal: &[u8]) -> Result<GenericGoalRun, SendGoalError> {
        let encode = |_, bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(goal);
            Ok(())
        };
        self.send_encoded(encode).await
    }

    pub(crate) async fn send_encoded(
        &self,
        encode: impl Fn(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<GenericGoalRun, SendGoalError> {
        let port = &self.port;
        let id = GoalId::random().map_err(|error| SendGoalError::Random(error.to_string()))?;
        let server = port.send_goal.choose().map_err(SendGoalError::Call)?;
        // Watched from the start: feedback may be here before the answer is.
        let run = GenericGoalRun::begin(port, id, server);
        let with_id = |now_ns, bytes: &mut Vec<u8>| {
            payload::encode(&id.message(), now_ns, bytes)?;
            encode(now_ns, bytes)
        };
        let answer = port.call(&port.send_goal, run.known_server(), port.options.deadline, with_id);
        let answer = answer.await.map_err(SendGoalError::Call)?;
        let (Bool { data: is_accepted }, _) = payload::decode_pair::<Bool, Time>(answer)
            .map_err(|error| SendGoalError::Call(CallError::Decode(error)))?;
        if !is_accepted {
            return Err(SendGoalError::Rejected {
                server: run.server().clone(),
            });
        }
        run.reach(GoalState::Accepted);
        Ok(run)
    }

    /// Asks the server with this key to give up a goal, whoever has sent it. The key that sent it may do that, and whoever
    /// holds a role that permits to call `cancel_goal`.
    ///
    /// # Errors
    ///
    /// [`CancelGoalError`] when the server refuses, the goal is over, and at the deadline at the latest.
    pub async fn cancel_goal(&self, server: PublicKey, goal_id: GoalId) -> Result<(), CancelGoalError> {
        self.port.cancel(server, goal_id).await
    }

    /// Asks the server with this key to give up all goals that this node may have canceled, and gives those that it will.
    ///
    /// # Errors
    ///
    /// [`CancelGoalError`] when there are goals and none of them may be canceled, and at the deadline at the latest.
    pub async fn cancel_all_goals(&self, server: PublicKey) -> Result<Vec<GoalId>, CancelGoalError> {
        let answered = self.port.ask_to_cancel(server, GoalId::NONE).await;
        let (server, response) = answered.map_err(CancelGoalError::Call)?;
        match response.return_code {
            CancelGoalResponse::ERROR_NONE => {
                let canceling = response.goals_canceling.into_iter();
                Ok(canceling.map(|goal| goal.goal_id.into()).collect())
            }
            _ => Err(CancelGoalError::AllRejected { server }),
        }
    }

    /// Waits until a server is there; `false` when there was none in time. [`servers`](Self::servers) says why.
    pub async fn wait_for_server(&self, timeout: Duration) -> bool {
        self.port.send_goal.wait_for_server(timeout).await
    }

    /// The servers of this action that signed cards name, those that no goals are sent to included. Their types are those of
    /// the service `send_goal`.
    pub fn servers(&self) -> Vec<ServiceServerInfo> {
        self.port.send_goal.servers()
    }

    /// The action's name.
    pub fn name(&self) -> &TopicName {
        &self.port.name
    }

    /// The full name of the action's type.
    pub fn type_name(&self) -> &str {
        &self.port.of_type.0
    }

    /// The hash of the action's type.
    pub fn type_hash(&self) -> TypeHash {
        self.port.of_type.1
    }

    /// How it sends goals and follows them.
    pub fn options(&self) -> &ActionClientOptions {
        &self.port.options
    }
}
