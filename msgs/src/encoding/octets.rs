//! `uint8[]`, `byte[]` and `char[]`: handed over as bytes at once where a format can, as numbers in JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// Octets that serialise so.
#[derive(Clone, Copy, Debug)]
pub struct Octets<'a>(pub &'a [u8]);

/// Octets that deserialise so.
#[derive(Clone, Debug)]
pub struct OctetBuf(pub Vec<u8>);

impl Serialize for Octets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for OctetBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

/// Serialises all octets at once.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(octets)
}

/// Deserialises octets from bytes or, in formats that people read, from a list of numbers.
///
/// # Errors
///
/// Those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    // Asked for bytes, a JSON reader would take the characters of a text for octets.
    if deserializer.is_human_readable() {
        return Vec::deserialize(deserializer);
    }
    deserializer.deserialize_byte_buf(OctetVisitor)
}

struct OctetVisitor;

impl<'de> Visitor<'de> for OctetVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("octets")
    }

    fn visit_bytes<E>(self, octets: &[u8]) -> Result<Self::Value, E> {
        Ok(octets.to_vec())
    }

    fn visit_byte_buf<E>(self, octets: Vec<u8>) -> Result<Self::Value, E> {
        Ok(octets)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        // What the sequence claims about its length may be a lie.
        let mut octets = Vec::with_capacity(sequence.size_hint().unwrap_or(0).min(64 * 1024));
        while let Some(octet) = sequence.next_element()? {
            octets.push(octet);
        }
        Ok(octets)
    }
}
