//! The shelf: the newest version of each state document that a watch holds.
//!
//! # Invariants
//!
//! - Of the versions of one source, which is a key and a writer, the one with the greatest epoch, and then the greatest number,
//!   is held, in whatever order they come.
//! - Documents of different sources never replace each other, but for one that a node has withdrawn and published anew.
//! - At most as many documents, and for each key as many documents and bytes, are held as the limits say. For room only
//!   documents of nodes that are gone are forgotten; otherwise the new one is turned away.
//!
//! No I/O here, no clock; what a document holds is nobody's business here.

use std::collections::{HashMap, HashSet};

use crate::name::NodeName;
use crate::security::frame::Writer;
use crate::security::key::PublicKey;
use crate::state_document::{StateName, StateVersion};

/// What a watch remembers at most. What is beyond it is counted in [`StateWatchStats`](crate::StateWatchStats).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StateLimits {
    /// Documents of all nodes. 1000 by default; a subscription stands behind each name of each node.
    pub documents: usize,
    /// Documents of one key. 64 by default.
    pub documents_of_key: usize,
    /// Bytes of the documents of one key, with the frames that they came in. 1 MiB by default.
    pub bytes_of_key: usize,
}

impl Default for StateLimits {
    fn default() -> Self {
        Self {
            documents: 1000,
            documents_of_key: 64,
            bytes_of_key: 1 << 20,
        }
    }
}

/// How a document stands with the node that it came from.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum StateStanding {
    /// It is the newest version that is known, of a node that is there.
    Current,
    /// The node has published a newer version that is not here: it is on its way, or the limits have turned it away.
    Outdated,
    /// The node is there and does not publish it any more.
    Withdrawn,
    /// The node is gone. This is what it said last.
    Gone,
}

impl StateStanding {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Outdated => "outdated",
            Self::Withdrawn => "withdrawn",
            Self::Gone => "gone",
        }
    }
}

/// Who writes a document.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct SourceId {
    pub(crate) key: PublicKey,
    pub(crate) writer: Writer,
}

impl SourceId {
    pub(crate) fn of(key: PublicKey, writer: Writer) -> Self {
        Self { key, writer }
    }
}

/// One version of a document.
#[derive(Clone, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) id: SourceId,
    pub(crate) node: NodeName,
    pub(crate) name: StateName,
    pub(crate) version: StateVersion,
    /// The source time.
    pub(crate) stamp_ns: i64,
    /// How many bytes it takes.
    pub(crate) len: usize,
    pub(crate) content: T,
}

/// An entry that is held.
#[derive(Clone, Debug)]
pub(crate) struct Held<T> {
    pub(crate) entry: Entry<T>,
    pub(crate) standing: StateStanding,
}

/// Why a version was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TurnedAway {
    /// As new a version is held.
    Stale,
    /// There are as many documents as there may be, in all or of its key.
    TooMany,
    /// Its key has as many bytes as it may.
    TooLarge,
}

#[derive(Debug)]
pub(crate) struct StateShelf<T> {
    limits: StateLimits,
    held: HashMap<SourceId, Held<T>>,
}

impl<T: Clone> StateShelf<T> {
    pub(crate) fn new(limits: StateLimits) -> Self {
        let held = HashMap::new();
        Self { limits, held }
    }

    /// Takes a version, if it is newer than what is held and there is room.
    pub(crate) fn put(&mut self, entry: Entry<T>) -> Result<(), TurnedAway> {
        let id = entry.id;
        if self.version_of(&id).is_some_and(|held| held >= entry.version) {
            return Err(TurnedAway::Stale);
        }
        if let Err(turned_away) = self.make_room(&entry) {
            if let Some(held) = self.held.get_mut(&id) {
                held.standing = StateStanding::Outdated;
            }
            return Err(turned_away);
        }
        let held = Held {
            entry,
            standing: StateStanding::Current,
        };
        self.held.insert(id, held);
        Ok(())
    }

    /// What is held of a source.
    pub(crate) fn get(&self, id: &SourceId) -> Option<Held<T>> {
        self.held.get(id).cloned()
    }

