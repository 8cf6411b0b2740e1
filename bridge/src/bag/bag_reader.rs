//! Reads bags, and any other recording in MCAP: record after record, from the first file to the last.
//!
//! What is read is what stands there: nothing is verified here. Damage is an error with its place; what lies before it is read,
//! and memory is bounded whatever the file claims.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcap::records::{MessageHeader, Record};
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};

use super::frame_channel::{FramePlace, type_of_schema};
pub use super::read_error::ReadError;
use super::record_hash::{ChannelText, Hash, channel_hash};
use super::{FRAME_ENCODING, FRAME_TOPIC_PREFIX, SEAL_TOPIC, SIGNER_TOPIC};
use crate::bridge_type::BridgeType;

/// How many bytes are read at once, at least.
const READ_LEN: usize = 256 << 10;
/// The longest record, in bytes.
const RECORD_LEN_MAX: u64 = 2 << 30;
/// How many times as long as the file a record may be that was compressed.
const EXPANSION_MAX: u64 = 1100;

/// What the messages of a channel are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Messages of a topic.
    Message,
    /// Signed frames.
    Frame,
    /// Who a writer is.
    Signer,
    /// Seals.
    Seal,
}

/// A schema.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schema {
    /// The type's name, as it stands there.
    pub name: String,
    /// How the type is defined, such as `ros2msg`.
    pub encoding: String,
    /// The definition.
    pub data: Vec<u8>,
}

/// A channel of one file.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The topic.
    pub topic: String,
    /// How messages are encoded, such as `cdr`.
    pub encoding: String,
    /// The schema, if there is one.
    pub schema: Option<Arc<Schema>>,
    /// What else is said of it.
    pub metadata: BTreeMap<String, String>,
    /// What its messages are.
    pub role: Role,
    /// The hash by which seals name it.
    pub hash: Hash,
}

impl Channel {
    /// The type of its messages, by the schema in the recording. Not for [`Role::Frame`] and the other parts of the proof.
    ///
    /// # Errors
    ///
    /// Why there is none, in words.
    pub fn bridge_type(&self) -> Result<Arc<BridgeType>, String> {
        let Some(schema) = self.schema.as_ref().filter(|schema| schema.encoding == "ros2msg") else {
            return Err(format!("{} has no schema in ros2msg", self.topic));
        };
        let text =
            std::str::from_utf8(&schema.data).map_err(|_| format!("{}: a schema that is no text", self.topic))?;
        type_of_schema(&schema.name, text)
    }

    /// For which place the frames of a frame channel are signed.
    ///
    /// # Errors
    ///
    /// What is wrong with what it says.
    pub fn frame_place(&self) -> Result<FramePlace, String> {
        FramePlace::read(&self.metadata)
    }

    fn role_of(topic: &str, encoding: &str) -> Role {
        match (topic, encoding) {
            (SEAL_TOPIC, FRAME_ENCODING) => Role::Seal,
            (SIGNER_TOPIC, "json") => Role::Signer,
            (topic, FRAME_ENCODING) if topic.starts_with(FRAME_TOPIC_PREFIX) => Role::Frame,
            _ => Role::Message,
        }
    }
}

/// One message of a recording.
#[derive(Clone, Debug)]
pub struct BagRecord<'a> {
    /// Which of the [`files`](BagReader::files).
    pub file: usize,
    /// The channel.
    pub channel: &'a Arc<Channel>,
    /// When it was received, ns since 1970.
    pub log_time: u64,
    /// When it was published, ns since 1970.
    pub publish_time: u64,
    /// Its number, as far as 32 bits go.
    pub sequence: u32,
    /// The bytes.
    pub data: &'a [u8],
    channels: &'a HashMap<u16, Arc<Channel>>,
}

