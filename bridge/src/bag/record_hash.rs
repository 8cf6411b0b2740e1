//! What seals hash: every message between two seals, and what its channel says of it. Pure.

use std::collections::BTreeMap;

use mcap::records::MessageHeader;

/// The 32 bytes of BLAKE3.
pub type Hash = [u8; 32];

/// What of a channel decides how its messages are read.
#[derive(Clone, Copy, Debug)]
pub struct ChannelText<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The message encoding.
    pub encoding: &'a str,
    /// Name, encoding and data of the schema; empty where there is none.
    pub schema: (&'a str, &'a str, &'a [u8]),
    /// The channel's metadata.
    pub metadata: &'a BTreeMap<String, String>,
}

/// The hash of a channel.
pub fn channel_hash(channel: &ChannelText<'_>) -> Hash {
    let mut hasher = blake3::Hasher::new();
    let (name, encoding, data) = channel.schema;
    let fixed = [
        channel.topic.as_bytes(),
        channel.encoding.as_bytes(),
        name.as_bytes(),
        encoding.as_bytes(),
        data,
    ];
    let metadata = channel
        .metadata
        .iter()
        .flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
    for part in fixed.into_iter().chain(metadata) {
        hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// Hashes the messages between two seals.
#[derive(Clone, Debug, Default)]
pub struct RecordHasher {
    hasher: blake3::Hasher,
    count: u64,
}

impl RecordHasher {
    /// Takes the next message.
    pub fn add(&mut self, channel: &Hash, header: &MessageHeader, data: &[u8]) {
        let mut fixed = [0_u8; 60];
        let parts = channel
            .iter()
            .copied()
            .chain(header.log_time.to_le_bytes())
            .chain(header.publish_time.to_le_bytes())
            .chain(header.sequence.to_le_bytes())
            .chain((data.len() as u64).to_le_bytes());
        fixed.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
        self.hasher.update(&fixed);
        self.hasher.update(data);
        self.count += 1;
    }

    /// How many messages it has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The hash of what there was, and how many; begins anew.
    pub fn take(&mut self) -> (Hash, u64) {
        let taken = (*self.hasher.finalize().as_bytes(), self.count);
        self.hasher.reset();
        self.count = 0;
        taken
    }
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The bytes of hexadecimal; `None` when they are not exactly so many.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (place, pair) in bytes.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.contains('+'))?;
        *place = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    fn hash_of(header: MessageHeader, data: &[u8]) -> Hash {
        let mut hasher = RecordHasher::default();
        hasher.add(&[1; 32], &header, data);
        hasher.take().0
    }

    #[test]
    fn everything_that_a_message_says_is_in_the_hash() {
        let header = MessageHeader {
            channel_id: 1,
            sequence: 2,
            log_time: 3,
            publish_time: 4,
        };
        let first = hash_of(header, b"data");
        assert_eq!(
            first,
            hash_of(
                MessageHeader {
                    channel_id: 9,
                    ..header
                },
                b"data"
            )
        );
        for other in [
            hash_of(MessageHeader { sequence: 9, ..header }, b"data"),
            hash_of(MessageHeader { log_time: 9, ..header }, b"data"),
            hash_of(
                MessageHeader {
                    publish_time: 9,
                    ..header
                },
                b"data",
            ),
            hash_of(header, b"date"),
            hash_of(header, b"dat"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_hash_has_one_text() {
        let text = hex(&[0, 255, 16]);
        assert_eq!(text, "00ff10");
        assert_eq!(unhex::<3>(&text).unwrap(), [0, 255, 16]);
        assert!(unhex::<3>("00ff1").is_none() && unhex::<3>("00ff1g").is_none() && unhex::<3>("+0ff10").is_none());
    }
}
