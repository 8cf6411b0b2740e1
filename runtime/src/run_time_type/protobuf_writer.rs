//! Payload to protobuf: a [`Sink`] that writes each field under the number that the type's `.proto` text gives it.
//!
//! It writes what other encoders of proto3 write: fields in order, numbers in lists packed, zeros and empty lists left out.
//! A field with a default of its own is `optional` there, and always written; so is every message.

use nuncio_codegen::model::{Count, Primitive};
use nuncio_codegen::proto_field_number;

use super::decode::{Refusal, Sink, WireValue};
use super::reader::{push_varint, push_zigzag};
use super::shape::{ElementShape, FieldShape};

/// The length of protobuf, in bytes, beyond which writing it ends: messages that no payload pays for may stand in it.
pub const MAX_PROTOBUF_LEN: usize = 256 * 1024 * 1024;

/// How the bytes after a field's number are to be read.
pub(super) const VARINT: u8 = 0;
pub(super) const FIXED_64: u8 = 1;
pub(super) const LENGTH: u8 = 2;
pub(super) const FIXED_32: u8 = 5;

/// Appends one message to a buffer.
#[derive(Debug)]
pub(super) struct ProtobufWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Where the buffer has to end.
    end: usize,
    max_len: usize,
    /// From the root to the message at hand.
    open: Vec<Open>,
    /// Where the packed list at hand begins.
    packed: Option<usize>,
}

/// A message that is being written.
#[derive(Debug)]
struct Open {
    /// Where its bytes begin.
    start: usize,
    /// The number of its field at hand.
    number: u32,
}

impl<'a> ProtobufWriter<'a> {
    /// `max_len` is the greatest length in bytes.
    pub(super) fn new(out: &'a mut Vec<u8>, max_len: usize) -> Self {
        Self {
            end: out.len().saturating_add(max_len),
            out,
            max_len,
            open: Vec::new(),
            packed: None,
        }
    }

    /// Makes sure that `len` more bytes may be written.
    fn room(&self, len: usize) -> Result<(), Refusal> {
        match self.out.len().saturating_add(len) <= self.end {
            true => Ok(()),
            false => Err(Refusal::FormTooLong {
                form: "protobuf",
                max_len: self.max_len,
            }),
        }
    }

    fn tag(&mut self, wire_type: u8) {
        let number = self.open.last().map_or(0, |open| open.number);
        push_varint(u64::from(number) << 3 | u64::from(wire_type), self.out);
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.tag(LENGTH);
        push_varint(bytes.len() as u64, self.out);
        self.room(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Puts the length of what was written since `start` in front of it.
    fn put_length(&mut self, start: usize) -> Result<(), Refusal> {
        let mut length = Vec::with_capacity(5);
        push_varint((self.out.len() - start) as u64, &mut length);
        self.out.splice(start..start, length);
        self.room(0)
    }
}

/// Whether proto3 leaves the value out where it stands alone.
fn is_zero(value: WireValue<'_>) -> bool {
    match value {
        WireValue::Bool(value) => !value,
        WireValue::Unsigned(value) => value == 0,
        WireValue::Signed(value) => value == 0,
        // Minus zero is no zero.
        WireValue::Float32(value) => value.to_bits() == 0,
        WireValue::Float64(value) => value.to_bits() == 0,
        WireValue::Text(value) => value.is_empty(),
    }
}

/// How values of this type are written one by one.
pub(super) fn wire_type(primitive: Primitive) -> u8 {
    match primitive {
        Primitive::Float32 => FIXED_32,
        Primitive::Float64 => FIXED_64,
        _ => VARINT,
    }
}

impl Sink for ProtobufWriter<'_> {
    const SEES_EMPTY_MESSAGES: bool = true;
    const TAKES_PLAIN_LISTS: bool = true;

    fn open_message(&mut self, _: usize) -> Result<(), Refusal> {
        if !self.open.is_empty() {
            self.tag(LENGTH);
        }
        let start = self.out.len();
        self.open.push(Open { start, number: 0 });
        self.room(0)
    }

    fn field(&mut self, index: usize, _: &FieldShape) -> Result<(), Refusal> {
        if let Some(open) = self.open.last_mut() {
            open.number = proto_field_number(index);
        }
        Ok(())
    }

    fn close_message(&mut self) -> Result<(), Refusal> {
        match self.open.pop() {
            Some(open) if !self.open.is_empty() => self.put_length(open.start),
            _ => Ok(()),
        }
    }

    fn open_list(&mut self, field: &FieldShape, len: usize) -> Result<(), Refusal> {
        // What is taken as a whole has no need of it.
        let one_by_one = |primitive: Primitive| {
            !primitive.is_octet() && !matches!(primitive, Primitive::Int8 | Primitive::Float32 | Primitive::Float64)
        };
        if let ElementShape::Primitive(primitive) = field.element
            && one_by_one(primitive)
            && len > 0
        {
            self.tag(LENGTH);
            self.packed = Some(self.out.len());
        }
        Ok(())
    }

    fn element(&mut self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }

    fn close_list(&mut self) -> Result<(), Refusal> {
        match self.packed.take() {
            Some(start) => self.put_length(start),
            None => Ok(()),
        }
    }

    fn value(&mut self, field: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal> {
        if field.count == Count::One && field.default.is_none() && is_zero(value) {
            return Ok(());
        }
        if let WireValue::Text(text) = value {
            return self.bytes(text.as_bytes());
        }
        if self.packed.is_none()
            && let ElementShape::Primitive(primitive) = field.element
        {
            self.tag(wire_type(primitive));
        }
        match value {
            WireValue::Bool(value) => push_varint(value.into(), self.out),
            WireValue::Unsigned(value) => push_varint(value, self.out),
            WireValue::Signed(value) => push_zigzag(value, self.out),
            WireValue::Float32(value) => self.out.extend(value.to_le_bytes()),
            WireValue::Float64(value) => self.out.extend(value.to_le_bytes()),
            WireValue::Text(_) => {}
        }
        self.room(0)
    }

    fn octets(&mut self, _: &FieldShape, octets: &[u8]) -> Result<(), Refusal> {
        match octets.is_empty() {
            true => Ok(()),
            false => self.bytes(octets),
        }
    }

    fn plain_list(&mut self, size: usize, bytes: &[u8]) -> Result<(), Refusal> {
        match (bytes.is_empty(), size) {
            (true, _) => Ok(()),
            (false, 1) => {
                self.tag(LENGTH);
                let start = self.out.len();
                self.room(bytes.len())?;
                bytes
                    .iter()
                    .for_each(|byte| push_zigzag(byte.cast_signed().into(), self.out));
                self.put_length(start)
            }
            (false, _) => self.bytes(bytes),
        }
    }
}
