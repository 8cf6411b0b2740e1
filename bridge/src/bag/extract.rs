//! Extracts: parts of bags, and bags put together, which keep of the proof what can be kept.
//!
//! The frames are the very ones that were signed, so who said what stays proved. That nothing is missing cannot be: the extract is
//! sealed anew, by whoever makes it, and its first seal names the bags that it comes from and the hashes of their seals. Numbers
//! that are left out are told as skipped; what was lost when it was recorded stays lost.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio::security::frame::Layout;
use nuncio::security::shown_frame::Examiner;
use nuncio::{Domain, PublicKey};

use super::bag_reader::{BagReader, BagRecord, Channel, Role};
use super::bag_settings::{BagSettings, BagSummary};
use super::bag_writer::BagWriter;
use super::frame_channel::FramePlace;
use super::proven_reader::StreamKey;
use super::read_error::ReadError;
use super::record_hash::hex;
use super::recorded_frame::{RecordedFrame, Signer};
use super::seal::{self, SealEvent, Source};
use super::selection::Selection;
use super::signer_text::SignerText;
use super::write_error::WriteError;
use crate::bridge_type::BridgeType;

/// How much is sealed at once: so many ns of the recording.
const SEAL_EVERY_NS: i64 = 1_000_000_000;

/// What an extract has.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// Not what was received before.
    pub start_ns: Option<i64>,
    /// Not what was received then or later.
    pub end_ns: Option<i64>,
    /// These topics; without it all.
    pub selection: Option<Selection>,
    /// These signers; when it is empty, all.
    pub signers: Vec<PublicKey>,
}

impl Cut {
    fn has(&self, frame: &RecordedFrame) -> bool {
        let at = frame.received_ns;
        let is_of = |selection: &Selection| selection.has(&frame.topic, &[&frame.type_name]);
        self.start_ns.is_none_or(|start| at >= start)
            && self.end_ns.is_none_or(|end| at < end)
            && self.selection.as_ref().is_none_or(is_of)
            && (self.signers.is_empty() || self.signers.contains(&frame.signer.key))
    }
}

/// Why there is no extract.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExtractError {
    /// A bag cannot be read.
    Read(ReadError),
    /// The extract cannot be written.
    Write(WriteError),
    /// A bag is not what it should be.
    Source {
        /// The bag.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl From<ReadError> for ExtractError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<WriteError> for ExtractError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
            Self::Source { path, problem } => write!(
                f,
                "nothing can be taken from {}: {problem}; see what `nuncio bag verify` says of it",
                path.display()
            ),
        }
    }
}

impl std::error::Error for ExtractError {}

/// What the bags that an extract is made of say of themselves: the domain, and what the extract's first seal names. `progress`
/// is told how many bytes of how many were read of each.
///
/// # Errors
///
/// [`ExtractError`] when one cannot be read, has no seals, or is of another domain than the one before.
pub fn sources(bags: &[PathBuf], mut progress: impl FnMut(u64, u64)) -> Result<(Domain, Vec<Source>), ExtractError> {
    let mut domain = None;
    let mut sources = Vec::new();
    for path in bags {
        let wrong = |problem: &str| ExtractError::Source {
            path: path.clone(),
            problem: problem.to_owned(),
        };
        let (mut reader, mut source) = (BagReader::open(path)?, Source::default());
        while let Some(record) = reader.next_record()? {
            if record.channel.role != Role::Seal {
                continue;
            }
            let said = record.channel.metadata.get("domain").map(|text| Domain::parse(text));
            let Some(Ok(said)) = said else {
                return Err(wrong("its seals are of no domain"));
            };
            let opened = seal::open(&Examiner::default(), &said, record.data);
            let (seal, layout) = opened.map_err(|problem| wrong(&problem))?;
            if domain.get_or_insert_with(|| said.clone()) != &said {
                return Err(wrong("it is of another domain"));
            }
            (source.bag, source.recorder) = (seal.bag, layout.header.key.to_string());
            source.seals.push(hex(blake3::hash(record.data).as_bytes()));
            progress(reader.bytes_read(), reader.bytes());
        }
        if source.seals.is_empty() {
            return Err(wrong("it has no seals: it was not recorded by Nuncio"));
        }
        sources.push(source);
    }
    Ok((domain.unwrap_or_default(), sources))
}

