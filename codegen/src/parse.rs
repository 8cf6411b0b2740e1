//! Stage 1: the text of one file becomes its syntax tree, or a list of what is wrong with it.
//!
//! The grammar is that of ROS 2's `rosidl_adapter`: one field or constant in a line, `#` begins a comment anywhere,
//! `---` separates the parts of services and actions. Files in OMG IDL, which ROS 2 reads as well, have a parser of
//! their own that makes the same tree.

mod annotation;
mod comment;
mod field;
mod idl;
mod literal;

use self::comment::Comments;
pub(crate) use self::comment::joined;
pub(crate) use self::idl::is_idl;
use crate::ast::{FileAst, SectionAst, Span};
use crate::diagnostic::Problems;
use crate::model::InterfaceKind;
use crate::source::{MAX_FILE_LEN, SourceFile, lines};

/// How many fields and constants one file may have; the largest in ROS 2 has some seventy.
const MAX_ELEMENTS: usize = 4096;

/// What to do with annotations that we would refuse in our own files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Annotations {
    /// Report them.
    Strict,
    /// Ignore them: the schema is somebody else's, and its comments were not written for us.
    Lenient,
}

/// Parses source number `file`; `None` when it cannot be read as text at all.
pub(crate) fn parse(
    file: usize,
    source: &SourceFile,
    annotations: Annotations,
    problems: &mut Problems<'_>,
) -> Option<FileAst> {
    let text = text_of(file, source, problems)?;
    let mut parser = Parser {
        file,
        kind: source.type_name.kind,
        annotations,
        problems,
        done: Vec::new(),
        section: SectionAst::default(),
        comments: Comments::default(),
        elements: 0,
    };
    let sections = if source.is_idl() || is_idl(text) {
        idl::parse(&mut parser, &source.type_name, text);
        parser.done
    } else {
        for (index, line) in lines(text).enumerate() {
            parser.line(index + 1, line);
        }
        parser.finish()
    };
    Some(FileAst {
        file,
        type_name: source.type_name.clone(),
        sections,
    })
}

fn text_of<'a>(file: usize, source: &'a SourceFile, problems: &mut Problems<'_>) -> Option<&'a str> {
    let whole = Span::default();
    if source.bytes.len() > MAX_FILE_LEN {
        problems.add(
            file,
            whole,
            format!("the file has more than {MAX_FILE_LEN} bytes"),
            "an interface file is a page of text; is this one?",
        );
        return None;
    }
    let text = match source.text() {
        Ok(text) => text,
        Err(error) => {
            let good = source.bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            let start = good.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len);
            let at = Span {
                line,
                start,
                end: start + 1,
            };
            problems.add(file, at, "the file is not UTF-8", "save the file as UTF-8");
            return None;
        }
    };
    let nul = lines(text)
        .enumerate()
        .find_map(|(index, line)| Some((index + 1, line.find('\0')?)));
    if let Some((line, start)) = nul {
        let at = Span {
            line,
            start,
            end: start + 1,
        };
        let help = "an interface file is plain text without control characters";
        problems.add(file, at, "the file has a NUL byte", help);
        return None;
    }
    Some(text)
}

/// Where the parser is in one file.
struct Parser<'a, 'b> {
    file: usize,
    kind: InterfaceKind,
    annotations: Annotations,
    problems: &'a mut Problems<'b>,
    /// The sections that a `---` has ended.
    done: Vec<SectionAst>,
    section: SectionAst,
    comments: Comments,
    elements: usize,
}

impl Parser<'_, '_> {
    fn problem(&mut self, at: Span, message: impl Into<String>, help: impl Into<String>) {
        self.problems.add(self.file, at, message, help);
    }

    fn line(&mut self, number: usize, line: &str) {
        let (code, comment) = match line.find('#') {
            Some(start) => (line.get(..start).unwrap_or_default(), line.get(start..)),
            None => (line, None),
        };
        let comment_at = Span {
            line: number,
            start: code.len(),
            end: line.len(),
        };
        if code.trim().is_empty() {
            match comment {
                Some(text) => self.own_line_comment(text, comment_at, !code.is_empty()),
                None => self.empty_line(),
            }
            return;
        }
        self.leading_comment_ends();
        if code.trim() == "---" {
            self.separator(Span {
                line: number,
                start: 0,
                end: code.trim_end().len(),
            });
            return;
        }
        self.elements += 1;
        if self.elements == MAX_ELEMENTS + 1 {
            let at = Span {
                line: number,
                start: 0,
                end: code.len(),
            };
            let message = format!("the file has more than {MAX_ELEMENTS} fields and constants");
            self.problem(at, message, "split the interface into several messages");
        }
        if self.elements <= MAX_ELEMENTS {
            let remarks = self.remarks_above(comment, comment_at);
            self.element(Code { number, text: code }, remarks);
        }
    }

    fn separator(&mut self, at: Span) {
        let allowed = match self.kind {
            InterfaceKind::Msg => 0,
            InterfaceKind::Srv => 1,
            InterfaceKind::Action => 2,
        };
        if self.done.len() >= allowed {
            let (message, help) = match self.kind {
                InterfaceKind::Msg => ("a message has no parts", "services and actions have; remove the `---`"),
                InterfaceKind::Srv => ("a service has two parts", "request, one `---`, response"),
                InterfaceKind::Action => ("an action has three parts", "goal, `---`, result, `---`, feedback"),
            };
            self.problem(at, message, help);
            return;
        }
        self.end_section();
    }

    fn end_section(&mut self) {
        self.comments_end();
        self.duplicates();
        self.done.push(std::mem::take(&mut self.section));
        self.comments = Comments::default();
    }

    fn finish(mut self) -> Vec<SectionAst> {
        self.end_section();
        let (wanted, help) = match self.kind {
            InterfaceKind::Msg => (1, ""),
            InterfaceKind::Srv => (2, "request, one `---`, response; each of them may be empty"),
            InterfaceKind::Action => (3, "goal, `---`, result, `---`, feedback; each of them may be empty"),
        };
        if self.done.len() < wanted {
            let message = format!(
                "the file needs {} lines `---`, found {}",
                wanted - 1,
                self.done.len() - 1
            );
            self.problem(Span::default(), message, help);
            self.done.resize_with(wanted, SectionAst::default);
        }
        self.done
    }
}

/// What stands in one line before its comment.
#[derive(Clone, Copy, Debug)]
struct Code<'a> {
    number: usize,
    text: &'a str,
}

impl<'a> Code<'a> {
    /// Where `part`, which must be a piece of this line's text, stands.
    fn span(self, part: &str) -> Span {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        Span {
            line: self.number,
            start,
            end: start + part.len(),
        }
    }

    /// The text up to the first blank, and what follows the blanks.
    fn first_word(self) -> (&'a str, &'a str) {
        let text = self.text.trim();
        match text.split_once(char::is_whitespace) {
            Some((word, rest)) => (word, rest.trim_start()),
            None => (text, ""),
        }
    }
}
