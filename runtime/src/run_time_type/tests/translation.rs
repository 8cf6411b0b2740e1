//! What becomes of a payload between two versions of its type.

use nuncio_codegen::model::{Count, Element, Field, FieldType, Limits, Primitive, TextKind, TypeDescription};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};

use super::super::{RunTimeType, TranslateError, Translation};
use super::codec;
use super::random::{Choices, random_type, random_value};

fn between(theirs: &RunTimeType, ours: &RunTimeType) -> Translation {
    Translation::new(theirs.description(), ours.description()).unwrap_or_else(|error| panic!("{error}"))
}

/// What a message of the first version says in the second.
fn translated(theirs: &RunTimeType, ours: &RunTimeType, message: &Value) -> Value {
    let mut payload = b"kept".to_vec();
    let written = theirs.from_json(message, 0).unwrap();
    between(theirs, ours).translate(&written, &mut payload).unwrap();
    assert_eq!(payload[..4], *b"kept");
    ours.to_json(&payload[4..]).unwrap()
}

fn refused(theirs: &str, ours: &str) -> String {
    let (theirs, ours) = (super::fields(theirs), super::fields(ours));
    Translation::new(theirs.description(), ours.description())
        .unwrap_err()
        .to_string()
}

#[test]
fn new_fields_take_the_schemas_default_and_old_ones_are_passed_over() {
    let old = super::fields("int32 speed\nstring name\n");
    let new = super::fields("uint8 mode 7\nint32 speed\nfloat64[] gains [0.5, 2.0]\nstring name\nint16[2] pair\n");
    let in_new = json!({"mode": 3, "speed": -70000, "gains": [1.0], "name": "ü", "pair": [1, 2]});
    let in_old = json!({"speed": -70000, "name": "ü"});
    assert_eq!(translated(&new, &old, &in_new), in_old);
    assert_eq!(
        translated(&old, &new, &in_old),
        json!({"mode": 7, "speed": -70000, "gains": [0.5, 2.0], "name": "ü", "pair": [0, 0]})
    );
}

#[test]
fn fields_in_another_order_find_their_places() {
    let old = super::fields("string a\nuint64 b\nint8[] c\n");
    let new = super::fields("int8[] c\nbool d true\nstring a\nuint64 b\n");
    let in_old = json!({"a": "text", "b": u64::MAX, "c": [-1, 0, 1]});
    let in_new = json!({"c": [-1, 0, 1], "d": true, "a": "text", "b": u64::MAX});
    assert_eq!(translated(&old, &new, &in_old), in_new);
    assert_eq!(translated(&new, &old, &in_new), in_old);
}

#[test]
fn messages_inside_messages_and_lists_are_translated_too() {
    let root = "Leg[] legs\nLeg spare\nFoot[2] feet\n";
    let leg = "string name\nFoot foot\n";
    let old = codec(&[
        ("a/msg/A", root),
        ("a/msg/Leg", leg),
        ("a/msg/Foot", "int32 x\nint32 y\n"),
    ]);
    let new = codec(&[
        ("a/msg/A", root),
        ("a/msg/Leg", leg),
        ("a/msg/Foot", "int32 y\nbool down true\nint32 x\nstring[] notes\n"),
    ]);
    let old_foot = json!({"x": 1, "y": -2});
    let new_foot = json!({"y": -2, "down": true, "x": 1, "notes": []});
    let of = |foot: &Value| {
        let leg = json!({"name": "left", "foot": foot});
        json!({"legs": [leg, leg, leg], "spare": leg, "feet": [foot, foot]})
    };
    assert_eq!(translated(&old, &new, &of(&old_foot)), of(&new_foot));
    assert_eq!(translated(&new, &old, &of(&new_foot)), of(&old_foot));
}

