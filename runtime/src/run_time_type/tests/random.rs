//! Random types with random values go through payload and JSON and come back, and random bytes do no harm.

use nuncio_codegen::model::{
    Count, Element, Field, FieldType, InterfaceKind, Limits, Message, Primitive, TextKind, TypeDescription, TypeName,
};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Map, Value};

use super::super::RunTimeType;

/// Choices made by random bytes, so that shrinking the bytes shrinks the case; all zero at the end.
pub(super) struct Choices<'a>(pub(super) &'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    fn bits(&mut self) -> u64 {
        // Few bits as often as many, so that short numbers are met as well.
        let bytes = self.below(9);
        (0..bytes).fold(0, |bits, _| bits << 8 | u64::from(self.byte()))
    }

    fn text(&mut self) -> String {
        let letters = ['a', 'Z', '"', '\\', '\n', '\0', 'ü', '€', '😀', '\u{feff}', '/', ' '];
        (0..self.below(6)).map(|_| letters[self.below(letters.len())]).collect()
    }
}

fn type_name(index: usize) -> TypeName {
    TypeName {
        package: "random_msgs".to_owned(),
        kind: InterfaceKind::Msg,
        name: format!("T{index}"),
    }
}

/// The message `T<index>`, which refers to messages of higher index only.
fn random_message(choices: &mut Choices<'_>, index: usize, last: usize) -> Message {
    let mut field = |number: usize| {
        let element = match choices.below(8) {
            0..4 => Element::Primitive(Primitive::ALL[choices.below(Primitive::ALL.len())]),
            4 | 5 => Element::Text {
                kind: [TextKind::String, TextKind::Wstring][choices.below(2)],
                bound: None,
            },
            _ if index < last => Element::Message(type_name(index + 1 + choices.below(last - index))),
            _ => Element::Primitive(Primitive::Uint8),
        };
        let count = match choices.below(4) {
            0 | 1 => Count::One,
            2 => Count::Array(1 + choices.below(3) as u32),
            _ => Count::Sequence { bound: None },
        };
        Field {
            name: format!("f{number}"),
            field_type: FieldType { element, count },
            default: None,
            comment: String::new(),
            unit: None,
            limits: Limits::default(),
        }
    };
    let count = usize::from(index % 3 != 2) * 3;
    Message {
        fields: (0..count).map(&mut field).collect(),
        type_name: type_name(index),
        comment: String::new(),
        exclusive: false,
        constants: Vec::new(),
    }
}

pub(super) fn random_type(choices: &mut Choices<'_>) -> TypeDescription {
    let last = choices.below(5);
    TypeDescription {
        root: random_message(choices, 0, last),
        referenced: (1..=last).map(|index| random_message(choices, index, last)).collect(),
    }
}

/// A value of the message, in the form in which payloads print.
pub(super) fn random_value(choices: &mut Choices<'_>, description: &TypeDescription, message: &Message) -> Value {
    let mut object = Map::new();
    for field in &message.fields {
        let len = match field.field_type.count {
            Count::One => {
                object.insert(
                    field.name.clone(),
                    random_element(choices, description, &field.field_type.element),
                );
                continue;
            }
            Count::Array(count) => count as usize,
            Count::Sequence { bound } => choices.below(4).min(bound.unwrap_or(4) as usize),
        };
        let list = (0..len).map(|_| random_element(choices, description, &field.field_type.element));
        object.insert(field.name.clone(), list.collect());
    }
    Value::Object(object)
}

fn random_element(choices: &mut Choices<'_>, description: &TypeDescription, element: &Element) -> Value {
    match element {
        Element::Primitive(primitive) => random_number(choices, *primitive),
        Element::Text { bound: Some(_), .. } => Value::from("x"),
        Element::Text { bound: None, .. } => Value::from(choices.text()),
        Element::Message(name) => random_value(choices, description, description.find(name).unwrap()),
    }
}

fn random_number(choices: &mut Choices<'_>, primitive: Primitive) -> Value {
    let bits = choices.bits();
    match primitive {
        Primitive::Bool => Value::Bool(bits & 1 == 1),
        Primitive::Byte | Primitive::Char | Primitive::Uint8 => Value::from(bits as u8),
        Primitive::Uint16 => Value::from(bits as u16),
        Primitive::Uint32 => Value::from(bits as u32),
        Primitive::Uint64 => Value::from(bits),
        Primitive::Int8 => Value::from(bits as i8),
        Primitive::Int16 => Value::from(bits as i16),
        Primitive::Int32 => Value::from(bits as i32),
        Primitive::Int64 => Value::from(bits as i64),
        Primitive::Float32 => random_float(serde_json::to_string(&f32::from_bits(bits as u32)).unwrap(), bits),
        Primitive::Float64 => random_float(serde_json::to_string(&f64::from_bits(bits)).unwrap(), bits),
    }
}

/// The number that serde_json wrote, or one of the words in the place of its `null`.
fn random_float(text: String, bits: u64) -> Value {
    match serde_json::from_str(&text).unwrap() {
        Value::Null => Value::from(["NaN", "Infinity", "-Infinity"][(bits % 3) as usize]),
        number => number,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_through_a_payload_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        let mut choices = Choices(&bytes);
        let description = random_type(&mut choices);
        let value = random_value(&mut choices, &description, &description.root);
        let codec = RunTimeType::new(&description).unwrap();
        let payload = codec.from_json(&value, 0).unwrap();
        assert_eq!(super::tree(&super::json(&codec, &payload)), value);
        assert_eq!(codec.check(&payload), Ok(()));
        assert_eq!(codec.from_json_text(&value.to_string(), 0).unwrap(), payload);
        assert_eq!(codec.from_yaml_text(&value.to_string(), 0).unwrap(), payload);
    }

    #[test]
    fn bytes_of_no_type_in_particular_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut choices = Choices(&bytes);
        let codec = RunTimeType::new(&random_type(&mut choices)).unwrap();
        super::damage::consistent(&codec, choices.0);
    }
}
