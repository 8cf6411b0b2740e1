//! Checks one batch: the signature of each frame for its place, and that each message is what its frame says. Called by several
//! threads; what it finds is put in order by `verify`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use nuncio::PublicKey;
use nuncio::security::context::Context;
use nuncio::security::frame::{Kind, Layout, MessageSpan, Writer};
use nuncio::security::shown_frame::Examiner;

use super::bag_reader::{Channel, Role};
use super::fault::FaultKind;
use super::frame_channel::FramePlace;
use super::verify_batch::{Batch, Item, Record};
use crate::bridge_type::BridgeType;

/// How far ahead of the recorder's clock a publisher's may be. Who dates a recording back comes before the times that others have
/// signed.
const CLOCK_AHEAD_NS_MAX: u64 = 60_000_000_000;

/// What is found in a batch, in order.
#[derive(Debug)]
pub(super) enum Finding {
    /// A frame whose signature holds.
    Frame(CheckedFrame),
    /// Something is wrong.
    Fault {
        kind: FaultKind,
        topic: Arc<str>,
        number: u64,
        file: usize,
        log_time: u64,
        detail: String,
    },
    /// Who a writer is, by the recorder's word.
    Signer {
        file: usize,
        log_time: u64,
        data: Vec<u8>,
    },
    /// What is said of it in `Item`.
    Seal {
        record: Record,
        domain: String,
        data: Vec<u8>,
        records: super::record_hash::Hash,
        count: u64,
    },
    FileEnd {
        file: usize,
        unsealed: u64,
    },
    Damage {
        file: usize,
        error: super::bag_reader::ReadError,
    },
}

/// A frame whose signature holds, and what became of its messages.
#[derive(Debug)]
pub(super) struct CheckedFrame {
    pub(super) topic: Arc<str>,
    pub(super) key: PublicKey,
    pub(super) writer: Writer,
    pub(super) epoch: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) file: usize,
    pub(super) log_time: u64,
    /// How many messages of it are there in CDR.
    pub(super) cdr: u64,
    /// The numbers that are not there in CDR and should be, unless they were had before.
    pub(super) without_cdr: Vec<u64>,
}

/// What the threads share.
#[derive(Debug, Default)]
pub(super) struct FrameCheck {
    examiner: Examiner,
    /// By the place of the channel in memory, where it stays as long as it is here.
    places: Mutex<HashMap<usize, KnownPlace>>,
}

/// A channel of frames, and for which place they are signed.
type KnownPlace = (Arc<Channel>, Result<Arc<Place>, String>);

/// A channel of messages, and their type.
type KnownType = (Arc<Channel>, Result<Arc<BridgeType>, String>);

#[derive(Debug)]
struct Place {
    of: FramePlace,
    topic: Arc<str>,
    context: Context,
    /// The type by the schema of the channel with the messages, once it was met.
    ty: Mutex<Option<KnownType>>,
}

/// The frame whose messages come next.
struct Expected {
    frame: CheckedFrame,
    place: Arc<Place>,
    of_messages: Option<Arc<Channel>>,
    data: std::ops::Range<usize>,
    spans: VecDeque<MessageSpan>,
    highest: u64,
}

/// One batch being checked.
struct Pass<'a> {
    check: &'a FrameCheck,
    batch: &'a Batch,
    findings: Vec<Finding>,
    expected: Option<Expected>,
    cdr: Vec<u8>,
}

impl FrameCheck {
    /// Everything that is found in a batch.
    pub(super) fn check(&self, batch: Batch) -> Vec<Finding> {
        let mut pass = Pass {
            check: self,
            batch: &batch,
            findings: Vec::with_capacity(batch.items.len() / 2 + 1),
            expected: None,
            cdr: Vec::new(),
        };
        for item in &batch.items {
            pass.take(item);
        }
        pass.end_frame();
        pass.findings
    }

    /// What seals are opened with.
    pub(super) fn examiner(&self) -> &Examiner {
        &self.examiner
    }

    fn place(&self, channel: &Arc<Channel>) -> Result<Arc<Place>, String> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let of = channel.frame_place()?;
            let due = format!("{}{}", super::FRAME_TOPIC_PREFIX, of.topic);
            if channel.topic != due {
                return Err(format!("frames of {} on the channel {}", of.topic, channel.topic));
            }
            Ok(Arc::new(Place {
                topic: Arc::from(of.topic.as_str()),
                context: of.context(),
                ty: Mutex::new(None),
                of,
            }))
        };
        let known = places.entry(Arc::as_ptr(channel).addr());
        known.or_insert_with(|| (Arc::clone(channel), make())).1.clone()
    }
}

