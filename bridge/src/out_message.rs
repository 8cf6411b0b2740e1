//! A verified message on its way out: written in each foreign encoding once, however many clients want it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use nuncio::{GenericReceived, MessageInfo};

use crate::border_error::BorderError;
use crate::bridge_type::BridgeType;
use crate::rosbridge::written_ops::WrittenOps;

/// A verified message of one topic, and its type.
#[derive(Debug)]
pub struct OutMessage {
    received: GenericReceived,
    info: MessageInfo,
    ty: Arc<BridgeType>,
    cdr: OnceLock<Result<Bytes, BorderError>>,
    json: OnceLock<Result<Arc<str>, BorderError>>,
    protobuf: OnceLock<Result<Bytes, BorderError>>,
    /// The operations of rosbridge that carry it.
    pub(crate) rosbridge: WrittenOps,
}

impl OutMessage {
    pub(crate) fn new(received: GenericReceived, ty: Arc<BridgeType>) -> Self {
        Self {
            info: received.info(),
            received,
            ty,
            cdr: OnceLock::new(),
            json: OnceLock::new(),
            protobuf: OnceLock::new(),
            rosbridge: WrittenOps::default(),
        }
    }

    /// Its type.
    pub fn ty(&self) -> &Arc<BridgeType> {
        &self.ty
    }

    /// Who sent it, when, and what is known of it. The topic is the one on Nuncio's side.
    pub fn info(&self) -> &MessageInfo {
        &self.info
    }

    /// The message, which carries the proof.
    pub fn received(&self) -> &GenericReceived {
        &self.received
    }

    /// Its payload in Nuncio's encoding.
    pub fn payload(&self) -> &[u8] {
        self.received.payload()
    }

    /// The message in CDR, with its header of four bytes.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when the payload is not of its type.
    pub fn cdr(&self) -> Result<&Bytes, &BorderError> {
        let written = self.cdr.get_or_init(|| self.ty.cdr_of(self.payload()).map(Bytes::from));
        written.as_ref()
    }

    /// The message as JSON text.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when the payload is not of its type, or the text would be too long.
    pub fn json(&self) -> Result<&Arc<str>, &BorderError> {
        let written = self.json.get_or_init(|| self.ty.json_of(self.payload()).map(Arc::from));
        written.as_ref()
    }

    /// The message in protobuf, by the .proto files of its type.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when the payload is not of its type, or the protobuf would be too long.
    pub fn protobuf(&self) -> Result<&Bytes, &BorderError> {
        let written = self
            .protobuf
            .get_or_init(|| self.ty.protobuf_of(self.payload()).map(Bytes::from));
        written.as_ref()
    }
}
