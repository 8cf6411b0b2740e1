//! Signed documents: a single message in a frame of its own that is no topic's, such as a card or a type's definition.

use nuncio_msgs::Message;

use super::context::Context;
use super::frame::{Accompaniment, FrameWriter, Header, Kind, Layout, PushError, Writer};
use super::key::{Identity, PublicKey};
use super::peer_key::PeerKey;
use super::peers::Peers;
use super::refusal::{Reason, Refusal};
use super::signature_check::{check_signature, layout_refusal};
use super::signer;
use crate::payload;

/// Where and when a document is signed.
#[derive(Debug)]
pub(crate) struct DocumentPlace {
    pub(crate) kind: Kind,
    pub(crate) context: Context,
    pub(crate) writer: Writer,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    pub(crate) time_ns: i64,
}

/// Signs a document.
///
/// # Errors
///
/// `LimitViolated` when the message violates its schema.
pub(crate) fn seal<M: Message>(identity: &Identity, message: &M, place: &DocumentPlace) -> Result<Vec<u8>, Refusal> {
    let header = Header {
        kind: place.kind,
        replay: false,
        key: identity.public_key(),
        writer: place.writer,
        epoch: place.epoch,
        first_number: place.number.max(1),
        first_time_ns: place.time_ns,
        type_hash_prefix: M::TYPE_HASH.prefix(),
    };
    let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
    frame
        .push(place.time_ns, Accompaniment::default(), |bytes| {
            payload::encode(message, place.time_ns, bytes)
        })
        .map_err(|error| match error {
            PushError::Encode(error) => Refusal::new(Reason::LimitViolated, Some(header.key), error.to_string()),
            PushError::DoesNotFit => Refusal::new(Reason::Malformed, Some(header.key), "a document without a frame"),
        })?;
    Ok(signer::seal(identity, frame.finish(), &place.context))
}

/// Opens a document that `key` is said to have signed. Gives the message and the header.
///
/// # Errors
///
/// [`Refusal`] when the layout, the key, the signature or the payload is not right.
pub(crate) fn open<M: Message>(
    raw: &[u8],
    kind: Kind,
    context: &Context,
    key: PublicKey,
    peers: &Peers,
) -> Result<(M, Header), Refusal> {
    open_with(raw, kind, context, &*peers.key(key)?)
}

/// As [`open`], with a key that is enrolled already.
pub(crate) fn open_with<M: Message>(
    raw: &[u8],
    kind: Kind,
    context: &Context,
    enrolled: &PeerKey,
) -> Result<(M, Header), Refusal> {
    let key = enrolled.enrolled.public_key();
    let layout = Layout::parse(raw).map_err(layout_refusal)?;
    let refuse = |reason, detail: String| Refusal::new(reason, Some(layout.header.key), detail);
    if layout.header.kind != kind || layout.count != 1 {
        return Err(refuse(
            Reason::Malformed,
            format!(
                "{} frames of kind {:?} where one {kind:?} is due",
                layout.count, layout.header.kind
            ),
        ));
    }
    if layout.header.key != key {
        return Err(refuse(
            Reason::BadSignature,
            format!("signed by {} where {key} is due", layout.header.key),
        ));
    }
    if layout.header.type_hash_prefix != M::TYPE_HASH.prefix() {
        return Err(refuse(
            Reason::TypeMismatch,
            format!("a document that is no {}", M::TYPE_NAME),
        ));
    }
    check_signature(&layout, raw, &layout.digest(raw), context, enrolled)?;
    let span = layout.messages(raw).next();
    let payload = span.and_then(|span| raw.get(span.payload)).unwrap_or_default();
    let message = payload::decode_bytes(payload).map_err(|error| refuse(Reason::DecodeFailed, error.to_string()))?;
    Ok((message, layout.header))
}
