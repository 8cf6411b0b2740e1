//! Protobuf to payload: walks the bytes of any encoder of the type's `.proto` text.
//!
//! Fields may come in any order and in parts, as protobuf allows: of a value the last counts, messages are put together,
//! lists may be packed or not. A field that is left out is what the schema gives by default, else zero; so is a
//! fixed array, and a list of another kind is empty. Stricter than other readers, it refuses field numbers that the type does not have: what
//! somebody wanted to say is never lost without a word.
//!
//! # What hostile input can do
//!
//! A message of few bytes may stand for a large payload, so the caller says how long that may be. A message is walked once
//! to find its fields, and then each field from its first to its last occurrence, a limited number of times over all; only the bytes that are left are
//! believed to be there.

use std::fmt;

use nuncio_codegen::model::{Count, Primitive};
use nuncio_codegen::proto_field_number;

use super::decode::MAX_EMPTY_ELEMENTS;
use super::defaults::{push_field, push_text};
use super::place;
use super::protobuf_writer::{FIXED_32, FIXED_64, LENGTH, VARINT, wire_type};
use super::reader::{Reader, Unreadable, push_varint, push_zigzag};
use super::shape::{ElementShape, FieldShape, MessageShape};

/// How often the bytes of a message may be walked to gather fields whose parts lie among those of others. Encoders write
/// fields one after another, and messages that were put together from a few need a few walks.
const MAX_WALKS: usize = 64;

/// Appends the payload of a whole message, at most `max_len` bytes. After an error `payload` holds a part of it.
pub(super) fn read(
    root: &MessageShape,
    protobuf: &[u8],
    max_len: usize,
    payload: &mut Vec<u8>,
) -> Result<(), ProtobufError> {
    let mut reader = ProtobufReader {
        end: payload.len().saturating_add(max_len),
        payload,
        max_len,
        spans: Vec::new(),
    };
    let whole = Slice { bytes: protobuf, at: 0 };
    reader.message(root, whole).map_err(|fault| *fault)
}

struct ProtobufReader<'p> {
    payload: &'p mut Vec<u8>,
    /// Where the payload has to end.
    end: usize,
    max_len: usize,
    /// Where the fields of the messages at hand are, of the innermost at the end.
    spans: Vec<Span>,
}

/// Bytes, and where in the whole they begin.
#[derive(Clone, Copy)]
struct Slice<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Where in a message the occurrences of one field are.
#[derive(Clone, Copy, Default)]
struct Span {
    /// The start of the first.
    first: usize,
    /// The end of the last; 0 when there is none.
    end: usize,
    count: usize,
}

/// One occurrence of a field.
struct Occurrence<'a> {
    number: u64,
    wire_type: u8,
    /// The value: of a varint its bytes, of a length-delimited one what follows the length.
    value: Slice<'a>,
}

type Read<T = ()> = Result<T, Box<ProtobufError>>;

