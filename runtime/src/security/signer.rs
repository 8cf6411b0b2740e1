//! Sealing: unsigned frames and their contexts become frames that prove who sent them.

use super::context::Context;
use super::frame::{SUITE_ED25519_BLAKE3, UnsignedFrame};
use super::key::{Identity, PublicKey};
use super::merkle;

/// What is signed: `"nuncio frame v1\0" ‖ suite ‖ public key ‖ number of leaves (u16, little-endian) ‖ root`.
pub(crate) fn signed_text(key: &PublicKey, leaf_count: u16, root: &[u8; 32]) -> [u8; 83] {
    let mut text = [0; 83];
    let parts = b"nuncio frame v1\0"
        .iter()
        .chain(&[SUITE_ED25519_BLAKE3])
        .chain(key.as_bytes())
        .copied()
        .chain(leaf_count.to_le_bytes())
        .chain(*root);
    text.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    text
}

/// Signs one frame: the tree is its leaf.
pub fn seal(identity: &Identity, frame: UnsignedFrame, context: &Context) -> Vec<u8> {
    let UnsignedFrame { mut bytes } = frame;
    let root = merkle::leaf(context.as_bytes(), blake3::hash(&bytes).as_bytes());
    let signature = identity.sign(&signed_text(&identity.public_key(), 1, &root));
    close(&mut bytes, 0, 1, &[], &signature);
    bytes
}

/// Signs several frames of one identity with one signature. Each can be verified without the others.
///
/// Gives nothing for no frames or for more than [`merkle::LEAVES_MAX`].
pub fn seal_together(identity: &Identity, frames: Vec<(UnsignedFrame, Context)>) -> Vec<Vec<u8>> {
    let Some(leaf_count) = u16::try_from(frames.len())
        .ok()
        .filter(|count| usize::from(*count) <= merkle::LEAVES_MAX)
    else {
        return Vec::new();
    };
    let leaves: Vec<_> = frames
        .iter()
        .map(|(frame, context)| merkle::leaf(context.as_bytes(), blake3::hash(&frame.bytes).as_bytes()))
        .collect();
    let (root, paths) = merkle::root_and_paths(&leaves);
    let signature = identity.sign(&signed_text(&identity.public_key(), leaf_count, &root));
    let sealed = frames
        .into_iter()
        .zip(paths)
        .zip(0_u16..)
        .map(|(((mut frame, _), path), index)| {
            close(&mut frame.bytes, index, leaf_count, &path, &signature);
            frame.bytes
        });
    sealed.collect()
}

fn close(bytes: &mut Vec<u8>, leaf_index: u16, leaf_count: u16, siblings: &[merkle::Hash], signature: &[u8; 64]) {
    for sibling in siblings {
        bytes.extend_from_slice(sibling);
    }
    bytes.extend_from_slice(&leaf_index.to_le_bytes());
    bytes.extend_from_slice(&leaf_count.to_le_bytes());
    bytes.extend_from_slice(signature);
}
