//! Stage 3: from the model to the ROS 2 type description, as JSON text.
//!
//! The text is written directly, in the form that Python's `json.dumps` gives it: the type hash is a hash of it.

use std::fmt::Write as _;

use crate::model::{
    Count, DefaultValue, Element, Field, FieldType, Message, Primitive, Scalar, TextKind, TypeDescription,
};

/// What ROS 2 puts into a message that has no fields, in descriptions and in CDR.
pub const PLACEHOLDER_MEMBER: &str = "structure_needs_at_least_one_member";

/// The type description of ROS 2 as JSON text in one line, default values included.
pub fn type_description_json(description: &TypeDescription) -> String {
    json(description, DefaultValues::Included)
}

/// Whether default values are written: they are described, but not part of a type's identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DefaultValues {
    Included,
    Omitted,
}

/// `{"type_description": …, "referenced_type_descriptions": […]}`
pub(crate) fn json(description: &TypeDescription, defaults: DefaultValues) -> String {
    let mut out = String::from("{\"type_description\": ");
    message(&mut out, &description.root, defaults);
    out.push_str(", \"referenced_type_descriptions\": [");
    separated(&mut out, &description.referenced, |out, referenced| {
        message(out, referenced, defaults)
    });
    out.push_str("]}");
    out
}

fn separated<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
}

fn message(out: &mut String, message: &Message, defaults: DefaultValues) {
    out.push_str("{\"type_name\": ");
    string(out, &message.type_name.to_string());
    out.push_str(", \"fields\": [");
    if message.fields.is_empty() {
        let octet = FieldType {
            element: Element::Primitive(Primitive::Uint8),
            count: Count::One,
        };
        field(out, PLACEHOLDER_MEMBER, &octet, None, defaults);
    }
    separated(
        out,
        &message.fields,
        |out,
         Field {
             name,
             field_type,
             default,
             ..
         }| {
            field(out, name, field_type, default.as_ref(), defaults);
        },
    );
    out.push_str("]}");
}

fn field(
    out: &mut String,
    name: &str,
    field_type: &FieldType,
    default: Option<&DefaultValue>,
    defaults: DefaultValues,
) {
    out.push_str("{\"name\": ");
    string(out, name);
    let capacity = match field_type.count {
        Count::One | Count::Sequence { bound: None } => 0,
        Count::Array(count) => count,
        Count::Sequence { bound: Some(bound) } => bound,
    };
    let (string_capacity, nested) = match &field_type.element {
        Element::Primitive(_) => (0, String::new()),
        Element::Text { bound, .. } => (bound.unwrap_or(0), String::new()),
        Element::Message(name) => (0, name.to_string()),
    };
    let id = type_id(field_type);
    // Writing into a String cannot fail.
    _ = write!(
        out,
        ", \"type\": {{\"type_id\": {id}, \"capacity\": {capacity}, \"string_capacity\": {string_capacity}, \
         \"nested_type_name\": "
    );
    string(out, &nested);
    out.push('}');
    if defaults == DefaultValues::Included {
        out.push_str(", \"default_value\": ");
        string(out, &default.map(default_text).unwrap_or_default());
    }
    out.push('}');
}

/// The number of a type in `type_description_interfaces/msg/FieldType`.
pub fn type_id(field_type: &FieldType) -> u8 {
    let element = match &field_type.element {
        Element::Message(_) => 1,
        Element::Primitive(primitive) => match primitive {
            Primitive::Int8 => 2,
            Primitive::Uint8 => 3,
            Primitive::Int16 => 4,
            Primitive::Uint16 => 5,
            Primitive::Int32 => 6,
            Primitive::Uint32 => 7,
            Primitive::Int64 => 8,
            Primitive::Uint64 => 9,
            Primitive::Float32 => 10,
            Primitive::Float64 => 11,
            Primitive::Char => 13,
            Primitive::Bool => 15,
            Primitive::Byte => 16,
        },
        Element::Text {
            kind: TextKind::String,
            bound: None,
        } => 17,
        Element::Text {
            kind: TextKind::Wstring,
            bound: None,
        } => 18,
        Element::Text {
            kind: TextKind::String,
            bound: Some(_),
        } => 21,
        Element::Text {
            kind: TextKind::Wstring,
            bound: Some(_),
        } => 22,
    };
    element
        + match field_type.count {
            Count::One => 0,
            Count::Array(_) => 48,
            Count::Sequence { bound: Some(_) } => 96,
            Count::Sequence { bound: None } => 144,
        }
}

/// A default value as ROS 2's generator, which is written in Python, prints it.
fn default_text(default: &DefaultValue) -> String {
    match default {
        DefaultValue::One(Scalar::Text(text)) => text.clone(),
        DefaultValue::One(value) => scalar_text(value),
        DefaultValue::List(values) => {
            format!("({})", values.iter().map(scalar_text).collect::<Vec<_>>().join(", "))
        }
    }
}

fn scalar_text(value: &Scalar) -> String {
    match value {
        Scalar::Bool(true) => "True".to_owned(),
        Scalar::Bool(false) => "False".to_owned(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Float(value) if value.is_nan() => "nan".to_owned(),
        Scalar::Float(value) => format!("{value:?}"),
        Scalar::Text(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// A JSON string of ASCII characters only, as Python writes it.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
