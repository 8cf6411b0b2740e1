//! The proof of a message's original signer, for readers on the network of ROS 2 who look for it.
//!
//! The signatures of Nuncio cover its own encoding, in which no node of ROS can read a message. So what goes beside the CDR on
//! request is the signed frame that it was made of, and what a reader needs to check it: where it was signed, and which of its
//! messages this is. A reader opens the frame as every subscriber of Nuncio does, writes the message in CDR, and compares the
//! bytes. `nuncio topic echo --ros2` does that; this page is for whoever writes another reader.
//!
//! # The record
//!
//! Little endian.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | `4E 75 50 01`: "NuP", and the version |
//! | 4 | 1 | flags: bit 0: the frame is here; others are 0 |
//! | 5 | 16 | the id in the attachment of the sample that it is of |
//! | 21 | 8 | the number in that attachment, `i64` |
//! | 29 | 8 | the number of the message among those of its publisher in Nuncio, `u64`; the frame says where they begin |
//! | 37 | 1+n | the domain in Nuncio: its length, and UTF-8 |
//! | – | 2+n | the topic in Nuncio, which a rule of the bridge may have renamed |
//! | – | 2+n | the full name of the node that published it |
//! | – | – | up to the end: the frame; without bit 0, bytes 8 to 63 of one that an earlier record had: key, writer, epoch and the number of its first message |
//!
//! The type's name and hash are those in the data key. With domain and topic they are the context that the signature covers.
//!
//! # Where it is
//!
//! - `side-key`: put on `<data key>/@nuncio`, directly before the sample. `**` does not match a chunk that begins with `@`, so no
//!   node of ROS and no recorder sees it. The sample is as it is without proof.
//! - `attachment`: behind the 33 bytes of rmw_zenoh's attachment, which readers do not look at. One put carries both, so none
//!   comes without the other, and who has no road to further keys has the proof too. A record of more than [`TAIL_LEN_MAX`]
//!   bytes goes to the side key all the same.
//!
//! A frame holds many messages of a publisher that is busy. It is sent with the first of them that goes out. On latched topics
//! it is sent with each, and the bridge answers a query on the side key with the records of the messages that it keeps: late
//! subscribers get those messages from the cache of rmw_zenoh, which has none of such keys.
//!
//! # The card
//!
//! Who is behind the key says the card of the node. A reader asks for it on
//! `@nuncio/<ROS domain>/card/<key, 64 hexadecimal digits>/<node, without the first slash>` with a nonce of 16 bytes as payload.
//! The bridge passes the question on and answers with the frame of the card, as the node has just signed it for this nonce. So
//! the reader knows from where on the publisher's messages are fresh, as it would on a link of its own, and no clocks need
//! agree. See `nuncio::shown_frames` for what that promises. The card of a node is to be had while something of it goes out; it
//! names all topics and services of the node.

use std::fmt;
use std::str::FromStr;

use nuncio::{NodeName, TopicName};
use serde::Deserialize;

use super::attachment::{ATTACHMENT_LEN, Attachment};
use super::gid::Gid;

/// What a record begins with.
const MAGIC: [u8; 4] = *b"NuP\x01";

/// Of the flags: the frame is here.
const HAS_FRAME: u8 = 1;

/// Where the name of a frame stands in it.
const FRAME_NAME_AT: std::ops::Range<usize> = 8..64;

/// The longest record that goes behind an attachment. Attachments are no payload: every node that the message passes handles
/// them whole.
pub const TAIL_LEN_MAX: usize = 4096;

/// What a data key is followed by where its proofs are.
pub const SIDE_CHUNK: &str = "@nuncio";

/// Whether what goes out carries the proof of its signer, and where.
///
/// `none`, unless it is asked for: each message costs its frame once more on the network of ROS, and nodes of ROS do not look
/// at it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Not at all.
    #[default]
    None,
    /// On a key beside that of the topic.
    SideKey,
    /// Behind the attachment; long ones on the side key.
    Attachment,
}

