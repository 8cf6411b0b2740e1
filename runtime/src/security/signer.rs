//! Sealing: unsigned frames and their contexts become frames that prove who sent them.

use super::context::Context;
use super::frame::{Apart, SUITE_ED25519_BLAKE3, UnsignedFrame};
use super::key::{Identity, PublicKey};
use super::merkle::{self, Hash};

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
    let tree = SignedTree::of_one(identity, frame.leaf(context));
    in_one_piece(tree.seal(frame, 0))
}

/// Signs several frames of one identity with one signature. Each can be verified without the others.
///
/// Gives nothing for no frames or for more than [`merkle::LEAVES_MAX`].
pub fn seal_together(identity: &Identity, frames: Vec<(UnsignedFrame, Context)>) -> Vec<Vec<u8>> {
    let leaves: Vec<_> = frames.iter().map(|(frame, context)| frame.leaf(context)).collect();
    let Some(tree) = SignedTree::new(identity, &leaves) else {
        return Vec::new();
    };
    let sealed = frames.into_iter().zip(0..);
    sealed
        .map(|((frame, _), index)| in_one_piece(tree.seal(frame, index)))
        .collect()
}

fn in_one_piece((mut bytes, apart): (Vec<u8>, Option<Apart>)) -> Vec<u8> {
    if let Some(Apart { payload, at }) = apart {
        bytes.splice(at..at, payload.as_slice().iter().copied());
    }
    bytes
}

/// A signature over a tree, and the way from each leaf to its root.
#[derive(Debug)]
pub(crate) struct SignedTree {
    /// Empty for a tree of one leaf.
    paths: Vec<Vec<Hash>>,
    leaf_count: u16,
    signature: [u8; 64],
}

impl SignedTree {
    /// Signs a tree of these leaves; `None` when there are none or more than [`merkle::LEAVES_MAX`].
    pub(crate) fn new(identity: &Identity, leaves: &[Hash]) -> Option<Self> {
        let leaf_count = u16::try_from(leaves.len()).ok()?;
        match leaves {
            [] => None,
            [only] => Some(Self::of_one(identity, *only)),
            _ if leaves.len() > merkle::LEAVES_MAX => None,
            _ => {
                let (root, paths) = merkle::root_and_paths(leaves);
                Some(Self::signed(identity, leaf_count, &root, paths))
            }
        }
    }

    /// Signs a tree of one leaf, without asking for memory.
    pub(crate) fn of_one(identity: &Identity, leaf: Hash) -> Self {
        Self::signed(identity, 1, &leaf, Vec::new())
    }

    fn signed(identity: &Identity, leaf_count: u16, root: &Hash, paths: Vec<Vec<Hash>>) -> Self {
        Self {
            paths,
            leaf_count,
            signature: identity.sign(&signed_text(&identity.public_key(), leaf_count, root)),
        }
    }

    /// The frame that is leaf `index`, as it is sent, and the payload that its bytes stand around.
    pub(crate) fn seal(&self, frame: UnsignedFrame, index: usize) -> (Vec<u8>, Option<Apart>) {
        let UnsignedFrame { mut bytes, apart } = frame;
        self.close(&mut bytes, index);
        (bytes, apart)
    }

    fn path(&self, index: usize) -> &[Hash] {
        self.paths.get(index).map(Vec::as_slice).unwrap_or_default()
    }

    fn close(&self, bytes: &mut Vec<u8>, index: usize) {
        for sibling in self.path(index) {
            bytes.extend_from_slice(sibling);
        }
        // An index is below the number of leaves, which fits.
        bytes.extend_from_slice(&u16::try_from(index).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(&self.leaf_count.to_le_bytes());
        bytes.extend_from_slice(&self.signature);
    }
}

impl UnsignedFrame {
    /// Its leaf in the tree: the hash of its bytes and of the place that they are for.
    pub(crate) fn leaf(&self, context: &Context) -> Hash {
        let Some(apart) = &self.apart else {
            return merkle::leaf(context.as_bytes(), blake3::hash(&self.bytes).as_bytes());
        };
        let mut digest = blake3::Hasher::new();
        digest.update(&self.bytes).update(apart.payload.as_slice());
        merkle::leaf(context.as_bytes(), digest.finalize().as_bytes())
    }
}
