//! Payloads: messages to bytes and back, by postcard. The only file that names `postcard::`.

use std::fmt;

use nuncio_msgs::Message;
use nuncio_msgs::message::LimitViolation;
use postcard::ser_flavors::Flavor;

use crate::run_time_type::Translation;
use crate::security::key::PublicKey;
use crate::security::refusal::{Reason, Refusal};
use crate::security::verifier::VerifiedMessage;

/// Types whose messages are never longer need no measuring: that much room is made for each.
const SURE_ROOM_MAX: usize = 1024;

/// A run of bytes that is long enough to be appended: the room for it would be filled with zeros first.
const LONG_RUN: usize = 4096;

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

impl DecodeError {
    /// The refusal of a verified message that is not what its type says.
    pub(crate) fn refusal(&self, signer: PublicKey) -> Refusal {
        let reason = match self {
            Self::Payload { .. } => Reason::DecodeFailed,
            Self::Limit(_) => Reason::LimitViolated,
        };
        Refusal::new(reason, Some(signer), self.to_string())
    }
}

/// Checks a message against its schema and appends its bytes to `bytes`. `now_ns` is what stamps are held against.
/// After an error `bytes` is as it was.
pub(crate) fn encode<M: Message>(message: &M, now_ns: i64, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    message
        .check()
        .and_then(|()| message.check_age(now_ns))
        .map_err(EncodeError::Limit)?;
    let start = bytes.len();
    let written = write(message, bytes);
    bytes.truncate(start + written.as_ref().copied().unwrap_or_default());
    written
        .map(|_| ())
        .map_err(|error| EncodeError::Encoder(error.to_string()))
}

/// Appends two messages, one behind the other: the very bytes of a message that has the two as its only fields, as those that
/// ROS 2 derives from actions have. After an error `bytes` is as it was.
pub(crate) fn encode_pair(
    pair: (&impl Message, &impl Message),
    now_ns: i64,
    bytes: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = bytes.len();
    let both = encode(pair.0, now_ns, bytes).and_then(|()| encode(pair.1, now_ns, bytes));
    both.inspect_err(|_| bytes.truncate(start))
}

/// Appends a list of at most one message, given by its payload.
pub(crate) fn push_at_most_one(message: Option<&[u8]>, bytes: &mut Vec<u8>) {
    bytes.push(message.is_some().into());
    bytes.extend_from_slice(message.unwrap_or_default());
}

/// Writes the message behind what is in `bytes` and returns its length; more zeros may follow it.
///
/// The room is made first: where nothing can grow in between, the compiler turns the elements of a list into a copy.
fn write<M: Message>(message: &M, bytes: &mut Vec<u8>) -> postcard::Result<usize> {
    let start = bytes.len();
    let room = match M::MAX_ENCODED_LEN.filter(|max| *max <= SURE_ROOM_MAX) {
        Some(short) => Room { short, long: 0 },
        None => postcard::serialize_with_flavor(message, Room::default())?,
    };
    if room.long > 0 {
        bytes.reserve(room.short + room.long);
        postcard::serialize_with_flavor(message, Appender(bytes))?;
        return Ok(bytes.len() - start);
    }
    bytes.resize(start + room.short, 0);
    let (_, place) = bytes.split_at_mut(start);
    postcard::to_slice(message, place).map(|written| written.len())
}

/// Decodes a message. There is no such function for bytes: unverified ones cannot get here.
///
/// Its age is that at the time of receipt: how long it waited in the queue is the reader's affair.
pub(crate) fn decode<M: Message>(verified: &VerifiedMessage) -> Result<M, DecodeError> {
    let message = decode_bytes(verified.payload())?;
    check_age(message, verified)
}

/// What stands behind the first field of a verified message: in what actions send, the part that is of the action's own type.
#[derive(Clone, Debug)]
pub(crate) struct Remainder {
    message: VerifiedMessage,
    start: usize,
}

impl Remainder {
    /// The bytes.
    pub(crate) fn payload(&self) -> &[u8] {
        self.message.payload().get(self.start..).unwrap_or_default()
    }

    /// Decodes it as the last field.
    pub(crate) fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        check_age(decode_bytes(self.payload())?, &self.message)
    }
}

/// Decodes the first field of a message, and gives what follows.
pub(crate) fn decode_first<M: Message>(message: VerifiedMessage) -> Result<(M, Remainder), DecodeError> {
    let payload = message.payload();
    let (first, rest) = postcard::take_from_bytes::<M>(payload).map_err(|error| DecodeError::Payload {
        problem: error.to_string(),
        len: payload.len(),
    })?;
    let start = payload.len() - rest.len();
    first.check().map_err(DecodeError::Limit)?;
    Ok((check_age(first, &message)?, Remainder { message, start }))
}

/// Decodes what [`encode_pair`] has encoded.
pub(crate) fn decode_pair<A: Message, B: Message>(message: VerifiedMessage) -> Result<(A, B), DecodeError> {
    let (first, rest) = decode_first(message)?;
    Ok((first, rest.decode()?))
}