impl ProtobufReader<'_> {
    fn message(&mut self, message: &MessageShape, slice: Slice<'_>) -> Read {
        // What takes no bytes gives no bytes.
        if slice.bytes.is_empty() && message.min_len == 0 {
            return Ok(());
        }
        let base = self.spans.len();
        self.find(message, slice)?;
        for (index, field) in message.fields.iter().enumerate() {
            let span = self.spans.get(base + index).copied().unwrap_or_default();
            let mut part = slice.part(span.first, span.end);
            self.field(index, field, span.count, &mut part).map_err(|mut fault| {
                place::prepend_field(&mut fault.path, &field.name);
                fault
            })?;
        }
        self.spans.truncate(base);
        Ok(())
    }

    /// Looks where the fields of a message are.
    fn find(&mut self, message: &MessageShape, slice: Slice<'_>) -> Read {
        let base = self.spans.len();
        self.spans.resize(base + message.fields.len(), Span::default());
        let mut rest = slice;
        while !rest.bytes.is_empty() {
            let start = rest.at - slice.at;
            let occurrence = rest.next()?;
            let index = index_of(occurrence.number);
            let span = index.and_then(|index| self.spans.get_mut(base + index));
            let Some(span) = span else {
                let found = format!("field number {}", occurrence.number);
                return Err(slice.fault_at(start, format!("a field of {}", message.type_name), found));
            };
            if span.count == 0 {
                span.first = start;
            }
            span.count += 1;
            span.end = rest.at - slice.at;
        }
        let spans = self.spans.iter().skip(base);
        let walked = spans.fold(0, |sum: usize, span| sum.saturating_add(span.end - span.first));
        if walked > slice.bytes.len().saturating_mul(MAX_WALKS) {
            let expected = "the parts of each list one after another";
            return Err(slice.fault(expected, "them strewn among other fields".to_owned()));
        }
        Ok(())
    }

    /// `part` reaches from the field's first occurrence to the end of its last; others may lie between.
    fn field(&mut self, index: usize, field: &FieldShape, count: usize, part: &mut Slice<'_>) -> Read {
        if count == 0 && field.is_sequence() {
            // As far as protobuf goes, a list that is left out is empty.
            self.payload.push(0);
            return self.room(0, part);
        }
        if count == 0 {
            self.room(field_min_len(field), part)?;
            push_field(field, self.payload);
            return self.room(0, part);
        }
        let number = u64::from(proto_field_number(index));
        let is_octet_list = |primitive: Primitive| primitive.is_octet() && field.count != Count::One;
        match &field.element {
            ElementShape::Primitive(primitive) if is_octet_list(*primitive) => {
                let last = part.last(number)?.expect_wire(LENGTH, "octets")?;
                self.octets(index, field, last)
            }
            _ if field.count != Count::One => self.list(index, field, part),
            ElementShape::Primitive(primitive) => {
                let last = part.last(number)?;
                let mut value = last.expect_wire(wire_type(*primitive), primitive.as_str())?;
                self.number(*primitive, &mut value)
            }
            ElementShape::Text { .. } => {
                let last = part.last(number)?.expect_wire(LENGTH, "a text")?;
                self.text(last)
            }
            ElementShape::Message(message) if count == 1 => {
                let only = part.last(number)?.expect_wire(LENGTH, "a message")?;
                self.message(message, only)
            }
            ElementShape::Message(message) => {
                // Messages one after another are one message: the later values count, lists go on.
                let mut joined = Vec::new();
                let at = part.at;
                while let Some(occurrence) = part.next_of(number)? {
                    joined.extend_from_slice(occurrence.expect_wire(LENGTH, "a message")?.bytes);
                }
                self.message(message, Slice { bytes: &joined, at })
            }
        }
    }

    fn octets(&mut self, index: usize, field: &FieldShape, octets: Slice<'_>) -> Read {
        match field.count {
            Count::Array(_) if octets.bytes.is_empty() => return self.field(index, field, 0, &mut { octets }),
            Count::Array(count) if octets.bytes.len() != count as usize => {
                let found = format!("{} octets", octets.bytes.len());
                return Err(octets.fault(format!("{count} octets"), found));
            }
            Count::Array(_) | Count::One => {}
            Count::Sequence { .. } => push_varint(octets.bytes.len() as u64, self.payload),
        }
        self.room(octets.bytes.len(), &octets)?;
        self.payload.extend_from_slice(octets.bytes);
        Ok(())
    }

    fn list(&mut self, index: usize, field: &FieldShape, part: &mut Slice<'_>) -> Read {
        let whole = *part;
        let start = self.payload.len();
        let mut count = 0;
        while let Some(occurrence) = part.next_of(proto_field_number(index).into())? {
            self.elements(field, &occurrence, &mut count).map_err(|mut fault| {
                place::prepend_element(&mut fault.path, count);
                fault
            })?;
        }
        match field.count {
            Count::Array(wanted) if count == 0 && wanted > 0 => return self.field(index, field, 0, &mut { whole }),
            Count::Array(wanted) if count != wanted as usize => {
                return Err(whole.fault(format!("{wanted} elements"), format!("{count}")));
            }
            Count::Array(_) | Count::One => {}
            Count::Sequence { .. } if field.element_min_len == 0 && count > MAX_EMPTY_ELEMENTS => {
                let expected = format!("at most {MAX_EMPTY_ELEMENTS} empty elements");
                return Err(whole.fault(expected, format!("{count}")));
            }
            Count::Sequence { .. } => {
                let mut length = Vec::with_capacity(5);
                push_varint(count as u64, &mut length);
                self.payload.splice(start..start, length);
            }
        }
        Ok(())
    }

    /// The elements that one occurrence of a list has: one, or several numbers packed.
    fn elements(&mut self, field: &FieldShape, occurrence: &Occurrence<'_>, count: &mut usize) -> Read {
        match &field.element {
            ElementShape::Primitive(primitive) => {
                let mut value = match occurrence.wire_type {
                    LENGTH => occurrence.value,
                    _ => occurrence.expect_wire(wire_type(*primitive), primitive.as_str())?,
                };
                let size = match primitive {
                    Primitive::Float32 => 4,
                    Primitive::Float64 => 8,
                    _ => 0,
                };
                if size > 0 && value.bytes.len().is_multiple_of(size) {
                    self.room(value.bytes.len(), &value)?;
                    self.payload.extend_from_slice(value.bytes);
                    *count += value.bytes.len() / size;
                    return Ok(());
                }
                while !value.bytes.is_empty() {
                    self.number(*primitive, &mut value)?;
                    *count += 1;
                }
                return Ok(());
            }
            ElementShape::Text { .. } => self.text(occurrence.expect_wire(LENGTH, "a text")?)?,
            ElementShape::Message(message) => {
                self.message(message, occurrence.expect_wire(LENGTH, "a message")?)?;
            }
        }
        *count += 1;
        Ok(())
    }

    /// Takes one number from the front of `slice`.
    fn number(&mut self, primitive: Primitive, slice: &mut Slice<'_>) -> Read {
        let before = *slice;
        let mut reader = Reader::new(slice.bytes);
        let out_of_range = |value: i128| {
            let (least, greatest) = primitive.integer_range().unwrap_or_default();
            let expected = format!("{} from {least} to {greatest}", primitive.as_str());
            (!(least..=greatest).contains(&value)).then(|| before.fault(expected, value.to_string()))
        };
        let unreadable = |why| before.unreadable(primitive.as_str(), why);
        match primitive {
            Primitive::Float32 => {
                let value: [u8; 4] = reader.array().map_err(unreadable)?;
                self.payload.extend(value);
            }
            Primitive::Float64 => {
                let value: [u8; 8] = reader.array().map_err(unreadable)?;
                self.payload.extend(value);
            }
            Primitive::Bool => {
                let value = reader.varint(64).map_err(unreadable)?;
                self.payload.push((value != 0).into());
            }
            Primitive::Int8 | Primitive::Int16 | Primitive::Int32 | Primitive::Int64 => {
                let value = reader.zigzag(64).map_err(unreadable)?;
                out_of_range(value.into()).map_or(Ok(()), Err)?;
                match primitive {
                    Primitive::Int8 => self.payload.push(value as u8),
                    _ => push_zigzag(value, self.payload),
                }
            }
            _ => {
                let value = reader.varint(64).map_err(unreadable)?;
                out_of_range(value.into()).map_or(Ok(()), Err)?;
                match primitive.is_octet() {
                    true => self.payload.push(value as u8),
                    false => push_varint(value, self.payload),
                }
            }
        }
        *slice = slice.part(reader.at(), slice.bytes.len());
        self.room(0, slice)
    }

    fn text(&mut self, slice: Slice<'_>) -> Read {
        self.room(slice.bytes.len(), &slice)?;
        match std::str::from_utf8(slice.bytes) {
            Ok(text) => {
                push_text(text, self.payload);
                Ok(())
            }
            Err(error) => Err(slice.fault_at(error.valid_up_to(), "a text in UTF-8", "other bytes".to_owned())),
        }
    }

    /// Makes sure that `len` more bytes of payload may be written.
    fn room(&self, len: usize, slice: &Slice<'_>) -> Read {
        match self.payload.len().saturating_add(len) <= self.end {
            true => Ok(()),
            false => {
                let expected = format!("a message of at most {} bytes of payload", self.max_len);
                Err(slice.fault(expected, "a longer one".to_owned()))
            }
        }
    }
}

