//! The translation desk: which other versions of its type a subscription has met, and what becomes of their frames.
//!
//! A verified frame of another version needs the publisher's type description. It is asked for once per key and type
//! hash, in a thread of its own; meanwhile the frames of that version wait here in their order, and nobody else's do.
//! With the description they go to the subscription's queue, each with its [`Translation`]; without it, or when the two
//! versions differ in more than additions, they are refused as of another type.
//!
//! Descriptions are kept apart by key although their hash is the same: limits and units are not part of the hash, and
//! what one publisher says of them must not decide about another's messages.
//!
//! # Invariants
//!
//! - At most [`VERSIONS_MAX`] versions are known, hence asked for, at a time. One that is not being asked for gives way.
//! - At most [`WAITING_FRAMES_MAX`] frames and [`WAITING_BYTES_MAX`] bytes of a version wait, and
//!   [`WAITING_BYTES_IN_ALL`] of all. What finds no room is refused and counted.
//! - A publisher that did not answer is asked again after [`FAILED_FOR`] at the earliest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;

use crate::approval::Passing;
use crate::contact::desk::FAILED_FOR;
use crate::node::NodeCore;
use crate::reception::Reception;
use crate::run_time_type::Translation;
use crate::security::key::PublicKey;
use crate::security::refusal::{Reason, Refusal};
use crate::security::verifier::Verified;
use crate::type_inquiry::TypeInquiry;
use crate::type_support;

/// The most versions that a subscription knows at a time.
const VERSIONS_MAX: usize = 64;
/// The most frames of one version that wait for its description.
pub(crate) const WAITING_FRAMES_MAX: usize = 1024;
/// The most bytes that they may have together.
const WAITING_BYTES_MAX: usize = 8 << 20;
/// The most bytes of all versions that wait.
const WAITING_BYTES_IN_ALL: usize = 32 << 20;

/// A type as one publisher has it.
type VersionId = (PublicKey, TypeHash);

/// One subscription's desk.
#[derive(Debug)]
pub(crate) struct TranslationDesk {
    node: Weak<NodeCore>,
    reception: Weak<Reception>,
    ours: TypeDefinition,
    max_len: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    versions: HashMap<VersionId, Version>,
    waiting_bytes: usize,
}

/// What is known of a version.
#[derive(Debug)]
enum Version {
    /// Its description was asked for.
    Asked(Waiting),
    /// Its messages can be translated.
    Additive(Arc<Translation>),
    /// They cannot, and why; until some instant, if it may have been chance.
    Refused { detail: Arc<str>, until: Option<Instant> },
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Passing>,
    bytes: usize,
}

/// What a frame finds here.
enum Found {
    /// Nothing was known of its version. It waits, and the description has to be asked for.
    First,
    /// It waits for the description.
    Waits,
    /// There is no room for it to wait.
    NoRoom,
    Additive(Arc<Translation>),
    Refused(Arc<str>),
}

impl TranslationDesk {
    /// `max_len` is how long a translated payload may be.
    pub(crate) fn new(node: Weak<NodeCore>, reception: Weak<Reception>, ours: TypeDefinition, max_len: usize) -> Self {
        Self {
            node,
            reception,
            ours,
            max_len,
            state: Mutex::default(),
        }
    }

    /// Passes a verified frame on, at once or when it can be translated, or refuses it.
    pub(crate) fn attend(&self, reception: &Reception, passing: Passing) {
        let frame = Arc::clone(&passing.frame);
        if *frame.type_hash().as_bytes() == self.ours.type_hash {
            return reception.pass_on(&passing, None);
        }
        let id = (frame.signer(), frame.type_hash());
        let found = self.lock().admit(id, &passing);
        match found {
            Found::Additive(translation) => reception.pass_on(&passing, Some(&translation)),
            Found::Refused(detail) => reception.refuse(self.mismatch(&frame, &detail)),
            Found::First => self.ask(reception, id),
            Found::Waits => {}
            Found::NoRoom => reception.refuse(overload(&frame)),
        }
    }

    /// Has the description of a version asked for.
    fn ask(&self, reception: &Reception, id: VersionId) {
        let (node, waiting_reception) = (self.node.clone(), self.reception.clone());
        let learn = move || {
            let Some(reception) = waiting_reception.upgrade() else {
                return;
            };
            if let Some(desk) = reception.translation_desk() {
                let version = desk.learn(&node, id);
                desk.settle(&reception, id, version);
            }
        };
        if let Err(error) = thread::Builder::new()
            .name("nuncio translation".to_owned())
            .spawn(learn)
        {
            self.settle(
                reception,
                id,
                refused_for_now(&format!("no thread could be started: {error}")),
            );
        }
    }

