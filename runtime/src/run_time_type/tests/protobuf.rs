//! Protobuf: the bytes that another encoder writes by the same texts, there and back, and no harm from damage.

use nuncio_codegen::model::{Count, Element, Message, Primitive, TypeDescription};
use nuncio_codegen::{proto_files, proto_package, proto_path};
use proptest::prelude::{ProptestConfig, any, proptest};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Value as Dynamic};
use protox::file::{File, FileResolver};
use serde_json::Value;

use super::super::protobuf_writer::ProtobufWriter;
use super::super::{DecodeError, RunTimeType, decode};
use super::random::{Choices, random_type, random_value};
use super::{codec, fields};

/// The texts of a type, for the compiler.
struct Texts(Vec<(String, String)>);

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.iter().find(|(path, _)| path == name) {
            Some((path, text)) => File::from_source(path, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// What another implementation of protobuf makes of a type's texts.
fn pool(description: &TypeDescription) -> DescriptorPool {
    let files = proto_files(description).into_iter();
    let texts = Texts(files.map(|file| (proto_path(&file.type_name), file.text)).collect());
    let mut compiler = protox::Compiler::with_file_resolver(texts);
    let path = proto_path(&description.root.type_name);
    compiler.open_file(&path).unwrap_or_else(|error| panic!("{error:?}"));
    compiler.descriptor_pool()
}

/// The message that a value in JSON is, built field by field from the type and not by our codec.
fn dynamic(pool: &DescriptorPool, description: &TypeDescription, message: &Message, value: &Value) -> DynamicMessage {
    let name = format!("{}.{}", proto_package(&message.type_name), message.type_name.name);
    let mut built = DynamicMessage::new(pool.get_message_by_name(&name).unwrap());
    for field in &message.fields {
        let value = &value[&field.name];
        let element = &field.field_type.element;
        let one = |value: &Value| match element {
            Element::Message(name) => {
                let inner = description.find(name).unwrap();
                Dynamic::Message(dynamic(pool, description, inner, value))
            }
            Element::Text { .. } => Dynamic::String(value.as_str().unwrap().to_owned()),
            Element::Primitive(primitive) => number(*primitive, value),
        };
        let is_octet = matches!(element, Element::Primitive(primitive) if primitive.is_octet());
        let value = match field.field_type.count {
            Count::One => one(value),
            _ if is_octet => {
                let octets = value
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|octet| octet.as_u64().unwrap() as u8);
                Dynamic::Bytes(octets.collect::<Vec<u8>>().into())
            }
            _ => Dynamic::List(value.as_array().unwrap().iter().map(one).collect()),
        };
        built.set_field_by_name(&field.name, value);
    }
    built
}

fn number(primitive: Primitive, value: &Value) -> Dynamic {
    let float = || match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap(),
    };
    match primitive {
        Primitive::Bool => Dynamic::Bool(value.as_bool().unwrap()),
        Primitive::Int8 | Primitive::Int16 | Primitive::Int32 => Dynamic::I32(value.as_i64().unwrap() as i32),
        Primitive::Int64 => Dynamic::I64(value.as_i64().unwrap()),
        Primitive::Uint64 => Dynamic::U64(value.as_u64().unwrap()),
        Primitive::Float32 => Dynamic::F32(float() as f32),
        Primitive::Float64 => Dynamic::F64(float()),
        _ => Dynamic::U32(value.as_u64().unwrap() as u32),
    }
}

fn to_protobuf(codec: &RunTimeType, payload: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    codec.payload_to_protobuf(payload, &mut out).unwrap();
    out.strip_prefix(b"before").unwrap().to_vec()
}

fn to_payload(codec: &RunTimeType, protobuf: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    let read = codec.protobuf_to_payload(protobuf, 1 << 20, &mut out);
    read.unwrap_or_else(|error| panic!("{error}"));
    out.strip_prefix(b"before").unwrap().to_vec()
}

fn refusal(codec: &RunTimeType, protobuf: &[u8]) -> String {
    let mut out = b"before".to_vec();
    let error = codec.protobuf_to_payload(protobuf, 1000, &mut out).unwrap_err();
    assert_eq!(out, b"before");
    error.to_string()
}

