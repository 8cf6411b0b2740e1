//! Damaged payloads: no panic, an error that points into the payload, and no more output than was allowed.

use super::super::DecodeError;
use super::{RunTimeType, codec, json};

fn rich() -> (RunTimeType, Vec<u8>) {
    let codec = codec(&[
        (
            "a/msg/Rich",
            "bool flag\nint64 big\nuint16[] shorts\nfloat32[2] pair\nstring<=8 name\nwstring wide\nuint8[] blob\n\
             Part part\nPart[2] two\nPart[<=4] parts\nEmpty[] nothing\nfloat64 end",
        ),
        ("a/msg/Part", "int8 a\nstring[] words\nEmpty e\nuint32 b 70000"),
        ("a/msg/Empty", ""),
    ]);
    let text = r#"{
        "flag": true, "big": -9007199254740993, "shorts": [1, 300, 65535], "pair": [0.5, "NaN"], "name": "größer",
        "wide": "😀", "blob": [0, 255, 7], "part": {"a": -1, "words": ["x", ""]}, "parts": [{"b": 4294967295}, {}],
        "nothing": [{}, {}], "end": 1e-300
    }"#;
    let payload = codec.from_json_text(text, 0).unwrap();
    (codec, payload)
}

fn offset_of(error: &DecodeError) -> usize {
    match error {
        DecodeError::Malformed { offset, .. } | DecodeError::TooLong { offset, .. } => *offset,
        DecodeError::FormTooLong { .. } => panic!("no CDR was asked for"),
        DecodeError::Limit(_) => 0,
    }
}

/// Whatever the bytes are, text, tree and check say the same, and what can be read can be written again.
pub(super) fn consistent(codec: &RunTimeType, payload: &[u8]) -> bool {
    let mut text = String::from("before");
    match (codec.write_json(payload, &mut text), codec.to_json(payload)) {
        (Ok(()), Ok(tree)) => {
            assert_eq!(super::tree(text.strip_prefix("before").unwrap()), tree);
            let limits = codec.check(payload);
            let again = codec.from_json(&tree, 0);
            assert_eq!(limits.is_ok(), again.is_ok(), "{limits:?} {again:?}");
            if let Ok(again) = again {
                assert_eq!(codec.to_json(&again).unwrap(), tree);
            }
            true
        }
        (Err(by_text), Err(by_tree)) => {
            assert_eq!((text.as_str(), &by_text), ("before", &by_tree));
            assert_eq!(codec.check(payload), Err(by_tree));
            assert!(offset_of(&by_text) <= payload.len());
            false
        }
        (by_text, by_tree) => panic!("{by_text:?} but {by_tree:?}"),
    }
}

