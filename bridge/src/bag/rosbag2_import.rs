//! Takes a recording of ROS 2 over into a bag: each message is signed by whoever imports it.
//!
//! That proves what the importer has found in the recording, and nothing about who sent it at first: the signer's node is
//! [`IMPORT_NODE`], and the origin of each message names the recording. Times and topics are those of the recording.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use nuncio::security::context::Context;
use nuncio::security::frame::{Accompaniment, FrameWriter, Header, Kind, PushError, Writer};
use nuncio::security::signer;
use nuncio::{NodeName, TopicName};

use super::bag_part::BagPart;
use super::bag_reader::{BagReader, Channel, Role};
use super::bag_settings::{BagSettings, BagSummary};
use super::bag_writer::BagWriter;
use super::convert_error::ConvertError;
use super::record_hash::Hash;
use super::recorded_frame::{RecordedFrame, Signer};
use super::seal::{SealEvent, SealSigner, Source};
use super::write_error::WriteError;
use crate::bridge_type::{Body, BridgeType};

/// The node in whose name imported messages are signed.
pub const IMPORT_NODE: &str = "/_nuncio_import";

/// How much is sealed at once: so many ns of the recording.
const SEAL_EVERY_NS: u64 = 1_000_000_000;

/// What was taken over.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// What the bag has.
    pub summary: BagSummary,
    /// Messages that are none of their type.
    pub undecodable: u64,
    /// Topics that were left out, and why.
    pub left_out: Vec<(String, String)>,
    /// Where the recording is damaged.
    pub damage: Vec<String>,
}

/// A channel of the recording, and what is signed of it.
struct Taken {
    topic: TopicName,
    ty: Arc<BridgeType>,
    signer: Arc<Signer>,
    number: u64,
}

/// Imports a recording, and seals it as an extract of it: it was received long before. `settings` say where to, and with whose key. `progress` is told how many bytes were read, of how many.
///
/// # Errors
///
/// [`ConvertError`] when there is nothing to read, or the bag cannot be written. Channels without a `ros2msg` schema or CDR are
/// left out, and told.
pub fn import(
    path: &Path,
    part: &BagPart,
    mut settings: BagSettings,
    now_ns: i64,
    mut progress: impl FnMut(u64, u64),
) -> Result<Imported, ConvertError> {
    let mut reader = BagReader::open(path)?;
    let total = reader.bytes();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let origin: String = format!("rosbag2:{name}").chars().take(60).collect();
    let signs = SealSigner {
        node: NodeName::parse(IMPORT_NODE).unwrap_or_else(|_| settings.signer.node.clone()),
        ..settings.signer.clone()
    };
    settings.extract_of = vec![Source {
        bag: origin.clone(),
        recorder: "nobody who has signed it".to_owned(),
        seals: Vec::new(),
    }];
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| WriteError::Mcap(error.to_string()))?;
    let mut writer = BagWriter::create(settings, id, now_ns)?;
    let mut channels: HashMap<Hash, Option<Taken>> = HashMap::new();
    let (mut imported, mut begin, mut sealed_at) = (Imported::default(), None, None);
    loop {
        progress(reader.bytes_read(), total);
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(error) => {
                imported.damage.push(error.to_string());
                reader.skip_file();
                continue;
            }
        };
        let after = record.log_time.saturating_sub(*begin.get_or_insert(record.log_time));
        if record.channel.role != Role::Message || !part.has_time(after) {
            continue;
        }
        let taken = channels.entry(record.channel.hash).or_insert_with(|| {
            taken(record.channel, part, &signs).unwrap_or_else(|problem| {
                imported.left_out.push((record.channel.topic.clone(), problem));
                None
            })
        });
        let Some(taken) = taken else { continue };
        let Ok(payload) = taken.ty.payload_of(Body::Cdr(record.data)) else {
            imported.undecodable += 1;
            continue;
        };
        let source_ns = i64::try_from(record.publish_time).unwrap_or(i64::MAX);
        let received_ns = i64::try_from(record.log_time).unwrap_or(i64::MAX);
        let frame = taken.sign(&signs, &payload, (source_ns, received_ns), &origin);
        writer.record(&frame, Some(&taken.ty))?;
        if sealed_at.is_none_or(|at| record.log_time >= at + SEAL_EVERY_NS) {
            if sealed_at.is_some() {
                writer.seal(SealEvent::Time, now_ns)?;
            }
            sealed_at = Some(record.log_time);
        }
    }
    imported.summary = writer.close(now_ns)?;
    Ok(imported)
}

/// `None`: it is not wanted.
fn taken(channel: &Channel, part: &BagPart, signs: &SealSigner) -> Result<Option<Taken>, String> {
    let topic = TopicName::parse(&channel.topic).map_err(|error| error.to_string())?;
    if !part.has_topic(&topic) {
        return Ok(None);
    }
    if channel.encoding != "cdr" {
        return Err(format!("its messages are in {}, expected cdr", channel.encoding));
    }
    let said = channel.metadata.get("offered_qos_profiles");
    // Older recordings have numbers, which `metadata.yaml` does not take any more.
    let is_in_words =
        |qos: &&String| qos.contains("durability: transient_local") || qos.contains("durability: volatile");
    Ok(Some(Taken {
        topic,
        ty: channel.bridge_type()?,
        signer: Arc::new(Signer {
            node: signs.node.clone(),
            key: signs.identity.public_key(),
            certificates: String::new(),
            successions: String::new(),
            qos: said.filter(is_in_words).cloned().unwrap_or_default(),
        }),
        number: 0,
    }))
}

impl Taken {
    fn sign(
        &mut self,
        signs: &SealSigner,
        payload: &[u8],
        (source_ns, received_ns): (i64, i64),
        origin: &str,
    ) -> RecordedFrame {
        self.number += 1;
        let (name, hash, topic) = (self.ty.name(), self.ty.hash(), self.topic.as_str());
        let header = Header {
            kind: Kind::Message,
            replay: false,
            key: signs.identity.public_key(),
            writer: Writer::derive(signs.node.as_str(), topic, 0),
            epoch: signs.epoch,
            first_number: self.number,
            first_time_ns: source_ns,
            type_hash_prefix: hash.prefix(),
        };
        let with = Accompaniment {
            origin: Some(origin),
            ..Accompaniment::default()
        };
        let mut frame = FrameWriter::new(Vec::new(), &header, with);
        let pushed: Result<(), PushError<()>> = frame.push(source_ns, with, |bytes| {
            bytes.extend_from_slice(payload);
            Ok(())
        });
        debug_assert!(pushed.is_ok(), "a frame takes one message, and the origin is short");
        let context = Context::new(&signs.domain, topic, name, &hash, Kind::Message, &[]);
        RecordedFrame {
            topic: self.topic.clone(),
            type_name: Arc::from(name),
            type_hash: hash,
            received_ns,
            signer: Arc::clone(&self.signer),
            bytes: signer::seal(&signs.identity, frame.finish(), &context),
        }
    }
}
