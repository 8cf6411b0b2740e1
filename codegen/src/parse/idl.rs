//! Stage 1 for `.idl` files: what ROS 2 reads of OMG IDL 4.2 becomes the same syntax tree as a `.msg` file.
//!
//! Read are modules, structures, constants, type definitions, sequences, arrays, bounded texts, and the annotations
//! `@verbatim`, `@default`, `@unit` and `@range`; other annotations are somebody else's and are left alone. What IDL
//! has beyond that has no type description in ROS 2, and is an error that says so.
//!
//! Nothing here recurses: the language as ROS 2 has it is three modules deep, and lists have no lists inside.

mod annotation;
mod token;
mod type_spec;
mod value;

use std::collections::HashMap;

use self::annotation::Marks;
use self::token::{Kind, Token, Tokens};
use self::value::Value;
use super::{MAX_ELEMENTS, Parser};
use crate::ast::{ConstantAst, ElementAst, FieldAst, Node, SectionAst, Span};
use crate::model::{Count, InterfaceKind, Primitive, TypeName};
use crate::type_description::PLACEHOLDER_MEMBER;

/// Definitions of IDL that ROS 2 has no types for, and what to write instead.
const UNSUPPORTED: [(&str, &str); 11] = [
    ("enum", "make it a module of constants and an integer field"),
    ("union", "write a structure with a field for each case"),
    ("bitmask", "make it constants and an unsigned integer field"),
    ("bitset", "make it an unsigned integer field"),
    ("valuetype", "write a structure"),
    (
        "interface",
        "a service is an `.srv` file, or an `.idl` file in the folder `srv`",
    ),
    ("exception", "write a structure"),
    ("native", "write a structure"),
    ("abstract", "write a structure"),
    ("local", "write a structure"),
    (
        "import",
        "write `#include`, or nothing: names are found by their package",
    ),
];

/// Whether a text is IDL: its first word is `module`, which is nothing in a `.msg` file.
pub(crate) fn is_idl(text: &str) -> bool {
    let mut tokens = Tokens::new(text);
    loop {
        match tokens.next().kind {
            Kind::Directive(_) => {}
            kind => return kind == Kind::Word("module"),
        }
    }
}

/// Where the parser is in one `.idl` file.
struct Idl<'p, 'a, 'b, 't> {
    parser: &'p mut Parser<'a, 'b>,
    tokens: Tokens<'t>,
    /// The token that is looked at and not yet taken.
    ahead: Token<'t>,
    /// Where the token stands that was taken last.
    behind: Span,
    /// Something was no token, which is said: the rest of the file was not read.
    cut_short: bool,
    own: &'p TypeName,
    /// The modules that are open.
    path: Vec<String>,
    typedefs: HashMap<String, (ElementAst, Count)>,
    constants: HashMap<String, Value>,
    /// The structures that the file should have, whether it has them, and what is in them.
    parts: Vec<Part>,
}

struct Part {
    name: String,
    found: bool,
    section: SectionAst,
}

/// Parses a file that `own` is the type of.
pub(super) fn parse(parser: &mut Parser<'_, '_>, own: &TypeName, text: &str) {
    let suffixes: &[&str] = match own.kind {
        InterfaceKind::Msg => &[""],
        InterfaceKind::Srv => &["_Request", "_Response"],
        InterfaceKind::Action => &["_Goal", "_Result", "_Feedback"],
    };
    let part = |suffix: &&str| Part {
        name: format!("{}{suffix}", own.name),
        found: false,
        section: SectionAst::default(),
    };
    let mut tokens = Tokens::new(text);
    let mut idl = Idl {
        ahead: tokens.next(),
        behind: Span::default(),
        cut_short: false,
        tokens,
        parser,
        own,
        path: Vec::new(),
        typedefs: HashMap::new(),
        constants: HashMap::new(),
        parts: suffixes.iter().map(part).collect(),
    };
    idl.definitions();
    idl.finish();
}

