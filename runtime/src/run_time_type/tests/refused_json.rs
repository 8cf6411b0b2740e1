//! JSON and YAML in: what is taken, what is refused, and the words in which it is.

use serde_json::json;

use super::super::{EncodeError, MAX_TEXT_LEN};
use super::{RunTimeType, codec, fields};

const TWIST: [(&str, &str); 2] = [
    ("geometry_msgs/msg/Twist", "Vector3 linear\nVector3 angular"),
    ("geometry_msgs/msg/Vector3", "float64 x\nfloat64 y\nfloat64 z"),
];

const STAMPED: [(&str, &str); 3] = [
    (
        "a/msg/Stamped",
        "std_msgs/Header header\nbuiltin_interfaces/Time[] times\nint32 x 7",
    ),
    (
        "std_msgs/msg/Header",
        "builtin_interfaces/Time stamp\nstring frame_id \"map\"",
    ),
    ("builtin_interfaces/msg/Time", "int32 sec\nuint32 nanosec"),
];

fn refused(codec: &RunTimeType, json: &str) -> String {
    codec.from_json_text(json, 0).unwrap_err().to_string()
}

/// The message that a YAML text stands for, with all defaults filled in.
fn yaml(codec: &RunTimeType, text: &str) -> String {
    let payload = codec.from_yaml_text(text, 1_700_000_000_250_000_000);
    payload.map_or_else(|error| error.to_string(), |payload| super::json(codec, &payload))
}