impl Place {
    /// The type of the messages on a channel, if it is the one that was signed for.
    fn bridge_type(&self, channel: &Arc<Channel>) -> Result<Arc<BridgeType>, String> {
        let mut ty = self.ty.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, ty)) = &*ty
            && Arc::ptr_eq(known, channel)
        {
            return ty.clone();
        }
        let made = self.make_type(channel);
        *ty = Some((Arc::clone(channel), made.clone()));
        made
    }

    fn make_type(&self, channel: &Channel) -> Result<Arc<BridgeType>, String> {
        let schema = channel.schema.as_ref().ok_or("messages without a schema")?;
        if (schema.name.as_str(), schema.encoding.as_str()) != (self.of.type_name.as_str(), "ros2msg") {
            return Err(format!(
                "a schema of {} where {} is signed",
                schema.name, self.of.type_name
            ));
        }
        let text = std::str::from_utf8(&schema.data).map_err(|_| "a schema that is no text")?;
        self.of.bridge_type(text)
    }
}

impl Pass<'_> {
    fn take(&mut self, item: &Item) {
        match item {
            Item::Record(record) => match self.channel(record).map(|channel| channel.role) {
                Some(Role::Frame) => self.frame(record),
                Some(Role::Message) => self.message(record),
                Some(Role::Signer) => self.findings.push(Finding::Signer {
                    file: record.file,
                    log_time: record.log_time,
                    data: self.batch.data(record).to_vec(),
                }),
                Some(Role::Seal) | None => {}
            },
            Item::Seal { record, records, count } => {
                self.end_frame();
                let channel = self.channel(record);
                let domain = channel.and_then(|channel| channel.metadata.get("domain").cloned());
                self.findings.push(Finding::Seal {
                    record: record.clone(),
                    domain: domain.unwrap_or_default(),
                    data: self.batch.data(record).to_vec(),
                    records: *records,
                    count: *count,
                });
            }
            Item::FileEnd { file, unsealed } => {
                self.end_frame();
                let (file, unsealed) = (*file, *unsealed);
                self.findings.push(Finding::FileEnd { file, unsealed });
            }
            Item::Damage { file, error } => {
                self.end_frame();
                let (file, error) = (*file, error.clone());
                self.findings.push(Finding::Damage { file, error });
            }
        }
    }

    fn channel(&self, record: &Record) -> Option<&Arc<Channel>> {
        self.batch.channels.get(record.channel)
    }

    fn fault(&mut self, kind: FaultKind, (topic, number): (&Arc<str>, u64), record: &Record, detail: String) {
        self.findings.push(Finding::Fault {
            kind,
            topic: Arc::clone(topic),
            number,
            file: record.file,
            log_time: record.log_time,
            detail,
        });
    }

    fn frame(&mut self, record: &Record) {
        self.end_frame();
        let Some(channel) = self.channel(record).map(Arc::clone) else {
            return;
        };
        let sequence = u64::from(record.sequence);
        let place = match self.check.place(&channel) {
            Ok(place) => place,
            Err(detail) => {
                let topic = Arc::from(channel.topic.as_str());
                return self.fault(FaultKind::Schema, (&topic, sequence), record, detail);
            }
        };
        let bytes = self.batch.data(record);
        let layout = match self.check.examiner.examine(bytes, Kind::Message, &place.context) {
            Ok(layout) => layout,
            Err(refusal) => {
                let topic = Arc::clone(&place.topic);
                return self.fault(FaultKind::Signature, (&topic, sequence), record, refusal.to_string());
            }
        };
        self.times(record, &place, &layout);
        let spans: VecDeque<MessageSpan> = match place.of.has_cdr {
            true => layout.messages(bytes).collect(),
            false => VecDeque::new(),
        };
        let of_messages = self.batch.of_messages.get(record.channel).cloned().flatten();
        let header = &layout.header;
        self.expected = Some(Expected {
            of_messages,
            frame: CheckedFrame {
                topic: Arc::clone(&place.topic),
                key: header.key,
                writer: header.writer,
                epoch: header.epoch,
                first: header.first_number,
                last: layout.last_number(),
                file: record.file,
                log_time: record.log_time,
                cdr: 0,
                without_cdr: Vec::new(),
            },
            place,
            data: record.data.clone(),
            spans,
            highest: 0,
        });
    }

    fn times(&mut self, record: &Record, place: &Place, layout: &Layout) {
        let header = &layout.header;
        let (topic, first) = (Arc::clone(&place.topic), header.first_number);
        let source = u64::try_from(header.first_time_ns).unwrap_or(0);
        if (record.publish_time, u64::from(record.sequence)) != (source, first & u64::from(u32::MAX)) {
            let detail = "a frame whose time or number in the file is not what was signed".to_owned();
            self.fault(FaultKind::Backdated, (&topic, first), record, detail);
        } else if source > record.log_time.saturating_add(CLOCK_AHEAD_NS_MAX) {
            let ahead = (source - record.log_time) / 1_000_000_000;
            let detail = format!(
                "published {ahead} s after it is said to have been received: the recording is dated back, or the publisher's \
                 clock was ahead"
            );
            self.fault(FaultKind::Backdated, (&topic, first), record, detail);
        }
    }

    fn message(&mut self, record: &Record) {
        let Some(channel) = self.channel(record).map(Arc::clone) else {
            return;
        };
        let fits = |expected: &Expected| *expected.place.topic == *channel.topic;
        let found = self
            .expected
            .as_mut()
            .filter(|expected| fits(expected))
            .and_then(|expected| {
                let mut spans = expected.spans.iter();
                let at = spans.position(|span| (span.number & u64::from(u32::MAX)) as u32 == record.sequence)?;
                expected.spans.remove(at)
            });
        let Some((span, mut expected)) = found.and_then(|span| Some((span, self.expected.take()?))) else {
            let topic = Arc::from(channel.topic.as_str());
            let detail = "a message that no frame before it has: nobody has signed it".to_owned();
            return self.fault(FaultKind::Added, (&topic, record.sequence.into()), record, detail);
        };
        let at = (&Arc::clone(&expected.place.topic), span.number);
        if span.number < expected.highest {
            let detail = format!("after number {} of its frame", expected.highest);
            self.fault(FaultKind::Reordered, at, record, detail);
        }
        expected.highest = expected.highest.max(span.number);
        expected.frame.cdr += 1;
        let source = u64::try_from(span.time_ns).unwrap_or(0);
        if (record.log_time, record.publish_time) != (expected.frame.log_time, source) {
            let detail = "a message with another time than its frame".to_owned();
            self.fault(FaultKind::Backdated, at, record, detail);
        }
        if let Err((kind, detail)) = self.same(&expected, &channel, &span, record) {
            self.fault(kind, at, record, detail);
        }
        self.expected = Some(expected);
    }

    /// Whether the message is what its frame says.
    fn same(
        &mut self,
        expected: &Expected,
        channel: &Arc<Channel>,
        span: &MessageSpan,
        record: &Record,
    ) -> Result<(), (FaultKind, String)> {
        let ty = expected
            .place
            .bridge_type(channel)
            .map_err(|problem| (FaultKind::Schema, problem))?;
        let mut cdr = std::mem::take(&mut self.cdr);
        cdr.clear();
        let written = ty.codec().payload_to_cdr(self.payload(expected, span), &mut cdr);
        let is_same = written.is_ok() && cdr == self.batch.data(record);
        self.cdr = cdr;
        match is_same {
            true => Ok(()),
            false => Err((FaultKind::Altered, "a message that is not what was signed".to_owned())),
        }
    }

    fn payload(&self, expected: &Expected, span: &MessageSpan) -> &[u8] {
        let frame = self.batch.bytes.get(expected.data.clone()).unwrap_or_default();
        frame.get(span.payload.clone()).unwrap_or_default()
    }

    /// No more messages of this frame come.
    fn end_frame(&mut self) {
        let Some(mut expected) = self.expected.take() else {
            return;
        };
        let spans = std::mem::take(&mut expected.spans);
        if !spans.is_empty() {
            let channel = expected.of_messages.as_ref();
            let ty = channel.and_then(|channel| expected.place.bridge_type(channel).ok());
            for span in spans {
                // A payload that is not of its type is not there in CDR.
                let mut cdr = Vec::new();
                let payload = self.payload(&expected, &span);
                let is_no_value = ty
                    .as_ref()
                    .is_some_and(|ty| ty.codec().payload_to_cdr(payload, &mut cdr).is_err());
                if !is_no_value {
                    expected.frame.without_cdr.push(span.number);
                }
            }
        }
        self.findings.push(Finding::Frame(expected.frame));
    }
}
