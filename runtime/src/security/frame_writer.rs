//! Writing frames, up to the point where they are signed.

use super::frame::{
    FLAG_CAUSE, FLAG_ORIGIN, FLAG_REPLAY, HEADER_LEN, Header, MAGIC, MessageId, ORIGIN_LEN_MAX, SUITE_ED25519_BLAKE3,
    VERSION,
};
use crate::link::Bytes;

/// Writes a frame up to the point where it is signed.
#[derive(Debug)]
pub struct FrameWriter {
    bytes: Vec<u8>,
    /// Where the last whole message ends.
    end: usize,
    count: u16,
    first_number: u64,
    first_time_ns: i64,
    flags: u8,
    /// How long the last payload was: the next one is likely to be as long.
    payload_len: usize,
    /// The last payload, if it was not copied. Nothing can follow it.
    apart: Option<Apart>,
}

/// A large payload on its way out that stays where it is: the frame is written around it.
#[derive(Clone, Debug)]
pub(crate) struct Apart {
    pub(crate) payload: Bytes,
    /// Its place: how many bytes of the frame stand before it.
    pub(crate) at: usize,
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
    /// All of it but the payload that lies apart.
    pub(crate) bytes: Vec<u8>,
    pub(crate) apart: Option<Apart>,
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
            end: buffer.len(),
            bytes: buffer,
            count: 0,
            first_number: header.first_number,
            first_time_ns: header.first_time_ns,
            flags,
            payload_len: 0,
            apart: None,
        }
    }

    /// Says how long the next payload is likely to be. One that is not is moved by a few bytes; nothing else depends on it.
    #[must_use]
    pub fn expecting(mut self, payload_len: usize) -> Self {
        self.payload_len = payload_len;
        self
    }

    /// Appends a message whose payload `encode` writes behind what the buffer has already.
    ///
    /// # Errors
    ///
    /// That of `encode`; the frame is then as it was before. A message beyond the 65,535th, or one whose cause or origin
    /// does not fit the first message's, is [`PushError::DoesNotFit`].
    pub fn push<E>(
        &mut self,
        time_ns: i64,
        with: Accompaniment<'_>,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), PushError<E>> {
        self.begin_message(time_ns, with)?;
        let length_at = self.bytes.len();
        put_varint(&mut self.bytes, self.payload_len as u64);
        let payload_at = self.bytes.len();
        if let Err(error) = encode(&mut self.bytes) {
            self.bytes.truncate(self.end);
            return Err(PushError::Encode(error));
        }
        let payload_len = self.bytes.len() - payload_at;
        if payload_len != self.payload_len {
            self.payload_len = payload_len;
            let (length, len) = varint(payload_len as u64);
            self.bytes.splice(length_at..payload_at, length.into_iter().take(len));
        }
        self.end = self.bytes.len();
        self.count += 1;
        Ok(())
    }

    /// As [`push`](Self::push), with a payload that is shared and not copied. No message can follow it.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub(crate) fn push_apart<E>(
        &mut self,
        time_ns: i64,
        with: Accompaniment<'_>,
        payload: &Bytes,
    ) -> Result<(), PushError<E>> {
        self.begin_message(time_ns, with)?;
        put_varint(&mut self.bytes, payload.as_slice().len() as u64);
        self.end = self.bytes.len();
        self.count += 1;
        self.apart = Some(Apart {
            payload: payload.clone(),
            at: self.end,
        });
        Ok(())
    }

    /// Writes what stands before the length of a payload.
    fn begin_message<E>(&mut self, time_ns: i64, with: Accompaniment<'_>) -> Result<(), PushError<E>> {
        // What an encoder that panicked has left behind is no message.
        self.bytes.truncate(self.end);
        if self.count == u16::MAX || !self.takes(with) || !with.is_valid() {
            return Err(PushError::DoesNotFit);
        }
        // The first message's time is the header's; a clock that steps back gives the same time, never a negative one.
        let since_first = u64::try_from(time_ns.saturating_sub(self.first_time_ns)).unwrap_or(0);
        put_varint(&mut self.bytes, since_first);
        if let Some(cause) = with.cause {
            self.bytes.extend_from_slice(&cause.0);
        }
        if let Some(origin) = with.origin {
            put_varint(&mut self.bytes, origin.len() as u64);
            self.bytes.extend_from_slice(origin.as_bytes());
        }
        Ok(())
    }

    /// Whether a message with these can be in the same frame: all carry a cause or none does, and likewise an origin.
    pub fn takes(&self, with: Accompaniment<'_>) -> bool {
        self.apart.is_none()
            && with.cause.is_some() == (self.flags & FLAG_CAUSE != 0)
            && with.origin.is_some() == (self.flags & FLAG_ORIGIN != 0)
    }

    /// How many messages are in it.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The number of the first message.
    pub fn first_number(&self) -> u64 {
        self.first_number
    }

    /// The source time of the first message.
    pub fn first_time_ns(&self) -> i64 {
        self.first_time_ns
    }

    /// How many bytes it has so far.
    pub fn byte_len(&self) -> usize {
        self.end + self.apart.as_ref().map_or(0, |apart| apart.payload.as_slice().len())
    }

    /// How long the last payload was that was written into the frame.
    pub fn last_payload_len(&self) -> usize {
        self.payload_len
    }

    /// What the frame was before its last message, whose first byte stood at `end`.
    pub(crate) fn take_back(&mut self, end: usize) {
        if (HEADER_LEN..self.end).contains(&end) {
            self.end = end;
            self.count -= 1;
            self.apart = None;
        }
    }

    /// Ends the frame. It holds at least one message if one was pushed, and is refused by readers otherwise.
    pub fn finish(mut self) -> UnsignedFrame {
        self.bytes.truncate(self.end);
        let place = self.bytes.iter_mut().skip(6);
        place
            .zip(self.count.to_le_bytes())
            .for_each(|(place, byte)| *place = byte);
        UnsignedFrame {
            bytes: self.bytes,
            apart: self.apart,
        }
    }
}

