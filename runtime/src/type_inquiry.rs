//! Asking a publisher for the definition of its type.
//!
//! The answer is signed under a nonce of this question. What strangers send instead costs a signature check each, and
//! at most [`ANSWERS_MAX`] of them are kept, none longer than [`DEFINITION_LEN_MAX`].

use std::sync::Arc;
use std::time::Duration;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;

use crate::card::NONCE_LEN;
use crate::key_expr;
use crate::link::Bytes;
use crate::node::NodeCore;
use crate::queue::{CloseOnDrop, Queue};
use crate::security::context::Context;
use crate::security::document;
use crate::security::frame::Kind;
use crate::security::key::PublicKey;
use crate::security::peers::Peers;
use crate::type_support::{self, TypeError, TypeSupport};

/// How long a publisher of a type may take to serve its definition.
const DEFINITION_TIMEOUT: Duration = Duration::from_secs(2);
/// How many answers wait to be looked at.
const ANSWERS_MAX: usize = 8;
/// The longest answer that is looked at, in bytes of its frame.
pub(crate) const DEFINITION_LEN_MAX: usize = 2 << 20;

/// A question that was put.
#[derive(Debug)]
pub(crate) struct TypeInquiry {
    answers: Arc<Queue<Bytes>>,
    peers: Arc<Peers>,
    context: Context,
    publisher: PublicKey,
    type_name: String,
    type_hash: TypeHash,
}

impl TypeInquiry {
    /// Puts the question.
    ///
    /// # Errors
    ///
    /// [`TypeError::Link`] when it cannot be put.
    pub(crate) fn put(
        node: &NodeCore,
        publisher: PublicKey,
        type_name: &str,
        type_hash: TypeHash,
    ) -> Result<Self, TypeError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| TypeError::Link(error.to_string()))?;
        let answers = Arc::new(Queue::new(ANSWERS_MAX));
        let closing = CloseOnDrop(Arc::clone(&answers));
        let question = key_expr::type_definition(&node.domain, &publisher, type_hash.as_bytes());
        let receive = move |_: &str, bytes: Bytes| {
            if bytes.as_slice().len() <= DEFINITION_LEN_MAX {
                closing.0.push(bytes);
            }
        };
        node.link
            .query(&question, nonce.to_vec(), DEFINITION_TIMEOUT, receive)
            .map_err(|error| TypeError::Link(error.to_string()))?;
        Ok(Self {
            answers,
            peers: Arc::clone(&node.peers),
            context: type_support::context(&node.domain, &type_hash, &nonce),
            publisher,
            type_name: type_name.to_owned(),
            type_hash,
        })
    }

    /// The first good answer, or what was wrong with the last one.
    pub(crate) async fn answer(self) -> Result<TypeSupport, TypeError> {
        let mut problem = TypeError::NoAnswer;
        while let Ok(bytes) = self.answers.take().await {
            match self.open(&bytes) {
                Ok(support) => return Ok(support),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    /// As [`answer`](Self::answer), waiting in this thread.
    pub(crate) fn wait(self) -> Result<TypeSupport, TypeError> {
        let mut problem = TypeError::NoAnswer;
        while let Ok(bytes) = self.answers.take_timeout(Duration::MAX) {
            match self.open(&bytes) {
                Ok(support) => return Ok(support),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    fn open(&self, bytes: &Bytes) -> Result<TypeSupport, TypeError> {
        let opened = document::open(
            bytes.as_slice(),
            Kind::Response,
            &self.context,
            self.publisher,
            &self.peers,
        );
        let (definition, _): (TypeDefinition, _) = opened.map_err(TypeError::Refused)?;
        type_support::accept(&definition, &self.type_name, &self.type_hash)
    }
}
