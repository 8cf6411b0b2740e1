//! The verifier: the one door between bytes from the network and everybody else.
//!
//! One verifier stands before each subscription. It checks in the order that the design gives: cheap things first,
//! nothing is remembered before the signature held, and every refusal has a numbered reason.
//!
//! | step | refuses with |
//! |---|---|
//! | size and layout | `TooLarge`, `NotAFrame`, `UnsupportedVersion`, `UnsupportedSuite`, `Malformed` |
//! | type | `TypeMismatch` |
//! | who is it | `UnknownKey` (after first contact failed), `WeakKey` |
//! | may it do this | `Revoked`, `CertInvalid`, `CertNotYetValid`, `CertExpired`, `NotPermitted`, `TooLarge` |
//! | when was it | `StaleEpoch`, `ReplayNotAllowed`, `TooOld`, `StampTooOld`, `StampInFuture`, or a duplicate, which is dropped and counted |
//! | signature | `BadSignature` |
//! | what only a true signature can prove | `Equivocation`, `PinMismatch`, `NotPermitted` (too often) |
//!
//! # Invariants
//!
//! - What is [`Verified`] has passed all of it: on arrival by `Verifier::open`, as the answer to a question for what is
//!   missing by `Verifier::open_answer`. For an answer the numbers asked for take the place of what makes a message live;
//!   the limits of its topic hold all the same.
//! - A forged frame changes nothing here, whatever it says.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use nuncio_msgs::TypeHash;

use super::believer::Believer;
use super::context::Context;
use super::equivocation::{Equivocation, RecentFrames, frame_text};
use super::floor::Floor;
use super::frame::{Kind, Layout, Writer};
use super::key::PublicKey;
use super::missing::Missing;
use super::peers::{Peers, WriterFacts};
use super::rate_limit::RateLimits;
use super::refusal::{Reason, Refusal};
use super::replay_window::{Novelty, Numbers, ReplayError, ReplayWindow};
use super::signature_check::{check_signature, layout_refusal};
use super::time_checks;
use super::topic_limits::TopicLimits;
use super::trust_store::TrustStore;
use super::verified::Proof;
use crate::link::Bytes;
use crate::name::{Domain, TopicName};

pub use super::verified::{Provenance, Verified, VerifiedMessage};

/// The most writers that one subscription follows at a time.
pub const STREAMS_MAX: usize = 1024;

/// Which type a subscription takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ExpectedType {
    /// This one.
    Exactly {
        name: String,
        hash: TypeHash,
        exclusive: bool,
    },
    /// This one, and others of its name, as the writer's card says.
    Versions {
        name: String,
        hash: TypeHash,
        exclusive: bool,
    },
    /// Whatever the writer's card says.
    AsInCard,
}

/// What became of a frame.
#[derive(Debug)]
pub(crate) enum Opened {
    /// It holds.
    Verified(Verified),
    /// It was delivered before.
    Duplicate,
    /// Nobody has vouched for this key, writer or epoch yet: first contact has to be made.
    Stranger(PublicKey),
    /// It is refused.
    Refused(Refusal),
}

/// How a subscription's verifier is set up.
#[derive(Debug)]
pub(crate) struct VerifierSetup {
    pub(crate) domain: Domain,
    /// What the frames are.
    pub(crate) kind: Kind,
    /// The topic or service.
    pub(crate) topic: TopicName,
    /// Which server requests are for; empty for messages.
    pub(crate) request_id: Vec<u8>,
    pub(crate) expected: ExpectedType,
    pub(crate) trust: Arc<TrustStore>,
    pub(crate) frame_len_max: usize,
    pub(crate) accept_replay: bool,
}

/// Opens the frames of one subscription, or the requests of one service server.
#[derive(Debug)]
pub(crate) struct Verifier {
    setup: VerifierSetup,
    /// The context where the type is fixed; otherwise it depends on the writer.
    fixed_context: Option<Context>,
    peers: Arc<Peers>,
    believer: Arc<Believer>,
    /// When this subscription was made, in the turns of the peers: older floors are not its own.
    since: u64,
    streams: Mutex<HashMap<(PublicKey, Writer), Stream>>,
    rates: Mutex<RateLimits>,
}

