//! Fields of messages by their path, such as `pose.position.x` or `ranges[0]`.

use std::error::Error;
use std::fmt;

use nuncio::run_time_type::RunTimeType;
use nuncio_codegen::model::{Count, Element, Message, TypeDescription};
use serde_json::Value;

/// The value at a path.
///
/// # Errors
///
/// [`NoField`] says which part of the path is not there, and what is.
pub(crate) fn pick<'a>(message: &'a Value, path: &str) -> Result<&'a Value, NoField> {
    let mut found = message;
    for part in path.split('.') {
        let (name, indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !name.is_empty() {
            found = found.get(name).ok_or_else(|| NoField::new(path, name, found))?;
        }
        for index in indexes.split_inclusive(']') {
            let number = index.strip_prefix('[').and_then(|index| index.strip_suffix(']'));
            let number = number.and_then(|number| number.parse::<usize>().ok());
            let value = number.and_then(|number| found.get(number));
            found = value.ok_or_else(|| NoField::new(path, index, found))?;
        }
    }
    Ok(found)
}

/// How deep fields are named.
const DEPTH_MAX: usize = 8;

/// The paths of a type's fields in the order of its schema, those with parts before their parts; at most `most`. Elements of
/// lists are named by the first.
pub(crate) fn paths(codec: &RunTimeType, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    collect(
        codec.description(),
        &codec.description().root,
        "",
        DEPTH_MAX,
        &mut found,
    );
    found.truncate(most);
    found
}

fn collect(description: &TypeDescription, message: &Message, before: &str, depth: usize, found: &mut Vec<String>) {
    for field in &message.fields {
        let path = format!("{before}{}", field.name);
        found.push(path.clone());
        if let Element::Message(name) = &field.field_type.element
            && depth > 0
            && let Some(inner) = description.find(name)
        {
            let index = if field.field_type.count == Count::One {
                ""
            } else {
                "[0]"
            };
            collect(description, inner, &format!("{path}{index}."), depth - 1, found);
        }
    }
}

/// There is nothing at this path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NoField {
    path: String,
    part: String,
    there: String,
}

impl NoField {
    fn new(path: &str, part: &str, value: &Value) -> Self {
        let there = match value {
            Value::Object(fields) => fields.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
            Value::Array(items) => format!("a list of {}", items.len()),
            _ => "a value without parts".to_owned(),
        };
        Self {
            path: path.to_owned(),
            part: part.to_owned(),
            there,
        }
    }
}

impl fmt::Display for NoField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, part, there } = self;
        write!(
            f,
            "expected a field path, found `{part}` in `{path}`, where there is {there}"
        )
    }
}

impl Error for NoField {}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio::TypeSupport;
    use serde_json::json;

    #[test]
    fn the_paths_of_a_type_lead_to_all_its_fields() {
        let sources = [
            ("a/msg/Leg", "string name\nfloat64[2] angles\n"),
            ("a/msg/Dog", "Leg best\nLeg[] legs\n"),
        ];
        let codec = TypeSupport::compile("a/msg/Dog", &sources)
            .unwrap()
            .run_time_type()
            .unwrap();
        let expected = [
            "best",
            "best.name",
            "best.angles",
            "legs",
            "legs[0].name",
            "legs[0].angles",
        ];
        assert_eq!(paths(&codec, 10), expected);
        assert_eq!(paths(&codec, 2), ["best", "best.name"]);
    }

    #[test]
    fn a_path_leads_through_fields_and_lists() {
        let message = json!({"a": {"b": [1, {"c": 7}]}});
        assert_eq!(pick(&message, "a.b[1].c"), Ok(&json!(7)));
        assert_eq!(pick(&message, "a.b[0]"), Ok(&json!(1)));
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let message = json!({"a": {"b": [1]}, "d": 2});
        for (path, there) in [
            ("x", "a, d"),
            ("a.b[1]", "a list of 1"),
            ("a.b[x]", "a list of 1"),
            ("d.e", "without parts"),
        ] {
            let problem = pick(&message, path).unwrap_err().to_string();
            assert!(problem.contains(there), "{problem}");
        }
    }
}
