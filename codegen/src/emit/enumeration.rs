//! A type for the values of an integer field with `@enum`, beside the plain field.
//!
//! The field stays the integer that it is on the wire. The type wraps it, has the constants by their short names, and
//! keeps a value that no constant has: a message of a newer schema loses nothing when it is passed on.

use std::collections::BTreeSet;
use std::fmt;

use super::default::literal;
use super::docs::{docs, paragraphs};
use super::message::primitive_type;
use super::writer::Writer;
use super::{check, ident};
use crate::model::{Constant, Count, Element, Field, Message, Primitive};

/// A field whose values have a type of their own.
pub(super) struct Enumeration<'a> {
    message: &'a Message,
    field: &'a Field,
    prefix: &'a str,
    primitive: Primitive,
}

/// The enumerations of a message, in field order. Lists of them, and texts, have none.
pub(super) fn enumerations(message: &Message) -> impl Iterator<Item = Enumeration<'_>> {
    message.fields.iter().filter_map(move |field| {
        let prefix = field.limits.enumeration.as_deref()?;
        match (&field.field_type.element, field.field_type.count) {
            (Element::Primitive(primitive), Count::One) => Some(Enumeration {
                message,
                field,
                prefix,
                primitive: *primitive,
            }),
            _ => None,
        }
    })
}

/// As a problem names it.
impl fmt::Display for Enumeration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the enumeration `{}` of `{}`",
            self.field.name, self.message.type_name
        )
    }
}

impl<'a> Enumeration<'a> {
    /// `MotionCommandMode` for the field `mode` of `MotionCommand`.
    pub(super) fn type_name(&self) -> String {
        let mut name = ident::upper(&self.message.type_name);
        for word in self.field.name.split('_') {
            let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            name.push_str(&first.to_ascii_uppercase());
            name.push_str(rest);
        }
        name
    }

    fn constants(&self) -> impl Iterator<Item = &'a Constant> {
        let element = &self.field.field_type.element;
        let named = self
            .message
            .constants
            .iter()
            .filter(|constant| constant.name.starts_with(self.prefix));
        named.filter(move |constant| check::fits(element, &constant.value))
    }

    /// The name of a constant without the prefix, where that is a name.
    fn short_names(&self) -> Vec<&'a str> {
        let short = |constant: &'a Constant| {
            let rest = constant
                .name
                .strip_prefix(self.prefix)
                .unwrap_or_default()
                .trim_start_matches('_');
            match rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
                true => rest,
                false => constant.name.as_str(),
            }
        };
        let names: Vec<&str> = self.constants().map(short).collect();
        match names.iter().collect::<BTreeSet<_>>().len() == names.len() {
            true => names,
            false => self.constants().map(|constant| constant.name.as_str()).collect(),
        }
    }

    /// The type and what it can do.
    pub(super) fn definition(&self, writer: &mut Writer) {
        let (name, raw) = (self.type_name(), primitive_type(self.primitive));
        let (message, field) = (ident::upper(&self.message.type_name), ident::lower(&self.field.name));
        docs(
            writer,
            &paragraphs([
                format!(
                    "The values of `{message}::{field}`: the constants `{}…`, and any other as it is.",
                    self.prefix
                ),
                "Constants can be matched; a value that is none of them needs a `_`.".to_owned(),
            ]),
        );
        writer.line("#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]");
        writer.line(&format!("pub struct {name}({raw});"));
        writer.line("");
        writer.open(&format!("impl {name} {{"));
        for (constant, short) in self.constants().zip(self.short_names()) {
            docs(writer, &constant.comment);
            writer.line(&format!(
                "pub const {short}: Self = Self({});",
                literal(self.primitive, &constant.value)
            ));
        }
        writer.line("");
        writer.line("/// Takes the value of the field, known or not.");
        writer.open(&format!("pub const fn from_raw(raw: {raw}) -> Self {{"));
        writer.line("Self(raw)");
        writer.close("}");
        writer.line("");
        writer.line("/// The value of the field.");
        writer.open(&format!("pub const fn raw(self) -> {raw} {{"));
        writer.line("self.0");
        writer.close("}");
        writer.line("");
        writer.line("/// The name of the constant in the schema; `None` when no constant has this value.");
        writer.open("pub const fn name(self) -> ::std::option::Option<&'static str> {");
        writer.open("match self.0 {");
        let mut known = BTreeSet::new();
        for constant in self.constants() {
            let value = literal(self.primitive, &constant.value);
            // Of several names for one value, the first counts.
            if known.insert(value.clone()) {
                writer.line(&format!("{value} => ::std::option::Option::Some({:?}),", constant.name));
            }
        }
        // Constants for all 256 values of an octet would leave nothing for this arm.
        writer.line("#[allow(unreachable_patterns, reason = \"generated code\")]");
        writer.line("_ => ::std::option::Option::None,");
        writer.close("}");
        writer.close("}");
        writer.close("}");
        writer.line("");
        self.display(writer, &name);
    }

    fn display(&self, writer: &mut Writer, name: &str) {
        writer.line("/// The name of the constant, or the number.");
        writer.open(&format!("impl ::std::fmt::Display for {name} {{"));
        writer.open("fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {");
        writer.open("match self.name() {");
        writer.line("::std::option::Option::Some(name) => f.write_str(name),");
        writer.line("::std::option::Option::None => ::std::fmt::Display::fmt(&self.0, f),");
        writer.close("}");
        writer.close("}");
        writer.close("}");
    }

    /// Reading and writing the field through the type, inside of the message's `impl`.
    pub(super) fn accessors(&self, writer: &mut Writer) {
        let (name, field) = (self.type_name(), ident::lower(&self.field.name));
        let plain = &self.field.name;
        writer.line(&format!("/// The value of `{plain}`, with the names that it has."));
        writer.open(&format!("pub const fn {plain}_enum(&self) -> {name} {{"));
        writer.line(&format!("{name}::from_raw(self.{field})"));
        writer.close("}");
        writer.line("");
        writer.line(&format!("/// Sets `{plain}`."));
        writer.open(&format!("pub const fn set_{plain}_enum(&mut self, value: {name}) {{"));
        writer.line(&format!("self.{field} = value.raw();"));
        writer.close("}");
    }
}