#[derive(Debug)]
struct Stream {
    window: ReplayWindow,
    context: Context,
    /// The epoch whose card the context was computed from; a restarted publisher may have another type.
    context_epoch: u64,
    /// What an equivocation is proved with.
    recent: RecentFrames,
    /// From where on its messages are fresh here.
    floor: Floor,
    /// Whether a live frame has come.
    has_begun: bool,
}

impl Verifier {
    pub(crate) fn new(setup: VerifierSetup, peers: Arc<Peers>, believer: Arc<Believer>) -> Self {
        let fixed_context = match &setup.expected {
            ExpectedType::Exactly { name, hash, .. } => Some(Context::new(
                &setup.domain,
                setup.topic.as_str(),
                name,
                hash,
                setup.kind,
                &setup.request_id,
            )),
            ExpectedType::Versions { .. } | ExpectedType::AsInCard => None,
        };
        Self {
            since: peers.next_turn(),
            setup,
            fixed_context,
            peers,
            believer,
            streams: Mutex::default(),
            rates: Mutex::default(),
        }
    }

    /// Checks a frame that arrived on this subscription's topic. `now_ns` is the receiver's time.
    pub(crate) fn open(&self, bytes: &Bytes, now_ns: i64) -> Opened {
        self.try_open(bytes, None, now_ns).unwrap_or_else(Opened::Refused)
    }

    /// Checks a frame that came as the answer to a question for missing messages of this subscription's topic.
    pub(crate) fn open_answer(&self, bytes: &Bytes, missing: &Missing, now_ns: i64) -> Opened {
        self.try_open(bytes, Some(missing), now_ns)
            .unwrap_or_else(Opened::Refused)
    }

    fn try_open(&self, bytes: &Bytes, missing: Option<&Missing>, now_ns: i64) -> Result<Opened, Refusal> {
        let raw = bytes.as_slice();
        let layout = self.check_layout(raw)?;
        missing.map_or(Ok(()), |missing| missing.check(&layout))?;
        let key = layout.header.key;
        let Some((facts, floor)) = self.whose(&layout, raw, missing.is_some())? else {
            return Ok(Opened::Stranger(key));
        };
        let standing = self.setup.trust.standing(&facts, now_ns);
        let permit = standing.permit()?;
        check_sizes(&layout, raw, &permit.limits)?;
        self.check_instance(&layout, &facts)?;
        time_checks::check(&layout, &facts, floor, &standing.policy, &permit.limits, now_ns)?;

        let digest = layout.digest(raw);
        let numbers = Numbers {
            epoch: layout.header.epoch,
            first: layout.header.first_number,
            last: layout.last_number(),
        };
        let (context, novelty) = self.look_at_stream(&layout, &facts, numbers, tag(&digest));
        let suspect = match novelty {
            Ok(Novelty::Duplicate) => return Ok(Opened::Duplicate),
            Ok(Novelty::New) => None,
            // What was asked for may be older than the window goes back. Whoever asked takes each number once.
            Err(ReplayError::TooOld { .. }) if missing.is_some() => None,
            Err(error @ ReplayError::Equivocation { .. }) => Some(error),
            Err(error) => return Err(replay_refusal(key, error)),
        };
        check_signature(&layout, raw, &digest, &context, &facts.peer.key)?;
        if let Some(error) = suspect {
            let refusal = replay_refusal(key, error);
            let evidence = self.evidence(&layout, raw, &facts, error).map(Arc::new);
            return Err(Refusal { evidence, ..refusal });
        }
        let exclusive = self.is_exclusive(&facts);
        let verdict = self.believer.judge(
            &facts,
            &self.setup.topic,
            exclusive,
            &standing.policy,
            permit,
            self.setup.trust.latest(now_ns),
        )?;
        let arrival = Arrival {
            numbers,
            tag: tag(&digest),
            context,
            is_answer: missing.is_some(),
        };
        let Some(missing_before) = self.admit(&facts, (&layout, raw), arrival)? else {
            return Ok(Opened::Duplicate);
        };
        self.check_rate(&layout, &permit.limits, now_ns)?;
        let provenance = match (layout.header.replay, missing) {
            (true, _) => Provenance::Replay,
            (false, Some(_)) => Provenance::History,
            (false, None) => Provenance::Live,
        };
        let proof = Proof {
            bytes: bytes.clone(),
            layout,
            facts,
            verdict,
            provenance,
            received_time_ns: now_ns,
            asks_approval: !permit.limits.second_signers.is_empty(),
        };
        Ok(Opened::Verified(Verified::new(proof, missing_before)))
    }

