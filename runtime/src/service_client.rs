//! The typed service client: requests of one type, and their responses, decoded.

use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use nuncio_msgs::service::Service;

use crate::approval::ApprovalState;
use crate::call_error::CallError;
use crate::generic_service_client::GenericServiceClient;
use crate::generic_subscriber::MessageInfo;
use crate::payload;
use crate::subscriber::Received;

/// Calls one service of type `S`.
///
/// Everything that does not depend on the type is on [`GenericServiceClient`], which this dereferences to.
///
/// ```no_run
/// use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest};
///
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// let client = node.service_client::<AddTwoInts>("/add")?;
/// client.wait_for_server(std::time::Duration::from_secs(5)).await;
/// let answer = client.call(&AddTwoIntsRequest { a: 1, b: 2 }).await?;
/// println!("{} says {}", answer.info.signer, answer.message.sum);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ServiceClient<S> {
    generic: GenericServiceClient,
    of: PhantomData<fn() -> S>,
}

impl<S: Service> ServiceClient<S> {
    pub(crate) fn new(generic: GenericServiceClient) -> Self {
        Self {
            generic,
            of: PhantomData,
        }
    }

    /// Calls a server and waits for its response, for at most the deadline of the options. Dropping the future takes the
    /// request back.
    ///
    /// # Errors
    ///
    /// [`CallError`], at the deadline at the latest.
    pub async fn call(&self, request: &S::Request) -> Result<Received<S::Response>, CallError> {
        self.call_within(request, self.options().deadline).await
    }

    /// As [`call`](Self::call), with a deadline of its own.
    ///
    /// # Errors
    ///
    /// [`CallError`], at the deadline at the latest.
    pub async fn call_within(
        &self,
        request: &S::Request,
        deadline: Duration,
    ) -> Result<Received<S::Response>, CallError> {
        let encode = |now_ns, bytes: &mut Vec<u8>| payload::encode(request, now_ns, bytes);
        let message = self.generic.call_encoded(deadline, encode).await?;
        Ok(Received {
            message: payload::decode(&message).map_err(CallError::Decode)?,
            info: MessageInfo::new(self.name().clone(), &message, false, ApprovalState::NotAsked),
        })
    }
}

impl<S> Deref for ServiceClient<S> {
    type Target = GenericServiceClient;

    fn deref(&self) -> &GenericServiceClient {
        &self.generic
    }
}