impl Proof {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::SideKey, Self::Attachment];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SideKey => "side-key",
            Self::Attachment => "attachment",
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Proof {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == word);
        found.ok_or_else(|| format!("expected none, side-key or attachment, found {word:?}"))
    }
}

/// What names a frame: its key, writer, epoch and the number of its first message, as they stand in it.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct FrameName([u8; FRAME_NAME_AT.end - FRAME_NAME_AT.start]);

impl FrameName {
    /// The name of a frame; `None` when it is too short to be one.
    pub fn of(frame: &[u8]) -> Option<Self> {
        frame.get(FRAME_NAME_AT)?.try_into().ok().map(Self)
    }
}

impl fmt::Debug for FrameName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Which sample a proof is of: the id and the number in its attachment.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Tie {
    /// The endpoint.
    pub gid: Gid,
    /// The number of the sample there.
    pub number: i64,
}

impl From<Attachment> for Tie {
    fn from(attachment: Attachment) -> Self {
        Self {
            gid: attachment.gid,
            number: attachment.number,
        }
    }
}

/// The frame of a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShownBytes<'a> {
    /// It is here.
    Here(&'a [u8]),
    /// An earlier record had it.
    Earlier(FrameName),
}

/// What a bridge says of one sample: claims, every one of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// The sample.
    pub tie: Tie,
    /// The number of the message in Nuncio.
    pub number: u64,
    /// The domain in Nuncio.
    pub domain: &'a str,
    /// The topic in Nuncio.
    pub topic: TopicName,
    /// The node that published it.
    pub node: NodeName,
    /// Its frame.
    pub frame: ShownBytes<'a>,
}

