//! Protobuf bytes, taken apart into the occurrences of fields, whatever their types.

use std::fmt;

use super::place;
use super::protobuf_writer::{FIXED_32, FIXED_64, LENGTH, VARINT};
use super::reader::{Reader, Unreadable};

/// Bytes, and where in the whole they begin.
#[derive(Clone, Copy)]
pub(super) struct Slice<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

/// One occurrence of a field.
pub(super) struct Occurrence<'a> {
    pub(super) number: u64,
    pub(super) wire_type: u8,
    /// The value: of a varint its bytes, of a length-delimited one what follows the length.
    pub(super) value: Slice<'a>,
}

pub(super) type Read<T = ()> = Result<T, Box<ProtobufError>>;

impl<'a> Slice<'a> {
    /// Takes one occurrence from the front.
    pub(super) fn next(&mut self) -> Read<Occurrence<'a>> {
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
    pub(super) fn next_of(&mut self, number: u64) -> Read<Option<Occurrence<'a>>> {
        while !self.bytes.is_empty() {
            let occurrence = self.next()?;
            if occurrence.number == number {
                return Ok(Some(occurrence));
            }
        }
        Ok(None)
    }

    /// The last occurrence of a field, of which there is one.
    pub(super) fn last(&mut self, number: u64) -> Read<Occurrence<'a>> {
        let mut last = None;
        while let Some(occurrence) = self.next_of(number)? {
            last = Some(occurrence);
        }
        last.ok_or_else(|| self.fault("a field", "none".to_owned()))
    }

    pub(super) fn part(self, start: usize, end: usize) -> Self {
        Self {
            bytes: self.bytes.get(start..end).unwrap_or_default(),
            at: self.at + start,
        }
    }

    #[cold]
    pub(super) fn unreadable(&self, expected: &str, why: Unreadable) -> Box<ProtobufError> {
        let found = match why {
            Unreadable::End => format!("the end after {} bytes", self.bytes.len()),
            Unreadable::Oversized => "a number with more bits than its type".to_owned(),
        };
        self.fault(expected, found)
    }

    #[cold]
    pub(super) fn fault(&self, expected: impl Into<String>, found: String) -> Box<ProtobufError> {
        self.fault_at(0, expected, found)
    }

    #[cold]
    pub(super) fn fault_at(&self, at: usize, expected: impl Into<String>, found: String) -> Box<ProtobufError> {
        Box::new(ProtobufError {
            offset: self.at + at,
            path: String::new(),
            expected: expected.into(),
            found,
        })
    }
}

impl<'a> Occurrence<'a> {
    pub(super) fn expect_wire(&self, wire_type: u8, what: &str) -> Read<Slice<'a>> {
        match self.wire_type == wire_type {
            true => Ok(self.value),
            false => Err(self.value.fault(
                format!("{what}, of wire type {wire_type}"),
                format!("a value of wire type {}", self.wire_type),
            )),
        }
    }
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
