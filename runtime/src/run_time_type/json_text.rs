//! A payload's values as JSON text, written straight into a string of bounded length.

use std::io;

use base64::engine::Engine;
use base64::prelude::BASE64_STANDARD;
use nuncio_codegen::model::Primitive;

use super::decode::{Refusal, Sink, WireValue};
use super::shape::{ElementShape, FieldShape};

/// What JSON has no form of its own for, and how it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum JsonStyle {
    /// Octets as lists, numbers that are not finite as words: nothing is lost.
    Exact,
    /// `uint8[]` and `char[]` as base64, numbers that are not finite as null: what clients of rosbridge expect.
    Web,
}

/// Appends JSON to a string, on one line.
#[derive(Debug)]
pub(super) struct JsonText<'a> {
    out: &'a mut String,
    /// How many bytes may still be appended.
    left: usize,
    style: JsonStyle,
    /// Whether the list at hand is written as base64.
    in_base64: bool,
}

impl<'a> JsonText<'a> {
    pub(super) fn new(out: &'a mut String, max_len: usize, style: JsonStyle) -> Self {
        Self {
            out,
            left: max_len,
            style,
            in_base64: false,
        }
    }

    fn push(&mut self, text: &str) -> Result<(), Refusal> {
        self.left = self.left.checked_sub(text.len()).ok_or(Refusal::TooLong)?;
        self.out.push_str(text);
        Ok(())
    }

    /// Numbers and texts look as serde_json writes them, because it does.
    fn push_serialized(&mut self, value: &(impl serde::Serialize + ?Sized)) -> Result<(), Refusal> {
        serde_json::to_writer(self, value).map_err(|_| Refusal::TooLong)
    }

    fn push_octet(&mut self, octet: u8) -> Result<(), Refusal> {
        let len = if octet < 10 { 1 } else { 2 } + usize::from(octet >= 100);
        self.left = self.left.checked_sub(len).ok_or(Refusal::TooLong)?;
        let digit = |value: u8| char::from(b'0' + value % 10);
        if octet >= 100 {
            self.out.push(digit(octet / 100));
        }
        if octet >= 10 {
            self.out.push(digit(octet / 10));
        }
        self.out.push(digit(octet));
        Ok(())
    }
}

impl io::Write for JsonText<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The serializer hands over whole characters.
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.push(text).map_err(|_| io::Error::from(io::ErrorKind::WriteZero))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for JsonText<'_> {
    const SEES_EMPTY_MESSAGES: bool = true;

    fn open_message(&mut self, _: usize) -> Result<(), Refusal> {
        self.push("{")
    }

    fn field(&mut self, index: usize, field: &FieldShape) -> Result<(), Refusal> {
        if index > 0 {
            self.push(",")?;
        }
        self.push(&field.key)
    }

    fn close_message(&mut self) -> Result<(), Refusal> {
        self.push("}")
    }

    fn open_list(&mut self, field: &FieldShape, _: usize) -> Result<(), Refusal> {
        self.in_base64 = self.style == JsonStyle::Web
            && matches!(
                &field.element,
                ElementShape::Primitive(Primitive::Uint8 | Primitive::Char)
            );
        self.push(if self.in_base64 { "\"" } else { "[" })
    }

    fn element(&mut self, index: usize) -> Result<(), Refusal> {
        if index > 0 { self.push(",") } else { Ok(()) }
    }

    fn close_list(&mut self) -> Result<(), Refusal> {
        let is_base64 = std::mem::take(&mut self.in_base64);
        self.push(if is_base64 { "\"" } else { "]" })
    }

    fn value(&mut self, _: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal> {
        match value {
            WireValue::Bool(value) => self.push(if value { "true" } else { "false" }),
            WireValue::Unsigned(value) => self.push_serialized(&value),
            WireValue::Signed(value) => self.push_serialized(&value),
            WireValue::Float32(value) if value.is_finite() => self.push_serialized(&value),
            WireValue::Float64(value) if value.is_finite() => self.push_serialized(&value),
            WireValue::Float32(_) | WireValue::Float64(_) if self.style == JsonStyle::Web => self.push("null"),
            WireValue::Float32(value) => self.push_serialized(non_finite_word(value.into())),
            WireValue::Float64(value) => self.push_serialized(non_finite_word(value)),
            WireValue::Text(value) => self.push_serialized(value),
        }
    }

    fn octets(&mut self, _: &FieldShape, octets: &[u8]) -> Result<(), Refusal> {
        if self.in_base64 {
            let len = octets.len().div_ceil(3).saturating_mul(4);
            self.left = self.left.checked_sub(len).ok_or(Refusal::TooLong)?;
            BASE64_STANDARD.encode_string(octets, self.out);
            return Ok(());
        }
        for (index, octet) in octets.iter().enumerate() {
            self.element(index)?;
            self.push_octet(*octet)?;
        }
        Ok(())
    }
}

/// What stands for a number that JSON does not have.
pub(super) fn non_finite_word(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}
