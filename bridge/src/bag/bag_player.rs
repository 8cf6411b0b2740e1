//! Plays a recording: each message when it is due, signed by the player's node as replay.
//!
//! A message names as its origin who signed it at first (`bag:did:key:…`), and as its cause the id that it had. The recorded
//! frames themselves are not put on the network again: bit by bit they would be live messages sent a second time, which is an
//! attack, and every receiver refuses it; and the mark of a replay cannot be set in a frame without breaking its signature.
//!
//! It runs on the caller's thread. Deadlines are counted from one instant, so that no lateness adds up.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nuncio::msgs::builtin_interfaces::msg::Time;
use nuncio::msgs::rosgraph_msgs::msg::Clock;
use nuncio::{
    Accompaniment, GenericPublisher, Node, PublishError, Publisher, PublisherError, QosProfile, TopicName, TypeHash,
};

use super::bag_part::BagPart;
use super::bag_reader::ReadError;
use super::play_order::{PlayOrder, places};
use super::proven_reader::ProvenMessage;

/// How many messages of a topic wait for a subscriber that is slow.
const QUEUE_DEPTH: usize = 1000;

/// How often it is told how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The longest origin that a message can have.
const ORIGIN_LEN_MAX: usize = 255;

/// The topic of the time that is played.
const CLOCK_TOPIC: &str = "/clock";

/// What is played, and how.
#[derive(Clone, Debug)]
pub struct PlayOptions {
    /// The bag's folder, or one file.
    pub bag: PathBuf,
    /// Which part of it.
    pub part: BagPart,
    /// How fast: 2 is twice as fast as it was.
    pub rate: f64,
    /// Begin again at the end.
    pub repeat: bool,
    /// Play from one topic on another.
    pub remap: Vec<(TopicName, TopicName)>,
    /// Publish the time that is played on `/clock`, live, so many times a second.
    pub clock_hz: Option<f64>,
    /// Begin paused: nothing is played before it is asked for.
    pub paused: bool,
}

/// What is asked of a player.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PlayWish {
    /// Pause, or go on.
    Pause,
    /// While it is paused: play the next message.
    Next,
    /// Play nothing more.
    End,
}

/// How far a player is.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlayProgress {
    /// Messages played so far.
    pub messages: u64,
    /// How long after the beginning of the recording it is.
    pub at: Duration,
    /// Nothing is played until it goes on.
    pub paused: bool,
    /// Bytes read of this round, and of how many.
    pub read: (u64, u64),
}

/// What was played.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// Messages.
    pub messages: u64,
    /// How many times the recording was played, the last one perhaps not to its end.
    pub rounds: u64,
    /// Messages that could not be played: their type is not known.
    pub untyped: u64,
    /// Frames that prove nothing and were not played.
    pub refused: u64,
    /// Where the recording is damaged.
    pub damage: Vec<String>,
    /// Messages that were played by the clock, not by hand.
    pub timed: u64,
    /// How much later than they were due these left, all together.
    pub late: Duration,
    /// How much later than it was due the latest of them left.
    pub late_max: Duration,
}

/// Plays a recording.
#[derive(Debug)]
pub struct BagPlayer {
    options: PlayOptions,
    publishers: HashMap<(TopicName, TypeHash), Arc<GenericPublisher>>,
    clock: Option<ClockHand>,
    paused: bool,
    told: Instant,
    played: Played,
}

/// When a message is due.
#[derive(Clone, Copy, Debug)]
struct Timing {
    from: Instant,
    /// What was played at that instant, after the beginning of the recording.
    played: Duration,
    rate: f64,
}

/// Publishes the time that is played.
#[derive(Debug)]
struct ClockHand {
    publisher: Publisher<Clock>,
    every: Duration,
    next: Instant,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Waited {
    Due,
    ByHand,
    Over,
}

impl Timing {
    fn due(&self, after: Duration) -> Instant {
        self.from + after.saturating_sub(self.played).div_f64(self.rate)
    }

