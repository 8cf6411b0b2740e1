//! Why a payload cannot be read, and where.

use std::fmt;

use nuncio_msgs::message::LimitViolation;

use super::place;

/// Why a payload gives no message of its type.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not of this type.
    Malformed {
        /// Where in the payload the unreadable part begins, in bytes.
        offset: usize,
        /// The value at hand, such as `points[3].x`; empty for the message as a whole.
        path: String,
        /// What should have stood there.
        expected: String,
        /// What stood there.
        found: String,
    },
    /// The JSON would be longer, or its tree larger, than the caller wants it.
    TooLong {
        /// How far the payload was read, in bytes.
        offset: usize,
        /// The value at hand; empty for the message as a whole.
        path: String,
        /// The greatest length, in bytes.
        max_json_len: usize,
    },
    /// The CDR or protobuf would be longer than this crate writes it.
    FormTooLong {
        /// Which of the two, in words.
        form: &'static str,
        /// How far the payload was read, in bytes.
        offset: usize,
        /// The value at hand; empty for the message as a whole.
        path: String,
        /// The greatest length, in bytes.
        max_len: usize,
    },
    /// A value outside of what the schema allows.
    Limit(LimitViolation),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed {
                offset,
                path,
                expected,
                found,
            } => write!(
                f,
                "the payload is not of its type: at byte {offset}, {}: expected {expected}, found {found}",
                place::or_message(path)
            ),
            Self::TooLong {
                offset,
                path,
                max_json_len,
            } => write!(
                f,
                "the message does not fit into {max_json_len} bytes of JSON: they end at byte {offset} of its payload, {}; \
                 allow more",
                place::or_message(path)
            ),
            Self::FormTooLong {
                form,
                offset,
                path,
                max_len,
            } => write!(
                f,
                "the message does not fit into {max_len} bytes of {form}: they end at byte {offset} of its payload, {}; \
                 split the message",
                place::or_message(path)
            ),
            Self::Limit(violation) => fmt::Display::fmt(violation, f),
        }
    }
}

impl std::error::Error for DecodeError {}
