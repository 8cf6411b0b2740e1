//! Asking, checking and following: what fills a [`Trace`].

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_msgs::Message;
use nuncio_msgs::nuncio_msgs::msg::Approval;

use super::{CAUSE_LATER_MAX, DEPTH_MAX, EFFECTS_MAX, Found, Trace, TraceApproval, TraceLink, TraceStep};
use crate::approval::Subject;
use crate::card::{self, NONCE_LEN};
use crate::clock;
use crate::contact::ANSWER_TIMEOUT;
use crate::evidence;
use crate::key_expr;
use crate::link::Bytes;
use crate::name::Domain;
use crate::node::NodeCore;
use crate::payload;
use crate::queue::{CloseOnDrop, Queue};
use crate::security::frame::MessageId;
use crate::security::peers::{CardRoad, Peer};
use crate::security::refusal::{Reason, Refusal};
use crate::security::role::RoleName;
use crate::security::testimony::{FramePlace, Question, Testimony};
use crate::security::verifier::{Verified, VerifiedMessage};

/// The most answers to one question that wait to be checked.
const ANSWERS_MAX: usize = 64;
/// How long other answers are waited for once one holds: two that hold are proof of a copied key.
const FURTHER_ANSWERS: Duration = Duration::from_millis(100);
/// How often is asked for a message that nobody shows, and how long is waited in between: a node that is asked too much
/// does not answer at once.
const ATTEMPTS: usize = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);
/// The most refusals that are kept.
const REFUSALS_MAX: usize = 64;

/// An answer as it came: the frame and where it is said to have been published.
type Answer = Result<(FramePlace, Bytes), Refusal>;

/// A trace that is under way.
pub(super) struct Tracer<'a> {
    core: &'a NodeCore,
    deadline: Instant,
    /// The messages that are in the trace already: an id is known before its message is signed, so a dishonest signer
    /// can make a circle.
    seen: HashSet<MessageId>,
    pub(super) trace: Trace,
}