    fn at(&self, now: Instant) -> Duration {
        self.played + now.saturating_duration_since(self.from).mul_f64(self.rate)
    }
}

impl BagPlayer {
    /// Looks through the recording, and makes a publisher for each topic and type that is wanted, before the first message, so
    /// that subscribers can be there in time. What was kept for late subscribers is kept again.
    ///
    /// # Errors
    ///
    /// [`PlayError`] when there is nothing to read, or a publisher cannot be made.
    pub fn new(node: &Node, options: PlayOptions) -> Result<Self, PlayError> {
        let mut publishers = HashMap::new();
        for place in places(&options.bag)? {
            let (topic, hash) = (&place.place.topic, place.place.type_hash);
            let is_clock = options.clock_hz.is_some() && topic.as_str() == CLOCK_TOPIC;
            let Ok(ty) = place.ty() else { continue };
            if !options.part.has_topic(topic) || is_clock {
                continue;
            }
            let renamed = options.remap.iter().find(|(from, _)| from == topic);
            let to = renamed.map_or(topic, |(_, to)| to);
            let qos = QosProfile::keep_last(QUEUE_DEPTH);
            let qos = if place.is_latched() { qos.transient_local() } else { qos };
            let publisher = node.replay_publisher(to.as_str(), ty.support(), qos)?;
            publishers.insert((topic.clone(), hash), Arc::new(publisher));
        }
        let clock = match options.clock_hz {
            Some(hz) => Some(ClockHand {
                publisher: node.publisher::<Clock>(CLOCK_TOPIC)?,
                every: Duration::from_secs_f64(1.0 / hz),
                next: Instant::now(),
            }),
            None => None,
        };
        Ok(Self {
            paused: options.paused,
            options,
            publishers,
            clock,
            told: Instant::now(),
            played: Played::default(),
        })
    }

    /// The publishers, to wait for their subscribers.
    pub fn publishers(&self) -> impl Iterator<Item = &Arc<GenericPublisher>> {
        self.publishers.values()
    }

    /// Plays until the end, or until that is wished; as it is, too, when nobody can wish any more. Tells once a second, and at
    /// each pause, how far it is.
    ///
    /// # Errors
    ///
    /// [`PlayError`] when the recording is not there any more, or a message cannot be published.
    pub fn play(
        &mut self,
        wishes: &Receiver<PlayWish>,
        mut tell: impl FnMut(PlayProgress),
    ) -> Result<Played, PlayError> {
        loop {
            let goes_on = self.round(wishes, &mut tell)?;
            self.played.rounds += 1;
            if !goes_on || !self.options.repeat || self.played.messages == 0 {
                return Ok(std::mem::take(&mut self.played));
            }
        }
    }

    /// Plays the recording once; `false` when nothing more is to be played.
    fn round(&mut self, wishes: &Receiver<PlayWish>, tell: &mut impl FnMut(PlayProgress)) -> Result<bool, PlayError> {
        let mut order = PlayOrder::open(&self.options.bag, self.options.part.clone())?;
        let mut timing = Timing {
            from: Instant::now(),
            played: self.options.part.start,
            rate: self.options.rate,
        };
        let (mut is_first, mut goes_on) = (true, true);
        while let Some((after, message)) = order.next_message() {
            let key = (message.topic().clone(), message.place.place.type_hash);
            let Some(publisher) = self.publishers.get(&key).map(Arc::clone) else {
                self.played.untyped += u64::from(message.place.ty().is_err());
                continue;
            };
            let after = Duration::from_nanos(after);
            if is_first {
                // The time before it is waited for only where a time to begin at is given.
                let start = self.options.part.start;
                timing.played = if start.is_zero() { after } else { start };
                (timing.from, is_first) = (Instant::now(), false);
            }
            let mut progress = PlayProgress {
                messages: self.played.messages,
                at: after,
                paused: self.paused,
                read: order.progress(),
            };
            let begin_ns = order.begin_ns().unwrap_or_default();
            match self.wait(wishes, &mut timing, begin_ns, &mut progress, tell)? {
                Waited::Over => {
                    goes_on = false;
                    break;
                }
                Waited::ByHand => {}
                Waited::Due => self.note_lateness(Instant::now().saturating_duration_since(timing.due(after))),
            }
            let origin = origin(&message);
            let with = Accompaniment {
                cause: Some(message.id()),
                origin: Some(&origin),
            };
            publisher.publish(&message.payload, with)?;
            self.played.messages += 1;
            if self.told.elapsed() >= TOLD_EVERY {
                self.told = Instant::now();
                tell(progress);
            }
        }
        self.played.refused = order.refused();
        self.played.damage = order.damage().to_vec();
        Ok(goes_on)
    }

