//! Fixed arrays of any length; serde itself stops at 32 elements.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// An array that serialises so.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a, T, const N: usize>(pub &'a [T; N]);

/// An array that deserialises so.
#[derive(Clone, Debug)]
pub struct ArrayBuf<T, const N: usize>(pub [T; N]);

impl<T: Serialize, const N: usize> Serialize for Array<'_, T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.0, serializer)
    }
}

impl<'de, T: Deserialize<'de> + Default, const N: usize> Deserialize<'de> for ArrayBuf<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

/// Serialises the elements, without a count.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer, T: Serialize, const N: usize>(
    array: &[T; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut tuple = serializer.serialize_tuple(N)?;
    array.iter().try_for_each(|element| tuple.serialize_element(element))?;
    tuple.end()
}

/// Deserialises exactly `N` elements.
///
/// # Errors
///
/// Those of the deserializer, and fewer or more elements.
pub fn deserialize<'de, D, T, const N: usize>(deserializer: D) -> Result<[T; N], D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    deserializer.deserialize_tuple(N, ArrayVisitor(PhantomData))
}

struct ArrayVisitor<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default, const N: usize> Visitor<'de> for ArrayVisitor<T, N> {
    type Value = [T; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {N} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        // After the first error the rest is filled with defaults, and dropped.
        let mut error = None;
        let array = std::array::from_fn(|index| {
            if error.is_some() {
                return T::default();
            }
            match sequence.next_element() {
                Ok(Some(element)) => element,
                Ok(None) => {
                    error = Some(A::Error::invalid_length(index, &self));
                    T::default()
                }
                Err(wrong) => {
                    error = Some(wrong);
                    T::default()
                }
            }
        });
        error.map_or(Ok(array), Err)
    }
}
