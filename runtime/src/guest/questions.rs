//! The questions that wait for a guest's answers: who asks, and with which nonce.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nuncio_msgs::TypeHash;
use tokio::sync::oneshot;

use super::GuestError;
use crate::card::NONCE_LEN;
use crate::link::Query;

/// How many questions wait for one guest at most.
pub const GUEST_QUESTIONS_MAX: usize = 256;

/// After so long nobody waits for an answer any more.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// Its card.
    Card,
    /// The definition of a type that it publishes.
    Type(TypeHash),
}

impl Asked {
    pub(crate) fn of_type(hash: [u8; 32]) -> Self {
        Self::Type(TypeHash::from_bytes(hash))
    }
}

/// A question that a guest has to sign the answer to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GuestQuestion {
    /// The number to answer with.
    pub id: u32,
    /// What is asked.
    pub asked: Asked,
    /// What the answer is signed for.
    pub nonce: [u8; NONCE_LEN],
}

/// Who waits for the answer.
#[derive(Debug)]
pub(crate) enum AnswerTo {
    /// This node, which wants to know whom it has.
    Ourselves(oneshot::Sender<()>),
    /// Another node.
    Query(Query),
}

/// A question that is open.
#[derive(Debug)]
pub(crate) struct OpenQuestion {
    pub(crate) asked: Asked,
    pub(crate) nonce: [u8; NONCE_LEN],
    pub(crate) answer_to: AnswerTo,
    since: Instant,
}

/// The open questions of one guest.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    open: BTreeMap<u32, OpenQuestion>,
    last_id: u32,
}

impl Questions {
    /// Enters a question. Those that nobody waits for any more make room.
    pub(crate) fn enter(&mut self, asked: Asked, answer_to: AnswerTo) -> Result<GuestQuestion, GuestError> {
        self.open.retain(|_, open| open.since.elapsed() < ANSWERED_WITHIN);
        if self.open.len() >= GUEST_QUESTIONS_MAX {
            return Err(GuestError::TooManyQuestions(GUEST_QUESTIONS_MAX));
        }
        let mut nonce = [0; NONCE_LEN];
        match &answer_to {
            AnswerTo::Ourselves(_) => {
                getrandom::fill(&mut nonce).map_err(|error| GuestError::NoRandomness(error.to_string()))?;
            }
            AnswerTo::Query(query) => {
                let given = query.payload();
                // Whoever sends no nonce of ours asks for something to replay.
                nonce = given
                    .try_into()
                    .map_err(|_| GuestError::Says("a question without a nonce".to_owned()))?;
            }
        }
        // 0 says that something is no answer.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let id = self.last_id;
        let open = OpenQuestion {
            asked,
            nonce,
            answer_to,
            since: Instant::now(),
        };
        self.open.insert(id, open);
        Ok(GuestQuestion { id, asked, nonce })
    }

    /// Takes a question out, to be answered.
    pub(crate) fn take(&mut self, id: u32) -> Result<OpenQuestion, GuestError> {
        let open = self.open.remove(&id).ok_or(GuestError::NotAsked(id))?;
        match open.since.elapsed() < ANSWERED_WITHIN {
            true => Ok(open),
            false => Err(GuestError::NotAsked(id)),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}
