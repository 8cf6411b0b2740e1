//! `json-schema`: the schemas of what commands print as JSON; see [`crate::answers`].

use std::error::Error;
use std::fmt;

use clap::CommandFactory;

use super::{CommandError, Outcome};
use crate::answers::interface::JsonSchemaDocument;
use crate::answers::program::CommandWithSchema;
use crate::answers::{self, Answers};
use crate::cli::{Args, JsonSchema};
use crate::render::{Render, Table, Tone};

pub(super) fn run(render: &Render, args: &JsonSchema) -> Result<Outcome, CommandError> {
    let asked = args.command.join(" ");
    if let Some(answers) = Answers::find(&asked) {
        let schema = answers.schema(&about(&asked));
        match render.is_json() {
            true => render.answer(&JsonSchemaDocument(schema))?,
            false => render.lines(&serde_json::to_string_pretty(&schema)?)?,
        }
        return Ok(Outcome::Found);
    }
    let is_below = |answers: &&Answers| {
        let rest = answers.command.strip_prefix(&asked);
        asked.is_empty() || rest.is_some_and(|rest| rest.starts_with(' '))
    };
    let below: Vec<&Answers> = answers::ALL.iter().filter(is_below).collect();
    if below.is_empty() {
        return Err(NoSuchCommand { asked }.into());
    }
    let mut table = Table::new(["COMMAND", "PRINTS"]);
    for answers in below {
        match render.is_json() {
            true => render.answer(&CommandWithSchema {
                command: answers.command,
                file: answers.file(),
                prints: answers.prints.as_str(),
            })?,
            false => table.row([answers.command.to_owned(), answers.prints.as_str().to_owned()]),
        }
    }
    if !render.is_json() {
        for (index, line) in table.lines(0).iter().enumerate() {
            render.line((index == 0).then_some(Tone::Strong), line)?;
        }
    }
    Ok(Outcome::Found)
}

/// What the help of a command says first.
fn about(command: &str) -> String {
    let root = Args::command();
    let mut words = command.split(' ');
    let found = words.try_fold(&root, |command, word| command.find_subcommand(word));
    let about = found.and_then(|command| command.get_about());
    about.map(ToString::to_string).unwrap_or_default()
}

/// No command of that name prints JSON.
#[derive(Debug)]
struct NoSuchCommand {
    asked: String,
}

impl fmt::Display for NoSuchCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a command that prints JSON, such as `topic list`, found {:?}; `nuncio json-schema` lists them",
            self.asked
        )
    }
}

impl Error for NoSuchCommand {}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use super::*;

    /// The folder of the schemas that are published.
    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");

    /// Writes the schemas anew instead of comparing them.
    const WRITE: &str = "NUNCIO_WRITE_SCHEMAS";

    /// Commands that print nothing on stdout; `completion`, which has no JSON form and says so; and the other processes of
    /// `bench` and `prove`, whose talk is for the process that has started them.
    const WITHOUT_JSON: [&str; 7] = [
        "bench-member",
        "bench-part",
        "completion",
        "context remove",
        "context set",
        "context use",
        "prove-part",
    ];

    /// The commands that have none below them, hidden ones too.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        if !command.has_subcommands() {
            found.push(path.to_owned());
        }
        for below in command.get_subcommands() {
            let path = format!("{path} {}", below.get_name());
            leaves(below, path.trim_start(), found);
        }
    }

    #[test]
    fn every_command_has_a_schema_and_every_schema_a_command() {
        let mut of_parser = Vec::new();
        leaves(&Args::command(), "", &mut of_parser);
        of_parser.sort();
        let known = answers::ALL.iter().map(|answers| answers.command).chain(WITHOUT_JSON);
        let mut known: Vec<String> = known.map(ToOwned::to_owned).collect();
        known.sort();
        assert_eq!(
            of_parser, known,
            "left: the parser, right: `answers::ALL` and what has no JSON"
        );
    }

    #[test]
    fn the_schemas_that_are_published_are_those_of_the_types() {
        let mut expected = Vec::new();
        for answers in answers::ALL {
            let schema = answers.schema(&about(answers.command));
            jsonschema::meta::validate(&schema).expect("a schema that is right");
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).expect("it is JSON"));
            expected.push((answers.file(), text));
        }
        expected.sort();
        if env::var_os(WRITE).is_some() {
            let _ = fs::remove_dir_all(FOLDER);
            fs::create_dir_all(FOLDER).expect("the folder is made");
            for (file, text) in &expected {
                fs::write(Path::new(FOLDER).join(file), text).expect("the file is written");
            }
        }
        let files = fs::read_dir(FOLDER).expect("the folder is there");
        let mut found: Vec<(String, String)> = files
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                (name, fs::read_to_string(&path).expect("a text"))
            })
            .collect();
        found.sort();
        let names = |all: &[(String, String)]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let remedy = format!("`{WRITE}=1 cargo test -p nuncio-tools json_schema` writes them anew");
        assert_eq!(names(&found), names(&expected), "{remedy}");
        for ((name, found), (_, expected)) in found.iter().zip(&expected) {
            assert_eq!(
                found, expected,
                "{name}: {remedy}, and the CHANGELOG says what has changed"
            );
        }
    }

    #[test]
    fn a_schema_says_what_every_member_is() {
        fn visit(schema: &serde_json::Value, path: &str, bare: &mut Vec<String>) {
            let members = schema.get("properties").and_then(serde_json::Value::as_object);
            for (name, member) in members.into_iter().flatten() {
                // The word that tells one kind from another says what it is.
                if member.get("description").is_none() && member.get("const").is_none() {
                    bare.push(format!("{path}.{name}"));
                }
            }
            for (name, below) in schema.as_object().into_iter().flatten() {
                match below {
                    serde_json::Value::Array(all) => all.iter().for_each(|one| visit(one, path, bare)),
                    below => visit(below, &format!("{path}/{name}"), bare),
                }
            }
        }
        let mut bare = Vec::new();
        for answers in answers::ALL {
            visit(&answers.schema(""), answers.command, &mut bare);
        }
        assert!(bare.is_empty(), "members without a doc comment: {bare:#?}");
    }
}
