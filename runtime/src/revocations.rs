//! Revocations on the fabric: each node holds the newest list of every anchor, serves it, says so in its card, and fetches
//! what others hold and it does not.
//!
//! A list is put once by whoever issues it, and every node that hears it takes it in. Who was not there then sees in the
//! cards of others that it lacks one, and asks. All of this runs in the contact thread: lists are verified and stored there.
//!
//! # Invariants
//!
//! - A list takes effect only if an anchor of the policy signed it that is not revoked itself, and never a lower serial than
//!   the one that is held.
//! - It is on the disk before it takes effect. When the disk does not take it, it takes effect all the same, and
//!   [`Node::trust_problem`](crate::Node::trust_problem) says so: the dangerous thing is to believe a revoked key.
//! - What liars in cards can cause is one question a second for each anchor.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nuncio_msgs::nuncio_msgs::msg::TrustMark;

use crate::clock;
use crate::contact::{ANSWER_TIMEOUT, Note};
use crate::key_expr;
use crate::link::{Bytes, Declared, LinkError, Query};
use crate::node::NodeCore;
use crate::security::key::PublicKey;
use crate::security::refusal::{Reason, Refusal};
use crate::security::revocation::SignedRevocations;
use crate::trust_watch::TrustEvent;

/// How many lists a card names, as its schema says; no more are held.
const LISTS_MAX: usize = 16;

/// How long at least lies between two questions for the lists of one anchor.
const ASKING_PAUSE: Duration = Duration::from_secs(1);

/// How often a question that nobody answers is repeated.
const ATTEMPTS_MAX: u32 = 6;

/// The lists that a node holds, by anchor.
#[derive(Debug, Default)]
pub(crate) struct RevocationShelf {
    lists: Mutex<BTreeMap<PublicKey, Arc<SignedRevocations>>>,
    problem: Mutex<Option<String>>,
}

impl RevocationShelf {
    pub(crate) fn new(lists: impl IntoIterator<Item = SignedRevocations>) -> Self {
        let lists = lists.into_iter().map(|list| (list.anchor(), Arc::new(list)));
        Self {
            lists: Mutex::new(lists.collect()),
            problem: Mutex::default(),
        }
    }

    /// What the card says of them.
    pub(crate) fn marks(&self) -> Vec<TrustMark> {
        let mark = |list: &Arc<SignedRevocations>| TrustMark {
            anchor: *list.anchor().as_bytes(),
            serial: list.serial(),
        };
        self.lock().values().map(mark).collect()
    }

    /// Why the newest list is not on the disk, if so.
    pub(crate) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serial(&self, anchor: PublicKey) -> Option<u64> {
        self.lock().get(&anchor).map(|list| list.serial())
    }

    fn held(&self) -> Vec<Arc<SignedRevocations>> {
        self.lock().values().cloned().collect()
    }

    /// Puts a list in its place. `None`: it was there already.
    fn place(&self, list: SignedRevocations) -> Result<Option<Arc<SignedRevocations>>, Refusal> {
        let anchor = list.anchor();
        let refuse = |reason, detail| Err(Refusal::new(reason, Some(anchor), detail));
        let mut lists = self.lock();
        match lists.get(&anchor) {
            Some(held) if held.serial() > list.serial() => {
                let detail = format!(
                    "list {} of revocations, which list {} has replaced",
                    list.serial(),
                    held.serial()
                );
                return refuse(Reason::StaleEpoch, detail);
            }
            Some(held) if **held == list => return Ok(None),
            Some(held) if held.serial() == list.serial() => {
                let detail = format!("two different lists of revocations have the serial {}", list.serial());
                return refuse(Reason::Equivocation, detail);
            }
            None if lists.len() >= LISTS_MAX => {
                let detail = format!("lists of {LISTS_MAX} anchors are held already");
                return refuse(Reason::Overloaded, detail);
            }
            Some(_) | None => {}
        }
        let list = Arc::new(list);
        lists.insert(anchor, Arc::clone(&list));
        Ok(Some(list))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PublicKey, Arc<SignedRevocations>>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lists that the contact thread has yet to ask for, by anchor.
#[derive(Debug, Default)]
pub(crate) struct WantedLists {
    wanted: HashMap<PublicKey, Wanted>,
}

#[derive(Debug)]
struct Wanted {
    serial: u64,
    /// When to ask; `None`: nothing is lacking.
    at: Option<Instant>,
    asked: Option<Instant>,
    attempts: u32,
}

impl WantedLists {
    /// When the next question is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.wanted.values().filter_map(|wanted| wanted.at).min()
    }

    /// A node's card says which lists it holds.
    pub(crate) fn look_at(&mut self, node: &NodeCore, marks: &[TrustMark]) {
        let policy = node.trust.policy();
        for mark in marks {
            let anchor = PublicKey::from_bytes(mark.anchor);
            if !policy.is_anchor(anchor) || node.revocations.serial(anchor).is_some_and(|held| held >= mark.serial) {
                continue;
            }
            let wanted = self.wanted.entry(anchor).or_insert(Wanted {
                serial: 0,
                at: None,
                asked: None,
                attempts: 0,
            });
            let soonest = wanted.asked.map_or_else(Instant::now, |asked| asked + ASKING_PAUSE);
            wanted.serial = wanted.serial.max(mark.serial);
            wanted.at = Some(wanted.at.map_or(soonest, |at| at.min(soonest)));
            wanted.attempts = 0;
        }
    }

    /// Asks for what is due.
    pub(crate) fn ask(&mut self, node: &Arc<NodeCore>) {
        let now = Instant::now();
        for (anchor, wanted) in &mut self.wanted {
            if wanted.at.is_none_or(|at| at > now) {
                continue;
            }
            let held = node.revocations.serial(*anchor).unwrap_or_default();
            if held >= wanted.serial || wanted.attempts >= ATTEMPTS_MAX {
                wanted.at = None;
                continue;
            }
            wanted.asked = Some(now);
            wanted.at = Some(now + ANSWER_TIMEOUT * 2_u32.pow(wanted.attempts));
            wanted.attempts += 1;
            let weak = Arc::downgrade(node);
            let receive = move |_: &str, bytes| {
                if let Some(node) = weak.upgrade() {
                    node.contact.leave(Note::Revocations(bytes));
                }
            };
            // When it cannot be put now, it is put again later.
            let key_expr = key_expr::revocations(&node.domain, anchor);
            let _ = node.link.query(&key_expr, Vec::new(), ANSWER_TIMEOUT, receive);
        }
    }
}

impl NodeCore {
    /// Takes in a list that came from the fabric, or was issued here.
    pub(crate) fn take_revocations(&self, bytes: &Bytes) {
        // Strangers can put what they like here: who is no anchor is refused before a signature is checked.
        let taken = SignedRevocations::claimed_anchor(bytes.as_slice())
            .and_then(|anchor| self.check_anchor(anchor))
            .and_then(|()| SignedRevocations::read(bytes.as_slice(), &self.domain))
            .and_then(|list| self.admit(list));
        if let Err(refusal) = taken {
            self.refuse_statement(refusal);
        }
    }

