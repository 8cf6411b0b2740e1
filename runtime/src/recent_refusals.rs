//! Recent refusals: what a node has lately refused and of whom, for whoever asks it why nothing arrives.
//!
//! # Invariants
//!
//! - At most [`RECENT_MAX`] are kept. A key is kept only where it is that of a node that is known, so that strangers who make
//!   up keys share one place for each topic and reason.
//! - When there is no room, the oldest of the reason that has the most goes: a flood of one kind leaves the others.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::name::TopicName;
use crate::refusal_ledger::RefusalEvent;
use crate::security::key::PublicKey;
use crate::security::refusal::Reason;

/// How many are kept; see `NodeFacts.msg`.
pub(crate) const RECENT_MAX: usize = 32;

/// What was refused of one key, on one topic, for one reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RecentRefusal {
    pub(crate) topic: TopicName,
    pub(crate) reason: Reason,
    /// The key that was named, where it is that of a node that is known.
    pub(crate) key: Option<PublicKey>,
    pub(crate) count: u64,
    /// When it happened last, in nanoseconds since 1970.
    pub(crate) time_ns: i64,
    /// What was found the last time.
    pub(crate) detail: String,
}

/// The recent refusals of a node, the newest last.
#[derive(Debug, Default)]
pub(crate) struct RecentRefusals(Mutex<Vec<RecentRefusal>>);

impl RecentRefusals {
    /// Enters one. `key` is that of a known node.
    pub(crate) fn enter(&self, event: &RefusalEvent, key: Option<PublicKey>, time_ns: i64) {
        let RefusalEvent { topic, refusal } = event;
        let mut all = self.lock();
        let same = |known: &RecentRefusal| (known.reason, known.key, &known.topic) == (refusal.reason, key, topic);
        let known = all.iter().position(same).map(|at| all.remove(at));
        let count = known.map_or(0, |known| known.count);
        if all.len() >= RECENT_MAX {
            make_room(&mut all);
        }
        all.push(RecentRefusal {
            topic: topic.clone(),
            reason: refusal.reason,
            key,
            count: count + 1,
            time_ns,
            detail: refusal.detail.as_ref().to_owned(),
        });
    }

    /// All that are kept, the newest first.
    pub(crate) fn newest_first(&self) -> Vec<RecentRefusal> {
        self.lock().iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RecentRefusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(all: &mut Vec<RecentRefusal>) {
    let mut of_reason: BTreeMap<Reason, usize> = BTreeMap::new();
    for refusal in all.iter() {
        *of_reason.entry(refusal.reason).or_default() += 1;
    }
    let most = of_reason.into_iter().max_by_key(|(_, count)| *count);
    if let Some(at) = most.and_then(|(reason, _)| all.iter().position(|refusal| refusal.reason == reason)) {
        all.remove(at);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;
    use crate::security::refusal::Refusal;

    fn event(topic: &str, reason: Reason, detail: &str) -> RefusalEvent {
        RefusalEvent {
            topic: TopicName::parse(topic).unwrap(),
            refusal: Refusal::new(reason, None, detail.to_owned()),
        }
    }

    #[test]
    fn the_same_refusal_is_kept_once_with_its_count_and_what_was_found_last() {
        let recent = RecentRefusals::default();
        recent.enter(&event("/scan", Reason::TooOld, "first"), None, 1);
        recent.enter(&event("/scan", Reason::NotPermitted, "no role"), None, 2);
        recent.enter(&event("/scan", Reason::TooOld, "second"), None, 3);
        let kept = recent.newest_first();
        let said: Vec<_> = kept
            .iter()
            .map(|refusal| (refusal.reason, refusal.count, refusal.time_ns, refusal.detail.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (Reason::TooOld, 2, 3, "second"),
                (Reason::NotPermitted, 1, 2, "no role")
            ]
        );
    }

    #[test]
    fn a_flood_of_one_reason_leaves_the_others() {
        let recent = RecentRefusals::default();
        recent.enter(&event("/scan", Reason::NotPermitted, "no role"), None, 0);
        for number in 1..100 {
            recent.enter(
                &event(&format!("/t{number}"), Reason::BadSignature, "forged"),
                None,
                number,
            );
        }
        let kept = recent.newest_first();
        assert_eq!(kept.len(), RECENT_MAX);
        assert_eq!(kept.first().map(|refusal| refusal.time_ns), Some(99));
        assert_eq!(kept.last().map(|refusal| refusal.reason), Some(Reason::NotPermitted));
    }
}
