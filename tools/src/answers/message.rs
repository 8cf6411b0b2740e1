//! The parts of answers that have a message's own form, which its type says and no answer does.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// What is said of such a part.
const DESCRIPTION: &str =
    "A message of the type that is named; `nuncio interface show --json-schema TYPE` prints its schema.";

/// The place of a message that is JSON text already: the last member of an answer, see [`Render::answer_with`].
///
/// [`Render::answer_with`]: crate::render::Render::answer_with
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageText;

/// A message.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Message(pub(crate) Value);

/// The place of a message, or of a field of one, that is JSON text already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueText;

impl Serialize for MessageText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl Serialize for ValueText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl JsonSchema for MessageText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Message".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": DESCRIPTION, "type": "object"})
    }
}

impl JsonSchema for Message {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Message".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        MessageText::json_schema(generator)
    }
}

impl JsonSchema for ValueText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": format!("{DESCRIPTION} With `--field` the value of that field.")})
    }
}
