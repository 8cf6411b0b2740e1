//! Numbers of a field over time, as they are plotted: the last ones of a topic's messages. No I/O.

pub(crate) mod svg;

use std::collections::VecDeque;
use std::fmt;

use nuncio::run_time_type::RunTimeType;
use nuncio_codegen::model::{Count, Element, Field, Message};
use serde_json::Value;

use crate::leaves::number_at;

/// One field, and what it held.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldSeries {
    /// Such as `linear_acceleration.x` or `ranges[3]`.
    pub(crate) path: String,
    /// What the schema says it is in.
    pub(crate) unit: Option<String>,
    /// Source times in seconds, and numbers.
    pub(crate) points: VecDeque<(f64, f64)>,
}

impl FieldSeries {
    /// Of a field by its path.
    pub(crate) fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..Self::default()
        }
    }

    /// Whether a field of the schema holds a number.
    pub(crate) fn may_be_of(field: &Field) -> bool {
        matches!(field.field_type.element, Element::Primitive(_))
    }

    /// Adds what the field holds in a message; gives whether it holds a number that can be drawn. At most `most` are kept.
    pub(crate) fn add(&mut self, message: &Value, time_ns: i64, most: usize) -> bool {
        let Some(number) = number_at(message, &self.path).filter(|number| number.is_finite()) else {
            return false;
        };
        while self.points.len() >= most.max(1) {
            self.points.pop_front();
        }
        self.points.push_back((time_ns as f64 / 1e9, number));
        true
    }

    /// Lets go of what is older than `seconds` before the newest.
    pub(crate) fn keep_last(&mut self, seconds: f64) {
        let newest = self.points.back().map_or(0.0, |(time, _)| *time);
        while self.points.front().is_some_and(|(time, _)| *time < newest - seconds) {
            self.points.pop_front();
        }
    }

    /// The least, the mean and the greatest.
    pub(crate) fn range(&self) -> Option<(f64, f64, f64)> {
        let numbers = || self.points.iter().map(|(_, number)| *number);
        let mean = numbers().sum::<f64>() / self.points.len() as f64;
        Some((numbers().reduce(f64::min)?, mean, numbers().reduce(f64::max)?))
    }
}

/// The fields of a type that hold numbers, in the order of the schema, those of a header last; at most `most`. Elements of
/// lists are named by the first.
pub(crate) fn number_fields(codec: &RunTimeType, most: usize) -> Vec<String> {
    let description = codec.description();
    let mut found = Vec::new();
    collect(codec, &description.root, "", 0, most, &mut found);
    found.sort_by_key(|path| path.starts_with("header.") || path.contains("stamp."));
    found
}

/// Deeper fields are named by their owner only.
const DEPTH_MAX: usize = 8;

fn collect(codec: &RunTimeType, message: &Message, before: &str, depth: usize, most: usize, found: &mut Vec<String>) {
    for field in &message.fields {
        if found.len() >= most || depth > DEPTH_MAX {
            return;
        }
        let index = if field.field_type.count == Count::One {
            ""
        } else {
            "[0]"
        };
        let path = format!("{before}{}{index}", field.name);
        match &field.field_type.element {
            Element::Message(name) => {
                if let Some(inner) = codec.description().find(name) {
                    collect(codec, inner, &format!("{path}."), depth + 1, most, found);
                }
            }
            Element::Primitive(_) => found.push(path),
            Element::Text { .. } => {}
        }
    }
}

/// A field that a type does not have, or that is no number.
#[derive(Debug)]
pub(crate) struct NoSuchNumber {
    path: String,
    type_name: String,
    numbers: Vec<String>,
}

impl NoSuchNumber {
    pub(crate) fn new(codec: &RunTimeType, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            type_name: codec.type_name().to_owned(),
            numbers: number_fields(codec, 24),
        }
    }
}

impl fmt::Display for NoSuchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            type_name,
            numbers,
        } = self;
        write!(f, "{type_name} has no number at {path:?}")?;
        match numbers.is_empty() {
            true => f.write_str(", nor any other that could be plotted"),
            false => write!(f, "; it has {}", numbers.join(", ")),
        }
    }
}

impl std::error::Error for NoSuchNumber {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;
    use nuncio::TypeSupport;
    use serde_json::json;

    #[test]
    fn numbers_are_found_in_the_schema_those_of_headers_last() {
        let sources = [
            ("a/msg/Leg", "string name\nfloat64 angle # @unit rad\n"),
            ("a/msg/Header", "builtin_interfaces/Time stamp\n"),
            ("builtin_interfaces/msg/Time", "int32 sec\nuint32 nanosec\n"),
            ("a/msg/Dog", "Header header\nLeg[] legs\nfloat32[3] at\nbool awake\n"),
        ];
        let codec = TypeSupport::compile("a/msg/Dog", &sources)
            .unwrap()
            .run_time_type()
            .unwrap();
        let expected = [
            "legs[0].angle",
            "at[0]",
            "awake",
            "header.stamp.sec",
            "header.stamp.nanosec",
        ];
        assert_eq!(number_fields(&codec, 100), expected);
        let error = NoSuchNumber::new(&codec, "legs[0].name").to_string();
        assert!(
            error.starts_with("a/msg/Dog has no number at \"legs[0].name\"; it has legs[0].angle, at[0]"),
            "{error}"
        );
    }

    #[test]
    fn the_oldest_numbers_are_let_go_of() {
        let mut series = FieldSeries::new("x");
        for second in 0..10_i64 {
            assert!(series.add(&json!({ "x": second }), second * 1_000_000_000, 5));
        }
        assert_eq!(series.range(), Some((5.0, 7.0, 9.0)));
        series.keep_last(2.0);
        assert_eq!(series.points.len(), 3);
        assert!(!series.add(&json!({"x": "text"}), 0, 5) && !series.add(&json!({}), 0, 5));
    }
}
