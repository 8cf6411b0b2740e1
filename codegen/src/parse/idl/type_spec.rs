//! Types of an `.idl` file: primitives, texts, sequences, arrays, names of messages and of type definitions.

use super::Idl;
use super::expression::Place;
use super::token::{Kind, Token};
use super::value::Value;
use crate::ast::{ElementAst, Node, Span};
use crate::model::{Count, MAX_NAME_LEN, Primitive, Scalar, TextKind, is_lower_name, is_type_name};

/// The primitives of IDL, without those of several words.
const PRIMITIVES: [(&str, Primitive); 15] = [
    ("boolean", Primitive::Bool),
    ("octet", Primitive::Byte),
    ("char", Primitive::Char),
    ("float", Primitive::Float32),
    ("double", Primitive::Float64),
    ("short", Primitive::Int16),
    ("long", Primitive::Int32),
    ("int8", Primitive::Int8),
    ("uint8", Primitive::Uint8),
    ("int16", Primitive::Int16),
    ("uint16", Primitive::Uint16),
    ("int32", Primitive::Int32),
    ("uint32", Primitive::Uint32),
    ("int64", Primitive::Int64),
    ("uint64", Primitive::Uint64),
];

/// Types that are not read, and what to write instead.
const FOREIGN: [(&str, &str); 14] = [
    (
        "wchar",
        "ROS 2 describes it and its middlewares send it in different sizes; write `uint16`, or `wstring` for a text",
    ),
    ("fixed", "write `double`, or an integer of the smallest unit"),
    ("map", "write a sequence of a message with two fields"),
    ("any", "write the message that is meant"),
    ("Object", "write the message that is meant"),
    ("bool", "write `boolean`"),
    ("byte", "write `octet`"),
    ("float32", "write `float`"),
    ("float64", "write `double`"),
    ("int", "write `int32`"),
    ("uint", "write `uint32`"),
    ("enum", "make it a module of constants and an integer field"),
    ("union", "write a structure with a field for each case"),
    ("struct", "make it a message of its own, in a file of its own"),
];

/// The type of an element, where it stands, and how many there are.
type Spec = (Node<ElementAst>, Count);

impl Idl<'_, '_, '_, '_> {
    /// A type, before what stands behind the name of what it is the type of.
    pub(super) fn type_spec(&mut self) -> Option<Spec> {
        if self.ahead.kind != Kind::Word("sequence") {
            return self.element();
        }
        let at = self.take().at;
        self.expect("<", "write `sequence<double>` or `sequence<double, 3>`")?;
        if self.ahead.kind == Kind::Word("sequence") {
            return self.list_of_lists();
        }
        let (element, count) = self.element()?;
        if count != Count::One {
            return self.list_of_lists();
        }
        let bound = match self.accept(",") {
            true => Some(self.bound(true)?),
            false => None,
        };
        self.close()?;
        let element = Node {
            at: Span {
                start: at.start,
                ..element.at
            },
            ..element
        };
        Some((element, Count::Sequence { bound }))
    }

    fn list_of_lists<T>(&mut self) -> Option<T> {
        let help = "make the inner list a message of its own, and a list of that message";
        self.parser
            .problem(self.ahead.at, "a list of lists does not exist in ROS 2", help);
        None
    }

    /// `>`, which may be the first half of `>>`.
    fn close(&mut self) -> Option<()> {
        if self.is(">>") {
            let at = Span {
                start: self.ahead.at.start + 1,
                ..self.ahead.at
            };
            self.ahead = Token {
                kind: Kind::Symbol(">"),
                at,
            };
            return Some(());
        }
        self.expect(">", "close what `<` has opened")
    }

    fn element(&mut self) -> Option<Spec> {
        let help = "write a type such as `double`, `sequence<uint8>`, `string<16>` or `std_msgs::msg::Header`";
        // A name that begins with `::` is looked for from the top, where packages are.
        self.accept("::");
        let word = self.word("a type", help)?;
        let at = word.at;
        let plain = |element| Some((Node { value: element, at }, Count::One));
        let kind = match word.value {
            "string" => Some(TextKind::String),
            "wstring" => Some(TextKind::Wstring),
            _ => None,
        };
        if let Some(kind) = kind {
            let bound = match self.accept("<") {
                true => {
                    let bound = self.bound(true)?;
                    self.close()?;
                    Some(bound)
                }
                false => None,
            };
            return plain(ElementAst::Text { kind, bound });
        }
        if let Some(primitive) = self.integer(word.value)? {
            return plain(ElementAst::Primitive(primitive));
        }
        if let Some((_, help)) = FOREIGN.iter().find(|(foreign, _)| *foreign == word.value) {
            let message = format!("`{}` is not a type that is read from IDL", word.value);
            self.parser.problem(at, message, *help);
            return None;
        }
        match PRIMITIVES.iter().find(|(name, _)| *name == word.value) {
            Some((_, primitive)) => plain(ElementAst::Primitive(*primitive)),
            None => self.scoped_name(word),
        }
    }