    /// Whose frame it is, and from where on that writer's messages are fresh, unless it is an answer and need not be; `None`
    /// when first contact has to be made.
    fn whose(&self, layout: &Layout, raw: &[u8], is_answer: bool) -> Result<Option<Origin>, Refusal> {
        let known = self.peers.writer(layout.header.key, layout.header.writer);
        self.check_type(layout, known.as_deref())?;
        let Some(facts) = known else { return Ok(None) };
        let floor = self.floor_of(layout, &facts);
        if floor.is_none() && !is_answer {
            return Ok(None);
        }
        if (&facts.topic, facts.kind) != (&self.setup.topic, self.setup.kind) {
            return Err(self.refuse_moved(layout, raw, &facts));
        }
        Ok(Some((facts, floor.filter(|_| !is_answer))))
    }

    /// Whether this instance of the node may still speak, and speaks live where only that is taken.
    fn check_instance(&self, layout: &Layout, facts: &WriterFacts) -> Result<(), Refusal> {
        let header = &layout.header;
        let refuse = |reason, detail| Err(Refusal::new(reason, Some(header.key), detail));
        if header.epoch < facts.peer.epoch {
            let (name, newer) = (&facts.peer.name, facts.peer.epoch);
            let detail = format!(
                "epoch {} of {name}, which has started again with epoch {newer}",
                header.epoch
            );
            return refuse(Reason::StaleEpoch, detail);
        }
        if header.replay && !self.setup.accept_replay {
            let detail = "a recording is played back and this subscription takes live messages only";
            return refuse(Reason::ReplayNotAllowed, detail.to_owned());
        }
        Ok(())
    }

    /// Whether a frame may have so many bytes. It can be asked before they are there in one piece.
    pub(crate) fn check_len(&self, len: usize) -> Result<(), Refusal> {
        let max = self.setup.frame_len_max;
        if len <= max {
            return Ok(());
        }
        let detail = format!("a frame of {len} bytes, at most {max} are accepted");
        Err(Refusal::new(Reason::TooLarge, None, detail))
    }

    fn check_layout(&self, raw: &[u8]) -> Result<Layout, Refusal> {
        self.check_len(raw.len())?;
        let layout = Layout::parse(raw).map_err(layout_refusal)?;
        if layout.header.kind != self.setup.kind {
            let (found, due) = (layout.header.kind, self.setup.kind);
            let detail = format!("a frame of kind {found:?} where a {due:?} is due");
            return Err(Refusal::new(Reason::Malformed, Some(layout.header.key), detail));
        }
        Ok(layout)
    }

    /// Whether the writer's next number was said after this subscription was made.
    pub(crate) fn is_fresh(&self, facts: &WriterFacts) -> bool {
        facts.latest_floor().turn > self.since
    }

    /// Whether the writer publishes here what is subscribed to, by its card.
    pub(crate) fn may_take(&self, facts: &WriterFacts) -> bool {
        let is_type = match &self.setup.expected {
            ExpectedType::Exactly { name, hash, .. } => facts.type_name == *name && facts.type_hash == *hash,
            ExpectedType::Versions { name, .. } => facts.type_name == *name,
            ExpectedType::AsInCard => true,
        };
        is_type && facts.topic == self.setup.topic && facts.kind == self.setup.kind
    }

