//! The believer: what the trust policy and the pins say of a signer whose signature held.
//!
//! Trust on first use: the first key that is accepted under a node's name is pinned to the name, and the first one
//! that is accepted on a topic of an `@exclusive` type is pinned to the topic. A pin is written before the message that
//! caused it is delivered. Names of tools (hidden ones) are not pinned: they change with every run, and a name that was
//! never seen is accepted all the same.
//!
//! A pin moves when the pinned key has said, together with the new one, that the new one follows it (see
//! [`succession`](super::succession)). Both are accepted until the time of overlap is over.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::decision::Permit;
use super::key::PublicKey;
use super::keystore::Pins;
use super::peer::Peer;
use super::peers::WriterFacts;
use super::refusal::{Reason, Refusal};
use super::succession::Succession;
use super::trust_policy::{TrustMode, TrustPolicy};
use crate::clock;
use crate::name::{Domain, NodeName, TopicName};

/// What the trust policy says of the signer of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The key is the one pinned to the node's name, and to the topic where that matters.
    Pinned,
    /// Nothing is pinned to the name, and nothing will be: it is a tool's, or the mode is `observe`.
    Unpinned,
    /// Another key is pinned. Delivered in mode `observe` only.
    PinMismatch,
    /// A role permits it.
    Permitted,
    /// No role permits it. Delivered in mode `observe` only.
    NotPermitted,
}

impl Verdict {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
            Self::PinMismatch => "pin_mismatch",
            Self::Permitted => "permitted",
            Self::NotPermitted => "not_permitted",
        }
    }
}

/// The most pins that are kept although they could not be stored.
const UNSTORED_MAX: usize = 4096;

/// The most keys that are remembered while another one takes their place.
const RETIRING_MAX: usize = 1024;

/// Asks and sets the pins of one node's keystore.
#[derive(Debug)]
pub(crate) struct Believer {
    domain: Domain,
    known: Mutex<Known>,
    /// Counts the pins that were set, from 1: what was judged before a pin was set is judged again.
    generation: AtomicU64,
}

#[derive(Debug)]
struct Known {
    pins: Pins,
    /// Pins that could not be stored. They hold until the program ends: otherwise the next key would be let in.
    unstored: BTreeMap<(Subject, String), PublicKey>,
    /// Why the last of them could not.
    problem: Option<String>,
    /// Keys that another one has followed, while both are accepted.
    retiring: BTreeMap<PublicKey, Retiring>,
}

/// A key that another one has followed.
#[derive(Debug)]
struct Retiring {
    /// The newest key that followed it.
    into: PublicKey,
    until_ns: i64,
}

/// What a key is pinned to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Subject {
    Node,
    Topic,
}

impl Known {
    fn pinned(&self, domain: &Domain, subject: Subject, name: &str) -> Option<PublicKey> {
        let stored = match subject {
            Subject::Node => self.pins.node(domain.as_str(), name),
            Subject::Topic => self.pins.topic(domain.as_str(), name),
        };
        stored.or_else(|| self.unstored.get(&(subject, name.to_owned())).copied())
    }

    /// Whether the key may still be used where `pinned` has followed it.
    fn is_retiring(&self, key: PublicKey, pinned: PublicKey, now_ns: i64) -> bool {
        let retiring = self.retiring.get(&key);
        retiring.is_some_and(|retiring| retiring.into == pinned && now_ns < retiring.until_ns)
    }

    /// Remembers the keys that `into` has followed. One for which there is no room is refused a little earlier.
    fn retire(&mut self, steps: &[Succession], into: PublicKey, now_ns: i64) {
        for terms in steps.iter().map(Succession::terms) {
            if self.retiring.len() >= RETIRING_MAX {
                self.retiring.retain(|_, retiring| now_ns < retiring.until_ns);
            }
            if self.retiring.len() >= RETIRING_MAX {
                self.retiring.pop_first();
            }
            let until_ns = terms.until_ns;
            self.retiring.insert(terms.old, Retiring { into, until_ns });
        }
    }

    /// Moves a pin and gives the key that is pinned then.
    fn follow(&mut self, domain: &Domain, subject: Subject, name: &str, keys: (PublicKey, PublicKey)) -> PublicKey {
        let moved = match subject {
            Subject::Node => self.pins.move_node(domain.as_str(), name, keys),
            Subject::Topic => self.pins.move_topic(domain.as_str(), name, keys),
        };
        let unstored = self.unstored.get_mut(&(subject, name.to_owned()));
        match (moved, unstored) {
            (Ok(key), None) => key,
            (Ok(_), Some(place)) => {
                *place = keys.1;
                keys.1
            }
            // The old pin stays on the disk, and the step from it is shown again after the next start.
            (Err(error), _) => {
                self.problem = Some(error.to_string());
                keys.1
            }
        }
    }