    /// The rest of `unsigned long long` and `long long`; nothing for types of one word.
    #[expect(clippy::option_option, reason = "a problem, no such type, or the type")]
    fn integer(&mut self, first: &str) -> Option<Option<Primitive>> {
        let second = match self.ahead.kind {
            Kind::Word(word) => word,
            _ => "",
        };
        let found = match (first, second) {
            ("unsigned", "short") => Primitive::Uint16,
            ("unsigned", "long") => Primitive::Uint32,
            ("long", "long") => Primitive::Int64,
            ("long", "double") => {
                let help = "ROS 2 describes it and each platform sends it in another size; write `double`";
                self.parser
                    .problem(self.ahead.at, "`long double` is not a type that is read from IDL", help);
                return None;
            }
            ("unsigned", _) => {
                self.unexpected("`short` or `long`", "write `unsigned long`, or better `uint32`");
                return None;
            }
            _ => return Some(None),
        };
        self.take();
        if found == Primitive::Uint32 && self.ahead.kind == Kind::Word("long") {
            self.take();
            return Some(Some(Primitive::Uint64));
        }
        Some(Some(found))
    }

    /// `Name`, `msg::Name` or `package::msg::Name`: a type definition of this file, or a message.
    fn scoped_name(&mut self, first: Node<&str>) -> Option<Spec> {
        let mut parts = vec![first.value];
        let mut at = first.at;
        while parts.len() < 4 && self.accept("::") {
            let part = self.word("a name", "a message is named `package::msg::Name`")?;
            parts.push(part.value);
            if part.at.line == at.line {
                at.end = part.at.end;
            }
        }
        let own = parts.len() == 1 || parts.len() == 3 && parts.first() == Some(&self.own.package.as_str());
        let definition = parts.last().and_then(|name| self.typedefs.get(*name));
        if let Some((element, count)) = definition.filter(|_| own) {
            let element = Node {
                value: element.clone(),
                at,
            };
            return Some((element, *count));
        }
        let (package, name) = match parts.as_slice() {
            [name] | ["msg", name] => (None, *name),
            [package, "msg", name] if is_lower_name(package) => (Some((*package).to_owned()), *name),
            _ => (None, ""),
        };
        if !is_type_name(name) || parts.iter().map(|part| part.len() + 1).sum::<usize>() > MAX_NAME_LEN {
            let message = format!("`{}` is not a type", parts.join("::"));
            let help = "a message is named `package::msg::Name`; a type definition stands above its first use";
            self.parser.problem(at, message, help);
            return None;
        }
        let value = ElementAst::Named {
            package,
            name: name.to_owned(),
        };
        Some((Node { value, at }, Count::One))
    }

    /// `[3]` behind a name makes an array of what is one.
    pub(super) fn dimensions(&mut self, count: Count) -> Option<Count> {
        if !self.accept("[") {
            return Some(count);
        }
        if count != Count::One {
            return self.list_of_lists();
        }
        let length = self.bound(false)?;
        self.expect("]", "close what `[` has opened")?;
        if self.is("[") {
            return self.list_of_lists();
        }
        Some(Count::Array(length))
    }

    fn bound(&mut self, in_angles: bool) -> Option<u32> {
        let primitive = Some(Primitive::Uint32);
        let value = self.value(Place { primitive, in_angles })?;
        let element = ElementAst::Primitive(Primitive::Uint32);
        match (&value.value, self.scalar(&element, &value)?) {
            (Value::Plain(_), Scalar::Integer(bound)) if bound > 0 => u32::try_from(bound).ok(),
            _ => {
                self.parser
                    .problem(value.at, "a bound of zero leaves nothing", "a bound is at least 1");
                None
            }
        }
    }
}
