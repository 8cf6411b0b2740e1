//! The payload of what the schema gives by default: its own defaults, else zero, empty and false.

use nuncio_codegen::model::{Count, DefaultValue, Primitive, Scalar};

use super::reader::{push_varint, push_zigzag};
use super::shape::{ElementShape, FieldShape, MessageShape};

pub(super) fn push_message(message: &MessageShape, payload: &mut Vec<u8>) {
    for field in &message.fields {
        push_field(field, payload);
    }
}

pub(super) fn push_field(field: &FieldShape, payload: &mut Vec<u8>) {
    match (&field.default, field.count) {
        (Some(DefaultValue::One(value)), _) => push_scalar(&field.element, value, payload),
        (Some(DefaultValue::List(values)), count) => {
            if let Count::Sequence { .. } = count {
                push_varint(values.len() as u64, payload);
            }
            for value in values {
                push_scalar(&field.element, value, payload);
            }
        }
        (None, Count::One) => push_zero(&field.element, payload),
        (None, Count::Sequence { .. }) => payload.push(0),
        (None, Count::Array(_)) if field.element_min_len == 0 => {}
        (None, Count::Array(count)) => {
            for _ in 0..count {
                push_zero(&field.element, payload);
            }
        }
    }
}

fn push_zero(element: &ElementShape, payload: &mut Vec<u8>) {
    match element {
        ElementShape::Primitive(Primitive::Float32) => payload.extend([0; 4]),
        ElementShape::Primitive(Primitive::Float64) => payload.extend([0; 8]),
        ElementShape::Primitive(_) | ElementShape::Text { .. } => payload.push(0),
        ElementShape::Message(message) => push_message(message, payload),
    }
}

/// A value that fits its element; shapes are made of no others.
fn push_scalar(element: &ElementShape, value: &Scalar, payload: &mut Vec<u8>) {
    match (element, value) {
        (ElementShape::Primitive(primitive), Scalar::Integer(value)) => push_integer(*primitive, *value, payload),
        (ElementShape::Primitive(Primitive::Float32), Scalar::Float(value)) => {
            payload.extend((*value as f32).to_le_bytes());
        }
        (_, Scalar::Float(value)) => payload.extend(value.to_le_bytes()),
        (_, Scalar::Bool(value)) => payload.push((*value).into()),
        (_, Scalar::Text(text)) => push_text(text, payload),
        (ElementShape::Text { .. } | ElementShape::Message(_), Scalar::Integer(_)) => {}
    }
}

pub(super) fn push_text(text: &str, payload: &mut Vec<u8>) {
    push_varint(text.len() as u64, payload);
    payload.extend_from_slice(text.as_bytes());
}

/// An integer that is in the range of its type.
pub(super) fn push_integer(primitive: Primitive, value: i128, payload: &mut Vec<u8>) {
    match primitive {
        Primitive::Byte | Primitive::Char | Primitive::Uint8 | Primitive::Int8 => payload.push(value as u8),
        Primitive::Uint16 | Primitive::Uint32 | Primitive::Uint64 => push_varint(value as u64, payload),
        Primitive::Int16 | Primitive::Int32 | Primitive::Int64 => push_zigzag(value as i64, payload),
        Primitive::Bool | Primitive::Float32 | Primitive::Float64 => {}
    }
}