    fn check_anchor(&self, anchor: PublicKey) -> Result<(), Refusal> {
        let policy = self.trust.policy();
        if !policy.is_anchor(anchor) {
            let detail = "a list of revocations by a key that is no anchor here";
            return Err(Refusal::new(Reason::NotPermitted, Some(anchor), detail));
        }
        let now_ns = self.trust.latest(clock::now_ns());
        if policy.revoked_at(anchor).is_some_and(|at_ns| at_ns <= now_ns) {
            let detail = "a list of revocations by an anchor that is revoked itself";
            return Err(Refusal::new(Reason::Revoked, Some(anchor), detail));
        }
        Ok(())
    }

    fn admit(&self, list: SignedRevocations) -> Result<(), Refusal> {
        self.check_anchor(list.anchor())?;
        if let Some(list) = self.revocations.place(list)? {
            self.put_in_force(&list);
        }
        Ok(())
    }

    fn put_in_force(&self, list: &SignedRevocations) {
        let stored = self.keystore.keep_revocations(&self.domain, list);
        let problem = stored.err().map(|error| error.to_string());
        *self.revocations.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        let revoked: Vec<_> = list.revoked().iter().map(|entry| (entry.key, entry.since_ns)).collect();
        let keys = revoked.len();
        self.trust.has_passed(list.issued_ns());
        self.trust.revoke(&revoked);
        self.tell_trust(TrustEvent::Revoked {
            anchor: list.anchor(),
            serial: list.serial(),
            keys,
        });
        self.card_changed();
    }

    /// Puts a list on the fabric and holds it for whoever asks. It takes effect here if its anchor is one of this node's.
    pub(crate) fn spread(&self, list: &SignedRevocations) -> Result<(), LinkError> {
        if let Err(refusal) = self.admit(list.clone()) {
            self.refuse_statement(refusal);
            // Tools pass lists on that they need not obey.
            if let Ok(Some(_)) = self.revocations.place(list.clone()) {
                self.card_changed();
            }
        }
        let key_expr = key_expr::revocations(&self.domain, &list.anchor());
        self.link.put(&key_expr, list.bytes().to_vec())
    }

    /// Hears and serves lists.
    pub(crate) fn declare_revocations(self: &Arc<Self>) -> Result<[Declared; 2], LinkError> {
        let all = key_expr::all_revocations(&self.domain);
        let weak = Arc::downgrade(self);
        let lists = self.link.subscribe(&all, move |_, bytes| {
            if let Some(node) = weak.upgrade() {
                node.contact.leave(Note::Revocations(bytes));
            }
        })?;
        let weak = Arc::downgrade(self);
        let answers = self.link.serve(&all, move |query| {
            if let Some(node) = weak.upgrade().filter(|node| node.check_open().is_ok()) {
                node.answer_revocations(&query);
            }
        })?;
        Ok([lists, answers])
    }

    fn answer_revocations(&self, query: &Query) {
        for list in self.revocations.held() {
            let key_expr = key_expr::revocations(&self.domain, &list.anchor());
            if query.key_expr() == key_expr {
                let _ = query.reply(&key_expr, list.bytes().to_vec());
            }
        }
    }
}
