//! CDR: the bytes of other encoders, every shipped type there and back in both byte orders, and no harm from damage.

use nuncio_codegen::model::{Count, Element, Message, Primitive, TextKind, TypeDescription};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::Value;

use super::super::cdr_writer::CdrWriter;
use super::super::{DecodeError, decode};
use super::random::{Choices, random_type, random_value};
use super::{RunTimeType, codec, fields};

/// An encoder of the plainest kind, from a tree and without a shape.
struct Reference {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Reference {
    fn encode(description: &TypeDescription, value: &Value, big_endian: bool) -> Vec<u8> {
        let mut reference = Self {
            bytes: Vec::new(),
            big_endian,
        };
        reference.message(description, &description.root, value);
        [vec![0, u8::from(!big_endian), 0, 0], reference.bytes].concat()
    }

    fn number(&mut self, bits: u64, size: usize) {
        while !self.bytes.len().is_multiple_of(size) {
            self.bytes.push(0);
        }
        match self.big_endian {
            true => self.bytes.extend(&bits.to_be_bytes()[8 - size..]),
            false => self.bytes.extend(&bits.to_le_bytes()[..size]),
        }
    }

    fn message(&mut self, description: &TypeDescription, message: &Message, value: &Value) {
        if message.fields.is_empty() {
            self.bytes.push(0);
        }
        for field in &message.fields {
            let value = &value[&field.name];
            let element = &field.field_type.element;
            if field.field_type.count == Count::One {
                self.element(description, element, value);
                continue;
            }
            let list = value.as_array().unwrap();
            if let Count::Sequence { .. } = field.field_type.count {
                self.number(list.len() as u64, 4);
            }
            list.iter().for_each(|value| self.element(description, element, value));
        }
    }

    fn element(&mut self, description: &TypeDescription, element: &Element, value: &Value) {
        match element {
            Element::Message(name) => self.message(description, description.find(name).unwrap(), value),
            Element::Text { kind, .. } => self.text(*kind, value.as_str().unwrap()),
            Element::Primitive(primitive) => self.primitive(*primitive, value),
        }
    }

    fn text(&mut self, kind: TextKind, text: &str) {
        if kind == TextKind::String {
            self.number(text.len() as u64 + 1, 4);
            self.bytes.extend(text.as_bytes());
            return self.bytes.push(0);
        }
        let units: Vec<u16> = text.encode_utf16().collect();
        self.number(units.len() as u64, 4);
        units.iter().for_each(|unit| self.number((*unit).into(), 2));
    }