fn goes_there_and_back(codec: &RunTimeType, value: &Value) {
    let description = codec.description();
    let payload = super::super::encode::encode(&codec.root, value, 0).unwrap();
    let expected = dynamic(&pool(description), description, &description.root, value).encode_to_vec();
    assert_eq!(to_protobuf(codec, &payload), expected, "{value}");
    assert_eq!(to_payload(codec, &expected), payload, "{value}");
}

fn rich() -> (RunTimeType, Value) {
    let codec = codec(&[
        (
            "a/msg/Rich",
            "bool flag\nint64 big\nuint16[] shorts\nfloat32[2] pair\nstring name\nwstring wide\nuint8[] blob\n\
             uint8[4] four\nPart part\nPart[2] two\nPart[] parts\nEmpty[] nothing\nHollow[] hollow\nfloat64[] end\n\
             bool[] flags\nint8[] tiny\nstring[2] words_here",
        ),
        ("a/msg/Part", "int8 a\nstring[] words\nEmpty e\nuint32 b"),
        ("a/msg/Hollow", "Empty[2] e"),
        ("a/msg/Empty", ""),
    ]);
    let text = r#"{
        "flag": true, "big": -9007199254740993, "shorts": [1, 300, 65535], "pair": [0.5, "NaN"], "name": "größer",
        "wide": "😀", "blob": [0, 255, 7], "part": {"a": -1, "words": ["x", ""]}, "parts": [{"b": 4294967295}, {}],
        "nothing": [{}, {}], "hollow": [{"e": [{}, {}]}], "end": [1e-300], "flags": [true, false], "tiny": [-128, 0, 127]
    }"#;
    let payload = codec.from_json_text(text, 0).unwrap();
    let value = codec.to_json(&payload).unwrap();
    (codec, value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_messages_are_as_another_encoder_writes_them(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        let mut choices = Choices(&bytes);
        let description = random_type(&mut choices);
        let value = random_value(&mut choices, &description, &description.root);
        goes_there_and_back(&RunTimeType::new(&description).unwrap(), &value);
    }

    #[test]
    fn bytes_of_no_type_in_particular_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut choices = Choices(&bytes);
        let codec = RunTimeType::new(&random_type(&mut choices)).unwrap();
        survives(&codec, choices.0);
    }

    #[test]
    fn fields_in_any_order_and_split_are_the_same_message(seed in any::<u64>()) {
        let (codec, value) = rich();
        let payload = super::super::encode::encode(&codec.root, &value, 0).unwrap();
        let mut fields = split(&to_protobuf(&codec, &payload));
        // Fields are turned round; those of one number keep their order.
        let start = (seed % fields.len() as u64) as usize;
        fields.sort_by_key(|(number, _)| (number + start as u64) % 19);
        let shuffled: Vec<u8> = fields.into_iter().flat_map(|(_, bytes)| bytes).collect();
        assert_eq!(to_payload(&codec, &shuffled), payload);
    }
}

/// The occurrences of fields in a message of which all lengths and numbers are short.
fn split(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let before = bytes.len();
        let mut rest = bytes;
        let (number, wire) = prost_reflect::prost::encoding::decode_key(&mut rest).unwrap();
        prost_reflect::prost::encoding::skip_field(wire, number, &mut rest, Default::default()).unwrap();
        let len = before - rest.len();
        fields.push((u64::from(number), bytes[..len].to_vec()));
        bytes = rest;
    }
    fields
}

/// Whatever the bytes are, the error points into them, or the payload is one and gives the message again.
fn survives(codec: &RunTimeType, protobuf: &[u8]) -> bool {
    let mut payload = Vec::new();
    match codec.protobuf_to_payload(protobuf, 100_000, &mut payload) {
        Ok(()) => {
            assert!(payload.len() <= 100_000);
            assert_eq!(to_payload(codec, &to_protobuf(codec, &payload)), payload);
            assert_eq!(codec.check(&payload), Ok(()));
            true
        }
        Err(error) => {
            assert!(error.offset <= protobuf.len(), "{error}");
            assert!(payload.is_empty());
            false
        }
    }
}

