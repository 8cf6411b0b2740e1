//! What a module of an `.idl` file defines: structures, constants, and names for types.

use super::Idl;
use super::annotation::Marks;
use super::expression::Place;
use super::token::Kind;
use crate::ast::{ConstantAst, ElementAst, FieldAst, Node, Span};
use crate::model::{Count, Primitive};
use crate::parse::MAX_ELEMENTS;
use crate::type_description::PLACEHOLDER_MEMBER;

impl Idl<'_, '_, '_, '_> {
    pub(super) fn structure(&mut self, marks: Marks) -> Option<()> {
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
    pub(super) fn constant(&mut self, marks: Marks) -> Option<()> {
        self.take();
        let (element, count) = self.type_spec()?;
        let name = self.word("the name of the constant", "write `const uint8 MODE_STOP = 0;`")?;
        self.count_element(name.at)?;
        self.expect("=", "write `const uint8 MODE_STOP = 0;`")?;
        let primitive = match element.value {
            ElementAst::Primitive(primitive) => Some(primitive),
            ElementAst::Text { .. } | ElementAst::Named { .. } => None,
        };
        let place = Place {
            primitive,
            in_angles: false,
        };
        let value = self.value(place)?;
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
    pub(super) fn typedef(&mut self) -> Option<()> {
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
}

/// A text of a constant has its length; a bound says nothing more.
fn unbounded(element: ElementAst) -> ElementAst {
    match element {
        ElementAst::Text { kind, .. } => ElementAst::Text { kind, bound: None },
        other => other,
    }
}
