//! Seals: what a recorder says, signed, of all that it has recorded since the seal before. Pure.

use std::sync::OnceLock;

use nuncio::security::context::Context;
use nuncio::security::frame::{Accompaniment, FrameWriter, Header, Kind, Layout, PushError, Writer};
use nuncio::security::shown_frame::Examiner;
use nuncio::security::signer;
use nuncio::{Domain, Identity, NodeName, PublicKey, TopicName, TypeHash};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SEAL_TOPIC;
use super::number_tally::NumberRange;
use super::proven_reader::StreamKey;
use super::record_hash::unhex;

/// The version of what is sealed, and how.
pub const FORMAT: u32 = 1;

/// The type name in the context of seals.
const TYPE_NAME: &str = "nuncio bag seal";

/// What a seal says.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Seal {
    /// The version of the format, 1.
    pub format: u32,
    /// The bag's id, 16 random bytes in hexadecimal.
    pub bag: String,
    /// Counts the seals of the bag, from 0.
    pub number: u64,
    /// Which file of the bag it is in, from 0.
    pub file: u64,
    /// The first file that has not been deleted to make room.
    #[serde(default)]
    pub first_file: u64,
    /// Why there is a seal here.
    pub event: SealEvent,
    /// When it was signed, ns since 1970 by the recorder's clock.
    pub time_ns: i64,
    /// BLAKE3 of the frame of the seal before, in hexadecimal; empty for the first.
    pub previous: String,
    /// BLAKE3 over the messages since the seal before, in hexadecimal.
    pub records: String,
    /// How many messages these are, frames and all.
    pub count: u64,
    /// How many of them are messages of topics.
    pub messages: u64,
    /// What was recorded of each stream since the seal before.
    pub streams: Vec<SealedStream>,
    /// In the first seal of a file: the streams that there were so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<KnownStream>,
    /// How many frames were refused since the recorder was started, and so are not in the bag.
    #[serde(default)]
    pub refused: u64,
    /// The recorder's node.
    pub recorder: String,
    /// The bags that this one is an extract of, if it is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extract_of: Vec<Source>,
}

/// Why there is a seal.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealEvent {
    /// A file begins.
    Open,
    /// A second has passed.
    #[default]
    Time,
    /// Nothing is recorded from here on.
    Pause,
    /// Recording goes on.
    Resume,
    /// A snapshot was written.
    Snapshot,
    /// The file ends, another one follows.
    Split,
    /// The bag ends.
    Close,
}

/// What was recorded of one stream between two seals.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealedStream {
    /// Which.
    #[serde(flatten)]
    pub stream: StreamName,
    /// The highest number before.
    pub after: u64,
    /// The highest number now.
    pub last: u64,
    /// How many messages were recorded.
    pub messages: u64,
    /// Numbers between that never came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<NumberRange>,
    /// Numbers that were left out on purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<NumberRange>,
    /// Numbers that came after a higher one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<NumberRange>,
}

/// One publisher in one start of its node.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct StreamName {
    /// The topic.
    pub topic: String,
    /// The key, as `did:key:…`.
    pub key: String,
    /// The writer, in hexadecimal.
    pub writer: String,
    /// The epoch.
    pub epoch: u64,
}

impl StreamName {
    pub(super) fn of((topic, key, writer, epoch): &StreamKey) -> Self {
        Self {
            topic: topic.as_str().to_owned(),
            key: key.to_string(),
            writer: format!("{:016x}", writer.0),
            epoch: *epoch,
        }
    }

    /// What it names, or why it names nothing, in words.
    pub(super) fn key(&self) -> Result<StreamKey, String> {
        let topic = TopicName::parse(&self.topic).map_err(|error| error.to_string())?;
        let key = PublicKey::parse(&self.key).map_err(|error| error.to_string())?;
        let writer = unhex(&self.writer).ok_or("a writer that is no number")?;
        Ok((topic, key, Writer(u64::from_be_bytes(writer)), self.epoch))
    }
}

/// How far a stream had come when a file began.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct KnownStream {
    /// Which.
    #[serde(flatten)]
    pub stream: StreamName,
    /// The highest number.
    pub last: u64,
}

/// A bag that another one is an extract of.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Source {
    /// Its id.
    pub bag: String,
    /// Who recorded it.
    pub recorder: String,
    /// BLAKE3 of each of its seals, in hexadecimal, in order.
    pub seals: Vec<String>,
}

