//! Parameters as YAML, as ROS 2 writes it: node names, `ros__parameters` below each, names nested at their dots.
//!
//! ```yaml
//! /robot_1/driver:
//!   ros__parameters:
//!     speed: 1.5
//!     wheels:
//!       radii: [0.1, 0.1]
//! ```
//!
//! A node's name may have wildcards: `*` stands for one word, `**` for any number of them. Namespaces may be nested, too.
//! Later entries win. Reads texts and files; sets nothing.

use std::fmt;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::name::NodeName;
use crate::parameter::ParameterValue;

mod tree;

use tree::Tree;

/// The key below which the parameters of a node stand.
const PARAMETERS: &str = "ros__parameters";

/// What a file may be long, in bytes.
const MAX_TEXT_LEN: usize = 16 * 1024 * 1024;

/// What is wrong with a list of `[1, two]`.
const MIXED_LIST: &str = "the values of a list must be of one type";

/// Reads the parameters that a YAML text has for a node, in their order; a name that comes twice has its last value.
pub(crate) fn read(text: &str, node: &NodeName) -> Result<Vec<(String, ParameterValue)>, ParameterYamlError> {
    let mut found = Vec::new();
    read_nodes(&Tree::read(text)?, "", node, &mut found)?;
    Ok(found)
}

/// As [`read`], of files one after the other.
pub(crate) fn read_files(
    paths: &[PathBuf],
    node: &NodeName,
) -> Result<Vec<(String, ParameterValue)>, ParameterFileError> {
    let mut found = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path).map_err(ParameterYamlError::Read);
        let values = text.and_then(|text| read(&text, node));
        found.extend(values.map_err(|problem| ParameterFileError {
            path: path.clone(),
            problem,
        })?);
    }
    Ok(found)
}

/// The parameters of one node as YAML.
pub(crate) fn write<'a>(node: &NodeName, values: impl Iterator<Item = (&'a str, &'a ParameterValue)>) -> String {
    let entries: Vec<_> = values.filter(|(_, value)| **value != ParameterValue::NotSet).collect();
    let mut text = format!("{node}:\n  {PARAMETERS}:");
    if entries.is_empty() {
        text.push_str(" {}\n");
    } else {
        text.push('\n');
        write_level(&entries, 4, &mut text);
    }
    text
}

/// One value as YAML has it.
pub(crate) fn value_text(value: &ParameterValue) -> String {
    match value {
        ParameterValue::NotSet => "null".to_owned(),
        ParameterValue::Bool(value) => value.to_string(),
        ParameterValue::Integer(value) => value.to_string(),
        ParameterValue::Double(value) => double_text(*value),
        ParameterValue::String(value) => quoted(value),
        ParameterValue::ByteArray(list) => list_text(list, u8::to_string),
        ParameterValue::BoolArray(list) => list_text(list, bool::to_string),
        ParameterValue::IntegerArray(list) => list_text(list, i64::to_string),
        ParameterValue::DoubleArray(list) => list_text(list, |value| double_text(*value)),
        ParameterValue::StringArray(list) => list_text(list, |value| quoted(value)),
    }
}

impl ParameterValue {
    /// Reads one value as YAML has it, such as `1.5`, `[1, 2]` or `left arm`.
    ///
    /// # Errors
    ///
    /// [`ParameterYamlError`] when it is not YAML, or not the value of a parameter.
    pub fn from_yaml(text: &str) -> Result<Self, ParameterYamlError> {
        let wrong = |problem| ParameterYamlError::Value {
            name: text.to_owned(),
            problem,
        };
        match Tree::read(text)? {
            Tree::Value(value) => Ok(value),
            Tree::List(list) => list_value(&list).ok_or_else(|| wrong(MIXED_LIST)),
            Tree::Map(_) => Err(wrong("a value is expected, not names with values")),
        }
    }
}

fn read_nodes(
    tree: &Tree,
    path: &str,
    node: &NodeName,
    found: &mut Vec<(String, ParameterValue)>,
) -> Result<(), ParameterYamlError> {
    let Tree::Map(entries) = tree else {
        return Err(ParameterYamlError::NoParameters { at: path.to_owned() });
    };
    for (key, below) in entries {
        if key != PARAMETERS {
            let path = format!("{path}/{}", key.trim_matches('/'));
            read_nodes(below, &path, node, found)?;
        } else if matches(path, node.as_str()) {
            read_parameters(below, "", found)?;
        }
    }
    Ok(())
}

fn read_parameters(
    tree: &Tree,
    name: &str,
    found: &mut Vec<(String, ParameterValue)>,
) -> Result<(), ParameterYamlError> {
    let wrong = |problem| ParameterYamlError::Value {
        name: name.to_owned(),
        problem,
    };
    let value = match tree {
        Tree::Map(entries) => {
            return entries.iter().try_for_each(|(key, below)| match name {
                "" => read_parameters(below, key, found),
                _ => read_parameters(below, &format!("{name}.{key}"), found),
            });
        }
        Tree::Value(value) => value.clone(),
        Tree::List(list) => list_value(list).ok_or_else(|| wrong(MIXED_LIST))?,
    };
    if name.is_empty() {
        return Err(wrong("names with values are expected here"));
    }
    found.retain(|(known, _)| known != name);
    found.push((name.to_owned(), value));
    Ok(())
}