    fn primitive(&mut self, primitive: Primitive, value: &Value) {
        let float = || match value.as_str() {
            Some("NaN") => f64::NAN,
            Some("Infinity") => f64::INFINITY,
            Some("-Infinity") => f64::NEG_INFINITY,
            _ => value.as_f64().unwrap(),
        };
        let integer = || {
            value
                .as_u64()
                .unwrap_or_else(|| value.as_i64().unwrap().cast_unsigned())
        };
        match primitive {
            Primitive::Bool => self.number(value.as_bool().unwrap().into(), 1),
            Primitive::Byte | Primitive::Char | Primitive::Int8 | Primitive::Uint8 => self.number(integer(), 1),
            Primitive::Int16 | Primitive::Uint16 => self.number(integer(), 2),
            Primitive::Int32 | Primitive::Uint32 => self.number(integer(), 4),
            Primitive::Int64 | Primitive::Uint64 => self.number(integer(), 8),
            Primitive::Float32 => self.number((float() as f32).to_bits().into(), 4),
            Primitive::Float64 => self.number(float().to_bits(), 8),
        }
    }
}

fn to_cdr(codec: &RunTimeType, payload: &[u8]) -> Vec<u8> {
    let mut cdr = b"before".to_vec();
    codec.payload_to_cdr(payload, &mut cdr).unwrap();
    cdr.strip_prefix(b"before").unwrap().to_vec()
}

fn to_payload(codec: &RunTimeType, cdr: &[u8]) -> Vec<u8> {
    let mut payload = b"before".to_vec();
    codec
        .cdr_to_payload(cdr, &mut payload)
        .unwrap_or_else(|error| panic!("{error}"));
    payload.strip_prefix(b"before").unwrap().to_vec()
}

fn refusal(codec: &RunTimeType, cdr: &[u8]) -> String {
    let mut payload = b"before".to_vec();
    let error = codec.cdr_to_payload(cdr, &mut payload).unwrap_err();
    assert_eq!(payload, b"before");
    error.to_string()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn goes_there_and_back(codec: &RunTimeType, value: &Value) {
    let payload = super::super::encode::encode(&codec.root, value, 0).unwrap();
    let little = to_cdr(codec, &payload);
    assert_eq!(little, Reference::encode(codec.description(), value, false), "{value}");
    assert_eq!(to_payload(codec, &little), payload, "{value}");
    let big = Reference::encode(codec.description(), value, true);
    assert_eq!(to_payload(codec, &big), payload, "{value}");
    for padding in 1..=3 {
        assert_eq!(to_payload(codec, &[&little[..], &[0; 3][..padding]].concat()), payload);
    }
}

/// Names and texts of schemas.
type Definitions = &'static [(&'static str, &'static str)];

/// What the encoders of rosbags, cyclonedds and @foxglove/rosmsg2-serialization agree on.
#[test]
fn the_bytes_are_those_of_three_other_encoders() {
    let cases: [(Definitions, &str, &str); 5] = [
        (
            &[(
                "t/msg/Align",
                "uint8 a\nfloat64 b\nuint8 c\nuint16 d\nint64 e\nbool f\nuint32 g",
            )],
            r#"{"a":1,"b":1.5,"c":2,"d":3,"e":-4,"f":true,"g":5}"#,
            "00010000 0100000000000000 000000000000f83f 0200030000000000 fcffffffffffffff 01000000 05000000",
        ),
        (
            &[("t/msg/ByteChar", "byte b\nchar c\nint8 i")],
            r#"{"b":127,"c":65,"i":-1}"#,
            "00010000 7f 41 ff",
        ),
        (&[("t/msg/Empty", "")], "{}", "00010000 00"),
        (
            &[("t/msg/HasEmpty", "Empty e\nuint32 x\nEmpty[2] a"), ("t/msg/Empty", "")],
            r#"{"e":{},"x":3735928559,"a":[{},{}]}"#,
            "00010000 00000000 efbeadde 0000",
        ),
        (
            &[
                ("t/msg/Nest", "uint8 h\nInner i\nInner[] l\nInner[2] f\nuint8 z"),
                ("t/msg/Inner", "uint8 k\nuint32 v"),
            ],
            r#"{"h":1,"i":{"k":2,"v":3},"l":[{"k":4,"v":5},{"k":6,"v":7}],"f":[{"k":8,"v":9},{"k":10,"v":11}],"z":12}"#,
            "00010000 01020000 03000000 02000000 04000000 05000000 06000000 07000000 08000000 09000000 0a000000 \
             0b000000 0c",
        ),
    ];
    for (definitions, value, bytes) in cases {
        let codec = codec(definitions);
        let payload = codec.from_json_text(value, 0).unwrap();
        assert_eq!(to_cdr(&codec, &payload), hex(bytes), "{value}");
        assert_eq!(to_payload(&codec, &hex(bytes)), payload, "{value}");
    }
}

#[test]
fn nothing_is_aligned_after_an_empty_sequence() {
    let codec = fields("float64[] a\nuint64[] b\nuint8 c");
    let payload = codec.from_json_text(r#"{"c":7}"#, 0).unwrap();
    assert_eq!(to_cdr(&codec, &payload), hex("00010000 00000000 00000000 07"));
    assert_eq!(to_payload(&codec, &hex("00010000 00000000 00000000 07")), payload);
}

#[test]
fn a_text_ends_in_zero_and_a_wide_one_does_not() {
    let codec = fields("string a\nstring b\nwstring c");
    let payload = codec.from_json_text(r#"{"a":"ü","c":"a😀"}"#, 0).unwrap();
    let cdr = hex("00010000 03000000 c3bc0000 01000000 00000000 03000000 61003dd800de");
    assert_eq!(to_cdr(&codec, &payload), cdr);
    assert_eq!(to_payload(&codec, &cdr), payload);
}

#[test]
fn an_empty_text_without_its_zero_is_read() {
    let codec = fields("string a\nuint8 b");
    let payload = codec.from_json_text(r#"{"b":9}"#, 0).unwrap();
    assert_eq!(to_payload(&codec, &hex("00010000 00000000 09")), payload);
}

#[test]
fn the_options_of_the_header_are_not_read() {
    let codec = fields("uint16 a");
    let payload = codec.from_json_text(r#"{"a":258}"#, 0).unwrap();
    assert_eq!(to_payload(&codec, &hex("0001 0003 0201 000000")), payload);
    assert_eq!(to_payload(&codec, &hex("0000 ffff 0102")), payload);
}

#[test]
fn what_is_refused_is_named_with_its_place() {
    let text = fields("uint8 n\nstring a");
    insta::assert_snapshot!(refusal(&text, &hex("0001 00")), @"the CDR is not of its type: at byte 0, the message: expected the header of CDR, 00 01 (little endian) or 00 00 (big endian) and two more bytes, found 3 bytes");
    insta::assert_snapshot!(refusal(&text, &hex("0007 0000 00")), @"the CDR is not of its type: at byte 0, the message: expected the header of CDR, 00 01 (little endian) or 00 00 (big endian) and two more bytes, found 00 07, another representation");
    insta::assert_snapshot!(refusal(&text, &hex("00010000 01000000 02000000 6161")), @"the CDR is not of its type: at byte 13, a: expected the zero byte at the end of a text, found the byte 97");
    insta::assert_snapshot!(refusal(&text, &hex("00010000 01000000 03000000 61ff00")), @"the CDR is not of its type: at byte 13, a: expected a text in UTF-8, found other bytes");
    insta::assert_snapshot!(refusal(&text, &hex("00010000 01000000 03000000 6161")), @"the CDR is not of its type: at byte 12, a: expected a text of 3 bytes, found the end of the bytes after 2 more");
    insta::assert_snapshot!(refusal(&text, &hex("00010000 0100")), @"the CDR is not of its type: at byte 5, a: expected a text after 3 bytes of padding, found the end of the bytes after 1 more");
    insta::assert_snapshot!(refusal(&text, &hex("00010000 01000000 0100000000 00000000")), @"the CDR is not of its type: at byte 13, the message: expected the end of the message, and at most 3 bytes after it, found 4 more bytes");
    let nested = codec(&[("a/msg/A", "B[] list"), ("a/msg/B", "uint8 k\nwstring w\nbool f")]);
    insta::assert_snapshot!(refusal(&nested, &hex("00010000 ffffffff 0000")), @"the CDR is not of its type: at byte 4, list: expected at most 0 elements in the 2 bytes left, found a count of 4294967295");
    insta::assert_snapshot!(refusal(&nested, &hex("00010000 01000000 01000000 02000000 610000d8 01")), @"the CDR is not of its type: at byte 18, list[0].w: expected a text in UTF-16, found half of a pair, d800");
    insta::assert_snapshot!(refusal(&nested, &hex("00010000 01000000 01000000 00000000 02")), @"the CDR is not of its type: at byte 16, list[0].f: expected a bool, 0 or 1, found the byte 2");
    let numbers = fields("uint64[3] a");
    insta::assert_snapshot!(refusal(&numbers, &hex("00010000 0000000000000000")), @"the CDR is not of its type: at byte 4, a: expected 3 values of type uint64, found the end of the bytes after 8 more");
}

fn rich() -> (RunTimeType, Value) {
    let codec = codec(&[
        (
            "a/msg/Rich",
            "bool flag\nint64 big\nuint16[] shorts\nfloat32[2] pair\nstring name\nwstring wide\nuint8[] blob\n\
             Part part\nPart[2] two\nPart[] parts\nEmpty[] nothing\nHollow[] hollow\nfloat64[] end\nbool[] flags",
        ),
        ("a/msg/Part", "int8 a\nstring[] words\nEmpty e\nuint32 b 70000"),
        ("a/msg/Hollow", "Empty[2] e"),
        ("a/msg/Empty", ""),
    ]);
    let text = r#"{
        "flag": true, "big": -9007199254740993, "shorts": [1, 300, 65535], "pair": [0.5, "NaN"], "name": "größer",
        "wide": "😀", "blob": [0, 255, 7], "part": {"a": -1, "words": ["x", ""]}, "parts": [{"b": 4294967295}, {}],
        "nothing": [{}, {}], "hollow": [{"e": [{}, {}]}], "end": [1e-300], "flags": [true, false]
    }"#;
    let payload = codec.from_json_text(text, 0).unwrap();
    let value = codec.to_json(&payload).unwrap();
    (codec, value)
}

/// Whatever the bytes are, the error points into them, or the payload is one and gives the message again.
fn survives(codec: &RunTimeType, cdr: &[u8]) -> bool {
    let mut payload = Vec::new();
    match codec.cdr_to_payload(cdr, &mut payload) {
        Ok(()) => {
            assert!(payload.len() <= cdr.len() * 2);
            let again = to_payload(codec, &to_cdr(codec, &payload));
            assert_eq!(again, payload);
            assert_eq!(codec.check(&payload), Ok(()));
            true
        }
        Err(error) => {
            assert!(error.offset <= cdr.len(), "{error}");
            assert!(payload.is_empty());
            false
        }
    }
}

#[test]
fn every_truncation_is_refused_in_both_byte_orders() {
    let (codec, value) = rich();
    goes_there_and_back(&codec, &value);
    for big_endian in [false, true] {
        let cdr = Reference::encode(codec.description(), &value, big_endian);
        for len in 0..cdr.len() {
            assert!(!survives(&codec, &cdr[..len]), "accepted after {len} bytes");
        }
    }
}

#[test]
fn no_change_of_a_byte_of_cdr_does_harm() {
    let (codec, value) = rich();
    for big_endian in [false, true] {
        let mut cdr = Reference::encode(codec.description(), &value, big_endian);
        let mut accepted = 0;
        for index in 0..cdr.len() {
            let good = cdr[index];
            for bad in 0..=u8::MAX {
                cdr[index] = bad;
                accepted += usize::from(survives(&codec, &cdr));
            }
            cdr[index] = good;
        }
        assert!(accepted > cdr.len(), "most changes of numbers give other messages");
    }
}

#[test]
fn cdr_is_never_longer_than_allowed() {
    // Each byte of this payload stands for more than two million bytes of CDR.
    let codec = codec(&[
        ("a/msg/A", "Fat[] fat"),
        ("a/msg/Fat", "Empty[2000000] much\nuint8 x"),
        ("a/msg/Empty", ""),
    ]);
    let payload = [vec![0xFF, 0x7F], vec![1; 0x3FFF]].concat();
    let mut out = Vec::new();
    let fault = decode::walk(&codec.root, &payload, &mut CdrWriter::new(&mut out, 1000)).unwrap_err();
    assert!(out.len() <= 1000);
    let error = fault.into_error(0);
    assert!(
        matches!(
            error,
            DecodeError::FormTooLong {
                form: "CDR",
                max_len: 1000,
                ..
            }
        ),
        "{error}"
    );
    insta::assert_snapshot!(error, @"the message does not fit into 1000 bytes of CDR: they end at byte 2 of its payload, fat[0].much[992]; split the message");
}

#[test]
fn a_payload_of_another_type_leaves_no_cdr() {
    let codec = fields("bool[] a");
    let mut out = b"before".to_vec();
    let error = codec.payload_to_cdr(&[2, 1, 2], &mut out).unwrap_err();
    assert!(matches!(error, DecodeError::Malformed { offset: 2, .. }), "{error}");
    assert_eq!(out, b"before");
}

fn any_value_goes_there_and_back<M: nuncio_msgs::Message>(bytes: &[u8]) {
    let codec = super::agreement::codec_of::<M>();
    goes_there_and_back(&codec, &codec.default_json());
    let value = random_value(&mut Choices(bytes), codec.description(), &codec.description().root);
    goes_there_and_back(&codec, &value);
}

macro_rules! for_all {
    ($($message:path),* $(,)?) => { &[$(any_value_goes_there_and_back::<$message>),*] };
}

/// The check of each shipped type.
const SHIPPED: &[fn(&[u8])] = nuncio_msgs::for_each_message!(for_all);

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_shipped_type_goes_there_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        SHIPPED.iter().for_each(|goes_there_and_back| goes_there_and_back(&bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_type_goes_there_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        let mut choices = Choices(&bytes);
        let codec = RunTimeType::new(&random_type(&mut choices)).unwrap();
        let value = random_value(&mut choices, codec.description(), &codec.description().root);
        goes_there_and_back(&codec, &value);
        survives(&codec, choices.0);
    }
}
