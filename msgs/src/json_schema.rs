//! The JSON Schema of generated types, from tables that generated code has: what a web form or a language model needs
//! to know about a message.
//!
//! Beyond the words that JSON Schema has for types, bounds, ranges, defaults and comments, a field can have
//! `x-unit`, `x-enum-names` (beside `enum`, in its order), `x-finite` and `x-max-age-ms`.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// What one element of a field is.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `bool`
    Bool,
    /// An integer type: its name as Rust has it, and the least and the greatest value allowed.
    Integer(&'static str, i128, i128),
    /// `float` or `double`, and the ends of `@range`.
    Number(&'static str, Option<(f64, f64)>),
    /// A text, and its bound.
    Text(Option<u32>),
    /// Another message.
    Message(fn(&mut SchemaGenerator) -> Schema),
}

/// How many elements a field has.
#[derive(Clone, Copy, Debug)]
pub enum Items {
    /// One, which is not a list.
    One,
    /// A list of this many.
    Exactly(u32),
    /// A list of at most this many.
    AtMost(u32),
    /// A list.
    Any,
}

/// One field. Texts are empty and lists are, too, where the schema says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// As the schema has it.
    pub name: &'static str,
    /// Its comment.
    pub description: &'static str,
    /// `@unit`
    pub unit: &'static str,
    /// Its type.
    pub shape: Shape,
    /// How many.
    pub items: Items,
    /// The default that the schema gives, as JSON.
    pub default: &'static str,
    /// The constants of `@enum`: names, and values as JSON.
    pub allowed: &'static [(&'static str, &'static str)],
    /// `@finite`
    pub finite: bool,
    /// `@max_age`, in milliseconds.
    pub max_age_ms: Option<f64>,
}

impl Property {
    /// A field about which the schema says nothing but its type.
    pub const fn new(name: &'static str, items: Items, shape: Shape) -> Self {
        Self {
            name,
            description: "",
            unit: "",
            shape,
            items,
            default: "",
            allowed: &[],
            finite: false,
            max_age_ms: None,
        }
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut element = self.shape.schema(generator);
        if !self.allowed.is_empty() {
            let values = self.allowed.iter().map(|(_, value)| json(value)).collect();
            let names = self.allowed.iter().map(|(name, _)| Value::from(*name)).collect();
            element.insert("enum".to_owned(), Value::Array(values));
            element.insert("x-enum-names".to_owned(), Value::Array(names));
        }
        let mut schema = match self.items {
            Items::One => element,
            Items::Exactly(_) | Items::AtMost(_) | Items::Any => {
                let mut list = Schema::default();
                list.insert("type".to_owned(), "array".into());
                list.insert("items".to_owned(), element.to_value());
                list
            }
        };
        if let Items::Exactly(count) = self.items {
            schema.insert("minItems".to_owned(), count.into());
        }
        if let Items::Exactly(count) | Items::AtMost(count) = self.items {
            schema.insert("maxItems".to_owned(), count.into());
        }
        for (key, text) in [("description", self.description), ("x-unit", self.unit)] {
            if !text.is_empty() {
                schema.insert(key.to_owned(), text.into());
            }
        }
        if !self.default.is_empty() {
            schema.insert("default".to_owned(), json(self.default));
        }
        if self.finite {
            schema.insert("x-finite".to_owned(), true.into());
        }
        if let Some(age) = self.max_age_ms {
            schema.insert("x-max-age-ms".to_owned(), age.into());
        }
        schema
    }
}

impl Shape {
    fn schema(self, generator: &mut SchemaGenerator) -> Schema {
        let (kind, format) = match self {
            Self::Message(subschema) => return subschema(generator),
            Self::Bool => ("boolean", ""),
            Self::Integer(format, ..) => ("integer", format),
            Self::Number(format, _) => ("number", format),
            Self::Text(_) => ("string", ""),
        };
        let mut schema = Schema::default();
        schema.insert("type".to_owned(), kind.into());
        if !format.is_empty() {
            schema.insert("format".to_owned(), format.into());
        }
        match self {
            Self::Integer(_, least, greatest) => {
                schema.insert("minimum".to_owned(), integer(least));
                schema.insert("maximum".to_owned(), integer(greatest));
            }
            Self::Number(_, Some((low, high))) => {
                schema.insert("minimum".to_owned(), low.into());
                schema.insert("maximum".to_owned(), high.into());
            }
            Self::Text(Some(bound)) => {
                schema.insert("maxLength".to_owned(), bound.into());
            }
            Self::Bool | Self::Number(_, None) | Self::Text(None) | Self::Message(_) => {}
        }
        schema
    }
}

/// The schema of a message: an object with these properties, none of which must be there, and no others.
pub fn message(generator: &mut SchemaGenerator, description: &str, properties: &[Property]) -> Schema {
    let mut schema = Schema::default();
    if !description.is_empty() {
        schema.insert("description".to_owned(), description.into());
    }
    schema.insert("type".to_owned(), "object".into());
    let mut members = Map::new();
    for property in properties {
        members.insert(property.name.to_owned(), property.schema(generator).to_value());
    }
    schema.insert("properties".to_owned(), Value::Object(members));
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

/// Every integer type of the language fits one of the two that JSON knows.
fn integer(value: i128) -> Value {
    i64::try_from(value).map_or_else(|_| u64::try_from(value).unwrap_or(u64::MAX).into(), Value::from)
}

/// Generated code writes JSON; a text that is none would be shown as the text that it is.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}
