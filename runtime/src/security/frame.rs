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
//! `d` is the length of the audit path for this leaf in a tree of that many leaves ([`merkle::path_len`]). A varint is
//! LEB128 of at most 64 bits in its shortest form; a longer form of the same number is malformed.
//!
//! # Invariants
//!
//! - A [`Layout`] is made by [`Layout::parse`] only, and every range that it or its messages name lies inside of the
//!   bytes that it was parsed from.
//! - Parsing allocates nothing, whatever the bytes claim.
//!
//! This module checks no signature, reads no clock and does no I/O.

use std::fmt;
use std::ops::Range;

use super::key::PublicKey;
use super::merkle;

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

const FLAG_REPLAY: u8 = 1;
const FLAG_CAUSE: u8 = 1 << 1;
const FLAG_ORIGIN: u8 = 1 << 2;

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
    fn from_byte(byte: u8) -> Option<Self> {
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

/// A frame whose every part has a known place.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The fixed part.
    pub header: Header,
    /// How many messages, at least 1.
    pub count: u16,
    /// This frame's leaf.
    pub leaf_index: u16,
    /// How many leaves the signed tree has, 1 to 256.
    pub leaf_count: u16,
    has_cause: bool,
    has_origin: bool,
    len: usize,
}

/// Where one message stands in its frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MessageSpan {
    /// Its number.
    pub number: u64,
    /// When it was published, ns since 1970 by the publisher's clock.
    pub time_ns: i64,
    /// The message that led to it.
    pub cause: Option<MessageId>,
    /// Where the origin's text is.
    pub origin: Option<Range<usize>>,
    /// Where the payload is.
    pub payload: Range<usize>,
}

/// Why bytes have no layout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LayoutError {
    /// The bytes do not begin as frames do, or are too few for one.
    NotAFrame,
    /// Another version of the format.
    UnsupportedVersion(u8),
    /// A suite that this program does not have.
    UnsupportedSuite(u8),
    /// A part that contradicts the format.
    Malformed {
        /// Where, in bytes from the start.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFrame => write!(
                f,
                "the bytes are no frame: one begins with 4e 75 and has at least {FRAME_LEN_MIN} bytes"
            ),
            Self::UnsupportedVersion(found) => write!(f, "frame version {found}, this program reads version {VERSION}"),
            Self::UnsupportedSuite(found) => {
                write!(
                    f,
                    "signature suite {found}, this program knows suite {SUITE_ED25519_BLAKE3} (Ed25519 over BLAKE3)"
                )
            }
            Self::Malformed { offset, what } => write!(f, "{what} at byte {offset}"),
        }
    }
}

impl std::error::Error for LayoutError {}

