//! Types known at run time: payload bytes to JSON, CDR or protobuf and back, for types that the program was not built with.
//!
//! A [`RunTimeType`] is made once from a type description. It reads the very payloads that the generated types write,
//! and writes those that they read:
//!
//! | schema | payload | JSON |
//! |---|---|---|
//! | message | its fields in order, nothing between | object, names and order of the schema |
//! | `bool` | one byte, 0 or 1 | `true`, `false` |
//! | `byte`, `char`, `uint8`, `int8` | one byte | number |
//! | other integers | variable length, signed ones zig-zag | number, exact to 64 bits |
//! | `float32`, `float64` | little endian | shortest number that reads back; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `string`, `wstring` | length in bytes, UTF-8 | text |
//! | `T[N]` | elements | list |
//! | `T[]`, `T[<=N]` | count, elements | list |
//!
//! Reading JSON is as kind as `ros2 topic pub`: fields left out take the schema's default, integers may be texts,
//! octets may be base64, a `builtin_interfaces/Time` or `std_msgs/Header` may be the word `now`. It is strict about
//! everything else: an unknown field, a value of another type or out of range is an error that names its place.
//!
//! Web clients may have JSON in another form, in which octets are base64 and numbers that are not finite are null, or CBOR with
//! lists of numbers as typed arrays.
//!
//! CDR is what DDS peers speak: a header of four bytes, then every value in the order of the schema, aligned to its own
//! size. It is written little endian and read in either byte order.
//!
//! Protobuf is what programs that are no robots speak: proto3 by the texts of [`proto_files`](nuncio_codegen::proto_files),
//! in which a field has the number of its place in the schema.
//!
//! # What hostile input can do
//!
//! Nothing that its own size does not pay for. Counts in a payload are believed as far as the bytes that follow could
//! hold them, elements that take no bytes end at [`MAX_EMPTY_ELEMENTS`], JSON ends at a length that the caller chose,
//! CDR ends at [`MAX_CDR_LEN`], protobuf at [`MAX_PROTOBUF_LEN`], and types whose nesting or fixed arrays would cost too much are refused by
//! [`RunTimeType::new`].

mod cbor_writer;
mod cdr_reader;
mod cdr_writer;
mod clock_word;
mod decode;
mod decode_error;
mod defaults;
mod document;
mod encode;
mod header_stamp;
mod json_text;
mod json_tree;
mod limits;
mod place;
mod protobuf_reader;
mod protobuf_writer;
mod reader;
mod shape;
#[cfg(test)]
mod tests;
mod translation;
mod translation_writer;

use std::sync::Arc;

use nuncio_codegen::model::{Element, Field, TypeDescription};
use serde_json::Value;

pub use self::cdr_reader::CdrError;
pub use self::cdr_writer::MAX_CDR_LEN;
pub use self::decode::MAX_EMPTY_ELEMENTS;
pub use self::decode_error::DecodeError;
pub use self::document::MAX_TEXT_LEN;
pub use self::encode::EncodeError;
pub use self::protobuf_reader::ProtobufError;
pub use self::protobuf_writer::MAX_PROTOBUF_LEN;
pub use self::shape::{MAX_DEPTH, MAX_FIXED_VALUES, RunTimeTypeError};
pub use self::translation::{DEFAULT_MAX_TRANSLATED_LEN, Difference, TranslateError, Translation, TranslationError};

use self::cbor_writer::CborWriter;
use self::cdr_writer::CdrWriter;
use self::json_text::{JsonStyle, JsonText};
use self::json_tree::JsonTree;
use self::limits::LimitCheck;
use self::protobuf_writer::ProtobufWriter;
use self::shape::MessageShape;

/// The length of JSON, in bytes, beyond which reading a payload ends when the caller chose no other.
pub const DEFAULT_MAX_JSON_LEN: usize = 64 * 1024 * 1024;

/// The codec of one type: payload to JSON, JSON to payload. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RunTimeType {
    description: Arc<TypeDescription>,
    root: Arc<MessageShape>,
    max_json_len: usize,
}

