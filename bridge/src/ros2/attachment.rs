//! What rmw_zenoh sends beside every message, request and response: 33 bytes.
//!
//! Number, source time in ns since 1970, both `i64` little endian; then the length of the id, 16, and the id of the endpoint
//! that wrote it. Readers of ROS drop what comes without. What follows the 33 bytes is not read, here as there.

use super::gid::{GID_LEN, Gid};

/// How many bytes it has.
pub const ATTACHMENT_LEN: usize = 8 + 8 + 1 + GID_LEN;

/// Number, time and writer of one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attachment {
    /// The number of the message among those of its writer, or of the request among those of its client. The first is 1.
    pub number: i64,
    /// When it was written, in ns since 1970.
    pub source_time_ns: i64,
    /// Who wrote it. In a response, who asked.
    pub gid: Gid,
}

impl Attachment {
    /// The bytes.
    pub fn to_bytes(self) -> [u8; ATTACHMENT_LEN] {
        let (number, time) = (self.number.to_le_bytes(), self.source_time_ns.to_le_bytes());
        let from = number.iter().chain(&time).chain(&[GID_LEN as u8]).chain(&self.gid.0);
        let mut bytes = [0; ATTACHMENT_LEN];
        bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Reads the first 33 bytes; `None` when they are no attachment.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first()?;
        let (gid, _) = rest.split_first_chunk()?;
        (usize::from(*len) == GID_LEN).then(|| Self {
            number: i64::from_le_bytes(*number),
            source_time_ns: i64::from_le_bytes(*time),
            gid: Gid(*gid),
        })
    }

    /// What goes beside the response to the request that came with this one: the same number and client, another time.
    #[must_use]
    pub fn of_response(self, source_time_ns: i64) -> Self {
        Self { source_time_ns, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ros2::gid::from_hex;

    #[test]
    fn the_bytes_are_those_of_a_real_publisher() {
        let bytes = from_hex("0000000000000000001b50d6e9f9e918108ca51ff46b074c07860c75bf7b7464f7");
        let read = Attachment::read(&bytes).unwrap();
        assert_eq!(read.number, 0);
        assert_eq!(
            read.source_time_ns,
            i64::from_le_bytes([0x00, 0x1b, 0x50, 0xd6, 0xe9, 0xf9, 0xe9, 0x18])
        );
        assert_eq!(read.gid.to_string(), "8ca51ff46b074c07860c75bf7b7464f7");
        assert_eq!(read.to_bytes().as_slice(), bytes);
    }

    #[test]
    fn a_response_has_the_number_and_the_client_of_its_request() {
        let bytes = from_hex("0700000000000000008bd74319fae91810000102030405060708090a0b0c0d0e0f");
        let request = Attachment::read(&bytes).unwrap();
        let response = request.of_response(5);
        assert_eq!((response.number, response.source_time_ns), (7, 5));
        assert_eq!(response.gid, request.gid);
    }

    #[test]
    fn what_is_too_short_or_has_an_id_of_another_length_is_none() {
        let bytes = from_hex("0000000000000000001b50d6e9f9e918108ca51ff46b074c07860c75bf7b7464f7");
        for len in 0..bytes.len() {
            assert_eq!(Attachment::read(&bytes[..len]), None, "{len}");
        }
        let mut other = bytes.clone();
        other[16] = 15;
        assert_eq!(Attachment::read(&other), None);
        let longer = [bytes.as_slice(), &[0; 96]].concat();
        assert_eq!(
            Attachment::read(&longer),
            Attachment::read(&bytes),
            "a tail is not read"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_alike(number: i64, source_time_ns: i64, gid: [u8; 16]) {
            let attachment = Attachment { number, source_time_ns, gid: Gid(gid) };
            prop_assert_eq!(Attachment::read(&attachment.to_bytes()), Some(attachment));
        }
    }
}
