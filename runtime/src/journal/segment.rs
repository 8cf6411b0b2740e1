//! The layout of a journal's files, written and read here. Pure: bytes in, bytes out.
//!
//! A segment is a header and records, one behind the other, each beginning at a multiple of eight bytes. Zeros follow the header
//! and each batch up to a multiple of 512, so that no sector of the disk has bytes of two batches. Little endian.
//!
//! | what | bytes | field |
//! |---|---|---|
//! | header | 8 | `NUNCIOJ1` |
//! | | 8 | serial: the segments of a journal count from 1 |
//! | | 8 | the number of the first message that may follow |
//! | | 8 | the epoch in which the journal began |
//! | | 32 | random bytes, the key of all checksums of this segment |
//! | | 4 | length of the next field |
//! | | – | the place: domain, topic, type, key and writer, as JSON; then zeros up to a multiple of eight |
//! | | 32 | checksum of all before it |
//! | record | 4 | `NREC` |
//! | | 4 | length of the frame |
//! | | 8 | batch: where the first of the records begins that were written and synced together with it |
//! | | 8 | the beginning of a checksum of serial, offset of the record, and all of it before here |
//! | | – | the frame, as it was signed |
//! | | 32 | checksum of serial, offset of the record, and all before it; then zeros up to a multiple of eight |
//!
//! # Torn or damaged
//!
//! When the power fails while a batch is written, some of its bytes may be missing. Nobody was told yet that its messages are
//! safe, so what is torn is cut off. Whatever was synced before must be whole, or it is damage, which is an error and never
//! cut. A record that does not hold is torn when all of this is so; otherwise it is damaged:
//!
//! - it is in the last segment,
//! - it goes beyond the end of the file, or a sector of it was never written: 512 bytes from a multiple of 512, or what the
//!   record has of them at its ends, are zeros,
//! - no record follows whose batch began behind it: a batch is begun when the one before it is synced.
//!
//! A record whose payload has such zeros and that is damaged elsewhere looks torn; only the last batch of all can be so.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::security::frame::Layout;

const MAGIC: &[u8; 8] = b"NUNCIOJ1";
const RECORD_MAGIC: &[u8; 4] = b"NREC";
/// Magic, length, batch and their checksum.
const RECORD_HEAD: usize = 24;
const HEAD_CHECKED: usize = 16;
const CHECKSUM_LEN: usize = 32;
const FIXED_HEADER: usize = 8 + 8 + 8 + 8 + 32 + 4;
const SECTOR: usize = 512;

/// Whose messages a journal holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Place {
    pub(crate) domain: String,
    pub(crate) topic: String,
    pub(crate) type_name: String,
    pub(crate) type_hash: String,
    /// The publisher's key, `did:key:…`.
    pub(crate) key: String,
    pub(crate) writer: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} as {}", self.key, self.topic, self.type_name)
    }
}

/// What stands at the beginning of a segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SegmentHeader {
    pub(crate) serial: u64,
    pub(crate) next_number: u64,
    pub(crate) since_epoch: u64,
    pub(crate) salt: [u8; 32],
    pub(crate) place: Place,
}

/// Where a frame stands in a segment, and which messages it holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RecordPlace {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Where its batch begins.
    pub(crate) batch: usize,
    /// Where the record begins.
    pub(crate) offset: usize,
    /// Where the frame is.
    pub(crate) frame: Range<usize>,
}

/// What a segment holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Contents {
    pub(crate) header: SegmentHeader,
    pub(crate) records: Vec<RecordPlace>,
    /// Where the next record is to be written; what is behind it is torn.
    pub(crate) end: usize,
}

/// What is wrong with a segment, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Damage {
    pub(crate) offset: usize,
    pub(crate) what: &'static str,
}