impl Layout {
    /// Finds every part of a frame, or the first thing wrong with it.
    ///
    /// # Errors
    ///
    /// [`LayoutError`], with the offset where the format is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, LayoutError> {
        let mut cursor = Cursor { bytes, offset: 0 };
        if bytes.len() < FRAME_LEN_MIN || cursor.array()? != MAGIC {
            return Err(LayoutError::NotAFrame);
        }
        let [version, suite, flags, kind] = cursor.array()?;
        if version != VERSION {
            return Err(LayoutError::UnsupportedVersion(version));
        }
        if suite != SUITE_ED25519_BLAKE3 {
            return Err(LayoutError::UnsupportedSuite(suite));
        }
        if flags & !(FLAG_REPLAY | FLAG_CAUSE | FLAG_ORIGIN) != 0 {
            return Err(LayoutError::Malformed {
                offset: 4,
                what: "unknown flag",
            });
        }
        let kind = Kind::from_byte(kind).ok_or(LayoutError::Malformed {
            offset: 5,
            what: "unknown kind",
        })?;
        let count = u16::from_le_bytes(cursor.array()?);
        if count == 0 {
            return Err(LayoutError::Malformed {
                offset: 6,
                what: "a frame without messages",
            });
        }
        let header = Header {
            kind,
            replay: flags & FLAG_REPLAY != 0,
            key: PublicKey::from_bytes(cursor.array()?),
            writer: Writer(u64::from_le_bytes(cursor.array()?)),
            epoch: u64::from_le_bytes(cursor.array()?),
            first_number: u64::from_le_bytes(cursor.array()?),
            first_time_ns: i64::from_le_bytes(cursor.array()?),
            type_hash_prefix: cursor.array()?,
        };
        if header.first_number == 0 || header.first_number.checked_add(u64::from(count) - 1).is_none() {
            return Err(LayoutError::Malformed {
                offset: 56,
                what: "numbers start at 1 and never wrap",
            });
        }
        let mut trailer = Cursor {
            bytes,
            offset: bytes.len() - TRAILER_LEN,
        };
        let leaf_index = u16::from_le_bytes(trailer.array()?);
        let leaf_count = u16::from_le_bytes(trailer.array()?);
        if leaf_count == 0 || usize::from(leaf_count) > merkle::LEAVES_MAX || leaf_index >= leaf_count {
            return Err(LayoutError::Malformed {
                offset: bytes.len() - TRAILER_LEN,
                what: "no such leaf in a tree of that size",
            });
        }
        let layout = Self {
            header,
            count,
            leaf_index,
            leaf_count,
            has_cause: flags & FLAG_CAUSE != 0,
            has_origin: flags & FLAG_ORIGIN != 0,
            len: bytes.len(),
        };
        layout.check_messages(bytes)?;
        Ok(layout)
    }

    /// Walks all messages once and sees that they end exactly where the sibling hashes begin.
    fn check_messages(&self, bytes: &[u8]) -> Result<(), LayoutError> {
        let end = self.siblings().start;
        let Some(region) = bytes.get(..end).filter(|_| end >= HEADER_LEN) else {
            return Err(LayoutError::Malformed {
                offset: HEADER_LEN,
                what: "no room for the messages",
            });
        };
        let mut messages = self.messages(region);
        for _ in 0..self.count {
            let span = messages.parse_next()?;
            if let Some(origin) = span.origin
                && std::str::from_utf8(region.get(origin.clone()).unwrap_or_default()).is_err()
            {
                return Err(LayoutError::Malformed {
                    offset: origin.start,
                    what: "an origin that is not UTF-8",
                });
            }
        }
        match messages.cursor.offset == end {
            true => Ok(()),
            false => Err(LayoutError::Malformed {
                offset: messages.cursor.offset,
                what: "bytes after the last message",
            }),
        }
    }

    /// The messages in order. `bytes` are those that the layout was parsed from.
    pub fn messages<'a>(&self, bytes: &'a [u8]) -> Messages<'a> {
        Messages {
            cursor: Cursor {
                bytes: bytes.get(..self.siblings().start).unwrap_or_default(),
                offset: HEADER_LEN,
            },
            remaining: self.count,
            number: self.header.first_number,
            first_time_ns: self.header.first_time_ns,
            has_cause: self.has_cause,
            has_origin: self.has_origin,
        }
    }

    /// The number of the last message.
    pub fn last_number(&self) -> u64 {
        self.header.first_number + (u64::from(self.count) - 1)
    }

    /// Where the sibling hashes are; everything before them is what the digest covers.
    pub fn siblings(&self) -> Range<usize> {
        let end = self.len - TRAILER_LEN;
        let len = 32 * merkle::path_len(self.leaf_index.into(), self.leaf_count.into());
        end.saturating_sub(len)..end
    }

    /// The digest of the frame: BLAKE3 of everything before the sibling hashes.
    pub fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::hash(bytes.get(..self.siblings().start).unwrap_or_default()).as_bytes()
    }

    /// The 64 bytes of the signature.
    pub fn signature<'a>(&self, bytes: &'a [u8]) -> &'a [u8; SIGNATURE_LEN] {
        bytes.last_chunk().unwrap_or(&[0; SIGNATURE_LEN])
    }
}

/// Walks the messages of a frame.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    cursor: Cursor<'a>,
    remaining: u16,
    number: u64,
    first_time_ns: i64,
    has_cause: bool,
    has_origin: bool,
}

impl Messages<'_> {
    fn parse_next(&mut self) -> Result<MessageSpan, LayoutError> {
        let at = self.cursor.offset;
        let since_first = self.cursor.varint()?;
        let time_ns = i64::try_from(since_first)
            .ok()
            .and_then(|since_first| self.first_time_ns.checked_add(since_first))
            .ok_or(LayoutError::Malformed {
                offset: at,
                what: "a source time beyond 64 bits",
            })?;
        let cause = if self.has_cause {
            Some(MessageId(self.cursor.array()?))
        } else {
            None
        };
        let origin = if self.has_origin {
            Some(self.cursor.counted(ORIGIN_LEN_MAX)?)
        } else {
            None
        };
        let payload = self.cursor.counted(usize::MAX)?;
        let number = self.number;
        self.number = number.wrapping_add(1);
        Ok(MessageSpan {
            number,
            time_ns,
            cause,
            origin,
            payload,
        })
    }
}

impl Iterator for Messages<'_> {
    type Item = MessageSpan;

    fn next(&mut self) -> Option<MessageSpan> {
        self.remaining = self.remaining.checked_sub(1)?;
        self.parse_next().ok()
    }
}

#[derive(Clone, Debug)]
struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Cursor<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], LayoutError> {
        let found = self.bytes.get(self.offset..).and_then(<[u8]>::first_chunk::<N>);
        let array = found.ok_or(LayoutError::Malformed {
            offset: self.offset,
            what: "the bytes end inside of a part",
        })?;
        self.offset += N;
        Ok(*array)
    }

    fn varint(&mut self) -> Result<u64, LayoutError> {
        let start = self.offset;
        let malformed = |what| LayoutError::Malformed { offset: start, what };
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(malformed("a varint beyond 64 bits"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 {
                    Err(malformed("a varint longer than it need be"))
                } else {
                    Ok(value)
                };
            }
        }
        Err(malformed("a varint beyond 64 bits"))
    }

    /// A varint length and that many bytes.
    fn counted(&mut self, len_max: usize) -> Result<Range<usize>, LayoutError> {
        let start = self.offset;
        let malformed = |what| LayoutError::Malformed { offset: start, what };
        let len = usize::try_from(self.varint()?).ok().filter(|len| *len <= len_max);
        let len = len.ok_or_else(|| malformed("a length beyond its limit"))?;
        let end = self.offset.checked_add(len).filter(|end| *end <= self.bytes.len());
        let range = self.offset..end.ok_or_else(|| malformed("a length beyond the end of the messages"))?;
        self.offset = range.end;
        Ok(range)
    }
}

