//! Constant values of an `.idl` file, and how they fit the type of what they are a value of.

use super::Idl;
use super::expression::Place;
use super::token::Kind;
use crate::ast::{ElementAst, Node, Span};
use crate::model::{Count, DefaultValue, Primitive, Scalar};
use crate::parse::literal::{self, WrongValue};

/// A value that has not met its type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number or a truth value, as a `.msg` file would write it.
    Plain(String),
    /// A text or a character.
    Text(String),
}

impl Idl<'_, '_, '_, '_> {
    /// A literal, texts that stand side by side, the name of a constant, or what is computed from such.
    pub(super) fn value(&mut self, place: Place) -> Option<Node<Value>> {
        let start = self.ahead.at;
        let value = match self.ahead.kind {
            Kind::Text(_) => Value::Text(self.texts()),
            _ => self.expression(place)?,
        };
        let end = match self.behind.line == start.line {
            true => self.behind.end,
            false => start.end,
        };
        Some(Node {
            value,
            at: Span { end, ..start },
        })
    }

    /// Texts that stand side by side are one.
    fn texts(&mut self) -> String {
        let mut joined = String::new();
        while let Kind::Text(text) = &self.ahead.kind {
            joined.push_str(text);
            self.take();
        }
        joined
    }

    pub(super) fn named_value(&mut self) -> Option<Node<Value>> {
        let help = "write the name of a constant";
        let mut name = self.word("a value", help)?;
        while self.accept("::") {
            name = self.word("a name", help)?;
        }
        let at = name.at;
        match self.constants.get(name.value) {
            Some(value) => Some(Node {
                value: value.clone(),
                at,
            }),
            // What ROS 2's adapter writes for floats that are no number.
            None if ["inf", "nan"].iter().any(|word| name.value.eq_ignore_ascii_case(word)) => Some(Node {
                value: Value::Plain(name.value.to_owned()),
                at,
            }),
            None => {
                let message = format!("no constant is named `{}`", name.value);
                let help = "define it above, in this file; constants of other files cannot be named";
                self.parser.problem(at, message, help);
                None
            }
        }
    }

    /// The value of an element, or `None` and a problem when it does not fit.
    pub(super) fn scalar(&mut self, element: &ElementAst, value: &Node<Value>) -> Option<Scalar> {
        match scalar(element, &value.value) {
            Ok(scalar) => Some(scalar),
            Err(wrong) => {
                self.parser.problem(value.at, wrong.message, wrong.help);
                None
            }
        }
    }

    /// What `@default` says about a field of this type.
    pub(super) fn default_value(
        &mut self,
        element: &ElementAst,
        count: Count,
        value: Option<&Node<Value>>,
    ) -> Option<Node<DefaultValue>> {
        let value = value?;
        let read = match (count, &value.value) {
            (Count::One, plain) if !matches!(element, ElementAst::Named { .. }) => {
                scalar(element, plain).map(DefaultValue::One)
            }
            // A list is a Python tuple in a text: "(1, 2)", with a comma behind a lonely value.
            (_, Value::Text(tuple)) => {
                let inside = tuple.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')'));
                let values = inside.map(|text| text.trim().strip_suffix(',').unwrap_or(text));
                literal::default_value(
                    element,
                    count,
                    &values.map_or(tuple.clone(), |text| format!("[{text}]")),
                )
            }
            (_, Value::Plain(plain)) => literal::default_value(element, count, plain),
        };
        match read {
            Ok(read) => Some(Node {
                value: read,
                at: value.at,
            }),
            Err(wrong) => {
                let help = match count {
                    Count::One => wrong.help,
                    Count::Array(_) | Count::Sequence { .. } => {
                        format!("{}; in IDL a list is a text, `\"(1, 2)\"`", wrong.help)
                    }
                };
                self.parser.problem(value.at, wrong.message, help);
                None
            }
        }
    }
}

fn scalar(element: &ElementAst, value: &Value) -> Result<Scalar, WrongValue> {
    match (element, value) {
        (ElementAst::Text { kind, bound }, Value::Text(text)) => literal::bounded_text(*kind, *bound, text.clone()),
        (ElementAst::Text { .. }, Value::Plain(_)) => Err(WrongValue {
            message: "the value of a text is a text".to_owned(),
            help: "put it in double quotes".to_owned(),
        }),
        (ElementAst::Primitive(Primitive::Char), Value::Text(text)) => match text.as_bytes() {
            [octet] => Ok(Scalar::Integer(i128::from(*octet))),
            _ => Err(WrongValue {
                message: "the value of a char is one ASCII character".to_owned(),
                help: "write `'a'`".to_owned(),
            }),
        },
        (_, Value::Text(text)) => Err(WrongValue {
            message: format!("the text {text:?} is not a number"),
            help: "write the number without quotes".to_owned(),
        }),
        (ElementAst::Primitive(primitive), Value::Plain(number)) if primitive.integer_range().is_some() => {
            literal::scalar(element, &octal(number))
        }
        (_, Value::Plain(plain)) => literal::scalar(element, plain),
    }
}

/// A leading zero means base 8 in IDL, as in C; `.msg` files write `0o17` for it.
pub(super) fn octal(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number.trim_start_matches('+')),
    };
    match digits.strip_prefix('0') {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|digit| digit.is_ascii_digit()) => {
            format!("{sign}0o{rest}")
        }
        _ => number.to_owned(),
    }
}