/// Writes what `cut` has of the bags, in the order in which it was received. `settings` has the domain and the sources that
/// [`sources`] gives. `now_ns` is when that is done. `progress` is told how many bytes of how many were read.
///
/// # Errors
///
/// [`ExtractError`]; what was written until then is a bag that is not closed.
pub fn extract(
    bags: &[PathBuf],
    cut: &Cut,
    settings: BagSettings,
    now_ns: i64,
    mut progress: impl FnMut(u64, u64),
) -> Result<BagSummary, ExtractError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| WriteError::Mcap(error.to_string()))?;
    let mut readers = bags
        .iter()
        .map(|path| Frames::open(path))
        .collect::<Result<Vec<_>, _>>()?;
    let total = readers.iter().map(|frames| frames.reader.bytes()).sum();
    let mut writer = BagWriter::create(settings, id, now_ns)?;
    let mut sealed_at = None;
    loop {
        progress(readers.iter().map(|frames| frames.reader.bytes_read()).sum(), total);
        let waiting = readers.iter().enumerate();
        let times = waiting.filter_map(|(at, frames)| Some((frames.next.as_ref()?.frame.received_ns, at)));
        let Some((_, at)) = times.min() else { break };
        let Some(frames) = readers.get_mut(at) else { break };
        let Some(found) = frames.take()? else { continue };
        for (stream, range) in frames.skipped.drain(..) {
            writer.skip_numbers(&stream.0, (stream.1, stream.2, stream.3), range);
        }
        if !cut.has(&found.frame) {
            continue;
        }
        writer.record(&found.frame, found.ty.as_ref())?;
        let received = found.frame.received_ns;
        if sealed_at.is_none_or(|at| received >= at + SEAL_EVERY_NS) {
            if sealed_at.is_some() {
                writer.seal(SealEvent::Time, now_ns)?;
                writer.split_when_due(now_ns)?;
            }
            sealed_at = Some(received);
        }
    }
    Ok(writer.close(now_ns)?)
}

/// A channel of frames, the place for which they are signed, and the type of their messages. The channel keeps its place in
/// memory, by which it is found.
type KnownPlace = (Arc<Channel>, FramePlace, Option<Arc<BridgeType>>);

/// The frames of one bag.
struct Frames {
    path: PathBuf,
    reader: BagReader,
    signers: HashMap<StreamKey, Arc<Signer>>,
    types: HashMap<usize, KnownPlace>,
    next: Option<Found>,
    skipped: Vec<(StreamKey, (u64, u64))>,
}

struct Found {
    frame: RecordedFrame,
    ty: Option<Arc<BridgeType>>,
}

impl Frames {
    fn open(path: &Path) -> Result<Self, ExtractError> {
        let mut frames = Self {
            path: path.to_owned(),
            reader: BagReader::open(path)?,
            signers: HashMap::new(),
            types: HashMap::new(),
            next: None,
            skipped: Vec::new(),
        };
        frames.take()?;
        Ok(frames)
    }

    /// The frame that is next, and looks for the one after it.
    fn take(&mut self) -> Result<Option<Found>, ExtractError> {
        let next = loop {
            let Some(record) = self.reader.next_record()? else {
                break None;
            };
            let read = match record.channel.role {
                Role::Frame => found(&record, &self.signers, &mut self.types).map(Some),
                Role::Signer => signer(record.data, &mut self.signers).map(|()| None),
                Role::Seal => skipped(&record, &mut self.skipped).map(|()| None),
                Role::Message => Ok(None),
            };
            match read {
                Ok(None) => {}
                Ok(found) => break found,
                Err(problem) => {
                    let path = self.path.clone();
                    return Err(ExtractError::Source { path, problem });
                }
            }
        };
        Ok(std::mem::replace(&mut self.next, next))
    }
}

fn found(
    record: &BagRecord<'_>,
    signers: &HashMap<StreamKey, Arc<Signer>>,
    types: &mut HashMap<usize, KnownPlace>,
) -> Result<Found, String> {
    let (_, place, ty) = match types.entry(Arc::as_ptr(record.channel).addr()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => {
            let place = record.channel.frame_place()?;
            let schema = record.channel_of_messages().and_then(|channel| channel.schema.clone());
            let text = schema.map(|schema| String::from_utf8_lossy(&schema.data).into_owned());
            let ty = text.map(|text| place.bridge_type(&text)).transpose()?;
            new.insert((Arc::clone(record.channel), place, ty))
        }
    };
    let layout = Layout::parse(record.data).map_err(|error| error.to_string())?;
    let header = &layout.header;
    let stream = (place.topic.clone(), header.key, header.writer, header.epoch);
    let signer = signers
        .get(&stream)
        .ok_or("a frame of a writer that nobody has named")?;
    Ok(Found {
        frame: RecordedFrame {
            topic: place.topic.clone(),
            type_name: Arc::from(place.type_name.as_str()),
            type_hash: place.type_hash,
            received_ns: i64::try_from(record.log_time).unwrap_or(i64::MAX),
            signer: Arc::clone(signer),
            bytes: record.data.to_vec(),
        },
        ty: ty.clone(),
    })
}

fn signer(data: &[u8], signers: &mut HashMap<StreamKey, Arc<Signer>>) -> Result<(), String> {
    let (stream, signer) = SignerText::read(data)?.signer()?;
    signers.insert(stream, Arc::new(signer));
    Ok(())
}

fn skipped(record: &BagRecord<'_>, skipped: &mut Vec<(StreamKey, (u64, u64))>) -> Result<(), String> {
    let domain = record.channel.metadata.get("domain").cloned().unwrap_or_default();
    let domain = Domain::parse(&domain).map_err(|error| error.to_string())?;
    let (seal, _) = seal::open(&Examiner::default(), &domain, record.data)?;
    for sealed in seal.streams.iter().filter(|sealed| !sealed.skipped.is_empty()) {
        let stream = sealed.stream.key()?;
        skipped.extend(sealed.skipped.iter().map(|range| (stream.clone(), *range)));
    }
    Ok(())
}