#[test]
fn a_rich_message_is_as_another_encoder_writes_it_and_no_change_of_a_byte_does_harm() {
    let (codec, value) = rich();
    goes_there_and_back(&codec, &value);
    let payload = super::super::encode::encode(&codec.root, &value, 0).unwrap();
    let mut protobuf = to_protobuf(&codec, &payload);
    let mut refused = 0;
    for index in 0..protobuf.len() {
        let good = protobuf[index];
        for bad in 0..=u8::MAX {
            protobuf[index] = bad;
            refused += usize::from(!survives(&codec, &protobuf));
        }
        protobuf[index] = good;
        survives(&codec, &protobuf[..index]);
    }
    assert!(refused > protobuf.len(), "{refused}");
}

#[test]
fn shipped_messages_compile_as_protobuf_and_go_there_and_back() {
    macro_rules! goes {
        ($($path:path),* $(,)?) => {
            $({
                let sources = <$path as nuncio_msgs::Message>::DEFINITIONS.iter().map(|d| (d.type_name, d.text));
                let sources: Vec<_> = sources.collect();
                let codec = codec_of(<$path as nuncio_msgs::Message>::TYPE_NAME, &sources);
                goes_there_and_back(&codec, &codec.default_json());
            })*
        };
    }
    goes!(
        nuncio_msgs::geometry_msgs::msg::PoseWithCovarianceStamped,
        nuncio_msgs::sensor_msgs::msg::Image,
        nuncio_msgs::sensor_msgs::msg::PointCloud2,
        nuncio_msgs::sensor_msgs::msg::JointState,
        nuncio_msgs::sensor_msgs::msg::BatteryState,
        nuncio_msgs::tf2_msgs::msg::TFMessage,
        nuncio_msgs::visualization_msgs::msg::MarkerArray,
        nuncio_msgs::rcl_interfaces::msg::ParameterEvent,
        nuncio_msgs::diagnostic_msgs::msg::DiagnosticArray,
    );
}

fn codec_of(name: &str, sources: &[(&str, &str)]) -> RunTimeType {
    RunTimeType::new(&nuncio_codegen::describe(name, sources).unwrap()).unwrap()
}

