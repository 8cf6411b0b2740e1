//! Reading frames: where every part is, or the first thing wrong.
//!
//! # Invariants
//!
//! - A [`Layout`] is made by [`Layout::parse`] only, and every range that it or its messages name lies inside of the
//!   bytes that it was parsed from.
//! - Parsing allocates nothing, whatever the bytes claim.

use std::fmt;
use std::ops::Range;

use super::frame::{
    FLAG_CAUSE, FLAG_ORIGIN, FLAG_REPLAY, FRAME_LEN_MIN, HEADER_LEN, Header, Kind, MAGIC, MessageId, ORIGIN_LEN_MAX,
    SIGNATURE_LEN, SUITE_ED25519_BLAKE3, TRAILER_LEN, VERSION, Writer,
};
use super::key::PublicKey;
use super::merkle;

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
    messages_end: usize,
}

/// Where a message of a frame begins, so that messages can be walked with pauses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MessagePlace {
    offset: usize,
    number: u64,
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
            messages_end: siblings_of(bytes.len(), leaf_index, leaf_count).start,
        };
        layout.check_messages(bytes)?;
        Ok(layout)
    }

    /// Walks all messages once and sees that they end exactly where the sibling hashes begin.
    fn check_messages(&self, bytes: &[u8]) -> Result<(), LayoutError> {
        let end = self.messages_end;
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
        self.messages_from(self.first_place(), bytes)
    }

    /// Where the first message begins.
    pub fn first_place(&self) -> MessagePlace {
        MessagePlace {
            offset: HEADER_LEN,
            number: self.header.first_number,
        }
    }

    /// The messages from a place on, which is the first's or one that [`Messages::place`] gave.
    pub fn messages_from<'a>(&self, place: MessagePlace, bytes: &'a [u8]) -> Messages<'a> {
        let before = place.number.saturating_sub(self.header.first_number);
        Messages {
            cursor: Cursor {
                bytes: bytes.get(..self.messages_end).unwrap_or_default(),
                offset: place.offset,
            },
            remaining: self.count.saturating_sub(u16::try_from(before).unwrap_or(u16::MAX)),
            number: place.number,
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
        siblings_of(self.len, self.leaf_index, self.leaf_count)
    }

    /// The digest of the frame: BLAKE3 of everything before the sibling hashes.
    pub fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::hash(bytes.get(..self.messages_end).unwrap_or_default()).as_bytes()
    }

    /// The 64 bytes of the signature.
    pub fn signature<'a>(&self, bytes: &'a [u8]) -> &'a [u8; SIGNATURE_LEN] {
        bytes.last_chunk().unwrap_or(&[0; SIGNATURE_LEN])
    }
}

fn siblings_of(frame_len: usize, leaf_index: u16, leaf_count: u16) -> Range<usize> {
    let end = frame_len - TRAILER_LEN;
    let len = 32 * merkle::path_len(leaf_index.into(), leaf_count.into());
    end.saturating_sub(len)..end
}

impl MessagePlace {
    /// The number of the message there.
    pub const fn number(&self) -> u64 {
        self.number
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
    /// Where the next message begins.
    pub fn place(&self) -> MessagePlace {
        MessagePlace {
            offset: self.cursor.offset,
            number: self.number,
        }
    }

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
