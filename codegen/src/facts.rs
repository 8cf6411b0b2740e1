//! What follows from a message's fields: whether it has limits, and how long its payload can be.
//!
//! The payload is postcard: fields in order, integers of more than 8 bits as variable-length numbers.

use std::collections::HashMap;

use crate::model::{Count, Element, Field, FieldType, Message, Primitive, TextKind, TypeName};

/// What is known about one message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Facts {
    /// A value can break a bound or an annotation, in a field of its own or further down.
    pub(crate) limited: bool,
    /// A stamp can be too old, in a field of its own or further down.
    pub(crate) aged: bool,
    /// The greatest number of payload bytes; `None` when there is no bound.
    pub(crate) max_len: Option<usize>,
    /// A value can have no payload bytes at all.
    pub(crate) may_be_empty: bool,
    /// About how many bytes the Rust value takes where it stands, what it has on the heap aside.
    pub(crate) size: usize,
}

/// The facts of all messages, each of which must stand after those that it refers to.
pub(crate) fn facts(messages: &[Message]) -> HashMap<&TypeName, Facts> {
    let mut known: HashMap<&TypeName, Facts> = HashMap::with_capacity(messages.len());
    for message in messages {
        let start = Facts {
            max_len: Some(0),
            may_be_empty: true,
            ..Facts::default()
        };
        let facts = message.fields.iter().fold(start, |sum, field| {
            let field = field_facts(field, &known);
            Facts {
                limited: sum.limited || field.limited,
                aged: sum.aged || field.aged,
                max_len: sum
                    .max_len
                    .zip(field.max_len)
                    .and_then(|(sum, field)| sum.checked_add(field)),
                may_be_empty: sum.may_be_empty && field.may_be_empty,
                size: sum.size.saturating_add(field.size),
            }
        });
        known.insert(&message.type_name, facts);
    }
    known
}

fn field_facts(field: &Field, known: &HashMap<&TypeName, Facts>) -> Facts {
    let element = element_facts(&field.field_type.element, known);
    let limits = &field.limits;
    let annotated = limits.range.is_some() || limits.finite || limits.enumeration.is_some();
    let FieldType { count, .. } = field.field_type;
    let bounded = matches!(count, Count::Sequence { bound: Some(_) });
    Facts {
        limited: element.limited || annotated || bounded,
        aged: element.aged || limits.max_age.is_some(),
        max_len: match count {
            Count::One => element.max_len,
            Count::Array(count) => times(element.max_len, count),
            Count::Sequence { bound: Some(bound) } => {
                times(element.max_len, bound).and_then(|elements| elements.checked_add(varint_len(u64::from(bound))))
            }
            Count::Sequence { bound: None } => None,
        },
        may_be_empty: element.may_be_empty && !matches!(count, Count::Sequence { .. }),
        size: match count {
            Count::One => element.size,
            Count::Array(count) => element
                .size
                .saturating_mul(usize::try_from(count).unwrap_or(usize::MAX)),
            Count::Sequence { .. } => HEAP_OWNER_SIZE,
        },
    }
}

fn times(len: Option<usize>, count: u32) -> Option<usize> {
    len?.checked_mul(usize::try_from(count).ok()?)
}

fn element_facts(element: &Element, known: &HashMap<&TypeName, Facts>) -> Facts {
    match element {
        Element::Message(name) => known.get(name).copied().unwrap_or_default(),
        Element::Primitive(primitive) => Facts {
            max_len: Some(primitive_len(*primitive)),
            size: primitive_size(*primitive),
            ..Facts::default()
        },
        Element::Text { kind, bound } => {
            let max_len = bound.and_then(|bound| {
                let bytes = match kind {
                    TextKind::String => u64::from(bound),
                    // A UTF-16 unit below the surrogates takes up to three bytes of UTF-8.
                    TextKind::Wstring => u64::from(bound) * 3,
                };
                usize::try_from(bytes).ok()?.checked_add(varint_len(bytes))
            });
            Facts {
                limited: bound.is_some(),
                max_len,
                size: HEAP_OWNER_SIZE,
                ..Facts::default()
            }
        }
    }
}

/// What a `String` or a `Vec` takes where it stands.
const HEAP_OWNER_SIZE: usize = 3 * size_of::<usize>();

fn primitive_size(primitive: Primitive) -> usize {
    match primitive {
        Primitive::Bool | Primitive::Byte | Primitive::Char | Primitive::Int8 | Primitive::Uint8 => 1,
        Primitive::Int16 | Primitive::Uint16 => 2,
        Primitive::Int32 | Primitive::Uint32 | Primitive::Float32 => 4,
        Primitive::Int64 | Primitive::Uint64 | Primitive::Float64 => 8,
    }
}

fn primitive_len(primitive: Primitive) -> usize {
    match primitive {
        Primitive::Bool | Primitive::Byte | Primitive::Char | Primitive::Int8 | Primitive::Uint8 => 1,
        Primitive::Int16 | Primitive::Uint16 => 3,
        Primitive::Int32 | Primitive::Uint32 => 5,
        Primitive::Int64 | Primitive::Uint64 => 10,
        Primitive::Float32 => 4,
        Primitive::Float64 => 8,
    }
}

/// How many bytes the variable-length form of `value` takes, seven bits in each.
fn varint_len(value: u64) -> usize {
    let bits = 64 - value.leading_zeros();
    bits.div_ceil(7).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceFile, compile};

    fn max_len(text: &str) -> Option<usize> {
        let source = |name: &str, text: &str| SourceFile::new(name, TypeName::parse(name).unwrap(), text);
        let sources = [
            source("a/msg/A", text),
            source("a/msg/Empty", ""),
            source("a/msg/Pair", "int16[2] x\nfloat32 y"),
        ];
        let interfaces = compile(&sources).unwrap();
        facts(interfaces.messages())
            .get(&TypeName::parse("a/msg/A").unwrap())
            .unwrap()
            .max_len
    }

    #[test]
    fn the_greatest_length_adds_up_over_fields() {
        assert_eq!(max_len(""), Some(0));
        assert_eq!(
            max_len("bool a\nint16 b\nuint32 c\nint64 d\nfloat32 e\nfloat64 f\nbyte g\n"),
            Some(32)
        );
        assert_eq!(max_len("string<=127 a"), Some(128));
        assert_eq!(max_len("string<=128 a"), Some(130));
        assert_eq!(max_len("wstring<=43 a"), Some(131));
        assert_eq!(max_len("Pair[3] a\nPair[<=200] b"), Some(30 + 2 + 2000));
        assert_eq!(max_len("Empty[4294967295] a"), Some(0));
    }

    #[test]
    fn what_is_not_bounded_or_beyond_counting_has_no_greatest_length() {
        assert_eq!(max_len("string a"), None);
        assert_eq!(max_len("bool[] a"), None);
        assert_eq!(
            max_len("string<=4294967295[4294967295] a\nstring<=4294967295[4294967295] b"),
            None
        );
    }

    #[test]
    fn a_varint_has_seven_bits_in_a_byte() {
        for (value, len) in [(0, 1), (127, 1), (128, 2), (16383, 2), (16384, 3), (u64::MAX, 10)] {
            assert_eq!(varint_len(value), len, "{value}");
        }
    }
}
