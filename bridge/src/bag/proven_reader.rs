//! Reads what a recording can prove: each message whose frame holds for its place, once, as its signer published it.
//!
//! This is the door between a recording and whoever shows, plays or exports it: what has no signed frame comes out as
//! [`BagItem::Plain`], of which nothing but the topic and the times can be learned. The messages in CDR are not read at all, so
//! whatever was done to them changes nothing here. Whether something is missing is for [`verify`](super) to say.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use nuncio::security::context::Context;
use nuncio::security::frame::{Kind, Layout, MessageId, Writer};
use nuncio::security::shown_frame::Examiner;
use nuncio::{Domain, PublicKey, TopicName};

use super::bag_reader::{BagReader, BagRecord, Channel, ReadError, Role};
use super::frame_channel::FramePlace;
use super::number_tally::NumberTally;
use super::seal::{self, Seal};
use super::signer_text::SignerText;
use crate::bridge_type::BridgeType;

/// For which place frames are signed, and of which type their messages are.
#[derive(Debug)]
pub struct ProvenPlace {
    /// The place.
    pub place: FramePlace,
    schema: OnceLock<Schema>,
    context: Context,
}

/// What the channel of the messages in CDR says.
#[derive(Debug)]
struct Schema {
    ty: Result<Arc<BridgeType>, String>,
    qos: String,
}

impl ProvenPlace {
    pub(crate) fn of(channel: &Channel) -> Result<Self, String> {
        let place = channel.frame_place()?;
        Ok(Self {
            context: place.context(),
            place,
            schema: OnceLock::new(),
        })
    }

    /// The type: its hash is the one that was signed for.
    ///
    /// # Errors
    ///
    /// Why it is not known, in words.
    pub fn ty(&self) -> Result<&Arc<BridgeType>, String> {
        match self.schema.get() {
            Some(schema) => schema.ty.as_ref().map_err(String::clone),
            None => Err(format!("the recording has no schema of {}", self.place.type_name)),
        }
    }

    /// What its publishers offered, as the recording has it: YAML, not proved.
    pub fn qos(&self) -> &str {
        self.schema.get().map_or("", |schema| &schema.qos)
    }

    /// Whether its publishers kept messages for late subscribers.
    pub fn is_latched(&self) -> bool {
        self.qos().contains("durability: transient_local")
    }

    /// Whether the channel of its messages was met.
    pub(crate) fn has_schema(&self) -> bool {
        self.schema.get().is_some()
    }

    /// Takes the schema from a channel, if that is the one of its messages.
    pub(crate) fn meet(&self, channel: &Channel) {
        let Some(schema) = channel
            .schema
            .as_ref()
            .filter(|schema| schema.name == self.place.type_name)
        else {
            return;
        };
        if channel.role == Role::Message && channel.topic == self.place.topic.as_str() {
            self.schema.get_or_init(|| Schema {
                ty: self.place.bridge_type(&String::from_utf8_lossy(&schema.data)),
                qos: channel
                    .metadata
                    .get("offered_qos_profiles")
                    .cloned()
                    .unwrap_or_default(),
            });
        }
    }
}

/// One publisher in one start of its node.
pub type StreamKey = (TopicName, PublicKey, Writer, u64);

/// A message whose signature holds.
#[derive(Clone, Debug)]
pub struct ProvenMessage {
    /// Where it was published.
    pub place: Arc<ProvenPlace>,
    /// Who has signed it.
    pub key: PublicKey,
    /// The signer's node. The writer proves its name.
    pub node: Option<Arc<str>>,
    /// Which publisher of the node.
    pub writer: Writer,
    /// The start of the node.
    pub epoch: u64,
    /// Its number.
    pub number: u64,
    /// When it was published, ns since 1970, by the publisher's clock.
    pub source_ns: i64,
    /// When it was received, ns since 1970, by the recorder's clock.
    pub received_ns: u64,
    /// The message that led to it.
    pub cause: Option<MessageId>,
    /// On whose behalf it was published.
    pub origin: Option<String>,
    /// It was played back from a recording when it was recorded.
    pub is_replay: bool,
    /// What was published.
    pub payload: Vec<u8>,
}

impl ProvenMessage {
    /// The topic.
    pub fn topic(&self) -> &TopicName {
        &self.place.place.topic
    }

    /// The message's id.
    pub fn id(&self) -> MessageId {
        MessageId::of(&self.key, self.writer, self.epoch, self.number)
    }

    /// What it is one of.
    pub fn stream(&self) -> StreamKey {
        (self.topic().clone(), self.key, self.writer, self.epoch)
    }
}

/// What a recording has, in the order of its files.
#[derive(Debug)]
pub enum BagItem {
    /// A message whose signature holds.
    Proven(ProvenMessage),
    /// A message in the form that every reader understands, which proves nothing by itself.
    Plain {
        /// Its channel.
        channel: Arc<Channel>,
        /// When it was received, ns since 1970.
        received_ns: u64,
    },
    /// A seal whose signature holds.
    Seal {
        /// What it says.
        seal: Box<Seal>,
        /// Who has signed it.
        key: PublicKey,
    },
    /// A frame or seal that proves nothing.
    Refused(String),
}

