//! Types as files of protobuf (proto3): what programs that are no robots know their messages by.
//!
//! | schema | protobuf |
//! |---|---|
//! | `geometry_msgs/msg/Twist` | message `Twist` of package `geometry_msgs.msg`, in `geometry_msgs/msg/Twist.proto` |
//! | the n-th field | field number n (from 19000 on, n + 1000: protobuf keeps the numbers between for itself) |
//! | `byte`, `char`, `uint8`, `uint16`, `uint32` | `uint32`; a list of octets is `bytes` |
//! | `uint64`, `bool`, `float32`, `float64` | `uint64`, `bool`, `float`, `double` |
//! | `int8`, `int16`, `int32`; `int64` | `sint32`; `sint64` |
//! | `string`, `wstring` | `string` |
//! | `T[N]`, `T[]`, `T[<=N]` | `repeated`; a fixed array has all its elements, or none for what is there by default |
//! | a field with a default | `optional`: left out it has that default, and not zero |

use std::fmt::Write as _;

use crate::json_schema::default_json;
use crate::model::{Constant, Count, Element, Field, Message, Primitive, Scalar, TypeDescription, TypeName};

/// A message as a file of protobuf.
#[derive(Clone, Debug, PartialEq)]
pub struct ProtoFile {
    /// The type.
    pub type_name: TypeName,
    /// The types of its fields, each once, in the order of their names.
    pub imports: Vec<TypeName>,
    /// The fields.
    pub fields: Vec<ProtoField>,
    /// Whether two fields' names differ in underscores and capitals only, which protobuf's JSON could mix up.
    pub has_like_names: bool,
    /// The text of the file.
    pub text: String,
}

/// A field of a protobuf message.
#[derive(Clone, Debug, PartialEq)]
pub struct ProtoField {
    /// The name, also in JSON.
    pub name: String,
    /// The number on the wire.
    pub number: u32,
    /// The type.
    pub kind: ProtoKind,
    /// `repeated`
    pub is_repeated: bool,
    /// `optional`: it has a default of its own when it is left out.
    pub is_optional: bool,
}

/// The type of a protobuf field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProtoKind {
    /// `bool`
    Bool,
    /// `bytes`
    Bytes,
    /// `double`
    Double,
    /// `float`
    Float,
    /// `sint32`
    Sint32,
    /// `sint64`
    Sint64,
    /// `string`
    String,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// Another message.
    Message(TypeName),
}

/// The number of the field that is the message's `index`-th, from 0.
pub fn proto_field_number(index: usize) -> u32 {
    let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
    match number {
        // 19000 to 19999 are protobuf's own.
        19_000.. => number.saturating_add(1000),
        _ => number,
    }
}

/// The package that the message of this type is in, such as `geometry_msgs.msg`.
pub fn proto_package(name: &TypeName) -> String {
    format!("{}.{}", name.package, name.kind)
}

/// The path by which files name each other, such as `geometry_msgs/msg/Twist.proto`.
pub fn proto_path(name: &TypeName) -> String {
    format!("{name}.proto")
}

/// The files of a type and of all that it refers to, the type's own last, each after those that it imports.
pub fn proto_files(description: &TypeDescription) -> Vec<ProtoFile> {
    let mut files: Vec<ProtoFile> = Vec::with_capacity(description.referenced.len() + 1);
    let mut waiting: Vec<&Message> = description.referenced.iter().collect();
    // No message contains itself, so that each round finds one; a description that is not whole ends the rounds.
    while !waiting.is_empty() {
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.iter().partition(|message| {
            let known = |name: &TypeName| files.iter().any(|file| file.type_name == *name);
            imports(message).iter().all(known)
        });
        if ready.is_empty() {
            break;
        }
        files.extend(ready.into_iter().map(file));
        waiting = rest;
    }
    files.push(file(&description.root));
    files
}

fn imports(message: &Message) -> Vec<TypeName> {
    let messages = message
        .fields
        .iter()
        .filter_map(|field| match &field.field_type.element {
            Element::Message(name) => Some(name.clone()),
            Element::Primitive(_) | Element::Text { .. } => None,
        });
    let mut names: Vec<TypeName> = messages.collect();
    names.sort();
    names.dedup();
    names
}

fn file(message: &Message) -> ProtoFile {
    let fields: Vec<ProtoField> = message.fields.iter().enumerate().map(proto_field).collect();
    let mut camel: Vec<String> = fields.iter().map(|field| camel_case(&field.name)).collect();
    camel.sort();
    camel.dedup();
    let mut file = ProtoFile {
        type_name: message.type_name.clone(),
        imports: imports(message),
        has_like_names: camel.len() < fields.len(),
        fields,
        text: String::new(),
    };
    file.text = text(&file, message);
    file
}

fn proto_field((index, field): (usize, &Field)) -> ProtoField {
    let is_list = field.field_type.count != Count::One;
    let kind = match &field.field_type.element {
        Element::Message(name) => ProtoKind::Message(name.clone()),
        Element::Text { .. } => ProtoKind::String,
        Element::Primitive(octet) if octet.is_octet() && is_list => ProtoKind::Bytes,
        Element::Primitive(primitive) => match primitive {
            Primitive::Bool => ProtoKind::Bool,
            Primitive::Byte | Primitive::Char | Primitive::Uint8 | Primitive::Uint16 | Primitive::Uint32 => {
                ProtoKind::Uint32
            }
            Primitive::Int8 | Primitive::Int16 | Primitive::Int32 => ProtoKind::Sint32,
            Primitive::Int64 => ProtoKind::Sint64,
            Primitive::Uint64 => ProtoKind::Uint64,
            Primitive::Float32 => ProtoKind::Float,
            Primitive::Float64 => ProtoKind::Double,
        },
    };
    ProtoField {
        name: field.name.clone(),
        number: proto_field_number(index),
        is_repeated: is_list && kind != ProtoKind::Bytes,
        is_optional: !is_list && field.default.is_some(),
        kind,
    }
}

