//! The id of an endpoint of ROS 2: the XXH3 hash of its liveliness token.
//!
//! Receivers take it as it is. With the hash that rmw_zenoh uses, the ids that `ros2 topic info -v` shows are those that
//! messages carry.

use std::fmt;

use xxhash_rust::xxh3::xxh3_128;

/// How many bytes it has.
pub const GID_LEN: usize = 16;

/// The id of one endpoint.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Gid(pub [u8; GID_LEN]);

impl Gid {
    /// The id of the endpoint with this token.
    pub fn of_token(key_expr: &str) -> Self {
        // The low half first, each half little endian: the bytes of the whole number.
        Self(xxh3_128(key_expr.as_bytes()).to_le_bytes())
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Bytes from hexadecimal digits, for tests.
#[cfg(test)]
pub(super) fn from_hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_that_of_the_example() {
        let token = "@ros2_lv/2/8b20917502ee955ac4476e0266340d5c/0/10/MP/%/%/talker/%chatter/\
                     std_msgs::msg::dds_::String_/\
                     RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18/::,7:,:,:,,";
        assert_eq!(Gid::of_token(token).to_string(), "ac170f31eadcd9ff0cd86d7a17907d1c");
    }
}
