//! Prints: the only file that writes to stdout and stderr. Everything passes through [`sanitize`] on its way.

mod progress;
mod table;
mod units;
mod yaml;

use std::env;
use std::fmt::{self, Display};
use std::future::Future;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::sanitize;

pub(crate) use progress::Progress;
pub(crate) use table::Table;
pub(crate) use units::{bytes, bytes_per_second, count, grouped, hex, hz, short_key, span, utc};
pub(crate) use yaml::{MOST_SHOWN, block, most_shown};

/// How often the line that tells a person how long something takes already is drawn anew.
const PROGRESS_PERIOD: Duration = Duration::from_secs(1);

/// Takes back what stands on the terminal's last line.
const CLEAR_LINE: &str = "\r\x1b[K";

/// The line that tells how long something takes; it vanishes when that ends, also when nobody waits any longer.
#[derive(Debug)]
struct ProgressLine;

impl Drop for ProgressLine {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "{CLEAR_LINE}");
    }
}

/// Where answers and talk go, and how they look.
#[derive(Debug)]
pub(crate) struct Render {
    json: bool,
    answers: Look,
    talk: Look,
    /// Buffered, so that a fast topic does not cost a system call per line; see [`Render::flush`].
    stdout: Mutex<BufWriter<Stdout>>,
}

/// How text may look on one of the two streams.
#[derive(Clone, Copy, Debug)]
struct Look {
    terminal: bool,
    colour: bool,
}

/// What a piece of text is, for those who see colours.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    /// What frames the answer.
    Quiet,
    /// What names the answer.
    Strong,
    /// What a person should look at.
    Warning,
}

/// An answer could not be written to stdout.
#[derive(Debug)]
pub(crate) struct OutputError(pub(crate) io::Error);

impl Render {
    /// Looks at both streams once.
    pub(crate) fn new(json: bool, no_colour: bool) -> Self {
        let wanted = !no_colour && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let look = |terminal| Look {
            terminal,
            colour: terminal && wanted,
        };
        let stdout = io::stdout();
        Self {
            json,
            answers: look(stdout.is_terminal()),
            talk: look(io::stderr().is_terminal()),
            stdout: Mutex::new(BufWriter::new(stdout)),
        }
    }

    /// Whether answers are JSON lines.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person reads the answers on a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.answers.terminal
    }

    /// Whether answers may have colours.
    pub(crate) fn has_colour(&self) -> bool {
        self.answers.colour
    }

    /// One line of answer for people.
    ///
    /// # Errors
    ///
    /// [`OutputError`] when stdout is closed or full.
    pub(crate) fn line(&self, tone: Option<Tone>, text: &str) -> Result<(), OutputError> {
        self.write(&painted(self.answers, tone, &sanitize::line(text)), "\n")
    }

    /// Several lines of answer for people, which end with a line end or get one.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn lines(&self, text: &str) -> Result<(), OutputError> {
        let end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        self.write(&sanitize::lines(text), end)
    }

    /// An answer for programs: one JSON object on a line. What has no schema cannot be printed; see [`crate::answers`].
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn answer(&self, answer: &(impl Serialize + JsonSchema)) -> Result<(), OutputError> {
        self.write_json(&json_of(answer)?)
    }

    /// An answer whose last member is a message that is JSON text already; a
    /// [`MessageText`](crate::answers::message::MessageText) keeps its place.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn answer_with(&self, answer: &(impl Serialize + JsonSchema), message: &str) -> Result<(), OutputError> {
        let text = json_of(answer)?;
        let before = text.strip_suffix("null}").unwrap_or(&text);
        self.write_json(&format!("{before}{message}}}"))
    }

    /// An answer that is nothing but a message, JSON text already.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn message(&self, message: &str) -> Result<(), OutputError> {
        self.write_json(message)
    }

    /// One line of talk with the process that has started this one. It is no answer, and no promise.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn hand_over(&self, object: &Value) -> Result<(), OutputError> {
        self.write_json(&object.to_string())
    }

    fn write_json(&self, text: &str) -> Result<(), OutputError> {
        self.write(&sanitize::json(text), "\n")
    }

    /// An answer that is bytes, as they are: who asks for them does not read them on a terminal.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), OutputError> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.write_all(bytes).map_err(OutputError)
    }

    /// Hands what was written to whoever reads it. Call it before every wait.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn flush(&self) -> Result<(), OutputError> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.flush().map_err(OutputError)
    }

    /// A line of talk. Nobody listening is no error.
    pub(crate) fn note(&self, text: impl Display) {
        self.talk(None, &text.to_string());
    }

    /// A line of talk about something that a person should look at.
    pub(crate) fn warning(&self, text: impl Display) {
        self.talk(Some(Tone::Warning), &text.to_string());
    }

    /// Why the command failed; may have several lines.
    pub(crate) fn error(&self, error: impl Display) {
        let word = painted(self.talk, Some(Tone::Warning), "error:");
        let _ = writeln!(io::stderr(), "{word} {}", sanitize::lines(&error.to_string()));
    }

    /// Waits for `future` and, if a person is watching, tells what for when it takes longer than a second.
    pub(crate) async fn progress<F: Future>(&self, what: &str, future: F) -> F::Output {
        if !self.talk.terminal {
            return future.await;
        }
        let (mut future, since) = (std::pin::pin!(future), Instant::now());
        let mut shown = None;
        loop {
            if let Ok(output) = tokio::time::timeout(PROGRESS_PERIOD, future.as_mut()).await {
                return output;
            }
            shown.get_or_insert(ProgressLine);
            let seconds = since.elapsed().as_secs();
            let _ = write!(io::stderr(), "{CLEAR_LINE}{}, {seconds} s", sanitize::line(what));
        }
    }

    /// How far something is, in the terminal's last line, if a person is watching. The next line of talk takes its place.
    pub(crate) fn progress_line(&self, text: &str) {
        if self.talk.terminal {
            let _ = write!(io::stderr(), "{CLEAR_LINE}{}", sanitize::line(text));
        }
    }

    fn talk(&self, tone: Option<Tone>, text: &str) {
        let clear = if self.talk.terminal { CLEAR_LINE } else { "" };
        let _ = writeln!(
            io::stderr(),
            "{clear}{}",
            painted(self.talk, tone, &sanitize::line(text))
        );
    }

    fn write(&self, text: &str, end: &str) -> Result<(), OutputError> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.write_all(end.as_bytes()))
            .map_err(OutputError)
    }
}

fn json_of(answer: &impl Serialize) -> Result<String, OutputError> {
    serde_json::to_string(answer).map_err(|error| OutputError(error.into()))
}

fn painted(look: Look, tone: Option<Tone>, text: &str) -> String {
    match tone.filter(|_| look.colour) {
        None => text.to_owned(),
        Some(tone) => format!("\x1b[{}m{text}\x1b[0m", tone.sgr()),
    }
}

impl Tone {
    /// The number that terminals know it by.
    const fn sgr(self) -> u8 {
        match self {
            Self::Strong => 1,
            Self::Quiet => 2,
            Self::Warning => 33,
        }
    }
}

impl Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer could not be written to standard output: {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_only() {
        let look = |colour| Look {
            terminal: colour,
            colour,
        };
        assert_eq!(painted(look(false), Some(Tone::Strong), "x"), "x");
        assert_eq!(painted(look(true), Some(Tone::Strong), "x"), "\x1b[1mx\x1b[0m");
        assert_eq!(painted(look(true), None, "x"), "x");
    }
}
