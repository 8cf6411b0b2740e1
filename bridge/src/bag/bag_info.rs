//! What is in a recording: topics, types, signers, rates, losses, seals. Everything that is said of messages and signers is
//! proved by signatures; what nobody has signed is counted apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::bag_reader::ReadError;
use super::number_tally::{NumberTally, count};
use super::proven_reader::{BagItem, ProvenMessage, ProvenReader, StreamKey};
use super::seal::{Seal, SealEvent};

/// How many records at the beginning of a file are looked at to learn how its chunks are compressed.
const RECORDS_LOOKED_AT: usize = 64;

/// What is in a recording. Its JSON is what `bag info --json` prints.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct BagInfo {
    /// The files.
    pub files: Vec<String>,
    /// How long they are, in bytes.
    pub bytes: u64,
    /// How their chunks are compressed: `none`, `lz4`, `zstd`, or what else the first file says.
    pub compression: String,
    /// When the first message was received, ns since 1970.
    pub start_ns: u64,
    /// How long after it the last one was.
    pub duration_ns: u64,
    /// Whether there are signed messages at all.
    pub proven: bool,
    /// Messages whose signature holds.
    pub messages: u64,
    /// Messages that nobody has signed.
    pub unsigned: u64,
    /// Frames and seals whose signature does not hold.
    pub refused: u64,
    /// Messages that never came, by the numbers, those aside that were left out on purpose.
    pub lost: u64,
    /// By topic and type.
    pub topics: Vec<TopicInfo>,
    /// By key.
    pub signers: Vec<SignerInfo>,
    /// Who has recorded it, if somebody has sealed it.
    pub seals: Option<SealInfo>,
    /// Where it is damaged, and how.
    pub damage: Vec<String>,
    /// The first things that prove nothing.
    pub refusals: Vec<String>,
}

/// What is on one topic.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct TopicInfo {
    /// The topic.
    pub topic: String,
    /// The type's name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type's hash, where it is known.
    pub type_hash: String,
    /// Messages whose signature holds.
    pub messages: u64,
    /// Messages that nobody has signed.
    pub unsigned: u64,
    /// Messages a second, from the first to the last.
    pub rate_hz: f64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Messages that never came.
    pub lost: u64,
    /// Who has signed them.
    pub signers: BTreeSet<String>,
    #[serde(skip)]
    times: Option<(u64, u64)>,
}

/// What one key has signed.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct SignerInfo {
    /// The key.
    pub key: String,
    /// Its nodes.
    pub nodes: BTreeSet<String>,
    /// How many topics.
    pub topics: BTreeSet<String>,
    /// How many messages.
    pub messages: u64,
    /// Messages of it that never came.
    pub lost: u64,
}

/// What the seals say.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct SealInfo {
    /// The bag's id.
    pub bag: String,
    /// The recorder's key.
    pub key: String,
    /// The recorder's node.
    pub node: String,
    /// How many there are.
    pub count: u64,
    /// The recorder has ended it.
    pub closed: bool,
    /// Frames that the recorder has refused.
    pub refused: u64,
    /// Bags that this one is an extract of.
    pub extract_of: Vec<String>,
}

/// What is being gathered.
#[derive(Default)]
struct Gathering {
    info: BagInfo,
    topics: BTreeMap<(String, String), TopicInfo>,
    signers: BTreeMap<String, SignerInfo>,
    streams: HashMap<StreamKey, NumberTally>,
    plain: BTreeMap<(String, String), u64>,
    times: Option<(u64, u64)>,
}

impl BagInfo {
    /// Reads a bag's folder, or one file. `progress` is told how many bytes were read, of how many.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when there is nothing to read. What is damaged is told in the answer.
    pub fn read(path: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Self, ReadError> {
        let mut reader = ProvenReader::open(path)?;
        let mut gathering = Gathering::default();
        let total = reader.bag().bytes();
        let files = reader.bag().files();
        gathering.info.compression = files.first().and_then(|file| compression_of(file)).unwrap_or_default();
        gathering.info.files = files.iter().map(|file| file.display().to_string()).collect();
        gathering.info.bytes = total;
        loop {
            match reader.next_item() {
                Ok(Some(item)) => gathering.take(item),
                Ok(None) => return Ok(gathering.finish()),
                Err(error @ ReadError::NotABag { .. }) => return Err(error),
                Err(error) => {
                    gathering.info.damage.push(error.to_string());
                    reader.skip_file();
                }
            }
            progress(reader.bag().bytes_read(), total);
        }
    }
}

impl Gathering {
    fn take(&mut self, item: BagItem) {
        match item {
            BagItem::Proven(message) => self.message(&message),
            BagItem::Plain { channel, received_ns } => {
                let type_name = channel.schema.as_ref().map_or("", |schema| &schema.name);
                let key = (channel.topic.clone(), type_name.to_owned());
                *self.plain.entry(key.clone()).or_default() += 1;
                let said = channel.metadata.get("topic_type_hash");
                self.topic(key, || said.cloned().unwrap_or_default()).note(received_ns);
                note(&mut self.times, received_ns);
            }
            BagItem::Seal { seal, key } => self.seal(&seal, key.to_string()),
            BagItem::Refused(problem) => {
                self.info.refused += 1;
                if self.info.refusals.len() < 10 {
                    self.info.refusals.push(problem);
                }
            }
        }
    }

