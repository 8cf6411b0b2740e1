//! Asking all servers of a service at once: the search of a fleet.
//!
//! Every server that a signed card names and that the trust policy permits to serve gets a request of its own, signed for it
//! alone, and each answer is bound to that request. A server that has nothing to answer with says so with a fault of its own
//! code, [`ServiceFault::CODE_NOTHING_FOUND`], which is no failure. Who does not answer is named.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use nuncio_msgs::nuncio_msgs::msg::ServiceFault;
use nuncio_msgs::service::Service;

use crate::approval::ApprovalState;
use crate::call_error::CallError;
use crate::generic_service_client::{GenericResponse, GenericServiceClient};
use crate::generic_subscriber::MessageInfo;
use crate::name::NodeName;
use crate::payload::{self, EncodeError};
use crate::security::key::PublicKey;
use crate::security::verifier::VerifiedMessage;
use crate::service_client::ServiceClient;
use crate::service_directory::{KnownServer, ServiceServerInfo};
use crate::subscriber::Received;

/// How many servers are asked at a time. As one answers, the next is asked.
pub const ASKED_AT_A_TIME: usize = 64;

/// A server that was asked.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Respondent {
    /// Its node.
    pub node: NodeName,
    /// The node's key.
    pub key: PublicKey,
}

/// What all servers of a service have said to one request.
#[derive(Debug)]
pub struct Answers<R> {
    /// The responses, by node and key. Each tells who signed it.
    pub responses: Vec<R>,
    /// Who has answered, signed, that it has nothing to answer with.
    pub nothing_found: Vec<Respondent>,
    /// Who gave no response, and why: above all who did not answer in time.
    pub failed: Vec<(Respondent, CallError)>,
    /// Servers that were not asked, and why: the trust policy does not permit them to serve, or they serve another type.
    pub not_asked: Vec<ServiceServerInfo>,
}

impl<R> Answers<R> {
    /// How many servers were asked.
    pub fn asked(&self) -> usize {
        self.responses.len() + self.nothing_found.len() + self.failed.len()
    }
}

impl GenericServiceClient {
    /// Calls every server that may be called with a payload, [`ASKED_AT_A_TIME`] at a time, and waits until all have answered, for
    /// at most `deadline` in all. Dropping the future takes the requests back.
    ///
    /// # Errors
    ///
    /// [`CallError::NoServer`] when there is none to call.
    pub async fn call_all(&self, payload: &[u8], deadline: Duration) -> Result<Answers<GenericResponse>, CallError> {
        let encode = |_, bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(payload);
            Ok(())
        };
        let service = self.name();
        let read = |message| {
            let service = service.clone();
            Ok(GenericResponse { service, message })
        };
        self.gather(deadline, encode, read).await
    }

    /// Calls all with what `encode` makes for each, and reads each response.
    async fn gather<R>(
        &self,
        deadline: Duration,
        encode: impl Fn(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
        read: impl Fn(VerifiedMessage) -> Result<R, CallError>,
    ) -> Result<Answers<R>, CallError> {
        let servers = self.choice.callable(&self.node).map_err(CallError::NoServer)?;
        let end = Instant::now() + deadline;
        let (encode, read) = (&encode, &read);
        let ask = |server: KnownServer| async move {
            let left = end.saturating_duration_since(Instant::now());
            let answer = match left.is_zero() {
                // Its turn has not come in time, so it was not even asked.
                true => Err(CallError::DeadlineExceeded {
                    server: server.facts.peer.name.clone(),
                    waited: deadline,
                }),
                false => self.call_server(&server, left, encode).await.and_then(read),
            };
            (respondent(&server), answer)
        };
        let mut answered: Vec<_> = stream::iter(servers)
            .map(ask)
            .buffer_unordered(ASKED_AT_A_TIME)
            .collect()
            .await;
        answered.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut answers = Answers {
            responses: Vec::new(),
            nothing_found: Vec::new(),
            failed: Vec::new(),
            not_asked: self.servers(),
        };
        answers.not_asked.retain(|server| server.problem.is_some());
        for (respondent, answer) in answered {
            match answer {
                Ok(response) => answers.responses.push(response),
                Err(CallError::Fault { fault, .. }) if fault.code == ServiceFault::CODE_NOTHING_FOUND => {
                    answers.nothing_found.push(respondent);
                }
                Err(error) => answers.failed.push((respondent, error)),
            }
        }
        Ok(answers)
    }
}

impl<S: Service> ServiceClient<S> {
    /// Calls every server that may be called, [`ASKED_AT_A_TIME`] at a time, and waits until all have answered, for at most
    /// `deadline` in all. Dropping the future takes the requests back.
    ///
    /// ```no_run
    /// use nuncio::msgs::std_srvs::srv::{Trigger, TriggerRequest};
    ///
    /// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
    /// let client = node.service_client::<Trigger>("/self_test")?;
    /// let answers = client.call_all(&TriggerRequest::default(), std::time::Duration::from_secs(2)).await?;
    /// for response in &answers.responses {
    ///     println!("{}: {}", response.info.node, response.message.message);
    /// }
    /// for (server, error) in &answers.failed {
    ///     println!("{} has not answered: {error}", server.node);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`CallError::NoServer`] when there is none to call.
    pub async fn call_all(
        &self,
        request: &S::Request,
        deadline: Duration,
    ) -> Result<Answers<Received<S::Response>>, CallError> {
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(request, now_ns, bytes);
        let read = |message: VerifiedMessage| {
            Ok(Received {
                message: payload::decode(&message).map_err(CallError::Decode)?,
                info: MessageInfo::new(self.name().clone(), &message, false, ApprovalState::NotAsked),
            })
        };
        self.gather(deadline, encode, read).await
    }
}

fn respondent(server: &KnownServer) -> Respondent {
    let peer = &server.facts.peer;
    Respondent {
        node: peer.name.clone(),
        key: peer.public_key(),
    }
}
