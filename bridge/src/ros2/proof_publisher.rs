//! The proofs of one node's messages on one topic, on their way out (see [`proof`](super::proof)).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use nuncio::{Durability, QosProfile};

use super::attachment::Attachment;
use super::proof::{FrameName, Proof, Record, ShownBytes, TAIL_LEN_MAX, side_key};
use super::session::{Declared, RosPublisher, RosQuery, SessionError};
use super::side::RosSide;
use crate::out_message::OutMessage;

/// Shows the frames of one node's messages.
#[derive(Debug)]
pub(crate) struct ProofPublisher {
    beside: RosPublisher,
    goes_behind: bool,
    kept: Option<KeptRecords>,
    domain: String,
    /// The last frame that was sent.
    last: Option<FrameName>,
}

impl ProofPublisher {
    /// For messages on this key; `None` when no proof is asked for.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the session is closed.
    pub(crate) fn declare(side: &RosSide, data_key: &str, qos: &QosProfile) -> Result<Option<Self>, SessionError> {
        if side.proof == Proof::None {
            return Ok(None);
        }
        let key = side_key(data_key);
        // What zenoh-ext keeps for late subscribers it does not give them on keys like this one.
        let volatile = QosProfile {
            durability: Durability::Volatile,
            ..*qos
        };
        let is_latched = qos.durability == Durability::TransientLocal;
        Ok(Some(Self {
            kept: is_latched
                .then(|| KeptRecords::serve(side, &key, qos.kept().get()))
                .transpose()?,
            beside: side.session.publisher(key, &volatile)?,
            goes_behind: side.proof == Proof::Attachment,
            domain: side.client.border().node().domain().as_str().to_owned(),
            last: None,
        }))
    }

    /// Puts the proof of a message beside it, and gives what goes behind its attachment, if anything does.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the session is closed.
    pub(crate) fn show(&mut self, message: &OutMessage, attachment: Attachment) -> Result<Vec<u8>, SessionError> {
        let verified = message.received().message();
        let frame = verified.frame();
        let name = FrameName::of(frame.frame_bytes());
        let record = |shown| Record {
            tie: attachment.into(),
            number: verified.number(),
            domain: &self.domain,
            topic: frame.topic().clone(),
            node: frame.node().clone(),
            frame: shown,
        };
        let was_sent = name.filter(|_| self.kept.is_none() && name == self.last);
        let earlier = was_sent.map(|name| record(ShownBytes::Earlier(name)).to_bytes());
        let whole = || record(ShownBytes::Here(frame.frame_bytes())).to_bytes();
        if self.goes_behind && frame.frame_bytes().len() < TAIL_LEN_MAX {
            let tail = whole();
            if tail.len() <= TAIL_LEN_MAX {
                return Ok(tail);
            }
        }
        match earlier {
            Some(tail) if self.goes_behind => return Ok(tail),
            Some(bytes) => self.beside.put(bytes.into(), &[])?,
            None => {
                let bytes = Bytes::from(whole());
                if let Some(kept) = &self.kept {
                    kept.add(bytes.clone());
                }
                self.beside.put(bytes, &[])?;
            }
        }
        self.last = name;
        Ok(Vec::new())
    }
}

/// The records of the last messages of a latched topic, which answer whoever asks on the side key.
#[derive(Debug)]
struct KeptRecords {
    records: Arc<Mutex<VecDeque<Bytes>>>,
    len_max: usize,
    _declared: Declared,
}

impl KeptRecords {
    fn serve(side: &RosSide, key: &str, len_max: usize) -> Result<Self, SessionError> {
        let records = Arc::new(Mutex::new(VecDeque::new()));
        let kept: Arc<Mutex<VecDeque<Bytes>>> = Arc::clone(&records);
        let answer = move |query: RosQuery| {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // Who has gone needs no answer.
            let _ = kept.into_iter().try_for_each(|record| query.tell(record));
        };
        Ok(Self {
            _declared: side.session.serve(key, answer)?,
            records,
            len_max,
        })
    }

    fn add(&self, record: Bytes) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= self.len_max {
            records.pop_front();
        }
        records.push_back(record);
    }
}
