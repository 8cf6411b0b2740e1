//! The table that a message's JSON Schema is made of.

use super::writer::Writer;
use super::{Emitter, ident};
use crate::json_schema::{allowed, default_json, number_format};
use crate::model::{Count, Element, Field, Message, Primitive};
use crate::resolve::integer_bounds;

impl Emitter<'_> {
    pub(super) fn json_schema(&self, writer: &mut Writer, message: &Message) {
        let root = &self.target.crate_path;
        let name = ident::upper(&message.type_name);
        writer.open(&format!("impl {root}::schemars::JsonSchema for {name} {{"));
        writer.open("fn schema_name() -> ::std::borrow::Cow<'static, str> {");
        writer.line(&format!("::std::borrow::Cow::Borrowed(\"{}\")", message.type_name));
        writer.close("}");
        writer.open(&format!(
            "fn json_schema(generator: &mut {root}::schemars::SchemaGenerator) -> {root}::schemars::Schema {{"
        ));
        writer.line(&format!("use {root}::json_schema as table;"));
        writer.open(&format!(
            "{root}::json_schema::message(generator, {:?}, &[",
            message.comment
        ));
        for field in &message.fields {
            let property = format!(
                "table::Property::new(\"{}\", {}, {})",
                field.name,
                items(field.field_type.count),
                self.shape(message, field)
            );
            let details = details(message, field);
            match details.is_empty() {
                true => writer.line(&format!("{property},")),
                false => writer.line(&format!("table::Property {{ {}, ..{property} }},", details.join(", "))),
            }
        }
        writer.close("])");
        writer.close("}");
        writer.close("}");
    }

    fn shape(&self, message: &Message, field: &Field) -> String {
        match &field.field_type.element {
            Element::Message(name) => {
                let path = self.path(&message.type_name, name);
                format!("table::Shape::Message(|generator| generator.subschema_for::<{path}>())")
            }
            Element::Text { bound, .. } => format!("table::Shape::Text({})", option(bound.as_ref())),
            Element::Primitive(Primitive::Bool) => "table::Shape::Bool".to_owned(),
            Element::Primitive(primitive) => {
                let (least, greatest) = match field.limits.range {
                    Some((low, high)) => integer_bounds(*primitive, low, high).unzip(),
                    None => primitive.integer_range().unzip(),
                };
                match (least, greatest) {
                    (Some(least), Some(greatest)) => integer(*primitive, least, greatest),
                    _ => {
                        let format = if *primitive == Primitive::Float32 {
                            "float"
                        } else {
                            "double"
                        };
                        let range = field.limits.range.map(|(low, high)| format!("({low:?}, {high:?})"));
                        format!("table::Shape::Number(\"{format}\", {})", option(range.as_ref()))
                    }
                }
            }
        }
    }
}

fn integer(primitive: Primitive, least: i128, greatest: i128) -> String {
    let format = number_format(primitive);
    format!("table::Shape::Integer(\"{format}\", {least}, {greatest})")
}

fn option<T: std::fmt::Display>(value: Option<&T>) -> String {
    match value {
        Some(value) => format!("::std::option::Option::Some({value})"),
        None => "::std::option::Option::None".to_owned(),
    }
}

fn items(count: Count) -> String {
    match count {
        Count::One => "table::Items::One".to_owned(),
        Count::Array(count) => format!("table::Items::Exactly({count})"),
        Count::Sequence { bound: Some(bound) } => format!("table::Items::AtMost({bound})"),
        Count::Sequence { bound: None } => "table::Items::Any".to_owned(),
    }
}

/// What the schema says about a field beyond its type.
fn details(message: &Message, field: &Field) -> Vec<String> {
    let mut details = Vec::new();
    if !field.comment.is_empty() {
        details.push(format!("description: {:?}", field.comment));
    }
    if let Some(unit) = &field.unit {
        details.push(format!("unit: {unit:?}"));
    }
    if let Some(default) = field.default.as_ref().and_then(default_json) {
        details.push(format!("default: {default:?}"));
    }
    if let Some(allowed) = allowed(message, field) {
        let allowed: Vec<String> = allowed.iter().map(|pair| format!("{pair:?}")).collect();
        details.push(format!("allowed: &[{}]", allowed.join(", ")));
    }
    if field.limits.finite {
        details.push("finite: true".to_owned());
    }
    if let Some(age) = field.limits.max_age {
        let milliseconds = age.as_secs_f64() * 1e3;
        details.push(format!("max_age_ms: ::std::option::Option::Some({milliseconds:?})"));
    }
    details
}
