//! What is declared on the link, and its keys, which the link knows a while longer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zenoh::key_expr::KeyExpr;

/// Something declared on the link; dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Declared {
    // Taken back before its key is.
    _what: DeclaredKind,
    _key: Option<LingeringKey>,
}

#[derive(Debug)]
pub(super) enum DeclaredKind {
    Subscriber { _kept: zenoh::pubsub::Subscriber<()> },
    Queryable { _kept: zenoh::query::Queryable<()> },
    Token { _kept: zenoh::liveliness::LivelinessToken },
}

impl Declared {
    pub(super) fn on(key: impl Into<Option<LingeringKey>>, what: DeclaredKind) -> Self {
        Self {
            _what: what,
            _key: key.into(),
        }
    }
}

/// A key that the session has a number for, and for [`LINGERS`] after it is dropped.
///
/// Zenoh forgets the number with the last thing that is declared on the key. A query that is on its way to it by that number is
/// then neither answered nor ended (`Session::send_request` of zenoh 1.10.2: "Received Query for unknown key_expr"), and
/// whoever asked would wait until its deadline.
#[derive(Debug)]
pub(super) struct LingeringKey {
    /// `None`: the key begins with a wildcard and has no number.
    key: Option<KeyExpr<'static>>,
    lingering: Arc<Lingering>,
}

/// The keys of what was taken back, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Lingering(Mutex<VecDeque<(Instant, KeyExpr<'static>)>>);

/// How long the link knows a key after what was declared on it was taken back, at least.
const LINGERS: Duration = Duration::from_secs(5);

impl LingeringKey {
    pub(super) fn new(key: Option<KeyExpr<'static>>, lingering: &Arc<Lingering>) -> Self {
        let lingering = Arc::clone(lingering);
        Self { key, lingering }
    }
}

impl Drop for LingeringKey {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let now = Instant::now();
        let mut keys = self.lingering.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.push_back((now, key));
        let is_fresh = |(since, _): &(Instant, _)| now.duration_since(*since) < LINGERS;
        let old = keys.iter().position(is_fresh).unwrap_or_default();
        let forgotten: Vec<_> = keys.drain(..old).collect();
        // The session is told without the lock.
        drop(keys);
        drop(forgotten);
    }
}