/// Writes a frame up to the point where it is signed.
#[derive(Debug)]
pub struct FrameWriter {
    bytes: Vec<u8>,
    count: u16,
    first_time_ns: i64,
    flags: u8,
}

/// What goes along with one message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accompaniment<'a> {
    /// The message that led to this one.
    pub cause: Option<MessageId>,
    /// On whose behalf it is published.
    pub origin: Option<&'a str>,
}

/// A frame that only lacks its place in a tree and the signature.
#[derive(Debug)]
pub struct UnsignedFrame {
    pub(crate) bytes: Vec<u8>,
}

impl FrameWriter {
    /// Begins a frame. All of its messages carry a cause when the first does, and likewise an origin.
    ///
    /// `buffer` is emptied and used again, so that a busy publisher does not allocate.
    pub fn new(mut buffer: Vec<u8>, header: &Header, first: Accompaniment<'_>) -> Self {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(header.replay, FLAG_REPLAY)
            | flag(first.cause.is_some(), FLAG_CAUSE)
            | flag(first.origin.is_some(), FLAG_ORIGIN);
        buffer.clear();
        buffer.extend_from_slice(&MAGIC);
        buffer.extend_from_slice(&[VERSION, SUITE_ED25519_BLAKE3, flags, header.kind as u8, 0, 0]);
        buffer.extend_from_slice(header.key.as_bytes());
        buffer.extend_from_slice(&header.writer.0.to_le_bytes());
        buffer.extend_from_slice(&header.epoch.to_le_bytes());
        buffer.extend_from_slice(&header.first_number.to_le_bytes());
        buffer.extend_from_slice(&header.first_time_ns.to_le_bytes());
        buffer.extend_from_slice(&header.type_hash_prefix);
        Self {
            bytes: buffer,
            count: 0,
            first_time_ns: header.first_time_ns,
            flags,
        }
    }

    /// Appends a message whose payload `encode` writes behind what the buffer has already.
    ///
    /// # Errors
    ///
    /// That of `encode`; the frame is then as it was before.
    ///
    /// # Panics
    ///
    /// Never; a message beyond the 65,535th, or one whose cause or origin does not fit the first message's, is
    /// [`PushError::DoesNotFit`].
    pub fn push<E>(
        &mut self,
        time_ns: i64,
        with: Accompaniment<'_>,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), PushError<E>> {
        let start = self.bytes.len();
        let fits = self.count < u16::MAX
            && with.cause.is_some() == (self.flags & FLAG_CAUSE != 0)
            && with.origin.is_some() == (self.flags & FLAG_ORIGIN != 0)
            && with.origin.is_none_or(|origin| origin.len() <= ORIGIN_LEN_MAX);
        // The first message's time is the header's; a clock that steps back gives the same time, never a negative one.
        let since_first = u64::try_from(time_ns.saturating_sub(self.first_time_ns)).unwrap_or(0);
        if !fits {
            return Err(PushError::DoesNotFit);
        }
        put_varint(&mut self.bytes, since_first);
        if let Some(cause) = with.cause {
            self.bytes.extend_from_slice(&cause.0);
        }
        if let Some(origin) = with.origin {
            put_varint(&mut self.bytes, origin.len() as u64);
            self.bytes.extend_from_slice(origin.as_bytes());
        }
        let payload = self.bytes.len();
        if let Err(error) = encode(&mut self.bytes) {
            self.bytes.truncate(start);
            return Err(PushError::Encode(error));
        }
        insert_length(&mut self.bytes, payload);
        self.count += 1;
        let count = self.count.to_le_bytes();
        self.bytes
            .iter_mut()
            .skip(6)
            .zip(count)
            .for_each(|(place, byte)| *place = byte);
        Ok(())
    }

    /// Ends the frame. It holds at least one message if one was pushed, and is refused by readers otherwise.
    pub fn finish(self) -> UnsignedFrame {
        UnsignedFrame { bytes: self.bytes }
    }
}

/// Why a message is not in the frame.
#[derive(Debug, Eq, PartialEq)]
pub enum PushError<E> {
    /// The frame is full, or the message carries a cause or an origin where the first does not (or the reverse), or
    /// the origin is longer than 255 bytes.
    DoesNotFit,
    /// The payload could not be encoded.
    Encode(E),
}

/// Puts the varint length of everything after `at` in front of it.
fn insert_length(bytes: &mut Vec<u8>, at: usize) {
    let end = bytes.len();
    put_varint(bytes, (end - at) as u64);
    if let Some(moved) = bytes.get_mut(at..) {
        moved.rotate_right(moved.len() - (end - at));
    }
}

/// Appends a number as LEB128 in its shortest form.
pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
