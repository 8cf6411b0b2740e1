//! Reading the fields of a message, in order or by name: what serde's derive would write out for each type stands
//! here once, which is what makes this crate compile fast.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A message that is read field by field; implemented by generated code.
pub trait Fields: Default {
    /// The name of the struct.
    const NAME: &'static str;
    /// The names of its fields, in order.
    const FIELDS: &'static [&'static str];

    /// Reads all fields in order.
    ///
    /// # Errors
    ///
    /// Those of the sequence, and one that ends too early.
    fn in_order<'de, A: SeqAccess<'de>>(sequence: &mut A) -> Result<Self, A::Error>;

    /// Reads the value of field number `index`.
    ///
    /// # Errors
    ///
    /// Those of the map.
    fn set<'de, A: MapAccess<'de>>(&mut self, index: usize, map: &mut A) -> Result<(), A::Error>;
}

/// Reads a message: in order where the format has no names, and by name where it has. Fields that are not named keep
/// their default values; names that are unknown or come twice are refused.
///
/// # Errors
///
/// Those of the deserializer, and wrong names.
#[inline]
pub fn deserialize<'de, D: Deserializer<'de>, M: Fields>(deserializer: D) -> Result<M, D::Error> {
    deserializer.deserialize_struct(M::NAME, M::FIELDS, MessageVisitor(PhantomData))
}

/// Reads field number `index` of `M` from a sequence.
///
/// # Errors
///
/// Those of the sequence, and one that ends here.
#[inline]
pub fn element<'de, M: Fields, T: Deserialize<'de>, A: SeqAccess<'de>>(
    sequence: &mut A,
    index: usize,
) -> Result<T, A::Error> {
    match sequence.next_element()? {
        Some(value) => Ok(value),
        None => Err(A::Error::invalid_length(index, &MessageVisitor::<M>(PhantomData))),
    }
}

struct MessageVisitor<M>(PhantomData<M>);

impl<'de, M: Fields> Visitor<'de> for MessageVisitor<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} fields", M::NAME, M::FIELDS.len())
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<M, A::Error> {
        M::in_order(&mut sequence)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let mut message = M::default();
        let mut seen = vec![false; M::FIELDS.len()];
        let mut names = Names {
            names: M::FIELDS,
            expected: 0,
        };
        while let Some(index) = map.next_key_seed(names)? {
            if let (Some(seen), Some(name)) = (seen.get_mut(index), M::FIELDS.get(index)) {
                if *seen {
                    return Err(A::Error::duplicate_field(name));
                }
                *seen = true;
            }
            message.set(index, &mut map)?;
            names.expected = index + 1;
        }
        Ok(message)
    }
}

/// Reads a name and gives its number. Names mostly come in order, so the one expected is tried first.
#[derive(Clone, Copy)]
struct Names {
    names: &'static [&'static str],
    expected: usize,
}

impl Names {
    fn find<E: Error>(self, name: &str) -> Result<usize, E> {
        if self.names.get(self.expected) == Some(&name) {
            return Ok(self.expected);
        }
        let found = self.names.iter().position(|known| *known == name);
        found.ok_or_else(|| E::unknown_field(name, self.names))
    }
}

impl<'de> DeserializeSeed<'de> for Names {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Names {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        self.find(name)
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<usize, E> {
        self.find(&String::from_utf8_lossy(name))
    }

    /// Formats that number their fields instead of naming them.
    fn visit_u64<E: Error>(self, index: u64) -> Result<usize, E> {
        let index = usize::try_from(index).ok().filter(|index| *index < self.names.len());
        index.ok_or_else(|| {
            E::custom(format_args!(
                "a message with {} fields has no such field",
                self.names.len()
            ))
        })
    }
}
