//! First contact: asking who is behind a key, before anything of it is believed.
//!
//! One thread per node, the *contact thread*, does what would hold up the threads that receive: it asks for cards when
//! a liveliness token appears or a frame of an unknown key waits, opens what comes back, keeps the table of peers, and
//! publishes this node's own card when it has changed. It sleeps while nothing happens.
//!
//! # Invariants
//!
//! - Every question carries a nonce of its own, so that an answer cannot have been recorded.
//! - What strangers can make it remember or do is bounded: [`ASKING_MAX`] keys at a time, [`NOTES_MAX`] notes,
//!   [`TOKENS_MAX`] tokens; a key that did not answer is not asked again for [`FAILED_FOR`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

mod asking;
mod cards;
pub(crate) mod desk;
mod facts_topic;

use asking::ask;
use cards::{learned, take_answer};
use desk::ASKING_MAX;
pub(crate) use desk::{AskOutcome, ContactDesk, Note, Question, RoundTrip};
use facts_topic::FactsTopic;

use crate::card;
use crate::history;
use crate::key_expr::{self, NodeClaim};
use crate::node::NodeCore;
use crate::reception::Reception;
use crate::revocations::WantedLists;
use crate::security::equivocation::PROOFS_STORED_MAX;
use crate::security::key::PublicKey;
use crate::security::peers::{AuthenticCard, CardOutcome, CardRoad, PEERS_MAX};
use crate::security::refusal::{Reason, Refusal};

/// The most liveliness tokens that a node remembers.
pub(crate) const TOKENS_MAX: usize = 8192;
/// How long an answer may take.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How many nodes are asked for their cards at one time: of hundreds that start together, none would answer all others in time.
/// Who has been silent for a second is not counted, so that silence holds nobody up.
const MEETINGS_AT_ONCE: usize = 8;

/// How long a node has to show its card when no frame waits for it: long, because questions that are given up and put again
/// keep a busy machine busy.
const MEETING_TIMEOUT: Duration = Duration::from_secs(4);

/// How long after its first change this node's card is published, once for all that a start opens.
const ANNOUNCED_AFTER: Duration = Duration::from_millis(20);

/// How long the last messages of a node may arrive after its liveliness token has vanished: data and presence do not
/// travel in step. Afterwards the node has to be met again before it is believed again.
const VANISHED_FOR: Duration = Duration::from_secs(2);

/// How long a question may have taken for its answer to tell how far apart two clocks are.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(100);

/// How long at least lies between two comparisons of clocks that a doubt has caused.
const MEASURING_PAUSE: Duration = Duration::from_secs(10);

/// How long a publisher is left alone that has not given what its journal holds.
const STALLED_PAUSE: Duration = Duration::from_millis(250);

/// How long a node that did not answer is left alone at first; twice as long after each further attempt, up to 64 times.
const UNMET_PAUSE: Duration = Duration::from_millis(250);

/// Who is there by their tokens, and who was there until a moment ago.
#[derive(Debug, Default)]
struct Presence {
    tokens: HashSet<NodeClaim>,
    /// Oldest first.
    vanished: VecDeque<(Instant, NodeClaim)>,
    /// Nodes that are being asked for their cards, and since when.
    meeting: HashMap<NodeClaim, Instant>,
    /// Nodes among them that have pushed another card meanwhile: the answer that is on its way may be older.
    overtaken: HashSet<NodeClaim>,
    /// Nodes that have not answered, or wait for their turn: when they are asked again, and how often they were asked.
    unmet: HashMap<NodeClaim, (Instant, u32)>,
    wanted: WantedLists,
    /// When this node's own card is published because it has changed.
    announcement_due: Option<Instant>,
    /// When the next message will have waited too long for its approval.
    approvals_due: Option<Instant>,
    /// When the clocks of nodes with these keys were last compared because of a doubt.
    measured: HashMap<PublicKey, Instant>,
    /// When the watch has something to look after.
    watch_due: Option<Instant>,
    /// When requests for receipts are to be looked at.
    receipts_due: Option<Instant>,
    /// When publishers are asked again that have not given what their journals hold.
    stalled_due: Option<Instant>,
    /// Keys whose copying was proved: one proof of each is enough.
    proved: HashSet<PublicKey>,
    facts_topic: FactsTopic,
}

