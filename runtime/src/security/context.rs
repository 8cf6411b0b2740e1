//! The context: where a frame belongs, signed but not sent.
//!
//! The receiver computes it from where the bytes arrived. A frame that is moved to another topic, domain, type, kind
//! or request therefore has a signature that does not hold.

use nuncio_msgs::TypeHash;

use super::frame::{Kind, update_with_length};
use crate::name::Domain;

/// BLAKE3 of domain, topic, type name, full type hash, kind (one byte) and request id, each behind its length (u32,
/// little-endian). The request id is empty where there is no request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Context([u8; 32]);

impl Context {
    /// The context of frames of one kind and type in one place.
    ///
    /// `place` is the topic or service name, or the node name for a card.
    pub fn new(
        domain: &Domain,
        place: &str,
        type_name: &str,
        type_hash: &TypeHash,
        kind: Kind,
        request_id: &[u8],
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        let kind = [kind as u8];
        let parts = [
            domain.as_str().as_bytes(),
            place.as_bytes(),
            type_name.as_bytes(),
            type_hash.as_bytes(),
            &kind,
            request_id,
        ];
        for part in parts {
            update_with_length(&mut hasher, part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
