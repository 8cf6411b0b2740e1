//! The order in which a recording is played: by the time when a message was received, then by its place in the files.
//!
//! A recorder writes in that order, give or take what several threads had to tell at once; so a bounded number of messages is
//! read ahead and put in order. What is further out of order than that is played when it is found. The same recording is played
//! in the same order each time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;

use super::bag_part::BagPart;
use super::bag_reader::{BagReader, ReadError, Role};
use super::proven_reader::{BagItem, ProvenMessage, ProvenPlace, ProvenReader};
use super::record_hash::Hash;

/// How far is read ahead, in messages and in bytes of payload.
const AHEAD_MESSAGES: usize = 4096;
const AHEAD_BYTES: usize = 64 << 20;

/// Reads a part of a recording in the order in which it is played.
#[derive(Debug)]
pub struct PlayOrder {
    reader: ProvenReader,
    part: BagPart,
    waiting: BinaryHeap<Reverse<Waiting>>,
    waiting_bytes: usize,
    read: u64,
    ended: bool,
    begin: Option<u64>,
    refused: u64,
    damage: Vec<String>,
}

#[derive(Debug)]
struct Waiting {
    /// When it was received, and which message of the files it is.
    order: (u64, u64),
    message: ProvenMessage,
}

impl PlayOrder {
    /// Opens a bag's folder, or one file.
    ///
    /// # Errors
    ///
    /// As [`BagReader::open`].
    pub fn open(path: &Path, part: BagPart) -> Result<Self, ReadError> {
        Ok(Self {
            reader: ProvenReader::open(path)?,
            part,
            waiting: BinaryHeap::new(),
            waiting_bytes: 0,
            read: 0,
            ended: false,
            begin: None,
            refused: 0,
            damage: Vec::new(),
        })
    }

    /// The next message, and how many nanoseconds after the beginning it was received. Damaged files are left at their damage,
    /// which [`damage`](Self::damage) tells.
    pub fn next_message(&mut self) -> Option<(u64, ProvenMessage)> {
        loop {
            self.read_ahead();
            let Reverse(next) = self.waiting.pop()?;
            let message = next.message;
            self.waiting_bytes -= message.payload.len();
            let after = message
                .received_ns
                .saturating_sub(*self.begin.get_or_insert(message.received_ns));
            if self.part.is_over(after) {
                return None;
            }
            if self.part.has_time(after) && self.part.has_topic(message.topic()) {
                return Some((after, message));
            }
        }
    }

    /// When the first message was received, ns since 1970, once it was found.
    pub fn begin_ns(&self) -> Option<u64> {
        self.begin
    }

    /// Frames that prove nothing and are not played.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Where the files are damaged.
    pub fn damage(&self) -> &[String] {
        &self.damage
    }

    /// How many bytes were read, of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.reader.bag().bytes_read(), self.reader.bag().bytes())
    }

    fn read_ahead(&mut self) {
        while !self.ended && self.waiting.len() < AHEAD_MESSAGES && self.waiting_bytes < AHEAD_BYTES {
            match self.reader.next_item() {
                Ok(Some(BagItem::Proven(message))) => {
                    self.read += 1;
                    self.waiting_bytes += message.payload.len();
                    let order = (message.received_ns, self.read);
                    self.waiting.push(Reverse(Waiting { order, message }));
                }
                Ok(Some(BagItem::Refused(_))) => self.refused += 1,
                Ok(Some(_)) => {}
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.damage.push(error.to_string());
                    self.reader.skip_file();
                }
            }
        }
    }
}

/// The places for which there are frames in a recording, in the order in which they are met. Nothing is verified.
///
/// # Errors
///
/// As [`BagReader::open`]. A damaged file is left at its damage.
pub fn places(path: &Path) -> Result<Vec<Arc<ProvenPlace>>, ReadError> {
    let mut reader = BagReader::open(path)?;
    let mut found: Vec<(Hash, Arc<ProvenPlace>)> = Vec::new();
    let mut unknown = 0;
    loop {
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(found.into_iter().map(|(_, place)| place).collect()),
            Err(_) => {
                reader.skip_file();
                continue;
            }
        };
        let channel = record.channel;
        if channel.role == Role::Frame
            && !found.iter().any(|(hash, _)| *hash == channel.hash)
            && let Ok(place) = ProvenPlace::of(channel)
        {
            record.channel_of_messages().into_iter().for_each(|of| place.meet(of));
            unknown += usize::from(!place.has_schema());
            found.push((channel.hash, Arc::new(place)));
        } else if channel.role == Role::Message && unknown > 0 {
            found.iter().for_each(|(_, place)| place.meet(channel));
            unknown = found.iter().filter(|(_, place)| !place.has_schema()).count();
        }
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}