impl<'a> Slice<'a> {
    /// Takes one occurrence from the front.
    fn next(&mut self) -> Read<Occurrence<'a>> {
        let mut reader = Reader::new(self.bytes);
        let tag = reader
            .varint(32)
            .map_err(|why| self.unreadable("the number of a field", why))?;
        let wire_type = (tag & 7) as u8;
        let mut start = reader.at();
        let taken = match wire_type {
            VARINT => reader.varint(64).map(|_| ()),
            FIXED_64 => reader.take(8).map(|_| ()),
            FIXED_32 => reader.take(4).map(|_| ()),
            LENGTH => reader.varint(32).and_then(|len| {
                start = reader.at();
                reader.take(len as usize).map(|_| ())
            }),
            other => {
                let expected = "a value: a varint, four or eight bytes, or a length and its bytes";
                return Err(self.fault(expected, format!("a value of wire type {other}")));
            }
        };
        taken.map_err(|why| self.unreadable("the value of a field", why))?;
        let value = self.part(start, reader.at());
        *self = self.part(reader.at(), self.bytes.len());
        Ok(Occurrence {
            number: tag >> 3,
            wire_type,
            value,
        })
    }

    /// Takes everything up to the next occurrence of a field, and that.
    fn next_of(&mut self, number: u64) -> Read<Option<Occurrence<'a>>> {
        while !self.bytes.is_empty() {
            let occurrence = self.next()?;
            if occurrence.number == number {
                return Ok(Some(occurrence));
            }
        }
        Ok(None)
    }

    /// The last occurrence of a field, of which there is one.
    fn last(&mut self, number: u64) -> Read<Occurrence<'a>> {
        let mut last = None;
        while let Some(occurrence) = self.next_of(number)? {
            last = Some(occurrence);
        }
        last.ok_or_else(|| self.fault("a field", "none".to_owned()))
    }

    fn part(self, start: usize, end: usize) -> Self {
        Self {
            bytes: self.bytes.get(start..end).unwrap_or_default(),
            at: self.at + start,
        }
    }

    #[cold]
    fn unreadable(&self, expected: &str, why: Unreadable) -> Box<ProtobufError> {
        let found = match why {
            Unreadable::End => format!("the end after {} bytes", self.bytes.len()),
            Unreadable::Oversized => "a number with more bits than its type".to_owned(),
        };
        self.fault(expected, found)
    }

    #[cold]
    fn fault(&self, expected: impl Into<String>, found: String) -> Box<ProtobufError> {
        self.fault_at(0, expected, found)
    }

    #[cold]
    fn fault_at(&self, at: usize, expected: impl Into<String>, found: String) -> Box<ProtobufError> {
        Box::new(ProtobufError {
            offset: self.at + at,
            path: String::new(),
            expected: expected.into(),
            found,
        })
    }
}

