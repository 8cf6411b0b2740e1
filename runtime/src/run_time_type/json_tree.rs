//! A payload's values as a tree of JSON values.

use serde_json::{Map, Number, Value};

use super::decode::{Refusal, Sink, WireValue};
use super::json_text::non_finite_word;
use super::shape::FieldShape;

/// How many bytes of memory a tree may take for each byte that its text may be long.
const MEMORY_FACTOR: usize = 8;

/// What a field takes beside its name and its value, in bytes, more or less.
const FIELD_MEMORY: usize = 40;

/// Builds the tree, in bounded memory.
#[derive(Debug)]
pub(super) struct JsonTree {
    root: Value,
    /// From the root to the message or list at hand.
    open: Vec<Open>,
    /// How many bytes of memory may still be taken.
    left: usize,
}

/// A message or a list that is not complete.
#[derive(Debug)]
enum Open {
    /// With the name of the field at hand.
    Message(Map<String, Value>, String),
    List(Vec<Value>),
}

impl JsonTree {
    pub(super) fn new(max_len: usize) -> Self {
        Self {
            root: Value::Null,
            open: Vec::new(),
            left: max_len.saturating_mul(MEMORY_FACTOR),
        }
    }

    pub(super) fn into_value(self) -> Value {
        self.root
    }

    fn spend(&mut self, len: usize) -> Result<(), Refusal> {
        self.left = self.left.checked_sub(len).ok_or(Refusal::TooLong)?;
        Ok(())
    }

    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            None => self.root = value,
            Some(Open::List(list)) => list.push(value),
            Some(Open::Message(message, name)) => {
                message.insert(std::mem::take(name), value);
            }
        }
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::Message(message, _)) => self.put(Value::Object(message)),
            Some(Open::List(list)) => self.put(Value::Array(list)),
            None => {}
        }
    }
}

impl Sink for JsonTree {
    const SEES_EMPTY_MESSAGES: bool = true;

    fn open_message(&mut self, _: usize) -> Result<(), Refusal> {
        self.spend(size_of::<Value>())?;
        self.open.push(Open::Message(Map::new(), String::new()));
        Ok(())
    }

    fn field(&mut self, _: usize, field: &FieldShape) -> Result<(), Refusal> {
        self.spend(field.name.len() + FIELD_MEMORY)?;
        if let Some(Open::Message(_, name)) = self.open.last_mut() {
            name.clone_from(&field.name);
        }
        Ok(())
    }

    fn close_message(&mut self) -> Result<(), Refusal> {
        self.close();
        Ok(())
    }

    fn open_list(&mut self, _: &FieldShape, len: usize) -> Result<(), Refusal> {
        // The elements are paid for as they come, but the memory is taken now.
        if len.saturating_add(1).saturating_mul(size_of::<Value>()) > self.left {
            return Err(Refusal::TooLong);
        }
        self.spend(size_of::<Value>())?;
        self.open.push(Open::List(Vec::with_capacity(len)));
        Ok(())
    }

    fn element(&mut self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }

    fn close_list(&mut self) -> Result<(), Refusal> {
        self.close();
        Ok(())
    }

    fn value(&mut self, _: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal> {
        let text_len = if let WireValue::Text(text) = value {
            text.len()
        } else {
            0
        };
        self.spend(size_of::<Value>().saturating_add(text_len))?;
        self.put(match value {
            WireValue::Bool(value) => Value::Bool(value),
            WireValue::Unsigned(value) => Value::from(value),
            WireValue::Signed(value) => Value::from(value),
            WireValue::Float32(value) => float32(value),
            WireValue::Float64(value) => float64(value),
            WireValue::Text(text) => Value::from(text),
        });
        Ok(())
    }

    fn octets(&mut self, _: &FieldShape, octets: &[u8]) -> Result<(), Refusal> {
        self.spend(octets.len().saturating_mul(size_of::<Value>()))?;
        if let Some(Open::List(list)) = self.open.last_mut() {
            list.extend(octets.iter().copied().map(Value::from));
        }
        Ok(())
    }
}

fn float64(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| Value::from(non_finite_word(value)), Value::Number)
}

/// The number that prints as the `float32` does: 0.1, not 0.10000000149011612.
fn float32(value: f32) -> Value {
    let shortest = serde_json::to_string(&value).ok().and_then(|text| text.parse().ok());
    float64(shortest.unwrap_or_else(|| value.into()))
}
