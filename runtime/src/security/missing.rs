//! Missing messages: which numbers of a publisher somebody asks for, and whether an answer is one.
//!
//! Only frames of exactly that key, writer and epoch with at least one of these numbers are an answer. Which numbers those
//! are follows from signed ones: from the card that answered with our nonce, and from frames whose signatures held.

use super::frame::{Layout, Writer};
use super::key::PublicKey;
use super::refusal::{Reason, Refusal};

/// One publisher in one start of its node.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct StreamId {
    pub(crate) key: PublicKey,
    pub(crate) writer: Writer,
    pub(crate) epoch: u64,
}

impl StreamId {
    /// The stream that a frame is of, by its own word.
    pub(crate) fn of(layout: &Layout) -> Self {
        Self {
            key: layout.header.key,
            writer: layout.header.writer,
            epoch: layout.header.epoch,
        }
    }
}

/// The numbers `first ..= last` of a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Missing {
    pub(crate) stream: StreamId,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Missing {
    /// Whether a frame says of itself that it holds one of them. Of a journal it may be of any epoch since that began.
    ///
    /// # Errors
    ///
    /// `BadSignature` when it does not: nobody who was asked has signed such an answer.
    pub(crate) fn check(&self, layout: &Layout, journal_since: Option<u64>) -> Result<(), Refusal> {
        let holds_one = layout.header.first_number <= self.last && layout.last_number() >= self.first;
        let (found, epoch) = (StreamId::of(layout), self.stream.epoch);
        let is_of_journal = journal_since.is_some_and(|since| (since..=epoch).contains(&found.epoch));
        let is_of_stream = found == self.stream || (is_of_journal && StreamId { epoch, ..found } == self.stream);
        if is_of_stream && holds_one {
            return Ok(());
        }
        let detail = format!(
            "an answer with numbers {} to {}, asked for {} to {} of another publisher or of this one",
            layout.header.first_number,
            layout.last_number(),
            self.first,
            self.last
        );
        Err(Refusal::new(Reason::BadSignature, Some(layout.header.key), detail))
    }

    /// The numbers as a question has them: two u64, little-endian.
    pub(crate) fn question(&self) -> Vec<u8> {
        [self.first.to_le_bytes(), self.last.to_le_bytes()].concat()
    }

    /// Reads the numbers that a question has; `None` when there are none.
    pub(crate) fn read_question(bytes: &[u8]) -> Option<(u64, u64)> {
        let (first, last) = bytes.split_first_chunk::<8>()?;
        let last: &[u8; 8] = last.try_into().ok()?;
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        (first <= last).then_some((first, last))
    }
}
