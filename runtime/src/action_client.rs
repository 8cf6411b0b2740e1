//! The action client: goals to one server, and what comes of them.
//!
//! A goal is sent to one server, and everything about it is asked of that server, and believed of its key alone.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use nuncio_msgs::TypeHash;
use nuncio_msgs::action::Action;
use nuncio_msgs::action_msgs::msg::GoalInfo;
use nuncio_msgs::action_msgs::srv::{CancelGoalRequest, CancelGoalResponse};
use nuncio_msgs::builtin_interfaces::msg::Time;
use nuncio_msgs::std_msgs::msg::{Bool, Int8};

use crate::approval::ApprovalState;
use crate::call_error::CallError;
use crate::generic_service_client::GenericServiceClient;
use crate::generic_subscriber::{MessageInfo, ReceiveError};
pub use crate::goal_error::{CancelGoalError, GoalResultError, SendGoalError};
use crate::goal_id::GoalId;
use crate::goal_state::GoalState;
use crate::goal_watch::{GoalWatch, WatchedGoal};
use crate::name::{NodeName, TopicName};
use crate::node::NodeCore;
use crate::payload::{self, EncodeError};
use crate::security::role::RoleName;
use crate::security::verifier::VerifiedMessage;
use crate::service_directory::{KnownServer, ServiceServerInfo};
use crate::subscriber::{Callback, Received};

/// How often a request is sent that its server lets end without a word.
const CALLS_MAX: u32 = 4;

/// How often it is asked whether feedback may still come, once its goal is over.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

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
    /// How much feedback of a goal waits to be taken; the oldest is dropped. 100 by default.
    pub feedback_depth: NonZeroUsize,
}

impl Default for ActionClientOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            result_deadline: Duration::from_secs(3600),
            server_role: None,
            feedback_depth: const { NonZeroUsize::new(100).unwrap() },
        }
    }
}

/// Sends goals of one action of type `A`.
///
/// ```no_run
/// use nuncio::msgs::action_tutorials_interfaces::action::{Fibonacci, FibonacciGoal};
///
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// let client = node.action_client::<Fibonacci>("/fibonacci")?;
/// client.wait_for_server(std::time::Duration::from_secs(5)).await;
/// let goal = client.send_goal(&FibonacciGoal { order: 10 }).await?;
/// while let Ok(feedback) = goal.feedback().await {
///     println!("{:?}", feedback.message.partial_sequence);
/// }
/// let outcome = goal.result().await?;
/// println!("{}: {:?}", outcome.state, outcome.result.sequence);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ActionClient<A: Action> {
    port: Arc<ActionClientPort<A>>,
}

/// What a client and the goals that it has sent share.
#[derive(Debug)]
pub(crate) struct ActionClientPort<A: Action> {
    pub(crate) name: TopicName,
    pub(crate) options: ActionClientOptions,
    pub(crate) send_goal: GenericServiceClient,
    pub(crate) cancel_goal: GenericServiceClient,
    pub(crate) get_result: GenericServiceClient,
    pub(crate) watch: Arc<GoalWatch<A>>,
    pub(crate) feedback: Callback,
    pub(crate) _status: Callback,
    pub(crate) node: Arc<NodeCore>,
}

/// A goal that a server has accepted. Dropping it changes nothing at the server: a goal ends by itself, or is canceled.
pub struct GoalRun<A: Action> {
    client: Arc<ActionClientPort<A>>,
    watched: Arc<WatchedGoal<A>>,
    server: KnownServer,
    /// Whether the server's presence was seen when the goal was sent.
    was_there: bool,
}

/// What came of a goal.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalOutcome<R> {
    /// How it ended: succeeded, canceled or aborted.
    pub state: GoalState,
    /// The result. One that was aborted or canceled has one, too, which may say nothing.
    pub result: R,
    /// Who says so, and when.
    pub info: MessageInfo,
}

