//! Keys of peers: enrolled once, with the tree roots lately verified under each.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::key::{EnrolledKey, PublicKey};
use super::key_table::KeyTable;
use super::refusal::{Reason, Refusal};

/// How many verified roots are remembered per key.
const ROOTS_MAX: usize = 64;

/// A tree's root, its number of leaves and the signature that holds for both.
type VerifiedRoot = ([u8; 32], u16, [u8; 64]);

/// A key that passed enrolment, with the tree roots lately verified under it.
#[derive(Debug)]
pub(crate) struct PeerKey {
    pub(crate) enrolled: EnrolledKey,
    /// How many signatures were checked, under this key and those that are counted with it.
    verifications: Arc<AtomicU64>,
    /// How many frames that named it were refused.
    refused: AtomicU64,
    roots: Mutex<VecDeque<VerifiedRoot>>,
    /// For a key of which many signatures are verified, and nobody waits for the first.
    table: OnceLock<KeyTable>,
}

impl PeerKey {
    /// Checks a key and makes it usable.
    pub(crate) fn enrol(key: PublicKey) -> Result<Self, Refusal> {
        let enrolled =
            EnrolledKey::enrol(key).map_err(|weak| Refusal::new(Reason::WeakKey, Some(key), weak.to_string()))?;
        Ok(Self {
            enrolled,
            verifications: Arc::default(),
            refused: AtomicU64::new(0),
            roots: Mutex::default(),
            table: OnceLock::new(),
        })
    }

    /// The same, with what is checked counted here.
    pub(crate) fn counted(self, verifications: &Arc<AtomicU64>) -> Self {
        Self {
            verifications: Arc::clone(verifications),
            ..self
        }
    }

    /// A frame that names it was refused. Whoever made that need not hold the key.
    pub(crate) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether a signature over a text holds.
    pub(crate) fn verify(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        self.verifications.fetch_add(1, Ordering::Relaxed);
        match self.table.get() {
            Some(table) => table.verify(text, signature),
            None => self.enrolled.verify(text, signature),
        }
    }

    /// Further signatures are verified faster, at the cost of memory; the verdicts stay the same.
    pub(crate) fn expect_many(&self) {
        self.table.get_or_init(|| self.enrolled.table());
    }

    /// Whether this very signature over this root was verified before; further frames of a tree then cost hashes only.
    pub(crate) fn knows_root(&self, root: &VerifiedRoot) -> bool {
        self.roots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .rev()
            .any(|known| known == root)
    }

    /// Remembers a root whose signature held.
    pub(crate) fn remember_root(&self, root: VerifiedRoot) {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if roots.len() == ROOTS_MAX {
            roots.pop_front();
        }
        roots.push_back(root);
    }
}
