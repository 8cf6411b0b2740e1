//! What one schema file says, names not yet resolved; every part knows where it stands.

use std::time::Duration;

use crate::model::{Count, DefaultValue, Primitive, Scalar, TextKind, TypeName};

/// A stretch of one line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    /// Counted from 1; 0 means the file as a whole.
    pub(crate) line: usize,
    /// The first byte inside the line, counted from 0.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
}

/// Something and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node<T> {
    pub(crate) value: T,
    pub(crate) at: Span,
}

/// One file.
#[derive(Debug)]
pub(crate) struct FileAst {
    /// Which of the sources this is.
    pub(crate) file: usize,
    /// From the file's place on disk.
    pub(crate) type_name: TypeName,
    /// One for a message, two for a service, three for an action.
    pub(crate) sections: Vec<SectionAst>,
}

/// What stands before, between or after the `---` lines.
#[derive(Debug, Default)]
pub(crate) struct SectionAst {
    /// The leading comment.
    pub(crate) comment: String,
    /// `@exclusive` stands in the leading comment.
    pub(crate) exclusive: bool,
    pub(crate) fields: Vec<FieldAst>,
    pub(crate) constants: Vec<ConstantAst>,
}

/// The type of one element, before anybody knows whether it exists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ElementAst {
    Primitive(Primitive),
    Text { kind: TextKind, bound: Option<u32> },
    Named { package: Option<String>, name: String },
}

/// `TYPE NAME [DEFAULT]`
#[derive(Debug)]
pub(crate) struct FieldAst {
    pub(crate) element: Node<ElementAst>,
    pub(crate) count: Count,
    pub(crate) name: Node<String>,
    pub(crate) default: Option<Node<DefaultValue>>,
    pub(crate) remarks: Remarks,
}

/// `TYPE NAME=VALUE`
#[derive(Debug)]
pub(crate) struct ConstantAst {
    pub(crate) element: ElementAst,
    pub(crate) name: Node<String>,
    pub(crate) value: Scalar,
    pub(crate) remarks: Remarks,
}

/// The comments that belong to a field or a constant, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    /// The prose, one line of comment each.
    pub(crate) lines: Vec<String>,
    pub(crate) annotations: Vec<Node<Annotation>>,
}

/// One `@word` of ours, with its argument.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Annotation {
    Range { low: f64, high: f64 },
    Unit(String),
    Enum(String),
    MaxAge(Duration),
    Finite,
    Exclusive,
}

impl Annotation {
    /// The word without its argument.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Range { .. } => "@range",
            Self::Unit(_) => "@unit",
            Self::Enum(_) => "@enum",
            Self::MaxAge(_) => "@max_age",
            Self::Finite => "@finite",
            Self::Exclusive => "@exclusive",
        }
    }
}