/// Who seals.
#[derive(Clone, Debug)]
pub struct SealSigner {
    /// The key.
    pub identity: Identity,
    /// The domain.
    pub domain: Domain,
    /// The node that records.
    pub node: NodeName,
    /// Its epoch.
    pub epoch: u64,
}

impl SealSigner {
    /// Signs a seal of the bag with this id. Gives the frame.
    pub fn sign(&self, bag: &[u8; 16], seal: &Seal) -> Vec<u8> {
        let header = Header {
            kind: Kind::Attestation,
            replay: false,
            key: self.identity.public_key(),
            writer: Writer::derive(self.node.as_str(), SEAL_TOPIC, 0),
            epoch: self.epoch,
            first_number: seal.number + 1,
            first_time_ns: seal.time_ns,
            type_hash_prefix: type_hash().prefix(),
        };
        let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
        let pushed: Result<(), PushError<serde_json::Error>> =
            frame.push(seal.time_ns, Accompaniment::default(), |bytes| {
                serde_json::to_writer(bytes, seal)
            });
        debug_assert!(pushed.is_ok(), "a seal has a JSON form, and a frame takes one message");
        signer::seal(&self.identity, frame.finish(), &context(&self.domain, bag))
    }
}

/// A seal whose signature holds, or why there is none.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn open(examiner: &Examiner, domain: &Domain, bytes: &[u8]) -> Result<(Seal, Layout), String> {
    let layout = Layout::parse(bytes).map_err(|error| format!("a seal that is no frame: {error}"))?;
    let span = layout.messages(bytes).next();
    let payload = span.and_then(|span| bytes.get(span.payload)).unwrap_or_default();
    let seal: Seal =
        serde_json::from_slice(payload).map_err(|error| format!("a seal that says nothing legible: {error}"))?;
    if seal.format != FORMAT {
        return Err(format!(
            "a seal of format {}, this program reads format {FORMAT}",
            seal.format
        ));
    }
    let bag = unhex(&seal.bag).ok_or_else(|| "a seal without a bag's id".to_owned())?;
    let layout = examiner
        .examine(bytes, Kind::Attestation, &context(domain, &bag))
        .map_err(|refusal| format!("a seal whose signature does not hold: {refusal}"))?;
    let says = (layout.count, layout.header.first_number, layout.header.first_time_ns);
    match says == (1, seal.number.saturating_add(1), seal.time_ns) {
        true => Ok((seal, layout)),
        false => Err("a seal that contradicts its frame".to_owned()),
    }
}

fn context(domain: &Domain, bag: &[u8; 16]) -> Context {
    Context::new(domain, SEAL_TOPIC, TYPE_NAME, &type_hash(), Kind::Attestation, bag)
}

fn type_hash() -> TypeHash {
    static HASH: OnceLock<TypeHash> = OnceLock::new();
    *HASH.get_or_init(|| TypeHash::from_bytes(*blake3::hash(b"nuncio bag seal v1").as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    fn signer() -> SealSigner {
        SealSigner {
            identity: Identity::from_seed(&[3; 32]),
            domain: Domain::default(),
            node: NodeName::parse("/recorder").unwrap(),
            epoch: 5,
        }
    }

    fn seal() -> Seal {
        Seal {
            format: FORMAT,
            bag: "00".repeat(16),
            number: 4,
            time_ns: 77,
            recorder: "/recorder".to_owned(),
            ..Seal::default()
        }
    }

    #[test]
    fn a_seal_reads_back_and_names_its_signer() {
        let frame = signer().sign(&[0; 16], &seal());
        let (read, layout) = open(&Examiner::default(), &Domain::default(), &frame).unwrap();
        assert_eq!(read, seal());
        assert_eq!(layout.header.key, signer().identity.public_key());
    }

    #[test]
    fn a_seal_of_another_bag_or_domain_or_with_another_byte_is_none() {
        let (examiner, domain) = (Examiner::default(), Domain::default());
        let frame = signer().sign(&[1; 16], &seal());
        assert!(
            open(&examiner, &domain, &frame).is_err(),
            "it is signed for another bag"
        );
        let frame = signer().sign(&[0; 16], &seal());
        assert!(open(&examiner, &Domain::parse("7").unwrap(), &frame).is_err());
        for at in 0..frame.len() {
            let mut altered = frame.clone();
            altered[at] ^= 1;
            assert!(open(&examiner, &domain, &altered).is_err(), "byte {at}");
        }
    }
}
