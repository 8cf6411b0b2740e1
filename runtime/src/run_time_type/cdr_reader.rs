//! CDR to payload: walks the bytes of a DDS peer along a type, in either byte order of XCDR version 1.
//!
//! Nothing is believed that the bytes do not pay for: a count is held against the bytes that are left, and one byte of
//! CDR gives at most two of payload.

use std::fmt;

use nuncio_codegen::model::{Count, Primitive, TextKind};

use super::cdr_writer::size_of;
use super::decode::MAX_EMPTY_ELEMENTS;
use super::defaults::push_text;
use super::place;
use super::reader::{push_varint, push_zigzag};
use super::shape::{ElementShape, FieldShape, MessageShape};

/// The length of the header, in bytes. Its first two say how to read the rest, its others are options without a meaning
/// for ROS 2.
const HEADER_LEN: usize = 4;

/// How many bytes may follow the message: a writer may fill up to a multiple of four.
const MAX_PADDING: usize = 3;

/// Appends the payload of a whole message. After an error `payload` holds a part of it.
pub(super) fn read(root: &MessageShape, cdr: &[u8], payload: &mut Vec<u8>) -> Result<(), CdrError> {
    let mut reader = CdrReader {
        bytes: cdr,
        at: 0,
        big_endian: false,
        payload,
    };
    reader.whole(root).map_err(|fault| *fault)
}

struct CdrReader<'a, 'p> {
    bytes: &'a [u8],
    /// How many bytes were read, header included.
    at: usize,
    big_endian: bool,
    payload: &'p mut Vec<u8>,
}

type Read<T = ()> = Result<T, Box<CdrError>>;

