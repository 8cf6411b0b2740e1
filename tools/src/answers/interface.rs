//! What the commands below `interface` print as JSON.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

/// An interface that this program knows.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct InterfaceListed {
    /// Its name, such as `std_msgs/msg/String`.
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// `msg`, `srv` or `action`.
    pub(crate) kind: &'static str,
}

/// A package that interfaces belong to.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PackageListed<'a> {
    /// Its name.
    pub(crate) package: &'a str,
}

/// A type with its hash.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct InterfaceHashed {
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// The type's hash (RIHS01).
    pub(crate) hash: String,
}

/// An interface.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct InterfaceShown<'a> {
    /// Its name.
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// Its hash (RIHS01).
    pub(crate) hash: String,
    /// Whether a topic of it has one key unless a role says otherwise.
    pub(crate) exclusive: bool,
    /// Unit and limits of the fields that have some.
    pub(crate) limits: Vec<FieldLimits<'a>>,
    /// Its text, as the file has it.
    pub(crate) definition: &'a str,
    /// Its type description, as ROS 2 serves it.
    pub(crate) type_description: TypeDescriptionJson,
}

/// What a field is measured in, and which values it may have.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct FieldLimits<'a> {
    /// The field.
    pub(crate) field: &'a str,
    /// Its unit, such as `m/s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<&'a str>,
    /// The least and the greatest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) range: Option<[f64; 2]>,
    /// True where it may be neither infinite nor NaN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finite: Option<bool>,
    /// What the names of the constants that it may have begin with.
    #[serde(rename = "enum", skip_serializing_if = "Option::is_none")]
    pub(crate) enumeration: Option<&'a str>,
    /// How old it may be, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_age_ns: Option<u64>,
}

/// A type description of ROS 2.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct TypeDescriptionJson(pub(crate) Value);

impl JsonSchema for TypeDescriptionJson {
    fn schema_name() -> Cow<'static, str> {
        "TypeDescription".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A type description of ROS 2, as `type_description_interfaces/msg/TypeDescription` has it.",
            "type": "object",
        })
    }
}

/// A JSON Schema, as `interface show --json-schema` and `json-schema` print it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct JsonSchemaDocument(pub(crate) Value);

impl JsonSchema for JsonSchemaDocument {
    fn schema_name() -> Cow<'static, str> {
        "JsonSchema".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "A JSON Schema (draft 2020-12).", "type": "object", "required": ["$schema"]})
    }
}

/// Something that is wrong in a schema file.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct InterfaceProblem<'a> {
    /// The file.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column, from 1.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) message: &'a str,
    /// What would be right.
    pub(crate) help: &'a str,
}

/// A difference between two versions of a type.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct InterfaceChange<'a> {
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// `additive` or `breaking`.
    pub(crate) grade: &'static str,
    /// A word for what has changed.
    pub(crate) change: &'static str,
    /// Where, such as a field's name.
    pub(crate) place: &'a str,
    /// The same in words.
    pub(crate) text: String,
}

/// A crate that was generated.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CrateGenerated<'a> {
    /// Its name.
    #[serde(rename = "crate")]
    pub(crate) crate_name: &'a str,
    /// Its folder.
    pub(crate) folder: String,
    /// The packages whose types it has.
    pub(crate) packages: &'a [String],
    /// The features of `nuncio-msgs` that it needs.
    pub(crate) features: &'a [String],
    /// The types of which `nuncio-msgs` has another version, which is used.
    pub(crate) differing: Vec<String>,
    /// The files.
    pub(crate) files: Vec<String>,
}
