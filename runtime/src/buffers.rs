//! Buffers that frames are written in, and that come back when the frames have left.
//!
//! # Invariants
//!
//! - At most [`SPARE_MAX`] buffers of at most [`SPARE_CAPACITY_MAX`] bytes are kept, whatever was published before.
//! - Whatever remembers a frame keeps no more than twice its bytes alive, but for a payload that lies apart: of that, all
//!   the memory that it is a part of.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::link::Slices;
use crate::security::frame::Apart;

/// The most buffers that are kept to be used again.
const SPARE_MAX: usize = 32;
/// The largest of them: those of larger messages are not worth their memory.
const SPARE_CAPACITY_MAX: usize = 128 << 10;

/// The spare buffers of one publisher.
#[derive(Default)]
pub(crate) struct Buffers {
    spare: Mutex<Vec<Vec<u8>>>,
}

/// A buffer that goes home when it is dropped.
struct Lent {
    buffer: Vec<u8>,
    home: Arc<Buffers>,
}

impl Buffers {
    /// An empty buffer, used before if there is one.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.with_spare(Vec::pop).unwrap_or_default()
    }

    /// Keeps a buffer to be used again.
    pub(crate) fn give_back(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() > SPARE_CAPACITY_MAX {
            return;
        }
        buffer.clear();
        self.with_spare(|spare| {
            if spare.len() < SPARE_MAX {
                spare.push(buffer);
            }
        });
    }

    /// The content of a buffer for whoever sends it; the buffer comes back when nobody needs it any more. One that is
    /// mostly empty comes back at once. A payload that lies apart gets its place in between.
    pub(crate) fn lend(self: &Arc<Self>, buffer: Vec<u8>, apart: Option<&Apart>) -> Slices {
        let bytes = if buffer.len() < buffer.capacity() / 2 {
            let bytes = Bytes::from(buffer.as_slice().to_vec());
            self.give_back(buffer);
            bytes
        } else {
            let home = Arc::clone(self);
            Bytes::from_owner(Lent { buffer, home })
        };
        match apart {
            None => bytes.into(),
            Some(apart) => Slices::around(&apart.payload, bytes, apart.at),
        }
    }

    fn with_spare<T>(&self, work: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> T {
        work(&mut self.spare.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spare = self.with_spare(|spare| spare.len());
        f.debug_struct("Buffers").field("spare", &spare).finish()
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize, capacity: usize) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(capacity);
        buffer.resize(len, 7);
        buffer
    }

    #[test]
    fn a_buffer_comes_back_when_the_last_who_needs_its_content_is_gone() {
        let buffers = Arc::new(Buffers::default());
        let sent = buffers.lend(filled(900, 1000), None);
        let remembered = sent.clone();
        assert_eq!(remembered.contiguous().as_slice(), [7; 900]);
        drop(sent);
        assert_eq!(buffers.take().capacity(), 0, "it is still needed");
        drop(remembered);
        let again = buffers.take();
        assert_eq!((again.len(), again.capacity()), (0, 1000));
    }

    #[test]
    fn a_buffer_that_is_mostly_empty_comes_back_at_once() {
        let buffers = Arc::new(Buffers::default());
        let sent = buffers.lend(filled(300, 1000), None);
        assert_eq!(buffers.take().capacity(), 1000);
        assert_eq!(sent.contiguous().as_slice(), [7; 300]);
    }

    #[test]
    fn neither_many_nor_large_buffers_are_kept() {
        let buffers = Buffers::default();
        buffers.give_back(filled(0, SPARE_CAPACITY_MAX + 1));
        assert_eq!(buffers.take().capacity(), 0);
        (0..2 * SPARE_MAX).for_each(|_| buffers.give_back(filled(0, 10)));
        assert_eq!(buffers.with_spare(|spare| spare.len()), SPARE_MAX);
    }
}
