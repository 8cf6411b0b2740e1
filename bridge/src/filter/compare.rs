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

    /// A time in ns, as seconds.
    pub(super) fn seconds(ns: i64) -> Self {
        Self::Number(Number::Float(ns as f64 / 1e9))
    }

    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Truth(a), Self::Truth(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.order(*b),
            _ => None,
        }
    }

    /// What a field of numbers holds. JSON has no number for what is not finite, which stands there as a text.
    pub(super) fn number(value: &'a Value) -> Option<Self> {
        match value.as_str() {
            Some("NaN") => Some(Self::Number(Number::Float(f64::NAN))),
            Some("Infinity") => Some(Self::Number(Number::Float(f64::INFINITY))),
            Some("-Infinity") => Some(Self::Number(Number::Float(f64::NEG_INFINITY))),
            _ => Self::of(value),
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