impl<A: Action> ActionClientPort<A> {
    /// Calls a service of the action. A request that the server let end without a word is sent again: it may have come before
    /// the card that names its client. Each may come twice: a goal has its own id, and is not accepted again.
    async fn call(
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
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl<A: Action> ActionClient<A> {
    pub(crate) fn new(port: ActionClientPort<A>) -> Self {
        Self { port: Arc::new(port) }
    }

    /// Sends a goal and waits until it is accepted.
    ///
    /// # Errors
    ///
    /// [`SendGoalError`] when it is rejected, and at the deadline at the latest.
    pub async fn send_goal(&self, goal: &A::Goal) -> Result<GoalRun<A>, SendGoalError> {
        let port = &self.port;
        let id = GoalId::random().map_err(|error| SendGoalError::Random(error.to_string()))?;
        let server = port.send_goal.choose().map_err(SendGoalError::Call)?;
        let peer = &server.facts.peer;
        let kept = port.options.feedback_depth.get();
        // Watched from the start: feedback may be here before the answer is.
        let run = GoalRun {
            watched: port.watch.begin(id, peer.public_key(), kept),
            client: Arc::clone(port),
            was_there: server.is_there(&port.node),
            server,
        };
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode_pair((&id.message(), goal), now_ns, bytes);
        let answer = port.call(&port.send_goal, &run.server, port.options.deadline, encode);
        let answer = answer.await.map_err(SendGoalError::Call)?;
        let (Bool { data: is_accepted }, _) = payload::decode_pair::<Bool, Time>(&answer)
            .map_err(|error| SendGoalError::Call(CallError::Decode(error)))?;
        if !is_accepted {
            return Err(SendGoalError::Rejected {
                server: run.server().clone(),
            });
        }
        run.watched.reach(GoalState::Accepted);
        Ok(run)
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
        A::TYPE_NAME
    }

    /// The hash of the action's type.
    pub fn type_hash(&self) -> TypeHash {
        A::TYPE_HASH
    }

    /// How it sends goals and follows them.
    pub fn options(&self) -> &ActionClientOptions {
        &self.port.options
    }
}

impl<A: Action> GoalRun<A> {
    /// Which goal it is.
    pub fn goal_id(&self) -> GoalId {
        self.watched.id
    }

    /// The node that works on it.
    pub fn server(&self) -> &NodeName {
        &self.server.facts.peer.name
    }

    /// How far it has come, as far as this client has heard.
    pub fn status(&self) -> GoalState {
        self.watched.state()
    }

    /// Waits for the next feedback, which the goal's server has signed.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when all feedback was taken and the server is gone or the goal has ended half a second ago:
    /// the last feedback may be on its way when the result is here.
    pub async fn feedback(&self) -> Result<Received<A::Feedback>, ReceiveError> {
        let gone = self.server.vanished(&self.client.node);
        tokio::pin!(gone);
        loop {
            match self.try_feedback() {
                Err(ReceiveError::Empty) => {}
                settled => return settled,
            }
            let changed = async {
                self.watched.over().await;
                tokio::time::sleep(LOOK_AGAIN).await;
            };
            tokio::select! {
                biased;
                taken = self.watched.feedback.take() => return taken.map_err(ReceiveError::from),
                () = &mut gone => return Err(ReceiveError::Closed),
                () = changed => {}
            }
        }
    }

    fn is_server_gone(&self) -> bool {
        self.was_there && !self.server.is_there(&self.client.node)
    }

    /// Takes the next feedback if there is some.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there is none now, [`ReceiveError::Closed`] when there will be none.
    pub fn try_feedback(&self) -> Result<Received<A::Feedback>, ReceiveError> {
        // Asked first: what comes in between is found.
        let is_on_its_way =
            || self.watched.may_bring_feedback() || self.client.feedback.awaits_contact(self.watched.server);
        let may_come = !self.is_server_gone() && is_on_its_way();
        match self.watched.feedback.try_take().map_err(ReceiveError::from) {
            Err(ReceiveError::Empty) if !may_come => Err(ReceiveError::Closed),
            settled => settled,
        }
    }

    /// Waits until the goal has ended, for at most the deadline of the options. It may be asked again.
    ///
    /// # Errors
    ///
    /// [`GoalResultError`], at the deadline at the latest, and as soon as the server is gone.
    pub async fn result(&self) -> Result<GoalOutcome<A::Result>, GoalResultError> {
        self.result_within(self.client.options.result_deadline).await
    }

    /// As [`result`](Self::result), with a deadline of its own.
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result).
    pub async fn result_within(&self, deadline: Duration) -> Result<GoalOutcome<A::Result>, GoalResultError> {
        let (client, id) = (&self.client.get_result, self.watched.id);
        let server = client.server_of(self.watched.server).map_err(GoalResultError::Call)?;
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(&id.message(), now_ns, bytes);
        let answer = self.client.call(client, &server, deadline, encode).await;
        let answer = answer.map_err(GoalResultError::Call)?;
        let (Int8 { data: number }, result) = payload::decode_pair::<Int8, A::Result>(&answer)
            .map_err(|error| GoalResultError::Call(CallError::Decode(error)))?;
        let state = GoalState::of_number(number);
        if !state.is_over() {
            return Err(GoalResultError::Unknown {
                server: self.server().clone(),
                goal_id: id,
            });
        }
        self.watched.reach(state);
        Ok(GoalOutcome {
            state,
            result,
            info: MessageInfo::new(client.name().clone(), &answer, false, ApprovalState::NotAsked),
        })
    }

    /// Asks for the goal to be given up. That it is being given up does not say how it ends: the result does.
    ///
    /// # Errors
    ///
    /// [`CancelGoalError`] when the server refuses, the goal is over, and at the deadline at the latest.
    pub async fn cancel(&self) -> Result<(), CancelGoalError> {
        let (client, goal_id) = (&self.client.cancel_goal, self.watched.id);
        let server = client.server_of(self.watched.server).map_err(CancelGoalError::Call)?;
        let request = CancelGoalRequest {
            goal_info: GoalInfo {
                goal_id: goal_id.message(),
                stamp: Time::default(),
            },
        };
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(&request, now_ns, bytes);
        let answer = self.client.call(client, &server, self.client.options.deadline, encode);
        let answer = answer.await.map_err(CancelGoalError::Call)?;
        let response: CancelGoalResponse =
            payload::decode(&answer).map_err(|error| CancelGoalError::Call(CallError::Decode(error)))?;
        let server = self.server().clone();
        match response.return_code {
            CancelGoalResponse::ERROR_NONE => {
                self.watched.reach(GoalState::Canceling);
                Ok(())
            }
            CancelGoalResponse::ERROR_UNKNOWN_GOAL_ID => Err(CancelGoalError::Unknown { server, goal_id }),
            CancelGoalResponse::ERROR_GOAL_TERMINATED => Err(CancelGoalError::Over { server, goal_id }),
            _ => Err(CancelGoalError::Rejected { server, goal_id }),
        }
    }
}

impl<A: Action> Drop for GoalRun<A> {
    fn drop(&mut self) {
        self.client.watch.end(self.watched.id);
    }
}

impl<A: Action> fmt::Debug for GoalRun<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoalRun")
            .field("goal_id", &self.watched.id)
            .field("server", self.server())
            .field("state", &self.status())
            .finish_non_exhaustive()
    }
}