impl Accompaniment<'_> {
    /// Whether a frame has room for it.
    pub(crate) fn is_valid(&self) -> bool {
        self.origin.is_none_or(|origin| origin.len() <= ORIGIN_LEN_MAX)
    }
}

impl UnsignedFrame {
    /// The buffer alone, of a frame that is not to be.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.bytes
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

/// Appends a number as LEB128 in its shortest form.
pub(crate) fn put_varint(bytes: &mut Vec<u8>, value: u64) {
    let (varint, len) = varint(value);
    bytes.extend_from_slice(varint.get(..len).unwrap_or_default());
}

/// A number as LEB128 in its shortest form, and how many bytes of the ten that is.
fn varint(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut len = 0;
    for place in &mut bytes {
        len += 1;
        *place = value as u8 & 0x7f;
        value >>= 7;
        if value == 0 {
            break;
        }
        *place |= 0x80;
    }
    (bytes, len)
}

#[cfg(test)]
mod tests {
    use nuncio_msgs::TypeHash;

    use super::*;
    use crate::name::Domain;
    use crate::security::context::Context;
    use crate::security::frame::{Kind, Writer};
    use crate::security::key::{Identity, PublicKey};
    use crate::security::signer;

    const LENS: [usize; 6] = [0, 1, 127, 128, 20_000, 3_000_000];

    fn begun(expected_len: usize) -> FrameWriter {
        let header = Header {
            kind: Kind::Message,
            replay: false,
            key: PublicKey::from_bytes([1; 32]),
            writer: Writer(2),
            epoch: 3,
            first_number: 4,
            first_time_ns: 5,
            type_hash_prefix: [6; 8],
        };
        FrameWriter::new(b"used before".to_vec(), &header, Accompaniment::default()).expecting(expected_len)
    }

    fn push(frame: &mut FrameWriter, len: usize) {
        let pushed = frame.push(7, Accompaniment::default(), |bytes| {
            bytes.resize(bytes.len() + len, 8);
            Ok::<(), ()>(())
        });
        pushed.unwrap();
    }

    #[test]
    fn whatever_length_was_expected_the_bytes_are_the_same() {
        for len in LENS {
            let frames = LENS.map(|expected_len| {
                let mut frame = begun(expected_len);
                push(&mut frame, len);
                push(&mut frame, 300);
                frame.finish().bytes
            });
            assert_eq!(
                frames.iter().filter(|frame| **frame == frames[0]).count(),
                LENS.len(),
                "{len}"
            );
        }
    }

    #[test]
    fn a_message_that_is_taken_back_and_one_that_failed_were_never_there() {
        let mut expected = begun(0);
        push(&mut expected, 10);
        push(&mut expected, 20);
        let mut frame = begun(0);
        push(&mut frame, 10);
        let end = frame.byte_len();
        push(&mut frame, 5000);
        frame.take_back(end);
        let failed = frame.push(9, Accompaniment::default(), |bytes| {
            bytes.extend_from_slice(b"half of it");
            Err("broken")
        });
        assert_eq!(failed, Err(PushError::Encode("broken")));
        push(&mut frame, 20);
        assert_eq!((frame.count(), frame.byte_len()), (2, expected.byte_len()));
        assert_eq!(frame.finish().bytes, expected.finish().bytes);
    }

    #[test]
    fn a_payload_that_lies_apart_makes_the_very_bytes_of_one_that_was_written() {
        let identity = Identity::from_seed(&[1; 32]);
        let context = Context::new(
            &Domain::default(),
            "/a",
            "b",
            &TypeHash::from_bytes([2; 32]),
            Kind::Message,
            &[],
        );
        for len in LENS {
            let (mut written, mut around) = (begun(0), begun(0));
            push(&mut written, len);
            let payload = Bytes::from(vec![8; len]);
            around.push_apart::<()>(7, Accompaniment::default(), &payload).unwrap();
            assert_eq!(around.byte_len(), written.byte_len());
            assert_eq!(
                around.push_apart::<()>(7, Accompaniment::default(), &payload),
                Err(PushError::DoesNotFit),
                "nothing follows it"
            );
            let [written, around] = [written, around].map(|frame| signer::seal(&identity, frame.finish(), &context));
            assert!(written == around, "{len}");
        }
    }

    #[test]
    fn a_payload_that_lies_apart_is_taken_back_like_any_other() {
        let (mut frame, mut expected) = (begun(0), begun(0));
        push(&mut frame, 10);
        push(&mut expected, 10);
        let end = frame.byte_len();
        frame
            .push_apart::<()>(7, Accompaniment::default(), &Bytes::from(vec![8; 5000]))
            .unwrap();
        frame.take_back(end);
        push(&mut frame, 20);
        push(&mut expected, 20);
        assert!(frame.apart.is_none());
        assert_eq!(frame.finish().bytes, expected.finish().bytes);
    }
}