/// Decodes a message of another version of the type, as [`decode`] does one of its own.
pub(crate) fn decode_translated<M: Message>(
    verified: &VerifiedMessage,
    translation: &Translation,
) -> Result<M, DecodeError> {
    let mut payload = Vec::new();
    translation
        .translate(verified.payload(), &mut payload)
        .map_err(|error| DecodeError::Payload {
            problem: error.to_string(),
            len: verified.payload().len(),
        })?;
    check_age(decode_bytes(&payload)?, verified)
}

fn check_age<M: Message>(message: M, verified: &VerifiedMessage) -> Result<M, DecodeError> {
    let aged = message.check_age(verified.frame().received_time_ns());
    aged.map_err(DecodeError::Limit)?;
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

/// How much room a message needs: its long runs of bytes, and all the rest.
#[derive(Default)]
struct Room {
    short: usize,
    long: usize,
}

impl Flavor for Room {
    type Output = Self;

    #[inline]
    fn try_push(&mut self, _: u8) -> postcard::Result<()> {
        self.short += 1;
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, run: &[u8]) -> postcard::Result<()> {
        let kind = if run.len() < LONG_RUN {
            &mut self.short
        } else {
            &mut self.long
        };
        *kind += run.len();
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Self> {
        Ok(self)
    }
}

struct Appender<'a>(&'a mut Vec<u8>);

impl Flavor for Appender<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, run: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(run);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nuncio_msgs::builtin_interfaces::msg::Time;
    use nuncio_msgs::diagnostic_msgs::msg::DiagnosticArray;
    use nuncio_msgs::example_interfaces::action::{
        FibonacciFeedback, FibonacciFeedbackMessage, FibonacciGetResultRequest, FibonacciGetResultResponse,
        FibonacciGoal, FibonacciResult, FibonacciSendGoalRequest, FibonacciSendGoalResponse,
    };
    use nuncio_msgs::geometry_msgs::msg::Twist;
    use nuncio_msgs::nuncio_msgs::msg::MotionCommand;
    use nuncio_msgs::sensor_msgs::msg::{LaserScan, PointCloud2};
    use nuncio_msgs::std_msgs::msg::{Bool, Empty, Int8};
    use nuncio_msgs::unique_identifier_msgs::msg::UUID;

    use super::*;

    fn is_appended_as_postcard_would<M: Message>(message: &M) {
        let mut bytes = b"before".to_vec();
        encode(message, 0, &mut bytes).unwrap();
        let (before, payload) = bytes.split_at(6);
        assert_eq!(before, b"before");
        assert_eq!(payload, postcard::to_stdvec(message).unwrap(), "{}", M::TYPE_NAME);
        assert_eq!(&decode_bytes::<M>(payload).unwrap(), message);
    }

    #[test]
    fn whichever_way_room_is_made_the_bytes_are_those_of_postcard() {
        is_appended_as_postcard_would(&Empty::default());
        is_appended_as_postcard_would(&Twist::default());
        is_appended_as_postcard_would(&DiagnosticArray::default());
        for len in [0, 1, LONG_RUN - 1, LONG_RUN, LONG_RUN + 1] {
            is_appended_as_postcard_would(&LaserScan {
                ranges: vec![1.5; len],
                ..LaserScan::default()
            });
            is_appended_as_postcard_would(&PointCloud2 {
                data: vec![7; len],
                is_dense: true,
                ..PointCloud2::default()
            });
        }
    }

    #[test]
    fn a_pair_is_encoded_as_the_derived_messages_of_actions_are() {
        let (goal_id, goal) = (UUID { uuid: [200; 16] }, FibonacciGoal { order: -70 });
        let result = FibonacciResult {
            sequence: vec![0, 1, 300],
        };
        let stamp = Time { sec: -1, nanosec: 900 };
        is_encoded_as(
            (&goal_id, &goal),
            &FibonacciSendGoalRequest {
                goal_id: goal_id.clone(),
                goal: goal.clone(),
            },
        );
        is_encoded_as(
            (&Bool { data: true }, &stamp),
            &FibonacciSendGoalResponse {
                accepted: true,
                stamp: stamp.clone(),
            },
        );
        is_encoded_as(
            (&Int8 { data: -4 }, &result),
            &FibonacciGetResultResponse {
                status: -4,
                result: result.clone(),
            },
        );
        let feedback = FibonacciFeedback {
            sequence: result.sequence.clone(),
        };
        is_encoded_as(
            (&goal_id, &feedback),
            &FibonacciFeedbackMessage {
                goal_id: goal_id.clone(),
                feedback: feedback.clone(),
            },
        );
        let request = FibonacciGetResultRequest {
            goal_id: goal_id.clone(),
        };
        assert_eq!(
            postcard::to_stdvec(&request).unwrap(),
            postcard::to_stdvec(&goal_id).unwrap()
        );
    }

    fn is_encoded_as(pair: (&impl Message, &impl Message), message: &impl Message) {
        let mut bytes = Vec::new();
        encode_pair(pair, 0, &mut bytes).unwrap();
        assert_eq!(bytes, postcard::to_stdvec(message).unwrap());
    }

    #[test]
    fn a_message_that_violates_its_schema_leaves_nothing_behind() {
        let command = MotionCommand {
            linear_x: f64::NAN,
            ..MotionCommand::default()
        };
        let mut bytes = b"before".to_vec();
        assert!(matches!(encode(&command, 0, &mut bytes), Err(EncodeError::Limit(_))));
        assert_eq!(bytes, b"before");
    }
}
