//! Messages as rows: one column for each field that is a number, a truth value or a text, by its path. Pure.
//!
//! What has no fixed number of parts is one column of JSON text: arrays, sequences, and lists of messages. Before the fields
//! stand columns that begin with `_`, which no field can: when the message was received and published, in ns since 1970, who
//! signed it, that signer's node, and its number.

use nuncio_codegen::model::{Count, Element, Message, Primitive, TypeDescription};
use serde_json::Value;

use super::proven_reader::ProvenMessage;

/// How many columns a table may have. What is nested deeper is one column of JSON.
const COLUMNS_MAX: usize = 4096;

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CellKind {
    /// Truth values.
    Bool,
    /// Integers with a sign.
    Signed,
    /// Integers without one.
    Unsigned,
    /// `float32`
    Single,
    /// `float64`
    Double,
    /// Texts, or JSON.
    Text,
}

/// A column.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    /// Its name: the field's path, such as `pose.position.x`.
    pub name: String,
    /// What its cells are.
    pub kind: CellKind,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Of a column of truth values.
    Bool(bool),
    /// Of a column of integers with a sign.
    Signed(i64),
    /// Of a column of integers without one.
    Unsigned(u64),
    /// Of a column of floats. Those of `float32` are exact in it.
    Float(f64),
    /// Of a column of texts.
    Text(String),
}

/// The columns before the fields.
const HEAD: [(&str, CellKind); 5] = [
    ("_received_ns", CellKind::Unsigned),
    ("_stamp_ns", CellKind::Signed),
    ("_signer", CellKind::Text),
    ("_node", CellKind::Text),
    ("_number", CellKind::Unsigned),
];

/// The columns of a type.
pub fn columns(of: &TypeDescription) -> Vec<Column> {
    let head = HEAD.iter().map(|(name, kind)| Column {
        name: (*name).to_owned(),
        kind: *kind,
    });
    let mut columns: Vec<Column> = head.collect();
    add_fields(of, &of.root, "", &mut columns);
    columns
}

fn add_fields(of: &TypeDescription, message: &Message, lead: &str, columns: &mut Vec<Column>) {
    for field in &message.fields {
        let name = format!("{lead}{}", field.name);
        let kind = match (&field.field_type.element, &field.field_type.count) {
            (Element::Message(nested), Count::One) => match of.find(nested) {
                Some(nested) if columns.len() < COLUMNS_MAX && !nested.fields.is_empty() => {
                    add_fields(of, nested, &format!("{name}."), columns);
                    continue;
                }
                _ => CellKind::Text,
            },
            (Element::Primitive(primitive), Count::One) => kind_of(*primitive),
            _ => CellKind::Text,
        };
        columns.push(Column { name, kind });
    }
}

fn kind_of(primitive: Primitive) -> CellKind {
    match primitive {
        Primitive::Bool => CellKind::Bool,
        Primitive::Int8 | Primitive::Int16 | Primitive::Int32 | Primitive::Int64 => CellKind::Signed,
        Primitive::Byte
        | Primitive::Char
        | Primitive::Uint8
        | Primitive::Uint16
        | Primitive::Uint32
        | Primitive::Uint64 => CellKind::Unsigned,
        Primitive::Float32 => CellKind::Single,
        Primitive::Float64 => CellKind::Double,
    }
}

/// The row of a message, whose JSON is given.
pub fn row(message: &ProvenMessage, json: &Value, columns: &[Column]) -> Vec<Cell> {
    let head = [
        Cell::Unsigned(message.received_ns),
        Cell::Signed(message.source_ns),
        Cell::Text(message.key.to_string()),
        Cell::Text(message.node.as_deref().unwrap_or_default().to_owned()),
        Cell::Unsigned(message.number),
    ];
    let fields = columns.iter().skip(HEAD.len()).map(|column| {
        let value = column.name.split('.').try_fold(json, |value, part| value.get(part));
        cell(value.unwrap_or(&Value::Null), column.kind)
    });
    head.into_iter().chain(fields).collect()
}

fn cell(value: &Value, kind: CellKind) -> Cell {
    match kind {
        CellKind::Bool => Cell::Bool(value.as_bool().unwrap_or_default()),
        CellKind::Signed => Cell::Signed(value.as_i64().unwrap_or_default()),
        CellKind::Unsigned => Cell::Unsigned(value.as_u64().unwrap_or_default()),
        // What is no number in JSON is a word there, which Rust reads, too.
        CellKind::Single | CellKind::Double => {
            let word = || value.as_str().and_then(|word| word.parse().ok());
            Cell::Float(value.as_f64().or_else(word).unwrap_or(f64::NAN))
        }
        CellKind::Text => Cell::Text(match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }),
    }
}

/// The row as CSV (RFC 4180), with its line end.
pub fn csv_line<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> String {
    let mut line = String::new();
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        match cell {
            Cell::Bool(value) => line.push_str(&value.to_string()),
            Cell::Signed(value) => line.push_str(&value.to_string()),
            Cell::Unsigned(value) => line.push_str(&value.to_string()),
            Cell::Float(value) => line.push_str(&value.to_string()),
            Cell::Text(text) if text.contains([',', '"', '\n', '\r']) => {
                line.push('"');
                line.push_str(&text.replace('"', "\"\""));
                line.push('"');
            }
            Cell::Text(text) => line.push_str(text),
        }
    }
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;
    use crate::TypeLibrary;

    #[test]
    fn nested_fields_are_columns_and_lists_are_json() {
        let ty = TypeLibrary::open(&[]).unwrap().message("sensor_msgs/msg/Imu").unwrap();
        let columns = columns(ty.codec().description());
        let kind = |name: &str| {
            columns
                .iter()
                .find(|column| column.name == name)
                .map(|column| column.kind)
        };
        assert_eq!(kind("header.stamp.sec"), Some(CellKind::Signed));
        assert_eq!(kind("header.frame_id"), Some(CellKind::Text));
        assert_eq!(kind("orientation.w"), Some(CellKind::Double));
        assert_eq!(kind("orientation_covariance"), Some(CellKind::Text));
        assert_eq!(kind("_number"), Some(CellKind::Unsigned));
        assert!(kind("header").is_none());
    }

    #[test]
    fn cells_of_csv_are_quoted_where_they_must_be() {
        let cells = [
            Cell::Text("a \"b\", c".to_owned()),
            Cell::Float(f64::NAN),
            Cell::Float(0.1),
            Cell::Bool(true),
            Cell::Signed(-1),
            Cell::Text("two\nlines".to_owned()),
        ];
        assert_eq!(
            csv_line(&cells),
            "\"a \"\"b\"\", c\",NaN,0.1,true,-1,\"two\nlines\"\r\n"
        );
    }
}
