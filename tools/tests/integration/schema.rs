//! Holds what the binary prints as JSON against the schemas that are published.
//!
//! Every process that a test starts with `--json` is looked at, whatever the test is about. The schemas are closed here: a
//! member that is printed and that no schema names is a fault, though for others it is none.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

/// The folder of the schemas.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");

/// What one command prints.
pub(crate) struct CommandSchema {
    command: String,
    validator: Validator,
}

/// By the command's words.
static SCHEMAS: LazyLock<BTreeMap<Vec<String>, CommandSchema>> = LazyLock::new(|| {
    let files = fs::read_dir(FOLDER).expect("the folder of the schemas");
    let schemas = files.map(|entry| {
        let path = entry.expect("an entry").path();
        let mut schema: Value = serde_json::from_slice(&fs::read(&path).expect("a schema")).expect("JSON");
        close(&mut schema);
        let title = schema.get("title").and_then(Value::as_str).expect("a title");
        let command = title.strip_prefix("nuncio ").expect("a command").to_owned();
        let validator = jsonschema::draft202012::new(&schema).expect("a schema that is right");
        let words = command.split(' ').map(ToOwned::to_owned).collect();
        (words, CommandSchema { command, validator })
    });
    schemas.collect()
});

/// Lets objects have no members but those that are named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object) {
                members.entry("additionalProperties").or_insert(false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

impl CommandSchema {
    /// The schema of what a process prints, if it was told to print JSON.
    pub(crate) fn of<'a>(args: impl Iterator<Item = &'a OsStr>) -> Option<&'static Self> {
        let args: Vec<&str> = args.filter_map(OsStr::to_str).collect();
        if !args.contains(&"--json") {
            return None;
        }
        let found = (0..args.len()).find_map(|from| {
            let rest = args.get(from..)?;
            SCHEMAS
                .iter()
                .find(|(words, _)| rest.len() >= words.len() && rest.iter().zip(*words).all(|(a, b)| a == b))
        });
        Some(
            found
                .map(|(_, schema)| schema)
                .unwrap_or_else(|| panic!("no schema is published for {args:?}")),
        )
    }

    /// Fails if the line is none that the command may print.
    pub(crate) fn check(&self, line: &str) {
        let (command, faults) = (&self.command, self.faults(line));
        assert!(
            faults.is_empty(),
            "`{command} --json` printed what its schema does not have:\n{line}\n{}",
            faults.join("\n")
        );
    }

    fn faults(&self, line: &str) -> Vec<String> {
        let answer: Value = match serde_json::from_str(line) {
            Ok(answer) => answer,
            Err(error) => return vec![format!("it is no JSON: {error}")],
        };
        let faults = self.validator.iter_errors(&answer);
        faults
            .map(|fault| format!("at {:?}: {fault}", fault.instance_path().as_str()))
            .collect()
    }
}

/// The commands that have a schema.
pub(crate) fn commands() -> impl Iterator<Item = &'static str> {
    SCHEMAS.values().map(|schema| schema.command.as_str())
}

#[test]
fn a_member_that_no_schema_names_is_found() {
    let line = r#"{"package":"std_msgs"}"#;
    let args = ["--domain", "7", "interface", "packages", "--json"];
    let schema = CommandSchema::of(args.iter().map(OsStr::new)).expect("it prints JSON");
    schema.check(line);
    for wrong in [
        r#"{"package":"std_msgs","more":1}"#,
        r#"{"package":7}"#,
        "{}",
        "[]",
        "std_msgs",
    ] {
        assert!(!schema.faults(wrong).is_empty(), "{wrong} was let through");
    }
    assert!(CommandSchema::of(["topic", "list"].iter().map(OsStr::new)).is_none());
}