impl<'a> CdrReader<'a, '_> {
    fn whole(&mut self, root: &MessageShape) -> Read {
        let expected = "the header of CDR, 00 01 (little endian) or 00 00 (big endian) and two more bytes";
        self.big_endian = match self.bytes {
            [0, 1, _, _, ..] => false,
            [0, 0, _, _, ..] => true,
            [first, second, _, _, ..] => {
                return Err(self.fault(expected, format!("{first:02x} {second:02x}, another representation")));
            }
            _ => return Err(self.fault(expected, format!("{} bytes", self.bytes.len()))),
        };
        self.at = HEADER_LEN;
        self.message(root)?;
        match self.left() {
            0..=MAX_PADDING => Ok(()),
            left => Err(self.fault(
                format!("the end of the message, and at most {MAX_PADDING} bytes after it"),
                format!("{left} more bytes"),
            )),
        }
    }

    fn message(&mut self, message: &MessageShape) -> Read {
        if message.fields.is_empty() {
            return self
                .take(1, || "the byte of a message without fields".to_owned())
                .map(|_| ());
        }
        for field in &message.fields {
            self.field(field).map_err(|mut fault| {
                place::prepend_field(&mut fault.path, &field.name);
                fault
            })?;
        }
        Ok(())
    }

    fn field(&mut self, field: &FieldShape) -> Read {
        let count = match field.count {
            Count::One => return self.element(&field.element),
            Count::Array(count) => count as usize,
            Count::Sequence { .. } => {
                let count = self.count(field)?;
                push_varint(count as u64, self.payload);
                count
            }
        };
        if let ElementShape::Primitive(primitive) = &field.element
            && *primitive != Primitive::Bool
        {
            return self.numbers(*primitive, count);
        }
        for index in 0..count {
            self.element(&field.element).map_err(|mut fault| {
                place::prepend_element(&mut fault.path, index);
                fault
            })?;
        }
        Ok(())
    }

    fn element(&mut self, element: &ElementShape) -> Read {
        match element {
            ElementShape::Message(message) => self.message(message),
            ElementShape::Primitive(Primitive::Bool) => self.bool(),
            ElementShape::Primitive(primitive) => self.numbers(*primitive, 1),
            ElementShape::Text { kind, .. } => self.text(*kind),
        }
    }

    /// The count of a sequence, which the rest of the bytes has to be able to hold.
    fn count(&mut self, field: &FieldShape) -> Read<usize> {
        let at = self.at;
        let count = self.u32(|| "a count".to_owned())? as usize;
        let left = self.left();
        let mut most = left / least_len(&field.element);
        if field.element_min_len == 0 {
            // What payloads may hold of elements that take no bytes there.
            most = most.min(MAX_EMPTY_ELEMENTS);
        }
        if count <= most {
            return Ok(count);
        }
        self.at = at;
        Err(self.fault(
            format!("at most {most} elements in the {left} bytes left"),
            format!("a count of {count}"),
        ))
    }

    fn bool(&mut self) -> Read {
        match self.rest().first() {
            Some(value @ (0 | 1)) => {
                self.payload.push(*value);
                self.at += 1;
                Ok(())
            }
            Some(other) => Err(self.fault("a bool, 0 or 1", format!("the byte {other}"))),
            None => self.take(1, || "a value of type bool".to_owned()).map(|_| ()),
        }
    }

    /// Numbers of one type, one after another.
    fn numbers(&mut self, primitive: Primitive, count: usize) -> Read {
        // Nothing is aligned where nothing follows.
        if count == 0 {
            return Ok(());
        }
        let size = size_of(primitive);
        let expected = || match count {
            1 => format!("a value of type {}", primitive.as_str()),
            _ => format!("{count} values of type {}", primitive.as_str()),
        };
        self.align(size, expected)?;
        let bytes = self.take(count.saturating_mul(size), expected)?;
        let big = self.big_endian;
        let out = &mut *self.payload;
        match primitive {
            Primitive::Bool | Primitive::Byte | Primitive::Char | Primitive::Int8 | Primitive::Uint8 => {
                out.extend_from_slice(bytes);
            }
            Primitive::Float32 | Primitive::Float64 if !big => out.extend_from_slice(bytes),
            Primitive::Float32 => each(bytes, big, |bytes| out.extend(u32::from_le_bytes(bytes).to_le_bytes())),
            Primitive::Float64 => each(bytes, big, |bytes| out.extend(u64::from_le_bytes(bytes).to_le_bytes())),
            Primitive::Uint16 => each(bytes, big, |bytes| push_varint(u16::from_le_bytes(bytes).into(), out)),
            Primitive::Uint32 => each(bytes, big, |bytes| push_varint(u32::from_le_bytes(bytes).into(), out)),
            Primitive::Uint64 => each(bytes, big, |bytes| push_varint(u64::from_le_bytes(bytes), out)),
            Primitive::Int16 => each(bytes, big, |bytes| push_zigzag(i16::from_le_bytes(bytes).into(), out)),
            Primitive::Int32 => each(bytes, big, |bytes| push_zigzag(i32::from_le_bytes(bytes).into(), out)),
            Primitive::Int64 => each(bytes, big, |bytes| push_zigzag(i64::from_le_bytes(bytes), out)),
        }
        Ok(())
    }

    fn text(&mut self, kind: TextKind) -> Read {
        let len = self.u32(|| "a text".to_owned())? as usize;
        match kind {
            TextKind::String => self.narrow_text(len),
            TextKind::Wstring => self.wide_text(len),
        }
    }

    /// A text of `len` bytes with the NUL at its end. Some writers give the empty text no NUL.
    fn narrow_text(&mut self, len: usize) -> Read {
        let start = self.at;
        let bytes = self.take(len, || format!("a text of {len} bytes"))?;
        let text = match bytes {
            [] => Ok(""),
            [text @ .., 0] => std::str::from_utf8(text),
            [.., last] => {
                self.at -= 1;
                return Err(self.fault("the zero byte at the end of a text", format!("the byte {last}")));
            }
        };
        match text {
            Ok(text) => {
                push_text(text, self.payload);
                Ok(())
            }
            Err(error) => {
                self.at = start + error.valid_up_to();
                Err(self.fault("a text in UTF-8", "other bytes".to_owned()))
            }
        }
    }

    /// A text of `len` UTF-16 code units.
    fn wide_text(&mut self, len: usize) -> Read {
        let start = self.at;
        let bytes = self.take(len.saturating_mul(2), || format!("a text of {len} UTF-16 code units"))?;
        let mut units = Vec::with_capacity(len);
        each(bytes, self.big_endian, |unit| units.push(u16::from_le_bytes(unit)));
        let mut text = String::with_capacity(len);
        let mut read = 0;
        for letter in char::decode_utf16(units) {
            match letter {
                Ok(letter) => {
                    read += letter.len_utf16();
                    text.push(letter);
                }
                Err(error) => {
                    self.at = start + read * 2;
                    let found = format!("half of a pair, {:04x}", error.unpaired_surrogate());
                    return Err(self.fault("a text in UTF-16", found));
                }
            }
        }
        push_text(&text, self.payload);
        Ok(())
    }

    fn u32(&mut self, expected: impl Fn() -> String) -> Read<u32> {
        self.align(4, &expected)?;
        let mut value = 0;
        let bytes = self.take(4, expected)?;
        each(bytes, self.big_endian, |bytes| value = u32::from_le_bytes(bytes));
        Ok(value)
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn left(&self) -> usize {
        self.rest().len()
    }

    /// Passes over the padding before a value of `size` bytes.
    fn align(&mut self, size: usize, expected: impl Fn() -> String) -> Read {
        let padding = (self.at - HEADER_LEN).next_multiple_of(size) + HEADER_LEN - self.at;
        self.take(padding, || format!("{} after {padding} bytes of padding", expected()))?;
        Ok(())
    }

    fn take(&mut self, len: usize, expected: impl Fn() -> String) -> Read<&'a [u8]> {
        match self.rest().get(..len) {
            Some(taken) => {
                self.at += len;
                Ok(taken)
            }
            None => Err(self.fault(expected(), format!("the end of the bytes after {} more", self.left()))),
        }
    }

    #[cold]
    fn fault(&self, expected: impl Into<String>, found: String) -> Box<CdrError> {
        Box::new(CdrError {
            offset: self.at,
            path: String::new(),
            expected: expected.into(),
            found,
        })
    }
}

/// Hands over each value of `N` bytes, in little-endian order.
fn each<const N: usize>(bytes: &[u8], big_endian: bool, mut value: impl FnMut([u8; N])) {
    for bytes in bytes.as_chunks::<N>().0 {
        let mut bytes = *bytes;
        if big_endian {
            bytes.reverse();
        }
        value(bytes);
    }
}

/// The fewest bytes that one element of a sequence takes. No value has fewer bytes here than in a payload.
fn least_len(element: &ElementShape) -> usize {
    match element {
        ElementShape::Primitive(primitive) => size_of(*primitive),
        ElementShape::Text { .. } => 4,
        ElementShape::Message(message) => message.min_len.max(1),
    }
}

/// Why CDR gives no message of its type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CdrError {
    /// Where the unreadable part begins, in bytes from the start of the header.
    pub offset: usize,
    /// The value at hand, such as `points[3].x`; empty for the message as a whole.
    pub path: String,
    /// What should have stood there.
    pub expected: String,
    /// What stood there.
    pub found: String,
}

impl fmt::Display for CdrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            path,
            expected,
            found,
        } = self;
        let path = place::or_message(path);
        write!(
            f,
            "the CDR is not of its type: at byte {offset}, {path}: expected {expected}, found {found}"
        )
    }
}

impl std::error::Error for CdrError {}
