//! Writing frames, up to the point where they are signed.

use super::frame::{
    FLAG_CAUSE, FLAG_ORIGIN, FLAG_REPLAY, Header, MAGIC, MessageId, ORIGIN_LEN_MAX, SUITE_ED25519_BLAKE3, VERSION,
};

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
