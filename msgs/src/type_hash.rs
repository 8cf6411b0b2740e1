//! The type hash: 32 bytes that stand for a type's structure, and their RIHS01 text form.
//!
//! The algorithm is ROS 2's (REP-2016) and lives in the schema compiler; here is only the value.

use std::fmt;

/// A RIHS01 type hash, equal to the one that ROS 2 computes for the same interface.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TypeHash([u8; 32]);

impl TypeHash {
    /// Wraps the 32 bytes of a hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 8 bytes, which a frame's header carries.
    pub const fn prefix(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        [a, b, c, d, e, f, g, h]
    }

    /// Reads the text form, `RIHS01_` and 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`TypeHashError`] when the prefix, the length or a digit is wrong.
    pub fn parse(text: &str) -> Result<Self, TypeHashError> {
        let wrong = || TypeHashError { text: text.to_owned() };
        let digits = text.strip_prefix("RIHS01_").ok_or_else(wrong)?.as_bytes();
        let mut bytes = [0_u8; 32];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(wrong());
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = hex_digit(*high).ok_or_else(wrong)? << 4 | hex_digit(*low).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

fn hex_digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for TypeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RIHS01_")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TypeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a type hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TypeHashError {
    text: String,
}

impl fmt::Display for TypeHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a type hash is `RIHS01_` and 64 lower-case hexadecimal digits, found {:?}",
            self.text
        )
    }
}

impl std::error::Error for TypeHashError {}