    /// The version that is held of a source.
    pub(crate) fn version_of(&self, id: &SourceId) -> Option<StateVersion> {
        Some(self.held.get(id)?.entry.version)
    }

    /// Asks anew how each document stands with its node; gives those that stand otherwise than before.
    pub(crate) fn judge(&mut self, standing_of: impl Fn(&Entry<T>) -> StateStanding) -> Vec<SourceId> {
        let mut changed = Vec::new();
        for held in self.held.values_mut() {
            let standing = match standing_of(&held.entry) {
                StateStanding::Current if held.standing == StateStanding::Outdated => StateStanding::Outdated,
                standing => standing,
            };
            if std::mem::replace(&mut held.standing, standing) != standing {
                changed.push(held.entry.id);
            }
        }
        let place = |entry: &Entry<T>| (entry.id.key, entry.node.clone(), entry.name.clone());
        let current = self
            .held
            .values()
            .filter(|held| held.standing == StateStanding::Current);
        let current: HashSet<_> = current.map(|held| place(&held.entry)).collect();
        self.held
            .retain(|_, held| held.standing != StateStanding::Withdrawn || !current.contains(&place(&held.entry)));
        changed.retain(|id| self.held.contains_key(id));
        changed
    }

    /// What is held, by name and node; of one node's, the newest first.
    pub(crate) fn all(&self) -> Vec<Held<T>> {
        let mut all: Vec<_> = self.held.values().cloned().collect();
        all.sort_by(|a, b| a.entry.order().cmp(&b.entry.order()));
        all
    }

    /// How many documents are held, and how many bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.held.len(), self.held.values().map(|held| held.entry.len).sum())
    }

    fn make_room(&mut self, entry: &Entry<T>) -> Result<(), TurnedAway> {
        let (key, id) = (entry.id.key, entry.id);
        if entry.len > self.limits.bytes_of_key {
            return Err(TurnedAway::TooLarge);
        }
        loop {
            let others = || self.held.values().filter(|held| held.entry.id != id);
            let of_key = || others().filter(|held| held.entry.id.key == key);
            let bytes: usize = of_key().map(|held| held.entry.len).sum();
            let (full, turned_away) = if of_key().count() >= self.limits.documents_of_key {
                (Some(key), TurnedAway::TooMany)
            } else if bytes.saturating_add(entry.len) > self.limits.bytes_of_key {
                (Some(key), TurnedAway::TooLarge)
            } else if others().count() >= self.limits.documents {
                (None, TurnedAway::TooMany)
            } else {
                return Ok(());
            };
            let may_go = |held: &&Held<T>| {
                held.standing >= StateStanding::Withdrawn && full.is_none_or(|key| held.entry.id.key == key)
            };
            let oldest = others().filter(may_go).min_by_key(|held| held.entry.stamp_ns);
            let oldest = oldest.map(|held| held.entry.id).ok_or(turned_away)?;
            self.held.remove(&oldest);
        }
    }
}