    /// Whether the frame's type is taken here. Other versions are, by a card of the same instance; the signature proves it.
    fn check_type(&self, layout: &Layout, facts: Option<&WriterFacts>) -> Result<(), Refusal> {
        let header = &layout.header;
        let is = |hash: &TypeHash| hash.prefix() == header.type_hash_prefix;
        let is_version = |name: &str, facts: &WriterFacts| facts.type_name == name && is(&facts.type_hash);
        let current = facts.filter(|facts| facts.peer.epoch == header.epoch);
        let (name, hash) = match &self.setup.expected {
            ExpectedType::Exactly { name, hash, .. } if !is(hash) => (name, hash),
            ExpectedType::Versions { name, hash, .. } if current.is_some_and(|facts| !is_version(name, facts)) => {
                (name, hash)
            }
            ExpectedType::Exactly { .. } | ExpectedType::Versions { .. } | ExpectedType::AsInCard => return Ok(()),
        };
        let prefix = crate::key_expr::hex(&header.type_hash_prefix);
        let found = match facts {
            Some(facts) => format!("{} {}", facts.type_name, facts.type_hash),
            None => format!("a type whose hash begins with {prefix}"),
        };
        let detail = format!("{found}, subscribed to {name} {hash}");
        Err(Refusal::new(Reason::TypeMismatch, Some(header.key), detail))
    }

    /// From where on this writer's messages are fresh here; `None` when it has to be asked, because it has started again,
    /// or because all that is known of it was said before this subscription was made.
    fn floor_of(&self, layout: &Layout, facts: &WriterFacts) -> Option<Floor> {
        if layout.header.epoch != facts.peer.epoch {
            // An older epoch is refused whatever its floor.
            return Some(facts.floor).filter(|_| layout.header.epoch < facts.peer.epoch);
        }
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        match streams.get(&(layout.header.key, layout.header.writer)) {
            Some(stream) if stream.context_epoch == facts.peer.epoch => Some(stream.floor),
            _ => Some(facts.latest_floor()).filter(|_| self.is_fresh(facts)),
        }
    }

    /// The context of this writer's frames here, and what its window says. Changes nothing.
    fn look_at_stream(
        &self,
        layout: &Layout,
        facts: &WriterFacts,
        numbers: Numbers,
        tag: u64,
    ) -> (Context, Result<Novelty, ReplayError>) {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        match streams.get(&(layout.header.key, layout.header.writer)) {
            Some(stream) if stream.context_epoch == facts.peer.epoch => {
                (stream.context, stream.window.check(numbers, tag))
            }
            Some(stream) => (self.context_of(facts), stream.window.check(numbers, tag)),
            None => (self.context_of(facts), Ok(Novelty::New)),
        }
    }

    fn context_of(&self, facts: &WriterFacts) -> Context {
        self.fixed_context.unwrap_or_else(|| {
            Context::new(
                &self.setup.domain,
                self.setup.topic.as_str(),
                &facts.type_name,
                &facts.type_hash,
                self.setup.kind,
                &self.setup.request_id,
            )
        })
    }

    /// The refusal for a frame whose writer publishes elsewhere, by its card. That it was moved is the likeliest reason.
    fn refuse_moved(&self, layout: &Layout, raw: &[u8], facts: &WriterFacts) -> Refusal {
        let elsewhere = format!("its writer may {} {}, not here", facts.action(), facts.topic);
        match check_signature(
            layout,
            raw,
            &layout.digest(raw),
            &self.context_of(facts),
            &facts.peer.key,
        ) {
            Err(refusal) => {
                let detail = format!("{}; {elsewhere}", refusal.detail).into();
                Refusal { detail, ..refusal }
            }
            Ok(()) => Refusal::new(Reason::UnknownKey, Some(layout.header.key), elsewhere),
        }
    }

    /// The frame that was accepted and the one that contradicts it, where both are still there.
    fn evidence(&self, layout: &Layout, raw: &[u8], facts: &WriterFacts, error: ReplayError) -> Option<Equivocation> {
        let ReplayError::Equivocation { number } = error else {
            return None;
        };
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = streams.get(&(layout.header.key, layout.header.writer))?;
        Some(Equivocation {
            domain: self.setup.domain.as_str().to_owned(),
            topic: self.setup.topic.as_str().to_owned(),
            type_name: facts.type_name.clone(),
            type_hash: facts.type_hash.to_string(),
            accepted: stream.recent.with_number(number)?,
            refused: frame_text(raw)?,
        })
    }

    /// Counts the messages of a frame whose signature held against the topic's rate.
    fn check_rate(&self, layout: &Layout, limits: &TopicLimits, now_ns: i64) -> Result<(), Refusal> {
        let Some(rate) = limits.max_rate else { return Ok(()) };
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.take(layout.header.key, rate, layout.count, now_ns)
    }