impl<'t> Idl<'_, '_, '_, 't> {
    /// The token ahead, which is behind us afterwards. One that is no token ends the file: what follows is guesswork.
    fn take(&mut self) -> Token<'t> {
        if let Kind::Wrong(help) = self.ahead.kind {
            self.parser.problem(self.ahead.at, "this is not IDL", help);
            self.tokens = Tokens::new("");
            self.cut_short = true;
        }
        self.behind = self.ahead.at;
        let next = self.tokens.next();
        std::mem::replace(&mut self.ahead, next)
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.ahead.kind, Kind::Symbol(ahead) if ahead == symbol)
    }

    /// Takes this symbol when it is the next one.
    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.take();
        }
        found
    }

    /// Takes this symbol, or says that it is missing.
    fn expect(&mut self, symbol: &str, help: &str) -> Option<()> {
        if self.accept(symbol) {
            return Some(());
        }
        self.unexpected(&format!("`{symbol}`"), help);
        None
    }

    fn unexpected(&mut self, wanted: &str, help: &str) {
        let found = match &self.ahead.kind {
            // What is wrong with it is said when it is taken.
            Kind::Wrong(_) => return,
            Kind::End if self.cut_short => return,
            Kind::Word(word) | Kind::Number(word) => format!("`{word}`"),
            Kind::Text(_) => "a text".to_owned(),
            Kind::Symbol(symbol) => format!("`{symbol}`"),
            Kind::Directive(_) => "a line with `#`".to_owned(),
            Kind::End => "the end of the file".to_owned(),
        };
        let at = self.place();
        self.parser
            .problem(at, format!("expected {wanted}, found {found}"), help);
    }

    /// Where the token ahead stands; at the end of the file, the last one that there is.
    fn place(&self) -> Span {
        match self.ahead.kind {
            Kind::End => self.behind,
            _ => self.ahead.at,
        }
    }

    fn word(&mut self, wanted: &str, help: &str) -> Option<Node<&'t str>> {
        let Kind::Word(value) = self.ahead.kind else {
            self.unexpected(wanted, help);
            return None;
        };
        Some(Node {
            value,
            at: self.take().at,
        })
    }

    /// Moves behind the `;` that ends the definition which is wrong, or before the `}` that ends what it stands in.
    fn recover(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.ahead.kind {
                Kind::End => return,
                Kind::Symbol("}") if depth == 0 => return,
                Kind::Symbol("{") => depth += 1,
                Kind::Symbol("}") => depth -= 1,
                Kind::Symbol(";") if depth == 0 => {
                    self.take();
                    return;
                }
                _ => {}
            }
            self.take();
        }
    }

    /// Everything down to the end of the file, modules opened and closed as they come.
    fn definitions(&mut self) {
        let mut marks = Marks::default();
        loop {
            let done = match self.ahead.kind {
                Kind::End | Kind::Wrong(_) => break,
                Kind::Symbol("@") => self.annotation(&mut marks),
                Kind::Symbol("}") if !self.path.is_empty() => {
                    self.take();
                    self.path.pop();
                    self.expect(";", "a module ends with `};`")
                }
                Kind::Symbol(";") => Some(_ = self.take()),
                Kind::Directive(text) => self.directive(text),
                Kind::Word("module") => self.module(),
                Kind::Word("struct") => self.structure(std::mem::take(&mut marks)),
                Kind::Word("const") => self.constant(std::mem::take(&mut marks)),
                Kind::Word("typedef") => self.typedef(),
                _ => self.unsupported(),
            };
            if done.is_none() {
                marks = Marks::default();
                self.recover();
            }
        }
        if let Kind::Wrong(_) = self.ahead.kind {
            self.take();
        } else if let Some(module) = self.path.last().filter(|_| !self.cut_short) {
            let message = format!("the module `{module}` has no end");
            let at = self.place();
            self.parser.problem(at, message, "close it with `};`");
        }
    }

    fn directive(&mut self, text: &str) -> Option<()> {
        let at = self.take().at;
        if !text.starts_with("include") {
            let help = "only `#include` may stand here, and names are found without it, too";
            self.parser
                .problem(at, "a directive for a preprocessor that does not exist", help);
        }
        Some(())
    }

    fn unsupported(&mut self) -> Option<()> {
        let Kind::Word(word) = self.ahead.kind else {
            self.unexpected(
                "a definition",
                "write `module`, `struct`, `const` or `typedef`, and `;` behind each",
            );
            self.take();
            return None;
        };
        let help = UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == word).map_or(
            "a file has modules, and in them `struct`, `const` and `typedef`",
            |(_, help)| help,
        );
        let at = self.take().at;
        self.parser
            .problem(at, format!("`{word}` has no type description in ROS 2"), help);
        None
    }

    fn module(&mut self) -> Option<()> {
        self.take();
        let name = self.word("the name of a module", "write `module my_msgs {`")?;
        let wanted = match self.path.len() {
            0 => Some(self.own.package.clone()),
            1 => Some(self.own.kind.to_string()),
            _ => None,
        };
        if let Some(wanted) = wanted.filter(|wanted| wanted != name.value) {
            let message = format!("the module is named `{}`, the folder `{wanted}`", name.value);
            let help = format!(
                "the file defines `{}`: its modules are `{}` and in it `{}`",
                self.own, self.own.package, self.own.kind
            );
            self.parser.problem(name.at, message, help);
        }
        self.expect("{", "write `module my_msgs {`")?;
        self.path.push(name.value.to_owned());
        Some(())
    }

    /// The part with this name.
    fn part(&mut self, name: &str) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.name == name)
    }

    fn structure(&mut self, marks: Marks) -> Option<()> {
        self.take();
        let name = self.word("the name of the structure", "write `struct Name {`")?;
        if self.is(":") {
            let help = "make the other structure the type of a first field";
            self.parser.problem(self.ahead.at, "a structure cannot inherit", help);
            return None;
        }
        let known = self
            .part(name.value)
            .map(|part| std::mem::replace(&mut part.found, true));
        let problem = match known {
            None => Some(format!("the file defines `{}`, not `{}`", self.own, name.value)),
            Some(true) => Some(format!("`{}` was already defined", name.value)),
            Some(false) => None,
        };
        if let Some(problem) = problem {
            let names: Vec<&str> = self.parts.iter().map(|part| part.name.as_str()).collect();
            let help = format!("the structures of this file are `{}`, each once", names.join("`, `"));
            self.parser.problem(name.at, problem, help);
            return None;
        }
        self.expect("{", "write `struct Name {`")?;
        let mut fields = Vec::new();
        while !self.is("}") && self.ahead.kind != Kind::End {
            let start = self.ahead.at;
            if self.member(&mut fields).is_none() {
                self.recover();
            }
            // Whatever stands there, something is taken.
            if self.ahead.at == start && !self.is("}") {
                self.take();
            }
        }
        self.take();
        if let [only] = fields.as_slice()
            && only.name.value == PLACEHOLDER_MEMBER
            && only.element.value == ElementAst::Primitive(Primitive::Uint8)
        {
            fields.clear();
        }
        let (comment, exclusive) = self.parser.whole_comment(marks.into_remarks());
        if let Some(part) = self.part(name.value) {
            part.section.comment = comment;
            part.section.exclusive = exclusive;
            part.section.fields = fields;
        }
        self.expect(";", "a structure ends with `};`")
    }

    /// `@default (value=1) double x, y[3];`
    fn member(&mut self, fields: &mut Vec<FieldAst>) -> Option<()> {
        let mut marks = Marks::default();
        while self.is("@") {
            self.annotation(&mut marks)?;
        }
        let (element, count) = self.type_spec()?;
        loop {
            let name = self.word("the name of the field", "write `double speed;`")?;
            let count = self.dimensions(count)?;
            self.count_element(name.at)?;
            let name = Node {
                value: name.value.to_owned(),
                at: name.at,
            };
            if self.parser.field_name(&name) {
                let default = self.default_value(&element.value, count, marks.default.as_ref());
                fields.push(FieldAst {
                    element: element.clone(),
                    count,
                    name,
                    default,
                    remarks: marks.remarks(),
                });
            }
            if !self.accept(",") {
                return self.expect(";", "a field ends with `;`");
            }
        }
    }

    /// Counts one more field or constant; `None` when there are too many.
    fn count_element(&mut self, at: Span) -> Option<()> {
        self.parser.elements += 1;
        if self.parser.elements == MAX_ELEMENTS + 1 {
            let message = format!("the file has more than {MAX_ELEMENTS} fields and constants");
            self.parser
                .problem(at, message, "split the interface into several messages");
        }
        (self.parser.elements <= MAX_ELEMENTS).then_some(())
    }

    /// `const uint8 MODE_STOP = 0;`
    fn constant(&mut self, marks: Marks) -> Option<()> {
        self.take();
        let (element, count) = self.type_spec()?;
        let name = self.word("the name of the constant", "write `const uint8 MODE_STOP = 0;`")?;
        self.count_element(name.at)?;
        self.expect("=", "write `const uint8 MODE_STOP = 0;`")?;
        let value = self.value()?;
        self.expect(";", "a constant ends with `;`")?;
        if count != Count::One || !matches!(element.value, ElementAst::Primitive(_) | ElementAst::Text { .. }) {
            let help = "a constant is of a primitive type or a text; a list of values needs several";
            self.parser
                .problem(element.at, "a constant cannot be of this type", help);
            return Some(());
        }
        self.constants.insert(name.value.to_owned(), value.value.clone());
        // What follows is behind the `;` already, and can be read.
        let Some(scalar) = self.scalar(&element.value, &value) else {
            return Some(());
        };
        let owner = self.path.get(2).and_then(|module| module.strip_suffix("_Constants"));
        // Constants outside of a structure's module are for bounds; ROS 2 makes nothing else of them.
        let Some(owner) = owner.map(str::to_owned) else {
            return Some(());
        };
        let name = Node {
            value: name.value.to_owned(),
            at: name.at,
        };
        if self.parser.constant_name(&name)
            && let Some(part) = self.part(&owner)
        {
            part.section.constants.push(ConstantAst {
                element: unbounded(element.value),
                name,
                value: scalar,
                remarks: marks.into_remarks(),
            });
        }
        Some(())
    }

    /// `typedef double double__36[36];`
    fn typedef(&mut self) -> Option<()> {
        self.take();
        let (element, count) = self.type_spec()?;
        loop {
            let name = self.word("the new name of the type", "write `typedef double double__36[36];`")?;
            let count = self.dimensions(count)?;
            self.count_element(name.at)?;
            let known = self
                .typedefs
                .insert(name.value.to_owned(), (element.value.clone(), count));
            if known.is_some_and(|known| known != (element.value.clone(), count)) {
                let message = format!("`{}` was already defined as another type", name.value);
                self.parser
                    .problem(name.at, message, "give it another name, or remove it");
            }
            if !self.accept(",") {
                return self.expect(";", "a type definition ends with `;`");
            }
        }
    }

    fn finish(self) {
        for part in self.parts {
            if !part.found && !self.cut_short {
                let message = format!("the file does not define the structure `{}`", part.name);
                let help = format!("`{}` needs it; it may be empty", self.own);
                self.parser.problem(Span::default(), message, help);
            }
            self.parser.section = part.section;
            self.parser.duplicates();
            self.parser.done.push(std::mem::take(&mut self.parser.section));
        }
    }
}

/// A text of a constant has its length; a bound says nothing more.
fn unbounded(element: ElementAst) -> ElementAst {
    match element {
        ElementAst::Text { kind, .. } => ElementAst::Text { kind, bound: None },
        other => other,
    }
}