impl<T> Entry<T> {
    fn order(&self) -> impl Ord + '_ {
        (
            &self.name,
            &self.node,
            std::cmp::Reverse(self.stamp_ns),
            self.id.key,
            self.id.writer.0,
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::security::key::Identity;

    fn key(seed: u8) -> PublicKey {
        Identity::from_seed(&[seed; 32]).public_key()
    }

    fn entry(seed: u8, writer: u64, (epoch, number): (u64, u64)) -> Entry<()> {
        Entry {
            id: SourceId {
                key: key(seed),
                writer: Writer(writer),
            },
            node: NodeName::parse("/robot").expect("a name"),
            name: StateName::parse("battery").expect("a name"),
            version: StateVersion { epoch, number },
            stamp_ns: i64::try_from(epoch * 1000 + number).expect("a time"),
            len: 100,
            content: (),
        }
    }

    fn shelf(limits: StateLimits) -> StateShelf<()> {
        StateShelf::new(limits)
    }

    proptest! {
        #[test]
        fn in_whatever_order_versions_come_the_greatest_is_held(
            versions in proptest::collection::vec((1_u64..4, 1_u64..20), 1..30),
        ) {
            let mut shelf = shelf(StateLimits::default());
            for version in &versions {
                let _ = shelf.put(entry(1, 7, *version));
            }
            let (epoch, number) = versions.into_iter().max().expect("at least one");
            prop_assert_eq!(shelf.version_of(&entry(1, 7, (1, 1)).id), Some(StateVersion { epoch, number }));
        }
    }

    #[test]
    fn the_same_version_is_stale_and_an_older_one_too() {
        let mut shelf = shelf(StateLimits::default());
        assert!(shelf.put(entry(1, 7, (2, 1))).is_ok());
        for stale in [(2, 1), (1, 900)] {
            assert_eq!(shelf.put(entry(1, 7, stale)).expect_err("stale"), TurnedAway::Stale);
        }
        assert!(shelf.put(entry(1, 7, (2, 2))).is_ok());
    }

    #[test]
    fn documents_of_different_keys_stand_side_by_side_the_newest_first() {
        let mut shelf = shelf(StateLimits::default());
        for (seed, number) in [(1, 5), (2, 9), (3, 7)] {
            assert!(shelf.put(entry(seed, 7, (1, number))).is_ok());
        }
        let keys: Vec<_> = shelf.all().iter().map(|held| held.entry.id.key).collect();
        assert_eq!(keys, [key(2), key(3), key(1)]);
    }

    #[test]
    fn one_key_cannot_take_the_room_of_others() {
        let limits = StateLimits {
            documents: 10,
            documents_of_key: 3,
            bytes_of_key: 350,
        };
        let mut shelf = shelf(limits);
        for writer in 0..3 {
            assert!(shelf.put(entry(1, writer, (1, 1))).is_ok());
        }
        assert_eq!(shelf.put(entry(1, 3, (1, 1))).expect_err("full"), TurnedAway::TooMany);
        assert!(shelf.put(entry(2, 0, (1, 1))).is_ok(), "another key has room");
        let mut larger = entry(1, 0, (1, 2));
        larger.len = 200;
        assert_eq!(shelf.put(larger).expect_err("too large"), TurnedAway::TooLarge);
        assert_eq!(shelf.size(), (4, 400));
        let standing = |seed| {
            shelf
                .all()
                .iter()
                .find(|held| held.entry.id == entry(seed, 0, (1, 1)).id)
                .map(|held| held.standing)
        };
        assert_eq!(
            standing(1),
            Some(StateStanding::Outdated),
            "what is held is said to be old"
        );
        assert_eq!(standing(2), Some(StateStanding::Current));
    }

    #[test]
    fn what_is_gone_makes_room_and_the_oldest_of_it_first() {
        let limits = StateLimits {
            documents: 3,
            ..StateLimits::default()
        };
        let mut shelf = shelf(limits);
        for (seed, number) in [(1, 3), (2, 1), (3, 2)] {
            assert!(shelf.put(entry(seed, 0, (1, number))).is_ok());
        }
        assert_eq!(shelf.put(entry(4, 0, (1, 9))).expect_err("full"), TurnedAway::TooMany);
        let gone = shelf.judge(|entry| match entry.id.key == key(1) {
            true => StateStanding::Current,
            false => StateStanding::Gone,
        });
        assert_eq!(gone.len(), 2, "who went is told");
        assert!(shelf.put(entry(4, 0, (1, 9))).is_ok());
        let left: Vec<_> = shelf.all().iter().map(|held| held.entry.id.key).collect();
        assert_eq!(
            left,
            [key(4), key(1), key(3)],
            "the oldest of those that are gone was forgotten"
        );
    }

    #[test]
    fn a_document_that_was_withdrawn_gives_way_to_the_same_one_published_anew() {
        let mut shelf = shelf(StateLimits::default());
        assert!(shelf.put(entry(1, 0, (1, 5))).is_ok());
        assert!(shelf.put(entry(1, 1, (1, 1))).is_ok());
        let told = shelf.judge(|entry| match entry.id.writer {
            Writer(1) => StateStanding::Current,
            _ => StateStanding::Withdrawn,
        });
        assert!(told.is_empty(), "{told:?}");
        let left: Vec<_> = shelf.all().iter().map(|held| held.entry.id.writer).collect();
        assert_eq!(left, [Writer(1)]);
    }
}
