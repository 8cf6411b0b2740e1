//! One file of a bag that is being written: its channels, what is gathered for the next chunk, and the hash for the next seal.
//!
//! The chunk ends where the caller says so ([`McapFile::commit`]), so that a frame and its messages are in one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use mcap::records::MessageHeader;
use nuncio::security::frame::Writer;
use nuncio::{Domain, PublicKey, TopicName, TypeHash};

use super::bag_settings::BagSettings;
use super::committed_file::{CommittedFile, Pending, Sync};
use super::frame_channel::{FramePlace, sources_of};
use super::record_hash::{ChannelText, Hash, RecordHasher, channel_hash};
use super::recorded_frame::RecordedFrame;
use super::write_error::WriteError;
use super::{FRAME_ENCODING, FRAME_TOPIC_PREFIX, SEAL_TOPIC, SIGNER_TOPIC};
use crate::bridge_type::BridgeType;

/// The level of zstd: quick; what is recorded twice, in two encodings, shrinks at any level.
const ZSTD_LEVEL: u32 = 1;

/// The channels of the frames of one topic and type, and of their messages in CDR.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameChannels {
    pub(crate) frame: ChannelId,
    pub(crate) cdr: Option<ChannelId>,
}

/// A channel of this file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelId {
    id: u16,
    hash: Hash,
}

/// The times and the number of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    log_time: u64,
    publish_time: u64,
    sequence: u32,
}

impl Stamp {
    pub(crate) fn new(log_time: u64, publish_time: u64, sequence: u32) -> Self {
        Self {
            log_time,
            publish_time,
            sequence,
        }
    }
}

/// A file of a bag.
pub(crate) struct McapFile {
    path: PathBuf,
    writer: mcap::Writer<Pending>,
    pending: Pending,
    sync: Sync,
    /// `None` before the first commit.
    file: Option<CommittedFile>,
    channels: HashMap<(TopicName, TypeHash), FrameChannels>,
    seals: ChannelId,
    signers: ChannelId,
    streams: HashSet<(TopicName, PublicKey, Writer, u64)>,
    hasher: RecordHasher,
    gathered: usize,
    finished_len: u64,
}

impl std::fmt::Debug for McapFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McapFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl McapFile {
    /// Begins the file of a bag that has this number. It is on the disk from the first commit on.
    pub(crate) fn new(settings: &BagSettings, number: u64) -> Result<Self, WriteError> {
        let name = settings
            .dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let pending = Pending::default();
        let options = mcap::WriteOptions::new()
            .profile("ros2")
            .library(concat!("nuncio ", env!("CARGO_PKG_VERSION")))
            .compression(settings.compression.of_mcap())
            .compression_level(ZSTD_LEVEL)
            .compression_threads(0)
            .chunk_size(None)
            .calculate_data_section_crc(false);
        let mut writer = options.create(pending.clone())?;
        let domain = settings.signer.domain.as_str().to_owned();
        let of_seals = BTreeMap::from([("domain".to_owned(), domain)]);
        let seals = add_channel(&mut writer, 0, SEAL_TOPIC, FRAME_ENCODING, ("", "", b""), &of_seals)?;
        let signers = add_channel(&mut writer, 0, SIGNER_TOPIC, "json", ("", "", b""), &BTreeMap::new())?;
        Ok(Self {
            path: settings.dir.join(format!("{name}_{number}.mcap")),
            writer,
            pending,
            sync: settings.sync,
            file: None,
            channels: HashMap::new(),
            seals,
            signers,
            streams: HashSet::new(),
            hasher: RecordHasher::default(),
            gathered: 0,
            finished_len: 0,
        })
    }

    /// The name without its folder.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The channels for a frame and its messages.
    pub(crate) fn channels_of(
        &mut self,
        domain: &Domain,
        frame: &RecordedFrame,
        ty: Option<&Arc<BridgeType>>,
    ) -> Result<FrameChannels, WriteError> {
        let key = (frame.topic.clone(), frame.type_hash);
        if let Some(known) = self
            .channels
            .get(&key)
            .filter(|known| known.cdr.is_some() == ty.is_some())
        {
            return Ok(*known);
        }
        let place = FramePlace {
            domain: domain.clone(),
            topic: frame.topic.clone(),
            type_name: frame.type_name.to_string(),
            type_hash: frame.type_hash,
            has_cdr: ty.is_some(),
            sources: ty.and_then(|ty| sources_of(ty)),
        };
        let topic = format!("{FRAME_TOPIC_PREFIX}{}", frame.topic);
        let none = ("", "", b"".as_slice());
        let made = FrameChannels {
            frame: add_channel(&mut self.writer, 0, &topic, FRAME_ENCODING, none, &place.metadata())?,
            cdr: ty.map(|ty| self.add_cdr_channel(frame, ty)).transpose()?,
        };
        self.channels.insert(key, made);
        Ok(made)
    }

