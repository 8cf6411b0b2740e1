//! What an action server and its goals share, whatever the types: the ledger of goals, and what is told of them.
//!
//! Requests to cancel and for results are answered in two threads of the server, whoever takes its goals and when.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nuncio_msgs::action_msgs::msg::GoalStatusArray;
use nuncio_msgs::action_msgs::srv::CancelGoalRequest;
use nuncio_msgs::nuncio_msgs::msg::ServiceFault;
use nuncio_msgs::std_msgs::msg::Int8;
use nuncio_msgs::unique_identifier_msgs::msg::UUID;

use crate::generic_publisher::{GenericPublisher, PublishError};
use crate::generic_request::{GenericRequest, RespondError, fault};
use crate::generic_service_server::GenericServiceServer;
use crate::goal_id::GoalId;
use crate::goal_ledger::{Asker, GoalLedger, ResultAsked};
use crate::goal_state::{GoalState, GoalStep};
use crate::outbox::NoRoom;
use crate::payload::{self, EncodeError};
use crate::publisher::Publisher;
use crate::qos::QosProfile;
use crate::security::believer::Verdict;
use crate::security::frame::Accompaniment;
use crate::service_error::ServiceError;

#[derive(Debug)]
pub(crate) struct ActionPort {
    goals: Mutex<GoalLedger<GenericRequest>>,
    feedback: GenericPublisher,
    /// Locked while the status is read and published: the newest is the last to be published.
    status: Mutex<Publisher<GoalStatusArray>>,
    /// The payload of a result that says nothing.
    no_result: Arc<[u8]>,
}

impl ActionPort {
    pub(crate) fn new(feedback: GenericPublisher, status: Publisher<GoalStatusArray>, no_result: Vec<u8>) -> Self {
        Self {
            goals: Mutex::new(GoalLedger::new()),
            feedback,
            status: Mutex::new(status),
            no_result: no_result.into(),
        }
    }

    pub(crate) fn goals(&self) -> MutexGuard<'_, GoalLedger<GenericRequest>> {
        self.goals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn no_result(&self) -> Arc<[u8]> {
        Arc::clone(&self.no_result)
    }

    /// Takes a step that does not end the goal.
    pub(crate) fn step(&self, id: GoalId, step: GoalStep) -> bool {
        let is_taken = self.goals().step(id, step);
        if is_taken {
            self.tell_status();
        }
        is_taken
    }

    /// Ends a goal and answers those who wait for its result; `false` when it cannot end so.
    pub(crate) fn end(&self, id: GoalId, step: GoalStep, result: Arc<[u8]>) -> bool {
        let ended = self.goals().end(id, step, Arc::clone(&result), Instant::now());
        let Some(waiting) = ended else { return false };
        let state = match step {
            GoalStep::Succeed => GoalState::Succeeded,
            GoalStep::Canceled => GoalState::Canceled,
            _ => GoalState::Aborted,
        };
        for request in waiting {
            // Whom it does not reach has been told, or does not wait.
            let _ = respond_result(request, state, &result);
        }
        self.tell_status();
        true
    }

    pub(crate) fn tell_status(&self) {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let status_list = self.goals().status();
        // What does not get through is told again with the next change.
        let _ = status.publish(&GoalStatusArray { status_list });
    }

    pub(crate) fn tell_feedback(
        &self,
        id: GoalId,
        feedback: impl Fn(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), PublishError> {
        let encode = |now_ns, bytes: &mut Vec<u8>| {
            payload::encode(&id.message(), now_ns, bytes)?;
            feedback(now_ns, bytes)
        };
        let published = self
            .feedback
            .publish_encoded(Accompaniment::default(), NoRoom::AsProfiled, encode);
        published.map(|_| ())
    }

    /// Answers requests to cancel until the service ends.
    pub(crate) fn answer_cancels(self: &Arc<Self>, server: GenericServiceServer) -> Result<(), ServiceError> {
        let port = Arc::clone(self);
        let cancel = move |request: GenericRequest| {
            let which = match payload::decode::<CancelGoalRequest>(request.message()) {
                Ok(CancelGoalRequest { goal_info }) => goal_info,
                Err(error) => return request.refuse(&error),
            };
            let response = port.goals().cancel(&which, asker(&request));
            // Whoever does not hear it sees the status.
            let _ = request.respond_encoded(|now_ns, bytes| payload::encode(&response, now_ns, bytes));
            if !response.goals_canceling.is_empty() {
                port.tell_status();
            }
        };
        serve(server, cancel, || {})
    }

    /// Answers requests for results until the service ends.
    pub(crate) fn answer_results(self: &Arc<Self>, server: GenericServiceServer) -> Result<(), ServiceError> {
        let (port, ending) = (Arc::clone(self), Arc::clone(self));
        let answer = move |request: GenericRequest| {
            let id = match payload::decode::<UUID>(request.message()) {
                Ok(UUID { uuid }) => GoalId(uuid),
                Err(error) => return request.refuse(&error),
            };
            let asker = asker(&request);
            let asked = port
                .goals()
                .ask_result(id, asker, request, GenericRequest::is_cancelled);
            // Whom an answer does not reach has been told, or does not wait.
            let _ = match asked {
                ResultAsked::Waits => Ok(()),
                ResultAsked::Over(request, state, result) => respond_result(request, state, &result),
                ResultAsked::Unknown(request) => respond_result(request, GoalState::Unknown, &port.no_result),
                ResultAsked::TooMany(request) => {
                    let text = "too many requests wait for the result of this goal".to_owned();
                    request.fail(&fault(ServiceFault::CODE_OVERLOADED, text))
                }
            };
        };
        // Dropped, those that wait are told that there will be no result. Here, where no other is put to wait after them.
        serve(server, answer, move || {
            let waiting = ending.goals().take_waiting();
            drop(waiting);
        })
    }

    pub(crate) fn feedback_qos() -> QosProfile {
        // Each leaves at once, so that all feedback is under way before the result is. A burst of all goals finds room.
        QosProfile {
            signing_delay: Duration::ZERO,
            ..QosProfile::keep_last(1000)
        }
    }

    pub(crate) fn status_qos() -> QosProfile {
        QosProfile {
            signing_delay: Duration::ZERO,
            ..QosProfile::keep_last(1).transient_local()
        }
    }
}

fn asker(request: &GenericRequest) -> Asker {
    let frame = request.message().frame();
    Asker {
        key: frame.signer(),
        holds_role: frame.verdict() == Verdict::Permitted,
    }
}

fn respond_result(request: GenericRequest, state: GoalState, result: &[u8]) -> Result<(), RespondError> {
    let status = Int8 { data: state.number() };
    request.respond_encoded(|now_ns, bytes| {
        payload::encode(&status, now_ns, bytes)?;
        bytes.extend_from_slice(result);
        Ok(())
    })
}

/// Calls `answer` with one request after the other, in a thread of its own, until the service's desk is closed; then `end`.
fn serve(
    server: GenericServiceServer,
    answer: impl Fn(GenericRequest) + Send + 'static,
    end: impl FnOnce() + Send + 'static,
) -> Result<(), ServiceError> {
    let run = move || {
        while let Ok(request) = server.recv_timeout(Duration::MAX) {
            answer(request);
        }
        end();
    };
    let thread = thread::Builder::new().name("nuncio action".to_owned());
    thread.spawn(run).map_err(ServiceError::Thread)?;
    Ok(())
}
