//! The forms that web clients take: JSON with base64 and null, and CBOR with typed arrays.

use super::{RunTimeType, fields};

const NOW_NS: i64 = 0;

fn payload(codec: &RunTimeType, json: &str) -> Vec<u8> {
    codec.from_json_text(json, NOW_NS).unwrap()
}

fn web_json(codec: &RunTimeType, json: &str) -> String {
    let mut out = String::new();
    codec.write_web_json(&payload(codec, json), &mut out).unwrap();
    out
}

fn cbor(codec: &RunTimeType, json: &str) -> String {
    let mut out = Vec::new();
    codec.write_cbor(&payload(codec, json), &mut out).unwrap();
    out.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn octets_are_base64_and_bytes_are_numbers() {
    let codec = fields("uint8[] a\nchar[3] b\nbyte[] c\nuint8[<=2] d\nuint8 e\nint8[] f");
    let json = r#"{"a": [104, 105], "b": [1, 2, 3], "c": [7], "e": 200, "f": [-1]}"#;
    assert_eq!(
        web_json(&codec, json),
        r#"{"a":"aGk=","b":"AQID","c":[7],"d":"","e":200,"f":[-1]}"#
    );
}

#[test]
fn numbers_that_are_not_finite_are_null() {
    let codec = fields("float64 a\nfloat32[] b\nfloat64 c");
    let json = r#"{"a": "NaN", "b": [1.5, "Infinity", "-Infinity"], "c": 2}"#;
    assert_eq!(web_json(&codec, json), r#"{"a":null,"b":[1.5,null,null],"c":2.0}"#);
}

#[test]
fn web_json_ends_at_its_length() {
    let codec = fields("uint8[] a").with_max_json_len(12);
    let (short, long) = (
        payload(&codec, r#"{"a": [1]}"#),
        payload(&codec, r#"{"a": [1, 2, 3, 4]}"#),
    );
    let mut out = "kept".to_owned();
    codec.write_web_json(&short, &mut out).unwrap();
    assert_eq!(out, r#"kept{"a":"AQ=="}"#);
    codec.write_web_json(&long, &mut out).unwrap_err();
    assert_eq!(out, r#"kept{"a":"AQ=="}"#);
}

#[test]
fn cbor_has_each_value_in_its_shortest_form() {
    let codec = fields("bool a\nuint8 b\nint32 c\nuint64 d\nfloat32 e\nstring f\nint8 g");
    let json = r#"{"a": true, "b": 23, "c": -500, "d": 18446744073709551615, "e": 1.5, "f": "hé", "g": -1}"#;
    let expected = [
        "a7",
        "6161f5",
        "616217",
        "61633901f3",
        "61641bffffffffffffffff",
        "6165fb3ff8000000000000",
        "61666368c3a9",
        "616720",
    ];
    assert_eq!(cbor(&codec, json), expected.concat());
}

#[test]
fn lists_of_numbers_are_typed_arrays_and_octets_are_bytes() {
    let codec = fields(
        "uint8[] a\nbyte[] b\nint16[] c\nuint32[2] d\nint64[] e\nfloat32[] f\nfloat64[] g\nint8[] h\nbool[] i\nstring[] j\nint32 k",
    );
    let json = r#"{"a": [1, 2], "b": [3], "c": [-2, 258], "d": [1, 2], "e": [-1], "f": [1.5], "g": [], "h": [-1], "i": [true],
        "j": ["x"], "k": 1}"#;
    let expected = [
        "ab",
        "6161420102",
        "61624103",
        "6163d84d44feff0201",
        "6164d846480100000002000000",
        "6165d84f48ffffffffffffffff",
        "6166d855440000c03f",
        "6167d85640",
        "6168d84841ff",
        "616981f5",
        "616a816178",
        "616b01",
    ];
    assert_eq!(cbor(&codec, json), expected.concat());
}

#[test]
fn what_is_no_payload_gives_no_cbor() {
    let codec = fields("int32[] a");
    let mut out = b"kept".to_vec();
    for broken in [&b"\x05\x00"[..], b"\x01", b"\x00\x00"] {
        codec.write_cbor(broken, &mut out).unwrap_err();
        assert_eq!(out, b"kept");
    }
}
