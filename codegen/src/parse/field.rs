//! One line of a schema: `TYPE NAME [DEFAULT]` or `TYPE NAME=VALUE`.

use std::collections::HashMap;

use super::comment::LastElement;
use super::{Code, Parser, literal};
use crate::ast::{ConstantAst, ElementAst, FieldAst, Node, Remarks, Span};
use crate::model::{Count, MAX_NAME_LEN, Primitive, TextKind, is_constant_name, is_lower_name, is_type_name};
use crate::near_name::near_names;

/// Names of types from other languages, and what they are called here.
const FOREIGN_TYPES: [(&str, &str); 12] = [
    ("time", "builtin_interfaces/Time"),
    ("duration", "builtin_interfaces/Duration"),
    ("float", "float32"),
    ("double", "float64"),
    ("int", "int32"),
    ("uint", "uint32"),
    ("short", "int16"),
    ("long", "int64"),
    ("boolean", "bool"),
    ("octet", "byte"),
    ("str", "string"),
    ("text", "string"),
];

impl Parser<'_, '_> {
    pub(super) fn element(&mut self, code: Code<'_>, remarks: Remarks) {
        // Comments below a line that is wrong must not attach to the element before it.
        self.last_element(LastElement::None);
        let (type_word, rest) = code.first_word();
        if rest.is_empty() {
            self.problem(
                code.span(type_word),
                "a line has a type and a name",
                "write `float64 speed`, for example",
            );
            return;
        }
        let end = rest
            .find(|letter: char| letter == '=' || letter.is_whitespace())
            .unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        let tail = tail.trim_start();
        let name = Node {
            value: name.to_owned(),
            at: code.span(name),
        };
        match tail.strip_prefix('=') {
            Some(value) => self.constant(code, type_word, name, value.trim_start(), remarks),
            None => self.field(code, type_word, name, tail, remarks),
        }
    }

    fn field(&mut self, code: Code<'_>, word: &str, name: Node<String>, default: &str, remarks: Remarks) {
        let field_type = self.field_type(code, word);
        // What follows a type with a blank in it is the rest of the type, not a name.
        let torn = field_type.is_none() && word.contains('[') && !word.ends_with(']');
        let named = !torn && self.field_name(&name);
        let Some((element, count)) = field_type else {
            return;
        };
        let default = match default {
            "" => None,
            text => match literal::default_value(&element, count, text) {
                Ok(value) => Some(Node {
                    value,
                    at: code.span(text),
                }),
                Err(wrong) => return self.problem(code.span(text), wrong.message, wrong.help),
            },
        };
        if named {
            let element = Node {
                value: element,
                at: code.span(word),
            };
            self.section.fields.push(FieldAst {
                element,
                count,
                name,
                default,
                remarks,
            });
            self.last_element(LastElement::Field);
        }
    }

    fn constant(&mut self, code: Code<'_>, word: &str, name: Node<String>, value: &str, remarks: Remarks) {
        let named = self.constant_name(&name);
        let Some((element, count)) = self.field_type(code, word) else {
            return;
        };
        let scalar = match (&element, count) {
            (ElementAst::Primitive(_) | ElementAst::Text { bound: None, .. }, Count::One) => {
                literal::scalar(&element, value)
            }
            _ => {
                let help = "a constant is of a primitive type or an unbounded text; a list of values needs several";
                return self.problem(code.span(word), format!("a constant cannot be of type `{word}`"), help);
            }
        };
        match scalar {
            Ok(value) if named => {
                self.section.constants.push(ConstantAst {
                    element,
                    name,
                    value,
                    remarks,
                });
                self.last_element(LastElement::Constant);
            }
            Ok(_) => {}
            Err(wrong) => {
                // An empty value has no place of its own.
                let at = if value.is_empty() { name.at } else { code.span(value) };
                self.problem(at, wrong.message, wrong.help);
            }
        }
    }

    pub(super) fn field_name(&mut self, name: &Node<String>) -> bool {
        let text = name.value.as_str();
        if is_lower_name(text) && text.len() <= MAX_NAME_LEN {
            return true;
        }
        let rule = "a field is named `[a-z][a-z0-9_]*` without `__` and without `_` at the end";
        let better = snake_case(text);
        let help = if is_lower_name(&better) && better.len() <= MAX_NAME_LEN {
            format!("{rule}, for example `{better}`")
        } else {
            rule.to_owned()
        };
        self.problem(name.at, format!("`{text}` cannot be the name of a field"), help);
        false
    }

    pub(super) fn constant_name(&mut self, name: &Node<String>) -> bool {
        let text = name.value.as_str();
        if is_constant_name(text) && text.len() <= MAX_NAME_LEN {
            return true;
        }
        let help = if is_lower_name(text) {
            format!(
                "a constant is named in capitals, `{}`; the default value of a field is written without `=`",
                text.to_ascii_uppercase()
            )
        } else {
            "a constant is named `[A-Z][A-Z0-9_]*` without `__` and without `_` at the end".to_owned()
        };
        self.problem(name.at, format!("`{text}` cannot be the name of a constant"), help);
        false
    }