#[test]
fn what_is_left_out_has_the_default_of_the_schema() {
    let codec = codec(&[
        (
            "a/msg/A",
            "int32 n -3\nfloat32 f 0.1\nbool b true\nstring s \"hi\"\nuint8[3] three [1, 2, 3]\nint64[] many [-1]\n\
             wstring[<=2] words [\"a\", \"b\"]\nfloat64[2] zeros\nB inner\nB[2] twice\nB[] none",
        ),
        ("a/msg/B", "uint16 x 700\nstring y"),
    ]);
    let prototype = codec.default_json();
    insta::assert_snapshot!(prototype, @r#"{"n":-3,"f":0.1,"b":true,"s":"hi","three":[1,2,3],"many":[-1],"words":["a","b"],"zeros":[0.0,0.0],"inner":{"x":700,"y":""},"twice":[{"x":700,"y":""},{"x":700,"y":""}],"none":[]}"#);
    assert_eq!(codec.from_json_text("{}", 0).unwrap(), codec.default_payload());
    assert_eq!(codec.from_json(&prototype, 0).unwrap(), codec.default_payload());
    assert_eq!(codec.from_yaml_text("", 0).unwrap(), codec.default_payload());
    let part = codec.from_json_text(r#"{"twice": [{"y": "z"}, {}]}"#, 0).unwrap();
    assert_eq!(
        codec.to_json(&part).unwrap()["twice"],
        json!([{"x": 700, "y": "z"}, {"x": 700, "y": ""}])
    );
}

#[test]
fn yaml_is_taken_as_ros_users_type_it() {
    let twist = codec(&TWIST);
    let expected = r#"{"linear":{"x":1.0,"y":0.0,"z":0.0},"angular":{"x":0.0,"y":0.0,"z":-0.5}}"#;
    assert_eq!(yaml(&twist, "{linear: {x: 1}, angular: {z: -0.5}}"), expected);
    assert_eq!(yaml(&twist, "linear:\n  x: 1.0\nangular:\n  z: -5e-1\n"), expected);
    assert_eq!(yaml(&twist, "linear: &v {x: 1}\nangular: {z: -0.5}\n"), expected);
    let vector = r#"{"x":0.0,"y":2.0,"z":0.0}"#;
    assert_eq!(
        yaml(&twist, "linear: &v {y: 2}\nangular: *v"),
        format!(r#"{{"linear":{vector},"angular":{vector}}}"#)
    );
    let mixed = fields("string s\nbool b\nint64 n\nuint8[] o");
    let expected = r#"{"s":"yes","b":true,"n":255,"o":[1,2]}"#;
    assert_eq!(yaml(&mixed, "s: yes\nb: True\nn: 0xff\no: [1, 2]"), expected);
    assert_eq!(yaml(&mixed, "s: 'yes'\nb: true\nn: '255'\no:\n- 1\n- 2"), expected);
}

#[test]
fn now_is_the_time_that_the_caller_says_it_is() {
    let stamped = codec(&STAMPED);
    let header = r#""header":{"stamp":{"sec":1700000000,"nanosec":250000000},"frame_id":"map"}"#;
    let expected = format!(r#"{{{header},"times":[],"x":7}}"#);
    assert_eq!(yaml(&stamped, "header: auto"), expected);
    assert_eq!(yaml(&stamped, "{header: {stamp: now}}"), expected);
    assert_eq!(
        yaml(&stamped, "{times: [now, {sec: 1}]}"),
        r#"{"header":{"stamp":{"sec":0,"nanosec":0},"frame_id":"map"},"times":[{"sec":1700000000,"nanosec":250000000},{"sec":1,"nanosec":0}],"x":7}"#
    );
    insta::assert_snapshot!(yaml(&stamped, "header: later"), @r#"header: expected an object with fields, or the word "now", found the text "later""#);
    let far = stamped.from_yaml_text("header: now", i64::MAX).unwrap_err();
    insta::assert_snapshot!(far, @"header: expected a time that 32 bits of seconds can hold, found a clock that says 9223372036 s");
    let other = codec(&[("a/msg/A", "B x"), ("a/msg/B", "int32 sec\nuint32 nanosec")]);
    insta::assert_snapshot!(yaml(&other, "x: now"), @r#"x: expected an object with the fields of a/msg/B, found the text "now""#);
}

#[test]
fn octets_may_be_base64() {
    let codec = fields("uint8[] a\nbyte[3] b\nchar[<=4] c");
    let expected = codec
        .from_json_text(r#"{"a":[251,255],"b":[1,2,3],"c":[0]}"#, 0)
        .unwrap();
    assert_eq!(
        codec.from_json_text(r#"{"a":"+/8=","b":"AQID","c":"AA"}"#, 0).unwrap(),
        expected
    );
    insta::assert_snapshot!(refused(&codec, r#"{"a":"-_8="}"#), @r#"a: expected a list of octets, or their base64 text, found the text "-_8=""#);
    insta::assert_snapshot!(refused(&codec, r#"{"b":"AQI="}"#), @"b: expected 3 octets, found 2");
    insta::assert_snapshot!(refused(&codec, r#"{"c":"AAAAAAA="}"#), @"c is 5 elements long, the schema allows at most 4 elements");
    assert!(refused(&fields("int8[] a"), r#"{"a":"AAAA"}"#).contains("a list"));
}

#[test]
fn an_unknown_field_is_named_with_its_likeliest_neighbour() {
    let twist = codec(&TWIST);
    insta::assert_snapshot!(refused(&twist, r#"{"linaer":{}}"#), @"there is no field linaer; did you mean `linear`?");
    insta::assert_snapshot!(refused(&twist, r#"{"linear":{"x":1,"yaw":2}}"#), @"there is no field linear.yaw; geometry_msgs/msg/Vector3 has x, y, z");
    let empty = codec(&[("std_msgs/msg/Empty", "")]);
    insta::assert_snapshot!(refused(&empty, r#"{"data":1}"#), @"there is no field data; std_msgs/msg/Empty has no fields");
    let many = codec(&[("a/msg/A", "B[] b"), ("a/msg/B", "int8 x")]);
    insta::assert_snapshot!(refused(&many, r#"{"b":[{},{"x":1,"\u001b[31m":0}]}"#), @r#"there is no field b[1].\u{1b}[31m; a/msg/B has x"#);
}

#[test]
fn a_value_of_another_type_is_refused_by_place() {
    let twist = codec(&TWIST);
    insta::assert_snapshot!(refused(&twist, "[1]"), @"the message: expected an object with the fields of geometry_msgs/msg/Twist, found a list of 1 element");
    insta::assert_snapshot!(refused(&twist, r#"{"linear":1}"#), @"linear: expected an object with the fields of geometry_msgs/msg/Vector3, found the number 1");
    insta::assert_snapshot!(refused(&twist, r#"{"angular":{"z":"fast"}}"#), @r#"angular.z: expected a number, found the text "fast""#);
    insta::assert_snapshot!(refused(&twist, r#"{"angular":{"z":true}}"#), @"angular.z: expected a number, found true");
    let mixed = fields("string s\nbool b\nint8 n\nuint64 u\nfloat32 f\nint16[2] a\nstring[] l");
    insta::assert_snapshot!(refused(&mixed, r#"{"s":1.10}"#), @r#"s: expected a text; quote it: "1.1", found the number 1.1"#);
    insta::assert_snapshot!(refused(&mixed, r#"{"s":null}"#), @"s: expected a text, found null");
    insta::assert_snapshot!(refused(&mixed, r#"{"b":1}"#), @"b: expected true or false, found the number 1");
    insta::assert_snapshot!(refused(&mixed, r#"{"n":128}"#), @"n: expected an integer from -128 to 127 (int8), found the number 128");
    insta::assert_snapshot!(refused(&mixed, r#"{"n":1.5}"#), @"n: expected an integer from -128 to 127 (int8), found the number 1.5");
    insta::assert_snapshot!(refused(&mixed, r#"{"n":"x"}"#), @r#"n: expected an integer from -128 to 127 (int8), found the text "x""#);
    insta::assert_snapshot!(refused(&mixed, r#"{"u":18446744073709551616}"#), @"u: expected an integer from 0 to 18446744073709551615 (uint64), found the number 1.8446744073709552e+19");
    insta::assert_snapshot!(refused(&mixed, r#"{"u":-1}"#), @"u: expected an integer from 0 to 18446744073709551615 (uint64), found the number -1");
    insta::assert_snapshot!(refused(&mixed, r#"{"f":1e39}"#), @"f: expected a number that float32 can hold, found the number 1e+39");
    insta::assert_snapshot!(refused(&mixed, r#"{"a":[1]}"#), @"a: expected a list of 2 elements, found a list of 1 element");
    insta::assert_snapshot!(refused(&mixed, r#"{"a":7}"#), @"a: expected a list of 2 elements, found the number 7");
    insta::assert_snapshot!(refused(&mixed, r#"{"l":["a",{"b":1}]}"#), @"l[1]: expected a text, found an object of 1 field");
}

#[test]
fn integers_are_exact_wherever_they_come_from() {
    let codec = fields("int64 i\nuint64 u");
    let text = r#"{"i":-9223372036854775808,"u":18446744073709551615}"#;
    let payload = codec.from_json_text(text, 0).unwrap();
    assert_eq!(super::json(&codec, &payload), text);
    let quoted = r#"{"i":"-9223372036854775808","u":"18446744073709551615"}"#;
    assert_eq!(codec.from_json_text(quoted, 0).unwrap(), payload);
    assert_eq!(codec.from_yaml_text(text, 0).unwrap(), payload);
    assert_eq!(yaml(&codec, "i: 1e3\nu: 2.0"), r#"{"i":1000,"u":2}"#);
    assert!(refused(&codec, r#"{"u":1e19}"#).contains("expected an integer"));
}

#[test]
fn limits_of_the_schema_are_kept() {
    let codec = codec(&[
        (
            "a/msg/A",
            "uint8 MODE_STOP=0\nuint8 MODE_GO=2\nstring SIDE_LEFT=\"left\"\nuint8 mode  # @enum MODE_\n\
             string side \"left\"  # @enum SIDE_\nfloat32 speed  # @range [-1.5, 0.1]\nfloat64 level  # @finite\n\
             string<=3 name\nwstring<=2 wide\nuint8[<=2] few\nB[] parts\nuint8[] low  # @range [0, 9]",
        ),
        ("a/msg/B", "int64[2] x  # @range [-5, 5]\nstring<=1[] words"),
    ]);
    let check = |json: &str| refused(&codec, json);
    insta::assert_snapshot!(check(r#"{"mode":1}"#), @"mode is 1, the schema allows MODE_STOP (0), MODE_GO (2)");
    insta::assert_snapshot!(check(r#"{"side":"right"}"#), @"side is right, the schema allows SIDE_LEFT (left)");
    insta::assert_snapshot!(check(r#"{"speed":0.2}"#), @"speed is 0.2, the schema allows -1.5 to 0.1");
    insta::assert_snapshot!(check(r#"{"speed":"NaN"}"#), @"speed is NaN, the schema allows -1.5 to 0.1");
    insta::assert_snapshot!(check(r#"{"level":"Infinity"}"#), @"level is inf, the schema allows a finite number");
    insta::assert_snapshot!(check(r#"{"name":"über"}"#), @"name is 5 bytes long, the schema allows at most 3 bytes");
    insta::assert_snapshot!(check(r#"{"wide":"😀x"}"#), @"wide is 3 UTF-16 units long, the schema allows at most 2 UTF-16 units");
    insta::assert_snapshot!(check(r#"{"few":[1,2,3]}"#), @"few is 3 elements long, the schema allows at most 2 elements");
    insta::assert_snapshot!(check(r#"{"parts":[{},{"x":[0,6]}]}"#), @"parts[1].x[1] is 6, the schema allows -5 to 5");
    insta::assert_snapshot!(check(r#"{"parts":[{"words":["a","bc"]}]}"#), @"parts[0].words[1] is 2 bytes long, the schema allows at most 1 bytes");
    insta::assert_snapshot!(check(r#"{"low":[9,10]}"#), @"low[1] is 10, the schema allows 0 to 9");
    assert!(
        codec
            .from_json_text(r#"{"mode":2,"speed":0.1,"name":"abc","wide":"😀","low":"CQ=="}"#, 0)
            .is_ok()
    );
}

#[test]
fn a_text_that_is_no_json_is_refused_with_line_and_column() {
    let codec = fields("int32 x");
    insta::assert_snapshot!(refused(&codec, "{\n  \"x\": }"), @"not the JSON of a message: expected value at line 2 column 8");
    insta::assert_snapshot!(refused(&codec, "{\"x\": 1} 2"), @"not the JSON of a message: trailing characters at line 1 column 10");
    insta::assert_snapshot!(refused(&codec, "{\"x\": 1, \"x\": 2}"), @r#"not the JSON of a message: the key "x" stands twice in one object at line 1 column 16"#);
    insta::assert_snapshot!(yaml(&codec, "x: 1\nx: 2"), @r#"not the YAML of a message: the key "x" stands twice in one object"#);
    insta::assert_snapshot!(yaml(&codec, "x: [1"), @"not the YAML of a message: unclosed bracket '[' at line 1, column 4");
    insta::assert_snapshot!(yaml(&codec, "x: 1\n---\nx: 2"), @"not the YAML of a message: only single YAML document expected but multiple found at line 3, column 1");
}

#[test]
fn deep_and_long_texts_are_refused() {
    let codec = fields("int32 x");
    for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(matches!(
            codec.from_json_text(&deep, 0),
            Err(EncodeError::Document { .. })
        ));
        assert!(matches!(
            codec.from_yaml_text(&deep, 0),
            Err(EncodeError::Document { .. })
        ));
    }
    let long = " ".repeat(MAX_TEXT_LEN + 1);
    assert!(matches!(
        codec.from_json_text(&long, 0),
        Err(EncodeError::Document { .. })
    ));
    insta::assert_snapshot!(codec.from_yaml_text(&long, 0).unwrap_err(), @"a text of 67108865 bytes is more YAML than the 67108864 bytes that are read; split the message");
}

#[test]
fn aliases_cannot_make_much_of_little() {
    let codec = fields("string[] x");
    let mut bomb = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..20 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    insta::assert_snapshot!(codec.from_yaml_text(&bomb, 0).unwrap_err(), @"not the YAML of a message: YAML document too large or too complex: limits breached: RecordedAnchorEvents { recorded_anchor_events: 1000001 } at line 1, column 20 (defined at line 5, column 9) (used at line 6, column 45)");
    // A long text is cheap to repeat, and dear to keep.
    let repeats = format!("a: &a {}\nx: [{}]", "y".repeat(1_000_000), "*a,".repeat(40_000));
    insta::assert_snapshot!(codec.from_yaml_text(&repeats, 0).unwrap_err(), @"not the YAML of a message: YAML document too large or too complex: limits breached: ScalarBytes { total_scalar_bytes: 68000002 } (defined at line 1, column 7) (used at line 2, column 203)");
}

#[test]
fn a_field_is_found_by_its_path() {
    let codec = codec(&[
        ("a/msg/A", "B[] parts\nfloat64 v  # Speed. @unit m/s"),
        ("a/msg/B", "float64 angle  # @unit rad"),
    ]);
    assert_eq!(codec.field("v").unwrap().comment, "Speed.");
    assert_eq!(codec.field("parts[3].angle").unwrap().unit.as_deref(), Some("rad"));
    for path in ["", "w", "v.x", "parts.angle.x", "."] {
        assert!(codec.field(path).is_none(), "{path}");
    }
}
