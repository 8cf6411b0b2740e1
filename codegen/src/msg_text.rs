//! Messages as `.msg` text: what recordings carry for types that were written in IDL, and a canonical form of all.

use std::fmt::Write as _;

use crate::model::{Constant, DefaultValue, Field, Message, Scalar};

/// A message as the text of a `.msg` file, comments, units and limits included.
///
/// Compiling the text gives the message again, but for texts that a `.msg` file cannot hold: those with a `#` or a line
/// break in them, which are left out where they are defaults and constants. A `char` of IDL becomes an octet.
pub fn msg_text(message: &Message) -> String {
    let mut out = String::new();
    comment(&mut out, &message.comment);
    if message.exclusive {
        out.push_str("# @exclusive\n");
    }
    for constant in &message.constants {
        let Constant {
            name, element, value, ..
        } = constant;
        if let Some(value) = scalar(value) {
            out.push('\n');
            comment(&mut out, &constant.comment);
            _ = writeln!(out, "{element} {name}={value}");
        }
    }
    for field in &message.fields {
        out.push('\n');
        comment(&mut out, &field.comment);
        annotations(&mut out, field);
        let default = field
            .default
            .as_ref()
            .and_then(default_text)
            .map(|value| format!(" {value}"));
        _ = writeln!(
            out,
            "{} {}{}",
            field.field_type,
            field.name,
            default.unwrap_or_default()
        );
    }
    out
}

fn comment(out: &mut String, text: &str) {
    for line in text.lines() {
        _ = writeln!(out, "# {line}");
    }
}

fn annotations(out: &mut String, field: &Field) {
    let limits = &field.limits;
    if let Some(unit) = &field.unit {
        _ = writeln!(out, "# @unit {unit}");
    }
    if let Some((low, high)) = limits.range {
        _ = writeln!(out, "# @range [{low}, {high}]");
    }
    if limits.finite {
        out.push_str("# @finite\n");
    }
    if let Some(prefix) = &limits.enumeration {
        _ = writeln!(out, "# @enum {prefix}");
    }
    if let Some(age) = limits.max_age {
        _ = writeln!(out, "# @max_age {}ns", age.as_nanos());
    }
}

fn default_text(value: &DefaultValue) -> Option<String> {
    match value {
        DefaultValue::One(value) => scalar(value),
        DefaultValue::List(values) => {
            let values: Option<Vec<String>> = values.iter().map(scalar).collect();
            Some(format!("[{}]", values?.join(", ")))
        }
    }
}

fn scalar(value: &Scalar) -> Option<String> {
    match value {
        Scalar::Bool(value) => Some(value.to_string()),
        Scalar::Integer(value) => Some(value.to_string()),
        Scalar::Float(value) => Some(format!("{value:?}")),
        Scalar::Text(text) if text.contains(['#', '\n', '\r', '\\', '\0']) => None,
        Scalar::Text(text) => Some(format!("\"{}\"", text.replace('"', "\\\""))),
    }
}
