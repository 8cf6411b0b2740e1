//! The limits of a topic: what a message on it must keep to, whoever signs it and whatever the mode is.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use super::role::RoleName;
use super::time_text::duration_text;

/// What trust.toml demands of every message on a topic. Without limits nothing is demanded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TopicLimits {
    /// The greatest payload, in bytes.
    pub max_size: Option<u64>,
    /// How old a message may be at receipt, by the receiver's clock.
    pub max_age: Option<Duration>,
    /// Messages a second of one signer.
    pub max_rate: Option<NonZeroU32>,
    /// The roles that a signer must hold to publish here: all of them.
    pub roles: BTreeSet<RoleName>,
    /// The roles whose holders must co-sign a message before it is delivered: one holder of each.
    pub second_signers: BTreeSet<RoleName>,
}

impl TopicLimits {
    /// Adds the limits of another entry: of each limit the stricter one remains, and all roles are needed.
    pub(super) fn tighten(&mut self, other: &Self) {
        self.max_size = stricter(self.max_size, other.max_size);
        self.max_age = stricter(self.max_age, other.max_age);
        self.max_rate = stricter(self.max_rate, other.max_rate);
        self.roles.extend(other.roles.iter().cloned());
        self.second_signers.extend(other.second_signers.iter().cloned());
    }

    /// The limits that are set, for people.
    pub fn in_words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.max_size.map(|bytes| format!("max_size {bytes} bytes")));
        words.extend(self.max_age.map(|age| format!("max_age {}", duration_text(age))));
        words.extend(self.max_rate.map(|rate| format!("max_rate {rate} a second")));
        words.extend(self.roles.iter().map(|role| format!("role {role}")));
        words.extend(self.second_signers.iter().map(|role| format!("second_signer {role}")));
        if words.is_empty() {
            words.push("no limits".to_owned());
        }
        words.join(", ")
    }
}

fn stricter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Reads a whole number of bytes with its unit, such as `512 B`, `64 KiB` or `2 MB`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.trim_start_matches(' ') {
        "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_limits_the_stricter_one_remains_and_all_roles_are_needed() {
        let role = |name: &str| BTreeSet::from([RoleName::parse(name).unwrap()]);
        let mut limits = TopicLimits {
            max_size: Some(10),
            max_rate: NonZeroU32::new(5),
            roles: role("a"),
            ..TopicLimits::default()
        };
        limits.tighten(&TopicLimits {
            max_size: Some(20),
            max_age: Some(Duration::from_secs(1)),
            max_rate: NonZeroU32::new(3),
            roles: role("b"),
            second_signers: role("c"),
        });
        assert_eq!(
            limits.in_words(),
            "max_size 10 bytes, max_age 1s, max_rate 3 a second, role a, role b, second_signer c"
        );
    }

    #[test]
    fn sizes_are_whole_numbers_with_a_unit() {
        for (text, bytes) in [
            ("0 B", Some(0)),
            ("64 KiB", Some(65536)),
            ("64KiB", Some(65536)),
            ("2 MB", Some(2_000_000)),
            ("1 kB", Some(1000)),
            ("64", None),
            ("", None),
            ("KiB", None),
            ("1.5 MB", None),
            ("-1 B", None),
            ("+1 B", None),
            ("1 KiB ", None),
            ("18446744073709551615 B", Some(u64::MAX)),
            ("18446744073709551616 B", None),
            ("18446744073709551615 KiB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }
}