    fn topic(&mut self, key: (String, String), hash: impl FnOnce() -> String) -> &mut TopicInfo {
        let new = || TopicInfo {
            topic: key.0.clone(),
            type_name: key.1.clone(),
            type_hash: hash(),
            ..TopicInfo::default()
        };
        self.topics.entry(key.clone()).or_insert_with(new)
    }

    fn message(&mut self, message: &ProvenMessage) {
        let place = &message.place.place;
        note(&mut self.times, message.received_ns);
        self.info.messages += 1;
        let key = message.key.to_string();
        let topic = self.topic((place.topic.to_string(), place.type_name.clone()), String::new);
        topic.type_hash = place.type_hash.to_string();
        topic.messages += 1;
        topic.bytes += message.payload.len() as u64;
        topic.note(message.received_ns);
        if !topic.signers.contains(&key) {
            topic.signers.insert(key.clone());
        }
        let signer = self.signers.entry(key).or_default();
        signer.messages += 1;
        if let Some(node) = &message.node
            && !signer.nodes.contains(&**node)
        {
            signer.nodes.insert(node.to_string());
        }
        if !signer.topics.contains(place.topic.as_str()) {
            signer.topics.insert(place.topic.to_string());
        }
        let new = || NumberTally::new(message.number.saturating_sub(1));
        self.streams
            .entry(message.stream())
            .or_insert_with(new)
            .record(message.number);
    }

    fn seal(&mut self, seal: &Seal, key: String) {
        let seals = self.info.seals.get_or_insert_default();
        seals.count += 1;
        seals.key = key;
        seals.bag.clone_from(&seal.bag);
        seals.node.clone_from(&seal.recorder);
        seals.closed = seal.event == SealEvent::Close;
        seals.refused = seal.refused;
        if !seal.extract_of.is_empty() {
            seals.extract_of = seal.extract_of.iter().map(|source| source.bag.clone()).collect();
        }
        for sealed in &seal.streams {
            let name = &sealed.stream;
            let is = |(topic, key, writer, epoch): &StreamKey| {
                topic.as_str() == name.topic
                    && *epoch == name.epoch
                    && format!("{:016x}", writer.0) == name.writer
                    && key.to_string() == name.key
            };
            let is_whole = sealed.skipped.is_empty() && sealed.last.wrapping_sub(sealed.after) == sealed.messages;
            let is_possible = sealed.last < u64::MAX && sealed.skipped.iter().all(|(_, last)| *last <= sealed.last);
            if is_whole || !is_possible {
                continue;
            }
            if let Some((_, tally)) = self.streams.iter_mut().find(|(stream, _)| is(stream)) {
                sealed.skipped.iter().for_each(|range| tally.skip(*range));
                tally.lose_until(sealed.last);
            }
        }
    }

    fn finish(mut self) -> BagInfo {
        for ((topic, key, ..), tally) in &mut self.streams {
            let lost = count(&tally.seal().lost);
            self.info.lost += lost;
            if let Some(signer) = self.signers.get_mut(&key.to_string()) {
                signer.lost += lost;
            }
            let topic = self.topics.values_mut().find(|info| info.topic == topic.as_str());
            topic.into_iter().for_each(|info| info.lost += lost);
        }
        for (key, plain) in self.plain {
            let Some(topic) = self.topics.get_mut(&key) else {
                continue;
            };
            topic.unsigned = plain.saturating_sub(topic.messages);
            self.info.unsigned += topic.unsigned;
        }
        for topic in self.topics.values_mut() {
            let messages = topic.messages + topic.unsigned;
            let lasted = topic.times.map_or(0, |(first, last)| last - first);
            if messages > 1 && lasted > 0 {
                topic.rate_hz = (messages - 1) as f64 * 1e9 / lasted as f64;
            }
        }
        let (first, last) = self.times.unwrap_or_default();
        let named = self
            .signers
            .into_iter()
            .map(|(key, signer)| SignerInfo { key, ..signer });
        BagInfo {
            start_ns: first,
            duration_ns: last - first,
            proven: self.info.messages > 0,
            topics: self.topics.into_values().collect(),
            signers: named.collect(),
            ..self.info
        }
    }
}

impl TopicInfo {
    fn note(&mut self, received_ns: u64) {
        note(&mut self.times, received_ns);
    }
}

fn note(times: &mut Option<(u64, u64)>, at: u64) {
    let (first, last) = times.unwrap_or((at, at));
    *times = Some((first.min(at), last.max(at)));
}

/// How the first chunk of a file is compressed; `none` when the file has no chunk near its beginning.
fn compression_of(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(8)).ok()?;
    for _ in 0..RECORDS_LOOKED_AT {
        let mut head = [0; 9];
        file.read_exact(&mut head).ok()?;
        let (opcode, len) = (head.first().copied()?, u64::from_le_bytes(*head.last_chunk()?));
        if opcode == mcap::records::op::CHUNK {
            // Times, length and checksum stand before it.
            file.seek(SeekFrom::Current(28)).ok()?;
            let mut len = [0; 4];
            file.read_exact(&mut len).ok()?;
            let mut word = vec![0; usize::try_from(u32::from_le_bytes(len)).ok()?.min(16)];
            file.read_exact(&mut word).ok()?;
            let word = String::from_utf8_lossy(&word).into_owned();
            return Some(if word.is_empty() { "none".to_owned() } else { word });
        }
        file.seek(SeekFrom::Current(i64::try_from(len).ok()?)).ok()?;
    }
    Some("none".to_owned())
}
