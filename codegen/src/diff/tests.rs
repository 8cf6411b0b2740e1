//! Each kind of change, its grade, its place and its words.

use super::*;
use crate::{SourceFile, compile};

const OLD: &str =
    "uint8 MODE_A=0\nuint8 MODE_B=1\nfloat64 x\nstring<=5 name\nint8[<=3] list\nuint8 mode # @enum MODE_\n";

fn interfaces(files: &[(&str, &str)]) -> Interfaces {
    let sources: Vec<SourceFile> = files
        .iter()
        .map(|(name, text)| SourceFile::new(*name, TypeName::parse(name).unwrap(), *text))
        .collect();
    compile(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The grade and the changes of `a/msg/A` from one text to the other.
fn graded(old: &str, new: &str) -> (Grade, Vec<String>) {
    let name = TypeName::parse("a/A").unwrap();
    let description = |text| interfaces(&[("a/msg/A", text)]).describe(&name).unwrap();
    let mut diffs = diff(&description(old), &description(new));
    let diff = diffs.remove(0);
    let changes = diff
        .changes
        .iter()
        .map(|change| format!("{} {}", change.place, change.kind.as_str()));
    (diff.grade, changes.map(|text| text.trim().to_owned()).collect())
}

#[test]
fn comments_do_not_count() {
    assert_eq!(graded(OLD, &format!("# Text.\n\n{OLD}")), (Grade::Identical, vec![]));
    assert_eq!(
        graded("float64 x nan\nfloat64 C=nan", "float64 x nan\nfloat64 C=nan"),
        (Grade::Identical, vec![])
    );
}

#[test]
fn what_translation_by_name_survives_is_additive() {
    for (old, new, change) in [
        ("bool a", "bool a\nbool b", "b field-added-at-end"),
        ("bool a", "bool b\nbool a", "b field-added-in-the-middle"),
        ("", "bool a", "a field-added-at-end"),
        ("bool a\nint8 b", "int8 b\nbool a", "fields-reordered"),
        ("string<=5 a", "string<=6 a", "a bound-widened"),
        ("string<=5 a", "string a", "a bound-widened"),
        ("int8[<=2] a", "int8[] a", "a bound-widened"),
        ("int8 a", "int8 a 1", "a default-changed"),
        ("int8 a # @range [0, 1]", "int8 a # @range [0, 2]", "a limits-widened"),
        ("float32 a # @finite", "float32 a", "a limits-widened"),
        ("float32 a", "float32 a # @unit m", "a unit-added"),
        ("bool a", "bool a\nint8 C=1", "C constant-added"),
        ("# @exclusive\n\nbool a", "bool a", "exclusive-removed"),
    ] {
        assert_eq!(
            graded(old, new),
            (Grade::Additive, vec![change.to_owned()]),
            "{old} -> {new}"
        );
    }
    let (grade, changes) = graded(OLD, &OLD.replace("MODE_B=1", "MODE_B=1\nuint8 MODE_C=2"));
    assert_eq!(
        (grade, changes),
        (
            Grade::Additive,
            vec!["mode limits-widened".into(), "MODE_C constant-added".into()]
        )
    );
}

#[test]
fn what_loses_or_changes_values_is_breaking() {
    for (old, new, change) in [
        ("bool a\nbool b", "bool a", "b field-removed"),
        ("bool a\nint8 b", "int8 b", "a field-removed"),
        ("bool a\nint8 b", "bool c\nint8 b", "a field-renamed"),
        ("int8 a", "int16 a", "a field-type-changed"),
        ("int8 a", "int8[] a", "a field-type-changed"),
        ("int8[2] a", "int8[3] a", "a field-type-changed"),
        ("int8[2] a", "int8[<=2] a", "a field-type-changed"),
        ("string a", "wstring a", "a field-type-changed"),
        ("string a", "string<=9 a", "a bound-narrowed"),
        ("string<=5[<=2] a", "string<=6[<=1] a", "a bound-narrowed"),
        ("int8 a", "int8 a # @range [0, 2]", "a limits-narrowed"),
        ("int8 a # @range [0, 2]", "int8 a # @range [1, 3]", "a limits-narrowed"),
        ("float32 a", "float32 a # @finite", "a limits-narrowed"),
        ("float32 a # @unit m", "float32 a # @unit km", "a unit-changed"),
        ("float32 a # @unit m", "float32 a", "a unit-changed"),
        ("bool a\nint8 C=1", "bool a", "C constant-removed"),
        ("bool a\nint8 C=1", "bool a\nint8 C=2", "C constant-changed"),
        ("bool a", "# @exclusive\n\nbool a", "exclusive-added"),
    ] {
        assert_eq!(
            graded(old, new),
            (Grade::Breaking, vec![change.to_owned()]),
            "{old} -> {new}"
        );
    }
    let (grade, changes) = graded(OLD, &OLD.replace("uint8 MODE_B=1\n", ""));
    assert_eq!(
        (grade, changes),
        (
            Grade::Breaking,
            vec!["mode limits-narrowed".into(), "MODE_B constant-removed".into()]
        )
    );
}

#[test]
fn a_stamp_that_may_be_less_old_is_narrower() {
    let time = ("builtin_interfaces/msg/Time", "int32 sec\nuint32 nanosec");
    let with = |age: &str| {
        let text = format!("builtin_interfaces/Time t # @max_age {age}");
        interfaces(&[time, ("a/msg/A", &text)])
    };
    let grade = |old: &str, new: &str| diff_interfaces(&with(old), &with(new)).first().unwrap().grade;
    assert_eq!(
        (grade("1s", "2s"), grade("2s", "1s")),
        (Grade::Additive, Grade::Breaking)
    );
}

#[test]
fn a_type_is_as_different_as_what_it_is_made_of() {
    let old = interfaces(&[
        ("a/msg/A", "B[] many\nbool x"),
        ("a/msg/B", "C c"),
        ("a/msg/C", "bool x"),
        ("a/msg/D", ""),
    ]);
    let new = interfaces(&[
        ("a/msg/A", "B[] many\nbool x"),
        ("a/msg/B", "C c"),
        ("a/msg/C", "bool x\nbool y"),
        ("a/msg/E", ""),
    ]);
    let text: Vec<String> = diff_interfaces(&old, &new).iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "a/msg/A: additive\n  additive `many`: a/msg/B has changed (additive)",
            "a/msg/B: additive\n  additive `c`: a/msg/C has changed (additive)",
            "a/msg/C: additive\n  additive `y`: the field is new, at the end",
            "a/msg/D: breaking\n  breaking the type is gone",
            "a/msg/E: additive\n  additive the type is new",
        ]
    );
}