impl Presence {
    /// When something has to happen although nobody left a note.
    fn next_deadline(&self) -> Option<Instant> {
        let vanished = self.vanished.front().map(|(since, _)| *since + VANISHED_FOR);
        let unmet = self.unmet.values().map(|(when, _)| *when).min();
        let unmet = unmet.map(|when| self.next_room(Instant::now()).map_or(when, |room| when.max(room)));
        let wanted = self.wanted.next_deadline();
        vanished
            .into_iter()
            .chain(unmet)
            .chain(wanted)
            .chain(self.approvals_due)
            .chain(self.watch_due)
            .chain(self.receipts_due)
            .chain(self.stalled_due)
            .chain(self.announcement_due)
            .chain(self.facts_topic.due())
            .min()
    }

    /// Forgets who vanished long enough ago, and asks again who has not answered.
    fn attend_deadlines(&mut self, node: &Arc<NodeCore>) {
        self.wanted.ask(node);
        self.watch_due = node.watch.attend(node);
        self.facts_topic.attend(node);
        let now = Instant::now();
        if self.announcement_due.is_some_and(|due| due <= now) {
            self.announcement_due = None;
            node.announce_newest_card();
        }
        if self.receipts_due.is_some_and(|due| due <= now) {
            self.receipts_due = node.attend_receipts();
        }
        if self.stalled_due.is_some_and(|due| due <= now) {
            let asked = node
                .receptions()
                .iter()
                .filter(|reception| reception.ask_stalled(node))
                .count();
            self.stalled_due = (asked > 0).then_some(now + STALLED_PAUSE);
        }
        if self.approvals_due.is_some_and(|due| due <= now) {
            let receptions = node.receptions();
            let next = |reception: &Arc<Reception>| reception.approval_desk()?.refuse_overdue(reception, now);
            self.approvals_due = receptions.iter().filter_map(next).min();
        }
        while self
            .vanished
            .front()
            .is_some_and(|(since, _)| *since + VANISHED_FOR <= now)
        {
            self.forget_oldest(node);
        }
        let due: Vec<NodeClaim> = self
            .unmet
            .iter()
            .filter(|(_, (when, _))| *when <= now)
            .map(|(claim, _)| claim.clone())
            .take(self.room(now))
            .collect();
        for claim in due {
            if let Some((when, attempts)) = self.unmet.get_mut(&claim) {
                *attempts += 1;
                *when = now + MEETING_TIMEOUT + UNMET_PAUSE * 2_u32.pow((*attempts).min(6));
            }
            self.meet(node, claim);
        }
    }

    /// How many more nodes may be asked now.
    fn room(&self, now: Instant) -> usize {
        let fresh = self.meeting.values().filter(|since| now < **since + ANSWER_TIMEOUT);
        let (fresh, all) = (fresh.count(), self.meeting.len());
        MEETINGS_AT_ONCE
            .saturating_sub(fresh)
            .min(ASKING_MAX.saturating_sub(all))
    }

    /// When there will be room for one more although nobody has answered; `None` when there is room, or no such time.
    fn next_room(&self, now: Instant) -> Option<Instant> {
        if self.room(now) > 0 {
            return None;
        }
        let freed = self.meeting.values().map(|since| *since + ANSWER_TIMEOUT);
        // When all have been asked for longer than that, only the end of a question makes room, and leaves a note.
        freed.filter(|freed| *freed > now).min().or(Some(now + UNMET_PAUSE))
    }

    /// Requests of a publisher that was not known may be answered now, if any wait.
    fn look_at_receipts(&mut self) {
        if let Some(due) = &mut self.receipts_due {
            *due = Instant::now();
        }
    }

    fn own_card_changed(&mut self, node: &NodeCore) {
        self.facts_topic.look_at_own(node);
        let due = Instant::now() + ANNOUNCED_AFTER;
        self.announcement_due.get_or_insert(due);
    }

