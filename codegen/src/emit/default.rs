//! Default values: derived where every field begins at zero or empty, written out where the schema says otherwise.

use super::writer::Writer;
use super::{Emitter, ident};
use crate::model::{Count, DefaultValue, Element, Field, Message, Primitive, Scalar};

/// The longest array that the standard library gives a default value.
pub(super) const DERIVED_ARRAY_LEN: u32 = 32;

/// Whether deriving `Default` would be impossible or wrong.
pub(super) fn needs_own(message: &Message) -> bool {
    message.fields.iter().any(|field| {
        field.default.is_some() || matches!(field.field_type.count, Count::Array(count) if count > DERIVED_ARRAY_LEN)
    })
}

impl Emitter<'_> {
    pub(super) fn default(&self, writer: &mut Writer, message: &Message) {
        writer.open(&format!(
            "impl ::std::default::Default for {} {{",
            ident::upper(&message.type_name)
        ));
        writer.open("fn default() -> Self {");
        writer.open("Self {");
        for field in &message.fields {
            writer.line(&format!("{}: {},", ident::lower(&field.name), field_value(field)));
        }
        writer.close("}");
        writer.close("}");
        writer.close("}");
    }
}

fn field_value(field: &Field) -> String {
    let element = &field.field_type.element;
    match (&field.default, field.field_type.count) {
        (Some(DefaultValue::One(value)), _) => scalar(element, value),
        (Some(DefaultValue::List(values)), count) => {
            let values: Vec<String> = values.iter().map(|value| scalar(element, value)).collect();
            let values = values.join(", ");
            match count {
                Count::Sequence { .. } if values.is_empty() => "::std::vec::Vec::new()".to_owned(),
                Count::Sequence { .. } => format!("::std::vec::Vec::from([{values}])"),
                Count::Array(_) | Count::One => format!("[{values}]"),
            }
        }
        (None, Count::Array(count)) if count > DERIVED_ARRAY_LEN => match element {
            Element::Primitive(Primitive::Bool) => format!("[false; {count}]"),
            Element::Primitive(primitive) if primitive.is_float() => format!("[0.0; {count}]"),
            Element::Primitive(_) => format!("[0; {count}]"),
            Element::Text { .. } | Element::Message(_) => {
                "::std::array::from_fn(|_| ::std::default::Default::default())".to_owned()
            }
        },
        (None, _) => "::std::default::Default::default()".to_owned(),
    }
}

fn scalar(element: &Element, value: &Scalar) -> String {
    match (element, value) {
        (_, Scalar::Text(text)) if text.is_empty() => "::std::string::String::new()".to_owned(),
        (_, Scalar::Text(text)) => format!("::std::string::String::from({text:?})"),
        (Element::Primitive(primitive), value) => literal(*primitive, value),
        (Element::Text { .. } | Element::Message(_), _) => "::std::default::Default::default()".to_owned(),
    }
}

/// A value of a primitive as Rust writes it.
pub(super) fn literal(primitive: Primitive, value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Float(value) => float(primitive, *value),
        Scalar::Text(text) => format!("{text:?}"),
    }
}

/// A float as Rust writes it, in the precision of its type.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float32 value has the precision of f32 and was checked to fit"
)]
pub(super) fn float(primitive: Primitive, value: f64) -> String {
    let single = primitive == Primitive::Float32;
    let of = if single { "f32" } else { "f64" };
    match value {
        _ if value.is_nan() => format!("{of}::NAN"),
        f64::INFINITY => format!("{of}::INFINITY"),
        f64::NEG_INFINITY => format!("{of}::NEG_INFINITY"),
        _ if single => format!("{:?}", value as f32),
        _ => format!("{value:?}"),
    }
}