impl RunTimeType {
    /// Prepares the codec of the description's root.
    ///
    /// # Errors
    ///
    /// [`RunTimeTypeError`] when the description does not hold every type that it refers to, when a type contains
    /// itself, or when a value of the type would be unreasonably deep or large.
    pub fn new(description: &TypeDescription) -> Result<Self, RunTimeTypeError> {
        Ok(Self {
            root: shape::compile(description)?,
            description: Arc::new(description.clone()),
            max_json_len: DEFAULT_MAX_JSON_LEN,
        })
    }

    /// Lets JSON made from a payload be at most `max_json_len` bytes long.
    ///
    /// A tree may take eight times as many bytes of memory.
    #[must_use]
    pub fn with_max_json_len(self, max_json_len: usize) -> Self {
        Self { max_json_len, ..self }
    }

    /// The full name, such as `geometry_msgs/msg/Twist`.
    pub fn type_name(&self) -> &str {
        &self.root.type_name
    }

    /// The schema: fields with their units, comments and limits, and constants.
    pub fn description(&self) -> &TypeDescription {
        &self.description
    }

    /// The schema's field at `path`, such as `linear.x` or `transforms[3].header`; what stands in brackets is not read.
    pub fn field(&self, path: &str) -> Option<&Field> {
        let mut message = Some(&self.description.root);
        let mut found = None;
        for name in path.split('.') {
            let name = name.split_once('[').map_or(name, |(name, _)| name);
            let field = message?.fields.iter().find(|field| field.name == name)?;
            message = match &field.field_type.element {
                Element::Message(name) => self.description.find(name),
                Element::Primitive(_) | Element::Text { .. } => None,
            };
            found = Some(field);
        }
        found
    }

    /// The stamp of a payload whose first field is a `std_msgs/Header`, in ns since 1970; what follows it is not read. `None`
    /// when the type has no such field, or the payload ends before.
    pub fn header_stamp_ns(&self, payload: &[u8]) -> Option<i64> {
        header_stamp::read(&self.root, payload)
    }

    /// Appends the payload's JSON to `out`, on one line. After an error `out` is as it was.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a payload of this type or the JSON would be too long.
    pub fn write_json(&self, payload: &[u8], out: &mut String) -> Result<(), DecodeError> {
        self.write_json_in(JsonStyle::Exact, payload, out)
    }

    /// As [`write_json`](Self::write_json), in the form that web clients know from rosbridge: lists of `uint8` and `char` are
    /// base64, numbers that are not finite are null.
    ///
    /// # Errors
    ///
    /// As [`write_json`](Self::write_json).
    pub fn write_web_json(&self, payload: &[u8], out: &mut String) -> Result<(), DecodeError> {
        self.write_json_in(JsonStyle::Web, payload, out)
    }

    fn write_json_in(&self, style: JsonStyle, payload: &[u8], out: &mut String) -> Result<(), DecodeError> {
        let start = out.len();
        let result = decode::walk(&self.root, payload, &mut JsonText::new(out, self.max_json_len, style));
        if result.is_err() {
            out.truncate(start);
        }
        result.map_err(|fault| fault.into_error(self.max_json_len))
    }

    /// The payload as a JSON tree, for callers that look into it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a payload of this type or the tree would be too large.
    pub fn to_json(&self, payload: &[u8]) -> Result<Value, DecodeError> {
        let mut tree = JsonTree::new(self.max_json_len);
        match decode::walk(&self.root, payload, &mut tree) {
            Ok(()) => Ok(tree.into_value()),
            Err(fault) => Err(fault.into_error(self.max_json_len)),
        }
    }

    /// Checks a payload against its type and against the bounds and limits that the schema gives, ages aside.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a payload of this type, or else the first violation in field order.
    pub fn check(&self, payload: &[u8]) -> Result<(), DecodeError> {
        let Err(fault) = decode::walk(&self.root, payload, &mut LimitCheck { ignored: false }) else {
            return Ok(());
        };
        // What is not of its type is that in the first place, whatever stands before the damage.
        let unlimited = decode::walk(&self.root, payload, &mut LimitCheck { ignored: true });
        Err(unlimited.err().unwrap_or(fault).into_error(self.max_json_len))
    }