    fn forget_oldest(&mut self, node: &NodeCore) {
        if let Some((_, claim)) = self.vanished.pop_front() {
            node.peers.forget(claim.key, &claim.node, claim.epoch);
            node.unmatch_node(&claim);
        }
    }

    /// Takes in a card whose signature held, and looks at which lists of revocations its node holds.
    fn admit(&mut self, node: &NodeCore, authentic: AuthenticCard, road: CardRoad) -> Result<CardOutcome, Refusal> {
        self.wanted.look_at(node, &authentic.card.trust_marks);
        node.peers.admit(authentic, road)
    }

    /// Asks the nodes of a key for their cards, to compare clocks, unless that was done a moment ago.
    fn measure_again(&mut self, node: &Arc<NodeCore>, key: PublicKey) {
        self.measured.retain(|_, since| since.elapsed() < MEASURING_PAUSE);
        if self.measured.contains_key(&key) || self.measured.len() >= PEERS_MAX {
            return;
        }
        for peer in node.peers.all().iter().filter(|peer| peer.public_key() == key) {
            self.measured.insert(key, Instant::now());
            let claim = NodeClaim {
                key,
                epoch: peer.epoch(),
                node: peer.name().clone(),
            };
            let card = key_expr::card(&node.domain, &key, claim.epoch, &claim.node);
            ask(node, &card, ANSWER_TIMEOUT, Note::MeetingEnded(claim));
        }
    }

    /// Asks a node whose token or pushed card was seen, unless this instance is known already. Later, when too many are
    /// being asked.
    fn meet(&mut self, node: &Arc<NodeCore>, claim: NodeClaim) {
        if is_known(node, &claim) || self.meeting.contains_key(&claim) {
            return;
        }
        let now = Instant::now();
        if self.room(now) == 0 {
            if self.tokens.contains(&claim) {
                self.unmet.entry(claim).or_insert((now, 0));
            }
            return;
        }
        let card = key_expr::card(&node.domain, &claim.key, claim.epoch, &claim.node);
        self.meeting.insert(claim.clone(), now);
        ask(node, &card, MEETING_TIMEOUT, Note::MeetingEnded(claim));
    }
}

/// Runs the contact thread until the node closes.
pub(crate) fn run(node: &Weak<NodeCore>, desk: &ContactDesk) {
    let mut presence = Presence::default();
    loop {
        let note = desk.take(presence.next_deadline());
        if matches!(note, Some(Note::Close)) {
            return;
        }
        let Some(node) = node.upgrade() else { return };
        if let Some(note) = note {
            attend(&node, &mut presence, note);
        }
        presence.attend_deadlines(&node);
    }
}

