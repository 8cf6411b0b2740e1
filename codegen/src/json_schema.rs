//! The JSON Schema of a type that is known at run time only, as JSON text. It is equal to what the generated Rust type
//! of the same schema says about itself.

use crate::emit::fits;
use crate::model::{Count, DefaultValue, Element, Field, Message, Primitive, Scalar, TypeDescription, TypeName};
use crate::resolve::integer_bounds;
use crate::type_description::string;

/// The JSON Schema (draft 2020-12) of a type, in one line: its fields with comments, bounds, ranges and defaults, and
/// `x-unit`, `x-enum-names`, `x-finite` and `x-max-age-ms` where the schema has them.
pub fn json_schema(description: &TypeDescription) -> String {
    let mut root = Object::default();
    root.text("$schema", "https://json-schema.org/draft/2020-12/schema");
    root.text("title", &description.root.type_name.to_string());
    message(&mut root, &description.root);
    if !description.referenced.is_empty() {
        let mut definitions = Object::default();
        for referenced in &description.referenced {
            let mut definition = Object::default();
            message(&mut definition, referenced);
            definitions.raw(&referenced.type_name.to_string(), &definition.finish());
        }
        root.raw("$defs", &definitions.finish());
    }
    root.finish()
}

fn message(object: &mut Object, message: &Message) {
    if !message.comment.is_empty() {
        object.text("description", &message.comment);
    }
    object.text("type", "object");
    let mut properties = Object::default();
    for field in &message.fields {
        properties.raw(&field.name, &property(message, field));
    }
    object.raw("properties", &properties.finish());
    object.raw("additionalProperties", "false");
}

fn property(message: &Message, field: &Field) -> String {
    let mut element = element(field);
    if let Some(allowed) = allowed(message, field) {
        let (names, values): (Vec<String>, Vec<String>) =
            allowed.into_iter().map(|(name, value)| (quoted(name), value)).unzip();
        element.raw("enum", &format!("[{}]", values.join(", ")));
        element.raw("x-enum-names", &format!("[{}]", names.join(", ")));
    }
    let mut object = match field.field_type.count {
        Count::One => element,
        Count::Array(_) | Count::Sequence { .. } => {
            let mut list = Object::default();
            list.text("type", "array");
            list.raw("items", &element.finish());
            list
        }
    };
    if let Count::Array(count) = field.field_type.count {
        object.raw("minItems", &count.to_string());
    }
    if let Count::Array(count) | Count::Sequence { bound: Some(count) } = field.field_type.count {
        object.raw("maxItems", &count.to_string());
    }
    if !field.comment.is_empty() {
        object.text("description", &field.comment);
    }
    if let Some(unit) = &field.unit {
        object.text("x-unit", unit);
    }
    if let Some(default) = field.default.as_ref().and_then(default_json) {
        object.raw("default", &default);
    }
    if field.limits.finite {
        object.raw("x-finite", "true");
    }
    if let Some(age) = field.limits.max_age {
        object.raw("x-max-age-ms", &format!("{:?}", age.as_secs_f64() * 1e3));
    }
    object.finish()
}

fn element(field: &Field) -> Object {
    let mut object = Object::default();
    match &field.field_type.element {
        Element::Message(name) => object.text("$ref", &reference(name)),
        Element::Text { bound, .. } => {
            object.text("type", "string");
            if let Some(bound) = bound {
                object.raw("maxLength", &bound.to_string());
            }
        }
        Element::Primitive(Primitive::Bool) => object.text("type", "boolean"),
        Element::Primitive(primitive) => {
            let integers = match field.limits.range {
                Some((low, high)) => integer_bounds(*primitive, low, high),
                None => primitive.integer_range(),
            };
            object.text("type", if primitive.is_float() { "number" } else { "integer" });
            object.text("format", number_format(*primitive));
            let floats = field
                .limits
                .range
                .map(|(low, high)| (format!("{low:?}"), format!("{high:?}")));
            let integers = integers.map(|(least, greatest)| (least.to_string(), greatest.to_string()));
            if let Some((least, greatest)) = integers.or(floats) {
                object.raw("minimum", &least);
                object.raw("maximum", &greatest);
            }
        }
    }
    object
}

/// The format of a number, as JSON Schema's registry of formats names it.
pub(crate) fn number_format(primitive: Primitive) -> &'static str {
    match primitive {
        Primitive::Float32 => "float",
        Primitive::Float64 => "double",
        octet if octet.is_octet() => "uint8",
        other => other.as_str(),
    }
}

/// The names and values of a field's `@enum`, those aside that the field cannot hold.
pub(crate) fn allowed<'a>(message: &'a Message, field: &Field) -> Option<Vec<(&'a str, String)>> {
    let prefix = field.limits.enumeration.as_deref()?;
    let named = message
        .constants
        .iter()
        .filter(|constant| constant.name.starts_with(prefix));
    let allowed = named.filter(|constant| fits(&field.field_type.element, &constant.value));
    Some(
        allowed
            .filter_map(|constant| Some((constant.name.as_str(), json(&constant.value)?)))
            .collect(),
    )
}

/// A default value as JSON, where JSON has words for it.
pub(crate) fn default_json(value: &DefaultValue) -> Option<String> {
    match value {
        DefaultValue::One(value) => json(value),
        DefaultValue::List(values) => {
            let values: Option<Vec<String>> = values.iter().map(json).collect();
            Some(format!("[{}]", values?.join(", ")))
        }
    }
}

/// `None` for what JSON has no words for: NaN and the infinities.
fn json(value: &Scalar) -> Option<String> {
    match value {
        Scalar::Bool(value) => Some(value.to_string()),
        Scalar::Integer(value) => Some(value.to_string()),
        Scalar::Float(value) => value.is_finite().then(|| format!("{value:?}")),
        Scalar::Text(text) => Some(quoted(text)),
    }
}

/// A JSON pointer to a definition; `/` inside of a name is written `~1` there.
fn reference(name: &TypeName) -> String {
    format!("#/$defs/{}", name.to_string().replace('/', "~1"))
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    string(&mut out, text);
    out
}

/// A JSON object that grows member by member.
#[derive(Debug, Default)]
struct Object {
    members: String,
}

impl Object {
    fn raw(&mut self, name: &str, json: &str) {
        if !self.members.is_empty() {
            self.members.push_str(", ");
        }
        string(&mut self.members, name);
        self.members.push_str(": ");
        self.members.push_str(json);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &quoted(text));
    }

    fn finish(self) -> String {
        format!("{{{}}}", self.members)
    }
}
