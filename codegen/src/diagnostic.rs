//! What is wrong with a schema, where, and what would be right.
//!
//! All problems of a compilation are reported at once. Their text may come from the network, so nothing in it
//! can be longer than a screen or reach a terminal as an escape sequence.

use std::borrow::Cow;
use std::fmt;

use crate::ast::Span;
use crate::source::{SourceFile, lines};

/// How many problems are kept; more are counted.
pub const MAX_PROBLEMS: usize = 100;

/// How many characters of a long line are shown.
const EXCERPT_LEN: usize = 120;

/// One problem.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    /// The file, as it was named to the compiler.
    pub path: String,
    /// The line, counted from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// The column, in characters, counted from 1; 0 when the file as a whole is meant.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
    excerpt: Option<Excerpt>,
}

/// The piece of a line that is shown, and where the caret stands below it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Excerpt {
    text: String,
    indent: usize,
    width: usize,
}

/// Everything that is wrong, sorted by file and line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostics {
    problems: Vec<Diagnostic>,
    unreported: usize,
}

impl Diagnostics {
    /// The problems, sorted by file, line and column; at most [`MAX_PROBLEMS`].
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// How many problems there are beyond those.
    pub fn unreported(&self) -> usize {
        self.unreported
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        if self.unreported > 0 {
            writeln!(f, "\nand {} more problems", self.unreported)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", printable(&self.path))?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        writeln!(f, ": {}", self.message)?;
        if let Some(Excerpt { text, indent, width }) = &self.excerpt {
            let gutter = self.line.to_string();
            let space = gutter.len();
            writeln!(f, " {gutter} | {text}")?;
            writeln!(f, " {:space$} | {:indent$}{}", "", "", "^".repeat(*width))?;
        }
        writeln!(f, "help: {}", self.help)
    }
}

impl std::error::Error for Diagnostic {}

/// Collects the problems of one compilation.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    sources: &'a [SourceFile],
    found: Vec<Diagnostic>,
    unreported: usize,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(sources: &'a [SourceFile]) -> Self {
        Self {
            sources,
            found: Vec::new(),
            unreported: 0,
        }
    }

    /// Reports that `at` in source number `file` is wrong.
    pub(crate) fn add(&mut self, file: usize, at: Span, message: impl Into<String>, help: impl Into<String>) {
        let Some(source) = self.sources.get(file) else { return };
        if self.is_full() {
            self.unreported += 1;
            return;
        }
        // A file that is not UTF-8 is shown as far as it goes.
        let text = source
            .text()
            .map_or_else(|_| String::from_utf8_lossy(&source.bytes), Cow::Borrowed);
        self.found
            .push(Diagnostic::in_text(&source.path, &text, at, message, help));
    }

    /// Whether further problems are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= MAX_PROBLEMS
    }

    /// `value` when nothing is wrong.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.found.is_empty() {
            Ok(value)
        } else {
            Err(Diagnostics::new(self.found, self.unreported))
        }
    }
}

impl Diagnostics {
    pub(crate) fn new(mut problems: Vec<Diagnostic>, unreported: usize) -> Self {
        problems.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
        Self { problems, unreported }
    }

    /// One problem with a file or folder as a whole.
    pub(crate) fn about(path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(vec![Diagnostic::about(path, message, help)], 0)
    }
}

impl Diagnostic {
    /// A problem at one place of a file with this text.
    pub(crate) fn in_text(
        path: &str,
        text: &str,
        at: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let line = match at.line.checked_sub(1) {
            Some(index) => lines(text).nth(index),
            None => None,
        };
        Self {
            path: path.to_owned(),
            line: at.line,
            column: line.map_or(0, |line| characters(line, 0, at.start) + 1),
            message: printable(&message.into()),
            help: printable(&help.into()),
            excerpt: line.map(|line| Excerpt::new(line, at)),
        }
    }

    pub(crate) fn about(path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: 0,
            column: 0,
            message: printable(&message.into()),
            help: printable(&help.into()),
            excerpt: None,
        }
    }
}

impl Excerpt {
    /// The part of `line` around `at`; every character takes one column.
    fn new(line: &str, at: Span) -> Self {
        let (before, width) = (characters(line, 0, at.start), characters(line, at.start, at.end));
        let skipped = if before < EXCERPT_LEN * 2 / 3 {
            0
        } else {
            before - EXCERPT_LEN / 3
        };
        let text: String = line.chars().skip(skipped).take(EXCERPT_LEN).map(visible).collect();
        let indent = before - skipped;
        let room = text.chars().count().saturating_sub(indent);
        Self {
            text: text.trim_end().to_owned(),
            indent,
            width: width.min(room).max(1),
        }
    }
}

/// How many characters are in the bytes `start..end` of `line`.
fn characters(line: &str, start: usize, end: usize) -> usize {
    let start = line.floor_char_boundary(start);
    let end = line.floor_char_boundary(end.max(start));
    line.get(start..end).map_or(0, |part| part.chars().count())
}

/// `character`, or what stands in for it when a terminal would act on it.
fn visible(character: char) -> char {
    match character {
        '\t' => ' ',
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// `text` without anything that a terminal would act on, and not longer than a few lines.
fn printable(text: &str) -> String {
    const LONGEST: usize = 600;
    let mut shown: String = text.chars().take(LONGEST).map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TypeName;

    fn report(text: &str, at: Span) -> String {
        let sources = [SourceFile::new("a.msg", TypeName::parse("a/A").unwrap(), text)];
        let mut problems = Problems::new(&sources);
        problems.add(0, at, "wrong", "do right");
        problems.into_result(()).unwrap_err().to_string()
    }

    #[test]
    fn the_caret_stands_below_the_characters_that_are_meant() {
        let text = report(
            "# ä\n\täö x\n",
            Span {
                line: 2,
                start: 6,
                end: 7,
            },
        );
        assert_eq!(text, "a.msg:2:5: wrong\n 2 |  äö x\n   |     ^\nhelp: do right\n");
    }

    #[test]
    fn a_long_line_is_shown_around_the_caret() {
        let line = format!("{}X{}", "a".repeat(100_000), "b".repeat(100_000));
        let text = report(
            &line,
            Span {
                line: 1,
                start: 100_000,
                end: 100_001,
            },
        );
        assert!(text.len() < 500, "{} bytes", text.len());
        let caret = text.lines().nth(2).unwrap().find('^').unwrap();
        assert_eq!(text.lines().nth(1).unwrap().chars().nth(caret), Some('X'));
    }

    #[test]
    fn an_escape_sequence_does_not_reach_the_terminal() {
        assert!(
            !report(
                "\u{1b}[31mred",
                Span {
                    line: 1,
                    start: 0,
                    end: 1
                }
            )
            .contains('\u{1b}')
        );
    }
}
