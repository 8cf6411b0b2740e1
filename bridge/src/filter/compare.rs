//! Values that are compared: numbers of all widths without loss, texts, and true and false.

use std::cmp::Ordering;

use serde_json::Value;

/// A number of a filter or a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Float(f64),
}

/// A value that can be compared with others of its kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparable<'a> {
    Number(Number),
    Text(&'a str),
    Truth(bool),
}

impl<'a> Comparable<'a> {
    /// A value of a message's JSON.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Bool(truth) => Self::Truth(*truth),
            Value::Number(number) => Self::Number(match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => Number::Whole(whole.into()),
                (None, Some(whole)) => Number::Whole(whole.into()),
                (None, None) => Number::Float(number.as_f64()?),
            }),
            Value::String(text) => Self::Text(text),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        })
    }

    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Truth(a), Self::Truth(b)) => Some(a.cmp(b)),
            _ => self.number()?.order(other.number()?),
        }
    }

    /// The number, also where JSON has no word for it: what is not finite stands there as a text.
    fn number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text("NaN") => Some(Number::Float(f64::NAN)),
            Self::Text("Infinity") => Some(Number::Float(f64::INFINITY)),
            Self::Text("-Infinity") => Some(Number::Float(f64::NEG_INFINITY)),
            Self::Text(_) | Self::Truth(_) => None,
        }
    }
}

impl Number {
    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.as_f64().partial_cmp(&b.as_f64()),
        }
    }

    fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}