impl BagRecord<'_> {
    /// Of a frame: the channel of the messages that are made of it, if there is one in this file so far.
    pub fn channel_of_messages(&self) -> Option<&Arc<Channel>> {
        let of = |key: &str| self.channel.metadata.get(key);
        let is_it = |channel: &&Arc<Channel>| {
            let name = channel.schema.as_ref().map(|schema| &schema.name);
            channel.role == Role::Message && Some(&channel.topic) == of("topic") && name == of("type_name")
        };
        let mut found: Vec<_> = self.channels.iter().filter(|(_, channel)| is_it(channel)).collect();
        found.sort_by_key(|(id, _)| **id);
        found.first().map(|(_, channel)| *channel)
    }

    /// As MCAP has it; the channel's number left out.
    pub fn header(&self) -> MessageHeader {
        MessageHeader {
            channel_id: 0,
            sequence: self.sequence,
            log_time: self.log_time,
            publish_time: self.publish_time,
        }
    }
}

/// Reads the messages of a recording in the order in which they stand there.
pub struct BagReader {
    files: Vec<PathBuf>,
    next_file: usize,
    open: Option<OpenFile>,
    progress: u64,
}

struct OpenFile {
    file: File,
    reader: LinearReader,
    schemas: HashMap<u16, Arc<Schema>>,
    channels: HashMap<u16, Arc<Channel>>,
    /// Bytes that were given to the reader.
    read: u64,
    data: Vec<u8>,
    header: MessageHeader,
}

impl fmt::Debug for BagReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BagReader")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl BagReader {
    /// Opens a bag's folder, or one file.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotABag`] when there are no MCAP files.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let files = match path.is_dir() {
            true => files_of(path)?,
            false => vec![path.to_owned()],
        };
        if files.is_empty() || !path.exists() {
            return Err(ReadError::NotABag { path: path.to_owned() });
        }
        Ok(Self {
            files,
            next_file: 0,
            open: None,
            progress: 0,
        })
    }

    /// The files, in the order in which they are read.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// How many bytes all files have.
    pub fn bytes(&self) -> u64 {
        let lengths = self
            .files
            .iter()
            .map(|path| std::fs::metadata(path).map_or(0, |facts| facts.len()));
        lengths.sum()
    }

    /// How many bytes were read.
    pub fn bytes_read(&self) -> u64 {
        self.progress + self.open.as_ref().map_or(0, |open| open.read)
    }

    /// Goes on with the next file. What is left of this one is not read. For use after an error.
    pub fn skip_file(&mut self) {
        self.progress = self.bytes_read();
        self.open = None;
    }

    /// The next message; `None` after the last one of the last file.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] where a file is not what it should be; [`skip_file`](Self::skip_file) leaves it.
    pub fn next_record(&mut self) -> Result<Option<BagRecord<'_>>, ReadError> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.files.get(self.next_file) else {
                    return Ok(None);
                };
                let opened = OpenFile::open(path);
                self.next_file += 1;
                self.open = Some(opened?);
            }
            let file = self.next_file.saturating_sub(1);
            let Some(open) = self.open.as_mut() else { continue };
            let path = self.files.get(file).cloned().unwrap_or_default();
            if open
                .advance()
                .map_err(|(offset, problem)| ReadError::Damaged { path, offset, problem })?
            {
                break;
            }
            self.skip_file();
        }
        let file = self.next_file.saturating_sub(1);
        Ok(self.open.as_ref().and_then(|open| open.current(file)))
    }
}

impl OpenFile {
    fn open(path: &Path) -> Result<Self, ReadError> {
        let failed = |error: std::io::Error| ReadError::File {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        let file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let limit = len.saturating_mul(EXPANSION_MAX).min(RECORD_LEN_MAX);
        let options = LinearReaderOptions::default()
            .with_validate_chunk_crcs(true)
            .with_record_length_limit(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Self {
            file,
            reader: LinearReader::new_with_options(options),
            schemas: HashMap::new(),
            channels: HashMap::new(),
            read: 0,
            data: Vec::new(),
            header: MessageHeader {
                channel_id: 0,
                sequence: 0,
                log_time: 0,
                publish_time: 0,
            },
        })
    }

    fn current(&self, file: usize) -> Option<BagRecord<'_>> {
        let MessageHeader {
            channel_id,
            sequence,
            log_time,
            publish_time,
        } = self.header;
        Some(BagRecord {
            file,
            channel: self.channels.get(&channel_id)?,
            log_time,
            publish_time,
            sequence,
            data: &self.data,
            channels: &self.channels,
        })
    }