impl SegmentHeader {
    /// The bytes that a new segment begins with.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // A struct of texts and a number can always be written.
        let place = serde_json::to_vec(&self.place).unwrap_or_default();
        let len = u32::try_from(place.len()).unwrap_or(u32::MAX);
        let mut bytes = MAGIC.to_vec();
        for number in [self.serial, self.next_number, self.since_epoch] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&place);
        pad(&mut bytes);
        let checksum = blake3::keyed_hash(&self.salt, &bytes);
        bytes.extend_from_slice(checksum.as_bytes());
        end_batch(&mut bytes, 0);
        bytes
    }

    /// Reads the header; gives how long it is, too.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (fixed, _) = bytes.split_at_checked(FIXED_HEADER)?;
        let fixed = fixed.strip_prefix(MAGIC)?;
        let number = |at: usize| Some(u64::from_le_bytes(fixed.get(at..at + 8)?.try_into().ok()?));
        let salt: [u8; 32] = fixed.get(24..56)?.try_into().ok()?;
        let len = u32::from_le_bytes(fixed.get(56..60)?.try_into().ok()?);
        let place = bytes.get(FIXED_HEADER..FIXED_HEADER.checked_add(usize::try_from(len).ok()?)?)?;
        let checked = padded(FIXED_HEADER + place.len());
        let checksum: [u8; CHECKSUM_LEN] = bytes.get(checked..checked + CHECKSUM_LEN)?.try_into().ok()?;
        if blake3::keyed_hash(&salt, bytes.get(..checked)?) != checksum {
            return None;
        }
        let header = Self {
            serial: number(0)?,
            next_number: number(8)?,
            since_epoch: number(16)?,
            salt,
            place: serde_json::from_slice(place).ok()?,
        };
        Some((header, checked + CHECKSUM_LEN))
    }

    /// Appends a record that will stand at `offset`. Gives where its frame is.
    pub(crate) fn push_record(&self, bytes: &mut Vec<u8>, offset: usize, batch: usize, frame: &[u8]) -> Range<usize> {
        let start = bytes.len();
        bytes.extend_from_slice(RECORD_MAGIC);
        bytes.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&(batch as u64).to_le_bytes());
        let [a, b, c, d, e, f, g, h, ..] = self.checksum(offset, bytes.get(start..).unwrap_or_default());
        bytes.extend_from_slice(&[a, b, c, d, e, f, g, h]);
        bytes.extend_from_slice(frame);
        let checksum = self.checksum(offset, bytes.get(start..).unwrap_or_default());
        bytes.extend_from_slice(&checksum);
        pad_from(bytes, start);
        offset + RECORD_HEAD..offset + RECORD_HEAD + frame.len()
    }

    /// Where the record at an offset ends by its own word, its padding apart; `None` when none begins there.
    fn announced_end(&self, bytes: &[u8], offset: usize) -> Option<usize> {
        let head = bytes.get(offset..offset.checked_add(RECORD_HEAD)?)?;
        let (checked, checksum) = head.split_at_checked(HEAD_CHECKED)?;
        let len = u32::from_le_bytes(checked.strip_prefix(RECORD_MAGIC)?.get(..4)?.try_into().ok()?);
        if !self.checksum(offset, checked).starts_with(checksum) {
            return None;
        }
        offset
            .checked_add(RECORD_HEAD)?
            .checked_add(usize::try_from(len).ok()?)?
            .checked_add(CHECKSUM_LEN)
    }

    fn checksum(&self, offset: usize, record: &[u8]) -> [u8; CHECKSUM_LEN] {
        let mut hasher = blake3::Hasher::new_keyed(&self.salt);
        hasher.update(&self.serial.to_le_bytes());
        hasher.update(&(offset as u64).to_le_bytes());
        hasher.update(record);
        *hasher.finalize().as_bytes()
    }

    /// The record at an offset, if it holds; and where the next one begins.
    fn record(&self, bytes: &[u8], offset: usize) -> Option<(RecordPlace, usize)> {
        let end = self.announced_end(bytes, offset)?;
        let record = bytes.get(offset..end)?;
        let (record, checksum) = record.split_last_chunk::<CHECKSUM_LEN>()?;
        let padding = bytes.get(end..padded_from(offset, end))?;
        if self.checksum(offset, record) != *checksum || padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        let batch = usize::try_from(u64::from_le_bytes(record.get(8..HEAD_CHECKED)?.try_into().ok()?)).ok()?;
        let frame = offset + RECORD_HEAD..end - CHECKSUM_LEN;
        let place = place_of(record.get(RECORD_HEAD..)?, batch, offset, frame)?;
        Some((place, padded_from(offset, end)))
    }
}