impl<'a> Tracer<'a> {
    pub(super) fn new(core: &'a NodeCore, timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            core,
            // A time beyond what the clock can count is as good as a day.
            deadline: now.checked_add(timeout).unwrap_or(now + Duration::from_secs(86_400)),
            seen: HashSet::new(),
            trace: Trace::default(),
        }
    }

    /// Follows the causes of a message up to the first.
    pub(super) async fn follow_causes(&mut self, asked: MessageId) {
        let mut steps = VecDeque::new();
        let (mut id, mut effect): (_, Option<VerifiedMessage>) = (asked, None);
        loop {
            let found = match (self.seen.insert(id), &effect) {
                (true, None) => self.find(id).await,
                (true, Some(effect)) => match self.find(id).await {
                    Found::Verified(cause) => {
                        check_order(&cause, effect).map_or_else(Found::Refused, |()| Found::Verified(cause))
                    }
                    found => found,
                },
                (false, _) => Found::Refused(circle(id)),
            };
            let link = effect
                .as_ref()
                .map_or(TraceLink::Asked, |effect| TraceLink::CauseOf(effect.id()));
            let message = match &found {
                Found::Verified(message) => Some(message.clone()),
                Found::Missing | Found::Refused(_) => None,
            };
            steps.push_front(self.step(id, link, found).await);
            let Some((message, cause)) = message.and_then(|message| message.cause().map(|cause| (message, cause)))
            else {
                break;
            };
            if steps.len() > DEPTH_MAX {
                self.trace.incomplete = true;
                break;
            }
            (id, effect) = (cause, Some(message));
        }
        self.trace.steps.extend(steps);
    }

    /// Follows what the message asked for has led to, if it was found.
    pub(super) async fn follow_effects(&mut self) {
        let asked = self.trace.asked().and_then(|step| match &step.found {
            Found::Verified(message) => Some(message.clone()),
            Found::Missing | Found::Refused(_) => None,
        });
        let mut causes = VecDeque::from_iter(asked);
        let mut effects = 0;
        while let Some(cause) = causes.pop_front() {
            let frames = self.ask(Question::EffectsOf(cause.id())).await.verified;
            // A node that shows as many as it may has perhaps more.
            let shown_by = |signer| frames.iter().filter(|frame| frame.signer() == signer).count();
            self.trace.incomplete |= frames
                .iter()
                .any(|frame| shown_by(frame.signer()) >= evidence::EFFECTS_ANSWERED_MAX);
            for message in frames.iter().flat_map(Verified::messages) {
                let is_new = message.cause() == Some(cause.id()) && self.seen.insert(message.id());
                // What second signers say stands with the message that they say it of.
                if !is_new || message.frame().topic().approved().as_ref() == Some(cause.frame().topic()) {
                    continue;
                }
                if effects == EFFECTS_MAX {
                    self.trace.incomplete = true;
                    return;
                }
                effects += 1;
                let (id, link) = (message.id(), TraceLink::EffectOf(cause.id()));
                let found = match check_order(&cause, &message) {
                    Ok(()) => {
                        causes.push_back(message.clone());
                        Found::Verified(message)
                    }
                    Err(refusal) => Found::Refused(refusal),
                };
                let step = self.step(id, link, found).await;
                self.trace.steps.push(step);
            }
        }
    }

    /// One step, with what the policy and second signers say of it.
    async fn step(&mut self, id: MessageId, link: TraceLink, found: Found) -> TraceStep {
        let mut step = TraceStep {
            id,
            link,
            found,
            permit: None,
            approvals: Vec::new(),
        };
        if let Found::Verified(message) = &step.found {
            let frame = message.frame();
            let standing = self.core.trust.standing(frame.facts(), frame.header().first_time_ns);
            step.permit = standing.permit().ok().cloned();
            if frame.topic().approved().is_none() {
                step.approvals = self.approvals_of(message).await;
            }
        }
        step
    }

    /// What second signers have said of a message, by whom it was said and whether that counts.
    async fn approvals_of(&mut self, message: &VerifiedMessage) -> Vec<TraceApproval> {
        let topic = message.frame().topic();
        let Ok(approvals) = topic.approvals() else {
            return Vec::new();
        };
        let (subject, trust) = (Subject::of(message), &self.core.trust);
        let demanded = trust.second_signers(topic);
        let mut said = Vec::new();
        for frame in self.ask(Question::EffectsOf(subject.id)).await.verified {
            let is_one = *frame.topic() == approvals && frame.type_hash() == Approval::TYPE_HASH;
            for message in frame
                .messages()
                .filter(|message| is_one && message.cause() == Some(subject.id))
            {
                let by = frame.signer();
                let approval: Approval = match payload::decode(&message) {
                    Ok(approval) => approval,
                    Err(error) => {
                        self.note(Refusal::new(Reason::DecodeFailed, Some(by), error.to_string()));
                        continue;
                    }
                };
                let holds = |role: &&RoleName| {
                    let at_ns = message.source_time_ns();
                    trust.holds_role(&frame.facts().peer, role, topic, at_ns).answer.is_ok()
                };
                let roles = subject
                    .check(&approval, by)
                    .map(|()| demanded.iter().filter(holds).cloned().collect());
                said.push(TraceApproval {
                    message,
                    approval,
                    roles,
                });
            }
        }
        said
    }

    /// Looks for one message.
    async fn find(&mut self, id: MessageId) -> Found {
        for attempt in 1..=ATTEMPTS {
            let Answers { verified, refused } = self.ask(Question::Message(id)).await;
            let mut frames = verified.iter();
            return match (frames.next(), frames.next(), refused) {
                (Some(one), Some(_), _) => Found::Refused(equivocation(one, id)),
                (Some(frame), None, _) => frame
                    .messages()
                    .find(|message| message.id() == id)
                    .map_or(Found::Missing, Found::Verified),
                (None, _, Some(refusal)) => Found::Refused(refusal),
                (None, _, None) if attempt < ATTEMPTS && !self.is_over() => {
                    tokio::time::sleep(BETWEEN_ATTEMPTS).await;
                    continue;
                }
                (None, _, None) => Found::Missing,
            };
        }
        Found::Missing
    }

    /// Asks everybody and checks the answers as they come.
    async fn ask(&mut self, question: Question) -> Answers {
        let mut answers = Answers::default();
        if self.is_over() {
            self.trace.incomplete = true;
            return answers;
        }
        let domain = self.core.domain.clone();
        let read = move |answered_on: &str, bytes| read_answer(&domain, question, answered_on, bytes);
        let asked = key_expr::frame_question(&self.core.domain, question);
        let Some(incoming) = self.put(&asked, Vec::new(), read) else {
            return answers;
        };
        let mut until = self.deadline.min(Instant::now() + ANSWER_TIMEOUT);
        while let Ok(Ok(answer)) = tokio::time::timeout_at(until.into(), incoming.take()).await {
            match self.open(answer, question).await {
                Ok(frame) => answers.add(frame),
                Err(refusal) => {
                    answers.refused.get_or_insert_with(|| refusal.clone());
                    self.note(refusal);
                }
            }
            if matches!(question, Question::Message(_)) && !answers.verified.is_empty() {
                until = until.min(Instant::now() + FURTHER_ANSWERS);
            }
            if answers.verified.len() > EFFECTS_MAX {
                break;
            }
        }
        self.trace.incomplete |= answers.verified.is_empty() && self.is_over();
        answers
    }

    async fn open(&mut self, answer: Answer, question: Question) -> Result<Verified, Refusal> {
        let core = self.core;
        let (place, bytes) = answer?;
        let testimony = Testimony::examine(bytes, place, question, &core.domain, &core.peers)?;
        let signer = match testimony.signer(&core.peers) {
            Some(signer) => signer,
            None => self.meet(&testimony).await?,
        };
        testimony.accept(signer, &core.peers, &core.believer, &core.trust, clock::now_ns())
    }

    /// Asks whoever signed a frame for a card.
    async fn meet(&mut self, testimony: &Testimony) -> Result<Arc<Peer>, Refusal> {
        let key = testimony.key();
        let stranger = |detail: &'static str| Refusal::new(Reason::UnknownKey, Some(key), detail);
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| stranger("there is no randomness to ask for a card with"))?;
        let core = self.core;
        let domain = core.domain.clone();
        let read = move |answered_on: &str, bytes| (key_expr::parse_node_claim(&domain, answered_on), bytes);
        let asked = key_expr::cards_of_key(&core.domain, &key);
        let incoming = self.put(&asked, nonce.to_vec(), read);
        let incoming = incoming.ok_or_else(|| stranger("the link is closed, so no card can be asked for"))?;
        let until = self.deadline.min(Instant::now() + ANSWER_TIMEOUT);
        while let Ok(Ok((claim, bytes))) = tokio::time::timeout_at(until.into(), incoming.take()).await {
            let Some(claim) = claim else { continue };
            let admitted = card::open(bytes.as_slice(), &core.domain, &claim, &nonce, &core.peers)
                .and_then(|card| core.peers.admit(card, CardRoad::Answered));
            if let Err(refusal) = admitted {
                self.note(refusal);
            }
            if let Some(signer) = testimony.signer(&core.peers) {
                core.graph.changed();
                return Ok(signer);
            }
        }
        Err(stranger("the signature holds, but no node shows a card for this key"))
    }

    /// Puts a question; `None` when the link is closed. The answers end when no more can come.
    fn put<T: Send + 'static>(
        &self,
        question: &str,
        payload: Vec<u8>,
        read: impl Fn(&str, Bytes) -> T + Send + Sync + 'static,
    ) -> Option<Arc<Queue<T>>> {
        let answers = Arc::new(Queue::new(ANSWERS_MAX));
        let closing = CloseOnDrop(Arc::clone(&answers));
        let receive = move |answered_on: &str, bytes| closing.0.push(read(answered_on, bytes));
        let timeout = self
            .deadline
            .saturating_duration_since(Instant::now())
            .min(ANSWER_TIMEOUT);
        let put = self.core.link.query(question, payload, timeout, receive);
        put.ok().map(|()| answers)
    }

    fn note(&mut self, refusal: Refusal) {
        if self.trace.refusals.len() < REFUSALS_MAX {
            self.trace.refusals.push(refusal);
        }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// The answers to one question.
#[derive(Debug, Default)]
struct Answers {
    /// Frames that differ from each other.
    verified: Vec<Arc<Verified>>,
    /// Why the first of the others was refused.
    refused: Option<Refusal>,
}

impl Answers {
    fn add(&mut self, frame: Verified) {
        if self
            .verified
            .iter()
            .all(|known| known.frame_bytes() != frame.frame_bytes())
        {
            self.verified.push(Arc::new(frame));
        }
    }
}

fn read_answer(domain: &Domain, question: Question, answered_on: &str, bytes: Bytes) -> Answer {
    let len = bytes.as_slice().len();
    if len > evidence::BYTES_MAX {
        let detail = format!(
            "{len} bytes of evidence, at most {} are kept and accepted",
            evidence::BYTES_MAX
        );
        return Err(Refusal::new(Reason::TooLarge, None, detail));
    }
    match key_expr::parse_frame_answer(domain, question, answered_on) {
        Some(place) => Ok((place, bytes)),
        None => {
            let detail = "an answer that does not say where its frame was published";
            Err(Refusal::new(Reason::Malformed, None, detail))
        }
    }
}

/// A cause comes before its effect, as far as two clocks can tell.
fn check_order(cause: &VerifiedMessage, effect: &VerifiedMessage) -> Result<(), Refusal> {
    let later_ns = cause.source_time_ns().saturating_sub(effect.source_time_ns());
    if u128::try_from(later_ns).is_ok_and(|later_ns| later_ns > CAUSE_LATER_MAX.as_nanos()) {
        let detail = format!(
            "{} names {} as its cause, which was published {} ms after it",
            effect.id(),
            cause.id(),
            later_ns / 1_000_000
        );
        return Err(Refusal::new(
            Reason::StampInFuture,
            Some(effect.frame().signer()),
            detail,
        ));
    }
    Ok(())
}

fn circle(id: MessageId) -> Refusal {
    let detail = format!("{id} leads back to itself, so one of the messages names a cause that it cannot have had");
    Refusal::new(Reason::Malformed, None, detail)
}

fn equivocation(frame: &Verified, id: MessageId) -> Refusal {
    let detail = format!("two different frames hold a message {id}, and both signatures hold");
    Refusal::new(Reason::Equivocation, Some(frame.signer()), detail)
}