    fn add_cdr_channel(&mut self, frame: &RecordedFrame, ty: &BridgeType) -> Result<ChannelId, WriteError> {
        let text = ty.ros2msg().as_bytes();
        let schema = self.writer.add_schema(ty.name(), "ros2msg", text)?;
        let metadata = BTreeMap::from([
            ("offered_qos_profiles".to_owned(), frame.signer.qos.clone()),
            ("topic_type_hash".to_owned(), frame.type_hash.to_string()),
        ]);
        let schema_text = (ty.name(), "ros2msg", text);
        add_channel(
            &mut self.writer,
            schema,
            frame.topic.as_str(),
            "cdr",
            schema_text,
            &metadata,
        )
    }

    /// Whether this is the first frame of its stream in this file. Asked once for each.
    pub(crate) fn is_first_of(&mut self, stream: &(TopicName, PublicKey, Writer, u64)) -> bool {
        !self.streams.contains(stream) && self.streams.insert(stream.clone())
    }

    pub(crate) fn write_signer(&mut self, at: Stamp, data: &[u8]) -> Result<(), WriteError> {
        self.write(self.signers, at, data)
    }

    /// Writes a message that the next seal covers.
    pub(crate) fn write(&mut self, channel: ChannelId, at: Stamp, data: &[u8]) -> Result<(), WriteError> {
        let header = header(channel, at);
        self.hasher.add(&channel.hash, &header, data);
        self.put(&header, data)
    }

    /// Writes a seal, which no seal covers.
    pub(crate) fn write_seal(&mut self, at: Stamp, data: &[u8]) -> Result<(), WriteError> {
        self.put(&header(self.seals, at), data)
    }

    fn put(&mut self, header: &MessageHeader, data: &[u8]) -> Result<(), WriteError> {
        self.writer.write_to_known_channel(header, data)?;
        self.gathered += data.len() + 31;
        Ok(())
    }

    /// The hash over what the next seal covers, and how many messages that is.
    pub(crate) fn take_hash(&mut self) -> (Hash, u64) {
        self.hasher.take()
    }

    /// How many messages no seal covers yet.
    pub(crate) fn unsealed(&self) -> u64 {
        self.hasher.count()
    }

    /// How many bytes are gathered for the next chunk.
    pub(crate) fn gathered(&self) -> usize {
        self.gathered
    }

    /// How long the file is.
    pub(crate) fn len(&self) -> u64 {
        self.file.as_ref().map_or(self.finished_len, CommittedFile::len)
    }

    /// Writes what is gathered.
    pub(crate) fn commit(&mut self) -> Result<(), WriteError> {
        self.writer.flush()?;
        self.gathered = 0;
        let (path, sync) = (&self.path, self.sync);
        let file = &mut self.file;
        let stored = self.pending.hand_over(|bytes| match file {
            Some(file) => file.append(bytes),
            None => CommittedFile::create(path, bytes, sync).map(|made| *file = Some(made)),
        });
        stored.map_err(|error| WriteError::file(path, error))
    }

    /// Writes what is gathered and the summary. Gives the length of the file. Nothing can be written afterwards.
    pub(crate) fn finish(&mut self) -> Result<u64, WriteError> {
        self.commit()?;
        self.writer.finish()?;
        let Some(file) = self.file.take() else { return Ok(0) };
        let stored = self.pending.hand_over(|bytes| file.finish(bytes));
        self.finished_len = stored.map_err(|error| WriteError::file(&self.path, error))?;
        Ok(self.finished_len)
    }
}

fn header(channel: ChannelId, at: Stamp) -> MessageHeader {
    MessageHeader {
        channel_id: channel.id,
        sequence: at.sequence,
        log_time: at.log_time,
        publish_time: at.publish_time,
    }
}

fn add_channel(
    writer: &mut mcap::Writer<Pending>,
    schema: u16,
    topic: &str,
    encoding: &str,
    schema_text: (&str, &str, &[u8]),
    metadata: &BTreeMap<String, String>,
) -> Result<ChannelId, WriteError> {
    Ok(ChannelId {
        id: writer.add_channel(schema, topic, encoding, metadata)?,
        hash: channel_hash(&ChannelText {
            topic,
            encoding,
            schema: schema_text,
            metadata,
        }),
    })
}
