//! `param set`, `param load` and `param delete`: changes of parameters, which the node makes all together or not at all.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nuncio::{NodeName, ParameterCallError, ParameterClient, ParameterLoadError, ParameterValue, ParameterYamlError};

use super::{CommandError, Outcome};
use crate::answers::parameter::{ParameterGot, ParameterWasSet};
use crate::cli::{ParamDelete, ParamLoad, ParamSet};
use crate::parameters_of::{client_of, failed, is_silence, json as json_of};
use crate::session::Session;

/// Parameters, each with what it should become.
type Changes = Vec<(String, ParameterValue)>;

/// How much of a file is read: more than parameters may have, so that what is too long is found to be so.
const TEXT_LEN_MAX: u64 = 32 << 20;

pub(super) async fn set(session: &mut Session<'_>, args: &ParamSet) -> Result<Outcome, CommandError> {
    let changes = changes(&args.changes)?;
    let Some(client) = client_of(session, &args.node).await? else {
        return Ok(Outcome::Nothing);
    };
    let setting = async {
        let changes = client.fitted(changes).await?;
        client.set_atomically(&changes).await?;
        Ok(changes)
    };
    let ended = session.render.progress("waiting for the node", setting).await;
    told(session, &client, ended)
}

pub(super) async fn delete(session: &mut Session<'_>, args: &ParamDelete) -> Result<Outcome, CommandError> {
    let Some(client) = client_of(session, &args.node).await? else {
        return Ok(Outcome::Nothing);
    };
    let changes = vec![(args.name.clone(), ParameterValue::NotSet)];
    let deleting = async {
        client.set_atomically(&changes).await?;
        Ok(changes)
    };
    let ended = session.render.progress("waiting for the node", deleting).await;
    told(session, &client, ended)
}

pub(super) async fn load(session: &mut Session<'_>, args: &ParamLoad) -> Result<Outcome, CommandError> {
    let text = text_of(&args.file)?;
    let Some(client) = client_of(session, &args.node).await? else {
        return Ok(Outcome::Nothing);
    };
    let file = args.file.display();
    match session
        .render
        .progress("waiting for the node", client.load(&text))
        .await
    {
        Ok(changes) if changes.is_empty() => {
            let text = format!("{file} has no parameters for {}; nothing was set", args.node);
            session.render.warning(text);
            Ok(Outcome::Nothing)
        }
        Ok(changes) => told(session, &client, Ok(changes)),
        Err(ParameterLoadError::Call(error)) => told(session, &client, Err(error)),
        Err(ParameterLoadError::Yaml(problem)) => {
            let path = args.file.clone();
            Err(ParamError::File { path, problem }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The text of a file, or of stdin.
fn text_of(path: &Path) -> Result<String, ParamError> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => io::stdin().lock().take(TEXT_LEN_MAX).read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|file| file.take(TEXT_LEN_MAX).read_to_string(&mut text)),
    };
    let path = path.to_owned();
    match read {
        Ok(_) => Ok(text),
        Err(error) => Err(ParamError::Unreadable { path, error }),
    }
}

/// Names and values by turns.
fn changes(texts: &[String]) -> Result<Changes, ParamError> {
    let mut changes = Changes::new();
    for pair in texts.chunks(2) {
        let [name, text] = pair else {
            return Err(ParamError::NoValue { name: pair.concat() });
        };
        if changes.iter().any(|(known, _)| known == name) {
            return Err(ParamError::Twice { name: name.clone() });
        }
        let value = match text.trim().is_empty() {
            // As in ROS 2: what YAML has no word for.
            true => text.as_str().into(),
            false => ParameterValue::from_yaml(text).map_err(|problem| ParamError::Value {
                name: name.clone(),
                text: text.clone(),
                problem,
            })?,
        };
        changes.push((name.clone(), value));
    }
    Ok(changes)
}

fn told(
    session: &Session<'_>,
    client: &ParameterClient,
    ended: Result<Changes, ParameterCallError>,
) -> Result<Outcome, CommandError> {
    let (render, node) = (session.render, client.of());
    let changes = match ended {
        Ok(changes) => changes,
        Err(ParameterCallError::Refused { reason }) => {
            let node = node.clone();
            return Err(ParamError::Refused { node, reason }.into());
        }
        Err(error) => {
            if is_silence(&error) {
                render.warning("whether anything was set is not known; `nuncio param get` tells");
            }
            return failed(session, error);
        }
    };
    for (name, value) in &changes {
        match (render.is_json(), value) {
            (true, value) => render.answer(&ParameterWasSet {
                parameter: ParameterGot {
                    node: node.as_str(),
                    name,
                    value_type: value.value_type().to_string(),
                    value: json_of(value),
                },
                successful: true,
            })?,
            (false, ParameterValue::NotSet) => render.line(None, &format!("deleted {name}"))?,
            (false, value) => render.line(None, &format!("set {name}: {value}"))?,
        }
    }
    Ok(Outcome::Found)
}

/// Why parameters were not set.
#[derive(Debug)]
enum ParamError {
    /// A name without a value.
    NoValue { name: String },
    /// A name that stands twice.
    Twice { name: String },
    /// The text is no value of a parameter.
    Value {
        name: String,
        text: String,
        problem: ParameterYamlError,
    },
    /// The file cannot be read.
    Unreadable { path: PathBuf, error: io::Error },
    /// The file is none of parameters.
    File { path: PathBuf, problem: ParameterYamlError },
    /// The node says no.
    Refused { node: NodeName, reason: String },
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue { name } => write!(f, "expected a value behind each parameter, found none behind {name}"),
            Self::Twice { name } => write!(f, "parameter {name} stands twice; set it once"),
            Self::Value {
                name,
                text,
                problem: ParameterYamlError::Value { problem, .. },
            } => write!(f, "parameter {name} cannot be {text}: {problem}"),
            Self::Value { name, text, problem } => write!(f, "parameter {name} cannot be {text}: {problem}"),
            Self::Unreadable { path, error } => write!(f, "{} cannot be read: {error}", path.display()),
            Self::File { path, problem } => write!(f, "{}: {problem}", path.display()),
            Self::Refused { node, reason } => write!(f, "{node} has set nothing: {reason}"),
        }
    }
}

impl Error for ParamError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Changes, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        changes(&texts).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_yaml_and_an_empty_one_is_an_empty_text() {
        let read = read(&["a", "1", "b", "1.0", "c", "", "d", "left arm", "e", "[x, z]"]).unwrap();
        let values: Vec<_> = read.into_iter().map(|(_, value)| value).collect();
        let list = vec!["x".to_owned(), "z".to_owned()];
        assert_eq!(
            values,
            [1.into(), 1.0.into(), "".into(), "left arm".into(), list.into()]
        );
    }

    #[test]
    fn a_name_without_a_value_and_one_that_stands_twice_are_named() {
        assert!(read(&["a", "1", "b"]).unwrap_err().ends_with("found none behind b"));
        assert!(read(&["a", "1", "a", "2"]).unwrap_err().contains("a stands twice"));
        assert!(read(&["a", "{b: 1}"]).is_err());
    }
}
