//! Whether the signature of a frame holds where it arrived, and the refusal for bytes that are no frame.

use super::context::Context;
use super::frame::{Layout, LayoutError};
use super::merkle;
use super::peer_key::PeerKey;
use super::refusal::{Reason, Refusal};
use super::signer::signed_text;

/// Whether the signature holds for these bytes in this place. Roots verified before cost hashes only.
pub(crate) fn check_signature(
    layout: &Layout,
    raw: &[u8],
    digest: &[u8; 32],
    context: &Context,
    key: &PeerKey,
) -> Result<(), Refusal> {
    let bad = || {
        let detail = "the signature does not hold for these bytes on this topic, domain and type";
        Refusal::new(Reason::BadSignature, Some(layout.header.key), detail)
    };
    let (siblings, _) = raw.get(layout.siblings()).unwrap_or_default().as_chunks::<32>();
    let leaf = merkle::leaf(context.as_bytes(), digest);
    let root =
        merkle::root_from_path(leaf, layout.leaf_index.into(), layout.leaf_count.into(), siblings).ok_or_else(bad)?;
    let signed = (root, layout.leaf_count, *layout.signature(raw));
    if layout.leaf_count > 1 && key.knows_root(&signed) {
        return Ok(());
    }
    if !key.verify(&signed_text(&layout.header.key, layout.leaf_count, &root), &signed.2) {
        return Err(bad());
    }
    if layout.leaf_count > 1 {
        key.remember_root(signed);
    }
    Ok(())
}

/// The refusal for bytes without a layout.
pub(crate) fn layout_refusal(error: LayoutError) -> Refusal {
    let reason = match error {
        LayoutError::NotAFrame => Reason::NotAFrame,
        LayoutError::UnsupportedVersion(_) => Reason::UnsupportedVersion,
        LayoutError::UnsupportedSuite(_) => Reason::UnsupportedSuite,
        LayoutError::Malformed { .. } => Reason::Malformed,
    };
    Refusal::new(reason, None, error.to_string())
}
