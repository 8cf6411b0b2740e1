//! Equivocation: two frames of one writer that give one number two contents. Both signatures hold, so the key was copied, and
//! whoever has both frames can prove it to anybody.
//!
//! The receiver keeps the last frames of each stream for this. They are copied, because what arrives shares the buffer of the
//! link with much else, which keeping one frame would keep whole.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nuncio_msgs::TypeHash;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::frame::{Kind, Layout};
use super::key::PublicKey;
use super::peer_key::PeerKey;
use super::refusal::{Reason, Refusal};
use super::signature_check::{check_signature, layout_refusal};
use crate::key_expr::hex;
use crate::name::Domain;
use crate::private_file::{self, Others};

/// How many frames of each stream are kept.
const FRAMES_KEPT: usize = 16;
/// The largest frame that is kept, in bytes.
const FRAME_LEN_KEPT_MAX: usize = 4096;
/// How many proofs a keystore keeps; later ones are not stored. A node stores one of each key.
pub(crate) const PROOFS_STORED_MAX: usize = 64;

/// Two frames that contradict each other, and where they were published.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Equivocation {
    /// The domain.
    pub domain: String,
    /// The topic.
    pub topic: String,
    /// The type's full name.
    pub type_name: String,
    /// The type's hash, in RIHS01 form.
    pub type_hash: String,
    /// The frame that was accepted, in base64.
    pub accepted: String,
    /// The frame that was refused, in base64.
    pub refused: String,
}

impl Equivocation {
    /// Checks the proof: both frames are of one writer and epoch, have a number in common, differ, and are signed for this
    /// place. Gives the key that has signed both.
    ///
    /// # Errors
    ///
    /// [`Refusal`] says what does not hold.
    pub fn verify(&self) -> Result<PublicKey, Refusal> {
        let malformed = |what: &str| Refusal::new(Reason::Malformed, None, format!("a proof with {what}"));
        let decode = |text: &String| {
            STANDARD
                .decode(text)
                .map_err(|_| malformed("a frame that is not base64"))
        };
        let frames = [decode(&self.accepted)?, decode(&self.refused)?];
        let layouts = [parse(&frames[0])?, parse(&frames[1])?];
        let [one, other] = &layouts;
        let of = |layout: &Layout| (layout.header.key, layout.header.writer, layout.header.epoch);
        if of(one) != of(other) {
            return Err(malformed("frames of two writers"));
        }
        let first = one.header.first_number.max(other.header.first_number);
        if first > one.last_number().min(other.last_number()) {
            return Err(malformed("frames that have no number in common"));
        }
        if one.digest(&frames[0]) == other.digest(&frames[1]) {
            return Err(malformed("the same frame twice"));
        }
        let domain = Domain::parse(&self.domain).map_err(|_| malformed("a name that is no domain"))?;
        let hash = TypeHash::parse(&self.type_hash).map_err(|_| malformed("a text that is no type hash"))?;
        let context = Context::new(&domain, &self.topic, &self.type_name, &hash, Kind::Message, &[]);
        let key = PeerKey::enrol(one.header.key)?;
        for (layout, raw) in layouts.iter().zip(&frames) {
            check_signature(layout, raw, &layout.digest(raw), &context, &key)?;
        }
        Ok(one.header.key)
    }

    /// Stores the proof in `dir`, unless there are too many or it is there already. Gives where it is.
    pub(crate) fn store(&self, dir: &Path) -> io::Result<Option<PathBuf>> {
        private_file::create_dir(dir, Others::Read).map_err(|error| io::Error::other(error.to_string()))?;
        if std::fs::read_dir(dir)?.count() >= PROOFS_STORED_MAX {
            return Ok(None);
        }
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        let name: String = hex(blake3::hash(text.as_bytes()).as_bytes()).chars().take(16).collect();
        let path = dir.join(format!("equivocation-{name}.json"));
        private_file::create_once(&path, text.as_bytes()).map(|made| made.then_some(path))
    }
}

impl fmt::Display for Equivocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "two frames that contradict each other on {} in domain {}",
            self.topic, self.domain
        )
    }
}

fn parse(raw: &[u8]) -> Result<Layout, Refusal> {
    Layout::parse(raw).map_err(layout_refusal)
}

/// The last frames of one stream. Places are used again, so that keeping a frame costs a copy and no allocation.
#[derive(Debug, Default)]
pub(super) struct RecentFrames {
    frames: Vec<RecentFrame>,
    next: usize,
}

#[derive(Debug, Default)]
struct RecentFrame {
    first: u64,
    last: u64,
    bytes: Vec<u8>,
}

impl RecentFrames {
    /// Keeps a frame with these numbers, unless it is too large.
    pub(super) fn keep(&mut self, first: u64, last: u64, raw: &[u8]) {
        if raw.len() > FRAME_LEN_KEPT_MAX {
            return;
        }
        if self.frames.len() < FRAMES_KEPT {
            self.frames.push(RecentFrame::default());
            self.next = self.frames.len() - 1;
        }
        if let Some(place) = self.frames.get_mut(self.next) {
            (place.first, place.last) = (first, last);
            place.bytes.clear();
            place.bytes.extend_from_slice(raw);
        }
        self.next = (self.next + 1) % FRAMES_KEPT;
    }

    /// The frame that had this number, in base64, if it is still kept.
    pub(super) fn with_number(&self, number: u64) -> Option<String> {
        let frame = self
            .frames
            .iter()
            .find(|frame| (frame.first..=frame.last).contains(&number))?;
        Some(STANDARD.encode(&frame.bytes))
    }

    /// Forgets all frames: those of another epoch have other numbers.
    pub(super) fn clear(&mut self) {
        self.frames.iter_mut().for_each(|frame| {
            (frame.first, frame.last) = (1, 0);
            frame.bytes.clear();
        });
    }
}

/// A frame as the proof has it.
pub(super) fn frame_text(raw: &[u8]) -> Option<String> {
    (raw.len() <= FRAME_LEN_KEPT_MAX).then(|| STANDARD.encode(raw))
}