/// Reads what a recording can prove.
#[derive(Debug)]
pub struct ProvenReader {
    reader: BagReader,
    examiner: Examiner,
    /// By the place of the channel in memory, where it stays as long as it is here.
    places: HashMap<usize, KnownPlace>,
    nodes: HashMap<StreamKey, Arc<str>>,
    tallies: HashMap<StreamKey, NumberTally>,
    waiting: VecDeque<BagItem>,
    /// The place of the last frames, when it is not known yet of which type its messages are.
    unknown: Option<Arc<ProvenPlace>>,
}

/// A channel of frames, and for which place they are signed.
type KnownPlace = (Arc<Channel>, Result<Arc<ProvenPlace>, String>);

impl ProvenReader {
    /// Opens a bag's folder, or one file.
    ///
    /// # Errors
    ///
    /// As [`BagReader::open`].
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Ok(Self {
            reader: BagReader::open(path)?,
            examiner: Examiner::default(),
            places: HashMap::new(),
            nodes: HashMap::new(),
            tallies: HashMap::new(),
            waiting: VecDeque::new(),
            unknown: None,
        })
    }

    /// The recording that is read.
    pub fn bag(&self) -> &BagReader {
        &self.reader
    }

    /// Goes on with the next file; for use after an error.
    pub fn skip_file(&mut self) {
        self.reader.skip_file();
    }

    /// What is next; `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`BagReader::next_record`].
    pub fn next_item(&mut self) -> Result<Option<BagItem>, ReadError> {
        loop {
            if self.unknown.is_none()
                && let Some(item) = self.waiting.pop_front()
            {
                return Ok(Some(item));
            }
            let unknown = self.unknown.take();
            let Some(record) = self.reader.next_record()? else {
                match self.waiting.is_empty() {
                    true => return Ok(None),
                    false => continue,
                }
            };
            let (channel, received_ns) = (record.channel, record.log_time);
            unknown.into_iter().for_each(|place| place.meet(channel));
            match channel.role {
                Role::Message => {
                    let channel = Arc::clone(channel);
                    self.waiting.push_back(BagItem::Plain { channel, received_ns });
                }
                Role::Signer => self.nodes.extend(node_of(record.data)),
                Role::Seal => self.waiting.push_back(seal_of(&self.examiner, &record)),
                Role::Frame => {
                    let known = self.places.entry(Arc::as_ptr(channel).addr());
                    let new = || (Arc::clone(channel), ProvenPlace::of(channel).map(Arc::new));
                    let (_, place) = known.or_insert_with(new);
                    let read = match place {
                        Ok(place) => self
                            .examiner
                            .examine(record.data, Kind::Message, &place.context)
                            .map(|layout| (Arc::clone(place), layout))
                            .map_err(|refusal| format!("a frame of {}: {refusal}", place.place.topic)),
                        Err(problem) => Err(format!("frames of {}: {problem}", channel.topic)),
                    };
                    match read {
                        Ok((place, layout)) => {
                            if !place.has_schema() {
                                record.channel_of_messages().into_iter().for_each(|of| place.meet(of));
                            }
                            let at = (&place, &layout);
                            take_messages(&record, at, &self.nodes, &mut self.tallies, &mut self.waiting);
                            // Other writers name a channel before its first message, which comes next.
                            self.unknown = Some(place).filter(|place| !place.has_schema());
                        }
                        Err(problem) => self.waiting.push_back(BagItem::Refused(problem)),
                    }
                }
            }
        }
    }
}

/// Each message of a frame that was not had before.
fn take_messages(
    record: &BagRecord<'_>,
    (place, layout): (&Arc<ProvenPlace>, &Layout),
    nodes: &HashMap<StreamKey, Arc<str>>,
    tallies: &mut HashMap<StreamKey, NumberTally>,
    waiting: &mut VecDeque<BagItem>,
) {
    let header = &layout.header;
    let stream = (place.place.topic.clone(), header.key, header.writer, header.epoch);
    let node = nodes.get(&stream).cloned();
    let tally = tallies.entry(stream).or_insert_with(|| NumberTally::new(0));
    let text = |range: std::ops::Range<usize>| record.data.get(range).map(String::from_utf8_lossy);
    for span in layout.messages(record.data) {
        // The very last number has none after it, which nobody can count on.
        if span.number == u64::MAX || !tally.record(span.number) {
            continue;
        }
        waiting.push_back(BagItem::Proven(ProvenMessage {
            place: Arc::clone(place),
            key: header.key,
            node: node.clone(),
            writer: header.writer,
            epoch: header.epoch,
            number: span.number,
            source_ns: span.time_ns,
            received_ns: record.log_time,
            cause: span.cause,
            origin: span.origin.and_then(text).map(|text| text.into_owned()),
            is_replay: header.replay,
            payload: record.data.get(span.payload).unwrap_or_default().to_vec(),
        }));
    }
}

/// The node of a writer, if the writer is derived from its name.
fn node_of(data: &[u8]) -> Option<(StreamKey, Arc<str>)> {
    let (stream, node) = SignerText::read(data).ok()?.proved()?;
    Some((stream, Arc::from(node)))
}

fn seal_of(examiner: &Examiner, record: &BagRecord<'_>) -> BagItem {
    let domain = record.channel.metadata.get("domain").map_or("", String::as_str);
    let opened = Domain::parse(domain)
        .map_err(|error| error.to_string())
        .and_then(|domain| seal::open(examiner, &domain, record.data));
    match opened {
        Ok((seal, layout)) => BagItem::Seal {
            seal: Box::new(seal),
            key: layout.header.key,
        },
        Err(problem) => BagItem::Refused(problem),
    }
}
