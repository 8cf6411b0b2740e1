//! Calls of services.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tonic::{Code, Status};

use super::guest::Guest;
use super::messages::{Given, duration, info, payload, type_id};
use super::refusing::status;
use super::wire;
use crate::border_error::BorderError;

/// How long a response is waited for where the request does not say.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// The longest that it may be waited for.
const ANSWERED_WITHIN_MAX: Duration = Duration::from_secs(600);

/// Calls the service of a request. A client that gives up takes the call back.
pub(super) async fn call(guest: &Guest, request: wire::CallRequest) -> Result<wire::CallResponse, Status> {
    let given = Given::read(request.request).inspect_err(|_| guest.client.count_refused())?;
    let within = duration(request.timeout, ANSWERED_WITHIN)?.min(ANSWERED_WITHIN_MAX);
    let type_name = Some(request.r#type.as_str()).filter(|name| !name.is_empty());
    let begun = Instant::now();
    let called = guest
        .client
        .call(&request.service, type_name, given.body(), within)
        .await;
    let called = called.map_err(|error| match error {
        BorderError::Call(problem) if begun.elapsed() >= within => Status::new(Code::DeadlineExceeded, problem),
        other => status(other),
    })?;
    let response = payload(
        given.encoding(),
        || called.json(),
        || called.protobuf().map(Bytes::from),
        || called.cdr().map(Bytes::from),
    );
    Ok(wire::CallResponse {
        response: Some(response.map_err(status)?),
        r#type: Some(type_id(called.ty().response())),
        info: Some(info(&called.info(), true)),
    })
}
