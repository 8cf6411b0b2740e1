//! Which comment belongs to what.
//!
//! The comment lines at the top of a part document the message; those directly above an element, behind it, or
//! indented below it document that element, as in ROS 2.

use super::annotation::{Piece, pieces};
use super::{Annotations, Parser};
use crate::ast::{Annotation, Remarks, Span};

/// The comments that wait for what they belong to.
#[derive(Debug, Default)]
pub(super) struct Comments {
    stage: Stage,
    /// Comment lines since the last element or empty line.
    above: Vec<Line>,
    /// Whose comment an indented line continues.
    last: LastElement,
}

#[derive(Debug)]
struct Line {
    text: String,
    at: Span,
}

/// How far the leading comment of the part has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    #[default]
    NothingYet,
    InLeading,
    AfterLeading,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum LastElement {
    #[default]
    None,
    Field,
    Constant,
}

impl Parser<'_, '_> {
    pub(super) fn empty_line(&mut self) {
        if self.comments.stage == Stage::InLeading {
            self.leading_comment_ends();
        }
        self.comments_end();
    }

    /// A line with nothing but a comment.
    pub(super) fn own_line_comment(&mut self, text: &str, at: Span, indented: bool) {
        let line = Line {
            text: text.to_owned(),
            at,
        };
        if self.comments.stage == Stage::NothingYet {
            self.comments.stage = Stage::InLeading;
        }
        if self.comments.stage == Stage::InLeading || !indented || self.comments.last == LastElement::None {
            self.comments.above.push(line);
            return;
        }
        let mut remarks = Remarks::default();
        self.read_comment(&line, &mut remarks);
        let target = match self.comments.last {
            LastElement::Field => self.section.fields.last_mut().map(|field| &mut field.remarks),
            LastElement::Constant => self.section.constants.last_mut().map(|constant| &mut constant.remarks),
            LastElement::None => None,
        };
        if let Some(target) = target {
            target.lines.append(&mut remarks.lines);
            target.annotations.append(&mut remarks.annotations);
        }
    }

    /// Called when something follows that is no comment.
    pub(super) fn leading_comment_ends(&mut self) {
        let in_leading = self.comments.stage == Stage::InLeading;
        self.comments.stage = Stage::AfterLeading;
        if !in_leading {
            return;
        }
        let mut remarks = Remarks::default();
        for line in std::mem::take(&mut self.comments.above) {
            self.read_comment(&line, &mut remarks);
        }
        (self.section.comment, self.section.exclusive) = self.whole_comment(remarks);
    }

    /// The comment of a whole message, and whether it says `@exclusive`.
    pub(super) fn whole_comment(&mut self, remarks: Remarks) -> (String, bool) {
        let mut exclusive = false;
        for annotation in remarks.annotations {
            if annotation.value == Annotation::Exclusive {
                exclusive = true;
                continue;
            }
            self.annotation_problem(
                annotation.at,
                format!(
                    "`{}` stands in the comment of the whole message",
                    annotation.value.word()
                ),
                "put it behind the field, or directly above the field with an empty line before the comment",
            );
        }
        (joined(&remarks.lines), exclusive)
    }

    /// Called when comment lines that have gathered will not meet an element any more.
    pub(super) fn comments_end(&mut self) {
        if self.comments.stage == Stage::InLeading {
            self.leading_comment_ends();
        }
        let mut remarks = Remarks::default();
        for line in std::mem::take(&mut self.comments.above) {
            self.read_comment(&line, &mut remarks);
        }
        for annotation in remarks.annotations {
            self.annotation_problem(
                annotation.at,
                format!("`{}` belongs to no field", annotation.value.word()),
                "put it behind the field, or directly above the field without an empty line between",
            );
        }
    }

    /// The comments of an element that begins now: those above it and the one behind it.
    pub(super) fn remarks_above(&mut self, trailing: Option<&str>, at: Span) -> Remarks {
        let mut remarks = Remarks::default();
        for line in std::mem::take(&mut self.comments.above) {
            self.read_comment(&line, &mut remarks);
        }
        if let Some(text) = trailing {
            self.read_comment(
                &Line {
                    text: text.to_owned(),
                    at,
                },
                &mut remarks,
            );
        }
        remarks
    }

    pub(super) fn last_element(&mut self, last: LastElement) {
        self.comments.last = last;
    }

    fn read_comment(&mut self, line: &Line, remarks: &mut Remarks) {
        let mut prose = String::new();
        for piece in pieces(&line.text, line.at) {
            match piece {
                Piece::Prose(text) => prose.push_str(text),
                Piece::Annotation(annotation) => remarks.annotations.push(annotation),
                Piece::Wrong { at, message, help } => self.annotation_problem(at, message, help),
            }
        }
        remarks.lines.push(prose.trim_end().to_owned());
    }

    pub(super) fn annotation_problem(&mut self, at: Span, message: impl Into<String>, help: impl Into<String>) {
        if self.annotations == Annotations::Strict {
            self.problem(at, message, help);
        }
    }
}

/// The lines as one text, without empty ones at both ends.
pub(crate) fn joined(lines: &[String]) -> String {
    lines.join("\n").trim_matches('\n').to_owned()
}
