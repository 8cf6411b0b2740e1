//! Damaged and hostile schemas: whatever the bytes are, there is an answer, and no panic.

use nuncio_codegen::model::TypeName;
use nuncio_codegen::{Diagnostics, Interfaces, MAX_FILE_LEN, MAX_PROBLEMS, SourceFile, compile, describe};

const RICH: &str = r#"# A message of everything.
# @exclusive

uint8 MODE_A=0  # Rest.
uint8 MODE_B = 0x1F
string NAME="it's #1
builtin_interfaces/Time stamp # @max_age 200ms
float64[<=3] xs [1.0, -2e3] # @range [-5e3, 5] @finite @unit m/s
uint8 mode 31 # @enum MODE_
    # Indented. @unit kg
wstring<=7[2] texts ["a, b", 'c\'d']
Other[] others
bool flag true
"#;

const SERVICE: &str = "int8 a -1\n---\nstring<=4 b 'ä#'\n---\n";

fn sources(rich: &[u8], service: &[u8]) -> [SourceFile; 4] {
    let source = |name: &str, bytes: &[u8]| SourceFile::new(name, TypeName::parse(name).unwrap(), bytes);
    [
        source("a/msg/Rich", rich),
        source("a/msg/Other", b"int32 x"),
        source("builtin_interfaces/msg/Time", b"int32 sec\nuint32 nanosec"),
        source("a/action/Act", service),
    ]
}

#[test]
fn the_undamaged_schemas_are_nearly_right() {
    let rich = RICH.replace("\"it's #1", "its").into_bytes();
    compile(&sources(&rich, b"int8 a -1\n---\nstring<=4 b\n---\n")).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn every_truncation_has_an_answer() {
    for length in 0..=RICH.len() {
        _ = compile(&sources(&RICH.as_bytes()[..length], SERVICE.as_bytes()));
    }
    for length in 0..=SERVICE.len() {
        _ = compile(&sources(RICH.as_bytes(), &SERVICE.as_bytes()[..length]));
    }
}

/// The bytes that mean something in the language, and some that mean nothing in any.
const MEANINGFUL: &[u8] = b"\n\r\t #@[]<=>\"'\\,.-_/09aA\0\xc3\xff";

#[test]
fn every_change_of_one_byte_of_a_line_has_an_answer() {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    for line in RICH.lines().chain(SERVICE.lines()) {
        every_change(line, &all, |bytes| compile(&sources(bytes, b"---\n---")));
    }
}

#[test]
fn every_change_that_means_something_has_an_answer_in_a_whole_file() {
    every_change(RICH, MEANINGFUL, |bytes| compile(&sources(bytes, b"---\n---")));
    every_change(SERVICE, MEANINGFUL, |bytes| compile(&sources(b"", bytes)));
}

fn every_change(text: &str, replacements: &[u8], compile: impl Fn(&[u8]) -> Result<Interfaces, Diagnostics>) {
    let mut bytes = text.as_bytes().to_vec();
    for index in 0..bytes.len() {
        for byte in replacements {
            let original = std::mem::replace(&mut bytes[index], *byte);
            if let Err(problems) = compile(&bytes) {
                assert!(problems.to_string().len() < 100_000);
            }
            bytes[index] = original;
        }
    }
}

#[test]
fn a_huge_file_is_refused_with_one_problem() {
    let problems = compile(&sources(&vec![b'x'; 10 * MAX_FILE_LEN], b"---\n---")).unwrap_err();
    assert_eq!(problems.problems().len(), 1, "{problems}");
}

#[test]
fn a_file_of_garbage_yields_a_bounded_list_of_problems() {
    let garbage = "?? ?\n".repeat(MAX_FILE_LEN / 5);
    let problems = compile(&sources(garbage.as_bytes(), b"---\n---")).unwrap_err();
    assert_eq!(problems.problems().len(), MAX_PROBLEMS);
    assert!(problems.unreported() > 0);
    assert!(problems.to_string().len() < 100_000);
}

#[test]
fn one_long_line_of_annotations_takes_no_quadratic_time() {
    let line = format!("bool x # {}", "@unit a ".repeat(MAX_FILE_LEN / 8 - 8));
    assert!(compile(&sources(line.as_bytes(), b"---\n---")).is_err());
}

#[test]
fn a_chain_of_a_thousand_messages_is_described() {
    let texts: Vec<(String, String)> = (0..1000)
        .map(|n| (format!("a/msg/M{n}"), format!("M{0} a\nM{0} b\n", n + 1)))
        .collect();
    let mut definitions: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    definitions.push(("a/msg/M1000", "bool x"));
    let description = describe("a/msg/M0", &definitions).unwrap();
    assert_eq!(description.referenced.len(), 1000);
    definitions.pop();
    definitions.push(("a/msg/M1000", "M0 back"));
    assert!(
        describe("a/msg/M0", &definitions)
            .unwrap_err()
            .to_string()
            .contains("contains itself")
    );
}

#[test]
fn a_served_definition_may_have_annotations_that_we_refuse_in_our_own() {
    let text = "string s # @range [0, 1]\n# @rnage x\nbool b\n";
    assert!(describe("a/msg/A", &[("a/msg/A", text)]).is_ok());
    assert!(compile(&[SourceFile::new("A.msg", TypeName::parse("a/A").unwrap(), text)]).is_err());
}

#[test]
fn a_served_definition_that_is_too_much_is_refused() {
    let line = "\n".repeat(200_000);
    assert!(describe("a/msg/A", &[("a/msg/A", &line)]).is_err());
    assert!(describe("a/msg/A", &vec![("a/msg/A", ""); 1025]).is_err());
    assert!(describe("a/msg/A", &[("b/msg/B", "")]).is_err());
    assert!(describe("not a name", &[]).is_err());
    assert!(describe("a/msg/A", &[("../A", "")]).is_err());
}

#[test]
fn a_derived_type_is_found_in_the_definition_of_its_file() {
    let description = describe("a/srv/Add_Request", &[("a/srv/Add", "int8 x\n---\nint8 y")]).unwrap();
    assert_eq!(description.root.type_name.to_string(), "a/srv/Add_Request");
    assert_eq!(description.root.fields.first().unwrap().name, "x");
}