    /// Pins a key and gives the one that is pinned now: another process may have been faster.
    fn pin(&mut self, domain: &Domain, subject: Subject, name: &str, key: PublicKey) -> Result<PublicKey, Refusal> {
        let stored = match subject {
            Subject::Node => self.pins.pin_node(domain.as_str(), name, key),
            Subject::Topic => self.pins.pin_topic(domain.as_str(), name, key),
        };
        stored.or_else(|error| {
            if self.unstored.len() >= UNSTORED_MAX {
                let detail = format!("{UNSTORED_MAX} keys could not be pinned on disk: {error}");
                return Err(Refusal::new(Reason::Overloaded, Some(key), detail));
            }
            self.problem = Some(error.to_string());
            self.unstored.insert((subject, name.to_owned()), key);
            Ok(key)
        })
    }
}

impl Believer {
    pub(crate) fn new(domain: Domain, pins: Pins) -> Self {
        let known = Known {
            pins,
            unstored: BTreeMap::new(),
            problem: None,
            retiring: BTreeMap::new(),
        };
        Self {
            domain,
            known: Mutex::new(known),
            generation: AtomicU64::new(1),
        }
    }

    /// Why pins are not stored, if they are not.
    pub(crate) fn problem(&self) -> Option<String> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .problem
            .clone()
    }

    /// What the pins, or in mode `enforce` the roles, say of a node, whatever it publishes. Nothing is pinned here.
    pub(crate) fn opinion_of(
        &self,
        node: &NodeName,
        key: PublicKey,
        policy: &TrustPolicy,
        holds_role: bool,
    ) -> Verdict {
        let roles_decide =
            policy.mode == TrustMode::Enforce || (policy.mode == TrustMode::Observe && policy.has_rules());
        if roles_decide {
            return if holds_role {
                Verdict::Permitted
            } else {
                Verdict::NotPermitted
            };
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.pinned(&self.domain, Subject::Node, node.as_str()) {
            None => Verdict::Unpinned,
            Some(pinned) if pinned == key || known.is_retiring(key, pinned, clock::now_ns()) => Verdict::Pinned,
            Some(_) => Verdict::PinMismatch,
        }
    }

    /// Judges the signer of a frame whose signature held, and pins what is to be pinned. `permit` is what the policy says
    /// of it. In mode `enforce` no pins are asked or set: roles decide, which are stronger than first use. In mode
    /// `observe` the verdict is what `enforce` would say, where the policy knows any keys.
    ///
    /// # Errors
    ///
    /// `PinMismatch` in mode `tofu`. A pin that cannot be written is an error of the disk and not of the publisher: it
    /// is reported by [`problem`](Self::problem), and holds until the program ends. `Overloaded` when there are too many
    /// of these.
    pub(crate) fn judge(
        &self,
        facts: &WriterFacts,
        topic: &TopicName,
        exclusive: bool,
        policy: &TrustPolicy,
        permit: &Permit,
        now_ns: i64,
    ) -> Result<Verdict, Refusal> {
        let mode = policy.mode;
        match (mode, &permit.unasked) {
            (TrustMode::Enforce, Some(refusal)) => return Err(refusal.clone()),
            (TrustMode::Enforce, None) => return Ok(Verdict::Permitted),
            (TrustMode::Observe, Some(_)) if policy.has_rules() => return Ok(Verdict::NotPermitted),
            (TrustMode::Observe, None) if policy.has_rules() => return Ok(Verdict::Permitted),
            (TrustMode::Observe | TrustMode::Tofu, _) => {}
        }
        let hidden = facts.peer.name.is_hidden();
        let believed = if hidden { Verdict::Unpinned } else { Verdict::Pinned };
        // Nothing was pinned since this writer was judged, and no less strictly than it would be now.
        let last = facts.judged.load(Ordering::Acquire);
        if last >> 1 == self.generation.load(Ordering::Acquire) && (last & 1 == 1 || !exclusive) {
            return Ok(believed);
        }
        let key = facts.peer.public_key();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let subjects = [
            (Subject::Node, facts.peer.name.as_str(), !hidden),
            (Subject::Topic, topic.as_str(), exclusive),
        ];
        let mut pins = subjects.map(|(subject, name, _)| known.pinned(&self.domain, subject, name));
        let retiring = self.follow_successions(&mut known, &facts.peer, policy, &subjects, &mut pins, now_ns);
        let mismatch = subjects.iter().zip(pins).find_map(|((subject, name, _), pin)| {
            pin.filter(|pin| *pin != key)
                .map(|pin| pin_refusal(key, pin, *subject, name))
        });
        if mode == TrustMode::Observe {
            return Ok(match (mismatch, pins.first()) {
                (Some(_), _) => Verdict::PinMismatch,
                (None, Some(Some(_))) => Verdict::Pinned,
                (None, _) => Verdict::Unpinned,
            });
        }
        if let Some(refusal) = mismatch {
            return Err(refusal);
        }
        for ((subject, name, to_be_pinned), pin) in subjects.into_iter().zip(pins) {
            if to_be_pinned && pin.is_none() {
                let holder = known.pin(&self.domain, subject, name, key)?;
                self.generation.fetch_add(1, Ordering::AcqRel);
                if holder != key {
                    return Err(pin_refusal(key, holder, subject, name));
                }
            }
        }
        // A key that is on its way out is asked about each time: its time ends without anything being pinned.
        if !retiring {
            let judged = self.generation.load(Ordering::Acquire) << 1 | u64::from(exclusive);
            facts.judged.store(judged, Ordering::Release);
        }
        Ok(believed)
    }

    /// Whether the name of a node is its key's: in mode `tofu` the key that is pinned to it, which this one is from now on
    /// if none was. In other modes names are not asked about.
    ///
    /// # Errors
    ///
    /// `PinMismatch` when another key is pinned, `Overloaded` when a pin can neither be stored nor remembered.
    pub(crate) fn judge_name(&self, peer: &Peer, policy: &TrustPolicy, now_ns: i64) -> Result<(), Refusal> {
        let (key, name) = (peer.public_key(), peer.name().as_str());
        if policy.mode != TrustMode::Tofu || peer.name().is_hidden() {
            return Ok(());
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let subjects = [(Subject::Node, name, true)];
        let mut pins = [known.pinned(&self.domain, Subject::Node, name)];
        self.follow_successions(&mut known, peer, policy, &subjects, &mut pins, now_ns);
        let holder = match pins {
            [Some(pinned)] => pinned,
            [None] => {
                self.generation.fetch_add(1, Ordering::AcqRel);
                known.pin(&self.domain, Subject::Node, name, key)?
            }
        };
        match holder == key {
            true => Ok(()),
            false => Err(pin_refusal(key, holder, Subject::Node, name)),
        }
    }

    /// Lets the pins move on to this writer's key where the keys that they hold say so. Whether the key is itself one whose
    /// time ends.
    fn follow_successions(
        &self,
        known: &mut Known,
        peer: &Peer,
        policy: &TrustPolicy,
        subjects: &[(Subject, &str, bool)],
        pins: &mut [Option<PublicKey>],
        now_ns: i64,
    ) -> bool {
        let key = peer.public_key();
        let road = self.road(peer, policy, pins, now_ns).unwrap_or_default();
        known.retire(&road, key, now_ns);
        let mut retiring = false;
        for ((subject, name, _), pin) in subjects.iter().zip(pins) {
            let Some(pinned) = pin.filter(|pinned| *pinned != key) else {
                continue;
            };
            if known.is_retiring(key, pinned, now_ns) {
                (retiring, *pin) = (true, Some(key));
            } else if road.iter().any(|step| step.terms().old == pinned) {
                if policy.mode == TrustMode::Tofu {
                    *pin = Some(known.follow(&self.domain, *subject, name, (pinned, key)));
                    self.generation.fetch_add(1, Ordering::AcqRel);
                } else {
                    *pin = Some(key);
                }
            }
        }
        retiring
    }

    /// The steps to this writer's key, from a key that is pinned or from the first one shown. None of the keys may have been
    /// revoked: whoever stole one could sign a step.
    fn road(
        &self,
        peer: &Peer,
        policy: &TrustPolicy,
        pins: &[Option<PublicKey>],
        now_ns: i64,
    ) -> Option<Vec<Succession>> {
        let credentials = peer.credentials();
        let (key, chain) = (peer.public_key(), credentials.successions.as_ref()?);
        let oldest = chain.steps().last()?.terms().old;
        let from = pins.iter().flatten().copied().filter(|pin| *pin != key);
        let road = from
            .chain([oldest])
            .find_map(|from| chain.road(&self.domain, (from, key), now_ns))?;
        let is_revoked = |key| policy.revoked_at(key).is_some_and(|at_ns| at_ns <= now_ns);
        let holds = !road.iter().any(|step| is_revoked(step.terms().old));
        holds.then(|| road.to_vec())
    }
}

fn pin_refusal(key: PublicKey, pinned: PublicKey, subject: Subject, name: &str) -> Refusal {
    let what = match subject {
        Subject::Node => "node",
        Subject::Topic => "topic",
    };
    let detail =
        format!("the key of {what} {name} has changed: known.toml has {pinned}, the message is signed by {key}");
    Refusal::new(Reason::PinMismatch, Some(key), detail)
}