    fn is_exclusive(&self, facts: &WriterFacts) -> bool {
        facts.exclusive
            || match self.setup.expected {
                ExpectedType::Exactly { exclusive, .. } | ExpectedType::Versions { exclusive, .. } => exclusive,
                ExpectedType::AsInCard => false,
            }
    }

    /// Remembers the numbers; `None` when the same frame was admitted by another thread meanwhile.
    fn admit(
        &self,
        facts: &WriterFacts,
        (layout, raw): (&Layout, &[u8]),
        arrival: Arrival,
    ) -> Result<Option<u64>, Refusal> {
        let key = layout.header.key;
        let Arrival {
            numbers,
            tag,
            context,
            is_answer,
        } = arrival;
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.len() >= STREAMS_MAX && !streams.contains_key(&(key, layout.header.writer)) {
            streams.retain(|(key, writer), _| self.peers.writer(*key, *writer).is_some());
            if streams.len() >= STREAMS_MAX {
                return Err(Refusal::new(
                    Reason::Overloaded,
                    Some(key),
                    format!("{STREAMS_MAX} publishers on this topic already"),
                ));
            }
        }
        let stream = match streams.entry((key, layout.header.writer)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Stream {
                window: ReplayWindow::new(facts.peer.epoch),
                context,
                context_epoch: facts.peer.epoch,
                recent: RecentFrames::default(),
                floor: facts.latest_floor(),
                has_begun: false,
            }),
        };
        if stream.context_epoch != facts.peer.epoch {
            (stream.floor, stream.has_begun) = (facts.latest_floor(), false);
        }
        if !is_answer && !stream.has_begun {
            (stream.floor, stream.has_begun) = (stream.floor.begun_with(numbers.first), true);
        }
        (stream.context, stream.context_epoch) = (context, facts.peer.epoch);
        match stream.window.check(numbers, tag) {
            Ok(Novelty::New) => {
                if stream.window.epoch() != numbers.epoch {
                    stream.recent.clear();
                }
                stream.recent.keep(numbers.first, numbers.last, raw);
                Ok(Some(stream.window.admit(numbers, tag)))
            }
            Ok(Novelty::Duplicate) => Ok(None),
            Err(ReplayError::TooOld { .. }) if is_answer => Ok(Some(0)),
            Err(error) => Err(replay_refusal(key, error)),
        }
    }
}

/// Whose frame it is, and from where on that writer's messages are fresh where they have to be.
type Origin = (Arc<WriterFacts>, Option<Floor>);

/// What is to be remembered of a frame whose signature held.
#[derive(Debug)]
struct Arrival {
    numbers: Numbers,
    tag: u64,
    context: Context,
    /// Whether it answers a question, and says nothing of what is live.
    is_answer: bool,
}

/// Whether the messages keep to the topic's limits, as far as that can be told without their signature.
pub(super) fn check_sizes(layout: &Layout, raw: &[u8], limits: &TopicLimits) -> Result<(), Refusal> {
    let refuse = |reason, detail: String| Err(Refusal::new(reason, Some(layout.header.key), detail));
    let Some(max) = limits.max_size else { return Ok(()) };
    let len = layout
        .messages(raw)
        .map(|span| span.payload.len())
        .max()
        .unwrap_or_default();
    if u64::try_from(len).is_ok_and(|len| len <= max) {
        return Ok(());
    }
    let detail = format!("a payload of {len} bytes, topics in trust.toml allows {max}");
    refuse(Reason::TooLarge, detail)
}

fn replay_refusal(key: PublicKey, error: ReplayError) -> Refusal {
    let (reason, detail) = match error {
        ReplayError::StaleEpoch { current } => (Reason::StaleEpoch, format!("epoch {current} has replaced it")),
        ReplayError::TooOld { newest } => (Reason::TooOld, format!("the newest number is {newest} already")),
        ReplayError::Equivocation { number } => (
            Reason::Equivocation,
            format!("number {number} was accepted before with other content, and both signatures hold"),
        ),
    };
    Refusal::new(reason, Some(key), detail)
}

fn tag(digest: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