#[test]
fn what_is_left_out_is_what_the_schema_gives_by_default() {
    let codec = codec(&[
        (
            "a/msg/A",
            "float64 speed 1.5\nuint8 n\nB b\nuint8[3] rgb [1, 2, 3]\nfloat32[2] xy\nint32[] list [7]",
        ),
        ("a/msg/B", "int16 k -9"),
    ]);
    let json = codec.to_json(&to_payload(&codec, &[])).unwrap();
    insta::assert_snapshot!(json, @r#"{"speed":1.5,"n":0,"b":{"k":-9},"rgb":[1,2,3],"xy":[0.0,0.0],"list":[]}"#);
    // A zero that was meant is written, and stays.
    let payload = codec
        .from_json_text(r#"{"speed": 0, "b": {"k": 0}, "list": []}"#, 0)
        .unwrap();
    assert_eq!(to_payload(&codec, &to_protobuf(&codec, &payload)), payload);
    let files = proto_files(codec.description());
    assert!(
        files[1].text.contains("optional double speed = 1;"),
        "{}",
        files[1].text
    );
}

#[test]
fn of_several_values_the_last_counts_and_messages_are_put_together() {
    let codec = codec(&[
        ("a/msg/A", "uint16 n\nB b"),
        ("a/msg/B", "uint8 x\nuint8 y\nuint16[] z"),
    ]);
    // n = 1, b = {x: 1, y: 1, z: [1]}, n = 300, b = {y: 2, z packed [2, 3]}
    let bytes = [8, 1, 18, 6, 8, 1, 16, 1, 24, 1, 8, 172, 2, 18, 6, 16, 2, 26, 2, 2, 3];
    let json = codec.to_json(&to_payload(&codec, &bytes)).unwrap();
    insta::assert_snapshot!(json, @r#"{"n":300,"b":{"x":1,"y":2,"z":[1,2,3]}}"#);
}

#[test]
fn what_is_refused_is_named_with_its_place() {
    let one = fields("uint8 n\nstring a\nint16[2] two\nuint8[2] rgb");
    insta::assert_snapshot!(refusal(&one, &[8, 128, 2]), @"the protobuf bytes are not of their type: at byte 1, n: expected uint8 from 0 to 255, found 256; see the type's .proto text");
    insta::assert_snapshot!(refusal(&one, &[40, 1]), @"the protobuf bytes are not of their type: at byte 0, the message: expected a field of a/msg/A, found field number 5; see the type's .proto text");
    insta::assert_snapshot!(refusal(&one, &[9, 0, 0, 0, 0, 0, 0, 0, 0]), @"the protobuf bytes are not of their type: at byte 1, n: expected uint8, of wire type 0, found a value of wire type 1; see the type's .proto text");
    insta::assert_snapshot!(refusal(&one, &[18, 2, 0xFF, 0]), @"the protobuf bytes are not of their type: at byte 2, a: expected a text in UTF-8, found other bytes; see the type's .proto text");
    insta::assert_snapshot!(refusal(&one, &[18, 200, 1]), @"the protobuf bytes are not of their type: at byte 0, the message: expected the value of a field, found the end after 3 bytes; see the type's .proto text");
    insta::assert_snapshot!(refusal(&one, &[26, 1, 4]), @"the protobuf bytes are not of their type: at byte 0, two: expected 2 elements, found 1; see the type's .proto text");
    insta::assert_snapshot!(refusal(&one, &[34, 3, 1, 2, 3]), @"the protobuf bytes are not of their type: at byte 2, rgb: expected 2 octets, found 3 octets; see the type's .proto text");
    insta::assert_snapshot!(refusal(&one, &[11, 12]), @"the protobuf bytes are not of their type: at byte 0, the message: expected a value: a varint, four or eight bytes, or a length and its bytes, found a value of wire type 3; see the type's .proto text");
    let nested = codec(&[("a/msg/A", "B[] list"), ("a/msg/B", "C[] c"), ("a/msg/C", "int8 k")]);
    insta::assert_snapshot!(refusal(&nested, &[10, 0, 10, 6, 10, 0, 10, 2, 8, 255]), @"the protobuf bytes are not of their type: at byte 8, list[1].c[1]: expected the value of a field, found the end after 2 bytes; see the type's .proto text");
}

#[test]
fn a_few_bytes_never_stand_for_a_large_payload() {
    let fat = codec(&[("a/msg/A", "Fat[] fat"), ("a/msg/Fat", "float64[500000] much")]);
    let mut out = Vec::new();
    let error = fat
        .protobuf_to_payload(&[10, 0].repeat(1000), 1 << 20, &mut out)
        .unwrap_err();
    insta::assert_snapshot!(error, @"the protobuf bytes are not of their type: at byte 2, fat[0].much: expected a message of at most 1048576 bytes of payload, found a longer one; see the type's .proto text");
    assert!(out.is_empty() && out.capacity() <= 1 << 21, "{}", out.capacity());

    let hollow = codec(&[("a/msg/A", "Empty[] much"), ("a/msg/Empty", "")]);
    insta::assert_snapshot!(refusal(&hollow, &[10, 0].repeat(70_000)), @"the protobuf bytes are not of their type: at byte 0, much: expected at most 65536 empty elements, found 70000; see the type's .proto text");

    let strewn = fields(&(0..100).map(|n| format!("uint8[] f{n}\n")).collect::<String>());
    let all: Vec<u8> = (1..=100_u64)
        .flat_map(|number| [(number << 3 | 2) as u8 | 0x80, (number >> 4) as u8, 1, 7])
        .collect();
    insta::assert_snapshot!(refusal(&strewn, &all.repeat(10)), @"the protobuf bytes are not of their type: at byte 0, the message: expected the parts of each list one after another, found them strewn among other fields; see the type's .proto text");
}

#[test]
fn protobuf_is_never_longer_than_allowed() {
    let codec = codec(&[
        ("a/msg/A", "Fat[] fat"),
        ("a/msg/Fat", "Empty[2000000] much\nuint8 x"),
        ("a/msg/Empty", ""),
    ]);
    let payload = [vec![0xFF, 0x7F], vec![1; 0x3FFF]].concat();
    let mut out = Vec::new();
    let fault = decode::walk(&codec.root, &payload, &mut ProtobufWriter::new(&mut out, 1000)).unwrap_err();
    assert!(out.len() <= 1010, "{}", out.len());
    let error = fault.into_error(0);
    assert!(
        matches!(
            error,
            DecodeError::FormTooLong {
                form: "protobuf",
                max_len: 1000,
                ..
            }
        ),
        "{error}"
    );
}