fn text(file: &ProtoFile, message: &Message) -> String {
    let mut out = format!("// {}\nsyntax = \"proto3\";\n\n", message.type_name);
    _ = writeln!(out, "package {};\n", proto_package(&message.type_name));
    for import in &file.imports {
        _ = writeln!(out, "import \"{}\";", proto_path(import));
    }
    if !file.imports.is_empty() {
        out.push('\n');
    }
    comment(&mut out, "", &message.comment);
    for Constant {
        name, element, value, ..
    } in &message.constants
    {
        comment(&mut out, "", &format!("{element} {name} = {}", constant(value)));
    }
    _ = writeln!(out, "message {} {{", message.type_name.name);
    if file.has_like_names {
        out.push_str("  option deprecated_legacy_json_field_conflicts = true;\n");
    }
    for (field, schema) in file.fields.iter().zip(&message.fields) {
        field_comment(&mut out, schema);
        let label = match (field.is_repeated, field.is_optional) {
            (true, _) => "repeated ",
            (false, true) => "optional ",
            (false, false) => "",
        };
        let ProtoField { name, number, .. } = field;
        let json_name = match field.name == camel_case(&field.name) {
            true => String::new(),
            false => format!(" [json_name = \"{name}\"]"),
        };
        _ = writeln!(out, "  {label}{} {name} = {number}{json_name};", kind_text(&field.kind));
    }
    out.push_str("}\n");
    out
}

fn field_comment(out: &mut String, field: &Field) {
    comment(out, "  ", &field.comment);
    if let Some(unit) = &field.unit {
        comment(out, "  ", &format!("Unit: {unit}"));
    }
    let is_message = matches!(field.field_type.element, Element::Message(_));
    let is_narrow = matches!(
        field.field_type.element,
        Element::Primitive(
            Primitive::Byte
                | Primitive::Char
                | Primitive::Uint8
                | Primitive::Int8
                | Primitive::Int16
                | Primitive::Uint16
        )
    );
    // What the protobuf type does not say.
    let is_plain = match field.field_type.count {
        Count::One => !is_narrow,
        Count::Sequence { bound: None } => is_message,
        Count::Array(_) | Count::Sequence { bound: Some(_) } => false,
    };
    if !is_plain {
        comment(out, "  ", &format!("In the schema: {}", field.field_type));
    }
    if let Some((low, high)) = field.limits.range {
        comment(out, "  ", &format!("Range: {low} to {high}"));
    }
    if let Some(default) = field.default.as_ref().and_then(default_json) {
        comment(out, "  ", &format!("Default: {default}"));
    }
}

/// Writes each line behind `//`.
fn comment(out: &mut String, indent: &str, text: &str) {
    for line in text.lines() {
        let plain = line.replace(char::is_control, " ");
        _ = writeln!(out, "{}", format_args!("{indent}// {plain}").to_string().trim_end());
    }
}

fn constant(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Float(value) => format!("{value:?}"),
        Scalar::Text(text) => format!("{text:?}"),
    }
}

fn kind_text(kind: &ProtoKind) -> String {
    let word = match kind {
        ProtoKind::Bool => "bool",
        ProtoKind::Bytes => "bytes",
        ProtoKind::Double => "double",
        ProtoKind::Float => "float",
        ProtoKind::Sint32 => "sint32",
        ProtoKind::Sint64 => "sint64",
        ProtoKind::String => "string",
        ProtoKind::Uint32 => "uint32",
        ProtoKind::Uint64 => "uint64",
        // From the root, so that no package of the same name comes between.
        ProtoKind::Message(name) => return format!(".{}.{}", proto_package(name), name.name),
    };
    word.to_owned()
}

/// The name that protobuf would give the field in JSON.
fn camel_case(name: &str) -> String {
    let mut after_underscore = false;
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '_' => after_underscore = true,
            letter if std::mem::take(&mut after_underscore) => out.push(letter.to_ascii_uppercase()),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_leave_out_those_that_protobuf_keeps() {
        assert_eq!(
            [0, 18_998, 18_999, 20_000].map(proto_field_number),
            [1, 18_999, 20_000, 21_001]
        );
    }

    #[test]
    fn each_file_stands_after_those_that_it_imports() {
        let sources = [
            ("a/msg/A", "D d\nB b"),
            ("a/msg/B", "C c"),
            ("a/msg/C", "D d"),
            ("a/msg/D", "uint8 x"),
        ];
        let description = crate::describe("a/msg/A", &sources).expect("it compiles");
        let names = proto_files(&description).into_iter().map(|file| file.type_name.name);
        assert_eq!(names.collect::<Vec<_>>(), ["D", "C", "B", "A"]);
    }

    #[test]
    fn the_text_says_what_protobuf_has_no_words_for() {
        let sources = [
            (
                "a/msg/A",
                "# How to go.\nuint8 STOP=0\n\nfloat64 max_speed 1.5 # @unit m/s\nuint8[] data\nint16[3] xyz\nB[<=2] parts\nwstring name\nuint8 x1\nuint8 x_1",
            ),
            ("a/msg/B", ""),
        ];
        let description = crate::describe("a/msg/A", &sources).expect("it compiles");
        let files = proto_files(&description);
        insta::assert_snapshot!(files.last().expect("its own").text);
    }
}
