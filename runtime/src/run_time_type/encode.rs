//! Walks a JSON value along a type and writes the payload.

use std::fmt;

use nuncio_codegen::model::{Count, Primitive};
use nuncio_msgs::message::LimitViolation;
use serde_json::{Map, Value};

use super::clock_word::{self, ClockWord};
use super::defaults::{push_field, push_integer, push_text};
use super::place;
use super::reader::{push_varint, push_zigzag};
use super::shape::{ElementShape, FieldShape, MessageShape};

/// How many characters of a text an error repeats.
const SHOWN_CHARS: usize = 60;

/// The payload of `json`. Bounds and limits of the schema are not checked here.
pub(super) fn encode(root: &MessageShape, json: &Value, now_ns: i64) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder {
        payload: Vec::new(),
        now_ns,
    };
    match json {
        // What an empty YAML document is.
        Value::Null => push_defaults(root, &mut encoder.payload),
        _ => encoder.message(root, json).map_err(|fault| fault.into_error())?,
    }
    Ok(encoder.payload)
}

fn push_defaults(message: &MessageShape, payload: &mut Vec<u8>) {
    message.fields.iter().for_each(|field| push_field(field, payload));
}

struct Encoder {
    payload: Vec<u8>,
    now_ns: i64,
}

/// Why a value does not fit, and where.
#[derive(Debug)]
struct Fault {
    path: String,
    kind: FaultKind,
}

#[derive(Debug)]
enum FaultKind {
    Value { expected: String, found: String },
    UnknownField { field: String, near: String },
}

type Encoded = Result<(), Box<Fault>>;

impl Encoder {
    fn message(&mut self, message: &MessageShape, json: &Value) -> Encoded {
        let object = match (json, message.clock_word) {
            (Value::Object(object), _) => object,
            (Value::String(text), Some(word)) if ClockWord::is_meant_by(text) => return self.now(message, word),
            (_, Some(_)) => return Err(unfit("an object with fields, or the word \"now\"", json)),
            (_, None) => {
                let expected = format!("an object with the fields of {}", message.type_name);
                return Err(unfit(expected, json));
            }
        };
        let mut known = 0;
        for field in &message.fields {
            let Some(value) = object.get(&field.name) else {
                push_field(field, &mut self.payload);
                continue;
            };
            known += 1;
            self.field(field, value).map_err(|mut fault| {
                place::prepend_field(&mut fault.path, &field.name);
                fault
            })?;
        }
        if known == object.len() {
            return Ok(());
        }
        Err(unknown_field(message, object))
    }

    /// The time of publication, as a stamp or as a header with defaults after it.
    fn now(&mut self, message: &MessageShape, word: ClockWord) -> Encoded {
        let Some((sec, nanosec)) = clock_word::split(self.now_ns) else {
            return Err(Box::new(Fault {
                path: String::new(),
                kind: FaultKind::Value {
                    expected: "a time that 32 bits of seconds can hold".to_owned(),
                    found: format!("a clock that says {} s", self.now_ns.div_euclid(1_000_000_000)),
                },
            }));
        };
        push_zigzag(sec.into(), &mut self.payload);
        push_varint(nanosec.into(), &mut self.payload);
        if word == ClockWord::Header {
            let after_stamp = message.fields.iter().skip(1);
            after_stamp.for_each(|field| push_field(field, &mut self.payload));
        }
        Ok(())
    }

    fn field(&mut self, field: &FieldShape, json: &Value) -> Encoded {
        let (expected_len, is_sequence) = match field.count {
            Count::One => return self.element(&field.element, json),
            Count::Array(count) => (Some(count as usize), false),
            Count::Sequence { .. } => (None, true),
        };
        let wrong_len = |len: usize| expected_len.filter(|expected| *expected != len);
        if let (ElementShape::Primitive(primitive), Value::String(text)) = (&field.element, json)
            && primitive.is_octet()
        {
            let octets = octets_of(text).ok_or_else(|| unfit("a list of octets, or their base64 text", json))?;
            if let Some(expected) = wrong_len(octets.len()) {
                return Err(mismatch(format!("{expected} octets"), format!("{}", octets.len())));
            }
            if is_sequence {
                push_varint(octets.len() as u64, &mut self.payload);
            }
            self.payload.extend_from_slice(&octets);
            return Ok(());
        }
        let Value::Array(list) = json else {
            let expected = match expected_len {
                Some(len) => format!("a list of {len} elements"),
                None => "a list".to_owned(),
            };
            return Err(unfit(expected, json));
        };
        if let Some(expected) = wrong_len(list.len()) {
            return Err(unfit(format!("a list of {expected} elements"), json));
        }
        if is_sequence {
            push_varint(list.len() as u64, &mut self.payload);
        }
        for (index, value) in list.iter().enumerate() {
            self.element(&field.element, value).map_err(|mut fault| {
                place::prepend_element(&mut fault.path, index);
                fault
            })?;
        }
        Ok(())
    }

