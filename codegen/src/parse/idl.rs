//! Stage 1 for `.idl` files: what ROS 2 reads of OMG IDL 4.2 becomes the same syntax tree as a `.msg` file.
//!
//! Read are modules, structures, constants and their arithmetic, type definitions, sequences, arrays, bounded texts, and
//! the annotations `@verbatim`, `@default`, `@unit` and `@range`; other annotations are somebody else's and are left alone. What IDL
//! has beyond that has no type description in ROS 2, and is an error that says so.
//!
//! Nothing here recurses: the language as ROS 2 has it is three modules deep, and lists have no lists inside.

mod annotation;
mod definition;
mod expression;
mod token;
mod type_spec;
mod value;

use std::collections::HashMap;

use self::annotation::Marks;
use self::token::{Kind, Token, Tokens};
use self::value::Value;
use super::Parser;
use crate::ast::{ElementAst, Node, SectionAst, Span};
use crate::model::{Count, InterfaceKind, TypeName};

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
