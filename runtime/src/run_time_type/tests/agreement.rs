//! The codec and the generated types agree: on bytes, on JSON, on defaults, on what is refused and why.

use std::fmt::Debug;

use nuncio_msgs::Message;
use nuncio_msgs::message::Definition;
use proptest::prelude::{ProptestConfig, any, proptest};

use super::super::DecodeError;
use super::random::{Choices, random_value};
use super::{RunTimeType, codec, json};

pub(super) fn codec_of<M: Message>() -> RunTimeType {
    let sources = M::DEFINITIONS
        .iter()
        .map(|Definition { type_name, text }| (*type_name, *text));
    let sources: Vec<_> = sources.collect();
    let description = nuncio_codegen::describe(M::TYPE_NAME, &sources).unwrap_or_else(|problems| panic!("{problems}"));
    RunTimeType::new(&description).unwrap()
}

fn same_default<M: Message>() {
    let (codec, default) = (codec_of::<M>(), M::default());
    let payload = postcard::to_allocvec(&default).unwrap();
    assert_eq!(codec.type_name(), M::TYPE_NAME);
    assert_eq!(codec.default_payload(), payload, "{}", M::TYPE_NAME);
    assert_eq!(json(&codec, &payload), serde_json::to_string(&default).unwrap());
    assert_same_limits(&codec, &payload, &default);
}

fn assert_same_limits<M: Message>(codec: &RunTimeType, payload: &[u8], message: &M) {
    match (codec.check(payload), message.check()) {
        (Ok(()), Ok(())) => {}
        (Err(DecodeError::Limit(ours)), Err(theirs)) => assert_eq!(ours, theirs),
        (ours, theirs) => panic!("{}: {ours:?} but {theirs:?}", M::TYPE_NAME),
    }
}

macro_rules! same_defaults {
    ($($message:path),* $(,)?) => { $(same_default::<$message>();)* };
}

#[test]
fn every_shipped_type_has_the_same_default_and_prints_alike() {
    nuncio_msgs::for_each_message!(same_defaults);
}

/// Whether bytes are a message does not depend on who reads them, nor does what they print as.
fn same_reading<M: Message>(codec: &RunTimeType, payload: &[u8]) {
    let read = postcard::take_from_bytes::<M>(payload);
    match (codec.to_json(payload), read) {
        (Err(_), Err(_)) => {}
        (Err(DecodeError::Malformed { expected, .. }), Ok((_, rest))) if expected == "the end of the payload" => {
            assert!(!rest.is_empty());
        }
        (Ok(tree), Ok((message, []))) => {
            assert_same_limits(codec, payload, &message);
            let theirs = serde_json::to_string(&message).unwrap();
            // What is not finite is null to serde_json.
            let ours = json(codec, payload);
            let words = ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""];
            assert_eq!(
                words.iter().fold(ours, |text, word| text.replace(word, "null")),
                theirs.replace(words[0], "null")
            );
            if message.check().is_ok() {
                assert_eq!(codec.from_json(&tree, 0).unwrap().len(), payload_len(&message));
            }
        }
        (ours, theirs) => panic!("{ours:?} but {:?}", theirs.map(|(message, rest)| (message, rest.len()))),
    }
}

fn payload_len<M: Message + Debug>(message: &M) -> usize {
    postcard::to_allocvec(message).unwrap().len()
}

fn same_behaviour<M: Message>(bytes: &[u8]) {
    let codec = codec_of::<M>();
    let mut choices = Choices(bytes);
    let value = random_value(&mut choices, codec.description(), &codec.description().root);
    let mut payload = super::super::encode::encode(&codec.root, &value, 0).unwrap();
    same_reading::<M>(&codec, &payload);
    if let Ok(message) = serde_json::from_value::<M>(value.clone()) {
        assert_eq!(postcard::to_allocvec(&message).unwrap(), payload);
    }
    for damage in choices.0.chunks_exact(3).take(20) {
        if payload.is_empty() {
            break;
        }
        let index = usize::from(damage[0]) << 8 | usize::from(damage[1]);
        let index = index % payload.len();
        payload[index] = damage[2];
        same_reading::<M>(&codec, &payload);
    }
    same_reading::<M>(&codec, bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_and_damage_are_read_alike(bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
        same_behaviour::<nuncio_msgs::std_msgs::msg::Empty>(&bytes);
        same_behaviour::<nuncio_msgs::std_msgs::msg::Int8MultiArray>(&bytes);
        same_behaviour::<nuncio_msgs::example_interfaces::msg::WString>(&bytes);
        same_behaviour::<nuncio_msgs::geometry_msgs::msg::PoseWithCovarianceStamped>(&bytes);
        same_behaviour::<nuncio_msgs::sensor_msgs::msg::PointCloud2>(&bytes);
        same_behaviour::<nuncio_msgs::sensor_msgs::msg::CameraInfo>(&bytes);
        same_behaviour::<nuncio_msgs::diagnostic_msgs::msg::DiagnosticArray>(&bytes);
        same_behaviour::<nuncio_msgs::shape_msgs::msg::SolidPrimitive>(&bytes);
        same_behaviour::<nuncio_msgs::rcl_interfaces::msg::ParameterEvent>(&bytes);
        same_behaviour::<nuncio_msgs::nuncio_msgs::msg::MotionCommand>(&bytes);
        same_behaviour::<nuncio_msgs::nuncio_msgs::msg::LlmResponse>(&bytes);
        same_behaviour::<nuncio_msgs::nuncio_msgs::msg::NodeCard>(&bytes);
    }
}

#[test]
fn a_text_typed_by_a_person_reaches_a_generated_type() {
    use nuncio_msgs::nuncio_msgs::msg::MotionCommand;

    let codec = codec_of::<MotionCommand>();
    let payload = codec
        .from_yaml_text("{stamp: now, mode: 1, linear_x: 0.5}", 7_000_000_001)
        .unwrap();
    let command: MotionCommand = postcard::from_bytes(&payload).unwrap();
    let mut expected = MotionCommand::default();
    (
        expected.stamp.sec,
        expected.stamp.nanosec,
        expected.mode,
        expected.linear_x,
    ) = (7, 1, 1, 0.5);
    assert_eq!(command, expected);
    let error = codec.from_yaml_text("{mode: 9}", 0).unwrap_err();
    assert!(error.to_string().contains("MODE_RELEASE (3)"), "{error}");
}

#[test]
fn bounds_are_violated_in_the_same_words() {
    let wide = codec(&[("a/msg/A", "wstring<=1 x")]);
    let error = wide.from_json_text(r#"{"x":"ab"}"#, 0).unwrap_err();
    let words = nuncio_msgs::limit::wide_text(nuncio_msgs::limit::Place::Field("x"), "ab", 1).unwrap_err();
    assert_eq!(error.to_string(), words.to_string());
}
