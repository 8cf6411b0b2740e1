//! Descriptions that give no codec, as a stranger could serve them.

use nuncio_codegen::model::{
    Count, DefaultValue, Element, Field, FieldType, InterfaceKind, Limits, Message, Primitive, Scalar, TypeDescription,
    TypeName,
};

use super::super::{MAX_DEPTH, MAX_FIXED_VALUES, RunTimeType};

fn name(name: &str) -> TypeName {
    TypeName {
        package: "a".to_owned(),
        kind: InterfaceKind::Msg,
        name: name.to_owned(),
    }
}

fn field(name: &str, element: Element, count: Count) -> Field {
    Field {
        name: name.to_owned(),
        field_type: FieldType { element, count },
        default: None,
        comment: String::new(),
        unit: None,
        limits: Limits::default(),
    }
}

fn message(own: &str, fields: Vec<Field>) -> Message {
    Message {
        type_name: name(own),
        comment: String::new(),
        exclusive: false,
        fields,
        constants: Vec::new(),
    }
}

fn refused(root: Message, referenced: Vec<Message>) -> String {
    RunTimeType::new(&TypeDescription { root, referenced })
        .unwrap_err()
        .to_string()
}

fn of(other: &str) -> Element {
    Element::Message(name(other))
}

const OCTET: Element = Element::Primitive(Primitive::Uint8);

#[test]
fn a_type_that_is_missing() {
    let root = message("A", vec![field("x", of("B"), Count::One)]);
    insta::assert_snapshot!(refused(root, vec![]), @"a/msg/A.x is of type a/msg/B, which the type description does not hold; add its definition");
}

#[test]
fn a_type_that_contains_itself() {
    let sequence = Count::Sequence { bound: None };
    let root = message("A", vec![field("x", of("B"), Count::One)]);
    let referenced = vec![
        message("B", vec![field("x", of("C"), sequence)]),
        message(
            "C",
            vec![field("x", OCTET, Count::One), field("y", of("B"), Count::One)],
        ),
    ];
    insta::assert_snapshot!(refused(root, referenced), @"a message cannot contain itself: a/msg/B -> a/msg/C -> a/msg/B");
    let itself = message("A", vec![field("x", of("A"), sequence)]);
    insta::assert_snapshot!(refused(itself, vec![]), @"a message cannot contain itself: a/msg/A -> a/msg/A");
}

/// Messages `T0` to `T<len>`, each with two of the next.
fn chain(len: usize) -> Vec<Message> {
    let link = |index: usize| {
        let next = || of(&format!("T{}", index + 1));
        let sequence = Count::Sequence { bound: None };
        message(
            &format!("T{index}"),
            vec![field("x", next(), sequence), field("y", next(), sequence)],
        )
    };
    let mut chain: Vec<Message> = (0..len).map(link).collect();
    chain.push(message(&format!("T{len}"), vec![]));
    chain
}

#[test]
fn a_type_that_is_too_deep() {
    let mut deepest = chain(MAX_DEPTH - 1);
    let root = deepest.remove(0);
    let description = TypeDescription {
        root,
        referenced: deepest,
    };
    assert!(RunTimeType::new(&description).is_ok());
    let mut deeper = chain(MAX_DEPTH);
    let root = deeper.remove(0);
    insta::assert_snapshot!(refused(root, deeper), @"messages may lie at most 50 deep inside each other, a/msg/T50 goes beyond; use flatter types");
    let mut deepest = chain(100_000);
    let root = deepest.remove(0);
    assert!(refused(root, deepest).contains("deep"));
}

#[test]
fn depth_counts_when_the_deep_part_was_met_before() {
    let mut types = chain(MAX_DEPTH - 1);
    let first = field("x", of("T0"), Count::One);
    types.push(message("U1", vec![first.clone()]));
    let root = message(
        "U0",
        vec![field("y", of("T1"), Count::One), field("z", of("U1"), Count::One)],
    );
    assert!(refused(root, types).contains("deep"));
}

#[test]
fn a_type_whose_fixed_arrays_multiply() {
    let array = |count| Count::Array(count);
    let level = |own: &str, next: &str| message(own, vec![field("x", of(next), array(1000))]);
    let referenced = vec![level("B", "C"), level("C", "D"), message("D", vec![])];
    insta::assert_snapshot!(refused(level("A", "B"), referenced), @"fixed arrays may give a message at most 4194304 values, a/msg/A.x goes beyond; use a sequence");
    let wide = message("A", vec![field("x", OCTET, array(u32::MAX))]);
    insta::assert_snapshot!(refused(wide, vec![]), @"fixed arrays may give a message at most 4194304 values, a/msg/A.x goes beyond; use a sequence");
    let most = message("A", vec![field("x", OCTET, array(MAX_FIXED_VALUES as u32 - 2))]);
    let codec = RunTimeType::new(&TypeDescription {
        root: most,
        referenced: vec![],
    });
    assert_eq!(codec.unwrap().default_payload().len() as u64, MAX_FIXED_VALUES - 2);
}

#[test]
fn two_fields_of_one_name() {
    let twice = vec![field("x", OCTET, Count::One), field("x", OCTET, Count::One)];
    insta::assert_snapshot!(refused(message("A", twice), vec![]), @"a/msg/A.x is defined twice; rename one of the two");
}

#[test]
fn a_default_of_another_type() {
    let with = |count, default| Field {
        default: Some(default),
        ..field("x", OCTET, count)
    };
    let integer = |value| DefaultValue::One(Scalar::Integer(value));
    insta::assert_snapshot!(refused(message("A", vec![with(Count::One, integer(256))]), vec![]), @"the default value of a/msg/A.x does not fit its type");
    let list = |len| DefaultValue::List(vec![Scalar::Integer(1); len]);
    let text = DefaultValue::One(Scalar::Text("a".to_owned()));
    let unfit = [
        (Count::One, text),
        (Count::One, list(1)),
        (Count::Array(2), list(1)),
        (Count::Array(2), integer(1)),
        (Count::Sequence { bound: None }, integer(1)),
    ];
    for (count, default) in unfit {
        assert!(refused(message("A", vec![with(count, default)]), vec![]).contains("default"));
    }
}