impl<'a> Record<'a> {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (flags, rest) = match &self.frame {
            ShownBytes::Here(frame) => (HAS_FRAME, *frame),
            ShownBytes::Earlier(name) => (0, name.0.as_slice()),
        };
        let mut bytes = Vec::with_capacity(256 + rest.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(flags);
        bytes.extend_from_slice(&self.tie.gid.0);
        bytes.extend_from_slice(&self.tie.number.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        // Domains and names are shorter than what these lengths can say.
        bytes.push(u8::try_from(self.domain.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(self.domain.as_bytes());
        for name in [self.topic.as_str(), self.node.as_str()] {
            bytes.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes.extend_from_slice(rest);
        bytes
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(bytes: &'a [u8]) -> Result<Self, &'static str> {
        const SHORT: &str = "the proof ends early";
        let (magic, rest) = bytes.split_first_chunk().ok_or(SHORT)?;
        if *magic != MAGIC {
            return Err("the proof does not begin as one of this version");
        }
        let (flags, rest) = rest.split_first().ok_or(SHORT)?;
        let (gid, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        let (sample, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        let (number, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        let (len, rest) = rest.split_first().ok_or(SHORT)?;
        let (domain, rest) = text(rest, usize::from(*len)).ok_or(SHORT)?;
        let (len, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        let (topic, rest) = text(rest, usize::from(u16::from_le_bytes(*len))).ok_or(SHORT)?;
        let (len, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        let (node, rest) = text(rest, usize::from(u16::from_le_bytes(*len))).ok_or(SHORT)?;
        let frame = match *flags {
            HAS_FRAME => ShownBytes::Here(rest),
            0 => ShownBytes::Earlier(FrameName(
                rest.try_into().map_err(|_| "the proof does not name its frame")?,
            )),
            _ => return Err("the proof has flags that this version does not know"),
        };
        Ok(Self {
            tie: Tie {
                gid: Gid(*gid),
                number: i64::from_le_bytes(*sample),
            },
            number: u64::from_le_bytes(*number),
            domain,
            topic: TopicName::parse(topic).map_err(|_| "the proof does not name a topic")?,
            node: NodeName::parse(node).map_err(|_| "the proof does not name a node")?,
            frame,
        })
    }
}

fn text(bytes: &[u8], len: usize) -> Option<(&str, &[u8])> {
    let (text, rest) = bytes.split_at_checked(len)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// The key of the proofs of a topic.
pub(crate) fn side_key(data_key: &str) -> String {
    format!("{data_key}/{SIDE_CHUNK}")
}

/// The record behind an attachment, if there is one.
pub(crate) fn tail(attachment: &[u8]) -> Option<&[u8]> {
    attachment.get(ATTACHMENT_LEN..).filter(|tail| !tail.is_empty())
}

/// The key under which the card of a node is asked for.
pub(crate) fn card_key(ros_domain: u32, key: &nuncio::PublicKey, node: &NodeName) -> String {
    let digits: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{SIDE_CHUNK}/{ros_domain}/card/{digits}{}", node.as_str())
}

/// All such keys.
pub(crate) fn every_card_key(ros_domain: u32) -> String {
    format!("{SIDE_CHUNK}/{ros_domain}/card/**")
}

/// Whose card a key asks for.
pub(crate) fn parse_card_key(ros_domain: u32, key_expr: &str) -> Option<(nuncio::PublicKey, NodeName)> {
    let rest = key_expr.strip_prefix(&format!("{SIDE_CHUNK}/{ros_domain}/card/"))?;
    let (digits, node) = rest.split_at_checked(64)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some((nuncio::PublicKey::from_bytes(key), NodeName::parse(node).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(frame: ShownBytes<'_>) -> Record<'_> {
        Record {
            tie: Tie {
                gid: Gid([7; 16]),
                number: 3,
            },
            number: 11,
            domain: "0",
            topic: TopicName::parse("/cmd_vel").unwrap(),
            node: NodeName::parse("/robot_1/driver").unwrap(),
            frame,
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let bytes = record(ShownBytes::Here(b"frame")).to_bytes();
        let mut expected = b"NuP\x01\x01".to_vec();
        expected.extend([7; 16]);
        expected.extend([3, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(b"\x010\x08\0/cmd_vel\x0f\0/robot_1/driverframe");
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_is_cut_short_or_of_another_version_is_refused() {
        let name = FrameName::of(&[5; 64]).unwrap();
        let bytes = record(ShownBytes::Earlier(name)).to_bytes();
        for len in 0..bytes.len() {
            assert!(Record::read(&bytes[..len]).is_err(), "{len}");
        }
        for (at, other) in [(3, 2), (4, 2), (0, 0)] {
            let mut changed = bytes.clone();
            changed[at] = other;
            assert!(Record::read(&changed).is_err(), "{at}");
        }
    }

    #[test]
    fn a_card_is_asked_for_by_key_and_node() {
        let key = nuncio::PublicKey::from_bytes([0xab; 32]);
        let node = NodeName::parse("/robot_1/driver").unwrap();
        let asked = card_key(5, &key, &node);
        assert_eq!(asked, format!("@nuncio/5/card/{}/robot_1/driver", "ab".repeat(32)));
        assert_eq!(parse_card_key(5, &asked), Some((key, node)));
        for other in [
            "@nuncio/0/card",
            "@nuncio/5/card/ab/robot_1",
            "@nuncio/5/card/é",
            &asked.replace('b', "x"),
        ] {
            assert_eq!(parse_card_key(5, other), None, "{other}");
        }
    }

    #[test]
    fn the_words_are_read_as_they_are_written() {
        for proof in Proof::ALL {
            assert_eq!(proof.to_string().parse(), Ok(proof));
        }
        assert!("sidekey".parse::<Proof>().unwrap_err().contains("side-key"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Record::read(&bytes);
            let _ = Record::read(&[b"NuP\x01\x01".as_slice(), &bytes].concat());
        }

        #[test]
        fn what_is_written_is_read_alike(gid: [u8; 16], sample: i64, number: u64, frame: Vec<u8>, name: [u8; 64]) {
            for frame in [ShownBytes::Here(&frame), ShownBytes::Earlier(FrameName::of(&name).unwrap())] {
                let record = Record { tie: Tie { gid: Gid(gid), number: sample }, number, ..record(frame) };
                let bytes = record.to_bytes();
                prop_assert_eq!(Record::read(&bytes), Ok(record));
            }
        }
    }
}
