//! The frame: what one Zenoh put carries, byte for byte (wire format, version 1).
//!
//! A frame holds one or more messages of one publisher on one topic. All numbers are little-endian, all offsets of
//! the header are fixed, and nothing is decoded by a library before the signature holds.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 2 | magic `4E 75` |
//! | 2 | 1 | version = 1 |
//! | 3 | 1 | suite: 1 = Ed25519 over BLAKE3 |
//! | 4 | 1 | flags: bit 0 replay, bit 1 messages carry a cause, bit 2 messages carry an origin; others are 0 |
//! | 5 | 1 | kind: 0 message, 1 request, 2 response, 3 card, 4 trust statement, 5 attestation |
//! | 6 | 2 | count of messages, at least 1 |
//! | 8 | 32 | Ed25519 public key of the publisher |
//! | 40 | 8 | writer |
//! | 48 | 8 | epoch |
//! | 56 | 8 | number of the first message, at least 1 |
//! | 64 | 8 | source time of the first message, i64, ns since 1970 |
//! | 72 | 8 | first 8 bytes of the type hash |
//! | 80 | – | per message: varint ns since the first, \[16-byte cause\], \[origin: varint length ≤ 255, UTF-8\], varint length, payload |
//! | end−68−32d | 32·d | sibling hashes, leaf upwards |
//! | end−68 | 2 | index of this frame's leaf |
//! | end−66 | 2 | number of leaves, 1 to 256 |
//! | end−64 | 64 | signature |
//!
//! `d` is the length of the audit path for this leaf in a tree of that many leaves ([`merkle::path_len`](super::merkle::path_len)). A varint is
//! LEB128 of at most 64 bits in its shortest form; a longer form of the same number is malformed.
//!
//! Reading is in `frame_reader.rs`, writing in `frame_writer.rs`; both are re-exported here.
//!
//! This module checks no signature, reads no clock and does no I/O.

use std::fmt;
use std::str::FromStr;

pub use super::frame_reader::{Layout, LayoutError, MessagePlace, MessageSpan, Messages};
pub(crate) use super::frame_writer::Apart;
pub use super::frame_writer::{Accompaniment, FrameWriter, PushError, UnsignedFrame};
use super::key::PublicKey;
use crate::key_expr::unhex;

/// The first two bytes of every frame: `Nu`.
pub const MAGIC: [u8; 2] = *b"Nu";
/// The version of this wire format.
pub const VERSION: u8 = 1;
/// Ed25519 over BLAKE3.
pub const SUITE_ED25519_BLAKE3: u8 = 1;
/// Bytes before the first message.
pub const HEADER_LEN: usize = 80;
/// Bytes after the sibling hashes: leaf index, number of leaves, signature.
pub const TRAILER_LEN: usize = 68;
/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;
/// The longest origin, in bytes.
pub const ORIGIN_LEN_MAX: usize = 255;
/// The least number of bytes that a frame has: a header, one message without payload, a trailer.
pub const FRAME_LEN_MIN: usize = HEADER_LEN + 2 + TRAILER_LEN;

pub(super) const FLAG_REPLAY: u8 = 1;
pub(super) const FLAG_CAUSE: u8 = 1 << 1;
pub(super) const FLAG_ORIGIN: u8 = 1 << 2;

/// What a frame is for; part of what is signed twice, in the header and in the context.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Kind {
    /// Messages of a topic.
    Message = 0,
    /// A service request.
    Request = 1,
    /// A service response.
    Response = 2,
    /// A node's card.
    Card = 3,
    /// A statement about trust, such as a revocation.
    TrustStatement = 4,
    /// A receipt or another statement about a message.
    Attestation = 5,
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Message,
            Self::Request,
            Self::Response,
            Self::Card,
            Self::TrustStatement,
            Self::Attestation,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// One publisher of one instance of a node: the first 8 bytes of BLAKE3 of node name, topic and index.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Writer(pub u64);

impl Writer {
    /// The writer of the `index`th publisher that a node has on a topic.
    ///
    /// Hashed are the node's full name, the topic's full name and the index (u32, little-endian), each behind its
    /// length (u32, little-endian); the first 8 bytes are read as a little-endian number.
    pub fn derive(node: &str, topic: &str, index: u32) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [node.as_bytes(), topic.as_bytes(), &index.to_le_bytes()] {
            update_with_length(&mut hasher, part);
        }
        let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// Feeds `part` behind its length, so that no two lists of parts hash alike.
pub(crate) fn update_with_length(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    hasher.update(part);
}

/// The short form of a message's identity, by which another message names its cause: the first 16 bytes of BLAKE3
/// of key (32 bytes), writer, epoch and number (8 bytes each, little-endian).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// The id of one message.
    pub fn of(key: &PublicKey, writer: Writer, epoch: u64, number: u64) -> Self {
        let mut bytes = [0; 56];
        let (key_part, rest) = bytes.split_at_mut(32);
        key_part.copy_from_slice(key.as_bytes());
        let (numbers, _) = rest.as_chunks_mut::<8>();
        for (place, value) in numbers.iter_mut().zip([writer.0, epoch, number]) {
            *place = value.to_le_bytes();
        }
        let hash = blake3::hash(&bytes);
        let mut id = [0; 16];
        id.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Self(id)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        unhex(text).map(Self).ok_or(MessageIdError)
    }
}

/// A text that is no message id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MessageIdError;

impl fmt::Display for MessageIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected the 32 digits 0-9 and a-f of a message id, as `topic echo --verbose` prints it")
    }
}

impl std::error::Error for MessageIdError {}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The fixed part of a frame. The count is not in it: it follows from the messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// What the frame is for.
    pub kind: Kind,
    /// Bit 0 of the flags: the messages are played back from a recording.
    pub replay: bool,
    /// The publisher's key.
    pub key: PublicKey,
    /// Which of its publishers.
    pub writer: Writer,
    /// The start of the instance.
    pub epoch: u64,
    /// The number of the first message; the others follow without gaps.
    pub first_number: u64,
    /// When the first message was published, ns since 1970 by the publisher's clock.
    pub first_time_ns: i64,
    /// The first 8 bytes of the type hash.
    pub type_hash_prefix: [u8; 8],
}