    /// Finds out what can be done with a version. Takes as long as the publisher's answer.
    fn learn(&self, node: &Weak<NodeCore>, (publisher, type_hash): VersionId) -> Version {
        let Some(inquiry) = node
            .upgrade()
            .map(|node| TypeInquiry::put(&node, publisher, &self.ours.type_name, type_hash))
        else {
            return refused_for_now("the node is closed");
        };
        let described = inquiry.and_then(|inquiry| {
            let theirs = inquiry.wait()?;
            let ours = TypeHash::from_bytes(self.ours.type_hash);
            Ok((theirs, type_support::accept(&self.ours, &self.ours.type_name, &ours)?))
        });
        match described {
            Err(error) => refused_for_now(&error.to_string()),
            Ok((theirs, ours)) => match Translation::new(theirs.description(), ours.description()) {
                Ok(translation) => Version::Additive(Arc::new(translation.with_max_len(self.max_len))),
                Err(error) => Version::Refused {
                    detail: error.to_string().into(),
                    until: None,
                },
            },
        }
    }

    /// Passes on or refuses the frames that have waited. The desk stays locked until the last of them, so that no later
    /// one overtakes them.
    fn settle(&self, reception: &Reception, id: VersionId, version: Version) {
        let mut state = self.lock();
        let Some(Version::Asked(waiting)) = state.versions.remove(&id) else {
            return;
        };
        state.waiting_bytes -= waiting.bytes;
        for passing in &waiting.frames {
            match &version {
                Version::Additive(translation) => reception.pass_on(passing, Some(translation)),
                Version::Refused { detail, .. } => reception.refuse(self.mismatch(&passing.frame, detail)),
                Version::Asked(_) => {}
            }
        }
        state.versions.insert(id, version);
    }