#[test]
fn the_undamaged_payload_prints_in_the_order_of_the_schema() {
    let (codec, payload) = rich();
    insta::assert_snapshot!(json(&codec, &payload), @r#"{"flag":true,"big":-9007199254740993,"shorts":[1,300,65535],"pair":[0.5,"NaN"],"name":"größer","wide":"😀","blob":[0,255,7],"part":{"a":-1,"words":["x",""],"e":{},"b":70000},"two":[{"a":0,"words":[],"e":{},"b":70000},{"a":0,"words":[],"e":{},"b":70000}],"parts":[{"a":0,"words":[],"e":{},"b":4294967295},{"a":0,"words":[],"e":{},"b":70000}],"nothing":[{},{}],"end":1e-300}"#);
    assert!(consistent(&codec, &payload));
}

#[test]
fn every_truncation_is_refused_where_it_hurts() {
    let (codec, payload) = rich();
    for len in 0..payload.len() {
        assert!(!consistent(&codec, &payload[..len]), "accepted after {len} bytes");
    }
}

#[test]
fn no_change_of_a_byte_does_harm() {
    let (codec, mut payload) = rich();
    let mut accepted = 0;
    for index in 0..payload.len() {
        let good = payload[index];
        for bad in 0..=u8::MAX {
            payload[index] = bad;
            accepted += usize::from(consistent(&codec, &payload));
        }
        payload[index] = good;
    }
    assert!(
        accepted > payload.len(),
        "most changes of numbers and letters give other messages"
    );
}

#[test]
fn no_change_of_two_neighbouring_bytes_does_harm() {
    let (codec, payload) = rich();
    for index in 1..payload.len() {
        for (first, second) in [(0xFF, 0xFF), (0x80, 0x00), (0xFF, 0x01), (0x00, 0xFF), (0xF0, 0x9F)] {
            let mut bad = payload.clone();
            (bad[index - 1], bad[index]) = (first, second);
            consistent(&codec, &bad);
        }
    }
}

#[test]
fn damage_is_reported_before_a_violated_limit_that_stands_before_it() {
    let (codec, mut payload) = rich();
    let at = payload
        .windows(8)
        .position(|bytes| bytes == "größer".as_bytes())
        .unwrap();
    payload[at - 1] = 9;
    payload.insert(at, b'x');
    insta::assert_snapshot!(codec.check(&payload).unwrap_err(), @"name is 9 bytes long, the schema allows at most 8 bytes");
    payload.pop();
    insta::assert_snapshot!(codec.check(&payload).unwrap_err(), @"the payload is not of its type: at byte 75, end: expected a value of type float64, found the end of the payload after 7 bytes");
}

#[test]
fn errors_name_the_place_in_payload_and_message() {
    let (codec, payload) = rich();
    let two = payload.windows(2).position(|bytes| bytes == [0xF0, 0xA2]).unwrap();
    insta::assert_snapshot!(codec.check(&payload[..=two]).unwrap_err(), @"the payload is not of its type: at byte 47, part.b: expected a value of type uint32, found the end of the payload after 1 bytes");
    let mut bad = payload.clone();
    bad[0] = 7;
    insta::assert_snapshot!(codec.check(&bad).unwrap_err(), @"the payload is not of its type: at byte 0, flag: expected a bool, 0 or 1, found the byte 7");
    let smile = payload.windows(4).position(|bytes| bytes == "😀".as_bytes()).unwrap();
    bad.clone_from(&payload);
    bad[smile + 2] = b'x';
    insta::assert_snapshot!(codec.check(&bad).unwrap_err(), @"the payload is not of its type: at byte 33, wide: expected a text in UTF-8, found other bytes after 0 good ones");
    bad.clone_from(&payload);
    bad[11] = 0xFF;
    bad[12] = 0xFF;
    bad[13] = 0xFF;
    insta::assert_snapshot!(codec.check(&bad).unwrap_err(), @"the payload is not of its type: at byte 11, shorts[1]: expected a value of type uint16, found a number with more bits than its type");
}

#[test]
fn json_is_never_longer_than_allowed() {
    let (codec, payload) = rich();
    let full = json(&codec, &payload);
    for max in 0..full.len() {
        let mut text = String::from("before");
        let error = codec
            .clone()
            .with_max_json_len(max)
            .write_json(&payload, &mut text)
            .unwrap_err();
        assert!(matches!(error, DecodeError::TooLong { .. }), "{error}");
        assert_eq!(text, "before");
    }
    let mut text = String::new();
    codec
        .with_max_json_len(full.len())
        .write_json(&payload, &mut text)
        .unwrap();
    assert_eq!(text, full);
}

#[test]
fn a_tree_is_bounded_too() {
    let codec = super::fields("uint8[] octets\nstring text");
    let payload = codec
        .from_json_text(r#"{"octets":[1,2,3,4,5,6,7,8],"text":"abcdefgh"}"#, 0)
        .unwrap();
    // Two fields, a list, eight numbers and a text.
    assert!(codec.clone().with_max_json_len(200).to_json(&payload).is_ok());
    for max in 0..100 {
        let error = codec.clone().with_max_json_len(max).to_json(&payload).unwrap_err();
        assert!(matches!(error, DecodeError::TooLong { .. }), "{error}");
    }
    insta::assert_snapshot!(codec.with_max_json_len(20).to_json(&payload).unwrap_err(), @"the message does not fit into 20 bytes of JSON: they end at byte 1 of its payload, octets; allow more");
}

#[test]
fn elements_that_take_no_bytes_make_a_check_no_slower() {
    // Each byte of this payload stands for more than two million empty messages.
    let codec = codec(&[
        ("a/msg/A", "Fat[] fat"),
        ("a/msg/Fat", "Empty[2000000] much\nuint8 x"),
        ("a/msg/Empty", ""),
    ]);
    let payload = [vec![0xFF, 0x7F], vec![1; 0x3FFF]].concat();
    assert_eq!(codec.check(&payload), Ok(()));
    let error = codec.with_max_json_len(1000).to_json(&payload).unwrap_err();
    assert!(matches!(error, DecodeError::TooLong { .. }), "{error}");
}
