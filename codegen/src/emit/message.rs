//! One message: its struct, its constants, its default value and its `impl Message`.

use super::docs::{docs, field_facts, paragraphs};
use super::enumeration::enumerations;
use super::writer::Writer;
use super::{Emitter, default, ident};
use crate::model::{Constant, Count, Element, Field, Message, Primitive, Scalar, TypeName};

impl Emitter<'_> {
    pub(super) fn message(&self, writer: &mut Writer, message: &Message) {
        self.structure(writer, message);
        self.constants(writer, message);
        self.enumerations(writer, message);
        if default::needs_own(message) {
            writer.line("");
            self.default(writer, message);
        }
        writer.line("");
        self.serialize(writer, message);
        writer.line("");
        self.deserialize(writer, message);
        writer.line("");
        self.json_schema(writer, message);
        writer.line("");
        let root = &self.target.crate_path;
        let facts = self.facts(&message.type_name);
        writer.open(&format!(
            "impl {root}::Message for {} {{",
            ident::upper(&message.type_name)
        ));
        self.identity(writer, &message.type_name);
        writer.line(&format!(
            "const MAX_ENCODED_LEN: ::std::option::Option<usize> = {};",
            optional(facts.max_len)
        ));
        writer.line(&format!("const EXCLUSIVE: bool = {};", message.exclusive));
        if facts.aged {
            writer.line("const HAS_MAX_AGE: bool = true;");
        }
        self.check(writer, message);
        if facts.aged {
            self.check_age(writer, message);
        }
        writer.close("}");
    }

    fn structure(&self, writer: &mut Writer, message: &Message) {
        let name = &message.type_name;
        docs(
            writer,
            &paragraphs([message.comment.clone(), format!("ROS 2 type `{name}`.")]),
        );
        let default = if default::needs_own(message) { "" } else { "Default, " };
        writer.line(&format!("#[derive(Clone, Debug, {default}PartialEq)]"));
        if message.fields.is_empty() {
            writer.line(&format!("pub struct {} {{}}", ident::upper(name)));
            return;
        }
        writer.open(&format!("pub struct {} {{", ident::upper(name)));
        for field in &message.fields {
            docs(writer, &paragraphs([field.comment.clone(), field_facts(field)]));
            let ident = ident::lower(&field.name);
            writer.line(&format!("pub {ident}: {},", self.field_type(name, field)));
        }
        writer.close("}");
    }

    /// The Rust type of a field.
    fn field_type(&self, from: &TypeName, field: &Field) -> String {
        let element = self.element_type(from, &field.field_type.element);
        match field.field_type.count {
            Count::One => element,
            Count::Array(count) => format!("[{element}; {count}]"),
            Count::Sequence { .. } => format!("::std::vec::Vec<{element}>"),
        }
    }

    pub(super) fn element_type(&self, from: &TypeName, element: &Element) -> String {
        match element {
            Element::Primitive(primitive) => primitive_type(*primitive).to_owned(),
            Element::Text { .. } => "::std::string::String".to_owned(),
            Element::Message(name) => self.path(from, name),
        }
    }

    fn enumerations(&self, writer: &mut Writer, message: &Message) {
        if enumerations(message).next().is_none() {
            return;
        }
        writer.line("");
        writer.open(&format!("impl {} {{", ident::upper(&message.type_name)));
        for (index, enumeration) in enumerations(message).enumerate() {
            if index > 0 {
                writer.line("");
            }
            enumeration.accessors(writer);
        }
        writer.close("}");
        for enumeration in enumerations(message) {
            writer.line("");
            enumeration.definition(writer);
        }
    }

    fn constants(&self, writer: &mut Writer, message: &Message) {
        if message.constants.is_empty() {
            return;
        }
        writer.line("");
        writer.open(&format!("impl {} {{", ident::upper(&message.type_name)));
        for constant in &message.constants {
            docs(writer, &constant.comment);
            let (constant_type, value) = constant_value(constant);
            writer.line(&format!("pub const {}: {constant_type} = {value};", constant.name));
        }
        writer.close("}");
    }
}

fn optional(value: Option<usize>) -> String {
    match value {
        Some(value) => format!("::std::option::Option::Some({value})"),
        None => "::std::option::Option::None".to_owned(),
    }
}

fn constant_value(constant: &Constant) -> (&'static str, String) {
    match (&constant.element, &constant.value) {
        (_, Scalar::Text(text)) => ("&'static str", format!("{text:?}")),
        (Element::Primitive(primitive), value) => (primitive_type(*primitive), default::literal(*primitive, value)),
        (_, value) => ("u8", default::literal(Primitive::Uint8, value)),
    }
}

pub(super) fn primitive_type(primitive: Primitive) -> &'static str {
    match primitive {
        Primitive::Bool => "bool",
        Primitive::Byte | Primitive::Char | Primitive::Uint8 => "u8",
        Primitive::Int8 => "i8",
        Primitive::Int16 => "i16",
        Primitive::Uint16 => "u16",
        Primitive::Int32 => "i32",
        Primitive::Uint32 => "u32",
        Primitive::Int64 => "i64",
        Primitive::Uint64 => "u64",
        Primitive::Float32 => "f32",
        Primitive::Float64 => "f64",
    }
}
