//! Walks a payload along its type and hands every value to a [`Sink`]: text, tree, CDR, protobuf or check.
//!
//! Nothing is believed that the bytes do not pay for: before a list is walked, its count is held against the bytes
//! that are left.

use nuncio_codegen::model::{Count, Primitive};
use nuncio_msgs::message::LimitViolation;

use super::decode_error::DecodeError;
use super::place;
use super::reader::{Reader, Unreadable};
use super::shape::{ElementShape, FieldShape, MessageShape};

/// How many elements a sequence may have whose elements take no bytes; generated types accept as many.
pub const MAX_EMPTY_ELEMENTS: usize = nuncio_msgs::encoding::empties::MAX_ELEMENTS;

/// One value of a payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WireValue<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float32(f32),
    Float64(f64),
    Text(&'a str),
}

/// Takes the values of a message in the order of the schema.
pub(super) trait Sink {
    /// Whether messages that have no bytes, and so no values, are of interest.
    const SEES_EMPTY_MESSAGES: bool;
    /// Whether lists whose elements are as many bytes each, little endian, are taken as a whole.
    const TAKES_PLAIN_LISTS: bool = false;

    /// A message with so many fields begins.
    fn open_message(&mut self, fields: usize) -> Result<(), Refusal>;
    /// What follows is the value of this field, the message's `index`-th.
    fn field(&mut self, index: usize, field: &FieldShape) -> Result<(), Refusal>;
    fn close_message(&mut self) -> Result<(), Refusal>;
    fn open_list(&mut self, field: &FieldShape, len: usize) -> Result<(), Refusal>;
    /// What follows is the list's `index`-th element.
    fn element(&mut self, index: usize) -> Result<(), Refusal>;
    fn close_list(&mut self) -> Result<(), Refusal>;
    fn value(&mut self, field: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal>;
    /// All elements of a list of octets, between its opening and its closing.
    fn octets(&mut self, field: &FieldShape, octets: &[u8]) -> Result<(), Refusal>;
    /// All elements of a list, `size` bytes each, where the sink [takes](Self::TAKES_PLAIN_LISTS) them so.
    fn plain_list(&mut self, _size: usize, _bytes: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Why a sink takes no more.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Its result would be too long.
    TooLong,
    /// Its result would be longer than this, in bytes, and is CDR or protobuf.
    FormTooLong { form: &'static str, max_len: usize },
    /// The value is outside of what the schema allows.
    Limit(Box<Violation>),
}

/// A value outside of what the schema allows.
#[derive(Debug)]
pub(super) struct Violation {
    /// Which element of a list of octets, when the value is one.
    pub(super) element: Option<usize>,
    pub(super) found: String,
    pub(super) allowed: String,
}

/// Why a walk ended early, and where.
#[derive(Debug)]
pub(super) struct Fault {
    path: String,
    offset: usize,
    kind: FaultKind,
}

#[derive(Debug)]
enum FaultKind {
    Malformed { expected: String, found: String },
    Refused(Refusal),
}

/// Walks the whole payload.
pub(super) fn walk(root: &MessageShape, payload: &[u8], sink: &mut impl Sink) -> Result<(), Box<Fault>> {
    let mut walk = Walk {
        reader: Reader::new(payload),
        sink,
    };
    walk.message(root)?;
    match walk.reader.rest().len() {
        0 => Ok(()),
        left => Err(walk.malformed("the end of the payload", format!("{left} more bytes"))),
    }
}

struct Walk<'a, 's, S> {
    reader: Reader<'a>,
    sink: &'s mut S,
}

type Walked = Result<(), Box<Fault>>;

impl<'a, S: Sink> Walk<'a, '_, S> {
    fn message(&mut self, message: &MessageShape) -> Walked {
        if !S::SEES_EMPTY_MESSAGES && message.min_len == 0 {
            return Ok(());
        }
        let refused = self.sink.open_message(message.fields.len());
        self.taken(refused)?;
        for (index, field) in message.fields.iter().enumerate() {
            self.field(index, field).map_err(|mut fault| {
                place::prepend_field(&mut fault.path, &field.name);
                fault
            })?;
        }
        let refused = self.sink.close_message();
        self.taken(refused)
    }

    fn field(&mut self, index: usize, field: &FieldShape) -> Walked {
        let refused = self.sink.field(index, field);
        self.taken(refused)?;
        let count = match field.count {
            Count::One => return self.element(field),
            Count::Array(count) => count as usize,
            Count::Sequence { .. } => self.count(field)?,
        };
        let refused = self.sink.open_list(field, count);
        self.taken(refused)?;
        if S::TAKES_PLAIN_LISTS
            && let Some((size, bytes)) = self.plain_list(&field.element, count)
        {
            let refused = self.sink.plain_list(size, bytes);
            return self.taken(refused);
        }
        match &field.element {
            ElementShape::Primitive(primitive) if primitive.is_octet() => {
                let Ok(octets) = self.reader.take(count) else {
                    let left = self.reader.rest().len();
                    return Err(self.malformed(format!("{count} octets"), format!("{left} bytes left")));
                };
                let refused = self.sink.octets(field, octets);
                self.taken(refused)?;
            }
            ElementShape::Message(message) if !S::SEES_EMPTY_MESSAGES && message.min_len == 0 => {}
            ElementShape::Primitive(_) | ElementShape::Text { .. } | ElementShape::Message(_) => {
                for index in 0..count {
                    self.list_element(index, field).map_err(|mut fault| {
                        place::prepend_element(&mut fault.path, index);
                        fault
                    })?;
                }
            }
        }
        let refused = self.sink.close_list();
        self.taken(refused)
    }

    /// The elements of a list as they are, if all are as long; one that ends early is left for the walk to find.
    fn plain_list(&mut self, element: &ElementShape, count: usize) -> Option<(usize, &'a [u8])> {
        let size = match element {
            ElementShape::Primitive(Primitive::Int8) => 1,
            ElementShape::Primitive(Primitive::Float32) => 4,
            ElementShape::Primitive(Primitive::Float64) => 8,
            ElementShape::Primitive(_) | ElementShape::Text { .. } | ElementShape::Message(_) => return None,
        };
        let bytes = self.reader.take(count.checked_mul(size)?).ok()?;
        Some((size, bytes))
    }

    fn list_element(&mut self, index: usize, field: &FieldShape) -> Walked {
        let refused = self.sink.element(index);
        self.taken(refused)?;
        self.element(field)
    }

    fn element(&mut self, field: &FieldShape) -> Walked {
        let value = match &field.element {
            ElementShape::Message(message) => return self.message(message),
            ElementShape::Primitive(primitive) => self.primitive(*primitive)?,
            ElementShape::Text { .. } => WireValue::Text(self.text()?),
        };
        let refused = self.sink.value(field, value);
        self.taken(refused)
    }

    /// The count of a sequence, which the rest of the payload has to be able to hold.
    fn count(&mut self, field: &FieldShape) -> Result<usize, Box<Fault>> {
        let mut ahead = self.reader;
        let claimed = ahead
            .varint(usize::BITS)
            .map_err(|why| self.unreadable("a count", why))?;
        let left = ahead.rest().len();
        let (most, room) = match left.checked_div(field.element_min_len) {
            Some(most) => (most, format!("at most {most} elements in the {left} bytes left")),
            None => (
                MAX_EMPTY_ELEMENTS,
                format!("at most {MAX_EMPTY_ELEMENTS} empty elements"),
            ),
        };
        match usize::try_from(claimed) {
            Ok(count) if count <= most => {
                self.reader = ahead;
                Ok(count)
            }
            _ => Err(self.malformed(room, format!("a count of {claimed}"))),
        }
    }

    fn primitive(&mut self, primitive: Primitive) -> Result<WireValue<'a>, Box<Fault>> {
        let reader = &mut self.reader;
        let read = match primitive {
            Primitive::Bool => match reader.rest().first() {
                Some(0) => reader.byte().map(|_| WireValue::Bool(false)),
                Some(1) => reader.byte().map(|_| WireValue::Bool(true)),
                Some(other) => return Err(self.malformed("a bool, 0 or 1", format!("the byte {other}"))),
                None => Err(Unreadable::End),
            },
            Primitive::Byte | Primitive::Char | Primitive::Uint8 => {
                reader.byte().map(|byte| WireValue::Unsigned(byte.into()))
            }
            Primitive::Int8 => reader.byte().map(|byte| WireValue::Signed(byte.cast_signed().into())),
            Primitive::Int16 => reader.zigzag(16).map(WireValue::Signed),
            Primitive::Int32 => reader.zigzag(32).map(WireValue::Signed),
            Primitive::Int64 => reader.zigzag(64).map(WireValue::Signed),
            Primitive::Uint16 => reader.varint(16).map(WireValue::Unsigned),
            Primitive::Uint32 => reader.varint(32).map(WireValue::Unsigned),
            Primitive::Uint64 => reader.varint(64).map(WireValue::Unsigned),
            Primitive::Float32 => reader
                .array()
                .map(|bytes| WireValue::Float32(f32::from_le_bytes(bytes))),
            Primitive::Float64 => reader
                .array()
                .map(|bytes| WireValue::Float64(f64::from_le_bytes(bytes))),
        };
        read.map_err(|why| self.unreadable(&format!("a value of type {}", primitive.as_str()), why))
    }

    fn text(&mut self) -> Result<&'a str, Box<Fault>> {
        let mut ahead = self.reader;
        let len = ahead
            .varint(usize::BITS)
            .map_err(|why| self.unreadable("a text", why))?;
        let taken = usize::try_from(len).map_err(|_| Unreadable::End);
        let Ok(bytes) = taken.and_then(|len| ahead.take(len)) else {
            let left = ahead.rest().len();
            return Err(self.malformed(format!("a text of {len} bytes"), format!("{left} bytes left")));
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.reader = ahead;
                Ok(text)
            }
            Err(error) => Err(self.malformed(
                "a text in UTF-8",
                format!("other bytes after {} good ones", error.valid_up_to()),
            )),
        }
    }

    #[cold]
    fn unreadable(&self, expected: &str, why: Unreadable) -> Box<Fault> {
        let found = match why {
            Unreadable::End => format!("the end of the payload after {} bytes", self.reader.rest().len()),
            Unreadable::Oversized => "a number with more bits than its type".to_owned(),
        };
        self.malformed(expected, found)
    }

    #[cold]
    fn malformed(&self, expected: impl Into<String>, found: String) -> Box<Fault> {
        Box::new(Fault {
            path: String::new(),
            offset: self.reader.at(),
            kind: FaultKind::Malformed {
                expected: expected.into(),
                found,
            },
        })
    }

    fn taken(&self, taken: Result<(), Refusal>) -> Walked {
        taken.map_err(|refusal| {
            let mut path = String::new();
            if let Refusal::Limit(violation) = &refusal
                && let Some(index) = violation.element
            {
                place::prepend_element(&mut path, index);
            }
            Box::new(Fault {
                path,
                offset: self.reader.at(),
                kind: FaultKind::Refused(refusal),
            })
        })
    }
}

impl Fault {
    pub(super) fn into_error(self, max_json_len: usize) -> DecodeError {
        match self.kind {
            FaultKind::Malformed { expected, found } => DecodeError::Malformed {
                offset: self.offset,
                path: self.path,
                expected,
                found,
            },
            FaultKind::Refused(Refusal::TooLong) => DecodeError::TooLong {
                offset: self.offset,
                path: self.path,
                max_json_len,
            },
            FaultKind::Refused(Refusal::FormTooLong { form, max_len }) => DecodeError::FormTooLong {
                form,
                offset: self.offset,
                path: self.path,
                max_len,
            },
            FaultKind::Refused(Refusal::Limit(violation)) => DecodeError::Limit(LimitViolation {
                path: self.path,
                found: violation.found,
                allowed: violation.allowed,
            }),
        }
    }
}
