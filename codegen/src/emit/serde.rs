//! How a message is serialised and deserialised: the few lines that depend on the message. Everything else stands in
//! `nuncio_msgs::encoding`, once; derives would write it out for each type, and take most of the compile time.

use super::default::DERIVED_ARRAY_LEN;
use super::writer::Writer;
use super::{Emitter, ident};
use crate::model::{Count, Element, Field, Message, Primitive};

impl Emitter<'_> {
    pub(super) fn serialize(&self, writer: &mut Writer, message: &Message) {
        let root = &self.target.crate_path;
        let name = ident::upper(&message.type_name);
        let count = message.fields.len();
        writer.open(&format!("impl {root}::serde::Serialize for {name} {{"));
        writer.open(&format!(
            "fn serialize<S: {root}::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {{"
        ));
        let mutable = if count > 0 { "mut " } else { "" };
        writer.line(&format!("use {root}::serde::ser::SerializeStruct as _;"));
        writer.line(&format!(
            "let {mutable}fields = serializer.serialize_struct(\"{name}\", {count})?;"
        ));
        for field in &message.fields {
            let ident = ident::lower(&field.name);
            let value = match self.encoding(field) {
                Some((module, borrowed, _)) => format!("&{root}::encoding::{module}::{borrowed}(&self.{ident})"),
                None => format!("&self.{ident}"),
            };
            writer.line(&format!("fields.serialize_field(\"{}\", {value})?;", field.name));
        }
        writer.line("fields.end()");
        writer.close("}");
        writer.close("}");
    }

    pub(super) fn deserialize(&self, writer: &mut Writer, message: &Message) {
        let root = &self.target.crate_path;
        let name = ident::upper(&message.type_name);
        writer.open(&format!("impl<'de> {root}::serde::Deserialize<'de> for {name} {{"));
        writer.open(&format!(
            "fn deserialize<D: {root}::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {{"
        ));
        writer.line(&format!("{root}::encoding::fields::deserialize(deserializer)"));
        writer.close("}");
        writer.close("}");
        writer.line("");

        let unused = if message.fields.is_empty() { "_" } else { "" };
        writer.open(&format!("impl {root}::encoding::fields::Fields for {name} {{"));
        writer.line(&format!("const NAME: &'static str = \"{name}\";"));
        let names: Vec<String> = message.fields.iter().map(|field| format!("{:?}", field.name)).collect();
        writer.line(&format!(
            "const FIELDS: &'static [&'static str] = &[{}];",
            names.join(", ")
        ));
        writer.open(&format!(
            "fn in_order<'de, A: {root}::serde::de::SeqAccess<'de>>({unused}sequence: &mut A) -> \
             ::std::result::Result<Self, A::Error> {{"
        ));
        writer.open("::std::result::Result::Ok(Self {");
        for (index, field) in message.fields.iter().enumerate() {
            let ident = ident::lower(&field.name);
            let value = match self.encoding(field) {
                Some((module, _, owned)) => format!(
                    "{root}::encoding::fields::element::<Self, {root}::encoding::{module}::{owned}, A>(sequence, {index})?.0"
                ),
                None => format!("{root}::encoding::fields::element::<Self, _, A>(sequence, {index})?"),
            };
            writer.line(&format!("{ident}: {value},"));
        }
        writer.close("})");
        writer.close("}");
        self.set(writer, message);
        writer.close("}");
    }

    fn set(&self, writer: &mut Writer, message: &Message) {
        let root = &self.target.crate_path;
        let unused = if message.fields.is_empty() { "_" } else { "" };
        writer.open(&format!(
            "fn set<'de, A: {root}::serde::de::MapAccess<'de>>(&mut self, index: usize, {unused}map: &mut A) -> \
             ::std::result::Result<(), A::Error> {{"
        ));
        writer.open("match index {");
        for (index, field) in message.fields.iter().enumerate() {
            let ident = ident::lower(&field.name);
            let value = match self.encoding(field) {
                Some((module, _, owned)) => {
                    format!("map.next_value::<{root}::encoding::{module}::{owned}>()?.0")
                }
                None => "map.next_value()?".to_owned(),
            };
            writer.line(&format!("{index} => self.{ident} = {value},"));
        }
        writer.line("_ => {}");
        writer.close("}");
        writer.line("::std::result::Result::Ok(())");
        writer.close("}");
    }

    /// The module of `nuncio_msgs::encoding` that this field needs, and its wrappers for writing and reading.
    fn encoding(&self, field: &Field) -> Option<(&'static str, &'static str, &'static str)> {
        match (&field.field_type.element, field.field_type.count) {
            (Element::Primitive(primitive), Count::Sequence { .. }) if primitive.is_octet() => {
                Some(("octets", "Octets", "OctetBuf"))
            }
            (Element::Primitive(Primitive::Float32 | Primitive::Float64), Count::Sequence { .. }) => {
                Some(("floats", "Floats", "FloatBuf<_>"))
            }
            (Element::Message(name), Count::Sequence { .. }) if self.facts(name).may_be_empty => {
                Some(("empties", "Empties", "EmptiesBuf<_>"))
            }
            (_, Count::Array(count)) if count > DERIVED_ARRAY_LEN => Some(("array", "Array", "ArrayBuf<_, _>")),
            _ => None,
        }
    }
}