    fn element(&mut self, element: &ElementShape, json: &Value) -> Encoded {
        match (element, json) {
            (ElementShape::Message(message), _) => return self.message(message, json),
            (ElementShape::Text { .. }, Value::String(text)) => push_text(text, &mut self.payload),
            (ElementShape::Text { .. }, Value::Number(_) | Value::Bool(_)) => {
                return Err(unfit(format!("a text; quote it: \"{json}\""), json));
            }
            (ElementShape::Text { .. }, _) => return Err(unfit("a text", json)),
            (ElementShape::Primitive(Primitive::Bool), Value::Bool(value)) => self.payload.push((*value).into()),
            (ElementShape::Primitive(Primitive::Bool), _) => return Err(unfit("true or false", json)),
            (ElementShape::Primitive(Primitive::Float32), _) => {
                let value = float32_of(json).ok_or_else(|| unfit("a number that float32 can hold", json))?;
                self.payload.extend(value.to_le_bytes());
            }
            (ElementShape::Primitive(Primitive::Float64), _) => {
                let value = float_of(json).ok_or_else(|| unfit("a number", json))?;
                self.payload.extend(value.to_le_bytes());
            }
            (ElementShape::Primitive(primitive), _) => {
                let (least, greatest) = primitive.integer_range().unwrap_or_default();
                let value = integer_of(json).filter(|value| (least..=greatest).contains(value));
                let value = value.ok_or_else(|| {
                    let name = primitive.as_str();
                    unfit(format!("an integer from {least} to {greatest} ({name})"), json)
                })?;
                push_integer(*primitive, value, &mut self.payload);
            }
        }
        Ok(())
    }
}

/// The exact value of a JSON integer, of a float without a fraction, or of a text that is an integer.
fn integer_of(json: &Value) -> Option<i128> {
    /// Up to here floats are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match json {
        Value::Number(number) => number.as_i128().or_else(|| {
            let value = number.as_f64()?;
            (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i128)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The value of a number, or of what stands for one that is not finite.
fn float_of(json: &Value) -> Option<f64> {
    match json {
        Value::Number(number) => number.as_f64(),
        Value::Null => Some(f64::NAN),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "nan" | ".nan" => Some(f64::NAN),
            "infinity" | "+infinity" | "inf" | "+inf" | ".inf" | "+.inf" => Some(f64::INFINITY),
            "-infinity" | "-inf" | "-.inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// As [`float_of`]; `None` for finite numbers beyond the type's range, too.
fn float32_of(json: &Value) -> Option<f32> {
    let wide = float_of(json)?;
    let value = wide as f32;
    (value.is_finite() == wide.is_finite()).then_some(value)
}

/// The octets of a base64 text, with or without padding.
fn octets_of(text: &str) -> Option<Vec<u8>> {
    use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
    use base64::engine::{DecodePaddingMode, Engine};

    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&base64::alphabet::STANDARD, config)
        .decode(text)
        .ok()
}

#[cold]
fn unfit(expected: impl Into<String>, json: &Value) -> Box<Fault> {
    mismatch(expected.into(), shown(json))
}

fn mismatch(expected: String, found: String) -> Box<Fault> {
    Box::new(Fault {
        path: String::new(),
        kind: FaultKind::Value { expected, found },
    })
}

/// A JSON value in a few words.
fn shown(json: &Value) -> String {
    match json {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let start: String = text.chars().take(SHOWN_CHARS).collect();
            let more = if start.len() < text.len() { "…" } else { "" };
            format!("the text {start:?}{more}")
        }
        Value::Array(list) if list.len() == 1 => "a list of 1 element".to_owned(),
        Value::Array(list) => format!("a list of {} elements", list.len()),
        Value::Object(object) if object.len() == 1 => "an object of 1 field".to_owned(),
        Value::Object(object) => format!("an object of {} fields", object.len()),
    }
}

#[cold]
fn unknown_field(message: &MessageShape, object: &Map<String, Value>) -> Box<Fault> {
    let names = || message.fields.iter().map(|field| field.name.as_str());
    let unknown = object.keys().find(|key| names().all(|name| name != key.as_str()));
    let unknown: String = unknown.map_or("", String::as_str).chars().take(SHOWN_CHARS).collect();
    let near = nuncio_codegen::near_names(&unknown, names());
    let near = match (near.first(), message.fields.len()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, 0) => format!("{} has no fields", message.type_name),
        (None, count) => {
            let mut list = names().take(12).collect::<Vec<_>>().join(", ");
            if count > 12 {
                list.push_str(", …");
            }
            format!("{} has {list}", message.type_name)
        }
    };
    Box::new(Fault {
        path: String::new(),
        kind: FaultKind::UnknownField {
            field: unknown.escape_debug().to_string(),
            near,
        },
    })
}

impl Fault {
    fn into_error(self) -> EncodeError {
        match self.kind {
            FaultKind::Value { expected, found } => EncodeError::Value {
                path: self.path,
                expected,
                found,
            },
            FaultKind::UnknownField { field, near } => {
                let mut path = field;
                if !self.path.is_empty() {
                    path = format!("{}.{path}", self.path);
                }
                EncodeError::UnknownField { path, help: near }
            }
        }
    }
}

/// Why JSON or YAML gives no payload.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The text is not JSON or YAML, or too much of it.
    Document {
        /// What is wrong, and where.
        problem: String,
    },
    /// A value does not fit its field's type.
    Value {
        /// The field, such as `points[3].x`; empty for the message as a whole.
        path: String,
        /// What the type takes.
        expected: String,
        /// The value.
        found: String,
    },
    /// The type has no such field.
    UnknownField {
        /// The field.
        path: String,
        /// What may have been meant.
        help: String,
    },
    /// A value outside of what the schema allows.
    Limit(LimitViolation),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document { problem } => f.write_str(problem),
            Self::Value { path, expected, found } => {
                write!(f, "{}: expected {expected}, found {found}", place::or_message(path))
            }
            Self::UnknownField { path, help } => write!(f, "there is no field {path}; {help}"),
            Self::Limit(violation) => fmt::Display::fmt(violation, f),
        }
    }
}

impl std::error::Error for EncodeError {}
