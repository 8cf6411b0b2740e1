//! The name of one goal of an action: 16 random octets, which its client chooses.

use std::fmt;
use std::str::FromStr;

use nuncio_msgs::unique_identifier_msgs::msg::UUID;

/// Which goal. Written as a UUID.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GoalId(pub [u8; 16]);

impl GoalId {
    /// What stands for no goal in requests to cancel.
    pub(crate) const NONE: Self = Self([0; 16]);

    /// A new one: a random UUID (version 4).
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut octets = [0; 16];
        getrandom::fill(&mut octets)?;
        let number = u128::from_be_bytes(octets);
        let marked = number & !(0xf000 << 64) & !(0b11 << 62) | 0x4000 << 64 | 0b10 << 62;
        Ok(Self(marked.to_be_bytes()))
    }

    pub(crate) const fn message(self) -> UUID {
        UUID { uuid: self.0 }
    }
}

impl From<UUID> for GoalId {
    fn from(message: UUID) -> Self {
        Self(message.uuid)
    }
}

impl FromStr for GoalId {
    type Err = GoalIdError;

    /// Reads a UUID, or its 32 digits without dashes.
    fn from_str(text: &str) -> Result<Self, GoalIdError> {
        let digits: String = text.split('-').collect();
        let wrong = || GoalIdError { found: text.to_owned() };
        let is_hex = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = is_hex.then(|| u128::from_str_radix(&digits, 16).ok()).flatten();
        number.map(|number| Self(number.to_be_bytes())).ok_or_else(wrong)
    }
}

/// A text that names no goal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GoalIdError {
    found: String,
}

impl fmt::Display for GoalIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected the id of a goal, such as 12345678-9abc-4ef0-8001-020304050607, found {:?}",
            self.found
        )
    }
}

impl std::error::Error for GoalIdError {}

impl fmt::Display for GoalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = u128::from_be_bytes(self.0);
        let part = |shift: u32, bits: u32| (number >> shift) & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let id = GoalId([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("AB".repeat(16).parse(), Ok(id));
        for wrong in [
            "",
            "12",
            &"g".repeat(32),
            &"a".repeat(33),
            "+bababababababababababababababab",
        ] {
            assert!(wrong.parse::<GoalId>().is_err(), "{wrong} was read");
        }
    }

    #[test]
    fn a_goal_is_written_as_a_uuid_of_version_4() {
        let text = GoalId([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0, 1, 2, 3, 4, 5, 6, 7]).to_string();
        assert_eq!(text, "12345678-9abc-def0-0001-020304050607");
        for _ in 0..100 {
            let id = GoalId::random().unwrap().to_string();
            assert_eq!(id.get(14..15), Some("4"), "{id}");
            assert!(matches!(id.get(19..20), Some("8" | "9" | "a" | "b")), "{id}");
        }
    }
}
