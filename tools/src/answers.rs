//! What every command prints as JSON, and the JSON Schema that is published of it.
//!
//! The types in the files below are the contract with scripts: they are what is serialised, their doc comments are the
//! descriptions of the schemas, and [`Render::answer`] takes nothing that has no schema. [`ALL`] says which command prints
//! which of them. Members may be added; none is removed, renamed or given another meaning without a line in the CHANGELOG.
//!
//! The schemas are open, so that what is valid today stays valid when a member is added. The tests close them: a member that
//! is printed and not described is found there.
//!
//! [`Render::answer`]: crate::render::Render::answer

pub(crate) mod bag;
pub(crate) mod bench;
pub(crate) mod bridge;
pub(crate) mod called;
pub(crate) mod diagnosis;
pub(crate) mod interface;
pub(crate) mod key;
pub(crate) mod link;
pub(crate) mod message;
pub(crate) mod named;
pub(crate) mod node;
pub(crate) mod parameter;
pub(crate) mod program;
mod table;
pub(crate) mod topic;
pub(crate) mod trust;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

pub(crate) use self::table::ALL;

/// How many answers a command prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Prints {
    /// One object, when it has an answer.
    Document,
    /// Any number of objects, each on a line of its own (JSON Lines).
    Lines,
}

/// What a command prints as JSON.
#[derive(Debug)]
pub(crate) struct Answers {
    /// The command, such as `topic list`.
    pub(crate) command: &'static str,
    pub(crate) prints: Prints,
    shapes: &'static [Shape],
}

/// The schema of one kind of answer.
type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The schema of a type.
fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Prints {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Lines => "lines",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Document => "With --json it prints one object on one line, or nothing where there is no answer.",
            Self::Lines => "With --json it prints any number of objects, each on a line of its own (JSON Lines).",
        }
    }
}

impl Answers {
    /// What a command prints, if it is one that prints JSON.
    pub(crate) fn find(command: &str) -> Option<&'static Self> {
        ALL.iter().find(|answers| answers.command == command)
    }

    /// The name of its file.
    pub(crate) fn file(&self) -> String {
        format!("{}.schema.json", self.dashed())
    }

    fn dashed(&self) -> String {
        self.command.replace(' ', "-")
    }

    /// The schema; `about` is what the command's help says first.
    pub(crate) fn schema(&self, about: &str) -> Value {
        let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let shapes: Vec<Schema> = self.shapes.iter().map(|shape| shape(&mut generator)).collect();
        let mut root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": format!("urn:nuncio:json-schema:{}", self.dashed()),
            "title": format!("nuncio {}", self.command),
            "description": format!("{about}.\n\n{}", self.prints.in_words()),
        });
        let definitions = generator.take_definitions(true);
        if let Some(members) = root.as_object_mut() {
            match <[Schema; 1]>::try_from(shapes) {
                Ok([shape]) => members.extend(shape.as_object().cloned().into_iter().flatten()),
                Err(shapes) => drop(members.insert("anyOf".to_owned(), json!(shapes))),
            }
            if !definitions.is_empty() {
                members.insert("$defs".to_owned(), Value::Object(definitions));
            }
        }
        root
    }
}