    /// The payload of a JSON value. `now_ns` is what the word `now` means, in nanoseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] with the place of the first value that does not fit the type or violates a limit.
    pub fn from_json(&self, json: &Value, now_ns: i64) -> Result<Vec<u8>, EncodeError> {
        let payload = encode::encode(&self.root, json, now_ns)?;
        match self.check(&payload) {
            Ok(()) => Ok(payload),
            Err(DecodeError::Limit(violation)) => Err(EncodeError::Limit(violation)),
            Err(other) => Err(EncodeError::Document {
                problem: other.to_string(),
            }),
        }
    }

    /// The payload of a JSON text; see [`RunTimeType::from_json`].
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the text is no JSON or too long, or for the reasons of [`RunTimeType::from_json`].
    pub fn from_json_text(&self, text: &str, now_ns: i64) -> Result<Vec<u8>, EncodeError> {
        self.from_json(&document::read_json(text)?, now_ns)
    }

    /// The payload of a YAML text, as people type it for `ros2 topic pub`; see [`RunTimeType::from_json`].
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the text is no YAML or too long, or for the reasons of [`RunTimeType::from_json`].
    pub fn from_yaml_text(&self, text: &str, now_ns: i64) -> Result<Vec<u8>, EncodeError> {
        self.from_json(&document::read_yaml(text)?, now_ns)
    }

    /// Appends the payload as CDR to `out`: header, little endian, XCDR version 1. After an error `out` is as it was.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a payload of this type, or the CDR would be longer than [`MAX_CDR_LEN`].
    pub fn payload_to_cdr(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let start = out.len();
        let result = decode::walk(&self.root, payload, &mut CdrWriter::new(out, MAX_CDR_LEN));
        if result.is_err() {
            out.truncate(start);
        }
        result.map_err(|fault| fault.into_error(self.max_json_len))
    }

    /// Appends the payload as CBOR to `out`: a map, lists of octets as byte strings and other lists of numbers as typed arrays
    /// (RFC 8746), little endian. After an error `out` is as it was.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a payload of this type, or the CBOR would be longer than JSON may be.
    pub fn write_cbor(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let start = out.len();
        let result = decode::walk(&self.root, payload, &mut CborWriter::new(out, self.max_json_len));
        if result.is_err() {
            out.truncate(start);
        }
        result.map_err(|fault| fault.into_error(self.max_json_len))
    }

    /// Appends the payload of a message in CDR to `out`. After an error `out` is as it was.
    ///
    /// Either byte order is read. Bounds and limits of the schema are not checked; see [`RunTimeType::check`].
    ///
    /// # Errors
    ///
    /// [`CdrError`] with the offset of the first byte that is not of this type.
    pub fn cdr_to_payload(&self, cdr: &[u8], out: &mut Vec<u8>) -> Result<(), CdrError> {
        let start = out.len();
        let result = cdr_reader::read(&self.root, cdr, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// Appends the payload as protobuf to `out`, by the type's [`proto_files`](nuncio_codegen::proto_files). After an error
    /// `out` is as it was.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a payload of this type, or the protobuf would be longer than
    /// [`MAX_PROTOBUF_LEN`].
    pub fn payload_to_protobuf(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let start = out.len();
        let result = decode::walk(&self.root, payload, &mut ProtobufWriter::new(out, MAX_PROTOBUF_LEN));
        if result.is_err() {
            out.truncate(start);
        }
        result.map_err(|fault| fault.into_error(self.max_json_len))
    }

    /// Appends the payload of a message in protobuf to `out`, at most `max_len` bytes. After an error `out` is as it was.
    ///
    /// Bounds and limits of the schema are not checked; see [`RunTimeType::check`].
    ///
    /// # Errors
    ///
    /// [`ProtobufError`] with the offset of the first byte that is not of this type.
    pub fn protobuf_to_payload(&self, protobuf: &[u8], max_len: usize, out: &mut Vec<u8>) -> Result<(), ProtobufError> {
        let start = out.len();
        let result = protobuf_reader::read(&self.root, protobuf, max_len, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// The payload of a message whose every field has the schema's default.
    pub fn default_payload(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        defaults::push_message(&self.root, &mut payload);
        payload
    }

    /// A message whose every field has the schema's default: a prototype to fill in.
    pub fn default_json(&self) -> Value {
        let mut tree = JsonTree::new(usize::MAX);
        // A default payload is always of its type, and nothing is too long for a tree without a limit.
        _ = decode::walk(&self.root, &self.default_payload(), &mut tree);
        tree.into_value()
    }
}
