//! Payload to CDR: a [`Sink`] that writes every value where DDS expects it, in XCDR version 1, little endian.
//!
//! Each number stands at a multiple of its own size, counted from the end of the header. A message without fields is
//! one zero byte. A `wstring` is a count of UTF-16 code units and those units, without an end mark: the form that the
//! present DDS standard gives it; older writers use four bytes for each.

use nuncio_codegen::model::{Primitive, TextKind};

use super::decode::{Refusal, Sink, WireValue};
use super::shape::{ElementShape, FieldShape};

/// What a little-endian CDR begins with.
const HEADER: [u8; 4] = [0, 1, 0, 0];

/// The length of CDR, in bytes, beyond which writing it ends: fields that no payload pays for may stand in it.
pub const MAX_CDR_LEN: usize = 256 * 1024 * 1024;

/// Appends one message to a buffer.
#[derive(Debug)]
pub(super) struct CdrWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Where the bytes after the header begin; what is aligned is aligned to here.
    origin: usize,
    max_len: usize,
    /// Whether the message at hand has had no field yet.
    without_field: bool,
}

impl<'a> CdrWriter<'a> {
    /// `max_len` is the greatest length in bytes, header included.
    pub(super) fn new(out: &'a mut Vec<u8>, max_len: usize) -> Self {
        out.extend(HEADER);
        Self {
            origin: out.len(),
            out,
            max_len,
            without_field: false,
        }
    }

    /// Pads to a multiple of `size`, and makes sure that `len` bytes may follow.
    fn place(&mut self, size: usize, len: usize) -> Result<(), Refusal> {
        let at = self.out.len() - self.origin;
        let end = at.next_multiple_of(size);
        if end.saturating_add(len).saturating_add(HEADER.len()) > self.max_len {
            return Err(self.too_long());
        }
        self.out.resize(self.origin + end, 0);
        Ok(())
    }

    fn too_long(&self) -> Refusal {
        Refusal::FormTooLong {
            form: "CDR",
            max_len: self.max_len,
        }
    }

    fn number<const N: usize>(&mut self, bytes: [u8; N]) -> Result<(), Refusal> {
        self.place(N, N)?;
        self.out.extend(bytes);
        Ok(())
    }

    fn count(&mut self, len: usize) -> Result<(), Refusal> {
        let len = u32::try_from(len).map_err(|_| self.too_long())?;
        self.number(len.to_le_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.place(1, bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn text(&mut self, kind: TextKind, text: &str) -> Result<(), Refusal> {
        match kind {
            TextKind::String => {
                self.count(text.len() + 1)?;
                self.bytes(text.as_bytes())?;
                self.bytes(&[0])
            }
            TextKind::Wstring => {
                let units = text.encode_utf16();
                let count = units.clone().count();
                self.count(count)?;
                self.place(1, count * 2)?;
                self.out.extend(units.flat_map(u16::to_le_bytes));
                Ok(())
            }
        }
    }

    /// An integer; the walk has made sure that its type can hold it.
    fn integer(&mut self, primitive: Primitive, value: u64) -> Result<(), Refusal> {
        match size_of(primitive) {
            1 => self.number([value as u8]),
            2 => self.number((value as u16).to_le_bytes()),
            4 => self.number((value as u32).to_le_bytes()),
            _ => self.number(value.to_le_bytes()),
        }
    }
}

/// The size of a value, in bytes.
pub(super) fn size_of(primitive: Primitive) -> usize {
    match primitive {
        Primitive::Bool | Primitive::Byte | Primitive::Char | Primitive::Int8 | Primitive::Uint8 => 1,
        Primitive::Int16 | Primitive::Uint16 => 2,
        Primitive::Int32 | Primitive::Uint32 | Primitive::Float32 => 4,
        Primitive::Int64 | Primitive::Uint64 | Primitive::Float64 => 8,
    }
}

impl Sink for CdrWriter<'_> {
    const SEES_EMPTY_MESSAGES: bool = true;
    const TAKES_PLAIN_LISTS: bool = true;

    fn open_message(&mut self, _: usize) -> Result<(), Refusal> {
        self.without_field = true;
        Ok(())
    }

    fn field(&mut self, _: usize, _: &FieldShape) -> Result<(), Refusal> {
        self.without_field = false;
        Ok(())
    }

    fn close_message(&mut self) -> Result<(), Refusal> {
        match std::mem::take(&mut self.without_field) {
            true => self.number([0]),
            false => Ok(()),
        }
    }

    fn open_list(&mut self, field: &FieldShape, len: usize) -> Result<(), Refusal> {
        match field.is_sequence() {
            true => self.count(len),
            false => Ok(()),
        }
    }

    fn element(&mut self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }

    fn close_list(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn value(&mut self, field: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal> {
        match (&field.element, value) {
            (_, WireValue::Bool(value)) => self.number([value.into()]),
            (ElementShape::Primitive(primitive), WireValue::Unsigned(value)) => self.integer(*primitive, value),
            (ElementShape::Primitive(primitive), WireValue::Signed(value)) => {
                self.integer(*primitive, value.cast_unsigned())
            }
            (_, WireValue::Float32(value)) => self.number(value.to_le_bytes()),
            (_, WireValue::Float64(value)) => self.number(value.to_le_bytes()),
            (ElementShape::Text { kind, .. }, WireValue::Text(text)) => self.text(*kind, text),
            // The walk gives every element a value of its own kind.
            (ElementShape::Text { .. } | ElementShape::Message(_), WireValue::Unsigned(_) | WireValue::Signed(_))
            | (ElementShape::Primitive(_) | ElementShape::Message(_), WireValue::Text(_)) => Ok(()),
        }
    }

    fn octets(&mut self, _: &FieldShape, octets: &[u8]) -> Result<(), Refusal> {
        self.bytes(octets)
    }

    fn plain_list(&mut self, size: usize, bytes: &[u8]) -> Result<(), Refusal> {
        // Nothing is aligned where nothing follows.
        if bytes.is_empty() {
            return Ok(());
        }
        self.place(size, bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}
