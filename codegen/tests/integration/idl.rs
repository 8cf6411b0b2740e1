//! Interfaces in IDL: they mean what the same interface means as `.msg`, `.srv` or `.action`.

use std::fmt::Write as _;
use std::path::Path;

use nuncio_codegen::model::{
    Action, Constant, Count, DefaultValue, Element, Field, InterfaceKind, Message, Primitive, Scalar, Service,
    TextKind, TypeName,
};
use nuncio_codegen::{Interfaces, SourceFile, compile, describe, msg_text, read_folder, type_hash, type_hash_text};

/// The IDL that ROS 2's adapter writes for the file that defines `name`.
fn adapted(name: &TypeName, messages: &[&Message]) -> String {
    let mut out = format!(
        "// generated\n#include \"x/msg/Y.idl\"\nmodule {} {{\n  module {} {{\n",
        name.package, name.kind
    );
    for message in messages {
        for field in &message.fields {
            if let Count::Array(count) = field.field_type.count {
                let element = element_text(&field.field_type.element);
                _ = writeln!(out, "typedef {element} {}[{count}];", array_name(&element, count));
            }
        }
    }
    for message in messages {
        structure(&mut out, message);
    }
    out + "  };\n};\n"
}

fn structure(out: &mut String, message: &Message) {
    let name = &message.type_name.name;
    if !message.constants.is_empty() {
        _ = writeln!(out, "module {name}_Constants {{");
        for Constant {
            name,
            element,
            value,
            comment,
        } in &message.constants
        {
            comment_text(out, comment);
            _ = writeln!(
                out,
                "const {} {name} = {};",
                element_text(element),
                literal(element, value)
            );
        }
        out.push_str("};\n");
    }
    comment_text(out, &message.comment);
    _ = writeln!(out, "struct {name} {{");
    if message.fields.is_empty() {
        out.push_str("uint8 structure_needs_at_least_one_member;\n");
    }
    for Field {
        name,
        field_type,
        default,
        comment,
        unit,
        ..
    } in &message.fields
    {
        comment_text(out, comment);
        if let Some(unit) = unit {
            _ = writeln!(out, "@unit (value={unit:?})");
        }
        match default {
            None => {}
            Some(DefaultValue::One(value)) => {
                _ = writeln!(out, "@default (value={})", literal(&field_type.element, value));
            }
            Some(DefaultValue::List(values)) => {
                let values: String = values.iter().map(|value| python(value) + ",").collect();
                _ = writeln!(out, "@default (value={:?})", format!("({values})"));
            }
        }
        let element = element_text(&field_type.element);
        let type_text = match field_type.count {
            Count::One => element,
            Count::Array(count) => array_name(&element, count),
            Count::Sequence { bound: None } => format!("sequence<{element}>"),
            Count::Sequence { bound: Some(bound) } => format!("sequence<{element}, {bound}>"),
        };
        _ = writeln!(out, "{type_text} {name};");
    }
    out.push_str("};\n");
}

