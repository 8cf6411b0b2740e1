//! Calls of services that nobody has answered.

use nuncio::CallError;

use super::{CommandError, Outcome};
use crate::render::Render;

/// How a command ends that a service did not respond to.
///
/// # Errors
///
/// The error itself, where it is neither silence nor a refusal.
pub(crate) fn unanswered(render: &Render, error: CallError) -> Result<Outcome, CommandError> {
    let outcome = match error {
        CallError::DeadlineExceeded { .. } => Outcome::Nothing,
        CallError::NoServer(_) | CallError::Unanswered { .. } => Outcome::Refused,
        error => return Err(error.into()),
    };
    render.warning(error);
    Ok(outcome)
}