fn list_value(list: &[Tree]) -> Option<ParameterValue> {
    macro_rules! all {
        ($variant:ident, $list:ident) => {
            list.iter()
                .map(|item| match item {
                    Tree::Value(ParameterValue::$variant(value)) => Some(value.clone()),
                    _ => None,
                })
                .collect::<Option<_>>()
                .map(ParameterValue::$list)
        };
    }
    match list.first() {
        None => Some(ParameterValue::StringArray(Vec::new())),
        Some(Tree::Value(ParameterValue::Bool(_))) => all!(Bool, BoolArray),
        Some(Tree::Value(ParameterValue::Integer(_))) => all!(Integer, IntegerArray),
        Some(Tree::Value(ParameterValue::Double(_))) => all!(Double, DoubleArray),
        Some(Tree::Value(ParameterValue::String(_))) => all!(String, StringArray),
        Some(_) => None,
    }
}

/// Whether a node's name is what a name with wildcards stands for.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<_> = pattern.split('/').skip(1).collect();
    let name: Vec<_> = name.split('/').skip(1).collect();
    // Which beginnings of the name fit what was read of the pattern.
    let mut fits = vec![false; name.len() + 1];
    if let Some(first) = fits.first_mut() {
        *first = true;
    }
    for word in pattern {
        fits = if word == "**" {
            fits.iter()
                .scan(false, |any, fit| {
                    *any |= fit;
                    Some(*any)
                })
                .collect()
        } else {
            let longer = fits
                .iter()
                .zip(&name)
                .map(|(fit, part)| *fit && (word == "*" || word == *part));
            std::iter::once(false).chain(longer).collect()
        };
    }
    fits.last() == Some(&true)
}

/// Writes names that stand in their order: those with the same first part are next to each other.
fn write_level(entries: &[(&str, &ParameterValue)], indent: usize, text: &mut String) {
    let mut rest = entries;
    while let Some(((name, value), after)) = rest.split_first() {
        let head = name.split_once('.').map(|(head, _)| head);
        // A name that has a value itself cannot have others nested below: these keep their dots.
        let nested = head.filter(|head| entries.iter().all(|(other, _)| other != head));
        if let Some(head) = nested {
            let below = |name: &'_ str| name.strip_prefix(head).is_some_and(|tail| tail.starts_with('.'));
            let count = rest.iter().take_while(|(name, _)| below(name)).count();
            let (group, others) = rest.split_at(count);
            let _ = writeln!(text, "{:indent$}{}:", "", key_text(head));
            let group: Vec<_> = group
                .iter()
                .filter_map(|(name, value)| Some((name.split_once('.')?.1, *value)))
                .collect();
            write_level(&group, indent + 2, text);
            rest = others;
        } else {
            let _ = writeln!(text, "{:indent$}{}: {}", "", key_text(name), value_text(value));
            rest = after;
        }
    }
}

/// Words that YAML would read as something else are in quotes.
fn key_text(key: &str) -> String {
    let word = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let other = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if word && !other.contains(&key.to_ascii_lowercase().as_str()) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// In double quotes, where YAML and JSON have the same escapes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// With a point, which makes it a double, and a sign in the exponent, which older YAML wants.
fn double_text(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = format!("{value:?}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let point = if digits.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{digits}{point}e{sign}{exponent}")
}

fn list_text<T>(list: &[T], text: impl Fn(&T) -> String) -> String {
    format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// Why a YAML text has no parameters.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParameterYamlError {
    /// The file cannot be read.
    Read(std::io::Error),
    /// It is too long.
    TooLong {
        /// Bytes found.
        len: usize,
    },
    /// It is not YAML.
    Yaml(String),
    /// There is no `ros__parameters` below a node's name.
    NoParameters {
        /// The node's name.
        at: String,
    },
    /// A value is none of a parameter.
    Value {
        /// The parameter.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Why a parameter file cannot be used.
#[derive(Debug)]
pub struct ParameterFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: ParameterYamlError,
}

impl fmt::Display for ParameterYamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "it cannot be read: {error}"),
            Self::TooLong { len } => write!(f, "it has {len} bytes; at most {MAX_TEXT_LEN} are read"),
            Self::Yaml(problem) => write!(f, "not YAML: {problem}"),
            Self::NoParameters { at } => write!(
                f,
                "no parameters below {at:?}; write a node's name, `{PARAMETERS}:` below it, and the parameters below that"
            ),
            Self::Value { name, problem } => write!(f, "parameter {name:?}: {problem}"),
        }
    }
}

impl fmt::Display for ParameterFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for ParameterYamlError {}
impl std::error::Error for ParameterFileError {}

#[cfg(test)]
mod tests;
