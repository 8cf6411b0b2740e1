//! Annotations of IDL: `@verbatim`, `@default`, `@unit` and `@range`. All others are left alone.

use super::Idl;
use super::expression::Place;
use super::token::Kind;
use super::value::Value;
use crate::ast::{Annotation, Node, Remarks, Span};
use crate::parse::annotation::{Piece, pieces};

/// What the annotations before a definition say about it.
#[derive(Debug, Default)]
pub(super) struct Marks {
    lines: Vec<String>,
    annotations: Vec<Node<Annotation>>,
    pub(super) default: Option<Node<Value>>,
}

impl Marks {
    pub(super) fn remarks(&self) -> Remarks {
        Remarks {
            lines: self.lines.clone(),
            annotations: self.annotations.clone(),
        }
    }

    pub(super) fn into_remarks(self) -> Remarks {
        Remarks {
            lines: self.lines,
            annotations: self.annotations,
        }
    }
}

/// One of the values between parentheses, and its name where it has one.
struct Parameter<'t> {
    name: &'t str,
    value: Node<Value>,
}

impl<'t> Idl<'_, '_, '_, 't> {
    /// `@name (name=value, …)`
    pub(super) fn annotation(&mut self, marks: &mut Marks) -> Option<()> {
        let start = self.take().at;
        let name = self.word("the name of the annotation", "write `@default (value=1)`")?;
        let form = match name.value {
            "verbatim" => "@verbatim (language=\"comment\", text=\"…\")",
            "default" => "@default (value=1)",
            "unit" => "@unit (value=\"m\")",
            "range" => "@range (min=-1.5, max=1.5)",
            _ => return self.skip_annotation(),
        };
        let help = format!("write `{form}`");
        self.expect("(", &help)?;
        let mut parameters = Vec::new();
        loop {
            parameters.push(self.parameter()?);
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")", &help)?;
        let at = Span {
            end: name.at.end,
            ..start
        };
        if self.apply(marks, name.value, &parameters, at).is_none() {
            let message = format!("cannot read the values of `@{}`", name.value);
            self.parser.problem(at, message, help);
        }
        Some(())
    }

    fn parameter(&mut self) -> Option<Parameter<'t>> {
        // The name of a parameter and the name of a constant look alike up to the `=`.
        let (name, at) = match self.ahead.kind {
            Kind::Word(word) if !matches!(word, "TRUE" | "FALSE") => (word, self.take().at),
            _ => ("", self.ahead.at),
        };
        if !name.is_empty() && !self.accept("=") {
            let value = self
                .constants
                .get(name)
                .cloned()
                .unwrap_or_else(|| Value::Plain(name.to_owned()));
            return Some(Parameter {
                name: "",
                value: Node { value, at },
            });
        }
        let value = self.value(Place::default())?;
        Some(Parameter { name, value })
    }

    fn apply(&mut self, marks: &mut Marks, name: &str, parameters: &[Parameter<'_>], at: Span) -> Option<()> {
        let find = |wanted: &str| {
            parameters
                .iter()
                .find(|parameter| parameter.name == wanted)
                .map(|found| &found.value)
        };
        let value = || find("value").or_else(|| find(""));
        match name {
            "default" => marks.default = Some(value()?.clone()),
            "unit" => {
                let Value::Text(unit) = &value()?.value else {
                    return None;
                };
                let unit = unit.trim();
                if unit.is_empty() || unit.len() > 64 || unit.contains(char::is_control) {
                    return None;
                }
                let value = Annotation::Unit(unit.to_owned());
                marks.annotations.push(Node { value, at });
            }
            "range" => {
                let end = |name| match &find(name)?.value {
                    Value::Plain(number) => number.parse::<f64>().ok().filter(|number| number.is_finite()),
                    Value::Text(_) => None,
                };
                let value = Annotation::Range {
                    low: end("min")?,
                    high: end("max")?,
                };
                marks.annotations.push(Node { value, at });
            }
            _ => {
                let (Some(language), Some(text)) = (find("language"), find("text")) else {
                    return None;
                };
                let (Value::Text(language), Value::Text(text)) = (&language.value, &text.value) else {
                    return None;
                };
                if language == "comment" {
                    self.comment(marks, text, at);
                }
            }
        }
        Some(())
    }

    /// A comment of `@verbatim` has our annotations as any comment has. It is one text, so they all stand at its place.
    fn comment(&mut self, marks: &mut Marks, text: &str, at: Span) {
        for line in text.lines() {
            let mut prose = String::new();
            for piece in pieces(line, at) {
                match piece {
                    Piece::Prose(text) => prose.push_str(text),
                    Piece::Annotation(annotation) => marks.annotations.push(Node { at, ..annotation }),
                    Piece::Wrong { message, help, .. } => self.parser.annotation_problem(at, message, help),
                }
            }
            marks.lines.push(prose.trim_end().to_owned());
        }
    }

    /// Moves over what stands in parentheses behind an annotation that is not ours.
    fn skip_annotation(&mut self) -> Option<()> {
        while self.accept("::") {
            self.word("a name", "write `@key`, for example")?;
        }
        if !self.is("(") {
            return Some(());
        }
        let mut depth = 0_usize;
        loop {
            match self.ahead.kind {
                Kind::Symbol("(") => depth += 1,
                Kind::Symbol(")") => depth -= 1,
                Kind::End | Kind::Symbol("{" | "}" | ";") => return self.expect(")", "close what `(` has opened"),
                _ => {}
            }
            self.take();
            if depth == 0 {
                return Some(());
            }
        }
    }
}