fn comment_text(out: &mut String, comment: &str) {
    if !comment.is_empty() {
        let lines: Vec<String> = comment.lines().map(quoted).collect();
        _ = writeln!(
            out,
            "@verbatim (language=\"comment\", text=\n  {})",
            lines.join(" \"\\n\"\n  ")
        );
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn array_name(element: &str, count: u32) -> String {
    format!("{}__{count}", element.replace("::", "__").replace(['<', '>'], "_"))
}

fn element_text(element: &Element) -> String {
    match element {
        Element::Primitive(primitive) => match primitive {
            Primitive::Bool => "boolean",
            Primitive::Byte => "octet",
            Primitive::Float32 => "float",
            Primitive::Float64 => "double",
            other => other.as_str(),
        }
        .to_owned(),
        Element::Text { kind, bound: None } => kind.as_str().to_owned(),
        Element::Text {
            kind,
            bound: Some(bound),
        } => format!("{}<{bound}>", kind.as_str()),
        Element::Message(name) => format!("{}::{}::{}", name.package, name.kind, name.name),
    }
}

fn literal(element: &Element, value: &Scalar) -> String {
    match (element, value) {
        (_, Scalar::Bool(value)) => value.to_string().to_uppercase(),
        (_, Scalar::Integer(value)) => value.to_string(),
        (_, Scalar::Float(value)) => format!("{value:?}"),
        (
            Element::Text {
                kind: TextKind::Wstring,
                ..
            },
            Scalar::Text(text),
        ) => format!("L{text:?}"),
        (_, Scalar::Text(text)) => format!("{text:?}"),
    }
}

fn python(value: &Scalar) -> String {
    match value {
        Scalar::Bool(true) => "True".to_owned(),
        Scalar::Bool(false) => "False".to_owned(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Float(value) => format!("{value:?}"),
        Scalar::Text(text) => format!("'{text}'"),
    }
}

/// The messages that a file defines itself.
fn parts<'a>(interfaces: &'a Interfaces, name: &TypeName) -> Vec<&'a Message> {
    let service = |service: &'a Service| vec![&service.request, &service.response];
    let action = |action: &'a Action| vec![&action.goal, &action.result, &action.feedback];
    match name.kind {
        InterfaceKind::Msg => vec![interfaces.message(name).unwrap()],
        InterfaceKind::Srv => service(
            interfaces
                .services()
                .iter()
                .find(|found| found.type_name == *name)
                .unwrap(),
        ),
        InterfaceKind::Action => action(
            interfaces
                .actions()
                .iter()
                .find(|found| found.type_name == *name)
                .unwrap(),
        ),
    }
}

fn compiled(sources: &[SourceFile]) -> Interfaces {
    compile(sources).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn everything_shipped_means_the_same_as_idl() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["../msgs", "tests/fixture_crate/interfaces"] {
        let mut files = read_folder(&root.join("../msgs")).unwrap().files;
        if folder != "../msgs" {
            files.extend(read_folder(&root.join(folder)).unwrap().files);
        }
        let plain = compiled(&files);
        let sources: Vec<SourceFile> = files
            .iter()
            .map(|file| {
                let text = adapted(&file.type_name, &parts(&plain, &file.type_name));
                SourceFile::new(format!("{}.idl", file.type_name), file.type_name.clone(), text)
            })
            .collect();
        let idl = compiled(&sources);
        assert_eq!(plain.messages().len(), idl.messages().len());
        for (name, _) in plain.files() {
            let hash = |interfaces: &Interfaces| type_hash_text(&type_hash(&interfaces.describe(name).unwrap()));
            assert_eq!(hash(&plain), hash(&idl), "{name}");
        }
        for message in plain.messages() {
            let (a, b) = (message, idl.message(&message.type_name).unwrap());
            assert_eq!(a.constants.len(), b.constants.len());
            for (a, b) in a.constants.iter().zip(&b.constants) {
                // As text: NaN is not equal to itself.
                let text =
                    |constant: &Constant| format!("{} {:?} {:?}", constant.name, constant.element, constant.value);
                assert_eq!(text(a), text(b));
            }
            for (a, b) in a.fields.iter().zip(&b.fields) {
                let text = |field: &Field| {
                    format!(
                        "{} {:?} {:?} {:?}",
                        field.name, field.default, field.comment, field.unit
                    )
                };
                assert_eq!(text(a), text(b), "{}", message.type_name);
            }
        }
    }
}

const RICH: &str = r#"// By hand.
#include "geometry_msgs/msg/Point.idl"
module a { module msg {
  const uint32 SIZE = 0x3;
  typedef double Triple[SIZE];
  typedef sequence<string<5>> Names;
  module Rich_Constants {
    @verbatim (language="comment", text="Rest.")
    const uint8 MODE_A = 0;
    const octet MODE_B = 017;
    const string GREETING = "it's " "\"here\"";
    const float HALF = -.5;
  };
  @verbatim (language="comment", text=" Of everything." "\n" " @exclusive")
  @extensibility(APPENDABLE) @mutable
  struct Rich {
    @verbatim (language="comment", text="Which. @enum MODE_") @default(15)
    uint8 mode;
    @key @unit(value="m/s") @range(min=-1.5, max=1.5)
    double x, y[2];
    @default (value="(1, 2,)") sequence<short, a::msg::SIZE> shorts;
    @default (value="('a', 'b')") Names names;
    Triple triple; unsigned long long big; long long signed_big; unsigned short u16; long i32;
    wstring<7> wide; char letter; boolean flag; octet raw; /* here */
    sequence<Other> others; msg::Other other; a::msg::Other again; ::a::msg::Other top;
  };
}; };
"#;

const OTHER: &str = "module a { module msg { struct Other { uint8 structure_needs_at_least_one_member; }; }; };";

fn rich(text: &str) -> Vec<SourceFile> {
    let source = |name: &str, text: &str| SourceFile::new(format!("{name}.idl"), TypeName::parse(name).unwrap(), text);
    vec![source("a/msg/Rich", text), source("a/msg/Other", OTHER)]
}

#[test]
fn an_interface_written_by_hand_is_understood() {
    let interfaces = compiled(&rich(RICH));
    let message = interfaces.message(&TypeName::parse("a/Rich").unwrap()).unwrap();
    let fields: Vec<String> = message
        .fields
        .iter()
        .map(|field| format!("{} {}", field.field_type, field.name))
        .collect();
    let expected = [
        "uint8 mode",
        "float64 x",
        "float64[2] y",
        "int16[<=3] shorts",
        "string<=5[] names",
        "float64[3] triple",
        "uint64 big",
        "int64 signed_big",
        "uint16 u16",
        "int32 i32",
        "wstring<=7 wide",
        "char letter",
        "bool flag",
        "byte raw",
        "a/Other[] others",
        "a/Other other",
        "a/Other again",
        "a/Other top",
    ];
    assert_eq!(fields, expected);
    assert!(message.exclusive);
    assert_eq!(message.comment, "Of everything.");
    let field = |index: usize| &message.fields[index];
    assert_eq!(field(0).limits.enumeration.as_deref(), Some("MODE_"));
    assert_eq!(field(0).default, Some(DefaultValue::One(Scalar::Integer(15))));
    assert_eq!(
        (field(2).limits.range, field(2).unit.as_deref()),
        (Some((-1.5, 1.5)), Some("m/s"))
    );
    let values: Vec<&Scalar> = message.constants.iter().map(|constant| &constant.value).collect();
    let greeting = Scalar::Text("it's \"here\"".to_owned());
    assert_eq!(
        values,
        [
            &Scalar::Integer(0),
            &Scalar::Integer(15),
            &greeting,
            &Scalar::Float(-0.5)
        ]
    );
    assert!(
        interfaces
            .message(&TypeName::parse("a/Other").unwrap())
            .unwrap()
            .fields
            .is_empty()
    );
}

#[test]
fn a_char_of_idl_has_a_number_of_its_own() {
    let id = |text: &str| {
        let name = TypeName::parse("a/A").unwrap();
        let interfaces = compiled(&[SourceFile::new("A", name.clone(), text)]);
        nuncio_codegen::type_id(&interfaces.message(&name).unwrap().fields[0].field_type)
    };
    assert_eq!(id("module a { module msg { struct A { char c; }; }; };"), 13);
    assert_eq!(id("char c"), 3);
}

/// The constants `A`, `B`, … of these types and values, in the module of a message's constants.
fn constants(definitions: &[(&str, &str)]) -> Vec<Scalar> {
    let mut text = "module a { module msg { module Rich_Constants {\n".to_owned();
    for (name, (type_text, value)) in ('A'..='Z').zip(definitions) {
        _ = writeln!(text, "const {type_text} {name} = {value};");
    }
    text += "}; struct Rich { sequence<string<2 + 1>, (16 >> 2) - 1> x; double y[2 * (A + 1)]; }; }; };";
    let interfaces = compiled(&rich(&text));
    let message = interfaces.message(&TypeName::parse("a/Rich").unwrap()).unwrap();
    let types: Vec<String> = message
        .fields
        .iter()
        .map(|field| field.field_type.to_string())
        .collect();
    assert_eq!(types, ["string<=3[<=3]", "float64[14]"]);
    message
        .constants
        .iter()
        .map(|constant| constant.value.clone())
        .collect()
}

#[test]
fn constants_are_computed_as_idl_and_c_compute_them() {
    let whole = [
        ("2 * 3", 6),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 4 - 3", 3),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("1 << 4 | 3 & 2 ^ 1", 19),
        ("-A + +1", -5),
        ("-(A - 10) * 0x10", 64),
        ("010 + 1", 9),
        ("~A", -7),
        ("((((A))))", 6),
        ("-16 >> 2", -4),
        ("1 << 2 + 3", 32),
    ];
    let definitions = whole.map(|(text, _)| ("long", text));
    let expected: Vec<Scalar> = whole.iter().map(|(_, value)| Scalar::Integer(*value)).collect();
    assert_eq!(constants(&definitions), expected);
}

#[test]
fn a_computed_constant_has_the_type_that_it_is_declared_with() {
    let cases = [
        ("uint8", "6", Scalar::Integer(6)),
        ("uint8", "~0x0F", Scalar::Integer(0xF0)),
        (
            "uint64",
            "(1 << 63) - 1 + (1 << 63)",
            Scalar::Integer(i128::from(u64::MAX)),
        ),
        (
            "int64",
            "-9223372036854775807 - 1",
            Scalar::Integer(i128::from(i64::MIN)),
        ),
        ("double", "1 / 2", Scalar::Float(0.5)),
        ("float", "A * 0.25 - 1e-1", Scalar::Float(1.4)),
        ("double", "-inf", Scalar::Float(f64::NEG_INFINITY)),
        ("boolean", "TRUE", Scalar::Bool(true)),
    ];
    let definitions = cases.clone().map(|(type_text, text, _)| (type_text, text));
    assert_eq!(constants(&definitions), cases.map(|(.., value)| value));
}

#[test]
fn a_type_definition_may_be_made_of_another() {
    let text = "module a { module msg { typedef double Metres; typedef Metres Height; typedef Height Corner[3];\n\
                typedef Corner Place; typedef sequence<Height, 4> Heights; typedef Heights Profile;\n\
                struct Rich { Place place; Profile profile; Height one; sequence<Height> all; }; }; };";
    let interfaces = compiled(&rich(text));
    let message = interfaces.message(&TypeName::parse("a/Rich").unwrap()).unwrap();
    let types: Vec<String> = message
        .fields
        .iter()
        .map(|field| field.field_type.to_string())
        .collect();
    assert_eq!(types, ["float64[3]", "float64[<=4]", "float64", "float64[]"]);
}

#[test]
fn a_long_expression_takes_no_quadratic_time_and_no_stack() {
    for (piece, middle, end) in [
        ("(", "1", ")"),
        ("1 + ", "1", ""),
        ("-(", "1", ")"),
        ("~", "1", ""),
        ("1 * (", "", ""),
    ] {
        let count = 500_000 / (piece.len() + end.len());
        let (before, after) = (piece.repeat(count), end.repeat(count));
        let text =
            format!("module a {{ module msg {{ const int64 A = {before}{middle}{after}; struct Rich {{ }}; }}; }};");
        let outcome = compile(&rich(&text));
        let right = piece != "~" && !middle.is_empty();
        assert_eq!(outcome.is_ok(), right, "{piece}");
    }
}

#[test]
fn a_served_definition_in_idl_is_recognised() {
    let definitions = [("a/msg/Rich", RICH), ("a/msg/Other", OTHER)];
    let description = describe("a/msg/Rich", &definitions).unwrap();
    assert_eq!(
        description,
        compiled(&rich(RICH))
            .describe(&TypeName::parse("a/Rich").unwrap())
            .unwrap()
    );
}

#[test]
fn every_truncation_has_an_answer() {
    for length in 0..RICH.trim_end().len() {
        assert!(compile(&rich(&RICH[..length])).is_err(), "{length}");
    }
}

#[test]
fn every_change_of_one_byte_that_means_something_has_an_answer() {
    let mut bytes = RICH.as_bytes().to_vec();
    for index in 0..bytes.len() {
        for byte in *b"\n#@{}>\",;:-/0L\xff" {
            let original = std::mem::replace(&mut bytes[index], byte);
            let name = TypeName::parse("a/Rich").unwrap();
            if let Err(problems) = compile(&[SourceFile::new("Rich.idl", name, bytes.as_slice())]) {
                assert!(problems.to_string().len() < 100_000);
            }
            bytes[index] = original;
        }
    }
}

#[test]
fn repetition_takes_no_quadratic_time() {
    for piece in [
        "{",
        "}",
        "module a {",
        "sequence<",
        "@a(",
        "typedef",
        "a::",
        "\"x\" ",
        "const long A = -",
        "/*",
        "[",
    ] {
        let text = format!(
            "module a {{ module msg {{ struct Rich {{ {}",
            piece.repeat(500_000 / piece.len())
        );
        let problems = compile(&rich(&text)).unwrap_err();
        assert!(problems.to_string().len() < 100_000, "{piece}");
    }
}

#[test]
fn a_message_survives_as_the_text_of_a_msg_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = read_folder(&root.join("../msgs")).unwrap().files;
    files.extend(read_folder(&root.join("tests/fixture_crate/interfaces")).unwrap().files);
    let before = compiled(&files);
    for file in files
        .iter_mut()
        .filter(|file| file.type_name.kind == InterfaceKind::Msg)
    {
        *file = SourceFile::new(
            "A.msg",
            file.type_name.clone(),
            msg_text(before.message(&file.type_name).unwrap()),
        );
    }
    let after = compiled(&files);
    for message in before
        .messages()
        .iter()
        .filter(|message| message.type_name.kind == InterfaceKind::Msg)
    {
        let texts = message
            .constants
            .iter()
            .any(|constant| matches!(constant.value, Scalar::Text(_)));
        if !texts && message.type_name.package != "idl_package" {
            assert_eq!(msg_text(after.message(&message.type_name).unwrap()), msg_text(message));
        }
    }
}

#[test]
fn a_recording_gets_the_text_of_msg_files() {
    let text = compiled(&rich(RICH))
        .definition_text(&TypeName::parse("a/Rich").unwrap())
        .unwrap();
    assert!(
        text.contains("# @range [-1.5, 1.5]\nfloat64[2] y\n") && !text.contains("module"),
        "{text}"
    );
    let parts = nuncio_codegen::split_definitions("a/msg/Rich", &text);
    let name = TypeName::parse("a/Rich").unwrap();
    // The one `char` in it is an octet now.
    let names = |description: nuncio_codegen::model::TypeDescription| {
        description
            .root
            .fields
            .into_iter()
            .map(|field| (field.name, field.default))
            .collect::<Vec<_>>()
    };
    let again = describe("a/msg/Rich", &parts).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(names(again), names(compiled(&rich(RICH)).describe(&name).unwrap()));
}
