//! Payloads: messages to bytes and back, by postcard. The only file that names `postcard::`.

use std::fmt;
use std::io;

use nuncio_msgs::Message;
use nuncio_msgs::message::LimitViolation;

use crate::security::verifier::VerifiedMessage;

/// Why a message could not be encoded.
#[derive(Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// A value outside of what its schema allows.
    Limit(LimitViolation),
    /// The encoder's own words.
    Encoder(String),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(violation) => fmt::Display::fmt(violation, f),
            Self::Encoder(problem) => write!(f, "the message cannot be encoded: {problem}"),
        }
    }
}

impl std::error::Error for EncodeError {}

/// Why a verified payload gives no message.
#[derive(Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not of this type.
    Payload {
        /// What the decoder says.
        problem: String,
        /// How many bytes there were.
        len: usize,
    },
    /// A value outside of what its schema allows.
    Limit(LimitViolation),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload { problem, len } => write!(f, "the payload of {len} bytes is not of its type: {problem}"),
            Self::Limit(violation) => fmt::Display::fmt(violation, f),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Checks a message against its schema and appends its bytes to `bytes`. `now_ns` is what stamps are held against.
pub(crate) fn encode<M: Message>(message: &M, now_ns: i64, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    message
        .check()
        .and_then(|()| message.check_age(now_ns))
        .map_err(EncodeError::Limit)?;
    postcard::to_io(message, Appender(bytes))
        .map(|_| ())
        .map_err(|error| EncodeError::Encoder(error.to_string()))
}

/// Decodes a message. There is no such function for bytes: unverified ones cannot get here.
///
/// Its age is that at the time of receipt: how long it waited in the queue is the reader's affair.
pub(crate) fn decode<M: Message>(verified: &VerifiedMessage) -> Result<M, DecodeError> {
    let message: M = decode_bytes(verified.payload())?;
    message
        .check_age(verified.frame().received_time_ns())
        .map_err(DecodeError::Limit)?;
    Ok(message)
}

/// Decodes the payload of a document that is not a topic's message, such as a card, whose signature the caller checked.
pub(crate) fn decode_bytes<M: Message>(payload: &[u8]) -> Result<M, DecodeError> {
    let broken = |problem: String| DecodeError::Payload {
        problem,
        len: payload.len(),
    };
    let (message, rest): (M, _) = postcard::take_from_bytes(payload).map_err(|error| broken(error.to_string()))?;
    if !rest.is_empty() {
        return Err(broken(format!("{} bytes are left over", rest.len())));
    }
    message.check().map_err(DecodeError::Limit)?;
    Ok(message)
}

struct Appender<'a>(&'a mut Vec<u8>);

impl io::Write for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