fn attend(node: &Arc<NodeCore>, presence: &mut Presence, note: Note) {
    match note {
        Note::TokenAppeared(claim) => {
            if presence.tokens.len() < TOKENS_MAX && presence.tokens.insert(claim.clone()) {
                presence.vanished.retain(|(_, vanished)| *vanished != claim);
                node.graph.token_appeared(claim.clone());
                if is_known(node, &claim) {
                    node.match_node(claim.key, &claim.node);
                }
                presence.meet(node, claim);
            }
        }
        Note::TokenVanished(claim) => {
            node.graph.token_vanished(&claim);
            node.unmatch_node(&claim);
            presence.facts_topic.forget(&claim);
            presence.unmet.remove(&claim);
            if presence.tokens.remove(&claim) {
                presence.vanished.push_back((Instant::now(), claim));
                // Tokens cost nothing: somebody may have a crowd of them come and go.
                if presence.vanished.len() > TOKENS_MAX {
                    presence.forget_oldest(node);
                }
            }
        }
        Note::Stranger(key) => {
            let (question, cards) = (node.contact.next_question(), key_expr::cards_of_key(&node.domain, &key));
            ask(node, &cards, ANSWER_TIMEOUT, Note::AnswersEnded(key, question));
        }
        Note::Announced(claim, bytes) => {
            let opened = card::open(bytes.as_slice(), &node.domain, &claim, &[], &node.peers);
            match opened.and_then(|authentic| presence.admit(node, authentic, CardRoad::Announced)) {
                Ok(CardOutcome::Updated) => learned(node, presence, &claim),
                Ok(CardOutcome::NotFresh) if presence.meeting.contains_key(&claim) => {
                    presence.overtaken.insert(claim);
                }
                Ok(CardOutcome::NotFresh) => presence.meet(node, claim),
                Ok(CardOutcome::Known | CardOutcome::Stale) => {}
                Err(refusal) => node.refuse_document(refusal),
            }
        }
        Note::Answered(claim, bytes, nonce, round_trip) => {
            presence.look_at_receipts();
            let opened = card::open(bytes.as_slice(), &node.domain, &claim, &nonce, &node.peers);
            take_answer(node, presence, &claim, opened, round_trip);
        }
        Note::Equivocated(key, evidence) => {
            if presence.proved.len() < PROOFS_STORED_MAX && presence.proved.insert(key) {
                node.store_evidence(&evidence);
            }
        }
        Note::ClockDoubted(key) => {
            node.contact.end_doubt();
            presence.measure_again(node, key);
        }
        Note::Revived(revived) => node.watch.revive(node, revived),
        Note::Asserted(claim, bytes) => node.watch.take_statement(node, &claim, &bytes),
        Note::AssertionWished => node.watch.plan_statement(node),
        Note::MessagesMissing(reception, question) => history::ask(node, reception, question),
        Note::Revocations(bytes) => node.take_revocations(&bytes),
        Note::PolicyChanged => follow_policy(node, presence),
        Note::AnswersEnded(key, question) => end_answers(node, key, question),
        Note::MeetingEnded(claim) => end_meeting(node, presence, claim),
        Note::AwaitsApproval => presence.approvals_due = Some(Instant::now()),
        Note::MessagesStalled => presence.stalled_due = Some(Instant::now() + STALLED_PAUSE),
        Note::ReceiptsDue => presence.receipts_due = Some(Instant::now()),
        Note::OwnCardChanged => presence.own_card_changed(node),
        Note::Close => {}
    }
}

/// Whom the node believes now may have lists that concern it, and topics may need approvals that did not before.
fn follow_policy(node: &Arc<NodeCore>, presence: &mut Presence) {
    for peer in node.peers.all() {
        presence.wanted.look_at(node, &peer.card().trust_marks);
    }
    node.match_all();
    for reception in node.receptions() {
        let followed = reception
            .approval_desk()
            .map(|desk| desk.follow_policy(&reception, node));
        if let Some(Err(error)) = followed {
            let detail = format!("approvals cannot be received: {error}");
            reception.refuse(Refusal::new(Reason::Overloaded, None, detail));
        }
    }
}

/// What waited for this key's cards is judged by what came.
fn end_answers(node: &Arc<NodeCore>, key: PublicKey, question: Question) {
    if !node.peers.all().iter().any(|peer| peer.public_key() == key) {
        node.contact.remember_failure(key);
    }
    node.contact.end(key);
    for reception in node.receptions() {
        reception.settle(key, question, &node.contact);
    }
    node.meet_latecomers(key, question);
}

/// A node whose token stands and whose card did not come is asked again later.
fn end_meeting(node: &Arc<NodeCore>, presence: &mut Presence, claim: NodeClaim) {
    presence.meeting.remove(&claim);
    if presence.overtaken.remove(&claim) {
        let card = key_expr::card(&node.domain, &claim.key, claim.epoch, &claim.node);
        presence.meeting.insert(claim.clone(), Instant::now());
        return ask(node, &card, ANSWER_TIMEOUT, Note::MeetingEnded(claim));
    }
    if is_known(node, &claim) || !presence.tokens.contains(&claim) {
        presence.unmet.remove(&claim);
    } else {
        let again = (Instant::now() + UNMET_PAUSE, 0);
        presence.unmet.entry(claim).or_insert(again);
    }
}

fn is_known(node: &NodeCore, claim: &NodeClaim) -> bool {
    node.peers
        .node(claim.key, &claim.node)
        .is_some_and(|peer| peer.epoch() >= claim.epoch)
}