#[test]
fn a_field_that_is_passed_over_may_be_full_of_messages() {
    let inner = ("a/msg/Inner", "string text\nEmpty nothing\n");
    let new = codec(&[
        ("a/msg/A", "uint8 first\nInner[] gone\nEmpty[3] none\nuint8 last\n"),
        inner,
        ("a/msg/Empty", ""),
    ]);
    let old = codec(&[("a/msg/A", "uint8 first\nuint8 last\n")]);
    let inner = json!({"text": "x", "nothing": {}});
    let message = json!({"first": 1, "gone": [inner, inner], "none": [{}, {}, {}], "last": 2});
    assert_eq!(translated(&new, &old, &message), json!({"first": 1, "last": 2}));
}

#[test]
fn a_difference_that_is_no_addition_is_told_by_field() {
    insta::assert_snapshot!(refused("float64 speed\nbool new\n", "float32 speed\n"), @"neither is an additive version of the other: from theirs to ours, in a/msg/A: `speed`: the type was float64 and is float32; from ours to theirs, in a/msg/A: `speed`: the type was float32 and is float64");
    insta::assert_snapshot!(refused("float64 speed\n", "float64 pace\n"), @"neither is an additive version of the other: from theirs to ours, in a/msg/A: `speed`: the field is gone; `pace` stands in its place, renamed perhaps; from ours to theirs, in a/msg/A: `pace`: the field is gone; `speed` stands in its place, renamed perhaps");
    insta::assert_snapshot!(refused("float64 speed # @unit m/s\n", "float64 speed # @unit km/h\nbool new\n"), @"neither is an additive version of the other: from theirs to ours, in a/msg/A: `speed`: the unit is another one; from ours to theirs, in a/msg/A: `speed`: the unit is another one");
    let version = |foot| codec(&[("a/msg/A", "Foot[] feet\n"), ("a/msg/Foot", foot)]);
    let (theirs, ours) = (version("int32[3] at\n"), version("int32[4] at\n"));
    let error = Translation::new(theirs.description(), ours.description()).unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"neither is an additive version of the other: from theirs to ours, in a/msg/Foot: `at`: the type was int32[3] and is int32[4]; from ours to theirs, in a/msg/Foot: `at`: the type was int32[4] and is int32[3]");
}

#[test]
fn a_payload_that_is_none_is_an_error_and_nothing_is_written() {
    let (old, new) = (super::fields("string a\nbool b\n"), super::fields("string a\n"));
    let translation = between(&old, &new);
    let good = old.from_json(&json!({"a": "text", "b": true}), 0).unwrap();
    let mut out = vec![9];
    for len in 0..good.len() {
        let error = translation.translate(&good[..len], &mut out).unwrap_err();
        assert!(matches!(error, TranslateError::Payload(_)), "{len}: {error}");
    }
    // The field that ours does not have is looked at all the same.
    assert!(translation.translate(&[0, 2], &mut out).is_err());
    assert!(translation.translate(&[0, 1, 0], &mut out).is_err());
    assert_eq!(out, [9]);
}

#[test]
fn defaults_cannot_make_a_payload_longer_than_allowed() {
    let version = |inner| codec(&[("a/msg/A", "Inner[] list\n"), ("a/msg/Inner", inner)]);
    let (old, new) = (version("bool b\n"), version("bool b\nfloat64[1000] big\n"));
    let old_payload = [&[0xE8, 0x07][..], &[1; 1000]].concat();
    let exact = 2 + 1000 * 8001;
    let mut out = Vec::new();
    between(&old, &new)
        .with_max_len(exact)
        .translate(&old_payload, &mut out)
        .unwrap();
    assert_eq!(out.len(), exact);
    let error = between(&old, &new)
        .with_max_len(exact - 1)
        .translate(&old_payload, &mut out)
        .unwrap_err();
    assert_eq!(
        error,
        TranslateError::TooLong {
            path: "list[999]".to_owned(),
            max_len: exact - 1
        }
    );
    assert_eq!(out.len(), exact);
}

