//! Each kind of field has the bytes that postcard gives it, and prints as serde_json prints it.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::super::DecodeError;
use super::super::{MAX_EMPTY_ELEMENTS, RunTimeType};
use super::{codec, fields, json};

#[derive(Debug, Deserialize, Serialize)]
struct Of<T> {
    x: T,
}

/// The value goes through payload, text and tree as it would through serde.
fn same<T: Serialize + Debug>(schema: &str, values: impl IntoIterator<Item = T>) {
    let codec = fields(&format!("{schema} x"));
    for x in values {
        let value = Of { x };
        let payload = postcard::to_allocvec(&value).unwrap();
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(json(&codec, &payload), text, "{schema}");
        assert_eq!(codec.from_json_text(&text, 0).unwrap(), payload, "{schema} {text}");
        assert_eq!(codec.check(&payload), Ok(()));
    }
}

#[test]
fn truth_values_and_octets() {
    same("bool", [false, true]);
    same("byte", 0..=u8::MAX);
    same("char", 0..=u8::MAX);
    same("uint8", 0..=u8::MAX);
    same("int8", i8::MIN..=i8::MAX);
}

#[test]
fn integers_at_every_length() {
    same("uint16", 0..=u16::MAX);
    same("int16", i16::MIN..=i16::MAX);
    let around = |bit: u32| {
        let power = 1_u64.checked_shl(bit).unwrap_or(0);
        [power.wrapping_sub(1), power, power.wrapping_add(1)]
    };
    same("uint64", (0..=64).flat_map(around));
    same("int64", (0..=64).flat_map(around).map(u64::cast_signed));
    same("int64", (0..=64).flat_map(around).map(|value| !value.cast_signed()));
    same("uint32", (0..=32).flat_map(around).map(|value| value as u32));
    same(
        "int32",
        (0..=32)
            .flat_map(around)
            .map(|value| value as u32)
            .map(u32::cast_signed),
    );
}

#[test]
fn finite_floats() {
    let of_64 = [
        0.0,
        -0.0,
        1.0,
        0.1,
        -1.5,
        1e300,
        5e-324,
        f64::MAX,
        f64::MIN_POSITIVE,
        0.1 + 0.2,
    ];
    same("float64", of_64);
    same(
        "float32",
        [0.0, -0.0, 0.1, 16_777_216.0, 1e-45, f32::MAX, f32::MIN_POSITIVE, 1.0e16],
    );
    same(
        "float32[]",
        [(0..20_000_u32).map(|n| f32::from_bits(n * 104_729)).collect::<Vec<_>>()],
    );
    same("float64[<=3]", [vec![], vec![1.5, -2.5, 1e16]]);
}