    fn field_type(&mut self, code: Code<'_>, word: &str) -> Option<(ElementAst, Count)> {
        let Some(inner) = word.strip_suffix(']') else {
            if word.contains('[') {
                let help = "write the type as one word, such as `float64[3]` or `float64[<=3]`";
                self.problem(code.span(word), "the `[` has no `]`", help);
                return None;
            }
            return Some((self.element_type(code, word)?, Count::One));
        };
        let Some((base, size)) = inner.rsplit_once('[') else {
            self.problem(
                code.span(word),
                "the `]` has no `[`",
                "write `float64[3]`, `float64[<=3]` or `float64[]`",
            );
            return None;
        };
        if base.contains(['[', ']']) {
            let help = "make the inner list a message of its own, and a list of that message";
            self.problem(code.span(word), "a list of lists does not exist", help);
            return None;
        }
        let count = match (size, size.strip_prefix("<=")) {
            ("", _) => Count::Sequence { bound: None },
            (_, Some(bound)) => Count::Sequence {
                bound: Some(self.bound(code, word, bound)?),
            },
            (size, None) => Count::Array(self.bound(code, word, size)?),
        };
        Some((self.element_type(code, base)?, count))
    }

    fn element_type(&mut self, code: Code<'_>, word: &str) -> Option<ElementAst> {
        for kind in [TextKind::String, TextKind::Wstring] {
            match word.strip_prefix(kind.as_str()) {
                Some("") => return Some(ElementAst::Text { kind, bound: None }),
                Some(rest) => {
                    if let Some(bound) = rest.strip_prefix("<=") {
                        return Some(ElementAst::Text {
                            kind,
                            bound: Some(self.bound(code, word, bound)?),
                        });
                    }
                }
                None => {}
            }
        }
        if let Some((base, _)) = word.split_once("<=") {
            let help = format!("only `string` and `wstring` have a greatest length; a list is `{base}[<=3]`");
            self.problem(code.span(word), format!("`{base}` cannot be bounded"), help);
            return None;
        }
        match Primitive::from_word(word) {
            // A `char` of a `.msg` file is an octet; that of IDL is a type of its own.
            Some(Primitive::Char) => Some(ElementAst::Primitive(Primitive::Uint8)),
            Some(primitive) => Some(ElementAst::Primitive(primitive)),
            None => self.named_type(code.span(word), word),
        }
    }

    fn named_type(&mut self, at: Span, word: &str) -> Option<ElementAst> {
        let parts: Vec<&str> = word.splitn(4, '/').collect();
        let valid = |name: &str| is_type_name(name) && word.len() <= MAX_NAME_LEN;
        let message = format!("`{word}` is not a type");
        match parts.as_slice() {
            [name] if valid(name) => Some(ElementAst::Named {
                package: None,
                name: (*name).to_owned(),
            }),
            [package, name] if is_lower_name(package) && valid(name) => Some(ElementAst::Named {
                package: Some((*package).to_owned()),
                name: (*name).to_owned(),
            }),
            [package, "msg" | "srv" | "action", name] => {
                self.problem(
                    at,
                    message,
                    format!("a message is named `package/Name`; write `{package}/{name}`"),
                );
                None
            }
            _ => {
                let known = FOREIGN_TYPES
                    .iter()
                    .find(|(foreign, _)| word.eq_ignore_ascii_case(foreign));
                let words = Primitive::ALL
                    .into_iter()
                    .map(Primitive::as_str)
                    .chain(["string", "wstring"]);
                let help = match (known, near_names(word, words).first()) {
                    (Some((_, ours)), _) => format!("did you mean `{ours}`?"),
                    (None, Some(near)) => format!("did you mean `{near}`?"),
                    (None, None) => {
                        "a type is a primitive such as `float64`, `string`, `Name` or `package/Name`".to_owned()
                    }
                };
                self.problem(at, message, help);
                None
            }
        }
    }

    fn bound(&mut self, code: Code<'_>, word: &str, text: &str) -> Option<u32> {
        let at = if text.is_empty() {
            code.span(word)
        } else {
            code.span(text)
        };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if text.is_empty() || !digits {
            let message = if text.is_empty() {
                "the bound is missing".to_owned()
            } else {
                format!("`{text}` is not a bound")
            };
            let help = "a bound is a whole number, such as `[3]`, `[<=3]` or `string<=3`, without blanks";
            self.problem(at, message, help);
            return None;
        }
        match text.parse::<u32>() {
            Ok(0) => {
                self.problem(at, "a bound of zero leaves nothing", "a bound is at least 1");
                None
            }
            Ok(bound) => Some(bound),
            Err(_) => {
                self.problem(
                    at,
                    format!("the bound {text} is too large"),
                    format!("a bound is at most {}", u32::MAX),
                );
                None
            }
        }
    }

    /// Names that occur twice in the part that ends here.
    pub(super) fn duplicates(&mut self) {
        let fields = self.section.fields.iter().map(|field| ("field", &field.name));
        let constants = self
            .section
            .constants
            .iter()
            .map(|constant| ("constant", &constant.name));
        let mut first_lines: HashMap<&str, usize> = HashMap::new();
        let mut twice = Vec::new();
        for (what, name) in fields.chain(constants) {
            match first_lines.get(name.value.as_str()) {
                Some(line) => twice.push((
                    name.at,
                    format!("the {what} `{}` was already defined in line {line}", name.value),
                )),
                None => _ = first_lines.insert(&name.value, name.at.line),
            }
        }
        for (at, message) in twice {
            self.problem(at, message, "give it another name, or remove it");
        }
    }
}

/// `linearVelocity` as `linear_velocity`.
fn snake_case(text: &str) -> String {
    let mut out = String::new();
    let mut after_small = false;
    for letter in text.chars() {
        if letter.is_ascii_uppercase() && after_small {
            out.push('_');
        }
        after_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let letter = if letter == '-' {
            '_'
        } else {
            letter.to_ascii_lowercase()
        };
        if letter != '_' || !out.ends_with('_') {
            out.push(letter);
        }
    }
    out.trim_matches('_').to_owned()
}
