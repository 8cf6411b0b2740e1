//! The attributes of a field: how serde encodes it where the standard way will not do, and what its JSON Schema says.

use super::Emitter;
use super::default::{DERIVED_ARRAY_LEN, literal};
use super::message::{description, primitive_type};
use super::writer::Writer;
use crate::model::{Count, Element, Field, Message, Primitive, Scalar};
use crate::resolve::integer_bounds;

impl Emitter<'_> {
    pub(super) fn attributes(&self, writer: &mut Writer, message: &Message, field: &Field) {
        let encoding = self.encoding(field);
        if let Some(encoding) = encoding {
            writer.line(&format!(
                "#[serde(with = \"{}::encoding::{encoding}\")]",
                self.target.crate_path
            ));
        }
        let mut schema = Vec::new();
        if encoding.is_some() {
            // JSON Schema knows lists; how many bytes they take on the wire is none of its business.
            let element = self.element_type(&message.type_name, &field.field_type.element);
            schema.push(format!("with = \"::std::vec::Vec<{element}>\""));
        }
        let mut of_element = Vec::new();
        if let Element::Text { bound: Some(bound), .. } = &field.field_type.element {
            of_element.push(format!("length(max = {bound})"));
        }
        if let (Some(range), Element::Primitive(primitive)) = (field.limits.range, &field.field_type.element) {
            let (low, high) = range_text(*primitive, range);
            // Nothing in a JSON Schema tells the compiler which type a number has.
            let suffix = if primitive.is_float() {
                "f64"
            } else {
                primitive_type(*primitive)
            };
            of_element.push(format!("range(min = {low}_{suffix}, max = {high}_{suffix})"));
        }
        match field.field_type.count {
            Count::One => schema.append(&mut of_element),
            Count::Array(count) if encoding.is_some() => schema.push(format!("length(equal = {count})")),
            Count::Sequence { bound: Some(bound) } => schema.push(format!("length(max = {bound})")),
            Count::Array(_) | Count::Sequence { bound: None } => {}
        }
        schema.extend(of_element.iter().map(|attribute| format!("inner({attribute})")));
        if let (Some(prefix), Count::One) = (&field.limits.enumeration, field.field_type.count) {
            let allowed = message
                .constants
                .iter()
                .filter(|constant| constant.name.starts_with(prefix.as_str()));
            let values: Vec<String> = allowed.map(|constant| json_literal(&constant.value)).collect();
            schema.push(format!("extend(\"enum\" = [{}])", values.join(", ")));
        }
        if let Some(unit) = &field.unit {
            schema.push(format!("extend(\"unit\" = {unit:?})"));
        }
        if let Some(description) = description(&field.comment).strip_prefix(", ") {
            schema.push(description.to_owned());
        }
        if !schema.is_empty() {
            writer.line(&format!("#[schemars({})]", schema.join(", ")));
        }
    }

    /// The module of `nuncio_msgs::encoding` that this field needs.
    fn encoding(&self, field: &Field) -> Option<&'static str> {
        match (&field.field_type.element, field.field_type.count) {
            (Element::Primitive(primitive), Count::Sequence { .. }) if primitive.is_octet() => Some("octets"),
            (Element::Message(name), Count::Sequence { .. }) if self.facts(name).may_be_empty => Some("empties"),
            (_, Count::Array(count)) if count > DERIVED_ARRAY_LEN => Some("array"),
            _ => None,
        }
    }
}

/// A constant of an enumeration, as an expression of a type that holds it.
fn json_literal(value: &Scalar) -> String {
    match value {
        Scalar::Integer(0..) => format!("{}_u64", literal(Primitive::Uint64, value)),
        Scalar::Integer(_) => format!("{}_i64", literal(Primitive::Int64, value)),
        Scalar::Bool(_) | Scalar::Float(_) | Scalar::Text(_) => literal(Primitive::Float64, value),
    }
}

/// Both ends of a range as literals of the field's type, or of `f64` for floats.
pub(super) fn range_text(primitive: Primitive, (low, high): (f64, f64)) -> (String, String) {
    match integer_bounds(primitive, low, high) {
        Some((low, high)) => (low.to_string(), high.to_string()),
        None => (
            super::default::float(primitive, low),
            super::default::float(primitive, high),
        ),
    }
}