    /// Goes to the next message; `false` at the end of the file.
    fn advance(&mut self) -> Result<bool, (u64, String)> {
        loop {
            let Some(event) = self.reader.next_event() else {
                return Ok(false);
            };
            let event = event.map_err(|error| (self.read, error.to_string()))?;
            match event {
                LinearReadEvent::ReadRequest(wanted) => {
                    // However much is claimed to follow, so much is asked for at a time.
                    let len = wanted.clamp(READ_LEN, 16 * READ_LEN);
                    let got = self.file.read(self.reader.insert(len));
                    let got = got.map_err(|error| (self.read, error.to_string()))?;
                    self.reader.notify_read(got);
                    self.read += got as u64;
                }
                LinearReadEvent::Record { opcode, data } => {
                    let record = mcap::parse_record(opcode, data).map_err(|error| (self.read, error.to_string()))?;
                    match record {
                        Record::Message { header, data } => {
                            if !self.channels.contains_key(&header.channel_id) {
                                let problem = format!("a message on channel {}, which there is not", header.channel_id);
                                return Err((self.read, problem));
                            }
                            self.header = header;
                            self.data.clear();
                            self.data.extend_from_slice(&data);
                            return Ok(true);
                        }
                        Record::Schema { header, data } => {
                            let schema = Schema {
                                name: header.name,
                                encoding: header.encoding,
                                data: data.into_owned(),
                            };
                            self.schemas.insert(header.id, Arc::new(schema));
                        }
                        Record::Channel(channel) => self.add_channel(channel)?,
                        Record::DataEnd(_) => return Ok(false),
                        _ => {}
                    }
                }
            }
        }
    }

    fn add_channel(&mut self, channel: mcap::records::Channel) -> Result<(), (u64, String)> {
        let schema = match channel.schema_id {
            0 => None,
            id => Some(self.schemas.get(&id).ok_or_else(|| {
                let problem = format!("a channel of {} with schema {id}, which there is not", channel.topic);
                (self.read, problem)
            })?),
        };
        let text = ChannelText {
            topic: &channel.topic,
            encoding: &channel.message_encoding,
            schema: schema.map_or(("", "", b""), |schema| (&schema.name, &schema.encoding, &schema.data)),
            metadata: &channel.metadata,
        };
        let made = Channel {
            role: Channel::role_of(&channel.topic, &channel.message_encoding),
            hash: channel_hash(&text),
            schema: schema.cloned(),
            topic: channel.topic,
            encoding: channel.message_encoding,
            metadata: channel.metadata,
        };
        match self.channels.get(&channel.id) {
            Some(known) if known.hash != made.hash => {
                Err((self.read, format!("channel {} is two channels", channel.id)))
            }
            Some(_) => Ok(()),
            None => {
                self.channels.insert(channel.id, Arc::new(made));
                Ok(())
            }
        }
    }
}

/// The MCAP files in a folder: by the number at the end of their names, then by name.
fn files_of(dir: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |error: std::io::Error| ReadError::File {
        path: dir.to_owned(),
        problem: error.to_string(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "mcap") {
            files.push(path);
        }
    }
    let number = |path: &Path| {
        let stem = path.file_stem()?.to_str()?;
        stem.rsplit_once('_')?.1.parse::<u64>().ok()
    };
    files.sort_by_key(|path| (number(path), path.clone()));
    Ok(files)
}