#[test]
fn empty_messages_that_no_byte_pays_for_come_to_an_end() {
    let empties = "Empty[4000000] many\n";
    let new = codec(&[
        ("a/msg/A", "uint8 a\nMany[] gone\n"),
        ("a/msg/Many", empties),
        ("a/msg/Empty", ""),
    ]);
    let old = super::fields("uint8 a\n");
    // 65536 times four million.
    let payload = [1, 0x80, 0x80, 0x04];
    assert!(new.check(&payload).is_ok());
    let error = between(&new, &old).translate(&payload, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, TranslateError::TooLong { .. }), "{error}");
}

/// An additive version of a random type: fields are new, with and without defaults, and stand elsewhere.
fn newer(choices: &mut Choices<'_>, old: &TypeDescription) -> TypeDescription {
    let mut new = old.clone();
    for message in std::iter::once(&mut new.root).chain(&mut new.referenced) {
        for number in 0..choices.below(3) {
            let element = match choices.below(3) {
                0 => Element::Text {
                    kind: TextKind::String,
                    bound: None,
                },
                _ => Element::Primitive(Primitive::ALL[choices.below(Primitive::ALL.len())]),
            };
            let count = [Count::One, Count::Array(2), Count::Sequence { bound: None }][choices.below(3)];
            let field = Field {
                name: format!("new{number}"),
                field_type: FieldType { element, count },
                default: None,
                comment: String::new(),
                unit: None,
                limits: Limits::default(),
            };
            message.fields.insert(choices.below(message.fields.len() + 1), field);
        }
        if !message.fields.is_empty() && choices.below(2) == 1 {
            let by = choices.below(message.fields.len());
            message.fields.rotate_left(by);
        }
    }
    new
}

/// The message as ours has it: fields that ours does not have are gone at every depth. What is missing is left to the
/// reader of JSON, which fills in defaults.
fn pruned(value: &Value, description: &TypeDescription, name: Option<&Element>) -> Value {
    let message = match name {
        None => &description.root,
        Some(Element::Message(name)) => description.find(name).unwrap(),
        Some(_) => return value.clone(),
    };
    let object = value.as_object().unwrap();
    let kept = message.fields.iter().filter_map(|field| {
        let value = object.get(&field.name)?;
        let element = Some(&field.field_type.element);
        let value = match field.field_type.count {
            Count::One => pruned(value, description, element),
            Count::Array(_) | Count::Sequence { .. } => {
                let list = value.as_array().unwrap().iter();
                list.map(|value| pruned(value, description, element)).collect()
            }
        };
        Some((field.name.clone(), value))
    });
    Value::Object(kept.collect())
}

fn agrees_with_json(theirs: &RunTimeType, ours: &RunTimeType, message: &Value) {
    let payload = theirs.from_json(message, 0).unwrap();
    let through_json = pruned(&theirs.to_json(&payload).unwrap(), ours.description(), None);
    let mut out = Vec::new();
    between(theirs, ours).translate(&payload, &mut out).unwrap();
    assert_eq!(out, ours.from_json(&through_json, 0).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_and_the_way_through_json_agree(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        let mut choices = Choices(&bytes);
        let old = random_type(&mut choices);
        let new = newer(&mut choices, &old);
        let [old_value, new_value] = [&old, &new].map(|of| random_value(&mut choices, of, &of.root));
        let (old, new) = (RunTimeType::new(&old).unwrap(), RunTimeType::new(&new).unwrap());
        agrees_with_json(&old, &new, &old_value);
        agrees_with_json(&new, &old, &new_value);
    }

    #[test]
    fn bytes_of_no_type_translate_to_a_payload_or_to_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut choices = Choices(&bytes);
        let old = random_type(&mut choices);
        let new = newer(&mut choices, &old);
        let (old, new) = (RunTimeType::new(&old).unwrap(), RunTimeType::new(&new).unwrap());
        for (theirs, ours) in [(&old, &new), (&new, &old)] {
            let mut out = Vec::new();
            let translated = between(theirs, ours).translate(choices.0, &mut out);
            assert_eq!(translated.is_ok(), theirs.check(choices.0).is_ok(), "{translated:?}");
            if translated.is_ok() {
                assert_eq!(ours.check(&out), Ok(()));
            }
        }
    }
}
