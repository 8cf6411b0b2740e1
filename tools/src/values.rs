//! The messages that a person or a program wants to publish: YAML or JSON, from the command line, a file or stdin.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nuncio::run_time_type::{EncodeError, RunTimeType};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// The longest line or file that is read, in bytes: no message that can be published has a longer text.
const TEXT_LEN_MAX: u64 = 64 << 20;

/// The payload of one message. JSON is read as JSON, anything else as YAML; nothing at all means the defaults.
///
/// # Errors
///
/// [`EncodeError`] with the path of the field that is wrong.
pub(crate) fn payload(codec: &RunTimeType, text: &str, now_ns: i64) -> Result<Vec<u8>, EncodeError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(codec.default_payload());
    }
    match text.starts_with('{') && serde_json::from_str::<Value>(text).is_ok() {
        true => codec.from_json_text(text, now_ns),
        false => codec.from_yaml_text(text, now_ns),
    }
}

/// What was given beside the name of a service or an action: a type has a slash and no space, which no values have.
pub(crate) fn type_and_values(request: &[String]) -> (Option<&str>, &str) {
    let is_type = |text: &str| text.contains('/') && !text.contains([' ', ':', '{', '"']);
    match request {
        [type_name, values, ..] => (Some(type_name), values),
        [only] if is_type(only) => (Some(only), ""),
        [only] => (None, only),
        [] => (None, ""),
    }
}

/// The documents of a file, which stand apart by lines `---`, as `topic echo` prints them. One without content, such
/// as what follows the last such line, is none.
///
/// # Errors
///
/// [`ValuesError`] when the file cannot be read or holds no document.
pub(crate) fn documents(path: &Path) -> Result<Vec<String>, ValuesError> {
    let unreadable = |error| ValuesError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let len = std::fs::metadata(path).map_err(unreadable)?.len();
    if len > TEXT_LEN_MAX {
        return Err(ValuesError::TooLong);
    }
    let documents = split(&std::fs::read_to_string(path).map_err(unreadable)?);
    match documents.is_empty() {
        true => Err(ValuesError::NoDocument { path: path.to_owned() }),
        false => Ok(documents),
    }
}

fn split(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        match (line.trim_end() == "---", documents.last_mut()) {
            (false, Some(document)) => {
                document.push_str(line);
                document.push('\n');
            }
            _ => documents.push(String::new()),
        }
    }
    let has_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    documents.retain(|document| document.lines().any(has_content));
    documents
}

/// Reads one message per line; empty lines are none.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    number: u64,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads from `reader`.
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
            number: 0,
        }
    }

    /// The next line that is not empty, and its number, from 1; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ValuesError`] when a line is too long or no text, or cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<(u64, String)>, ValuesError> {
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut self.reader).take(TEXT_LEN_MAX + 1);
            let read = limited.read_until(b'\n', &mut line).await;
            self.number += 1;
            let problem = |error| ValuesError::UnreadableLine {
                line: self.number,
                error,
            };
            let len = read.map_err(problem)?;
            if len == 0 {
                return Ok(None);
            }
            if len as u64 > TEXT_LEN_MAX {
                return Err(ValuesError::TooLong);
            }
            let text = String::from_utf8(line).map_err(|error| problem(io::Error::other(error)))?;
            if !text.trim().is_empty() {
                return Ok(Some((self.number, text)));
            }
        }
    }
}

/// Why there is nothing to publish.
#[derive(Debug)]
pub(crate) enum ValuesError {
    /// The file cannot be read.
    Unreadable { path: PathBuf, error: io::Error },
    /// A line of stdin cannot be read.
    UnreadableLine { line: u64, error: io::Error },
    /// A line or a file is longer than any message.
    TooLong,
    /// The file has no content.
    NoDocument { path: PathBuf },
    /// The text is no message of the type.
    Message {
        /// Where it stands, with a colon; empty on the command line.
        place: String,
        type_name: String,
        error: Box<EncodeError>,
    },
}