#[test]
fn parts_of_services_are_compared_and_events_are_not() {
    let (old, new) = (
        interfaces(&[("a/srv/S", "---\nbool ok")]),
        interfaces(&[("a/srv/S", "---\nint8 ok")]),
    );
    let grades: Vec<(String, Grade)> = diff_interfaces(&old, &new)
        .into_iter()
        .map(|diff| (diff.type_name.name, diff.grade))
        .collect();
    assert_eq!(
        grades,
        [
            ("S_Request".to_owned(), Grade::Identical),
            ("S_Response".to_owned(), Grade::Breaking)
        ]
    );
}

#[test]
fn a_long_chain_of_messages_takes_no_recursion() {
    let chain = |last: &str| {
        let text = |n: usize| {
            if n == 1000 {
                last.to_owned()
            } else {
                format!("M{0} a\nM{0} b\n", n + 1)
            }
        };
        let sources: Vec<SourceFile> = (0..=1000)
            .map(|n| SourceFile::new(format!("M{n}"), TypeName::parse(&format!("a/M{n}")).unwrap(), text(n)))
            .collect();
        compile(&sources).unwrap()
    };
    let diffs = diff_interfaces(&chain("bool x"), &chain("int8 x"));
    assert!(diffs.len() == 1001 && diffs.iter().all(|diff| diff.grade == Grade::Breaking));
}
