//! Payload to CBOR (RFC 8949): a [`Sink`] that writes a message as a map, and lists of numbers as typed arrays (RFC 8746),
//! little endian, which web clients view in place.
//!
//! Lists of octets are byte strings. Integers are as short as CBOR has them; floating point numbers have 64 bits.

use nuncio_codegen::model::Primitive;

use super::cdr_writer::size_of;
use super::decode::{Refusal, Sink, WireValue};
use super::shape::{ElementShape, FieldShape};

/// The kinds of items, in the upper three bits of the first byte.
const UNSIGNED: u8 = 0 << 5;
const NEGATIVE: u8 = 1 << 5;
const OCTETS: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const LIST: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const TAG: u8 = 6 << 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const FLOAT64: u8 = 0xfb;

/// Appends one message to a buffer.
#[derive(Debug)]
pub(super) struct CborWriter<'a> {
    out: &'a mut Vec<u8>,
    /// How many bytes may still be appended.
    left: usize,
    /// Whether the numbers that come are elements of a typed array: bytes without a head.
    in_typed_list: bool,
}

impl<'a> CborWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, max_len: usize) -> Self {
        Self {
            out,
            left: max_len,
            in_typed_list: false,
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(Refusal::TooLong)?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// The head of an item: its kind, and its value, length or number.
    fn head(&mut self, kind: u8, value: u64) -> Result<(), Refusal> {
        let bytes = value.to_be_bytes();
        let [.., b4, b5, b6, b7] = bytes;
        match value {
            0..24 => self.push(&[kind | b7]),
            24..0x100 => self.push(&[kind | 24, b7]),
            0x100..0x1_0000 => self.push(&[kind | 25, b6, b7]),
            0x1_0000..0x1_0000_0000 => self.push(&[kind | 26, b4, b5, b6, b7]),
            _ => {
                self.push(&[kind | 27])?;
                self.push(&bytes)
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Refusal> {
        self.head(TEXT, text.len() as u64)?;
        self.push(text.as_bytes())
    }

    /// An element of a typed array; the walk has made sure that its type can hold it.
    fn element_bytes(&mut self, field: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal> {
        let size = match &field.element {
            ElementShape::Primitive(primitive) => size_of(*primitive),
            ElementShape::Text { .. } | ElementShape::Message(_) => return Ok(()),
        };
        let bytes = match value {
            WireValue::Unsigned(value) => value.to_le_bytes(),
            WireValue::Signed(value) => value.to_le_bytes(),
            WireValue::Float32(value) => u64::from(value.to_bits()).to_le_bytes(),
            WireValue::Float64(value) => value.to_le_bytes(),
            WireValue::Bool(_) | WireValue::Text(_) => return Ok(()),
        };
        self.push(bytes.get(..size).unwrap_or(&bytes))
    }
}

/// The tag of a typed array, and none for what is a list or a byte string.
fn typed_array_tag(primitive: Primitive) -> Option<u64> {
    match primitive {
        Primitive::Bool | Primitive::Byte | Primitive::Char | Primitive::Uint8 => None,
        Primitive::Uint16 => Some(69),
        Primitive::Uint32 => Some(70),
        Primitive::Uint64 => Some(71),
        Primitive::Int8 => Some(72),
        Primitive::Int16 => Some(77),
        Primitive::Int32 => Some(78),
        Primitive::Int64 => Some(79),
        Primitive::Float32 => Some(85),
        Primitive::Float64 => Some(86),
    }
}

impl Sink for CborWriter<'_> {
    const SEES_EMPTY_MESSAGES: bool = true;
    const TAKES_PLAIN_LISTS: bool = true;

    fn open_message(&mut self, fields: usize) -> Result<(), Refusal> {
        self.head(MAP, fields as u64)
    }

    fn field(&mut self, _: usize, field: &FieldShape) -> Result<(), Refusal> {
        self.text(&field.name)
    }

    fn close_message(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn open_list(&mut self, field: &FieldShape, len: usize) -> Result<(), Refusal> {
        match &field.element {
            ElementShape::Primitive(Primitive::Bool) | ElementShape::Text { .. } | ElementShape::Message(_) => {
                self.head(LIST, len as u64)
            }
            ElementShape::Primitive(primitive) => {
                if let Some(tag) = typed_array_tag(*primitive) {
                    self.head(TAG, tag)?;
                }
                // One that is taken as a whole is not closed.
                self.in_typed_list = !primitive.is_octet() && !primitive.is_float() && *primitive != Primitive::Int8;
                self.head(OCTETS, (len as u64).saturating_mul(size_of(*primitive) as u64))
            }
        }
    }

    fn element(&mut self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }

    fn close_list(&mut self) -> Result<(), Refusal> {
        self.in_typed_list = false;
        Ok(())
    }

    fn value(&mut self, field: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal> {
        if self.in_typed_list {
            return self.element_bytes(field, value);
        }
        let float = |value: f64| {
            let [b0, b1, b2, b3, b4, b5, b6, b7] = value.to_be_bytes();
            [FLOAT64, b0, b1, b2, b3, b4, b5, b6, b7]
        };
        match value {
            WireValue::Bool(value) => self.push(&[if value { TRUE } else { FALSE }]),
            WireValue::Unsigned(value) => self.head(UNSIGNED, value),
            WireValue::Signed(value) => match u64::try_from(value) {
                Ok(value) => self.head(UNSIGNED, value),
                Err(_) => self.head(NEGATIVE, (!value).cast_unsigned()),
            },
            WireValue::Float32(value) => self.push(&float(value.into())),
            WireValue::Float64(value) => self.push(&float(value)),
            WireValue::Text(text) => self.text(text),
        }
    }

    fn octets(&mut self, _: &FieldShape, octets: &[u8]) -> Result<(), Refusal> {
        self.push(octets)
    }

    fn plain_list(&mut self, _: usize, bytes: &[u8]) -> Result<(), Refusal> {
        self.push(bytes)
    }
}
