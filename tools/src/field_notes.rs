//! What a schema adds to a value for those who read it: its unit, or the name of the constant that it equals.

use nuncio::run_time_type::RunTimeType;
use nuncio_codegen::model::{Element, Field, Message, Scalar};
use serde_json::Value;

/// The note beside the value of the field at `path`, such as `m/s` or `MODE_HOLD`.
pub(crate) fn note(codec: &RunTimeType, path: &str, value: &Value) -> Option<String> {
    let field = codec.field(path)?;
    match &field.limits.enumeration {
        Some(prefix) => constant(message_of(codec, path)?, field, prefix, value),
        None => field.unit.clone(),
    }
}

/// The message that the field at `path` belongs to.
fn message_of<'a>(codec: &'a RunTimeType, path: &str) -> Option<&'a Message> {
    let description = codec.description();
    let Some((parent, _)) = path.rsplit_once('.') else {
        return Some(&description.root);
    };
    match &codec.field(parent)?.field_type.element {
        Element::Message(name) => description.find(name),
        Element::Primitive(_) | Element::Text { .. } => None,
    }
}

fn constant(message: &Message, field: &Field, prefix: &str, value: &Value) -> Option<String> {
    let equal = |constant: &Scalar| match (constant, value) {
        (Scalar::Integer(integer), Value::Number(number)) => {
            number
                .as_i64()
                .map(i128::from)
                .or_else(|| number.as_u64().map(i128::from))
                == Some(*integer)
        }
        (Scalar::Text(text), Value::String(found)) => text == found,
        _ => false,
    };
    let named = message
        .constants
        .iter()
        .filter(|constant| constant.name.starts_with(prefix));
    let found = named
        .filter(|constant| constant.element == field.field_type.element)
        .find(|c| equal(&c.value));
    found.map(|constant| constant.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio::TypeSupport;
    use serde_json::json;

    #[test]
    fn units_and_constants_are_found_at_any_depth() {
        let sources = [
            (
                "a/msg/Leg",
                "uint8 MODE_STAND=0\nuint8 MODE_STEP=1\nuint8 mode # @enum MODE_\nfloat64 angle # @unit rad\n",
            ),
            ("a/msg/Dog", "Leg[] legs\nstring name\n"),
        ];
        let codec = TypeSupport::compile("a/msg/Dog", &sources)
            .unwrap()
            .run_time_type()
            .unwrap();
        assert_eq!(note(&codec, "legs.mode", &json!(1)).as_deref(), Some("MODE_STEP"));
        assert_eq!(note(&codec, "legs.angle", &json!(0.5)).as_deref(), Some("rad"));
        for (path, value) in [
            ("legs.mode", json!(7)),
            ("name", json!("x")),
            ("legs.none", json!(1)),
            ("", json!(1)),
        ] {
            assert_eq!(note(&codec, path, &value), None, "{path}");
        }
    }
}