impl<'a> Occurrence<'a> {
    fn expect_wire(&self, wire_type: u8, what: &str) -> Read<Slice<'a>> {
        match self.wire_type == wire_type {
            true => Ok(self.value),
            false => Err(self.value.fault(
                format!("{what}, of wire type {wire_type}"),
                format!("a value of wire type {}", self.wire_type),
            )),
        }
    }
}

/// The fewest bytes that the field takes in a payload.
fn field_min_len(field: &FieldShape) -> usize {
    match field.count {
        Count::One => field.element_min_len,
        Count::Array(count) => field.element_min_len.saturating_mul(count as usize),
        Count::Sequence { .. } => 1,
    }
}

/// Which field of a message has this number.
fn index_of(number: u64) -> Option<usize> {
    let number = u32::try_from(number).ok()?;
    let guess = usize::try_from(number.checked_sub(1)?).ok()?;
    let is = |index: &usize| proto_field_number(*index) == number;
    Some(guess).filter(is).or_else(|| guess.checked_sub(1000).filter(is))
}

/// Why protobuf bytes give no message of their type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProtobufError {
    /// Where the unreadable part begins, in bytes; of a message that came in several parts, near to where.
    pub offset: usize,
    /// The value at hand, such as `points[3].x`; empty for the message as a whole.
    pub path: String,
    /// What should have stood there.
    pub expected: String,
    /// What stood there.
    pub found: String,
}

impl fmt::Display for ProtobufError {
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
            "the protobuf bytes are not of their type: at byte {offset}, {path}: expected {expected}, found {found}; \
             see the type's .proto text"
        )
    }
}

impl std::error::Error for ProtobufError {}
