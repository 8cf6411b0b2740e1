//! A decoded message as a list of its fields, and a field of it as a number: what is looked at and plotted.
//!
//! Long lists are summed up, so that a picture or a cloud of points is one line. This module does no I/O.

use serde_json::Value;

use crate::sanitize;

/// Lists of values that are longer stand in one line.
const ITEMS_APART: usize = 8;
/// How many messages of a list are taken apart.
const MESSAGES_APART: usize = 8;
/// The longest text of a field, in characters.
const TEXT_MAX: usize = 120;

/// One field of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    /// Where it is, such as `twist.linear.x` or `ranges[3]`.
    pub(crate) path: String,
    /// What it holds, safe for a terminal.
    pub(crate) text: String,
    pub(crate) number: Option<f64>,
}

/// The fields of a message in the order of its schema, at most `most`.
pub(crate) fn leaves(message: &Value, most: usize) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(message, String::new(), most, &mut found);
    found
}

/// The number at a path of a message; true is 1.
pub(crate) fn number_at(message: &Value, path: &str) -> Option<f64> {
    number(value_at(message, path)?)
}

/// What is at a path of a message: `twist.linear.x`, `ranges[3]`, `ranges.3`.
pub(crate) fn value_at<'a>(message: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = message;
    for step in path.split(['.', '[']) {
        let step = step.strip_suffix(']').unwrap_or(step);
        value = match value {
            Value::Object(fields) => fields.get(step)?,
            Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// A value as a number. What JSON cannot write, such as NaN, is text there.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(is_true) => Some(f64::from(u8::from(*is_true))),
        _ => None,
    }
}

fn collect(value: &Value, path: String, most: usize, found: &mut Vec<Leaf>) {
    if found.len() >= most {
        return;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let path = match path.is_empty() {
                    true => name.clone(),
                    false => format!("{path}.{name}"),
                };
                collect(value, path, most, found);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in items.iter().take(MESSAGES_APART).enumerate() {
                collect(item, format!("{path}[{index}]"), most, found);
            }
            if let Some(more) = items.len().checked_sub(MESSAGES_APART).filter(|more| *more > 0) {
                found.push(leaf(format!("{path}[…]"), format!("and {more} more"), None));
            }
        }
        Value::Array(items) if !items.is_empty() && items.len() <= ITEMS_APART => {
            for (index, item) in items.iter().enumerate() {
                found.push(of_value(format!("{path}[{index}]"), item));
            }
        }
        Value::Array(items) => found.push(leaf(path, summary(items), None)),
        value => found.push(of_value(path, value)),
    }
}

fn of_value(path: String, value: &Value) -> Leaf {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    leaf(path, text, number(value))
}

fn leaf(path: String, text: String, number: Option<f64>) -> Leaf {
    let cut: String = match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    };
    Leaf {
        path: sanitize::line(&path).into_owned(),
        text: sanitize::line(&cut).into_owned(),
        number,
    }
}

/// How long a list is, and how it begins.
fn summary(items: &[Value]) -> String {
    if items.is_empty() {
        return "[]".to_owned();
    }
    let first: Vec<String> = items.iter().take(4).map(Value::to_string).collect();
    format!("{} × [{}, …]", items.len(), first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(message: &Value) -> Vec<String> {
        leaves(message, 100)
            .into_iter()
            .map(|leaf| format!("{}: {}", leaf.path, leaf.text))
            .collect()
    }

    #[test]
    fn fields_stand_in_the_order_of_the_schema_with_their_whole_path() {
        let message =
            json!({"z": {"b": 1.5, "a": true}, "names": ["x", "y"], "feet": [{"at": 1}, {"at": 2}], "none": {}});
        assert_eq!(
            lines(&message),
            [
                "z.b: 1.5",
                "z.a: true",
                "names[0]: x",
                "names[1]: y",
                "feet[0].at: 1",
                "feet[1].at: 2",
                "none: {}"
            ]
        );
    }

    #[test]
    fn what_is_long_is_summed_up_and_what_is_hostile_made_harmless() {
        let message =
            json!({"data": vec![7; 1000], "feet": vec![json!({"at": 1}); 10], "t": "\u{1b}[2J", "l": "x".repeat(500)});
        let lines = lines(&message);
        assert_eq!(lines.first().unwrap(), "data: 1000 × [7, 7, 7, 7, …]");
        assert!(lines.contains(&"feet[…]: and 2 more".to_owned()), "{lines:?}");
        assert!(lines.contains(&"t: \\u{1b}[2J".to_owned()), "{lines:?}");
        assert!(lines.last().unwrap().chars().count() < 130);
        assert_eq!(
            leaves(&json!({"a": [1, 2], "b": 3}), 1).len(),
            2,
            "the bound is held to within a short list"
        );
    }

    #[test]
    fn a_number_is_found_by_its_path() {
        let message = json!({"ranges": [1.0, 2.5], "a": {"b": [{"c": 7}], "d": true, "e": "x"}});
        let cases = [
            ("ranges[1]", Some(2.5)),
            ("ranges.0", Some(1.0)),
            ("a.b[0].c", Some(7.0)),
            ("a.d", Some(1.0)),
        ];
        for (path, number) in cases {
            assert_eq!(number_at(&message, path), number, "{path}");
        }
        for path in ["", "a", "a.e", "ranges[9]", "ranges[x]", "none", "a.b[0].c.d"] {
            assert_eq!(number_at(&message, path), None, "{path}");
        }
    }
}