#[test]
fn what_is_not_finite_is_a_word() {
    for (schema, nan) in [
        ("float64", f64::NAN.to_le_bytes().to_vec()),
        ("float32", f32::NAN.to_le_bytes().to_vec()),
    ] {
        let codec = fields(&format!("{schema} x"));
        let text = r#"{"x":"NaN"}"#;
        assert_eq!(json(&codec, &nan), text);
        for word in ["null", "\"NaN\"", "\"nan\"", "\".nan\""] {
            assert_eq!(codec.from_json_text(&format!("{{\"x\":{word}}}"), 0).unwrap(), nan);
        }
    }
    let codec = fields("float32 x\nfloat64 y");
    let payload = codec.from_json_text(r#"{"x":"Infinity","y":"-Infinity"}"#, 0).unwrap();
    assert_eq!(json(&codec, &payload), r#"{"x":"Infinity","y":"-Infinity"}"#);
    assert_eq!(codec.from_yaml_text("{x: .inf, y: -.inf}", 0).unwrap(), payload);
}

#[test]
fn texts_of_both_kinds() {
    let texts = ["", "a", "\"\\\n\u{0}\u{1f}\u{7f}", "ü€😀\u{feff}", &"x".repeat(300)];
    same("string", texts);
    same("wstring", texts);
    same("string[]", [texts.to_vec()]);
    same("string[5]", [texts]);
}

#[test]
fn lists_of_every_kind() {
    same("bool[3]", [[true, false, true]]);
    same("uint8[]", [vec![], (0..=u8::MAX).collect::<Vec<_>>()]);
    same("byte[4]", [[0_u8, 9, 10, 255]]);
    same("int8[]", [vec![-128_i8, 127, 0]]);
    same("int32[]", [(0..300).collect::<Vec<i32>>()]);
    same("uint64[<=2]", [vec![u64::MAX]]);
}

#[test]
fn messages_inside_messages_and_empty_ones() {
    #[derive(Debug, Deserialize, Serialize)]
    struct Inner {
        a: u8,
        b: String,
    }
    #[derive(Debug, Deserialize, Serialize)]
    struct Empty {}
    #[derive(Debug, Deserialize, Serialize)]
    struct Outer {
        none: Empty,
        one: Inner,
        two: [Inner; 2],
        many: Vec<Inner>,
        nothings: Vec<Empty>,
    }
    let inner = |a: u8| Inner { a, b: a.to_string() };
    let outer = Outer {
        none: Empty {},
        one: inner(1),
        two: [inner(2), inner(3)],
        many: vec![inner(4), inner(200)],
        nothings: vec![Empty {}, Empty {}, Empty {}],
    };
    let codec = codec(&[
        (
            "a/msg/Outer",
            "Empty none\nInner one\nInner[2] two\nInner[] many\nEmpty[] nothings",
        ),
        ("a/msg/Inner", "uint8 a\nstring b"),
        ("a/msg/Empty", ""),
    ]);
    let payload = postcard::to_allocvec(&outer).unwrap();
    let text = serde_json::to_string(&outer).unwrap();
    assert_eq!(json(&codec, &payload), text);
    assert_eq!(codec.from_json_text(&text, 0).unwrap(), payload);
}

/// Whether a payload is accepted does not depend on who reads it.
fn same_verdict<T: for<'de> Deserialize<'de>>(codec: &RunTimeType, payload: &[u8]) {
    let by_postcard = postcard::take_from_bytes::<T>(payload).is_ok_and(|(_, rest)| rest.is_empty());
    let by_codec = codec.check(payload);
    assert_eq!(by_codec.is_ok(), by_postcard, "{payload:02x?}: {by_codec:?}");
    assert_eq!(codec.to_json(payload).is_ok(), by_postcard, "{payload:02x?}");
}

#[test]
fn numbers_of_variable_length_are_read_as_strictly_as_by_postcard() {
    let (of_16, of_32, of_64, text) = (
        fields("uint16 x"),
        fields("int32 x"),
        fields("int64 x"),
        fields("string x"),
    );
    for len in 0..12 {
        for last in 0..=u8::MAX {
            for filler in [0x80, 0xFF] {
                let mut payload = vec![filler; len];
                payload.push(last);
                same_verdict::<u16>(&of_16, &payload);
                same_verdict::<i32>(&of_32, &payload);
                same_verdict::<i64>(&of_64, &payload);
                same_verdict::<String>(&text, &payload);
            }
        }
    }
}

#[test]
fn truth_is_zero_or_one() {
    let codec = fields("bool x");
    for byte in 0..=u8::MAX {
        same_verdict::<bool>(&codec, &[byte]);
    }
}

#[test]
fn more_bytes_than_the_message_has_are_an_error() {
    let codec = fields("uint8 x");
    let error = codec.to_json(&[1, 2, 3]).unwrap_err();
    let expected =
        "the payload is not of its type: at byte 1, the message: expected the end of the payload, found 2 more bytes";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_count_is_believed_as_far_as_the_bytes_go() {
    let mut huge = vec![0xFF; 9];
    huge.push(0x01);
    let numbers = fields("float64[] x");
    insta::assert_snapshot!(numbers.check(&huge).unwrap_err(), @"the payload is not of its type: at byte 0, x: expected at most 0 elements in the 0 bytes left, found a count of 18446744073709551615");
    let mut claim = vec![5];
    claim.extend([0; 39]);
    insta::assert_snapshot!(numbers.check(&claim).unwrap_err(), @"the payload is not of its type: at byte 0, x: expected at most 4 elements in the 39 bytes left, found a count of 5");
    insta::assert_snapshot!(fields("uint8[] x").check(&huge).unwrap_err(), @"the payload is not of its type: at byte 0, x: expected at most 0 elements in the 0 bytes left, found a count of 18446744073709551615");
    insta::assert_snapshot!(fields("string x").check(&huge).unwrap_err(), @"the payload is not of its type: at byte 0, x: expected a text of 18446744073709551615 bytes, found 0 bytes left");
}

#[test]
fn a_count_of_empty_messages_has_an_end() {
    let codec = codec(&[("a/msg/A", "Empty[] x"), ("a/msg/Empty", "")]);
    let claim = |count: u64| {
        let mut payload = Vec::new();
        super::super::reader::push_varint(count, &mut payload);
        payload
    };
    let most = claim(MAX_EMPTY_ELEMENTS as u64);
    assert_eq!(
        codec.to_json(&most).unwrap()["x"].as_array().unwrap().len(),
        MAX_EMPTY_ELEMENTS
    );
    for count in [MAX_EMPTY_ELEMENTS as u64 + 1, 1 << 60, u64::MAX] {
        let error = codec.to_json(&claim(count)).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { offset: 0, .. }), "{error}");
        assert_eq!(codec.check(&claim(count)), Err(error));
    }
}
