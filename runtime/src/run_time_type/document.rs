//! JSON and YAML texts to JSON values: bounded in length, depth and memory, and stricter than their readers.
//!
//! A key that stands twice is an error, and YAML's numbers that are not finite become the words that stand for them.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::encode::EncodeError;
use super::json_text::non_finite_word;

/// The greatest length of a text, in bytes.
pub const MAX_TEXT_LEN: usize = 64 * 1024 * 1024;

/// The greatest memory of the values read from a text, in bytes: enough for the octets of a picture of 14 million.
/// A list of digits would otherwise take 36 times its length, and YAML's aliases know no bounds at all.
const MAX_MEMORY: usize = 16 * MAX_TEXT_LEN;

/// How deep YAML may be nested. Its reader takes up to 30 KiB of stack for each level, and a thread may have 2 MiB.
const MAX_YAML_DEPTH: usize = 32;

/// How many values and events a YAML text may have, which has the octets of a large picture in mind.
const MAX_YAML_NODES: usize = 16 * 1024 * 1024;

pub(super) fn read_json(text: &str) -> Result<Value, EncodeError> {
    let memory = begin(text, "JSON")?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Document { memory: &memory }.deserialize(&mut reader);
    value
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| wrong("JSON", &error.to_string()))
}

pub(super) fn read_yaml(text: &str) -> Result<Value, EncodeError> {
    let memory = begin(text, "YAML")?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_YAML_DEPTH,
            max_nodes: MAX_YAML_NODES,
            max_events: MAX_YAML_NODES,
        },
        // Handed through, for an error in our own words.
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
    };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |reader| {
        Document { memory: &memory }.deserialize(reader)
    })
    .map_err(|error| {
        let error = error.without_snippet();
        wrong(
            "YAML",
            &error.render_with_formatter(&serde_saphyr::UserMessageFormatter),
        )
    })
}

fn begin(text: &str, format: &str) -> Result<Cell<usize>, EncodeError> {
    if text.len() <= MAX_TEXT_LEN {
        return Ok(Cell::new(MAX_MEMORY));
    }
    Err(EncodeError::Document {
        problem: format!(
            "a text of {} bytes is more {format} than the {MAX_TEXT_LEN} bytes that are read; split the message",
            text.len()
        ),
    })
}

fn wrong(format: &str, error: &str) -> EncodeError {
    EncodeError::Document {
        problem: format!("not the {format} of a message: {error}"),
    }
}

/// Reads any value, as long as memory is left.
#[derive(Clone, Copy)]
struct Document<'a> {
    memory: &'a Cell<usize>,
}

impl Document<'_> {
    fn spend<E: Error>(self, len: usize) -> Result<(), E> {
        let left = self.memory.get().checked_sub(len);
        let left = left.ok_or_else(|| E::custom(format!("its values take more than {MAX_MEMORY} bytes of memory")))?;
        self.memory.set(left);
        Ok(())
    }

    fn scalar<E: Error>(self, value: impl Into<Value>) -> Result<Value, E> {
        self.spend(size_of::<Value>())?;
        Ok(value.into())
    }
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.deserialize(reader)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) => self.scalar(number),
            None => self.visit_str(non_finite_word(value)),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.spend(value.len())?;
        self.scalar(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element_seed(self)? {
            list.push(value);
        }
        self.scalar(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.spend(key.len() + size_of::<String>())?;
            let value = map.next_value_seed(self)?;
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} stands twice in one object")));
            }
            object.insert(key, value);
        }
        self.scalar(object)
    }
}
