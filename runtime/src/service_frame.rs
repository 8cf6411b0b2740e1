//! Frames of services: one request, response, fault or cancellation each, signed where it is made.
//!
//! They are not gathered with others: whoever calls waits.

use std::fmt;

use crate::clock;
use crate::node::NodeCore;
use crate::payload::EncodeError;
use crate::security::context::Context;
use crate::security::frame::{Accompaniment, FrameWriter, Header, Kind, MessageId, PushError};
use crate::security::signer;
use crate::service_facts::{ServiceFacts, TypeId};

/// What a frame of a service is, its payload apart.
#[derive(Debug)]
pub(crate) struct ServiceFrame<'a> {
    pub(crate) kind: Kind,
    pub(crate) of_type: &'a TypeId,
    /// The server that a request is for, or the request that a response is for.
    pub(crate) request_id: &'a [u8],
    pub(crate) cause: Option<MessageId>,
    /// On whose behalf it is sent.
    pub(crate) origin: Option<&'a str>,
    pub(crate) number: u64,
}

/// The context of frames of a service.
pub(crate) fn context(
    node: &NodeCore,
    facts: &ServiceFacts,
    of_type: &TypeId,
    kind: Kind,
    request_id: &[u8],
) -> Context {
    let place = facts.name.as_str();
    Context::new(&node.domain, place, &of_type.name, &of_type.hash, kind, request_id)
}

/// Signs a frame whose payload `encode` appends to what it is given, along with the time.
///
/// # Errors
///
/// [`SealError`] when the payload cannot be encoded or is too large.
pub(crate) fn seal(
    node: &NodeCore,
    facts: &ServiceFacts,
    frame: &ServiceFrame<'_>,
    encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<Vec<u8>, SealError> {
    let now_ns = clock::now_ns();
    let header = Header {
        kind: frame.kind,
        replay: false,
        key: node.public_key(),
        writer: facts.writer,
        epoch: node.epoch,
        first_number: frame.number,
        first_time_ns: now_ns,
        type_hash_prefix: frame.of_type.hash.prefix(),
    };
    let with = Accompaniment {
        cause: frame.cause,
        origin: frame.origin,
    };
    let mut writer = FrameWriter::new(Vec::new(), &header, with);
    let pushed = writer.push(now_ns, with, |bytes| encode(now_ns, bytes));
    pushed.map_err(|error| match error {
        PushError::Encode(error) => SealError::Encode(error),
        PushError::DoesNotFit => SealError::Encode(EncodeError::Encoder("it fits into no frame".to_owned())),
    })?;
    let context = context(node, facts, frame.of_type, frame.kind, frame.request_id);
    let sealed = signer::seal(&node.identity, writer.finish(), &context);
    match sealed.len() <= node.link.frame_len_max() {
        true => Ok(sealed),
        false => Err(SealError::TooLarge {
            len: sealed.len(),
            max: node.link.frame_len_max(),
        }),
    }
}

/// Why a request or a response was not signed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SealError {
    /// It violates its schema or cannot be encoded.
    Encode(EncodeError),
    /// Its frame has more bytes than receivers accept.
    TooLarge {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => fmt::Display::fmt(error, f),
            Self::TooLarge { len, max } => write!(f, "the frame has {len} bytes, at most {max} are accepted"),
        }
    }
}

impl std::error::Error for SealError {}