    fn note_lateness(&mut self, late: Duration) {
        self.played.late += late;
        self.played.late_max = self.played.late_max.max(late);
        self.played.timed += 1;
    }

    /// Waits until a message is due; meanwhile the clock ticks, in a pause on the same spot.
    fn wait(
        &mut self,
        wishes: &Receiver<PlayWish>,
        timing: &mut Timing,
        begin_ns: u64,
        progress: &mut PlayProgress,
        tell: &mut impl FnMut(PlayProgress),
    ) -> Result<Waited, PlayError> {
        loop {
            let due = timing.due(progress.at);
            let tick = self.clock.as_ref().map(|clock| clock.next);
            let until = match (self.paused, tick) {
                (true, tick) => tick,
                (false, tick) => Some(tick.map_or(due, |tick| tick.min(due))),
            };
            let wish = match until {
                Some(until) => wishes.recv_timeout(until.saturating_duration_since(Instant::now())),
                None => wishes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let now = Instant::now();
            match wish {
                Ok(PlayWish::End) | Err(RecvTimeoutError::Disconnected) => return Ok(Waited::Over),
                Ok(PlayWish::Next) if self.paused => {
                    (timing.from, timing.played) = (now, progress.at);
                    self.tick(timing, begin_ns)?;
                    return Ok(Waited::ByHand);
                }
                Ok(PlayWish::Next) => {}
                Ok(PlayWish::Pause) => {
                    if !self.paused {
                        timing.played = timing.at(now);
                    }
                    timing.from = now;
                    self.paused = !self.paused;
                    progress.paused = self.paused;
                    tell(*progress);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.clock.as_ref().is_some_and(|clock| clock.next <= now) {
                        self.tick(timing, begin_ns)?;
                    }
                    if now >= due && !self.paused {
                        return Ok(Waited::Due);
                    }
                }
            }
        }
    }

    fn tick(&mut self, timing: &Timing, begin_ns: u64) -> Result<(), PlayError> {
        let Some(clock) = &mut self.clock else { return Ok(()) };
        let now = Instant::now();
        clock.next = (clock.next + clock.every).max(now);
        let played = if self.paused { timing.played } else { timing.at(now) };
        let played = u64::try_from(played.as_nanos()).unwrap_or(u64::MAX);
        let ns = begin_ns.saturating_add(played);
        let time = Time {
            sec: i32::try_from(ns / 1_000_000_000).unwrap_or(i32::MAX),
            nanosec: u32::try_from(ns % 1_000_000_000).unwrap_or_default(),
        };
        clock.publisher.publish(&Clock { clock: time })?;
        Ok(())
    }
}

/// Whose message it was: the signer, and on whose behalf, as far as there is room.
fn origin(message: &ProvenMessage) -> String {
    let signer = format!("bag:{}", message.key);
    match &message.origin {
        Some(origin) if signer.len() + origin.len() + 5 <= ORIGIN_LEN_MAX => format!("{signer} for {origin}"),
        _ => signer,
    }
}

/// Why a recording cannot be played.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlayError {
    /// It cannot be read.
    Read(ReadError),
    /// A publisher cannot be made.
    Publisher(PublisherError),
    /// A message cannot be published.
    Publish(PublishError),
}

impl From<ReadError> for PlayError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<PublisherError> for PlayError {
    fn from(error: PublisherError) -> Self {
        Self::Publisher(error)
    }
}

impl From<PublishError> for PlayError {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl fmt::Display for PlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Publisher(error) => error.fmt(f),
            Self::Publish(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlayError {}