    fn mismatch(&self, frame: &Verified, why: &str) -> Refusal {
        let ours = TypeHash::from_bytes(self.ours.type_hash);
        let detail = format!(
            "{} {}, subscribed to {ours} and its additive versions: {why}",
            frame.type_name(),
            frame.type_hash()
        );
        Refusal::new(Reason::TypeMismatch, Some(frame.signer()), detail)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is known of the frame's version. The frame waits if that has to be found out.
    fn admit(&mut self, id: VersionId, frame: &Passing) -> Found {
        match self.versions.get(&id) {
            Some(Version::Additive(translation)) => return Found::Additive(Arc::clone(translation)),
            Some(Version::Refused { detail, until }) if until.is_none_or(|until| Instant::now() < until) => {
                return Found::Refused(Arc::clone(detail));
            }
            Some(Version::Asked(_)) => {
                return match self.wait(id, frame) {
                    true => Found::Waits,
                    false => Found::NoRoom,
                };
            }
            Some(Version::Refused { .. }) | None => {}
        }
        self.versions.remove(&id);
        if !self.has_room_for_another() {
            return Found::NoRoom;
        }
        self.versions.insert(id, Version::Asked(Waiting::default()));
        if self.wait(id, frame) {
            return Found::First;
        }
        self.versions.remove(&id);
        Found::NoRoom
    }

    /// Lets a frame wait; `false` when there is no room.
    fn wait(&mut self, id: VersionId, passing: &Passing) -> bool {
        let len = passing.frame.frame_bytes().len();
        let Some(Version::Asked(waiting)) = self.versions.get_mut(&id) else {
            return false;
        };
        let fits = waiting.frames.len() < WAITING_FRAMES_MAX
            && waiting.bytes + len <= WAITING_BYTES_MAX
            && self.waiting_bytes + len <= WAITING_BYTES_IN_ALL;
        if fits {
            waiting.frames.push_back(passing.clone());
            waiting.bytes += len;
            self.waiting_bytes += len;
        }
        fits
    }

    /// Makes room for one more version if there is none; `false` when all that are known are being asked for.
    fn has_room_for_another(&mut self) -> bool {
        if self.versions.len() < VERSIONS_MAX {
            return true;
        }
        let known = |version: &Version| !matches!(version, Version::Asked(_));
        let gives_way = self
            .versions
            .iter()
            .find(|(_, version)| known(version))
            .map(|(id, _)| *id);
        gives_way.is_some_and(|id| self.versions.remove(&id).is_some())
    }
}

fn refused_for_now(why: &str) -> Version {
    Version::Refused {
        detail: why.into(),
        until: Some(Instant::now() + FAILED_FOR),
    }
}

fn overload(frame: &Verified) -> Refusal {
    let detail = format!(
        "too much waits for type descriptions on this topic: at most {WAITING_FRAMES_MAX} frames or \
         {WAITING_BYTES_MAX} bytes of a version and {WAITING_BYTES_IN_ALL} bytes or {VERSIONS_MAX} versions in all"
    );
    Refusal::new(Reason::Overloaded, Some(frame.signer()), detail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;
    use crate::approval::{ApprovalPart, ApprovalState};
    use crate::qos::QosProfile;
    use crate::refusal_ledger::RefusalLedger;
    use crate::security::tests::stage::{Stage, TOPIC, TYPE_HASH, TYPE_NAME, topic};
    use crate::security::verifier::ExpectedType;

    /// A subscription to another version than the stage's publisher has, and its desk. Nobody answers for it.
    fn subscription() -> (Stage, Reception, TranslationDesk) {
        let versions = || {
            Stage::with(|setup| {
                setup.expected = ExpectedType::Versions {
                    name: TYPE_NAME.to_owned(),
                    hash: TypeHash::from_bytes([0; 32]),
                    exclusive: false,
                };
            })
        };
        let ledger = Arc::new(RefusalLedger::new(Arc::default()));
        let reception = Reception::new(
            (topic(TOPIC), Weak::new()),
            versions().verifier,
            &QosProfile::keep_last(10_000),
            (ledger, Arc::default()),
            (ApprovalPart::Shows, None),
        );
        let ours = TypeDefinition {
            type_name: TYPE_NAME.to_owned(),
            ..TypeDefinition::default()
        };
        let desk = TranslationDesk::new(Weak::new(), Weak::new(), ours, 1000);
        (versions(), reception, desk)
    }

    fn passing(frame: Arc<Verified>) -> Passing {
        Passing::whole(frame, ApprovalState::NotAsked)
    }

    fn translation() -> Arc<Translation> {
        let of = |text| nuncio_codegen::describe("a/msg/A", &[("a/msg/A", text)]).unwrap();
        Arc::new(Translation::new(&of("bool a\n"), &of("bool a\nbool b\n")).unwrap())
    }

    #[test]
    fn what_waits_for_a_description_is_bounded_and_the_rest_is_refused_and_counted() {
        let (stage, reception, desk) = subscription();
        let all = WAITING_FRAMES_MAX as u64 + 3;
        for number in 1..=all {
            desk.attend(&reception, passing(stage.accept(&stage.frame(number, &[b"x"]))));
        }
        let stats = reception.stats();
        assert_eq!((stats.received, stats.refused_total()), (0, 3));
        assert_eq!(stats.refused[&Reason::Overloaded], 3);

        let id = (stage.identity.public_key(), TYPE_HASH);
        desk.settle(&reception, id, Version::Additive(translation()));
        desk.attend(&reception, passing(stage.accept(&stage.frame(all + 1, &[b"x"]))));
        let passed: Vec<_> = std::iter::from_fn(|| reception.queue.try_take().ok()).collect();
        let numbers: Vec<_> = passed.iter().map(|delivery| delivery.message.number()).collect();
        let expected: Vec<_> = (1..=WAITING_FRAMES_MAX as u64).chain([all + 1]).collect();
        assert_eq!(numbers, expected);
        assert!(passed.iter().all(|delivery| delivery.translation.is_some()));
        assert_eq!(desk.lock().waiting_bytes, 0);
    }

    #[test]
    fn large_frames_wait_up_to_a_number_of_bytes() {
        let (stage, reception, desk) = subscription();
        let large = vec![0; WAITING_BYTES_MAX / 4];
        for number in 1..=5 {
            desk.attend(&reception, passing(stage.accept(&stage.frame(number, &[&large]))));
        }
        assert_eq!(reception.stats().refused[&Reason::Overloaded], 2);
    }

    #[test]
    fn without_a_description_all_that_waited_is_refused_and_it_is_asked_for_again_later() {
        let (stage, reception, desk) = subscription();
        for number in 1..=3 {
            desk.attend(&reception, passing(stage.accept(&stage.frame(number, &[b"x"]))));
        }
        let id = (stage.identity.public_key(), TYPE_HASH);
        desk.settle(&reception, id, refused_for_now("nobody answered"));
        desk.attend(&reception, passing(stage.accept(&stage.frame(4, &[b"x"]))));
        assert_eq!(reception.stats().refused[&Reason::TypeMismatch], 4);
        let refusal = reception.refusals.try_take().unwrap();
        assert!(refusal.detail.contains("nobody answered"), "{refusal}");

        let over = Version::Refused {
            detail: "nobody answered".into(),
            until: Some(Instant::now()),
        };
        desk.lock().versions.insert(id, over);
        desk.attend(&reception, passing(stage.accept(&stage.frame(5, &[b"x"]))));
        assert!(matches!(desk.lock().versions[&id], Version::Asked(_)));
    }

    #[test]
    fn one_more_version_takes_the_place_of_one_that_is_settled() {
        let mut state = State::default();
        let id = |n: usize| (Stage::new().identity.public_key(), TypeHash::from_bytes([n as u8; 32]));
        for n in 0..VERSIONS_MAX {
            assert!(state.has_room_for_another());
            state.versions.insert(id(n), Version::Asked(Waiting::default()));
        }
        assert!(!state.has_room_for_another());
        state.versions.insert(id(5), Version::Additive(translation()));
        assert!(state.has_room_for_another());
        assert!(!state.versions.contains_key(&id(5)) && state.versions.contains_key(&id(6)));
    }
}