/// The place of a record with this frame; `None` when it is no frame.
pub(crate) fn place_of(raw: &[u8], batch: usize, offset: usize, frame: Range<usize>) -> Option<RecordPlace> {
    let layout = Layout::parse(raw).ok()?;
    Some(RecordPlace {
        first: layout.header.first_number,
        last: layout.last_number(),
        batch,
        offset,
        frame,
    })
}

/// Reads a segment. What is torn at its end is left out, if it is the last one.
///
/// # Errors
///
/// [`Damage`] when something does not hold that must be whole.
pub(crate) fn read(bytes: &[u8], is_last: bool) -> Result<Contents, Damage> {
    let damage = |offset, what| Damage { offset, what };
    let (header, mut end) = SegmentHeader::read(bytes).ok_or_else(|| damage(0, "its header does not hold"))?;
    let mut records: Vec<RecordPlace> = Vec::new();
    let mut next = header.next_number;
    while end < bytes.len() {
        let begin = sector_after(bytes, end);
        if begin >= bytes.len() {
            break;
        }
        let Some((record, after)) = header.record(bytes, begin) else {
            if is_last && is_torn(&header, bytes, begin) {
                break;
            }
            return Err(damage(begin, "the record there does not hold"));
        };
        let goes_on = records.last().is_some_and(|last| last.batch == record.batch);
        if record.first != next || !(goes_on || record.batch == begin) {
            return Err(damage(begin, "the record there is not the next one"));
        }
        next = record.last.saturating_add(1);
        end = after;
        records.push(record);
    }
    Ok(Contents { header, records, end })
}

/// Whether what does not hold at an offset is what a power failure has left of the last batch.
fn is_torn(header: &SegmentHeader, bytes: &[u8], offset: usize) -> bool {
    let announced = header.announced_end(bytes, offset).map(|end| padded_from(offset, end));
    let is_incomplete = match announced {
        Some(end) => end > bytes.len(),
        None => bytes.len() - offset < RECORD_HEAD,
    };
    let end = announced.unwrap_or(bytes.len()).min(bytes.len());
    if !is_incomplete && !has_unwritten_sector(bytes, offset, end) {
        return false;
    }
    let mut later = (offset + 8..bytes.len()).step_by(8);
    !later.any(|at| {
        header
            .record(bytes, at)
            .is_some_and(|(record, _)| record.batch > offset)
    })
}

/// Where the next record begins: here, or after zeros at the next sector.
fn sector_after(bytes: &[u8], offset: usize) -> usize {
    let next = offset.next_multiple_of(SECTOR);
    let between = bytes.get(offset..next.min(bytes.len())).unwrap_or_default();
    match between.iter().all(|byte| *byte == 0) {
        true => next,
        false => offset,
    }
}

/// Appends the zeros that follow a batch, or the header, where `bytes` begin at `offset`.
pub(crate) fn end_batch(bytes: &mut Vec<u8>, offset: usize) {
    let end = (offset + bytes.len()).next_multiple_of(SECTOR);
    bytes.resize(end - offset, 0);
}

/// Whether the bytes of one sector, as far as they lie in `start .. end`, are all zeros.
fn has_unwritten_sector(bytes: &[u8], start: usize, end: usize) -> bool {
    let mut at = start;
    while at < end {
        let next = ((at / SECTOR + 1) * SECTOR).min(end);
        let part = bytes.get(at..next).unwrap_or_default();
        // Zeros at the very end may be padding.
        if part.len() >= 8 && part.iter().all(|byte| *byte == 0) {
            return true;
        }
        at = next;
    }
    false
}

fn padded(len: usize) -> usize {
    len.next_multiple_of(8)
}

fn padded_from(start: usize, end: usize) -> usize {
    start + padded(end - start)
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(padded(bytes.len()), 0);
}

fn pad_from(bytes: &mut Vec<u8>, start: usize) {
    let len = padded_from(start, bytes.len());
    bytes.resize(len, 0);
}
