//! The attendant: one thread that answers the requests of several servers, one request after the other.
//!
//! A handler that takes long holds up the other servers of the same attendant, and nobody else.
//!
//! # Invariants
//!
//! - Each server gets its turn: of one that is flooded one request is answered, then the others are looked at.
//! - The thread ends when all servers are closed.

use std::sync::Arc;
use std::thread;

use event_listener::{Event, Listener, listener};

use crate::generic_subscriber::ReceiveError;
use crate::service_error::ServiceError;
use crate::service_server::{Attended, Serving};

/// Answers the requests of these servers in a thread of this name, until all that is returned is dropped.
///
/// # Errors
///
/// [`ServiceError::Thread`] when no thread can be started.
pub(crate) fn attend(name: String, servers: Vec<Attended>) -> Result<Vec<Serving>, ServiceError> {
    let bell = Arc::new(Event::new());
    let (serving, mut answers): (Vec<_>, Vec<_>) = servers
        .into_iter()
        .map(|server| {
            server.serving.desk.ring(&bell);
            (server.serving, server.answer_next)
        })
        .unzip();
    let run = move || {
        while !answers.is_empty() {
            listener!(bell => rung);
            let mut is_idle = true;
            answers.retain_mut(|answer_next| {
                let answered = answer_next();
                is_idle &= answered.is_err();
                answered != Err(ReceiveError::Closed)
            });
            if is_idle && !answers.is_empty() {
                rung.wait();
            }
        }
    };
    thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(ServiceError::Thread)?;
    Ok(serving)
}
