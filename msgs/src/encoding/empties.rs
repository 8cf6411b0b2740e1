//! Lists of messages that can take no bytes at all: ten bytes of payload could claim 2^63 of them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// How many elements are accepted.
pub const MAX_ELEMENTS: usize = 65_536;

/// A list that serialises so.
#[derive(Clone, Copy, Debug)]
pub struct Empties<'a, T>(pub &'a [T]);

/// A list that deserialises so.
#[derive(Clone, Debug)]
pub struct EmptiesBuf<T>(pub Vec<T>);

impl<T: Serialize> Serialize for Empties<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.0, serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for EmptiesBuf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

/// Serialises the list as any other.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer, T: Serialize>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list)
}

/// Deserialises at most [`MAX_ELEMENTS`] elements.
///
/// # Errors
///
/// Those of the deserializer, and more elements.
pub fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(EmptiesVisitor(PhantomData))
}

struct EmptiesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EmptiesVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX_ELEMENTS} elements that take no bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = sequence.next_element()? {
            if list.len() == MAX_ELEMENTS {
                return Err(A::Error::invalid_length(MAX_ELEMENTS + 1, &self));
            }
            list.push(element);
        }
        Ok(list)
    }
}