impl ValuesError {
    /// A text that is no message of the type.
    pub(crate) fn message(place: String, type_name: &str, error: EncodeError) -> Self {
        Self::Message {
            place,
            type_name: type_name.to_owned(),
            error: Box::new(error),
        }
    }
}

impl fmt::Display for ValuesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => write!(f, "{} cannot be read: {error}", path.display()),
            Self::UnreadableLine { line, error } => write!(f, "line {line} of standard input cannot be read: {error}"),
            Self::TooLong => write!(f, "a message has at most {TEXT_LEN_MAX} bytes of text, found more"),
            Self::NoDocument { path } => write!(f, "{} holds no message; write one as YAML or JSON", path.display()),
            Self::Message {
                place,
                type_name,
                error,
            } => write!(f, "{place}not a {type_name}: {error}"),
        }
    }
}

impl Error for ValuesError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn codec(name: &str) -> RunTimeType {
        let catalog = Catalog::shipped();
        let support = catalog.support(catalog.find(name).unwrap()).unwrap();
        support.run_time_type().unwrap()
    }

    #[test]
    fn json_yaml_and_yaml_flow_mean_the_same() {
        let twist = codec("geometry_msgs/msg/Twist");
        let texts = [r#"{"linear": {"x": 0.5}}"#, "linear:\n  x: 0.5\n", "{linear: {x: 0.5}}"];
        let payloads: Vec<_> = texts.iter().map(|text| payload(&twist, text, 0).unwrap()).collect();
        assert!(payloads.iter().all(|bytes| Some(bytes) == payloads.first()));
        assert_ne!(payloads.first(), Some(&twist.default_payload()));
    }

    #[test]
    fn nothing_means_the_defaults() {
        let twist = codec("geometry_msgs/msg/Twist");
        assert_eq!(payload(&twist, " \n", 0).unwrap(), twist.default_payload());
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let twist = codec("geometry_msgs/msg/Twist");
        for text in [r#"{"linear": {"w": 1}}"#, "linear: {w: 1}"] {
            let error = payload(&twist, text, 0).unwrap_err().to_string();
            assert!(error.contains("linear.w"), "{error}");
        }
    }

    #[test]
    fn what_echo_prints_is_a_file_of_documents() {
        let text = "# /talker\ndata: a\n---\n# /talker\ndata: b\n---\n";
        assert_eq!(split(text), ["# /talker\ndata: a\n", "# /talker\ndata: b\n"]);
        assert_eq!(split("---\n# nothing\n\n"), Vec::<String>::new());
    }

    #[tokio::test]
    async fn lines_are_numbered_and_empty_ones_left_out() {
        let mut lines = Lines::new(&b"a\n\n  \nb"[..]);
        assert_eq!(lines.next().await.unwrap(), Some((1, "a\n".to_owned())));
        assert_eq!(lines.next().await.unwrap(), Some((4, "b".to_owned())));
        assert_eq!(lines.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_line_that_is_no_text_is_refused_by_number() {
        let mut lines = Lines::new(&b"a\n\xff\n"[..]);
        lines.next().await.unwrap();
        assert!(lines.next().await.unwrap_err().to_string().starts_with("line 2 "));
    }

    #[test]
    fn the_type_may_be_left_out_and_so_may_the_values() {
        let given = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let both = given(&["a/srv/B", "{c: 1}"]);
        assert_eq!(type_and_values(&both), (Some("a/srv/B"), "{c: 1}"));
        assert_eq!(type_and_values(&given(&["a/B"])), (Some("a/B"), ""));
        assert_eq!(type_and_values(&given(&["{c: a/b}"])), (None, "{c: a/b}"));
        assert_eq!(type_and_values(&given(&["c: 1"])), (None, "c: 1"));
        assert_eq!(type_and_values(&[]), (None, ""));
    }
}
